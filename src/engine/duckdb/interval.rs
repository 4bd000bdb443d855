//! INTERVALs on their way to Arrow, whose nanoseconds end after 292 years: DuckDB multiplies its microseconds without
//! looking, so the values are looked at before.

use duckdb::ffi;

use super::raw::{Chunk, LogicalType};

const MOST_MICROSECONDS: i64 = i64::MAX / 1000;

/// Owns a vector that DuckDB made for us.
struct Copied(ffi::duckdb_vector);

impl Drop for Copied {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_vector(&mut self.0) };
    }
}

/// Whether a column (INTERVAL, or a nested type with one somewhere) holds an interval whose time part Arrow has no room
/// for.
pub(super) fn has_too_long(chunk: &Chunk, column: usize) -> bool {
    if chunk.len() == 0 {
        return false;
    }
    // SAFETY: the column exists; its vector belongs to the chunk, and so does all that `flat` does not copy.
    unsafe {
        let vector = ffi::duckdb_data_chunk_get_vector(chunk.raw, column as u64);
        let logical = LogicalType::new(ffi::duckdb_vector_get_column_type(vector));
        if ffi::duckdb_get_type_id(logical.raw) == ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL {
            return is_too_long(vector, chunk.len());
        }
        let copied = flat(vector, &logical, chunk.len());
        walk(copied.0, &logical, chunk.len())
    }
}

/// A copy in which every part has its values one after the other; parts of nested vectors may stand otherwise.
///
/// # Safety
/// The vector has that type and at least so many rows.
unsafe fn flat(vector: ffi::duckdb_vector, logical: &LogicalType, rows: u64) -> Copied {
    // SAFETY: the selection has one entry for each row, and is destroyed when it was used.
    unsafe {
        let selection = ffi::duckdb_create_selection_vector(rows);
        let entries = ffi::duckdb_selection_vector_get_data_ptr(selection);
        for row in 0..rows {
            *entries.add(row as usize) = row as ffi::sel_t;
        }
        let copied = Copied(ffi::duckdb_create_vector(logical.raw, rows));
        ffi::duckdb_vector_copy_sel(vector, copied.0, selection, rows, 0, 0);
        ffi::duckdb_destroy_selection_vector(selection);
        copied
    }
}

/// # Safety
/// The vector has that type and that many rows, and is flat in all its parts.
unsafe fn walk(vector: ffi::duckdb_vector, logical: &LogicalType, rows: u64) -> bool {
    // SAFETY: accessors fit the type; child vectors live as long as their parent, child types are ours.
    unsafe {
        let raw = logical.raw;
        let part = |index: u64| {
            let child = ffi::duckdb_struct_vector_get_child(vector, index);
            walk(child, &LogicalType::new(ffi::duckdb_vector_get_column_type(child)), rows)
        };
        match ffi::duckdb_get_type_id(raw) {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => is_too_long(vector, rows),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST | ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => {
                let child = ffi::duckdb_list_vector_get_child(vector);
                let logical = LogicalType::new(ffi::duckdb_vector_get_column_type(child));
                walk(child, &logical, ffi::duckdb_list_vector_get_size(vector))
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
                let child = ffi::duckdb_array_vector_get_child(vector);
                let logical = LogicalType::new(ffi::duckdb_vector_get_column_type(child));
                walk(child, &logical, rows * ffi::duckdb_array_type_array_size(raw))
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => (0..ffi::duckdb_struct_type_child_count(raw)).any(part),
            // A union is a struct of its tag and its members.
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => (1..=ffi::duckdb_union_type_member_count(raw)).any(part),
            _ => false,
        }
    }
}

/// # Safety
/// The vector holds that many INTERVALs, one after the other.
unsafe fn is_too_long(vector: ffi::duckdb_vector, rows: u64) -> bool {
    // SAFETY: one value for each row; a null validity mask means that all rows are valid.
    unsafe {
        let values = ffi::duckdb_vector_get_data(vector).cast::<ffi::duckdb_interval>();
        let validity = ffi::duckdb_vector_get_validity(vector);
        (0..rows).any(|row| {
            let is_long = (*values.add(row as usize)).micros.unsigned_abs() > MOST_MICROSECONDS.unsigned_abs();
            is_long && (validity.is_null() || ffi::duckdb_validity_row_is_valid(validity, row))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::library;
    use super::super::raw::Database;
    use super::*;

    const LONG: &str = "to_hours(3000000)";
    const SHORT: &str = "to_hours(2000000)";

    /// Where an interval may stand; `$` is its place.
    const SHAPES: [&str; 10] = [
        "$",
        "[interval 1 day, $]",
        "[interval 1 day, $]::interval[2]",
        "{'a': 1, 'b': $}",
        "map {'key': $}",
        "map {coalesce($, interval 1 day): 'value'}",
        "union_value(i := $)",
        "union_value(i := $)::union(n integer, i interval)",
        "{'a': [map {'key': [interval 1 day, $]::interval[2]}]}",
        "[[], [union_value(i := [$])]]",
    ];

    fn is_refused(sql: &str) -> bool {
        library::load().unwrap();
        let database = Arc::new(Database::open(None, &[]).unwrap());
        let connection = database.connect().unwrap();
        let mut prepared = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let mut result = prepared.stream().unwrap();
        let mut is_refused = false;
        while let Some(chunk) = result.next_chunk().unwrap() {
            is_refused |= has_too_long(&chunk, 0);
        }
        is_refused
    }

    #[test]
    fn the_longest_that_fits_is_let_through() {
        for (microseconds, expected) in [(MOST_MICROSECONDS, false), (MOST_MICROSECONDS + 1, true)] {
            for sign in ["", "-"] {
                let sql = format!("select to_microseconds({sign}{microseconds})");
                assert_eq!(is_refused(&sql), expected, "{sql}");
            }
        }
        assert!(!is_refused("select interval '100000 years'"), "months have a field of their own");
    }

    #[test]
    fn one_is_found_wherever_it_stands() {
        for shape in SHAPES {
            for (value, expected) in [(LONG, true), (SHORT, false), ("null::interval", false)] {
                let sql = format!("select {} as x", shape.replace('$', value));
                assert_eq!(is_refused(&sql), expected, "{sql}");
            }
            let whole = format!("select case when i < 0 then {} end as x from range(3) t(i)", shape.replace('$', LONG));
            assert!(!is_refused(&whole), "{whole}");
            let none = format!("select {} as x where false", shape.replace('$', LONG));
            assert!(!is_refused(&none), "{none}");
        }
    }

    /// What a filter or a join leaves are vectors that point into others, which hold rows that nobody asked for.
    #[test]
    fn only_the_rows_of_the_result_count() {
        for shape in SHAPES {
            let value = shape.replace('$', &format!("case when i = 4321 then {LONG} else {SHORT} end"));
            let table = format!("(select i, {value} as x from range(6000) t(i)) as t");
            for (rest, expected) in [
                ("where i % 2 = 1", true),
                ("where i % 2 = 0", false),
                ("where i > 4300 limit 10", false),
                ("order by i desc limit 1500", false),
                ("order by i desc limit 1700", true),
                ("join (values (4321), (7)) v(j) on i = j", true),
                ("join (values (4320), (7)) v(j) on i = j", false),
                (", range(3) where i = 4321", true),
                (", range(3) where i = 4322", false),
            ] {
                let sql = format!("select x from {table} {rest}");
                assert_eq!(is_refused(&sql), expected, "{sql}");
            }
        }
    }
}
