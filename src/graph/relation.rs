//! Where an asset's data stands: database, schema and identifier, always written in full and quoted where needed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::template::Part;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationName {
    /// `None` for the project's own database, whose name in SQL is the engine's business.
    pub database: Option<String>,
    pub schema: String,
    pub identifier: String,
}

impl RelationName {
    /// Writes the own database's name out where `schema.name` could mean two things: DuckDB looks for databases and for
    /// schemas by the first part of a name.
    pub(super) fn qualify(&mut self, own_database: &str) {
        if self.database.is_none() && super::databases::same(&self.schema, own_database) {
            self.database = Some(own_database.to_owned());
        }
    }

    /// Whether both name one thing. The own database may be written out or not, and case does not count.
    pub fn is_same(&self, other: &RelationName) -> bool {
        let same_database = self.database.is_none() || other.database.is_none() || self.database == other.database;
        same_database && self.key() == other.key()
    }

    /// What tells relations of the project's own database apart: the folded text that names it there.
    pub fn key(&self) -> String {
        let RelationName { schema, identifier, .. } = self;
        let mut key = String::with_capacity(schema.len() + identifier.len() + "\"\".\"\"".len());
        push_quoted(&mut key, schema);
        key.push('.');
        push_quoted(&mut key, identifier);
        key.make_ascii_lowercase();
        key
    }

    /// Whether a text names it in the project's own database, as `Display` writes it there: what `key` tells, without
    /// making the key.
    pub fn is_written(&self, text: &str) -> bool {
        let is_quoted = |name: &str, text: &str| {
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            inner.is_some_and(|inner| inner.eq_ignore_ascii_case(name))
        };
        if self.schema.contains('"') || self.identifier.contains('"') {
            return folded(text) == self.key();
        }
        let (schema, rest) = text.split_at_checked(self.schema.len() + 2).unwrap_or((text, ""));
        is_quoted(&self.schema, schema) && rest.strip_prefix('.').is_some_and(|rest| is_quoted(&self.identifier, rest))
    }

    /// The name without a database.
    pub fn in_own_database(&self) -> RelationName {
        RelationName { database: None, ..self.clone() }
    }

    /// The relation that `Display` wrote as `"schema"."name"`, as records name one; `None` for another text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (schema, rest) = unquoted(text)?;
        let (identifier, rest) = unquoted(rest.strip_prefix('.')?)?;
        rest.is_empty().then_some(RelationName { database: None, schema, identifier })
    }

    /// The bare text of one part, as `ref('x').schema` prints it; `None` for the whole.
    pub(super) fn part(&self, part: Part, own_database: &str) -> Option<String> {
        match part {
            Part::Whole => None,
            Part::Database => Some(self.database.clone().unwrap_or_else(|| own_database.to_owned())),
            Part::Schema => Some(self.schema.clone()),
            Part::Identifier => Some(self.identifier.clone()),
        }
    }
}

/// `"schema"."name"` or `"database"."schema"."name"`: the form that goes into SQL.
impl fmt::Display for RelationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(database) = &self.database {
            write!(formatter, "{}.", quoted(database))?;
        }
        write!(formatter, "{}.{}", quoted(&self.schema), quoted(&self.identifier))
    }
}

/// A name as it is compared with others: DuckDB folds the letters of ASCII and no others, so that `É` and `é` are two
/// tables. The text of a relation is folded as a name is.
pub fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// An identifier in double quotes. Always quoted: lists of reserved words differ by version, and quoting never hurts.
pub fn quoted(identifier: &str) -> String {
    let mut text = String::with_capacity(identifier.len() + 2);
    push_quoted(&mut text, identifier);
    text
}

fn push_quoted(text: &mut String, identifier: &str) {
    text.push('"');
    for (number, piece) in identifier.split('"').enumerate() {
        if number > 0 {
            text.push_str("\"\"");
        }
        text.push_str(piece);
    }
    text.push('"');
}

/// The identifier that a text begins with in double quotes, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut identifier = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        identifier.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                identifier.push('"');
                rest = more;
            }
            None => return Some((identifier, after)),
        }
    }
}

/// A string literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A path as a pattern that fits this path alone.
pub fn without_glob(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for letter in path.chars() {
        match letter {
            '[' | '*' | '?' => text.extend(['[', letter, ']']),
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (schema, identifier) in [("main", "a"), ("o.n\"e", "\"\"."), ("", "x")] {
            let name = RelationName { database: None, schema: schema.to_owned(), identifier: identifier.to_owned() };
            let text = name.to_string();
            assert_eq!(RelationName::from_text(&text).as_ref(), Some(&name));
            assert_eq!(name.key(), folded(&text));
            assert!(name.is_written(&text) && name.is_written(&text.to_uppercase()), "{text}");
            for other in [&text[1..], &text[..text.len() - 1], "", "\"main\".\"é\"", &format!("{text}.\"x\"")] {
                assert!(!name.is_written(other), "{text} and {other}");
            }
        }
        for text in ["main.a", "\"main\"", "\"main\".\"a", "\"a\".\"b\".\"c\"", ""] {
            assert_eq!(RelationName::from_text(text), None, "{text}");
        }
    }
}
