//! JUnit's XML, as CI systems read it.

use std::fmt::Write;

/// Tests that are reported together.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    pub name: String,
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Debug)]
pub(crate) struct Case {
    pub name: String,
    pub class: String,
    pub seconds: f64,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    /// Passed, with something to say, which JUnit has no word for.
    Warned(String),
    Failure {
        message: String,
        details: Option<String>,
    },
    /// It could not be carried out.
    Error {
        message: String,
        details: Option<String>,
    },
    Skipped(String),
}

/// The whole report.
pub(crate) fn written(suites: &[Suite]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for suite in suites {
        suite.write(&mut text);
    }
    text.push_str("</testsuites>\n");
    text
}

impl Suite {
    fn write(&self, text: &mut String) {
        let count = |is: fn(&Outcome) -> bool| self.cases.iter().filter(|case| is(&case.outcome)).count();
        let seconds: f64 = self.cases.iter().map(|case| case.seconds).sum();
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">",
            escaped(&self.name),
            self.cases.len(),
            count(|outcome| matches!(outcome, Outcome::Failure { .. })),
            count(|outcome| matches!(outcome, Outcome::Error { .. })),
            count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        );
        for case in &self.cases {
            case.write(text);
        }
        text.push_str("  </testsuite>\n");
    }
}

impl Case {
    fn write(&self, text: &mut String) {
        let (name, class) = (escaped(&self.name), escaped(&self.class));
        let head = format!("    <testcase name=\"{name}\" classname=\"{class}\" time=\"{:.3}\"", self.seconds);
        let inside = match &self.outcome {
            Outcome::Passed => None,
            Outcome::Warned(said) => Some(format!("<system-out>warning: {}</system-out>", escaped(said))),
            Outcome::Failure { message, details } => Some(element("failure", message, details.as_deref())),
            Outcome::Error { message, details } => Some(element("error", message, details.as_deref())),
            Outcome::Skipped(why) => Some(element("skipped", why, None)),
        };
        let _ = match inside {
            None => writeln!(text, "{head}/>"),
            Some(inside) => writeln!(text, "{head}>{inside}</testcase>"),
        };
    }
}

fn element(name: &str, message: &str, details: Option<&str>) -> String {
    let message = escaped(message);
    match details {
        None => format!("<{name} message=\"{message}\"/>"),
        Some(details) => format!("<{name} message=\"{message}\">{}</{name}>", escaped(details)),
    }
}

/// Text as it may stand in an attribute or an element. Control characters that no XML may hold are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
