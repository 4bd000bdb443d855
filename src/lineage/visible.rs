//! Which columns could stand at a place in a statement: the scopes that a name there would be looked up in.

use super::flow::Form;
use super::scope::{Binding, Scope};
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

impl Tracer<'_> {
    /// Takes down what is in view where the name is the probe.
    pub(super) fn look_around(&mut self, parts: &[&str], scope: &Scope<'_>) {
        let Some(probe) = &mut self.probe else { return };
        let Some((last, qualifiers)) = parts.split_last() else { return };
        if *last != probe.name || !probe.visible.is_empty() {
            return;
        }
        let bindings = scope.chain().flat_map(|scope| &scope.bindings);
        let fits = |binding: &&Binding| qualifiers.is_empty() || binding.is_named_by(qualifiers);
        for binding in bindings.filter(fits) {
            for column in &binding.columns {
                let Some(name) = &column.name else { continue };
                let engine_type = match &column.flow.form {
                    Form::Copy(engine_type) => engine_type.as_deref().map(str::to_owned),
                    Form::List | Form::Computed => None,
                };
                probe.visible.push(VisibleColumn { table: binding.name.clone(), name: name.to_string(), engine_type });
            }
        }
    }
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
