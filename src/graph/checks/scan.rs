//! Questions as SQL: an aggregate that finds out whether anything fails, so that one scan answers many, and the query of
//! the rows that fail, which is dbt's own.

use super::{Check, Question, Statistic};
use crate::engine::Column;
use crate::graph::constraint::accepted_list;
use crate::graph::{NodeId, folded, holds_text};

/// In the order in which they are told.
const STATISTICS: &str = "['min', 'max', 'mean', 'null_share']";

/// The table that a check is about, wherever it stands.
pub struct CheckedTable<'t> {
    /// What stands after `from`, with an alias.
    pub from: &'t str,
    pub columns: &'t [Column],
    /// What stands after `from` for another node.
    pub other: &'t dyn Fn(NodeId) -> String,
}

/// An expression over all rows of the table that is 0 where nothing fails and above 0 where something does. `None` for a
/// question that has a query or a function of its own.
pub fn scanned(check: &Check, table: &CheckedTable<'_>) -> Option<String> {
    let condition = restriction(check);
    let count = |broken: &str| match check.condition {
        Some(_) => format!("count(*) filter (where {condition} and {broken})"),
        None => format!("count(*) filter (where {broken})"),
    };
    Some(match &check.question {
        // Filters cost as much as what they guard, where the tables are small.
        Question::Unique { columns } if columns.len() == 1 && check.condition.is_none() => {
            let column = &columns[0];
            format!("count({column}) - count(distinct {column})")
        }
        Question::NotNull { column } if check.condition.is_none() => format!("count(*) - count({column})"),
        Question::Unique { columns } => {
            let (key, whole) = key(columns);
            let filter = format!("filter (where {condition} and {whole})");
            format!("count(*) {filter} - count(distinct {key}) {filter}")
        }
        Question::NotNull { .. }
        | Question::AcceptedValues { .. }
        | Question::Relationships { .. }
        | Question::Expression(_) => count(&broken_row(check, table)?),
        Question::RowCount(bounds) => {
            let rows = format!("count(*) filter (where {condition})");
            format!("(case when {} then 1 else 0 end)", bounds.broken_by(&rows))
        }
        Question::Freshness { column, max_age } => {
            let newest = format!("max({column}) filter (where {condition})");
            let is_old = is_older(&newest, column, table, max_age.as_micros());
            format!("(case when {newest} is null or {is_old} then 1 else 0 end)")
        }
        Question::Distribution { column, bounds } => {
            let broken = bounds.iter().map(|(statistic, bounds)| {
                let found = statistic.aggregate(column, &condition);
                format!("(case when {} then 1 else 0 end)", bounds.broken_by(&found))
            });
            format!("({})", broken.collect::<Vec<_>>().join(" + "))
        }
        Question::Query(_) | Question::Function(_) => return None,
    })
}

/// How many rows a check looks at: what shares are of.
pub fn looked_at(check: &Check) -> String {
    format!("count(*) filter (where {})", restriction(check))
}

/// The query of what fails: rows, or values with how often they are there. `None` where the check has a query or a function
/// of its own.
pub fn failing_rows(check: &Check, table: &CheckedTable<'_>) -> Option<String> {
    let (from, condition) = (table.from, restriction(check));
    Some(match &check.question {
        Question::Unique { columns } => {
            let (_, whole) = key(columns);
            let listed = columns.join(", ");
            format!(
                "select {listed}, count(*) as n_records from {from} where {condition} and {whole} group by {listed} \
                 having count(*) > 1 order by n_records desc, {listed}"
            )
        }
        Question::AcceptedValues { column, .. } => {
            let broken = broken_row(check, table)?;
            format!(
                "select {column} as value_field, count(*) as n_records from {from} where {condition} and {broken} \
                 group by {column} order by n_records desc, value_field"
            )
        }
        Question::NotNull { .. } | Question::Relationships { .. } | Question::Expression(_) => {
            let broken = broken_row(check, table)?;
            format!("select * from {from} where {condition} and {broken}")
        }
        Question::RowCount(bounds) => {
            let broken = bounds.broken_by("row_count");
            format!("select * from (select count(*) as row_count from {from} where {condition}) where {broken}")
        }
        Question::Freshness { column, max_age } => {
            let is_old = is_older("newest", column, table, max_age.as_micros());
            format!(
                "select * from (select max({column}) as newest from {from} where {condition}) \
                 where newest is null or {is_old}"
            )
        }
        Question::Distribution { column, bounds } => {
            let one = |(statistic, bounds): &(Statistic, super::Bounds)| {
                let found = statistic.aggregate(column, &condition);
                let broken = bounds.broken_by("found");
                format!(
                    "select '{}' as statistic, cast(found as varchar) as found from (select {found} as found from {from}) \
                     where {broken}",
                    statistic.as_str()
                )
            };
            let all = bounds.iter().map(one).collect::<Vec<_>>().join(" union all ");
            format!("select * from ({all}) order by list_position({STATISTICS}, statistic)")
        }
        Question::Query(_) | Question::Function(_) => return None,
    })
}

/// The condition under which a row fails by itself.
fn broken_row(check: &Check, table: &CheckedTable<'_>) -> Option<String> {
    Some(match &check.question {
        Question::NotNull { column } => format!("{column} is null"),
        Question::AcceptedValues { column, values, is_quoted } => {
            let name = check.column.as_deref().filter(|_| *is_quoted);
            let is_text = name.is_some_and(|name| holds_text(table.columns, name));
            match accepted_list(values, is_text) {
                Some(listed) => format!("{column} not in ({listed})"),
                None => format!("{column} is not null"),
            }
        }
        Question::Relationships { column, to, field } => {
            let other = (table.other)(*to);
            format!("{column} is not null and {column} not in (select {field} from {other} where {field} is not null)")
        }
        // As an argument it can close no parenthesis but its own; a comment at its end must not swallow what follows.
        Question::Expression(expression) => format!("not nullif({expression}\n, null)"),
        _ => return None,
    })
}

/// The rows that a check is about, as a condition.
fn restriction(check: &Check) -> String {
    match &check.condition {
        Some(condition) => format!("nullif({condition}\n, null)"),
        None => "true".to_owned(),
    }
}

/// Columns as one value, and that none of them is NULL.
fn key(columns: &[String]) -> (String, String) {
    let whole: Vec<String> = columns.iter().map(|column| format!("{column} is not null")).collect();
    let key = if columns.len() == 1 { columns.concat() } else { format!("row({})", columns.join(", ")) };
    (key, format!("({})", whole.join(" and ")))
}

/// That a moment is longer ago than so many microseconds. Times without a zone are taken for UTC, as dbt takes them.
fn is_older(moment: &str, column: &str, table: &CheckedTable<'_>, microseconds: u128) -> String {
    let is_zoned = table.columns.iter().any(|known| {
        folded(&crate::graph::quoted(&known.name)) == folded(column) && known.engine_type == "TIMESTAMP WITH TIME ZONE"
    });
    let moment = if is_zoned { moment.to_owned() } else { format!("(cast({moment} as timestamp) at time zone 'UTC')") };
    format!("{moment} < now() - to_microseconds({microseconds})")
}
