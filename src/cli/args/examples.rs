//! What the help of each command ends with.

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  dovetail run                              everything
  dovetail run -s stg_flights+              an asset and everything below it
  dovetail run -s tag:daily --exclude slow  by tag, without one of them
  dovetail run --atomic                     all of it becomes visible at once, or nothing
  dovetail run --wait=60                    wait a minute for a locked database";

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  dovetail build                         everything, with all checks
  dovetail build -s +delay_report        a report, what it is made of, and the checks of all that
  dovetail build --exclude test_type:python
  dovetail build --junit report.xml";

pub(super) const TEST_EXAMPLES: &str = "\
Examples:
  dovetail test                          all unit tests and checks
  dovetail test -s delay_report          those of an asset
  dovetail test -s test_type:unit        unit tests alone
  dovetail test -s test_name:unique
  dovetail test -s test_type:unit --update
  dovetail test -o json | jq -r 'select(.status == \"failed\") | .check'";

pub(super) const RECONCILE_EXAMPLES: &str = "\
Examples:
  dovetail reconcile                    everything that is not up to date
  dovetail reconcile -s +delay_report   a report and what it is made of";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  dovetail check
  dovetail check -s +delay_report
  dovetail check -o json | jq -r 'select(.state == \"wrong\") | .asset'";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  dovetail status
  dovetail status -s +delay_report
  dovetail status -o json | jq -r 'select(.state != \"fresh\") | .asset'";

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  dovetail plan                    what `dovetail reconcile` would do
  dovetail plan -s +delay_report
  dovetail plan -s changed:main    what a branch changed
  dovetail plan -o json | jq .causes";

pub(super) const WHY_EXAMPLES: &str = "\
Examples:
  dovetail why delay_report
  dovetail why delay_report -o json | jq -r .diff";

pub(super) const HISTORY_EXAMPLES: &str = "\
Examples:
  dovetail history                            the runs, also while one goes on
  dovetail history delay_report               what happened to an asset
  dovetail history delay_report --diff 2 1    what the newest changed";

pub(super) const GC_EXAMPLES: &str = "\
Examples:
  dovetail gc                      what nothing declares any more
  dovetail gc --yes old_report     move it to the trash
  dovetail gc --restore            move everything back
  dovetail gc --empty --yes        drop what is in the trash";

pub(super) const LS_EXAMPLES: &str = "\
Examples:
  dovetail ls                            all names
  dovetail ls -s +delay_report           what a report is made of
  dovetail ls -s kind:python -o path     the files of all asset functions
  dovetail ls -o json | jq .upstream";

pub(super) const SHOW_EXAMPLES: &str = "\
Examples:
  dovetail show delay_report
  dovetail show delay_report --limit 100 --output csv
  dovetail show --inline \"select count(*) from {{ ref('stg_flights') }}\"
  dovetail show delay_report --schema
  dovetail show --failures unique_delay_report_carrier
  dovetail show delay_report --staged     what a failed `run --atomic` left";

pub(super) const COMPILE_EXAMPLES: &str = "\
Examples:
  dovetail compile                  all models
  dovetail compile -s delay_report  one of them
  dovetail compile --inline \"select * from {{ ref('stg_flights') }}\"";

pub(super) const GRAPH_EXAMPLES: &str = "\
Examples:
  dovetail graph                            Mermaid, as GitHub draws it
  dovetail graph -o dot | dot -Tsvg > graph.svg
  dovetail graph -s +delay_report";

pub(super) const LINEAGE_EXAMPLES: &str = "\
Examples:
  dovetail lineage delay_report.mean_delay
  dovetail lineage raw.flights.arr_delay --downstream
  dovetail lineage delay_report.mean_delay -o mermaid";

pub(super) const IMPACT_EXAMPLES: &str = "\
Examples:
  dovetail impact stg_flights.arr_delay
  dovetail impact stg_flights.arr_delay -o json | jq -r 'select(.effect == \"breaks\") | .asset'";

pub(super) const LSP_EXAMPLES: &str = "Editors start it; docs/editor.md says how.";

pub(super) const INIT_EXAMPLES: &str = "\
Examples:
  dovetail init flights
  dovetail init              in this folder";
