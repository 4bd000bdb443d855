//! From text to `Selection`.

use std::sync::Arc;

use super::methods::{self, Request};
use super::{Criterion, Intersection, Reach, Selection, Steps, Union};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Place, SourceFile, Span};

impl Selection {
    /// `select` and `exclude` as given on the command line, each argument possibly holding several expressions.
    /// No `select` at all means everything.
    ///
    /// # Errors
    /// `Code::Selection` for each part that breaks the grammar, with its column.
    pub fn parse(select: &[String], exclude: &[String]) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::default();
        let selection = Selection {
            select: (!select.is_empty()).then(|| union("--select", select, &mut problems)),
            exclude: union("--exclude", exclude, &mut problems),
        };
        if problems.has_errors() { Err(problems) } else { Ok(selection) }
    }
}

fn union(flag: &str, arguments: &[String], problems: &mut Diagnostics) -> Union {
    let mut parts = Vec::new();
    for argument in arguments {
        let file = SourceFile::new(flag, argument.as_str());
        let spans = split(argument, Span::new(0, argument.len()), char::is_whitespace);
        if spans.is_empty() {
            let problem = Diagnostic::error(Code::Selection, format!("`{flag}` has an empty expression"));
            problems.push(problem.hint(format!("leave `{flag}` away, or name what it is about")));
        }
        parts.extend(spans.into_iter().map(|span| intersection(&file, span, problems)));
    }
    parts
}

fn intersection(file: &Arc<SourceFile>, span: Span, problems: &mut Diagnostics) -> Intersection {
    let mut parts = Vec::new();
    let mut start = span.start;
    for text in file.text()[span.start..span.end].split(',') {
        let part = Span::new(start, start + text.len());
        start = part.end + 1;
        match criterion(file, part) {
            Ok(criterion) => parts.push(criterion),
            Err(problem) => problems.push(*problem),
        }
    }
    Intersection { parts, place: Place::new(file, span) }
}

/// The stretches between separators, empty ones left out.
fn split(text: &str, span: Span, is_separator: fn(char) -> bool) -> Vec<Span> {
    let start_of = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let parts = text[span.start..span.end].split(is_separator).filter(|part| !part.is_empty());
    parts.map(|part| Span::new(start_of(part), start_of(part) + part.len())).collect()
}

type Parsed<T> = Result<T, Box<Diagnostic>>;

fn criterion(file: &Arc<SourceFile>, span: Span) -> Parsed<Criterion> {
    let mut scanner = Scanner { file, span };
    if span.start == span.end {
        return Err(scanner.problem("there is nothing beside the comma").into());
    }
    let whole_family = scanner.eat_prefix("@");
    let ancestors = scanner.leading_steps()?;
    let descendants = scanner.trailing_steps()?;
    if whole_family && descendants.is_some() {
        let problem = Scanner { file, span }.problem("`@` before and `+` after a name cannot stand together");
        return Err(problem.hint("`@x` holds all descendants of `x` already").into());
    }
    scanner.no_more_steps()?;
    let reach = Reach { whole_family, ancestors, descendants };
    Ok(Criterion { matcher: scanner.matcher()?, reach, place: Place::new(file, span) })
}

/// The part of an expression that is still to be read.
struct Scanner<'a> {
    file: &'a Arc<SourceFile>,
    span: Span,
}

impl Scanner<'_> {
    fn text(&self) -> &str {
        &self.file.text()[self.span.start..self.span.end]
    }

    fn problem(&self, what: impl Into<String>) -> Diagnostic {
        let message = format!("`{}` cannot be understood", self.file.text());
        Diagnostic::error(Code::Selection, message).at(Place::new(self.file, self.span)).label(what)
    }

    fn eat_prefix(&mut self, prefix: &str) -> bool {
        let is_there = self.text().starts_with(prefix);
        if is_there {
            self.span.start += prefix.len();
        }
        is_there
    }

    /// `+` or `2+` before a part.
    fn leading_steps(&mut self) -> Parsed<Option<Steps>> {
        let digits = self.text().len() - self.text().trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        if self.text().as_bytes().get(digits) != Some(&b'+') {
            return Ok(None);
        }
        let steps = self.steps(&self.text()[..digits])?;
        self.span.start += digits + 1;
        Ok(Some(steps))
    }

    /// `+` or `+2` after a part.
    fn trailing_steps(&mut self) -> Parsed<Option<Steps>> {
        let rest = self.text().trim_end_matches(|letter: char| letter.is_ascii_digit());
        if !rest.ends_with('+') {
            return Ok(None);
        }
        let steps = self.steps(&self.text()[rest.len()..])?;
        self.span.end = self.span.start + rest.len() - 1;
        Ok(Some(steps))
    }

    /// What is left of `++x`, `x+1+` or `+@x` after one step on each side.
    fn no_more_steps(&self) -> Parsed<()> {
        let is_before = self.text().trim_start_matches(|letter: char| letter.is_ascii_digit()).starts_with('+');
        let is_behind = self.text().trim_end_matches(|letter: char| letter.is_ascii_digit()).ends_with('+');
        if !is_before && !is_behind && !self.text().starts_with('@') {
            return Ok(());
        }
        let problem = self.problem("there is a `+` or `@` too many");
        Err(problem.hint("write `+x`, `x+`, `2+x+1` or `@x`").into())
    }

    fn steps(&self, digits: &str) -> Parsed<Steps> {
        if digits.is_empty() {
            return Ok(Steps::All);
        }
        let steps = digits.parse().map(Steps::AtMost);
        steps.map_err(|_| self.problem(format!("`{digits}` steps are too many")).into())
    }

    /// `method.argument:value`, or a value whose form tells the method.
    fn matcher(&self) -> Parsed<methods::Matcher> {
        let (method, arguments, value) = self.method_and_value();
        if value.is_empty() {
            return Err(self.problem("a name or a value is missing here").into());
        }
        let prepared = methods::prepare(&method, &Request { arguments, value });
        prepared.map_err(|wrong| self.problem(wrong.what).hint_if(wrong.hint).into())
    }

    fn method_and_value(&self) -> (String, Vec<String>, String) {
        let text = self.text();
        if let Some((method, value)) = text.split_once(':')
            && !method.is_empty()
            && method.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '.')
        {
            let mut names = method.split('.').map(str::to_owned);
            return (names.next().unwrap_or_default(), names.collect(), value.to_owned());
        }
        // A shell completes `delays.py` to `./delays.py`, which still is the name of a file.
        let plain = text.strip_prefix("./").filter(|rest| methods::default_for(rest) == "file").unwrap_or(text);
        (methods::default_for(plain).to_owned(), Vec::new(), plain.to_owned())
    }
}
