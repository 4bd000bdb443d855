//! One query traced and judged.

use std::collections::BTreeSet;

use dovetail::engine::Column;
use dovetail::lineage::{Derivation, Lineage, Source, trace};
use duckdb::Connection;

use super::plan::{Judged, Names, judge};

/// How the columns of queries came out.
#[derive(Debug, Default)]
pub struct Tally {
    pub queries: usize,
    pub columns: usize,
    pub agree: usize,
    /// Columns of which the tracer says that it does not know.
    pub unknown: usize,
    /// Columns that are said to be copied or computed when the plan says otherwise.
    pub forms: usize,
    /// Queries with columns that are called otherwise than is said.
    pub names: usize,
    /// Columns that differ only in whether what they come from also orders or groups them, as in `list(a order by a)`.
    pub own: usize,
    /// Columns of which the plan has less than is written, since DuckDB knows what an expression with a null or a type is
    /// before it looks at columns.
    pub folded: usize,
    /// Queries that DuckDB makes no plan of which can be judged.
    pub unjudged: usize,
    pub notes: Vec<String>,
}

/// Compares what the tracer says about a query with what DuckDB's plan says.
pub fn compare(connection: &Connection, sql: &str, tally: &mut Tally) {
    let judged = match judge(connection, sql) {
        Ok((judged, _)) => judged,
        Err(reason) => {
            tally.unjudged += 1;
            tally.notes.push(format!("UNJUDGED {reason}\n{sql}\n"));
            return;
        }
    };
    tally.queries += 1;
    tally.columns += judged.columns.len();
    match trace(sql, &|name| columns(connection, name)) {
        Err(unknown) => {
            tally.unknown += judged.columns.len();
            tally.notes.push(format!("UNKNOWN {}\n{sql}\n", unknown.reason));
        }
        Ok(lineage) => {
            names_of(connection, sql, &lineage, tally);
            columns_of(sql, &lineage, &judged, tally);
        }
    }
}

/// What is said of names is what a table of the query has.
fn names_of(connection: &Connection, sql: &str, lineage: &Lineage, tally: &mut Tally) {
    let Some(made) = described(connection, &format!("({sql})")) else { return };
    let told = lineage.columns.iter().zip(&made);
    let other =
        told.filter(|(told, made)| told.name.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case(&made.name)));
    let other: Vec<String> = other.map(|(told, made)| format!("{:?} for {}", told.name, made.name)).collect();
    if !other.is_empty() {
        tally.names += 1;
        tally.notes.push(format!("NAMES {}\n{sql}\n", other.join(", ")));
    }
}

fn columns_of(sql: &str, lineage: &Lineage, judged: &Judged, tally: &mut Tally) {
    if lineage.columns.len() != judged.columns.len() {
        tally.notes.push(format!("COUNT {} for {}\n{sql}\n", lineage.columns.len(), judged.columns.len()));
        return;
    }
    for (index, (traced, expected)) in lineage.columns.iter().zip(&judged.columns).enumerate() {
        let values = names(lineage, &traced.values);
        let rows = names(lineage, &lineage.rows_of(traced));
        let expected_rows: Names = judged.rows.union(&expected.rows).cloned().collect();
        if let Derivation::Unknown(reason) = &traced.derivation {
            tally.unknown += 1;
            tally.notes.push(format!("UNKNOWN COLUMN {index}: {reason}\n{sql}\n"));
        } else if let Some(reason) = &lineage.rows_unknown {
            tally.unknown += 1;
            tally.notes.push(format!("UNKNOWN ROWS {index}: {reason}\n{sql}\n"));
        } else if values == expected.values && rows == expected_rows {
            tally.agree += 1;
            let is_copy = matches!(traced.derivation, Derivation::Copied | Derivation::Renamed);
            if is_copy && !expected.is_copy {
                tally.forms += 1;
                tally.notes.push(format!("FORM {index}: copy {is_copy} for {}\n{sql}\n", expected.is_copy));
            }
        } else if values == expected.values && rows.difference(&values).eq(expected_rows.difference(&values)) {
            tally.own += 1;
        } else if is_folded(sql) && expected.values.is_subset(&values) && expected_rows.is_subset(&rows) {
            tally.folded += 1;
            tally.notes.push(format!("FOLDED {index}: {values:?} for {:?}\n{sql}\n", expected.values));
        } else {
            tally.notes.push(format!(
                "DIFFER {index}: values {values:?} for {:?}, rows {rows:?} for {expected_rows:?}\n{sql}\n",
                expected.values
            ));
        }
    }
}

fn is_folded(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    ["null", "typeof(", "coalesce(", "st_crs("].iter().any(|word| sql.contains(word))
}

fn names(lineage: &Lineage, sources: &BTreeSet<Source>) -> Names {
    let name = |source: &Source| {
        let relation = &lineage.relations[source.relation as usize];
        let table = relation.name.last().map(String::as_str).unwrap_or_default();
        format!("{table}.{}", relation.columns[source.column as usize]).to_lowercase()
    };
    sources.iter().map(name).collect()
}

/// The columns of a relation, as `check` will know them.
pub fn columns(connection: &Connection, name: &[String]) -> Option<Vec<Column>> {
    let quoted: Vec<String> = name.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    described(connection, &quoted.join("."))
}

fn described(connection: &Connection, relation: &str) -> Option<Vec<Column>> {
    let mut statement = connection.prepare(&format!("describe from {relation}")).ok()?;
    let rows = statement.query_map([], |row| Ok(Column { name: row.get(0)?, engine_type: row.get(1)? })).ok()?;
    rows.collect::<Result<_, _>>().ok()
}
