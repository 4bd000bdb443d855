//! Casts to declared types, under which no value becomes another without a word.

use super::{literal, quoted};

/// Types that hold whole numbers alone.
const WHOLE: &str = "'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT', 'BIGNUM'";

/// A column cast to a type, under its own name.
///
/// A number that is not whole fits no integer, and a time of a day fits no date: the engine would round and cut them, and
/// here they fail the query. The engine decides which type is meant before it reads any row, so that others cost nothing.
pub fn faithful_cast(column: &str, declared: &str) -> String {
    let name = quoted(column);
    let cast = format!("cast({name} as {declared}\n)");
    let is_other = |kind: &str| format!("try_cast({cast} as {kind}) <> try_cast({name} as {kind})");
    let declared_as = format!("typeof(cast(null as {declared}\n))");
    let message = literal(&format!("the column `{column}` is declared "));
    format!(
        "case when ({declared_as} in ({WHOLE}) and {}) or ({declared_as} = 'DATE' and {}) \
         then error({message} || {declared_as} || ', and would lose a part of ' || {name}::varchar) \
         else {cast} end as {name}",
        is_other("double"),
        is_other("timestamp"),
    )
}
