//! Checks of data: asked before anything is published, told, kept, judged.

use crate::harness::{Project, Said, assert_said};

pub fn write(project: &Project, path: &str, text: &str) {
    let path = project.root().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub fn rows(project: &Project, asset: &str) -> String {
    project.run(&["show", asset, "--output", "csv", "--limit", "100"]).stdout
}

/// `status` by check, of a command with `--output json`.
pub fn statuses(said: &Said) -> Vec<(String, String)> {
    let line = |line: &str| -> (String, String) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["check"].as_str().unwrap().to_owned(), line["status"].as_str().unwrap().to_owned())
    };
    said.stdout.lines().map(line).collect()
}

const GOOD: &str = "select * from (values (1, 1, 'open', 10.0), (2, 1, 'shut', 20.0)) t(id, customer, status, amount)";
const BAD: &str = "select * from (values (1, 1, 'open', 10.0), (1, 9, 'lost', -5.0), (null, 1, 'open', 1.0)) \
                   t(id, customer, status, amount)";

const CHECKS: &str = "
models:
  - name: orders
    data_tests:
      - row_count: {at_least: 1}
      - expression: amount >= 0
    columns:
      - name: id
        data_tests: [unique, not_null]
      - name: status
        data_tests:
          - accepted_values: {arguments: {values: [open, shut]}}
      - name: customer
        data_tests:
          - relationships: {to: ref('customers'), field: id}
";

fn shop() -> Project {
    let project = Project::new()
        .file("seeds/customers.csv", "id,name\n1,Ada\n2,Grace\n")
        .file("models/orders.sql", GOOD)
        .file("models/checks.yml", CHECKS)
        .file("models/report.sql", "select sum(amount) as total from orders")
        .file("models/beside.sql", "select * from customers");
    let said = project.run(&["build"]);
    assert_eq!(said.code, 0, "{said}");
    project
}

#[test]
fn what_fails_is_not_published_and_the_rest_goes_on() {
    let project = shop();
    let before = (rows(&project, "orders"), rows(&project, "report"));
    for command in [&["build"][..], &["reconcile"], &["build", "--threads", "1"]] {
        write(&project, "models/orders.sql", BAD);
        write(&project, "models/beside.sql", "select *, 1 as more from customers");
        let said = project.run(command);
        assert_eq!(said.code, 1, "{said}");
        assert_eq!((rows(&project, "orders"), rows(&project, "report")), before, "{said}");
        assert!(rows(&project, "beside").starts_with("id,name,more\n"), "{said}");
        assert!(said.stderr.contains("skipped report") && said.stderr.contains("`orders` is not published"), "{said}");
        // What stood is what its own checks still let pass.
        assert_eq!(project.run(&["test"]).code, 0);
    }
    write(&project, "models/orders.sql", GOOD);
    let said = project.run(&["reconcile"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(project.run(&["status"]).code, 0);
}

#[test]
fn failing_checks_are_told() {
    let project = shop();
    write(&project, "models/orders.sql", BAD);
    assert_said!(project.run(&["build", "--select", "orders"]));
}

#[test]
fn a_run_that_is_published_as_one_publishes_nothing() {
    let project = shop();
    let before = (rows(&project, "orders"), rows(&project, "beside"));
    write(&project, "models/orders.sql", BAD);
    write(&project, "models/beside.sql", "select *, 1 as more from customers");
    let said = project.run(&["build", "--atomic"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("nothing is published"), "{said}");
    assert_eq!((rows(&project, "orders"), rows(&project, "beside")), before, "{said}");
    write(&project, "models/orders.sql", GOOD);
    let said = project.run(&["build", "--atomic"]);
    assert!(said.code == 0 && said.stderr.contains("checks: 6 passed"), "{said}");
    assert_eq!(project.run(&["status"]).code, 0);
}

#[test]
fn a_warning_stops_nothing() {
    let project = shop();
    let warned =
        CHECKS.replace("expression: amount >= 0", "expression: {expression: amount >= 0, config: {severity: warn}}");
    write(&project, "models/checks.yml", &warned);
    write(&project, "models/orders.sql", &GOOD.replace("20.0", "-20.0"));
    let said = project.run(&["build"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("warning[DT1001]: `expression_orders_amount_0` fails"), "{said}");
    assert!(said.stderr.contains("checks: 5 passed, 1 warned"), "{said}");
    assert!(rows(&project, "report").contains("-10"), "{said}");
    let said = project.run(&["show", "--failures", "expression_orders_amount_0", "--output", "csv"]);
    assert_eq!(said.stdout, "id,customer,status,amount\n2,1,shut,-20.0\n", "{said}");
    let said = project.run(&["status"]);
    assert!(said.code == 0 && said.stderr.contains("checks: all 6 passed, 1 with a warning"), "{said}");
}

#[test]
fn the_first_time_no_table_appears() {
    let project = Project::new()
        .file("seeds/customers.csv", "id,name\n1,Ada\n")
        .file("models/orders.sql", BAD)
        .file("models/checks.yml", CHECKS)
        .file("models/report.sql", "select sum(amount) as total from orders");
    let said = project.run(&["build"]);
    assert_eq!(said.code, 1, "{said}");
    for gone in ["orders", "report"] {
        let said = project.run(&["show", gone]);
        assert!(said.code == 2 && said.stderr.contains("not materialized yet"), "{said}");
    }
    // What failed can be looked at all the same.
    let said = project.run(&["show", "--failures", "unique_orders_id"]);
    assert!(said.code == 0 && said.stdout.contains("n_records"), "{said}");
    assert!(said.stderr.contains("of what was then not published"), "{said}");
}

const EVERY: &str = "
models:
  - name: t
    data_tests:
      - unique: {columns: [a, b]}
      - expression: a > 0
      - row_count: {at_most: 10}
      - row_count: {name: never_empty, at_least: 1}
      - freshness: {column_name: seen, max_age: 1d}
    columns:
      - name: a
        data_tests:
          - unique
          - not_null
          - accepted_values: {values: [1, 2]}
          - relationships: {to: other, field: a}
          - distribution: {min: [1, 2], max: [1, 2], mean: [1, 2], null_share: {at_most: 0}}
";

#[test]
fn an_empty_table_passes_what_no_row_can_break() {
    let project = Project::new()
        .file("models/t.sql", "select 1 as a, 2 as b, now() as seen where false")
        .file("models/other.sql", "select 1 as a where false")
        .file("models/t.yml", EVERY);
    let said = project.run(&["build", "--output", "json"]);
    let failed: Vec<_> = statuses(&said).into_iter().filter(|(_, status)| status != "passed").collect();
    // That there is a row, and how old the newest is, is asked of the table.
    let expected = ["freshness_t_seen__1d", "never_empty"].map(|name| (name.to_owned(), "failed".to_owned()));
    assert_eq!(failed, expected, "{said}");
    assert_eq!(statuses(&said).len(), 10, "{said}");
}

#[test]
fn null_is_no_value() {
    let project = Project::new()
        .file(
            "models/t.sql",
            "select * from (values (null, null, now()), (null, null, now()), (1, null, null)) t(a, b, seen)",
        )
        .file("models/other.sql", "select * from (values (1), (null)) t(a)")
        .file("models/t.yml", EVERY);
    let said = project.run(&["build", "--output", "json"]);
    let failed: Vec<_> = statuses(&said).into_iter().filter(|(_, status)| status != "passed").collect();
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["distribution_t_a__1__2__1__2__1__2__0", "not_null_t_a"], "{said}");
}

#[test]
fn views_seeds_sources_and_ephemeral_models_are_asked_too() {
    let project = Project::new()
        .file("seeds/s.csv", "a\n1\n1\n")
        .file("data/f.csv", "a\n1\n1\n")
        .file("models/v.sql", "{{ config(materialized='view') }} select * from s")
        .file("models/e.sql", "{{ config(materialized='ephemeral') }} select a + 0 as a from s")
        .file("models/below.sql", "select * from {{ source('raw', 'f') }}")
        .file(
            "models/p.yml",
            "models:
  - {name: v, columns: [{name: a, data_tests: [{unique: {config: {severity: warn}}}]}]}
  - {name: e, columns: [{name: a, data_tests: [{unique: {config: {severity: warn}}}]}]}
seeds:
  - {name: s, columns: [{name: a, data_tests: [{unique: {config: {severity: warn}}}]}]}
sources:
  - {name: raw, tables: [{name: f, path: data/f.csv, columns: [{name: a, data_tests: [unique]}]}]}
",
        );
    let said = project.run(&["build", "--output", "json"]);
    let statuses = statuses(&said);
    let found: Vec<(&str, &str)> = statuses.iter().map(|(name, status)| (name.as_str(), status.as_str())).collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ("source_unique_raw_f_a", "failed"),
            ("unique_e_a", "warned"),
            ("unique_s_a", "warned"),
            ("unique_v_a", "warned")
        ],
        "{said}"
    );
    // What reads a source that fails its check is not built.
    assert!(said.stderr.contains("skipped below  `source_unique_raw_f_a` failed"), "{said}");
    assert_eq!(said.code, 1);
}

#[test]
fn a_relationship_is_asked_of_what_the_same_run_builds() {
    let project = shop();
    // Both sides change: the new orders are right with the new customers alone.
    write(&project, "seeds/customers.csv", "id,name\n1,Ada\n7,Joan\n");
    write(&project, "models/orders.sql", &GOOD.replace("(2, 1,", "(2, 7,"));
    for threads in ["1", "4"] {
        let said = project.run(&["build", "--threads", threads]);
        assert_eq!(said.code, 0, "{said}");
    }
    write(&project, "seeds/customers.csv", "id,name\n1,Ada\n");
    let said = project.run(&["build"]);
    assert!(said.code == 1 && said.stderr.contains("relationships_orders_customer__id__ref_customers_"), "{said}");
    assert!(said.stderr.contains("failed: orders"), "{said}");
}

#[test]
fn one_scan_gives_what_each_check_gives_alone() {
    let project = shop();
    write(&project, "models/orders.sql", BAD);
    project.run(&["run"]);
    let together = project.run(&["test", "--output", "json"]);
    let strip = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["seconds"] = serde_json::Value::Null;
        line
    };
    let together: Vec<_> = together.stdout.lines().map(strip).collect();
    assert_eq!(together.len(), 6);
    for line in together {
        let alone = project.run(&["test", "--select", line["check"].as_str().unwrap(), "--output", "json"]);
        assert_eq!(strip(&alone.stdout), line, "{alone}");
    }
}

#[test]
fn what_constraints_promise_is_proved_and_scans_agree() {
    let project =
        Project::new().file("models/t.sql", "select 1 as id, 'open' as status, true as flag, 5 as amount").file(
            "models/t.yml",
            "models:
  - name: t
    constraints: [{type: check, expression: amount > 0}]
    data_tests:
      - expression: AMOUNT  >  0
      - unique: {columns: [status, id]}
    columns:
      - {name: id, constraints: [primary_key], data_tests: [unique, not_null]}
      - name: status
        constraints: [{type: accepted_values, values: [open]}]
        data_tests: [{accepted_values: {values: [open, shut]}}, not_null]
      - {name: flag, data_tests: [{accepted_values: {values: [true, false]}}]}
",
        );
    let proved = |said: &Said| {
        let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
        let lines: Vec<_> = said.stdout.lines().map(line).collect();
        assert!(lines.iter().all(|line| line["status"] == "passed"), "{said}");
        let proved = lines.iter().filter(|line| !line["proof"].is_null());
        proved.map(|line| line["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let said = project.run(&["build", "--output", "json"]);
    assert_eq!(
        proved(&said),
        [
            "accepted_values_t_flag__True__False",
            "accepted_values_t_status__open__shut",
            "expression_t_AMOUNT_0",
            "not_null_t_id",
            "unique_t_id",
            "unique_t_status__id"
        ],
        "{said}"
    );
    assert!(said.stderr.contains("checks: 7 passed (6 proved)"), "{said}");
    // Of what stands nothing is taken for granted.
    assert!(proved(&project.run(&["test", "--output", "json"])).is_empty());
}

#[test]
fn an_edited_check_is_asked_again_and_nothing_is_built() {
    let project = shop();
    write(
        &project,
        "models/checks.yml",
        &CHECKS.replace("[unique, not_null]", "[unique, {not_null: {config: {where: id > 0}}}]"),
    );
    let said = project.run(&["plan"]);
    assert!(said.stdout.contains("test   not_null_orders_id  stale"), "{said}");
    assert!(said.stdout.lines().count() == 1 && said.stderr.contains("1 to test"), "{said}");
    assert_eq!(project.run(&["status"]).code, 1);
    let said = project.run(&["reconcile"]);
    assert!(said.code == 0 && said.stderr.starts_with("done: checks: 1 passed in"), "{said}");
    assert_eq!(project.run(&["status"]).code, 0);
    // A comment, a description and a tag ask nothing else.
    write(
        &project,
        "models/checks.yml",
        &format!("# what is right\n{CHECKS}").replace(
            "[unique, not_null]",
            "[{unique: {description: new, config: {tags: x}}}, {not_null: {config: {where: id > 0}}}]",
        ),
    );
    assert_eq!(project.run(&["status"]).code, 0);
}

#[test]
fn what_stands_is_judged_with_its_checks() {
    let project = shop();
    // `run` asks nothing, so what it built is not known to be right.
    write(&project, "models/orders.sql", &GOOD.replace("10.0", "11.0"));
    assert_eq!(project.run(&["run"]).code, 0);
    let said = project.run(&["status"]);
    assert!(said.code == 1 && said.stderr.contains("checks: 6 of 6 failed, or not asked of what stands now"), "{said}");
    assert_eq!(project.run(&["test"]).code, 0);
    assert_eq!(project.run(&["status"]).code, 0);
    write(&project, "models/orders.sql", BAD);
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(project.run(&["test"]).code, 1);
    let said = project.run(&["status"]);
    assert!(
        said.stdout.contains("unique_orders_id") && said.stdout.contains("failed    what stands breaks it"),
        "{said}"
    );
    // It is asked again as long as it fails.
    assert_eq!(project.run(&["reconcile"]).code, 1);
}

#[test]
fn thresholds_count_or_share() {
    let t = "select x, if(x <= 10, null, x) as y from range(1, 101) t(x)";
    for (config, status) in [
        ("error_if: '>10'", "warned"),
        ("error_if: '>9'", "failed"),
        ("{error_if: '>10', warn_if: '>10'}", "passed"),
        ("error_if: '>= 10%'", "failed"),
        ("error_if: '>10%'", "warned"),
        ("{severity: warn, warn_if: 'between 1 and 10'}", "warned"),
        ("where: x > 10", "passed"),
        ("{where: x > 5, error_if: '>5'}", "warned"),
        ("{limit: 3, error_if: '>3'}", "warned"),
        ("{fail_calc: max(x), error_if: '=10'}", "failed"),
        ("{fail_calc: max(x), error_if: '>10'}", "warned"),
    ] {
        let config = if config.starts_with('{') { config.to_owned() } else { format!("{{{config}}}") };
        let yml =
            format!("models: [{{name: t, columns: [{{name: y, data_tests: [{{not_null: {{config: {config}}}}}]}}]}}]");
        let project = Project::new().file("models/t.sql", t).file("models/t.yml", yml);
        let said = project.run(&["build", "--output", "json"]);
        assert_eq!(statuses(&said), [("not_null_t_y".to_owned(), status.to_owned())], "{config}\n{said}");
    }
}

#[test]
fn wide_rows_stay_readable() {
    let columns: Vec<String> = (0..200).map(|number| format!("repeat('x', 50) as c{number}")).collect();
    let project = Project::new()
        .file("models/wide.sql", format!("select {}, null::int as broken from range(500)", columns.join(", ")))
        .file("models/wide.yml", "models: [{name: wide, columns: [{name: broken, data_tests: [not_null]}]}]");
    let said = project.run(&["build"]);
    assert!(said.stderr.lines().all(|line| line.chars().count() <= 130), "{said}");
    assert!(said.stderr.contains("broken  c0"), "{said}");
    assert!(
        said.stderr.contains("`dovetail show --failures not_null_wide_broken` shows the first 100 of 500"),
        "{said}"
    );
    let said = project.run(&["show", "--failures", "not_null_wide_broken", "--output", "json", "--limit", "100"]);
    assert_eq!(said.stdout.lines().count(), 100);
    assert!(said.stderr.contains("100 of 500 are kept"), "{}", said.stderr);
}
