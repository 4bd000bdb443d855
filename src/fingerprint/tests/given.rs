//! What Python code takes from its context: variables and the target count as far as it takes them.

use super::*;

const ASSETS: &str = r#"
from dovetail import asset, Context, IOManager
import dovetail as dt
from lib.days import since, Row

class Bucket(IOManager):
    def save(self, context, value):
        return context.vars["bucket"].encode()

@asset
def named(orders, context: Context):
    return orders.filter(context.vars["first_day"])

@asset
def asked(orders, context: "dt.Context"):
    return context.vars.get("first_day", context.vars.get("last_day"))

@asset
def tested(context: dt.Context):
    return f"{'last_day' in context.vars}"

@asset
def helped(orders, context: Context):
    return since(orders, context)

@asset
def all_of_them(context: Context):
    return dict(context.vars)

@asset
def computed(context: Context):
    return getattr(context, name())

@asset
def targeted(context: Context):
    return getattr(context, "target")

@asset(io_manager=Bucket)
def stored():
    return 1

@asset(version=1)
def versioned(context: Context):
    return context.vars["first_day"]

@asset
def unrelated(orders):
    return [Row(order).vars["first_day"] for order in orders]

@asset
def other(context: Context):
    return context.run
"#;

const DAYS: &str = r#"
def since(orders, context):
    return orders.filter(context.vars['first_day'])

class Row:
    def __init__(self, order):
        self.vars = order.vars
        self.target = order.target
"#;

fn project() -> Files {
    let settings = "name = 'shop'\n[vars]\nfirst_day = '2024-01-01'\nbucket = 'b'\n[targets.dev]\n[targets.prod]\n";
    files([
        ("models/a.py", ASSETS),
        ("lib/days.py", DAYS),
        ("models/orders.sql", "select 1 as id"),
        ("dovetail.toml", settings),
    ])
}

#[test]
fn a_variable_counts_for_those_who_take_it() {
    let project = project();
    let with = |old: &str, new: &str| project.changed(&project.edit("dovetail.toml", old, new));
    assert_eq!(with("2024-01-01", "2024-06-01"), "all_of_them asked computed helped named");
    assert_eq!(with("'2024-01-01'", "20240101"), "all_of_them asked computed helped named");
    assert_eq!(with("'b'", "'c'"), "all_of_them computed stored");
    assert_eq!(with("bucket", "unknown = 1\nbucket"), "all_of_them computed");
    assert_eq!(with("bucket", "last_day = 1\nbucket"), "all_of_them asked computed tested");
}

#[test]
fn parts_are_named_by_what_is_taken() {
    let versions = project().versions();
    let given = |name: &str| {
        let names = part_names(&versions[name]).into_iter();
        names.filter(|name| name.starts_with("variable ") || *name == "target").collect::<Vec<_>>().join(", ")
    };
    assert_eq!(given("named"), "variable first_day");
    assert_eq!(given("asked"), "variable first_day, variable last_day");
    assert_eq!(given("all_of_them"), "variable bucket, variable first_day");
    assert_eq!(given("targeted"), "target");
    assert_eq!([given("unrelated"), given("other"), given("versioned")], ["", "", ""]);
    assert_eq!(
        versions["all_of_them"].notes,
        ["all variables count: `models/a.py` may take `vars` other than by a name"]
    );
    assert!(versions["named"].notes.is_empty());
}

#[test]
fn values_of_the_command_line_and_the_target_count_too() {
    let project = project();
    let changed = |options: LoadOptions| {
        let (before, after) = (project.versions(), project.versions_with(&options));
        let is_changed = |name: &&str| before[*name].hash != after[*name].hash;
        ["named", "targeted", "unrelated", "other"].into_iter().filter(is_changed).collect::<Vec<_>>().join(" ")
    };
    let vars = [("first_day".to_owned(), "2025-01-01".into())].into();
    assert_eq!(changed(LoadOptions { vars, ..LoadOptions::default() }), "named");
    assert_eq!(changed(LoadOptions { target: Some("prod".to_owned()), ..LoadOptions::default() }), "targeted");
}

#[test]
fn settings_that_change_results_count_for_those_who_query() {
    let assets = r#"
import dovetail as dt
from dovetail import asset, sql, Context
from lib.asks import ask

@asset
def by_name():
    return sql("from t order by x")

@asset
def by_module():
    return dt.sql("from t order by x")

@asset
def by_context(context: Context):
    return context.sql("from t order by x")

@asset
def by_helper():
    return ask()

@asset
def by_none(context: Context):
    return context.run

@asset(version=1)
def stated():
    return sql("from t order by x")
"#;
    let project = files([
        ("models/a.py", assets),
        ("lib/asks.py", "import dovetail.context as c\n\ndef ask():\n    return c.current.get().sql('from t')\n"),
        ("dovetail.toml", "[targets.dev]\nsettings = { default_null_order = 'nulls_first', threads = 2 }\n"),
    ]);
    let changed = |old: &str, new: &str| project.changed(&project.edit("dovetail.toml", old, new));
    assert_eq!(changed("nulls_first", "nulls_last"), "by_context by_helper by_module by_name stated");
    assert_eq!(changed("threads = 2", "threads = 3"), "");
    assert_eq!(
        changed("threads = 2", "threads = 2, TimeZone = 'UTC'"),
        "by_context by_helper by_module by_name stated"
    );
}
