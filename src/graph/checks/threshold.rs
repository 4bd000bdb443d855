//! `warn_if` and `error_if`: from how many failures on, or from which share of the rows.

use serde::{Deserialize, Serialize};

/// A condition on the number of failures, or on their share of the rows that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    operator: Operator,
    /// A count, or a share of 1.
    value: f64,
    /// The upper end, of `between`.
    upper: f64,
    is_share: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Operator {
    NotEqual,
    Equal,
    More,
    AtLeast,
    Less,
    AtMost,
    Between,
}

/// Longer ones first: `>` is the beginning of `>=`.
const OPERATORS: [(&str, Operator); 8] = [
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    (">", Operator::More),
    ("<", Operator::Less),
];

impl Default for Threshold {
    /// Any failure at all.
    fn default() -> Self {
        Threshold { operator: Operator::NotEqual, value: 0.0, upper: 0.0, is_share: false }
    }
}

impl Threshold {
    /// `>10`, `!= 0`, `> 5%`, `between 1 and 10`. `None` for what is no such condition.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(rest) = text.get(..7).filter(|word| word.eq_ignore_ascii_case("between")).and(text.get(7..)) {
            let lower = rest.to_ascii_lowercase();
            let (from, to) = lower.split_once("and")?;
            let ((value, is_share), (upper, is_upper_share)) = (number(from)?, number(to)?);
            let fits = is_share == is_upper_share && rest.starts_with(char::is_whitespace);
            return fits.then_some(Threshold { operator: Operator::Between, value, upper, is_share });
        }
        let (sign, operator) = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign))?;
        let (value, is_share) = number(text.get(sign.len()..)?)?;
        Some(Threshold { operator: *operator, value, upper: value, is_share })
    }

    /// Whether it needs to know how many rows were looked at.
    pub fn is_share(&self) -> bool {
        self.is_share
    }

    /// Whether so many failures among so many rows are as it says. Of no rows the share is none.
    pub fn holds(&self, failures: f64, rows: u64) -> bool {
        let found = match self.is_share {
            false => failures,
            true if rows == 0 => 0.0,
            true => failures / rows as f64,
        };
        match self.operator {
            Operator::NotEqual => found != self.value,
            Operator::Equal => found == self.value,
            Operator::More => found > self.value,
            Operator::AtLeast => found >= self.value,
            Operator::Less => found < self.value,
            Operator::AtMost => found <= self.value,
            Operator::Between => (self.value..=self.upper).contains(&found),
        }
    }

    /// Whether no failures at all are as it says, as with `< 5`: then even a check without failures must be counted.
    pub fn holds_for_none(&self) -> bool {
        self.holds(0.0, 1)
    }
}

/// A number, and whether it is a share.
fn number(text: &str) -> Option<(f64, bool)> {
    let text = text.trim();
    let (digits, is_share) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim(), true),
        None => (text, false),
    };
    let value: f64 = digits.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(if is_share { (value / 100.0, true) } else { (value, false) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_hold() {
        for (text, failures, rows, holds) in [
            ("!= 0", 0.0, 10, false),
            ("!=0", 1.0, 10, true),
            (">10", 10.0, 10, false),
            (" > 10 ", 11.0, 10, true),
            (">= 10", 10.0, 10, true),
            ("<5", 0.0, 10, true),
            ("= 3", 3.0, 10, true),
            ("between 1 and 3", 3.0, 10, true),
            ("BETWEEN 1 AND 3", 4.0, 10, false),
            ("> 5%", 1.0, 20, false),
            ("> 5%", 2.0, 20, true),
            ("> 0%", 0.0, 0, false),
            (">= 0.5 %", 1.0, 200, true),
        ] {
            assert_eq!(Threshold::parse(text).map(|threshold| threshold.holds(failures, rows)), Some(holds), "{text}");
        }
        for text in ["", "10", "> ten", "!", "between 1", "between 1 and 5%", ">> 1", "> 1 or 1 = 1", "> inf", "é"] {
            assert_eq!(Threshold::parse(text), None, "{text}");
        }
    }
}
