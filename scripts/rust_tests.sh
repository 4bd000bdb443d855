#!/usr/bin/env bash
# Runs the Rust tests: with cargo-nextest where it is installed, since it is faster, else with cargo.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

if cargo nextest --version >/dev/null 2>&1; then
  # nextest does not run the examples in doc comments.
  cargo nextest run --locked --workspace --status-level fail --final-status-level fail
  cargo test --locked --workspace --doc --quiet
else
  cargo test --locked --workspace
fi
