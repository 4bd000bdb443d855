"""Measures what dovetail promises, next to DuckDB itself, and prints the figures with their goals.

    python benches/run.py [--quick] [NAME ...]

Whole processes are measured from the outside (wall time, user and system CPU, peak memory), dovetail and its
counterpart alternately in the same run, so that a busy machine disturbs both alike. Figures are medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import checking
import compile_only
import content
import crossing
import data_checks
import editor
import layered
import plans
import tpch
from measure import BENCH_PYTHON, DOVETAIL, WORK, Figure

BENCHES: dict[str, Callable[[bool], Iterator[Figure]]] = {
    "layered": layered.whole_graph,
    "edit": layered.one_leaf,
    "records": plans.records,
    "plan": plans.nothing_to_do,
    "state": plans.long_history,
    "tpch": tpch.queries,
    "tiny": compile_only.tiny_models,
    "realistic": compile_only.realistic_models,
    "start": compile_only.start,
    "check": checking.figures,
    "lsp": editor.typing,
    "crossing": crossing.there_and_back,
    "content": content.hash_to_write,
    "checks": data_checks.figures,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes and few runs, to try the benches themselves")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES):
        parser.error(f"no bench is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")

    prepare_environment()
    print(describe_machine(), end="\n\n", flush=True)
    print(Figure.heading(), flush=True)
    figures, failed = [], []
    for name in arguments.names or BENCHES:
        try:
            for figure in BENCHES[name](arguments.quick):
                print(figure.line(), flush=True)
                figures.append(figure)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            print(f"{name}: `{' '.join(map(str, error.cmd))}` failed\n{error.stderr or ''}", file=sys.stderr)

    results = WORK / "results.json"
    results.write_text(json.dumps([figure.as_dict() for figure in figures], indent=2), encoding="utf-8")
    print(f"\nall samples: {results}")
    if arguments.quick:
        print("quick sizes: do not compare these with the goals")
    return 1 if failed else 0


def prepare_environment() -> None:
    """Makes the environment that DuckDB's own client runs in, once for each content of requirements.txt."""
    requirements = WORK.parent / "requirements.txt"
    stamp = WORK / "venv" / "requirements.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    WORK.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
    subprocess.run([BENCH_PYTHON, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    shutil.copy(requirements, stamp)


def describe_machine() -> str:
    """What the figures depend on: versions and cores."""

    def output(*command: object) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    engine = output(BENCH_PYTHON, "-c", "import duckdb; print(duckdb.__version__)")
    cores = output(sys.executable, "-c", "import os; print(os.cpu_count())")
    return (
        f"{output(DOVETAIL, '--version')} and the Python module duckdb {engine}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores"
    )


if __name__ == "__main__":
    sys.exit(main())
