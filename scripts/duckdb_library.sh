#!/usr/bin/env bash
# Finds libduckdb and writes .cargo/config.toml, so that a plain `cargo test` links it afterwards.
#
# In this order: the folder in DUCKDB_LIB_DIR; the npm package that carries the official library; the download that
# the crate `libduckdb-sys` does itself. Compiling DuckDB (`--features bundled`) is the reader's own choice.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

package_version=1.5.5-r.5

# Sets what depends on the machine: the package's suffix, the library's name, its pinned digest.
describe_platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
      platform=linux-x64 library=libduckdb.so
      digest=fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405
      ;;
    Linux-aarch64)
      platform=linux-arm64 library=libduckdb.so
      digest=d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e
      ;;
    Darwin-arm64)
      platform=darwin-arm64 library=libduckdb.dylib
      digest=b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8
      ;;
    Darwin-x86_64)
      platform=darwin-x64 library=libduckdb.dylib
      digest=b9027d18ef3e8d960568f77e946a83ca68009cb22d71cf7f94de842afdd094d8
      ;;
    *)
      fail "no prebuilt DuckDB library is known for $(uname -s) on $(uname -m): set DUCKDB_LIB_DIR to a folder with" \
        "libduckdb $duckdb_version, or compile DuckDB with \`cargo build --features bundled\` (about 50 CPU minutes)"
      ;;
  esac
}

# A digest of 70 MB takes a fifth of a second, so it is taken once: a file that carries the digest's name says so.
is_unpacked() { [ -f "$duckdb_home/$library" ] && [ -f "$duckdb_home/.$digest" ]; }

# Adopts a library that is already in place, such as one copied from another checkout.
verify_in_place() {
  [ -f "$duckdb_home/$library" ] || return 1
  [ "$(sha256 <"$duckdb_home/$library")" = "$digest" ] || return 1
  touch "$duckdb_home/.$digest"
}

unpack_from_npm() {
  has npm && has tar || return 1
  local package=@duckdb/node-bindings-$platform@$package_version found
  say "getting libduckdb $duckdb_version from the npm package $package"
  mkdir -p "$duckdb_home"
  # Inside the destination's folder, so that the last step is a rename and a killed set-up leaves no half file.
  scratch=$(mktemp -d "$duckdb_home/unpack.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  (cd "$scratch" && npm pack --silent "$package" >/dev/null && tar -xzf ./*.tgz) || return 1
  found=$(sha256 <"$scratch/package/$library")
  [ "$found" = "$digest" ] ||
    fail "$library in $package has the SHA-256 $found where $digest is expected: do not use it"
  mv "$scratch/package/$library" "$duckdb_home/$library"
  touch "$duckdb_home/.$digest"
}

# Writes only what has changed: cargo looks at the values, people look at the date.
write_config() {
  local wanted
  wanted="# Written by scripts/duckdb_library.sh; not in git. An environment variable of the same name wins.
[env]
$1"
  mkdir -p .cargo
  if [ "$(cat .cargo/config.toml 2>/dev/null)" != "$wanted" ]; then printf '%s\n' "$wanted" >.cargo/config.toml; fi
}

# As a TOML string: quotes and backslashes may stand in a path.
quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

if [ -n "${DUCKDB_LIB_DIR:-}" ]; then
  ls "$DUCKDB_LIB_DIR"/libduckdb.* >/dev/null 2>&1 ||
    fail "DUCKDB_LIB_DIR is \`$DUCKDB_LIB_DIR\`, where there is no libduckdb: correct it, or unset it to have it fetched"
  write_config "DUCKDB_LIB_DIR = $(quoted "$DUCKDB_LIB_DIR")"
  exit
fi

describe_platform
if is_unpacked || verify_in_place || unpack_from_npm; then
  write_config "DUCKDB_LIB_DIR = $(quoted "$duckdb_home")"
else
  say "no library through npm, so the crate \`libduckdb-sys\` will download libduckdb $duckdb_version itself; where it" \
    "cannot, install npm, set DUCKDB_LIB_DIR, or compile DuckDB with \`--features bundled\`"
  write_config 'DUCKDB_DOWNLOAD_LIB = "1"'
fi
