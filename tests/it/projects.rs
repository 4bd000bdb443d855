//! The golden projects of `tests/projects/`, as `ls` sees them. The Python tests run them.
//!
//! `UPDATE_GOLDEN=1` rewrites what is expected.

use std::path::{Path, PathBuf};

use crate::harness::Project;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects")
}

fn copy(from: &Path, project: Project) -> Project {
    let files = walkdir::WalkDir::new(from).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.fold(project, |project, entry| {
        let path = entry.path().strip_prefix(from).unwrap().to_str().unwrap().to_owned();
        project.file(&path, std::fs::read(entry.path()).unwrap())
    })
}

#[test]
fn golden_projects_list_as_expected() {
    let mut count = 0;
    for folder in std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()) {
        let said = copy(&folder, Project::new()).run(&["ls", "--output", "json"]);
        assert_eq!(said.code, 0, "{}: {}", folder.display(), said.stderr);
        let expected = folder.join("expected/ls.jsonl");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&expected, &said.stdout).unwrap();
        }
        assert_eq!(said.stdout, std::fs::read_to_string(&expected).unwrap(), "{}", folder.display());
        count += 1;
    }
    assert!(count >= 2);
}
