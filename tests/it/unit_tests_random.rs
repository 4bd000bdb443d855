//! What `--update` writes is what came out, whatever that is and in whatever form it is written.

use proptest::prelude::*;

use crate::harness::Project;

/// Types, each with a strategy for its values as SQL.
fn columns() -> Vec<(&'static str, BoxedStrategy<String>)> {
    let text = || {
        let words = [
            "",
            " ",
            "NULL",
            "null",
            "yes",
            "1",
            "1.50",
            "2024-01-01",
            "a: b",
            "# x",
            "- y",
            "{z}",
            "[1]",
            "é\u{2028}",
            "NaN",
        ];
        let odd = proptest::sample::select(words.to_vec()).prop_map(str::to_owned);
        prop_oneof![odd, "[ -~\n\t\u{e9}]{0,12}"]
    };
    let literal = |text: String| format!("'{}'", text.replace('\'', "''"));
    let decimal = || (-99_999_i64..99_999).prop_map(|number| format!("{}.{:03}", number / 1000, (number % 1000).abs()));
    let texts = proptest::collection::vec(proptest::option::of(text()), 0..3);
    let item = move |item: Option<String>| item.map_or("null".to_owned(), literal);
    vec![
        ("INTEGER", any::<i32>().prop_map(|number| number.to_string()).boxed()),
        ("HUGEINT", any::<i128>().prop_map(|number| format!("'{}'", number.max(i128::MIN + 2))).boxed()),
        ("DECIMAL(18,3)", decimal().boxed()),
        (
            "DOUBLE",
            prop_oneof![
                any::<f64>()
                    .prop_filter("a number", |number| number.is_finite())
                    .prop_map(|number| format!("'{number:e}'")),
                proptest::sample::select(vec!["'nan'", "'inf'", "'-inf'", "0.1", "1e300"]).prop_map(str::to_owned),
            ]
            .boxed(),
        ),
        ("VARCHAR", text().prop_map(literal).boxed()),
        ("BOOLEAN", any::<bool>().prop_map(|truth| truth.to_string()).boxed()),
        ("DATE", (0_i64..3_000_000).prop_map(|days| format!("date '0001-01-01' + {days}")).boxed()),
        ("TIMESTAMP", any::<i32>().prop_map(|number| format!("make_timestamp({number}::bigint * 1001)")).boxed()),
        ("TIMESTAMPTZ", any::<i32>().prop_map(|number| format!("to_timestamp({number})")).boxed()),
        ("BLOB", any::<u32>().prop_map(|number| format!("'a\\x{:02X}'::blob", number % 256)).boxed()),
        ("INTERVAL", any::<i16>().prop_map(|days| format!("to_days({days}) + to_microseconds({days})")).boxed()),
        ("JSON", text().prop_map(move |text| format!("to_json({})", literal(text))).boxed()),
        (
            "VARCHAR[]",
            texts
                .clone()
                .prop_map(move |items| format!("[{}]", items.into_iter().map(item).collect::<Vec<_>>().join(", ")))
                .boxed(),
        ),
        (
            "STRUCT(\"a b\" VARCHAR, c DECIMAL(18,3)[])",
            (text(), proptest::collection::vec(decimal(), 0..3))
                .prop_map(move |(text, numbers)| format!("row({}, [{}])", literal(text), numbers.join(", ")))
                .boxed(),
        ),
        (
            "MAP(VARCHAR, DATE)",
            proptest::collection::btree_map("[a-z' ]{1,4}", 0..20_000, 0..3)
                .prop_map(move |entries| {
                    let keys: Vec<String> = entries.keys().cloned().map(literal).collect();
                    let days: Vec<String> =
                        entries.values().map(|days| format!("date '2000-01-01' + {days}")).collect();
                    format!("map([{}], [{}])", keys.join(", "), days.join(", "))
                })
                .boxed(),
        ),
    ]
}

#[test]
fn what_is_written_is_what_came_out() {
    let columns = columns();
    let types: Vec<&str> = columns.iter().map(|(of, _)| *of).collect();
    let row: Vec<_> = columns.into_iter().map(|(_, value)| proptest::option::weighted(0.9, value)).collect();
    let rows = proptest::collection::vec(row, 0..4);
    let config = ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tried = runner.run(&rows, |rows| {
        let select = |row: &Vec<Option<String>>| {
            let cells = types.iter().zip(row).enumerate().map(|(index, (of, value))| {
                format!("cast({} as {of}) as c{index}", value.as_deref().unwrap_or("null"))
            });
            format!("select {}", cells.collect::<Vec<_>>().join(", "))
        };
        let nulls = select(&vec![None; types.len()]);
        let model = rows.iter().map(select).chain([format!("({nulls} limit 0)")]).collect::<Vec<_>>().join("\nunion all ");
        let names = (0..types.len()).map(|index| format!("c{index}")).collect::<Vec<_>>();
        let header = names.join(",");
        let tests = format!(
            "unit_tests:\n  - {{name: flow, model: m, expect: {{rows: [{{c0: 77, {}}}]}}}}\n  - name: block\n    model: m\n    expect:\n      rows:\n        - c0: 78\n          {}\n  - name: csv\n    model: m\n    expect:\n      format: csv\n      rows: |\n        {header}\n        79{}\n  - name: sql\n    model: m\n    expect:\n      format: sql\n      rows: {nulls}\n",
            names[1..].iter().map(|name| format!("{name}: null")).collect::<Vec<_>>().join(", "),
            names[1..].iter().map(|name| format!("{name}: null")).collect::<Vec<_>>().join("\n          "),
            ",".repeat(types.len() - 1),
        );
        let project = Project::new().file("models/m.sql", format!("{{% raw %}}{model}{{% endraw %}}")).file("models/t.yml", &tests);
        let updated = project.run(&["test", "--update"]);
        let written = project.read("models/t.yml");
        prop_assert!(updated.code == 0, "{}\n{}\n{}", model, written, updated);
        let again = project.run(&["test"]);
        prop_assert!(again.code == 0, "{}\n{}\n{}", model, written, again);
        prop_assert!(again.stderr.contains("4 passed"), "{}", again);
        Ok(())
    });
    tried.unwrap();
}
