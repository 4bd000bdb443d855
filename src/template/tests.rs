use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::Reference;
use crate::project::{FolderDefaults, Paths, Project, Target, Values};
use crate::source::{SourceFile, Span};

pub(crate) fn project() -> Project {
    let target = Target {
        name: "dev".to_owned(),
        is_one_of_several: false,
        database: Some(PathBuf::from("/tmp/shop.duckdb")),
        schema: "main".to_owned(),
        threads: 4,
        publish: Default::default(),
        settings: Values::new(),
        extensions: Vec::new(),
        attach: Vec::new(),
        secrets: Vec::new(),
    };
    let environment = [("HOME_TOWN", "Ulm"), ("API_TOKEN", "hunter22")];
    Project {
        name: "shop".to_owned(),
        root: PathBuf::from("/tmp"),
        paths: Paths {
            models: Vec::new(),
            seeds: Vec::new(),
            macros: Vec::new(),
            tests: Vec::new(),
            target: PathBuf::from("target"),
        },
        target,
        vars: Values::from([("start".to_owned(), json!("2020-01-01")), ("days".to_owned(), json!([1, 2]))]),
        counts_packages: false,
        folder_defaults: vec![FolderDefaults {
            folder: PathBuf::from("models"),
            config: Values::from([("owner".to_owned(), json!("ops"))]),
            places: BTreeMap::new(),
        }],
        environment: Arc::new(
            environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        ),
        file: None,
        overrides: None,
    }
}

pub(crate) fn test_environment(macros: &[(&str, &str)]) -> TemplateEnvironment {
    let files: Vec<_> = macros.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
    TemplateEnvironment::new(&project(), &files).unwrap()
}

fn model(text: &str) -> Arc<SourceFile> {
    SourceFile::new("models/m.sql", text)
}

fn rendered(text: &str, macros: &[(&str, &str)]) -> String {
    let rendered = test_environment(macros).render(&model(text)).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    readable(&rendered.text)
}

fn failure(text: &str, macros: &[(&str, &str)]) -> Diagnostic {
    test_environment(macros).render(&model(text)).unwrap_err().0.remove(0)
}

fn marked(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.place.as_ref().unwrap();
    format!("{place} {}", &place.file.text()[place.span.start..place.span.end])
}

#[test]
fn dbts_names_are_there() {
    let cases = [
        ("{{ ref('a') }} {{ ref('p', 'a') }} {{ source('s', 't') }}", "ref('a') ref('p', 'a') source('s', 't')"),
        ("{{ ref('a').schema }} {{ this }} {{ this.identifier }}", "ref('a').schema this this.identifier"),
        ("{{ 'x_' ~ ref('a') }}", "x_ref('a')"),
        ("{{ var('start') }} {{ var('none', 3) }} {{ var('days')[1] }}", "2020-01-01 3 2"),
        ("{{ var('none', none) is none }} {{ var('none', default=none) is none }}", "True True"),
        ("{{ env_var('HOME_TOWN') }}{{ env_var('NOPE', 'x') }}", "Ulmx"),
        ("{{ target.name }} {{ target.schema }} {{ target.type }} {{ target.database }}", "dev main duckdb shop"),
        ("{% if is_incremental() %}no{% endif %}{% if execute %}yes{% endif %}", "yes"),
        (
            "{{ config(materialized='view') }}{{ config.get('materialized') }} {{ config.get('owner') }} {{ config.get('z', 'd') }} {{ config.get('z', default='e') }}",
            "view ops d e",
        ),
        (
            "{{ tojson({'b': [1, 'ä\"😀'], 'a': none}) }} {{ tojson({'b': 1, 'a': 2}, sort_keys=true) }}",
            r#"{"b": [1, "\u00e4\"\ud83d\ude00"], "a": null} {"a": 2, "b": 1}"#,
        ),
        ("{{ fromjson('{\"a\": [1, 2]}').a[1] }} {{ fromjson('{', 'd') }} {{ fromjson('{') is none }}", "2 d True"),
        ("{% for a, b in zip([1, 2, 3], 'xy') %}{{ a }}{{ b }}{% endfor %} {{ zip(1, [2]) is none }}", "1x2y True"),
        ("{{ set([2, 1, 2]) | join(',') }} {{ 2 in set([2]) }} {{ set(3) is none }}", "2,1 True True"),
        ("{{ log('hello', info=True) }}{% do log('x') %}", ""),
        ("{{ model.name }} {{ project_name }}", "m shop"),
        ("{{ 'a,b'.split(',') | join('-') }} {{ {'b': 1, 'a': 2}.items() | list | length }}", "a-b 2"),
        ("{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "b1a2"),
        ("x\n", "x\n"),
        ("{# c #}x\n", "x\n"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ];
    for (text, expected) in cases {
        assert_eq!(rendered(text, &[]), expected, "{text}");
    }
}

#[test]
fn macros_call_each_other_across_files() {
    let macros = [
        (
            "macros/a.sql",
            "{% macro cents(column, digits=2) %}round({{ column }} / 100, {{ digits }}){% endmacro %}\n{% macro _hidden() %}h{% endmacro %}",
        ),
        (
            "macros/b.sql",
            "{% set prefix = 'p_' %}{% macro outer(c) %}{{ prefix }}{{ cents(c) }}{{ later() }}{{ _hidden() }}{% endmacro %}{% macro later() %}!{{ ref('x') }}{{ var('start') }}{% endmacro %}",
        ),
        (
            "macros/c.sql",
            "{% macro pick(items) %}{% for item in items %}{% if item > 1 %}{{ return([item, 'it']) }}{% endif %}{% endfor %}{{ return(none) }}{% endmacro %}{% macro via() %}{% set got = pick([5]) %}via {{ got[1] }}{% endmacro %}{% macro wrap() %}<{{ caller() }}>{% endmacro %}",
        ),
    ];
    let cases = [
        ("{{ outer('amount') }}", "p_round(amount / 100, 2)!ref('x')2020-01-01h"),
        ("{{ cents('a', digits=3) }}", "round(a / 100, 3)"),
        ("{{ pick([1, 2, 3])[0] + 1 }}", "3"),
        ("{{ via() }}", "via it"),
        ("{% set x = pick([0]) %}{{ x is none }}", "True"),
        ("{% call wrap() %}{{ cents('z') }}{% endcall %}", "<round(z / 100, 2)>"),
        ("{% macro own(a='d') %}[{{ a }}{{ cents('q') }}]{% endmacro %}{{ own() }}", "[dround(q / 100, 2)]"),
    ];
    for (text, expected) in cases {
        assert_eq!(rendered(text, &macros), expected, "{text}");
    }
}

#[test]
fn calls_configs_and_messages_are_collected() {
    let environment =
        test_environment(&[("macros/a.sql", "{% macro m() %}\n{% set r = ref('hidden') %}{% endmacro %}")]);
    let text = "{{ config(tags='a', meta={'k': 1}) }}{{ config({'tags': ['b'], 'materialized': 'table'}) }}\n{% set unused = ref('a') %}{{ m() }}{{ source('s','t') }}{{ exceptions.warn('careful') }}";
    let rendered = environment.render(&model(text)).unwrap();
    assert_eq!(
        serde_json::to_value(&rendered.config).unwrap(),
        json!({"materialized": "table", "meta": {"k": 1}, "tags": ["a", "b"]})
    );
    let places: Vec<String> = rendered.calls.iter().map(|call| call.place.to_string()).collect();
    assert_eq!(places, ["models/m.sql:2:17", "macros/a.sql:2:12", "models/m.sql:2:40"]);
    assert_eq!(rendered.messages, [Message { level: MessageLevel::Warning, text: "careful".to_owned() }]);
}

#[test]
fn errors_stand_at_their_place() {
    let macros = [(
        "macros/a.sql",
        "\n{% macro bad(x) %}\n  {{ unknwon }}\n{% endmacro %}{% macro twice() %}{{ bad(1) }}{% endmacro %}{% macro endless() %}{{ endless() }}{% endmacro %}{% macro worse() %}{{ rf(1) }}{% endmacro %}",
    )];
    let cases = [
        ("select\n  {{ rf('a') }}", Code::JinjaRender, "models/m.sql:2:6 rf('a')", "`rf` is not defined"),
        ("a\n{{ nothing }}", Code::JinjaRender, "models/m.sql:2:4 nothing", "`nothing` is not defined"),
        ("a\n{{ target.nme }}", Code::JinjaRender, "models/m.sql:2:4 target.nme", "`target.nme` is not defined"),
        ("{{ bad(1) }}", Code::JinjaRender, "macros/a.sql:3:6 unknwon", "`unknwon` is not defined"),
        ("\n\n{{ twice() }}", Code::JinjaRender, "macros/a.sql:3:6 unknwon", "`unknwon` is not defined"),
        ("{{ worse() }}", Code::JinjaRender, "macros/a.sql:4:132 rf(1)", "`rf` is not defined"),
        ("é{{ twice( }}", Code::JinjaSyntax, "models/m.sql:1:12 }", "unexpected `}`"),
        (
            "{% if x %}",
            Code::JinjaSyntax,
            "models/m.sql:1:1 {% if x %}",
            "`{% if %}` is not closed: `{% endif %}` is missing",
        ),
        (
            "x {{ var('strt') }}",
            Code::UndefinedVariable,
            "models/m.sql:1:6 var('strt')",
            "variable `strt` is not defined",
        ),
        (
            "x {{ env_var('NOPE') }}",
            Code::MissingEnvironmentVariable,
            "models/m.sql:1:6 env_var('NOPE')",
            "environment variable `NOPE` is not set",
        ),
        (
            "{{ exceptions.raise_compiler_error('no ' ~ ref('x')) }}",
            Code::CompilerError,
            "models/m.sql:1:14 .raise_compiler_error('no ' ~ ref('x'))",
            "no ref('x')",
        ),
        (
            "{{ run_query('x') }}",
            Code::Unsupported,
            "models/m.sql:1:4 run_query('x')",
            "`run_query` is not supported: dovetail compiles models without a database",
        ),
        (
            "{{ adapter.dispatch('x')() }}",
            Code::Unsupported,
            "models/m.sql:1:11 .dispatch('x')",
            "`adapter` is not supported: dovetail compiles models without a database",
        ),
        (
            "{{ dbt_utils.star('x') }}",
            Code::Unsupported,
            "models/m.sql:1:13 .star('x')",
            "`dbt_utils.star` is not defined, and macros of packages are not supported yet",
        ),
        (
            "{% snapshot s %}select 1{% endsnapshot %}",
            Code::Unsupported,
            "models/m.sql:1:4 snapshot",
            "`{% snapshot %}` blocks are not supported yet",
        ),
        (
            "{% set l = [] %}{% do l.append(1) %}",
            Code::Unsupported,
            "models/m.sql:1:24 .append(1)",
            "`append` changes a value in place, which is not supported yet",
        ),
        (
            "{{ ref('a', v=2) }}",
            Code::Unsupported,
            "models/m.sql:1:4 ref('a', v=2)",
            "versions of models are not supported",
        ),
        (
            "{{ ref() }}",
            Code::JinjaRender,
            "models/m.sql:1:4 ref()",
            "`ref` takes one name, or a package and a name, not 0 arguments",
        ),
        (
            "{{ config.require('x') }}",
            Code::ConfigValue,
            "models/m.sql:1:10 .require('x')",
            "config `x` is required and not set",
        ),
        (
            "{{ return(1) }}",
            Code::JinjaRender,
            "models/m.sql:1:4 return(1)",
            "`return()` works only in a macro of the macros folder",
        ),
    ];
    for (text, code, place, message) in cases {
        let diagnostic = failure(text, &macros);
        assert_eq!((diagnostic.code, readable(&diagnostic.message)), (code, message.to_owned()), "{text}");
        assert_eq!(marked(&diagnostic), place, "{text}");
    }
    assert_eq!(failure("{{ rf('a') }}", &macros).hints, ["did you mean `ref`?"]);
    assert_eq!(failure("{{ bda(1) }}", &macros).hints, ["did you mean `bad`?"]);
    let callers: Vec<String> =
        failure("\n{{ twice() }}", &macros).related.iter().map(|(place, _)| place.to_string()).collect();
    assert_eq!(callers, ["macros/a.sql:4:37", "models/m.sql:2:4"]);
    assert!(failure("{{ endless() }}", &macros).message.contains("recursion limit"));
}

#[test]
fn broken_and_doubled_macros_are_reported_together() {
    let files = [
        SourceFile::new("macros/a.sql", "{% macro x() %}{% endmacro %}"),
        SourceFile::new("macros/b.sql", "\n{% macro x() %}{% endmacro %}"),
        SourceFile::new("macros/c.sql", "{% macro y( %}{% endmacro %}"),
    ];
    let errors = TemplateEnvironment::new(&project(), &files).err().unwrap();
    let places: Vec<String> =
        errors.0.iter().map(|error| format!("{} {}", error.code, error.place.as_ref().unwrap())).collect();
    assert_eq!(places, ["DT0106 macros/b.sql:2:10", "DT0101 macros/c.sql:1:13"]);
    assert_eq!(errors.0[0].related[0].0.to_string(), "macros/a.sql:1:10");
}

#[test]
fn threads_share_the_environment() {
    let environment = test_environment(&[("macros/a.sql", "{% macro m(x) %}[{{ x }}]{% endmacro %}")]);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let environment = &environment;
                scope.spawn(move || environment.render(&model(&format!("{{{{ m({worker}) }}}}"))).unwrap().text)
            })
            .collect();
        let texts: Vec<String> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        assert_eq!(texts, ["[0]", "[1]", "[2]", "[3]"]);
    });
}

#[test]
fn secrets_are_hidden() {
    let environment = test_environment(&[]);
    let rendered = environment.render(&model("{{ env_var('API_TOKEN') }}")).unwrap();
    assert_eq!(environment.secrets().redact(&rendered.text), "***");
}

/// Every word of the output is looked up, and must stand at the place that the map gives.
fn mapped(text: &str, macros: &[(&str, &str)]) -> Vec<(String, String)> {
    let environment = test_environment(macros);
    let file = model(text);
    let output = environment.render(&file).unwrap().text;
    let map = environment.source_map(&file);
    let mut words = Vec::new();
    let mut from = 0;
    for word in output.split_whitespace() {
        let start = from + output[from..].find(word).unwrap();
        from = start + word.len();
        let place = map.place(Span::new(start, from));
        words.push((
            word.to_owned(),
            format!("{}:{}", place.file.stem(), &place.file.text()[place.span.start..place.span.end]),
        ));
    }
    words
}

fn expect(text: &str, macros: &[(&str, &str)], expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(word, place)| ((*word).to_owned(), (*place).to_owned())).collect();
    assert_eq!(mapped(text, macros), expected, "{text}");
}

#[test]
fn the_map_is_exact_for_text_and_names_the_tag_of_values() {
    expect("select 1", &[], &[("select", "m:select"), ("1", "m:1")]);
    expect("a {{ 'x' }} b", &[], &[("a", "m:a"), ("x", "m:{{ 'x' }}"), ("b", "m:b")]);
    expect("a \n{{- ' x ' -}}\n b", &[], &[("a", "m:a"), ("x", "m:{{- ' x ' -}}"), ("b", "m:b")]);
    expect(
        "{% for i in [1, 2] %}ä{{ i }} ß {% endfor %}",
        &[],
        &[("ä1", "m:ä"), ("ß", "m:ß"), ("ä2", "m:ä"), ("ß", "m:ß")],
    );
    expect(
        "{% set q %} in {{ 'x' }} {% endset %}out {{ q }}",
        &[],
        &[("out", "m:out"), ("in", "m:in"), ("x", "m:{{ 'x' }}")],
    );
    expect("a {%- raw -%} {{ b }} {%- endraw %} c", &[], &[("a{{", "m:a"), ("b", "m:b"), ("}}", "m:}}"), ("c", "m:c")]);
    let macros =
        [("macros/lib.sql", "{% macro two(x) %}\n  from {{ x }}\n  where {%- if x %} y {% endif %}{% endmacro %}")];
    expect(
        "select {{ two('t') }} end",
        &macros,
        &[
            ("select", "m:select"),
            ("from", "lib:from"),
            ("t", "lib:{{ x }}"),
            ("where", "lib:where"),
            ("y", "lib:y"),
            ("end", "m:end"),
        ],
    );
    expect("{% if true %} a {% else %} b {% endif %}", &[], &[("a", "m:a")]);
}

#[test]
fn templates_that_look_at_their_own_text_are_still_mapped() {
    let text = "{% set q %}  abc  {% endset %}{{ q | trim | length }}\nselect a\nfrom b\n";
    let words = mapped(text, &[]);
    assert_eq!(
        words[1..].iter().map(|(_, place)| place.as_str()).collect::<Vec<_>>(),
        ["m:select", "m:a", "m:from", "m:b"]
    );
    let macros = [("macros/lib.sql", "{% macro name() %} x {% endmacro %}")];
    expect(
        "{{ name() | trim | length }} {{ ref(name() | trim) }} c",
        &macros,
        &[
            ("1", "m:{{ name() | trim | length }}"),
            (
                &Placeholder::Reference(Reference::Asset { package: None, name: "x".to_owned() }, Part::Whole)
                    .to_string(),
                "m:{{ ref(name() | trim) }}",
            ),
            ("c", "m:c"),
        ],
    );
}
