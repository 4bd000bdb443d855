//! What a model or an asset function promises to give: exactly the columns that are declared for it, of exactly these types.

use super::{Body, Materialized, Node, folded};
use crate::engine::Column;
use crate::source::Place;

/// How a query differs from a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The column that it is about; empty where there is none.
    pub column: String,
    /// Whether the query makes it.
    pub is_made: bool,
    /// What differs, without the asset's name.
    pub what: String,
}

impl Node {
    /// Where a column is declared, or else where the asset is described, or the asset.
    pub fn declared_at(&self, column: &str) -> Place {
        let own = self.columns.iter().find(|declared| folded(&declared.name) == folded(column));
        let place = own.and_then(|declared| declared.place.clone()).or_else(|| self.described_at.clone());
        place.unwrap_or_else(|| self.place.clone())
    }

    /// The columns that the asset promises to have and no others, with the types that they are declared with: those of
    /// a contract that is enforced (`contract: {enforced: true}`), and of an asset function's `columns=` where each of
    /// them has a type. `None` where nothing is promised.
    pub fn contract(&self) -> Option<Vec<(&str, Option<&str>)>> {
        if self.materialized == Materialized::Object {
            return None;
        }
        let is_enforced = self.says_enforced();
        match &self.body {
            Body::Sql(_) | Body::Python(_) if is_enforced == Some(true) => {
                Some(self.columns.iter().map(|column| (column.name.as_str(), column.data_type.as_deref())).collect())
            }
            Body::Python(_) if is_enforced.is_none() => self.typed(),
            _ => None,
        }
    }

    /// What `contract` says of being enforced, if it says so.
    fn says_enforced(&self) -> Option<bool> {
        self.config.get("contract")?.get("enforced")?.as_bool()
    }

    /// The columns of the asset's own config, if all of them have types.
    fn typed(&self) -> Option<Vec<(&str, Option<&str>)>> {
        let named = self.config.get("columns")?.as_object()?.len();
        let typed: Vec<(&str, Option<&str>)> =
            self.declared_types().map(|(name, declared)| (name, Some(declared))).collect();
        (named > 0 && typed.len() == named).then_some(typed)
    }
}

/// What is missing in a contract before it can be compared with anything.
pub fn incomplete(contract: &[(&str, Option<&str>)]) -> Vec<Breach> {
    if contract.is_empty() {
        return vec![Breach { column: String::new(), is_made: false, what: "it names no columns".to_owned() }];
    }
    let untyped = contract.iter().filter(|(_, declared)| declared.is_none());
    let breach = |(name, _): &(&str, Option<&str>)| Breach {
        column: (*name).to_owned(),
        is_made: true,
        what: format!("the column `{name}` has no `data_type`"),
    };
    untyped.map(breach).collect()
}

/// Where real columns differ from those of a contract, both with the engine's types. Their order does not count.
pub fn breaches(contract: &[Column], real: &[Column]) -> Vec<Breach> {
    let is_same = |one: &Column, other: &Column| folded(&one.name) == folded(&other.name);
    let breach = |column: &Column, what: String| Breach { column: column.name.clone(), is_made: true, what };
    let declared = contract.iter().filter_map(|declared| {
        let Column { name, engine_type } = declared;
        match real.iter().find(|real| is_same(real, declared)) {
            None => Some(Breach {
                column: name.clone(),
                is_made: false,
                what: format!("the column `{name}` ({engine_type}) is not there"),
            }),
            Some(real) if real.engine_type != *engine_type => {
                let what = format!("the column `{name}` is declared {engine_type} and is {}", real.engine_type);
                Some(breach(declared, what))
            }
            Some(_) => None,
        }
    });
    let undeclared = real.iter().filter(|real| !contract.iter().any(|declared| is_same(real, declared)));
    let more = undeclared
        .map(|real| breach(real, format!("the column `{}` ({}) is not declared", real.name, real.engine_type)));
    declared.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, &str)]) -> Vec<Column> {
        let column = |(name, engine_type): &(&str, &str)| Column {
            name: (*name).to_owned(),
            engine_type: (*engine_type).to_owned(),
        };
        columns.iter().map(column).collect()
    }

    #[test]
    fn names_and_types_count_and_order_does_not() {
        let contract = columns(&[("id", "INTEGER"), ("name", "VARCHAR"), ("size", "DOUBLE")]);
        let real = columns(&[("size", "FLOAT"), ("ID", "INTEGER"), ("more", "DATE")]);
        let told: Vec<String> = breaches(&contract, &real).into_iter().map(|breach| breach.what).collect();
        assert_eq!(
            told,
            [
                "the column `name` (VARCHAR) is not there",
                "the column `size` is declared DOUBLE and is FLOAT",
                "the column `more` (DATE) is not declared"
            ]
        );
        assert_eq!(breaches(&contract, &columns(&[("size", "DOUBLE"), ("name", "VARCHAR"), ("Id", "INTEGER")])), []);
    }

    #[test]
    fn a_contract_names_all_types() {
        assert_eq!(incomplete(&[("a", Some("int"))]), []);
        assert_eq!(incomplete(&[("a", Some("int")), ("b", None)])[0].column, "b");
        assert_eq!(incomplete(&[]).len(), 1);
    }
}
