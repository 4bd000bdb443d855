//! Where a project's assets are written: one target is chosen per command.

use std::path::PathBuf;

use super::Values;

/// The schema of dovetail's own records.
pub const STATE_SCHEMA: &str = "dovetail";

/// The schema of what `gc` has moved away.
pub const TRASH_SCHEMA: &str = "dovetail_trash";

/// Schemas of dovetail, and of what DuckDB says of itself.
const RESERVED_SCHEMAS: [&str; 4] = [STATE_SCHEMA, TRASH_SCHEMA, "information_schema", "pg_catalog"];

/// Names of databases that DuckDB keeps for itself: it calls a file of such a name otherwise.
const RESERVED_CATALOGS: [&str; 3] = ["main", "system", "temp"];

/// Whether assets may not be written to the schema, whose name SQL compares without regard to case. In a schema with the
/// name of one of DuckDB's databases nothing could be told from what is in that; `main` is a schema first of all.
pub fn is_reserved_schema(schema: &str) -> bool {
    let is = |reserved: &&str| reserved.eq_ignore_ascii_case(schema);
    RESERVED_SCHEMAS.iter().any(is) || RESERVED_CATALOGS.iter().any(|name| *name != "main" && is(name))
}

/// Whether no attached database may have the name: `name.table` would be a table of something else.
pub fn is_reserved_alias(alias: &str) -> bool {
    is_reserved_schema(alias) || RESERVED_CATALOGS.iter().any(|name| name.eq_ignore_ascii_case(alias))
}

/// When what a run builds becomes visible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Each asset when it is built.
    #[default]
    Asset,
    /// Everything at the end of the run, at once; nothing if anything failed.
    Run,
}

impl Publish {
    pub const ALL: [Publish; 2] = [Publish::Asset, Publish::Run];

    pub fn as_str(self) -> &'static str {
        match self {
            Publish::Asset => "asset",
            Publish::Run => "run",
        }
    }

    /// What `as_str` calls so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|publish| publish.as_str() == name)
    }
}

/// A database and how to open it.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    /// The project declares other targets too: what is kept in files is kept for each by itself.
    pub is_one_of_several: bool,
    /// The database file (absolute), or `None` for a database in memory.
    pub database: Option<PathBuf>,
    /// The schema that assets go to unless their config says otherwise.
    pub schema: String,
    /// How many assets run at once.
    pub threads: usize,
    pub publish: Publish,
    /// Engine settings by name, such as `memory_limit`.
    pub settings: Values,
    pub extensions: Vec<Extension>,
    pub attach: Vec<Attachment>,
    pub secrets: Vec<Secret>,
}

impl Target {
    /// The name under which DuckDB opens the database: the file's up to its first dot, but not one that DuckDB keeps for
    /// itself.
    pub fn catalog(&self) -> String {
        let file = self.database.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
        let name = file.as_ref().and_then(|file| file.split('.').next()).unwrap_or("memory");
        if RESERVED_CATALOGS.contains(&name) { format!("{name}_db") } else { name.to_owned() }
    }
}

#[derive(Debug, Clone)]
pub struct Extension {
    pub name: String,
    /// `community`, a URL, or nothing for the core repository.
    pub repository: Option<String>,
}

/// Another database, visible under `alias`.
#[derive(Debug, Clone)]
pub struct Attachment {
    pub alias: String,
    pub path: String,
    /// `sqlite`, `postgres`, ...; nothing for DuckDB's own format.
    pub kind: Option<String>,
    pub read_only: bool,
}

/// A secret of the engine's secret manager. Its values never reach a message.
#[derive(Clone)]
pub struct Secret {
    pub name: String,
    pub kind: String,
    pub values: Values,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secret({} of type {})", self.name, self.kind)
    }
}
