//! Names become edges.

use std::collections::HashMap;
use std::sync::Arc;

use petgraph::graph::DiGraph;

use super::algebra::topological_order;
use super::checks::{DeclaredCheck, LinkedCheck, Question, declare_checks, finish_checks};
use super::compile::{Compiler, Variant};
use super::cycle::report_cycles;
use super::declare::{Declarations, Declared, DeclaredBody, declare_assets};
use super::duplicates::{check_duplicates, check_renames};
use super::link::{Linked, Links, link};
use super::names::Names;
use super::properties::PropertyIndex;
use super::sources::{declare_python_sources, declare_sources};
use super::unit_tests::resolve_tests;
use super::{AssetGraph, Body, CompiledPython, CompiledSql, EdgeKind, Node, NodeId};
use crate::diagnostic::{Diagnostics, Warned};
use crate::parse::{Manner, Parsed, PythonBody, UpstreamName};
use crate::project::Project;
use crate::source::{Place, SourceFile, Span};
use crate::template::{Placeholder, TemplateEnvironment, find_placeholders};

/// Builds the graph. All problems of naming, config and order are reported at once.
pub fn resolve(
    project: &Project,
    parsed: Parsed,
    templates: &TemplateEnvironment,
) -> Result<Warned<AssetGraph>, Diagnostics> {
    let resolved = resolve_uses(project, parsed, templates)?;
    Ok(Warned { value: resolved.value.graph, warnings: resolved.warnings })
}

/// As `resolve`, with every place at which something is named.
///
/// # Errors
/// As `resolve`.
pub fn resolve_uses(
    project: &Project,
    parsed: Parsed,
    templates: &TemplateEnvironment,
) -> Result<Warned<Resolved>, Diagnostics> {
    let texts =
        Texts { place: &|file, rendered| templates.source_map(file).place(rendered), placeholders: &find_placeholders };
    resolve_with(project, parsed, &texts)
}

/// A graph, and where its files name what is in it.
#[derive(Debug)]
pub struct Resolved {
    pub graph: AssetGraph,
    pub uses: Vec<Use>,
}

/// A place at which an asset names what it reads.
#[derive(Debug, Clone)]
pub struct Use {
    pub reader: NodeId,
    pub target: NodeId,
    pub place: Place,
    pub manner: Manner,
}

/// The two questions that this stage asks about rendered templates.
pub(super) struct Texts<'a> {
    /// The place in the template that a span of the rendered text came from. Slow: for errors only.
    pub place: &'a dyn Fn(&Arc<SourceFile>, Span) -> Place,
    /// The placeholders of a rendered text, in order.
    pub placeholders: &'a dyn Fn(&str) -> Vec<(Span, Placeholder)>,
}

pub(super) fn resolve_with(
    project: &Project,
    mut parsed: Parsed,
    texts: &Texts<'_>,
) -> Result<Warned<Resolved>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let tests = std::mem::take(&mut parsed.properties.unit_tests);
    let (mut declarations, mut checks) = declare(project, parsed, &mut problems);
    check_duplicates(&declarations.nodes, &mut problems);
    check_renames(&declarations.nodes, &mut problems);
    let upstreams = std::mem::take(&mut declarations.upstreams);
    let names = Names::new(project, &declarations);
    let own_database = names.databases().own().to_owned();
    let Linked { mut links, implicit, checks: links_of_checks } =
        link(project, &names, texts, upstreams, &mut checks, &mut problems);
    let (mut nodes, disabled) = (declarations.nodes, declarations.disabled);
    links.resize_with(nodes.len() + implicit.len(), Links::default);
    nodes.extend(implicit);
    nodes.iter_mut().for_each(|node| node.settings.relation.qualify(&own_database));
    // Checks are compiled as nodes behind all others, which keep their numbers without them.
    let (count, mut facts) = (nodes.len(), Vec::with_capacity(checks.len()));
    for DeclaredCheck { node, facts: of_check, .. } in checks {
        nodes.push(node);
        facts.push(of_check);
    }
    links.extend(links_of_checks);
    let skeleton = skeleton(&nodes, &links, count);
    report_cycles(&skeleton, &nodes, &links, texts, &mut problems);
    if problems.has_errors() {
        return Err(problems.sorted());
    }
    let mut bodies = compile(&skeleton, &nodes, &links, &own_database, &mut problems);
    let (links_of_checks, compiled) = (links.split_off(count), bodies.split_off(count));
    let parts = nodes.split_off(count).into_iter().zip(facts).zip(links_of_checks.into_iter().zip(compiled));
    let ids = ids(&skeleton);
    let linked = parts.map(|((node, facts), (links, body))| LinkedCheck {
        targets: links.upstreams.into_iter().map(|(name, target)| (name, ids[target])).collect(),
        question: question_of(&node, body),
        node,
        facts,
    });
    let linked = linked.collect();
    let uses = uses(&skeleton, links);
    let mut graph = finish(project, skeleton, nodes, bodies);
    finish_checks(&mut graph, linked, &mut problems);
    graph.unit_tests = resolve_tests(&graph, tests, &|name| disabled.contains_key(name), &mut problems);
    problems.with(Resolved { graph, uses })
}

/// What a check asks by a query or a function of its own; `None` of one that needs none.
fn question_of(node: &Declared, body: Compiled) -> Option<Question> {
    match (&node.body, body) {
        (_, Compiled::Sql(compiled)) => Some(Question::Query(compiled)),
        (DeclaredBody::Python(body), Compiled::Inputs(inputs, dependencies)) => {
            Some(Question::Function(CompiledPython { body: body.clone(), inputs, dependencies }))
        }
        _ => None,
    }
}

fn declare(project: &Project, parsed: Parsed, problems: &mut Diagnostics) -> (Declarations, Vec<DeclaredCheck>) {
    let properties = PropertyIndex::new(&parsed.properties.assets, &parsed.assets, problems);
    let mut declarations = declare_assets(project, parsed.assets, &properties, problems);
    declare_sources(project, parsed.properties.sources, &mut declarations, problems);
    declare_python_sources(project, parsed.python_sources, &mut declarations, problems);
    let asked = (parsed.checks, parsed.tests, parsed.python_checks);
    let checks = declare_checks(project, asked, &parsed.properties.checks, &declarations, problems);
    (declarations, checks)
}

/// The graph's shape: nodes in order of their names, each with its index among the declared ones. Behind the first `count`
/// stand checks, which stay there.
fn skeleton(nodes: &[Declared], links: &[Links], count: usize) -> DiGraph<usize, EdgeKind> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order[..count].sort_by(|one, other| nodes[*one].name.cmp(&nodes[*other].name));
    let mut ids = vec![NodeId::default(); nodes.len()];
    let mut skeleton = DiGraph::with_capacity(nodes.len(), nodes.len());
    for index in order {
        ids[index] = skeleton.add_node(index);
    }
    let mut edges: Vec<(NodeId, NodeId, EdgeKind)> = Vec::with_capacity(nodes.len());
    for (downstream, links) in links.iter().enumerate() {
        edges.extend(links.edges().into_iter().map(|(upstream, kind)| (ids[upstream], ids[downstream], kind)));
    }
    // petgraph walks the neighbours of a node from the last edge to the first: this way they come by name.
    edges.sort_by_key(|(upstream, downstream, _)| std::cmp::Reverse((*upstream, *downstream)));
    for (upstream, downstream, kind) in edges {
        skeleton.add_edge(upstream, downstream, kind);
    }
    skeleton
}

fn ids(skeleton: &DiGraph<usize, EdgeKind>) -> Vec<NodeId> {
    let mut ids = vec![NodeId::default(); skeleton.node_count()];
    for id in skeleton.node_indices() {
        ids[skeleton[id]] = id;
    }
    ids
}

/// What the links name, by the ids that the graph gives. The graph of a project without errors has these ids.
fn uses(skeleton: &DiGraph<usize, EdgeKind>, links: Vec<Links>) -> Vec<Use> {
    let ids = ids(skeleton);
    let named = |(reader, links): (usize, Links)| {
        let reader = ids[reader];
        let ids = &ids;
        links.upstreams.into_iter().map(move |(UpstreamName { place, manner, .. }, target)| Use {
            reader,
            target: ids[target],
            place,
            manner,
        })
    };
    links.into_iter().enumerate().flat_map(named).collect::<Vec<_>>()
}

/// What a node's body becomes, where it is compiled at all.
enum Compiled {
    Sql(CompiledSql),
    /// What arrives as arguments, and what is only named.
    Inputs(Vec<(usize, NodeId)>, Vec<NodeId>),
    AsDeclared,
}

fn compile(
    skeleton: &DiGraph<usize, EdgeKind>,
    nodes: &[Declared],
    links: &[Links],
    own_database: &str,
    problems: &mut Diagnostics,
) -> Vec<Compiled> {
    let ids = ids(skeleton);
    let (ephemeral, repeatable) = (HashMap::new(), HashMap::new());
    let mut compiler = Compiler { nodes, ids: &ids, own_database, ephemeral, repeatable, variant: Variant::Real };
    let mut bodies: Vec<Compiled> = nodes.iter().map(|_| Compiled::AsDeclared).collect();
    for id in topological_order(skeleton) {
        let index = skeleton[id];
        match &nodes[index].body {
            DeclaredBody::Sql(body) => match compiler.compile(index, body, &links[index]) {
                Ok(compiled) => bodies[index] = Compiled::Sql(compiled),
                Err(problem) => problems.push(*problem),
            },
            DeclaredBody::Python(body) => {
                let links = &links[index];
                bodies[index] = Compiled::Inputs(inputs(body, links, &ids), dependencies(links, &ids));
            }
            DeclaredBody::Seed | DeclaredBody::Source(_) => {}
        }
    }
    bodies
}

/// The nodes that arrive as arguments.
fn inputs(body: &PythonBody, links: &Links, ids: &[NodeId]) -> Vec<(usize, NodeId)> {
    let parameters: HashMap<&str, usize> =
        body.parameters.iter().enumerate().map(|(index, parameter)| (parameter.name.as_str(), index)).collect();
    let argument = |(upstream, target): &(UpstreamName, usize)| match &upstream.manner {
        Manner::Parameter(name) => Some((*parameters.get(name.as_str())?, ids[*target])),
        _ => None,
    };
    let mut inputs: Vec<(usize, NodeId)> = links.upstreams.iter().filter_map(argument).collect();
    inputs.sort_unstable();
    inputs
}

/// The nodes that `deps=` names.
fn dependencies(links: &Links, ids: &[NodeId]) -> Vec<NodeId> {
    let named = links.upstreams.iter().filter(|(upstream, _)| upstream.manner == Manner::Dependency);
    named.map(|(_, target)| ids[*target]).collect()
}

fn finish(
    project: &Project,
    skeleton: DiGraph<usize, EdgeKind>,
    nodes: Vec<Declared>,
    bodies: Vec<Compiled>,
) -> AssetGraph {
    let mut finished: Vec<Option<Node>> =
        nodes.into_iter().zip(bodies).map(|(node, compiled)| finish_node(node, compiled, &project.name)).collect();
    let take = |_, index: usize| finished.get_mut(index)?.take();
    let nodes = skeleton.filter_map_owned(take, |_, kind| Some(kind));
    let by_name = nodes.node_indices().map(|id| (nodes[id].name.as_str().to_owned(), id)).collect();
    AssetGraph { nodes, by_name, package: project.name.clone(), checks: Vec::new(), unit_tests: Vec::new() }
}

/// `None` for SQL that did not compile, which is an error that ends this stage.
fn finish_node(mut node: Declared, compiled: Compiled, package: &str) -> Option<Node> {
    let body = match (std::mem::replace(&mut node.body, DeclaredBody::Seed), compiled) {
        (DeclaredBody::Sql(_), Compiled::Sql(compiled)) => Body::Sql(compiled),
        (DeclaredBody::Python(body), Compiled::Inputs(inputs, dependencies)) => {
            Body::Python(CompiledPython { body, inputs, dependencies })
        }
        (DeclaredBody::Seed, Compiled::AsDeclared) => Body::Seed,
        (DeclaredBody::Source(location), Compiled::AsDeclared) => Body::Source(location),
        _ => return None,
    };
    Some(node.into_node(package, body))
}
