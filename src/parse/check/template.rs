//! Templates of checks: a call of the project's own test, or the query of a test of ours whose arguments are templates.

use serde_json::Value;

use super::{Checked, ParsedCheck};
use crate::parse::Reference;
use crate::template::TEST;

/// A call of a test of the project's own, with the arguments that the property file gives it. As in dbt, a `where` makes a
/// subquery of the model.
pub(super) fn of_own_test(of: &Checked, check: &ParsedCheck) -> String {
    let mut template = Template::default();
    let model = match condition(check) {
        None => of.call(),
        Some(condition) => {
            let condition = template.captured(condition);
            format!("(\"(select * from \" ~ {} ~ \" where \" ~ {condition} ~ \") dbt_subquery\")", of.call())
        }
    };
    let mut arguments = vec![format!("model={model}")];
    arguments.extend(check.column.as_ref().map(|column| format!("column_name={}", literal(column))));
    for (name, value) in &check.arguments {
        let value = template.expression(value);
        arguments.push(format!("{name}={value}"));
    }
    format!("{}{{{{ {TEST}{}({}) }}}}", template.captures, check.test, arguments.join(", "))
}

/// The query of a test of ours whose texts name other tables.
pub(super) fn of_built_in(of: &Checked, check: &ParsedCheck) -> Option<String> {
    let expression = check.arguments.get("expression").and_then(Value::as_str);
    let from = format!("from {{{{ {} }}}} as checked", of.call());
    let restricted = condition(check).map(|condition| format!(" where ({condition}\n)")).unwrap_or_default();
    let restricted = format!("(select * {from}{restricted}) as checked");
    let said = ["column_name", "column"].into_iter().find_map(|key| check.arguments.get(key)).and_then(Value::as_str);
    let column = check.column.as_deref().map(crate::graph::quoted).or(said.map(str::to_owned)).unwrap_or_default();
    Some(match check.test.as_str() {
        "not_null" => format!("select * from {restricted} where {column} is null"),
        "unique" => format!(
            "select {column} as unique_field, count(*) as n_records from {restricted} where {column} is not null \
             group by {column} having count(*) > 1"
        ),
        "expression" | "expression_is_true" => {
            let expression = expression.unwrap_or_default();
            format!("select * from {restricted} where not ({column} {expression}\n)")
        }
        _ => return None,
    })
}

/// Whether `of_built_in` has a query for a test.
pub(super) fn can_be_query(test: &str) -> bool {
    ["not_null", "unique", "expression", "expression_is_true"].contains(&test)
}

fn condition(check: &ParsedCheck) -> Option<&str> {
    check.config.get("where").and_then(Value::as_str)
}

pub(super) fn has_tags(text: &str) -> bool {
    ["{{", "{%"].iter().any(|opening| text.contains(opening))
}

/// What stands before a call: texts that are templates themselves, captured under names.
#[derive(Default)]
struct Template {
    captures: String,
    count: usize,
}

impl Template {
    /// A value as an expression of Jinja. As in dbt, a text that is a call of `ref`, `source`, `var` or `env_var` is that call.
    fn expression(&mut self, value: &Value) -> String {
        match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => match call(text) {
                Some(call) => call.to_owned(),
                None => self.captured(text),
            },
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.expression(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Object(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", literal(key), self.expression(value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            other => other.to_string(),
        }
    }

    /// A text, rendered first where it is a template.
    fn captured(&mut self, text: &str) -> String {
        if !has_tags(text) {
            return literal(text);
        }
        self.count += 1;
        let name = format!("dovetail_argument_{}", self.count);
        self.captures.push_str(&format!("{{% set {name} %}}{text}{{% endset %}}"));
        name
    }
}

/// A text as a literal of Jinja.
pub(super) fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

/// The call that a text is, with or without braces around it.
fn call(text: &str) -> Option<&str> {
    let inner = text.trim();
    let inner = inner.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map_or(inner, str::trim);
    let (name, rest) = inner.split_once('(')?;
    let is_known = ["ref", "source", "var", "env_var"].contains(&name.trim());
    let is_one = rest.ends_with(')') && !rest.contains("{{") && !rest.contains("}}");
    (is_known && is_one).then_some(inner)
}

/// What a text names: `ref('orders')`, `source('raw', 'orders')`, with braces or without; else the name itself, as Python's
/// parameters and `deps=` say it.
pub fn reference(text: &str) -> Reference {
    let plain = || Reference::Asset { package: None, name: text.trim().to_owned() };
    let Some((name, rest)) = call(text).and_then(|call| call.split_once('(')) else { return plain() };
    let arguments: Option<Vec<String>> =
        rest.trim_end_matches(')').split(',').map(|argument| unquoted(argument.trim())).collect();
    match (name.trim(), arguments.as_deref()) {
        ("ref", Some([name])) => Reference::Asset { package: None, name: name.clone() },
        ("ref", Some([package, name])) => Reference::Asset { package: Some(package.clone()), name: name.clone() },
        ("source", Some([source, table])) => Reference::Source { source: source.clone(), table: table.clone() },
        _ => plain(),
    }
}

fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    (text.len() > 1 && text.ends_with(quote) && !inner.contains(quote)).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_jinja() {
        let mut template = Template::default();
        let value = json!({"to": "ref('a')", "n": [1, 2.5, null, true], "s": "it's \"{x}\"\n", "t": "{{ var('x') }}-"});
        assert_eq!(
            template.expression(&value),
            r#"{"to": ref('a'), "n": [1, 2.5, none, true], "s": "it's \"{x}\"\n", "t": dovetail_argument_1}"#
        );
        assert_eq!(template.captures, "{% set dovetail_argument_1 %}{{ var('x') }}-{% endset %}");
    }

    #[test]
    fn references_are_calls_or_names() {
        let asset = |package: Option<&str>, name: &str| Reference::Asset {
            package: package.map(str::to_owned),
            name: name.to_owned(),
        };
        for (text, expected) in [
            ("ref('a')", asset(None, "a")),
            ("{{ ref(\"a\") }}", asset(None, "a")),
            ("ref('p', 'a')", asset(Some("p"), "a")),
            ("a", asset(None, "a")),
            ("raw.a", asset(None, "raw.a")),
            ("source('raw', 'a')", Reference::Source { source: "raw".into(), table: "a".into() }),
            ("ref(a)", asset(None, "ref(a)")),
        ] {
            assert_eq!(reference(text), expected, "{text}");
        }
    }
}
