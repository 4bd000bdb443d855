# `make` lists the targets. Every target sets up what it needs first, and none needs a terminal.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
# `make PYTHON=/path/to/python3` picks the interpreter that .venv is made with.
export PYTHON

# Each step uses all cores itself, and the next one needs what it leaves.
.NOTPARALLEL:

BIN := .venv/bin
# What the wheel is made of.
SOURCES := $(shell find src python/src python/dovetail -type f -not -name '*.pyc' -not -name 'libduckdb.*' 2>/dev/null) \
  $(wildcard build.rs python/build.rs README.md .cargo/config.toml) scripts/wheel.sh Cargo.toml Cargo.lock python/Cargo.toml pyproject.toml
RUN := . scripts/environment.sh;

.PHONY: help
help: ## list the targets
	@echo 'usage: make <target>'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done
	@echo
	@echo 'New here? `make example` runs a real project; `make test` is what CI runs.'

.PHONY: setup
setup: ## make this checkout ready: the DuckDB library, .venv (quick when done)
	@scripts/setup.sh

.PHONY: example
example: wheel ## set up everything and run the example project to its end
	@scripts/example.sh

.PHONY: test
test: lint rust-test wheel python-test ## lint, then all tests: Rust, and Python against the installed wheel

.PHONY: rust-test
rust-test: setup ## only the Rust tests
	@scripts/rust_tests.sh

.PHONY: python-test
python-test: wheel ## only the Python tests, against the installed wheel
	@$(BIN)/python -m pytest

.PHONY: lint
lint: setup ## formatting and lints of both languages
	@cargo fmt --check
	@$(RUN) cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { $(BIN)/ruff format --check; exit 1; }

.PHONY: fmt
fmt: setup ## format the code of both languages
	@cargo fmt
	@$(BIN)/ruff check --fix --quiet --select I
	@$(BIN)/ruff format --quiet

.PHONY: wheel
wheel: setup .venv/wheel.stamp ## build dist/dovetail-*.whl and install it into .venv

.venv/wheel.stamp: $(SOURCES) | setup
	@scripts/wheel.sh
	@touch $@

.PHONY: bench
bench: wheel ## measure the figures of the project (BENCH="ls edit" for some, QUICK=1 for small sizes)
	@$(BIN)/python benches/run.py $(if $(QUICK),--quick) $(BENCH)

.PHONY: clean
clean: ## remove what was built (not .duckdb, not the caches of cargo, pip and npm)
	rm -rf target dist .venv .cargo/config.toml .pytest_cache .ruff_cache benches/work
	rm -rf example_project/target example_project/.dovetail example_project/*.duckdb example_project/*.duckdb.wal
