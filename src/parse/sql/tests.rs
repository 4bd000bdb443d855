use proptest::prelude::*;

use super::*;
use crate::engine::table_names;
use crate::template::{TemplateEnvironment, test_environment};

const QUERIES: &str = include_str!("queries.txt");

fn queries() -> impl Iterator<Item = &'static str> {
    QUERIES.lines().filter(|line| !line.is_empty())
}

fn found(sql: &str) -> Vec<String> {
    let spans = table_spans(sql).unwrap_or_else(|| panic!("no names: {sql}"));
    spans.into_iter().map(|(parts, _)| parts.join(".")).collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

/// DuckDB's names; statements that it cannot serialize are given to it in our words.
fn duckdbs(sql: &str) -> Option<Vec<String>> {
    let rewritten = rewrite::rewrite(sql, &tokens(sql)).map(|rewritten| rewritten.text);
    let tables = table_names(sql).or_else(|error| rewritten.map_or(Err(error), |text| table_names(&text)));
    Some(tables.ok()?.tables.into_iter().map(|table| table.parts.join(".")).collect())
}

#[test]
fn our_names_are_duckdbs() {
    let mut wrong = Vec::new();
    for sql in queries() {
        let Some(theirs) = duckdbs(sql) else {
            assert!(table_spans(sql).is_none(), "DuckDB refuses what we accept: {sql}");
            continue;
        };
        let (ours, theirs) = (table_spans(sql).map(|_| sorted(found(sql))), sorted(theirs));
        if ours.as_ref() != Some(&theirs) {
            wrong.push(format!("{sql}\n  ours   {ours:?}\n  DuckDB {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(queries().count() >= 150);
}

/// How many of the queries our own parser knows; a fall tells of an update that lost syntax.
#[test]
fn most_queries_need_no_help_from_duckdb() {
    let unknown: Vec<&str> = queries()
        .filter(|sql| {
            let all = tokens(sql);
            let real: Vec<_> = all.into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
            let text = rewrite::rewrite(sql, &real).map_or((*sql).to_owned(), |rewritten| rewritten.text);
            matches!(names::find(&text), names::Outcome::Unknown)
        })
        .collect();
    println!("{}", unknown.join("\n"));
    assert!(unknown.len() <= 40, "{} queries", unknown.len());
}

#[test]
fn spans_hold_the_names_as_written() {
    for sql in queries() {
        for (parts, span) in table_spans(sql).unwrap_or_default() {
            let written = &sql[span.start..span.end];
            let unquoted: Vec<String> = tokens(written)
                .into_iter()
                .filter(|token| !token.is_symbol('.'))
                .map(|token| lexer::unquoted(token.text(written)))
                .collect();
            assert_eq!(unquoted, parts, "{sql}");
        }
    }
}

#[test]
fn aliases_are_seen() {
    let cases = [
        ("from t", false),
        ("from t as x", true),
        ("from t x", true),
        ("from t x(a)", true),
        ("from t positional join (select 1)", false),
        ("from t asof join (select 1 a) y using (a)", false),
        ("from t where true", false),
        ("from t tablesample 10%", false),
        ("from t as x tablesample 10%", true),
        ("table t", true),
        ("from (summarize t)", true),
        ("pivot t on a", false),
        ("pivot t as p on a", true),
        ("from t semi join (select 1 a) y using (a)", false),
        ("from x: t", true),
    ];
    for (sql, expected) in cases {
        let names = named_in(sql, &tokens(sql)).unwrap().tables;
        assert_eq!((names.len(), names[0].has_alias), (1, expected), "{sql}");
    }
}

fn parsed(text: &str) -> Result<ParsedAsset, Diagnostics> {
    parse(&SourceFile::new("models/m.sql", text), &templates(), &NamesMemory::default())
}

fn templates() -> TemplateEnvironment {
    test_environment(&[(
        "macros/lib.sql",
        "{% macro tail() %}\nwhere x in (from y)\nand ){% endmacro %}{% macro ok() %} from lib_table {% endmacro %}",
    )])
}

#[test]
fn a_model_is_read_whole() {
    let text = "-- Orders, cleaned.\n{{ config(materialized='table') }}\nwith a as (from {{ ref('x') }}) -- c\nselect * from a join \"S\".plain p using (k), other, other o;\n-- end\n";
    let asset = parsed(text).unwrap();
    assert_eq!(asset.description.as_deref(), Some("Orders, cleaned."));
    let ParsedBody::Sql(body) = &asset.body else { panic!() };
    let statement = &body.rendered[body.statement.start..body.statement.end];
    assert!(statement.starts_with("with a") && statement.ends_with("other o"));
    let upstreams: Vec<String> =
        asset.upstreams.iter().map(|upstream| format!("{:?} {}", upstream.reference, upstream.place)).collect();
    assert_eq!(
        upstreams,
        [
            "Asset { package: None, name: \"x\" } models/m.sql:3:20",
            "Table([\"S\", \"plain\"]) models/m.sql:4:22",
            "Table([\"other\"]) models/m.sql:4:45",
            "Table([\"other\"]) models/m.sql:4:52",
        ]
    );
    for upstream in &asset.upstreams {
        if let Manner::PlainName { rendered, .. } = upstream.manner {
            let (place, text) = (&upstream.place, &body.rendered[rendered.start..rendered.end]);
            assert_eq!(&place.file.text()[place.span.start..place.span.end], text);
        }
    }
}

#[test]
fn names_from_loops_and_macros_have_their_places() {
    let asset = parsed("{% for t in ['a', 'b'] %}\nselect * from z_{{ t }} join k using (i) {% if not loop.last %}union all{% endif %}\n{% endfor %} union all {{ ok() }}").unwrap();
    let upstreams: Vec<String> =
        asset.upstreams.iter().map(|upstream| format!("{:?} {}", upstream.reference, upstream.place)).collect();
    assert_eq!(
        upstreams,
        [
            "Table([\"z_a\"]) models/m.sql:2:15",
            "Table([\"k\"]) models/m.sql:2:30",
            "Table([\"z_b\"]) models/m.sql:2:15",
            "Table([\"k\"]) models/m.sql:2:30",
            "Table([\"lib_table\"]) macros/lib.sql:3:42",
        ]
    );
}

#[test]
fn errors_point_at_the_template() {
    let cases = [
        ("", "DT0202 models/m.sql:1:1 the model is empty"),
        ("-- nothing", "DT0202 models/m.sql:1:1 the model is empty"),
        ("{{ config(a=1) }}", "DT0202 models/m.sql:1:1 the model is empty"),
        ("select 1;\n{# c #}\nselect 2", "DT0202 models/m.sql:3:1 the model holds more than one statement"),
        ("create table x as select 1", "DT0202 models/m.sql:1:1 a model is a query, not `create`"),
        ("summarize t", "DT0202 models/m.sql:1:1 a model is a query, not `summarize`"),
        (
            "with a as (select 1) insert into t from a",
            "DT0202 models/m.sql:1:1 a model is a query, and this statement changes data",
        ),
        (
            "{% set n = 3 %}\nselect a\nfrom {{ ref('x') }}\nwhere and b",
            "DT0201 models/m.sql:4:7 syntax error at or near \"and\"",
        ),
        (
            "{% for i in [1, 2] %}\nselect ä{{ i }} frm t\n{% endfor %}",
            "DT0201 models/m.sql:2:21 syntax error at or near \"t\"",
        ),
        ("select 1 from t {{ tail() }}", "DT0201 macros/lib.sql:3:5 in `m`: syntax error at or near \")\""),
        (
            "select * from {{ ref('x') }} {{ ref('y') }} {{ ref('z') }}",
            "DT0201 models/m.sql:1:45 syntax error at or near \"ref('z')\"",
        ),
        ("select {{ nope }}", "DT0102 models/m.sql:1:11 `nope` is not defined"),
    ];
    for (text, expected) in cases {
        let error = parsed(text).unwrap_err().0.remove(0);
        assert_eq!(format!("{} {} {}", error.code, error.place.unwrap(), error.message), expected, "{text}");
    }
    let dotted = parse(&SourceFile::new("models/a.b.sql", "selec"), &templates(), &NamesMemory::default()).unwrap_err();
    assert_eq!(dotted.0.iter().map(|error| error.code).collect::<Vec<_>>(), [Code::BadName, Code::SqlSyntax]);
}

#[test]
fn placeholders_are_not_plain_names() {
    for text in [
        "from {{ ref('x') }}",
        "from {{ ref('x').schema }}.t",
        "from db.{{ this.schema }}.{{ this.name }}",
        "select '{{ this }}' from {{ source('a', 'b') }} /* {{ ref('c') }} */",
    ] {
        let asset = parsed(text).unwrap();
        assert!(asset.upstreams.iter().all(|upstream| upstream.manner == Manner::Call), "{text}");
    }
}

#[test]
fn words_of_a_rewriting_are_no_tables() {
    for sql in ["pivot unpivot t on a", "pivot unpivot t on (a, b) as c,", "from pivot unpivot t on a"] {
        assert_eq!(table_spans(sql), None, "{sql}");
    }
}

#[test]
fn deep_and_odd_texts_do_not_panic() {
    let deep = format!("select {}1{} from t", "(".repeat(400), ")".repeat(400));
    let long = format!("select {} from t", vec!["a"; 3000].join(" || "));
    let ctes =
        format!("with {} from c0", (0..300).map(|n| format!("c{n} as (from t{n})")).collect::<Vec<_>>().join(", "));
    for sql in [
        deep.as_str(),
        &long,
        &ctes,
        "from",
        "(",
        ")",
        "with",
        "pivot",
        "unpivot t on",
        "from (summarize",
        "table",
        "\"",
        "'",
        "from \"\"",
        "from t.",
        "from .t",
        "\u{0}",
        "é",
        "from a.b.c.d",
        "from (pivot",
        "pivot on on using using",
    ] {
        let _ = table_spans(sql);
    }
    assert_eq!(found("\u{feff}from t\r\nwhere\u{a0}a"), ["t"]);
    assert_eq!(found(&ctes).len(), 300);
    assert_eq!(found(&long), ["t"]);
    let chain = |terms: usize| format!("select {} from t limit 10%", vec!["a"; terms].join(" || "));
    assert_eq!(found(&chain(300)), ["t"]);
    let _ = table_spans(&chain(20_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Replacing every found span by another name and finding again gives exactly the new names.
    #[test]
    fn replaced_names_are_found_again(index in 0..200_usize, seed in 0..1000_u32) {
        let all: Vec<&str> = queries().collect();
        let sql = all[index % all.len()];
        if let Some(names) = table_spans(sql) {
            let (mut text, mut from, mut expected) = (String::new(), 0, Vec::new());
            for (number, (_, span)) in names.iter().enumerate() {
                let name = format!("New {seed} {number}");
                text.push_str(&sql[from..span.start]);
                text.push_str(&format!("\"{name}\""));
                expected.push(vec!["main".to_owned(), name]);
                text.insert_str(text.rfind('"').and_then(|end| text[..end].rfind('"')).unwrap_or(0), "main.");
                from = span.end;
            }
            text.push_str(&sql[from..]);
            let again: Vec<Vec<String>> = table_spans(&text).unwrap_or_default().into_iter().map(|(parts, _)| parts).collect();
            prop_assert_eq!(again, expected, "{}", text);
        }
    }

    #[test]
    fn no_text_panics(sql in "[a-z \"'(),.;*-/$\u{e9}]{0,60}") {
        let _ = table_spans(&sql);
        let _ = table_spans(&format!("select * from {sql}"));
    }
}
