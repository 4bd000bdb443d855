//! Sums over rows on their way into a table: what a data version is made of, without reading the table again.
//!
//! A function of ours is called for each row and lets it through. DuckDB calls a volatile function once for each row that
//! comes out of the query below, on all its threads, while the values are still in the cache.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use duckdb::ffi;

use super::lock;
use super::raw::Connection;
use crate::engine::EngineError;

/// The function's name in SQL. It takes a tally's number and hashes, and is always true.
const NAME: &std::ffi::CStr = c"__dovetail_tally";

/// Starts anywhere, so that nobody has a column of the name that it makes.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish() >> 1));
static RUNNING: LazyLock<Mutex<HashMap<u64, Vec<Sums>>>> = LazyLock::new(Mutex::default);

/// Sums that do not depend on the order of what is added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) count: u64,
    pub(super) xor: u64,
    pub(super) sum: u128,
}

impl Sums {
    /// Of rows that are only counted.
    pub(super) fn counted(count: u64) -> Self {
        Sums { count, ..Sums::default() }
    }

    fn of(hashes: &[u64]) -> Self {
        let add = |sums: Sums, hash: &u64| Sums {
            count: sums.count + 1,
            xor: sums.xor ^ hash,
            sum: sums.sum + u128::from(*hash),
        };
        hashes.iter().fold(Sums::default(), add)
    }

    fn add(&mut self, other: Sums) {
        self.count += other.count;
        self.xor ^= other.xor;
        self.sum += other.sum;
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => formatter.write_str("0"),
            count => write!(formatter, "{count} {} {}", self.xor, self.sum),
        }
    }
}

/// A tally that runs until it is dropped.
pub(super) struct Tally {
    number: u64,
}

impl Tally {
    /// One that takes so many hashes of each row.
    pub(super) fn start(hashes: usize) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&RUNNING).insert(number, vec![Sums::default(); hashes]);
        Tally { number }
    }

    /// What stands before and after a query so that its rows come out unchanged and are counted as they pass.
    /// `row_hashes` are expressions for hashes of a row.
    ///
    /// The call is a column and not the filter itself: a filter is moved below joins and `distinct`, to rows that may
    /// not come out.
    pub(super) fn around(&self, row_hashes: &[&str]) -> (String, String) {
        let Tally { number } = self;
        let (name, column) = (NAME.to_string_lossy(), format!("__dovetail_passed_{number}"));
        let call = format!("system.main.{name}({number}::ubigint, {}) as {column}", row_hashes.join(", "));
        (format!("select * exclude ({column}) from (select *, {call} from ("), format!("\n)) where {column}"))
    }

    /// What has passed so far, for each of the hashes.
    pub(super) fn sums(&self) -> Vec<Sums> {
        lock(&RUNNING).get(&self.number).cloned().unwrap_or_default()
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        lock(&RUNNING).remove(&self.number);
    }
}

/// Makes the function known to the connection's database. Transactions that began before do not see it.
pub(super) fn register(connection: &Connection) -> Result<(), EngineError> {
    // SAFETY: `add_rows` reads columns of unsigned 64-bit numbers and writes a Boolean, as declared.
    unsafe {
        connection.register_volatile(
            NAME,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
            add_rows,
        )
    }
}

/// # Safety
/// DuckDB calls it with a chunk of columns of `u64`, flat and without NULL, and a vector of as many Booleans.
unsafe extern "C" fn add_rows(_: ffi::duckdb_function_info, input: ffi::duckdb_data_chunk, output: ffi::duckdb_vector) {
    // SAFETY: by the caller's promise; a chunk without rows is not read.
    unsafe {
        let rows = usize::try_from(ffi::duckdb_data_chunk_get_size(input)).unwrap_or(0);
        if rows == 0 {
            return;
        }
        let column = |index| {
            let data = ffi::duckdb_vector_get_data(ffi::duckdb_data_chunk_get_vector(input, index));
            std::slice::from_raw_parts(data.cast::<u64>().cast_const(), rows)
        };
        let columns = ffi::duckdb_data_chunk_get_column_count(input);
        let number = column(0)[0];
        let passed: Vec<Sums> = (1..columns).map(|index| Sums::of(column(index))).collect();
        if let Some(sums) = lock(&RUNNING).get_mut(&number) {
            sums.iter_mut().zip(passed).for_each(|(sums, passed)| sums.add(passed));
        }
        std::slice::from_raw_parts_mut(ffi::duckdb_vector_get_data(output).cast::<u8>(), rows).fill(1);
    }
}
