//! `dovetail lineage`: what a column comes from, and what it goes into.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::args::{LineageArgs, LineageOutput};
use super::columns::{column_graph, find_column, note_doubts};
use super::context::Context;
use super::facts::open_if_there;
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::graph::NodeId;
use crate::graph::algebra::{ancestors, descendants};
use crate::lineage::{ColumnGraph, ColumnId, Downstream, How, Step, Upstream};

pub(crate) fn lineage(context: &mut Context, args: &LineageArgs) -> CommandResult {
    let compiled = context.compile()?;
    let engine = open_if_there(context, &compiled, None)?;
    let columns = column_graph(&compiled, engine.as_ref())?;
    let start = find_column(&columns, &args.column)?;
    let both = args.upstream == args.downstream;
    let upstream = (both || args.upstream).then(|| columns.upstream(&start));
    let downstream = (both || args.downstream).then(|| columns.downstream(&start));
    let told = Told { columns: &columns, start: &start, upstream, downstream };
    match args.output {
        LineageOutput::Text => context.printer.data(&told.text()),
        LineageOutput::Mermaid => context.printer.data(&told.mermaid()),
        LineageOutput::Json => {
            for line in told.lines() {
                let line = serde_json::to_string(&line).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
        }
    }
    let asked = BTreeSet::from([start.asset]);
    let mut around = asked.clone();
    if told.upstream.is_some() {
        around.extend(ancestors(&compiled.graph, &asked, None));
    }
    if told.downstream.is_some() {
        around.extend(descendants(&compiled.graph, &asked, None));
    }
    note_doubts(context, &columns, around);
    Ok(ExitStatus::Success)
}

/// What was found, to be written.
struct Told<'a> {
    columns: &'a ColumnGraph<'a>,
    start: &'a ColumnId,
    /// `None` where it was not asked for.
    upstream: Option<Upstream>,
    downstream: Option<Downstream>,
}

/// One line of `--output json`. The keys and their order are a promise to scripts.
#[derive(Serialize)]
struct Line {
    direction: &'static str,
    asset: String,
    /// `None` where all columns of an asset have other rows.
    column: Option<String>,
    /// The column nearer to the one that was asked about, as `asset.column`; `None` for what decides rows.
    from: Option<String>,
    /// `value`, or `rows` where only the rows come from there.
    via: &'static str,
    how: Option<&'static str>,
    distance: Option<usize>,
}

impl Told<'_> {
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.columns.written(self.start));
        if let Some(upstream) = &self.upstream {
            text += "  comes from\n";
            text += &self.tree(&upstream.values, self.start, 2);
            let names: Vec<String> = upstream.rows.iter().map(|column| self.columns.written(column)).collect();
            text += &self.rows("rows are decided by", names);
        }
        if let Some(downstream) = &self.downstream {
            text += "  goes into\n";
            text += &self.tree(&downstream.values, self.start, 2);
            text += &self.rows("decides the rows of", self.names(&downstream.rows));
        }
        text
    }

    /// The columns that were reached from one, and below each those that were reached from it.
    fn tree(&self, steps: &[Step], start: &ColumnId, depth: usize) -> String {
        let mut below: HashMap<&ColumnId, Vec<&Step>> = HashMap::new();
        steps.iter().for_each(|step| below.entry(&step.from).or_default().push(step));
        below.values_mut().for_each(|steps| steps.sort_by_key(|step| self.columns.written(&step.column)));
        let of = |column: &ColumnId| below.get(column).cloned().unwrap_or_default().into_iter().rev();
        let mut text = String::new();
        let mut open: Vec<(usize, &Step)> = of(start).map(|step| (depth, step)).collect();
        if open.is_empty() {
            return format!("{}nothing\n", "  ".repeat(depth));
        }
        while let Some((depth, step)) = open.pop() {
            let how = if step.only_rows { "only its rows" } else { step.how.as_str() };
            text += &format!("{}{}  ({how})\n", "  ".repeat(depth), self.columns.written(&step.column));
            open.extend(of(&step.column).map(|step| (depth + 1, step)));
        }
        text
    }

    fn rows(&self, what: &str, mut names: Vec<String>) -> String {
        names.sort_unstable();
        if names.is_empty() { String::new() } else { format!("  {what} {}\n", names.join(", ")) }
    }

    fn names(&self, assets: &BTreeSet<NodeId>) -> Vec<String> {
        assets.iter().map(|asset| self.columns.graph.node(*asset).name.to_string()).collect()
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(upstream) = &self.upstream {
            lines.extend(upstream.values.iter().map(|step| self.line("upstream", step)));
            lines.extend(
                upstream
                    .rows
                    .iter()
                    .map(|column| Line { column: Some(self.name(column)), ..self.deciding("upstream", column.asset) }),
            );
        }
        if let Some(downstream) = &self.downstream {
            lines.extend(downstream.values.iter().map(|step| self.line("downstream", step)));
            lines.extend(downstream.rows.iter().map(|asset| self.deciding("downstream", *asset)));
        }
        let key = |line: &Line| {
            (line.direction == "downstream", line.via == "rows", line.distance, line.asset.clone(), line.column.clone())
        };
        lines.sort_by_key(key);
        lines
    }

    fn line(&self, direction: &'static str, step: &Step) -> Line {
        Line {
            direction,
            asset: self.columns.graph.node(step.column.asset).name.to_string(),
            column: Some(self.name(&step.column)),
            from: Some(self.columns.written(&step.from)),
            via: if step.only_rows { "rows" } else { "value" },
            how: Some(step.how.as_str()),
            distance: Some(step.distance),
        }
    }

    fn deciding(&self, direction: &'static str, asset: NodeId) -> Line {
        let asset = self.columns.graph.node(asset).name.to_string();
        Line { direction, asset, column: None, from: None, via: "rows", how: None, distance: None }
    }

    fn name(&self, column: &ColumnId) -> String {
        self.columns.column(column).map_or_else(|| column.name.clone(), |column| column.name.clone())
    }

    fn mermaid(&self) -> String {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut text = String::from("flowchart LR\n");
        let mut node = |name: String, text: &mut String| {
            let next = numbers.len();
            *numbers.entry(name.clone()).or_insert_with(|| {
                *text += &format!("  n{next}[\"{}\"]\n", super::graph::mermaid_label(&name));
                next
            })
        };
        let mut edges = Vec::new();
        node(self.columns.written(self.start), &mut text);
        let mut edge = |from: String, to: String, arrow: &str, text: &mut String| {
            let (from, to) = (node(from, text), node(to, text));
            edges.push(format!("  n{from} {arrow} n{to}\n"));
        };
        let arrow = |step: &Step| match step.how {
            _ if step.only_rows => "-.->",
            How::Assumed | How::Unknown => "-->|?|",
            _ => "-->",
        };
        let written = |column: &ColumnId| self.columns.written(column);
        let sorted = |steps: &[Step]| {
            let mut steps = steps.to_vec();
            steps.sort_by_key(|step| (step.distance, written(&step.column)));
            steps
        };
        for step in self.upstream.iter().flat_map(|upstream| sorted(&upstream.values)) {
            edge(written(&step.column), written(&step.from), arrow(&step), &mut text);
        }
        for step in self.downstream.iter().flat_map(|downstream| sorted(&downstream.values)) {
            edge(written(&step.from), written(&step.column), arrow(&step), &mut text);
        }
        let mut deciding: Vec<String> = self.upstream.iter().flat_map(|upstream| &upstream.rows).map(written).collect();
        deciding.sort_unstable();
        for column in deciding {
            edge(column, written(self.start), "-.->", &mut text);
        }
        let mut decided: Vec<String> =
            self.downstream.iter().flat_map(|downstream| self.names(&downstream.rows)).collect();
        decided.sort_unstable();
        for asset in decided {
            edge(written(self.start), asset, "-.->", &mut text);
        }
        text + &edges.concat()
    }
}
