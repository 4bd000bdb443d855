//! Names of DuckDB's types, and which of them Arrow cannot carry by itself.

use std::collections::HashSet;

use duckdb::ffi;

use super::raw::{LogicalType, take_text};
use crate::graph::{literal, quoted};

/// What stands for a type that has no name here.
pub(super) const UNKNOWN: &str = "UNKNOWN";

/// The type as SQL writes it, such as `DECIMAL(18,3)` or `STRUCT("a" INTEGER)`: what it is made of, where it has a name
/// of its own.
pub(super) fn type_text(logical: &LogicalType) -> String {
    text(logical, &|_| false)
}

/// The type under the name that it has, such as `INET` for the structs of that extension: functions tell them apart. By
/// what it is made of where `is_foreign` says that another database would not know the name.
pub(super) fn named_type_text(logical: &LogicalType, is_foreign: &dyn Fn(&str) -> bool) -> String {
    text(logical, &|name| !is_foreign(name))
}

fn text(logical: &LogicalType, is_named: &dyn Fn(&str) -> bool) -> String {
    // SAFETY (whole function): the accessors fit the type's id, indexes are below the counts that DuckDB gives, and
    // texts and child types are freed by `take_text` and `LogicalType`.
    let raw = logical.raw;
    if let Some(name) = alias(logical).filter(|name| is_named(name)) {
        let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        return if is_plain { name } else { quoted(&name) };
    }
    let child = |raw| child(raw, is_named);
    match unsafe { ffi::duckdb_get_type_id(raw) } {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
            let (width, scale) = unsafe { (ffi::duckdb_decimal_width(raw), ffi::duckdb_decimal_scale(raw)) };
            format!("DECIMAL({width},{scale})")
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => format!("ENUM({})", enum_values(logical).join(", ")),
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => format!("{}[]", child(unsafe { ffi::duckdb_list_type_child_type(raw) })),
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
            let size = unsafe { ffi::duckdb_array_type_array_size(raw) };
            format!("{}[{size}]", child(unsafe { ffi::duckdb_array_type_child_type(raw) }))
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
            let (key, value) = unsafe { (ffi::duckdb_map_type_key_type(raw), ffi::duckdb_map_type_value_type(raw)) };
            format!("MAP({}, {})", child(key), child(value))
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
            let count = unsafe { ffi::duckdb_struct_type_child_count(raw) };
            let members = (0..count).map(|index| unsafe {
                let name = take_text(ffi::duckdb_struct_type_child_name(raw, index));
                (name, child(ffi::duckdb_struct_type_child_type(raw, index)))
            });
            format!("STRUCT({})", members_text(members))
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => {
            let count = unsafe { ffi::duckdb_union_type_member_count(raw) };
            let members = (0..count).map(|index| unsafe {
                let name = take_text(ffi::duckdb_union_type_member_name(raw, index));
                (name, child(ffi::duckdb_union_type_member_type(raw, index)))
            });
            format!("UNION({})", members_text(members))
        }
        id => alias(logical).unwrap_or_else(|| plain_name(id).to_owned()),
    }
}

fn child(raw: ffi::duckdb_logical_type, is_named: &dyn Fn(&str) -> bool) -> String {
    // SAFETY: the accessors that give child types pass their ownership.
    text(&unsafe { LogicalType::new(raw) }, is_named)
}

fn members_text(members: impl Iterator<Item = (String, String)>) -> String {
    members.map(|(name, text)| format!("{} {text}", quoted(&name))).collect::<Vec<_>>().join(", ")
}

fn enum_values(logical: &LogicalType) -> Vec<String> {
    // SAFETY: as in `type_text`.
    let count = unsafe { ffi::duckdb_enum_dictionary_size(logical.raw) };
    (0..u64::from(count))
        .map(|index| literal(&take_text(unsafe { ffi::duckdb_enum_dictionary_value(logical.raw, index) })))
        .collect()
}

/// Whether a type has a name of its own beside what it is made of.
pub(super) fn has_name(logical: &LogicalType) -> bool {
    alias(logical).is_some()
}

/// The name of a type that is another one underneath, such as `JSON`.
fn alias(logical: &LogicalType) -> Option<String> {
    // SAFETY: as in `type_text`; null when there is none.
    let alias = take_text(unsafe { ffi::duckdb_logical_type_get_alias(logical.raw) });
    (!alias.is_empty()).then_some(alias)
}

/// The names of the types that have nothing in parentheses.
pub(super) fn plain_names() -> HashSet<&'static str> {
    // A JSON is a text with an alias. Ids are small numbers without an end mark.
    (1..100).map(plain_name).chain(["JSON"]).filter(|name| *name != UNKNOWN).collect()
}

fn plain_name(id: ffi::duckdb_type) -> &'static str {
    match id {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => "BOOLEAN",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => "TINYINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => "SMALLINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => "INTEGER",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => "BIGINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => "UTINYINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => "USMALLINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => "UINTEGER",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => "UBIGINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => "FLOAT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => "DOUBLE",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => "TIMESTAMP",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => "DATE",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME => "TIME",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS => "TIME_NS",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => "INTERVAL",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => "HUGEINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => "UHUGEINT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => "VARCHAR",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => "BLOB",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => "TIMESTAMP_S",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => "TIMESTAMP_MS",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => "TIMESTAMP_NS",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => "TIMESTAMP WITH TIME ZONE",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => "TIME WITH TIME ZONE",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => "UUID",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIT => "BIT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM => "BIGNUM",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => "\"NULL\"",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY => "GEOMETRY",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => "VARIANT",
        _ => UNKNOWN,
    }
}

/// A type's text in which what is always null is an integer, as DuckDB has it in tables and views.
///
/// The type of nulls is written in quotes, as names of members are; a name is followed by its type.
pub(super) fn with_integer_nulls(text: &str) -> String {
    let null = plain_name(ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL);
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(null) {
        let (before, after) = (&rest[..at], &rest[at + null.len()..]);
        let is_type = !after.starts_with([' ', '"']) && !before.ends_with('"');
        changed.push_str(before);
        changed.push_str(if is_type { "INTEGER" } else { null });
        rest = after;
    }
    changed + rest
}

/// Whether Arrow loses the type on the way through, so that the field says it and the way back casts to it.
pub(super) fn needs_type_metadata(text: &str) -> bool {
    text.contains("ENUM(") || text.contains("HUGEINT")
}
