//! The arguments of the tests that dovetail knows by itself.

use serde_json::Value;

use super::bounds::{Bounds, Statistic};
use crate::diagnostic::did_you_mean;
use crate::document::config::{LENGTH_OF_TIME, duration};
use crate::graph::quoted;
use crate::parse::check::reference;
use crate::parse::{ParsedCheck, Reference, check};

use super::Question;

/// A question whose other table is still a name.
#[derive(Debug)]
pub(super) enum Asked {
    Whole(Question),
    Relationships { column: String, to: Reference, field: String },
}

/// What a check asks, or what is wrong with its arguments, in words that follow its name.
pub(super) fn question(asked: &ParsedCheck) -> Result<Asked, String> {
    let arguments = Arguments { check: asked };
    let whole = |question: Question| Ok(Asked::Whole(question));
    match asked.test.as_str() {
        "unique" => {
            arguments.only(&["columns", "combination_of_columns"])?;
            let listed = ["columns", "combination_of_columns"].into_iter().find_map(|key| asked.arguments.get(key));
            let columns = match listed {
                Some(listed) => texts(listed)
                    .ok_or("names its `columns` in a list of texts")?
                    .iter()
                    .map(|name| expression_of(name))
                    .collect(),
                None => vec![arguments.column()?],
            };
            whole(Question::Unique { columns })
        }
        "not_null" => {
            arguments.only(&[])?;
            whole(Question::NotNull { column: arguments.column()? })
        }
        "accepted_values" => {
            arguments.only(&["values", "quote"])?;
            let is_plain = asked.accepted.iter().all(|value| !value.value.is_array() && !value.value.is_object());
            if asked.accepted.is_empty() || !is_plain {
                return Err("needs a list of accepted values: `values: [a, b]`".to_owned());
            }
            let column = arguments.column()?;
            let is_quoted = asked.column.is_some();
            whole(Question::AcceptedValues { column, values: asked.accepted.clone(), is_quoted })
        }
        "relationships" => {
            arguments.only(&["to", "field"])?;
            let to = arguments.text("to", "`to: ref('customers')`")?;
            let field = expression_of(arguments.text("field", "`field: id`")?);
            Ok(Asked::Relationships { column: arguments.column()?, to: reference(to), field })
        }
        "expression" | "expression_is_true" => {
            arguments.only(&["expression"])?;
            let expression = arguments.text("expression", "`expression: amount >= 0`")?;
            let about = asked.column.as_deref().map(|column| format!("{} ", quoted(column))).unwrap_or_default();
            whole(Question::Expression(format!("{about}{expression}")))
        }
        "row_count" => {
            arguments.only(&["at_least", "at_most", "equals"])?;
            let mut bounds = asked.arguments.clone();
            if let Some(equals) = bounds.remove("equals") {
                bounds.insert("at_least".to_owned(), equals.clone());
                bounds.insert("at_most".to_owned(), equals);
            }
            whole(Question::RowCount(Bounds::of(&Value::Object(bounds.into_iter().collect()))?))
        }
        "freshness" => {
            arguments.only(&["max_age"])?;
            let said = asked.arguments.get("max_age").ok_or_else(|| format!("needs a `max_age`: {LENGTH_OF_TIME}"))?;
            // The engine counts microseconds in 64 bits.
            let age = duration(said).filter(|age| !age.is_zero() && i64::try_from(age.as_micros()).is_ok());
            let max_age =
                age.ok_or_else(|| format!("has a `max_age` that is no length of time, {said}: {LENGTH_OF_TIME}"))?;
            whole(Question::Freshness { column: arguments.column()?, max_age })
        }
        _ => {
            let statistics = Statistic::ALL.map(Statistic::as_str);
            arguments.only(&statistics)?;
            let mut bounds = Vec::new();
            for statistic in Statistic::ALL {
                if let Some(said) = asked.arguments.get(statistic.as_str()) {
                    let read =
                        Bounds::of(said).map_err(|what| format!("has a `{}` that {what}", statistic.as_str()))?;
                    bounds.push((statistic, read));
                }
            }
            if bounds.is_empty() {
                return Err(format!("bounds nothing: say one of {}", listed(&statistics)));
            }
            whole(Question::Distribution { column: arguments.column()?, bounds })
        }
    }
}

struct Arguments<'c> {
    check: &'c ParsedCheck,
}

impl<'c> Arguments<'c> {
    /// That there are no others, beside those that every test takes.
    fn only(&self, known: &[&str]) -> Result<(), String> {
        let all: Vec<&str> = known.iter().copied().chain(["column_name", "column"]).collect();
        let Some(unknown) = self.check.arguments.keys().find(|name| !all.contains(&name.as_str())) else {
            return Ok(());
        };
        let offered: Vec<&str> = known.iter().copied().chain(check::CONFIG).collect();
        let meant = did_you_mean(unknown, offered).map(|meant| format!("did you mean `{meant}`?"));
        let takes = || match known {
            [] => "it takes none".to_owned(),
            known => format!("it takes {}", listed(known)),
        };
        Err(format!("has no argument `{unknown}`: {}", meant.unwrap_or_else(takes)))
    }

    fn text(&self, name: &str, form: &str) -> Result<&'c str, String> {
        match self.check.arguments.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
            _ => Err(format!("needs {form}")),
        }
    }

    /// The column that it is about, as an expression.
    fn column(&self) -> Result<String, String> {
        let said = ["column_name", "column"].into_iter().find_map(|key| self.check.arguments.get(key));
        match (&self.check.column, said.and_then(Value::as_str)) {
            (Some(column), Some(said)) if said != column => {
                Err(format!("stands under the column `{column}` and is to be about `{said}`: leave out one of them"))
            }
            (Some(column), _) => Ok(quoted(column)),
            (None, Some(said)) if !said.trim().is_empty() => Ok(expression_of(said)),
            _ => Err("needs a column: write it under the column, or say `column_name`".to_owned()),
        }
    }
}

/// A column's name in quotes; what is no plain name is an expression already, as dbt takes it.
fn expression_of(text: &str) -> String {
    let is_name = text.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if is_name { quoted(text) } else { format!("({text}\n)") }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) if !items.is_empty() => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
