//! How checks are declared, named, selected, and told when they are wrong.

use crate::checks::{statuses, write};
use crate::harness::{Project, assert_said};

fn shop() -> Project {
    Project::new()
        .file("seeds/customers.csv", "id,name\n1,Ada\n")
        .file("models/orders.sql", "select 1 as id, 1 as customer, 5 as amount")
        .file("models/report.sql", "select sum(amount) as total from orders")
}

#[test]
fn tests_of_the_projects_own() {
    let project = shop()
        .file(
            "tests/generic/positive.sql",
            "{% test positive(model, column_name, above=0) %}
  {{ config(severity='warn') }}
  select * from {{ model }} where {{ column_name }} <= {{ above }} -- {{ helped() }}
{% endtest %}
",
        )
        .file(
            "macros/more.sql",
            "{% macro helped() %}helped{% endmacro %}\n{%- data_test same_sum(model, other, column) -%}\nselect 1 where (select sum({{ column }}) from {{ model }}) <> (select sum({{ column }}) from {{ other }})\n{%- enddata_test -%}\n",
        )
        .file(
            "models/o.yml",
            "models:
  - name: orders
    data_tests:
      - same_sum: {other: ref('copy'), column: amount}
      - same_sum: {name: jinja, other: \"{{ ref('copy') }}\", column: \"{{ var('c', 'amount') }}\"}
    columns:
      - name: amount
        tests:
          - positive
          - positive: {above: 10, name: above_ten}
          - {name: all_ten, test_name: positive, arguments: {above: 10}, config: {severity: error, where: \"amount > {{ 1 + 1 }}\"}}
",
        )
        .file("models/copy.sql", "select 5 as amount");
    let said = project.run(&["build", "--output", "json"]);
    let mut found = statuses(&said);
    found.sort_unstable();
    let expected = [
        ("above_ten", "warned"),
        ("all_ten", "failed"),
        ("jinja", "passed"),
        ("positive_orders_amount", "passed"),
        ("same_sum_orders_amount__ref_copy_", "passed"),
    ];
    assert_eq!(found, expected.map(|(name, status)| (name.to_owned(), status.to_owned())), "{said}");
}

#[test]
fn a_test_of_the_projects_own_takes_the_place_of_ours() {
    let project = shop()
        .file("tests/generic/unique.sql", "{% test unique(model, column_name) %}select 1 as ours{% endtest %}")
        .file("models/o.yml", "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]");
    let said = project.run(&["build"]);
    assert!(said.code == 1 && said.stderr.contains("`unique_orders_id` fails"), "{said}");
}

#[test]
fn files_of_their_own() {
    let project = shop()
        .file("tests/totals.sql", "-- Totals are not negative.\nselect * from {{ ref('report') }} where total < 0;\n")
        .file("tests/deep/sources.sql", "{{ config(severity='warn', tags=['slow']) }}\nselect o.id from orders o anti join customers c on o.customer = c.id")
        .file("tests/fixtures/rows.sql", "not even SQL")
        .file("tests/off.sql", "{{ config(enabled=false) }} select 1 from orders")
        .file("models/o.yml", "data_tests: [{name: totals, description: Nothing is owed., config: {tags: money}}]");
    let said = project.run(&["build", "--output", "json"]);
    assert_eq!(statuses(&said).len(), 2, "{said}");
    assert!(said.stdout.contains("\"question\":\"Nothing is owed\""), "{said}");
    for (select, expected) in [
        ("test_type:singular", "sources totals"),
        ("tag:slow", "sources"),
        ("tag:money", "totals"),
        ("path:tests/deep", "sources"),
        ("report", "totals"),
        ("customers", "sources"),
        ("+totals", "sources totals"),
        ("kind:check,config.severity:warn", "sources"),
        ("orders+", "sources totals"),
    ] {
        let said = project.run(&["test", "--select", select, "--output", "json"]);
        let mut names: Vec<String> = statuses(&said).into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), expected, "{select}\n{said}");
    }
    let said = project.run(&["ls", "--select", "test_type:singular"]);
    assert_eq!(said.stdout, "sources\ntotals\n", "{said}");
    let said = project.run(&["test", "--select", "customers,kind:python"]);
    assert_eq!(said.code, 2, "{said}");
}

#[test]
fn checks_are_called_as_dbt_calls_them() {
    let project = shop().file(
        "models/o.yml",
        "models:
  - name: orders
    columns:
      - name: id
        data_tests:
          - unique
          - accepted_values: {values: [1, 2], quote: false}
          - relationships: {to: ref('customers'), field: id}
seeds:
  - {name: customers, columns: [{name: name, tests: [not_null]}]}
sources:
  - {name: raw, tables: [{name: t, columns: [{name: a, tests: [not_null]}]}]}
",
    );
    // As dbt 1.9 lists them.
    let expected = "accepted_values_orders_id__False__1__2
not_null_customers_name
relationships_orders_id__id__ref_customers_
source_not_null_raw_t_a
unique_orders_id
";
    assert_eq!(project.run(&["ls", "--select", "kind:check"]).stdout, expected);
}

#[test]
fn wrong_declarations_are_told() {
    let project = shop().file(
        "models/o.yml",
        "models:
  - name: orders
    data_tests:
      - uniqe
      - dbt_utils.expression_is_true: {expression: 1 = 1}
      - row_count: {min: 1}
      - row_count: {at_least: 3, at_most: 2}
      - expression
      - unique
      - 7
      - not_null: [1]
    columns:
      - name: id
        data_tests:
          - accepted_values: {value: [1]}
          - relationships: {to: ref('custmers'), field: id}
          - relationships: {field: id}
          - unique: {config: {severity: fatal, warn_if: many, limit: 0, wher: x}}
          - freshness: {max_age: soon}
          - distribution: {median: [1, 2]}
",
    );
    assert_said!(project.run(&["ls"]));
    write(
        &project,
        "models/o.yml",
        "models:
  - name: orders
    columns:
      - {name: id, data_tests: [unique, unique, {relationships: {to: custmers, field: id}}]}
      - {name: id, data_tests: [{accepted_values: {values: []}}, {distribution: {median: [1, 2]}}, {freshness: {max_age: soon}}]}
data_tests: [{name: totls}]
",
    );
    assert_said!(project.run(&["ls"]));
}

#[test]
fn checks_that_cannot_be_answered_are_told_before_anything_runs() {
    let project = shop()
        .file("tests/wrong.sql", "select *\nfrom {{ ref('report') }}\nwhere totl < 0\n")
        .file(
            "tests/generic/odd.sql",
            "{% test odd(model, column_name) %}\nselect * from {{ model }}\nwhere {{ column_name }} + nothing > 1\n{% endtest %}\n",
        )
        .file(
            "models/o.yml",
            "models:
  - name: orders
    data_tests: [{expression: amont > 0}, {expression: \"amount > 'x' and sum(amount) > 1\"}]
    columns:
      - {name: ix, data_tests: [unique, not_null]}
      - {name: id, data_tests: [odd]}
",
        );
    assert_said!(project.run(&["check"]));
    let said = project.run(&["build"]);
    assert!(said.code == 2 && said.stderr.contains("nothing was built"), "{said}");
    // Without the look ahead, nothing is published that nobody can vouch for.
    let said = project.run(&["build", "--no-check"]);
    assert!(said.code == 1 && said.stderr.contains("error[DT1005]"), "{said}");
    assert!(said.stderr.contains("tests/generic/odd.sql:3:27"), "{said}");
    assert_eq!(project.run(&["show", "orders"]).code, 2);
}

#[test]
fn broken_test_blocks_are_told_in_their_own_file() {
    for (text, told) in [
        ("{% test odd(model) %}\nselect {{ modl }}\n{% endtest %}", "`modl` is not defined"),
        ("{% test odd(model) %}\nselect 1", "`{% test %}` is not closed"),
        ("{% test odd(model) %}{{ exceptions.raise_compiler_error('no') }}{% endtest %}", "no"),
        ("{% test odd() %}select 1{% endtest %}", "unknown keyword argument"),
    ] {
        let project = shop()
            .file("tests/generic/odd.sql", text)
            .file("models/o.yml", "models: [{name: orders, data_tests: [odd]}]");
        let said = project.run(&["ls"]);
        assert!(said.code == 2 && said.stderr.contains(told), "{text}\n{said}");
    }
}

#[test]
fn reports_for_machines() {
    let project = shop()
        .file("tests/odd.sql", "select '<&\"\u{1}>' as \"a<b\" from orders")
        .file("models/o.yml", "models: [{name: report, columns: [{name: total, data_tests: [not_null]}]}]");
    let said = project.run(&["build", "--junit", "out.xml", "--output", "json"]);
    assert_eq!(said.code, 1, "{said}");
    let report = project.read("out.xml");
    assert!(report.contains("tests=\"5\" failures=\"1\" errors=\"0\" skipped=\"3\""), "{report}");
    assert!(report.contains("a&lt;b\n&lt;&amp;&quot;\u{fffd}&gt;</failure>"), "{report}");
    let said = project.run(&["test", "--junit", "models/orders.sql/x.xml"]);
    assert!(said.stderr.contains("DT0009"), "{said}");
}
