//! Seeds: CSV files become the tables that they say, or errors with the line.

use crate::harness::{Project, Said};

fn run(csv: impl AsRef<[u8]>, config: &str) -> (Project, Said) {
    let properties = format!("seeds:\n  - name: data\n    config: {{{config}}}\n");
    let project = Project::new().file("models/.keep", "").file("seeds/data.csv", csv);
    let project = if config.is_empty() { project } else { project.file("seeds/_data.yml", properties) };
    let said = project.run(&["run"]);
    (project, said)
}

/// The table as CSV, with the types of its columns.
fn loaded(csv: impl AsRef<[u8]>, config: &str) -> String {
    let (project, said) = run(csv, config);
    assert_eq!(said.code, 0, "{said}");
    let types = "select string_agg(column_name || ' ' || data_type, ', ' order by column_index) as t from duckdb_columns() where table_name = 'data'";
    let types = project.run(&["show", "--inline", types]).stdout;
    let rows = project.run(&["show", "data", "-o", "csv"]).stdout;
    format!("{}\n{}", types.lines().last().unwrap(), rows.split_once('\n').unwrap().1)
}

/// The error's first line and its place.
fn refused(csv: impl AsRef<[u8]>, config: &str) -> String {
    let (_, said) = run(csv, config);
    assert_eq!(said.code, 1, "{said}");
    let lines = said.stderr.lines().skip_while(|line| !line.starts_with("error[DT0404]"));
    lines.take(2).map(str::trim).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_written_is_what_is_loaded() {
    assert_eq!(loaded("a,b\nx,y\nz,w\n", ""), "a VARCHAR, b VARCHAR\nx,y\nz,w\n");
    assert_eq!(loaded("a,b\r\n1,2\r\n3,4\r\n", ""), "a BIGINT, b BIGINT\n1,2\n3,4\n");
    assert_eq!(loaded("\u{feff}a,b\n1,2", ""), "a BIGINT, b BIGINT\n1,2\n");
    assert_eq!(loaded("a;b\n1;x,y\n", "delimiter: ';'"), "a BIGINT, b VARCHAR\n1,\"x,y\"\n");
    assert_eq!(loaded("a,b\n", ""), "a VARCHAR, b VARCHAR\n");
    assert_eq!(loaded("a,b\n1,\n,2\n", ""), "a BIGINT, b BIGINT\n1,\n,2\n");
    assert_eq!(loaded("a\n1\n2\n", "column_types: {a: VARCHAR}"), "a VARCHAR\n1\n2\n");
    assert_eq!(loaded("a,b\n1,\"x\ny, \"\"z\"\"\"\n", ""), "a BIGINT, b VARCHAR\n1,\"x\ny, \"\"z\"\"\"\n");
    // A letter after many numbers makes a text column, wherever it stands.
    let long = format!("a\n{}x\n", "1\n".repeat(30_000));
    assert!(loaded(long, "").starts_with("a VARCHAR\n"));
    assert_eq!(loaded("a,b\n1,2\n3\n", "options: {null_padding: true}"), "a BIGINT, b BIGINT\n1,2\n3,\n");
    assert_eq!(loaded("a,a\n1,2\n", ""), "a BIGINT, a_1 BIGINT\n1,2\n");
}

#[test]
fn what_does_not_fit_is_refused_with_its_line() {
    let too_many =
        "error[DT0404]: seed `data` cannot be read: line 3: expected 2 columns, found 3 --> seeds/data.csv:3:1";
    assert_eq!(refused("id,name\n1,a\n2,b,c\n", ""), too_many);
    assert_eq!(refused("id,name\n1,a\n2,b,c\n", "delimiter: ','"), too_many);
    assert_eq!(refused("id,name\n1,a\n2,b,c\n3\n", ""), too_many);
    assert_eq!(
        refused("a,b\n1,2,3\n", ""),
        "error[DT0404]: seed `data` cannot be read: line 2: expected 2 columns, found 3 --> seeds/data.csv:2:1"
    );
    assert_eq!(
        refused("a,b\n\"x\ny\",2\n1\n", ""),
        "error[DT0404]: seed `data` cannot be read: line 4: expected 2 columns, found 1 --> seeds/data.csv:4:1"
    );
    assert_eq!(
        refused("a,b\n1,2\nx,3\n", "column_types: {a: INTEGER}"),
        "error[DT0404]: seed `data` cannot be read: line 3: Error when converting column \"a\". Could not convert string \"x\" to 'INTEGER' --> seeds/data.csv:3:1"
    );
    assert_eq!(
        refused("a,b\n1,\"x\n2,y\n", ""),
        "error[DT0404]: seed `data` cannot be read: line 2: Value with unterminated quote found. --> seeds/data.csv:2:1"
    );
    assert_eq!(
        refused("a,b\r\n1,2\n3,4\r\n", ""),
        "error[DT0404]: seed `data` cannot be read: line 2: the file has line ends of two kinds, with and without CR --> seeds/data.csv:2:1"
    );
    assert!(refused(b"a,b\n1,\xe9\n", "").contains("line 2: Invalid unicode"));
    for empty in ["", "\n\n", "\u{feff}"] {
        assert!(refused(empty, "").contains("it is empty, and its first line names the columns"));
    }
    assert!(refused("\na,b\n", "").contains("line 1 is empty"));
}

#[test]
fn a_projects_folder_is_no_pattern() {
    let project = Project::new()
        .file("odd [1]/seeds/s.csv", "x\n1\n")
        .file("odd [1]/data/a[1].csv", "x\n2\n")
        .file("odd [1]/data/a1.csv", "x\n3\n")
        .file(
            "odd [1]/models/m.sql",
            "select * from s union all from 'data/a[1].csv' union all from {{ source('raw', 'f') }}",
        )
        .file(
            "odd [1]/models/p.yml",
            "sources: [{name: raw, tables: [{name: f, external: {location: 'data/a*.csv'}}]}]",
        );
    let said = project.run_in("odd [1]".as_ref(), &["run"]);
    assert_eq!(said.code, 0, "{said}");
    let rows = project.run_in("odd [1]".as_ref(), &["show", "--inline", "from m order by x", "-o", "csv"]);
    assert_eq!(rows.stdout, "x\n1\n2\n3\n3\n");
}

#[test]
fn a_seeds_name_is_no_pattern() {
    let project = Project::new()
        .file("models/one.sql", "select * from \"a[1]\"")
        .file("seeds/a[1].csv", "x\n1\n")
        .file("seeds/a1.csv", "x\n2\n");
    let said = project.run(&["run"]);
    assert_eq!(said.code, 0, "{said}");
    for (name, value) in [("one", "1"), ("a1", "2")] {
        assert_eq!(project.run(&["show", name, "-o", "csv"]).stdout.trim(), format!("x\n{value}"));
    }
}
