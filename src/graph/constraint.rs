//! Constraints as conditions of SQL.

use super::{folded, literal, quoted, sql_value};
use crate::engine::Column;
use crate::parse::{Accepted, Constraint, Rule};

/// From how many accepted values on it is quicker to look them up than to compare each.
const MANY: usize = 16;

/// What must not be false of any row of a table with these columns; `None` for what says something of several rows.
pub fn condition(constraint: &Constraint, columns: &[Column]) -> Option<String> {
    let names: Vec<String> = constraint.columns.iter().map(|column| quoted(column)).collect();
    let of_each = |condition: &dyn Fn(&String) -> String| names.iter().map(condition).collect::<Vec<_>>().join(" and ");
    match &constraint.rule {
        Rule::NotNull => Some(of_each(&|name| format!("{name} is not null"))),
        Rule::AcceptedValues(values) => {
            let is_text = constraint.columns.iter().all(|column| holds_text(columns, column));
            Some(match accepted_list(values, is_text) {
                Some(listed) => of_each(&|name| format!("{name} in ({listed})")),
                None => of_each(&|name| format!("{name} is null")),
            })
        }
        // As an argument it can close no parenthesis but its own; a comment at its end must not swallow what follows.
        Rule::Check(expression) => Some(format!("nullif({expression}\n, null)")),
        Rule::Unique | Rule::PrimaryKey => None,
    }
}

/// What stands between the parentheses of `in (...)` for accepted values, of a column of texts or of another; `None` where
/// only NULL is accepted. NULL is accepted whatever is listed; in a list it would make every comparison NULL.
pub(super) fn accepted_list(values: &[Accepted], is_text: bool) -> Option<String> {
    let written = |accepted: &Accepted| if is_text { literal(&accepted.text) } else { sql_value(&accepted.value) };
    let values: Vec<String> = values.iter().filter(|accepted| !accepted.value.is_null()).map(written).collect();
    match values.len() {
        0 => None,
        1..=MANY => Some(values.join(", ")),
        _ => Some(format!("select unnest([{}])", values.join(", "))),
    }
}

/// An expression for the number of rows of a table with these columns that break it.
pub fn count_of_breaks(constraint: &Constraint, columns: &[Column]) -> String {
    if let Some(condition) = condition(constraint, columns) {
        return format!("count(*) filter (where not ({condition}))");
    }
    let key = key(constraint);
    let is_there = |column: &String| format!("{} is not null", quoted(column));
    let is_whole = constraint.columns.iter().map(is_there).collect::<Vec<_>>().join(" and ");
    let repeated = format!("count(*) filter (where {is_whole}) - count(distinct {key}) filter (where {is_whole})");
    match constraint.rule {
        Rule::PrimaryKey => format!("({repeated}) + count(*) filter (where not ({is_whole}))"),
        _ => repeated,
    }
}

/// The columns of a constraint as one value.
pub fn key(constraint: &Constraint) -> String {
    let names: Vec<String> = constraint.columns.iter().map(|column| quoted(column)).collect();
    if names.len() == 1 { names.concat() } else { format!("row({})", names.join(", ")) }
}

/// Whether accepted values of a column are compared as texts: the engine would compare a text with a number as numbers.
pub fn holds_text(columns: &[Column], name: &str) -> bool {
    let is_text = |engine_type: &str| engine_type == "VARCHAR" || engine_type.starts_with("ENUM");
    columns.iter().any(|column| folded(&column.name) == folded(name) && is_text(&column.engine_type))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::source::{Place, SourceFile};

    fn of(rule: Rule, names: &[&str]) -> Option<String> {
        let place = Place::start_of(&SourceFile::new("models/models.yml", ""));
        let columns = [("a", "VARCHAR"), ("n", "INTEGER")];
        let columns = columns.map(|(name, kind)| Column { name: name.to_owned(), engine_type: kind.to_owned() });
        let names = names.iter().map(|column| (*column).to_owned()).collect();
        condition(&Constraint { rule, columns: names, place }, &columns)
    }

    fn accepted(values: &[Value]) -> Rule {
        Rule::AcceptedValues(values.iter().cloned().map(Accepted::from).collect())
    }

    #[test]
    fn conditions_of_rows() {
        for (rule, columns, expected) in [
            (Rule::NotNull, &["a", "b"][..], Some(r#""a" is not null and "b" is not null"#)),
            (
                accepted(&[json!("it's"), json!(2), json!(true), json!(null)]),
                &["a"],
                Some(r#""a" in ('it''s', '2', 'true')"#),
            ),
            (accepted(&[json!(1), json!("2")]), &["n"], Some(r#""n" in (1, '2')"#)),
            (accepted(&[json!(null)]), &["a"], Some(r#""a" is null"#)),
            (Rule::Check("a > 0 -- why".to_owned()), &[], Some("nullif(a > 0 -- why\n, null)")),
            (Rule::Unique, &["a"], None),
            (Rule::PrimaryKey, &["a"], None),
        ] {
            assert_eq!(of(rule, columns).as_deref(), expected);
        }
    }
}
