//! The same statement with tables where the compiled one holds queries and readers' calls: unit tests make a table of each
//! ephemeral asset, and of files that rows are given to.

use super::mention::Redirected;
use super::{CompiledSql, NodeId, RelationName};
use crate::source::Span;

impl CompiledSql {
    /// The statement, with the nodes for which `place` gives a relation read from it, ephemeral ones too.
    pub fn tabled(&self, place: &dyn Fn(NodeId) -> Option<RelationName>) -> Redirected {
        let (text, start) = (self.statement(), self.statement.start);
        let mut redirected = Redirected { statement: String::with_capacity(text.len()), moved: Vec::new() };
        let mut done = 0;
        for (span, with) in self.tables(place) {
            let inside = span.start >= start + done && span.end <= self.statement.end;
            if !inside {
                continue;
            }
            let there = Span::new(span.start - start, span.end - start);
            redirected.statement.push_str(&text[done..there.start]);
            let here = redirected.statement.len();
            redirected.statement.push_str(&with);
            redirected.moved.push((Span::new(here, redirected.statement.len()), there));
            done = there.end;
        }
        redirected.statement.push_str(&text[done..]);
        redirected
    }

    /// What stands in the place of which stretch of the text; an outer one before what is in it.
    fn tables(&self, place: &dyn Fn(NodeId) -> Option<RelationName>) -> Vec<(Span, String)> {
        let queries = self.edits.iter().filter_map(|edit| {
            let (id, query) = edit.inlined?;
            Some((in_parentheses(&self.text, query)?, place(id)?.to_string()))
        });
        let mentions =
            self.mentions.iter().filter_map(|mention| Some((mention.span, mention.text(&place(mention.node)?))));
        let mut tables: Vec<(Span, String)> = queries.chain(mentions).collect();
        tables.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        tables
    }
}

/// A query with the parentheses around it, the second of which may stand on a line of its own.
fn in_parentheses(text: &str, query: Span) -> Option<Span> {
    let behind = text.get(query.end..)?;
    let closing = behind.len() - behind.trim_start().len();
    let is_whole = behind.trim_start().starts_with(')') && text.get(..query.start)?.ends_with('(');
    is_whole.then(|| Span::new(query.start - 1, query.end + closing + 1))
}
