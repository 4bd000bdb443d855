//! As much of SQL's lexis as editing needs: where comments and strings are, and whether an alias follows a table.

use crate::source::Span;

/// What a stretch of SQL that is not code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Region {
    Comment,
    /// In single quotes.
    String,
    /// Between dollar signs, where nothing is escaped.
    Dollar,
    /// In double quotes.
    Identifier,
}

/// The stretches that are not code, in order. `names` (sorted) are code whatever their characters: placeholders look
/// like quoted identifiers, and two of them side by side like one.
pub(super) fn regions(text: &str, names: impl IntoIterator<Item = Span>) -> Vec<(Span, Region)> {
    let mut regions = Vec::new();
    let mut names = names.into_iter().peekable();
    let mut offset = 0;
    while let Some(found) = text[offset..].find(['\'', '"', '-', '/', '$']) {
        let start = offset + found;
        while names.next_if(|name| name.start < start).is_some() {}
        if let Some(name) = names.next_if(|name| name.start == start && name.end > start) {
            offset = name.end;
            continue;
        }
        match region_at(text, start) {
            Some((end, region)) => {
                regions.push((Span::new(start, end), region));
                offset = end;
            }
            None => offset = start + 1,
        }
    }
    regions
}

/// The region that an offset lies in.
pub(super) fn region_of(regions: &[(Span, Region)], offset: usize) -> Option<Region> {
    let index = regions.partition_point(|(span, _)| span.start <= offset);
    let (span, region) = regions.get(index.checked_sub(1)?)?;
    (offset < span.end).then_some(*region)
}

/// The functions whose texts name tables.
const READING: [&str; 2] = ["query_table", "query"];

/// Whether the text that `offset` lies in is an argument of a function that reads the tables that its text names.
pub(super) fn names_table(text: &str, regions: &[(Span, Region)], offset: usize) -> bool {
    let index = regions.partition_point(|(span, _)| span.start <= offset);
    let Some(string) = index.checked_sub(1) else { return false };
    let (mut end, mut depth) = (regions[string].0.start, 0_usize);
    // Backwards to the parenthesis that is open here, over the texts and comments on the way.
    for (span, _) in regions[..string].iter().rev().chain([&(Span::new(0, 0), Region::Comment)]) {
        for (at, letter) in text[span.end..end].char_indices().rev() {
            match letter {
                ')' => depth += 1,
                '(' if depth == 0 => {
                    let word = word_before(text, span.end + at);
                    return READING.contains(&text[word.start..word.end].to_lowercase().as_str());
                }
                '(' => depth -= 1,
                _ => {}
            }
        }
        end = span.start;
    }
    false
}

/// The region that begins at `start`, which is at one of its first characters, and where it ends.
fn region_at(text: &str, start: usize) -> Option<(usize, Region)> {
    let rest = &text[start..];
    if rest.starts_with("--") {
        return Some((start + rest.find('\n').unwrap_or(rest.len()), Region::Comment));
    }
    if rest.starts_with("/*") {
        return Some((block_comment_end(text, start), Region::Comment));
    }
    match rest.as_bytes().first()? {
        b'\'' => Some((quote_end(text, start, b'\'', escapes_before(text, start)), Region::String)),
        b'"' => Some((quote_end(text, start, b'"', false), Region::Identifier)),
        b'$' => dollar_end(text, start).map(|end| (end, Region::Dollar)),
        _ => None,
    }
}

/// Whether the string that begins at `start` is an `e'...'`, in which backslashes escape.
fn escapes_before(text: &str, start: usize) -> bool {
    let before = &text.as_bytes()[..start];
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    matches!(before.last(), Some(b'e' | b'E')) && !before.iter().nth_back(1).is_some_and(is_letter)
}

/// A doubled quote does not end a string. One without an end goes on to the end of the text.
fn quote_end(text: &str, start: usize, quote: u8, escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut offset = start + 1;
    while let Some(byte) = bytes.get(offset) {
        let is_doubled = *byte == quote && bytes.get(offset + 1) == Some(&quote);
        if is_doubled || (escapes && *byte == b'\\') {
            offset += 2;
        } else if *byte == quote {
            return offset + 1;
        } else {
            offset += 1;
        }
    }
    text.len()
}

/// Block comments nest in DuckDB.
fn block_comment_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut offset, mut depth) = (start + 2, 1);
    while depth > 0 {
        match bytes.get(offset..offset + 2) {
            Some(b"/*") => (offset, depth) = (offset + 2, depth + 1),
            Some(b"*/") => (offset, depth) = (offset + 2, depth - 1),
            Some(_) => offset += 1,
            None => return text.len(),
        }
    }
    offset
}

/// `$$ ... $$` and `$tag$ ... $tag$`; `$1` and `$name` are parameters and no strings.
fn dollar_end(text: &str, start: usize) -> Option<usize> {
    let length = text[start + 1..].find('$')?;
    let tag = &text[start + 1..start + 1 + length];
    let is_tag = tag.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !tag.starts_with(|letter: char| letter.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let delimiter = &text[start..start + length + 2];
    let body = start + delimiter.len();
    Some(text[body..].find(delimiter).map_or(text.len(), |end| body + end + delimiter.len()))
}

/// Words that can follow a table and are no alias of it.
const AFTER_TABLE: [&str; 40] = [
    "anti",
    "asof",
    "at",
    "cross",
    "else",
    "end",
    "except",
    "fetch",
    "for",
    "from",
    "full",
    "group",
    "having",
    "inner",
    "intersect",
    "into",
    "join",
    "lateral",
    "left",
    "limit",
    "natural",
    "offset",
    "on",
    "order",
    "outer",
    "pivot",
    "pivot_longer",
    "pivot_wider",
    "positional",
    "qualify",
    "returning",
    "right",
    "select",
    "semi",
    "set",
    "tablesample",
    "union",
    "unpivot",
    "using",
    "when",
];
const AFTER_TABLE_TOO: [&str; 5] = ["where", "window", "with", "then", "values"];

/// Whether an alias follows a table that ends at `offset`.
pub(super) fn alias_follows(text: &str, offset: usize) -> bool {
    let rest = &text[skip_space(text, offset)..];
    let Some(first) = rest.chars().next() else { return false };
    if first == '"' {
        return true;
    }
    let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(rest.len());
    let word = rest[..end].to_lowercase();
    (first.is_alphabetic() || first == '_')
        && !AFTER_TABLE.contains(&word.as_str())
        && !AFTER_TABLE_TOO.contains(&word.as_str())
}

/// The word that ends before `offset`, but for white space; empty where something else does.
pub(super) fn word_before(text: &str, offset: usize) -> Span {
    let before = text[..offset].trim_end();
    let start = before.trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_').len();
    Span::new(start, before.len())
}

/// The offset of the next thing that is neither white space nor a comment.
fn skip_space(text: &str, offset: usize) -> usize {
    let mut offset = offset;
    loop {
        let rest = &text[offset..];
        offset += rest.len() - rest.trim_start().len();
        match region_at(text, offset) {
            Some((end, Region::Comment)) => offset = end,
            _ => return offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        regions(text, []).iter().map(|(span, _)| &text[span.start..span.end]).collect()
    }

    #[test]
    fn comments_and_strings_are_found() {
        assert_eq!(
            found("a -- b 'c\n, 'd''e' /* f /* g */ h */ \"i\"\"j\" - /"),
            ["-- b 'c", "'d''e'", "/* f /* g */ h */", "\"i\"\"j\""]
        );
        assert_eq!(found(r"e'it\'s' 'b\' , type'c\'"), [r"'it\'s'", r"'b\'", r"'c\'"]);
        assert_eq!(found("$$ ' $$ + $x$ $$ ' $x$ + $1 + $2"), ["$$ ' $$", "$x$ $$ ' $x$"]);
    }

    #[test]
    fn names_are_code() {
        let text = r#""a""b" "c""#;
        assert_eq!(regions(text, [Span::new(0, 3), Span::new(3, 6)]), [(Span::new(7, 10), Region::Identifier)]);
    }

    #[test]
    fn texts_that_name_tables_are_known() {
        for (text, expected) in [
            ("from query_table('x')", true),
            ("from Query_Table( ['a', 'x'] )", true),
            ("from query('from x')", true),
            ("select 'x'", false),
            ("select f('x')", false),
            ("select (query('a')) || 'x'", false),
            ("from query_table(lower(')') || 'x')", true),
        ] {
            assert_eq!(names_table(text, &regions(text, []), text.rfind('x').unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn unfinished_regions_end_with_the_text() {
        for text in ["'a", "\"a", "/* a /* b */", "$$ a", "-- a", "e'a\\"] {
            let last = regions(text, []).last().map(|(span, _)| span.end.min(text.len()));
            assert_eq!(last, Some(text.len()), "{text}");
        }
    }

    #[test]
    fn aliases_are_told_from_keywords() {
        for text in ["t as x", "t x", "t \"x\"", "t /* a */ x", "t -- a\n  x", "t AS x", "t Übersicht", "t _x"] {
            assert!(alias_follows(text, 1), "{text}");
        }
        for text in ["t", "t)", "t where a", "t, u", "t Join u", "t\n-- c\nunion", "t;", "t select 1", "t(a)", "t on"] {
            assert!(!alias_follows(text, 1), "{text}");
        }
    }
}
