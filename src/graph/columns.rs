//! The columns that an asset declares, in its own file and in a property file, and what it promises of its rows.

use serde_json::Value;

use super::Materialized;
use super::config::{Config, kind_of};
use super::databases::same;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::constraint::{of_column, said};
use crate::parse::{AssetProperties, ColumnProperties, Constraint, Rule};
use crate::source::Place;

/// What a column's mapping may say, beside its constraints in short.
const KEYS: [&str; 12] = [
    "type",
    "data_type",
    "description",
    "constraints",
    "not_null",
    "unique",
    "primary_key",
    "accepted_values",
    "check",
    "tags",
    "meta",
    "name",
];

/// What a contract may say; dbt's other words for it change nothing here.
const CONTRACT: [&str; 3] = ["enforced", "alias_types", "checksum"];

/// The columns of an asset, and its constraints: of its own config first, then what the property file adds.
pub(super) fn declared(
    config: &Config<'_>,
    described: Option<&AssetProperties>,
    materialized: Materialized,
    problems: &mut Diagnostics,
) -> (Vec<ColumnProperties>, Vec<Constraint>) {
    let mut columns = own(config, problems);
    let mut constraints: Vec<Constraint> =
        columns.iter_mut().flat_map(|column| std::mem::take(&mut column.constraints)).collect();
    constraints.extend(of_rows(config, problems));
    if let Some(described) = described {
        let of_columns = described.columns.iter().flat_map(|column| &column.constraints);
        constraints.extend(of_columns.chain(&described.constraints).cloned());
        described.columns.iter().for_each(|column| add(&mut columns, column));
    }
    let constraints = enforced(config, materialized, without_repetition(constraints), problems);
    (columns, constraints)
}

fn add(columns: &mut Vec<ColumnProperties>, described: &ColumnProperties) {
    match columns.iter_mut().find(|column| same(&column.name, &described.name)) {
        Some(column) => {
            let data_type = described.data_type.clone().or_else(|| column.data_type.take());
            let description = described.description.clone().or_else(|| column.description.take());
            *column = ColumnProperties { data_type, description, ..described.clone() };
        }
        None => columns.push(described.clone()),
    }
}

/// `columns` of a config: a mapping from names to types, or to mappings with `type`, `description` and constraints.
fn own(config: &Config<'_>, problems: &mut Diagnostics) -> Vec<ColumnProperties> {
    let columns = match config.value("columns") {
        None => return Vec::new(),
        Some(Value::Object(columns)) => columns,
        Some(other) => {
            let what = format!("is {}, not a mapping from names to types", kind_of(other));
            problems.push(config.problem("columns", &what));
            return Vec::new();
        }
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    for (name, value) in columns {
        let types = [value.get("type"), value.get("data_type")];
        let is_typed = types.into_iter().flatten().all(|declared| declared.is_string() || declared.is_null());
        if !(value.is_string() || value.is_null() || (value.is_object() && is_typed)) {
            let what = format!("says of `{name}` neither a type nor a mapping with a `type`");
            problems.push(config.problem("columns", &what).at(config.place_within("columns", name)));
        }
    }
    let mut read = |(name, value): (&String, &Value)| ColumnProperties {
        name: name.clone(),
        data_type: text(Some(value)).or_else(|| text(value.get("data_type").or_else(|| value.get("type")))),
        description: text(value.get("description")),
        constraints: of_one(config, name, value, problems),
        place: Some(config.place_within("columns", name)),
        ..ColumnProperties::default()
    };
    let columns: Vec<ColumnProperties> = columns.iter().map(&mut read).collect();
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|before| same(&before.name, &column.name)) {
            let problem = config.problem("columns", &format!("names the column `{}` twice", column.name));
            problems.push(problem.at(config.place_within("columns", &column.name)));
        }
    }
    columns
}

/// The constraints of a column's mapping: in short (`"not_null": true`), and under `constraints`.
fn of_one(config: &Config<'_>, column: &str, value: &Value, problems: &mut Diagnostics) -> Vec<Constraint> {
    let Value::Object(fields) = value else { return Vec::new() };
    let place = config.place_within("columns", column);
    let problem = |what: &str| config.problem("columns", what).at(place.clone());
    let mut constraints = Vec::new();
    for (key, value) in fields {
        let rules = match key.as_str() {
            "constraints" => {
                let own = |_: usize| place.clone();
                listed(config, ("columns", &own), value, problems).into_iter().map(|(rule, ..)| rule).collect()
            }
            key if !KEYS.contains(&key) => {
                let meant = did_you_mean(key, KEYS).map(|meant| format!("did you mean `{meant}`?"));
                let what = format!("says `{key}` of the column `{column}`, which means nothing");
                problems.push(problem(&what).hint_if(meant));
                Vec::new()
            }
            key => of_column(key, value).unwrap_or_else(|what| {
                problems.push(problem(&format!("has a constraint of `{column}` that {what}")));
                Vec::new()
            }),
        };
        let columns = vec![column.to_owned()];
        constraints.extend(rules.into_iter().map(|rule| Constraint {
            rule,
            columns: columns.clone(),
            place: place.clone(),
        }));
    }
    constraints
}

/// `constraints` of a config.
fn of_rows(config: &Config<'_>, problems: &mut Diagnostics) -> Vec<Constraint> {
    let Some(value) = config.value("constraints") else { return Vec::new() };
    let place = |index: usize| config.place_within("constraints", &index.to_string());
    let constraint = |(rule, columns, place)| Constraint { rule, columns, place };
    listed(config, ("constraints", &place), value, problems).into_iter().map(constraint).collect()
}

/// The items of a list of constraints under `key`, each with the place that `place_of` tells of its number.
fn listed(
    config: &Config<'_>,
    (key, place_of): (&str, &dyn Fn(usize) -> Place),
    value: &Value,
    problems: &mut Diagnostics,
) -> Vec<(Rule, Vec<String>, Place)> {
    let Value::Array(items) = value else {
        problems.push(config.problem(key, &format!("is {}, not a list of constraints", kind_of(value))));
        return Vec::new();
    };
    let mut read = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = place_of(index);
        match said(item) {
            Ok(Some((rule, columns))) => read.push((rule, columns, place)),
            Ok(None) => {
                let message = format!("a constraint of `{}` of this type is not enforced by dovetail", config.subject);
                problems.push(Diagnostic::warning(Code::Unsupported, message).at(place));
            }
            Err(what) => problems.push(config.problem(key, &format!("has a constraint that {what}")).at(place)),
        }
    }
    read
}

/// Types in a model's own config that nothing keeps to, unlike those of an asset function.
pub(super) fn tell_of_types_without_contract(config: &Config<'_>, problems: &mut Diagnostics) {
    let is_typed = |value: &Value| value.is_string() || value.get("type").or_else(|| value.get("data_type")).is_some();
    let is_declared =
        || config.value("columns").and_then(Value::as_object).is_some_and(|own| own.values().any(is_typed));
    if config.value("contract").is_none() && is_declared() {
        let message =
            format!("the types that `columns` of `{}` declares have no effect without a contract", config.subject);
        let warning = Diagnostic::warning(Code::Unsupported, message).at(config.place("columns"));
        problems.push(warning.hint("say `contract={'enforced': true}` beside it"));
    }
}

fn of_both(one: &Constraint, other: &Constraint) -> String {
    let named = [one, other].map(|constraint| constraint.columns.join(", "));
    format!("`{}` and of `{}`", named[0], named[1])
}

fn without_repetition(constraints: Vec<Constraint>) -> Vec<Constraint> {
    let mut once: Vec<Constraint> = Vec::with_capacity(constraints.len());
    for constraint in constraints {
        let is_same = |known: &Constraint| known.rule == constraint.rule && known.columns == constraint.columns;
        if !once.iter().any(is_same) {
            once.push(constraint);
        }
    }
    once
}

/// Those that are kept to: all of a table, unless its contract is said not to be enforced. What else an asset may be holds
/// no rows of its own.
fn enforced(
    config: &Config<'_>,
    materialized: Materialized,
    constraints: Vec<Constraint>,
    problems: &mut Diagnostics,
) -> Vec<Constraint> {
    let said = config.value("contract").and_then(|contract| contract.get("enforced"));
    let is_said = config.value("contract").is_none_or(|contract| {
        contract.as_object().is_some_and(|keys| keys.keys().all(|key| CONTRACT.contains(&key.as_str())))
            && said.is_none_or(Value::is_boolean)
    });
    if !is_said {
        problems
            .push(config.problem("contract", "says nothing").hint("write `{enforced: true}` or `{enforced: false}`"));
    }
    if said == Some(&Value::Bool(true)) && materialized == Materialized::Object {
        problems.push(config.problem("contract", "is enforced, and an object has no columns to promise"));
    }
    let Some(first) = constraints.first() else { return constraints };
    if said == Some(&Value::Bool(false)) {
        return Vec::new();
    }
    if materialized != Materialized::Table {
        let what = materialized.as_str();
        let message =
            format!("the constraints of `{}` are not enforced: it is materialized as `{what}`", config.subject);
        let warning = Diagnostic::warning(Code::Unsupported, message).at(first.place.clone());
        problems.push(warning.hint("constraints are promises about the rows of a table"));
        return Vec::new();
    }
    let mut keys = constraints.iter().filter(|constraint| constraint.rule == Rule::PrimaryKey);
    if let (Some(first), Some(second)) = (keys.next(), keys.next()) {
        let message = format!("`{}` has two primary keys, of {}", config.subject, of_both(first, second));
        let problem = Diagnostic::error(Code::ConfigValue, message).at(second.place.clone());
        problems.push(problem.hint("a key of several columns is one constraint of the asset: `columns: [a, b]`"));
    }
    for constraint in &constraints {
        if constraint.columns.is_empty() && !matches!(constraint.rule, Rule::Check(_)) {
            let message =
                format!("the constraint `{}` of `{}` names no columns", constraint.rule.as_str(), config.subject);
            let problem = Diagnostic::error(Code::ConfigValue, message).at(constraint.place.clone());
            problems.push(problem.hint("write `columns: [id]` beside its `type`"));
        }
    }
    constraints
}
