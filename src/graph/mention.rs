//! Where compiled SQL names other assets' relations, and the same SQL with some of them elsewhere.
//!
//! A run that is published as one builds its tables under other names: what reads them must read them there, and yet be
//! published with the names that they will have.

use serde::{Deserialize, Serialize};

use super::relation::quoted;
use super::sql_text::Region;
use super::{CompiledSql, NodeId, RelationName, reader};
use crate::source::Span;

/// A stretch of compiled text that names the relation of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    pub node: NodeId,
    pub span: Span,
    pub(super) form: Form,
    /// What the stretch stands in, if not in code.
    pub(super) region: Option<Region>,
}

/// As what a relation is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    /// As a table. By the alias, columns that are qualified with the name find it; `None` where it has one or takes none.
    Table { alias: Option<String> },
    /// Before a column, as `{{ ref('x') }}.column`: there, tables that are read elsewhere are known by this name.
    Qualifier(String),
    /// By its bare identifier, as `{{ ref('x').identifier }}`.
    Identifier,
}

impl Mention {
    pub(super) fn moved(&self, by: usize) -> Mention {
        Mention { span: Span::new(self.span.start + by, self.span.end + by), ..self.clone() }
    }

    /// What stands here where the asset is read from `relation`.
    pub(super) fn text(&self, relation: &RelationName) -> String {
        match &self.form {
            Form::Table { alias: Some(alias) } => reader::with_alias(&relation.to_string(), alias),
            Form::Table { alias: None } => super::compile::escaped(relation.to_string(), self.region),
            Form::Qualifier(name) => quoted(name),
            Form::Identifier => super::compile::escaped(relation.identifier.clone(), self.region),
        }
    }
}

/// A statement that reads some assets elsewhere than where they are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirected {
    pub statement: String,
    /// Stretches that are not those of the compiled statement: where each is, and where that which it replaces is.
    pub(super) moved: Vec<(Span, Span)>,
}

impl Redirected {
    /// The offset in the compiled statement that an offset in this one stands for.
    pub fn compiled_offset(&self, offset: usize) -> usize {
        let before = self.moved.partition_point(|(here, _)| here.start <= offset);
        match before.checked_sub(1).and_then(|index| self.moved.get(index)) {
            Some((here, there)) if offset < here.end => there.start,
            Some((here, there)) => offset - here.end + there.end,
            None => offset,
        }
    }
}

impl CompiledSql {
    /// The statement, with the assets for which `place` gives a relation read there.
    pub fn redirected(&self, place: &dyn Fn(NodeId) -> Option<RelationName>) -> Redirected {
        let (text, start) = (self.statement(), self.statement.start);
        let mut redirected = Redirected { statement: String::with_capacity(text.len()), moved: Vec::new() };
        let mut done = 0;
        for mention in &self.mentions {
            let inside = mention.span.start >= self.statement.start + done && mention.span.end <= self.statement.end;
            let Some(relation) = place(mention.node).filter(|_| inside) else { continue };
            let there = Span::new(mention.span.start - start, mention.span.end - start);
            redirected.statement.push_str(&text[done..there.start]);
            let here = redirected.statement.len();
            redirected.statement.push_str(&mention.text(&relation));
            redirected.moved.push((Span::new(here, redirected.statement.len()), there));
            done = there.end;
        }
        redirected.statement.push_str(&text[done..]);
        redirected
    }

    /// The mentions of the statement, counted from its start.
    pub(super) fn statement_mentions(&self) -> Vec<Mention> {
        let Span { start, end } = self.statement;
        let inside = self.mentions.iter().filter(|mention| mention.span.start >= start && mention.span.end <= end);
        inside
            .map(|mention| Mention {
                span: Span::new(mention.span.start - start, mention.span.end - start),
                ..mention.clone()
            })
            .collect()
    }
}
