//! DuckDB's dialect with what the parser could do and its own description of DuckDB leaves out.

use std::any::TypeId;

use sqlparser::dialect::{Dialect, DuckDbDialect};

#[derive(Debug)]
pub(super) struct Wider(pub DuckDbDialect);

macro_rules! as_duckdb {
    ($($flag:ident)*) => { $(fn $flag(&self) -> bool { self.0.$flag() })* };
}

impl Dialect for Wider {
    fn dialect(&self) -> TypeId {
        self.0.dialect()
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        self.0.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        self.0.is_identifier_part(letter)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.0.identifier_quote_style(identifier)
    }

    fn supports_select_wildcard_rename(&self) -> bool {
        true
    }

    as_duckdb! {
        supports_trailing_commas
        supports_filter_during_aggregation
        supports_group_by_expr
        supports_bitwise_shift_operators
        supports_named_fn_args_with_eq_operator
        supports_named_fn_args_with_assignment_operator
        supports_dictionary_syntax
        support_map_literal_syntax
        supports_lambda_functions
        allow_extract_single_quotes
        supports_array_typedef_with_brackets
        supports_from_first_select
        supports_order_by_all
        supports_select_wildcard_exclude
        supports_notnull_operator
        supports_select_wildcard_replace
        supports_comma_separated_trim
        supports_numeric_literal_underscores
    }
}
