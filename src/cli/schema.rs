//! `dovetail show --schema`: the columns of an asset, a source or a query, as `check` finds them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::args::ShowOutput;
use super::columns::never_null;
use super::context::Context;
use super::inspect::inspect;
use super::ls::unprintable;
use super::rows::{csv_line, print_table};
use super::table::{Column, Fit, Table};
use super::{CommandResult, ExitStatus};
use crate::check::{Known, Schema};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine;
use crate::graph::{NodeId, folded};

pub(crate) fn show_schema(context: &mut Context, compiled: &Compiled, id: NodeId, output: ShowOutput) -> CommandResult {
    let found = inspect(compiled, &BTreeSet::from([id]))?;
    let name = &compiled.graph.node(id).name;
    let not_known = |reason: String| Diagnostic::error(Code::ColumnsUnknown, format!("`{name}` {reason}"));
    match found.schemas.get(&id) {
        Some(Schema::Known(Known { columns, doubt })) => {
            let secrets = compiled.templates.secrets();
            let shown = |column: &engine::Column| engine::Column {
                name: secrets.redact(&column.name),
                engine_type: secrets.redact(&column.engine_type),
            };
            let sure = never_null(&compiled.graph, [id], &found.schemas).remove(&id).unwrap_or_default();
            let shown = columns.iter().map(|column| (shown(column), !sure.contains(&folded(&column.name))));
            print(context, &shown.collect::<Vec<_>>(), output)?;
            if let Some(doubt) = doubt {
                context.printer.note(&format!("a run may give others: {doubt}"));
            }
            Ok(ExitStatus::Success)
        }
        Some(Schema::Wrong) => Err(Diagnostics(found.problems.into_iter().map(|(_, problem)| problem).collect())),
        Some(Schema::Unknown(unknown)) if unknown.root == id => {
            Err(not_known(format!("has columns that are not known: {}", unknown.reason)).into())
        }
        Some(Schema::Unknown(unknown)) => {
            let root = &compiled.graph.node(unknown.root).name;
            Err(not_known(format!("reads what is not known: `{root}`, {}", unknown.reason)).into())
        }
        Some(Schema::Valueless) | None => Err(not_known("is no table and has no columns".to_owned()).into()),
    }
}

/// A line of `--output json`.
#[derive(Serialize)]
struct Line<'a> {
    column: &'a str,
    #[serde(rename = "type")]
    engine_type: &'a str,
    nullable: bool,
}

/// Columns, and whether NULL may stand in them.
fn print(context: &mut Context, columns: &[(engine::Column, bool)], output: ShowOutput) -> Result<(), Diagnostic> {
    match output {
        ShowOutput::Json => {
            for (engine::Column { name, engine_type }, nullable) in columns {
                let line = Line { column: name, engine_type, nullable: *nullable };
                let line = serde_json::to_string(&line).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
        }
        ShowOutput::Csv => {
            context.printer.data(&csv_line(["column", "type", "nullable"].map(Some).into_iter()));
            for (engine::Column { name, engine_type }, nullable) in columns {
                let nullable = nullable.to_string();
                context.printer.data(&csv_line([name.as_str(), engine_type, &nullable].map(Some).into_iter()));
            }
        }
        ShowOutput::Table => {
            let column = |title: &str, cells: Vec<Option<String>>| Column {
                name: title.to_owned(),
                is_number: false,
                fit: Fit::default(),
                cells,
            };
            let names = columns.iter().map(|(column, _)| Some(column.name.clone())).collect();
            let types = columns.iter().map(|(column, _)| Some(column.engine_type.clone())).collect();
            let nullable = |nullable: bool| if nullable { "yes" } else { "no" }.to_owned();
            let nulls = columns.iter().map(|(_, is_nullable)| Some(nullable(*is_nullable))).collect();
            print_table(
                context,
                &Table { columns: vec![column("column", names), column("type", types), column("nullable", nulls)] },
            );
        }
    }
    Ok(())
}
