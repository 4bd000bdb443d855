//! Random projects and random edits, of which is known whether they mean something.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::parse::sql::canonical_tokens;

/// A piece of a statement.
#[derive(Debug, Clone)]
enum Piece {
    Keyword(&'static str),
    /// Kept in its case.
    Exact(String),
}

fn keyword(text: &'static str) -> Vec<Piece> {
    text.split(' ').map(Piece::Keyword).collect()
}

fn exact(text: impl Into<String>) -> Piece {
    Piece::Exact(text.into())
}

/// Names that are also words of the language, in whatever case.
fn name() -> impl Strategy<Value = Piece> {
    select(vec!["a", "B", "year", "Date", "first", "Value", "\"Select\"", "t.Month", "über"]).prop_map(exact)
}

fn literal() -> impl Strategy<Value = Piece> {
    prop_oneof![
        "[a-zA-Z'/*-]{0,5}".prop_map(|text| exact(format!("'{}'", text.replace('\'', "''")))),
        (0u32..100).prop_map(|number| exact(number.to_string())),
    ]
}

fn expression() -> impl Strategy<Value = Vec<Piece>> {
    let leaf = prop_oneof![name().prop_map(|name| vec![name]), literal().prop_map(|literal| vec![literal])];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), select(vec!["+", "<=", "||", "-", "<>"]), inner.clone())
                .prop_map(|(left, operator, right)| [left, vec![exact(operator)], right].concat()),
            inner.clone().prop_map(|inner| [keyword("SUM ("), inner, keyword(")")].concat()),
            inner.clone().prop_map(|inner| [keyword("CAST ("), inner, keyword("AS BIGINT )")].concat()),
            inner.clone().prop_map(|inner| {
                [keyword("CASE WHEN"), inner.clone(), keyword("IS NOT NULL THEN"), inner, keyword("END")].concat()
            }),
            inner.prop_map(|inner| {
                [keyword("( ROW_NUMBER ( ) OVER ( PARTITION BY"), inner, keyword("ROWS UNBOUNDED PRECEDING ) )")]
                    .concat()
            }),
        ]
    })
}

fn statement() -> impl Strategy<Value = Vec<Piece>> {
    let column = (expression(), proptest::option::of(name())).prop_map(|(value, alias)| {
        let alias = alias.filter(|alias| !matches!(alias, Piece::Exact(text) if text.contains('.')));
        [value, alias.map(|alias| [keyword("AS"), vec![alias]].concat()).unwrap_or_default()].concat()
    });
    let columns = proptest::collection::vec(column, 1..4).prop_map(|columns| columns.join(&exact(",")));
    (columns, proptest::option::of(expression()), any::<bool>()).prop_map(|(columns, condition, is_short)| {
        let condition = condition.map(|condition| [keyword("WHERE"), condition].concat()).unwrap_or_default();
        match is_short {
            true => [keyword("FROM"), vec![exact("t")], keyword("SELECT"), columns, condition].concat(),
            false => [keyword("SELECT"), columns, keyword("FROM"), vec![exact("t")], condition].concat(),
        }
    })
}

/// The statement with white space, comments and keywords' case chosen by `noise`.
fn written(pieces: &[Piece], noise: u64) -> String {
    let between = [" ", "\n", "\t ", " /* a 'b */ ", " -- \"c\n", "/**/"];
    let mut state = noise;
    let mut next = |count: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % count
    };
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Exact(exact) => text.push_str(exact),
            Piece::Keyword(word) if next(2) == 0 => text.push_str(&word.to_lowercase()),
            Piece::Keyword(word) => text.push_str(word),
        }
        text.push_str(between[next(between.len())]);
    }
    text
}

/// Another name or literal in one place; nothing where it would be the same.
fn other(piece: &Piece, edit: u8) -> Option<Piece> {
    let Piece::Exact(text) = piece else { return None };
    let flipped = |text: &str| match text.chars().any(char::is_uppercase) {
        true => text.to_lowercase(),
        false => text.to_uppercase(),
    };
    let first = text.chars().next()?;
    let new = match first {
        '\'' if edit.is_multiple_of(2) => text.replacen('\'', "'x", 1),
        '0'..='9' => format!("{text}1"),
        first if first.is_alphabetic() && edit.is_multiple_of(2) => format!("{text}x"),
        _ => flipped(text),
    };
    (new != *text).then_some(Piece::Exact(new))
}

/// Statements of all kinds in lower case, among whose words are names that are keywords elsewhere.
const STATEMENTS: [&str; 30] = [
    "select a.year, month as day, first from t as a where last is not null order by year desc nulls last limit 3",
    "select struct_pack(left := 1, key := 2), {key: 1, 'value': 2}, map {'a': 1}",
    "select list_transform(l, x -> x + 1), [y for y in l if y > 1], l[1:2] from t",
    "select row_number() over (partition by a order by b rows between 1 preceding and current row) as rank from t",
    "select sum(a) filter (where b) over w as total from t window w as (order by c)",
    "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r",
    "with date as materialized (select 1 as value) select value from date",
    "pivot t on year using sum(amount) as total group by country",
    "unpivot t on jan, feb into name month value sales",
    "from t select * exclude (key) replace (a + 1 as a)",
    "from t where value > 1",
    "select * from t asof join u using (day)",
    "select * from t positional join u",
    "select * from range(3) as r(index), unnest([1, 2]) as u(item)",
    "select * from read_csv('x.csv', delim = ';', columns = {'a': 'int'})",
    "select cast(a as decimal(10, 2)), a::varchar, try_cast(b as hugeint), date '2020-01-01', interval 1 month from t",
    "select extract(year from d), date_trunc('month', d), d at time zone 'utc' from t",
    "select case when a then b else c end as end_value, coalesce(a, b), a between 1 and 2, a in (1, 2) from t",
    "select distinct on (a) a, b from t order by all",
    "select columns('a.*') from t",
    "select a, count(*) from t group by grouping sets ((a), ()) having count(*) > 1 qualify row_number() over () = 1",
    "select exists (select 1 from u where u.key = t.key), any_value(a), a ilike 'x%', not a similar to 'y' from t",
    "values (1, 'a'), (2, 'b')",
    "select * from (values (1)) as v(number) cross join lateral (select number + 1 as next) as l",
    "select t.* from t semi join u on t.id = u.id tablesample 10 percent",
    "select a from t union all by name select b from u except select 1",
    "select x.date.year, x['key'], (x).value from t as x",
    "select try(a), if(a, b, c), nullif(a, b), left(s, 1), right(s, 2), replace(s, 'a', 'b') from t",
    "summary: select 1",
    "select answer: 42, a b from t c",
];

/// Each word in the case that a bit says, texts in quotes as they are.
fn recased(sql: &str, bits: u64) -> String {
    let (mut text, mut in_word, mut in_quotes, mut word) = (String::new(), false, false, 0);
    for letter in sql.chars() {
        in_quotes ^= letter == '\'';
        let is_part = letter.is_alphanumeric() || letter == '_';
        word += usize::from(in_word && !is_part);
        in_word = is_part;
        let is_upper = bits >> (word % 61) & 1 == 1 && !in_quotes;
        text.push(if is_upper { letter.to_ascii_uppercase() } else { letter });
    }
    text
}

/// DuckDB's own tree of a statement, without places.
fn tree(connection: &duckdb::Connection, sql: &str) -> serde_json::Value {
    let json: String =
        connection.query_row("select json_serialize_sql(?::varchar)::varchar", [sql], |row| row.get(0)).unwrap();
    fn without_places(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.retain(|key, _| !matches!(key.as_str(), "query_location" | "position" | "error_message"));
                fields.values_mut().for_each(without_places);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(without_places),
            _ => {}
        }
    }
    let mut tree = serde_json::from_str(&json).unwrap();
    without_places(&mut tree);
    tree
}

/// A definition of a random project: in one of the modules, naming some of the later ones.
#[derive(Debug, Clone)]
struct Definition {
    module: usize,
    kind: u8,
    uses: Vec<usize>,
}

const MODULES: [(&str, &str); 3] =
    [("models/m0.py", "models.m0"), ("lib/m1.py", "lib.m1"), ("models/sub/m2.py", "models.sub.m2")];

fn definitions() -> impl Strategy<Value = Vec<Definition>> {
    let count = 7usize;
    let definition = (0..MODULES.len(), 0u8..6, proptest::collection::vec(1usize..count, 0..3));
    proptest::collection::vec(definition, count).prop_map(move |definitions| {
        let place = |(index, (module, kind, steps)): (usize, (usize, u8, Vec<usize>))| {
            let uses: BTreeSet<usize> =
                steps.into_iter().map(|step| index + step).filter(|used| *used < count).collect();
            // The first is the asset.
            let module = if index == 0 { 0 } else { module };
            Definition { module, kind, uses: uses.into_iter().collect() }
        };
        definitions.into_iter().enumerate().map(place).collect()
    })
}

/// How a module names another's definition, and the import that this takes.
fn naming(definitions: &[Definition], from: usize, used: usize) -> (String, Option<String>) {
    let (here, there) = (definitions[from].module, definitions[used].module);
    if here == there {
        return (format!("d{used}"), None);
    }
    let (_, module) = MODULES[there];
    match (from + used) % 4 {
        0 => (format!("d{used}"), Some(format!("from {module} import d{used}"))),
        1 => (format!("alias{used}"), Some(format!("from {module} import d{used} as alias{used}"))),
        2 => (format!("module{there}.d{used}"), Some(format!("import {module} as module{there}"))),
        _ => (format!("{module}.d{used}"), Some(format!("import {module}"))),
    }
}

/// The project's files, with a value for each definition and `noise` that means nothing.
fn project(definitions: &[Definition], values: &[usize], noise: u64) -> Files {
    let is_noisy = |bit: usize| noise >> (bit % 60) & 1 == 1;
    let mut all = files([]);
    for (number, (path, _)) in MODULES.iter().enumerate() {
        let mut imports = BTreeSet::new();
        let mut bodies = Vec::new();
        for (index, definition) in definitions.iter().enumerate().filter(|(_, definition)| definition.module == number)
        {
            let names: Vec<String> = definition
                .uses
                .iter()
                .map(|used| {
                    let (name, import) = naming(definitions, index, *used);
                    imports.extend(import);
                    name
                })
                .collect();
            bodies.push(body(definition, index, values[index], &names, is_noisy(index)));
        }
        if is_noisy(20 + number) {
            bodies.push("def nobody():\n    return 'needs me'\n".to_owned());
        }
        // A constant may name what stands below it, so the later definitions come first.
        bodies.reverse();
        let head = if number == 0 { "from dovetail import asset\n" } else { "" };
        let comment = if is_noisy(30 + number) { "'''A module.'''\n# about it\n" } else { "" };
        let imports: String = imports.into_iter().map(|import| import + "\n").collect();
        all = all.with(path, &format!("{comment}{head}{imports}\n{}", bodies.join("\n")));
    }
    all
}

fn body(definition: &Definition, index: usize, value: usize, names: &[String], is_noisy: bool) -> String {
    let list = |separator: &str| names.iter().map(|name| format!("{name}{separator}")).collect::<String>();
    let (doc, quote, comment) = if is_noisy { ("    '''Doc.'''\n", '"', "  # why") } else { ("", '\'', "") };
    let values = if is_noisy {
        format!("(\n        {}{value},{comment}\n    )", list(", "))
    } else {
        format!("({}{value},)", list(","))
    };
    let decorator = match index {
        0 if is_noisy => "@asset(tags=['x'], description='y')\n",
        0 => "@asset\n",
        _ => "",
    };
    match definition.kind {
        _ if index == 0 => format!("{decorator}def d0():\n{doc}    return {values}\n"),
        0 | 1 => format!("def d{index}():\n{doc}    return {values}\n"),
        2 => format!(
            "class d{index}:\n{doc}    field = {quote}x{quote}{comment}\n    def method(self):\n    {doc}        return {values}\n"
        ),
        3 => format!("def d{index}(x={quote}x{quote}, *, y={values}): {comment}\n{doc}    return x\n"),
        4 => format!("d{index} = {values}{comment}\n"),
        _ => format!("d{index} = lambda x: {values}{comment}\n"),
    }
}

fn reachable(definitions: &[Definition]) -> BTreeSet<usize> {
    let (mut found, mut open) = (BTreeSet::new(), vec![0]);
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(&definitions[index].uses);
        }
    }
    found
}

proptest! {
    #[test]
    fn writing_a_statement_otherwise_means_nothing(pieces in statement(), one: u64, other: u64) {
        let (one, other) = (written(&pieces, one), written(&pieces, other));
        prop_assert_eq!(canonical_tokens(&one), canonical_tokens(&other), "{}\n{}", one, other);
    }

    #[test]
    fn another_name_or_literal_means_something(pieces in statement(), place: usize, edit: u8, noise: u64) {
        let places: Vec<usize> = (0..pieces.len()).filter(|index| other(&pieces[*index], edit).is_some()).collect();
        prop_assume!(!places.is_empty());
        let mut edited = pieces.clone();
        let place = places[place % places.len()];
        edited[place] = other(&pieces[place], edit).unwrap();
        let (one, two) = (written(&pieces, noise), written(&edited, noise));
        prop_assert_ne!(canonical_tokens(&one), canonical_tokens(&two), "{}\n{}", one, two);
    }

    #[test]
    fn tokens_are_never_lost(text in "[ -~\n]{0,40}") {
        let joined: String = canonical_tokens(&text).iter().map(|token| token.text.to_lowercase()).collect();
        let squeezed = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        if !text.contains("--") && !text.contains("/*") {
            prop_assert_eq!(squeezed(&joined), squeezed(&text.to_lowercase()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_the_same_to_us_is_the_same_to_duckdb(number in 0..STATEMENTS.len(), one: u64, few: u64, more: u64) {
        // Loads the engine's library.
        crate::engine::table_names("select 1").unwrap();
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let one = recased(STATEMENTS[number], one);
        // All cases, and those in which few words differ.
        for bits in [few, few & more, 1 << (few % 61), 1 << (more % 61)] {
            let other = recased(STATEMENTS[number], bits);
            if canonical_tokens(&one) == canonical_tokens(&other) {
                prop_assert_eq!(tree(&connection, &one), tree(&connection, &other), "{}\n{}", one, other);
            }
            let lower = STATEMENTS[number];
            if canonical_tokens(lower) == canonical_tokens(&other) {
                prop_assert_eq!(tree(&connection, lower), tree(&connection, &other), "{}\n{}", lower, other);
            }
        }
    }

    #[test]
    fn an_asset_is_another_version_exactly_when_it_reaches_the_edit(
        definitions in definitions(), edited in 0usize..7, one: u64, other: u64,
    ) {
        let values = [1usize, 2, 3, 4, 5, 6, 7];
        let before = project(&definitions, &values, one);
        prop_assert_eq!(before.changed(&project(&definitions, &values, other)), "", "{:#?}", before.0);
        let mut after = values;
        after[edited] += 10;
        let expected = if reachable(&definitions).contains(&edited) { "d0" } else { "" };
        prop_assert_eq!(before.changed(&project(&definitions, &after, other)), expected, "{:#?}", before.0);
    }
}
