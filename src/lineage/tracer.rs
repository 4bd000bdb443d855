//! One statement being traced: the relations that it reads, and how much work it may make.

use std::collections::HashMap;
use std::rc::Rc;

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;

use super::flow::{Column, Flow, Form, Open, Source, Sources, Table};
use super::{Columns, VisibleColumn};
use crate::graph::folded;

/// How many expressions and columns are looked at before a statement is given up: nested recursive definitions and stars
/// multiply.
const STEPS: u32 = 500_000;

pub(super) struct Tracer<'a> {
    lookup: &'a Columns<'a>,
    pub read: Vec<Read>,
    by_name: HashMap<String, u32>,
    steps: u32,
    /// Columns of relations that the statement names, however far inside: others it has by stars alone.
    pub named: Sources,
    /// Those without which it would be no query either, though no name means them.
    pub needed: Sources,
    /// Whether columns have numbers in their names because others have the same name.
    pub numbers_names: bool,
    /// Why nothing certain can be said about the statement as a whole.
    pub given_up: Option<&'static str>,
    /// What the lists that the select at hand unnests come from.
    pub unnested: Vec<Flow>,
    /// Where names of columns stand in the tree, and what they come from; `None` where nobody wants to know.
    pub places: Option<Vec<Placed>>,
    /// A name that stands for nothing, for which what could stand in its place is taken down.
    pub probe: Option<Probe>,
}

/// A name of a column where it stands.
pub(super) struct Placed {
    pub span: Span,
    pub values: Sources,
    /// Whether it has the values of a column as they are.
    pub is_copy: bool,
}

/// A name that is no name.
pub(super) struct Probe {
    pub name: String,
    pub visible: Vec<VisibleColumn>,
}

/// A relation that the statement reads.
pub(super) struct Read {
    pub name: Vec<String>,
    /// Names and types; where nobody knows the relation's columns, those that the statement names.
    pub columns: Vec<(Rc<str>, Option<Rc<str>>)>,
    pub is_known: bool,
}

impl<'a> Tracer<'a> {
    pub fn new(lookup: &'a Columns<'a>) -> Self {
        Tracer {
            lookup,
            read: Vec::new(),
            by_name: HashMap::new(),
            steps: STEPS,
            named: Sources::default(),
            needed: Sources::default(),
            numbers_names: false,
            given_up: None,
            unnested: Vec::new(),
            places: None,
            probe: None,
        }
    }

    /// Counts a piece of work; false when there was too much of it.
    pub fn step(&mut self, count: usize) -> bool {
        self.steps = self.steps.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        if self.steps == 0 {
            self.give_up("the statement is too large");
        }
        self.steps > 0
    }

    /// Takes down that a column is named which is one of a relation's, as it is.
    pub fn name_it(&mut self, flow: &Flow) {
        if let Form::Copy(_) = flow.form {
            self.named.add(&flow.values);
        }
    }

    /// Takes down where a name stands, without its qualifiers.
    pub fn place(&mut self, name: Option<&Ident>, flow: &Flow) {
        if let (Some(places), Some(name), None) = (&mut self.places, name, &flow.unknown) {
            let is_copy = matches!(flow.form, Form::Copy(_));
            places.push(Placed { span: name.span, values: flow.values.clone(), is_copy });
        }
    }

    /// The columns of a subquery, whose names differ.
    pub fn with_names_once(&mut self, table: Table) -> Table {
        let (table, is_numbered) = table.with_names_once();
        self.numbers_names |= is_numbered;
        table
    }

    pub fn give_up(&mut self, reason: &'static str) {
        self.given_up.get_or_insert(reason);
    }

    /// The rows of a relation that is no part of the statement.
    pub fn relation(&mut self, name: &[String]) -> Table {
        let index = self.index(name);
        let Some(read) = self.read.get(index as usize) else { return Table::default() };
        if !read.is_known {
            return Table { open: Open::Relation(index), ..Table::default() };
        }
        let column = |(position, (name, engine_type)): (usize, &(Rc<str>, Option<Rc<str>>))| Column {
            name: Some(Rc::clone(name)),
            flow: Flow::column(Source { relation: index, column: position as u32 }, engine_type.clone()),
        };
        Table { columns: read.columns.iter().enumerate().map(column).collect(), ..Table::default() }
    }

    fn index(&mut self, name: &[String]) -> u32 {
        let key = folded(&name.join("\u{1f}"));
        if let Some(index) = self.by_name.get(&key) {
            return *index;
        }
        let known = (self.lookup)(name);
        let is_known = known.is_some();
        let engine_type = |name: String| (!name.is_empty()).then(|| Rc::from(name));
        let column = |column: crate::engine::Column| (column.name.into(), engine_type(column.engine_type));
        let columns = known.into_iter().flatten().map(column).collect();
        let index = self.read.len() as u32;
        self.read.push(Read { name: name.to_vec(), columns, is_known });
        self.by_name.insert(key, index);
        index
    }

    /// A column that the statement names, of a relation whose columns nobody knows.
    pub fn named_column(&mut self, relation: u32, name: &str) -> Flow {
        let Some(read) = self.read.get_mut(relation as usize) else { return Flow::default() };
        let position = read.columns.iter().position(|(own, _)| own.eq_ignore_ascii_case(name));
        let column = position.unwrap_or_else(|| {
            read.columns.push((name.into(), None));
            read.columns.len() - 1
        });
        Flow { form: Form::Copy(None), ..Flow::column(Source { relation, column: column as u32 }, None) }
    }
}
