//! What of a value is hashed, so that different values hash differently.
//!
//! DuckDB's `hash()` takes every type and gives equal values equal hashes, but for some types others too: an empty list,
//! a list of one NULL and NULL are one to it, so are `[[1], [2]]` and `[[1, 2]]`, and a month is thirty days. Nested
//! values are therefore taken apart: what `hash()` is given says also how long a list is and what is NULL.

use duckdb::ffi;

use super::raw::{LogicalType, take_text};
use super::types::{has_name, type_text};
use crate::graph::literal;

/// DuckDB's own function, whatever macro somebody has given its name.
pub(super) const HASH: &str = "system.main.hash";

/// An expression to put into `hash(...)` for a value of this type. `depth` is how many lists stand around it.
pub(super) fn hashed(value: &str, logical: &LogicalType, depth: usize) -> String {
    // SAFETY (whole function): the accessors fit the type's id, indexes are below the counts that DuckDB gives, and
    // the child types that they give are freed by `LogicalType`.
    let raw = logical.raw;
    match unsafe { ffi::duckdb_get_type_id(raw) } {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => format!("{value}::varchar"),
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
            let child = unsafe { LogicalType::new(ffi::duckdb_list_type_child_type(raw)) };
            format!("{HASH}(len({value}), {})", elements(value, &child, depth))
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
            let child = unsafe { LogicalType::new(ffi::duckdb_array_type_child_type(raw)) };
            format!("{HASH}({value} is null, {})", elements(value, &child, depth))
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
            let key = unsafe { LogicalType::new(ffi::duckdb_map_type_key_type(raw)) };
            let mapped = unsafe { LogicalType::new(ffi::duckdb_map_type_value_type(raw)) };
            let keys = elements(&format!("map_keys({value})"), &key, depth);
            let values = elements(&format!("map_values({value})"), &mapped, depth);
            format!("{HASH}(cardinality({value}), {keys}, {values})")
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
            // The functions of structs refuse those that an extension has given a name, such as INET.
            let named = has_name(logical).then(|| format!("cast({value} as {})", type_text(logical)));
            let value = named.as_deref().unwrap_or(value);
            let fields = (0..unsafe { ffi::duckdb_struct_type_child_count(raw) }).map(|index| {
                let child = unsafe { LogicalType::new(ffi::duckdb_struct_type_child_type(raw, index)) };
                hashed(&format!("struct_extract_at({value}, {})", index + 1), &child, depth)
            });
            all(format!("{value} is null"), fields)
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => {
            let members = (0..unsafe { ffi::duckdb_union_type_member_count(raw) }).map(|index| {
                let name = take_text(unsafe { ffi::duckdb_union_type_member_name(raw, index) });
                let child = unsafe { LogicalType::new(ffi::duckdb_union_type_member_type(raw, index)) };
                hashed(&format!("union_extract({value}, {})", literal(&name)), &child, depth)
            });
            all(format!("union_tag({value})::varchar"), members)
        }
        // Its bytes depend on the rows around it.
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => format!("{HASH}(variant_typeof({value}), {value}::json)"),
        // What the interface has no name for is the state of an aggregate, which nobody can print.
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_ANY | ffi::DUCKDB_TYPE_DUCKDB_TYPE_INVALID => format!("{value}::blob"),
        _ => value.to_owned(),
    }
}

fn all(first: String, others: impl Iterator<Item = String>) -> String {
    format!("{HASH}({})", std::iter::once(first).chain(others).collect::<Vec<_>>().join(", "))
}

/// The elements of a list, each as it is to be hashed; the list itself where that is the same.
fn elements(list: &str, child: &LogicalType, depth: usize) -> String {
    let element = format!("element_{depth}");
    let taken = hashed(&element, child, depth + 1);
    if taken == element { list.to_owned() } else { format!("list_transform({list}, lambda {element}: {taken})") }
}
