# Sourced by every script: moves to the top of the checkout and says where things are.
#
# All paths may contain spaces, nothing here needs a terminal, and nothing is written outside the checkout except to
# the caches of cargo, pip and npm (and, in CI, to our own folder beside them).

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
top=$PWD
venv=$top/.venv
duckdb_version=1.5.5

# CI clones anew each time. Compiled dependencies then live in a folder that outlasts the clone, and so does the
# library that they are linked to, because cargo rebuilds them when its path changes.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dovetail
# One script starts another: the folder that the first one chose is not somebody else's choice.
if [ "${CI:-}" = true ] && [ "${CARGO_TARGET_DIR:-$cache/target}" = "$cache/target" ]; then
  export CARGO_TARGET_DIR=$cache/target
  duckdb_home=$cache/duckdb/$duckdb_version
else
  duckdb_home=$top/.duckdb/$duckdb_version
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
# Without a terminal, or where people ask for it, no escape codes.
if [ ! -t 2 ] || [ -n "${NO_COLOR:-}" ]; then say() { printf '==> %s\n' "$*" >&2; }; fi

# One sentence that says what is missing and what to do about it.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The digest of stdin, by the tool of Linux or of macOS.
sha256() {
  if has sha256sum; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}
