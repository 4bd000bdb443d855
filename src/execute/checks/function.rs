//! Checks in Python: inputs in, a verdict out.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::answer::{Answer, Asking, Failing};
use super::failing::{MOST_ROWS, redacted};
use super::queries;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{CheckRecord, FailingRows, Session, Sessions};
use crate::execute::materialize::Failure;
use crate::execute::python::{Reading, inputs, printer};
use crate::execute::runtime::{PythonCall, PythonCheck, PythonError, PythonErrorKind, PythonVerdict};
use crate::execute::scheduler::Message;
use crate::graph::checks::{Check, CheckId};
use crate::graph::{CompiledPython, Elsewhere, Materialized};
use crate::source::Place;

impl Asking<'_> {
    /// The answer of a function.
    pub(super) fn function(
        &self,
        id: CheckId,
        compiled: &CompiledPython,
        session: &mut dyn Session,
        events: &Sender<Message>,
    ) -> Result<Answer, Failure> {
        let clock = Instant::now();
        let check = self.check(id);
        // A function that looks at nothing would not notice.
        let reads_built_alone = self.built.is_some_and(|built| check.reads[..] == [built.asset]);
        if !reads_built_alone && let Some(problem) = self.unbuilt(check) {
            return Ok(self.broken(id, problem, clock.elapsed()));
        }
        let called = self.called(check, compiled, session, events);
        let rows = self.rows_for(check, session);
        match called {
            // It may have caught the error of a query, and the engine takes none after that.
            Ok(_) if self.is_lost(session) => {
                let message = format!("the check `{}` caught the error of a query of its own", check.name);
                let problem = Diagnostic::error(Code::CheckBroken, message).at(check.place.clone());
                let hint = "it is asked in the transaction that publishes, which such an error ends";
                Ok(self.broken(id, problem.hint(hint), clock.elapsed()))
            }
            Ok(verdict) => Ok(self.verdict(id, verdict, rows, clock)),
            Err(Failure::Cancelled) => Err(Failure::Cancelled),
            Err(Failure::Diagnosed(problem) | Failure::Unfit(problem, _)) => {
                let problem = self.unbuilt(check).unwrap_or(*problem);
                Ok(self.broken(id, Diagnostic { code: as_broken(problem.code), ..problem }, clock.elapsed()))
            }
        }
    }

    fn called(
        &self,
        check: &Check,
        compiled: &CompiledPython,
        session: &mut dyn Session,
        events: &Sender<Message>,
    ) -> Result<PythonVerdict, Failure> {
        let context = &self.materializer.context;
        let python = context.python.as_ref().ok_or_else(|| {
            let message =
                format!("the check `{}` is a Python function, and this process has no interpreter", check.name);
            Failure::from(Diagnostic::error(Code::PythonUnavailable, message).at(check.place.clone()))
        })?;
        let subject = format!("the check `{}`", check.name);
        let reading = Reading {
            materializer: self.materializer,
            name: check.name.as_str(),
            at: &check.place,
            place: &|id| self.place(id),
            object: self.built.and_then(|built| built.object),
        };
        let inputs = inputs(&reading, compiled, session)?;
        // What is not published is seen by nobody but the session that has built it.
        let sessions = match self.built {
            Some(_) => session.within(),
            None => Arc::clone(&context.engine) as Arc<dyn Sessions>,
        };
        let call = PythonCall {
            project: &context.project,
            asset: context.graph.node(check.asset).name.as_str(),
            path: check.file.path(),
            function: &compiled.body.function,
            parameters: &compiled.body.parameters,
            inputs,
            sessions,
            elsewhere: self.elsewhere(),
            run: &self.materializer.run,
            wants_object: false,
            printed: printer(check.name.as_str(), events),
        };
        let asked = PythonCheck { name: check.name.as_str(), keeps: MOST_ROWS };
        python.check(call, &asked).map_err(|error| failure(&subject, check, &error))
    }

    /// Where a query in the function's own text reads what is not published.
    fn elsewhere(&self) -> Elsewhere {
        let elsewhere = self.materializer.elsewhere();
        let graph = &self.materializer.context.graph;
        let built =
            self.built.and_then(|built| Some((graph.node(built.asset).relation.clone(), self.place(built.asset)?)));
        let twins = self.twins.iter().map(|(id, twin)| (graph.node(*id).relation.clone(), twin.clone()));
        let database = || self.materializer.context.project.target.catalog();
        built.into_iter().chain(twins).fold(elsewhere, |elsewhere, moved| elsewhere.with(database(), moved))
    }

    /// How many rows there are, where a threshold is a share of them.
    fn rows_for(&self, check: &Check, session: &mut dyn Session) -> u64 {
        let is_share = check.warn_if.is_share() || check.error_if.is_share();
        let node = self.materializer.context.graph.node(check.asset);
        if !is_share || node.materialized == Materialized::Object {
            return 0;
        }
        let counted = queries::numbers(session, &format!("select count(*) from {}", self.from(check.asset)));
        counted.ok().and_then(|found| u64::try_from(*found.first()?).ok()).unwrap_or_default()
    }

    fn verdict(&self, id: CheckId, verdict: PythonVerdict, rows: u64, clock: Instant) -> Answer {
        let check = self.check(id);
        let secrets = self.materializer.context.templates.secrets();
        let PythonVerdict { passed, message, line, failures, .. } = verdict;
        let total = failures.as_ref().map_or(0, |failures| failures.total);
        let failures = failures.filter(|failures| failures.total > 0).map(|failures| redacted(failures, secrets));
        let count = match passed {
            Some(true) => 0,
            Some(false) => total.max(1),
            None => total,
        };
        let count = count.min(check.limit.unwrap_or(u64::MAX));
        let failing = Failing { failures: count as f64, rows };
        let kept: Option<FailingRows> = failures.filter(|_| count > 0);
        let answer = self.judged(id, &failing, kept, clock.elapsed());
        let message = message.map(|message| secrets.redact(&message));
        let place = line.map(|line| Place::new(&check.file, check.file.line_span(line)));
        Answer { record: CheckRecord { message, ..answer.record }, place, ..answer }
    }
}

/// What failed is the check, whatever it was in it; what is missing has a code of its own.
fn as_broken(code: Code) -> Code {
    match code {
        Code::UpstreamMissing | Code::PythonUnavailable | Code::PythonImport => code,
        _ => Code::CheckBroken,
    }
}

fn failure(subject: &str, check: &Check, error: &PythonError) -> Failure {
    if error.kind == PythonErrorKind::Cancelled {
        return Failure::Cancelled;
    }
    let code = if error.kind == PythonErrorKind::Import { Code::PythonImport } else { Code::CheckBroken };
    error.told(subject, code, (&check.file, &check.place)).into()
}
