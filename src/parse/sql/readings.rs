//! What a query reads by way of table functions: files named in their calls, and what nobody can name.

use serde::{Deserialize, Serialize};

use super::lexer::{Token, TokenKind, tokens, unquoted};
use crate::source::Span;
use crate::template::holds_placeholder;

/// Functions whose first argument names files.
const READERS: [&str; 24] = [
    "glob",
    "parquet_bloom_probe",
    "parquet_file_metadata",
    "parquet_full_metadata",
    "parquet_kv_metadata",
    "parquet_metadata",
    "parquet_scan",
    "parquet_schema",
    "read_avro",
    "read_blob",
    "read_csv",
    "read_csv_auto",
    "read_json",
    "read_json_auto",
    "read_json_objects",
    "read_json_objects_auto",
    "read_ndjson",
    "read_ndjson_auto",
    "read_ndjson_objects",
    "read_parquet",
    "read_text",
    "read_xlsx",
    "sniff_csv",
    "st_read",
];

/// The function whose first argument names tables.
const BY_NAME: &str = "query_table";

/// Functions that make their rows from their arguments or from the engine itself.
const OWN: [&str; 11] = [
    "generate_series",
    "icu_calendar_names",
    "json_each",
    "json_tree",
    "pg_timezone_names",
    "range",
    "repeat",
    "repeat_row",
    "summary",
    "unnest",
    "which_secret",
];

/// A file's name in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileName {
    pub text: String,
    pub span: Span,
}

/// A table's name in the text that `query_table` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedTable {
    /// One to three identifiers without their quotes.
    pub parts: Vec<String>,
    /// Of the name, without the quotes of the text.
    pub span: Span,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Readings {
    pub files: Vec<FileName>,
    pub tables: Vec<NamedTable>,
    /// Calls whose files or tables nobody can name; sorted, each once.
    pub unseen: Vec<String>,
}

/// What a statement reads. `functions` are the names of its table functions; `tokens` are its own, without comments.
pub(super) fn readings(sql: &str, tokens: &[Token], functions: &[String]) -> Readings {
    let mut readings = Readings::default();
    let names: Vec<String> = functions.iter().map(|name| name.to_ascii_lowercase()).collect();
    let foreign = names.iter().filter(|name| !is_reader(name) && !is_own(name) && *name != BY_NAME);
    readings.unseen.extend(foreign.map(|name| format!("{name}(...)")));
    let looks = |name: &str| is_reader(name) || name == BY_NAME;
    for (index, token) in tokens.iter().enumerate().filter(|_| names.iter().any(|name| looks(name))) {
        let called = called(sql, *token).filter(|name| looks(name) && names.contains(name) && is_call(tokens, index));
        let Some(name) = called else { continue };
        let files = first_argument(sql, tokens.get(index + 2..).unwrap_or_default());
        if name == BY_NAME {
            let tables = files.and_then(|texts| texts.iter().map(|text| named_table(sql, tokens, text)).collect());
            match tables {
                Some(tables) => readings.tables.extend::<Vec<NamedTable>>(tables),
                None => readings.unseen.push(format!("{name}(...)")),
            }
            continue;
        }
        match files {
            Some(files) => readings.files.extend(files),
            None => readings.unseen.push(format!("{name}(...)")),
        }
    }
    readings.unseen.sort_unstable();
    readings.unseen.dedup();
    readings
}

/// Whether a table function makes its rows from its arguments or from the engine itself.
pub(crate) fn makes_rows(function: &str) -> bool {
    is_own(&function.to_ascii_lowercase())
}

/// Whether the first argument of a table function names files.
pub(crate) fn names_files(function: &str) -> bool {
    is_reader(&function.to_ascii_lowercase())
}

fn is_reader(name: &str) -> bool {
    READERS.contains(&name)
}

fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("duckdb_") || name.starts_with("pragma_") || name.starts_with("test_")
}

/// The name that a token may be of a function.
fn called(sql: &str, token: Token) -> Option<String> {
    let is_name = matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
    is_name.then(|| unquoted(token.text(sql)).to_ascii_lowercase())
}

/// The table that a text names; `None` where it is written in another way, or may be a common table expression.
fn named_table(sql: &str, all: &[Token], text: &FileName) -> Option<NamedTable> {
    let FileName { text, span } = text;
    // Escaped quotes would move what stands behind them.
    let span = Span::new(span.start + 1, span.end - 1);
    let parts: Vec<String> = tokens(text)
        .into_iter()
        .enumerate()
        .map(|(index, token)| match (index % 2, token.kind) {
            (0, TokenKind::Word | TokenKind::QuotedName) => Some(unquoted(token.text(text))),
            (1, TokenKind::Symbol('.')) => Some(String::new()),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let parts: Vec<String> = parts.into_iter().step_by(2).collect();
    let is_written = sql.get(span.start..span.end) == Some(text) && (1..=3).contains(&parts.len());
    let is_with = |token: &Token| token.is_word(sql, "with");
    let is_local = |name: &String| {
        all.iter().any(is_with)
            && all.iter().any(|token| called(sql, *token).is_some_and(|word| word == name.to_ascii_lowercase()))
    };
    let ends = !text.ends_with('.');
    (is_written && ends && !parts.first().filter(|_| parts.len() == 1).is_some_and(is_local))
        .then_some(NamedTable { parts, span })
}

fn is_call(tokens: &[Token], index: usize) -> bool {
    tokens.get(index + 1).is_some_and(|next| next.is_symbol('('))
}

/// The files that the first argument names: a literal, or a list of literals. Nothing for what must be computed.
fn first_argument(sql: &str, tokens: &[Token]) -> Option<Vec<FileName>> {
    let (files, after) = match tokens.first()? {
        open if open.is_symbol('[') => {
            let length = tokens.iter().position(|token| token.is_symbol(']'))?;
            let items = tokens.get(1..length)?.chunks(2);
            let item = |item: &[Token]| match item {
                [item] => file_name(sql, *item),
                [item, comma] if comma.is_symbol(',') => file_name(sql, *item),
                _ => None,
            };
            (items.map(item).collect::<Option<Vec<_>>>()?, length + 1)
        }
        token => (vec![file_name(sql, *token)?], 1),
    };
    let ends = tokens.get(after).is_some_and(|next| next.is_symbol(',') || next.is_symbol(')'));
    (ends && !files.is_empty()).then_some(files)
}

fn file_name(sql: &str, token: Token) -> Option<FileName> {
    let text = token.text(sql);
    // Neither escapes nor dollar quotes: nobody writes a file's name so.
    let is_plain = token.kind == TokenKind::Literal && text.starts_with('\'') && !holds_placeholder(text);
    let text = unquoted(text);
    let is_name = !text.trim().is_empty() && !text.chars().any(char::is_control);
    (is_plain && is_name).then_some(FileName { text, span: token.span })
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn read(sql: &str, functions: &[&str]) -> (Vec<String>, Vec<String>) {
        let functions: Vec<String> = functions.iter().map(|name| (*name).to_owned()).collect();
        let Readings { files, unseen, .. } = readings(sql, &tokens(sql), &functions);
        for file in &files {
            assert_eq!(unquoted(&sql[file.span.start..file.span.end]), file.text);
        }
        (files.into_iter().map(|file| file.text).collect(), unseen)
    }

    #[test]
    fn literals_are_files() {
        let sql =
            "from read_csv('a.csv', header = true), \"READ_PARQUET\"(['b''s.parquet', 'c/*.parquet']) , read_text('d')";
        assert_eq!(
            read(sql, &["read_csv", "read_parquet", "READ_TEXT"]).0,
            ["a.csv", "b's.parquet", "c/*.parquet", "d"]
        );
        assert_eq!(read("select read_csv, a glob ('x') from t", &["range"]), (vec![], vec![]));
    }

    #[test]
    fn texts_name_tables() {
        let tables = |sql: &str| -> (Vec<String>, Vec<String>) {
            let Readings { tables, unseen, .. } = readings(sql, &tokens(sql), &["Query_Table".to_owned()]);
            (
                tables
                    .iter()
                    .map(|table| format!("{:?} {}", table.parts, &sql[table.span.start..table.span.end]))
                    .collect(),
                unseen,
            )
        };
        let one = |name: &str| (vec![name.to_owned()], Vec::new());
        assert_eq!(tables("from query_table('t')"), one(r#"["t"] t"#));
        assert_eq!(tables("from Query_Table('a.\"b c\".d', true) x"), one(r#"["a", "b c", "d"] a."b c".d"#));
        assert_eq!(tables("with x as (select 1) from query_table('t'), x"), one(r#"["t"] t"#));
        let both = vec![r#"["a"] a"#.to_owned(), r#"["s", "b"] s.b"#.to_owned()];
        assert_eq!(tables("from query_table(['a', 's.b'])"), (both, Vec::new()));
        for sql in [
            "from query_table('a' || 'b')",
            "from query_table(['a', x])",
            "from query_table('a.b.c.d')",
            "from query_table('a.')",
            "from query_table('.a')",
            "from query_table('a''b')",
            "from query_table('a b')",
            "from query_table(e'a')",
            "with T as (select 1) from query_table('t')",
        ] {
            assert_eq!(tables(sql), (Vec::new(), vec!["query_table(...)".to_owned()]), "{sql}");
        }
    }

    #[test]
    fn what_must_be_computed_is_named() {
        for sql in [
            "from read_csv(getvariable('x'))",
            "from read_csv('a' || '.csv')",
            "from read_csv(['a', x])",
            "from read_csv(e'a')",
            "from read_csv()",
            "from read_csv([])",
            "from read_csv(",
            "from read_csv([",
        ] {
            assert_eq!(read(sql, &["read_csv"]), (vec![], vec!["read_csv(...)".to_owned()]), "{sql}");
        }
        let own = read("from range(3), sqlite_scan('a', 'b')", &["range", "SQLITE_scan", "duckdb_tables"]);
        assert_eq!(own, (vec![], vec!["sqlite_scan(...)".to_owned()]));
    }
}
