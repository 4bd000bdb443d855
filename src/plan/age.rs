//! How old an asset may become, and which rule says when one is built that reads nothing of the project.

use crate::engine::Recorded;
use crate::graph::{AssetGraph, Kind, NodeId};

/// Microseconds of a second, and how many decimals they are.
const SECOND: i64 = 1_000_000;
const DECIMALS: u32 = 6;

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
    (age > allowed).then(|| {
        let (age, allowed) = told_apart(age, allowed);
        format!("it is {age} old, and may be {allowed}")
    })
}

/// A Python asset without upstreams: its function reads something, or makes it up.
pub(super) fn reads_from_outside(graph: &AssetGraph, id: NodeId) -> bool {
    graph.node(id).kind == Kind::Python && graph.upstream(id).next().is_none()
}

fn max_age(graph: &AssetGraph, id: NodeId) -> Option<i64> {
    Some(i64::try_from(graph.node(id).max_age?.as_micros()).unwrap_or(i64::MAX))
}

/// Two lengths of time in words, as exactly as it takes to see that they differ.
fn told_apart(one: i64, other: i64) -> (String, String) {
    let in_words = (in_words(one), in_words(other));
    if in_words.0 != in_words.1 {
        return in_words;
    }
    let exactly = |decimals| (exactly(one, decimals), exactly(other, decimals));
    (0..=DECIMALS).map(exactly).find(|(one, other)| one != other).unwrap_or(in_words)
}

/// A length of time in all its units, with no more than so many decimals of a second.
fn exactly(microseconds: i64, decimals: u32) -> String {
    let smallest = 10_i64.pow(DECIMALS - decimals);
    let mut rest = microseconds / smallest * smallest;
    let mut words = Vec::new();
    for (seconds, unit) in UNITS {
        let length = seconds * SECOND;
        let count = if length == SECOND { rest as f64 / SECOND as f64 } else { (rest / length) as f64 };
        rest %= length;
        if count > 0.0 {
            words.push(format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" }));
        }
    }
    if words.is_empty() { "0 seconds".to_owned() } else { words.join(" ") }
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

    #[test]
    fn an_age_is_told_apart_from_its_limit() {
        let told = |age: f64, allowed: f64| {
            let (age, allowed) = told_apart((age * 1e6) as i64, (allowed * 1e6) as i64);
            format!("{age} > {allowed}")
        };
        assert_eq!(told(7200.0, 3600.0), "2 hours > 1 hour");
        assert_eq!(told(1.42, 1.0), "1.4 seconds > 1 second");
        assert_eq!(told(0.73, 0.7), "0.73 seconds > 0.7 seconds");
        assert_eq!(told(86_403.5, 86_400.0), "1 day 3 seconds > 1 day");
        assert_eq!(
            told(90_061.000_001, 90_061.0),
            "1 day 1 hour 1 minute 1.000001 seconds > 1 day 1 hour 1 minute 1 second"
        );
        assert_eq!(told(0.000_1, 0.0), "0.0001 seconds > 0 seconds");
    }
}
