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

/// How long ago a moment was, in one unit: `3 minutes ago`.
pub(crate) fn ago(microseconds: i64) -> String {
    let Some(then) = moment(microseconds) else { return "at an unknown time".to_owned() };
    let seconds = Timestamp::now().duration_since(then).as_secs().max(0);
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    match units.into_iter().find(|(size, _)| seconds >= *size) {
        None => "just now".to_owned(),
        Some((size, unit)) => {
            let count = seconds / size;
            format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
        }
    }
}
