//! Unix wildcards: `*` (any characters), `?` (one), `[abc]`, `[a-z]`, `[!a]`.
//!
//! Written here and not taken from `globset`, because the rules are those of Python's `fnmatch`, by which dbt
//! selects: there are no `{a,b}` and no escapes, and a character may be longer than a byte.

/// A value that may hold wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    One(char),
    AnyOne,
    AnyMany,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let mut tokens = Vec::with_capacity(letters.len());
        let mut index = 0;
        while let Some(letter) = letters.get(index) {
            index += 1;
            match letter {
                '*' if tokens.last() == Some(&Token::AnyMany) => {}
                '*' => tokens.push(Token::AnyMany),
                '?' => tokens.push(Token::AnyOne),
                '[' => match class(&letters, index) {
                    Some((token, end)) => {
                        tokens.push(token);
                        index = end;
                    }
                    None => tokens.push(Token::One('[')),
                },
                other => tokens.push(Token::One(*other)),
            }
        }
        Pattern(tokens)
    }

    /// Whether the whole text fits. Takes at most the product of both lengths in steps.
    pub fn matches(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let (mut token, mut letter) = (0, 0);
        // Where to go on when a match fails after a `*`: the token after it, and the first letter not yet tried.
        let mut retry: Option<(usize, usize)> = None;
        while letter < letters.len() {
            match self.0.get(token) {
                Some(Token::AnyMany) => {
                    token += 1;
                    retry = Some((token, letter));
                }
                Some(fitting) if fitting.fits(letters[letter]) => (token, letter) = (token + 1, letter + 1),
                _ => match retry {
                    Some((after, start)) => {
                        (token, letter) = (after, start + 1);
                        retry = Some((after, start + 1));
                    }
                    None => return false,
                },
            }
        }
        self.0[token..].iter().all(|token| *token == Token::AnyMany)
    }
}

impl Token {
    fn fits(&self, letter: char) -> bool {
        match self {
            Token::One(one) => *one == letter,
            Token::AnyOne => true,
            Token::AnyMany => false,
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != *negated
            }
        }
    }
}

/// The class whose first letter (after the `[`) is at `start`, and the index after its `]`. A `]` that comes first
/// is one of the class; a `[` without an end is an ordinary letter.
fn class(letters: &[char], start: usize) -> Option<(Token, usize)> {
    let negated = letters.get(start) == Some(&'!');
    let first = start + usize::from(negated);
    let end = first + 1 + letters.get(first + 1..)?.iter().position(|letter| *letter == ']')?;
    let members = &letters[first..end];
    let mut ranges = Vec::new();
    let mut index = 0;
    while let Some(low) = members.get(index) {
        match (members.get(index + 1), members.get(index + 2)) {
            (Some('-'), Some(high)) => {
                ranges.push((*low, *high));
                index += 3;
            }
            _ => {
                ranges.push((*low, *low));
                index += 1;
            }
        }
    }
    Some((Token::Class { negated, ranges }, end + 1))
}

/// A path with wildcards: `*` stays within a folder, `**` stands for any number of folders.
#[derive(Debug, Clone)]
pub(super) struct PathPattern(Vec<Segment>);

#[derive(Debug, Clone)]
enum Segment {
    Folders,
    Name(Pattern),
}

impl PathPattern {
    pub fn new(text: &str) -> Self {
        let parts = text.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".");
        let mut segments: Vec<Segment> = Vec::new();
        for part in parts {
            match (part, segments.last()) {
                ("**", Some(Segment::Folders)) => {}
                ("**", _) => segments.push(Segment::Folders),
                (name, _) => segments.push(Segment::Name(Pattern::new(name))),
            }
        }
        PathPattern(segments)
    }

    /// Whether the path, or a folder that it is in, fits.
    pub fn matches(&self, path: &[&str]) -> bool {
        (0..=path.len()).any(|length| fits(&self.0, &path[..length]))
    }

    /// Whether the path itself fits.
    pub fn matches_whole(&self, path: &[&str]) -> bool {
        fits(&self.0, path)
    }
}

fn fits(segments: &[Segment], path: &[&str]) -> bool {
    match segments.split_first() {
        None => path.is_empty(),
        Some((Segment::Folders, rest)) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        Some((Segment::Name(pattern), rest)) => {
            path.split_first().is_some_and(|(name, below)| pattern.matches(name) && fits(rest, below))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Answers of Python's `fnmatch.fnmatchcase`.
    #[test]
    fn patterns_are_those_of_fnmatch() {
        let fitting = [
            ("*", ""),
            ("a*c", "a.b/c"),
            ("?", "ü"),
            ("[ä-ü]x", "öx"),
            ("[!a]", "b"),
            ("[]]", "]"),
            ("[!]]", "a"),
            ("[a-]", "-"),
            ("[", "["),
            ("[a", "[a"),
            ("{a,b}", "{a,b}"),
            ("a\\*", "a\\b"),
            ("**", "x"),
            ("*a*b*c", "xaybzc"),
        ];
        let others = [("a", "A"), ("?", ""), ("a*c", "a.b"), ("[!a]", "a"), ("[z-a]", "m"), ("[]", ""), ("*ab", "aba")];
        for (pattern, text) in fitting {
            assert!(Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
        for (pattern, text) in others {
            assert!(!Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
    }

    #[test]
    fn paths_match_by_folder() {
        let path = ["models", "staging", "web", "stg_a.sql"];
        for fitting in ["models", "models/", "./models/staging", "models/*/web", "**/stg_*.sql", "models/**/web", "*"] {
            assert!(PathPattern::new(fitting).matches(&path), "{fitting}");
        }
        for other in ["staging", "models/stg*.sql", "models/st", "models/*/stg_a.sql"] {
            assert!(!PathPattern::new(other).matches(&path), "{other}");
        }
    }

    proptest! {
        /// On plain letters `globset` has the same rules.
        #[test]
        fn patterns_agree_with_globset(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let other = globset::GlobBuilder::new(&pattern).build().unwrap().compile_matcher();
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), other.is_match(&text));
        }

        #[test]
        fn no_pattern_panics(pattern in "[a\\-\\[\\]!*?ü]{0,12}", text in "\\PC{0,12}") {
            Pattern::new(&pattern).matches(&text);
        }
    }
}
