//! Generated pages are current. `UPDATE_DOCS=1` writes them.

use std::path::Path;

fn check(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/{name} is not current: run `UPDATE_DOCS=1 cargo test --test it docs`");
}

#[test]
fn commands_are_current() {
    check("commands.md", &dovetail::cli::commands_page());
}

#[test]
fn errors_are_current() {
    check("errors.md", &dovetail::cli::errors_page());
}
