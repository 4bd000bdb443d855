//! The rows of a query on their way to stdout, as a table, CSV or JSON.

use arrow::array::RecordBatch;
use arrow::array::cast::AsArray;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;

use super::args::{ShowArgs, ShowOutput};
use super::context::Context;
use super::json_rows::{has_form, json_lines, json_schema};
use super::table::{Column, Table};
use crate::engine::{EngineError, Session, TableSchema};
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
    schema: &TableSchema,
    args: &ShowArgs,
) -> Result<(), Failure> {
    let as_text = |field: &Field| args.output != ShowOutput::Json || !has_form(field);
    // One row more than is shown tells whether there are more.
    let rows = session.query(&first_rows(statement, schema, as_text, args.limit.saturating_add(1)))?;
    let mut left = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut has_more = false;
    let mut output = Output::start(context, args.output, schema, rows.schema())?;
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
    output.finish(context);
    if has_more {
        context.printer.note(&format!("the first {} rows; `--limit` shows more", args.limit));
    }
    Ok(())
}

/// The statement's first rows, with the columns that have no form of their own in the output cast to text.
///
/// Columns are renamed on the way, since a query may give the same name twice.
fn first_rows(statement: &str, schema: &TableSchema, as_text: impl Fn(&Field) -> bool, limit: u64) -> String {
    let fields = schema.arrow.fields();
    let names: Vec<String> = (0..fields.len()).map(|number| format!("c{number}")).collect();
    let columns = fields.iter().zip(&names).map(|(field, name)| match as_text(field) {
        true => format!("cast({name} as varchar) as {}", quoted(field.name())),
        false => format!("{name} as {}", quoted(field.name())),
    });
    let columns: Vec<String> = columns.collect();
    format!("select {} from (\n{statement}\n) as shown({}) limit {limit}", columns.join(", "), names.join(", "))
}

/// The rows on their way to stdout. A table is held until its end, since its last row may be the widest.
enum Output {
    Table(Table),
    Json(SchemaRef),
    Csv,
}

impl Output {
    fn start(
        context: &mut Context,
        output: ShowOutput,
        schema: &TableSchema,
        printed: SchemaRef,
    ) -> Result<Self, Failure> {
        match output {
            ShowOutput::Json => Ok(Output::Json(json_schema(&printed))),
            ShowOutput::Csv => {
                let header = csv(&RecordBatch::new_empty(printed), true)?;
                context.printer.data(&header);
                Ok(Output::Csv)
            }
            ShowOutput::Table => {
                let columns = schema.arrow.fields().iter().zip(&schema.types).map(|(field, sql_type)| Column {
                    name: field.name().clone(),
                    is_number: is_number(sql_type),
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
            Output::Json(schema) => context.printer.data(&json_lines(batch, schema)?),
            Output::Csv => context.printer.data(&csv(batch, false)?),
        }
        Ok(())
    }

    fn finish(self, context: &mut Context) {
        if let Output::Table(table) = self {
            let is_empty = table.columns.iter().all(|column| column.cells.is_empty());
            print_table(context, &table);
            if is_empty {
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

fn csv(batch: &RecordBatch, has_header: bool) -> Result<String, ArrowError> {
    let mut bytes = Vec::new();
    arrow::csv::WriterBuilder::new().with_header(has_header).build(&mut bytes).write(batch)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether values of a type are numbers, which line up at their right end.
fn is_number(sql_type: &str) -> bool {
    let name = sql_type.split('(').next().unwrap_or_default();
    let is_integer = name.ends_with("INT") || matches!(name, "INTEGER" | "UINTEGER" | "BIGNUM");
    !sql_type.ends_with(']') && (is_integer || matches!(name, "FLOAT" | "DOUBLE" | "DECIMAL"))
}
