//! A statement as a row of tokens that mean the same however it is written: no comments, no white space, and the words
//! that name nothing of the user's in lower case.
//!
//! The tokens are the text's own and never a tree printed anew, since a parser may ignore what DuckDB does not. The tree
//! only tells which words are names: sqlparser knows their places. It is asked where a word in upper case may be either,
//! which the words themselves do not say. Where it cannot parse the statement, such words keep their case: a change of
//! case may then count although it means nothing, never the other way round.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sqlparser::ast::{DataType, Expr, Ident, ObjectName, Statement, TableFactor, Visit, Visitor};
use sqlparser::keywords::ALL_KEYWORDS;

use super::lexer::{Token, TokenKind, tokens};
use super::names::parse;
use super::rewrite::{Rewritten, is_trigger, rewrite};
use crate::source::Span;

/// A token without what does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CanonicalToken<'a> {
    pub kind: CanonicalKind,
    pub text: Cow<'a, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CanonicalKind {
    /// A keyword, a type or a function in lower case, or a name in its own, which may be that of an output column.
    Word,
    QuotedName,
    Literal,
    Number,
    /// An operator or a single mark.
    Symbol,
}

/// The tokens of one statement. Two statements have the same tokens only if DuckDB reads them alike.
pub(crate) fn canonical_tokens(sql: &str) -> Vec<CanonicalToken<'_>> {
    let mut all = tokens(sql);
    let blank = without_comments(sql, &all);
    all.retain(|token| token.kind != TokenKind::Comment);
    let names = Names::of(&blank, &all);
    let mut canonical = Vec::with_capacity(all.len());
    let mut index = 0;
    while let Some(token) = all.get(index) {
        let count = glued(sql, &all[index..]);
        let end = all.get(index + count - 1).map_or(token.span.end, |last| last.span.end);
        let text = &sql[token.span.start..end];
        canonical.push(match token.kind {
            TokenKind::Word
                if count == 1 && has_upper(text) && !names_columns(text) && names.folds(sql, &all, index) =>
            {
                CanonicalToken { kind: CanonicalKind::Word, text: text.to_ascii_lowercase().into() }
            }
            TokenKind::Word => CanonicalToken { kind: CanonicalKind::Word, text: text.into() },
            TokenKind::QuotedName => CanonicalToken { kind: CanonicalKind::QuotedName, text: text.into() },
            TokenKind::Literal | TokenKind::Comment => {
                CanonicalToken { kind: CanonicalKind::Literal, text: text.into() }
            }
            TokenKind::Number => CanonicalToken { kind: CanonicalKind::Number, text: text.into() },
            TokenKind::Symbol(_) => CanonicalToken { kind: CanonicalKind::Symbol, text: text.into() },
        });
        index += count;
    }
    canonical
}

/// Whether DuckDB makes the name of a column of this word of its own, in the case in which it is written.
fn names_columns(word: &str) -> bool {
    const WORDS: [&str; 6] =
        ["current_date", "current_time", "current_timestamp", "json", "localtime", "localtimestamp"];
    WORDS.iter().any(|own| own.eq_ignore_ascii_case(word))
}

/// White space for each comment, so that places stay: sqlparser takes `||/**/` for another operator.
fn without_comments<'a>(sql: &'a str, tokens: &[Token]) -> Cow<'a, str> {
    let mut blank = Cow::Borrowed(sql);
    for comment in tokens.iter().filter(|token| token.kind == TokenKind::Comment) {
        let Span { start, end } = comment.span;
        blank.to_mut().replace_range(start..end, &" ".repeat(end - start));
    }
    blank
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// How many of the first tokens are one because nothing stands between them: `<` and `=`, `x` and `'ff'`.
fn glued(sql: &str, tokens: &[Token]) -> usize {
    let touching = tokens.windows(2).take_while(|pair| pair[0].span.end == pair[1].span.start);
    let Some(first) = tokens.first() else { return 1 };
    match first.kind {
        // `x'ff'` is a literal where `x 'ff'` is none; no longer word is a prefix.
        TokenKind::Word if first.span.end - first.span.start == 1 => {
            1 + touching.take(1).filter(|pair| pair[1].kind == TokenKind::Literal).count()
        }
        TokenKind::Symbol(symbol) if is_operator(symbol) => {
            let run = 1 + touching
                .take_while(|pair| matches!(pair[1].kind, TokenKind::Symbol(next) if is_operator(next)))
                .count();
            operator_length(sql, &tokens[..run])
        }
        _ => 1,
    }
}

fn is_operator(symbol: char) -> bool {
    "+-*/<>=~!@#%^&|`?:.".contains(symbol)
}

/// PostgreSQL's rule: an operator ends in a sign only if it holds one of these, so `a=-1` is `a = -1`.
fn operator_length(sql: &str, run: &[Token]) -> usize {
    let special = |token: &Token| token.text(sql).contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']);
    if run.iter().any(special) {
        return run.len();
    }
    let signs = run.iter().rev().take_while(|token| token.is_symbol('-') || token.is_symbol('+')).count();
    (run.len() - signs).max(1)
}

/// Which words name something of the user's.
enum Names {
    /// Their places in the text, and the names whose place the parser forgot.
    Known { places: HashSet<usize>, unplaced: HashSet<String>, untold: Vec<Span> },
    /// The words by themselves say enough, or the statement does not parse.
    ByWord,
}

impl Names {
    fn of(sql: &str, tokens: &[Token]) -> Self {
        let is_unclear = |(index, token): (usize, &Token)| {
            token.kind == TokenKind::Word && has_upper(token.text(sql)) && alone(sql, tokens, index) == Alone::Unclear
        };
        if !tokens.iter().enumerate().any(is_unclear) {
            return Names::ByWord;
        }
        let rewritten = rewrite(sql, tokens);
        match parse(rewritten.as_ref().map_or(sql, |rewritten| &rewritten.text)) {
            Some(statement) => Names::told(sql, &statement, rewritten.as_ref()),
            None => Names::ByWord,
        }
    }

    fn told(sql: &str, statement: &Statement, rewritten: Option<&Rewritten>) -> Self {
        let mut finder = Finder::default();
        let _ = statement.visit(&mut finder);
        let mut places = HashSet::with_capacity(finder.names.len());
        for (offset, name) in finder.names {
            let original = rewritten.map_or(offset, |rewritten| rewritten.original(offset));
            let found = sql.get(original..).unwrap_or_default();
            if !found.starts_with(['"', '\'']) && !found.starts_with(&name) {
                return Names::ByWord;
            }
            if !finder.functions.contains(&offset) {
                places.insert(original);
            }
        }
        let untold = rewritten.map(|rewritten| rewritten.dropped(sql)).unwrap_or_default();
        Names::Known { places, unplaced: finder.unplaced, untold }
    }

    /// Whether the word at `index` is certain to be no name.
    fn folds(&self, sql: &str, tokens: &[Token], index: usize) -> bool {
        let token = tokens[index];
        match self {
            Names::Known { places, unplaced, untold } => {
                !places.contains(&token.span.start)
                    && !unplaced.contains(token.text(sql))
                    && !untold.iter().any(|span| span.start <= token.span.start && token.span.end <= span.end)
            }
            Names::ByWord => alone(sql, tokens, index) == Alone::NoName,
        }
    }
}

/// What a word is without a parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// A keyword, a function, a type.
    NoName,
    Name,
    Unclear,
}

fn alone(sql: &str, tokens: &[Token], index: usize) -> Alone {
    let word = tokens[index].text(sql);
    let at = |offset: usize| index.checked_sub(offset).and_then(|index| tokens.get(index)).copied();
    let before = at(1);
    let is_call = tokens.get(index + 1).is_some_and(|next| next.is_symbol('('));
    let is_keyword = || {
        let upper = word.to_ascii_uppercase();
        ALL_KEYWORDS.binary_search(&upper.as_str()).is_ok() || is_trigger(word)
    };
    if before.is_some_and(|before| before.is_symbol('.')) {
        return if is_call { Alone::Unclear } else { Alone::Name };
    }
    if before.is_some_and(|before| before.is_word(sql, "as")) {
        return if is_call || is_keyword() { Alone::Unclear } else { Alone::Name };
    }
    if is_argument(tokens, index) {
        return Alone::Name;
    }
    let is_cast =
        before.is_some_and(|before| before.is_symbol(':')) && at(2).is_some_and(|before| before.is_symbol(':'));
    if is_no_name(word) || is_cast {
        return Alone::NoName;
    }
    let may_be_alias = before.is_some_and(|before| match before.kind {
        TokenKind::Word => !is_no_name(before.text(sql)),
        TokenKind::Symbol(symbol) => matches!(symbol, ')' | ']'),
        _ => true,
    });
    match (is_call, may_be_alias) {
        (true, false) => Alone::NoName,
        (true, true) => Alone::Unclear,
        (false, _) if is_keyword() => Alone::Unclear,
        (false, _) => Alone::Name,
    }
}

/// `name := value`, `name => value`: there even keywords are names.
fn is_argument(tokens: &[Token], index: usize) -> bool {
    let is = |offset: usize, symbol: char| tokens.get(index + offset).is_some_and(|token| token.is_symbol(symbol));
    (is(1, ':') && is(2, '=')) || (is(1, '=') && is(2, '>'))
}

/// Whether a word, without quotes, is the name of no column and no table.
pub(crate) fn is_no_name(word: &str) -> bool {
    NO_NAMES.binary_search(&word.to_ascii_lowercase().as_str()).is_ok()
}

/// Finds the places of all identifiers, and which of them are functions or types.
#[derive(Default)]
struct Finder {
    names: HashMap<usize, String>,
    functions: HashSet<usize>,
    unplaced: HashSet<String>,
}

impl Finder {
    fn function(&mut self, name: &ObjectName) {
        let last = name.0.last().and_then(|part| part.as_ident());
        self.functions.extend(last.and_then(place));
    }
}

fn place(name: &Ident) -> Option<usize> {
    // The parser's places are offsets that travel as columns of line 1; 0, 0 is none.
    (name.span.start.line > 0).then_some(name.span.start.column as usize)
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_ident(&mut self, name: &Ident) -> ControlFlow<()> {
        match place(name) {
            Some(place) => _ = self.names.insert(place, name.value.clone()),
            None => _ = self.unplaced.insert(name.value.clone()),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => self.function(&function.name),
            Expr::Cast { data_type: DataType::Custom(name, _), .. } => self.function(name),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor {
            self.function(name);
        }
        ControlFlow::Continue(())
    }
}

/// The words that DuckDB allows for no column and no table, sorted: those that `duckdb_keywords()` calls reserved, or for
/// types and functions only, but for a few that its grammar lets through.
#[rustfmt::skip]
const NO_NAMES: [&str; 105] = [
    "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof", "asymmetric", "at",
    "authorization", "binary", "both", "by", "case", "cast", "check", "collate", "collation", "column",
    "concurrently", "constraint", "create", "cross", "default", "deferrable", "desc", "describe", "distinct", "do",
    "else", "end", "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "glob", "group", "having",
    "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lambda", "lateral", "leading",
    "left", "like", "limit", "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order", "outer",
    "overlaps", "pivot", "pivot_longer", "pivot_wider", "placing", "positional", "primary", "qualify", "references",
    "returning", "right", "select", "semi", "show", "similar", "some", "summarize", "symmetric", "table",
    "tablesample", "then", "to", "trailing", "true", "union", "unique", "unpack", "unpivot", "using", "variadic",
    "verbose", "when", "where", "window", "with",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        canonical_tokens(one) == canonical_tokens(other)
    }

    #[test]
    fn what_means_nothing_is_gone() {
        let cases = [
            ("select a,b from t", "SELECT a  -- first\n , b\n/* all */ FROM t"),
            ("select sum(a) from t group by b", "Select SUM ( a ) From t Group By b"),
            ("select a::int, cast(b as hugeint)", "select a :: INT, CAST(b AS HUGEINT)"),
            (
                "select row_number() over (partition by a order by b rows between 1 preceding and current row) from t",
                "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            ),
            ("select * from read_csv('x', delim=';')", "select * from READ_CSV('x', delim = ';')"),
            ("from t where a=-1", "FROM t WHERE a = -1"),
            ("pivot t on a using sum(b)", "PIVOT t ON a USING SUM(b)"),
            (
                "select interval 1 day, extract(year from d) from t",
                "SELECT INTERVAL 1 DAY, EXTRACT(YEAR FROM d) FROM t",
            ),
            ("select * exclude (a) from t asof join u using (a)", "SELECT * EXCLUDE (a) FROM t ASOF JOIN u USING (a)"),
            ("with r as materialized (from t) from r", "WITH r AS MATERIALIZED (FROM t) FROM r"),
            ("select a || b", "SELECT a/**/||/**/b"),
            ("select l[1:-1] from t", "select l[1 : -1] from t"),
        ];
        for (one, other) in cases {
            assert_eq!(canonical_tokens(one), canonical_tokens(other), "{one}");
        }
    }

    #[test]
    fn what_means_something_stays() {
        let cases = [
            ("select a", "select A"),
            ("select a as year", "select a as Year"),
            ("select year from t", "select Year from t"),
            ("select a year from t", "select a Year from t"),
            ("select t.date from t", "select t.Date from t"),
            ("select struct_pack(left := 1)", "select struct_pack(Left := 1)"),
            ("select 'a'", "select 'A'"),
            ("select 'a b'", "select 'a  b'"),
            ("select '--x'", "select '-- x'"),
            ("select a <= b", "select a < b"),
            ("select a || b", "select a | b"),
            ("select 1.5", "select 15"),
            ("select a b", "select ab"),
            ("select x 'ff'", "select x'ff'"),
            ("select a @- 1", "select a @ - 1"),
            ("select \"a\"", "select \"A\""),
            ("select {'a': 1}", "select {'A': 1}"),
            ("from t pivot (sum(x) for y in (1) group by year)", "from t pivot (sum(x) for y in (1) group by Year)"),
            ("with date as (select 1) select date from date", "with date as (select 1) select Date from date"),
        ];
        for (one, other) in cases {
            assert!(!same(one, other), "{one} | {other}");
        }
    }

    #[test]
    fn what_does_not_parse_folds_certain_words_only() {
        assert!(same("select from where x by", "SELECT from WHERE x by"));
        assert!(!same("select from where x by", "select from where X by"));
        assert!(!same("select from where a as end", "select from where a as END"));
    }

    #[test]
    fn words_that_are_no_names_are_those_of_the_engine() {
        // Loads the engine's library.
        crate::engine::table_names("select 1").unwrap();
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let query = "select string_agg(distinct keyword_name, ' ' order by keyword_name) from duckdb_keywords() \
                     where keyword_category in ('reserved', 'type_function')";
        let words: String = connection.query_row(query, [], |row| row.get(0)).unwrap();
        let is_name = |word: &str| {
            let sql = format!("select a, {word} from t");
            connection
                .query_row("select json_serialize_sql(?::varchar)::varchar", [sql], |row| row.get::<_, String>(0))
                .unwrap()
                .contains(&format!("\"column_names\":[\"{word}\"]"))
        };
        let told: Vec<&str> = words.split(' ').filter(|word| !is_name(word)).collect();
        assert_eq!(told, NO_NAMES);
    }
}
