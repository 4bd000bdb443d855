//! Where an asset's data stands: database, schema and identifier, always written in full and quoted where needed.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    /// `None` for the project's own database, whose name in SQL is the engine's business.
    pub database: Option<String>,
    pub schema: String,
    pub identifier: String,
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

/// An identifier in double quotes. Always quoted: lists of reserved words differ by version, and quoting never hurts.
pub fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A string literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
