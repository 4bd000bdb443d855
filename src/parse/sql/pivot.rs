//! The statements `pivot` and `unpivot` as queries that our parser knows.

use super::lexer::unquoted;
use super::simpler::Simplifier;

impl Simplifier<'_> {
    pub(super) fn pivot(&mut self, index: usize) {
        let level = self.level(index + 1, self.tokens.len());
        let end = self.statement_end(&level);
        let clause = |word: &str, after: usize| {
            level.iter().copied().find(|at| *at > after && *at < end && self.is(*at, &[word]))
        };
        let (Some(on), Some(using)) = (clause("on", index), clause("using", index)) else { return };
        let group = clause("group", using).filter(|group| self.is(*group + 1, &["by"]));
        let Some(within) = clause("in", on).filter(|within| *within < using && self.is_symbol(*within + 1, '(')) else {
            return;
        };
        let close = self.closing(within + 1);
        if on > using || close + 1 != using {
            return;
        }
        let table = self.text(index + 1, on);
        let (key, values) = (self.text(on + 1, within), self.text(within + 1, close + 1));
        let aggregates = self.text(using + 1, group.unwrap_or(end));
        let (Some(table), Some(key), Some(values), Some(aggregates)) = (table, key, values, aggregates) else { return };
        let text = match group {
            None => format!("from {table} pivot ({aggregates} for {key} in {values})"),
            Some(group) => {
                let Some(keys) = self.text(group + 2, end) else { return };
                let mut items = vec![keys.clone()];
                for value in self.parts(within + 2, close) {
                    for (aggregate, name) in self.aggregates(using + 1, group) {
                        let name = name.map_or_else(String::new, |name| format!("_{name}"));
                        let value_name = unquoted(&value);
                        items.push(format!("{aggregate} filter (where ({key}) = {value}) as \"{value_name}{name}\""));
                    }
                }
                format!("select {} from {table} group by {keys}", items.join(", "))
            }
        };
        self.replace(index, end, &text);
    }

    /// Aggregates of `using`, with their aliases.
    fn aggregates(&self, from: usize, to: usize) -> Vec<(String, Option<String>)> {
        let split = |text: String| match text.to_ascii_lowercase().rfind(" as ") {
            Some(at) => (text[..at].to_owned(), Some(text[at + 4..].trim().replace('"', ""))),
            None => (text, None),
        };
        self.parts(from, to).into_iter().map(split).collect()
    }

    pub(super) fn unpivot(&mut self, index: usize) {
        let level = self.level(index + 1, self.tokens.len());
        let end = self.statement_end(&level);
        let clause = |word: &str, after: usize| {
            level.iter().copied().find(|at| *at > after && *at < end && self.is(*at, &[word]))
        };
        let Some(on) = clause("on", index) else { return };
        let into = clause("into", on).filter(|into| self.is(*into + 1, &["name"]));
        let value = into.and_then(|into| clause("value", into));
        let (Some(table), Some(columns)) = (self.text(index + 1, on), self.text(on + 1, into.unwrap_or(end))) else {
            return;
        };
        let (name, value) = match (into, value) {
            (Some(into), Some(value)) => (self.text(into + 2, value), self.text(value + 1, end)),
            (None, _) => (Some("name".to_owned()), Some("value".to_owned())),
            (Some(_), None) => return,
        };
        let (Some(name), Some(value)) = (name, value) else { return };
        self.replace(index, end, &format!("from {table} unpivot ({value} for {name} in ({columns}))"));
    }

    /// Where a statement's own clauses end: those of a query around it may follow.
    fn statement_end(&self, level: &[usize]) -> usize {
        let ends = ["order", "limit", "union", "except", "intersect"];
        let last = level.last().map_or(0, |last| last + 1);
        let after = level.iter().copied().find(|index| self.is(*index, &ends));
        let closed = level.iter().copied().take_while(|index| after.is_none_or(|after| *index < after)).last();
        after.unwrap_or_else(|| closed.map_or(last, |index| self.group_end(index)))
    }
}
