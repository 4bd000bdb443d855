//! Whole projects, before and after an edit: which assets are another code version.

mod checks;
mod differential;
mod given;
mod properties;
mod python;
mod registers;
mod sql;

use std::collections::BTreeMap;
use std::path::Path;

use super::{CodeVersion, code_versions};
use crate::compile::compile;
use crate::project::LoadOptions;

/// A project's files.
#[derive(Clone)]
struct Files(BTreeMap<String, String>);

fn files<const N: usize>(files: [(&str, &str); N]) -> Files {
    Files(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into())
}

impl Files {
    /// With another text of one file, or one more file.
    fn with(&self, path: &str, text: &str) -> Files {
        let mut files = self.clone();
        files.0.insert(path.to_owned(), text.to_owned());
        files
    }

    /// With every occurrence of a text in one file replaced.
    fn edit(&self, path: &str, old: &str, new: &str) -> Files {
        let text = &self.0[path];
        assert!(text.contains(old), "{path} does not hold `{old}`");
        self.with(path, &text.replace(old, new))
    }

    fn versions(&self) -> BTreeMap<String, CodeVersion> {
        self.versions_with(&LoadOptions::default())
    }

    fn versions_with(&self, options: &LoadOptions) -> BTreeMap<String, CodeVersion> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        for (path, text) in &self.0 {
            write(&root.join(path), text);
        }
        let compiled = compile(&root, options, None, None).unwrap_or_else(|problems| {
            panic!("{}", problems.0.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("\n"))
        });
        let versions = code_versions(&compiled.graph, &compiled.modules, &compiled.project, compiled.graph.ids());
        versions.into_iter().map(|(id, version)| (compiled.graph.node(id).name.to_string(), version)).collect()
    }

    /// The assets that the edit makes another version of, joined by spaces.
    fn changed(&self, after: &Files) -> String {
        let (before, after) = (self.versions(), after.versions());
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        let is_changed = |(name, version): &(&String, &CodeVersion)| after[*name].hash != version.hash;
        before.iter().filter(is_changed).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn part_names(version: &CodeVersion) -> Vec<&str> {
    version.parts.iter().map(|part| part.name.as_str()).collect()
}

/// `cargo test --release --lib fingerprint::tests::costs -- --ignored --nocapture`
#[test]
#[ignore = "measures, and says nothing in a debug build"]
fn costs_of_a_thousand_models() {
    let mut all = files([]);
    for number in 0..1000 {
        let columns: String =
            (0..20).map(|column| format!("  SUM(t{column}.amount * {column}) AS total_{column},\n")).collect();
        // One in four has a word in upper case that may be a name.
        let date = if number % 4 == 0 { "DATE" } else { "date" };
        let sql = format!(
            "-- model {number}\nSELECT\n{columns}  t0.id\nFROM read_csv('x.csv') AS t0\nLEFT JOIN other.tables.t AS t1 ON t0.id = t1.id\n\
             WHERE t0.day >= {date} '2013-01-01' /* since then */\nGROUP BY ALL\n"
        );
        all = all.with(&format!("models/sql/m{number}.sql"), &sql.replace("other.tables.t", "(select 1 as id)"));
    }
    let python =
        (0..1000).map(|number| format!("@asset\ndef p{number}():\n    return clean({number})\n")).collect::<String>();
    all = all.with("models/many.py", &format!("from dovetail import asset\nfrom .helpers import clean\n{python}"));
    all = all.with("models/helpers.py", "def clean(x): return x\n");
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in &all.0 {
        write(&folder.path().join(path), text);
    }
    let compiled = compile(folder.path(), &LoadOptions::default(), None, None).unwrap_or_else(|_| panic!());
    let started = std::time::Instant::now();
    for id in compiled.graph.ids() {
        if let crate::graph::Body::Sql(sql) = &compiled.graph.node(id).body {
            super::sql::statement(sql, &compiled.project.root);
        }
    }
    println!("1,000 SQL models on one core: {:?}", started.elapsed());
    let started = std::time::Instant::now();
    let versions = code_versions(&compiled.graph, &compiled.modules, &compiled.project, compiled.graph.ids());
    println!("{} assets on all cores: {:?}", versions.len(), started.elapsed());
}
