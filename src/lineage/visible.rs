//! Which columns could stand at a place in a statement: the scopes that a name there would be looked up in.

use super::flow::{Column, Form};
use super::scope::{Binding, Scope};
use super::structs::fields_of;
use super::tracer::{Probe, Tracer};
use super::{Columns, on_own_stack};
use crate::parse::sql::syntax_tree;

/// A column that a name could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleColumn {
    /// What it could be qualified with.
    pub table: String,
    pub name: String,
    /// Where it is a column of a relation as it is, and somebody knows its type.
    pub engine_type: Option<String>,
}

/// The columns that could stand where a statement says `probe`, a word that means nothing else in it; behind `table.`, those
/// of that table.
pub fn visible_columns(statement: &str, probe: &str, relations: &Columns<'_>) -> Vec<VisibleColumn> {
    let look = || {
        let Some(tree) = syntax_tree(statement) else { return Vec::new() };
        let mut tracer = Tracer::new(relations);
        tracer.probe = Some(Probe { name: probe.to_owned(), visible: Vec::new() });
        tracer.query(&tree.query, &Scope::default(), true);
        tracer.probe.map(|probe| probe.visible).unwrap_or_default()
    };
    on_own_stack(statement, look).unwrap_or_default()
}

/// Whether a text is a query that our parser knows.
pub fn is_query(statement: &str) -> bool {
    on_own_stack(statement, || syntax_tree(statement).is_some()).unwrap_or(false)
}

impl Tracer<'_> {
    /// Takes down what is in view where the name is the probe.
    pub(super) fn look_around(&mut self, parts: &[&str], scope: &Scope<'_>) {
        let Some(probe) = &mut self.probe else { return };
        let Some((last, qualifiers)) = parts.split_last() else { return };
        if *last != probe.name || !probe.visible.is_empty() {
            return;
        }
        let bindings: Vec<&Binding> = scope.chain().flat_map(|scope| &scope.bindings).collect();
        for binding in bindings.iter().filter(|binding| qualifiers.is_empty() || binding.is_named_by(qualifiers)) {
            for column in &binding.columns {
                let Some(name) = &column.name else { continue };
                let engine_type = type_of(column).map(str::to_owned);
                probe.visible.push(VisibleColumn { table: binding.name.clone(), name: name.to_string(), engine_type });
            }
        }
        for (name, engine_type) in
            bindings.iter().find_map(|binding| fields_in(binding, qualifiers)).unwrap_or_default()
        {
            probe.visible.push(VisibleColumn { table: String::new(), name, engine_type: Some(engine_type) });
        }
    }
}

/// The type of a column of a relation that is one as it is.
fn type_of(column: &Column) -> Option<&str> {
    match &column.flow.form {
        Form::Copy(engine_type) => engine_type.as_deref(),
        Form::List | Form::Computed => None,
    }
}

/// Names and types of the fields of what `[table.]column[.field ...]` names, if that is a struct.
fn fields_in(binding: &Binding, name: &[&str]) -> Option<Vec<(String, String)>> {
    (0..name.len()).rev().find_map(|at| {
        let column = binding.column(name[at]).filter(|_| at == 0 || binding.is_named_by(&name[..at]))?;
        let mut fields = fields_of(type_of(column)?)?;
        for part in &name[at + 1..] {
            let (_, engine_type) = fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(part))?;
            fields = fields_of(engine_type)?;
        }
        Some(fields.into_iter().map(|(field, engine_type)| (field, engine_type.to_owned())).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Column;

    fn shown(statement: &str) -> Vec<String> {
        let column = |name: &str| Column { name: name.to_owned(), engine_type: "INTEGER".to_owned() };
        let relations = |name: &[String]| match name.last()?.as_str() {
            "orders" => Some(["id", "amount"].map(column).to_vec()),
            "customers" => Some(vec![column("region")]),
            _ => None,
        };
        let visible = visible_columns(statement, "here", &relations).into_iter();
        visible
            .map(|VisibleColumn { table, name, engine_type }| {
                format!("{table}.{name} {}", engine_type.unwrap_or_default()).trim_end().to_owned()
            })
            .collect()
    }

    #[test]
    fn what_is_in_view_is_what_a_name_would_be_looked_up_in() {
        let orders = ["o.id INTEGER", "o.amount INTEGER"];
        assert_eq!(shown("select here from orders as o"), orders);
        assert_eq!(shown("select o.here from orders o, customers"), orders);
        assert_eq!(shown("select 1 from customers, orders o where o.here"), orders);
        assert_eq!(shown("with a as (select id + 1 as more from orders) select here from a"), ["a.more"]);
        assert_eq!(
            shown("select 1 from customers where exists (select here from orders o)"),
            ["o.id INTEGER", "o.amount INTEGER", "customers.region INTEGER"]
        );
        assert!(shown("select here from nowhere").is_empty());
        assert!(shown("select here from (").is_empty());
    }
}
