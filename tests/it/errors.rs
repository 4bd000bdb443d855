//! Mistakes of users, and whether the message alone tells where and why.

use crate::harness::{Project, Said, assert_said};

fn ls(files: &[(&str, &str)]) -> Said {
    files.iter().fold(Project::new(), |project, (path, text)| project.file(path, text)).run(&["ls"])
}

#[test]
fn cycle() {
    assert_said!(ls(&[
        ("models/a.sql", "select * from {{ ref('c') }}"),
        ("models/b.sql", "select * from a"),
        ("models/c.py", "from dovetail import asset\n\n@asset\ndef c(b):\n    return b\n"),
    ]));
}

#[test]
fn own_upstream() {
    assert_said!(ls(&[("models/a.sql", "select * from {{ ref('a') }}")]));
}

#[test]
fn duplicate_name() {
    assert_said!(ls(&[
        ("models/one/orders.sql", "select 1 as x"),
        ("models/two/orders.py", "from dovetail import asset\n\n@asset\ndef orders():\n    return None\n"),
        ("seeds/orders.csv", "x\n1\n"),
    ]));
}

#[test]
fn unknown_upstream_in_sql() {
    assert_said!(ls(&[
        ("models/stg_orders.sql", "select 1 as x"),
        ("models/plain.sql", "select *\nfrom stg_order"),
        ("models/ref.sql", "select *\nfrom {{ ref('stg_orderz') }}"),
        ("models/source.sql", "select * from {{ source('raw', 'orders') }}"),
    ]));
}

#[test]
fn unknown_upstream_in_python() {
    assert_said!(ls(&[
        ("models/stg_orders.sql", "select 1 as x"),
        (
            "models/a.py",
            "from dovetail import asset\n\n\n@asset(deps=['stg_order'])\ndef totals(stg_ordesr, something):\n    return None\n"
        ),
    ]));
}

#[test]
fn unknown_in_yaml() {
    assert_said!(ls(&[
        ("models/stg_orders.sql", "select 1 as x"),
        (
            "models/properties.yml",
            "models:\n  - name: stg_order\n    descriptoin: what\n  - name: stg_orders\n    config:\n      materialized: tabel\n"
        ),
    ]));
}

#[test]
fn yaml_about_nothing() {
    assert_said!(ls(&[
        ("models/stg_orders.sql", "select 1 as x"),
        (
            "models/properties.yml",
            "models:\n  - name: stg_order\n    description: what\n  - name: stg_orders\n    config:\n      materialized: tabel\n"
        ),
    ]));
}

#[test]
fn jinja_syntax() {
    assert_said!(ls(&[
        ("models/a.sql", "select 1 as x\nfrom {{ ref('b' }}\n"),
        ("models/b.sql", "select 1\n{% if true %}\n, 2\n"),
        ("models/c.sql", "select {{ 'open\n"),
    ]));
}

#[test]
fn what_is_not_closed_is_shown_where_it_opens() {
    assert_said!(ls(&[
        ("models/a.sql", "select 1 as x\n{% if true %}\n  , 2 as y\n{% for x in [1] %}\n{% endfor %}\n"),
        ("models/b.sql", "{% for x in [1] %}\n  {% if x %}\n{% endfor %}\n"),
        ("models/c.sql", "select 1 as x\n{# a comment\n"),
        ("models/d.sql", "select 1 as x\n{% raw %}\n"),
        ("models/e.sql", "select 1 as x\n{% endif %}\n"),
    ]));
}

#[test]
fn without_a_position_no_word_is_blamed() {
    let project = Project::new()
        .file("models/a.sql", "-- a model\nselect x, error('boom') as e\nfrom (select 1 as x)\n")
        .file("macros/m.sql", "{% macro day(text) %}\n  '{{ text }}'::date\n{% endmacro %}")
        .file("models/b.sql", "select\n  {{ day('nope') }} as day");
    let said = project.run(&["run", "--select", "a"]);
    let error = "error[DT0601]: `a` failed: Invalid Input Error: boom\n --> models/a.sql:1-3\n\n";
    assert!(said.stderr.contains(error), "{said}");
    let json = project.run(&["run", "--select", "a", "--log-format", "json"]);
    assert!(json.stderr.contains(r#""path":"models/a.sql","line":1,"column":null"#), "{json}");
    // Where the position is in a macro, the model's call stands beside it.
    assert_said!(project.run(&["run", "--select", "b"]));
}

#[test]
fn jinja_rendering() {
    assert_said!(ls(&[
        ("models/a.sql", "select 1 as x,\n  {{ nothing.at_all }}\n"),
        ("models/b.sql", "select {{ var('first_day') }}\n"),
        ("models/c.sql", "select {{ env_var('NOT_SET') }}\n"),
        ("models/d.sql", "select {{ twice(1, 2) }}\n"),
        ("models/e.sql", "{{ exceptions.raise_compiler_error('only on weekdays') }}\n"),
        ("macros/twice.sql", "{% macro twice(value) %}{{ value }} * 2{% endmacro %}\n"),
    ]));
}

#[test]
fn error_inside_a_macro() {
    assert_said!(ls(&[
        ("models/a.sql", "select\n  {{ share('x') }}\n"),
        ("macros/share.sql", "{% macro share(value) %}\n  {{ value / 2 }}\n{% endmacro %}\n"),
    ]));
}

#[test]
fn sql_syntax() {
    assert_said!(ls(&[
        (
            "models/a.sql",
            "{% set columns = ['x', 'y'] %}\n\nselect {{ columns | join(', ') }}\nform b\nwhere x = = 1\n"
        ),
        ("models/b.sql", "select 1 as x; select 2 as y\n"),
        ("models/c.sql", "create table x (i int)\n"),
        ("models/d.sql", "-- nothing\n"),
        ("models/e.sql", "select (1 as x\n"),
    ]));
}

#[test]
fn yaml() {
    assert_said!(ls(&[
        ("models/a.sql", "select 1 as x"),
        ("models/one.yml", "models:\n  - name: a\n   description: wrong indent\n"),
        ("models/two.yml", "models:\n  name: a\n"),
        ("models/three.yml", "models:\n  - description: no name\n"),
    ]));
}

#[test]
fn python_syntax() {
    assert_said!(ls(&[
        ("models/a.py", "from dovetail import asset\n\n@asset\ndef a(:\n    return 1\n"),
        ("models/b.py", "def b():\n  x = 1\n    return x\n"),
    ]));
}

#[test]
fn asset_on_other_things() {
    assert_said!(ls(&[
        ("models/a.py", "from dovetail import asset\n\n\n@asset\nclass Orders:\n    pass\n"),
        (
            "models/b.py",
            "from dovetail import asset\n\n\n@asset(tag='x', materialized='tabel')\ndef b():\n    return 1\n"
        ),
        ("models/c.py", "from dovetail import asset\n\n\n@asset\ndef c(*args, **kwargs):\n    return 1\n"),
    ]));
}

#[test]
fn factory_without_python() {
    assert_said!(ls(&[(
        "models/a.py",
        "from dovetail import asset\n\nfor name in ['x', 'y']:\n    @asset(name=name)\n    def make():\n        return 1\n"
    )]));
}

#[test]
fn not_utf8() {
    let project = Project::new()
        .file("models/a.sql", b"select 'gr\xfc\xdfe' as x")
        .file("models/b.py", b"# caf\xe9\n")
        .file("models/c.yml", b"models: \xff\n");
    assert_said!(project.run(&["ls"]));
}

#[test]
fn toml() {
    assert_said!(ls(&[("models/a.sql", "select 1 as x"), ("dovetail.toml", "name = 'x\n")]));
    assert_said!(ls(&[
        ("models/a.sql", "select 1 as x"),
        ("dovetail.toml", "nmae = 'x'\n\n[targets.dev]\ndatabse = 'x.duckdb'\nthreads = 'four'\n")
    ]));
}

#[test]
fn unknown_target() {
    let project = Project::new()
        .file("models/a.sql", "select 1 as x")
        .file("dovetail.toml", "[targets.production]\ndatabase = 'p.duckdb'\n");
    assert_said!(project.run(&["ls", "--target", "prodution"]));
}

#[test]
fn bad_config() {
    assert_said!(ls(&[
        ("models/a.sql", "{{ config(materialized='tabel') }} select 1 as x"),
        ("models/b.sql", "{{ config(materialized='incremental') }} select 1 as x"),
        ("models/c.sql", "{{ config(tags=3) }} select 1 as x"),
    ]));
}

#[test]
fn same_relation() {
    assert_said!(ls(&[
        ("models/a.sql", "{{ config(alias='orders') }} select 1 as x"),
        ("models/b.sql", "{{ config(alias='orders') }} select 1 as x"),
    ]));
}

/// DuckDB folds the letters of ASCII and no others.
#[test]
fn names_that_differ_by_case_alone() {
    assert_said!(ls(&[("models/ab.sql", "select 1 as x"), ("models/aB.sql", "select 1 as x")]));
    let project = Project::new()
        .file("models/É.sql", "select 1 as x")
        .file("models/é.sql", "select 2 as x")
        .file("models/both.sql", "select É.x as upper, é.x as lower from É, é")
        .file("models/local.sql", "with É as (select 3 as x) select É.x as cte, é.x as asset from É, é");
    let ok = |arguments: &[&str]| {
        let said = project.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said}");
        said.stdout
    };
    ok(&["run"]);
    assert_eq!(ok(&["show", "both", "-o", "csv"]), "upper,lower\n1,2\n");
    assert_eq!(ok(&["show", "local", "-o", "csv"]), "cte,asset\n3,2\n");
    ok(&["status", "--verify"]);
    assert_eq!(ok(&["run", "--atomic"]), "");
    std::fs::remove_file(project.root().join("models/É.sql")).unwrap();
    std::fs::write(project.root().join("models/both.sql"), "select x from é").unwrap();
    let said = project.run(&["gc", "--yes"]);
    assert!(said.code == 0 && said.stderr.contains("1 moved to the trash"), "{said}");
    assert_eq!(ok(&["show", "é", "-o", "csv"]), "x\n2\n");
}

#[test]
fn as_json() {
    let project =
        Project::new().file("models/a.sql", "select *\nfrom {{ ref('b') }}").file("models/bb.sql", "select 1 as x");
    assert_said!(project.run(&["ls", "--log-format", "json"]));
}

#[test]
fn config_keys_without_meaning() {
    assert_said!(ls(&[
        (
            "models/a.sql",
            "{{ config(\n  materialised='view',\n  pre_hook='drop table x',\n  my_own=1\n) }}\nselect 1 as x"
        ),
        ("models/b.sql", "select 1 as x"),
        (
            "models/properties.yml",
            "models:\n  - name: b\n    config:\n      sql_header: x\n      persist_docs: {relation: true}\n      unique_keys: x\n"
        ),
    ]));
    assert_said!(ls(&[(
        "models/a.sql",
        "-- the key\n{{ config(unique_key='x', grants={}, my_own=1) }}\nselect 1 as x"
    )]));
}

#[test]
fn config_values_at_their_key() {
    assert_said!(ls(&[
        ("models/a.sql", "-- a\n{{ config(tags='x',\n  materialized='tabel') }}\nselect 1 as x"),
        ("models/b.sql", "select 1 as x"),
        ("models/properties.yml", "models:\n  - name: b\n    config:\n      schema: dovetail\n"),
    ]));
}

#[test]
fn templates_speak() {
    let project = Project::new()
        .file(
            "models/a.sql",
            "select 1 as x\n{{ log('hi', info=True) }}{% do log('detail') %}{{ print(ref('b')) }}\n{% do exceptions.warn('old') %}",
        )
        .file("models/b.sql", "select 1 as x");
    assert_said!(project.run(&["ls"]));
    assert!(project.run(&["ls", "--verbose"]).stderr.contains("a: detail\n"));
}

#[test]
fn sql_syntax_in_a_macro() {
    assert_said!(ls(&[
        (
            "macros/m.sql",
            "{% macro outer() %}{{ inner() }}{% endmacro %}\n{% macro inner() %}\nselect from where\n{% endmacro %}"
        ),
        ("models/a.sql", "-- a model\n{{ outer() }}"),
    ]));
}

#[test]
fn an_io_manager_that_nobody_knows() {
    assert_said!(ls(&[(
        "models/a.py",
        "from dovetail import IOManager, asset\n\nOURS = 'pickel'\n\n\n@asset(materialized='object', io_manager='nope')\ndef a():\n    return 1\n\n\n@asset(materialized='object', io_manager=OURS)\ndef b():\n    return 1\n\n\n@asset(materialized='object', io_manager=Unknown(1))\ndef c():\n    return 1\n"
    )]));
}

#[test]
fn warnings_are_told_beside_the_errors_of_later_stages() {
    assert_said!(ls(&[
        ("models/a.sql", "{% do exceptions.warn('old') %}\nselect * from b"),
        ("dovetail.toml", "[models.nowhere]\nmaterialized = 'view'\n"),
    ]));
}

#[test]
fn parameters_in_sql() {
    assert_said!(ls(&[
        ("models/a.sql", "select *\nfrom range(10) t(x)\nwhere x > $1"),
        ("models/b.sql", "select ? as x, '?', \"$1\", $$ ? $$, a$1 -- ?"),
        ("models/c.sql", "select x from range(3) t(x) where x = $first_day"),
    ]));
}

#[test]
fn config_in_a_macro() {
    assert_said!(ls(&[
        (
            "macros/setup.sql",
            "{% macro setup(how) %}\n  {{ config(\n    materialized=how,\n    tags='x') }}\n{% endmacro %}\n"
        ),
        ("models/a.sql", "-- a model\n{{ setup('tabel') }}\nselect 1 as x"),
        ("models/b.sql", "{{ setup('view') }}\n{{ config(materialized='vieuw') }}\nselect 1 as x"),
    ]));
}

#[test]
fn defaults_of_a_folder() {
    assert_said!(ls(&[
        ("models/staging/a.sql", "select 1 as x"),
        ("models/b.sql", "select 1 as x"),
        ("models/c.sql", "{{ config(schema='Information_Schema') }} select 1 as x"),
        (
            "dovetail.toml",
            "name = 'x'\n\n[models]\nmaterialized = 'tabel'\n\n[models.staging]\nschema = 'pg_catalog'\ndatabase = 'elsewhere'\n"
        ),
    ]));
}

#[test]
fn an_ephemeral_model_is_to_blame_for_its_own_sql() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as id")
        .file("models/inner.sql", "{{ config(materialized='ephemeral') }}\nselect\n  id,\n  nothing_here\nfrom base")
        .file("models/middle.sql", "{{ config(materialized='ephemeral') }}\nselect * from {{ ref('inner') }}")
        .file("models/report.sql", "select 1 as one,\n  middle.id\nfrom middle");
    assert_said!(project.run(&["run", "--no-check"]));
    assert_said!(project.run(&["show", "middle"]));
}
