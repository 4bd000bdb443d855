//! Constraints: looked at before anything runs as far as that can be, and kept to before anything is published.

use crate::harness::{Project, assert_said};

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

const GOOD: &str = "select * from (values (1, 'open', 10), (2, 'shut', 20), (3, null, null)) t(id, status, amount)";

const PROMISES: &str = "
models:
  - name: orders
    constraints:
      - type: unique
        columns: [id, status]
      - {type: check, expression: amount < 1000 or status = 'open'}
    columns:
      - name: id
        constraints: [primary_key]
      - name: status
        constraints:
          - {type: accepted_values, values: [open, shut]}
      - name: amount
        constraints:
          - type: check
            expression: amount >= 0 -- never negative
";

fn orders() -> Project {
    let project = Project::new()
        .file("models/orders.sql", GOOD)
        .file("models/orders.yml", PROMISES)
        .file("models/report.sql", "select count(*) as orders from orders");
    let said = project.run(&["run"]);
    assert_eq!(said.code, 0, "{said}");
    project
}

fn rows(project: &Project, asset: &str) -> String {
    project.run(&["show", asset, "--output", "csv"]).stdout
}

#[test]
fn rows_that_break_a_promise_never_come_to_stand() {
    let project = orders();
    let before = rows(&project, "orders");
    for (rows_now, told, example) in [
        ("(1, 'open', 1), (1, 'shut', 2)", "1 row has no `id`, or repeats that of another", "1 (2 times)"),
        ("(null, 'open', 1), (2, 'shut', 2)", "1 row has no `id`, or repeats that of another", "NULL (1 times)"),
        ("(1, 'lost', 1), (2, 'lost', 2)", "2 rows have a `status` that is not accepted", "lost (2 times)"),
        ("(1, 'open', -1)", "1 row does not keep `amount >= 0 -- never negative`", "{'amount': -1}"),
        ("(1, 'shut', 2000)", "1 row does not keep `amount < 1000 or status = 'open'`", "'status': shut"),
    ] {
        for publish in [&["run"][..], &["run", "--atomic"]] {
            write(&project, "models/orders.sql", &format!("select * from (values {rows_now}) t(id, status, amount)"));
            let said = project.run(publish);
            assert_eq!(said.code, 1, "{said}");
            assert!(said.stderr.contains("error[DT0807]: `orders` breaks its contract: "), "{said}");
            assert!(said.stderr.contains(told) && said.stderr.contains(example), "{said}");
            assert!(said.stderr.contains("models/orders.yml:"), "{said}");
            assert_eq!(rows(&project, "orders"), before, "{said}");
            // What reads it is not built on what is wrong.
            assert!(said.stderr.contains("report"), "{said}");
        }
    }
    let said = project.run(&["status", "-s", "orders"]);
    assert!(said.code == 1 && said.stdout.contains("breaks its contract"), "{said}");
}

#[test]
fn all_that_is_broken_is_told_at_once() {
    let project = orders();
    write(
        &project,
        "models/orders.sql",
        "select * from (values (1, 'lost', -1), (1, 'lost', -2)) t(id, status, amount)",
    );
    assert_said!(project.run(&["run", "-s", "orders"]));
}

#[test]
fn nothing_is_promised_of_no_rows() {
    let project = orders();
    write(&project, "models/orders.sql", &format!("{GOOD} where false"));
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(rows(&project, "orders"), "id,status,amount\n");
}

#[test]
fn a_promise_is_part_of_the_code() {
    let project = orders();
    assert_eq!(project.run(&["status"]).code, 0);
    write(&project, "models/orders.yml", &PROMISES.replace("amount >= 0 -- never", "amount >= 15 -- never"));
    let said = project.run(&["why", "orders"]);
    assert!(said.stdout.contains("config constraints"), "{said}");
    let said = project.run(&["reconcile"]);
    assert!(said.code == 1 && said.stderr.contains("1 row does not keep"), "{said}");
    // The order of promises is none.
    write(&project, "models/orders.yml", &PROMISES.replace("[id, status]", "[id, status] # both"));
    assert_eq!(project.run(&["reconcile"]).code, 0);
}

#[test]
fn seeds_and_configs_promise_too() {
    let project = Project::new()
        .file("seeds/codes.csv", "code,name\n1,one\n2,two\n")
        .file("seeds/codes.yml", "seeds:\n  - name: codes\n    columns:\n      - {name: code, constraints: [unique, not_null]}\n")
        .file(
            "models/named.sql",
            "{{ config(columns={'code': {'type': 'bigint', 'not_null': true, 'check': ['code > 0', 'code < 9']}},\n  constraints=[{'type': 'unique', 'columns': ['code', 'name']}]) }}\nselect code, name from codes",
        );
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "seeds/codes.csv", "code,name\n1,one\n1,two\n");
    let said = project.run(&["run", "-s", "codes"]);
    assert!(said.code == 1 && said.stderr.contains("1 row repeats `code` of another"), "{said}");
    write(&project, "seeds/codes.csv", "code,name\n1,one\n12,two\n");
    let said = project.run(&["run"]);
    assert!(said.code == 1 && said.stderr.contains("1 row does not keep `code < 9`"), "{said}");
    assert!(said.stderr.contains("models/named.sql:1:"), "{said}");
}

#[test]
fn what_cannot_be_looked_at_is_told_before_anything_runs() {
    let project = Project::new()
        .file("models/orders.sql", "select 1 as id, 'x' as name")
        .file(
            "models/orders.yml",
            "models:\n  - name: orders\n    constraints:\n      - {type: unique, columns: [id, nmae]}\n      - {type: check, expression: idd > 0}\n      - {type: check, expression: id + 1}\n      - {type: check, expression: 'nosuch(id)'}\n      - {type: check, expression: 'id >'}\n",
        );
    assert_said!(project.run(&["check"]));
    assert_eq!(project.run(&["run", "--no-check"]).code, 1);
}

#[test]
fn what_is_no_constraint_is_told_where_it_stands() {
    let project = Project::new().file("models/orders.sql", "select 1 as id").file(
        "models/orders.yml",
        "models:\n  - name: orders\n    constraints:\n      - unique\n      - {type: uniqe, columns: [id]}\n      - {type: check}\n      - {type: accepted_values, columns: [id], values: x}\n      - {columns: [id]}\n      - {type: unique, colums: [id]}\n      - 3\n    columns:\n      - {name: id, constraints: [{type: foreign_key, to: ref('x')}]}\n",
    );
    assert_said!(project.run(&["compile"]));
}

#[test]
fn only_tables_hold_rows_to_promise() {
    let yml = "models:\n  - name: seen\n    columns: [{name: id, constraints: [not_null]}]\n";
    let project = Project::new()
        .file("models/seen.sql", "{{ config(materialized='view') }} select null as id")
        .file("models/seen.yml", yml);
    let said = project.run(&["run"]);
    assert!(said.code == 0 && said.stderr.contains("the constraints of `seen` are not enforced"), "{said}");
    // A contract that is said not to be enforced enforces nothing.
    let off = Project::new()
        .file("models/seen.sql", "select null as id")
        .file("models/seen.yml", yml.replace("    columns", "    config: {contract: {enforced: false}}\n    columns"));
    let said = off.run(&["run"]);
    assert!(said.code == 0 && !said.stderr.contains("warning"), "{said}");
}

#[test]
fn a_condition_that_fails_on_a_row_says_which_it_is() {
    let project = Project::new().file("models/orders.sql", "select 'x' as id").file(
        "models/orders.yml",
        "models:\n  - name: orders\n    constraints:\n      - {type: check, expression: 'id::integer > 0'}\n",
    );
    let said = project.run(&["run"]);
    assert!(said.code == 1 && said.stderr.contains("a constraint of `orders` cannot be looked at: "), "{said}");
    assert!(said.stderr.contains("models/orders.yml:4:35"), "{said}");
}

#[test]
fn a_table_may_be_named_in_its_own_conditions_and_no_other() {
    let yml = |expression: &str| {
        format!("models:\n  - name: orders\n    constraints:\n      - {{type: check, expression: '{expression}'}}\n")
    };
    let project = Project::new()
        .file("models/orders.sql", "select 5 as id, date '2026-01-02' as day")
        .file("models/orders.yml", yml("orders.id > 1 and extract(year from day) > 2000"));
    for publish in [&["run"][..], &["run", "--atomic"]] {
        let said = project.run(publish);
        assert_eq!(said.code, 0, "{said}");
    }
    for (expression, told) in [
        ("(select max(id) from orders) = 5", "reads more than the rows of its own table"),
        ("exists (from orders)", "reads more than the rows of its own table"),
    ] {
        write(&project, "models/orders.yml", &yml(expression));
        let said = project.run(&["compile"]);
        assert!(said.code == 2 && said.stderr.contains(told), "{said}");
    }
    for expression in ["sum(id) > 0", "row_number() over () = id", "id > 9) or (true", "true, id > 9"] {
        write(&project, "models/orders.yml", &yml(expression));
        let said = project.run(&["check"]);
        assert!(said.code == 2 && said.stderr.contains("models/orders.yml:4:35"), "{expression}: {said}");
        assert_eq!(project.run(&["run"]).code, 1, "{expression}");
    }
}

#[test]
fn values_are_accepted_as_they_are() {
    let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let many = many.join(", ");
    for (value, listed, is_kept) in [
        ("'1'", "[1, 2]", true),
        ("'2.0'", "[1, 2]", false),
        ("' 1'", "[1, 2]", false),
        ("'t'", "[true]", false),
        ("'a'", "[a, 1, null]", true),
        ("'b'", "[a, 1, null]", false),
        ("1", "[1, 2]", true),
        ("1.5", "[1, 2]", false),
        ("null", "[1]", true),
        ("42", many.as_str(), true),
        ("142", many.as_str(), false),
        ("'42'", many.as_str(), true),
        ("'042'", many.as_str(), false),
        ("null::varchar", many.as_str(), true),
    ] {
        let listed = if listed.starts_with('[') { listed.to_owned() } else { format!("[{listed}]") };
        let yml = format!(
            "models:\n  - name: a\n    columns:\n      - {{name: v, constraints: [{{type: accepted_values, values: {listed}}}]}}\n"
        );
        let project = Project::new().file("models/a.sql", format!("select {value} as v")).file("models/a.yml", yml);
        let said = project.run(&["run"]);
        assert_eq!(said.code, u8::from(!is_kept), "{value} in {listed}: {said}");
        assert!(is_kept || said.stderr.contains("1 row has a `v` that is not accepted"), "{said}");
    }
}

#[test]
fn what_a_contract_says_is_understood_or_told() {
    for contract in ["true", "{enforced: 'true'}", "{enforce: true}", "[enforced]"] {
        let project = Project::new()
            .file("models/a.sql", "select 1 as v")
            .file("models/a.yml", format!("models:\n  - name: a\n    config:\n      contract: {contract}\n"));
        let said = project.run(&["compile"]);
        assert!(said.code == 2 && said.stderr.contains("`contract` of `a` says nothing"), "{contract}: {said}");
        assert!(said.stderr.contains("models/a.yml:4:"), "{said}");
    }
    for columns in ["{'v': 5}", "{'v': {'type': 5}}"] {
        let project = Project::new().file("models/a.sql", format!("{{{{ config(columns={columns}) }}}} select 1 as v"));
        let said = project.run(&["compile"]);
        assert!(said.code == 2 && said.stderr.contains("says of `v` neither a type"), "{columns}: {said}");
    }
}

#[test]
fn how_a_promise_is_written_does_not_count() {
    let project = orders();
    let text =
        PROMISES.replace("[open, shut]", "[shut, open]").replace("columns: [id, status]", "columns: [ID, Status]");
    write(&project, "models/orders.yml", &text);
    assert!(project.run(&["reconcile"]).stderr.contains("nothing to do"));
}

#[test]
fn accepted_values_of_a_text_are_what_is_written() {
    let values = "NO, on, yes, True, 007, 1e3, 0x10, 1.50, 2024-01-01, ~, 'quoted', \"a\\tb\"";
    let yml = format!(
        "models:\n  - name: a\n    columns:\n      - name: v\n        constraints:\n          - {{type: accepted_values, values: [{values}]}}\n"
    );
    let rows = "('NO'), ('on'), ('yes'), ('True'), ('007'), ('1e3'), ('0x10'), ('1.50'), ('2024-01-01'), (null), ('quoted'), (e'a\\tb')";
    let project =
        Project::new().file("models/a.sql", format!("select * from (values {rows}) t(v)")).file("models/a.yml", yml);
    assert_eq!(project.run(&["run"]).code, 0);
    for wrong in ["false", "true", "7", "1000", "1000.0", "16", "1.5", "~"] {
        write(&project, "models/a.sql", &format!("select '{wrong}' as v"));
        let said = project.run(&["run"]);
        assert!(said.code == 1 && said.stderr.contains("1 row has a `v` that is not accepted"), "{wrong}: {said}");
    }
    // A number is what YAML reads.
    write(&project, "models/a.sql", "select * from (values (7), (1000), (16)) t(v)");
    write(
        &project,
        "models/a.yml",
        "models:\n  - name: a\n    columns:\n      - name: v\n        constraints:\n          - {type: accepted_values, values: [007, 1e3, 0x10]}\n",
    );
    assert_eq!(project.run(&["run"]).code, 0);
}
