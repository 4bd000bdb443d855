//! The table names of a statement, by our own parser (sqlparser) and with the scopes of common table expressions.

use std::ops::ControlFlow;

use sqlparser::ast::{Cte, Expr, Ident, ObjectName, Query, SetExpr, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::{Dialect, DuckDbDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span as TokenSpan, Token, TokenWithSpan, Tokenizer};

use crate::source::Span;

/// A table name as it stands in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundName {
    /// From its first byte to its last, quotes included.
    pub span: Span,
    pub has_alias: bool,
}

/// What our parser says about a statement.
#[derive(Debug)]
pub(super) enum Outcome {
    Names {
        tables: Vec<FoundName>,
        functions: Vec<String>,
    },
    /// It parses, and is not a query (`with ... insert ...`).
    NotAQuery,
    /// It does not parse; DuckDB may know better.
    Unknown,
}

/// Finds the names of tables that the statement reads: neither common table expressions in their scope nor table
/// functions. Spans are byte offsets in `sql`.
pub(super) fn find(sql: &str) -> Outcome {
    let Some(statement) = parse(sql) else { return Outcome::Unknown };
    let Statement::Query(query) = &statement else { return Outcome::NotAQuery };
    if !reads(&query.body) {
        return Outcome::NotAQuery;
    }
    let mut finder = Finder::default();
    let visited = statement.visit(&mut finder);
    // Some names come without a place; DuckDB tells it.
    let all_placed = finder.found.iter().all(|name| name.span.start < name.span.end);
    match visited.is_continue() && all_placed {
        true => Outcome::Names { tables: finder.found, functions: finder.functions },
        false => Outcome::Unknown,
    }
}

fn reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Query(query) => reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => reads(left) && reads(right),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => false,
    }
}

pub(super) fn parse(sql: &str) -> Option<Statement> {
    parse_as(sql, &DuckDbDialect)
}

pub(super) fn parse_as(sql: &str, dialect: &dyn Dialect) -> Option<Statement> {
    let mut cursor = Cursor { sql, line: 1, column: 1, offset: 0, after_from: false };
    let mut tokens = Vec::with_capacity(sql.len() / 3);
    Tokenizer::new(dialect, sql)
        .tokenize_with_location_into_buf_with_mapper(&mut tokens, |token| cursor.place(token))
        .ok()?;
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(statement)
}

/// Turns lines and columns into byte offsets while tokens stream by, so that each byte is looked at once. Offsets
/// travel as columns of line 1.
struct Cursor<'a> {
    sql: &'a str,
    line: u64,
    column: u64,
    offset: usize,
    after_from: bool,
}

impl Cursor<'_> {
    fn place(&mut self, token: TokenWithSpan) -> TokenWithSpan {
        let start = self.advance(token.span.start);
        let end = self.advance(token.span.end);
        let location = |offset: usize| Location::new(1, offset as u64);
        TokenWithSpan::new(self.named(token.token), TokenSpan::new(location(start), location(end)))
    }

    /// A file name in quotes, where a table stands, becomes a quoted name: the parser forgets where it found the other.
    fn named(&mut self, token: Token) -> Token {
        let after_from = self.after_from;
        match token {
            Token::Whitespace(_) => token,
            Token::SingleQuotedString(text) if after_from => {
                self.after_from = false;
                Token::make_word(&text, Some('"'))
            }
            other => {
                self.after_from =
                    matches!(&other, Token::Word(word) if matches!(word.keyword, Keyword::FROM | Keyword::JOIN));
                other
            }
        }
    }

    fn advance(&mut self, to: Location) -> usize {
        let mut letters = self.sql.get(self.offset..).unwrap_or_default().chars();
        while (self.line, self.column) < (to.line, to.column) {
            let Some(letter) = letters.next() else { break };
            self.offset += letter.len_utf8();
            if letter == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset
    }
}

/// A query whose common table expressions are coming into view.
struct Scope {
    /// The definitions by address, since a visitor is told of a query and not of the place that it stands in.
    definitions: Vec<(*const Query, String)>,
    recursive: bool,
    /// How many of the definitions can be seen by now.
    visible: usize,
}

#[derive(Default)]
struct Finder {
    scopes: Vec<Scope>,
    found: Vec<FoundName>,
    /// The last part of each table function's name.
    functions: Vec<String>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.open_definition(query);
        let definitions = query.with.iter().flat_map(|with| &with.cte_tables).map(definition).collect();
        let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        self.scopes.push(Scope { definitions, recursive, visible: 0 });
        // `table t` keeps no place in the tree; it is rewritten before, so this one is not DuckDB's.
        if matches!(*query.body, SetExpr::Table(_)) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        if let Some(scope) = self.scopes.last_mut()
            && let Some(index) = scope.definition_of(query)
        {
            scope.visible = scope.visible.max(index + 1);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => self.table(name, alias.is_some()),
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => self.function(name),
            TableFactor::TableFunction { expr: Expr::Function(function), .. } => self.function(&function.name),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    /// A recursive definition that is a union sees itself.
    fn open_definition(&mut self, query: &Query) {
        if let Some(scope) = self.scopes.last_mut()
            && scope.recursive
            && matches!(*query.body, SetExpr::SetOperation { .. })
            && let Some(index) = scope.definition_of(query)
        {
            scope.visible = scope.visible.max(index + 1);
        }
    }

    fn table(&mut self, name: &ObjectName, has_alias: bool) {
        let identifiers: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
        let Some(identifiers) = identifiers else { return };
        let (Some(first), Some(last)) = (identifiers.first(), identifiers.last()) else { return };
        let is_local = match identifiers.as_slice() {
            [name] => self.sees(&name.value),
            // `recurring.name` is how a recursive definition with a key reads all its rows so far.
            [schema, name] => schema.value.eq_ignore_ascii_case("recurring") && self.sees(&name.value),
            _ => false,
        };
        if !is_local {
            let span = Span::new(first.span.start.column as usize, last.span.end.column as usize);
            self.found.push(FoundName { span, has_alias });
        }
    }

    fn function(&mut self, name: &ObjectName) {
        let last = name.0.last().and_then(|part| part.as_ident());
        self.functions.extend(last.map(|name| name.value.clone()));
    }

    fn sees(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.scopes.iter().any(|scope| scope.definitions.iter().take(scope.visible).any(|(_, known)| *known == name))
    }
}

impl Scope {
    fn definition_of(&self, query: &Query) -> Option<usize> {
        self.definitions.iter().position(|(defined, _)| std::ptr::eq(*defined, query))
    }
}

fn definition(cte: &Cte) -> (*const Query, String) {
    (&raw const *cte.query, cte.alias.name.value.to_ascii_lowercase())
}
