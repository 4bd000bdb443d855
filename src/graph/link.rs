//! Upstream names become edges between declared nodes.

use std::collections::HashMap;

use super::advice::Advisor;
use super::checks::DeclaredCheck;
use super::declare::{Declared, DeclaredBody};
use super::names::{Found, Names};
use super::resolve::Texts;
use super::sources::Implicit;
use super::{EdgeKind, Kind, Materialized};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::parse::check::placed;
use crate::parse::{Manner, Reference, SourceLocation, UpstreamName};
use crate::project::Project;
use crate::source::{Place, Span};
use crate::template::Placeholder;

/// What one node reads.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The placeholders of the rendered text, in order; empty for what is not SQL.
    pub placeholders: Vec<(Span, Placeholder)>,
    /// Upstreams that are nodes, with the node's index: first the declared ones, then the implicit ones.
    pub upstreams: Vec<(UpstreamName, usize)>,
    /// Calls that name what is no upstream.
    pub unseen: Vec<String>,
}

impl Links {
    /// The node that a `ref()` or `source()` stands for.
    pub fn called(&self, reference: &Reference) -> Option<usize> {
        let found = self.upstreams.iter().find(|(name, _)| name.manner == Manner::Call && name.reference == *reference);
        found.map(|(_, index)| *index)
    }

    /// Each upstream once, with the strongest of its edges.
    pub fn edges(&self) -> Vec<(usize, EdgeKind)> {
        let mut edges: Vec<(usize, EdgeKind)> = Vec::with_capacity(self.upstreams.len());
        for (name, index) in &self.upstreams {
            let kind = if name.manner == Manner::Dependency { EdgeKind::Order } else { EdgeKind::Data };
            edges.push((*index, kind));
        }
        edges.sort_by_key(|(index, kind)| (*index, *kind == EdgeKind::Order));
        edges.dedup_by_key(|(index, _)| *index);
        edges
    }
}

/// All links, and the sources that were only found on the way.
pub(super) struct Linked {
    /// One for each declared node, in the same order.
    pub links: Vec<Links>,
    pub implicit: Vec<Declared>,
    /// One for each check.
    pub checks: Vec<Links>,
}

pub(super) fn link(
    project: &Project,
    names: &Names<'_>,
    texts: &Texts<'_>,
    mut upstreams: Vec<Vec<UpstreamName>>,
    checks: &mut [DeclaredCheck],
    problems: &mut Diagnostics,
) -> Linked {
    let mut linker = Linker {
        project,
        names,
        texts,
        implicit: Vec::new(),
        implicit_names: HashMap::new(),
        advisor: Advisor::new(project, names),
        problems,
    };
    let nodes = names.nodes().iter().enumerate();
    let links = nodes
        .map(|(index, node)| {
            let upstreams = upstreams.get_mut(index).map(std::mem::take).unwrap_or_default();
            linker.links_of(index, node, upstreams)
        })
        .collect();
    let checks = checks.iter_mut().map(|check| linker.links_of_check(check)).collect();
    Linked { links, implicit: linker.implicit, checks }
}

/// The number of what is no node itself.
const NO_NODE: usize = usize::MAX;

struct Linker<'a> {
    project: &'a Project,
    names: &'a Names<'a>,
    texts: &'a Texts<'a>,
    implicit: Vec<Declared>,
    implicit_names: HashMap<String, usize>,
    advisor: Advisor<'a>,
    problems: &'a mut Diagnostics,
}

impl Linker<'_> {
    fn links_of(&mut self, index: usize, node: &Declared, mut upstreams: Vec<UpstreamName>) -> Links {
        let placeholders = match &node.body {
            DeclaredBody::Sql(body) => (self.texts.placeholders)(&body.rendered),
            _ => Vec::new(),
        };
        add_printed(node, &placeholders, &mut upstreams);
        let mut links = Links { placeholders, upstreams: Vec::with_capacity(upstreams.len()), unseen: Vec::new() };
        // A wrong name is reported once, however often the asset says it.
        let mut wrong: Vec<Reference> = Vec::new();
        for upstream in upstreams {
            if wrong.contains(&upstream.reference) {
                continue;
            }
            if matches!(upstream.manner, Manner::Text { .. }) {
                match self.named_by_text(index, &upstream) {
                    Some(target) => links.upstreams.push((upstream, target)),
                    None => links.unseen.push("query_table(...)".to_owned()),
                }
                continue;
            }
            match self.target(index, node, &upstream) {
                Ok(Some(target)) => links.upstreams.push((upstream, target)),
                Ok(None) => {}
                Err(problem) => {
                    self.problems.push(*problem);
                    wrong.push(upstream.reference);
                }
            }
        }
        links
    }

    /// The same of a check. What is wrong in its template is told where it is asked for.
    fn links_of_check(&mut self, check: &mut DeclaredCheck) -> Links {
        let mut found = Diagnostics::default();
        std::mem::swap(self.problems, &mut found);
        let links = self.links_of(NO_NODE, &check.node, std::mem::take(&mut check.upstreams));
        std::mem::swap(self.problems, &mut found);
        self.problems.extend(placed(found, &check.node.place));
        links
    }

    /// The node that an upstream stands for; `None` for what is no edge.
    fn target(
        &mut self,
        index: usize,
        node: &Declared,
        upstream: &UpstreamName,
    ) -> Result<Option<usize>, Box<Diagnostic>> {
        let place = || place_of(self.texts, node, upstream);
        match self.names.find(&upstream.reference, &upstream.manner) {
            Ok(Found::System) => Ok(None),
            Ok(Found::Implicit(implicit)) => Ok(Some(self.implicit(*implicit, &upstream.place))),
            Ok(Found::Node(target)) if target == index => Err(reads_itself(node, upstream, place()).into()),
            Ok(Found::Node(target)) => {
                let read = &self.names.nodes()[target];
                let is_object = read.settings.materialized == Materialized::Object;
                if node.kind == Kind::Sql && is_object {
                    return Err(reads_object(node, read, place()).into());
                }
                let is_value = matches!(read.body, DeclaredBody::Source(SourceLocation::Function { .. }));
                if node.kind == Kind::Sql && is_value {
                    return Err(reads_value(node, read, place()).into());
                }
                Ok(Some(target))
            }
            Err(lost) => {
                let place = place();
                Err(self.advisor.explain(node, upstream, lost, place).into())
            }
        }
    }

    /// The table that a text names; `None` where it is the asset's own, or nobody declares it.
    fn named_by_text(&mut self, index: usize, upstream: &UpstreamName) -> Option<usize> {
        match self.names.find(&upstream.reference, &upstream.manner) {
            Ok(Found::Node(target)) if target != index => {
                let read = &self.names.nodes()[target];
                let is_relation = matches!(read.settings.materialized, Materialized::Table | Materialized::View);
                let is_table = matches!(read.body, DeclaredBody::Source(SourceLocation::Table { .. }));
                (is_relation || is_table).then_some(target)
            }
            Ok(Found::Implicit(implicit)) if matches!(implicit.location, SourceLocation::Table { .. }) => {
                Some(self.implicit(*implicit, &upstream.place))
            }
            _ => None,
        }
    }

    fn implicit(&mut self, implicit: Implicit, place: &Place) -> usize {
        let name = implicit.name.as_str().to_owned();
        let next = self.names.nodes().len() + self.implicit.len();
        let index = *self.implicit_names.entry(name).or_insert(next);
        if index == next {
            self.implicit.push(implicit.declare(self.project, place));
        }
        index
    }
}

/// A placeholder whose call nobody reported still is a reference.
fn add_printed(node: &Declared, placeholders: &[(Span, Placeholder)], upstreams: &mut Vec<UpstreamName>) {
    for (_, placeholder) in placeholders {
        let Placeholder::Reference(reference, _) = placeholder else { continue };
        let is_known = upstreams.iter().any(|name| name.manner == Manner::Call && name.reference == *reference);
        if !is_known {
            let (reference, place) = (reference.clone(), node.place.clone());
            upstreams.push(UpstreamName { reference, place, manner: Manner::Call });
        }
    }
}

/// Where the user wrote an upstream's name. Slow for plain names, whose template is rendered again: for errors only.
pub(super) fn place_of(texts: &Texts<'_>, node: &Declared, upstream: &UpstreamName) -> Place {
    match upstream.manner {
        Manner::PlainName { rendered, .. } | Manner::Text { rendered } => (texts.place)(&node.file, rendered),
        _ => upstream.place.clone(),
    }
}

fn reads_itself(node: &Declared, upstream: &UpstreamName, place: Place) -> Diagnostic {
    let problem = Diagnostic::error(Code::Cycle, format!("`{}` reads itself", node.name))
        .at(place)
        .label("this is the asset's own name");
    match upstream.reference {
        Reference::Table(_) => problem.hint(
            "if another table of this name is meant, declare it as a source and write `{{ source('...', '...') }}`",
        ),
        _ => problem,
    }
}

/// Objects are handed to Python only.
fn reads_object(node: &Declared, read: &Declared, place: Place) -> Diagnostic {
    Diagnostic::error(
        Code::ObjectInSql,
        format!("`{}` reads `{}`, which is an object and not a table", node.name, read.name),
    )
    .at(place)
    .related(read.place.clone(), "materialized as an object here")
    .hint("objects can only be parameters of asset functions")
}

/// What a function under `@source` returns is handed to Python only.
fn reads_value(node: &Declared, read: &Declared, place: Place) -> Diagnostic {
    let message = format!("`{}` reads the source `{}`, which is what a Python function returns", node.name, read.name);
    Diagnostic::error(Code::SourceInSql, message)
        .at(place)
        .related(read.place.clone(), "declared by `@source` here")
        .hint("sources of this kind can only be parameters of asset functions: let one of them make a table of it")
}
