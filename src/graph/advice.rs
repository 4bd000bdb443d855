//! What to say of an upstream that nobody declares.

use super::Kind;
use super::declare::Declared;
use super::names::{Lost, Names};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::parse::{Manner, Reference, UpstreamName};
use crate::project::Project;
use crate::source::Place;

/// Looking for a near name walks over all names, so a project that is wrong everywhere gets only so many guesses.
const GUESSES: usize = 100;

/// Explains lost names.
pub(super) struct Advisor<'a> {
    project: &'a Project,
    names: &'a Names<'a>,
    guesses: usize,
}

impl<'a> Advisor<'a> {
    pub fn new(project: &'a Project, names: &'a Names<'a>) -> Self {
        Advisor { project, names, guesses: 0 }
    }

    pub fn explain(&mut self, node: &Declared, upstream: &UpstreamName, lost: Lost, place: Place) -> Diagnostic {
        let written = written(&upstream.reference);
        let error = |message: String| Diagnostic::error(Code::UnknownUpstream, message).at(place);
        match lost {
            Lost::Unknown => error(format!("unknown upstream `{written}` of `{}`", node.name))
                .label(label(upstream))
                .hint(self.hint(node, &upstream.reference, &written)),
            Lost::Disabled(disabled) => error(format!("`{}` reads `{written}`, which is disabled", node.name))
                .related(disabled, "declared here, with `enabled` set to `false`"),
            Lost::Ambiguous(names) => {
                error(format!("`{written}`, which `{}` reads, can be any of {}", node.name, list(&names)))
                    .hint("write the full name")
            }
            Lost::Package(package) => {
                error(format!("`{}` refers to package `{package}`, which does not exist", node.name))
                    .hint(format!("the only package is `{}`", self.project.name))
            }
        }
    }

    fn hint(&mut self, node: &Declared, reference: &Reference, written: &str) -> String {
        if let (Reference::Asset { .. }, Some((source, table))) = (reference, written.split_once('.'))
            && self.names.is_source(written)
        {
            return format!("it is a source: write `source('{source}', '{table}')`");
        }
        if let Reference::Table(parts) = reference
            && let [_, known @ ..] = parts.as_slice()
            && known.len() == 2
            && self.names.is_declared(known)
        {
            return format!("did you mean `{}`?", known.join("."));
        }
        let sources = self.names.sources_with_table(last_part(reference));
        if !sources.is_empty() {
            return format!("did you mean {}?", list(&sources));
        }
        if let Some(guess) = self.guess(node, reference, written) {
            return format!("did you mean `{guess}`?");
        }
        match reference {
            Reference::Asset { .. } => "an asset is called as its `.sql` file or its `@asset` function".to_owned(),
            Reference::Source { source, table } => declare_hint(source, table),
            Reference::Table(parts) => match parts.as_slice() {
                [.., schema, table] => declare_hint(schema, table),
                _ => declare_hint("raw", written),
            },
        }
    }

    fn guess(&mut self, reader: &Declared, reference: &Reference, written: &str) -> Option<&'a str> {
        if self.guesses == GUESSES {
            return None;
        }
        self.guesses += 1;
        let wants_source = matches!(reference, Reference::Source { .. });
        // The asset's own name would be a cycle.
        let nodes = self.names.nodes().iter().filter(|node| node.name != reader.name);
        let nodes = nodes.filter(|node| !wants_source || node.kind == Kind::Source);
        did_you_mean(written, nodes.map(|node| node.name.as_str()))
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

fn last_part(reference: &Reference) -> &str {
    match reference {
        Reference::Asset { name, .. } => name,
        Reference::Source { table, .. } => table,
        Reference::Table(parts) => parts.last().map(String::as_str).unwrap_or_default(),
    }
}

fn label(upstream: &UpstreamName) -> &'static str {
    match (&upstream.manner, &upstream.reference) {
        (Manner::Call, Reference::Source { .. }) => "no property file declares this source",
        (Manner::Call, _) => "no asset has this name",
        (Manner::PlainName { .. } | Manner::Text { .. }, _) => {
            "neither an asset, a declared source, an attached table nor a file"
        }
        (Manner::Argument, _) => "no file can be called so",
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
