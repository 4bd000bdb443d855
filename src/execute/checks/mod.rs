//! Checks are asked of what is built before it is published, in the same transaction: what fails one never comes to stand.

mod answer;
mod failing;
mod function;
mod queries;
mod views;

pub(super) use answer::Answer;
use answer::Asking;
use views::{Twins, Views};

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

use super::materialize::{Failure, Materializer, microseconds};
use super::scheduler::Message;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{CheckRecord, CheckStatus, Column, EngineError, EngineErrorKind, Recorded, Session, StoredObject};
use crate::graph::checks::{Check, CheckId, CheckedTable, Question, looked_at, scanned};
use crate::graph::{AssetGraph, Node, NodeId, RelationName, quoted};

/// So many failing checks are named.
const MOST_NAMED: usize = 3;

/// An asset that is built and not published.
pub(super) struct Unpublished<'b> {
    pub asset: NodeId,
    pub columns: &'b [Column],
    /// What will be recorded of it.
    pub record: &'b Recorded,
    /// Where it is an object.
    pub object: Option<&'b StoredObject>,
}

impl Materializer {
    /// Asks these checks, of what the session has just built where that is said, and of what stands. Fails only when the run
    /// is cancelled.
    pub(super) fn ask(
        &self,
        checks: &[CheckId],
        built: Option<&Unpublished<'_>>,
        session: &mut dyn Session,
        events: &Sender<Message>,
    ) -> Result<Vec<Answer>, Failure> {
        let (twins, checks) = match built {
            Some(built) => Views::of(self, checks, built, session)
                .map_err(|error| self.engine_failure(self.context.graph.node(built.asset), &error))?,
            None => (Twins::new(), checks.to_vec()),
        };
        let asking = Asking { materializer: self, built, twins: &twins, started: SystemTime::now() };
        let mut answers = asking.answers(&checks, session, events)?;
        // Where the transaction is lost, they are, too.
        for twin in twins.values() {
            let _ = session.discard(twin);
        }
        answers.sort_by_key(|answer| answer.check);
        Ok(answers)
    }

    /// The failure of an asset that some of these answers keep from being published; `None` where they let it pass.
    pub(super) fn unfit(&self, node: &Node, answers: &[Answer]) -> Option<Diagnostic> {
        let failed: Vec<&Answer> = answers.iter().filter(|answer| answer.record.status.blocks()).collect();
        let first = failed.first()?;
        let mut names: Vec<String> = failed.iter().map(|answer| format!("`{}`", answer.record.check)).collect();
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let fail = if failed.len() == 1 { "fails" } else { "fail" };
        let message = format!("`{}` is not published: {}{more} {fail}", node.name, names.join(", "));
        let place = self.context.graph.check(first.check).place.clone();
        Some(Diagnostic::error(Code::CheckFailed, message).at(place))
    }

    /// Takes down how checks came out of which nothing was published with an asset.
    pub(super) fn of_unpublished(answers: &mut [Answer]) {
        answers.iter_mut().for_each(|answer| answer.record.is_of_published = false);
    }
}

impl Asking<'_> {
    /// Asks everything, each in its way.
    fn answers(
        &self,
        checks: &[CheckId],
        session: &mut dyn Session,
        events: &Sender<Message>,
    ) -> Result<Vec<Answer>, Failure> {
        let mut answers: Vec<Answer> = Vec::with_capacity(checks.len());
        let (mut queries, mut functions) = (Vec::new(), Vec::new());
        let mut scans: BTreeMap<NodeId, Vec<CheckId>> = BTreeMap::new();
        for id in checks {
            let check = self.graph().check(*id);
            match self.proof(check) {
                Some(proof) => answers.push(self.proved(*id, proof)),
                None => match &check.question {
                    Question::Query(compiled) => queries.push((*id, compiled)),
                    Question::Function(compiled) => functions.push((*id, compiled)),
                    _ => scans.entry(check.asset).or_default().push(*id),
                },
            }
        }
        for (asset, checks) in scans {
            match self.lost(&answers, session) {
                Some(reason) => answers.extend(checks.iter().map(|id| self.not_asked(*id, &reason))),
                None => answers.extend(self.scan(asset, &checks, session)?),
            }
        }
        for (id, compiled) in queries {
            let answer = match self.lost(&answers, session) {
                Some(reason) => self.not_asked(id, &reason),
                None => self.query(id, compiled, session)?,
            };
            answers.push(answer);
        }
        // The slowest come last.
        for (id, compiled) in functions {
            let answer = match self.lost(&answers, session) {
                Some(reason) => self.not_asked(id, &reason),
                None => self.function(id, compiled, session, events)?,
            };
            answers.push(answer);
        }
        Ok(answers)
    }

    fn graph(&self) -> &AssetGraph {
        &self.materializer.context.graph
    }

    fn check(&self, id: CheckId) -> &Check {
        self.graph().check(id)
    }

    /// Where a node is read that does not stand where it is published.
    fn place(&self, id: NodeId) -> Option<RelationName> {
        if let Some(twin) = self.twins.get(&id) {
            return Some(twin.clone());
        }
        let staging = self.materializer.staging.as_ref()?;
        match self.built.filter(|built| built.asset == id) {
            Some(_) => Some(staging.target(self.graph().node(id))),
            None => staging.place(id),
        }
    }

    /// What stands after `from` for a node.
    fn from(&self, id: NodeId) -> String {
        let item = self.graph().redirected_item(id, &|id| self.place(id));
        format!("{item} as {}", quoted(&self.graph().node(id).relation.identifier))
    }

    fn proof(&self, check: &Check) -> Option<String> {
        let built = self.built.filter(|built| built.asset == check.asset)?;
        check.proof(self.graph().node(check.asset), built.columns)
    }

    /// The columns of a table, where a question depends on them. What cannot be bound is told by the question itself.
    fn columns(&self, asset: NodeId, session: &mut dyn Session) -> Vec<Column> {
        match self.built.filter(|built| built.asset == asset) {
            Some(built) => built.columns.to_vec(),
            None => session.columns(&format!("select * from {}", self.from(asset))).unwrap_or_default(),
        }
    }

    /// Answers many questions about one table with one look at it.
    fn scan(&self, asset: NodeId, checks: &[CheckId], session: &mut dyn Session) -> Result<Vec<Answer>, Failure> {
        let clock = Instant::now();
        let from = self.from(asset);
        let asked = |id: &CheckId| {
            matches!(self.graph().check(*id).question, Question::AcceptedValues { .. } | Question::Freshness { .. })
        };
        let columns = if checks.iter().any(asked) { self.columns(asset, session) } else { Vec::new() };
        let other = |id: NodeId| self.graph().redirected_item(id, &|id| self.place(id));
        let table = CheckedTable { from: &from, columns: &columns, other: &other };
        match self.scanned(checks, &table, session) {
            Ok(found) => {
                let each = clock.elapsed() / u32::try_from(checks.len()).unwrap_or(1).max(1);
                let answers = checks.iter().zip(found);
                answers.map(|(id, found)| self.counted(*id, found, &table, each, session)).collect()
            }
            Err(error) if error.kind == EngineErrorKind::Cancelled => Err(Failure::Cancelled),
            Err(error) => match checks {
                [only] => Ok(vec![self.broken_by(*only, &table, &error, clock.elapsed())]),
                // One of them cannot be asked; after an error in the rows, a transaction takes no further question.
                _ if error.kind == EngineErrorKind::Query || self.built.is_none() => {
                    let each = checks.iter().map(|id| self.scan(asset, &[*id], session));
                    Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
                }
                _ => Ok(checks.iter().map(|id| self.suspected(*id, checks, &error, clock.elapsed())).collect()),
            },
        }
    }

    /// What the one scan finds for each check, and how many rows it looks at.
    fn scanned(
        &self,
        checks: &[CheckId],
        table: &CheckedTable<'_>,
        session: &mut dyn Session,
    ) -> Result<Vec<(i64, u64)>, EngineError> {
        let graph = self.graph();
        let is_share = |check: &Check| check.warn_if.is_share() || check.error_if.is_share();
        let of_check = |id: &CheckId| {
            let check = graph.check(*id);
            let rows = is_share(check).then(|| looked_at(check));
            std::iter::once(scanned(check, table).unwrap_or_else(|| "0".to_owned())).chain(rows)
        };
        let counts: Vec<String> = checks.iter().flat_map(of_check).collect();
        let found = queries::numbers(session, &format!("select {} from {}", counts.join(", "), table.from))?;
        let mut found = found.into_iter();
        let mut next = || found.next().unwrap_or_default();
        let read = |id: &CheckId| {
            let failing = next();
            let rows = if is_share(graph.check(*id)) { next() } else { 0 };
            (failing, u64::try_from(rows).unwrap_or_default())
        };
        Ok(checks.iter().map(read).collect())
    }

    /// Whether the engine takes no further query in the transaction of what is built.
    fn is_lost(&self, session: &mut dyn Session) -> bool {
        self.built.is_some() && queries::numbers(session, "select 1").is_err()
    }

    /// The check whose error has ended the transaction, where one did.
    fn lost(&self, answers: &[Answer], session: &mut dyn Session) -> Option<String> {
        let broken = answers.iter().find(|answer| answer.record.status == CheckStatus::Broken)?;
        self.is_lost(session).then(|| broken.record.check.clone())
    }

    /// The answer of a check that cannot be asked any more.
    fn not_asked(&self, id: CheckId, reason: &str) -> Answer {
        let check = self.check(id);
        let message = format!("the check `{}` is not asked, since `{reason}` ended the transaction", check.name);
        self.broken(id, Diagnostic::error(Code::CheckBroken, message).at(check.place.clone()), Duration::ZERO)
    }

    fn record(&self, check: &Check, status: CheckStatus, elapsed: Duration) -> CheckRecord {
        let materializer = self.materializer;
        let versions = &materializer.context.check_versions;
        CheckRecord {
            check: check.name.to_string(),
            asset: self.graph().node(check.asset).name.to_string(),
            run: materializer.run.clone(),
            status,
            is_of_published: true,
            failures: Some(0.0),
            started_at: microseconds(self.started),
            seconds: elapsed.as_secs_f64(),
            code_version: versions.get(check.name.as_str()).cloned().unwrap_or_default(),
            inputs: materializer.standing.inputs_of(
                self.graph(),
                &check.reads,
                &materializer.observer,
                self.built.map(|built| built.record),
            ),
            proof: None,
            message: None,
            failing: None,
        }
    }
}
