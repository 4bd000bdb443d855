//! Moments, runs and versions as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment in the local time zone: `2026-01-31 12:59:07`.
pub(crate) fn local(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The moment so many microseconds after 1970 UTC.
pub(crate) fn moment(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

/// A commit in short, with a mark where files differ from it: `1a2b3c4d*`.
pub(crate) fn commit(commit: Option<&str>, is_dirty: Option<bool>) -> String {
    let mark = if is_dirty == Some(true) { "*" } else { "" };
    commit.map(|commit| format!("{}{mark}", short(commit))).unwrap_or_default()
}

/// The beginning of a hash, which tells it from others well enough.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}
