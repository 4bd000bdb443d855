//! How old an asset may become, and which rule says when one is built that reads nothing of the project.

use crate::engine::Recorded;
use crate::graph::{AssetGraph, Kind, NodeId};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// Units of a length of time, in seconds, from the longest.
const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];

/// What decides when an asset is built anew, beside its code and what is seen of what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is old from then on (in microseconds since 1970 UTC); `None` while it was never built.
    MaxAge { due: Option<i64> },
    /// It reads only what nobody can see change.
    WhenAsked,
}

/// The rule that an asset is under.
pub(super) fn rule(graph: &AssetGraph, id: NodeId, record: Option<&Recorded>) -> Option<Rule> {
    match max_age(graph, id) {
        Some(age) => Some(Rule::MaxAge { due: record.map(|record| record.started_at.saturating_add(age)) }),
        None => reads_from_outside(graph, id).then_some(Rule::WhenAsked),
    }
}

/// How old an asset is and may be, in words, where it is too old. One from the future, by a clock that was moved back, is
/// not.
pub(super) fn too_old(graph: &AssetGraph, id: NodeId, record: &Recorded, now: i64) -> Option<String> {
    let allowed = max_age(graph, id)?;
    let age = now.saturating_sub(record.started_at);
    (age > allowed).then(|| format!("it is {} old, and may be {}", in_words(age), in_words(allowed)))
}

/// A Python asset without upstreams: its function reads something, or makes it up.
pub(super) fn reads_from_outside(graph: &AssetGraph, id: NodeId) -> bool {
    graph.node(id).kind == Kind::Python && graph.upstream(id).next().is_none()
}

fn max_age(graph: &AssetGraph, id: NodeId) -> Option<i64> {
    Some(i64::try_from(graph.node(id).max_age?.as_micros()).unwrap_or(i64::MAX))
}

/// A length of time in its largest unit and the next smaller one.
fn in_words(microseconds: i64) -> String {
    let mut rest = microseconds / SECOND;
    let mut words = Vec::new();
    for (seconds, unit) in UNITS {
        let count = rest / seconds;
        rest %= seconds;
        match count {
            0 if words.is_empty() => continue,
            0 => {}
            1 => words.push(format!("1 {unit}")),
            count => words.push(format!("{count} {unit}s")),
        }
        if words.len() == 2 || count == 0 {
            break;
        }
    }
    if words.is_empty() { "less than a second".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_words() {
        let words = |seconds: f64| in_words((seconds * SECOND as f64) as i64);
        assert_eq!(words(0.2), "less than a second");
        assert_eq!(words(1.0), "1 second");
        assert_eq!(words(3600.0 * 25.0), "1 day 1 hour");
        assert_eq!(words(86_400.0 * 2.0 + 59.0), "2 days");
        assert_eq!(words(7260.9), "2 hours 1 minute");
    }
}
