//! Parts of SQL that is half written, as they can be read: whole where they parse, else what of them does.
//!
//! What is left out makes columns missing, never others: a name that nobody can tell stays one without columns.

use std::cell::Cell;

use super::from::from_items;
use crate::lineage::is_query;
use crate::lsp::sql::{Bracket, Clause, Part, Query, Range, Text, list_items, separated};

/// So many times a part of a text is tried; what is left then counts as broken.
const MOST_TRIES: u32 = 400;

/// So many words are left out at the end of a table until it parses.
const MOST_WORDS_TOO_MANY: usize = 3;

pub(super) struct Mender<'t> {
    pub text: &'t Text<'t>,
    tries: Cell<u32>,
}

/// A common table expression, as it can be read.
pub(super) struct Definition {
    /// As it is written.
    pub name: String,
    pub text: String,
    pub range: Range,
}

impl<'t> Mender<'t> {
    pub fn new(text: &'t Text<'t>) -> Self {
        Mender { text, tries: Cell::new(MOST_TRIES) }
    }

    fn parses(&self, sql: &str) -> bool {
        let left = self.tries.get();
        self.tries.set(left.saturating_sub(1));
        left > 0 && is_query(sql)
    }

    /// The common table expressions of a query. Each has its name, be it ever so broken: it hides tables of that name.
    fn definitions(&self, bracket: &Bracket, with: Range) -> Vec<Definition> {
        let text = self.text;
        let start = with.start + usize::from(text.is(with.start, &["recursive"]));
        let ranges = separated(text, bracket, Range::new(start, with.end));
        ranges.into_iter().filter_map(|range| self.definition(bracket, range)).collect()
    }

    fn definition(&self, bracket: &Bracket, range: Range) -> Option<Definition> {
        let text = self.text;
        if !text.is_name(range.start) {
            return None;
        }
        let name = text.slice(Range::new(range.start, range.start + 1)).to_owned();
        let whole = text.slice(range);
        if self.parses(&format!("with {whole} select 1")) {
            return Some(Definition { name, text: whole.to_owned(), range });
        }
        let body = bracket.inner.iter().find(|inner| {
            let opener = inner.opener.filter(|opener| range.holds(*opener));
            opener.is_some_and(|opener| text.follows(opener, &["as", "materialized"]))
        });
        let columns = bracket.opened_at(range.start + 1).filter(|columns| text.is(columns.after, &["as"]));
        let columns = columns.map_or("", |columns| text.slice(Range::new(range.start + 1, columns.after)));
        let mended = body.map(|body| self.query(body));
        let mended = mended.map(|query| format!("{name} {columns} as ({query})"));
        let mended = mended.filter(|mended| self.parses(&format!("with {mended} select 1")));
        let nothing = || format!("{name} as (select null)");
        Some(Definition { text: mended.unwrap_or_else(nothing), name, range })
    }

    /// A query with the columns of what is written, as far as they can be told; without what decides its rows.
    pub fn query(&self, bracket: &Bracket) -> String {
        let text = self.text;
        let whole = text.slice(bracket.inside);
        if self.parses(whole) {
            return whole.to_owned();
        }
        let query = text.query(bracket);
        let with = query.with.map(|with| self.with(bracket, with, usize::MAX)).unwrap_or_default();
        format!("{with}{}", self.united(bracket, &query))
    }

    /// The branches of a query that name its columns.
    pub fn united(&self, bracket: &Bracket, query: &Query) -> String {
        let branches = query.branches.iter().map(|parts| self.branch(bracket, parts));
        let kept = branches.take(if query.is_by_name { usize::MAX } else { 1 });
        kept.collect::<Vec<_>>().join(" union all by name ")
    }

    /// `with ...`, of the common table expressions that a token sees.
    pub fn with(&self, bracket: &Bracket, with: Range, token: usize) -> String {
        let texts: Vec<String> = self.seen(bracket, with, token).into_iter().map(|one| one.text).collect();
        let recursive = if self.text.is(with.start, &["recursive"]) { "recursive " } else { "" };
        if texts.is_empty() { String::new() } else { format!("with {recursive}{} ", texts.join(", ")) }
    }

    /// The common table expressions before a token, and the recursive one that it stands in.
    pub fn seen(&self, bracket: &Bracket, with: Range, token: usize) -> Vec<Definition> {
        let is_recursive = self.text.is(with.start, &["recursive"]);
        let mut definitions = self.definitions(bracket, with);
        definitions.retain(|one| one.range.end <= token || (is_recursive && one.range.holds(token)));
        definitions
    }

    fn branch(&self, bracket: &Bracket, parts: &[Part]) -> String {
        let text = self.text;
        let of = |clause: Clause| parts.iter().find(|part| part.clause == clause).map(|part| part.range);
        let tables = of(Clause::From).map(|range| self.tables(bracket, range)).unwrap_or_default();
        let list = of(Clause::Select).map(|range| {
            let items = list_items(text, bracket, range).into_iter();
            items.map(|range| self.list_item(range)).collect::<Vec<_>>().join(", ")
        });
        match (list, tables.as_slice(), parts) {
            (None, [], [Part { clause: Clause::Other, range }, ..]) => {
                let values = format!("values {}", text.slice(*range));
                if self.parses(&values) { values } else { "select null".to_owned() }
            }
            (None, [], _) => "select null".to_owned(),
            (list, tables, _) => {
                let list = list.filter(|list| !list.is_empty()).unwrap_or_else(|| "*".to_owned());
                select(&list, tables)
            }
        }
    }

    /// An item of a select's list; under its name alone where nothing else of it can be read.
    fn list_item(&self, range: Range) -> String {
        let text = self.text;
        let whole = text.slice(range);
        if self.parses(&format!("select {whole}")) {
            return whole.to_owned();
        }
        let has_alias = range.end > range.start + 1 && text.is_name(range.end - 1) && text.is(range.end - 2, &["as"]);
        let alias = text.slice(Range::new(range.end.saturating_sub(2), range.end));
        if has_alias { format!("null {alias}") } else { "null".to_owned() }
    }

    /// The tables behind a `from` that stay in view.
    fn tables(&self, bracket: &Bracket, range: Range) -> Vec<String> {
        let items = from_items(self.text, bracket, range).into_iter().filter(|item| !item.filters);
        items.filter_map(|item| self.table(bracket, item.range)).collect()
    }

    /// A table or a subquery with its alias.
    pub fn table(&self, bracket: &Bracket, range: Range) -> Option<String> {
        let text = self.text;
        if range.is_empty() {
            return None;
        }
        // Without what stands behind a dot, the name is another one.
        let ends =
            (range.start..range.end).rev().take_while(|last| !text.is_symbol(last + 1, '.') || last + 1 == range.end);
        let shorter = ends.take(MOST_WORDS_TOO_MANY).map(|last| text.slice(Range::new(range.start, last + 1)));
        let whole = shorter.into_iter().find(|item| self.parses(&format!("select 1 from {item}")));
        if let Some(whole) = whole {
            return Some(whole.to_owned());
        }
        let first = range.start + usize::from(text.is(range.start, &["lateral"]));
        let subquery = bracket.opened_at(first).filter(|subquery| subquery.is_query)?;
        let alias = text.slice(Range::new(subquery.after, range.end));
        let mended = format!("({}) {alias}", self.query(subquery));
        self.parses(&format!("select 1 from {mended}")).then_some(mended)
    }
}

/// A select of these tables.
pub(super) fn select(list: &str, tables: &[String]) -> String {
    let from = if tables.is_empty() { "" } else { " from " };
    format!("select {list}{from}{}", tables.join(", "))
}
