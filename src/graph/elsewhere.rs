//! Queries that somebody writes by hand while assets stand elsewhere than where they are published.
//!
//! The names in a model's SQL are known when it is compiled (`mention.rs`). What an asset function asks the database in a
//! text of its own is seen only when it asks.

use std::borrow::Cow;

use super::databases::same;
use super::relation::quoted;
use super::sql_text::{alias_follows, word_before};
use super::{RelationName, reader};
use crate::parse::sql::table_spans;

/// The schema in which DuckDB looks for a name without one.
const MAIN: &str = "main";

/// Where some relations are to be read, by where they are published.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// The name of the project's own database: of others nothing is elsewhere.
    database: String,
    moved: Vec<(RelationName, RelationName)>,
}

impl Elsewhere {
    pub fn new(database: String, moved: impl IntoIterator<Item = (RelationName, RelationName)>) -> Self {
        Elsewhere { database, moved: moved.into_iter().collect() }
    }

    /// The same with one more of them.
    #[must_use]
    pub fn with(self, database: String, moved: (RelationName, RelationName)) -> Self {
        let Elsewhere { moved: mut all, .. } = self;
        all.push(moved);
        Elsewhere { database, moved: all }
    }

    /// The query that reads them there.
    ///
    /// # Errors
    /// With the relation that a text speaks of in which table names cannot be told from other words: it would be read
    /// where it is published, and nobody would know.
    pub fn redirected<'q>(&self, query: &'q str) -> Result<Cow<'q, str>, RelationName> {
        let mentioned = self.moved.iter().map(|(from, _)| from).find(|from| mentions(query, &from.identifier));
        let Some(mentioned) = mentioned else { return Ok(Cow::Borrowed(query)) };
        let spans = table_spans(query).filter(|_| !names_by_text(query));
        let mut spans = spans.ok_or_else(|| mentioned.clone())?;
        spans.sort_by_key(|(_, span)| span.start);
        let (mut text, mut done) = (String::with_capacity(query.len()), 0);
        for (parts, span) in spans {
            let Some(to) = self.place(&parts).filter(|_| span.start >= done) else { continue };
            text.push_str(&query[done..span.start]);
            let relation = to.to_string();
            match parts.last().filter(|_| !alias_follows(query, span.end) && takes_alias(query, span.start)) {
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
        let is_own = |database: &String| same(database, &self.database);
        let is_it = |from: &RelationName| match parts {
            [identifier] => same(&from.schema, MAIN) && same(&from.identifier, identifier),
            // DuckDB takes the first part for a schema or for a database.
            [first, identifier] => {
                same(&from.identifier, identifier)
                    && (same(&from.schema, first) || (is_own(first) && same(&from.schema, MAIN)))
            }
            [database, schema, identifier] => {
                is_own(database) && same(&from.schema, schema) && same(&from.identifier, identifier)
            }
            _ => false,
        };
        self.moved.iter().find(|(from, _)| is_it(from)).map(|(_, to)| to)
    }
}

/// Whether a call takes the name of a table, or a whole query, as a text.
fn names_by_text(query: &str) -> bool {
    let text: String = query.to_lowercase().split_whitespace().collect();
    text.contains("query_table(") || text.contains("query(")
}

/// Whether a table that stands here may have an alias: not where it is the whole of a statement.
fn takes_alias(query: &str, start: usize) -> bool {
    let word = word_before(query, start);
    let word = query.get(word.start..word.end).unwrap_or_default().to_lowercase();
    !["summarize", "describe", "desc", "table", "show"].contains(&word.as_str())
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
        let moved = [("main", "orders"), ("sales", "Odd \"name\"")]
            .map(|(schema, name)| (relation(schema, name), relation(schema, &format!("{name}__staged"))));
        Elsewhere::new("shop".to_owned(), moved)
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
            ("from shop.orders", r#"from "main"."orders__staged" as "orders""#),
            ("from SHOP.main.orders o", r#"from "main"."orders__staged" o"#),
            ("from crm.main.orders, crm.orders", "from crm.main.orders, crm.orders"),
            ("from (summarize orders)", r#"from (summarize "main"."orders__staged")"#),
            ("from (table orders)", r#"from (table "main"."orders__staged")"#),
        ] {
            assert_eq!(elsewhere().redirected(query).as_deref(), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused_only_where_it_matters() {
        assert_eq!(elsewhere().redirected("select 1; select * from orders"), Err(relation("main", "orders")));
        for query in ["summarize orders", "from query_table('orders')", "from query ('select * from orders')"] {
            assert_eq!(elsewhere().redirected(query), Err(relation("main", "orders")), "{query}");
        }
        assert_eq!(elsewhere().redirected("select 1; select 2 as reorders").unwrap(), "select 1; select 2 as reorders");
        assert_eq!(Elsewhere::default().redirected("from orders ( ").unwrap(), "from orders ( ");
    }
}
