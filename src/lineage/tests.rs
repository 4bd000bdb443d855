use super::*;

/// `t(a, b, s)` and `u(a, c)`.
fn columns(name: &[String]) -> Option<Vec<engine::Column>> {
    let column = |(name, engine_type): &(&str, &str)| engine::Column {
        name: (*name).to_owned(),
        engine_type: (*engine_type).to_owned(),
    };
    let known: &[(&str, &str)] = match name.last()?.to_lowercase().as_str() {
        "t" => &[("a", "INTEGER"), ("b", "INTEGER"), ("s", "STRUCT(x INTEGER, y INTEGER)")],
        "u" => &[("a", "INTEGER"), ("c", "INTEGER")],
        "clock" => &[("a", "INTEGER"), ("current_date", "DATE"), ("rowid", "INTEGER")],
        _ => return None,
    };
    Some(known.iter().map(column).collect())
}

fn written(lineage: &Lineage, sources: &BTreeSet<Source>) -> String {
    let name = |source: &Source| {
        let relation = &lineage.relations[source.relation as usize];
        format!("{}.{}", relation.name.join("."), relation.columns[source.column as usize])
    };
    sources.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// Each column as `name = values | rows`, then what decides the rows of all.
fn traced(sql: &str) -> String {
    let lineage = match trace(sql, &columns) {
        Ok(lineage) => lineage,
        Err(unknown) => return format!("unknown: {}", unknown.reason),
    };
    let mut lines = Vec::new();
    for column in &lineage.columns {
        let sign = match &column.derivation {
            Derivation::Copied => "=".to_owned(),
            Derivation::Renamed => "<-".to_owned(),
            Derivation::Computed => "~".to_owned(),
            Derivation::Unknown(reason) => format!("? ({reason})"),
        };
        let mut line =
            format!("{} {sign} {}", column.name.as_deref().unwrap_or("_"), written(&lineage, &column.values));
        if !column.rows.is_empty() {
            line += &format!(" | {}", written(&lineage, &column.rows));
        }
        lines.push(line);
    }
    if !lineage.rows.is_empty() || lineage.rows_unknown.is_some() {
        lines.push(format!("rows: {}", written(&lineage, &lineage.rows)));
    }
    lines.join("\n")
}

fn assert_traced(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(traced(sql), *expected, "{sql}");
    }
}

#[test]
fn values_and_rows_are_told_apart() {
    assert_traced(&[
        ("select a, b as x, a + b from t where s.x > 1", "a = t.a\nx <- t.b\n_ ~ t.a t.b\nrows: t.s"),
        ("select sum(b) from t", "sum(b) ~ t.b"),
        // One row comes out whatever the filter says, so it decides only what is summed.
        ("select sum(b) as x, 1 as y from t where a > 1", "x ~ t.b | t.a\ny ~ "),
        ("select a, sum(b) filter (where s.x = 1) as x from t group by all", "a = t.a\nx ~ t.b | t.s\nrows: t.a"),
        ("select distinct a from t", "a = t.a\nrows: t.a"),
        ("select a from t order by b", "a = t.a"),
        ("select a from t order by b limit 3", "a = t.a\nrows: t.b"),
        ("select a from (from t order by b)", "a = t.a\nrows: t.b"),
        ("select a from t qualify row_number() over (partition by s order by b) = 1", "a = t.a\nrows: t.b t.s"),
        ("select sum(b) over (partition by a order by s) as x from t", "x ~ t.b | t.a t.s"),
        ("select first(b order by a) as x from t", "x ~ t.b | t.a"),
        ("select a from t having sum(b) > 1", "a = t.a\nrows: t.b"),
        // An alias is meant in `having`, unless the column is a group; elsewhere the column is.
        ("select a as b from t where b > 1", "b <- t.a\nrows: t.b"),
        ("select a as b from t group by a having b > 1", "b <- t.a\nrows: t.a"),
        ("select a as b from t group by a, b having b > 1", "b <- t.a\nrows: t.a t.b"),
        ("select max(a) as b from t having max(b) > 1 and b > 2", "b ~ t.a\nrows: t.a t.b"),
    ]);
}

#[test]
fn joins_decide_rows() {
    assert_traced(&[
        ("from t join u using (a)", "a = t.a\nb = t.b\ns = t.s\nc = u.c\nrows: t.a u.a"),
        ("select a, t.a, u.a from t full join u using (a)", "a ~ t.a u.a\na_1 <- t.a\na_2 <- u.a\nrows: t.a u.a"),
        ("select a from t right join u using (a)", "a = u.a\nrows: t.a u.a"),
        ("select b from t natural join u", "b = t.b\nrows: t.a u.a"),
        ("from u semi join t on u.a = t.b", "a = u.a\nc = u.c\nrows: u.a t.b"),
        ("select c from t, u where b in (select c from u as w where w.a = t.a)", "c = u.c\nrows: t.a t.b u.a u.c"),
        ("select b from t positional join u", "b = t.b"),
        ("select c from t asof join u on t.a >= u.a", "c = u.c\nrows: t.a u.a"),
        ("select x.b from t as x, lateral (from u where u.a = x.a) as y", "b = t.b\nrows: t.a u.a"),
    ]);
}

#[test]
fn a_column_is_taken_before_a_function_without_parentheses() {
    assert_traced(&[
        ("select year(current_date) as y from clock", "y ~ clock.current_date"),
        ("select a from clock where CURRENT_DATE > date '2000-01-01'", "a = clock.a\nrows: clock.current_date"),
        ("select current_date as d from t", "d ~ "),
        ("select current_date() as d from clock", "d ~ "),
    ]);
}

#[test]
fn subqueries_are_looked_into() {
    assert_traced(&[
        ("select (select max(c) from u where u.a = t.a) as x from t", "x ~ u.c | t.a u.a"),
        ("select exists (from u where u.a = t.a) as x from t", "x ~  | t.a u.a"),
        ("select b in (select c from u where a > 1) as x from t", "x ~ t.b u.c | u.a"),
        ("with x as (select a as k, b from t), y as (from x where b > 1) select k from y", "k <- t.a\nrows: t.b"),
        ("with t as (select c as a from u) select a from t", "a <- u.c"),
        (
            "with recursive r as (select a, b from t union all select r.b, u.c from r join u using (a)) from r",
            "a <- t.a t.b u.c\nb <- t.b u.c\nrows: t.a t.b u.a u.c",
        ),
        ("select a from t union all select c from u", "a <- t.a u.c"),
        ("select a from t union select c from u", "a <- t.a u.c\nrows: t.a u.c"),
        ("select a from t except select c from u", "a = t.a\nrows: t.a u.c"),
        ("select a, b from t union all by name select c as b, a from u", "a = t.a u.a\nb <- t.b u.c"),
    ]);
}

#[test]
fn stars_stand_for_columns() {
    assert_traced(&[
        (
            "select * exclude (s) replace (t.a + c as b) from t positional join u",
            "a = t.a\nb ~ t.a u.c\na_1 <- u.a\nc = u.c",
        ),
        ("select * rename (a as k) from u", "k <- u.a\nc = u.c"),
        ("select u.* from t, u", "a = u.a\nc = u.c"),
        ("select columns('[ab]') from t", "a = t.a\nb = t.b"),
        ("select columns(c -> length(c) = 1) from t", "unknown: what `COLUMNS` stands for must be computed"),
        ("select max(columns(['a', 'b'])) from t", "a ~ t.a\nb ~ t.b"),
        // A table of it has each name once.
        ("select t.a, u.* from t, u", "a = t.a\na_1 <- u.a\nc = u.c"),
        (
            "select a as A_1, a, b as a, c as A from t join u using (a)",
            "A_1 <- t.a\na = t.a\na_2 <- t.b\nA_3 <- u.c\nrows: t.a u.a",
        ),
        ("select s.* from t", "x ~ t.s\ny ~ t.s"),
        ("select unnest(s) from t", "x ~ t.s\ny ~ t.s"),
        ("select t.s.x, s.y from t", "x ~ t.s\ny ~ t.s"),
        ("select unnest(s, recursive := true) from t", "x ~ t.s\ny ~ t.s"),
        (
            "select unnest(f(s), recursive := true) from t",
            "unknown: whether a list or a struct is unnested is not known",
        ),
        ("with x as (select string_split(a, ',') as l from t) select unnest(l) as p from x", "p ~ t.a\nrows: t.a"),
        (
            "with x as (select f(s) as l from t) select unnest(l) as p from x",
            "unknown: whether a list or a struct is unnested is not known",
        ),
        ("from (select a, b as a from t) as x", "a = t.a\na_1 <- t.b"),
        ("select a[b:c] from (select [a] as a, b, s as c from t)", "_ ~ t.a t.b t.s"),
        ("select t from t", "t ~ t.a t.b t.s"),
        ("from (from (from (from u)))", "a = u.a\nc = u.c"),
        ("from v", "unknown: the columns of `v` are not known"),
        ("select v.x, y from v", "x = v.x\ny = v.y"),
        // What the others are known not to have.
        ("select y, u.a from v, u where z > c", "y = v.y\na = u.a\nrows: v.z u.c"),
        ("select y.z from v, u", "z ~ v.y"),
        ("select y from v, w", "y ? (the columns of `v`, one of which `y` may be, are not known) "),
        (
            "select (select y from v, u) as x from w",
            "x ? (the columns of `v`, one of which `y` may be, are not known) u.a u.c",
        ),
        (
            "select a + 1 as y, y as x from v, u",
            "y ~ u.a\nx ? (the columns of `v`, one of which `y` may be, are not known) u.a u.c",
        ),
    ]);
}

#[test]
fn duckdbs_own_syntax_is_followed() {
    assert_traced(&[
        ("select a + 1 as x, x * 2 as y from t where y > 3", "x ~ t.a\ny ~ t.a\nrows: t.a"),
        ("select list_transform([a], x -> x + b) as x from t", "x ~ t.a t.b"),
        ("select list_transform([a], lambda x: x + b) as x from t", "x ~ t.a t.b"),
        ("select [x + b for x in [a] if x > s.x] as x from t", "x ~ t.a t.b t.s"),
        ("select unnest([a, b]) as x, s from t", "x ~ t.a t.b\ns = t.s\nrows: t.a t.b"),
        ("select y, b from t, unnest([t.a]) as q(y)", "y ~ t.a\nb = t.b\nrows: t.a"),
        ("select i from range(3) as r(i)", "i ~ "),
        ("from u pivot (sum(c) for a in (1, 2 as two))", "1 ~ u.c | u.a\ntwo ~ u.c | u.a"),
        ("pivot t on a in (1, 2) using sum(b) group by s", "s = t.s\n1 ~ t.b | t.a\n2 ~ t.b | t.a\nrows: t.s"),
        (
            "select \"1_sum(b)\", \"2_m\" from (pivot t on a in (1, 2) using sum(b), max_by(b, s) as m group by s)",
            "1_sum(b) ~ t.b | t.a\n2_m ~ t.b t.s | t.a\nrows: t.s",
        ),
        ("unpivot u on a, c", "name ~ \nvalue ~ u.a u.c\nrows: u.a u.c"),
        ("from (values (1, 2)) as x(k, l)", "k ~ \nl ~ "),
        ("select b from main.t where main.t.a = 1", "b = main.t.b\nrows: main.t.a"),
        ("select B, T.A from t", "b = t.b\na = t.a"),
        ("select x.A from (select a as A, B from t) as X", "A = t.a"),
        ("select \"B\" as \"X\" from T as \"q\" where Q.A > 1", "X <- T.b\nrows: T.a"),
        ("select any_value(a) from t where b = any(select c from u)", "any_value(a) ~ t.a | t.b u.c"),
        ("pivot t on a using sum(b)", "unknown: the statement is written in a way that is not followed"),
    ]);
}

#[test]
fn what_is_named_is_told_from_what_a_star_takes() {
    let named = |sql: &str| {
        let lineage = trace(sql, &columns).unwrap();
        written(&lineage, &lineage.named)
    };
    assert_eq!(named("from t"), "");
    assert_eq!(named("with x as (from t) select b from x"), "t.b");
    assert_eq!(named("with x as (select count(t) as n from t) select n from x"), "");
    assert_eq!(named("select * exclude (a) from t where s.x > 1"), "t.a t.s");
    assert_eq!(named("from t join u using (a)"), "t.a u.a");
}

#[test]
fn what_would_be_missed_is_told() {
    let missed = |sql: &str| {
        let lineage = trace(sql, &columns).unwrap();
        written(&lineage, &lineage.named.union(&lineage.needed).copied().collect())
    };
    for (sql, expected) in [
        // Both sides of a union have as many columns.
        ("from u union all from t", "u.a u.c t.a t.b t.s"),
        ("from u union all from u where a > 1", "u.a"),
        ("with x as (from u) from x union all (from x limit 3)", ""),
        ("from u union all select a, c + 1 as c from u", "u.a u.c"),
        ("from u union all by name from t", ""),
        ("from u union all select 1, 2", "u.a u.c"),
        ("(from u union all from u) except from u", ""),
        ("with recursive r as (from u union all select a + 1, c from r where a < 3) from r", "u.a u.c"),
        // New names stand for columns by their places.
        ("select y from u as x(y)", "u.a"),
        ("select y from u as x(y, z)", "u.a u.c"),
        ("with x(y, z) as (from u) select y from x", "u.a u.c"),
        ("select y from (from u) as x(y, z)", "u.a u.c"),
        ("select columns('^a') from t", "t.a"),
        ("select columns('[ab]') from t", ""),
        ("select columns(['a', 'b']) from t", "t.a t.b"),
        ("select (u).c from u", "u.c"),
        ("select (u).c from (select 1 as u) as x, u", ""),
        ("select b in (select c from u) from t", "t.b u.c"),
        ("select (select * from u limit 1) as x from t", "u.a u.c"),
        ("select exists (from u) as x from t", ""),
    ] {
        assert_eq!(missed(sql), expected, "{sql}");
    }
}

#[test]
fn long_statements_do_not_overflow_the_stack() {
    let chain = format!("select {} as x from t", vec!["a"; 50_000].join(" + "));
    assert_eq!(traced(&chain), "x ~ t.a");
    let union = vec!["select a from t"; 2_000].join(" union all ");
    assert_eq!(traced(&union), "a = t.a");
    assert!(traced(&format!("select {}", "1 + ".repeat(1 << 19))).starts_with("unknown"));
    // Each level has twice the columns of the one before.
    let mut doubling = "with x0 as (from u)".to_owned();
    (1..40).for_each(|level| doubling += &format!(", x{level} as (select *, * from x{})", level - 1));
    assert_eq!(traced(&format!("{doubling} from x39")), "unknown: the statement is too large");
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    const WORDS: &str = "select from where group by all having qualify order limit union except with recursive as \
        join left using natural on lateral pivot unpivot for in exclude replace rename columns values unnest over \
        partition filter exists distinct case when then else end t u v a b c s x t.a u.a s.x * ( ) ( ) , , [ ] { } . \
        1 'x' + = -> : :: not null lambda window interval sample using describe";

    /// What the finder of table names is tested with.
    const QUERIES: &str = include_str!("../parse/sql/queries.txt");

    proptest! {
        #[test]
        fn no_words_make_it_panic(picks in proptest::collection::vec(0..200_usize, 0..40)) {
            let words: Vec<&str> = WORDS.split_whitespace().collect();
            let text: Vec<&str> = picks.iter().map(|pick| words[pick % words.len()]).collect();
            let _ = trace(&text.join(" "), &columns);
            let _ = trace(&format!("select {} from t", text.join(" ")), &columns);
        }

        /// A part of a real query in the place of a part of another.
        #[test]
        fn no_broken_query_makes_it_panic(
            picks in (0..QUERIES.len(), 0..QUERIES.len()),
            cuts in (0..400_usize, 0..400_usize, 0..400_usize),
        ) {
            let queries: Vec<&str> = QUERIES.lines().filter(|line| !line.is_empty()).collect();
            let (one, other) = (queries[picks.0 % queries.len()], queries[picks.1 % queries.len()]);
            let words = |query: &'static str| query.split_inclusive([' ', '(', ',', ')']).collect::<Vec<_>>();
            let (one, other) = (words(one), words(other));
            let (start, end) = (cuts.0 % (one.len() + 1), cuts.1 % (one.len() + 1));
            let from = cuts.2 % (other.len() + 1);
            let mixed = [&one[..start], &other[from..], &one[end..]].concat().concat();
            let _ = trace(&mixed, &columns);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = trace(&text, &columns);
        }
    }
}

#[test]
fn aggregates_are_those_of_duckdb() {
    use super::aggregates::is_aggregate;
    assert!(["sum", "COUNT", "string_agg", "geomean"].into_iter().all(is_aggregate));
    assert!(["abs", "list_sum", "coalesce"].into_iter().all(|name| !is_aggregate(name)));
}
