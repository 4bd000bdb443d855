//! What a value comes from.

use std::collections::HashSet;
use std::rc::Rc;

/// A column that a statement reads: indices in `Lineage::relations` and in the columns of that relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    pub relation: u32,
    pub column: u32,
}

/// Columns, sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources(Vec<Source>);

/// From how many columns on it is quicker to sort than to put each in its place.
const FEW: usize = 8;

impl Sources {
    pub fn one(source: Source) -> Self {
        Sources(vec![source])
    }

    pub fn add(&mut self, other: &Sources) {
        if other.0.len() > FEW {
            self.0.extend_from_slice(&other.0);
            self.0.sort_unstable();
            self.0.dedup();
            return;
        }
        for source in &other.0 {
            if let Err(place) = self.0.binary_search(source) {
                self.0.insert(place, *source);
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Source> + '_ {
        self.0.iter().copied()
    }
}

/// How a value came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// It is a value of its sources, of this type where it is known.
    Copy(Option<Rc<str>>),
    /// It is computed, and a list for certain.
    List,
    Computed,
}

/// What a value comes from, or (without `values`) what a set of rows does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    pub values: Sources,
    /// What only decides which rows went into it.
    pub deciders: Sources,
    pub form: Form,
    /// Whether NULL may stand in its place where its source has none: rows without a partner in a join, totals of groups.
    pub is_padded: bool,
    /// Why there may be more that it comes from.
    pub unknown: Option<Rc<str>>,
}

impl Default for Flow {
    /// A constant, to which other flows are added.
    fn default() -> Self {
        Flow {
            values: Sources::default(),
            deciders: Sources::default(),
            form: Form::Computed,
            is_padded: false,
            unknown: None,
        }
    }
}

impl Flow {
    pub fn column(source: Source, engine_type: Option<Rc<str>>) -> Self {
        Flow { values: Sources::one(source), form: Form::Copy(engine_type), ..Flow::default() }
    }

    pub fn unknown(reason: impl Into<Rc<str>>) -> Self {
        Flow { unknown: Some(reason.into()), ..Flow::default() }
    }

    /// The same, changed on its way.
    pub fn computed(mut self) -> Self {
        self.form = Form::Computed;
        self
    }

    /// The value is made of the other one too.
    pub fn absorb(&mut self, other: &Flow) {
        self.values.add(&other.values);
        self.deciders.add(&other.deciders);
        self.is_padded |= other.is_padded;
        self.doubt(other);
    }

    /// The other value only decides which rows there are.
    pub fn decide(&mut self, other: &Flow) {
        self.deciders.add(&other.values);
        self.deciders.add(&other.deciders);
        self.doubt(other);
    }

    /// The value is this one or the other one, as below a `union`.
    pub fn unite(&mut self, other: &Flow) {
        // Values of types that may differ are cast to one that holds both.
        if self.form != other.form || self.form == Form::Copy(None) {
            self.form = Form::Computed;
        }
        self.absorb(other);
    }

    fn doubt(&mut self, other: &Flow) {
        if self.unknown.is_none() {
            self.unknown.clone_from(&other.unknown);
        }
    }
}

/// A column of something that stands after `from`, or of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// `None` where DuckDB makes up a name that we do not.
    pub name: Option<Rc<str>>,
    pub flow: Flow,
}

impl Column {
    pub fn is_named(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Which further columns something has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Open {
    #[default]
    No,
    /// Those of a relation of which nobody knows the columns.
    Relation(u32),
    /// Those that a function makes, each of this.
    Made(Box<Flow>),
    /// Nobody knows which, or why, as far as this says.
    Unknown(Rc<str>),
}

/// The rows of a query, or of something that stands after `from`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub columns: Vec<Column>,
    /// What decides which rows there are, in `deciders`.
    pub rows: Flow,
    pub open: Open,
}

impl Table {
    pub fn unknown(reason: impl Into<Rc<str>>) -> Self {
        let reason = reason.into();
        Table { open: Open::Unknown(Rc::clone(&reason)), rows: Flow::unknown(reason), columns: Vec::new() }
    }

    /// Of columns with the same name, those after the first are numbered, as in a subquery; and whether there are such.
    pub fn with_names_once(mut self) -> (Self, bool) {
        let mut is_numbered = false;
        let mut seen: HashSet<String> = HashSet::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let Some(name) = column.name.clone() else { continue };
            let mut number = 0;
            while !seen.insert(column.name.as_deref().unwrap_or_default().to_ascii_lowercase()) {
                number += 1;
                is_numbered = true;
                column.name = Some(format!("{name}_{number}").into());
            }
        }
        (self, is_numbered)
    }

    /// The first columns get these names.
    pub fn renamed<'a>(mut self, names: impl Iterator<Item = &'a str>) -> Self {
        for (column, name) in self.columns.iter_mut().zip(names) {
            column.name = Some(name.into());
        }
        self
    }
}
