//! The rows that a check fails for: the first of them are kept.

use crate::engine::{EngineError, FailingRows, Session};
use crate::template::Secrets;

/// So many rows of a check are kept, and so many bytes of all their values together.
pub(super) const MOST_ROWS: usize = 100;
const LONGEST: usize = 1 << 20;

/// The first rows that a query gives, and how many there are.
pub(super) fn rows(session: &mut dyn Session, query: &str) -> Result<FailingRows, EngineError> {
    FailingRows::of(session, query, MOST_ROWS)
}

/// As they are kept: not more than what a person looks at, and nothing that a template has read as a secret.
pub(super) fn redacted(mut failing: FailingRows, secrets: &Secrets) -> FailingRows {
    let mut left = LONGEST;
    let mut fits = |row: &Vec<Option<String>>| {
        let length: usize = row.iter().flatten().map(String::len).sum();
        left.checked_sub(length).map(|rest| left = rest).is_some()
    };
    let kept = failing.rows.iter().take_while(|row| fits(row)).count();
    // One row is always shown.
    failing.rows.truncate(kept.max(1));
    for value in failing.rows.iter_mut().flatten().flatten() {
        *value = secrets.redact(value);
    }
    failing
}
