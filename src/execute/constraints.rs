//! Constraints are kept to before anything is published: a table that breaks one never comes to stand.

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::materialize::{Failure, Materializer};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{Column, EngineError, EngineErrorKind, Session};
use crate::graph::{Node, condition, count_of_breaks, key, quoted};
use crate::parse::sql::words;
use crate::parse::{Constraint, Rule};

/// Rows, or values, that an error shows of each constraint.
const SHOWN: usize = 3;
/// Columns of a row that an error shows, and letters of each row or value.
const WIDEST: usize = 6;
const LONGEST: usize = 120;

/// What is looked at.
struct Table<'t> {
    name: &'t str,
    columns: &'t [Column],
}

/// Fails an asset whose new rows, which nobody else sees yet, break a promise. One scan looks for all of them.
pub(super) fn keep(
    materializer: &Materializer,
    node: &Node,
    session: &mut dyn Session,
    columns: &[Column],
) -> Result<(), Failure> {
    if node.constraints.is_empty() {
        return Ok(());
    }
    // An expression may qualify its columns with the table's own name, wherever that is staged.
    let table = format!("{} as {}", materializer.target(node), quoted(&node.relation.identifier));
    let table = Table { name: &table, columns };
    let all: Vec<&Constraint> = node.constraints.iter().collect();
    let counted = numbers(session, &counting(&table, &all));
    let counted = counted.map_err(|error| failure(materializer, node, &table, session, &error))?;
    let broken: Vec<(&Constraint, i64)> =
        node.constraints.iter().zip(counted).filter(|(_, count)| *count != 0).collect();
    let Some((first, _)) = broken.first() else { return Ok(()) };
    let told: Vec<String> = broken.iter().map(|(constraint, count)| in_words(constraint, *count)).collect();
    let message = format!("`{}` breaks its contract: {}", node.name, told.join("; "));
    let mut problem = Diagnostic::error(Code::ContractBroken, message).at(first.place.clone());
    let shown = broken.iter().filter_map(|(constraint, _)| {
        let examples = texts(session, &examples(constraint, &table)).unwrap_or_default();
        (!examples.is_empty()).then(|| format!("{}: {}", title(constraint), examples.join(", ")))
    });
    let shown: Vec<String> = shown.collect();
    if !shown.is_empty() {
        problem = problem.details(shown.join("\n"));
    }
    for ((constraint, _), told) in broken.iter().zip(&told).skip(1) {
        if constraint.place != first.place {
            problem = problem.related(constraint.place.clone(), told.clone());
        }
    }
    Err(materializer.redacted(problem))
}

fn in_words(constraint: &Constraint, count: i64) -> String {
    let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    let (has, repeats, does) = if count == 1 { ("has", "repeats", "does") } else { ("have", "repeat", "do") };
    let names = constraint.columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
    match &constraint.rule {
        Rule::NotNull => format!("{rows} {has} no {names}"),
        Rule::Unique => format!("{rows} {repeats} {names} of another"),
        Rule::PrimaryKey => format!("{rows} {has} no {names}, or {repeats} that of another"),
        Rule::AcceptedValues(_) => format!("{rows} {has} a {names} that is not accepted"),
        Rule::Check(expression) => format!("{rows} {does} not keep `{}`", expression.trim()),
    }
}

fn title(constraint: &Constraint) -> String {
    match (&constraint.rule, constraint.columns.as_slice()) {
        (Rule::Check(expression), _) => format!("not `{}`", expression.trim()),
        (rule, columns) => format!("{} of {}", rule.as_str(), columns.join(", ")),
    }
}

/// A query for texts that show what breaks it: values with how often they are there, or rows.
fn examples(constraint: &Constraint, table: &Table<'_>) -> String {
    let Table { name: table, columns } = table;
    let key = key(constraint);
    let condition = condition(constraint, columns).unwrap_or_default();
    match &constraint.rule {
        Rule::Unique | Rule::PrimaryKey => format!(
            "select left(coalesce({key}::varchar, 'NULL'), {LONGEST}) || ' (' || count(*) || ' times)' from {table} group by {key} \
             having count(*) > 1 or {key} is null order by count(*) desc, 1 limit {SHOWN}"
        ),
        Rule::AcceptedValues(_) => format!(
            "select left({key}::varchar, {LONGEST}) || ' (' || count(*) || ' times)' from {table} where not ({condition}) \
             group by {key} order by count(*) desc, 1 limit {SHOWN}"
        ),
        Rule::NotNull | Rule::Check(_) => {
            let is_named = |column: &&Column| match &constraint.rule {
                Rule::Check(expression) => {
                    words(expression).iter().any(|(word, _)| word.eq_ignore_ascii_case(&column.name))
                }
                _ => true,
            };
            let shown = columns.iter().filter(is_named).take(WIDEST);
            let shown: Vec<String> = shown.map(|column| format!("{0} := {0}", quoted(&column.name))).collect();
            format!(
                "select left(struct_pack({})::varchar, {LONGEST}) from {table} where not ({condition}) limit {SHOWN}",
                shown.join(", ")
            )
        }
    }
}

fn numbers(session: &mut dyn Session, sql: &str) -> Result<Vec<i64>, EngineError> {
    Ok(texts(session, sql)?.iter().map(|text| text.parse().unwrap_or_default()).collect())
}

/// All values of a small result, row by row.
fn texts(session: &mut dyn Session, sql: &str) -> Result<Vec<String>, EngineError> {
    let failed =
        |error: ArrowError| EngineError { kind: EngineErrorKind::Execution, message: error.to_string(), offset: None };
    let mut found = Vec::new();
    for batch in session.query(sql)? {
        for column in batch.map_err(failed)?.columns() {
            let column = cast(column, &DataType::Utf8).map_err(failed)?;
            found.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    Ok(found)
}

/// Which constraint cannot be looked at, and why.
fn failure(
    materializer: &Materializer,
    node: &Node,
    table: &Table<'_>,
    session: &mut dyn Session,
    error: &EngineError,
) -> Failure {
    if error.kind == EngineErrorKind::Cancelled {
        return Failure::Cancelled;
    }
    // A comparison of keys cannot fail.
    let suspects = node.constraints.iter().filter(|constraint| condition(constraint, table.columns).is_some());
    let suspects: Vec<&Constraint> = suspects.filter(|constraint| !matches!(constraint.rule, Rule::NotNull)).collect();
    let blamed = match error.kind {
        EngineErrorKind::Query => {
            let refused = |constraint: &&Constraint| session.columns(&counting(table, &[constraint])).is_err();
            node.constraints.iter().find(refused)
        }
        // After an error in the rows the transaction takes no further query.
        _ => None,
    };
    let message = format!("a constraint of `{}` cannot be looked at: {}", node.name, error.message);
    let problem = Diagnostic::error(Code::ContractBroken, message).hint_if(error.hint());
    let told = match (blamed, suspects.as_slice()) {
        (Some(constraint), _) => problem.at(constraint.place.clone()),
        (None, []) => problem.at(node.place.clone()),
        (None, [first, others @ ..]) => others.iter().fold(problem.at(first.place.clone()), |problem, other| {
            problem.related(other.place.clone(), "or this one")
        }),
    };
    materializer.redacted(told)
}

fn counting(table: &Table<'_>, constraints: &[&Constraint]) -> String {
    let counts: Vec<String> = constraints.iter().map(|constraint| count_of_breaks(constraint, table.columns)).collect();
    format!("select {} from {}", counts.join(", "), table.name)
}
