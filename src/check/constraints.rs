//! What an asset promises of its rows, as far as no row is needed to see that it cannot be looked at.

use super::inquiry::Inquiry;
use super::memory::Told;
use super::refused::{offer, refused};
use super::schema::{Known, Schema, Schemas, find, has};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Column, EngineError, Reason, Refusal};
use crate::graph::{NodeId, condition, count_of_breaks, holds_text, quoted, sql_value};
use crate::parse::{Constraint, Rule};

/// The constraints of an asset that name what is not there, or say nothing that is true or false; each at its own place.
///
/// # Errors
/// When the binder cannot be opened.
pub(super) fn problems(inquiry: &Inquiry<'_>, schemas: &Schemas, id: NodeId) -> Result<Vec<Diagnostic>, EngineError> {
    let node = inquiry.graph.node(id);
    let Some(Schema::Known(Known { columns, doubt: None })) = schemas.get(&id) else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    for constraint in &node.constraints {
        let subject = format!("the constraint `{}` of `{}`", constraint.rule.as_str(), node.name);
        let missing = constraint.columns.iter().find(|column| !has(columns, column));
        let problem = match missing {
            Some(column) => {
                let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
                let message = format!("{subject} is about the column `{column}`, which does not exist");
                Some(Diagnostic::error(Code::UnknownColumn, message).hint_if(offer(column, &names)))
            }
            None => match inquiry.refusal_of(id, columns, constraint, &subject)? {
                None => inquiry.unacceptable(columns, constraint, &subject)?,
                refused => refused,
            },
        };
        problems.extend(problem.map(|problem| problem.at(constraint.place.clone())));
    }
    Ok(problems)
}

impl Inquiry<'_> {
    fn refusal_of(
        &self,
        id: NodeId,
        columns: &[Column],
        constraint: &Constraint,
        subject: &str,
    ) -> Result<Option<Diagnostic>, EngineError> {
        let table = super::binding::twin(self.graph, id);
        let table = format!("{table} as {}", quoted(&self.graph.node(id).relation.identifier));
        let kept = condition(constraint, columns).unwrap_or_else(|| "true".to_owned());
        // What stands in an aggregate may hold none.
        let counted = format!("select {} from {table}", count_of_breaks(constraint, columns));
        let query = format!("select {kept} as kept, ({counted}) as broken from {table}");
        let mut pieces = vec![&b"constraint"[..], query.as_bytes()];
        pieces.extend(columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]));
        let told = self.memory.recall(&pieces, || {
            self.binding.with_session(|session| match self.binding.make_twin(session, id, columns) {
                Ok(()) => Told::from(session.bind(&query)),
                Err(reason) => Told::Unknown(reason),
            })
        })?;
        Ok(match told {
            Told::Columns(kept) => not_a_truth(&kept, subject),
            Told::Refused(refusals) => refusals.first().filter(|refusal| !self.may_be_known(refusal)).map(|refusal| {
                not_a_condition(refusal, subject).unwrap_or_else(|| {
                    let names = columns.iter().map(|column| column.name.clone());
                    refused(subject, refusal, names, (Code::ContractBroken, "cannot be looked at"))
                })
            }),
            Told::Unknown(_) => None,
        })
    }

    /// A value that is accepted and that no value of the column can be.
    fn unacceptable(
        &self,
        columns: &[Column],
        constraint: &Constraint,
        subject: &str,
    ) -> Result<Option<Diagnostic>, EngineError> {
        let Rule::AcceptedValues(values) = &constraint.rule else { return Ok(None) };
        let values: Vec<String> = values
            .iter()
            .filter(|accepted| !accepted.value.is_null())
            .map(|accepted| sql_value(&accepted.value))
            .collect();
        for Column { name, engine_type } in constraint.columns.iter().filter_map(|name| find(columns, name)) {
            if holds_text(columns, name) {
                continue;
            }
            let mut pieces = vec![&b"accepted"[..], engine_type.as_bytes()];
            pieces.extend(values.iter().map(String::as_bytes));
            let told = self.memory.recall(&pieces, || {
                self.binding.with_session(|session| {
                    let wrong = values.iter().filter(|value| !session.is_of(engine_type, value));
                    let column = |value: &String| Column { name: value.clone(), engine_type: engine_type.clone() };
                    Told::Columns(wrong.map(column).collect())
                })
            })?;
            if let Told::Columns(wrong) = told
                && let Some(wrong) = wrong.first()
            {
                let message = format!("{subject} accepts {}, and `{name}` is {engine_type}", wrong.name);
                return Ok(Some(Diagnostic::error(Code::TypeMismatch, message)));
            }
        }
        Ok(None)
    }

    /// The database may have functions of its own.
    fn may_be_known(&self, refusal: &Refusal) -> bool {
        let has_own = || !self.stands.definitions().is_ok_and(|own| own.is_empty());
        matches!(refusal.reason, Reason::UnknownFunction { .. }) && has_own()
    }
}

/// What is wrong with an expression as a condition of a row, in words that do not speak of how it is looked at.
fn not_a_condition(refusal: &Refusal, subject: &str) -> Option<Diagnostic> {
    let said = refusal.message.to_lowercase();
    let (what, hint) = if refusal.reason == Reason::Syntax {
        ("has an expression that does not parse", "write a condition, such as `amount >= 0`")
    } else if said.contains("window function") {
        ("has a window function in its expression", "a constraint is about one row of its table")
    } else if said.contains("aggregate") {
        ("has an aggregate in its expression", "a constraint is about one row of its table")
    } else if said.contains("star expression") {
        ("has a star in its expression", "write a condition, such as `amount >= 0`")
    } else {
        return None;
    };
    Some(Diagnostic::error(Code::ContractBroken, format!("{subject} {what}")).hint(hint))
}

fn not_a_truth(kept: &[Column], subject: &str) -> Option<Diagnostic> {
    let column = kept.first().filter(|column| column.engine_type != "BOOLEAN")?;
    let message = format!("{subject} is neither true nor false: it gives {}", column.engine_type);
    Some(Diagnostic::error(Code::TypeMismatch, message).hint("write a condition, such as `amount >= 0`"))
}
