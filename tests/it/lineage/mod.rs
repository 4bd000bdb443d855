//! Column lineage, with DuckDB's own plans as its judge.

mod compare;
mod corpus;
mod plan;

use std::path::Path;

use compare::Tally;

/// The stack of a thread that follows plans as deep as DuckDB makes them.
const STACK: usize = 512 << 20;

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
    let Tally { queries, columns, agree, unknown, forms, unjudged, .. } = tally;
    let told = columns - unknown;
    let share = agree as f64 / told as f64;
    let line = format!(
        "{queries} queries, {columns} columns, {unknown} unknown, {agree} of {told} agree ({:.2} %), {forms} forms differ, {unjudged} queries unjudged",
        share * 100.0
    );
    assert!(share >= 0.995, "{line}");
    std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes()).unwrap();
}
