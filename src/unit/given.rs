//! Hand-written rows as a query that gives them with the types of their columns.

use super::literal::{expression, shown};
use super::rows::{Table, Value};
use super::types::Type;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{Column, Sandbox};
use crate::graph::quoted;
use crate::parse::unit_test::CellValue;
use crate::source::Place;

/// So many values that are none are told of one table.
const MOST_TOLD: usize = 20;

/// A query, and the rows that it is made of.
pub(super) struct GivenQuery<'t> {
    pub sql: String,
    pub columns: Vec<Column>,
    table: &'t Table,
    /// Which column of the table each column is.
    indexes: Vec<Option<usize>>,
}

/// The rows of a table with these columns; columns that it does not name are null.
///
/// # Errors
/// Values that are none of their column's type, as far as that is seen without the engine.
pub(super) fn typed<'t>(table: &'t Table, columns: &[Column], subject: &str) -> Result<GivenQuery<'t>, Diagnostics> {
    let index = |column: &Column| table.columns.iter().position(|named| named.name.eq_ignore_ascii_case(&column.name));
    let indexes: Vec<Option<usize>> = columns.iter().map(index).collect();
    let types: Vec<Type> = columns.iter().map(|column| Type::of(&column.engine_type)).collect();
    let mut problems = Diagnostics::default();
    let mut lines = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let cells = columns.iter().zip(&types).zip(&indexes).map(|((column, of), index)| {
            let value = index.and_then(|index| row.get(index)?.as_ref());
            let written = value.map_or(&CellValue::Null, |value| &value.value);
            expression(written, of).unwrap_or_else(|why| {
                problems.push(no_value(subject, column, written, &why, value.and_then(|value| value.place.as_ref())));
                "null".to_owned()
            })
        });
        lines.push(format!("({})", cells.collect::<Vec<_>>().join(", ")));
    }
    if problems.has_errors() {
        problems.0.truncate(MOST_TOLD);
        return Err(problems);
    }
    let sql = rows_query(columns, &lines);
    Ok(GivenQuery { sql, columns: columns.to_vec(), table, indexes })
}

fn rows_query(columns: &[Column], lines: &[String]) -> String {
    if lines.is_empty() {
        let nulls =
            columns.iter().map(|column| format!("cast(null as {}) as {}", column.engine_type, quoted(&column.name)));
        return format!("select {} limit 0", nulls.collect::<Vec<_>>().join(", "));
    }
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    format!("select * from (values\n{}\n) as given({})", lines.join(",\n"), names.join(", "))
}

impl GivenQuery<'_> {
    /// The values that the engine does not take, after it refused all of them together.
    pub fn refused(&self, sandbox: &dyn Sandbox, subject: &str) -> Diagnostics {
        let mut problems = Diagnostics::default();
        for row in &self.table.rows {
            for (column, index) in self.columns.iter().zip(&self.indexes) {
                let Some(value) = index.and_then(|index| row.get(index)?.as_ref()) else { continue };
                if problems.0.len() < MOST_TOLD {
                    problems.extend(refused_value(sandbox, subject, column, value));
                }
            }
        }
        problems
    }
}

fn refused_value(sandbox: &dyn Sandbox, subject: &str, column: &Column, value: &Value) -> Option<Diagnostic> {
    let sql = expression(&value.value, &Type::of(&column.engine_type)).ok()?;
    let error = sandbox.run(&format!("select {sql}")).err()?;
    let why = format!("is no {}", column.engine_type);
    let problem = no_value(subject, column, &value.value, &why, value.place.as_ref());
    Some(problem.hint(error.message.lines().next().unwrap_or_default().to_owned()))
}

fn no_value(subject: &str, column: &Column, value: &CellValue, why: &str, place: Option<&Place>) -> Diagnostic {
    let message = format!("{subject}: `{}` for `{}` {why}", shown(value), column.name);
    let problem = Diagnostic::error(Code::UnitTestRows, message);
    match place {
        Some(place) => problem.at(place.clone()),
        None => problem,
    }
}

/// The columns of rows of which nobody knows the types: those that the values look like.
pub(super) fn guessed(table: &Table) -> Vec<Column> {
    let column = |(index, named): (usize, &super::rows::NamedColumn)| {
        let values = table.rows.iter().filter_map(|row| row.get(index)?.as_ref()).map(|value| &value.value);
        Column { name: named.name.clone(), engine_type: guess(&values.collect::<Vec<_>>()).to_string() }
    };
    table.columns.iter().enumerate().map(column).collect()
}

/// What all of these values can be: booleans, whole numbers, numbers, days, moments, else texts; lists and structs of such.
fn guess(values: &[&CellValue]) -> Type {
    let values: Vec<&CellValue> = values.iter().copied().filter(|value| **value != CellValue::Null).collect();
    if values.iter().all(|value| matches!(value, CellValue::List(_))) && !values.is_empty() {
        let items: Vec<&CellValue> = values.iter().filter_map(|value| as_list(value)).flatten().collect();
        return Type::List(Box::new(guess(&items)));
    }
    if values.iter().all(|value| matches!(value, CellValue::Table(_))) && !values.is_empty() {
        let tables: Vec<&[(String, CellValue)]> = values.iter().filter_map(|value| as_table(value)).collect();
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in tables.iter().copied().flatten() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let field = |name: &str| {
            let values: Vec<&CellValue> =
                tables.iter().copied().flatten().filter(|(entry, _)| entry == name).map(|(_, value)| value).collect();
            (name.to_owned(), guess(&values))
        };
        return Type::Struct(names.into_iter().map(field).collect());
    }
    let is_all = |fits: fn(&CellValue) -> bool| !values.is_empty() && values.iter().all(|value| fits(value));
    let plain = |name: &str| Type::Plain(name.to_owned());
    match () {
        () if is_all(is_truth) => plain("BOOLEAN"),
        () if is_all(|value| text_of(value).is_some_and(|text| text.parse::<i64>().is_ok())) => plain("BIGINT"),
        () if is_all(|value| text_of(value).is_some_and(|text| text.parse::<f64>().is_ok())) => plain("DOUBLE"),
        () if is_all(|value| text_of(value).is_some_and(is_day)) => plain("DATE"),
        () if is_all(|value| text_of(value).is_some_and(is_moment)) => plain("TIMESTAMP"),
        () => plain("VARCHAR"),
    }
}

fn is_truth(value: &CellValue) -> bool {
    let is_word = |text: &str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    matches!(value, CellValue::Truth(_)) || text_of(value).is_some_and(is_word)
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_moment(text: &str) -> bool {
    text.len() > 10
        && text.starts_with(|digit: char| digit.is_ascii_digit())
        && text.parse::<jiff::civil::DateTime>().is_ok()
}

fn text_of(value: &CellValue) -> Option<&str> {
    match value {
        CellValue::Number(text) | CellValue::Text(text) => Some(text),
        _ => None,
    }
}

fn as_list(value: &CellValue) -> Option<&Vec<CellValue>> {
    match value {
        CellValue::List(items) => Some(items),
        _ => None,
    }
}

fn as_table(value: &CellValue) -> Option<&[(String, CellValue)]> {
    match value {
        CellValue::Table(entries) => Some(entries),
        _ => None,
    }
}
