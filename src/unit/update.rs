//! The rows that came out, written as an expectation in the form and at the place of the one before.

use std::path::{Path, PathBuf};

use super::compare::Compared;
use super::literal::expression;
use super::rows::{NamedColumn, Table, Value, Written, csv_field, fixture};
use super::trial::Trial;
use super::types::Type;
use super::yaml::{flow_row, row_lines};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::Column;
use crate::graph::{UnitTest, quoted};
use crate::parse::unit_test::{CellValue, RowsForm};
use crate::project::Project;
use crate::source::Span;

/// The rows of an asset in the columns that a test names.
#[derive(Debug, Clone, PartialEq)]
pub struct CameOut {
    /// As the test calls them, in its order.
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<CellValue>>,
}

/// Reads what came out, in values that are the same when they are read again.
///
/// With `is_csv`, values with parts are texts.
pub(super) fn came_out(
    trial: &mut Trial<'_>,
    expected: &Written,
    compared: &Compared,
    is_csv: bool,
) -> Result<CameOut, Diagnostic> {
    let unreadable = |message: String| Diagnostic::error(Code::UnitTestUpdate, message);
    let named: Vec<Column> = match expected {
        Written::Table(table) if !table.columns.is_empty() => {
            let known = |name: &str| compared.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
            let column = |named: &NamedColumn| Some(Column { name: named.name.clone(), ..known(&named.name)?.clone() });
            table.columns.iter().filter_map(column).collect()
        }
        _ => compared.columns.clone(),
    };
    let of =
        |column: &Column| if is_csv { Type::Plain(column.engine_type.clone()) } else { Type::of(&column.engine_type) };
    let types: Vec<Type> = named.iter().map(of).collect();
    let cells = named.iter().zip(&types).map(|(column, of)| text_of(column, of)).collect::<Vec<_>>().join(", ");
    let texts = trial.texts(&format!("select {cells} from {} order by rowid", compared.actual));
    let texts = texts.map_err(|error| unreadable(format!("what came out cannot be read: {}", error.message)))?;
    let rows = texts.into_iter().map(|row| row.into_iter().zip(&types).map(|(text, of)| value(text, of)).collect());
    let came_out = CameOut { columns: named, rows: rows.collect() };
    // Whatever was written must be what came out.
    let again = Written::Table(came_out.table());
    let same = trial
        .expect(compared.actual.clone(), &again, "what came out", None)
        .and_then(|compared| trial.compare(&compared, None));
    match same {
        Ok(None) => Ok(came_out),
        _ => {
            Err(unreadable("a value that came out cannot be written so that it is the same when it is read".to_owned()))
        }
    }
}

impl CameOut {
    fn table(&self) -> Table {
        let columns = self.columns.iter().map(|column| NamedColumn { name: column.name.clone(), place: None });
        let value = |value: &CellValue| Some(Value { value: value.clone(), place: None });
        let rows = self.rows.iter().map(|row| row.iter().map(value).collect());
        Table { columns: columns.collect(), rows: rows.collect() }
    }

    /// The rows as CSV. Values with parts are texts there, as the engine reads them.
    fn csv(&self) -> Vec<String> {
        let line = |cells: Vec<Option<String>>| {
            let cells: Vec<String> = cells.iter().map(|cell| csv_field(cell.as_deref())).collect();
            cells.join(",")
        };
        let header = line(self.columns.iter().map(|column| Some(column.name.clone())).collect());
        let cell = |value: &CellValue| match value {
            CellValue::Null => None,
            other => Some(super::literal::shown(other)),
        };
        let rows = self.rows.iter().map(|row| line(row.iter().map(cell).collect()));
        std::iter::once(header).chain(rows).collect()
    }

    /// A query of these rows.
    fn query(&self) -> Result<Vec<String>, String> {
        let select = |row: &Vec<CellValue>| {
            let cells = row.iter().zip(&self.columns).map(|(value, column)| {
                Ok(format!("{} as {}", expression(value, &Type::of(&column.engine_type))?, quoted(&column.name)))
            });
            Ok(format!("select {}", cells.collect::<Result<Vec<_>, String>>()?.join(", ")))
        };
        let rows: Result<Vec<String>, String> = self.rows.iter().map(select).collect();
        let rows = rows?;
        if rows.is_empty() {
            let nulls = self
                .columns
                .iter()
                .map(|column| format!("cast(null as {}) as {}", column.engine_type, quoted(&column.name)));
            return Ok(vec![format!("select {} limit 0", nulls.collect::<Vec<_>>().join(", "))]);
        }
        let last = rows.len() - 1;
        let joined = rows.into_iter().enumerate();
        Ok(joined.map(|(index, row)| if index < last { format!("{row} union all") } else { row }).collect())
    }
}

/// A column as one text: of values with parts, JSON in which all values are texts.
fn text_of(column: &Column, of: &Type) -> String {
    let name = quoted(&column.name);
    match of {
        Type::Plain(kind) if kind == "VARIANT" => format!("cast(cast({name} as json) as varchar)"),
        Type::Plain(_) | Type::Union(_) => format!("cast({name} as varchar)"),
        _ => format!("cast(to_json(cast({name} as {})) as varchar)", of.in_texts()),
    }
}

/// What a text of `text_of` stands for.
fn value(text: Option<String>, of: &Type) -> CellValue {
    let Some(text) = text else { return CellValue::Null };
    match of {
        Type::Plain(_) | Type::Union(_) => plain(text, of),
        _ => serde_json::from_str(&text).map_or(CellValue::Text(text), |json| from_json(&json, of)),
    }
}

fn plain(text: String, of: &Type) -> CellValue {
    let is_digits = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-');
    match text.as_str() {
        "true" if of.is_truth() => CellValue::Truth(true),
        "false" if of.is_truth() => CellValue::Truth(false),
        text if of.is_number() && is_digits(text) && !text.contains("inf") => CellValue::Number(text.to_owned()),
        _ => CellValue::Text(text),
    }
}

fn from_json(json: &serde_json::Value, of: &Type) -> CellValue {
    use serde_json::Value as Json;
    match (json, of) {
        (Json::Null, _) => CellValue::Null,
        (Json::Array(items), Type::List(item) | Type::Array(item, _)) => {
            CellValue::List(items.iter().map(|value| from_json(value, item)).collect())
        }
        (Json::Object(entries), Type::Struct(fields)) => {
            let field = |(name, value): (&String, &Json)| {
                let of = fields.iter().find(|(field, _)| field == name).map(|(_, of)| of);
                (name.clone(), of.map_or(CellValue::Null, |of| from_json(value, of)))
            };
            CellValue::Table(entries.iter().map(field).collect())
        }
        (Json::Object(entries), Type::Map(_, of)) => {
            CellValue::Table(entries.iter().map(|(key, value)| (key.clone(), from_json(value, of))).collect())
        }
        (Json::String(text), of) => plain(text.clone(), of),
        (other, _) => CellValue::Text(other.to_string()),
    }
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Relative to the project's root.
    pub path: PathBuf,
    /// What is replaced; `None` for all of the file.
    pub span: Option<Span>,
    pub text: String,
}

/// How the file of a test changes so that it expects these rows.
///
/// # Errors
/// When the rows stand there in a form that cannot be rewritten.
pub fn rewrite(project: &Project, test: &UnitTest, came_out: &CameOut) -> Result<Rewrite, Diagnostic> {
    let refused = |why: &str| {
        let message = format!("the expectation of `{}` cannot be rewritten: {why}", test.name);
        Diagnostic::error(Code::UnitTestUpdate, message).at(test.at(test.expect.key))
    };
    if let RowsForm::Fixture { name, is_sql } = &test.expect.form {
        let path = fixture(project, name, *is_sql).ok_or_else(|| refused("its file is gone"))?;
        let lines = if *is_sql { came_out.query().map_err(|why| refused(&why))? } else { came_out.csv() };
        return Ok(Rewrite { path, span: None, text: lines.join("\n") + "\n" });
    }
    let file = &test.place.file;
    let source = Source { text: file.text(), key: test.expect.key, span: test.expect.span };
    let (span, text) = match &test.expect.form {
        RowsForm::Dict(rows) => source.dict_rows(came_out, rows.is_empty()),
        RowsForm::Csv(_) => source.block_text(&came_out.csv()),
        RowsForm::Sql(_) => source.block_text(&came_out.query().map_err(|why| refused(&why))?),
        RowsForm::Fixture { .. } => None,
    }
    .ok_or_else(|| refused("it stands there in a form of YAML that is not followed (an alias, or an anchor)"))?;
    Ok(Rewrite { path: file.path().to_owned(), span: Some(span), text })
}

/// Where rows stand in a file.
struct Source<'a> {
    text: &'a str,
    key: Span,
    span: Span,
}

impl Source<'_> {
    /// What stands behind the key's colon on its line, without blanks and comments.
    fn behind_key(&self) -> Option<&str> {
        let line = self.text.get(self.key.end..)?.lines().next().unwrap_or_default();
        let behind = line.trim_start().strip_prefix(':')?.trim();
        Some(if behind.starts_with('#') { "" } else { behind })
    }

    fn column_of(&self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        self.text[start..at].chars().count()
    }

    /// From behind the colon to the end of the last line that belongs to the key's value.
    fn block(&self) -> Option<Span> {
        let colon = self.key.end + self.text.get(self.key.end..)?.find(':')? + 1;
        let indent = self.column_of(self.key.start);
        let line_end = |from: usize| self.text[from..].find('\n').map_or(self.text.len(), |end| from + end);
        let mut end = line_end(colon);
        let mut at = end;
        while at < self.text.len() {
            let (start, next) = (at + 1, line_end(at + 1));
            let line = &self.text[start..next];
            let blanks = line.len() - line.trim_start_matches(' ').len();
            let is_blank = line.trim().is_empty();
            let belongs = blanks > indent || (blanks == indent && line[blanks..].starts_with("- "));
            if !is_blank && !belongs {
                break;
            }
            if !is_blank {
                end = start + line.trim_end_matches('\r').len();
            }
            at = next;
        }
        Some(Span::new(colon, end))
    }

    fn dict_rows(&self, came_out: &CameOut, was_empty: bool) -> Option<(Span, String)> {
        let behind = self.behind_key()?;
        if behind.starts_with(['*', '&', '!']) {
            return None;
        }
        if behind.starts_with('[') && self.span.start > self.key.end {
            let is_line = self.text.get(self.span.start..self.span.end)?.starts_with('[');
            if !is_line {
                return None;
            }
            if was_empty && self.is_last_on_line() && !came_out.rows.is_empty() {
                return self.after_line(&self.lines(came_out, self.column_of(self.key.start) + 2, true));
            }
            let rows: Vec<String> = came_out.rows.iter().map(|row| flow_row(&came_out.columns, row)).collect();
            return Some((self.span, format!("[{}]", rows.join(", "))));
        }
        let block = self.block()?;
        if came_out.rows.is_empty() {
            return Some((block, " []".to_owned()));
        }
        let inner = &self.text[block.start..block.end];
        let dash = inner.find("- ").map(|at| block.start + at);
        let indent = dash.map_or(self.column_of(self.key.start) + 2, |at| self.column_of(at));
        let is_flow = dash.is_none_or(|at| self.text[at + 2..].trim_start().starts_with('{'));
        Some((block, self.lines(came_out, indent, is_flow)))
    }

    /// Lines below that of the key, whose comment stays.
    fn after_line(&self, lines: &str) -> Option<(Span, String)> {
        let colon = self.key.end + self.text.get(self.key.end..)?.find(':')? + 1;
        let rest = self.text[self.span.end..].lines().next().unwrap_or_default();
        let span = Span::new(colon, self.span.end + rest.len());
        Some((span, format!("{}{lines}", rest.trim_end())))
    }

    /// Whether nothing of a flow collection around it follows.
    fn is_last_on_line(&self) -> bool {
        let rest = self.text[self.span.end..].lines().next().unwrap_or_default().trim();
        rest.is_empty() || rest.starts_with('#')
    }

    fn lines(&self, came_out: &CameOut, indent: usize, is_flow: bool) -> String {
        let blanks = " ".repeat(indent);
        let mut text = String::new();
        for row in &came_out.rows {
            for line in row_lines(&came_out.columns, row, is_flow) {
                text.push_str(self.line_end());
                text.push_str(&blanks);
                text.push_str(&line);
            }
        }
        text
    }

    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Lines as a literal block.
    fn block_text(&self, lines: &[String]) -> Option<(Span, String)> {
        let behind = self.behind_key()?;
        if behind.starts_with(['*', '&', '!']) {
            return None;
        }
        let is_block = behind.is_empty() || behind.starts_with(['|', '>']);
        let span = if is_block { self.block()? } else { Span::new(self.key.end + 1, self.span.end) };
        if !is_block && !self.is_last_on_line() {
            return None;
        }
        let blanks = " ".repeat(self.column_of(self.key.start) + 2);
        // An explicit indentation, since the first line may begin with blanks.
        let head = if lines.iter().any(|line| line.starts_with(' ')) { " |2" } else { " |" };
        let mut text = head.to_owned();
        for line in lines.iter().flat_map(|line| line.split('\n')) {
            text.push_str(self.line_end());
            text.push_str(&format!("{blanks}{line}"));
        }
        Some((span, text))
    }
}

/// Makes these changes, each file at once.
///
/// # Errors
/// When a file is not what the tests were read from any more, or cannot be written. Other files are written all the same.
pub fn apply(project: &Project, rewrites: &[(&UnitTest, Rewrite)]) -> Result<Vec<PathBuf>, Diagnostics> {
    let mut paths: Vec<&Path> = rewrites.iter().map(|(_, rewrite)| rewrite.path.as_path()).collect();
    paths.sort_unstable();
    paths.dedup();
    let (mut written, mut problems) = (Vec::new(), Diagnostics::default());
    for path in paths {
        let of_file: Vec<&(&UnitTest, Rewrite)> = rewrites.iter().filter(|(_, rewrite)| rewrite.path == path).collect();
        match apply_to_file(project, path, &of_file) {
            Ok(()) => written.push(path.to_owned()),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(written) }
}

fn apply_to_file(project: &Project, path: &Path, rewrites: &[&(&UnitTest, Rewrite)]) -> Result<(), Diagnostic> {
    let unwritable =
        |why: &str| Diagnostic::error(Code::Unwritable, format!("`{}` was not rewritten: {why}", path.display()));
    let full = project.root.join(path);
    let before = std::fs::read_to_string(&full).map_err(|error| unwritable(&error.to_string()))?;
    let mut after = before.clone();
    let mut ordered: Vec<&&(&UnitTest, Rewrite)> = rewrites.iter().collect();
    ordered.sort_by_key(|(_, rewrite)| std::cmp::Reverse(rewrite.span.map(|span| span.start)));
    for (test, Rewrite { span, text, .. }) in ordered {
        match span {
            Some(span) if test.place.file.text() == before => after.replace_range(span.start..span.end, text),
            Some(_) => return Err(unwritable("it has changed meanwhile")),
            None => after.clone_from(text),
        }
    }
    // Beside the file first, so that it is the old one or the new one.
    let beside = full.with_extension(format!("dovetail-{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, after).and_then(|()| std::fs::rename(&beside, &full));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        unwritable(&error.to_string())
    })
}
