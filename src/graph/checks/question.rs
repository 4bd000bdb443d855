//! What a check asks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, Statistic};
use super::{Check, CheckKind};
use crate::graph::{AssetGraph, CompiledPython, CompiledSql, NodeId, quoted};
use crate::parse::Accepted;

/// Columns stand as expressions of SQL: a name in quotes, or what `column_name` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Question {
    /// No two rows have the same values; rows with a NULL among them are not compared.
    Unique {
        columns: Vec<String>,
    },
    NotNull {
        column: String,
    },
    /// The value is one of these, or NULL. The name is that of the column, where it is a plain one.
    AcceptedValues {
        column: String,
        values: Vec<Accepted>,
        is_quoted: bool,
    },
    /// The value is NULL, or one of a column of another table.
    Relationships {
        column: String,
        to: NodeId,
        field: String,
    },
    /// The expression is not false: true, or NULL.
    Expression(String),
    RowCount(Bounds),
    /// The newest of the values is not older.
    Freshness {
        column: String,
        max_age: Duration,
    },
    Distribution {
        column: String,
        bounds: Vec<(Statistic, Bounds)>,
    },
    /// The query gives no rows.
    Query(CompiledSql),
    /// The function says so.
    Function(CompiledPython),
}

impl Question {
    pub(super) fn in_words(&self, graph: &AssetGraph, check: &Check, subject: &str) -> String {
        let asset = graph.node(check.asset).name.as_str();
        match self {
            Question::Unique { columns } if check.column.as_deref().is_none_or(|own| columns[..] != [quoted(own)]) => {
                format!("{asset} has no two rows with the same {}", columns.join(", ").replace('"', ""))
            }
            Question::Unique { .. } => format!("{subject} is unique"),
            Question::NotNull { .. } => format!("{subject} is never NULL"),
            Question::AcceptedValues { values, .. } => format!("{subject} is {}", listed(values)),
            Question::Relationships { to, field, .. } => {
                format!("{subject} is in {}.{}", graph.node(*to).name, field.trim_matches('"'))
            }
            Question::Expression(expression) => format!("{asset} keeps `{}`", expression.trim()),
            Question::RowCount(bounds) => format!("the number of rows of {asset} {}", bounds.in_words()),
            Question::Freshness { max_age, column } => {
                let column = column.trim_matches('"');
                format!("the newest {column} of {asset} is not older than {}", length(*max_age))
            }
            Question::Distribution { bounds, .. } => {
                let told: Vec<String> = bounds
                    .iter()
                    .map(|(statistic, bounds)| format!("{} {}", statistic.as_str(), bounds.in_words()))
                    .collect();
                format!("of {subject}, {}", told.join(", "))
            }
            Question::Query(_) | Question::Function(_) => match &check.description {
                Some(description) => first_line(description),
                None if check.kind == CheckKind::Generic => format!("{subject} passes `{}`", check.test),
                None if check.kind == CheckKind::Python => format!("{asset} passes `{}`", check.name),
                None => format!("`{}` finds nothing in {asset}", check.name),
            },
        }
    }
}

/// So many accepted values are named.
const MOST_NAMED: usize = 8;

fn listed(values: &[Accepted]) -> String {
    let named: Vec<&str> = values.iter().take(MOST_NAMED).map(|accepted| accepted.text.as_str()).collect();
    match values.len().saturating_sub(MOST_NAMED) {
        0 => format!("one of {}", named.join(", ")),
        more => format!("one of {} and {more} more", named.join(", ")),
    }
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// A length of time in its largest whole unit.
fn length(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let units = [(86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| seconds % size == 0.0 && seconds > 0.0).unwrap_or((1.0, "seconds"));
    let count = seconds / size;
    let unit = if count == 1.0 { unit.trim_end_matches('s') } else { unit };
    format!("{count} {unit}")
}
