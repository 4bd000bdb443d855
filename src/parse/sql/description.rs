//! A model's description: the comment that its file opens with.

/// Lines that speak to a tool and not to a reader.
const DIRECTIVES: [&str; 4] = ["depends_on:", "sqlfluff:", "noqa", "sqlfmt:"];

/// The leading `--` lines, `/* */` or `{# #}` block of a template, without its marks; `None` when there is none.
pub(super) fn description(text: &str) -> Option<String> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lines: Vec<&str> = if text.starts_with("--") {
        text.lines()
            .map_while(|line| line.trim_start().strip_prefix("--"))
            .map(|line| line.trim_matches('-').trim())
            .collect()
    } else {
        block(text)?.lines().map(|line| line.trim().trim_start_matches('*').trim()).collect()
    };
    let said = |line: &&str| !DIRECTIVES.iter().any(|directive| line.to_ascii_lowercase().starts_with(directive));
    let joined = lines.into_iter().filter(said).collect::<Vec<_>>().join("\n");
    Some(joined.trim().to_owned()).filter(|description| !description.is_empty())
}

fn block(text: &str) -> Option<&str> {
    let sql = text.strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
    let jinja = || text.strip_prefix("{#").and_then(|rest| rest.split_once("#}"));
    let (inner, _) = sql.or_else(jinja)?;
    Some(inner.trim_matches(['*', '-', '+']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_in_every_form() {
        let cases = [
            ("-- one\n  --two\n\n-- three\nselect 1", Some("one\ntwo")),
            ("\n/* one\n * two */ select 1", Some("one\ntwo")),
            ("{#- note -#}\nselect 1", Some("note")),
            ("---------\n-- title\n---------\nselect", Some("title")),
            ("-- depends_on: {{ ref('x') }}\nselect 1", None),
            ("select 1 -- later", None),
            ("--\nselect", None),
            ("/* open", None),
        ];
        for (text, expected) in cases {
            assert_eq!(description(text).as_deref(), expected, "{text}");
        }
    }
}
