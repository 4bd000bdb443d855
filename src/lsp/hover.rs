//! What is known of something, in a few lines.

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};

use super::analysis::Snapshot;
use super::subject::{Subject, at_cursor, traced};
use super::view::View;
use crate::check::{Known, Schema};
use crate::engine::Column;
use crate::graph::{Node, NodeId, folded};
use crate::lineage::ColumnId;

/// So many columns are shown.
const MOST_COLUMNS: usize = 60;

pub(super) fn hover(view: &View<'_>) -> Option<Hover> {
    let (subject, span) = at_cursor(view)?;
    let snapshot = &view.snapshot;
    let text = match &subject {
        Subject::Node(id) => node(snapshot, *id),
        Subject::Columns(columns) => {
            columns.all().map(|id| column(snapshot, id)).collect::<Vec<_>>().join("\n\n---\n\n")
        }
        Subject::Macro(name) => of_macro(snapshot, name)?,
        Subject::Variable(name) => variable(snapshot, name),
    };
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: snapshot.redacted(&text) };
    Some(Hover { contents: HoverContents::Markup(contents), range: Some(view.range(span)) })
}

/// Name and kind, description, columns with types.
pub(super) fn node(snapshot: &Snapshot, id: NodeId) -> String {
    let node = snapshot.graph().node(id);
    let kind = if node.is_source() { "source".to_owned() } else { format!("{} {}", node.kind.as_str(), as_what(node)) };
    let mut parts = vec![format!("**{}** · {kind}", node.name)];
    parts.extend(node.description.clone());
    parts.push(match snapshot.schemas.get(&id) {
        Some(Schema::Known(Known { columns, doubt })) => {
            let table = table(node, columns);
            match doubt {
                Some(doubt) => format!("{table}\n\nA run may give other columns: {doubt}."),
                None => table,
            }
        }
        Some(Schema::Unknown(unknown)) if unknown.root == id => {
            format!("Its columns are not known: {}.", unknown.reason)
        }
        Some(Schema::Unknown(unknown)) => {
            let root = &snapshot.graph().node(unknown.root).name;
            format!("Its columns are not known: it reads `{root}`, {}.", unknown.reason)
        }
        Some(Schema::Wrong) => "Its columns are not known: it has an error.".to_owned(),
        Some(Schema::Valueless) | None => "It is no table and has no columns.".to_owned(),
    });
    parts.join("\n\n")
}

fn as_what(node: &Node) -> &'static str {
    node.materialized.as_str()
}

fn table(node: &Node, columns: &[Column]) -> String {
    let mut lines = vec!["| column | type | |".to_owned(), "|---|---|---|".to_owned()];
    let row = |column: &Column| {
        let description = description(node, &column.name).unwrap_or_default();
        format!("| {} | {} | {} |", cell(&column.name), cell(&column.engine_type), cell(description))
    };
    lines.extend(columns.iter().take(MOST_COLUMNS).map(row));
    if columns.len() > MOST_COLUMNS {
        lines.push(format!("| and {} more | | |", columns.len() - MOST_COLUMNS));
    }
    lines.join("\n")
}

fn description<'n>(node: &'n Node, column: &str) -> Option<&'n str> {
    let described = node.columns.iter().find(|described| described.name.eq_ignore_ascii_case(column))?;
    described.description.as_deref()
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}

/// Type, description and what it comes from.
pub(super) fn column(snapshot: &Snapshot, id: &ColumnId) -> String {
    let (graph, node) = (snapshot.graph(), snapshot.graph().node(id.asset));
    let known = snapshot.columns(id.asset).unwrap_or_default();
    let column = known.iter().find(|column| folded(&column.name) == id.name);
    let name = column.map_or(id.name.as_str(), |column| column.name.as_str());
    let engine_type = column.map(|column| format!(" · `{}`", column.engine_type)).unwrap_or_default();
    let mut parts = vec![format!("**{}.{name}**{engine_type}", node.name)];
    parts.extend(description(node, name).map(str::to_owned));
    let traced = traced(snapshot, id.asset);
    if let Some(column) = traced.columns.iter().find(|column| column.id == *id)
        && !column.values.is_empty()
    {
        let from = column.values.iter().map(|from| format!("`{}.{}`", graph.node(from.asset).name, from.name));
        parts.push(format!("{} from {}", column.how.as_str(), from.collect::<Vec<_>>().join(", ")));
    }
    parts.join("\n\n")
}

/// The line that opens it, and the comment in front of that.
fn of_macro(snapshot: &Snapshot, name: &str) -> Option<String> {
    let place = snapshot.compiled.templates.macros().get(name)?;
    let text = place.file.text();
    let start = text[..place.span.start].rfind("{%")?;
    let end = text[place.span.end..].find("%}").map_or(text.len(), |end| place.span.end + end + 2);
    let mut parts = vec![format!("```jinja\n{}\n```", &text[start..end])];
    let before = text[..start].trim_end();
    if let Some(comment) = before.strip_suffix("#}").and_then(|before| before.rsplit_once("{#")) {
        parts.push(comment.1.trim_matches(['-', ' ', '\n']).to_owned());
    }
    Some(parts.join("\n\n"))
}

fn variable(snapshot: &Snapshot, name: &str) -> String {
    match snapshot.compiled.project.vars.get(name) {
        Some(value) => format!("**{name}** · variable\n\n`{value}`"),
        None => format!("**{name}** · variable without a value of the project's"),
    }
}
