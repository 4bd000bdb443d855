//! Checks of data that cannot be answered, whatever the data is: a column that is not there, types that do not fit.

use super::binding::twin;
use super::inquiry::Inquiry;
use super::memory::Told;
use super::refused::{offset_of, refused};
use super::schema::{Known, Schema, Schemas};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{Column, EngineError, Reason, Refusal};
use crate::graph::checks::{Check, CheckId, CheckedTable, Question, failing_rows, scanned};
use crate::graph::{CompiledSql, NodeId, at_text, folded, quoted};
use crate::parse::check::{placed, template_file};

/// So the engine says it of a check.
const FAILS: (Code, &str) = (Code::CheckBroken, "cannot be answered");

/// What is wrong with the checks that are asked about, each at its own place.
///
/// # Errors
/// When the binder cannot be opened.
pub(super) fn problems(inquiry: &Inquiry<'_>, schemas: &Schemas) -> Result<Vec<(NodeId, Diagnostic)>, EngineError> {
    let mut problems = Vec::new();
    for id in inquiry.checks {
        if let Some(problem) = inquiry.problem_of(*id, schemas)? {
            problems.push((inquiry.graph.check(*id).asset, inquiry.templates.secrets().redact_diagnostic(problem)));
        }
    }
    Ok(problems)
}

/// The nodes that a check reads, with their columns.
type Read<'s> = Vec<(NodeId, &'s [Column])>;

impl Inquiry<'_> {
    fn problem_of(&self, id: CheckId, schemas: &Schemas) -> Result<Option<Diagnostic>, EngineError> {
        let check = self.graph.check(id);
        let Some(read) = known(check, schemas) else { return Ok(None) };
        match &check.question {
            Question::Function(_) => Ok(None),
            Question::Query(compiled) => {
                let redirected = compiled.redirected(&|id| Some(twin(self.graph, id)));
                let refusals = self.refusals(&redirected.statement, &read)?;
                Ok(refusals.into_iter().next().map(|refusal| {
                    let offset = refusal.offset.map(|offset| redirected.compiled_offset(offset));
                    self.query_problem(check, compiled, &Refusal { offset, ..refusal }, &read)
                }))
            }
            _ => self.question_problem(check, &read),
        }
    }

    /// A question of ours: its scan, and the query of the rows that fail.
    fn question_problem(&self, check: &Check, read: &Read<'_>) -> Result<Option<Diagnostic>, EngineError> {
        let columns = read.iter().find(|(id, _)| *id == check.asset).map(|(_, columns)| *columns).unwrap_or_default();
        let name = &self.graph.node(check.asset).relation.identifier;
        let from = format!("{} as {}", twin(self.graph, check.asset), quoted(name));
        let other = |id: NodeId| twin(self.graph, id).to_string();
        let table = CheckedTable { from: &from, columns, other: &other };
        let (Some(scan), Some(rows)) = (scanned(check, &table), failing_rows(check, &table)) else { return Ok(None) };
        let counted = check.fail_calc.as_ref();
        let counted = counted.map(|counted| format!("select cast({counted}\n as double) from (\n{rows}\n) as failing"));
        let queries = [format!("select {scan} from {from}"), rows];
        for query in queries.into_iter().chain(counted) {
            let refusals = self.refusals(&query, read)?;
            if let Some(refusal) = refusals.first() {
                let subject = format!("the check `{}` of `{}`", check.test, self.graph.node(check.asset).name);
                let names = lacking(check, refusal, read).iter().map(|column| column.name.clone());
                let problem = refused(&subject, refusal, names, FAILS).at(check.place.clone());
                let is_of_many = refusal.message.contains("aggregate function calls cannot be nested");
                let hint = || "an expression is about one row: what is about many is a query in `tests/`".to_owned();
                return Ok(Some(problem.hint_if(is_of_many.then(hint))));
            }
        }
        Ok(None)
    }

    /// A query of the project's own, at its own line.
    fn query_problem(&self, check: &Check, compiled: &CompiledSql, refusal: &Refusal, read: &Read<'_>) -> Diagnostic {
        let subject = format!("the check `{}`", check.name);
        let names = read.iter().flat_map(|(_, columns)| columns.iter().map(|column| column.name.clone()));
        let problem = refused(&subject, refusal, names, FAILS);
        let file = check.template.as_deref().map_or_else(|| check.file.clone(), template_file);
        let problem = match offset_of(compiled, refusal) {
            Some(offset) => {
                at_text(problem, self.graph, self.templates, (&file, check.name.as_str()), compiled, offset)
            }
            None => problem.somewhere_in(&file),
        };
        let fallback = problem.clone();
        placed(Diagnostics::from(problem), &check.place).0.pop().unwrap_or(fallback)
    }

    /// How a query is refused that is bound against the empty twins of these nodes.
    fn refusals(&self, query: &str, read: &Read<'_>) -> Result<Vec<Refusal>, EngineError> {
        let mut pieces = vec![b"question".to_vec(), query.as_bytes().to_vec()];
        for (id, columns) in read {
            pieces.push(twin(self.graph, *id).to_string().into_bytes());
            let named = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
            pieces.extend(named.map(<[u8]>::to_vec));
        }
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let told = self.memory.recall(&pieces, || {
            self.binding.with_session(|session| {
                for (id, columns) in read {
                    if let Err(reason) = self.binding.make_twin(session, *id, columns) {
                        return Told::Unknown(reason);
                    }
                }
                session.bind(query).into()
            })
        })?;
        let Told::Refused(mut refusals) = told else { return Ok(Vec::new()) };
        // The database may have functions of its own.
        let has_own = || !self.stands.definitions().is_ok_and(|own| own.is_empty());
        refusals.retain(|refusal| !(matches!(refusal.reason, Reason::UnknownFunction { .. }) && has_own()));
        Ok(refusals)
    }
}

/// The columns among which one that a check does not find would be.
fn lacking<'s>(check: &Check, refusal: &Refusal, read: &Read<'s>) -> &'s [Column] {
    let table = match (&check.question, &refusal.reason) {
        (Question::Relationships { to, field, .. }, Reason::UnknownColumn { name, .. })
            if folded(name) == folded(field.trim_matches('"')) =>
        {
            *to
        }
        _ => check.asset,
    };
    read.iter().find(|(id, _)| *id == table).map(|(_, columns)| *columns).unwrap_or_default()
}

/// What a check reads, where all of it is known for certain.
fn known<'s>(check: &Check, schemas: &'s Schemas) -> Option<Read<'s>> {
    let columns = |id: &NodeId| match schemas.get(id)? {
        Schema::Known(Known { columns, doubt: None }) => Some((*id, &columns[..])),
        _ => None,
    };
    check.reads.iter().map(columns).collect()
}
