use super::*;

/// `t(a, b, s)` and `u(a, c)`.
fn columns(name: &[String]) -> Option<Vec<engine::Column>> {
    let column = |(name, engine_type): &(&str, &str)| engine::Column {
        name: (*name).to_owned(),
        engine_type: (*engine_type).to_owned(),
    };
    let known: &[(&str, &str)] = match name.last()?.as_str() {
        "t" => &[("a", "INTEGER"), ("b", "INTEGER"), ("s", "STRUCT(x INTEGER, y INTEGER)")],
        "u" => &[("a", "INTEGER"), ("c", "INTEGER")],
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

#[test]
fn values_and_rows_are_told_apart() {
    let cases = [
        ("select a, b as x, a + b from t where s.x > 1", "a = t.a\nx <- t.b\n_ ~ t.a t.b\nrows: t.s"),
        ("select sum(b) from t", "sum(b) ~ t.b"),
        ("select sum(b) as x, 1 as y from t where a > 1", "x ~ t.b | t.a\ny ~ "),
        ("select a, sum(b) filter (where s.x = 1) as x from t group by all", "a = t.a\nx ~ t.b | t.s\nrows: t.a"),
        ("from t join u using (a)", "a = t.a\nb = t.b\ns = t.s\nc = u.c\nrows: t.a u.a"),
        (
            "select * exclude (s) replace (t.a + c as b) from t positional join u",
            "a = t.a\nb ~ t.a u.c\na = u.a\nc = u.c",
        ),
        ("select a + 1 as x, x * 2 as y from t where y > 3", "x ~ t.a\ny ~ t.a\nrows: t.a"),
    ];
    for (sql, expected) in cases {
        assert_eq!(traced(sql), expected, "{sql}");
    }
}
