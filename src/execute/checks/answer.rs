//! How a check came out.

use std::time::{Duration, Instant, SystemTime};

use super::views::Twins;
use super::{Unpublished, failing, queries};
use crate::check::{failed, refused};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{CheckRecord, CheckStatus, EngineError, EngineErrorKind, FailingRows, Session};
use crate::execute::materialize::{Failure, Materializer};
use crate::graph::checks::{Check, CheckId, CheckedTable, Question, Severity, failing_rows, looked_at, scanned};
use crate::graph::{CompiledSql, Materialized, NodeId, at_text};
use crate::parse::check::{placed, template_file};
use crate::source::Place;

/// How a check came out, and what is wrong where that is not known.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Answer {
    pub check: CheckId,
    pub record: CheckRecord,
    pub problem: Option<Box<Diagnostic>>,
    /// Where it failed, where that is known better than where it is declared.
    pub place: Option<Place>,
}

/// One round of questions.
pub(super) struct Asking<'a> {
    pub materializer: &'a Materializer,
    pub built: Option<&'a Unpublished<'a>>,
    /// Where views stand meanwhile.
    pub twins: &'a Twins,
    pub started: SystemTime,
}

/// So many checks are named that may be the reason for an error.
const MOST_SUSPECTED: usize = 3;

/// What a failing check has found.
pub(super) struct Failing {
    pub failures: f64,
    /// The rows that it looked at, where somebody asks.
    pub rows: u64,
}

impl Asking<'_> {
    pub(super) fn proved(&self, id: CheckId, proof: String) -> Answer {
        let answer = self.judged(id, &Failing { failures: 0.0, rows: 0 }, None, Duration::ZERO);
        Answer { record: CheckRecord { proof: Some(proof), ..answer.record }, ..answer }
    }

    /// The answer to a question that a scan has looked at.
    pub(super) fn counted(
        &self,
        id: CheckId,
        (found, rows): (i64, u64),
        table: &CheckedTable<'_>,
        elapsed: Duration,
        session: &mut dyn Session,
    ) -> Result<Answer, Failure> {
        let check = self.check(id);
        let Some(query) = failing_rows(check, table).filter(|_| found != 0) else {
            return Ok(self.judged(id, &Failing { failures: 0.0, rows }, None, elapsed));
        };
        let broken = |error: &EngineError, _: &mut dyn Session| self.broken_by(id, table, error, elapsed);
        self.with_rows((id, &query), Some(rows), elapsed, session, &broken)
    }

    /// The answer to a query of the check's own.
    pub(super) fn query(
        &self,
        id: CheckId,
        compiled: &CompiledSql,
        session: &mut dyn Session,
    ) -> Result<Answer, Failure> {
        let clock = Instant::now();
        let redirected = compiled.redirected(&|id| self.place(id));
        let broken = |error: &EngineError, session: &mut dyn Session| {
            // The query stood within another: bound by itself, the engine says where in it the mistake is.
            let own = match error.kind {
                EngineErrorKind::Query => session.columns(&redirected.statement).err(),
                _ => None,
            };
            let error = own.unwrap_or_else(|| EngineError { offset: None, ..error.clone() });
            let offset = error.offset.map(|offset| redirected.compiled_offset(offset));
            self.broken_query(id, compiled, &EngineError { offset, ..error }, clock.elapsed())
        };
        self.with_rows((id, &redirected.statement), None, clock.elapsed(), session, &broken)
    }

    /// Counts what a query gives, and keeps the first of it.
    fn with_rows(
        &self,
        (id, query): (CheckId, &str),
        rows: Option<u64>,
        elapsed: Duration,
        session: &mut dyn Session,
        broken: &dyn Fn(&EngineError, &mut dyn Session) -> Answer,
    ) -> Result<Answer, Failure> {
        let clock = Instant::now();
        let check = self.check(id);
        let answered = failing::rows(session, query)
            .and_then(|kept| Ok((self.failing_of(check, query, (&kept, rows), session)?, kept)));
        match answered {
            Ok((failing, kept)) => {
                let kept = Some(kept).filter(|_| failing.failures != 0.0);
                Ok(self.judged(id, &failing, kept, elapsed + clock.elapsed()))
            }
            Err(error) if error.kind == EngineErrorKind::Cancelled => Err(Failure::Cancelled),
            Err(error) => Ok(broken(&error, session)),
        }
    }

    /// How much fails, as the check counts it.
    fn failing_of(
        &self,
        check: &Check,
        query: &str,
        (kept, rows): (&FailingRows, Option<u64>),
        session: &mut dyn Session,
    ) -> Result<Failing, EngineError> {
        let failures = match &check.fail_calc {
            None => kept.total.min(check.limit.unwrap_or(u64::MAX)) as f64,
            Some(counted) => {
                let limit = check.limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
                // The lines' ends keep comments from swallowing what follows.
                let failing = format!("(select * from (\n{query}\n) as failing{limit}) as failing");
                queries::double(session, &format!("select cast({counted}\n as double) from {failing}"))?.ok_or_else(
                    || {
                        let message = format!("its `fail_calc`, `{counted}`, gives NULL, which is no number");
                        EngineError { kind: EngineErrorKind::Execution, message, offset: None }
                    },
                )?
            }
        };
        let is_share = check.warn_if.is_share() || check.error_if.is_share();
        let rows = match rows {
            Some(rows) => rows,
            None if is_share => {
                let counted = format!("select {} from {}", looked_at(check), self.from(check.asset));
                let found = queries::numbers(session, &counted)?;
                found.first().and_then(|rows| u64::try_from(*rows).ok()).unwrap_or_default()
            }
            None => 0,
        };
        Ok(Failing { failures, rows })
    }

    /// dbt's rule: an error where that is what the check is for and `error_if` holds, else a warning where `warn_if` does.
    pub(super) fn judged(
        &self,
        id: CheckId,
        failing: &Failing,
        kept: Option<FailingRows>,
        elapsed: Duration,
    ) -> Answer {
        let check = self.check(id);
        let status = if check.severity == Severity::Error && check.error_if.holds(failing.failures, failing.rows) {
            CheckStatus::Failed
        } else if check.warn_if.holds(failing.failures, failing.rows) {
            CheckStatus::Warned
        } else {
            CheckStatus::Passed
        };
        let record = self.record(check, status, elapsed);
        let secrets = self.materializer.context.templates.secrets();
        let kept = kept.map(|kept| failing::redacted(kept, secrets));
        Answer {
            check: id,
            record: CheckRecord { failures: Some(failing.failures), failing: kept, ..record },
            problem: None,
            place: None,
        }
    }

    pub(super) fn broken(&self, id: CheckId, problem: Diagnostic, elapsed: Duration) -> Answer {
        let check = self.check(id);
        let problem = self.materializer.context.templates.secrets().redact_diagnostic(problem);
        let record = self.record(check, CheckStatus::Broken, elapsed);
        let record = CheckRecord { failures: None, message: Some(problem.message.clone()), ..record };
        Answer { check: id, record, problem: Some(Box::new(problem)), place: None }
    }

    /// The answer to a question of ours that the engine refuses.
    pub(super) fn broken_by(
        &self,
        id: CheckId,
        table: &CheckedTable<'_>,
        error: &EngineError,
        elapsed: Duration,
    ) -> Answer {
        let check = self.check(id);
        if let Some(problem) = self.unbuilt(check) {
            return self.broken(id, problem, elapsed);
        }
        let subject = format!("the check `{}`", check.name);
        let asked = scanned(check, table).unwrap_or_default();
        let problem = match error.refusal(&format!("select {asked} from {}", table.from)) {
            Some(refusal) => {
                let names = table.columns.iter().map(|column| column.name.clone());
                refused(&subject, &refusal, names, (Code::CheckBroken, "cannot be answered"))
            }
            None => {
                let message = format!("{subject} cannot be answered: {}", error.message);
                Diagnostic::error(Code::CheckBroken, message).hint_if(error.hint())
            }
        };
        self.broken(id, problem.at(check.place.clone()), elapsed)
    }

    /// One of several is the reason, and nobody can ask which.
    pub(super) fn suspected(&self, id: CheckId, all: &[CheckId], error: &EngineError, elapsed: Duration) -> Answer {
        let graph = &self.materializer.context.graph;
        let check = graph.check(id);
        let name = |id: &CheckId| format!("`{}`", graph.check(*id).name);
        // Only what the project itself has written casts values.
        let is_likely = |id: &&CheckId| {
            let check = graph.check(**id);
            matches!(check.question, Question::Expression(_)) || check.condition.is_some()
        };
        let suspect = all.iter().find(is_likely).or(all.first());
        if let Some(first) = suspect.filter(|first| **first != id) {
            let message = format!("the check {} is asked in one query with {}, which failed", name(&id), name(first));
            return self.broken(id, Diagnostic::error(Code::CheckBroken, message).at(check.place.clone()), elapsed);
        }
        let message = format!("the check {} cannot be answered: {}", name(&id), error.message);
        let problem = Diagnostic::error(Code::CheckBroken, message).at(check.place.clone()).hint_if(error.hint());
        let others =
            all.iter().filter(|other| **other != id).take(MOST_SUSPECTED).map(name).collect::<Vec<_>>().join(" or ");
        let hint =
            format!("the reason may also be in {others}, which are asked with it: `dovetail test` asks each alone");
        self.broken(id, problem.hint(hint), elapsed)
    }

    /// The answer to a query of the project's own that failed, at its own line.
    fn broken_query(&self, id: CheckId, compiled: &CompiledSql, error: &EngineError, elapsed: Duration) -> Answer {
        let context = &self.materializer.context;
        let check = self.check(id);
        if let Some(problem) = self.unbuilt(check) {
            return self.broken(id, problem, elapsed);
        }
        let (problem, offset) = failed(&format!("the check `{}`", check.name), compiled, error);
        let problem = Diagnostic { code: Code::CheckBroken, ..problem };
        let file = check.template.as_deref().map_or_else(|| check.file.clone(), template_file);
        let problem = match offset {
            Some(offset) => {
                let subject = (&file, check.name.as_str());
                at_text(problem, &context.graph, &context.templates, subject, compiled, offset)
            }
            None => problem.somewhere_in(&file),
        };
        let mut problems = placed(Diagnostics::from(problem), &check.place).0;
        match problems.pop() {
            Some(problem) => self.broken(id, problem, elapsed),
            None => self.broken(id, Diagnostic::error(Code::CheckBroken, error.message.clone()), elapsed),
        }
    }

    /// What a check reads that was never built: the commonest reason for which one cannot be answered.
    pub(super) fn unbuilt(&self, check: &Check) -> Option<Diagnostic> {
        let context = &self.materializer.context;
        let existing = context.engine.relations().ok()?;
        let is_missing = |id: &&NodeId| {
            let node = context.graph.node(**id);
            let is_relation = matches!(node.materialized, Materialized::Table | Materialized::View);
            is_relation
                && self.built.is_none_or(|built| built.asset != **id)
                && self.place(**id).is_none()
                && !existing.iter().any(|found| found.relation.is_same(&node.relation))
        };
        let missing = &context.graph.node(*check.reads.iter().find(is_missing)?).name;
        let message = format!("the check `{}` reads `{missing}`, which is not materialized", check.name);
        let problem = Diagnostic::error(Code::UpstreamMissing, message).at(check.place.clone());
        Some(problem.hint(format!("build it too: `--select +{missing}`")))
    }
}
