//! `SourceFile -> ParsedAsset`: what each file declares, without looking at any other file.
//!
//! Pure and parallel. SQL, Python, property files and seeds are files of the same shape: each takes a `SourceFile` and
//! returns what it declares, or diagnostics.

pub mod check;
pub mod constraint;
pub mod properties;
pub mod python;
pub mod seed;
pub mod sql;
pub mod unit_test;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::project::Values;
use crate::source::{Place, SourceFile, Span};
use crate::template::Message;
pub use check::{AskedCheck, CheckProperties, Checked, ParsedCheck};
pub use constraint::{Accepted, Constraint, Rule};

/// Name of an asset, checked at birth: not empty, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AssetName(Arc<str>);

impl AssetName {
    /// `None` when the text cannot be a name.
    pub fn new(name: &str) -> Option<Self> {
        let fit = !name.trim().is_empty() && !name.chars().any(|letter| letter.is_control());
        fit.then(|| AssetName(Arc::from(name)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<AssetName> for String {
    fn from(name: AssetName) -> Self {
        name.0.to_string()
    }
}

impl TryFrom<String> for AssetName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        AssetName::new(&name).ok_or("not the name of an asset")
    }
}

impl fmt::Display for AssetName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An asset as its own file declares it.
#[derive(Debug, Clone)]
pub struct ParsedAsset {
    pub name: AssetName,
    pub file: Arc<SourceFile>,
    /// Where the asset is declared: the file for SQL and seeds, the function's name for Python.
    pub place: Place,
    /// What the file itself configures (`config(...)`, `@asset(...)`), before folders and property files.
    pub config: Values,
    /// Leading comment or docstring.
    pub description: Option<String>,
    pub upstreams: Vec<UpstreamName>,
    pub body: ParsedBody,
}

/// How a file names something that it reads.
#[derive(Debug, Clone)]
pub struct UpstreamName {
    pub reference: Reference,
    /// Where the user wrote it.
    pub place: Place,
    pub manner: Manner,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `ref('name')`, `ref('package', 'name')`, a Python parameter, an item of `deps=`.
    /// Python may also say `source.table`, which is tried when no asset has the name.
    Asset { package: Option<String>, name: String },
    /// `source('source', 'table')`.
    Source { source: String, table: String },
    /// A name where a table stands, as written: one to three identifiers, unquoted.
    Table(Vec<String>),
}

/// How the upstream is used; decides how it is put in place and which words an error uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// `ref()` or `source()`: the rendered SQL holds `placeholder(reference)` wherever it was printed.
    Call,
    /// A plain table name in the rendered SQL, with its span there, and whether an alias follows it.
    PlainName { rendered: Span, has_alias: bool },
    /// A table's name in a text that a table function takes (`query_table('x')`), with its span in the rendered SQL. It may
    /// be nobody's.
    Text { rendered: Span },
    /// A parameter of an asset function: data arrives under this name.
    Parameter(String),
    /// A file's name among the arguments of a table function in the rendered SQL, which reads it as it stands.
    Argument,
    /// `deps=[...]`: an edge without data.
    Dependency,
}

#[derive(Debug, Clone)]
pub enum ParsedBody {
    Sql(SqlBody),
    Python(PythonBody),
    Seed,
}

/// A rendered model.
#[derive(Debug, Clone)]
pub struct SqlBody {
    /// SQL after Jinja, with `template::placeholder` texts where `ref`, `source` and `this` were printed.
    pub rendered: String,
    /// The part of `rendered` that is the one statement (without a trailing `;` and comments around it).
    pub statement: Span,
    /// Where the config keys stand that macros set.
    pub config_places: BTreeMap<String, Place>,
    /// What the template said while it was rendered.
    pub messages: Vec<Message>,
    /// The model as every invocation would render it, where this one differs.
    pub repeatable: Option<Box<RepeatableSql>>,
    /// Calls of table functions that read what nobody can name, such as `read_csv(...)`; sorted.
    pub unseen: Vec<String>,
}

/// A model rendered without the values that differ at each invocation: for its fingerprint, never to be run.
#[derive(Debug, Clone)]
pub struct RepeatableSql {
    /// As in `SqlBody`.
    pub rendered: String,
    pub statement: Span,
    /// The plain names in `rendered`.
    pub names: Vec<UpstreamName>,
    /// The values that were left out, such as `run_started_at`.
    pub without: Vec<&'static str>,
}

/// An asset function, or a check function.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PythonBody {
    /// Name of the function in its module; for factories the name that the asset was registered under.
    pub function: String,
    pub is_async: bool,
    pub parameters: Vec<Parameter>,
    /// True when the declaration came from importing the module (a factory), not from its syntax tree.
    pub imported: bool,
    /// Where the arguments of `@asset(...)` stand in the asset's file: `columns`, and within it `columns.amount`.
    #[serde(default)]
    pub config_places: BTreeMap<String, Span>,
}

/// A parameter that receives an upstream's data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    /// The annotation's source text, such as `pl.LazyFrame`.
    pub annotation: Option<String>,
    /// The columns that it receives, where the asset says so (`reads=`); else all.
    #[serde(default)]
    pub reads: Option<Vec<ReadColumn>>,
}

/// A column that a parameter receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadColumn {
    pub name: String,
    /// Where it is named in the module's file.
    pub span: Span,
}

/// A function under `@source`: its name is the source's.
#[derive(Debug, Clone)]
pub struct ParsedPythonSource {
    pub name: AssetName,
    pub file: Arc<SourceFile>,
    pub place: Place,
    pub description: Option<String>,
    pub config: Values,
    /// It says `observe=`.
    pub is_observed: bool,
}

/// A function under `@check`: a question about the data of an asset.
#[derive(Debug, Clone)]
pub struct ParsedPythonCheck {
    /// The function's name, or `name=`.
    pub name: AssetName,
    pub file: Arc<SourceFile>,
    /// The function's name.
    pub place: Place,
    pub description: Option<String>,
    /// The asset that it is about, as written, and where; `None` where the decorator names none: then the first upstream.
    pub asset: Option<(String, Place)>,
    /// `severity`, `warn_if`, `error_if`, `limit`, `tags`, `owner`, `meta`, `enabled`.
    pub config: Values,
    /// Where the arguments of `@check(...)` stand in `file`; those of `body` stay empty.
    pub config_places: BTreeMap<String, Span>,
    /// As of asset functions: parameters and `deps=`.
    pub upstreams: Vec<UpstreamName>,
    pub body: PythonBody,
}

/// What property files declare beside the assets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParsedSource {
    /// The `name:` under `sources:`.
    pub source: String,
    /// The `name:` of the table.
    pub table: String,
    pub place: Place,
    pub description: Option<String>,
    pub location: SourceLocation,
    pub config: Values,
    pub columns: Vec<ColumnProperties>,
    /// Those of the table itself; columns have theirs.
    pub checks: Vec<ParsedCheck>,
}

/// Where a source's data is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SourceLocation {
    /// A table of this database or of an attached one.
    Table { database: Option<String>, schema: Option<String>, identifier: String },
    /// Files, by path or glob relative to the project's root, read by `read_parquet`, `read_csv`, `read_json`.
    Files { path: String, format: FileFormat, options: Values },
    /// What a Python function under `@source` returns.
    Function {
        /// It says `observe=`.
        is_observed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileFormat {
    Parquet,
    Csv,
    Json,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProperties {
    pub name: String,
    pub description: Option<String>,
    pub data_type: Option<String>,
    pub constraints: Vec<Constraint>,
    pub checks: Vec<ParsedCheck>,
    pub tags: Vec<String>,
    pub meta: Values,
    /// Where it is declared.
    pub place: Option<Place>,
}

/// The part of a property file that describes assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Section {
    Models,
    Seeds,
}

impl Section {
    /// Where an asset of such a body is described.
    pub fn of(body: &ParsedBody) -> Self {
        match body {
            ParsedBody::Seed => Section::Seeds,
            ParsedBody::Sql(_) | ParsedBody::Python(_) => Section::Models,
        }
    }

    pub fn key(self) -> &'static str {
        match self {
            Section::Models => "models",
            Section::Seeds => "seeds",
        }
    }

    /// The word for one of its items.
    pub fn item(self) -> &'static str {
        match self {
            Section::Models => "model",
            Section::Seeds => "seed",
        }
    }
}

/// `models:` or `seeds:` in a property file: what it says of one asset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AssetProperties {
    pub name: String,
    pub place: Place,
    pub section: Section,
    pub description: Option<String>,
    /// `config:`, and `tags`, `meta` beside it.
    pub config: Values,
    /// Where the keys of `config` stand in the file of `place`.
    pub config_places: BTreeMap<String, Span>,
    pub columns: Vec<ColumnProperties>,
    /// What it promises of several columns, or of rows.
    pub constraints: Vec<Constraint>,
    /// Those of the asset itself; columns have theirs.
    pub checks: Vec<ParsedCheck>,
}

/// What property files say.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ParsedProperties {
    pub assets: Vec<AssetProperties>,
    pub sources: Vec<ParsedSource>,
    pub checks: Vec<CheckProperties>,
    pub unit_tests: Vec<unit_test::ParsedUnitTest>,
}

/// Everything that the project's files declare: what `graph::resolve` takes.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    pub assets: Vec<ParsedAsset>,
    /// Checks that are SQL files of their own.
    pub tests: Vec<ParsedAsset>,
    /// Checks that property files ask for.
    pub checks: Vec<AskedCheck>,
    pub python_sources: Vec<ParsedPythonSource>,
    pub python_checks: Vec<ParsedPythonCheck>,
    pub properties: ParsedProperties,
}
