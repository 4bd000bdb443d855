//! Stars: `*`, `t.*` with `exclude`, `replace` and `rename`, and `COLUMNS(...)`.

use std::ops::ControlFlow;
use std::rc::Rc;

use regex::Regex;
use sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, RenameSelectItem,
    SelectItemQualifiedWildcardKind, Value, Visit, Visitor, WildcardAdditionalOptions,
};

use super::flow::{Column, Flow, Open};
use super::name_filter::chooses;
use super::naming::name_of;
use super::scope::{Binding, Scope};
use super::structs::fields;
use super::tracer::Tracer;

impl Tracer<'_> {
    /// The columns that an item of a select's list makes: several where it holds `COLUMNS(...)` or unnests a struct.
    pub fn item(&mut self, expression: &Expr, alias: Option<&str>, scope: &Scope<'_>) -> Vec<Column> {
        let mut finder = ColumnsFinder::default();
        let _ = expression.visit(&mut finder);
        if finder.unpacks {
            self.give_up("how many columns `unpack` makes is not known");
            return Vec::new();
        }
        if let Some(call) = finder.found {
            return self.expanded(expression, alias, &call, scope);
        }
        if let Some(columns) = self.unnested_struct(expression, scope) {
            return columns;
        }
        let flow = self.expression(expression, scope);
        let own = || scope.declared(expression).or_else(|| name_of(expression).map(Rc::from));
        vec![Column { name: alias.map(Rc::from).or_else(own), flow }]
    }

    /// The expression once for each column that `COLUMNS(...)` stands for.
    fn expanded(&mut self, expression: &Expr, alias: Option<&str>, call: &Function, scope: &Scope<'_>) -> Vec<Column> {
        let mut made = Vec::new();
        for column in self.chosen(call, scope) {
            let inner = Scope { expanded: Some(column.flow), ..Scope::below(scope) };
            let flow = self.expression(expression, &inner);
            let name = match alias {
                // A back reference to the pattern's groups.
                Some(alias) if alias.contains('\\') => None,
                Some(alias) => Some(alias.into()),
                None => column.name,
            };
            made.push(Column { name, flow });
        }
        made
    }

    /// The value of `COLUMNS(...)` where it is no list of columns, as in a filter: any of them.
    pub fn columns_value(&mut self, call: &Function, scope: &Scope<'_>) -> Flow {
        if let Some(flow) = scope.chain().find_map(|scope| scope.expanded.clone()) {
            return flow;
        }
        let mut flow = Flow::default();
        self.chosen(call, scope).iter().for_each(|column| flow.absorb(&column.flow));
        flow
    }

    pub fn chosen(&mut self, call: &Function, scope: &Scope<'_>) -> Vec<Column> {
        let unknown = |reason: &str| vec![Column { name: None, flow: Flow::unknown(reason) }];
        let FunctionArguments::List(list) = &call.args else { return Vec::new() };
        let Some(FunctionArg::Unnamed(argument)) = list.args.first() else { return Vec::new() };
        let (all, open) = match argument {
            FunctionArgExpr::WildcardWithOptions(options) => self.star(scope, None, options),
            FunctionArgExpr::QualifiedWildcard(name) => {
                let kind = SelectItemQualifiedWildcardKind::ObjectName(name.clone());
                self.star(scope, Some(&kind), &WildcardAdditionalOptions::default())
            }
            FunctionArgExpr::Wildcard | FunctionArgExpr::Expr(_) => {
                self.star(scope, None, &WildcardAdditionalOptions::default())
            }
        };
        if open != Open::No {
            self.give_up("`COLUMNS` stands for columns that nobody knows");
            return unknown("`COLUMNS` stands for columns that nobody knows");
        }
        let FunctionArgExpr::Expr(choice) = argument else { return all };
        let Some(chosen) = chosen_by(choice, all) else { return self.unchosen() };
        match (choice, chosen.as_slice()) {
            (Expr::Array(_), _) => chosen.iter().for_each(|column| self.name_it(&column.flow)),
            // A pattern must fit something.
            (_, [column]) => self.need(column),
            _ => {}
        }
        chosen
    }

    fn unchosen(&mut self) -> Vec<Column> {
        self.give_up("what `COLUMNS` stands for must be computed");
        Vec::new()
    }

    /// The columns that a star stands for, and whether there are others.
    pub fn star(
        &mut self,
        scope: &Scope<'_>,
        of: Option<&SelectItemQualifiedWildcardKind>,
        options: &WildcardAdditionalOptions,
    ) -> (Vec<Column>, Open) {
        if options.opt_ilike.is_some() || options.opt_except.is_some() || options.opt_alias.is_some() {
            return (Vec::new(), Open::Unknown("a star is written in a way that is not followed".into()));
        }
        let (mut columns, open) = match of {
            None => all_columns(scope),
            Some(SelectItemQualifiedWildcardKind::ObjectName(name)) => self.columns_of(name, scope),
            Some(SelectItemQualifiedWildcardKind::Expr(expression)) => {
                let flow = self.expression(expression, scope);
                match fields(&flow) {
                    Some(columns) => (unqualified(columns), Open::No),
                    None => (Vec::new(), Open::Unknown("the fields of a struct are not known".into())),
                }
            }
        };
        if let Some(exclude) = &options.opt_exclude {
            let left_out = match exclude {
                ExcludeSelectItem::Single(name) => std::slice::from_ref(name),
                ExcludeSelectItem::Multiple(names) => names.as_slice(),
            };
            let is_left_out = |(binding, column): &(Option<&Binding>, Column)| {
                left_out.iter().any(|name| is_left_out(name, *binding, column))
            };
            columns.iter().filter(|column| is_left_out(column)).for_each(|(_, column)| self.name_it(&column.flow));
            for name in left_out {
                let named = columns.iter().filter(|(binding, column)| self::is_left_out(name, *binding, column));
                let ident = name.0.last().and_then(|part| part.as_ident());
                named.for_each(|(_, column)| self.place(ident, &column.flow));
            }
            columns.retain(|column| !is_left_out(column));
        }
        let mut columns: Vec<Column> = columns.into_iter().map(|(_, column)| column).collect();
        for replaced in options.opt_replace.iter().flat_map(|replace| &replace.items) {
            let flow = self.expression(&replaced.expr, scope);
            for column in columns.iter_mut().filter(|column| column.is_named(&replaced.column_name.value)) {
                self.name_it(&column.flow);
                self.place(Some(&replaced.column_name), &column.flow);
                *column = Column { name: Some(replaced.column_name.value.as_str().into()), flow: flow.clone() };
            }
        }
        let renamed = match &options.opt_rename {
            None => &[],
            Some(RenameSelectItem::Single(name)) => std::slice::from_ref(name),
            Some(RenameSelectItem::Multiple(names)) => names.as_slice(),
        };
        // Each column has the name that it had before any of them.
        for column in &mut columns {
            if let Some(rename) = renamed.iter().find(|rename| column.is_named(&rename.ident.value)) {
                self.name_it(&column.flow);
                column.name = Some(rename.alias.value.as_str().into());
            }
        }
        (columns, open)
    }

    /// `t.*`, or the fields of a struct.
    fn columns_of<'s>(
        &mut self,
        name: &ObjectName,
        scope: &'s Scope<'s>,
    ) -> (Vec<(Option<&'s Binding>, Column)>, Open) {
        let parts: Vec<String> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.clone()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let binding = scope.chain().flat_map(|scope| &scope.bindings).find(|binding| binding.is_named_by(&parts));
        if let Some(binding) = binding {
            return (qualified(binding), binding.open.clone());
        }
        match fields(&self.name(&parts, scope)) {
            Some(columns) => (unqualified(columns), Open::No),
            None => (Vec::new(), Open::Unknown(format!("the columns of `{}` are not known", parts.join(".")).into())),
        }
    }

    /// All columns in one value.
    pub fn everything(&mut self, scope: &Scope<'_>, of: Option<&ObjectName>) -> Flow {
        let kind = of.map(|name| SelectItemQualifiedWildcardKind::ObjectName(name.clone()));
        let (columns, open) = self.star(scope, kind.as_ref(), &WildcardAdditionalOptions::default());
        let mut flow = Flow::default();
        columns.iter().for_each(|column| flow.absorb(&column.flow));
        if open != Open::No {
            flow.absorb(&Flow::unknown("a star stands for columns that nobody knows"));
        }
        flow
    }
}

fn qualified(binding: &Binding) -> Vec<(Option<&Binding>, Column)> {
    binding.columns.iter().map(|column| (Some(binding), column.clone())).collect()
}

fn unqualified<'s>(columns: Vec<Column>) -> Vec<(Option<&'s Binding>, Column)> {
    columns.into_iter().map(|column| (None, column)).collect()
}

/// A column that several share comes once, where the first of them stands.
fn all_columns<'s>(scope: &'s Scope<'s>) -> (Vec<(Option<&'s Binding>, Column)>, Open) {
    let scope = scope.select();
    let (mut columns, mut open) = (Vec::new(), Open::No);
    let mut done = vec![false; scope.shared.len()];
    for (index, binding) in scope.bindings.iter().enumerate() {
        for column in &binding.columns {
            let is_shared =
                |shared: &super::scope::Shared| shared.members.contains(&index) && column.is_named(&shared.name);
            match scope.shared.iter().position(is_shared) {
                Some(position) if done[position] => {}
                Some(position) => {
                    done[position] = true;
                    let flow = scope.shared[position].flow.clone();
                    columns.push((Some(binding), Column { name: column.name.clone(), flow }));
                }
                None => columns.push((Some(binding), column.clone())),
            }
        }
        if open == Open::No {
            open = match &binding.open {
                Open::No => Open::No,
                Open::Relation(_) | Open::Made(_) => {
                    Open::Unknown(format!("the columns of `{}` are not known", binding.name).into())
                }
                Open::Unknown(reason) => Open::Unknown(Rc::clone(reason)),
            };
        }
    }
    (columns, open)
}

fn is_left_out(name: &ObjectName, binding: Option<&Binding>, column: &Column) -> bool {
    let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.as_str()).collect();
    match parts.as_slice() {
        [name] => column.is_named(name),
        [table @ .., name] => binding.is_some_and(|binding| binding.is_named_by(table)) && column.is_named(name),
        [] => false,
    }
}

/// Whether a name is one of those that are chosen.
type Fits<'a> = dyn Fn(&str) -> Option<bool> + 'a;

/// Those of the columns that a pattern, a list of names or a lambda chooses; `None` where only the engine knows.
fn chosen_by(choice: &Expr, all: Vec<Column>) -> Option<Vec<Column>> {
    let fits: Box<Fits<'_>> = match choice {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(pattern) => {
                let pattern = Regex::new(pattern).ok()?;
                Box::new(move |name| Some(pattern.is_match(name)))
            }
            _ => return None,
        },
        Expr::Array(array) => {
            let names: Vec<String> = array.elem.iter().map(name_in_list).collect::<Option<_>>()?;
            Box::new(move |name| Some(names.iter().any(|known| known.eq_ignore_ascii_case(name))))
        }
        Expr::Lambda(lambda) => Box::new(|name| chooses(lambda, name)),
        _ => return None,
    };
    let mut chosen = Vec::new();
    for column in all {
        if fits(column.name.as_deref()?)? {
            chosen.push(column);
        }
    }
    Some(chosen)
}

fn name_in_list(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) => Some(name.clone()),
            _ => None,
        },
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
    }
}

/// A call of `COLUMNS`, which is no function.
pub(super) fn columns_call(expression: &Expr) -> Option<&Function> {
    let Expr::Function(function) = expression else { return None };
    let is_called =
        |name: &sqlparser::ast::Ident| name.quote_style.is_none() && name.value.eq_ignore_ascii_case("columns");
    match function.name.0.as_slice() {
        [name] => name.as_ident().is_some_and(is_called).then_some(function),
        _ => None,
    }
}

/// The first `COLUMNS(...)` in an expression.
#[derive(Default)]
struct ColumnsFinder {
    found: Option<Function>,
    unpacks: bool,
}

impl Visitor for ColumnsFinder {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            self.unpacks |= name.is_some_and(|name| name.value.eq_ignore_ascii_case("unpack"));
        }
        match columns_call(expression) {
            Some(call) => {
                self.found = Some(call.clone());
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_query(&mut self, _: &sqlparser::ast::Query) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
