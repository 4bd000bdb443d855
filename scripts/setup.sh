#!/usr/bin/env bash
# Makes this checkout ready: Rust, the DuckDB library, a Python environment. Quick when there is nothing to do.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

check_rust() {
  has cargo || fail "Rust is not installed: get it with rustup (https://rustup.rs), then run this again"
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  found=$(cargo --version | cut -d ' ' -f 2)
  [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
    fail "dovetail needs Rust $wanted or newer and \`cargo\` is $found: run \`rustup update stable\`"
}

# Prints an interpreter that is new enough. Each candidate is run, because a name on the PATH may be a shim of pyenv
# or of an app store that only says that there is nothing behind it.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10 python3.14 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  fail "dovetail needs Python 3.10 or newer and none was found: install one, or name it with \`make PYTHON=/path/to/python3\`"
}

# The environment is made anew when it does not run any more (a Python that was removed, a checkout that was moved).
create_environment() {
  if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  local python
  python=$(find_python)
  say "making .venv with $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv" ||
    fail "\`$python -m venv\` failed: on Debian and Ubuntu, install the package \`python3-venv\`"
}

# Installs the pinned requirements, once for each content of the two files.
install_requirements() {
  local file=scripts/requirements-dev.txt stamp=$venv/requirements.sha256 digest
  digest=$(cat "$file" example_project/requirements.txt | sha256)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$digest" ]; then return; fi
  say "installing $file into .venv"
  "$venv/bin/python" -m pip install --quiet --use-pep517 --requirement "$file" ||
    fail "pip could not install $file: see its message above"
  echo "$digest" >"$stamp"
}

check_rust
create_environment
install_requirements
./scripts/duckdb_library.sh
