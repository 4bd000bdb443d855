//! Texts that stand for relations until the graph knows them.
//!
//! A placeholder is one quoted SQL identifier whose content stands between two private-use characters, so it parses as
//! SQL wherever a name may stand, survives inside literals and comments, and cannot occur by accident. Everything but
//! letters, digits, `_`, `-`, `.` and space is escaped, so a name with quotes or newlines cannot break out of it.

use std::fmt;

use crate::parse::Reference;
use crate::source::Span;

const OPEN: char = '\u{F0DE0}';
const CLOSE: char = '\u{F0DE1}';

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// `ref` or `source`, or one part of its relation (`ref('x').schema`).
    Reference(Reference, Part),
    /// `this`, the model's own relation.
    This(Part),
}

/// The whole relation is written in full and quoted; a part stands for the bare text of the name, as dbt prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Database,
    Schema,
    Identifier,
}

impl Part {
    const ALL: [(Part, &'static str); 4] = [
        (Part::Whole, ""),
        (Part::Database, ".database"),
        (Part::Schema, ".schema"),
        (Part::Identifier, ".identifier"),
    ];

    fn suffix(self) -> &'static str {
        Part::ALL.iter().find(|(part, _)| *part == self).map_or("", |(_, suffix)| suffix)
    }
}

impl Placeholder {
    /// The same relation, another part of it.
    pub(crate) fn part(&self, part: Part) -> Placeholder {
        match self {
            Placeholder::Reference(reference, _) => Placeholder::Reference(reference.clone(), part),
            Placeholder::This(_) => Placeholder::This(part),
        }
    }

    fn decode(content: &str) -> Option<Placeholder> {
        let (head, rest) = content.split_once(':').unwrap_or((content, ""));
        let (kind, suffix) = head.find('.').map_or((head, ""), |dot| head.split_at(dot));
        let part = Part::ALL.iter().find(|(_, name)| *name == suffix)?.0;
        let reference = match (kind, rest.split_once('/')) {
            ("this", _) => return Some(Placeholder::This(part)),
            ("ref", None) => Reference::Asset { package: None, name: unescape(rest)? },
            ("ref", Some((package, name))) => {
                Reference::Asset { package: Some(unescape(package)?), name: unescape(name)? }
            }
            ("source", Some((source, table))) => {
                Reference::Source { source: unescape(source)?, table: unescape(table)? }
            }
            _ => return None,
        };
        Some(Placeholder::Reference(reference, part))
    }

    /// The call that makes this placeholder, as a user writes it.
    fn call(&self) -> String {
        let (call, part) = match self {
            Placeholder::This(part) => ("this".to_owned(), part),
            Placeholder::Reference(reference, part) => (call_text(reference), part),
        };
        format!("{call}{}", part.suffix())
    }
}

fn call_text(reference: &Reference) -> String {
    match reference {
        Reference::Asset { package: None, name } => format!("ref('{name}')"),
        Reference::Asset { package: Some(package), name } => format!("ref('{package}', '{name}')"),
        Reference::Source { source, table } => format!("source('{source}', '{table}')"),
        Reference::Table(parts) => parts.join("."),
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, part) = match self {
            Placeholder::This(part) => ("this".to_owned(), part),
            Placeholder::Reference(reference, part) => (encoded(reference), part),
        };
        let (kind, names) = head.split_once(':').unwrap_or((&head, ""));
        let colon = if names.is_empty() { "" } else { ":" };
        write!(formatter, "\"{OPEN}{kind}{}{colon}{names}{CLOSE}\"", part.suffix())
    }
}

fn encoded(reference: &Reference) -> String {
    match reference {
        Reference::Asset { package: None, name } => format!("ref:{}", escape(name)),
        Reference::Asset { package: Some(package), name } => format!("ref:{}/{}", escape(package), escape(name)),
        Reference::Source { source, table } => format!("source:{}/{}", escape(source), escape(table)),
        // Plain names are found in the text; nothing prints a placeholder for them.
        Reference::Table(parts) => format!("ref:{}", escape(&parts.join("."))),
    }
}

fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ') {
            escaped.push(letter);
        } else {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                escaped.push_str(&format!("%{byte:02x}"));
            }
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Every placeholder in a rendered text, in order. The span holds the double quotes around it.
pub fn find_placeholders(rendered: &str) -> Vec<(Span, Placeholder)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = rendered[from..].find(OPEN).map(|index| from + index) {
        let content = start + OPEN.len_utf8();
        let Some(end) = rendered[content..].find(CLOSE).map(|index| content + index) else { break };
        from = end + CLOSE.len_utf8();
        if let Some(placeholder) = Placeholder::decode(&rendered[content..end]) {
            found.push((with_quotes(rendered, start, from), placeholder));
        }
    }
    found
}

fn with_quotes(rendered: &str, start: usize, end: usize) -> Span {
    match rendered[..start].ends_with('"') && rendered[end..].starts_with('"') {
        true => Span::new(start - 1, end + 1),
        false => Span::new(start, end),
    }
}

/// Whether a text holds (a piece of) a placeholder.
pub(crate) fn holds_placeholder(text: &str) -> bool {
    text.contains(OPEN)
}

/// A text with every placeholder replaced by the call that made it, for messages.
pub(crate) fn readable(text: &str) -> String {
    let mut readable = String::with_capacity(text.len());
    let mut from = 0;
    for (span, placeholder) in find_placeholders(text) {
        readable.push_str(&text[from..span.start]);
        readable.push_str(&placeholder.call());
        from = span.end;
    }
    readable.push_str(&text[from..]);
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(package: Option<&str>, name: &str) -> Reference {
        Reference::Asset { package: package.map(str::to_owned), name: name.to_owned() }
    }

    #[test]
    fn every_name_survives() {
        for name in ["a", "a b", "a\"b", "a'b", "ä/ö", "100%", "x\ny", "*/", "--", "$$", "日本", "a:b", "%41", "{{ }}"]
        {
            for part in [Part::Whole, Part::Database, Part::Schema, Part::Identifier] {
                for reference in [
                    asset(None, name),
                    asset(Some(name), "x"),
                    Reference::Source { source: name.to_owned(), table: name.to_owned() },
                ] {
                    let placeholder = Placeholder::Reference(reference, part);
                    let text = format!("-- {placeholder}\nselect '{placeholder}' from {placeholder} as \"x\"");
                    let found = find_placeholders(&text);
                    assert_eq!(found.len(), 3, "{text}");
                    for (span, back) in found {
                        assert_eq!(back, placeholder);
                        assert_eq!(text[span.start..span.end], placeholder.to_string());
                    }
                }
            }
        }
        let this = Placeholder::This(Part::Schema);
        assert_eq!(find_placeholders(&this.to_string())[0].1, this);
    }

    #[test]
    fn messages_show_the_call() {
        let text = format!("near {}", Placeholder::Reference(asset(None, "x"), Part::Whole));
        assert_eq!(readable(&text), "near ref('x')");
    }

    #[test]
    fn rubbish_is_not_a_placeholder() {
        assert!(find_placeholders(&format!("{OPEN}nothing:{CLOSE} {OPEN}ref")).is_empty());
    }
}
