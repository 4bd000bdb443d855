//! Where a source's data is: a table by default, files where the property file says so.

use super::PropertyParser;
use super::external::{self, External};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::document::{Content, Entry};
use crate::parse::{FileFormat, SourceLocation};
use crate::project::Values;
use crate::source::Span;

/// What a source says for all of its tables.
pub(super) struct SourceDefaults {
    pub database: Option<String>,
    pub schema: String,
    pub config: Values,
}

impl SourceDefaults {
    /// The schema is the source's name until the file says otherwise.
    pub fn new(name: String) -> Self {
        SourceDefaults { database: None, schema: name, config: Values::new() }
    }
}

/// What a table says about its own place.
#[derive(Default)]
pub(super) struct Declared {
    pub identifier: Option<String>,
    path: Option<(String, Span)>,
    format: Option<(FileFormat, Values)>,
    options: Values,
    /// Something about the place was wrong and is reported.
    is_broken: bool,
}

const FORMATS: &[&str] = &["parquet", "csv", "tsv", "json", "ndjson", "jsonl"];

impl PropertyParser<'_> {
    /// Text that becomes part of a place, so a template in it must not be taken literally.
    pub(super) fn location_text(&mut self, entry: &Entry<'_>) -> Option<String> {
        let text = self.reader.name(&entry.key, &entry.value)?;
        if text.contains("{{") || text.contains("{%") {
            let message = format!("Jinja in `{}` of a property file is not supported yet", entry.key);
            let problem = Diagnostic::error(Code::Unsupported, message).at(self.reader.place(entry.value.span));
            self.reader.report(problem);
            return None;
        }
        Some(text)
    }

    pub(super) fn declared_entry(&mut self, entry: &Entry<'_>, declared: &mut Declared) {
        if entry.value.is_null() {
            return;
        }
        let before = self.reader.problems.0.len();
        match entry.key.as_ref() {
            "path" | "location" => {
                declared.path = self.location_text(entry).map(|path| (path, entry.value.span));
            }
            "files" => declared.path = self.files(entry),
            "format" | "file_format" => declared.format = self.format(entry),
            "options" => declared.options = self.reader.values("options", &entry.value),
            "external" => {
                let known = ["location", "path", "files", "format", "file_format", "options"];
                let entries = self.reader.table("external", &entry.value).iter();
                // dbt's own `external:` holds whatever a loader's package wants.
                for entry in entries.filter(|entry| known.contains(&entry.key.as_ref())) {
                    self.declared_entry(entry, declared);
                }
            }
            _ => {}
        }
        declared.is_broken |= self.reader.problems.0.len() > before;
    }

    fn files(&mut self, entry: &Entry<'_>) -> Option<(String, Span)> {
        match &entry.value.content {
            Content::List(items) => match items.as_slice() {
                [item] => self.reader.name("files", item).map(|path| (path, item.span)),
                _ => {
                    let problem = Diagnostic::error(Code::Unsupported, "`files` names one path or one pattern");
                    let problem = problem.at(self.reader.place(entry.value.span));
                    self.reader.report(problem.hint("a pattern such as `data/*.parquet` stands for many files"));
                    None
                }
            },
            _ => self.location_text(entry).map(|path| (path, entry.value.span)),
        }
    }

    fn format(&mut self, entry: &Entry<'_>) -> Option<(FileFormat, Values)> {
        let word = self.reader.name("format", &entry.value)?;
        let format = format_of(&word.to_ascii_lowercase());
        if format.is_none() {
            let hint = match did_you_mean(&word, FORMATS.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("known formats: {}", FORMATS.join(", ")),
            };
            let problem = self.reader.problem(entry.value.span, format!("unknown file format `{word}`"));
            self.reader.report(problem.hint(hint));
        }
        format
    }

    /// The table's place: its own files, then `external_location` (its own or the source's), then a table.
    pub(super) fn location(
        &mut self,
        table: &str,
        span: Span,
        declared: Declared,
        defaults: &SourceDefaults,
        config: &Values,
    ) -> Option<SourceLocation> {
        if declared.is_broken {
            return None;
        }
        let identifier = declared.identifier.unwrap_or_else(|| table.to_string());
        if let Some((path, span)) = declared.path {
            return self.files_location(path, span, declared.format, declared.options);
        }
        if let Some(template) = external::location(config) {
            let names = external::Names { schema: &defaults.schema, name: table, identifier: &identifier };
            return match external::read(template, &names) {
                Ok(External::Path(path)) => self.files_location(path, span, declared.format, declared.options),
                Ok(External::Reader(location)) => Some(location),
                Err(message) => {
                    let problem = Diagnostic::error(Code::Unsupported, format!("`external_location` {message}"));
                    let problem = problem.at(self.reader.place(span));
                    self.reader.report(problem.hint("write `path:`, `format:` and `options:` instead"));
                    None
                }
            };
        }
        let (database, schema) = (defaults.database.clone(), Some(defaults.schema.clone()));
        Some(SourceLocation::Table { database, schema, identifier })
    }

    fn files_location(
        &mut self,
        path: String,
        span: Span,
        format: Option<(FileFormat, Values)>,
        mut options: Values,
    ) -> Option<SourceLocation> {
        let Some((format, implied)) = format.or_else(|| format_of(&ending(&path))) else {
            let problem = self.reader.problem(span, format!("the format of `{path}` cannot be told from its ending"));
            self.reader.report(problem.hint(format!("add `format:`, one of {}", FORMATS.join(", "))));
            return None;
        };
        for (key, value) in implied {
            options.entry(key).or_insert(value);
        }
        Some(SourceLocation::Files { path, format, options })
    }
}

/// A format by its name or ending, with the reader options that it implies.
fn format_of(word: &str) -> Option<(FileFormat, Values)> {
    let with = |format, key: &str, value: &str| Some((format, Values::from([(key.to_string(), value.into())])));
    match word {
        "parquet" | "pq" => Some((FileFormat::Parquet, Values::new())),
        "csv" => Some((FileFormat::Csv, Values::new())),
        "tsv" => with(FileFormat::Csv, "delim", "\t"),
        "json" => Some((FileFormat::Json, Values::new())),
        "ndjson" | "jsonl" => with(FileFormat::Json, "format", "newline_delimited"),
        _ => None,
    }
}

/// The ending of a path that tells its format, in lower case: without compression and without a URL's query.
fn ending(path: &str) -> String {
    let path = if path.contains("://") { path.split(['?', '#']).next().unwrap_or(path) } else { path };
    let path = path.to_ascii_lowercase();
    let path = [".gz", ".zst"].iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(&path);
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map(|(_, ending)| ending.to_string()).unwrap_or_default()
}
