//! minijinja's errors as diagnostics, at the place in the user's own file.

use std::sync::Arc;

use minijinja::{Error, ErrorKind};

use super::advice;
use super::macros::{MacroIndex, template_name};
use super::placeholder::readable;
use super::raised::Raised;
use super::unclosed::{open_block, open_text};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::{Place, SourceFile, Span};

/// More callers than this say nothing new: the macro calls itself.
const SHOWN_CALLERS: usize = 4;

/// Where templates' texts differ from their files, and which names exist: what a failure needs to be understood.
pub(super) struct Failure<'a> {
    pub file: &'a Arc<SourceFile>,
    /// Bytes that were put before the file's text.
    pub prelude: usize,
    pub macros: &'a MacroIndex,
    pub known_names: Vec<String>,
}

impl Failure<'_> {
    pub fn diagnostic(&self, error: &Error) -> Diagnostic {
        let chain = chain(error);
        let innermost = chain.last().copied().unwrap_or(error);
        let place = self.place(innermost).unwrap_or_else(|| Place::start_of(self.file));
        let mut diagnostic = unclosed(innermost, &place).unwrap_or_else(|| self.describe(innermost, &place).at(place));
        let callers = chain.iter().rev().skip(1).filter(|caller| caller.kind() != ErrorKind::BadInclude);
        for caller in callers.take(SHOWN_CALLERS) {
            if let Some(place) = self.place(caller) {
                diagnostic = diagnostic.related(place, "called from here");
            }
        }
        diagnostic
    }

    fn describe(&self, error: &Error, place: &Place) -> Diagnostic {
        if let Some(raised) = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Raised>()) {
            return raised.0.clone();
        }
        let detail = readable(error.detail().unwrap_or_default());
        match error.kind() {
            ErrorKind::SyntaxError if let Some(word) = block_of_dbt(&detail) => {
                let message = format!("`{{% {word} %}}` blocks are not supported yet");
                Diagnostic::error(Code::Unsupported, message)
            }
            ErrorKind::UnknownMethod if let Some((package, name)) = call_of_undefined(&detail) => {
                self.unknown_package(package, name)
            }
            ErrorKind::UnknownMethod if let Some(method) = changing_method(&detail) => {
                let message = format!("`{method}` changes a value in place, which is not supported yet");
                Diagnostic::error(Code::Unsupported, message)
                    .hint("make a new value: `{% set items = items + [item] %}`, `{% set d = dict(d, key=value) %}`")
                    .hint("to keep it beyond a loop, put it into a `namespace()`")
            }
            ErrorKind::SyntaxError => {
                Diagnostic::error(Code::JinjaSyntax, or_kind(&detail, error)).hint_if(advice::of_syntax(&detail))
            }
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest => {
                let advice = detail.split_whitespace().nth(1).and_then(advice::of_filter);
                Diagnostic::error(Code::JinjaRender, or_kind(&detail, error)).hint_if(advice)
            }
            ErrorKind::UndefinedError => self.undefined(&detail, place),
            // In a macro, a name that nothing defines is an undefined value from the start.
            _ if detail.contains("undefined is not callable") => self.undefined("", place),
            ErrorKind::UnknownFunction => match detail.strip_suffix(" is unknown") {
                Some(name) => self.unknown_name(name),
                None => Diagnostic::error(Code::JinjaRender, or_kind(&detail, error)),
            },
            ErrorKind::TooManyArguments | ErrorKind::MissingArgument | ErrorKind::UnknownMethod => {
                let colon = if detail.is_empty() { "" } else { ": " };
                Diagnostic::error(Code::JinjaRender, format!("{}{colon}{detail}", error.kind()))
            }
            _ => Diagnostic::error(Code::JinjaRender, or_kind(&detail, error)),
        }
    }

    /// minijinja names what is undefined, or else the marked text starts with it.
    fn undefined(&self, detail: &str, place: &Place) -> Diagnostic {
        let marked = place.file.text().get(place.span.start..place.span.end).unwrap_or_default();
        let end = marked.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '.'));
        let written = &marked[..end.unwrap_or(marked.len())];
        match detail.split('`').nth(1).or((!written.is_empty()).then_some(written)) {
            Some(name) => self.unknown_name(name),
            None => Diagnostic::error(Code::JinjaRender, "a value is not defined"),
        }
    }

    /// `dbt_utils.star()`, unless the name looks like one that there is.
    fn unknown_package(&self, package: &str, name: &str) -> Diagnostic {
        if did_you_mean(package, self.known_names.iter().map(String::as_str)).is_some() {
            return self.unknown_name(package);
        }
        let message = format!("`{package}.{name}` is not defined, and macros of packages are not supported yet");
        let hint = "put the macro into `macros/` and call it without the package's name";
        Diagnostic::error(Code::Unsupported, message).hint(hint)
    }

    fn unknown_name(&self, name: &str) -> Diagnostic {
        let names = self.known_names.iter().map(String::as_str).chain(self.macros.names());
        let near = did_you_mean(name, names).map(|near| format!("did you mean `{near}`?"));
        Diagnostic::error(Code::JinjaRender, format!("`{name}` is not defined")).hint_if(near)
    }

    fn place(&self, error: &Error) -> Option<Place> {
        let name = error.name()?;
        let (file, prelude) = match self.macros.file(name) {
            Some(file) => (file, 0),
            None if name == template_name(self.file) => (self.file, self.prelude),
            None => return None,
        };
        let span = error.range().and_then(|range| within(file, range, prelude));
        let line = || error.line().map(|line| file.line_span(line));
        Some(Place::new(file, span.or_else(line)?))
    }
}

/// What opens something that is not closed; `None` for all other errors.
fn unclosed(error: &Error, place: &Place) -> Option<Diagnostic> {
    let detail = error.detail().filter(|_| error.kind() == ErrorKind::SyntaxError)?;
    let (file, text) = (&place.file, place.file.text());
    let problem = |message: String| Diagnostic::error(Code::JinjaSyntax, message);
    if detail.starts_with("unexpected end of input") {
        let (word, opening) = open_block(text, text.len())?;
        let problem = problem(format!("`{{% {word} %}}` is not closed: `{{% end{word} %}}` is missing"));
        return Some(problem.at(Place::new(file, opening)));
    }
    if let Some(word) = detail.strip_prefix("unknown statement end") {
        let (open, opening) = open_block(text, place.span.start).filter(|_| block_of_dbt(detail).is_none())?;
        let problem = problem(format!("`{{% end{word} %}}` stands where `{{% end{open} %}}` is missing"));
        return Some(
            problem.at(place.clone()).related(Place::new(file, opening), format!("`{open}` is still open here")),
        );
    }
    let what = ["comment", "raw block"].into_iter().find(|what| detail == format!("unexpected end of {what}"))?;
    Some(problem(format!("this {what} is not closed")).at(Place::new(file, open_text(text)?)))
}

fn within(file: &SourceFile, range: std::ops::Range<usize>, prelude: usize) -> Option<Span> {
    let start = range.start.checked_sub(prelude)?;
    let end = range.end.checked_sub(prelude)?.min(file.text().len());
    file.text().get(start..end.max(start)).map(|_| Span::new(start, end))
}

fn or_kind(detail: &str, error: &Error) -> String {
    if detail.is_empty() { error.kind().to_string() } else { detail.to_owned() }
}

/// The minijinja errors from the outermost call to the origin.
fn chain(error: &Error) -> Vec<&Error> {
    let mut chain = vec![error];
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        chain.extend(next.downcast_ref::<Error>());
        source = next.source();
    }
    chain
}

/// The block of dbt's that a template opens, when minijinja knows no such statement.
fn block_of_dbt(detail: &str) -> Option<&str> {
    let word = detail.strip_prefix("unknown statement ")?;
    let known = ["snapshot", "materialization", "docs"];
    known.contains(&word.strip_prefix("end").unwrap_or(word)).then_some(word)
}

/// The method of Python's lists and dictionaries that changes them.
fn changing_method(detail: &str) -> Option<&str> {
    let method = detail.rsplit(' ').next()?;
    let known = [
        "append",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "sort",
        "clear",
        "update",
        "setdefault",
        "add",
        "discard",
    ];
    known.contains(&method).then_some(method)
}

/// The undefined name and the method, from minijinja's words for a method of an undefined value.
fn call_of_undefined(detail: &str) -> Option<(&str, &str)> {
    let (method, name) = detail.strip_prefix("undefined has no method named ")?.split_once(" (`")?;
    Some((name.strip_suffix("` is undefined)")?, method))
}
