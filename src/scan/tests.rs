use std::fs;
use std::path::Path;

use super::*;
use crate::diagnostic::Code;
use crate::project::{LoadOptions, load};

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn scan_in(root: &Path) -> Result<Scanned, Diagnostics> {
    scan(&load(root, &LoadOptions::default()).unwrap().value)
}

fn paths(files: &[Arc<SourceFile>]) -> Vec<&str> {
    files.iter().map(|file| file.path().to_str().unwrap()).collect()
}

#[test]
fn finds_every_file_once_and_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in ["models/b.sql", "models/a/z.SQL", "models/a.py", "models/__init__.py", "models/a/_schema.yml"] {
        write(root, path, "x");
    }
    for path in
        ["models/.hidden.sql", "models/.git/a.sql", "models/__pycache__/a.py", "models/notes.md", "models/a.csv"]
    {
        write(root, path, "x");
    }
    for path in ["seeds/s.csv", "seeds/s.yaml", "macros/m.sql", "models/venv/pyvenv.cfg", "models/venv/lib/a.py"] {
        write(root, path, "x");
    }
    let scanned = scan_in(root).unwrap();
    assert_eq!(paths(&scanned.models), ["models/a/z.SQL", "models/b.sql"]);
    assert_eq!(paths(&scanned.python), ["models/__init__.py", "models/a.py"]);
    assert_eq!(paths(&scanned.properties), ["models/a/_schema.yml", "seeds/s.yaml"]);
    assert_eq!(paths(&scanned.seeds), ["seeds/s.csv"]);
    assert_eq!(scanned.seeds[0].text(), "");
    assert_eq!(paths(&scanned.macros), ["macros/m.sql"]);
}

#[test]
fn the_whole_root_may_be_the_models_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "dovetail.toml", "[paths]\nmodels = ['.', 'sub/', './sub']\nmacros = 'sub/macros'\ntarget = 'out'");
    for path in ["a.sql", "sub/b.sql", "sub/macros/m.sql", "out/compiled/a.sql"] {
        write(root, path, "select 1");
    }
    let scanned = scan_in(root).unwrap();
    assert_eq!(paths(&scanned.models), ["a.sql", "sub/b.sql"]);
    assert_eq!(paths(&scanned.macros), ["sub/macros/m.sql"]);
}

#[test]
fn bytes_that_are_not_utf8_are_all_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "models/a.sql", b"select 1\n-- caf\xe9\n");
    write(root, "models/b.py", b"\xff\xfea\0");
    write(root, "models/good.sql", "\u{feff}select 1");
    let problems = scan_in(root).unwrap_err().0;
    let told: Vec<_> = problems.iter().map(|problem| (problem.code, problem.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (Code::NotUtf8, "`models/a.sql` is not UTF-8: byte 0xE9 on line 2"),
            (Code::NotUtf8, "`models/b.py` is not UTF-8: byte 0xFF on line 1"),
        ]
    );
    assert_eq!(problems[0].place.as_ref().unwrap().to_string(), "models/a.sql:2:7");
    fs::remove_file(root.join("models/a.sql")).unwrap();
    fs::remove_file(root.join("models/b.py")).unwrap();
    assert_eq!(scan_in(root).unwrap().models[0].text(), "select 1");
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_for_ever() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "shared/x.sql", "select 1");
    write(root, "models/a.sql", "select 1");
    symlink(root.join("shared"), root.join("models/shared")).unwrap();
    symlink(root.join("models"), root.join("models/again")).unwrap();
    symlink("nowhere", root.join("models/broken.txt")).unwrap();
    assert_eq!(paths(&scan_in(root).unwrap().models), ["models/a.sql", "models/shared/x.sql"]);
    symlink("nowhere", root.join("models/broken.sql")).unwrap();
    let problems = scan_in(root).unwrap_err().0;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.starts_with("`models/broken.sql` cannot be read"), "{:?}", problems[0].message);
}

#[cfg(unix)]
#[test]
fn special_files_are_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "models/a.sql", "select 1");
    // A socket is the special file that the standard library can make.
    let _socket = std::os::unix::net::UnixListener::bind(root.join("models/f.yml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", root.join("models/zero.sql")).unwrap();
    let problems = scan_in(root).unwrap_err().0;
    let mut told: Vec<_> = problems.iter().map(|problem| (problem.code, problem.message.as_str())).collect();
    told.sort_by_key(|(_, message)| *message);
    assert_eq!(
        told,
        [
            (Code::Unreadable, "`models/f.yml` cannot be read: it is not a regular file"),
            (Code::Unreadable, "`models/zero.sql` cannot be read: it is not a regular file"),
        ]
    );
    std::os::unix::fs::symlink("/dev/zero", root.join("dovetail.toml")).unwrap();
    assert_eq!(load(root, &LoadOptions::default()).unwrap_err().0[0].code, Code::Unreadable);
}

#[test]
fn modules_are_found_as_python_finds_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in ["models/a.b.py", "models/c/__init__.py", "lib/tools.py", "lib/c/__init__.py", "lib/c.py", "lib/d/e.py"]
    {
        write(root, path, "x");
    }
    write(root, "lib/bad.py", b"\xff");
    let modules = Modules::new(root, &scan_in(root).unwrap().python);
    let found = |name: &str| match modules.find(name) {
        FoundModule::File(found) => {
            format!("{}{}", found.file.path().display(), if found.is_package { " package" } else { "" })
        }
        other => format!("{other:?}"),
    };
    assert_eq!(found("models.a_b"), "models/a.b.py");
    assert_eq!(found("models.c"), "models/c/__init__.py package");
    assert_eq!(found("lib.tools"), "lib/tools.py");
    assert_eq!(found("lib.c"), "lib/c/__init__.py package");
    assert_eq!(found("lib.d"), "Folder");
    assert_eq!(found("lib.bad"), "Unreadable(\"lib/bad.py\")");
    for name in ["polars", "lib.none", "", "..", "lib..c", "/etc"] {
        assert_eq!(found(name), "Nothing", "{name}");
    }
    assert_eq!(modules.names(), ["models.a_b", "models.c"]);
    assert!(modules.is_top_level("models") && !modules.is_top_level("model") && !modules.is_top_level("lib"));
}

#[test]
fn what_is_not_saved_lies_over_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in ["models/a.sql", "models/b.sql", "macros/m.sql"] {
        write(root, path, "saved");
    }
    let mut overlay = Overlay::default();
    for path in ["models/b.sql", "models/new/c.py", "elsewhere/d.sql", "macros/n.sql", "models/notes.md"] {
        overlay.insert(SourceFile::new(path, "not saved"));
    }
    let project = load(root, &LoadOptions::default()).unwrap().value;
    let scanned = scan_under(&project, &overlay).unwrap();
    let texts = |files: &[Arc<SourceFile>]| files.iter().map(|file| file.text().to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(&scanned.models), ["models/a.sql", "models/b.sql"]);
    assert_eq!(texts(&scanned.models), ["saved", "not saved"]);
    assert_eq!(paths(&scanned.python), ["models/new/c.py"]);
    assert_eq!(paths(&scanned.macros), ["macros/m.sql", "macros/n.sql"]);
}
