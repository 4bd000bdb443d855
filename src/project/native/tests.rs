use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::diagnostic::Diagnostic;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(config: &str) -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.root().join(CONFIG_FILE), config).unwrap();
        folder
    }

    fn root(&self) -> &Path {
        self.0.path()
    }
}

fn options(variables: &[(&str, &str)]) -> LoadOptions {
    let environment = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    LoadOptions { environment: Arc::new(environment), ..LoadOptions::default() }
}

fn loaded(config: &str, options: &LoadOptions) -> Project {
    load(Folder::new(config).root(), options).unwrap_or_else(|problems| panic!("{problems:#?}")).value
}

fn problems(config: &str, options: &LoadOptions) -> Vec<Diagnostic> {
    load(Folder::new(config).root(), options).expect_err("the file has errors").0
}

fn told(config: &str, options: &LoadOptions) -> Vec<String> {
    let line = |problem: Diagnostic| match problem.place {
        Some(place) => {
            let position = place.position();
            format!("{}:{} {} {}", position.line, position.column, problem.code, problem.message)
        }
        None => format!("{} {}", problem.code, problem.message),
    };
    problems(config, options).into_iter().map(line).collect()
}

#[test]
fn a_project_needs_no_config() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("flights");
    fs::create_dir_all(root.join("models/staging")).unwrap();
    assert_eq!(find_root(&root.join("models/staging")).unwrap(), root);
    assert_eq!(find_root(&root.join("models/../models")).unwrap(), root.canonicalize().unwrap());
    let project = load(&root, &LoadOptions::default()).unwrap().value;
    assert_eq!(
        (project.name.as_str(), project.target.name.as_str(), project.target.schema.as_str()),
        ("flights", "dev", "main")
    );
    assert_eq!(project.target.database, Some(root.join("flights.duckdb")));
    assert!(project.target.threads >= 1 && project.file.is_none());
    assert_eq!(project.paths.models, [Path::new("models")]);
}

#[test]
fn no_project_and_dbt_projects_are_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(find_root(folder.path()).unwrap_err().code, Code::NoProject);
    assert_eq!(find_root(&folder.path().join("nowhere")).unwrap_err().code, Code::NoProject);
    fs::create_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("dbt_project.yml"), "name: x").unwrap();
    assert_eq!(find_root(&folder.path().join("models")).unwrap_err().code, Code::Unsupported);
    fs::write(folder.path().join("dovetail.toml"), "").unwrap();
    assert!(find_root(folder.path()).is_ok());
}

#[test]
fn targets_do_not_share_a_database_by_a_link() {
    let folder = Folder::new(
        "target = 'dev'\n[targets.dev]\ndatabase = 'there/a.duckdb'\n[targets.prod]\ndatabase = 'linked/a.duckdb'\nschema = 's'\n",
    );
    fs::create_dir(folder.root().join("there")).unwrap();
    std::os::unix::fs::symlink(folder.root().join("there"), folder.root().join("linked")).unwrap();
    let problems = load(folder.root(), &LoadOptions::default()).expect_err("one file").0;
    assert!(problems[0].message.contains("share a database in two schemas"), "{problems:?}");
}

#[test]
fn targets_do_not_share_a_database_in_two_schemas() {
    let config = |schema: &str| {
        format!(
            "target = 'dev'\n[targets.dev]\ndatabase = 'a.duckdb'\n[targets.prod]\ndatabase = './a.duckdb'\nschema = '{schema}'\n"
        )
    };
    assert_eq!(loaded(&config("main"), &LoadOptions::default()).target.schema, "main");
    let [problem] = problems(&config("prod"), &LoadOptions::default()).try_into().unwrap();
    assert_eq!(problem.message, "the targets `dev` and `prod` share a database in two schemas");
}

#[test]
fn reads_a_target_whole() {
    let config = r#"
name = "flights"
target = "prod"
[targets.dev]
database = ":memory:"
[targets.prod]
database = "{{ env_var('PLACE') }}/prod.duckdb"
schema = "marts"
threads = "{{ env_var('THREADS', 3) }}"
settings = { memory_limit = "4GB", preserve_insertion_order = false }
extensions = ["httpfs", { name = "h3", repository = "community" }]
attach = [
  "other.duckdb",
  { path = "pg:dbname=x", alias = "pg", type = "postgres", read_only = false },
]
secrets = [{ type = "s3", key_id = "{{ env_var('KEY') }}" }]
"#;
    let folder = Folder::new(config);
    let options = options(&[("PLACE", "data"), ("KEY", "sesame")]);
    let project = load(folder.root(), &options).unwrap().value;
    let target = project.target;
    assert_eq!(target.database, Some(folder.root().join("data/prod.duckdb")));
    assert_eq!((target.name.as_str(), target.schema.as_str(), target.threads), ("prod", "marts", 3));
    assert_eq!(target.settings["memory_limit"], json!("4GB"));
    assert_eq!(target.extensions[1].repository.as_deref(), Some("community"));
    assert_eq!((target.attach[0].alias.as_str(), target.attach[0].read_only), ("other", true));
    assert_eq!(Path::new(&target.attach[0].path), folder.root().join("other.duckdb"));
    assert_eq!((target.attach[1].path.as_str(), target.attach[1].read_only), ("pg:dbname=x", false));
    assert_eq!(
        (target.secrets[0].name.as_str(), &target.secrets[0].values["key_id"]),
        ("__default_s3", &json!("sesame"))
    );
    assert!(!format!("{target:?}").contains("sesame"));
}

#[test]
fn attachments_and_secrets_may_be_tables() {
    let config = r#"
[targets.dev.attach]
raw = "raw.duckdb"
lake = { path = "ducklake:meta.ducklake", read_only = false }
[targets.dev.secrets.bucket]
type = "gcs"
scope = "gs://x"
"#;
    let target = loaded(config, &LoadOptions::default()).target;
    let aliases: Vec<_> = target.attach.iter().map(|attached| attached.alias.as_str()).collect();
    assert_eq!(aliases, ["raw", "lake"]);
    assert_eq!(target.attach[1].path, "ducklake:meta.ducklake");
    assert_eq!((target.secrets[0].name.as_str(), target.secrets[0].kind.as_str()), ("bucket", "gcs"));
}

#[test]
fn the_command_line_wins() {
    let config = "target = 'a'\n[vars]\nx = 1\ny = [1, 2024-01-01]\n[targets.a]\nthreads = 2\n[targets.b]\ndatabase = 'b.duckdb'\nschema = 'b'";
    let vars = Values::from([("x".to_string(), json!("over"))]);
    let given = LoadOptions { target: Some("b".into()), threads: Some(7), vars, ..LoadOptions::default() };
    let project = loaded(config, &given);
    assert_eq!((project.target.schema.as_str(), project.target.threads), ("b", 7));
    assert_eq!((&project.vars["x"], &project.vars["y"]), (&json!("over"), &json!([1, "2024-01-01"])));
    let given = LoadOptions { target: Some("bb".into()), ..LoadOptions::default() };
    let unknown = problems(config, &given);
    assert_eq!((unknown[0].code, unknown[0].hints[0].as_str()), (Code::UnknownTarget, "did you mean `b`?"));
    assert_eq!(told("target = 'x'", &LoadOptions::default()), ["1:10 DT0003 unknown target `x`"]);
    assert_eq!(
        told("[targets.x]\n[targets.y]", &LoadOptions::default()),
        ["1:2 DT0003 the project has the targets `x`, `y`, and none is chosen"]
    );
    assert_eq!(loaded("[targets.only]", &LoadOptions::default()).target.name, "only");
}

#[test]
fn folders_have_defaults() {
    let config = r#"
[models]
"+tags" = "all"
owner = "me"
[models.staging]
materialized = "view"
tags = ["stg"]
meta = { level = 1 }
[models.staging.deep]
schema = "deep"
tags = "stg"
[models."a/b"]
enabled = false
[seeds]
column_types = { code = "VARCHAR" }
"#;
    let folder = Folder::new(config);
    fs::create_dir_all(folder.root().join("models/staging/deep")).unwrap();
    fs::create_dir_all(folder.root().join("models/a/b")).unwrap();
    let loaded = load(folder.root(), &LoadOptions::default()).unwrap();
    assert!(loaded.warnings.0.is_empty(), "{:?}", loaded.warnings);
    let project = loaded.value;
    let deep = project.defaults_for(Path::new("models/staging/deep/x.sql"));
    assert_eq!(
        json!(deep),
        json!({
            "tags": ["all", "stg"], "owner": "me", "materialized": "view", "meta": {"level": 1}, "schema": "deep"
        })
    );
    assert_eq!(project.defaults_for(Path::new("models/stagingx/x.sql"))["tags"], json!(["all"]));
    assert_eq!(project.defaults_for(Path::new("models/a/b/x.py"))["enabled"], json!(false));
    assert_eq!(project.defaults_for(Path::new("seeds/x.csv"))["column_types"], json!({"code": "VARCHAR"}));
}

#[test]
fn all_problems_are_told_at_their_place() {
    let config = r#"nam = "x"
[paths]
models = [1]
target = "."
modles = "x"
[targets.dev]
threads = 0
database = "s3://x/y.duckdb"
schema = ["a"]
colour = 1
extensions = [{ repository = "x" }]
attach = [{ alias = "a" }, { path = "main.db" }, { path = "b.db" }, { path = "c.db", alias = "B" }]
secrets = [{ key = "x" }]
[models]
materialised = "table"
enabled = "yes"
retries = -1
"#;
    let expected = [
        "1:1 DT0002 unknown key `nam` in `dovetail.toml`",
        "3:11 DT0002 `models` must be text, not a number",
        "4:10 DT0002 the target folder holds other files of the project",
        "5:1 DT0002 unknown key `modles` in `[paths]`",
        "7:11 DT0002 `threads` must be a whole number from 1 to 1024",
        "8:12 DT0505 a target's database is a file, or `:memory:`",
        "9:10 DT0002 `schema` must be text, not a list",
        "10:1 DT0002 unknown key `colour` in a target",
        "11:15 DT0002 an extension without `name`",
        "12:11 DT0002 an attached database without `path`",
        "12:28 DT0002 the alias `main` is the name of a schema that the project writes to",
        "12:94 DT0002 the alias `B` is the name of another attached database",
        "13:12 DT0002 a secret without `type`",
        "15:1 DT0002 unknown key `materialised` in the config of a folder",
        "16:11 DT0002 `enabled` must be `true` or `false`, not text",
        "17:11 DT0002 `retries` must be a whole number from 0 to 1000",
    ];
    assert_eq!(told(config, &LoadOptions::default()), expected);
}

#[test]
fn environment_variables_are_needed_only_where_they_are_used() {
    let config = "[targets.dev]\ndatabase = 'd.duckdb'\nschema = 'x'\n[targets.prod]\nschema = \"{{ env_var('NOWHERE') }}\"\nthreads = \"{{ env_var('N') }}\"";
    let prod = LoadOptions { target: Some("prod".into()), ..options(&[("N", "many")]) };
    assert_eq!(loaded(config, &options(&[])).target.schema, "x");
    assert_eq!(
        told(config, &prod),
        [
            "5:10 DT0104 environment variable `NOWHERE` is not set",
            "6:11 DT0002 `threads` must be a whole number from 1 to 1024, not text"
        ]
    );
    assert_eq!(told("name = '{{ env_var( }}'", &options(&[]))[0].split(' ').nth(1), Some("DT0101"));
    assert_eq!(told("name = '{{ nothing }}'", &options(&[]))[0].split(' ').nth(1), Some("DT0102"));
    assert_eq!(loaded("target = \"{{ env_var('T', 'dev') }}\"", &options(&[])).target.name, "dev");
}

#[test]
fn syntax_errors_and_misspelt_folders() {
    let told = told("name = \n[targets\nx == 1\nname = 'a'\nname = 'b'", &LoadOptions::default());
    assert!(told.len() >= 3 && told.iter().all(|line| line.contains("DT0002 not valid TOML")), "{told:#?}");
    let folder = Folder::new("[models.mta]\nlevel = {}\n[paths]\nseeds = 'data'");
    let warnings = load(folder.root(), &LoadOptions::default()).unwrap().warnings.0;
    let messages: Vec<_> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "there is no folder `mta` for this config",
            "there is no folder `mta/level` for this config",
            "there is no folder `data`"
        ]
    );
    assert_eq!(warnings[0].hints, ["did you mean `meta`?"]);
    assert!(problems(&"[".repeat(10_000), &LoadOptions::default())[0].message.starts_with("not valid TOML"));
    assert!(!problems(&format!("a = {}", "[".repeat(100_000)), &LoadOptions::default()).is_empty());
}

#[test]
fn assets_do_not_go_to_reserved_schemas() {
    for schema in ["dovetail", "DoveTail", "Dovetail_Trash", "Information_Schema", "pg_catalog", "temp", "System"] {
        assert_eq!(
            told(&format!("[targets.x]\nschema = '{schema}'"), &LoadOptions::default()),
            [format!("2:10 DT0002 `schema` cannot be `{schema}`: that schema is reserved")]
        );
    }
}

#[test]
fn attached_databases_do_not_have_reserved_names() {
    for alias in ["dovetail", "DOVETAIL_trash", "information_schema", "Main", "temp"] {
        let config = format!("[targets.x]\nschema = 's'\nattach = {{ {alias} = 'crm.duckdb' }}");
        let expected = format!("3:12 DT0002 the alias `{alias}` is the name that dovetail or DuckDB keeps for itself");
        assert_eq!(told(&config, &LoadOptions::default()), [expected]);
    }
}
