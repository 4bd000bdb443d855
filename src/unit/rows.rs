//! Hand-written rows in their forms: dictionaries, CSV, a query, a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::graph::folded;
use crate::parse::unit_test::{CellValue, ParsedRows, Row, RowsForm};
use crate::project::Project;
use crate::scan::read_file;
use crate::source::{Place, SourceFile, Span};

/// Where fixtures are kept, as in dbt.
const FIXTURES: &str = "tests/fixtures";

/// Rows, as far as they can be read without knowing their columns.
#[derive(Debug, Clone)]
pub enum Written {
    Table(Table),
    Query { sql: String, place: Place },
}

/// Columns by name, each as it stands there first, and rows that need not have all of them.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub columns: Vec<NamedColumn>,
    /// `None` where a row leaves the column out.
    pub rows: Vec<Vec<Option<Value>>>,
}

#[derive(Debug, Clone)]
pub struct NamedColumn {
    pub name: String,
    pub place: Option<Place>,
}

#[derive(Debug, Clone)]
pub struct Value {
    pub value: CellValue,
    pub place: Option<Place>,
}

impl Table {
    /// Rows of names and values. `place` makes places of their spans.
    pub fn of(rows: &[Row], place: &dyn Fn(Span) -> Option<Place>) -> Self {
        let mut table = Table::default();
        for row in rows {
            let mut values: Vec<Option<Value>> = vec![None; table.columns.len()];
            for cell in row {
                let index = table.column(&cell.column, || place(cell.column_span));
                values.resize(values.len().max(index + 1), None);
                values[index] = Some(Value { value: cell.value.clone(), place: place(cell.span) });
            }
            table.rows.push(values);
        }
        let width = table.columns.len();
        table.rows.iter_mut().for_each(|row| row.resize(width, None));
        table
    }

    fn column(&mut self, name: &str, place: impl Fn() -> Option<Place>) -> usize {
        let found = self.columns.iter().position(|column| folded(&column.name) == folded(name));
        found.unwrap_or_else(|| {
            self.columns.push(NamedColumn { name: name.to_owned(), place: place() });
            self.columns.len() - 1
        })
    }

    /// The names that none of these columns has, as a problem of `subject`.
    pub fn unknown_columns(&self, known: &[crate::engine::Column], subject: &str, at: Option<&Place>) -> Diagnostics {
        let names = || known.iter().map(|column| column.name.as_str());
        let is_unknown = |column: &&NamedColumn| !names().any(|name| name.eq_ignore_ascii_case(&column.name));
        let problem = |column: &NamedColumn| {
            let message = format!("{subject} has no column `{}`", column.name);
            let problem = Diagnostic::error(Code::UnitTestRows, message);
            let problem = match column.place.as_ref().or(at) {
                Some(place) => problem.at(place.clone()),
                None => problem,
            };
            let near = did_you_mean(&column.name, names());
            let problem = problem.hint_if(near.map(|near| format!("did you mean `{near}`?")));
            problem.hint(format!("its columns are {}", listed(names())))
        };
        Diagnostics(self.columns.iter().filter(is_unknown).map(problem).collect())
    }
}

pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Reads rows that stand in a file of properties.
///
/// # Errors
/// When a fixture cannot be read, or its CSV.
pub fn read(project: &Project, rows: &ParsedRows, file: &Arc<SourceFile>) -> Result<Written, Diagnostic> {
    let place = Place::new(file, rows.span);
    match &rows.form {
        RowsForm::Dict(rows) => Ok(Written::Table(Table::of(rows, &|span| Some(Place::new(file, span))))),
        RowsForm::Csv(text) => csv_table(text, &place, &|span| inline_place(text, span, &place)).map(Written::Table),
        RowsForm::Sql(sql) => Ok(Written::Query { sql: sql.clone(), place }),
        RowsForm::Fixture { name, is_sql } => {
            let path = fixture(project, name, *is_sql).ok_or_else(|| no_fixture(name, *is_sql).at(place.clone()))?;
            let fixture = read_file(&project.root, path)?;
            match is_sql {
                true => Ok(Written::Query { sql: fixture.text().to_owned(), place: Place::all_of(&fixture) }),
                false => csv_table(fixture.text(), &Place::start_of(&fixture), &|span| Place::new(&fixture, span))
                    .map(Written::Table),
            }
        }
    }
}

/// The path of a fixture, relative to the project's root: in the folder of fixtures or below it.
pub(super) fn fixture(project: &Project, name: &str, is_sql: bool) -> Option<PathBuf> {
    let ending = if is_sql { "sql" } else { "csv" };
    let name = Path::new(name);
    let wanted = match name.extension().and_then(|extension| extension.to_str()) {
        Some(extension) if extension == ending => name.to_owned(),
        _ => PathBuf::from(format!("{}.{ending}", name.display())),
    };
    let folder = project.root.join(FIXTURES);
    let files =
        walkdir::WalkDir::new(&folder).follow_links(true).sort_by_file_name().into_iter().filter_map(Result::ok);
    let mut fitting = files.filter(|entry| entry.file_type().is_file() && entry.path().ends_with(&wanted));
    let found = fitting.next()?;
    Some(found.path().strip_prefix(&project.root).ok()?.to_owned())
}

fn no_fixture(name: &str, is_sql: bool) -> Diagnostic {
    let ending = if is_sql { "sql" } else { "csv" };
    Diagnostic::error(Code::UnitTestRows, format!("there is no fixture `{name}.{ending}` in `{FIXTURES}`"))
}

/// Where a stretch of a text stands that a property file holds: its lines are found there one by one, since YAML takes
/// their indentation away.
fn inline_place(text: &str, span: Span, whole: &Place) -> Place {
    let line = text[..span.start].matches('\n').count();
    let mut from = whole.span.start;
    let source = whole.file.text();
    for (number, wanted) in text.lines().enumerate() {
        let Some(found) = source.get(from..whole.span.end).and_then(|rest| rest.find(wanted)) else { break };
        if number == line {
            let before = text[..span.start].rsplit('\n').next().map_or(0, str::len);
            let start = from + found + before;
            let end = (start + span.end - span.start).min(from + found + wanted.len());
            return Place::new(&whole.file, Span::new(start, end));
        }
        from += found + wanted.len();
    }
    whole.clone()
}

/// CSV with names in its first line. What is empty is null, and `""` is an empty text.
fn csv_table(text: &str, whole: &Place, place: &dyn Fn(Span) -> Place) -> Result<Table, Diagnostic> {
    let mut records = records(text).into_iter();
    let Some(header) = records.next() else {
        let problem = Diagnostic::error(Code::UnitTestRows, "CSV has the names of its columns in its first line");
        return Err(problem.at(whole.clone()));
    };
    let named = |field: Field| NamedColumn { name: field.text.trim().to_owned(), place: Some(place(field.span)) };
    let columns: Vec<NamedColumn> = header.into_iter().map(named).collect();
    let mut table = Table { columns, rows: Vec::new() };
    for record in records {
        if record.len() != table.columns.len() {
            let message =
                format!("a line of the CSV has {} values, and there are {} columns", record.len(), table.columns.len());
            let at = record.first().map_or_else(|| whole.clone(), |field| place(field.span));
            return Err(Diagnostic::error(Code::UnitTestRows, message).at(at));
        }
        let value = |field: Field| {
            let is_null = field.text.is_empty() && !field.is_quoted;
            let value = if is_null { CellValue::Null } else { CellValue::Text(field.text) };
            Some(Value { value, place: Some(place(field.span)) })
        };
        table.rows.push(record.into_iter().map(value).collect());
    }
    Ok(table)
}

struct Field {
    text: String,
    is_quoted: bool,
    span: Span,
}

/// The lines of a CSV; one that is empty is none, unless there is one column alone.
fn records(text: &str) -> Vec<Vec<Field>> {
    let mut records: Vec<Vec<Field>> = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let (record, next) = record(text, start);
        let is_blank = text[start..next].trim().is_empty();
        let is_null_row = records.first().is_some_and(|header| header.len() == 1) && next < text.len();
        if !is_blank || is_null_row {
            records.push(record);
        }
        start = next;
    }
    records
}

/// The line that starts here, and where the next one does.
fn record(text: &str, start: usize) -> (Vec<Field>, usize) {
    let mut fields = Vec::new();
    let mut at = start;
    loop {
        let (field, end) = field(text, at);
        fields.push(field);
        match text[end..].chars().next() {
            Some(',') => at = end + 1,
            Some('\r') if text[end..].starts_with("\r\n") => return (fields, end + 2),
            Some(letter) => return (fields, end + letter.len_utf8()),
            None => return (fields, end),
        }
    }
}

fn field(text: &str, start: usize) -> (Field, usize) {
    let rest = &text[start..];
    if let Some(mut inner) = rest.strip_prefix('"') {
        let mut unquoted = String::new();
        while let Some((before, after)) = inner.split_once('"') {
            unquoted.push_str(before);
            inner = after;
            match inner.strip_prefix('"') {
                Some(more) => inner = more,
                None => {
                    let end = text.len() - inner.len();
                    // What follows the closing quote up to the comma means nothing.
                    let skipped = inner.find([',', '\n', '\r']).unwrap_or(inner.len());
                    let field = Field { text: unquoted, is_quoted: true, span: Span::new(start, end) };
                    return (field, end + skipped);
                }
            }
            unquoted.push('"');
        }
    }
    let end = start + rest.find([',', '\n', '\r']).unwrap_or(rest.len());
    (Field { text: text[start..end].to_owned(), is_quoted: false, span: Span::new(start, end) }, end)
}

/// A text as a field that reads as it again.
pub(super) fn csv_field(value: Option<&str>) -> String {
    match value {
        None => String::new(),
        Some(text) => {
            let is_plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) && text.trim() == text;
            if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<Vec<Option<String>>> {
        let file = SourceFile::new("x.csv", text);
        let table = csv_table(text, &Place::start_of(&file), &|span| Place::new(&file, span)).unwrap();
        let of = |value: Option<Value>| match value?.value {
            CellValue::Text(text) => Some(text),
            _ => None,
        };
        table.rows.into_iter().map(|row| row.into_iter().map(of).collect()).collect()
    }

    #[test]
    fn csv_tells_nothing_from_an_empty_text() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            texts("a,b\r\n1,\"x,\"\"y\"\"\nz\"\n,\"\"\n\n"),
            [vec![some("1"), some("x,\"y\"\nz")], vec![None, some("")]]
        );
        assert_eq!(texts("a\n1\n\n2\n"), [vec![some("1")], vec![None], vec![some("2")]]);
    }

    #[test]
    fn fields_read_as_they_were_written() {
        for text in ["", " x", "a,b", "a\"b", "\"", "line\nend", "NULL", "é"] {
            assert_eq!(
                texts(&format!("a,b\n{},1", csv_field(Some(text)))),
                [[Some(text.to_owned()), Some("1".to_owned())]]
            );
        }
    }
}
