//! Upstream names become edges between declared nodes.

use std::collections::HashMap;

use super::databases::same;
use super::declare::{Declared, DeclaredBody};
use super::names::{Found, Lost, Names};
use super::resolve::Texts;
use super::{EdgeKind, Kind, Materialized};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::{Manner, Reference, UpstreamName};
use crate::project::Project;
use crate::source::{Place, Span};
use crate::template::Placeholder;

/// Looking for a near name walks over all names, so a project that is wrong everywhere gets only so many guesses.
const GUESSES: usize = 100;

/// What one node reads.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The placeholders of the rendered text, in order; empty for what is not SQL.
    pub placeholders: Vec<(Span, Placeholder)>,
    /// Upstreams that are nodes, with the node's index: first the declared ones, then the implicit ones.
    pub upstreams: Vec<(UpstreamName, usize)>,
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
}

pub(super) fn link(
    project: &Project,
    names: &Names<'_>,
    texts: &Texts<'_>,
    mut upstreams: Vec<Vec<UpstreamName>>,
    problems: &mut Diagnostics,
) -> Linked {
    let mut linker =
        Linker { project, names, texts, implicit: Vec::new(), implicit_names: HashMap::new(), guesses: 0, problems };
    let nodes = names.nodes().iter().enumerate();
    let links = nodes
        .map(|(index, node)| {
            let upstreams = upstreams.get_mut(index).map(std::mem::take).unwrap_or_default();
            linker.links_of(index, node, upstreams)
        })
        .collect();
    Linked { links, implicit: linker.implicit }
}

struct Linker<'a> {
    project: &'a Project,
    names: &'a Names<'a>,
    texts: &'a Texts<'a>,
    implicit: Vec<Declared>,
    implicit_names: HashMap<String, usize>,
    guesses: usize,
    problems: &'a mut Diagnostics,
}

impl Linker<'_> {
    fn links_of(&mut self, index: usize, node: &Declared, mut upstreams: Vec<UpstreamName>) -> Links {
        let placeholders = match &node.body {
            DeclaredBody::Sql(body) => (self.texts.placeholders)(&body.rendered),
            _ => Vec::new(),
        };
        add_printed(node, &placeholders, &mut upstreams);
        let mut links = Links { placeholders, upstreams: Vec::with_capacity(upstreams.len()) };
        for upstream in upstreams {
            if let Some(target) = self.target(node, &upstream) {
                if target == index {
                    self.problems.push(self.reads_itself(node, &upstream));
                } else if self.is_readable(node, &upstream, target) {
                    links.upstreams.push((upstream, target));
                }
            }
        }
        links
    }

    fn target(&mut self, node: &Declared, upstream: &UpstreamName) -> Option<usize> {
        match self.names.find(&upstream.reference, &upstream.manner) {
            Ok(Found::Node(index)) => Some(index),
            Ok(Found::System) => None,
            Ok(Found::Implicit(implicit)) => {
                let name = implicit.name.as_str().to_owned();
                if let Some(index) = self.implicit_names.get(&name) {
                    return Some(*index);
                }
                let index = self.names.nodes().len() + self.implicit.len();
                self.implicit.push(implicit.declare(self.project, &upstream.place));
                self.implicit_names.insert(name, index);
                Some(index)
            }
            Err(lost) => {
                let problem = self.unknown(node, upstream, lost);
                self.problems.push(problem);
                None
            }
        }
    }

    /// Objects are handed to Python only.
    fn is_readable(&mut self, node: &Declared, upstream: &UpstreamName, target: usize) -> bool {
        let Some(read) = self.names.nodes().get(target) else { return true };
        if node.kind != Kind::Sql || read.settings.materialized != Materialized::Object {
            return true;
        }
        let message = format!("`{}` reads `{}`, which is an object and not a table", node.name, read.name);
        let problem = Diagnostic::error(Code::ObjectInSql, message)
            .at(self.place(node, upstream))
            .related(read.place.clone(), "materialized as an object here")
            .hint("objects can only be parameters of asset functions");
        self.problems.push(problem);
        false
    }

    fn place(&self, node: &Declared, upstream: &UpstreamName) -> Place {
        place_of(self.texts, node, upstream)
    }

    fn reads_itself(&self, node: &Declared, upstream: &UpstreamName) -> Diagnostic {
        let problem = Diagnostic::error(Code::Cycle, format!("`{}` reads itself", node.name))
            .at(self.place(node, upstream))
            .label("this is the asset's own name");
        match upstream.reference {
            Reference::Table(_) => problem.hint(
                "if another table of this name is meant, declare it as a source and write `{{ source('...', '...') }}`",
            ),
            _ => problem,
        }
    }

    fn unknown(&mut self, node: &Declared, upstream: &UpstreamName, lost: Lost) -> Diagnostic {
        let written = written(&upstream.reference);
        let place = self.place(node, upstream);
        match lost {
            Lost::Unknown => {
                let hint = self.hint(upstream, &written);
                Diagnostic::error(Code::UnknownUpstream, format!("unknown upstream `{written}` of `{}`", node.name))
                    .at(place)
                    .label(label(upstream))
                    .hint(hint)
            }
            Lost::Disabled(disabled) => {
                let message = format!("`{}` reads `{written}`, which is disabled", node.name);
                Diagnostic::error(Code::UnknownUpstream, message)
                    .at(place)
                    .related(disabled, "declared here, with `enabled` set to `false`")
            }
            Lost::Ambiguous(names) => {
                let message = format!("`{written}`, which `{}` reads, can be any of {}", node.name, list(&names));
                Diagnostic::error(Code::UnknownUpstream, message).at(place).hint("write the full name")
            }
            Lost::Package(package) => {
                let message = format!("`{}` refers to package `{package}`, which does not exist", node.name);
                let hint = format!("the only package is `{}`", self.project.name);
                Diagnostic::error(Code::UnknownUpstream, message).at(place).hint(hint)
            }
        }
    }

    fn hint(&mut self, upstream: &UpstreamName, written: &str) -> String {
        let sources = match &upstream.reference {
            Reference::Asset { name, .. } => self.names.sources_with_table(name),
            Reference::Table(parts) => {
                self.names.sources_with_table(parts.last().map(String::as_str).unwrap_or_default())
            }
            Reference::Source { table, .. } => self.names.sources_with_table(table),
        };
        if !sources.is_empty() {
            return format!("did you mean {}?", list(&sources));
        }
        if self.guesses < GUESSES {
            self.guesses += 1;
            let wants_source = matches!(upstream.reference, Reference::Source { .. });
            let nodes = self.names.nodes().iter().filter(|node| !wants_source || node.kind == Kind::Source);
            if let Some(guess) = did_you_mean(written, nodes.map(|node| node.name.as_str())) {
                return format!("did you mean `{guess}`?");
            }
        }
        match &upstream.reference {
            Reference::Asset { .. } => {
                "an asset has the name of its `.sql` file or of its `@asset` function".to_owned()
            }
            Reference::Source { source, table } => declare_hint(source, table),
            Reference::Table(parts) => match parts.as_slice() {
                [.., schema, table] => declare_hint(schema, table),
                _ => declare_hint("raw", written),
            },
        }
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
        Manner::PlainName { rendered, .. } => (texts.place)(&node.file, rendered),
        _ => upstream.place.clone(),
    }
}

/// A reference as the user would say it.
fn written(reference: &Reference) -> String {
    match reference {
        Reference::Asset { package: Some(package), name } => format!("{package}.{name}"),
        Reference::Asset { package: None, name } => name.clone(),
        Reference::Source { source, table } => format!("{source}.{table}"),
        Reference::Table(parts) => parts.join("."),
    }
}

fn label(upstream: &UpstreamName) -> &'static str {
    match (&upstream.manner, &upstream.reference) {
        (Manner::Call, Reference::Source { .. }) => "no property file declares this source",
        (Manner::Call, _) => "no asset has this name",
        (Manner::PlainName { .. }, _) => "neither an asset, a declared source, an attached table nor a file",
        (Manner::Parameter(_), _) => "this parameter names neither an asset nor a declared source",
        (Manner::Dependency, _) => "neither an asset nor a declared source",
    }
}

fn declare_hint(source: &str, table: &str) -> String {
    format!(
        "if it is a table that dovetail does not make, declare it in a property file: \
         `sources: [{{name: {source}, tables: [{{name: {table}}}]}}]`, and name it `{source}.{table}`"
    )
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(" or ")
}

/// Two nodes with one name, or with one relation.
pub(super) fn check_duplicates(nodes: &[Declared], problems: &mut Diagnostics) {
    let mut names: HashMap<&str, &Declared> = HashMap::with_capacity(nodes.len());
    let mut relations: HashMap<String, &Declared> = HashMap::with_capacity(nodes.len());
    for node in nodes {
        if let Some(first) = names.insert(node.name.as_str(), node) {
            problems.push(
                Diagnostic::error(Code::DuplicateName, format!("two assets are named `{}`", node.name))
                    .at(node.place.clone())
                    .related(first.place.clone(), "the first is declared here")
                    .hint("rename one of them"),
            );
            continue;
        }
        let is_stored = matches!(node.settings.materialized, Materialized::Table | Materialized::View);
        let relation = &node.settings.relation;
        if let Some(first) = is_stored.then(|| relations.insert(relation.to_string().to_lowercase(), node)).flatten() {
            let message = format!("`{}` and `{}` would both be written to `{relation}`", first.name, node.name);
            let alias = !same(first.name.as_str(), node.name.as_str());
            problems.push(
                Diagnostic::error(Code::DuplicateRelation, message)
                    .at(node.place.clone())
                    .related(first.place.clone(), "the other is declared here")
                    .hint(if alias {
                        "change `alias` or `schema` of one of them"
                    } else {
                        "DuckDB does not tell upper from lower case: rename one of them, or change its `alias`"
                    }),
            );
        }
    }
}
