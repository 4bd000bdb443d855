#!/usr/bin/env bash
# Builds the example project to its end, with its unit tests and checks, and says what to look at next.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

cd example_project
"$venv/bin/dovetail" build
"$venv/bin/dovetail" show delay_by_carrier

cat <<'END'

Look at:
  example_project/target/delay_chart.svg          the report that the run drew
  example_project/README.md                       a walk through the project, five minutes
  example_project/models/                         what you have just run, SQL and Python, and what is asked of it

Try, in example_project/, after `source ../.venv/bin/activate`:
  dovetail ls                                     all assets
  dovetail graph                                  how they hang together
  dovetail show worst_routes                      the first rows of an asset
  dovetail build --select +delay_by_carrier       one asset and everything it is made from
  dovetail plan                                   after a change: what it means; `dovetail reconcile` does it
END
