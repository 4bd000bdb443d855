//! Queries that somebody writes by hand while assets stand elsewhere than where they are published.
//!
//! The names in a model's SQL are known when it is compiled (`mention.rs`). What an asset function asks the database in a
//! text of its own is seen only when it asks.

use std::borrow::Cow;

use super::relation::quoted;
use super::sql_text::alias_follows;
use super::{RelationName, reader};
use crate::parse::sql::table_spans;

/// The schema in which DuckDB looks for a name without one.
const MAIN: &str = "main";

/// Where some relations are to be read, by where they are published.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere(Vec<(RelationName, RelationName)>);

impl FromIterator<(RelationName, RelationName)> for Elsewhere {
    fn from_iter<I: IntoIterator<Item = (RelationName, RelationName)>>(moved: I) -> Self {
        Elsewhere(moved.into_iter().collect())
    }
}

impl Elsewhere {
    /// The query that reads them there.
    ///
    /// # Errors
    /// With the relation that a text speaks of in which table names cannot be told from other words: it would be read
    /// where it is published, and nobody would know.
    pub fn redirected<'q>(&self, query: &'q str) -> Result<Cow<'q, str>, RelationName> {
        let mentioned = self.0.iter().map(|(from, _)| from).find(|from| mentions(query, &from.identifier));
        let Some(mentioned) = mentioned else { return Ok(Cow::Borrowed(query)) };
        let mut spans = table_spans(query).ok_or_else(|| mentioned.clone())?;
        spans.sort_by_key(|(_, span)| span.start);
        let (mut text, mut done) = (String::with_capacity(query.len()), 0);
        for (parts, span) in spans {
            let Some(to) = self.place(&parts).filter(|_| span.start >= done) else { continue };
            text.push_str(&query[done..span.start]);
            let relation = to.to_string();
            match parts.last().filter(|_| !alias_follows(query, span.end)) {
                // Columns that are qualified with the name find it by the alias.
                Some(name) => text.push_str(&reader::with_alias(&relation, name)),
                None => text.push_str(&relation),
            }
            done = span.end;
        }
        text.push_str(&query[done..]);
        Ok(Cow::Owned(text))
    }

    fn place(&self, parts: &[String]) -> Option<&RelationName> {
        let (schema, identifier) = match parts {
            [identifier] => (MAIN, identifier),
            [.., schema, identifier] => (schema.as_str(), identifier),
            [] => return None,
        };
        let is_it = |from: &RelationName| same(&from.schema, schema) && same(&from.identifier, identifier);
        self.0.iter().find(|(from, _)| is_it(from)).map(|(_, to)| to)
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether the name may stand in the text: as a word of its own, in whatever case.
fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let in_quotes = quoted(&name);
    let escaped = &in_quotes[1..in_quotes.len() - 1];
    let found = |name: &str| {
        text.match_indices(name)
            .any(|(start, _)| !text[..start].ends_with(is_part) && !text[start + name.len()..].starts_with(is_part))
    };
    found(&name) || found(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(schema: &str, identifier: &str) -> RelationName {
        RelationName { database: None, schema: schema.to_owned(), identifier: identifier.to_owned() }
    }

    fn elsewhere() -> Elsewhere {
        [("main", "orders"), ("sales", "Odd \"name\"")]
            .map(|(schema, name)| (relation(schema, name), relation(schema, &format!("{name}__staged"))))
            .into_iter()
            .collect()
    }

    #[test]
    fn names_of_tables_are_redirected_and_nothing_else_is() {
        for (query, expected) in [
            (
                "select orders.id from orders where id in (select id from main.Orders o)",
                r#"select orders.id from "main"."orders__staged" as "orders" where id in (select id from "main"."orders__staged" o)"#,
            ),
            (
                "with orders as (select 1 as id) select * from orders",
                "with orders as (select 1 as id) select * from orders",
            ),
            (
                r#"from orders join sales."odd ""name""" n using (id)"#,
                r#"from "main"."orders__staged" as "orders" join "sales"."Odd ""name""__staged" n using (id)"#,
            ),
            (
                "select 'orders' as orders from other.orders, reorders",
                "select 'orders' as orders from other.orders, reorders",
            ),
            (
                "select * from (\nselect * from \"orders\"\n) as orders -- orders",
                "select * from (\nselect * from \"main\".\"orders__staged\" as \"orders\"\n) as orders -- orders",
            ),
        ] {
            assert_eq!(elsewhere().redirected(query).unwrap(), expected);
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused_only_where_it_matters() {
        assert_eq!(elsewhere().redirected("select 1; select * from orders"), Err(relation("main", "orders")));
        assert_eq!(elsewhere().redirected("select 1; select 2 as reorders").unwrap(), "select 1; select 2 as reorders");
        assert_eq!(Elsewhere::default().redirected("from orders ( ").unwrap(), "from orders ( ");
    }
}
