//! The rows of a query on their way to stdout, as a table, CSV or JSON.

use arrow::array::cast::AsArray;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;

use super::args::{ShowArgs, ShowOutput};
use super::context::Context;
use super::json_rows::{json_lines, keys};
use super::table::{Column, Fit, Table};
use crate::engine::{self, EngineError, Session};
use crate::graph::quoted;

/// What can go wrong while rows are read and printed.
pub(crate) enum Failure {
    Engine(EngineError),
    Print(String),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::Engine(error)
    }
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        match error {
            // What the engine says while its rows are read.
            ArrowError::ExternalError(inner) => match inner.downcast::<EngineError>() {
                Ok(error) => Failure::Engine(*error),
                Err(other) => Failure::Print(other.to_string()),
            },
            other => Failure::Print(other.to_string()),
        }
    }
}

/// Prints the first rows of a query.
pub(crate) fn print(
    context: &mut Context,
    session: &mut dyn Session,
    statement: &str,
    columns: &[engine::Column],
    args: &ShowArgs,
) -> Result<(), Failure> {
    // One row more than is shown tells whether there are more.
    let rows = session.query(&first_rows(statement, columns, args.output, args.limit.saturating_add(1)))?;
    let mut left = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut has_more = false;
    let mut output = Output::start(context, args.output, columns, &rows.schema())?;
    for batch in rows {
        let batch = batch?;
        has_more |= batch.num_rows() > left;
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        output.add(context, &batch)?;
        if context.printer.is_stdout_closed() {
            break;
        }
    }
    output.finish(context, has_more);
    if has_more && args.limit > 0 {
        context.printer.note(&format!("the first {} rows; `--limit` shows more", args.limit));
    }
    Ok(())
}

/// The statement's first rows, with every column as the text that the output shows.
///
/// Columns are renamed on the way, since a query may give the same name twice.
fn first_rows(statement: &str, columns: &[engine::Column], output: ShowOutput, limit: u64) -> String {
    let names: Vec<String> = (0..columns.len()).map(|number| format!("c{number}")).collect();
    let columns = columns.iter().zip(&names).map(|(column, name)| match output {
        // `to_json` gives it as one text.
        ShowOutput::Json if column.engine_type == "VARIANT" => {
            format!("cast({name}::json as varchar) as {}", quoted(&column.name))
        }
        ShowOutput::Json => format!("cast(to_json({name}) as varchar) as {}", quoted(&column.name)),
        ShowOutput::Table | ShowOutput::Csv => format!("cast({name} as varchar) as {}", quoted(&column.name)),
    });
    let columns: Vec<String> = columns.collect();
    format!("select {} from (\n{statement}\n) as shown({}) limit {limit}", columns.join(", "), names.join(", "))
}

/// The rows on their way to stdout. A table is held until its end, since its last row may be the widest.
enum Output {
    Table(Table),
    /// With the keys of the objects.
    Json(Vec<String>),
    Csv,
}

impl Output {
    fn start(
        context: &mut Context,
        output: ShowOutput,
        columns: &[engine::Column],
        printed: &Schema,
    ) -> Result<Self, Failure> {
        match output {
            ShowOutput::Json => Ok(Output::Json(keys(printed))),
            ShowOutput::Csv => {
                let header = csv_line(printed.fields().iter().map(|field| Some(field.name().as_str())));
                context.printer.data(&header);
                Ok(Output::Csv)
            }
            ShowOutput::Table => {
                let columns = columns.iter().map(|column| Column {
                    name: column.name.clone(),
                    is_number: is_number(&column.engine_type),
                    fit: Fit::default(),
                    cells: Vec::new(),
                });
                Ok(Output::Table(Table { columns: columns.collect() }))
            }
        }
    }

    fn add(&mut self, context: &mut Context, batch: &RecordBatch) -> Result<(), Failure> {
        match self {
            Output::Table(table) => {
                for (column, array) in table.columns.iter_mut().zip(batch.columns()) {
                    let texts = arrow::compute::cast(array, &DataType::Utf8)?;
                    column.cells.extend(texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
                }
            }
            Output::Json(keys) => {
                let texts = batch.columns().iter().map(|array| arrow::compute::cast(array, &DataType::Utf8));
                let texts = texts.collect::<Result<Vec<_>, _>>()?;
                let columns: Vec<_> = texts.iter().map(|array| array.as_string::<i32>()).collect();
                context.printer.data(&json_lines(&columns, batch, keys));
            }
            Output::Csv => context.printer.data(&csv_lines(batch)?),
        }
        Ok(())
    }

    fn finish(self, context: &mut Context, has_more: bool) {
        if let Output::Table(table) = self {
            let is_empty = table.columns.iter().all(|column| column.cells.is_empty());
            print_table(context, &table);
            if is_empty && !has_more {
                context.printer.note("no rows");
            }
        }
    }
}

/// Prints a table as wide as the terminal, and says what did not fit.
pub(crate) fn print_table(context: &mut Context, table: &Table) {
    let drawn = table.draw(context.printer.stdout_width());
    context.printer.data(&drawn.text);
    if let Some(note) = drawn.note() {
        context.printer.note(&note);
    }
}

/// Lines of CSV, as DuckDB's `copy` writes them: null is nothing, an empty text is `""`.
fn csv_lines(batch: &RecordBatch) -> Result<String, ArrowError> {
    let texts = batch.columns().iter().map(|array| arrow::compute::cast(array, &DataType::Utf8));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let columns: Vec<_> = texts.iter().map(|array| array.as_string::<i32>()).collect();
    let line = |row: usize| {
        let cells = columns.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
        csv_line(cells)
    };
    Ok((0..batch.num_rows()).map(line).collect())
}

pub(crate) fn csv_line<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.map(csv_cell).unwrap_or_default()).collect();
    cells.join(",") + "\n"
}

fn csv_cell(text: &str) -> String {
    let is_plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) && text.trim() == text;
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// Whether values of a type are numbers, which line up at their right end.
pub(crate) fn is_number(sql_type: &str) -> bool {
    let name = sql_type.split('(').next().unwrap_or_default();
    let is_integer = name.ends_with("INT") || matches!(name, "INTEGER" | "UINTEGER" | "BIGNUM");
    !sql_type.ends_with(']') && (is_integer || matches!(name, "FLOAT" | "DOUBLE" | "DECIMAL"))
}
