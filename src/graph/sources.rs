//! Declared sources become nodes; files and attached tables that SQL names without declaring them do so too.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::config::{Config, Keys, Layer};
use super::databases::{ANOTHER_ALIAS, Database, Databases, same_as_alias};
use super::declare::{Declarations, Declared, DeclaredBody, Settings, folders_below};
use super::{Kind, RelationName, without_glob};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::{AssetName, FileFormat, ParsedPythonSource, ParsedSource, SourceLocation};
use crate::project::{Project, Values};
use crate::source::Place;

/// Adds a node for each declared table of each source.
pub(super) fn declare_sources(
    project: &Project,
    sources: Vec<ParsedSource>,
    declarations: &mut Declarations,
    problems: &mut Diagnostics,
) {
    let databases = Databases::of(project);
    let mut first: HashMap<(String, String), Place> = HashMap::with_capacity(sources.len());
    for source in sources {
        let key = (source.source.clone(), source.table.clone());
        if let Some(place) = first.get(&key) {
            problems.push(
                Diagnostic::error(Code::DuplicateSource, format!("source `{}.{}` is declared twice", key.0, key.1))
                    .at(source.place.clone())
                    .related(place.clone(), "declared here first"),
            );
            continue;
        }
        first.insert(key, source.place.clone());
        declare(project, &databases, source, declarations, problems);
    }
}

fn declare(
    project: &Project,
    databases: &Databases<'_>,
    source: ParsedSource,
    declarations: &mut Declarations,
    problems: &mut Diagnostics,
) {
    let full = format!("{}.{}", source.source, source.table);
    let Some(name) = AssetName::new(&full) else {
        let message = format!("`{}` cannot be a source's name", full.escape_debug());
        problems.push(Diagnostic::error(Code::BadName, message).at(source.place));
        return;
    };
    let config = Config {
        subject: &full,
        merged: &source.config,
        layers: vec![Layer { values: &source.config, place: source.place.clone(), keys: Keys::Unknown }],
        asset: source.place.clone(),
        folders: None,
    };
    if !config.flag("enabled", true, problems) {
        declarations.disabled.insert(full, source.place);
        return;
    }
    let relation = relation(databases, &source, problems);
    let settings = Settings { observe: config.observe(problems), ..described(relation, &config, problems) };
    let mut fqn = vec![project.name.clone()];
    fqn.extend(folders_below(source.place.file.path(), &project.paths.models));
    fqn.extend([source.source.clone(), source.table.clone()]);
    check_options(&source, problems);
    declarations.upstreams.push(Vec::new());
    declarations.nodes.push(Declared {
        name,
        kind: Kind::Source,
        fqn,
        file: Arc::clone(&source.place.file),
        described_at: Some(source.place.clone()),
        place: source.place,
        description: source.description,
        config: source.config,
        columns: source.columns,
        constraints: Vec::new(),
        settings,
        body: DeclaredBody::Source(below(&project.root, source.location)),
    });
}

/// What every source's config may say.
fn described(relation: RelationName, config: &Config<'_>, problems: &mut Diagnostics) -> Settings {
    Settings {
        tags: config.texts("tags", problems),
        owner: config.text("owner", problems),
        group: config.text("group", problems),
        ..Settings::of_source(relation)
    }
}

/// Adds a node for each function under `@source`.
pub(super) fn declare_python_sources(
    project: &Project,
    sources: Vec<ParsedPythonSource>,
    declarations: &mut Declarations,
    problems: &mut Diagnostics,
) {
    for source in sources {
        let config = Config {
            subject: source.name.as_str(),
            merged: &source.config,
            layers: Vec::new(),
            asset: source.place.clone(),
            folders: None,
        };
        // Nothing stands there, and no SQL can name it.
        let relation = RelationName {
            database: None,
            schema: project.target.schema.clone(),
            identifier: source.name.as_str().to_owned(),
        };
        let settings = described(relation, &config, problems);
        let mut fqn = vec![project.name.clone()];
        fqn.extend(folders_below(source.file.path(), &project.paths.models));
        fqn.push(source.name.as_str().to_owned());
        declarations.upstreams.push(Vec::new());
        declarations.nodes.push(Declared {
            name: source.name,
            kind: Kind::Source,
            fqn,
            file: source.file,
            described_at: Some(source.place.clone()),
            place: source.place,
            description: source.description,
            config: source.config,
            columns: Vec::new(),
            constraints: Vec::new(),
            settings,
            body: DeclaredBody::Source(SourceLocation::Function { is_observed: source.is_observed }),
        });
    }
}

/// A source's schema is its name unless it says otherwise, as in dbt.
fn relation(databases: &Databases<'_>, source: &ParsedSource, problems: &mut Diagnostics) -> RelationName {
    let SourceLocation::Table { database, schema, identifier } = &source.location else {
        return RelationName { database: None, schema: source.source.clone(), identifier: source.table.clone() };
    };
    let database = database.as_ref().and_then(|name| match databases.find(name) {
        Some(Database::Own) => None,
        Some(Database::Attached { alias, .. }) => Some(alias),
        None => {
            let guess = did_you_mean(name, databases.names()).map(|guess| format!("did you mean `{guess}`?"));
            let message = format!("source `{}` is in database `{name}`, which is not attached", source.source);
            let hint = guess.unwrap_or_else(|| "attach it: `[[targets.<name>.attach]]` in `dovetail.toml`".to_owned());
            problems.push(Diagnostic::error(Code::ConfigValue, message).at(source.place.clone()).hint(hint));
            None
        }
    });
    // Where nothing is said, the source's name may well mean the attached database.
    if let (None, Some(alias)) = (&database, schema.as_ref().and_then(|schema| databases.attached(schema))) {
        let message = format!("`schema` of source `{}` {}", source.source, same_as_alias(alias));
        let hint = format!("write `database: {alias}` if that is meant; if not, {ANOTHER_ALIAS}");
        problems.push(Diagnostic::error(Code::ConfigValue, message).at(source.place.clone()).hint(hint));
    }
    let schema = schema.clone().unwrap_or_else(|| source.source.clone());
    RelationName { database, schema, identifier: identifier.clone() }
}

/// Names of reader options go into SQL as they are, so they must be identifiers.
fn check_options(source: &ParsedSource, problems: &mut Diagnostics) {
    let SourceLocation::Files { options, .. } = &source.location else { return };
    for name in options.keys().filter(|name| !is_identifier(name)) {
        let message = format!("`{}` is not an option of a file reader", name.escape_debug());
        problems.push(Diagnostic::error(Code::ConfigValue, message).at(source.place.clone()));
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The location with file paths made absolute: the process may run in another folder than the project's.
fn below(root: &Path, location: SourceLocation) -> SourceLocation {
    match location {
        SourceLocation::Files { path, format, options } => {
            SourceLocation::Files { path: absolute(root, &path), format, options }
        }
        table => table,
    }
}

/// URLs and paths from the home folder are left to DuckDB. The path may be a pattern, the root is none.
pub(super) fn absolute(root: &Path, path: &str) -> String {
    if is_url(path) || path.starts_with('~') {
        return path.to_owned();
    }
    let root = without_glob(&root.to_string_lossy());
    Path::new(&root).join(path.strip_prefix("./").unwrap_or(path)).to_string_lossy().into_owned()
}

pub(super) fn is_url(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '+')
    })
}

/// What DuckDB's replacement scans read when a file's name stands for a table.
const ENDINGS: [&str; 8] = ["parquet", "csv", "tsv", "json", "jsonl", "ndjson", "geojson", "xlsx"];

/// Whether a table's name is a file's: an ending that DuckDB reads (compressed or not), a glob, or a URL.
pub(super) fn looks_like_file(name: &str) -> bool {
    is_url(name) || name.contains(['*', '?']) || ENDINGS.contains(&ending(name).as_str())
}

/// The ending in lower case, that of the compression left away.
fn ending(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let plain = [".gz", ".zst", ".bz2"].iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
    plain.rsplit_once('.').map(|(_, ending)| ending.to_owned()).unwrap_or_default()
}

/// The format that is shown for a file; DuckDB itself decides by the name when it reads an undeclared one.
fn file_format(name: &str) -> FileFormat {
    match ending(name).as_str() {
        "parquet" => FileFormat::Parquet,
        "json" | "jsonl" | "ndjson" | "geojson" => FileFormat::Json,
        _ => FileFormat::Csv,
    }
}

/// A source that SQL names without anybody declaring it.
pub(super) struct Implicit {
    pub name: AssetName,
    pub relation: RelationName,
    pub location: SourceLocation,
}

impl Implicit {
    /// A file, by its text in `FROM`.
    pub fn file(project: &Project, text: &str) -> Option<Self> {
        Some(Implicit {
            name: AssetName::new(text)?,
            relation: RelationName {
                database: None,
                schema: project.target.schema.clone(),
                identifier: text.to_owned(),
            },
            location: SourceLocation::Files {
                path: absolute(&project.root, text),
                format: file_format(text),
                options: Values::new(),
            },
        })
    }

    /// A table of an attached database.
    pub fn table(alias: &str, schema: &str, identifier: &str) -> Option<Self> {
        let relation = RelationName {
            database: Some(alias.to_owned()),
            schema: schema.to_owned(),
            identifier: identifier.to_owned(),
        };
        let location = SourceLocation::Table {
            database: relation.database.clone(),
            schema: Some(relation.schema.clone()),
            identifier: relation.identifier.clone(),
        };
        Some(Implicit { name: AssetName::new(&format!("{alias}.{schema}.{identifier}"))?, relation, location })
    }

    /// `place` is where it is named first.
    pub fn declare(self, project: &Project, place: &Place) -> Declared {
        Declared {
            fqn: vec![project.name.clone(), self.name.as_str().to_owned()],
            name: self.name,
            kind: Kind::Source,
            file: Arc::clone(&place.file),
            place: place.clone(),
            described_at: None,
            description: None,
            config: Values::new(),
            columns: Vec::new(),
            constraints: Vec::new(),
            settings: Settings::of_source(self.relation),
            body: DeclaredBody::Source(self.location),
        }
    }
}
