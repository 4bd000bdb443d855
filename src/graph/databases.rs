//! The databases that a project's SQL can name: its own, and those that its target attaches.

use super::folded;
use crate::project::{Attachment, Project};

/// Schemas of DuckDB and of dovetail itself, which anybody may read and no asset is written to.
const SYSTEM_SCHEMAS: [&str; 3] = ["information_schema", "pg_catalog", "dovetail"];

/// Names of databases, which DuckDB compares without regard to case.
pub(super) struct Databases<'a> {
    own: String,
    attached: &'a [Attachment],
}

/// What to do about a schema that is called like an attached database.
pub(super) const ANOTHER_ALIAS: &str =
    "use another schema, or give the attached database another `alias` in `dovetail.toml`";

/// What is wrong with such a schema.
pub(super) fn same_as_alias(alias: &str) -> String {
    format!("is the alias of the attached database `{alias}`: DuckDB would not know which of both a name means")
}

/// What the first part of a qualified name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Database {
    Own,
    Attached { alias: String, default_schema: &'static str },
}

impl<'a> Databases<'a> {
    pub fn of(project: &'a Project) -> Self {
        Databases { own: project.target.catalog(), attached: &project.target.attach }
    }

    /// The name under which DuckDB opens the project's own database.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// The alias of the attached database of this name.
    pub fn attached(&self, name: &str) -> Option<&'a str> {
        self.attachment(name).map(|attachment| attachment.alias.as_str())
    }

    fn attachment(&self, name: &str) -> Option<&'a Attachment> {
        self.attached.iter().find(|attachment| same(&attachment.alias, name))
    }

    pub fn find(&self, name: &str) -> Option<Database> {
        match self.attachment(name) {
            Some(attachment) => Some(Database::Attached {
                alias: attachment.alias.clone(),
                default_schema: default_schema(attachment.kind.as_deref()),
            }),
            None => same(&self.own, name).then_some(Database::Own),
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.own.as_str()).chain(self.attached.iter().map(|attachment| attachment.alias.as_str()))
    }
}

/// Whether two SQL identifiers are the same to DuckDB.
pub(super) fn same(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

pub(super) fn is_system_schema(schema: &str) -> bool {
    SYSTEM_SCHEMAS.iter().any(|system| same(system, schema))
}

/// DuckDB's own views, which every schema sees by their bare names.
pub(super) fn is_system_view(name: &str) -> bool {
    let lower = folded(name);
    lower.starts_with("duckdb_")
        || matches!(
            lower.as_str(),
            "pragma_database_list" | "sqlite_master" | "sqlite_schema" | "sqlite_temp_master" | "sqlite_temp_schema"
        )
}

/// The schema that a database's tables are in when a name does not say.
fn default_schema(kind: Option<&str>) -> &'static str {
    match kind {
        Some(kind) if same(kind, "postgres") => "public",
        _ => "main",
    }
}
