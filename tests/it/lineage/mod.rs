//! Column lineage, with DuckDB's own plans as its judge.

mod compare;
mod corpus;
mod plan;
mod random;

use std::path::Path;

use compare::Tally;

/// The stack of a thread that follows plans as deep as DuckDB makes them.
const STACK: usize = 512 << 20;

/// How many queries are made at random; `DOVETAIL_LINEAGE_QUERIES` may ask for more.
const QUERIES: u64 = 400;

#[test]
fn queries_made_at_random() {
    let count = std::env::var("DOVETAIL_LINEAGE_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(QUERIES);
    let connection = plan::connection();
    connection.execute_batch(random::TABLES).unwrap();
    let mut tally = Tally::default();
    for seed in 1..=count {
        compare::compare(&connection, &random::Generator::new(seed).query(), &mut tally);
    }
    let wrong: Vec<&String> = tally.notes.iter().filter(|note| !note.starts_with("UNJUDGED")).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} columns: {}",
        wrong.len(),
        tally.columns,
        wrong.iter().take(20).map(|note| note.as_str()).collect::<String>()
    );
    assert!(
        tally.queries as u64 >= count * 8 / 10,
        "DuckDB refuses {} of {count} queries: {:?}",
        tally.unjudged,
        tally.notes.iter().take(5).collect::<Vec<_>>()
    );
}

/// Needs the folder `test` of DuckDB's sources, which is named by `DOVETAIL_DUCKDB_TESTS`; writes all differences to the
/// file that `DOVETAIL_LINEAGE_NOTES` names.
#[test]
#[ignore = "needs DuckDB's test suite"]
fn duckdbs_test_suite() {
    let folder = std::env::var("DOVETAIL_DUCKDB_TESTS").unwrap();
    let tally = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let mut tally = Tally::default();
            for path in corpus::files(Path::new(&folder)) {
                let Ok(text) = std::fs::read_to_string(&path) else { continue };
                if let Ok(trace) = std::env::var("DOVETAIL_LINEAGE_LAST") {
                    std::fs::write(trace, path.display().to_string()).unwrap();
                }
                corpus::run(&text, &mut tally);
            }
            tally
        })
        .unwrap()
        .join()
        .unwrap();
    if let Ok(path) = std::env::var("DOVETAIL_LINEAGE_NOTES") {
        std::fs::write(path, tally.notes.join("\n")).unwrap();
    }
    let Tally { queries, columns, agree, unknown, forms, own, folded, unjudged, .. } = tally;
    let told = columns - unknown;
    let share = agree as f64 / told as f64;
    let line = format!(
        "{queries} queries, {columns} columns, {unknown} unknown, {agree} of {told} agree ({:.2} %), {forms} forms differ, {own} of their own, {folded} folded, {unjudged} queries unjudged",
        share * 100.0
    );
    assert!(share >= 0.995, "{line}");
    std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes()).unwrap();
}
