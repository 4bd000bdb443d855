//! What stands after `from`: tables, subqueries and joins.

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableWithJoins};

use super::flow::{Flow, Open, Table};
use super::scope::{Binding, Joined, Scope, Shared, is_row_number};
use super::tracer::Tracer;

/// Which side's value a shared column has.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
    /// Whichever is not null.
    Both,
}

/// What a join does besides putting rows together.
#[derive(Clone, Copy)]
struct Manner {
    side: Side,
    /// `semi` and `anti`: the right side only decides which rows of the left there are.
    filters: bool,
    /// Which side's rows there are without a partner: the other side is NULL in them.
    alone: Option<Side>,
}

impl Tracer<'_> {
    /// Tables and joins; what stands to the right sees what stands to the left.
    pub fn joined(&mut self, table: &TableWithJoins, outer: &Scope<'_>) -> Joined {
        let mut here = Scope::below(outer);
        let first = self.factor(&table.relation, &here);
        let mut rows = first.rows.clone();
        here.add(first);
        for join in &table.joins {
            self.join(join, &mut here, &mut rows);
        }
        Joined { bindings: here.bindings, shared: here.shared, rows }
    }

    fn join<'s>(&mut self, join: &Join, here: &mut Scope<'s>, rows: &mut Flow) {
        let mut right = self.factor(&join.relation, here);
        rows.decide(&right.rows);
        let Some((manner, constraint)) = manner(&join.join_operator) else {
            rows.absorb(&Flow::unknown("a join is written in a way that is not followed"));
            // There may be rows without either side.
            pad(&mut here.bindings, &mut here.shared);
            pad(&mut right.bindings, &mut right.shared);
            here.add(right);
            return;
        };
        let (before, shared) = (here.bindings.len(), here.shared.clone());
        let names = match constraint {
            JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
            JoinConstraint::Using(names) => names.iter().filter_map(last_name).collect(),
            JoinConstraint::Natural => common(here, &right, rows),
        };
        let keys = self.keys(names, here, &right, matches!(constraint, JoinConstraint::Using(_)));
        if let JoinConstraint::Using(names) = constraint {
            self.place_keys(names, &keys);
        }
        if matches!(manner.alone, Some(Side::Right | Side::Both)) {
            pad(&mut here.bindings, &mut here.shared);
        }
        if matches!(manner.alone, Some(Side::Left | Side::Both)) {
            pad(&mut right.bindings, &mut right.shared);
        }
        here.add(right);
        match constraint {
            JoinConstraint::On(condition) => {
                let flow = self.expression(condition, here);
                rows.decide(&flow);
            }
            _ => keys.into_iter().for_each(|(name, left, right)| {
                rows.decide(&left);
                rows.decide(&right);
                share(here, before, name, (left, right), manner.side);
            }),
        }
        if manner.filters {
            here.bindings.truncate(before);
            here.shared = shared;
        }
    }

    /// What each shared column is on both sides. A natural join names none of them.
    fn keys(
        &mut self,
        names: Vec<String>,
        left: &Scope<'_>,
        right: &Joined,
        are_named: bool,
    ) -> Vec<(String, Flow, Flow)> {
        let side = |bindings: &[Binding], shared: &[Shared]| Scope {
            bindings: bindings.to_vec(),
            shared: shared.to_vec(),
            ..Scope::default()
        };
        let (left, right) = (side(&left.bindings, &left.shared), side(&right.bindings, &right.shared));
        let mut key = |name: &str, side: &Scope<'_>| match are_named {
            true => self.name(&[name], side),
            false => side.column(name).unwrap_or_default(),
        };
        names.into_iter().map(|name| (name.clone(), key(&name, &left), key(&name, &right))).collect()
    }

    /// Takes down where `using` names a column of each side.
    fn place_keys(&mut self, names: &[ObjectName], keys: &[(String, Flow, Flow)]) {
        let names = names.iter().filter_map(|name| name.0.last()?.as_ident());
        for (name, (_, left, right)) in names.zip(keys) {
            let mut both = left.clone();
            both.absorb(right);
            // It names each of them as it is.
            both.form = left.form.clone();
            self.place(Some(name), &both);
        }
    }

    fn factor(&mut self, factor: &TableFactor, scope: &Scope<'_>) -> Joined {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_ordinality: false,
                json_path: None,
                version: None,
                ..
            } => self.table(name, alias.as_ref(), scope),
            TableFactor::Derived { subquery, alias, .. } => {
                let table = self.query(subquery, scope, false);
                let table = self.with_names_once(table);
                self.need_first(&table, alias.as_ref().map_or(0, |alias| alias.columns.len()));
                bound(table, "", alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(table_with_joins, scope),
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let joined = self.joined(table_with_joins, scope);
                let inner = Scope { bindings: joined.bindings, shared: joined.shared, ..Scope::default() };
                let (columns, open) = self.star(&inner, None, &Default::default());
                let table = Table { columns, rows: joined.rows, open };
                self.numbers_names |= table.clone().with_names_once().1;
                self.need_first(&table, alias.as_ref().map_or(0, |alias| alias.columns.len()));
                bound(table, "", alias.as_ref())
            }
            TableFactor::Table { name, alias, args: Some(arguments), with_ordinality, .. } => {
                self.table_function(name, &arguments.args, *with_ordinality, alias.as_ref(), scope)
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                self.table_function(name, args, *with_ordinality, alias.as_ref(), scope)
            }
            TableFactor::UNNEST { array_exprs, alias, with_offset: false, with_ordinality, .. } => {
                self.unnest(array_exprs, *with_ordinality, alias.as_ref(), scope)
            }
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, alias, .. } => {
                let table = self.factor(table, scope);
                self.pivot(table, (aggregate_functions, value_column, value_source), alias.as_ref(), scope)
            }
            TableFactor::Unpivot { table, value, name, columns, alias, .. } => {
                let table = self.factor(table, scope);
                self.unpivot(table, (value, name, columns), alias.as_ref())
            }
            _ => bound(Table::unknown("something after `from` is written in a way that is not followed"), "", None),
        }
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>, scope: &Scope<'_>) -> Joined {
        let parts: Option<Vec<String>> =
            name.0.iter().map(|part| part.as_ident().map(|part| part.value.clone())).collect();
        let Some(parts) = parts else {
            return bound(Table::unknown("a table is named in a way that is not followed"), "", alias);
        };
        let local = match parts.as_slice() {
            [name] => scope.definition(name),
            [schema, name] if schema.eq_ignore_ascii_case("recurring") => scope.definition(name),
            _ => None,
        };
        let Some((last, qualifiers)) = parts.split_last() else { return Joined::default() };
        let renamed = alias.map_or(0, |alias| alias.columns.len());
        if let Some(table) = local {
            let table = table.clone();
            self.need_first(&table, renamed);
            return bound(table, last, alias);
        }
        let table = self.relation(&parts);
        self.need_first(&table, renamed);
        let mut joined = bound(table, last, alias);
        for binding in &mut joined.bindings {
            binding.is_relation = true;
            if !binding.has_alias {
                binding.qualifiers = qualifiers.to_vec();
            }
        }
        joined
    }
}

/// A table under its alias, or under its own name.
pub(super) fn bound(table: Table, name: &str, alias: Option<&TableAlias>) -> Joined {
    let Table { columns, rows, open } = match alias {
        Some(alias) => table.renamed(alias.columns.iter().map(|column| column.name.value.as_str())),
        None => table,
    };
    let binding = Binding {
        name: alias.map_or(name, |alias| &alias.name.value).to_owned(),
        qualifiers: Vec::new(),
        has_alias: alias.is_some(),
        is_relation: false,
        columns,
        open,
    };
    Joined { bindings: vec![binding], shared: Vec::new(), rows }
}

/// There are rows without these.
fn pad(bindings: &mut [Binding], shared: &mut [Shared]) {
    let columns = bindings.iter_mut().flat_map(|binding| &mut binding.columns).map(|column| &mut column.flow);
    columns.chain(shared.iter_mut().map(|shared| &mut shared.flow)).for_each(|flow| flow.is_padded = true);
}

fn manner(operator: &JoinOperator) -> Option<(Manner, &JoinConstraint)> {
    let joins = |side| Manner { side, filters: false, alone: None };
    let outer = |side| Manner { alone: Some(side), ..joins(side) };
    Some(match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::CrossJoin(constraint) => {
            (joins(Side::Left), constraint)
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (outer(Side::Left), constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (outer(Side::Right), constraint),
        JoinOperator::FullOuter(constraint) => (outer(Side::Both), constraint),
        JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint) => (Manner { filters: true, ..joins(Side::Left) }, constraint),
        _ => return None,
    })
}

fn last_name(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(|name| name.value.clone())
}

/// The names that a natural join compares: those which both sides have.
fn common(left: &Scope<'_>, right: &Joined, rows: &mut Flow) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for binding in &left.bindings {
        for name in binding.columns.iter().filter_map(|column| column.name.as_deref()) {
            let is_new = !names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if is_new && right.bindings.iter().any(|binding| binding.column(name).is_some()) {
                names.push(name.to_owned());
            }
        }
    }
    let has_number = left.bindings.iter().any(|binding| binding.column("rowid").is_some());
    if has_number && !names.iter().any(|name| is_row_number(name)) {
        // The number of a row on the right is a column of that name, too.
        rows.absorb(&Flow::unknown("a natural join compares a column `rowid` with the numbers of rows"));
    }
    if left.bindings.iter().chain(&right.bindings).any(|binding| binding.open != Open::No) {
        rows.absorb(&Flow::unknown("a natural join compares columns that nobody knows"));
    }
    names
}

/// Makes one column of those of this name, on both sides of the binding at `before`.
fn share(here: &mut Scope<'_>, before: usize, name: String, (left, right): (Flow, Flow), side: Side) {
    let has = |(index, binding): (usize, &Binding)| binding.column(&name).map(|_| index);
    let mut members: Vec<usize> = here.bindings.iter().enumerate().skip(before).filter_map(has).collect();
    let known = here.shared.iter().position(|shared| {
        shared.name.eq_ignore_ascii_case(&name) && shared.members.iter().any(|member| *member < before)
    });
    match known {
        Some(known) => members.extend(here.shared.remove(known).members),
        None => members.extend(here.bindings.iter().enumerate().take(before).filter_map(has)),
    }
    here.shared.retain(|shared| {
        !(shared.name.eq_ignore_ascii_case(&name) && shared.members.iter().any(|member| members.contains(member)))
    });
    let flow = match side {
        Side::Left => left,
        Side::Right => right,
        Side::Both => {
            let mut flow = left.computed();
            flow.absorb(&right);
            flow
        }
    };
    here.shared.push(Shared { name, flow, members });
}
