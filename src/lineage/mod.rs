//! `statement -> Lineage`: which columns each output column of a query comes from, and which only decide its rows.
//!
//! A statement is read as our own parser reads it, and its names are looked up as DuckDB looks them up; how far that is
//! true is measured against DuckDB's bound plans. What cannot be told for certain is said to be unknown: a lineage that
//! leaves something out would be believed.

mod aggregates;
mod by_need;
mod by_place;
mod ephemeral;
mod expression;
mod flow;
mod from;
mod function;
mod graph;
mod impact;
mod name_filter;
mod naming;
mod nullability;
mod order;
mod pivoted;
mod places;
mod query;
mod reads;
mod scope;
mod select;
mod star;
mod structs;
mod table_function;
#[cfg(test)]
mod tests;
mod tracer;
mod visible;
mod walk;

use std::collections::BTreeSet;

pub use flow::Source;
pub(crate) use graph::is_named;
pub use graph::{AssetColumn, AssetColumns, ColumnGraph, ColumnId, How, columns_of};
pub use impact::{Affected, Effect};
pub use nullability::never_null;
pub use places::{NamedColumn, named_columns};
pub use reads::{ReadColumns, ignores_others, read_columns, read_columns_that_moved, reads_by_name};
pub use visible::{VisibleColumn, is_query, visible_columns};
pub use walk::{Downstream, Step, Upstream};

use crate::engine;
use crate::parse::sql::syntax_tree;
use flow::{Flow, Form, Open};
use scope::Scope;
use tracer::Tracer;

/// The columns of a relation, by the parts of its name as the statement writes them; `None` where nobody knows them. A
/// type that is not known is empty.
pub type Columns<'a> = dyn Fn(&[String]) -> Option<Vec<engine::Column>> + 'a;

/// Where the columns of a query come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The relations that the query reads, in the order in which it names them first.
    pub relations: Vec<ReadRelation>,
    pub columns: Vec<OutputColumn>,
    /// What decides which rows there are: filters, joins, groups, comparisons of rows, and orders before a limit.
    pub rows: BTreeSet<Source>,
    /// Why there may be more that decides which rows there are.
    pub rows_unknown: Option<String>,
    /// The columns that the query names: without them it would be no query. Others it has by stars alone.
    pub named: BTreeSet<Source>,
    /// The columns without which it would be no query either, though no name means them: those that a star pairs with others.
    pub needed: BTreeSet<Source>,
    /// Whether columns have numbers in their names because others have the same name: with further columns, they have
    /// other numbers.
    pub numbers_names: bool,
}

/// A relation that a query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRelation {
    /// The parts of its name as the statement writes them, without quotes.
    pub name: Vec<String>,
    /// All of its columns; where nobody knows them, those that the query names.
    pub columns: Vec<String>,
    pub is_known: bool,
}

/// A column of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// As the column is called in a table of the query, where names differ; `None` where DuckDB makes a name of an expression.
    pub name: Option<String>,
    /// What it would be called if no column before it had that name.
    pub numbered: Option<String>,
    /// What its values come from.
    pub values: BTreeSet<Source>,
    /// What decides which rows go into its values alone, beside `Lineage::rows`: filters and groups of subqueries, of
    /// aggregates (`filter`, and all that stands before an aggregate without groups) and of windows.
    pub rows: BTreeSet<Source>,
    pub derivation: Derivation,
    /// Whether NULL may stand in its place where its sources have none: rows without a partner in a join, totals.
    pub is_padded: bool,
}

/// How the values of a column come to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derivation {
    /// They are those of its sources, under the same name.
    Copied,
    /// They are those of its sources, under another name.
    Renamed,
    Computed,
    /// What it comes from cannot be told, for this reason: its values may come from all columns that the query reads.
    Unknown(String),
}

/// Why nothing can be said about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub reason: String,
}

/// Finds where the columns of one query come from. Never looks at data, or at anything but the text and `relations`.
///
/// # Errors
/// `Unknown` where the text is no query that our parser knows, and where it is not certain how many columns come out of it.
pub fn trace(statement: &str, relations: &Columns<'_>) -> Result<Lineage, Unknown> {
    trace_as(statement, relations, true)
}

/// The same of a query that stands in others unless it `is_last`: these can see the order of its rows.
fn trace_as(statement: &str, relations: &Columns<'_>, is_last: bool) -> Result<Lineage, Unknown> {
    on_own_stack(statement, || trace_here(statement, relations, is_last))
        .unwrap_or_else(|| Err(Unknown { reason: "the statement is too long".to_owned() }))
}

/// Follows a statement with as much of a stack as it may need; `None` where it is too long for any.
fn on_own_stack<T>(statement: &str, work: impl FnOnce() -> T) -> Option<T> {
    match statement.len() {
        0..DEEP => Some(work()),
        DEEP..LONGEST => Some(stacker::grow(STACK, work)),
        _ => None,
    }
}

/// From how many bytes on a chain of operators may be a tree that is too deep to be dropped on the stack of a thread.
const DEEP: usize = 20_000;

/// Bytes of a statement that are too many, and of a stack that is enough for any below that.
const LONGEST: usize = 1 << 20;
const STACK: usize = 256 << 20;

fn trace_here(statement: &str, relations: &Columns<'_>, is_last: bool) -> Result<Lineage, Unknown> {
    let unknown = |reason: &str| Unknown { reason: reason.to_owned() };
    let tree =
        syntax_tree(statement).ok_or_else(|| unknown("the statement is written in a way that is not followed"))?;
    let mut tracer = Tracer::new(relations);
    let table = tracer.query(&tree.query, &Scope::default(), is_last);
    if let Some(reason) = tracer.given_up {
        return Err(unknown(reason));
    }
    match table.open {
        Open::No => {
            // As in the table that is made of the query.
            let written: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
            let (table, is_numbered) = table.with_names_once();
            // Names that are written stand in the order of the text, whatever columns there are.
            tracer.numbers_names |= is_numbered && by_place::has_star(&tree.query.body);
            let mut lineage = lineage(tracer, table.columns, &table.rows);
            for (column, written) in lineage.columns.iter_mut().zip(written).filter(|_| is_numbered) {
                column.numbered =
                    written.filter(|name| column.name.as_deref() != Some(name)).map(|name| name.to_string());
            }
            Ok(lineage)
        }
        Open::Unknown(reason) => Err(unknown(&reason)),
        Open::Relation(_) | Open::Made(_) => Err(unknown("a star stands for columns that nobody knows")),
    }
}

fn lineage(tracer: Tracer<'_>, columns: Vec<flow::Column>, rows: &Flow) -> Lineage {
    let relation = |read: tracer::Read| ReadRelation {
        name: read.name,
        columns: read.columns.iter().map(|(name, _)| name.to_string()).collect(),
        is_known: read.is_known,
    };
    let Tracer { read, named, needed, numbers_names, .. } = tracer;
    let relations: Vec<ReadRelation> = read.into_iter().map(relation).collect();
    let all = everything(&relations);
    let columns = columns.into_iter().map(|column| output(column, &relations, &all)).collect();
    Lineage {
        columns,
        rows: if rows.unknown.is_some() { all } else { rows.deciders.iter().collect() },
        named: named.iter().collect(),
        needed: needed.iter().collect(),
        numbers_names,
        rows_unknown: rows.unknown.as_deref().map(str::to_owned),
        relations,
    }
}

fn everything(relations: &[ReadRelation]) -> BTreeSet<Source> {
    let columns = |(index, relation): (usize, &ReadRelation)| {
        (0..relation.columns.len()).map(move |column| Source { relation: index as u32, column: column as u32 })
    };
    relations.iter().enumerate().flat_map(columns).collect()
}

fn output(column: flow::Column, relations: &[ReadRelation], all: &BTreeSet<Source>) -> OutputColumn {
    let flow::Column { name, flow } = column;
    let values: BTreeSet<Source> = flow.values.iter().collect();
    let same = |source: &Source| {
        let relation = relations.get(source.relation as usize);
        let own = relation.and_then(|relation| relation.columns.get(source.column as usize));
        own.zip(name.as_deref()).is_some_and(|(own, name)| own.eq_ignore_ascii_case(name))
    };
    let derivation = match (&flow.unknown, &flow.form) {
        (Some(reason), _) => Derivation::Unknown(reason.to_string()),
        (None, Form::Computed | Form::List) => Derivation::Computed,
        (None, Form::Copy(_)) if values.iter().all(same) => Derivation::Copied,
        (None, Form::Copy(_)) => Derivation::Renamed,
    };
    OutputColumn {
        name: name.as_deref().map(str::to_owned),
        numbered: None,
        values: if flow.unknown.is_some() { all.clone() } else { values },
        rows: flow.deciders.iter().collect(),
        is_padded: flow.is_padded,
        derivation,
    }
}

impl Lineage {
    /// All that decides which rows go into a column.
    pub fn rows_of(&self, column: &OutputColumn) -> BTreeSet<Source> {
        self.rows.union(&column.rows).copied().collect()
    }
}
