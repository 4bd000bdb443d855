//! `{% test name(model, ...) %}` blocks, which minijinja does not know: they become macros without moving anything.
//!
//! As in dbt, the test `positive` is the macro `test_positive` to everybody else. In its own file its name stays what is
//! written, so that no place of the text changes: a space less makes room for the longer word.

use std::borrow::Cow;

use super::scanner::{Segment, SegmentKind, scan};

/// What the name of a test's macro begins with.
pub(crate) const TEST: &str = "test_";

/// Whether a block tag opens a test.
pub(super) fn opens_test(keyword: &str) -> bool {
    matches!(keyword, "test" | "data_test")
}

/// What minijinja calls the tag.
fn macro_word(keyword: &str) -> Option<&'static str> {
    match keyword {
        "test" | "data_test" => Some("macro"),
        "endtest" | "enddata_test" => Some("endmacro"),
        _ => None,
    }
}

/// The text with macros in the place of tests, as long as before wherever a space can be spared.
pub(super) fn with_macros(text: &str) -> Cow<'_, str> {
    let is_test = |tag: &Segment| tag.kind == SegmentKind::Block && macro_word(tag.keyword(text)).is_some();
    let tags: Vec<Segment> = scan(text).into_iter().filter(is_test).collect();
    if tags.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for tag in tags {
        let content = tag.content(text);
        let (keyword, start) = (tag.keyword(text), content.start);
        let inside = &text[start..content.end];
        let space = inside.len() - inside.trim_start().len();
        let word = macro_word(keyword).unwrap_or(keyword);
        let missing = word.len().saturating_sub(keyword.len()).min(space);
        replaced.push_str(&text[done..start]);
        replaced.push_str(&inside[missing..space]);
        replaced.push_str(word);
        replaced.extend(std::iter::repeat_n(' ', keyword.len().saturating_sub(word.len())));
        done = start + space + keyword.len();
    }
    replaced.push_str(&text[done..]);
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_become_macros_of_the_same_length() {
        for (text, expected) in [
            ("{% test a(model) %}x{% endtest %}", "{%macro a(model) %}x{%endmacro %}"),
            ("{%- test a(model) -%}x{%- endtest -%}", "{%-macro a(model) -%}x{%-endmacro -%}"),
            ("{%  data_test a(m) %}{% enddata_test %}", "{%  macro     a(m) %}{% endmacro     %}"),
            ("{% macro b() %}{% endmacro %}{{ test }}", "{% macro b() %}{% endmacro %}{{ test }}"),
            ("{% raw %}{% test a(model) %}{% endraw %}", "{% raw %}{% test a(model) %}{% endraw %}"),
        ] {
            let replaced = with_macros(text);
            assert_eq!(replaced, expected);
            assert_eq!(replaced.len(), text.len());
        }
        // Where nothing can be spared, what follows in the line moves by a letter.
        assert_eq!(with_macros("{%test a(model)%}x{%endtest%}"), "{%macro a(model)%}x{%endmacro%}");
    }
}
