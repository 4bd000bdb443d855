//! Results as JUnit XML, which CI systems read.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};
use crate::template::Secrets;

/// Tests of one kind.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    pub name: String,
    pub cases: Vec<Case>,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub name: String,
    /// What is tested.
    pub class: String,
    pub elapsed: Duration,
    pub file: Option<PathBuf>,
    pub line: Option<usize>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    Passed,
    /// Passed, with something to say, which JUnit has no word for.
    Warned(String),
    /// In a few words, and all that there is to say.
    Failed(String, String),
    Error(String, String),
    Skipped(String),
}

/// Writes the file, and the folders above it; without the values of `secrets`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, suites: &[Suite], secrets: &Secrets) -> Result<(), Diagnostic> {
    let written = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    };
    written.and_then(|()| std::fs::write(path, secrets.redact(&document(suites)))).map_err(|error| {
        Diagnostic::error(Code::Unwritable, format!("`{}` cannot be written: {error}", path.display()))
    })
}

/// The text of the file.
pub(crate) fn document(suites: &[Suite]) -> String {
    let all: Vec<&Case> = suites.iter().flat_map(|suite| &suite.cases).collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    line(&mut text, format_args!("<testsuites name=\"dovetail\"{}>", totals(&all)));
    for suite in suites {
        let cases: Vec<&Case> = suite.cases.iter().collect();
        line(&mut text, format_args!("  <testsuite name=\"{}\"{}>", escaped(&suite.name), totals(&cases)));
        cases.iter().for_each(|case| write_case(&mut text, case));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn totals(cases: &[&Case]) -> String {
    let count = |is: fn(&Verdict) -> bool| cases.iter().filter(|case| is(&case.verdict)).count();
    let seconds: f64 = cases.iter().map(|case| case.elapsed.as_secs_f64()).sum();
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\"",
        cases.len(),
        count(|verdict| matches!(verdict, Verdict::Failed(..))),
        count(|verdict| matches!(verdict, Verdict::Error(..))),
        count(|verdict| matches!(verdict, Verdict::Skipped(..))),
    )
}

fn write_case(text: &mut String, case: &Case) {
    let file = case.file.as_ref().map(|file| format!(" file=\"{}\"", escaped(&file.to_string_lossy())));
    let at = case.line.map(|line| format!(" line=\"{line}\""));
    let (name, class, seconds) = (escaped(&case.name), escaped(&case.class), case.elapsed.as_secs_f64());
    let head = format!(
        "    <testcase name=\"{name}\" classname=\"{class}\" time=\"{seconds:.3}\"{}{}",
        file.unwrap_or_default(),
        at.unwrap_or_default()
    );
    let inner = match &case.verdict {
        Verdict::Passed => {
            line(text, format_args!("{head}/>"));
            return;
        }
        Verdict::Failed(words, all) => told("failure", words, all),
        Verdict::Error(words, all) => told("error", words, all),
        Verdict::Warned(words) => format!("<system-out>warning: {}</system-out>", escaped(words)),
        Verdict::Skipped(words) => format!("<skipped message=\"{}\"/>", escaped(words)),
    };
    line(text, format_args!("{head}>\n      {inner}\n    </testcase>"));
}

fn told(tag: &str, words: &str, all: &str) -> String {
    // A line end in an attribute is a blank to those who read it.
    format!("<{tag} message=\"{}\">{}</{tag}>", escaped(words).replace('\n', "&#10;"), escaped(all))
}

/// A text in an attribute or between tags. What XML has no form for is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, verdict: Verdict) -> Case {
        let (class, elapsed) = ("orders".to_owned(), Duration::from_millis(12));
        Case { name: name.to_owned(), class, elapsed, file: Some("models/x.yml".into()), line: Some(3), verdict }
    }

    #[test]
    fn what_is_written_is_well_formed() {
        let cases = vec![
            case("good", Verdict::Passed),
            case("a < b & \"c\"", Verdict::Failed("differs".to_owned(), "- 1\n+ <2> ]]>\u{1b}[0m".to_owned())),
            case("broken", Verdict::Error("no".to_owned(), "é".to_owned())),
            case("left", Verdict::Skipped("nothing to look at".to_owned())),
            case("warned", Verdict::Warned("a < b".to_owned())),
        ];
        insta::assert_snapshot!(document(&[Suite { name: "unit tests".to_owned(), cases }]));
    }
}
