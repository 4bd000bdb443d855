//! dovetail compiles SQL models and Python asset functions into one graph and materializes it with DuckDB.
//!
//! The folders are the stages, in the order in which data walks through them:
//! `scan -> parse (template) -> graph -> plan -> execute`. Each stage takes the type of the one before and
//! returns its own.

mod cache;
pub mod check;
pub mod cli;
pub mod compile;
pub mod diagnostic;
mod document;
pub mod engine;
pub mod execute;
pub mod fingerprint;
pub mod graph;
pub mod hash;
pub mod lineage;
mod lsp;
pub mod parse;
pub mod plan;
pub mod project;
pub mod record;
pub mod scan;
pub mod source;
pub mod template;
pub mod unit;
