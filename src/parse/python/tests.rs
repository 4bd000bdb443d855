use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::parse::{Manner, ParsedBody, PythonBody, Reference};

fn file(text: &str) -> Arc<SourceFile> {
    SourceFile::new("models/m.py", text)
}

fn assets(text: &str) -> Vec<ParsedAsset> {
    match parse(&file(text)) {
        Ok(ParsedModule { assets: ModuleAssets::Read(assets), .. }) => assets,
        other => panic!("{other:#?}"),
    }
}

fn asset(text: &str) -> ParsedAsset {
    let mut assets = assets(text);
    assert_eq!(assets.len(), 1, "{assets:#?}");
    assets.remove(0)
}

fn names(text: &str) -> Vec<String> {
    assets(text).iter().map(|asset| asset.name.to_string()).collect()
}

fn reason(text: &str) -> String {
    match parse(&file(text)) {
        Ok(ParsedModule { assets: ModuleAssets::NeedsImport { because, place, .. }, .. }) => {
            let position = place.position();
            format!("{}:{} {because}", position.line, position.column)
        }
        other => panic!("{text}\n{other:#?}"),
    }
}

fn told(text: &str) -> Vec<String> {
    let problems = match parse(&file(text)) {
        Err(problems) => problems.0,
        other => panic!("{text}\n{other:#?}"),
    };
    let line = |problem: Diagnostic| {
        let position = problem.place.as_ref().unwrap().position();
        format!("{}:{} {} {}", position.line, position.column, problem.code, problem.message)
    };
    problems.into_iter().map(line).collect()
}

fn body(asset: &ParsedAsset) -> &PythonBody {
    match &asset.body {
        ParsedBody::Python(body) => body,
        other => panic!("{other:?}"),
    }
}

/// `manner name @line:column` of each upstream.
fn upstreams(asset: &ParsedAsset) -> Vec<String> {
    let line = |upstream: &crate::parse::UpstreamName| {
        let Reference::Asset { package: None, name } = &upstream.reference else { panic!("{upstream:?}") };
        let position = upstream.place.position();
        let manner = match &upstream.manner {
            Manner::Parameter(parameter) => format!("{parameter}="),
            Manner::Dependency => "after ".to_string(),
            other => panic!("{other:?}"),
        };
        format!("{manner}{name} @{}:{}", position.line, position.column)
    };
    asset.upstreams.iter().map(line).collect()
}

#[test]
fn a_context_may_be_one_of_several() {
    for annotation in
        ["Context | None", "None | dovetail.Context", "Optional[Context]", "'Context | None'", "t.Optional['Context']"]
    {
        let text = format!(
            "import dovetail\nfrom dovetail import asset, Context\n@asset\ndef a(b, c: {annotation} = None):\n    pass\n"
        );
        let asset = asset(&text);
        assert_eq!(body(&asset).parameters.len(), 2, "{annotation}");
        assert_eq!(upstreams(&asset), ["b=b @4:7"], "{annotation}");
    }
}

#[test]
fn reads_a_whole_declaration() {
    let text = r#"
from __future__ import annotations
from dovetail import asset, AssetContext, Result
import polars as pl

TAGS = ["ml", "daily"]
COLUMNS: dict = {"id": "BIGINT", "p": "DOUBLE"}
COMMON = dict_of = None

@cached
@asset(
    name="delay", owner="team:ops", tags=[*TAGS, "x"], columns=COLUMNS, deps=("raw.flights", "log"),
    inputs={"model": "delay_model"}, retries=3, retry_delay=1.5, metadata={"a": {"b": [1, None, -2.5]}},
    enabled=True, version="2", io_manager=MyManager(path="x"), materialized="table", group="g" "h",
)
@other
async def predicted(flights: "pl.LazyFrame", model, context: AssetContext, *, rest: pl.DataFrame, limit: int = 5):
    """Probability.

        More.
    Last.
    """
    yield 1
"#;
    let asset = asset(text);
    assert_eq!((asset.name.as_str(), asset.place.to_string().as_str()), ("delay", "models/m.py:17:11"));
    assert_eq!(asset.description.as_deref(), Some("Probability.\n\n    More.\nLast."));
    assert_eq!(
        json!(asset.config),
        json!({
            "owner": "team:ops", "tags": ["ml", "daily", "x"], "columns": {"id": "BIGINT", "p": "DOUBLE"},
            "retries": 3, "retry_delay": 1.5, "meta": {"a": {"b": [1, null, -2.5]}}, "enabled": true, "version": "2",
            "io_manager": "MyManager(path=\"x\")", "materialized": "table", "group": "gh"
        })
    );
    assert_eq!(
        upstreams(&asset),
        [
            "flights=flights @17:21",
            "model=delay_model @13:22",
            "rest=rest @17:79",
            "after raw.flights @12:79",
            "after log @12:94"
        ]
    );
    let body = body(&asset);
    assert!(body.is_async && !body.imported);
    let parameters: Vec<_> =
        body.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.annotation.as_deref())).collect();
    assert_eq!(
        parameters,
        [
            ("flights", Some("\"pl.LazyFrame\"")),
            ("model", None),
            ("context", Some("AssetContext")),
            ("rest", Some("pl.DataFrame"))
        ]
    );
}

#[test]
fn asset_is_found_however_it_is_imported() {
    for (import, decorator) in [
        ("from dovetail import asset", "asset"),
        ("from dovetail import asset as a", "a()"),
        ("import dovetail", "dovetail.asset"),
        ("import dovetail as dt", "dt.asset(tags='x')"),
        ("from dovetail.asset import asset", "asset"),
        ("import dovetail.asset", "dovetail.asset.asset"),
        ("import dovetail.asset as da", "da.asset"),
        ("from dovetail import *", "asset"),
        ("try:\n    from dovetail import asset\nexcept ImportError:\n    raise", "asset"),
    ] {
        assert_eq!(names(&format!("{import}\n@{decorator}\ndef f(): ...\n")), ["f"], "{import}");
    }
    for text in [
        "from dagster import asset  # not dovetail\n@asset\ndef f(): ...",
        "import dovetail_tools\n@dovetail_tools.asset\ndef f(): ...",
        "# dovetail\ndef f(): ...",
        "def broken(:",
    ] {
        assert!(names(text).is_empty(), "{text}");
    }
    let conftest = SourceFile::new("models/conftest.py", "from dovetail import asset\n@asset\ndef f(): ...");
    assert!(
        matches!(parse(&conftest), Ok(ParsedModule { assets: ModuleAssets::Read(assets), .. }) if assets.is_empty())
    );
}

#[test]
fn functions_under_conditions() {
    let text = "from dovetail import asset
if True:
    @asset
    def a(): ...
else:
    @asset
    def b(): ...
try:
    @asset
    def c(): ...
finally:
    pass
with open('x'):
    @asset
    def d(): ...
if __name__ == '__main__':
    asset(print)
@asset
def e(): ...
@asset
def e(): ...
";
    assert_eq!(names(text), ["a", "b", "c", "d", "e", "e"]);
    let twice =
        "from dovetail import asset\nif x:\n    @asset\n    def a(): ...\nelse:\n    @asset\n    def a(y): ...\n";
    assert_eq!(reason(twice), "7:9 `a` is declared more than once, under conditions");
}

#[test]
fn what_only_an_import_can_tell() {
    let with = |rest: &str| reason(&format!("from dovetail import asset\nimport dovetail\n{rest}\n"));
    for (rest, expected) in [
        (
            "def make(n):\n    @asset(name=n)\n    def f(): ...\n    return f",
            "4:6 `asset` is used inside the function `make`",
        ),
        ("for n in 'ab':\n    @asset(name=n)\n    def f(): ...", "4:6 `asset` is used in a loop"),
        ("x = [asset(f) for f in fs]", "3:6 `asset` is used in a loop"),
        ("f = asset(g)", "3:5 `asset(...)` is called like a function"),
        ("f = asset(name='x')(g)", "3:5 `asset(...)` is called like a function"),
        ("a = asset", "3:5 `asset` is used as a value"),
        ("d = dovetail", "3:1 the package `dovetail` gets another name"),
        ("asset = 1", "3:1 the name of `asset` is given to something else"),
        ("def asset(): ...", "3:5 `asset` is defined again"),
        ("from dagster import asset", "3:21 `asset` is imported from two places"),
        ("@asset(name=f'x')\ndef f(): ...", "3:13 `name=` is not a plain value"),
        ("@asset(tags=TAGS)\ndef f(): ...", "3:13 `tags=` is not a plain value"),
        ("@asset(**common())\ndef f(): ...", "3:10 the arguments of `@asset` are made by code"),
        ("@partial(asset, name='x')\ndef f(): ...", "3:10 `asset` is used as a value"),
    ] {
        assert_eq!(with(rest), expected);
    }
    assert_eq!(
        reason("from helpers import *\nimport dovetail\n@asset\ndef f(): ..."),
        "3:2 `asset` may come from another module of the project"
    );
    assert_eq!(
        reason("from . import asset # of dovetail\n@asset\ndef f(): ..."),
        "2:2 `asset` may come from another module of the project"
    );
}

#[test]
fn names_that_only_look_like_asset() {
    let text = "from dovetail import asset
@asset
def f(x):
    for asset in x:
        print(asset)
    return [asset for asset in x], x.asset
def g(asset): return asset
h = [asset for asset in [1]]
k = lambda asset: asset
";
    assert_eq!(names(text), ["f"]);
}

#[test]
fn constants_are_constants_only_when_nothing_changes_them() {
    let with = |before: &str, after: &str| {
        format!("from dovetail import asset\n{before}\n@asset(tags=TAGS)\ndef f(): TAGS2 = 1\n{after}")
    };
    for (before, after) in
        [("TAGS = 'x'", ""), ("BASE = 'x'\nTAGS = [BASE]", ""), ("TAGS: list = ['x']", "def g():\n    TAGS = 5")]
    {
        assert_eq!(asset(&with(before, after)).config["tags"], json!(["x"]), "{before}");
    }
    for (before, after) in [
        ("TAGS = ['x']\nTAGS = ['y']", ""),
        ("TAGS = ['x']\nTAGS.append('y')", ""),
        ("TAGS = ['x']\nTAGS[0] = 'y'", ""),
        ("TAGS = ['x']\nTAGS += ['y']", ""),
        ("TAGS = ['x']", "def g():\n    global TAGS\n    TAGS = 1"),
        ("if x:\n    TAGS = ['x']", ""),
        ("TAGS = make()", ""),
        ("from x import TAGS", ""),
        ("TAGS = ['x']\nfor TAGS in []: pass", ""),
    ] {
        assert!(reason(&with(before, after)).ends_with("`tags=` is not a plain value"), "{before}");
    }
    let common =
        "from dovetail import asset\nCOMMON = {'owner': 'me', 'tags': 'x'}\n@asset(**COMMON, group='g')\ndef f(): ...";
    assert_eq!(json!(asset(common).config), json!({"owner": "me", "tags": ["x"], "group": "g"}));
}

#[test]
fn all_mistakes_are_told_at_their_place() {
    let text = "from dovetail import asset
@asset('x')
def a(): ...
@asset(tag='x', retries=1.5, tags={'a': 1}, enabled='yes', materialized='view', owner=3, retry_delay=-1)
def b(*args, **kwargs): ...
@asset(inputs={'flight': 'x'})
def c(flights, pos, /, x): ...
@asset
class D: ...
e = asset(lambda: 1)
@asset
@asset()
def f(): ...
@asset(name='a\\nb')
def g(): ...
@asset(name='')
def h(): ...
";
    assert_eq!(
        told(text),
        [
            "2:8 DT0303 `@asset` takes its arguments by name",
            "4:8 DT0303 unknown argument `tag` in `@asset`",
            "4:25 DT0303 `retries` must be a whole number from 0 to 1000",
            "4:35 DT0303 `tags` must be text or a list of texts, not a table of keys and values",
            "4:53 DT0303 `enabled` must be `true` or `false`, not text",
            "4:73 DT0303 an asset function cannot be materialized as `view`",
            "4:87 DT0303 `owner` must be text, not a number",
            "4:102 DT0303 `retry_delay` must be a number that is not negative, not a number",
            "5:7 DT0304 `*args` names no upstream",
            "5:14 DT0304 `**kwargs` names no upstream",
            "6:16 DT0303 `inputs` names `flight`, which is not a parameter of `c`",
            "7:7 DT0304 the parameter `flights` can only be given by position, but upstreams go by name",
            "7:16 DT0304 the parameter `pos` can only be given by position, but upstreams go by name",
            "8:1 DT0302 `@asset` on the class `D`, which is not a function",
            "10:11 DT0302 `asset` on a lambda, which has no name",
            "12:1 DT0303 `@asset` stands twice on `f`",
            "14:13 DT0507 the asset's name holds control characters",
            "16:13 DT0303 `name` must not be empty",
        ]
    );
}

#[test]
fn every_syntax_error_is_told() {
    let told = told("from dovetail import asset\n@asset\ndef f(:\n    pass\nx = = 1\n");
    assert!(
        told.len() >= 2 && told[0].starts_with("3:") && told.iter().any(|line| line.starts_with("5:")),
        "{told:#?}"
    );
    assert!(told.iter().all(|line| line.contains(" DT0301 not valid Python: ")), "{told:#?}");
    // Newer syntax than the oldest Python we support is the interpreter's business.
    assert_eq!(names("from dovetail import asset\ntype X = int\n@asset\ndef f[T](): ...\n"), ["f"]);
}

#[test]
fn deep_modules_end_in_an_error() {
    let deep = |text: String| parse(&file(&format!("import dovetail\nx = {text}")));
    for part in ["-", "not ", "(", "[", "{", "a.", "a+", "f(", "a[", "lambda a, b: ", "await ", "x if y else ", "*"] {
        for end in ["", "1"] {
            assert!(deep(format!("{}{end}", part.repeat(8_000))).is_err(), "{part}");
        }
    }
    assert!(deep(format!("{}{}", "[".repeat(8_000), "]".repeat(8_000))).is_err());
    assert!(deep("f'{".repeat(300)).is_err());
    let blocks: String = (0..3000).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
    assert!(parse(&file(&format!("import dovetail\n{blocks}{}pass", " ".repeat(3000)))).is_err());
    assert!(deep(format!("{}1", "-".repeat(1_900))).is_ok());
    assert!(deep(format!("[{}]", "{'a': -1, 'b': [1, 2]},".repeat(20_000))).is_ok());
    assert!(deep(format!("f(){}", ".with_columns(pl.col('a').cast(pl.Int64))".repeat(300))).is_ok());
}

proptest! {
    #[test]
    fn never_panics(text in "(@asset|def f|class C|lambda|asset|dovetail|inputs=|name=|\"\"\"|f'|[():,=*/\\[\\]{}.'\"@ \n]|\\PC){0,60}") {
        let _ = parse(&file(&format!("from dovetail import asset\n{text}")));
    }

    #[test]
    fn never_panics_on_damaged_modules(from in 0usize..250, to in 0usize..250) {
        let whole = "from dovetail import asset, AssetContext\nTAGS = ['ä', *[]]\n@asset(tags=TAGS, inputs={'a': 'b'}, io_manager=x())\nasync def f(a: 'x', c: AssetContext, *, d=1):\n    '''doc\n\tö'''\n    for x in y: @asset\nz = asset(lambda: 1)\n";
        let boundary = |at: usize| (0..=at.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
        let (from, to) = (boundary(from.min(to)), boundary(from.max(to)));
        let _ = parse(&file(&format!("#dovetail\n{}{}", &whole[..from], &whole[to..])));
        let _ = parse(&file(&format!("#dovetail\n{}", &whole[from..to])));
    }
}

#[test]
fn what_would_vanish_is_told() {
    let ours = "from dovetail import asset\nimport dovetail as dt\n";
    let cases = [
        ("@aset\ndef f(): ...", "3:2 DT0307 `@aset` on `f` is not defined in this module"),
        (
            "@asset\ndef g(): ...\n@dt.aset(tags='x')\ndef f(): ...",
            "5:2 DT0307 `@dt.aset` on `f` is not defined in this module",
        ),
        ("class C:\n    @asset\n    def f(self): ...", "4:5 DT0302 `@asset` on the method `C.f`"),
        ("@asset\ndef f(a, *, a): ...", "4:13 DT0301 not valid Python: the parameter `a` is given twice"),
        (
            "@asset(tags='x', tags='y')\ndef f(): ...",
            "3:18 DT0301 not valid Python: the argument `tags` is given twice",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(told(&format!("{ours}{text}")), [expected], "{text}");
    }
    for (text, place) in [
        ("import polars as pl\n@asset\ndef f(): ...", "2:2"),
        ("import dovetail\n@asset(tags='x')\ndef f(): ...", "2:2"),
        ("from dovetail import Result\n@asset\ndef f(): ...", "2:2"),
        ("from dovetail import source\n\n@asset\ndef f(): ...", "3:2"),
    ] {
        assert_eq!(told(text), [format!("{place} DT0307 `@asset` on `f` is not defined in this module")], "{text}");
    }
    assert!(names("from dagster import asset\n@asset\ndef f(): ...").is_empty());
    for own in ["def aset(f): return f", "from x import aset", "from x import *", "aset = print"] {
        assert!(names(&format!("import dovetail\n{own}\n@aset\ndef f(): ...")).is_empty(), "{own}");
    }
    assert_eq!(
        told("def model(dbt, session):\n    return dbt.ref('a')"),
        ["1:5 DT0505 dbt's Python models are not supported yet: `m`"]
    );
    assert!(names("def model(x): ...").is_empty());
}
