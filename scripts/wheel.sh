#!/usr/bin/env bash
# Builds dist/dovetail-*.whl, with the DuckDB library inside, and installs it into .venv.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# The library that the build uses, as .cargo/config.toml or the environment names its folder.
library() {
  local folder
  folder=${DUCKDB_LIB_DIR:-$(sed -n 's/^DUCKDB_LIB_DIR = "\(.*\)"$/\1/p' .cargo/config.toml | sed 's/\\\(["\\]\)/\1/g')}
  if [ -n "$folder" ]; then
    echo "$folder/libduckdb.so"
  else
    # The crate downloads it while it is built.
    cargo build --release --locked --package dovetail-python >&2
    ls "${CARGO_TARGET_DIR:-target}"/duckdb-download/*/*/libduckdb.so
  fi
}

# On Linux the module loads the library late, from beside itself. Elsewhere it is linked, and maturin copies it.
carry_library() {
  local carried=python/dovetail/libduckdb.so found
  rm -f "$carried"
  [ "$(uname -s)" = Linux ] || return 0
  found=$(library)
  # A link where the file system allows it: the file has 70 MB.
  ln "$found" "$carried" 2>/dev/null || cp "$found" "$carried"
}

say "building the wheel"
rm -rf dist
mkdir -p dist
carry_library
PATH=$venv/bin:$PATH "$venv/bin/maturin" build --release --locked --auditwheel repair \
  --interpreter "$venv/bin/python" --out dist
wheel=$(ls dist/dovetail-*.whl)
"$venv/bin/python" -m pip install --quiet --force-reinstall --no-deps --no-index "$wheel"
say "built $wheel"
