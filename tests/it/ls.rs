//! `dovetail ls` and `dovetail graph`.

use crate::harness::{Project, assert_said};

#[test]
fn names() {
    assert_said!(Project::example().run(&["ls"]));
}

#[test]
fn paths() {
    assert_said!(Project::example().run(&["list", "-o", "path"]));
}

#[test]
fn json() {
    assert_said!(Project::example().run(&["ls", "--output", "json"]));
}

#[test]
fn mermaid() {
    assert_said!(Project::example().run(&["graph"]));
}

#[test]
fn dot() {
    assert_said!(Project::example().run(&["graph", "-o", "dot", "-s", "+totals"]));
}

#[test]
fn no_database_is_made() {
    let project = Project::example();
    project.run(&["ls"]);
    project.run(&["graph"]);
    let left = std::fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["models", "seeds", "target"]);
}
