//! Decides whether `libduckdb` is loaded when it is first needed, which takes a few lines of assembly per platform, and
//! names this build, so that no other build takes what it has cached for its own.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rustc-check-cfg=cfg(lazy_duckdb)");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    let target = |name: &str| std::env::var(name).unwrap_or_default();
    let is_known = target("CARGO_CFG_TARGET_OS") == "linux"
        && matches!(target("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64");
    if is_known && std::env::var_os("CARGO_FEATURE_BUNDLED").is_none() {
        println!("cargo:rustc-cfg=lazy_duckdb");
    }
    println!("cargo:rustc-env=DOVETAIL_BUILD={} {:016x}", target("CARGO_PKG_VERSION"), sources());
}

/// A hash of all that the crate is made of.
fn sources() -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in ["src", "build.rs", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={path}");
        add(Path::new(path), &mut hasher);
    }
    hasher.finish()
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    hasher.write(path.as_os_str().as_encoded_bytes());
    let Ok(entries) = std::fs::read_dir(path) else {
        return hasher.write(&std::fs::read(path).unwrap_or_default());
    };
    let mut below: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    below.sort();
    below.iter().for_each(|path| add(path, hasher));
}
