//! `AssetGraph + UnitTest -> Outcome`: assets run on made-up rows, in memory, and what comes out is compared with what is
//! expected.
//!
//! Nothing of the project's database is opened. A test is a `Chain` (what is run on what), a `Trial` of it in a sandbox of the
//! engine, and a comparison by the engine in its own types.

mod chain;
mod compare;
mod diff;
mod given;
mod literal;
mod python;
mod rows;
mod run;
#[cfg(test)]
mod tests;
mod trial;
mod tryout;
mod types;
mod update;
mod yaml;

pub use diff::{Diff, DiffRow, Texts};
pub use run::{Knowing, Outcome, Surroundings, Tested, run_tests};
pub use tryout::{Asked, Came, CameOutOf, Input, compare_rows, try_assets};
pub use update::{CameOut, Rewrite, apply, rewrite};
