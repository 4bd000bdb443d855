//! `dovetail check`: what would fail is told before anything runs, at the user's own line.

use crate::harness::{Project, Said, assert_said};

const ORDERS: &str = "id,customer,amount\n1,Ada,10.5\n2,Grace,20\n";

fn project() -> Project {
    Project::new().file("seeds/orders.csv", ORDERS).file("models/stg.sql", "select id, customer, amount from orders\n")
}

fn check(project: &Project) -> Said {
    project.run(&["check"])
}

/// One line of `check -o json`.
fn line(project: &Project, asset: &str) -> serde_json::Value {
    let said = project.run(&["check", "-s", asset, "-o", "json"]);
    serde_json::from_str(said.stdout.lines().next().expect("one line")).expect("an object")
}

#[test]
fn a_project_that_fits_together() {
    assert_said!(check(&Project::example().file("models/totals.py", TOTALS.replace("stg", "stg_orders"))));
    assert_said!(check(&Project::new().file("models/.keep", "")));
}

const TOTALS: &str = "from dovetail import asset\n\n\n@asset(columns={'customer': 'VARCHAR', 'total': 'DOUBLE'})\ndef totals(stg):\n    return stg\n";

#[test]
fn a_misspelt_column_three_ctes_deep() {
    assert_said!(check(&project().file(
        "models/deep.sql",
        "with a as (select * from stg),\nb as (select *, amount * 2 as twice from a),\nc as (\n  select id, customr, twice from b\n)\nselect * from c\n"
    )));
}

#[test]
fn a_column_renamed_upstream() {
    let project = project()
        .file("models/renamed.sql", "select id, customer as client, amount from stg\n")
        .file("models/one.sql", "select id, renamed.customer from renamed\n")
        .file("models/two.sql", "select count(distinct customer) as customers from {{ ref('renamed') }}\n")
        .file("models/three.sql", "select * from two\n");
    assert_said!(check(&project));
}

#[test]
fn a_column_that_was_there_when_it_was_built() {
    let project = project()
        .file("models/totals.sql", "select customer, sum(amount) as total from stg group by all\n")
        .file("models/report.sql", "select total from totals\n");
    assert_eq!(project.run(&["run"]).code, 0);
    let project =
        project.file("models/totals.sql", "select customer, sum(amount) as sum_of_all from stg group by all\n");
    assert_said!(check(&project));
}

#[test]
fn a_type_that_changed_two_assets_up() {
    let project = project()
        .file("models/base.sql", "select id, amount::integer as amount from stg\n")
        .file("models/middle.sql", "select * from base where id > 1\n")
        .file("models/report.sql", "select\n  sum(amount) as total\nfrom middle\n");
    assert_eq!(project.run(&["run"]).code, 0);
    assert_said!(check(&project.file("models/base.sql", "select id, amount::varchar as amount from stg\n")));
}

#[test]
fn a_macro_that_makes_the_wrong_sql() {
    assert_said!(check(
        &project()
            .file("macros/money.sql", "{% macro euro(column) -%}\n  round({{ column }}, 2, 'up')\n{%- endmacro %}\n")
            .file("models/report.sql", "select\n  id,\n  {{ euro('amount') }} as euro\nfrom stg\n")
    ));
}

#[test]
fn stars_through_four_layers() {
    assert_said!(check(
        &project()
            .file("models/one.sql", "select * exclude (customer) from stg\n")
            .file("models/two.sql", "{{ config(materialized='view') }}\nselect * from one\n")
            .file("models/three.sql", "{{ config(materialized='ephemeral') }}\nselect * from two\n")
            .file("models/four.sql", "from three\n")
            .file("models/report.sql", "select id, customer from four\n")
    ));
}

#[test]
fn a_field_of_a_struct() {
    assert_said!(check(
        &project()
            .file("models/nested.sql", "select {'first': customer, 'last': 'x'} as name from stg\n")
            .file("models/report.sql", "select\n  name.first,\n  name.lst\nfrom nested\n")
    ));
}

#[test]
fn a_recursive_query() {
    let query = "with recursive r as (select 1 as n union all select n + 1 from r where n < 9) select n";
    let fits = Project::new().file("models/a.sql", format!("{query} from r"));
    assert_eq!(line(&fits, "a")["columns"], serde_json::json!([{ "name": "n", "type": "INTEGER", "nullable": true }]));
    assert_said!(check(&Project::new().file("models/a.sql", format!("{query}, m from r"))));
}

#[test]
fn a_file_that_is_absent_is_unknown() {
    let project = Project::new()
        .file("models/a.sql", "select x from 'data/absent.parquet'\n")
        .file("models/b.sql", "select y + 'text' from a\n");
    assert_said!(check(&project));
    assert_said!(project.run(&["check", "-o", "json"]));
}

#[test]
fn a_file_that_is_absent_and_described() {
    let project = Project::new()
        .file(
            "models/sources.yml",
            "sources:\n  - name: raw\n    tables:\n      - name: sales\n        path: data/sales.csv\n        columns:\n          - name: id\n            data_type: int\n",
        )
        .file("models/a.sql", "select id, price from {{ source('raw', 'sales') }}\n")
        .file("models/b.sql", "select sales.id + 1 as next, filename from {{ source('raw', 'sales') }}\n");
    assert_said!(check(&project));
}

#[test]
fn ephemeral_queries_are_told_once() {
    assert_said!(check(
        &project()
            .file("models/part.sql", "{{ config(materialized='ephemeral') }}\nselect id,\n  amunt\nfrom stg\n")
            .file("models/one.sql", "select * from part\n")
            .file("models/two.sql", "select id from {{ ref('part') }} p join stg using (id)\n")
    ));
}

#[test]
fn what_only_a_run_tells_is_unknown() {
    let project = project()
        .file("models/pivoted.sql", "pivot stg on customer using sum(amount)\n")
        .file("models/variable.sql", "select getvariable('x').y as y\n")
        .file("models/itself.sql", "select nothing from stg union all select id from {{ this }}\n")
        .file("models/by_name.sql", "select nothing from query_table('st' || 'g')\n")
        .file("models/below.sql", "select nothing from pivoted\n");
    let said = project.run(&["check", "-o", "json"]);
    assert_eq!(said.code, 0, "{said}");
    assert_said!(said);
}

#[test]
fn ambiguous_names_and_unknown_functions() {
    assert_said!(check(
        &project()
            .file("models/a.sql", "select id from stg join orders on stg.id = orders.id\n")
            .file("models/b.sql", "select uper(customer) from stg\n")
            .file("models/c.sql", "select s.id from stg\n")
            .file("models/d.sql", "select customer - 1 from stg\n")
            .file("models/e.sql", "select id::nosuchtype from stg\n")
    ));
}

#[test]
fn a_part_of_a_project() {
    let project = project()
        .file("models/wrong.sql", "select nothing from stg\n")
        .file("models/below.sql", "select * from wrong\n");
    assert_said!(project.run(&["check", "-s", "below"]));
    assert_said!(project.run(&["check", "-s", "stg"]));
}

#[test]
fn nothing_is_written_but_the_cache() {
    let project = project();
    assert_eq!(check(&project).code, 0);
    let names: Vec<_> = std::fs::read_dir(project.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["models", "seeds", "target"].contains(&name.as_str()))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn functions_of_the_database_are_not_called_unknown() {
    let project = project().file("models/a.sql", "select double_it(id) as twice, nothing from stg\n");
    assert_eq!(check(&project).code, 2);
    assert_eq!(project.run(&["run", "-s", "+stg"]).code, 0);
    let database = std::fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().path());
    let database = database.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "duckdb")).unwrap();
    let connection = duckdb::Connection::open(&database).unwrap();
    connection.execute_batch("create macro double_it(x) as 2 * x").unwrap();
    drop(connection);
    assert_said!(check(&project));
}

#[test]
fn columns_that_asset_functions_declare() {
    let project = project()
        .file(
            "models/scores.py",
            "from dovetail import asset\n\n\n@asset(columns={'id': 'int', 'score': 'double'})\ndef scores(stg):\n    return stg\n",
        )
        .file("models/good.sql", "select id, score from scores\n")
        .file("models/wrong.sql", "select id,\n  grade\nfrom scores\n")
        .file("models/also.sql", "select score.x from scores\n");
    assert_said!(check(&project));
}

#[test]
fn columns_that_asset_functions_read() {
    let project = project()
        .file("models/renamed.sql", "select id, customer as client, amount from stg\n")
        .file(
            "models/report.py",
            "from dovetail import asset\n\n\n@asset(\n    inputs={'orders': 'renamed'},\n    reads={\n        'orders': ['ID', 'customer'],\n        'stg': 'amount',\n    },\n)\ndef report(orders, stg):\n    return orders\n",
        )
        .file("models/below.sql", "select anything from report\n");
    assert_said!(check(&project));
}

#[test]
fn what_reads_says_is_checked_when_it_is_parsed() {
    let project = project().file(
        "models/report.py",
        "from dovetail import asset, Context\n\n\n@asset(reads={'order': ['id'], 'context': ['x'], 'stg': []})\ndef report(orders, stg, context: Context):\n    return orders\n",
    );
    assert_said!(check(&project));
}

#[test]
fn schemas_are_shown() {
    let project = project().file("models/wrong.sql", "select nothing from stg\n").file("models/what.py", TOTALS);
    assert_said!(project.run(&["show", "stg", "--schema"]));
    assert_said!(project.run(&["show", "orders", "--schema", "-o", "json"]));
    assert_said!(project.run(&["show", "totals", "--schema", "-o", "csv"]));
    assert_said!(project.run(&[
        "show",
        "--schema",
        "--inline",
        "select id * 2 as twice, [customer] as names from stg"
    ]));
    assert_said!(project.run(&["show", "wrong", "--schema"]));
    let unknown =
        project.file("models/plain.py", "from dovetail import asset\n\n\n@asset\ndef plain(stg):\n    return stg\n");
    assert_said!(unknown.run(&["show", "plain", "--schema"]));
}

#[test]
fn a_run_builds_nothing_when_something_is_wrong() {
    let project = project().file("models/wrong.sql", "select nothing from stg\n");
    let project = project.file("models/reader.sql", "select * from wrong\n");
    assert_said!(project.run(&["run"]));
    let history = project.run(&["history"]);
    assert!(history.stdout.is_empty(), "{history}");
    assert_eq!(project.run(&["run", "--no-check"]).code, 1);
    assert_eq!(project.run(&["show", "stg"]).code, 0);
    assert_eq!(project.run(&["reconcile"]).code, 2);
    assert_eq!(project.run(&["retry"]).code, 2);
    assert_eq!(project.run(&["run", "-s", "stg"]).code, 0);
    // What is alone says by itself what is wrong.
    assert_eq!(project.run(&["run", "-s", "wrong"]).code, 1);
}

#[test]
fn a_run_reads_what_it_does_not_build_as_it_stands() {
    let project = project().file("models/report.sql", "select customer from stg\n");
    assert_eq!(project.run(&["run"]).code, 0);
    // The table still has the column that the model does not give any more, and the other way round.
    let project = project.file("models/stg.sql", "select id, customer as client from orders\n");
    assert_eq!(check(&project).code, 2);
    assert_eq!(project.run(&["run", "-s", "report"]).code, 0);
    let project = project.file("models/report.sql", "select client from stg\n");
    assert_eq!(check(&project).code, 0);
    let project = project.file("models/other.sql", "select 1 as x\n");
    assert_said!(project.run(&["run", "-s", "report other"]));
    assert_eq!(project.run(&["run", "-s", "+report"]).code, 0);
}

#[test]
fn ten_thousand_errors_stay_readable() {
    let project = project();
    for number in 0..2_000 {
        let names = ["one", "two_of", "three_of_them", "fourth", "and_a_fifth"].join(", ");
        std::fs::write(project.root().join(format!("models/m{number}.sql")), format!("select {names} from stg\n"))
            .unwrap();
    }
    let said = check(&project);
    assert_eq!(said.stderr.matches("error[DT0801]").count(), 100, "{said}");
    let last: Vec<&str> = said.stderr.lines().rev().take(2).collect();
    assert_eq!(
        last,
        [
            "checked 2002 assets: 2000 wrong",
            "10000 errors; the last 9900 are not shown here (`--log-format json` lists them)"
        ]
    );
    let all = project.run(&["--log-format", "json", "check"]);
    assert_eq!(all.stderr.lines().filter(|line| line.contains("DT0801")).count(), 10_000);
}

const CONTRACT: &str = "models:\n  - name: report\n    config:\n      contract: {enforced: true}\n    columns:\n      - name: id\n        data_type: bigint\n      - name: label\n        data_type: text\n      - name: total\n        data_type: decimal(9, 2)\n";

#[test]
fn contracts_of_models() {
    let project = project()
        .file("models/properties.yml", CONTRACT)
        .file("models/report.sql", "select\n  id,\n  amount as total,\n  customer\nfrom stg\n");
    assert_said!(check(&project));
    // What a check would have told fails the asset all the same.
    assert_said!(project.run(&["run", "--no-check"]));
    let project =
        project.file("models/report.sql", "select amount::decimal(9, 2) as total, customer as label, id from stg\n");
    assert_eq!(project.run(&["run"]).code, 0);
    let pivoted = project.file("models/report.sql", "pivot stg on customer using sum(amount)\n");
    assert_eq!(check(&pivoted).code, 0);
    assert_said!(pivoted.run(&["run", "-s", "report"]));
    let untyped = pivoted.file("models/properties.yml", CONTRACT.replace("        data_type: text\n", ""));
    assert_said!(check(&untyped));
}

#[test]
fn a_contract_in_the_model_itself() {
    assert_said!(check(&project().file(
        "models/report.sql",
        "{{ config(contract={'enforced': true}, columns={'id': 'integer', 'customer': 'nosuchtype'}) }}\nselect id, customer from stg\n"
    )));
}

#[test]
fn what_is_remembered_changes_no_answer() {
    let mut project = project()
        .file("models/a.sql", "select id, customer as client from stg\n")
        .file("models/b.sql", "select client, x.id from a x\n")
        .file("models/c.sql", "select client, nothing from b join 'data/d.csv' on true\n")
        .file("data/d.csv", "k\n1\n");
    for (path, text) in [
        ("models/a.sql", "select id, customer as client, amount from stg\n"),
        ("models/a.sql", "select id, amount from stg\n"),
        ("models/a.sql", "select id, amount as client from stg\n"),
        ("seeds/orders.csv", "id,customer,amount\nx,Ada,10.5\n"),
        ("seeds/orders.csv", "id,customer\nx,Ada\n"),
        ("data/d.csv", "k,nothing\n1,2\n"),
        ("models/b.sql", "select id from a\n"),
    ] {
        let first = project.run(&["check", "-o", "json"]);
        let warm = project.run(&["check", "-o", "json"]);
        assert_eq!((&first.stdout, &first.stderr), (&warm.stdout, &warm.stderr), "before {path}");
        project = project.file(path, text);
        let edited = project.run(&["check", "-o", "json"]);
        std::fs::remove_dir_all(project.root().join("target/cache")).unwrap();
        let cold = project.run(&["check", "-o", "json"]);
        assert_eq!((edited.stdout, edited.stderr), (cold.stdout, cold.stderr), "after {path}");
    }
}

#[test]
fn files_and_tables_that_are_there() {
    let project = project()
        .file("data/sales.csv", "day,price\n2024-01-01,1.5\n")
        .file(
            "models/sources.yml",
            "sources:\n  - name: raw\n    tables:\n      - name: sales\n        path: data/sales.csv\n  - name: other\n    schema: main\n    tables:\n      - name: theirs\n",
        )
        .file("models/a.sql", "select day + 1 as next, price, filename from {{ source('raw', 'sales') }}\n")
        .file("models/b.sql", "select price + day from {{ source('raw', 'sales') }}\n")
        .file("models/c.sql", "select day.x from 'data/sales.csv'\n")
        .file("models/d.sql", "select sice from {{ source('other', 'theirs') }}\n");
    assert_said!(check(&project));
    assert_eq!(project.run(&["run", "-s", "+stg"]).code, 0);
    let connection = duckdb::Connection::open(project.root().join("project.duckdb")).unwrap();
    connection.execute_batch("create type mood as enum ('a'); create table theirs (size int, m mood)").unwrap();
    drop(connection);
    assert_said!(check(&project));
}

#[test]
fn sources_below_asset_functions_are_doubted() {
    let project = project()
        .file("data/made.csv", "old\n1\n")
        .file(
            "models/maker.py",
            "from dovetail import asset\n\n\n@asset(columns={'id': 'int'})\ndef maker(stg):\n    return stg\n",
        )
        // The function may write the file before this is read.
        .file("models/reader.sql", "select new from 'data/made.csv' join {{ ref('maker') }} on true\n")
        .file("models/other.sql", "select new from 'data/made.csv'\n");
    let states: Vec<_> = ["reader", "other"].map(|asset| line(&project, asset)["state"].to_string()).into();
    assert_eq!(states, ["\"unknown\"", "\"wrong\""]);
}

#[test]
fn attached_databases_have_their_names() {
    let project = project().file("dovetail.toml", "[targets.dev]\ndatabase = 'own.duckdb'\nattach = ['crm.duckdb']\n");
    // The library is loaded by the first command that needs it.
    assert_eq!(line(&project, "stg")["state"], "ok");
    assert!(!project.exists("crm.duckdb"));
    let connection = duckdb::Connection::open(project.root().join("crm.duckdb")).unwrap();
    connection.execute_batch("create schema s; create table s.people (id int, name text)").unwrap();
    drop(connection);
    let project = project
        .file("models/good.sql", "select people.name, own.main.stg.id from crm.s.people join own.main.stg using (id)\n")
        .file("models/wrong.sql", "select nam from crm.s.people\n")
        .file("models/absent.sql", "select nam from crm.s.nobody\n");
    assert_said!(check(&project));
}

#[test]
fn secrets_are_neither_told_nor_kept() {
    let project = project()
        .file("models/a.sql", "select \"{{ env_var('API_TOKEN') }}\" from stg\n")
        .file("models/b.sql", "select 1 as \"{{ env_var('API_TOKEN') }}\"\n")
        .file("models/c.sql", "select id from stg limit '{{ env_var('API_TOKEN') }}'\n")
        .env("API_TOKEN", "s3cr3t-value");
    for arguments in [&["check"][..], &["check", "-o", "json"], &["show", "b", "--schema"]] {
        let said = project.run(arguments);
        assert!(!said.to_string().contains("s3cr3t"), "{said}");
    }
    for entry in std::fs::read_dir(project.root().join("target/cache")).into_iter().flatten() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cr3t"));
    }
}

#[test]
fn types_that_a_function_declares_and_that_are_none() {
    let project = Project::new().file(
        "models/m.py",
        "from dovetail import asset\n\n@asset(columns={'a': 'INTEGR'})\ndef f():\n    return None\n",
    );
    let said = project.run(&["check"]);
    assert!(said.code == 2 && said.stderr.contains("`a` is declared `INTEGR`, which is no type"), "{said}");
    assert!(said.stderr.contains("INTEGR") && said.stderr.contains("models/m.py:3:17"), "{said}");
}

#[test]
fn an_ephemeral_query_that_only_python_reads_is_checked_before_a_run() {
    let project = Project::new()
        .file("models/s.sql", "select 1 as a")
        .file("models/e.sql", "{{ config(materialized='ephemeral') }}\nselect aa from s")
        .file("models/m.py", "from dovetail import asset\n\n@asset\ndef f(e):\n    return e\n");
    let said = project.run(&["run"]);
    assert!(said.code == 2 && said.stderr.contains("models/e.sql:2:8"), "{said}");
    assert!(said.stderr.contains("nothing was built"), "{said}");
}

#[test]
fn places_that_the_engine_does_not_tell() {
    for (query, place) in [
        ("select id\nfrom stg\nqualify nope > 1", "a.sql:3:9"),
        ("select id,\n  st['zz']\nfrom (select id, {'a': id} as st from stg)", "a.sql:2:6"),
        ("select s.id,\n  stg.id\nfrom stg as s", "a.sql:2:3"),
    ] {
        let said = check(&project().file("models/a.sql", query));
        assert!(said.stderr.contains(&format!("models/{place}")) && !said.stderr.contains("``"), "{query}: {said}");
    }
}

#[test]
fn each_asset_is_told_its_own_even_at_the_same_place() {
    let text = "from dovetail import asset\n\nREADS = {'stg': ['id', 'nope']}\n\n\
                @asset(reads=READS)\ndef one(stg):\n    return stg\n\n@asset(reads=READS)\ndef two(stg):\n    return stg\n";
    let project = project()
        .file("models/m.py", text)
        .file("macros/bad.sql", "{% macro bad() %}nix + 1{% endmacro %}")
        .file("models/first.sql", "select {{ bad() }} as x from stg")
        .file("models/second.sql", "select {{ bad() }} as x from stg");
    let said = check(&project);
    assert!(said.stderr.contains("`one` reads the column `nope`"), "{said}");
    assert!(said.stderr.contains("`two` reads the column `nope`"), "{said}");
    assert!(said.stderr.contains("the same is wrong in `second`"), "{said}");
    for asset in ["one", "two", "first", "second"] {
        let line = line(&project, asset);
        assert_eq!((&line["state"], line["problems"].as_array().unwrap().len()), (&"wrong".into(), 1), "{line}");
    }
}

#[test]
fn a_column_lost_far_up_is_told_where_it_was_lost() {
    let project = project()
        .file("models/base.sql", "select id,\n  amount as amt\nfrom stg")
        .file("models/y1.sql", "select * from base")
        .file("models/y2.sql", "select * from y1")
        .file("models/reader.sql", "select amt from y2");
    assert_eq!(project.run(&["run"]).code, 0);
    let said = check(&project.file("models/base.sql", "select id,\n  amount as total\nfrom stg"));
    assert!(said.stderr.contains("models/base.sql:2:13") && !said.stderr.contains("y1.sql"), "{said}");
}

#[test]
fn a_seed_that_cannot_be_read() {
    let ragged =
        Project::new().file("models/b.sql", "from a").file("seeds/a.csv", "id,name\n1,one\n2,two,three,four\n3\n");
    let typed = Project::new()
        .file("seeds/a.csv", "id,name\n1,one\n")
        .file("dovetail.toml", "[seeds]\ncolumn_types = { id = 'INTEGR' }\n");
    for project in [ragged, typed] {
        let said = project.run(&["check"]);
        assert!(said.code == 2 && said.stderr.contains("error[DT0404]: seed `a` cannot be read"), "{said}");
    }
}

#[test]
fn promises_travel_with_the_values() {
    let project = project()
        .file(
            "models/properties.yml",
            "models:\n  - name: kept\n    columns:\n      - {name: id, constraints: [primary_key]}\n      - {name: customer, constraints: [not_null]}\n",
        )
        .file("models/kept.sql", "select id, customer, amount from stg\n")
        .file("models/seen.sql", "{{ config(materialized='view') }} select id as key, amount, customer from kept\n")
        .file("models/joined.sql", "select s.key, k.customer as partner, s.customer from seen s left join kept k on s.amount = k.amount\n");
    let nullable = |asset: &str| {
        let columns = line(&project, asset)["columns"].as_array().unwrap().clone();
        let told = columns.iter().map(|column| format!("{} {}", column["name"].as_str().unwrap(), column["nullable"]));
        told.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(nullable("stg"), "id true, customer true, amount true");
    assert_eq!(nullable("kept"), "id false, customer false, amount true");
    assert_eq!(nullable("joined"), "key false, partner true, customer false");
    assert_said!(project.run(&["show", "--schema", "joined"]));
}
