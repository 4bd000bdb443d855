//! `dovetail lineage` and `dovetail impact`, as a user sees them.

use crate::harness::{Project, assert_said};

/// `orders` (a seed) -> `stg_orders` -> `paid` (ephemeral) -> `revenue`, `best`; `everything` takes all by a star.
fn project() -> Project {
    let project = Project::new()
        .file("seeds/orders.csv", "id,customer,amount,status\n1,Ada,10.5,paid\n2,Grace,20,open\n")
        .file("models/stg_orders.sql", "select id, customer as buyer, amount, status from orders")
        .file(
            "models/paid.sql",
            "{{ config(materialized='ephemeral') }}\nselect * exclude (status) from stg_orders where status = 'paid'",
        )
        .file("models/revenue.sql", "select buyer, sum(amount) as total from paid group by all")
        .file("models/everything.sql", "select * from stg_orders")
        .file("models/best.sql", "select buyer from revenue order by total desc limit 1")
        .file("models/names.sql", "select distinct buyer from everything");
    assert_eq!(project.run(&["run"]).code, 0);
    project
}

#[test]
fn up_and_down() {
    let project = project();
    assert_said!(project.run(&["lineage", "revenue.total"]));
    assert_said!(project.run(&["lineage", "orders.AMOUNT", "--downstream"]));
    assert_said!(project.run(&["lineage", "stg_orders.status", "--downstream"]));
    assert_said!(project.run(&["lineage", "best.buyer", "--upstream"]));
}

#[test]
fn for_scripts_and_eyes() {
    let project = project();
    assert_said!(project.run(&["lineage", "revenue.total", "-o", "json"]));
    assert_said!(project.run(&["lineage", "revenue.total", "-o", "mermaid"]));
    assert_said!(project.run(&["impact", "stg_orders.amount", "-o", "json"]));
}

#[test]
fn what_breaks_and_what_merely_recomputes() {
    let project = project();
    assert_said!(project.run(&["impact", "stg_orders.amount"]));
    assert_said!(project.run(&["impact", "stg_orders.status"]));
    assert_said!(project.run(&["impact", "everything.buyer"]));
    assert_said!(project.run(&["impact", "best.buyer"]));
}

#[test]
fn selections_by_columns() {
    let project = project();
    let listed = |expression: &str| {
        let said = project.run(&["ls", "-s", expression]);
        assert_eq!(said.code, 0, "{expression}: {said}");
        said.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed("column:Buyer"), ["best", "everything", "names", "paid", "revenue", "stg_orders"]);
    assert_eq!(listed("column:stat*,kind:sql"), ["everything", "stg_orders"]);
    assert_eq!(listed("reads:stg_orders.STATUS"), ["everything", "paid", "revenue"]);
    assert_eq!(listed("reads:orders.amount"), ["stg_orders"]);
    assert_eq!(listed("reads:revenue.total+"), ["best"]);
    assert_eq!(listed("reads:best.buyer"), Vec::<String>::new());
    assert_said!(project.run(&["ls", "-s", "reads:orders"]));
    assert_said!(project.run(&["ls", "-s", "reads:orders.amuont", "reads:ordes.*", "reads:orders.id"]));
    assert_said!(project.run(&["ls", "-s", "reads:nowhere.id", "reads:order.id", "reads:orders.idd"]));
}

#[test]
fn what_python_declares_is_known_before_it_runs() {
    let project = Project::new()
        .file("seeds/orders.csv", "id,amount\n1,2\n")
        .file("models/stg.sql", "select id, amount from orders")
        .file(
            "models/scored.py",
            "from dovetail import asset\n\n\n@asset(columns={'id': 'BIGINT', 'score': 'DOUBLE'})\ndef scored(stg):\n    return stg\n",
        )
        .file("models/top.sql", "select id, score as best from scored order by score desc limit 3");
    assert_said!(project.run(&["lineage", "top.best"]));
    assert_said!(project.run(&["impact", "stg.amount"]));
}

#[test]
fn files_are_sources_of_columns() {
    let project = Project::new()
        .file("data/flights.csv", "carrier,delay\nAA,3\n")
        .file("models/named.sql", "select carrier, delay * 60 as seconds from 'data/flights.csv'")
        .file(
            "models/called.sql",
            "select f.delay, s.seconds from read_csv('data/flights.csv') as f join named as s using (carrier)",
        )
        .file("models/tables.sql", "select table_name from information_schema.tables");
    let said = project.run(&["lineage", "called.delay", "--upstream"]);
    assert!(
        said.stdout.contains("flights.csv.delay  (copied)") && said.stdout.contains("flights.csv.carrier"),
        "{said}"
    );
    let said = project.run(&["lineage", "named.seconds", "--upstream"]);
    assert!(said.stdout.contains("flights.csv.delay  (computed)"), "{said}");
    let said = project.run(&["lineage", "tables.table_name"]);
    assert!(said.stderr.contains("`information_schema.tables`, which it reads, is neither"), "{said}");
}

#[test]
fn what_is_not_known_is_said() {
    let project = project();
    assert_said!(project.run(&["lineage", "revenue.totl"]));
    assert_said!(project.run(&["lineage", "revenu.total"]));
    assert_said!(project.run(&["lineage", "revenue"]));
    let said = project.run(&["lineage", "revenue."]);
    assert!(said.stderr.contains("`revenue.` names no column\nhint: write `revenue.COLUMN`"), "{said}");
    let said = project.run(&["lineage", "nowhere."]);
    assert!(said.stderr.contains("there is no asset `nowhere`"), "{said}");
    let fresh = Project::new()
        .file("seeds/orders.csv", "id,amount\n1,2\n")
        .file("models/a.sql", "select id, amount * 2 as twice from orders")
        .file("models/b.sql", "pivot a on id using sum(twice)");
    assert_said!(fresh.run(&["lineage", "a.twice"]));
    assert_said!(fresh.run(&["lineage", "orders.id"]));
}

#[test]
fn what_a_function_reads_is_affected_before_it_ever_ran() {
    let project = Project::new()
        .file("models/v.sql", "select 1 as a, 2 as b")
        .file("models/m.py", "from dovetail import asset\n\n@asset\ndef p(v):\n    return v\n");
    let said = project.run(&["impact", "v.a"]);
    assert!(said.code == 0 && said.stdout.contains("p") && said.stdout.contains("may break"), "{said}");
    assert_eq!(project.run(&["ls", "--select", "reads:v.a"]).stdout.trim(), "p");
}

/// DuckDB has each name once in a table.
#[test]
fn columns_of_one_name_are_told_apart() {
    let project = Project::new()
        .file("seeds/a.csv", "id,x\n1,2\n")
        .file("seeds/b.csv", "id,y\n1,2\n")
        .file("models/both.sql", "select a.*, b.* from a join b on a.id = b.id")
        .file("models/one.sql", "select id as key from both")
        .file("models/other.sql", "select id_1 as key from both");
    assert_eq!(project.run(&["run"]).code, 0);
    let said = project.run(&["lineage", "both.id_1"]);
    assert!(said.stdout.contains("comes from\n    b.id  (renamed)") && said.stdout.contains("other.key"), "{said}");
    let said = project.run(&["impact", "b.id"]);
    // `both` compares it.
    assert!(said.stdout.contains("`other`") && !said.stdout.contains("`one` breaks"), "{said}");
    let project = project.file("models/both.sql", "select a.*, b.* from a positional join b");
    // Without `a.id`, that of `b` is called `id`.
    let said = project.run(&["impact", "a.id"]);
    assert!(said.stdout.starts_with("`other` breaks: it names `both.id_1`\n`both` recomputes"), "{said}");
    assert!(said.stdout.contains("`one` recomputes"), "{said}");
    let said = project.run(&["impact", "both.id_1"]);
    assert_eq!(said.stdout, "`other` breaks: it names `both.id_1`\n", "{said}");
}

/// An ephemeral model has columns of its own, though its query is part of those that read it.
#[test]
fn ephemeral_models_stand_between() {
    let ephemeral = |query: &str| format!("{{{{ config(materialized='ephemeral') }}}}\n{query}");
    let project = Project::new()
        .file("seeds/t.csv", "a,b,c\n1,2,3\n")
        .file("models/inner.sql", ephemeral("select a, b as a2, c from t order by c -- the end"))
        .file("models/outer.sql", ephemeral("select * from {{ ref('inner') }} where a > 0"))
        .file("models/reader.sql", "select o.a2 + 1 as x, i.a from {{ ref('outer') }} o, inner as i limit 3")
        .file(
            "models/f.py",
            "from dovetail import asset\n\n@asset(columns={'y': 'INT'})\ndef f(outer):\n    return 1\n",
        );
    let said = |arguments: &[&str]| {
        let said = project.run(arguments);
        assert!(said.code == 0 && said.stderr.is_empty(), "{said}");
        said.stdout
    };
    assert_said!(project.run(&["lineage", "reader.x"]));
    assert_said!(project.run(&["lineage", "t.b", "--downstream"]));
    assert_eq!(
        said(&["impact", "outer.a2"]),
        "`reader` breaks: it names `outer.a2`\n`f` may break: it may name `outer.a2`\n"
    );
    // Its readers have the query that breaks in theirs.
    assert_eq!(said(&["impact", "t.b"]).lines().filter(|line| line.contains("breaks: it names `t.b`")).count(), 4);
    assert_eq!(said(&["ls", "-s", "reads:outer.a2"]), "f\nreader\n");
    assert_eq!(said(&["ls", "-s", "reads:t.b"]), "f\ninner\nouter\nreader\n");
    assert_eq!(said(&["lineage", "f.y", "--upstream"]).matches("outer.").count(), 3);
    assert_eq!(said(&["lineage", "f.y", "--upstream"]).matches("\n    ").count(), 9);
}

/// Columns that no name means, and without which the query is none.
#[test]
fn what_is_meant_by_its_place_breaks() {
    let project = Project::new()
        .file("seeds/x1.csv", "id,amount\n1,2\n")
        .file("seeds/x2.csv", "id,amount\n1,2\n")
        .file("models/pattern.sql", "select columns('^am') from x1")
        .file("models/field.sql", "select (x1).amount as a from x1")
        .file("models/both.sql", "select * from x1 union all select * from x2")
        .file("models/twice.sql", "select * from x1 union all select * from x1")
        .file("models/renamed.sql", "select a from x1 as t(a, b)")
        .file("models/all.sql", "select columns('.') from x1");
    let said = project.run(&["impact", "x1.amount"]);
    let named = |name: &str| format!("`{name}` breaks: it names `x1.amount`\n");
    let expected = ["both", "field", "pattern", "renamed"].map(named).concat()
        + "`all` recomputes: it has what comes from `x1.amount`\n`twice` recomputes: it has what comes from `x1.amount`\n";
    assert_eq!(said.stdout, expected, "{said}");
}

#[test]
fn columns_may_be_named_in_quotes() {
    let project = Project::new()
        .file("models/r.sql", r#"select 1 as "Total Amount", 2 as "a.b", 3 as "c""d""#)
        .file("models/s.sql", r#"select "Total Amount" as t, "a.b" as u, "c""d" as v from r"#);
    for (written, told) in [
        (r#"r."Total Amount""#, "r.Total Amount\n"),
        (r#""r"."total amount""#, "r.Total Amount\n"),
        ("r.Total Amount", "r.Total Amount\n"),
        (r#"r."a.b""#, "r.a.b\n"),
        ("r.a.b", "r.a.b\n"),
        (r#"r."c""d""#, "r.c\"d\n"),
    ] {
        let said = project.run(&["lineage", written]);
        assert!(said.code == 0 && said.stdout.starts_with(told) && said.stdout.contains("s."), "{written}: {said}");
    }
    let said = project.run(&["lineage", r#"r."total amuont""#]);
    assert!(said.stderr.contains("`r` has no column `total amuont`"), "{said}");
}

#[test]
fn what_a_list_of_tables_names_may_be_read() {
    let project = Project::new()
        .file("models/b.sql", "select 1 as id, 2 as g")
        .file("models/qt.sql", "select id from query_table(['b'])");
    assert_eq!(project.run(&["run"]).code, 0);
    let said = project.run(&["lineage", "qt.id", "--upstream"]);
    assert!(said.stdout.contains("b.id  (unknown)") && said.stdout.contains("b.g  (unknown)"), "{said}");
    let said = project.run(&["impact", "b.id"]);
    assert!(said.stdout.contains("`qt` may break"), "{said}");
    assert_eq!(project.run(&["ls", "-s", "reads:b.id"]).stdout, "qt\n");
}
