//! What a table holds in some of its columns alone: whoever reads no others need not be built anew when others change.

use super::content;
use super::hashing::HASH;
use super::raw::LogicalType;
use super::tally::Sums;
use crate::engine::{Part, PartsAsked};
use crate::graph::{folded, quoted};

/// Expressions for the hash of a row.
#[derive(Debug, Clone)]
pub(super) struct RowHashes {
    /// Of all columns.
    pub(super) whole: String,
    /// Of each part that is looked at alone.
    parts: Vec<PartHash>,
}

/// How the rows of a set are hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PartHash {
    /// As the whole: it is all columns, in their order.
    Whole,
    Expression(String),
    /// Not at all: without columns, rows are only counted.
    Counted,
}

impl RowHashes {
    /// For columns of whatever types, right for those that are hashed as they are.
    pub(super) fn of_any(parts: Option<&PartsAsked>) -> Self {
        let part = |parts: &PartsAsked, columns: &[String]| match columns {
            [] => PartHash::Counted,
            all if *all == parts.expected => PartHash::Whole,
            _ => PartHash::Expression(plain_hash(columns)),
        };
        let parts = parts.into_iter().flat_map(|asked| asked.parts.iter().map(|columns| part(asked, columns)));
        RowHashes { whole: content::ANY_ROW.to_owned(), parts: parts.collect() }
    }

    pub(super) fn of(typed: &[(String, LogicalType)], parts: Option<&PartsAsked>) -> Self {
        let whole = content::row_hash(typed);
        let part = |columns: &Vec<String>| match named(columns, typed).filter(|columns| !columns.is_empty()) {
            Some(columns) => match content::row_hash(columns) {
                hash if hash == whole => PartHash::Whole,
                hash => PartHash::Expression(hash),
            },
            // What is not there is not asked for.
            None => PartHash::Counted,
        };
        let parts = parts.into_iter().flat_map(|asked| asked.parts.iter().map(part)).collect();
        RowHashes { whole, parts }
    }

    /// All of them, the whole first.
    pub(super) fn all(&self) -> Vec<&str> {
        let own = self.parts.iter().filter_map(|part| match part {
            PartHash::Expression(hash) => Some(hash.as_str()),
            PartHash::Whole | PartHash::Counted => None,
        });
        std::iter::once(self.whole.as_str()).chain(own).collect()
    }
}

/// The hash of columns that are hashed as they are.
fn plain_hash(folded_names: &[String]) -> String {
    let names: Vec<String> = folded_names.iter().map(|name| quoted(name)).collect();
    format!("{HASH}({HASH}({}))", names.join(", "))
}

/// The columns of these names, in their order; `None` where one of them is not there.
fn named<'t>(names: &[String], typed: &'t [(String, LogicalType)]) -> Option<Vec<&'t (String, LogicalType)>> {
    names.iter().map(|name| typed.iter().find(|(own, _)| folded(own) == *name)).collect()
}

fn part(names: &[String], columns: &[&(String, LogicalType)], sums: &Sums) -> Part {
    let typed = content::columns(columns.iter().copied());
    Part { columns: names.to_vec(), hash: content::hash(&typed, sums) }
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
        self.sums.first().copied().filter(|sums| self.is_exact(typed) && rows == Some(sums.count))
    }

    /// Whether rows with these columns were hashed as reading the table hashes them.
    fn is_exact(&self, typed: &[(String, LogicalType)]) -> bool {
        self.hashes.whole == content::row_hash(typed)
            || (self.hashes.whole == content::ANY_ROW && content::are_plain(typed))
    }

    /// The parts that `hashes` were made for; `None` where reading the table may give others.
    pub(super) fn parts(&self, asked: Option<&PartsAsked>, typed: &[(String, LogicalType)]) -> Option<Vec<Part>> {
        let mut own = self.sums.iter().skip(1);
        let mut found = Vec::new();
        let names = asked.into_iter().flat_map(|asked| &asked.parts);
        for (names, hash) in names.zip(&self.hashes.parts) {
            let passed = match hash {
                PartHash::Whole => self.sums.first().copied(),
                PartHash::Expression(_) => own.next().copied(),
                PartHash::Counted => Some(Sums::counted(self.count())),
            };
            let Some(columns) = named(names, typed) else { continue };
            let is_exact = match hash {
                PartHash::Whole => {
                    let own = typed.iter().map(|(name, _)| name);
                    columns.iter().map(|(name, _)| name).eq(own) && self.is_exact(typed)
                }
                PartHash::Expression(hash) => {
                    *hash == content::row_hash(columns.iter().copied())
                        || (*hash == plain_hash(names) && content::are_plain(columns.iter().copied()))
                }
                PartHash::Counted => columns.is_empty(),
            };
            if !is_exact {
                return None;
            }
            found.push(part(names, &columns, &passed?));
        }
        Some(found)
    }
}
