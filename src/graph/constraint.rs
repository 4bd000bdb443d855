//! Constraints as conditions of SQL.

use super::{quoted, sql_value};
use crate::parse::{Constraint, Rule};

/// What must not be false of any row; `None` for what says something of several rows.
pub fn condition(constraint: &Constraint) -> Option<String> {
    let names: Vec<String> = constraint.columns.iter().map(|column| quoted(column)).collect();
    let of_each = |condition: &dyn Fn(&String) -> String| names.iter().map(condition).collect::<Vec<_>>().join(" and ");
    match &constraint.rule {
        Rule::NotNull => Some(of_each(&|name| format!("{name} is not null"))),
        Rule::AcceptedValues(values) => {
            // NULL is accepted whatever is listed; in a list it would make every comparison NULL.
            let values: Vec<String> = values.iter().filter(|value| !value.is_null()).map(sql_value).collect();
            match values.is_empty() {
                true => Some(of_each(&|name| format!("{name} is null"))),
                false => Some(of_each(&|name| format!("{name} in ({})", values.join(", ")))),
            }
        }
        // A comment at its end must not swallow what follows.
        Rule::Check(expression) => Some(format!("({expression}\n)")),
        Rule::Unique | Rule::PrimaryKey => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::source::{Place, SourceFile};

    fn of(rule: Rule, columns: &[&str]) -> Option<String> {
        let place = Place::start_of(&SourceFile::new("models/models.yml", ""));
        condition(&Constraint { rule, columns: columns.iter().map(|column| (*column).to_owned()).collect(), place })
    }

    #[test]
    fn conditions_of_rows() {
        for (rule, columns, expected) in [
            (Rule::NotNull, &["a", "b"][..], Some(r#""a" is not null and "b" is not null"#)),
            (
                Rule::AcceptedValues(vec![json!("it's"), json!(2), json!(true), json!(null)]),
                &["a"],
                Some(r#""a" in ('it''s', 2, true)"#),
            ),
            (Rule::AcceptedValues(vec![json!(null)]), &["a"], Some(r#""a" is null"#)),
            (Rule::Check("a > 0 -- why".to_owned()), &[], Some("(a > 0 -- why\n)")),
            (Rule::Unique, &["a"], None),
            (Rule::PrimaryKey, &["a"], None),
        ] {
            assert_eq!(of(rule, columns).as_deref(), expected);
        }
    }
}
