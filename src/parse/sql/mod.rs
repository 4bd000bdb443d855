//! SQL models: Jinja first, then the table names of the rendered statement.

mod canonical;
mod description;
mod dialect;
mod find;
mod lexer;
mod memory;
mod names;
mod pivot;
mod places;
mod readings;
mod rewrite;
mod simpler;
mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::{Dialect, DuckDbDialect};

pub(crate) use canonical::{CanonicalKind, CanonicalToken, canonical_tokens, is_no_name};
use find::{Failure, Named, TableName, named_in};
pub(crate) use lexer::{Token, TokenKind, tokens, unquoted};
pub use memory::NamesMemory;
use places::Places;
use readings::{FileName, NamedTable, Readings};
pub(crate) use readings::{makes_rows, names_files};
use rewrite::Rewritten;
use statement::{NotOneQuery, one_query};

use super::{AssetName, Manner, ParsedAsset, ParsedBody, Reference, RepeatableSql, SqlBody, UpstreamName};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Place, SourceFile, Span};
use crate::template::{Rendered, Repeatable, TemplateEnvironment, readable};

/// Reads one model. What its statement names is looked up in `memory` first, and kept there.
///
/// # Errors
/// Everything that is wrong with the file: a name that cannot be used (`BadName`), Jinja (`JinjaSyntax`,
/// `JinjaRender`, ...), not exactly one query (`NotOneSelect`), SQL that DuckDB does not parse (`SqlSyntax`).
pub fn parse(
    file: &Arc<SourceFile>,
    templates: &TemplateEnvironment,
    memory: &NamesMemory,
) -> Result<ParsedAsset, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let name = asset_name(file).map_err(|errors| diagnostics.extend(errors)).ok();
    let rendered = templates.render(file).map_err(|errors| diagnostics.extend(errors)).ok();
    let body = rendered.as_ref().map(|rendered| {
        let body = statement(file, &rendered.text, templates, memory);
        body.map_err(|problems| problems.into_iter().map(|problem| naming_model(problem, file, templates)))
    });
    match (name, rendered, body) {
        (Some(name), Some(rendered), Some(Ok(statement))) => Ok(asset(file, name, rendered, statement)),
        (_, _, body) => {
            diagnostics.extend(body.and_then(Result::err).into_iter().flatten());
            Err(diagnostics.sorted())
        }
    }
}

/// The words and quoted names of a text of SQL, unquoted, with the byte span of each; comments and literals hold none.
pub(crate) fn words(sql: &str) -> Vec<(String, Span)> {
    let is_name = |token: &Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
    tokens(sql).into_iter().filter(is_name).map(|token| (unquoted(token.text(sql)), token.span)).collect()
}

/// The plain table names of a query, unquoted, with the byte span of each occurrence; `None` when it is no single
/// query that parses. What the fuzzer and other tools of the project use.
pub fn table_spans(sql: &str) -> Option<Vec<(Vec<String>, Span)>> {
    let all = tokens(sql);
    let span = one_query(sql, &all).ok()?;
    let names = named_in(sql.get(span.start..span.end)?, &within(&all, span)).ok()?.tables;
    let shifted = |name: Span| Span::new(name.start + span.start, name.end + span.start);
    Some(names.into_iter().map(|name| (name.parts, shifted(name.span))).collect())
}

/// Whether a query reads tables, files, or what nobody can name; also where it is none that can be taken apart.
pub(crate) fn reads_something(sql: &str) -> bool {
    let all = tokens(sql);
    let span = one_query(sql, &all).ok();
    let named = span.and_then(|span| named_in(sql.get(span.start..span.end)?, &within(&all, span)).ok());
    named.is_none_or(|Named { tables, readings }| !tables.is_empty() || readings != Readings::default())
}

/// The query that a text is, as our parser reads it: what it says about columns is what the text says, though not each
/// of its places. `None` where the text is no single query, or one that only DuckDB's parser knows.
pub(crate) fn syntax_tree(sql: &str) -> Option<SyntaxTree> {
    let all = tokens(sql);
    let span = one_query(sql, &all).ok()?;
    let statement = sql.get(span.start..span.end)?;
    let all = within(&all, span);
    if let Some((query, rewritten)) = same_tree(statement, &all, &DuckDbDialect) {
        return Some(SyntaxTree { query, places: Some(TreePlaces { start: span.start, rewritten }) });
    }
    let simpler = simpler::simpler(statement, &all);
    let (query, _) = same_tree(&simpler, &tokens(&simpler), &dialect::Wider(DuckDbDialect))?;
    Some(SyntaxTree { query, places: None })
}

/// A query's tree, and where its names stand in the text, if that is known of them.
pub(crate) struct SyntaxTree {
    pub query: Box<Query>,
    pub places: Option<TreePlaces>,
}

/// From the places of names in a tree to those in the text.
pub(crate) struct TreePlaces {
    start: usize,
    rewritten: Option<Rewritten>,
}

impl TreePlaces {
    /// Where a name stands that the user wrote; `None` for what was put there in the place of something else.
    pub fn place(&self, name: sqlparser::tokenizer::Span) -> Option<Span> {
        let (start, end) = (name.start.column as usize, name.end.column as usize);
        if start >= end || self.rewritten.as_ref().is_some_and(|rewritten| rewritten.is_added(Span::new(start, end))) {
            return None;
        }
        let original = |offset: usize| self.rewritten.as_ref().map_or(offset, |rewritten| rewritten.original(offset));
        Some(Span::new(self.start + original(start), self.start + original(end - 1) + 1))
    }
}

fn same_tree(statement: &str, tokens: &[Token], dialect: &dyn Dialect) -> Option<(Box<Query>, Option<Rewritten>)> {
    let rewritten = rewrite::rewrite(statement, tokens);
    if rewritten.as_ref().is_some_and(|rewritten| !rewritten.keeps_columns) {
        return None;
    }
    match names::parse_as(rewritten.as_ref().map_or(statement, |rewritten| &rewritten.text), dialect)? {
        Statement::Query(query) => Some((query, rewritten)),
        _ => None,
    }
}

fn asset_name(file: &Arc<SourceFile>) -> Result<AssetName, Diagnostics> {
    let stem = file.stem();
    AssetName::new(stem).filter(|_| !stem.contains('.')).ok_or_else(|| {
        Diagnostic::error(Code::BadName, format!("`{stem}` cannot be the name of a model"))
            .at(Place::start_of(file))
            .hint("a model is called like its file; rename the file")
            .into()
    })
}

fn asset(file: &Arc<SourceFile>, name: AssetName, rendered: Rendered, statement: OneStatement) -> ParsedAsset {
    let OneStatement { span: statement, names, unseen } = statement;
    let call = |call: crate::template::ReferenceCall| UpstreamName {
        reference: call.reference,
        place: call.place,
        manner: Manner::Call,
    };
    let repeatable = rendered.repeatable.and_then(|repeatable| repeatable_sql(file, repeatable)).map(Box::new);
    ParsedAsset {
        name,
        file: Arc::clone(file),
        place: Place::start_of(file),
        config: rendered.config,
        description: description::description(file.text()),
        upstreams: rendered.calls.into_iter().map(call).chain(names).collect(),
        body: ParsedBody::Sql(SqlBody {
            rendered: rendered.text,
            statement,
            config_places: rendered.config_places,
            messages: rendered.messages,
            repeatable,
            unseen,
        }),
    }
}

/// Nothing where it is no query: then the real text is all there is.
fn repeatable_sql(file: &Arc<SourceFile>, Repeatable { text, without }: Repeatable) -> Option<RepeatableSql> {
    let all = tokens(&text);
    let statement = one_query(&text, &all).ok()?;
    let names = named_in(text.get(statement.start..statement.end)?, &within(&all, statement)).ok()?.tables;
    let upstream = |name: TableName| UpstreamName {
        place: Place::start_of(file),
        reference: Reference::Table(name.parts),
        manner: Manner::PlainName {
            rendered: Span::new(statement.start + name.span.start, statement.start + name.span.end),
            has_alias: name.has_alias,
        },
    };
    Some(RepeatableSql { names: names.into_iter().map(upstream).collect(), rendered: text, statement, without })
}

/// The one query of a model.
struct OneStatement {
    span: Span,
    /// The plain names and the files in it.
    names: Vec<UpstreamName>,
    unseen: Vec<String>,
}

fn statement(
    file: &Arc<SourceFile>,
    rendered: &str,
    templates: &TemplateEnvironment,
    memory: &NamesMemory,
) -> Result<OneStatement, Diagnostics> {
    let places = Places::new(file, rendered, templates);
    let all = tokens(rendered);
    let span = one_query(rendered, &all).map_err(|reason| not_one_query(file, rendered, &reason, &places))?;
    let sql = rendered.get(span.start..span.end).unwrap_or_default();
    let inner = within(&all, span);
    if let Some(parameter) = parameter(sql, &inner) {
        return Err(has_parameter(sql, span, parameter, &places).into());
    }
    let named = memory.named_in(sql, &inner);
    let Named { tables, readings } = named.map_err(|error| failure(sql, span, error, &places))?;
    let upstream = |name: TableName| {
        let rendered = Span::new(span.start + name.span.start, span.start + name.span.end);
        UpstreamName {
            place: places.place(rendered),
            reference: Reference::Table(name.parts),
            manner: Manner::PlainName { rendered, has_alias: name.has_alias },
        }
    };
    let file = |file: FileName| UpstreamName {
        place: places.place(Span::new(span.start + file.span.start, span.start + file.span.end)),
        reference: Reference::Table(vec![file.text]),
        manner: Manner::Argument,
    };
    let table = |table: NamedTable| {
        let rendered = Span::new(span.start + table.span.start, span.start + table.span.end);
        UpstreamName {
            place: places.place(rendered),
            reference: Reference::Table(table.parts),
            manner: Manner::Text { rendered },
        }
    };
    let by_text = readings.tables.into_iter().map(table).chain(readings.files.into_iter().map(file));
    let names = tables.into_iter().map(upstream).chain(by_text).collect();
    Ok(OneStatement { span, names, unseen: readings.unseen })
}

/// The tokens of a statement, counted from its start, without comments.
fn within(tokens: &[Token], span: Span) -> Vec<Token> {
    let inside = |token: &&Token| token.span.start >= span.start && token.span.end <= span.end;
    let real = tokens.iter().filter(inside).filter(|token| token.kind != TokenKind::Comment);
    real.map(|token| Token { span: Span::new(token.span.start - span.start, token.span.end - span.start), ..*token })
        .collect()
}

/// The first parameter of a prepared statement: `?`, `?1`, `$1`, `$name`.
fn parameter(sql: &str, tokens: &[Token]) -> Option<Span> {
    let index = tokens.iter().position(|token| token.is_symbol('?') || token.is_symbol('$'))?;
    let sign = tokens.get(index)?.span;
    let name = tokens.get(index + 1).filter(|next| next.span.start == sign.end);
    let name = name.filter(|next| matches!(next.kind, TokenKind::Number | TokenKind::Word));
    match name {
        Some(name) => Some(Span::new(sign.start, name.span.end)),
        None => sql[sign.start..].starts_with('?').then_some(sign),
    }
}

fn has_parameter(sql: &str, statement: Span, parameter: Span, places: &Places<'_>) -> Diagnostic {
    let message = format!(
        "`{}` is a parameter, and nothing gives a model's parameters a value",
        &sql[parameter.start..parameter.end]
    );
    Diagnostic::error(Code::SqlSyntax, message)
        .at(places.place(Span::new(statement.start + parameter.start, statement.start + parameter.end)))
        .hint("write `{{ var('name') }}`, and set the variable in `[vars]` of `dovetail.toml` or with `--vars`")
}

/// A mistake in a macro's text says which model it came to light in, and where that model calls the macro.
fn naming_model(mut problem: Diagnostic, file: &Arc<SourceFile>, templates: &TemplateEnvironment) -> Diagnostic {
    let Some(place) = problem.place.as_ref().filter(|place| place.file.path() != file.path()) else { return problem };
    let call = templates.call_into(file, &place.file).unwrap_or_else(|| Place::start_of(file));
    problem.message = format!("in `{}`: {}", file.stem(), problem.message);
    problem.related(call, "called from here")
}

fn not_one_query(file: &Arc<SourceFile>, rendered: &str, reason: &NotOneQuery, places: &Places<'_>) -> Diagnostic {
    let error = |message: &str| Diagnostic::error(Code::NotOneSelect, message);
    match reason {
        NotOneQuery::Empty => {
            error("the model is empty").at(Place::start_of(file)).hint("a model's file holds one query")
        }
        NotOneQuery::Several(second) => error("the model holds more than one statement")
            .at(places.place(*second))
            .label("the second one starts here")
            .hint("make one model of each query, or use a Python asset for several statements"),
        NotOneQuery::Other(word) => {
            let text = rendered.get(word.start..word.end).unwrap_or_default();
            let lower = text.to_lowercase();
            let wrapped = statement::WRAPPED_WORDS.contains(&lower.as_str());
            let hint = if wrapped {
                format!("write `from ({lower} ...)`, which is a query")
            } else {
                "a model says what its table holds; dovetail writes the statement that makes it".to_owned()
            };
            error(&format!("a model is a query, not `{lower}`")).at(places.place(*word)).hint(hint)
        }
    }
}

fn failure(sql: &str, statement: Span, failure: Failure, places: &Places<'_>) -> Diagnostic {
    match failure {
        Failure::Syntax { message, offset } => {
            let start = offset.unwrap_or(0).min(sql.len());
            let near = tokens(sql).into_iter().find(|token| token.span.end > start);
            let span = near.map_or(Span::new(start, start), |token| token.span);
            let place = places.place(Span::new(statement.start + span.start, statement.start + span.end));
            Diagnostic::error(Code::SqlSyntax, readable(&message)).at(place)
        }
        Failure::NotAQuery => {
            Diagnostic::error(Code::NotOneSelect, "a model is a query, and this statement changes data")
                .at(places.place(Span::new(statement.start, statement.start)))
        }
        Failure::Unplaced(name) => Diagnostic::error(
            Code::Unsupported,
            format!("the table `{name}` is named in a way that dovetail cannot follow"),
        )
        .at(places.place(Span::new(statement.start, statement.start)))
        .hint(format!("write `ref('{name}')` instead")),
    }
}
