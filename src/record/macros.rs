//! Macros that somebody has made in the database: which of them read what no query that calls them names.

use std::collections::BTreeSet;

use crate::engine::{Engine, EngineError, Macro};
use crate::parse::sql::{reads_something, words};

/// The names of those that read something, in lower case.
#[derive(Debug, Default)]
pub struct ReadingMacros(BTreeSet<String>);

impl ReadingMacros {
    /// Those of an engine's databases.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn by(engine: &dyn Engine) -> Result<Self, EngineError> {
        Ok(Self::among(&engine.macros()?))
    }

    /// A macro reads what its query names, and what macros read that it calls.
    fn among(macros: &[Macro]) -> Self {
        let (reading, mut others): (Vec<&Macro>, Vec<&Macro>) =
            macros.iter().partition(|one| reads_something(&one.query));
        let mut found = ReadingMacros(reading.into_iter().map(|one| one.name.to_lowercase()).collect());
        loop {
            let (reading, rest): (Vec<&Macro>, Vec<&Macro>) =
                others.into_iter().partition(|one| !found.called(&one.query).is_empty());
            if reading.is_empty() {
                return found;
            }
            found.0.extend(reading.into_iter().map(|one| one.name.to_lowercase()));
            others = rest;
        }
    }

    /// The calls of them in a statement, as `name(...)`; sorted, each once.
    pub fn called(&self, statement: &str) -> BTreeSet<String> {
        if self.0.is_empty() {
            return BTreeSet::new();
        }
        let calls = words(statement).into_iter().filter_map(|(word, span)| {
            let is_call = statement.get(span.end..)?.trim_start().starts_with('(');
            let name = word.to_lowercase();
            (is_call && self.0.contains(&name)).then(|| format!("{name}(...)"))
        });
        calls.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(macros: &[(&str, &str)]) -> ReadingMacros {
        let one = |(name, query): &(&str, &str)| Macro { name: (*name).to_owned(), query: (*query).to_owned() };
        ReadingMacros::among(&macros.iter().map(one).collect::<Vec<_>>())
    }

    #[test]
    fn what_reads_is_told_from_what_computes() {
        let macros = reading(&[
            ("above", "select (Below(x) + 1)"),
            ("below", "select (select max(v) from t where (v <= x))"),
            ("cents", "select (x * 100)"),
            ("Files", "select * from read_csv('a.csv')"),
            ("numbers", "select * from range(n)"),
            ("odd", "select no query that ( anybody"),
        ]);
        assert_eq!(macros.0.iter().map(String::as_str).collect::<Vec<_>>(), ["above", "below", "files", "odd"]);
        let called = |statement: &str| macros.called(statement).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(
            called("select ABOVE (1), cents(2), 'below(1)' from \"Files\"() -- odd(1)"),
            "above(...) files(...)"
        );
        assert_eq!(called("select below, above.x from above"), "");
        assert_eq!(ReadingMacros::default().called("select above(1)").len(), 0);
    }
}
