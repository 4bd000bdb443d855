//! Puts relations in the place of names: edits spans of the rendered text, never writes SQL anew.

use std::collections::HashMap;

use super::declare::{Declared, DeclaredBody};
use super::link::Links;
use super::relation::literal;
use super::sources::is_url;
use super::sql_text::{Region, alias_follows, region_of, regions};
use super::{CompiledSql, Edit, Materialized, RelationName, Repeatable, reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::{Manner, Reference, RepeatableSql, SourceLocation, SqlBody};
use crate::source::Span;
use crate::template::{Part, Placeholder, find_placeholders};

/// A text that is longer than this comes from ephemeral assets that multiply: each level can double the one below.
const LONGEST: usize = 16 << 20;

/// Compiles the SQL of a project's assets. Upstreams that are ephemeral come first.
pub(super) struct Compiler<'a> {
    pub nodes: &'a [Declared],
    /// The name under which the project's own database is open.
    pub own_database: &'a str,
    /// The queries of ephemeral assets that are compiled already.
    pub ephemeral: HashMap<usize, Inlined>,
}

/// The query of an ephemeral asset, in parentheses.
pub(super) struct Inlined {
    text: String,
    repeatable: Option<Repeatable>,
}

/// Which of its two texts is compiled: the one that runs, or the one that every invocation would compile alike.
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Real,
    Repeatable,
}

/// A rendered text on its way to a compiled one.
struct Text<'a> {
    rendered: &'a str,
    statement: Span,
    links: &'a Links,
    variant: Variant,
}

/// A stretch of rendered text that another takes the place of.
struct Replacement {
    span: Span,
    text: String,
}

impl Compiler<'_> {
    /// The compiled text of the node at `index`.
    pub fn compile(&mut self, index: usize, body: &SqlBody, links: &Links) -> Result<CompiledSql, Box<Diagnostic>> {
        let node = &self.nodes[index];
        let text = Text { rendered: &body.rendered, statement: body.statement, links, variant: Variant::Real };
        let mut compiled = self.text(node, &text)?;
        compiled.repeatable = self.repeatable(node, body, links)?.map(Box::new);
        if node.settings.materialized == Materialized::Ephemeral {
            let subquery = |Repeatable { statement, without }: &Repeatable| Repeatable {
                statement: reader::subquery(statement),
                without: without.clone(),
            };
            let repeatable = compiled.repeatable.as_deref().map(subquery);
            self.ephemeral.insert(index, Inlined { text: reader::subquery(compiled.statement()), repeatable });
        }
        Ok(compiled)
    }

    fn text(&self, node: &Declared, text: &Text<'_>) -> Result<CompiledSql, Box<Diagnostic>> {
        let mut replacements = self.placeholders(node, text);
        replacements.extend(self.plain_names(text));
        replacements.sort_by_key(|replacement| replacement.span);
        let added: usize = replacements.iter().map(|replacement| replacement.text.len()).sum();
        if added > LONGEST {
            return Err(too_long(node).into());
        }
        Ok(apply(text.rendered, text.statement, &replacements))
    }

    /// The statement without what differs at each invocation, in the model itself or in an ephemeral one that it reads.
    fn repeatable(
        &self,
        node: &Declared,
        body: &SqlBody,
        links: &Links,
    ) -> Result<Option<Repeatable>, Box<Diagnostic>> {
        let own = body.repeatable.as_deref();
        let inlined = links.upstreams.iter().filter_map(|(_, target)| self.ephemeral.get(target)?.repeatable.as_ref());
        let mut without: Vec<&'static str> = inlined.flat_map(|inlined| inlined.without.iter().copied()).collect();
        without.extend(own.map(|own| own.without.as_slice()).unwrap_or_default());
        if without.is_empty() {
            return Ok(None);
        }
        without.sort_unstable();
        without.dedup();
        let own_links = own.map(|own| repeatable_links(own, links));
        let text = Text {
            rendered: own.map_or(&body.rendered, |own| &own.rendered),
            statement: own.map_or(body.statement, |own| own.statement),
            links: own_links.as_ref().unwrap_or(links),
            variant: Variant::Repeatable,
        };
        let statement = self.text(node, &text)?.statement().to_owned();
        Ok(Some(Repeatable { statement, without }))
    }

    fn placeholders(&self, node: &Declared, text: &Text<'_>) -> Vec<Replacement> {
        let Text { rendered, links, .. } = *text;
        if links.placeholders.is_empty() {
            return Vec::new();
        }
        let regions = regions(rendered, links.placeholders.iter().map(|(span, _)| *span));
        let replace = |(span, placeholder): &(Span, Placeholder)| {
            let region = region_of(&regions, span.start);
            let with = match placeholder {
                Placeholder::This(part) => self.part(&node.settings.relation, *part),
                Placeholder::Reference(reference, part) => {
                    self.called(links.called(reference)?, *part, region, text, *span)
                }
            };
            Some(Replacement { span: *span, text: escaped(with, region) })
        };
        links.placeholders.iter().filter_map(replace).collect()
    }

    /// What `{{ ref(...) }}` prints.
    fn called(&self, target: usize, part: Part, region: Option<Region>, text: &Text<'_>, span: Span) -> String {
        let rendered = text.rendered;
        let target_node = &self.nodes[target];
        let relation = &target_node.settings.relation;
        let item = self.item_without_relation(target, text.variant);
        let (Part::Whole, None, Some(item)) = (part, region, item) else { return self.part(relation, part) };
        // `{{ ref('x') }}.column`: the table's alias, which is the identifier where the query gives none.
        if rendered[span.end..].starts_with('.') {
            return super::relation::quoted(&relation.identifier);
        }
        if alias_follows(rendered, span.end) { item } else { reader::with_alias(&item, &relation.identifier) }
    }

    fn part(&self, relation: &RelationName, part: Part) -> String {
        relation.part(part, self.own_database).unwrap_or_else(|| relation.to_string())
    }

    fn plain_names(&self, text: &Text<'_>) -> Vec<Replacement> {
        let mut replacements = Vec::new();
        for (upstream, target) in &text.links.upstreams {
            let Manner::PlainName { rendered, has_alias } = upstream.manner else { continue };
            let Reference::Table(parts) = &upstream.reference else { continue };
            let is_inside = text.rendered.get(rendered.start..rendered.end).is_some();
            let (Some(name), true) = (parts.last(), is_inside) else { continue };
            let node = &self.nodes[*target];
            if let Some(with) = self.plain_name(node, *target, name, has_alias, text.variant) {
                replacements.push(Replacement { span: rendered, text: with });
            }
        }
        replacements
    }

    /// What stands in the place of a plain name; nothing when the name can stay. Columns that are qualified by the
    /// name go on working because the name becomes the alias where the relation is called otherwise.
    fn plain_name(
        &self,
        node: &Declared,
        target: usize,
        name: &str,
        has_alias: bool,
        variant: Variant,
    ) -> Option<String> {
        if node.described_at.is_none()
            && let DeclaredBody::Source(location) = &node.body
        {
            return match location {
                SourceLocation::Files { path, .. } if !is_url(path) => Some(literal(path)),
                _ => None,
            };
        }
        let relation = &node.settings.relation;
        let (item, is_named) = match self.item_without_relation(target, variant) {
            Some(item) => (item, false),
            None => (relation.to_string(), super::databases::same(&relation.identifier, name)),
        };
        Some(if has_alias || is_named { item } else { reader::with_alias(&item, name) })
    }

    /// What reads a node that has no relation: an ephemeral asset's query, a call that reads files.
    fn item_without_relation(&self, target: usize, variant: Variant) -> Option<String> {
        let node = &self.nodes[target];
        match &node.body {
            DeclaredBody::Source(SourceLocation::Files { path, format, options }) => {
                Some(reader::call(path, *format, options))
            }
            _ if node.settings.materialized == Materialized::Ephemeral => {
                self.ephemeral.get(&target).map(|inlined| inlined.text(variant).to_owned())
            }
            _ => None,
        }
    }
}

impl Inlined {
    fn text(&self, variant: Variant) -> &str {
        match &self.repeatable {
            Some(repeatable) if variant == Variant::Repeatable => &repeatable.statement,
            _ => &self.text,
        }
    }
}

/// The same links for the other text: a name stands for what it stands for in the real one, elsewhere in the text.
fn repeatable_links(own: &RepeatableSql, links: &Links) -> Links {
    let called = links.upstreams.iter().filter(|(name, _)| name.manner == Manner::Call).cloned();
    let plain = own.names.iter().filter_map(|name| {
        let same = links.upstreams.iter().find(|(real, _)| real.reference == name.reference);
        same.map(|(_, target)| (name.clone(), *target))
    });
    Links { placeholders: find_placeholders(&own.rendered), upstreams: called.chain(plain).collect() }
}

/// A relation's text where it stands in a string or in an identifier.
fn escaped(text: String, region: Option<Region>) -> String {
    match region {
        Some(Region::String) => text.replace('\'', "''"),
        Some(Region::Identifier) => text.replace('"', "\"\""),
        Some(Region::Comment | Region::Dollar) | None => text,
    }
}

/// Replaces what does not overlap, and moves the statement's bounds along.
fn apply(rendered: &str, statement: Span, replacements: &[Replacement]) -> CompiledSql {
    let mut text = String::with_capacity(rendered.len() + 32 * replacements.len());
    let mut edits = Vec::with_capacity(replacements.len());
    let mut done = 0;
    for Replacement { span, text: with } in replacements {
        if span.start < done {
            continue;
        }
        let Some(before) = rendered.get(done..span.start) else { continue };
        text.push_str(before);
        let start = text.len();
        text.push_str(with);
        edits.push(Edit { rendered: *span, compiled: Span::new(start, text.len()) });
        done = span.end;
    }
    text.push_str(rendered.get(done..).unwrap_or_default());
    let statement = Span::new(moved(&edits, statement.start), moved(&edits, statement.end));
    CompiledSql { statement: inside(&text, statement), text, edits, repeatable: None }
}

/// Where a bound of the rendered text is in the compiled text.
fn moved(edits: &[Edit], rendered: usize) -> usize {
    let before = edits.partition_point(|edit| edit.rendered.end <= rendered);
    match before.checked_sub(1).and_then(|index| edits.get(index)) {
        Some(edit) => edit.compiled.end + (rendered - edit.rendered.end),
        None => rendered,
    }
}

/// The span, or all of the text where the span does not fit it.
fn inside(text: &str, span: Span) -> Span {
    if text.get(span.start..span.end).is_some() { span } else { Span::new(0, text.len()) }
}

fn too_long(node: &Declared) -> Diagnostic {
    let message = format!("the compiled SQL of `{}` is longer than {} MiB", node.name, LONGEST >> 20);
    Diagnostic::error(Code::Unsupported, message)
        .at(node.place.clone())
        .hint("ephemeral upstreams are copied into each query that reads them: make some of them views")
}
