//! Where upstream a column was lost, or got another type.

use std::collections::{HashSet, VecDeque};

use super::inquiry::Inquiry;
use super::schema::{Schemas, find, has};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::Column;
use crate::graph::{Body, CompiledSql, NodeId, at_statement};
use crate::parse::sql::words;
use crate::source::{Place, Span};

/// The asset at or above these that had a column, or could have had it, and that does not hand it on: its place and what happened there.
pub(super) fn column(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    upstreams: &[NodeId],
    name: &str,
) -> Option<(Place, String)> {
    let mut seen = HashSet::new();
    let mut queue: VecDeque<NodeId> = upstreams.iter().copied().collect();
    while let Some(id) = queue.pop_front() {
        if !seen.insert(id) {
            continue;
        }
        let Some(now) = schemas.get(&id).and_then(|schema| schema.columns()).filter(|now| !has(now, name)) else {
            continue;
        };
        if let Some(found) = lost_in(inquiry, schemas, (id, upstreams.len() == 1), now, name) {
            return Some(found);
        }
        queue.extend(inquiry.graph.reads(id));
    }
    None
}

fn lost_in(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    // Whether nothing else can be meant.
    (id, is_only): (NodeId, bool),
    now: &[Column],
    name: &str,
) -> Option<(Place, String)> {
    let (graph, node) = (inquiry.graph, inquiry.graph.node(id));
    let above = graph.reads(id).into_iter();
    let above = above
        .filter(|id| schemas.get(id).and_then(|schema| schema.columns()).is_some_and(|columns| has(columns, name)));
    let has_it = above.map(|id| &graph.node(id).name).next();
    let before = inquiry.stands.recorded(node.name.as_str()).ok().flatten().map(|recorded| recorded.columns.as_slice());
    let had_it = before.filter(|before| has(before, name));
    if let Body::Sql(sql) = &node.body {
        if let Some(new) = renamed(sql, now, name).filter(|_| has_it.is_some() || had_it.is_some()) {
            let New { name: new, offset, is_copy } = new;
            let does = if is_copy { format!("calls it `{new}`") } else { format!("makes `{new}` of it") };
            return Some((place(inquiry, id, sql, offset), format!("`{}` {does} here", node.name)));
        }
        if let Some((new, offset)) = had_it.and_then(|before| in_its_place(sql, before, now, name)) {
            return Some((
                place(inquiry, id, sql, offset),
                format!("`{}` had it, and has `{new}` in its place", node.name),
            ));
        }
    }
    match (has_it, had_it) {
        (Some(above), _) => {
            let list = match &node.body {
                Body::Sql(sql) => own_list(sql.statement()).map(|offset| place(inquiry, id, sql, offset)),
                _ => None,
            };
            let message = format!("`{}` does not hand it on from `{above}`", node.name);
            Some((list.unwrap_or_else(|| node.place.clone()), message))
        }
        // Then it was lost further up.
        (None, Some(_)) if lacks_it_above(inquiry, schemas, id, name) => None,
        (None, Some(_)) => Some((node.place.clone(), format!("`{}` had it when it was built last", node.name))),
        // An asset function says itself what it gives, or showed it.
        (None, None) if matches!(node.body, Body::Python(_)) && is_only => {
            let is_declared = node.contract().is_some();
            let gave_none = format!("had no column `{name}` when it ran last");
            let how = if is_declared { "declares its columns here" } else { &gave_none };
            Some((node.place.clone(), format!("`{}` {how}", node.name)))
        }
        (None, None) => None,
    }
}

/// Whether something above had the column too, and does not have it any more.
fn lacks_it_above(inquiry: &Inquiry<'_>, schemas: &Schemas, id: NodeId, name: &str) -> bool {
    let lacks = |id: &NodeId| schemas.get(id).and_then(|schema| schema.columns()).is_some_and(|now| !has(now, name));
    let had = |id: &NodeId| {
        let recorded = inquiry.stands.recorded(inquiry.graph.node(*id).name.as_str()).ok().flatten();
        recorded.is_some_and(|recorded| has(&recorded.columns, name))
    };
    inquiry.graph.reads(id).iter().any(|above| lacks(above) && had(above))
}

/// What a column is called, or what is made of it, as in `old as new`.
struct New {
    name: String,
    /// Where it stands in the statement.
    offset: usize,
    /// Whether it has the values of the old one.
    is_copy: bool,
}

fn renamed(sql: &CompiledSql, now: &[Column], name: &str) -> Option<New> {
    let statement = sql.statement();
    let words = words(statement);
    let is_old = |word: &str| word.eq_ignore_ascii_case(name);
    words.windows(3).find_map(|window| match window {
        [(old, from), (keyword, to), (new, span)]
            if is_old(old) && keyword.eq_ignore_ascii_case("as") && !is_old(new) && has(now, new) =>
        {
            let is_copy = statement.get(from.end..to.start).is_some_and(|between| between.trim().is_empty())
                && begins_an_item(statement, from.start);
            Some(New { name: new.clone(), offset: span.start, is_copy })
        }
        _ => None,
    })
}

/// Whether what stands here is the first of an item in the list of a select, but for what qualifies it.
fn begins_an_item(statement: &str, offset: usize) -> bool {
    let is_qualifier = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '"');
    let mut before = statement.get(..offset).unwrap_or_default();
    while let Some(qualified) = before.strip_suffix('.') {
        before = qualified.trim_end_matches(is_qualifier);
    }
    let before = before.trim_end();
    let last = before.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    before.ends_with(',') || ["select", "distinct", "all"].iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// Where the list of the query's own select begins.
fn own_list(statement: &str) -> Option<usize> {
    let is_outside = |span: &Span| {
        let before = statement.get(..span.start).unwrap_or_default();
        before.matches('(').count() == before.matches(')').count()
    };
    let selects = words(statement).into_iter().rev().filter(|(word, _)| word.eq_ignore_ascii_case("select"));
    selects.map(|(_, span)| span).find(is_outside).map(|span| span.start)
}

/// The one column that is new where the lost one stood, and where its name is written last.
fn in_its_place(sql: &CompiledSql, before: &[Column], now: &[Column], name: &str) -> Option<(String, usize)> {
    let index = before.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
    let new = &now.get(index).filter(|new| before.len() == now.len() && !has(before, &new.name))?.name;
    let written = words(sql.statement()).into_iter().rev().find(|(word, _)| word == new)?;
    Some((new.clone(), written.1.start))
}

/// The asset furthest up where a column that the query names got another type than it was built with.
pub(super) fn changed_type(
    inquiry: &Inquiry<'_>,
    schemas: &Schemas,
    reader: NodeId,
    sql: &CompiledSql,
) -> Option<(Place, String)> {
    let named: HashSet<String> = words(sql.statement()).into_iter().map(|(word, _)| word.to_lowercase()).collect();
    let change = |id: NodeId, name: Option<&str>| {
        let now = schemas.get(&id)?.columns()?;
        let before = &inquiry.stands.recorded(inquiry.graph.node(id).name.as_str()).ok()??.columns;
        now.iter().find_map(|column| {
            let is_asked = name.map_or_else(|| named.contains(&column.name.to_lowercase()), |name| name == column.name);
            let old = find(before, &column.name).filter(|old| is_asked && old.engine_type != column.engine_type)?;
            Some((column.clone(), old.engine_type.clone()))
        })
    };
    let (mut id, (mut column, mut old)) =
        inquiry.graph.reads(reader).into_iter().find_map(|id| Some((id, change(id, None)?)))?;
    let mut seen = HashSet::from([id]);
    while let Some((above, changed)) = inquiry
        .graph
        .reads(id)
        .into_iter()
        .filter(|above| !seen.contains(above))
        .find_map(|above| Some((above, change(above, Some(&column.name))?)))
    {
        seen.insert(above);
        (id, (column, old)) = (above, changed);
    }
    let node = inquiry.graph.node(id);
    let place = match &node.body {
        Body::Sql(sql) => {
            let written = words(sql.statement()).into_iter().rev().find(|(word, _)| *word == column.name);
            written.map_or_else(|| node.place.clone(), |(_, span)| place(inquiry, id, sql, span.start))
        }
        _ => node.place.clone(),
    };
    let message =
        format!("`{}` of `{}` is {}, and was {old} when it was built last", column.name, node.name, column.engine_type);
    Some((place, message))
}

/// Where an asset's query writes the name of a column last, which is most often where it makes it.
pub(super) fn made_at(inquiry: &Inquiry<'_>, id: NodeId, column: &str) -> Option<Place> {
    let Body::Sql(sql) = &inquiry.graph.node(id).body else { return None };
    let written = words(sql.statement()).into_iter().rev().find(|(word, _)| word.eq_ignore_ascii_case(column))?;
    Some(place(inquiry, id, sql, written.1.start))
}

fn place(inquiry: &Inquiry<'_>, id: NodeId, sql: &CompiledSql, offset: usize) -> Place {
    let node = inquiry.graph.node(id);
    let placed =
        at_statement(Diagnostic::error(Code::UnknownColumn, ""), inquiry.graph, inquiry.templates, node, sql, offset);
    placed.place.unwrap_or_else(|| node.place.clone())
}
