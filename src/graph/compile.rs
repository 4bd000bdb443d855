//! Puts relations in the place of names: edits spans of the rendered text, never writes SQL anew.

use std::borrow::Cow;
use std::collections::HashMap;

use super::declare::{Declared, DeclaredBody};
use super::link::Links;
use super::mention::{Form, Mention};
use super::relation::literal;
use super::sources::is_url;
use super::sql_text::{Region, alias_follows, names_table, region_of, regions, word_before};
use super::{CompiledSql, Edit, Materialized, NodeId, RelationName, Repeatable, reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::{Manner, Reference, RepeatableSql, SourceLocation, SqlBody};
use crate::source::Span;
use crate::template::{Part, Placeholder, find_placeholders};

/// A text that is longer than this comes from ephemeral assets that multiply: each level can double the one below.
const LONGEST: usize = 16 << 20;

/// Compiles the SQL of a project's assets. Upstreams that are ephemeral come first.
pub(super) struct Compiler<'a> {
    pub nodes: &'a [Declared],
    /// The graph's id of each node.
    pub ids: &'a [NodeId],
    /// The name under which the project's own database is open.
    pub own_database: &'a str,
    /// The queries of ephemeral assets that are compiled already.
    pub ephemeral: HashMap<usize, Item>,
    /// Those of them that every invocation would compile otherwise, without what differs.
    pub repeatable: HashMap<usize, (Item, Vec<&'static str>)>,
    /// Which of its two texts is compiled: the one that runs, or the one that every invocation would compile alike.
    pub variant: Variant,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Variant {
    Real,
    Repeatable,
}

/// A stretch of rendered text that another takes the place of.
struct Replacement {
    span: Span,
    text: String,
    /// The ephemeral asset whose query the text holds, and the query's span in it.
    inlined: Option<(NodeId, Span)>,
    /// The assets whose relations the text names, by their spans in it.
    mentions: Vec<Mention>,
}

impl Replacement {
    fn new(span: Span, text: String) -> Self {
        Replacement { span, text, inlined: None, mentions: Vec::new() }
    }

    /// A text that is all name of a relation.
    fn naming(span: Span, text: String, node: NodeId, form: Form, region: Option<Region>) -> Self {
        let mention = Mention { node, span: Span::new(0, text.len()), form, region };
        Replacement { span, text, inlined: None, mentions: vec![mention] }
    }
}

/// What stands after `from` for a node that has no relation: an ephemeral asset's query, a call that reads files.
#[derive(Clone)]
pub(super) struct Item {
    text: String,
    inlined: Option<(NodeId, Span)>,
    mentions: Vec<Mention>,
}

impl Item {
    fn files(id: NodeId, call: String) -> Self {
        let mention =
            Mention { node: id, span: Span::new(0, call.len()), form: Form::Table { alias: None }, region: None };
        Item { text: call, inlined: None, mentions: vec![mention] }
    }

    /// `mentions` are counted from the statement's start.
    fn query(id: NodeId, statement: &str, mentions: &[Mention]) -> Self {
        // Behind the parenthesis.
        let span = Span::new(1, 1 + statement.len());
        let mentions = mentions.iter().map(|mention| mention.moved(1)).collect();
        Item { text: reader::subquery(statement), inlined: Some((id, span)), mentions }
    }

    /// Puts the item in the place of a name, which becomes its alias where the query gives it none.
    fn replace(self, span: Span, rendered: &str, name: &str, has_alias: bool) -> Vec<Replacement> {
        let before = word_before(rendered, span.start);
        let Item { text, inlined, mentions } = self;
        let aliased = |text: &str| reader::with_alias(text, name);
        match rendered[before.start..before.end].to_lowercase().as_str() {
            // `table x` is `from x`, but for names only.
            "table" => {
                let text = aliased(&text);
                vec![Replacement::new(before, "from".to_owned()), Replacement { span, text, inlined, mentions }]
            }
            // These take a query, and a call is none.
            "summarize" | "describe" | "desc" | "show" => {
                let text = if inlined.is_some() { text } else { format!("(from {text})") };
                vec![Replacement { span, text, inlined, mentions }]
            }
            _ if has_alias => vec![Replacement { span, text, inlined, mentions }],
            _ => vec![Replacement { span, text: aliased(&text), inlined, mentions }],
        }
    }
}

impl Compiler<'_> {
    /// The compiled text of the node at `index`.
    pub fn compile(&mut self, index: usize, body: &SqlBody, links: &Links) -> Result<CompiledSql, Box<Diagnostic>> {
        let mut compiled = self.text(index, body, links)?;
        let repeatable = self.repeatable(index, body, links)?;
        if self.nodes[index].settings.materialized == Materialized::Ephemeral {
            let item = Item::query(self.ids[index], compiled.statement(), &compiled.statement_mentions());
            self.ephemeral.insert(index, item);
            if let Some(Repeatable { statement, without }) = &repeatable {
                // It is never run, so nothing in it is ever read elsewhere.
                self.repeatable.insert(index, (Item::query(self.ids[index], statement, &[]), without.clone()));
            }
        }
        compiled.repeatable = repeatable.map(Box::new);
        Ok(compiled)
    }

    /// The statement without what differs at each invocation, in the model itself or in an ephemeral one that it reads.
    fn repeatable(
        &mut self,
        index: usize,
        body: &SqlBody,
        links: &Links,
    ) -> Result<Option<Repeatable>, Box<Diagnostic>> {
        let own = body.repeatable.as_deref();
        let inlined = links.upstreams.iter().filter_map(|(_, target)| self.repeatable.get(target));
        let mut without: Vec<&'static str> = inlined.flat_map(|(_, without)| without.iter().copied()).collect();
        without.extend(own.map(|own| own.without.as_slice()).unwrap_or_default());
        if without.is_empty() {
            return Ok(None);
        }
        without.sort_unstable();
        without.dedup();
        self.variant = Variant::Repeatable;
        let compiled = match own {
            Some(own) => {
                let rendered = own.rendered.clone();
                let repeatable = SqlBody { rendered, statement: own.statement, ..body.clone() };
                self.text(index, &repeatable, &repeatable_links(own, links))
            }
            None => self.text(index, body, links),
        };
        self.variant = Variant::Real;
        Ok(Some(Repeatable { statement: compiled?.statement().to_owned(), without }))
    }

    fn text(&self, index: usize, body: &SqlBody, links: &Links) -> Result<CompiledSql, Box<Diagnostic>> {
        let node = &self.nodes[index];
        let mut replacements = self.placeholders(node, body, links);
        replacements.extend(self.plain_names(body, links));
        replacements.sort_by_key(|replacement| replacement.span);
        let added: usize = replacements.iter().map(|replacement| replacement.text.len()).sum();
        if added > LONGEST {
            return Err(too_long(node).into());
        }
        let mut compiled = apply(body, &replacements);
        compiled.unseen.extend(links.unseen.iter().cloned());
        compiled.unseen.sort_unstable();
        compiled.unseen.dedup();
        Ok(compiled)
    }

    fn placeholders(&self, node: &Declared, body: &SqlBody, links: &Links) -> Vec<Replacement> {
        if links.placeholders.is_empty() {
            return Vec::new();
        }
        let regions = regions(&body.rendered, links.placeholders.iter().map(|(span, _)| *span));
        let replace = |(span, placeholder): &(Span, Placeholder)| {
            let region = region_of(&regions, span.start);
            let relation = |relation: &RelationName, part: Part| {
                vec![Replacement::new(*span, escaped(self.part(relation, part), region))]
            };
            match placeholder {
                Placeholder::This(part) => relation(&node.settings.relation, *part),
                Placeholder::Reference(reference, part) => {
                    let Some(target) = links.called(reference) else { return Vec::new() };
                    let is_table = region.is_none() && *part == Part::Whole;
                    let replaced = match self.item(target).filter(|_| is_table) {
                        Some(item) => self.called(item.into_owned(), target, &body.rendered, *span),
                        None => relation(&self.nodes[target].settings.relation, *part),
                    };
                    match self.form(target, &body.rendered, *span, *part) {
                        Some(form) if is_code(&body.rendered, &regions, *span) => {
                            self.naming(target, replaced, &form, region)
                        }
                        _ => replaced,
                    }
                }
            }
        };
        links.placeholders.iter().flat_map(replace).collect()
    }

    /// What `{{ ref(...) }}` prints for a node that has no relation.
    fn called(&self, item: Item, target: usize, rendered: &str, span: Span) -> Vec<Replacement> {
        let identifier = &self.nodes[target].settings.relation.identifier;
        // `{{ ref('x') }}.column`: the table's alias, which is the identifier where the query gives none.
        if rendered[span.end..].starts_with('.') {
            return vec![Replacement::new(span, super::relation::quoted(identifier))];
        }
        item.replace(span, rendered, identifier, alias_follows(rendered, span.end))
    }

    /// As what a `ref()` names an asset's relation; `None` where it names none.
    fn form(&self, target: usize, rendered: &str, span: Span, part: Part) -> Option<Form> {
        if !self.is_built(target) {
            return None;
        }
        let identifier = &self.nodes[target].settings.relation.identifier;
        match part {
            Part::Database | Part::Schema => None,
            Part::Identifier => Some(Form::Identifier),
            Part::Whole if rendered[span.end..].starts_with('.') => Some(Form::Qualifier(identifier.clone())),
            Part::Whole => Some(table_form(rendered, span, identifier, alias_follows(rendered, span.end))),
        }
    }

    /// Whether a run may build something under the node's relation.
    fn is_built(&self, target: usize) -> bool {
        let node = &self.nodes[target];
        let is_relation = matches!(node.settings.materialized, Materialized::Table | Materialized::View);
        is_relation && !matches!(node.body, DeclaredBody::Source(_))
    }

    /// The same replacements, which are known to name the node's relation.
    fn naming(
        &self,
        target: usize,
        replaced: Vec<Replacement>,
        form: &Form,
        region: Option<Region>,
    ) -> Vec<Replacement> {
        let node = self.ids[target];
        let named = replaced.into_iter().map(|Replacement { span, text, .. }| {
            let form = match (form, region) {
                // Nothing has an alias in a string.
                (Form::Table { .. }, Some(_)) => Form::Table { alias: None },
                _ => form.clone(),
            };
            Replacement::naming(span, text, node, form, region)
        });
        named.collect()
    }

    fn part(&self, relation: &RelationName, part: Part) -> String {
        relation.part(part, self.own_database).unwrap_or_else(|| relation.to_string())
    }

    fn plain_names(&self, body: &SqlBody, links: &Links) -> Vec<Replacement> {
        let mut replacements = Vec::new();
        for (upstream, target) in &links.upstreams {
            if let Manner::Text { rendered } = upstream.manner {
                replacements.push(self.named_by_text(*target, rendered));
            }
            let Manner::PlainName { rendered, has_alias } = upstream.manner else { continue };
            let Reference::Table(parts) = &upstream.reference else { continue };
            let is_inside = body.rendered.get(rendered.start..rendered.end).is_some();
            let (Some(name), true) = (parts.last(), is_inside) else { continue };
            replacements.extend(self.plain_name(*target, name, &body.rendered, rendered, has_alias));
        }
        replacements
    }

    /// What stands in the place of a name in a text.
    fn named_by_text(&self, target: usize, span: Span) -> Replacement {
        let region = Some(Region::String);
        let text = escaped(self.nodes[target].settings.relation.to_string(), region);
        match self.is_built(target) {
            true => Replacement::naming(span, text, self.ids[target], Form::Table { alias: None }, region),
            false => Replacement::new(span, text),
        }
    }

    /// What stands in the place of a plain name; nothing when the name can stay. Columns that are qualified by the
    /// name go on working because the name becomes the alias where the relation is called otherwise.
    fn plain_name(&self, target: usize, name: &str, rendered: &str, span: Span, has_alias: bool) -> Vec<Replacement> {
        let node = &self.nodes[target];
        if node.described_at.is_none()
            && let DeclaredBody::Source(location) = &node.body
        {
            return match location {
                SourceLocation::Files { path, .. } if !is_url(path) => vec![Replacement::new(span, literal(path))],
                _ => Vec::new(),
            };
        }
        if let Some(item) = self.item(target) {
            return item.into_owned().replace(span, rendered, name, has_alias);
        }
        let relation = &node.settings.relation;
        let is_named = has_alias || super::databases::same(&relation.identifier, name);
        let text = relation.to_string();
        let text = if is_named { text } else { reader::with_alias(&text, name) };
        if !self.is_built(target) {
            return vec![Replacement::new(span, text)];
        }
        vec![Replacement::naming(span, text, self.ids[target], table_form(rendered, span, name, has_alias), None)]
    }

    /// What reads a node that has no relation.
    fn item(&self, target: usize) -> Option<Cow<'_, Item>> {
        match &self.nodes[target].body {
            DeclaredBody::Source(SourceLocation::Files { path, format, options }) => {
                Some(Cow::Owned(Item::files(self.ids[target], reader::call(path, *format, options))))
            }
            _ => {
                let repeatable = self.repeatable.get(&target).filter(|_| self.variant == Variant::Repeatable);
                repeatable.map(|(item, _)| item).or_else(|| self.ephemeral.get(&target)).map(Cow::Borrowed)
            }
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
    Links {
        placeholders: find_placeholders(&own.rendered),
        upstreams: called.chain(plain).collect(),
        unseen: links.unseen.clone(),
    }
}

/// A table that is named without an alias, or with one, or where none can be.
fn table_form(rendered: &str, span: Span, name: &str, has_alias: bool) -> Form {
    let before = word_before(rendered, span.start);
    let word = rendered[before.start..before.end].to_lowercase();
    let takes_none = matches!(word.as_str(), "table" | "summarize" | "describe" | "desc" | "show");
    Form::Table { alias: (!has_alias && !takes_none).then(|| name.to_owned()) }
}

/// Whether a name is read: in code, and in the texts that `query_table()` and `query()` take. In other texts it is data.
fn is_code(rendered: &str, regions: &[(Span, Region)], span: Span) -> bool {
    match region_of(regions, span.start) {
        None => true,
        Some(Region::String | Region::Dollar) => names_table(rendered, regions, span.start),
        Some(Region::Comment | Region::Identifier) => false,
    }
}

/// A relation's text where it stands in a string or in an identifier.
pub(super) fn escaped(text: String, region: Option<Region>) -> String {
    match region {
        Some(Region::String) => text.replace('\'', "''"),
        Some(Region::Identifier) => text.replace('"', "\"\""),
        Some(Region::Comment | Region::Dollar) | None => text,
    }
}

/// Replaces what does not overlap, and moves the statement's bounds along.
fn apply(body: &SqlBody, replacements: &[Replacement]) -> CompiledSql {
    let mut text = String::with_capacity(body.rendered.len() + 32 * replacements.len());
    let mut edits = Vec::with_capacity(replacements.len());
    let mut mentions = Vec::new();
    let mut done = 0;
    for Replacement { span, text: with, inlined, mentions: named } in replacements {
        if span.start < done {
            continue;
        }
        let Some(before) = body.rendered.get(done..span.start) else { continue };
        text.push_str(before);
        let start = text.len();
        text.push_str(with);
        let inlined = inlined.map(|(id, query)| (id, Span::new(start + query.start, start + query.end)));
        mentions.extend(named.iter().map(|mention| mention.moved(start)));
        edits.push(Edit { rendered: *span, compiled: Span::new(start, text.len()), inlined });
        done = span.end;
    }
    text.push_str(body.rendered.get(done..).unwrap_or_default());
    let statement = Span::new(moved(&edits, body.statement.start), moved(&edits, body.statement.end));
    let (statement, unseen) = (inside(&text, statement), body.unseen.clone());
    CompiledSql { statement, text, edits, mentions, repeatable: None, unseen }
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
