//! The tracer of columns must take any text without a panic, and name no column that is not there.

#![no_main]

use dovetail::engine::Column;
use dovetail::lineage::{Source, trace};
use libfuzzer_sys::fuzz_target;

/// `t` and `u` have columns, `v` is a relation that nobody knows.
fn columns(name: &[String]) -> Option<Vec<Column>> {
    let names: &[&str] = match name.last()?.as_str() {
        "t" => &["a", "b", "s"],
        "u" => &["a", "c"],
        _ => return None,
    };
    let column = |name: &&str| Column { name: (*name).to_owned(), engine_type: "STRUCT(x INTEGER)".to_owned() };
    Some(names.iter().map(column).collect())
}

fuzz_target!(|sql: &str| {
    let Ok(lineage) = trace(sql, &columns) else { return };
    let exists = |source: &Source| {
        let relation = lineage.relations.get(source.relation as usize);
        relation.is_some_and(|relation| relation.columns.len() > source.column as usize)
    };
    for column in &lineage.columns {
        assert!(column.values.iter().chain(&lineage.rows_of(column)).all(exists), "a column comes from nowhere");
    }
    assert!(lineage.named.iter().all(exists), "a column is named that is nowhere");
});
