//! How the columns of a pivot are called: by the value, and by the aggregate too where that has a name or there are several.

use std::rc::Rc;

use sqlparser::ast::{BinaryOperator, Expr, ExprWithAlias, Function, Ident, Select, SelectItem, Value};

use super::naming::name_of;

/// The name of the column that a value makes of one of `count` aggregates; `None` where nobody but DuckDB knows it.
pub(super) fn pivoted_name(value: &ExprWithAlias, aggregate: &ExprWithAlias, count: usize) -> Option<Rc<str>> {
    let value = match (&value.alias, &value.expr) {
        (Some(alias), _) => alias.value.clone(),
        (None, Expr::Identifier(name)) => name.value.clone(),
        (None, Expr::Value(value)) => text(&value.value)?,
        _ => return None,
    };
    match (&aggregate.alias, count) {
        (None, 1) => Some(value.into()),
        (Some(alias), _) => Some(format!("{value}_{}", alias.value).into()),
        (None, _) => name_of(&aggregate.expr).map(|aggregate| format!("{value}_{aggregate}").into()),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        Value::Number(number, _) => Some(number.to_string()),
        Value::Null => Some("NULL".to_owned()),
        _ => None,
    }
}

/// The name of an item of a select's list that has an alias.
///
/// A pivot with groups comes here as a select, with an item `sum(a) filter (where (b) = 'x') as "x"` of each value and
/// aggregate.
pub(super) fn aliased_name(select: &Select, expression: &Expr, alias: &Ident) -> Option<Rc<str>> {
    let with_alias = || Some(alias.value.as_str().into());
    let Some((function, of)) = filtered(expression) else { return with_alias() };
    let value = if let (_, Expr::Value(value)) = of { text(&value.value) } else { None };
    if alias.quote_style != Some('"') || value.as_ref() != Some(&alias.value) {
        return with_alias();
    }
    let is_beside = |item: &&SelectItem| match item {
        SelectItem::ExprWithAlias { expr, .. } => filtered(expr).is_some_and(|(_, other)| other == of),
        _ => false,
    };
    if select.projection.iter().filter(is_beside).count() < 2 {
        return with_alias();
    }
    let aggregate = name_of(&Expr::Function(Function { filter: None, ..function.clone() }))?;
    Some(format!("{}_{aggregate}", alias.value).into())
}

/// An aggregate with such a filter, and what the filter compares.
fn filtered(expression: &Expr) -> Option<(&Function, (&Expr, &Expr))> {
    let Expr::Function(function) = expression else { return None };
    match function.filter.as_deref()? {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match &**left {
            Expr::Nested(key) => Some((function, (key, right))),
            _ => None,
        },
        _ => None,
    }
}
