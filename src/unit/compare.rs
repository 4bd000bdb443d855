//! Compares what came out with what was expected: as multisets, by the engine and in its types.

use std::collections::HashMap;

use arrow::array::cast::AsArray;
use arrow::datatypes::DataType;

use super::diff::{Diff, Texts, Unmatched, paired};
use super::rows::Written;
use super::trial::{Trial, placed};
use super::types::Type;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::{BuildSource, Column, EngineError};
use crate::graph::{RelationName, quoted};
use crate::source::Place;

const EXPECTED: &str = "__dovetail_expected";
const SIDES: [&str; 2] = ["__dovetail_missing", "__dovetail_extra"];

/// So many rows of each side are looked at when rows are paired.
const MOST_PAIRED: usize = 200;

/// Where both tables stand, and the columns that are compared, as the asset calls them.
pub(super) struct Compared {
    pub actual: RelationName,
    pub expected: RelationName,
    pub columns: Vec<Column>,
}

/// Whether rows must come in the order that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ordering {
    Counts,
    DoesNotCount,
}

impl Trial<'_> {
    /// Makes a table of the expected rows, in the types of the columns that came out.
    pub(super) fn expect(
        &mut self,
        actual: RelationName,
        expected: &Written,
        subject: &str,
        at: Option<&Place>,
    ) -> Result<Compared, Diagnostics> {
        let all = self.session.columns(&format!("select * from {actual}")).map_err(|error| internal(&error, at))?;
        let table = RelationName { identifier: EXPECTED.to_owned(), ..actual.clone() };
        let columns = match expected {
            Written::Table(rows) => {
                let unknown = rows.unknown_columns(&all, subject, at);
                if unknown.has_errors() {
                    return Err(unknown);
                }
                let is_named =
                    |column: &Column| rows.columns.iter().any(|named| named.name.eq_ignore_ascii_case(&column.name));
                // No row names no column, and there should be none.
                let columns: Vec<Column> =
                    all.iter().filter(|column| rows.columns.is_empty() || is_named(column)).cloned().collect();
                self.make(&table, rows, &columns, "expected rows", at)?;
                columns
            }
            Written::Query { sql, place } => self.expect_query(&table, sql, (&all, subject), place)?,
        };
        Ok(Compared { actual, expected: table, columns })
    }

    fn expect_query(
        &mut self,
        table: &RelationName,
        sql: &str,
        (all, subject): (&[Column], &str),
        place: &Place,
    ) -> Result<Vec<Column>, Diagnostics> {
        let sql = sql.trim_end().trim_end_matches(';');
        let failed = |error: &EngineError| {
            let first = error.message.lines().next().unwrap_or_default();
            let problem = Diagnostic::error(Code::UnitTestRows, format!("the expected query failed: {first}"));
            Diagnostics::from(problem.at(place.clone()))
        };
        let named = self.session.columns(sql).map_err(|error| failed(&error))?;
        let mut columns = Vec::with_capacity(named.len());
        for column in &named {
            match all.iter().find(|known| known.name.eq_ignore_ascii_case(&column.name)) {
                Some(known) => columns.push(known.clone()),
                None => {
                    let known: Vec<&str> = all.iter().map(|column| column.name.as_str()).collect();
                    let problem = Diagnostic::error(
                        Code::UnitTestRows,
                        format!("{subject} has no column `{}`, which the expected query gives", column.name),
                    );
                    let hint = format!("its columns are {}", super::rows::listed(known.into_iter()));
                    return Err(problem.at(place.clone()).hint(hint).into());
                }
            }
        }
        let casts = columns.iter().map(|column| {
            let name = quoted(&column.name);
            format!("cast({name} as {}) as {name}", column.engine_type)
        });
        let cast = format!("select {} from (\n{sql}\n)", casts.collect::<Vec<_>>().join(", "));
        self.build(table, BuildSource::Query(cast)).map_err(|error| failed(&error))?;
        Ok(columns)
    }

    /// The difference between both tables, whatever the order of their rows; `None` where there is none.
    pub(super) fn compare(&mut self, compared: &Compared, at: Option<&Place>) -> Result<Option<Diff>, Diagnostics> {
        self.compare_in(compared, at, Ordering::DoesNotCount)
    }

    pub(super) fn compare_in(
        &mut self,
        compared: &Compared,
        at: Option<&Place>,
        ordering: Ordering,
    ) -> Result<Option<Diff>, Diagnostics> {
        self.differences(compared, ordering).map_err(|error| internal(&error, at).into())
    }

    fn differences(&mut self, compared: &Compared, ordering: Ordering) -> Result<Option<Diff>, EngineError> {
        let Compared { actual, expected, columns } = compared;
        if ordering == Ordering::DoesNotCount && self.sandbox.count(&count_of_unequal(compared))? == 0 {
            return Ok(None);
        }
        let rows = |table: &RelationName| self.sandbox.count(&format!("select count(*) from {table}"));
        let whole = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (expected_rows, actual_rows) = (whole(rows(expected)?), whole(rows(actual)?));
        let [missing, extra] = SIDES.map(|name| RelationName { identifier: name.to_owned(), ..actual.clone() });
        let mut script = String::new();
        for (side, (of, others)) in [(&missing, (expected, actual)), (&extra, (actual, expected))] {
            script.push_str(&format!(
                "create or replace table {side} as {};",
                without_equals(of, others, columns, ordering)
            ));
        }
        // Texts are compared letter by letter here.
        self.sandbox.run(&script)?;
        self.note(missing.clone());
        self.note(extra.clone());
        let unmatched = Unmatched { missing: self.side(&missing, columns)?, extra: self.side(&extra, columns)? };
        if unmatched.missing.is_empty() && unmatched.extra.is_empty() {
            return Ok(None);
        }
        let all = [&missing, &extra].map(|side| self.sandbox.count(&format!("select count(*) from {side}")));
        let all = all.into_iter().sum::<Result<u64, EngineError>>()?;
        let cells = self.cells(&missing, &extra, columns)?;
        let nothing = vec![true; columns.len()];
        let rows = paired(&unmatched, &|one, other| cells.get(&(one, other)).unwrap_or(&nothing).clone());
        let seen = unmatched.missing.len() + unmatched.extra.len();
        let left_out = whole(all).saturating_sub(seen);
        let columns = columns.iter().map(|column| column.name.clone()).collect();
        Ok(Some(Diff { columns, rows, expected: expected_rows, actual: actual_rows, left_out }))
    }

    /// The first rows of a side as texts.
    fn side(&mut self, side: &RelationName, columns: &[Column]) -> Result<Vec<Texts>, EngineError> {
        let texts = columns.iter().enumerate().map(|(index, _)| format!("cast(c{index} as varchar)"));
        let texts = texts.collect::<Vec<_>>().join(", ");
        self.texts(&format!("select {texts} from {side} order by n limit {MOST_PAIRED}"))
    }

    /// In which cells the rows of both sides differ.
    fn cells(
        &mut self,
        missing: &RelationName,
        extra: &RelationName,
        columns: &[Column],
    ) -> Result<HashMap<(usize, usize), Vec<bool>>, EngineError> {
        let cells = (0..columns.len()).map(|index| format!("if(m.c{index} is distinct from e.c{index}, '1', '0')"));
        let cells = cells.collect::<Vec<_>>().join(" || ");
        let first = |side: &RelationName| {
            format!("(select *, row_number() over (order by n) - 1 as i from {side} order by n limit {MOST_PAIRED})")
        };
        let rows =
            self.texts(&format!("select m.i, e.i, {cells} from {} as m, {} as e", first(missing), first(extra)))?;
        let read = |row: Texts| {
            let mut row = row.into_iter().flatten();
            let (missing, extra, cells) = (row.next()?, row.next()?, row.next()?);
            let cells = cells.chars().map(|cell| cell == '1').collect();
            Some(((missing.parse().ok()?, extra.parse().ok()?), cells))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The rows of a query, all columns as texts.
    pub(super) fn texts(&mut self, sql: &str) -> Result<Vec<Texts>, EngineError> {
        let mut rows = Vec::new();
        for batch in self.query(sql)? {
            let batch = batch.map_err(|error| engine_error(&error))?;
            let columns: Result<Vec<_>, _> =
                batch.columns().iter().map(|column| arrow::compute::cast(column, &DataType::Utf8)).collect();
            let columns = columns.map_err(|error| engine_error(&error))?;
            for row in 0..batch.num_rows() {
                let cell = |column: &arrow::array::ArrayRef| {
                    let column = column.as_string::<i32>();
                    arrow::array::Array::is_valid(column, row).then(|| column.value(row).to_owned())
                };
                rows.push(columns.iter().map(cell).collect());
            }
        }
        Ok(rows)
    }
}

/// How many rows have no equal on the other side, which has as many of each.
fn count_of_unequal(Compared { actual, expected, columns }: &Compared) -> String {
    let cells = columns.iter().map(comparable).collect::<Vec<_>>().join(", ");
    let (one, other) = (format!("select {cells} from {expected}"), format!("select {cells} from {actual}"));
    format!("select count(*) from ((({one}) except all ({other})) union all (({other}) except all ({one})))")
}

/// The rows of one table that have no equal in the other, which has as many of each: `n` is their order, `c0`, `c1`, ... are
/// their cells.
fn without_equals(of: &RelationName, others: &RelationName, columns: &[Column], ordering: Ordering) -> String {
    let cells = columns.iter().enumerate().map(|(index, column)| format!("{} as c{index}", comparable(column)));
    let cells = cells.collect::<Vec<_>>().join(", ");
    let names = (0..columns.len()).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
    // The first of equal rows is the equal of the first on the other side; or the third row that of the third.
    let within = if ordering == Ordering::Counts { String::new() } else { format!("partition by {names} ") };
    let numbered = |table: &RelationName| {
        format!(
            "(select *, row_number() over ({within}order by n) as k from (select rowid as n, {cells} from {table}))"
        )
    };
    let equal = (0..columns.len()).map(|index| format!("o.c{index} is not distinct from c.c{index} and "));
    let equal: String = equal.collect();
    format!("select n, {names} from {} as c anti join {} as o on ({equal}o.k = c.k)", numbered(of), numbered(others))
}

/// A column in the form in which it is compared: of JSON the blanks between its parts mean nothing.
fn comparable(column: &Column) -> String {
    let name = quoted(&column.name);
    match Type::of(&column.engine_type) {
        Type::Plain(kind) if kind == "JSON" => format!("cast(json({name}) as varchar)"),
        Type::Plain(kind) if kind == "VARIANT" => format!("cast(cast({name} as json) as varchar)"),
        _ => name,
    }
}

fn engine_error(error: &arrow::error::ArrowError) -> EngineError {
    EngineError { kind: crate::engine::EngineErrorKind::Execution, message: error.to_string(), offset: None }
}

fn internal(error: &EngineError, at: Option<&Place>) -> Diagnostic {
    let first = error.message.lines().next().unwrap_or_default();
    placed(Diagnostic::error(Code::UnitTestRows, format!("the rows cannot be compared: {first}")), at)
}
