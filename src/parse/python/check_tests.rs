use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::parse::{Manner, Reference};

fn file(text: &str) -> Arc<SourceFile> {
    SourceFile::new("models/m.py", text)
}

fn checks(text: &str) -> Vec<ParsedPythonCheck> {
    parse(&file(text)).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}")).checks
}

fn check(text: &str) -> ParsedPythonCheck {
    let mut checks = checks(text);
    assert_eq!(checks.len(), 1, "{text}\n{checks:#?}");
    checks.remove(0)
}

/// The asset that each check is about.
fn about(text: &str) -> Vec<Option<String>> {
    checks(text).into_iter().map(|check| check.asset.map(|(asset, _)| asset)).collect()
}

fn told(text: &str) -> Vec<String> {
    let Err(problems) = parse(&file(text)) else { panic!("{text}") };
    let line = |problem: Diagnostic| {
        let position = problem.place.as_ref().unwrap().position();
        format!("{}:{} {} {}", position.line, position.column, problem.code, problem.message)
    };
    problems.0.into_iter().map(line).collect()
}

#[test]
fn reads_a_whole_declaration() {
    let check = check(
        r#"
from dovetail import asset, check, Context
TAGS = ["ml"]

@check(orders, name="fits", severity="WARN", warn_if="> 5", error_if=">= 10", limit=20, tags=TAGS, owner="team:ops",
       inputs={"people": "customers"}, reads={"orders": ["total"]}, deps=["log", helpers.rates], enabled=True,
       metadata={"a": 1}, meta={"b": 2})
@other
async def totals_fit(orders: "pl.LazyFrame", people, context: Context, *, limit=5):
    """Every total
    is the sum of its lines."""
"#,
    );
    assert_eq!((check.name.as_str(), check.place.to_string().as_str()), ("fits", "models/m.py:9:11"));
    assert_eq!(check.description.as_deref(), Some("Every total\nis the sum of its lines."));
    let (asset, place) = check.asset.unwrap();
    assert_eq!((asset.as_str(), place.to_string().as_str()), ("orders", "models/m.py:5:8"));
    assert_eq!(
        json!(check.config),
        json!({
            "severity": "warn", "warn_if": "> 5", "error_if": ">= 10", "limit": 20, "tags": ["ml"], "owner": "team:ops",
            "enabled": true, "meta": {"a": 1, "b": 2}
        })
    );
    let position = |span: &Span| Place::new(&check.file, *span).position();
    assert_eq!(position(&check.config_places["asset"]).column, 8);
    assert_eq!(position(&check.config_places["warn_if"]).column, 46);
    assert_eq!(position(&check.config_places["limit"]).line, 5);
    let upstreams: Vec<_> = check.upstreams.iter().map(|upstream| (&upstream.reference, &upstream.manner)).collect();
    let named = |name: &str| Reference::Asset { package: None, name: name.to_owned() };
    assert_eq!(
        upstreams,
        [
            (&named("orders"), &Manner::Parameter("orders".to_owned())),
            (&named("customers"), &Manner::Parameter("people".to_owned())),
            (&named("log"), &Manner::Dependency),
            (&named("rates"), &Manner::Dependency),
        ]
    );
    assert!(check.body.is_async && !check.body.imported);
    assert_eq!(check.body.function, "totals_fit");
    let parameters: Vec<&str> = check.body.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(parameters, ["orders", "people", "context"]);
    assert_eq!(check.body.parameters[0].reads.as_ref().unwrap()[0].name, "total");
}

#[test]
fn check_is_found_however_it_is_imported() {
    for (import, decorator) in [
        ("from dovetail import check", "check(orders)"),
        ("from dovetail import check as c", "c('orders')"),
        ("from dovetail import check", "check(asset='orders')"),
        ("from dovetail import check", "check(asset=models.shop.orders)"),
        ("import dovetail", "dovetail.check(orders)"),
        ("import dovetail as dt", "dt.check(orders, tags='x')"),
        ("from dovetail import *", "check(orders)"),
    ] {
        let text = format!("{import}\n@{decorator}\ndef f(orders): ...\n");
        assert_eq!(about(&text), [Some("orders".to_owned())], "{text}");
    }
    for decorator in ["check", "check()", "check(None)", "check(severity='warn')"] {
        assert_eq!(about(&format!("from dovetail import check\n@{decorator}\ndef f(orders): ...\n")), [None]);
    }
    for text in [
        "from pandera import check  # not dovetail\n@check('x')\ndef f(): ...",
        "import dovetail\nimport pandera as pa\n@pa.check('x')\ndef f(): ...",
        "from dovetail import asset\nfrom pandera import check\n@check('x')\ndef f(): ...",
        "import dovetail\nclass C:\n    def check(self): ...\ncheck = C().check\ncheck(1)",
        // It has another use for a name that came along.
        "from dovetail import *\ndef check(x): ...\nfor n in [1]:\n    check(n)",
    ] {
        assert!(checks(text).is_empty(), "{text}");
    }
}

#[test]
fn an_asset_of_the_module_is_named_by_its_function() {
    let text = "from dovetail import asset, check
ABOUT = 'named'
@asset(name='other')
def orders(): ...
@check(orders)
def a(other): ...
@check(orders, deps=[orders, 'orders'])
def b(other): ...
@check('orders')
def c(other): ...
@check(shop.orders)
def d(other): ...
@check(ABOUT)
def e(other): ...
";
    let expected = ["other", "other", "orders", "orders", "named"].map(|name| Some(name.to_owned()));
    assert_eq!(about(text), expected);
    let deps: Vec<_> = checks(text)[1].upstreams[1..].iter().map(|upstream| upstream.reference.clone()).collect();
    let named = |name: &str| Reference::Asset { package: None, name: name.to_owned() };
    assert_eq!(deps, [named("other"), named("orders")]);
}

#[test]
fn checks_are_read_where_assets_must_be_imported() {
    let text = "from dovetail import asset, check
for name in ['a', 'b']:
    @asset(name=name)
    def made(): ...
@check('a')
def fits(a): ...
";
    let module = parse(&file(text)).unwrap();
    assert!(matches!(module.assets, ModuleAssets::NeedsImport { .. }));
    assert_eq!(module.checks.len(), 1);
    // A check alone makes no module one that must be imported, wherever it stands.
    let text = "import dovetail
if True:
    @dovetail.check(orders)
    def fits(orders): return [dovetail.sql('x') for check in orders]
";
    let module = parse(&file(text)).unwrap();
    assert!(matches!(module.assets, ModuleAssets::Read(assets) if assets.is_empty()));
    assert_eq!(module.checks.len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_at_its_place() {
    let with = |rest: &str| told(&format!("from dovetail import asset, check\nimport dovetail\n{rest}\n"));
    for (rest, expected) in [
        ("def make(n):\n    @check(n)\n    def f(): ...", "4:6 DT0303 `check` is used inside the function `make`"),
        ("for n in 'ab':\n    @dovetail.check(n)\n    def f(): ...", "4:6 DT0303 `check` is used in a loop"),
        ("f = check('a')(g)", "3:5 DT0303 `check(...)` is called like a function"),
        ("c = check", "3:5 DT0303 `check` is used as a value"),
        ("@check(make())\ndef f(a): ...", "3:8 DT0303 which asset `@check` is about is not a plain name"),
        ("@check(asset=f'x')\ndef f(a): ...", "3:14 DT0303 `asset=` is not a plain value"),
        ("@check('a', tags=TAGS)\ndef f(a): ...", "3:18 DT0303 `tags=` is not a plain value"),
        ("@check('a', **common())\ndef f(a): ...", "3:15 DT0303 the arguments of `@check` are made by code"),
        ("@check('a')\ndef f(a): ...\ncheck = 1", "5:1 DT0303 the name of `check` is given to something else"),
        ("@check('a')\ndef f(a): ...\ndef check(): ...", "5:5 DT0303 `check` is defined again"),
        ("from pandera import check\n@check('a')\ndef f(a): ...", "3:21 DT0303 `check` is imported from two places"),
        (
            "if x:\n    @check('a')\n    def f(a): ...\nelse:\n    @check('a')\n    def f(b): ...",
            "8:9 DT0303 `f` is declared more than once, under conditions",
        ),
    ] {
        assert_eq!(with(rest), [expected], "{rest}");
    }
}

#[test]
fn all_mistakes_are_told_at_their_place() {
    let text = "from dovetail import asset, check, source
@check(orders, severty='warn', severity='fatal', limit=0, warn_if=5, tags={'a': 1}, enabled='yes')
def a(orders, *more): ...
@check(orders, customers, asset=orders, inputs={'order': 'x'})
def b(orders, x, /): ...
@check(orders)
class C:
    @check(orders)
    def f(self): ...
d = check(orders)(lambda: 1)
@check
@check()
def e(orders): ...
@check(orders)
@asset
def f(orders): ...
@source
@check(orders)
def g(orders): ...
@check(orders, name='a\\nb')
def h(orders): ...
@check
def i(): ...
@chek(orders)
def j(orders): ...
@check(orders, materialized='table')
def k(orders): ...
";
    assert_eq!(
        told(text),
        [
            "2:16 DT0303 unknown argument `severty` in `@check`",
            "2:41 DT0303 there is no severity `fatal`",
            "2:56 DT0303 `limit` must be a whole number of at least 1",
            "2:67 DT0303 `warn_if` must be text, not a number",
            "2:75 DT0303 `tags` must be text or a list of texts, not a table of keys and values",
            "2:93 DT0303 `enabled` must be `true` or `false`, not text",
            "3:15 DT0304 `*more` names no upstream",
            "4:16 DT0303 `@check` takes its arguments by name, but for the asset",
            "4:27 DT0303 `@check` names its asset twice",
            "4:49 DT0303 `inputs` names `order`, which is not a parameter of `b`",
            "5:7 DT0304 the parameter `orders` can only be given by position, but upstreams go by name",
            "5:15 DT0304 the parameter `x` can only be given by position, but upstreams go by name",
            "6:1 DT0302 `@check` on the class `C`, which is not a function",
            "8:5 DT0302 `@check` on the method `C.f`",
            "10:19 DT0302 `check` on a lambda, which has no name",
            "12:1 DT0303 `@check` stands twice on `e`",
            "15:1 DT0303 `f` is a check or an asset, not both",
            "18:1 DT0303 `g` is a source or a check, not both",
            "19:7 DT0304 the source `g` has a parameter `orders`",
            "20:21 DT0507 the check's name holds control characters",
            "23:5 DT0303 the check `i` is about no asset",
            "24:2 DT0307 `@chek` on `j` is not defined in this module",
            "26:16 DT0303 unknown argument `materialized` in `@check`",
        ]
    );
    for text in ["@check(orders)\ndef f(orders): ...", "from dovetail import asset\n@check(orders)\ndef f(orders): ..."]
    {
        assert!(told(text)[0].ends_with("DT0307 `@check` on `f` is not defined in this module"), "{text}");
    }
}
