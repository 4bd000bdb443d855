//! The one Rust test binary: each file is a stage or a command, seen as a user sees it.

// All of this is test code; clippy knows that only of the functions under `#[test]`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cache;
mod check;
mod check_told;
mod checks;
mod checks_declared;
mod checks_taken_up;
mod checks_views;
mod columns_read;
mod commands;
mod constraints;
mod content;
mod database;
mod docs;
mod errors;
mod factories;
mod gc;
mod harness;
mod history;
mod lineage;
mod ls;
mod observe;
mod projects;
mod publish;
mod reconcile;
mod record;
mod run;
mod seeds;
mod select;
mod show;
mod unit_tests;
mod unit_tests_random;
