//! What an unquoted YAML scalar means: YAML 1.2's core schema with the truth values of YAML 1.1.
//!
//! `yes`, `no`, `on` and `off` are truth values because dbt's YAML reader (PyYAML) says so. Dates stay text.

use std::borrow::Cow;

use serde_json::Number;

use super::Content;

pub fn resolve(text: Cow<'_, str>) -> Content<'_> {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Content::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Content::Bool(false),
        _ => {}
    }
    match number(&text) {
        Some(number) => Content::Number(number),
        None => Content::Text(text),
    }
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.')) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return from_radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return from_radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return integer(text);
    }
    let in_alphabet = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !in_alphabet || !unsigned.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64)
}

/// Integers beyond 64 bits stay text, so that no digit is lost.
fn integer(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// `from_str_radix` would take a second sign.
fn from_radix(digits: &str, radix: u32) -> Option<Number> {
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_and_the_rest_is_text() {
        let number = |text| matches!(resolve(Cow::Borrowed(text)), Content::Number(_));
        for text in ["0", "-1", "+7", "1.5", "-.5", "1e3", "0x1F", "0o17", "18446744073709551615"] {
            assert!(number(text), "{text}");
        }
        for text in
            ["1.2.3", "2024-01-01", "0x", "0x+1", "-", "+", ".", "..", "e3", "-e3", "1_000", "12:30", "inf", "1e999"]
        {
            assert!(!number(text), "{text}");
        }
        assert_eq!(resolve(Cow::Borrowed("99999999999999999999")), Content::Text("99999999999999999999".into()));
    }
}
