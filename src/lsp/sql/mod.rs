//! What stands where in SQL, whether it parses or not.

mod list;
mod outline;

pub(super) use list::{aliases, list_items, made_names, separated};
pub(super) use outline::{Bracket, Clause, Part, Query, Range, Text};
