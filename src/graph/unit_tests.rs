//! Unit tests, with the assets that they name.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{AssetGraph, Body, Kind, Materialized, NodeId};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::SourceLocation;
use crate::parse::unit_test::{InputName, ParsedRows, ParsedUnitTest, UnitTestOverrides};
use crate::project::Values;
use crate::source::{Place, Span};

/// A unit test of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitTestId(u32);

/// A unit test of an asset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitTest {
    pub name: String,
    /// The project's name, and the test's.
    pub fqn: Vec<String>,
    /// Of the name. All spans of the test are of this file.
    pub place: Place,
    pub description: Option<String>,
    /// The asset that is tested.
    pub model: NodeId,
    /// Where it is named.
    pub model_span: Span,
    pub given: Vec<Given>,
    pub expect: ParsedRows,
    pub overrides: UnitTestOverrides,
    pub tags: Vec<String>,
    pub meta: Values,
}

/// What an input of the tested asset holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Given {
    /// The input; the tested asset itself for what it held before.
    pub node: NodeId,
    /// Where it is named.
    pub span: Span,
    /// `None` for a seed whose file is meant.
    pub rows: Option<ParsedRows>,
}

impl UnitTest {
    /// A place of the test.
    pub fn at(&self, span: Span) -> Place {
        Place::new(&self.place.file, span)
    }
}

impl AssetGraph {
    /// # Panics
    /// When the id is of another graph.
    pub fn unit_test(&self, id: UnitTestId) -> &UnitTest {
        &self.unit_tests[id.0 as usize]
    }

    /// All unit tests, in the order of their files.
    pub fn unit_test_ids(&self) -> impl Iterator<Item = UnitTestId> + use<> {
        (0..u32::try_from(self.unit_tests.len()).unwrap_or(u32::MAX)).map(UnitTestId)
    }
}

/// Finds what tests name; problems are told all at once. Tests that are disabled, or whose asset is, are left out.
pub(super) fn resolve_tests(
    graph: &AssetGraph,
    parsed: Vec<ParsedUnitTest>,
    is_disabled: &dyn Fn(&str) -> bool,
    problems: &mut Diagnostics,
) -> Vec<UnitTest> {
    let mut first: HashMap<String, Place> = HashMap::with_capacity(parsed.len());
    let mut tests = Vec::with_capacity(parsed.len());
    for test in parsed.into_iter().filter(|test| test.is_enabled && !is_disabled(&test.model.0)) {
        if let Some(place) = first.get(&test.name) {
            let problem = Diagnostic::error(Code::UnitTestName, format!("two unit tests are called `{}`", test.name));
            problems.push(problem.at(test.place.clone()).related(place.clone(), "the first one"));
            continue;
        }
        first.insert(test.name.clone(), test.place.clone());
        tests.extend(resolve_test(graph, test, problems));
    }
    tests
}

fn resolve_test(graph: &AssetGraph, test: ParsedUnitTest, problems: &mut Diagnostics) -> Option<UnitTest> {
    let at = |span: Span| Place::new(&test.place.file, span);
    let model = graph.find(&test.model.0).filter(|id| !graph.node(*id).is_source());
    if model.is_none() {
        let assets = graph.ids().filter(|id| !graph.node(*id).is_source());
        let names: Vec<&str> = assets.map(|id| graph.node(id).name.as_str()).collect();
        let message = format!("unit test `{}` is about `{}`, and there is no such asset", test.name, test.model.0);
        problems.push(unknown(message, &test.model.0, names).at(at(test.model.1)));
    }
    if let Some(object) = model.map(|id| graph.node(id)).filter(|node| node.materialized == Materialized::Object) {
        let message =
            format!("unit test `{}` is about `{}`, which is an object and has no rows", test.name, object.name);
        let problem = Diagnostic::error(Code::UnitTestInput, message).at(at(test.model.1));
        problems.push(problem.hint("test it in Python: `dovetail.testing.run_asset` gives the object"));
    }
    let mut given: Vec<Given> = Vec::with_capacity(test.given.len());
    for input in test.given {
        let node = match &input.input {
            InputName::This => model,
            InputName::Named(name) => {
                let found = find_input(graph, name);
                if found.is_none() {
                    let names = graph.ids().map(|id| graph.node(id).name.as_str()).collect();
                    let message = format!("unit test `{}` gives rows to `{name}`, which does not exist", test.name);
                    problems.push(unknown(message, name, names).at(at(input.span)));
                }
                found
            }
        };
        let Some(node) = node else { continue };
        if let Some(problem) = cannot_be_given(graph, node, input.rows.is_some()) {
            problems.push(problem.at(at(input.span)));
            continue;
        }
        if let Some(before) = given.iter().find(|before| before.node == node) {
            let message = format!("`{}` is given twice", graph.node(node).name);
            let problem = Diagnostic::error(Code::UnitTestName, message).at(at(input.span));
            problems.push(problem.related(at(before.span), "the first time"));
            continue;
        }
        given.push(Given { node, span: input.span, rows: input.rows });
    }
    let ParsedUnitTest { name, place, description, model: (_, model_span), expect, overrides, tags, meta, .. } = test;
    let fqn = vec![graph.package.clone(), name.clone()];
    Some(UnitTest { name, fqn, place, description, model: model?, model_span, given, expect, overrides, tags, meta })
}

/// An asset or a source by its name; a source's table by its own, where only one has it.
fn find_input(graph: &AssetGraph, name: &str) -> Option<NodeId> {
    graph.find(name).or_else(|| {
        let is_table = |id: &NodeId| {
            let node = graph.node(*id);
            node.is_source() && node.fqn.last().is_some_and(|table| table == name)
        };
        let mut found = graph.ids().filter(is_table);
        found.next().filter(|_| found.next().is_none())
    })
}

fn cannot_be_given(graph: &AssetGraph, id: NodeId, has_rows: bool) -> Option<Diagnostic> {
    let node = graph.node(id);
    if node.materialized == Materialized::Object {
        let message = format!("`{}` is an object, which no rows can stand for", node.name);
        let problem = Diagnostic::error(Code::UnitTestInput, message);
        return Some(problem.hint("leave it out and give what it reads: then it is computed"));
    }
    if node.is_implicit() && matches!(node.body, Body::Source(SourceLocation::Files { .. })) {
        let message = format!("`{}` is a file that a query names by its path, which no rows can stand for", node.name);
        return Some(Diagnostic::error(Code::UnitTestInput, message).hint("declare it as a source, with `path:`"));
    }
    if !has_rows && !matches!((node.kind, &node.body), (Kind::Seed, Body::Seed)) {
        let message = format!("`{}` is given without `rows`", node.name);
        return Some(Diagnostic::error(Code::UnitTestInput, message).hint("`rows: []` gives none"));
    }
    None
}

fn unknown(message: String, name: &str, names: Vec<&str>) -> Diagnostic {
    let near = did_you_mean(name, names);
    Diagnostic::error(Code::UnitTestName, message).hint_if(near.map(|near| format!("did you mean `{near}`?")))
}
