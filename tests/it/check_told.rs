//! What `check` says of a mistake: what is in view where it stands, where it stands when the engine does not know, and what
//! to do about it.

use crate::harness::{Project, assert_said};

const ORDERS: &str = "select 1 as id, 7 as customer_id, 10.5 as amount, 'open' as status, {'a': 1, 'other': 2} as s";

fn checked(models: &[(&str, &str)]) -> crate::harness::Said {
    let project = Project::new()
        .file("models/orders.sql", ORDERS)
        .file("models/customers.sql", "select 7 as customer_id, 'x' as name");
    let project =
        models.iter().fold(project, |project, (name, text)| project.file(&format!("models/{name}.sql"), *text));
    project.run(&["check"])
}

#[test]
fn names_in_subqueries() {
    assert_said!(checked(&[
        ("a", "select * from customers where customer_id in (select o.custmer_id from orders o)"),
        ("b", "select * from customers c where exists (select 1 from orders o where o.custmer_id = c.customer_id)"),
        ("c", "select (select max(o.amont) from orders o) as m from customers"),
        ("d", "select * from customers c, lateral (select o.amont from orders o) t"),
        ("e", "select * from customers c where exists (select 1 from orders o where x.id = c.customer_id)"),
    ]));
}

#[test]
fn names_of_what_has_other_columns_than_the_tables() {
    assert_said!(checked(&[
        ("a", "with t as (select id, amount as total from orders) select t.totl from t join customers c on true"),
        ("b", "select q.nam from (select id from orders) q join customers on true"),
        ("c", "{{ config(materialized='ephemeral') }} select id as number, amount from orders"),
        ("d", "select c.idd from {{ ref('c') }} c join customers on true"),
        ("e", "with t as (select id from orders) select t.customer_id from t"),
        ("f", "select s.others, s.b from orders"),
    ]));
}

#[test]
fn names_in_other_clauses() {
    assert_said!(checked(&[
        ("a", "select * from orders join customers using (id)"),
        ("b", "select * from orders limit id"),
        ("c", "select status, count(*) from orders group by status having amont > 1"),
        ("d", "select status, count(*) as number from orders group by status having numbr > 1"),
        ("e", "select * from orders, orders"),
        ("f", "select row_number() as r from orders"),
    ]));
}

#[test]
fn types_and_where_they_come_from() {
    assert_said!(checked(&[
        ("named", "select name as label, customer_id from customers"),
        ("a", "select label + date '2020-01-01' as z from named"),
        ("b", "select substr(customer_id, 1, label, 2) from named"),
        ("c", "select coalesce(customer_id, [1]) from named"),
    ]));
}

#[test]
fn clauses_that_the_engine_does_not_place() {
    assert_said!(checked(&[
        ("a", "select 1, 2 union all select 1"),
        ("b", "select 1, 2\nunion all\nselect 3, 4\nunion\nselect 1\nunion all select 5, 6"),
        ("c", "select id, count(*) from orders group by 9"),
        ("d", "select * from (values (1, 2), (3)) t"),
        ("e", "with a as (select 1), b as (select 2), a as (select 3) select * from a"),
        ("f", "select regexp_matches(status, '(') from orders"),
        ("g", "select cast(id as decimal(50, 2)) from orders"),
    ]));
}

#[test]
fn where_a_column_was_lost() {
    assert_said!(checked(&[
        ("made", "select id, customer_id + 1 as client from orders"),
        ("a", "select customer_id from made"),
        ("less", "\nwith all_of_them as (select * from orders)\nselect id\nfrom all_of_them"),
        ("b", "select status from less"),
    ]));
}

#[test]
fn notes_are_told_to_scripts_too() {
    let project =
        Project::new().file("models/a.sql", "select 1 as old").file("models/b.sql", "select old as new from a");
    let said = project.file("models/c.sql", "select old from b").run(&["check", "-s", "c", "-o", "json"]);
    let line: serde_json::Value = serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap();
    let note =
        serde_json::json!({"message": "`b` calls it `new` here", "path": "models/b.sql", "line": 1, "column": 15});
    assert_eq!(line["problems"][0]["notes"], serde_json::json!([note]));
}

#[test]
fn what_stands_in_an_older_form_is_to_be_built_first() {
    let project = Project::new().file("models/a.sql", "select 1 as id").file("models/b.sql", "select id from a");
    assert_eq!(project.run(&["run"]).code, 0);
    std::fs::write(project.root().join("models/a.sql"), "select 1 as id, 2 as more").unwrap();
    std::fs::write(project.root().join("models/b.sql"), "select id, more from a").unwrap();
    assert_said!(project.run(&["run", "-s", "b"]));
    assert_eq!(project.run(&["run", "-s", "+b"]).code, 0);
}

#[test]
fn promises_that_say_nothing_of_a_row() {
    let project = Project::new()
        .file("models/a.sql", "select 1 as id, 2.5 as amount, 'x' as status")
        .file(
            "models/a.yml",
            "models:
  - name: a
    config:
      contract: {enforced: true}
    constraints:
      - {type: check, expression: sum(amount) > 0}
      - {type: check, expression: '*'}
      - {type: check, expression: row_number() over () > 0}
      - type: check
        expression: amount > 0 and
    columns:
      - {name: id, data_type: BIGIN, constraints: [{type: accepted_values, values: [1, a, b]}]}
      - {name: amount, data_type: 'decimal(2, 1)'}
      - {name: status, data_type: text, constraints: [{type: accepted_values, values: [1, a]}]}
",
        )
        .file(
            "models/b.sql",
            "{{ config(
  contract={'enforced': true},
  columns={
    'id': 'integer',
    'total': {'type': 'double', 'check': 'totl > 0'},
  },
  constraints=[{'type': 'unique', 'columns': ['id']}, {'type': 'check', 'expression': 'id >'}],
) }}
select 1 as id, 2.5 as total
",
        );
    assert_said!(project.run(&["check"]));
}

#[test]
fn one_primary_key_and_no_types_without_effect() {
    let project = Project::new()
        .file("models/a.sql", "{{ config(columns={'id': 'varchar'}) }} select 1 as id, 2 as number")
        .file(
            "models/a.yml",
            "models:
  - name: a
    columns:
      - {name: id, constraints: [primary_key]}
      - {name: number, constraints: [primary_key]}
",
        );
    assert_said!(project.run(&["check"]));
}

#[test]
fn a_folder_of_models_with_contracts() {
    let project = Project::new()
        .file("dovetail.toml", "[models.strict]\ncontract = {enforced = true}\n")
        .file("models/strict/a.sql", "select 1 as id")
        .file("models/strict/b.sql", "select 1 as id")
        .file("models/strict/c.sql", "select 1 as id")
        .file("models/d.sql", "select 1 as id")
        .file(
            "models/m.yml",
            "models:
  - {name: a, columns: [{name: id, data_type: bigint}]}
  - {name: c, config: {contract: {enforced: false}}}
",
        );
    assert_said!(project.run(&["check"]));
}

#[test]
fn structs_without_names() {
    let view = "{{ config(materialized='view') }} select (id, amount) as pair from orders";
    let said = checked(&[
        // A table without rows takes them.
        ("a", "select [(id, amount)] as pairs from orders where false"),
        ("v", view),
        ("b", "select pair from v"),
    ]);
    let unknown = "1 unknown (1 by `b`: `v` has structs whose fields have no names)";
    assert!(said.code == 0 && said.stderr.contains(unknown), "{said}");
}

#[test]
fn further_names_that_stand_for_nothing() {
    assert_said!(checked(&[
        (
            "a",
            "select o.idd, amont + 1 as more, o.idd\nfrom orders o join customers c on o.custmer_id = c.custmer_id\nwhere nothing > 0"
        ),
        ("b", "with t as (select custmer_id, amount from orders) select custmer_id, nam from t"),
        ("c", "select misspelt as x, 'a' + date '2024-01-01' as y from orders group by misspelt, other_one"),
        ("d", "select x.id, y.name, id from orders"),
        // These may follow from the first.
        (
            "e",
            "select customer_id, total from (select custmer_id, sum(amount) as total from orders group by custmer_id)"
        ),
        ("f", "with c as (select count(zz), id from orders group by id) select \"count(zz)\", id from c"),
        ("g", "select * from (select zz, zz, id from orders) x where x.zz_1 = 1"),
        ("h", "with c as (select zz, id + 1 from orders) select yy from c"),
    ]));
}

#[test]
fn what_a_macro_writes_wrongly_is_told_of_each_name() {
    let project = Project::new()
        .file(
            "macros/m.sql",
            "{% macro cols(xs) %}{% for x in xs %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}{% endmacro %}",
        )
        .file("models/base.sql", "select 1 as id")
        .file("models/k1.sql", "select {{ cols(['id', 'foo']) }} from base")
        .file("models/k2.sql", "select {{ cols(['foo', 'bar']) }} from base");
    let said = project.run(&["check"]);
    assert!(said.stderr.contains("the column `foo`") && said.stderr.contains("the column `bar`"), "{said}");
    assert_eq!(said.stderr.matches("the same is wrong in `k2`").count(), 1, "{said}");
}
