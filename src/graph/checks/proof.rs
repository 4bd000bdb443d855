//! Checks that need no look at the data, since the table could not stand if they failed.
//!
//! Only what is kept to in the same transaction proves anything: constraints of the asset, and the types of its columns.

use super::{Check, Question};
use crate::engine::Column;
use crate::graph::{Node, folded, quoted};
use crate::parse::sql::{CanonicalKind, CanonicalToken, canonical_tokens};
use crate::parse::{Accepted, Constraint, Rule};

impl Check {
    /// Why it holds of an asset that was just built with these columns, whose constraints are kept to; `None` where only its
    /// rows can tell.
    pub fn proof(&self, node: &Node, columns: &[Column]) -> Option<String> {
        let constraints = &node.constraints;
        let implied = |rule: &dyn Fn(&Constraint) -> bool| {
            let found = constraints.iter().find(|constraint| rule(constraint))?;
            Some(format!("by the constraint `{}`", found.rule.as_str()))
        };
        match &self.question {
            Question::NotNull { column } => implied(&|constraint| {
                matches!(constraint.rule, Rule::NotNull | Rule::PrimaryKey)
                    && names(constraint).any(|name| same(&name, column))
            }),
            Question::Unique { columns: key } => implied(&|constraint| {
                // No two rows have the same values of fewer columns, so none have the same of all.
                matches!(constraint.rule, Rule::Unique | Rule::PrimaryKey)
                    && names(constraint).all(|name| key.iter().any(|column| same(&name, column)))
            }),
            Question::AcceptedValues { column, values, .. } => implied(&|constraint| match &constraint.rule {
                Rule::AcceptedValues(kept) => {
                    names(constraint).any(|name| same(&name, column)) && kept.iter().all(|kept| is_among(kept, values))
                }
                _ => false,
            })
            .or_else(|| by_type(column, values, columns)),
            Question::Expression(expression) => implied(&|constraint| match &constraint.rule {
                Rule::Check(kept) => same_text(kept, expression),
                _ => false,
            }),
            _ => None,
        }
    }
}

/// A type all of whose values are accepted.
fn by_type(column: &str, values: &[Accepted], columns: &[Column]) -> Option<String> {
    let found = columns.iter().find(|known| same(&quoted(&known.name), column))?;
    let is_accepted = |value: &String| values.iter().any(|accepted| accepted.text == *value);
    let all = match found.engine_type.as_str() {
        "BOOLEAN" => vec!["true".to_owned(), "false".to_owned()],
        other => enumerated(other)?,
    };
    all.iter().all(is_accepted).then(|| "by the column's type".to_owned())
}

/// The values of `ENUM('a', 'b')`.
fn enumerated(engine_type: &str) -> Option<Vec<String>> {
    let inside = engine_type.strip_prefix("ENUM(")?.strip_suffix(')')?;
    let tokens = canonical_tokens(inside);
    // One quote on each side: others are of the value.
    let literals = tokens.iter().filter_map(|token| token.text.strip_prefix('\'')?.strip_suffix('\''));
    Some(literals.map(|text| text.replace("''", "'")).collect())
}

fn names(constraint: &Constraint) -> impl Iterator<Item = String> {
    constraint.columns.iter().map(|column| quoted(column))
}

fn same(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

fn is_among(kept: &Accepted, values: &[Accepted]) -> bool {
    kept.value.is_null() || values.iter().any(|accepted| accepted == kept)
}

fn same_text(one: &str, other: &str) -> bool {
    let texts = |text: &str| canonical_tokens(text).iter().map(text_of).collect::<Vec<_>>();
    texts(one) == texts(other)
}

/// Names are the same in whatever case.
fn text_of(token: &CanonicalToken<'_>) -> String {
    match token.kind {
        CanonicalKind::Word | CanonicalKind::QuotedName => folded(&token.text),
        _ => token.text.to_string(),
    }
}
