//! `dovetail graph`: the graph from left to right, for eyes.

use std::collections::HashMap;
use std::fmt::Write;

use petgraph::visit::EdgeRef;

use super::args::{GraphArgs, GraphOutput};
use super::context::Context;
use super::{CommandResult, ExitStatus};
use crate::graph::{AssetGraph, EdgeKind, Kind, Materialized, Node, NodeId};

pub(crate) fn graph(context: &mut Context, args: &GraphArgs) -> CommandResult {
    let compiled = context.compile()?;
    let selected = context.select(&compiled, &args.selection, args.waiting.wait)?;
    let drawing = Drawing::new(&compiled.graph, &selected);
    let text = match args.output {
        GraphOutput::Mermaid => drawing.mermaid(),
        GraphOutput::Dot => drawing.dot(),
    };
    context.printer.data(&text);
    Ok(ExitStatus::Success)
}

/// The selected part of the graph, numbered by name so that the picture of an unchanged graph does not change.
struct Drawing<'a> {
    nodes: Vec<&'a Node>,
    edges: Vec<(usize, usize, EdgeKind)>,
}

impl<'a> Drawing<'a> {
    fn new(graph: &'a AssetGraph, selected: &[NodeId]) -> Self {
        let numbers: HashMap<NodeId, usize> = selected.iter().enumerate().map(|(number, id)| (*id, number)).collect();
        let mut edges: Vec<_> = graph
            .nodes
            .edge_references()
            .filter_map(|edge| Some((*numbers.get(&edge.source())?, *numbers.get(&edge.target())?, *edge.weight())))
            .collect();
        edges.sort_by_key(|(from, to, _)| (*from, *to));
        Drawing { nodes: selected.iter().map(|id| graph.node(*id)).collect(), edges }
    }

    fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (number, node) in self.nodes.iter().enumerate() {
            let (open, close) = mermaid_shape(node);
            let label = mermaid_label(node.name.as_str());
            line(&mut text, format_args!("  n{number}{open}\"{label}\"{close}:::{}", node.kind.as_str()));
        }
        for (from, to, kind) in &self.edges {
            let arrow = if *kind == EdgeKind::Data { "-->" } else { "-.->" };
            line(&mut text, format_args!("  n{from} {arrow} n{to}"));
        }
        for kind in self.kinds() {
            let (fill, stroke) = colors(kind);
            let style = format!("fill:{fill},stroke:{stroke},color:#1f2328");
            line(&mut text, format_args!("  classDef {} {style}", kind.as_str()));
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = String::from("digraph dovetail {\n  rankdir=LR;\n");
        text.push_str("  node [style=filled, fontname=\"sans-serif\", fontsize=11];\n");
        for (number, node) in self.nodes.iter().enumerate() {
            let (fill, stroke) = colors(node.kind);
            let (label, shape) = (dot_label(node.name.as_str()), dot_shape(node));
            let style = format!("label=\"{label}\", shape={shape}, fillcolor=\"{fill}\", color=\"{stroke}\"");
            line(&mut text, format_args!("  n{number} [{style}];"));
        }
        for (from, to, kind) in &self.edges {
            let style = if *kind == EdgeKind::Data { "" } else { " [style=dashed]" };
            line(&mut text, format_args!("  n{from} -> n{to}{style};"));
        }
        text.push_str("}\n");
        text
    }

    fn kinds(&self) -> std::collections::BTreeSet<Kind> {
        self.nodes.iter().map(|node| node.kind).collect()
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{arguments}");
}

/// Sources and seeds are where data comes from, objects are not tables: each has its shape, kinds have colours.
fn mermaid_shape(node: &Node) -> (&'static str, &'static str) {
    match (node.kind, node.materialized) {
        (Kind::Source, _) => ("[(", ")]"),
        (Kind::Seed, _) => ("[/", "/]"),
        (_, Materialized::Object) => ("{{", "}}"),
        (Kind::Python, _) => ("([", "])"),
        (Kind::Sql, _) => ("[", "]"),
    }
}

fn dot_shape(node: &Node) -> &'static str {
    match (node.kind, node.materialized) {
        (Kind::Source, _) => "cylinder",
        (Kind::Seed, _) => "note",
        (_, Materialized::Object) => "hexagon",
        (Kind::Python, _) => "ellipse",
        (Kind::Sql, _) => "box",
    }
}

/// Fill and stroke.
fn colors(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Sql => ("#ddf4ff", "#0969da"),
        Kind::Python => ("#fff8c5", "#9a6700"),
        Kind::Seed => ("#dafbe1", "#1a7f37"),
        Kind::Source => ("#eaeef2", "#57606a"),
    }
}

/// Mermaid reads `#name;` as a character and quotes as an end.
pub(super) fn mermaid_label(name: &str) -> String {
    name.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

fn dot_label(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out() {
        assert_eq!(mermaid_label("a \"b\" #c;"), "a #quot;b#quot; #35;c;");
        assert_eq!(dot_label("a \"b\\\""), "a \\\"b\\\\\\\"");
    }
}
