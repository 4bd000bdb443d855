//! Texts of others as a terminal may have them.

use std::borrow::Cow;

/// A text whose control characters are shown as escapes, such as `\u{1b}`, which would else colour, move or clear what a
/// person sees. Line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.char_indices().any(|(at, letter)| is_hidden(text, at, letter)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for (at, letter) in text.char_indices() {
        match is_hidden(text, at, letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(text: &str, at: usize, letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\r' => !text[at..].starts_with("\r\n"),
        // They turn the order of what stands around them, so that code reads as it is not.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        letter => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_terminal_would_obey_is_escaped() {
        assert_eq!(visible("\u{1b}[31mred\u{9b}2J\u{7}\r"), r"\u{1b}[31mred\u{9b}2J\u{7}\r");
        assert_eq!(visible("a\u{202e}b"), r"a\u{202e}b");
        assert!(matches!(visible("a\tb\r\n東京 é 🎉"), Cow::Borrowed(_)));
    }
}
