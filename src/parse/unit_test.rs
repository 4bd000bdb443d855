//! Unit tests as property files declare them: made-up rows that an asset reads, and the rows that it must give.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reference;
use crate::project::Values;
use crate::source::{Place, Span};

/// An item of `unit_tests:`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParsedUnitTest {
    pub name: String,
    /// Of the name. All spans of the test are of this file.
    pub place: Place,
    pub description: Option<String>,
    /// The asset that is tested.
    pub model: (String, Span),
    pub given: Vec<ParsedGiven>,
    pub expect: ParsedRows,
    pub overrides: UnitTestOverrides,
    pub tags: Vec<String>,
    pub meta: Values,
    pub is_enabled: bool,
}

/// What one input of the asset holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParsedGiven {
    pub input: InputName,
    /// Where the input is named.
    pub span: Span,
    /// `None` for a seed whose file is meant.
    pub rows: Option<ParsedRows>,
}

/// How a test names an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputName {
    /// `this`: the tested asset as it was before.
    This,
    /// `ref('name')`, or the name alone; `source('raw', 'orders')` is `raw.orders`.
    Named(String),
}

impl InputName {
    /// What a reference names, where a test can name it.
    pub fn of(reference: &Reference) -> Self {
        match reference {
            Reference::Asset { name, .. } => InputName::Named(name.clone()),
            Reference::Source { source, table } => InputName::Named(format!("{source}.{table}")),
            Reference::Table(parts) => InputName::Named(parts.join(".")),
        }
    }
}

/// Rows that somebody wrote by hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParsedRows {
    pub form: RowsForm,
    /// Where the rows stand, or the name of their file; the key where there is nothing.
    pub span: Span,
    /// The key in front of them: `rows`, or `fixture`.
    pub key: Span,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum RowsForm {
    Dict(Vec<Row>),
    /// The text of the rows; the first line has the columns.
    Csv(String),
    /// A query.
    Sql(String),
    /// The name of a file in `tests/fixtures`.
    Fixture {
        name: String,
        is_sql: bool,
    },
}

/// A row: its columns in the order in which they stand there.
pub type Row = Vec<Cell>;

/// A value of a row, with the places of its column's name and of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cell {
    pub column: String,
    pub column_span: Span,
    pub value: CellValue,
    pub span: Span,
}

/// A value as it is written. What it means depends on the type of its column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CellValue {
    Null,
    Truth(bool),
    /// With all of its digits.
    Number(String),
    Text(String),
    List(Vec<CellValue>),
    Table(Vec<(String, CellValue)>),
}

/// What a test has otherwise than the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitTestOverrides {
    pub vars: Values,
    pub environment: BTreeMap<String, String>,
    /// What calls of macros and functions give.
    pub macros: Values,
    /// What every clock says.
    pub now: Option<jiff::Timestamp>,
    /// Where the macros are named.
    pub macro_spans: BTreeMap<String, Span>,
}

impl UnitTestOverrides {
    /// Whether the project's own graph is the one that is tested.
    pub fn leaves_graph(&self) -> bool {
        self.vars.is_empty() && self.environment.is_empty() && self.macros.is_empty() && self.now.is_none()
    }
}

/// A moment as people write it: `2024-03-01`, `2024-03-01 12:00:00`, with `+02:00` or `Z` where it is not UTC.
pub fn moment(text: &str) -> Option<jiff::Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment);
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok();
    civil.and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok()).map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_unless_they_say_otherwise() {
        let told = |text: &str| moment(text).map(|moment| moment.to_string());
        assert_eq!(told("2024-03-01").as_deref(), Some("2024-03-01T00:00:00Z"));
        assert_eq!(told("2024-03-01 12:00:00").as_deref(), Some("2024-03-01T12:00:00Z"));
        assert_eq!(told("2024-03-01 12:00:00+02").as_deref(), Some("2024-03-01T10:00:00Z"));
        assert_eq!(told("2024-03-01T12:00:00.5Z").as_deref(), Some("2024-03-01T12:00:00.5Z"));
        assert_eq!(told("soon"), None);
    }
}
