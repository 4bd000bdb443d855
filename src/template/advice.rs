//! What to do about a template that does not parse, in the words of its author and not of the parser.

use crate::diagnostic::did_you_mean;

/// The statements that may stand in `{% ... %}`, without those that end them.
const STATEMENTS: [&str; 15] = [
    "if",
    "elif",
    "else",
    "for",
    "set",
    "macro",
    "call",
    "filter",
    "raw",
    "do",
    "with",
    "include",
    "import",
    "from",
    "autoescape",
];

/// The filters and tests that templates use most; the rest is seldom misspelt.
const FILTERS: [&str; 44] = [
    "abs",
    "as_bool",
    "as_native",
    "as_number",
    "as_text",
    "attr",
    "batch",
    "capitalize",
    "default",
    "dictsort",
    "escape",
    "first",
    "float",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
];

/// For what the parser says of a syntax error.
pub(super) fn of_syntax(detail: &str) -> Option<String> {
    if let Some(word) = detail.strip_prefix("unknown statement ") {
        return of_statement(word);
    }
    let advice = if detail.ends_with(", expected end of variable block") {
        "an expression ends with `}}`; is a `}}`, a comma or an operator missing before this?"
    } else if detail.ends_with(", expected end of block") {
        "a statement ends with `%}`; is a `%}`, a comma or an operator missing before this?"
    } else if detail.starts_with("unexpected end of variable block") {
        "a value is missing before `}}`"
    } else if detail.starts_with("unexpected end of block") {
        "a value is missing before `%}`"
    } else if detail.starts_with("unexpected end of string") {
        "a quote before this is not closed"
    } else if detail.starts_with("unexpected `}`") {
        "is a `)`, a `]` or a quote missing before this?"
    } else {
        return None;
    };
    Some(advice.to_owned())
}

/// For a statement that there is not.
fn of_statement(word: &str) -> Option<String> {
    if let Some(opened) = word.strip_prefix("end") {
        return Some(format!("nothing is open that this closes: `{{% {opened} %}}` comes before it"));
    }
    if matches!(word, "elif" | "else") {
        return Some(format!("`{{% {word} %}}` comes behind `{{% if %}}`"));
    }
    did_you_mean(word, STATEMENTS).map(|near| format!("did you mean `{{% {near} %}}`?"))
}

/// For a filter or a test that there is not.
pub(super) fn of_filter(name: &str) -> Option<String> {
    did_you_mean(name, FILTERS).map(|near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_has_its_own_words() {
        for (detail, told) in [
            ("unexpected identifier, expected end of variable block", "ends with `}}`"),
            ("unexpected end of block", "missing before `%}`"),
            ("unknown statement endif", "`{% if %}` comes before it"),
            ("unknown statement elif", "behind `{% if %}`"),
            ("unknown statement fro", "did you mean `{% for %}`?"),
            ("unexpected `}`, expected `,`", "is a `)`"),
        ] {
            assert!(of_syntax(detail).is_some_and(|advice| advice.contains(told)), "{detail}");
        }
        assert_eq!(of_syntax("unknown statement frobnicate"), None);
        assert_eq!(of_filter("uper").as_deref(), Some("did you mean `upper`?"));
    }
}
