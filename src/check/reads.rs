//! What asset functions say that they read (`reads=`), against what their upstreams have.

use super::inquiry::Inquiry;
use super::lost;
use super::refused::offer;
use super::schema::{Known, Schema, Schemas, has};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{Body, Node, NodeId};
use crate::parse::ReadColumn;
use crate::source::Place;

/// The columns that an asset function asks for and does not get, each at its own place.
pub(super) fn problems(inquiry: &Inquiry<'_>, schemas: &Schemas, id: NodeId) -> Vec<Diagnostic> {
    let node = inquiry.graph.node(id);
    let Body::Python(python) = &node.body else { return Vec::new() };
    let asked = python.inputs.iter().filter_map(|(index, upstream)| {
        let reads = python.body.parameters.get(*index)?.reads.as_ref()?;
        Some((*upstream, reads))
    });
    asked.flat_map(|(upstream, reads)| missing(inquiry, schemas, (node, upstream), reads)).collect()
}

fn missing(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    (node, upstream): (&Node, NodeId),
    reads: &[ReadColumn],
) -> Vec<Diagnostic> {
    let name = &inquiry.graph.node(upstream).name;
    let place = |column: &ReadColumn| Place::new(&node.file, column.span);
    let columns = match schemas.get(&upstream) {
        Some(Schema::Known(Known { columns, doubt: None })) => columns,
        Some(Schema::Valueless) => {
            let message = format!("`{}` reads columns of `{name}`, which is no table", node.name);
            return reads
                .first()
                .map(|column| Diagnostic::error(Code::UnknownColumn, message).at(place(column)))
                .into_iter()
                .collect();
        }
        _ => return Vec::new(),
    };
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let problem = |column: &ReadColumn| {
        let message = format!("`{}` reads the column `{}` of `{name}`, which does not have it", node.name, column.name);
        let problem = Diagnostic::error(Code::UnknownColumn, message).at(place(column));
        let problem = problem.hint_if(offer(&column.name, &names));
        match lost::column(inquiry, schemas, &[upstream], &column.name) {
            Some((place, message)) => problem.related(place, message),
            None => problem,
        }
    };
    reads.iter().filter(|column| !has(columns, &column.name)).map(problem).collect()
}
