//! The one Rust test binary: each file is a stage or a command, seen as a user sees it.

mod commands;
mod docs;
mod errors;
mod factories;
mod harness;
mod ls;
mod select;
mod show;
