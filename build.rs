//! Lets the tests find the DuckDB library that they are linked to, without an environment variable.

use std::env;

fn main() {
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    // Only this package's own binaries (its tests) get the path. The wheel's extension module belongs to another
    // package, and finds the copy of the library that it carries.
    if let Ok(folder) = env::var("DUCKDB_LIB_DIR")
        && env::var_os("CARGO_CFG_UNIX").is_some()
    {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
