//! Between which numbers something must be.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// `{at_least: 1, at_most: 10}`, or `[1, 10]`. Numbers are kept as they are written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Bounds {
    pub at_least: Option<Number>,
    pub at_most: Option<Number>,
}

/// What of a column `distribution` bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    Min,
    Max,
    Mean,
    NullShare,
}

impl Statistic {
    pub const ALL: [Statistic; 4] = [Statistic::Min, Statistic::Max, Statistic::Mean, Statistic::NullShare];

    pub fn as_str(self) -> &'static str {
        match self {
            Statistic::Min => "min",
            Statistic::Max => "max",
            Statistic::Mean => "mean",
            Statistic::NullShare => "null_share",
        }
    }

    /// The aggregate that finds it among the rows for which `condition` holds; NULL where there are none.
    pub fn aggregate(self, column: &str, condition: &str) -> String {
        match self {
            Statistic::Min => format!("min({column}) filter (where {condition})"),
            Statistic::Max => format!("max({column}) filter (where {condition})"),
            Statistic::Mean => format!("avg({column}) filter (where {condition})"),
            Statistic::NullShare => {
                format!("avg(case when {column} is null then 1.0 else 0.0 end) filter (where {condition})")
            }
        }
    }
}

impl Bounds {
    /// # Errors
    /// What is wrong with them, in words that follow a name.
    pub fn of(value: &Value) -> Result<Self, String> {
        const FORM: &str = "is no bounds: write `{at_least: 1, at_most: 10}` or `[1, 10]`";
        let number = |value: &Value| match value {
            Value::Null => Ok(None),
            Value::Number(number) => Ok(Some(number.clone())),
            _ => Err("has a bound that is no number".to_owned()),
        };
        let bounds = match value {
            Value::Array(ends) => match ends.as_slice() {
                [from, to] => Bounds { at_least: number(from)?, at_most: number(to)? },
                _ => return Err(FORM.to_owned()),
            },
            Value::Object(entries) => {
                if let Some(key) = entries.keys().find(|key| !["at_least", "at_most"].contains(&key.as_str())) {
                    return Err(format!("has no bound `{key}`: there are `at_least` and `at_most`"));
                }
                let bound = |key: &str| entries.get(key).map_or(Ok(None), number);
                Bounds { at_least: bound("at_least")?, at_most: bound("at_most")? }
            }
            _ => return Err(FORM.to_owned()),
        };
        match (&bounds.at_least, &bounds.at_most) {
            (None, None) => Err("bounds nothing: say `at_least` or `at_most`".to_owned()),
            (Some(from), Some(to)) if from.as_f64() > to.as_f64() => {
                Err(format!("can never be: {from} is more than {to}"))
            }
            _ => Ok(bounds),
        }
    }

    /// A condition that holds where a value is outside; not where it is NULL.
    pub fn broken_by(&self, value: &str) -> String {
        let below = self.at_least.as_ref().map(|bound| format!("{value} < {bound} or isnan(cast({value} as double))"));
        let above = self.at_most.as_ref().map(|bound| format!("{value} > {bound}"));
        // NaN is within no bounds; as DuckDB orders it, it is more than every number.
        format!("({})", below.into_iter().chain(above).collect::<Vec<_>>().join(" or "))
    }

    pub fn in_words(&self) -> String {
        match (&self.at_least, &self.at_most) {
            (Some(from), Some(to)) if from == to => format!("is {from}"),
            (Some(from), Some(to)) => format!("is from {from} to {to}"),
            (Some(from), None) => format!("is at least {from}"),
            (None, Some(to)) => format!("is at most {to}"),
            (None, None) => "is anything".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_read() {
        let told = |value: Value| Bounds::of(&value).map(|bounds| (bounds.broken_by("x"), bounds.in_words()));
        let ok = |condition: &str, words: &str| Ok((condition.to_owned(), words.to_owned()));
        assert_eq!(told(json!([1, 10])), ok("(x < 1 or isnan(cast(x as double)) or x > 10)", "is from 1 to 10"));
        assert_eq!(told(json!({"at_least": 0.5})), ok("(x < 0.5 or isnan(cast(x as double)))", "is at least 0.5"));
        assert_eq!(told(json!([null, -3])), ok("(x > -3)", "is at most -3"));
        assert_eq!(told(json!([7, 7])), ok("(x < 7 or isnan(cast(x as double)) or x > 7)", "is 7"));
        for wrong in [json!(1), json!([1]), json!({}), json!({"min": 1}), json!(["a", 2]), json!([2, 1])] {
            assert!(told(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
