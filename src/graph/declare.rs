//! What the files declare, with property files and configs merged in: nodes whose upstreams are still names.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::columns;
use super::config::{Config, DataVersioning, Keys, Layer, Observe, Retry};
use super::databases::{ANOTHER_ALIAS, Database, Databases, same_as_alias};
use super::properties::PropertyIndex;
use super::{Body, Kind, Materialized, Node, RelationName};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::{
    AssetName, AssetProperties, ColumnProperties, Constraint, ParsedAsset, ParsedBody, PythonBody, Section,
    SourceLocation, SqlBody, UpstreamName,
};
use crate::project::{Project, Values, is_reserved_schema, merge_config};
use crate::source::{Place, SourceFile};

/// A node of the graph before its upstreams are looked up.
#[derive(Debug)]
pub(super) struct Declared {
    pub name: AssetName,
    pub kind: Kind,
    pub fqn: Vec<String>,
    pub file: Arc<SourceFile>,
    pub place: Place,
    pub described_at: Option<Place>,
    pub description: Option<String>,
    pub config: Values,
    pub columns: Vec<ColumnProperties>,
    pub constraints: Vec<Constraint>,
    pub settings: Settings,
    pub body: DeclaredBody,
}

#[derive(Debug)]
pub(super) enum DeclaredBody {
    Sql(SqlBody),
    Python(PythonBody),
    Seed,
    Source(SourceLocation),
}

/// The typed values of a config.
#[derive(Debug)]
pub(super) struct Settings {
    pub materialized: Materialized,
    pub relation: RelationName,
    pub tags: Vec<String>,
    pub owner: Option<String>,
    pub group: Option<String>,
    pub retry: Retry,
    pub data_versioning: DataVersioning,
    pub renamed_from: Vec<String>,
    pub max_age: Option<Duration>,
    pub observe: Observe,
}

impl Settings {
    /// Of a source of which nothing is said.
    pub fn of_source(relation: RelationName) -> Self {
        Settings {
            materialized: Materialized::External,
            relation,
            tags: Vec::new(),
            owner: None,
            group: None,
            retry: Retry::default(),
            data_versioning: DataVersioning::default(),
            renamed_from: Vec::new(),
            max_age: None,
            observe: Observe::AsUsual,
        }
    }
}

impl Declared {
    pub fn into_node(self, package: &str, body: Body) -> Node {
        Node {
            name: self.name,
            kind: self.kind,
            package: package.to_owned(),
            fqn: self.fqn,
            file: self.file,
            place: self.place,
            described_at: self.described_at,
            description: self.description,
            tags: self.settings.tags,
            owner: self.settings.owner,
            group: self.settings.group,
            config: self.config,
            columns: self.columns,
            constraints: self.constraints,
            materialized: self.settings.materialized,
            relation: self.settings.relation,
            retry: self.settings.retry,
            data_versioning: self.settings.data_versioning,
            renamed_from: self.settings.renamed_from,
            max_age: self.settings.max_age,
            observe: self.settings.observe,
            body,
        }
    }
}

/// Everything that is declared, and the places of what is declared and disabled.
#[derive(Default)]
pub(super) struct Declarations {
    pub nodes: Vec<Declared>,
    /// What each node reads, as written; as long as `nodes`.
    pub upstreams: Vec<Vec<UpstreamName>>,
    pub disabled: HashMap<String, Place>,
}

/// Reads assets, not yet sources.
pub(super) fn declare_assets(
    project: &Project,
    assets: Vec<ParsedAsset>,
    properties: &PropertyIndex<'_>,
    problems: &mut Diagnostics,
) -> Declarations {
    let mut declarations = Declarations::default();
    let databases = Databases::of(project);
    let mut defaults = FolderConfigs::new(project);
    for mut asset in assets {
        let upstreams = std::mem::take(&mut asset.upstreams);
        let described = properties.get(Section::of(&asset.body), asset.name.as_str());
        let merged = merge(defaults.get(asset.file.path()), described, &asset.config);
        let reader = AssetReader { project, databases: &databases, asset: &asset, described, merged: &merged };
        let config = reader.config();
        if !config.flag("enabled", true, problems) {
            declarations.disabled.insert(asset.name.as_str().to_owned(), asset.place);
            continue;
        }
        reader.check_name(problems);
        config.check_keys(!matches!(asset.body, ParsedBody::Seed), problems);
        let settings = reader.settings(&config, problems);
        let declared = columns::declared(&config, described, settings.materialized, problems);
        if matches!(asset.body, ParsedBody::Sql(_)) {
            columns::tell_of_types_without_contract(&config, problems);
        }
        let fqn = reader.fqn();
        declarations.upstreams.push(upstreams);
        declarations.nodes.push(finish(asset, described, merged, settings, declared, fqn));
    }
    declarations
}

/// Folder defaults, merged once a folder and not once a file.
struct FolderConfigs<'a> {
    project: &'a Project,
    merged: HashMap<std::path::PathBuf, Values>,
}

impl<'a> FolderConfigs<'a> {
    fn new(project: &'a Project) -> Self {
        FolderConfigs { project, merged: HashMap::new() }
    }

    fn get(&mut self, path: &Path) -> Values {
        // A default may name a single file, so only files of a folder without such a default share the result.
        if self.project.folder_defaults.is_empty() {
            return Values::new();
        }
        if self.project.folder_defaults.iter().any(|defaults| defaults.folder == path) {
            return self.project.defaults_for(path);
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        self.merged.entry(folder.to_owned()).or_insert_with(|| self.project.defaults_for(path)).clone()
    }
}

/// Folder defaults under property files under what the file itself says.
fn merge(defaults: Values, described: Option<&AssetProperties>, own: &Values) -> Values {
    let mut merged = defaults;
    if let Some(described) = described {
        merge_config(&mut merged, &described.config);
    }
    merge_config(&mut merged, own);
    merged
}

fn finish(
    asset: ParsedAsset,
    described: Option<&AssetProperties>,
    mut config: Values,
    settings: Settings,
    (columns, constraints): (Vec<ColumnProperties>, Vec<Constraint>),
    fqn: Vec<String>,
) -> Declared {
    let kind = kind(&asset.body);
    // dbt's word for a seed's materialization is `seed`; `config.materialized:` selects by it.
    let materialized = if kind == Kind::Seed { "seed" } else { settings.materialized.as_str() };
    config.insert("materialized".to_owned(), Value::from(materialized));
    config.insert("enabled".to_owned(), Value::Bool(true));
    config.insert("tags".to_owned(), Value::from(settings.tags.clone()));
    Declared {
        name: asset.name,
        kind,
        fqn,
        file: asset.file,
        place: asset.place,
        described_at: described.map(|described| described.place.clone()),
        description: described.and_then(|described| described.description.clone()).or(asset.description),
        config,
        columns,
        constraints,
        settings,
        body: match asset.body {
            ParsedBody::Sql(body) => DeclaredBody::Sql(body),
            ParsedBody::Python(body) => DeclaredBody::Python(body),
            ParsedBody::Seed => DeclaredBody::Seed,
        },
    }
}

fn kind(body: &ParsedBody) -> Kind {
    match body {
        ParsedBody::Sql(_) => Kind::Sql,
        ParsedBody::Python(_) => Kind::Python,
        ParsedBody::Seed => Kind::Seed,
    }
}

/// Materializations by language: the first is the default.
fn materializations(kind: Kind) -> &'static [(&'static str, Materialized)] {
    match kind {
        Kind::Sql => {
            &[("table", Materialized::Table), ("view", Materialized::View), ("ephemeral", Materialized::Ephemeral)]
        }
        Kind::Python => &[("table", Materialized::Table), ("object", Materialized::Object)],
        Kind::Seed | Kind::Source => &[("table", Materialized::Table), ("seed", Materialized::Table)],
    }
}

/// Words of dbt and dbt-duckdb that are not in the lists above.
const UNSUPPORTED: [&str; 7] =
    ["incremental", "snapshot", "materialized_view", "dynamic_table", "external", "table_function", "clone"];

/// Reads the typed values of one asset.
struct AssetReader<'a> {
    project: &'a Project,
    databases: &'a Databases<'a>,
    asset: &'a ParsedAsset,
    described: Option<&'a AssetProperties>,
    merged: &'a Values,
}

impl AssetReader<'_> {
    fn config(&self) -> Config<'_> {
        let keys = match &self.asset.body {
            ParsedBody::Sql(body) => Keys::Template(&self.asset.file, &body.config_places),
            ParsedBody::Python(body) => Keys::Known(&body.config_places),
            ParsedBody::Seed => Keys::Unknown,
        };
        let mut layers = vec![Layer { values: &self.asset.config, place: self.asset.place.clone(), keys }];
        layers.extend(self.described.map(|described| Layer {
            values: &described.config,
            place: described.place.clone(),
            keys: Keys::Known(&described.config_places),
        }));
        Config {
            subject: self.asset.name.as_str(),
            merged: self.merged,
            layers,
            asset: self.asset.place.clone(),
            folders: Some((self.project, self.asset.file.path())),
        }
    }

    /// A dot in the name of a table makes it look like two names.
    fn check_name(&self, problems: &mut Diagnostics) {
        let name = self.asset.name.as_str();
        if name.contains('.') && !matches!(self.asset.body, ParsedBody::Python(_)) {
            let hint = format!("rename the file to `{}.{}`", name.replace('.', "_"), self.asset.file.extension());
            problems.push(
                Diagnostic::error(Code::BadName, format!("`{name}` cannot be an asset's name: it holds a dot"))
                    .at(self.asset.place.clone())
                    .hint(hint),
            );
        }
    }

    fn settings(&self, config: &Config<'_>, problems: &mut Diagnostics) -> Settings {
        Settings {
            materialized: self.materialized(config, problems),
            relation: RelationName {
                database: self.database(config, problems),
                schema: self.schema(config, problems),
                identifier: config.text("alias", problems).unwrap_or_else(|| self.asset.name.as_str().to_owned()),
            },
            tags: config.texts("tags", problems),
            owner: config.text("owner", problems),
            group: config.text("group", problems),
            retry: config.retry(problems),
            data_versioning: config.data_versioning(matches!(self.asset.body, ParsedBody::Python(_)), problems),
            renamed_from: config.texts("renamed_from", problems),
            max_age: config.max_age(problems),
            observe: Observe::AsUsual,
        }
    }

    fn materialized(&self, config: &Config<'_>, problems: &mut Diagnostics) -> Materialized {
        let known = materializations(kind(&self.asset.body));
        config.word("materialized", known, &UNSUPPORTED, problems).unwrap_or(known[0].1)
    }

    fn schema(&self, config: &Config<'_>, problems: &mut Diagnostics) -> String {
        let schema = config.text("schema", problems);
        if let Some(reserved) = schema.as_ref().filter(|schema| is_reserved_schema(schema)) {
            problems.push(config.problem("schema", &format!("cannot be `{reserved}`: that schema is reserved")));
        }
        if let Some(alias) = schema.as_ref().and_then(|schema| self.databases.attached(schema)) {
            problems.push(config.problem("schema", &same_as_alias(alias)).hint(ANOTHER_ALIAS));
        }
        schema.unwrap_or_else(|| self.project.target.schema.clone())
    }

    fn database(&self, config: &Config<'_>, problems: &mut Diagnostics) -> Option<String> {
        let name = config.text("database", problems)?;
        match self.databases.find(&name) {
            Some(Database::Own) => None,
            // A table and its record are one transaction, and DuckDB writes to one database in it.
            Some(Database::Attached { alias, .. }) => {
                let what = format!("is `{alias}`, and assets stand in the project's own database only");
                let hint = format!("leave `database` out; to write to `{alias}`, make it the `database` of a target");
                problems.push(config.problem("database", &what).hint(hint));
                None
            }
            None => {
                let guess = did_you_mean(&name, self.databases.names());
                let hint = guess.map(|guess| format!("did you mean `{guess}`?"));
                let hint = hint.unwrap_or_else(|| "attach it: `[[targets.<name>.attach]]` in `dovetail.toml`".into());
                let what = format!("is `{name}`, which the target does not attach");
                problems.push(config.problem("database", &what).hint(hint));
                None
            }
        }
    }

    fn fqn(&self) -> Vec<String> {
        let roots = match self.asset.body {
            ParsedBody::Seed => &self.project.paths.seeds,
            _ => &self.project.paths.models,
        };
        let mut fqn = vec![self.project.name.clone()];
        fqn.extend(folders_below(self.asset.file.path(), roots));
        fqn.push(self.asset.name.as_str().to_owned());
        fqn
    }
}

/// The folders of a file below the first of `roots` that holds it.
pub(super) fn folders_below(path: &Path, roots: &[std::path::PathBuf]) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let below = roots.iter().find_map(|root| folder.strip_prefix(root).ok()).unwrap_or(folder);
    below.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}
