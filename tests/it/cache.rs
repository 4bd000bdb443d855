//! What is kept in `target/cache` changes no answer.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Project, Said};

/// The same sequence for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

const CONFIGS: [&str; 4] = [
    "[vars]\nlimit = 1\n",
    "[vars]\nlimit = 2\n[models]\nmaterialized = 'table'\n",
    "[targets.dev]\nschema = 'other'\nthreads = 2\n[vars]\nlimit = 1\n",
    "[targets.dev]\nsettings = { memory_limit = '1GB' }\n[models]\ntags = ['all']\n[vars]\nlimit = 3\n",
];

const FILES: [(&str, &[&str]); 11] = [
    ("dovetail.toml", &CONFIGS),
    ("seeds/codes.csv", &["code,name\n1,one\n2,two\n", "code,name\n1,one\n", "code\n1\n3\n"]),
    ("macros/least.sql", &["{% macro least() %}0{% endmacro %}", "{% macro least() %}1{% endmacro %}"]),
    ("models/a.sql", &["select * from codes where code > {{ least() }}", "-- all\nselect code from codes"]),
    (
        "models/b.sql",
        &[
            "{{ config(materialized='view') }} select code from a",
            "{{ config(materialized='table', tags=['b']) }} select code from {{ ref('a') }}",
            "select code + {{ var('limit') }} as code from a",
            "select nothing from {{ ref('gone') }}",
        ],
    ),
    ("models/c.sql", &["select sum(code) as total from b", "select count(*) as total from b, d"]),
    (
        "models/d.sql",
        &[
            "select '{{ env_var('PLACE', 'nowhere') }}' as place",
            "select '{{ env_var('PASSWORD', 'none') }}' as place",
            "select '{{ run_started_at.year }}' as place",
            "{{ exceptions.warn('careful') }}{{ log('said', info=True) }}select 1 as place",
            "{{ config(materialized='ephemeral') }} select 1 as place",
        ],
    ),
    (
        "models/e.py",
        &[
            "from dovetail import asset\nfrom lib.tools import f\n\n@asset\ndef e(a):\n    return f(a)\n",
            "from dovetail import asset\n\n@asset(tags=['e'])\ndef e(b, c):\n    return b\n",
        ],
    ),
    ("lib/tools.py", &["def f(x):\n    return x\n", "def f(x):\n    return None\n"]),
    (
        "models/about.yml",
        &[
            "models:\n  - name: a\n    description: All of them.\n",
            "models:\n  - name: a\n    tags: [odd]\n  - name: nobody\n",
            "sources:\n  - name: raw\n    tables:\n      - {name: x, external: {location: data/*.csv}}\n",
        ],
    ),
    ("data/x.csv", &["x\n1\n", "x\n2\n"]),
];

/// Changes made behind dovetail's back.
const BY_HAND: [&str; 5] = [
    "drop table if exists a",
    "drop view if exists b",
    "create schema if not exists other; create table if not exists other.a as select 1 as code",
    "create or replace table apart as select 1 as x",
    "delete from dovetail.materializations where asset = 'c'",
];

fn edit(project: Project, random: &mut Random) -> (Project, String) {
    let root = project.root();
    match random.below(16) {
        0 => {
            let place = random.one_of(&["here", "there"]);
            (project.env("PLACE", place), format!("PLACE={place}"))
        }
        1 => {
            let word = random.one_of(&["hunter22", "hunter23"]);
            (project.env("PASSWORD", word), format!("PASSWORD={word}"))
        }
        2 => {
            let statement = random.one_of(&BY_HAND);
            let path = root.join("project.duckdb");
            // It fails where something else stands under the name, or nothing.
            let done = path.exists().then(|| duckdb::Connection::open(&path).unwrap().execute_batch(statement).is_ok());
            (project, format!("by hand, {done:?}: {statement}"))
        }
        3 => {
            let assets = random.one_of(&["a", "b", "c", "d"]);
            let code = project.run(&["run", "--select", assets]).code;
            (project, format!("run {assets}, code {code}"))
        }
        4 => {
            let code = project.run(&["reconcile", "--exclude", "e"]).code;
            (project, format!("reconcile, code {code}"))
        }
        5 => {
            let (path, _) = FILES[4 + random.below(FILES.len() - 4)];
            let _ = fs::remove_file(root.join(path));
            (project, format!("removed {path}"))
        }
        6 => (project, damage(&root, random)),
        _ => {
            let (path, texts) = FILES[random.below(FILES.len())];
            let text = random.one_of(texts);
            (project.file(path, text), format!("{path}: {text}"))
        }
    }
}

/// Cuts an entry of the cache off, empties it or puts another one in its place.
fn damage(root: &Path, random: &mut Random) -> String {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(root.join("target/cache")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    if entries.is_empty() {
        return "nothing to damage".to_owned();
    }
    let entry = entries[random.below(entries.len())].clone();
    let mut bytes = match random.below(2) {
        0 => fs::read(&entry).unwrap(),
        _ => fs::read(&entries[random.below(entries.len())]).unwrap(),
    };
    bytes.truncate(random.below(bytes.len() + 1).max(bytes.len() / 2));
    fs::write(&entry, bytes).unwrap();
    format!("damaged {}", entry.display())
}

fn answers(project: &Project, more: &[&str]) -> Vec<String> {
    let ask = |command: &str| {
        let Said { stdout, stderr, code } = project.run(&[&[command, "--output", "json"], more].concat());
        format!("{command} {more:?} {code}\n{stdout}\n{stderr}")
    };
    ["plan", "status", "ls"].map(ask).to_vec()
}

#[test]
fn no_answer_depends_on_the_cache() {
    let edits = std::env::var("DOVETAIL_CACHE_EDITS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut project = Project::new().env("PASSWORD", "hunter22");
    for (path, texts) in FILES {
        project = project.file(path, texts[0]);
    }
    assert_eq!(project.run(&["run", "--exclude", "e"]).code, 0);
    let (target, aside) = (project.root().join("target"), project.root().join("aside"));
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..edits {
        let (edited, what) = edit(project, &mut random);
        project = edited;
        // Entries of older edits, then those of this one, then none.
        let more: &[&str] = if random.below(3) == 0 { &["--vars", "limit=7"] } else { &[] };
        let (before, warm) = (answers(&project, more), answers(&project, more));
        let _ = fs::rename(&target, &aside);
        let cold = answers(&project, more);
        let _ = fs::remove_dir_all(&target);
        let _ = fs::rename(&aside, &target);
        assert_eq!(before, cold, "edit {number}, {what}");
        assert_eq!(warm, cold, "edit {number}, {what}, the second time");
        seen.extend(cold);
    }
    assert!(seen.len() > edits / 2, "{} answers differ", seen.len());
}

#[test]
fn an_empty_config_is_another_project_than_none() {
    let project = Project::new().file("models/a.py", "from dovetail import asset\n\n@asset\ndef a():\n    return 1\n");
    let project = project.file("models/b.sql", "select 1 as b");
    let paths = |project: &Project| project.run(&["ls", "--output", "path"]).stdout;
    let before = paths(&project);
    let project = project.file("dovetail.toml", "");
    assert_eq!(paths(&project), before);
    assert_eq!(before, "models/a.py\nmodels/b.sql\n");
}

#[test]
fn secrets_and_values_of_an_invocation_are_not_kept() {
    let project = Project::new()
        .env("PASSWORD", "hunter22")
        .file("models/a.sql", "select '{{ env_var('PASSWORD') }}' as a")
        .file("models/b.sql", "select '{{ invocation_id }}' as b");
    let kept = |project: &Project| {
        assert_eq!(project.run(&["ls"]).code, 0);
        let entries = fs::read_dir(project.root().join("target/cache")).into_iter().flatten();
        entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("graph")).count()
    };
    assert_eq!(kept(&project), 0);
    let project = project.file("models/a.sql", "select 1 as a");
    assert_eq!(kept(&project), 0);
    let project = project.file("models/b.sql", "select 1 as b");
    assert_eq!(kept(&project), 1);
}

#[test]
fn clean_removes_the_cache_and_git_does_not_see_it() {
    let project = Project::new().file("models/a.sql", "select 1 as a");
    project.run(&["ls"]);
    assert_eq!(project.read("target/cache/.gitignore"), "*\n");
    let said = project.run(&["clean"]);
    assert!(said.code == 0 && said.stderr.contains("removed target/cache"), "{said}");
    assert!(!project.exists("target"));
}
