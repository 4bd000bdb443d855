//! Decides whether `libduckdb` is loaded when it is first needed, which takes a few lines of assembly per platform.

fn main() {
    println!("cargo:rustc-check-cfg=cfg(lazy_duckdb)");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    let target = |name: &str| std::env::var(name).unwrap_or_default();
    let is_known = target("CARGO_CFG_TARGET_OS") == "linux"
        && matches!(target("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64");
    if is_known && std::env::var_os("CARGO_FEATURE_BUNDLED").is_none() {
        println!("cargo:rustc-cfg=lazy_duckdb");
    }
}
