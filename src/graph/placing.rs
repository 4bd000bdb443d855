//! From an offset in compiled SQL, where the engine says that something is wrong, to the place in the user's own file.

use std::sync::Arc;

use super::{AssetGraph, Body, CompiledSql, Node};
use crate::diagnostic::Diagnostic;
use crate::parse::sql::words;
use crate::source::{Place, SourceFile, Span};
use crate::template::TemplateEnvironment;

/// Points at the template's own place for an offset in the statement of a model.
pub fn at_statement(
    diagnostic: Diagnostic,
    graph: &AssetGraph,
    templates: &TemplateEnvironment,
    node: &Node,
    compiled: &CompiledSql,
    offset: usize,
) -> Diagnostic {
    at_text(diagnostic, graph, templates, (&node.file, node.name.as_str()), compiled, offset)
}

/// The same for the template in a file, whose query is called so. In the query of an ephemeral asset that is the asset's own
/// template, with the places that the query was put into.
pub fn at_text(
    diagnostic: Diagnostic,
    graph: &AssetGraph,
    templates: &TemplateEnvironment,
    (file, name): (&Arc<SourceFile>, &str),
    compiled: &CompiledSql,
    offset: usize,
) -> Diagnostic {
    let start = compiled.statement.start.saturating_add(offset).min(compiled.text.len());
    let place = place_in_text(templates, file, compiled, start);
    let inlined = compiled.inlined_at(start).map(|(id, offset)| (graph.node(id), offset));
    match inlined.map(|(inlined, offset)| (inlined, &inlined.body, offset)) {
        Some((inlined, Body::Sql(query), offset)) => {
            let diagnostic = at_statement(diagnostic, graph, templates, inlined, query, offset);
            diagnostic.related(place, format!("`{name}` reads the ephemeral `{}` here", inlined.name))
        }
        _ => naming_caller(diagnostic, templates, file, place),
    }
}

/// The place, and where it stands in a macro the call that led to it.
fn naming_caller(
    diagnostic: Diagnostic,
    templates: &TemplateEnvironment,
    model: &Arc<SourceFile>,
    place: Place,
) -> Diagnostic {
    let is_in_model = place.file.path() == model.path();
    let call = if is_in_model { None } else { templates.call_into(model, &place.file) };
    match call {
        Some(call) => diagnostic.at(place).related(call, "called from here"),
        None => diagnostic.at(place),
    }
}

/// The template's own place for an offset in the compiled text: all of a name that was replaced, else the word there.
fn place_in_text(
    templates: &TemplateEnvironment,
    file: &Arc<SourceFile>,
    compiled: &CompiledSql,
    start: usize,
) -> Place {
    let map = templates.source_map(file);
    if let Some(edit) = compiled.edit_at(start) {
        return map.place(edit.rendered);
    }
    // The engine's offset may stand inside a letter.
    let rest = compiled.text.get(start..).unwrap_or_default();
    let end = (start + name_length(rest).max(1)).min(compiled.text.len());
    map.place(Span::new(compiled.rendered_offset(start), compiled.rendered_offset(end)))
}

/// How long the name is that a text starts with, quotes included.
fn name_length(text: &str) -> usize {
    if text.starts_with('"')
        && let Some((_, quoted)) = words(text).first()
    {
        return quoted.end;
    }
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').map(char::len_utf8).sum()
}
