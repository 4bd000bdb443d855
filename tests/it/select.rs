//! Selections, as they come from the command line.

use crate::harness::{Project, assert_said};

fn names(args: &[&str]) -> Vec<String> {
    let said = Project::example().run(&[&["ls"], args].concat());
    assert_eq!(said.code, 0, "{said}");
    said.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn unions_intersections_and_neighbours() {
    assert_eq!(names(&["-s", "totals"]), ["totals"]);
    assert_eq!(names(&["-s", "orders totals"]), ["orders", "totals"]);
    assert_eq!(names(&["--select", "orders", "totals"]), ["orders", "totals"]);
    assert_eq!(names(&["--models", "orders", "-m", "totals"]), ["orders", "totals"]);
    assert_eq!(names(&["-s", "tag:daily,kind:python"]), ["totals"]);
    assert_eq!(names(&["-s", "+totals"]), ["orders", "stg_orders", "totals"]);
    assert_eq!(names(&["-s", "+report", "--exclude", "source:raw", "tag:daily"]), ["orders", "stg_orders"]);
    assert_eq!(names(&["-s", "path:models/staging"]), ["stg_orders"]);
    assert_eq!(names(&["-s", "group:finance", "owner:team:ops"]), ["report", "totals"]);
}

#[test]
fn nothing_matches() {
    assert_said!(Project::example().run(&["ls", "-s", "totls"]));
}

#[test]
fn nothing_is_left() {
    assert_said!(Project::example().run(&["ls", "-s", "totals", "--exclude", "tag:daily"]));
}

#[test]
fn wrong_grammar() {
    assert_said!(Project::example().run(&["ls", "-s", "colour:red"]));
}
