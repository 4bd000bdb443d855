//! What `build` refuses stays refused: unit tests before a build, `retry` after one; and texts of checks that are templates.

use crate::checks::{rows, statuses, write};
use crate::harness::Project;

/// A model with a check, built once.
fn orders() -> Project {
    let project = Project::new()
        .file("models/orders.sql", "select 1 as id")
        .file("models/report.sql", "select count(*) as n from orders")
        .file("models/o.yml", "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]");
    assert_eq!(project.run(&["build"]).code, 0);
    project
}

#[test]
fn retry_does_not_publish_what_was_refused() {
    let project = orders();
    write(&project, "models/orders.sql", "select 1 as id from range(2)");
    assert_eq!(project.run(&["build"]).code, 1);
    // Asking what stands is no run to take up.
    assert_eq!(project.run(&["test"]).code, 0);
    for _ in 0..2 {
        let said = project.run(&["retry"]);
        assert!(said.code == 1 && said.stderr.contains("DT1001"), "{said}");
        assert_eq!(rows(&project, "orders"), "id\n1\n");
    }
    write(&project, "models/orders.sql", "select 2 as id");
    let said = project.run(&["retry"]);
    assert!(said.code == 0 && said.stderr.contains("2 materialized"), "{said}");
    assert_eq!(rows(&project, "orders"), "id\n2\n");
    // What `run` left is taken up as `run` does it.
    write(&project, "models/orders.sql", "select 3 as id from range(2) where error('no') is null");
    assert_eq!(project.run(&["run"]).code, 1);
    write(&project, "models/orders.sql", "select 3 as id from range(2)");
    assert_eq!(project.run(&["retry"]).code, 0);
    assert_eq!(rows(&project, "orders"), "id\n3\n3\n");
}

#[test]
fn what_fails_a_unit_test_is_not_built() {
    let project = orders().file(
        "models/u.yml",
        "unit_tests:\n  - {name: counted, model: report, given: [{input: ref('orders'), rows: [{id: 7}]}], expect: {rows: [{n: 1}]}}\n",
    );
    let good = project.run(&["build"]);
    assert!(good.code == 0 && good.stderr.contains("1 unit test: 1 passed"), "{good}");
    write(&project, "models/report.sql", "select count(*) + 1 as n from orders");
    write(&project, "models/last.sql", "select n from report");
    write(&project, "models/orders.sql", "select 5 as id");
    let bad = project.run(&["build", "--junit", "out.xml"]);
    assert_eq!(bad.code, 1, "{bad}");
    assert!(bad.stderr.contains("DT1104") && bad.stderr.contains("`report` is not built"), "{bad}");
    assert!(bad.stderr.contains("skipped last"), "{bad}");
    assert_eq!((rows(&project, "report"), rows(&project, "orders")), ("n\n1\n".to_owned(), "id\n5\n".to_owned()));
    let report = project.read("out.xml");
    assert_eq!(report.matches("<testsuite ").count(), 2, "{report}");
    assert!(report.contains("name=\"counted\""), "{report}");
    // Neither what is stale nor what is taken up passes by it.
    for command in ["reconcile", "retry"] {
        let said = project.run(&[command]);
        assert!(said.code == 1 && said.stderr.contains("`report` is not built"), "{said}");
        assert_eq!(rows(&project, "report"), "n\n1\n");
    }
    // `run` asks nothing.
    assert_eq!(project.run(&["run", "--select", "report"]).code, 0);
    assert_eq!(rows(&project, "report"), "n\n2\n");
}

#[test]
fn tests_of_both_kinds_are_selected_together() {
    let project = orders().file(
        "models/u.yml",
        "unit_tests: [{name: counted, model: report, given: [{input: ref('orders'), rows: []}], expect: {rows: [{n: 0}]}}]",
    );
    let named = |args: &[&str]| {
        let said = project.run(&[&["test", "-o", "json"], args].concat());
        let line = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["unit_test"].as_str().or(line["check"].as_str()).unwrap().to_owned()
        };
        said.stdout.lines().map(line).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(named(&[]), "counted unique_orders_id");
    assert_eq!(named(&["-s", "test_type:unit"]), "counted");
    assert_eq!(named(&["-s", "test_type:data"]), "unique_orders_id");
    assert_eq!(named(&["-s", "report"]), "counted");
    assert_eq!(named(&["-s", "+counted"]), "counted unique_orders_id");
    assert_eq!(named(&["-s", "resource_type:unit_test"]), "counted");
    assert_eq!(named(&["--exclude", "unit_test:count*"]), "unique_orders_id");
    assert_eq!(project.run(&["ls", "-s", "kind:unit_test"]).stdout, "counted\n");
    // Unit tests ask no database.
    let held = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    assert_eq!(named(&["-s", "test_type:unit"]), "counted");
    drop(held);
}

#[test]
fn texts_of_checks_are_templates() {
    let project = Project::new()
        .file("models/t.sql", "select range as i, range % 3 as k, now() as at from range(10)")
        .file("models/few.sql", "select 1 as i")
        .file(
            "models/t.yml",
            "
models:
  - name: t
    data_tests:
      - unique: {column_name: k, config: {where: \"i < {{ var('low', 3) }}\"}}
      - row_count: {equals: 3, config: {where: \"i < {{ var('low', 3) }}\"}}
      - distribution: {column_name: i, max: {at_most: 2}, config: {where: \"i < {{ 1 + 2 }}\"}}
      - freshness: {column_name: at, max_age: 1d, config: {where: \"i < {{ 1 + 2 }}\"}}
      - expression: \"i < {{ var('high', 10) }}\"
      - expression: {expression: 'i < 2', config: {where: \"i in (select i from {{ ref('few') }})\"}}
    columns:
      - name: k
        data_tests:
          - accepted_values: {values: [0, 1], config: {where: \"i < {{ 1 + 1 }}\"}}
          - relationships: {to: ref('few'), field: i, config: {where: \"i = {{ 1 }}\"}}
",
        );
    let said = project.run(&["build", "-o", "json"]);
    let found = statuses(&said);
    assert!(said.code == 0 && found.len() == 8 && found.iter().all(|(_, status)| status == "passed"), "{said}");
    let said = project.run(&["test", "-o", "json", "--vars", "{low: 5, high: 9}"]);
    let failed = statuses(&said).into_iter().filter(|(_, status)| status == "failed").count();
    assert_eq!(failed, 3, "{said}");
    let text = "models: [{name: t, data_tests: [{row_count: {equals: 3, config: {where: \"i in (select i from {{ ref('few') }})\"}}}]}]";
    write(&project, "models/t.yml", text);
    let said = project.run(&["ls"]);
    assert!(said.code == 2 && said.stderr.contains("a `where` of `row_count` names no other table"), "{said}");
}

#[test]
fn what_cannot_be_is_told() {
    let project =
        Project::new().file("models/t.sql", "select 1 as id, 2 as amount").file("models/u.sql", "select 1 as x");
    for (tests, told) in [
        ("[{freshness: {column_name: id, max_age: 30 days}}]", "`max_age` that is no length of time, \"30 days\""),
        ("[{distribution: {column_name: id, null_share: 0}}]", "has a `null_share` that is no bounds"),
        ("[{expression: sum(amount) > 0}]", "an expression is about one row"),
        ("[{relationships: {column_name: id, to: ref('u'), field: y}}]", "`x`"),
        ("[{unique: {column_name: id, config: {fail_calc: sum(nope)}}}]", "`nope`, which does not exist"),
    ] {
        write(&project, "models/t.yml", &format!("models: [{{name: t, data_tests: {tests}}}]"));
        let said = project.run(&["check"]);
        assert!(said.code == 2 && said.stderr.contains(told), "{tests}\n{said}");
    }
    let clash = "models: [{name: t, columns: [{name: id, data_tests: [{not_null: {column_name: amount}}]}]}]";
    write(&project, "models/t.yml", clash);
    let said = project.run(&["check"]);
    assert!(said.code == 2 && said.stderr.contains("stands under the column `id`"), "{said}");
    let null =
        "models: [{name: t, data_tests: [{expression: {expression: id > 5, config: {fail_calc: \"sum(null)\"}}}]}]";
    write(&project, "models/t.yml", null);
    let said = project.run(&["build", "--select", "t"]);
    assert!(said.code == 1 && said.stderr.contains("gives NULL, which is no number"), "{said}");
    let said = project.run(&["run", "--select", "test_type:data"]);
    assert!(said.code == 0 && said.stderr.contains("`dovetail test` runs the checks"), "{said}");
}

#[test]
fn thresholds_hold_for_what_is_looked_at_and_what_is_proved() {
    let own = "{% test big(model, column_name) %}select * from {{ model }} where {{ column_name }} > 5{% endtest %}";
    let project = Project::new().file("tests/generic/big.sql", own).file(
        "models/a.sql",
        "select i as x, i % 10 as g, case when i > 0 then 'nan'::double else 1 end as f, '''q'''::enum('''q''') as e
        from range(100) t(i)",
    );
    let asked = |column: &str, told: &str| {
        // What `run` publishes, nobody has asked.
        write(&project, "models/a.yml", &format!("models: [{{name: a, columns: [{column}]}}]"));
        assert_eq!(project.run(&["run"]).code, 0);
        for command in ["build", "test"] {
            let said = project.run(&[command, "--output", "json"]);
            assert_eq!(statuses(&said)[0].1, told, "{command} {column}\n{said}");
        }
    };
    asked("{name: x, data_tests: [{big: {config: {where: \"g = 9\", error_if: \"> 50%\"}}}]}", "failed");
    asked("{name: f, data_tests: [{distribution: {mean: {at_least: 0}}}]}", "failed");
    asked("{name: f, data_tests: [{distribution: {min: {at_least: 0}}}]}", "passed");
    asked("{name: e, data_tests: [{accepted_values: {values: [q]}}]}", "failed");
    asked("{name: e, data_tests: [{accepted_values: {values: [\"'q'\"]}}]}", "passed");
    let proved = "{name: x, constraints: [{type: not_null}], data_tests: [{not_null: {config: {error_if: \"= 0\"}}}]}";
    asked(proved, "failed");
}
