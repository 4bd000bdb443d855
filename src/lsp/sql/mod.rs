//! What stands where in SQL, whether it parses or not.

mod list;
mod outline;
mod tags;

pub(super) use list::{Symbol, aliases, list_items, made_names, outline, separated};
pub(super) use outline::{Bracket, Clause, Part, Query, Range, Text};
pub(super) use tags::{segments, without_tags};
