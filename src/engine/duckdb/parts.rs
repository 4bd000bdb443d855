//! What a table holds in some of its columns alone: whoever reads no others need not be built anew when others change.

use super::content;
use super::hashing::HASH;
use super::raw::LogicalType;
use super::tally::Sums;
use crate::engine::{ColumnSet, Part};
use crate::graph::{folded, quoted};

/// Expressions for the hash of a row.
#[derive(Debug, Clone)]
pub(super) struct RowHashes {
    /// Of all columns.
    pub(super) whole: String,
    /// Of each set that is looked at alone; `None` of one without columns, of which rows are only counted.
    pub(super) parts: Vec<Option<String>>,
}

impl RowHashes {
    /// For columns of whatever names and types, right for those that are hashed as they are.
    pub(super) fn of_any(sets: &[ColumnSet]) -> Self {
        RowHashes { whole: content::ANY_ROW.to_owned(), parts: sets.iter().map(of_any).collect() }
    }

    pub(super) fn of(typed: &[(String, LogicalType)], sets: &[ColumnSet]) -> Self {
        let part = |set: &ColumnSet| match columns_of(set, typed) {
            Some(columns) if !columns.is_empty() => Some(content::row_hash(columns)),
            // What is not there is not asked for.
            _ => None,
        };
        RowHashes { whole: content::row_hash(typed), parts: sets.iter().map(part).collect() }
    }

    /// All of them, the whole first.
    pub(super) fn all(&self) -> Vec<&str> {
        std::iter::once(self.whole.as_str()).chain(self.parts.iter().flatten().map(String::as_str)).collect()
    }
}

fn of_any(set: &ColumnSet) -> Option<String> {
    let names: Vec<String> = set.iter().map(|name| quoted(name)).collect();
    (!names.is_empty()).then(|| format!("{HASH}({HASH}({}))", names.join(", ")))
}

/// The columns of a set, in its order; `None` where one of them is not there.
pub(super) fn columns_of<'t>(
    set: &ColumnSet,
    typed: &'t [(String, LogicalType)],
) -> Option<Vec<&'t (String, LogicalType)>> {
    set.iter().map(|name| typed.iter().find(|(own, _)| folded(own) == *name)).collect()
}

pub(super) fn part(set: &ColumnSet, columns: &[&(String, LogicalType)], sums: &Sums) -> Part {
    let named = content::columns(columns.iter().copied());
    Part { columns: set.clone(), hash: content::hash(&named, sums) }
}

/// Sums over rows that passed a tally.
pub(super) struct Passed {
    /// In the order of `RowHashes::all`.
    pub(super) sums: Vec<Sums>,
    pub(super) hashes: RowHashes,
}

impl Passed {
    /// How many rows there were.
    pub(super) fn count(&self) -> u64 {
        self.sums.first().map_or(0, |sums| sums.count)
    }

    /// The sums, where they are of all rows of a table with these columns, as reading it would give them.
    pub(super) fn whole(&self, rows: Option<u64>, typed: &[(String, LogicalType)]) -> Option<Sums> {
        let is_exact = self.hashes.whole == content::row_hash(typed)
            || (self.hashes.whole == content::ANY_ROW && content::are_plain(typed));
        self.sums.first().copied().filter(|sums| is_exact && rows == Some(sums.count))
    }

    /// The parts, for the sets that `hashes` were made for; `None` where reading the table may give others.
    pub(super) fn parts(&self, sets: &[ColumnSet], typed: &[(String, LogicalType)]) -> Option<Vec<Part>> {
        let mut sums = self.sums.iter().skip(1);
        let mut found = Vec::new();
        for (set, hash) in sets.iter().zip(&self.hashes.parts) {
            let passed = hash.as_ref().and_then(|_| sums.next());
            let Some(columns) = columns_of(set, typed) else { continue };
            match (hash, passed) {
                _ if columns.is_empty() => found.push(part(set, &columns, &Sums::counted(self.count()))),
                (Some(hash), Some(passed)) => {
                    let is_plain = || Some(hash) == of_any(set).as_ref() && content::are_plain(columns.iter().copied());
                    if *hash != content::row_hash(columns.iter().copied()) && !is_plain() {
                        return None;
                    }
                    found.push(part(set, &columns, passed));
                }
                _ => return None,
            }
        }
        Some(found)
    }
}
