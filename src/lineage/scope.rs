//! Which columns a name in a query can mean: DuckDB's order of looking for them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sqlparser::ast::{Expr, NamedWindowDefinition};

use super::flow::{Column, Flow, Open, Table};

/// What can be seen from a place in a query; what is not found here is looked for in `outer`.
#[derive(Default)]
pub(super) struct Scope<'s> {
    pub outer: Option<&'s Scope<'s>>,
    pub bindings: Vec<Binding>,
    /// Columns that are one for several bindings: those of `using` and natural joins.
    pub shared: Vec<Shared>,
    pub aliases: Vec<Alias<'s>>,
    /// Whether an alias is meant where a column has the same name, as in `having` outside of aggregates.
    pub prefers_aliases: Cell<bool>,
    /// Of a lambda.
    pub parameters: Vec<&'s str>,
    /// Common table expressions by name, the newest last.
    pub definitions: Vec<(String, Table)>,
    pub windows: &'s [NamedWindowDefinition],
    /// What `COLUMNS(...)` stands for while a list of columns is made of an expression.
    pub expanded: Option<Flow>,
    /// What decides which rows go into an aggregate of a select without groups.
    pub aggregated: Option<Flow>,
}

/// Something that stands after `from`, under the name that qualifies its columns.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub name: String,
    /// Schema and database, where they were written and no alias hides them.
    pub qualifiers: Vec<String>,
    pub has_alias: bool,
    /// Whether it is a table, which numbers its rows.
    pub is_relation: bool,
    pub columns: Vec<Column>,
    pub open: Open,
}

/// One column of several bindings.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub name: String,
    pub flow: Flow,
    /// Indices of the bindings.
    pub members: Vec<usize>,
}

/// What a part of `from` gives: tables, and what decides which rows they have together.
#[derive(Default)]
pub(super) struct Joined {
    pub bindings: Vec<Binding>,
    pub shared: Vec<Shared>,
    pub rows: Flow,
}

/// A name that a select gives to an expression of its list.
pub(super) struct Alias<'s> {
    pub name: &'s str,
    pub expression: &'s Expr,
    /// Whether a group has the same name.
    pub is_group: bool,
    pub state: RefCell<AliasState>,
}

#[derive(Debug, Clone)]
pub(super) enum AliasState {
    Unseen,
    /// Being traced: an alias that meets itself is no alias there.
    Busy,
    Known(Flow),
}

/// What a name means.
pub(super) enum Meaning<'s> {
    Flow(Flow),
    /// A field of a struct of this.
    Field(Flow),
    /// The alias of this number of a scope.
    Alias(&'s Scope<'s>, usize),
    Nothing,
}

impl Binding {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.is_named(name))
    }

    /// Whether `[database.][schema.]name` means it.
    pub fn is_named_by(&self, parts: &[&str]) -> bool {
        parts.split_last().is_some_and(|(name, qualifiers)| self.is_called(qualifiers, name))
    }

    fn is_called(&self, qualifiers: &[&str], name: &str) -> bool {
        if !self.name.eq_ignore_ascii_case(name) {
            return false;
        }
        // One word before the name may be a schema or a database.
        if let [one] = qualifiers
            && self.qualifiers.iter().any(|own| own.eq_ignore_ascii_case(one))
        {
            return true;
        }
        let known = self.qualifiers.iter().rev().zip(qualifiers.iter().rev());
        let longer = qualifiers.len() > self.qualifiers.len() && (self.has_alias || !self.is_relation);
        !longer && known.into_iter().all(|(own, given)| own.eq_ignore_ascii_case(given))
    }

    /// All of its columns in one value.
    fn row(&self) -> Flow {
        let mut flow = Flow::default();
        self.columns.iter().for_each(|column| flow.absorb(&column.flow));
        match &self.open {
            Open::No => flow,
            Open::Made(made) => {
                flow.absorb(made);
                flow
            }
            Open::Relation(_) => {
                flow.absorb(&Flow::unknown(format!("the columns of `{}` are not known", self.name)));
                flow
            }
            Open::Unknown(reason) => {
                flow.absorb(&Flow::unknown(Rc::clone(reason)));
                flow
            }
        }
    }

    fn is_open(&self) -> bool {
        self.open != Open::No || self.columns.iter().any(|column| column.name.is_none())
    }
}

impl<'s> Scope<'s> {
    pub fn below(outer: &'s Scope<'s>) -> Self {
        Scope { outer: Some(outer), ..Scope::default() }
    }

    /// This scope and those around it, from the inside.
    pub fn chain(&'s self) -> impl Iterator<Item = &'s Scope<'s>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    /// Puts in view what a part of `from` gives.
    pub fn add(&mut self, joined: Joined) {
        let before = self.bindings.len();
        self.bindings.extend(joined.bindings);
        self.shared.extend(joined.shared.into_iter().map(|mut shared| {
            shared.members.iter_mut().for_each(|member| *member += before);
            shared
        }));
    }

    /// Whether a name is one of this scope's own columns.
    pub fn is_own(&'s self, parts: &[&str]) -> bool {
        let Some(first) = parts.first() else { return false };
        self.qualified(parts, &mut |_, _| Flow::default()).is_some()
            || self.column(first).is_some()
            || self.bindings.iter().any(Binding::is_open)
    }

    /// The nearest scope that belongs to a select.
    pub fn select(&'s self) -> &'s Scope<'s> {
        self.chain().find(|scope| !scope.bindings.is_empty()).unwrap_or(self)
    }

    /// A common table expression.
    pub fn definition(&'s self, name: &str) -> Option<&'s Table> {
        let mut known = self.chain().flat_map(|scope| scope.definitions.iter().rev());
        known.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, table)| table)
    }

    /// What a dotted name means; `open` makes a column of a relation whose columns nobody knows.
    pub fn find(&'s self, parts: &[&str], open: &mut dyn FnMut(u32, &str) -> Flow) -> Meaning<'s> {
        let Some(first) = parts.first() else { return Meaning::Nothing };
        for scope in self.chain() {
            if scope.parameters.iter().any(|parameter| parameter.eq_ignore_ascii_case(first)) {
                return Meaning::Flow(Flow::default());
            }
            match scope.own(parts, open) {
                Meaning::Nothing => {}
                found => return found,
            }
        }
        Meaning::Nothing
    }

    fn own(&'s self, parts: &[&str], open: &mut dyn FnMut(u32, &str) -> Flow) -> Meaning<'s> {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Meaning::Nothing };
        if let Some(meaning) = self.qualified(parts, open) {
            return meaning;
        }
        let is_alone = parts.len() == 1;
        let alias = self.usable_alias(first).filter(|_| is_alone && self.prefers_aliases.get());
        if let Some(index) = alias.filter(|index| !self.aliases[*index].is_group) {
            return Meaning::Alias(self, index);
        }
        if let Some(flow) = self.column(first) {
            return if is_alone { Meaning::Flow(flow) } else { Meaning::Field(flow) };
        }
        let row = self.bindings.iter().find(|binding| binding.is_called(&parts[..parts.len() - 1], last));
        let potential = is_alone || (parts.len() == 2 && first.eq_ignore_ascii_case("alias"));
        let usable = self.usable_alias(last).filter(|_| potential);
        let in_doubt: Vec<&Binding> = self.bindings.iter().filter(|binding| binding.is_open()).collect();
        match (in_doubt.as_slice(), row, usable) {
            ([], Some(row), _) => Meaning::Flow(row.row()),
            ([], None, Some(index)) => Meaning::Alias(self, index),
            ([], None, None) => Meaning::Nothing,
            // All others are known not to have it.
            ([one], None, None) if !self.is_known_outside(first) => match &one.open {
                Open::Relation(relation) => {
                    let flow = open(*relation, first);
                    if is_alone { Meaning::Flow(flow) } else { Meaning::Field(flow) }
                }
                Open::Made(flow) => Meaning::Flow((**flow).clone()),
                _ => Meaning::Flow(doubt(first, one)),
            },
            ([one, ..], _, _) => Meaning::Flow(doubt(first, one)),
        }
    }

    fn usable_alias(&self, name: &str) -> Option<usize> {
        let alias = self.aliases.iter().position(|alias| alias.name.eq_ignore_ascii_case(name))?;
        (!matches!(*self.aliases[alias].state.borrow(), AliasState::Busy)).then_some(alias)
    }

    /// `[database.][schema.]table.column[.field ...]`, the table as far to the right as possible.
    fn qualified(&self, parts: &[&str], open: &mut dyn FnMut(u32, &str) -> Flow) -> Option<Meaning<'s>> {
        for table in (0..parts.len().saturating_sub(1)).rev() {
            let (name, column) = (parts[table], parts[table + 1]);
            let fits = |binding: &&Binding| binding.is_called(&parts[..table], name);
            let is_whole = table + 2 == parts.len();
            let as_written = |flow: Flow| Some(if is_whole { Meaning::Flow(flow) } else { Meaning::Field(flow) });
            for binding in self.bindings.iter().filter(fits) {
                if let Some(found) = binding.column(column) {
                    return as_written(found.flow.clone());
                }
                match &binding.open {
                    _ if is_row_number(column) && binding.is_relation => return as_written(Flow::default()),
                    Open::Relation(relation) => return as_written(open(*relation, column)),
                    Open::Made(flow) => return as_written((**flow).clone()),
                    Open::Unknown(_) => return as_written(doubt(column, binding)),
                    Open::No if binding.is_open() => return as_written(doubt(column, binding)),
                    Open::No => {}
                }
            }
        }
        None
    }

    /// A column by its name alone. What several have and nobody shares is ambiguous.
    pub fn column(&self, name: &str) -> Option<Flow> {
        if let Some(shared) = self.shared.iter().find(|shared| shared.name.eq_ignore_ascii_case(name)) {
            return Some(shared.flow.clone());
        }
        let mut found = self.bindings.iter().filter_map(|binding| binding.column(name));
        match (found.next(), found.next()) {
            (Some(column), None) => Some(column.flow.clone()),
            (Some(_), Some(_)) => Some(Flow::unknown(format!("`{name}` is a column of several relations"))),
            (None, _) => {
                let numbers = self.bindings.iter().filter(|binding| binding.is_relation).count();
                (is_row_number(name) && numbers > 0).then(Flow::default)
            }
        }
    }

    /// A column's name as it is declared, where a name means it that may be written in other cases.
    pub fn declared(&self, name: &Expr) -> Option<Rc<str>> {
        let (name, table): (&str, Vec<&str>) = match name {
            Expr::Nested(inner) => return self.declared(inner),
            Expr::Identifier(name) => (&name.value, Vec::new()),
            Expr::CompoundIdentifier(parts) => {
                let (name, table) = parts.split_last()?;
                (&name.value, table.iter().map(|part| part.value.as_str()).collect())
            }
            _ => return None,
        };
        let mut bindings = self.bindings.iter().filter(|binding| table.is_empty() || binding.is_named_by(&table));
        bindings.find_map(|binding| binding.column(name))?.name.clone()
    }

    fn is_known_outside(&self, name: &str) -> bool {
        let outer = self.outer.into_iter().flat_map(Scope::chain);
        outer.into_iter().any(|scope| scope.column(name).is_some() || scope.bindings.iter().any(Binding::is_open))
    }
}

/// The number of a table's row, which is no column and comes from none.
pub fn is_row_number(name: &str) -> bool {
    name.eq_ignore_ascii_case("rowid")
}

fn doubt(name: &str, binding: &Binding) -> Flow {
    Flow::unknown(format!("the columns of `{}`, one of which `{name}` may be, are not known", binding.name))
}
