"""An asset that the corruption tests put into their copy of the example project: it watches the published tables.

It runs beside the rest of a run. In a loop it reads what every table and the chart hold, each read being a query on a
connection of its own, as that of any reader in the process would be, and writes down each state that is another than
before. It ends when the run's log says that everything else has ended, with a last look after that.
"""

import hashlib
import json
import time

from dovetail import Context, asset

TABLES = [
    "marts.delay_by_carrier",
    "marts.delay_by_hour",
    "marts.delay_by_band",
    "marts.model_calibration",
    "marts.worst_routes",
    "main.delay_predictions",
]


@asset(materialized="object")
def watcher(context: Context) -> int:
    """How often it has looked before everything else had ended."""
    looks, states = 0, []
    is_over = False
    while not is_over:
        # Asked first, so that the last look comes after the end of everything else, and is not counted.
        is_over = others_have_ended(context)
        looks += not is_over
        state = {table: content(context, table) for table in TABLES} | {"chart": chart(context)}
        if not states or states[-1] != state:
            states.append(state)
        time.sleep(0.02)
    (context.root / "watched.json").write_text(json.dumps({"looks": looks, "states": states}), encoding="utf-8")
    return looks


def content(context: Context, table: str) -> list:
    """How many rows there are, and a sum of their hashes, whatever their order."""
    [row] = context.sql(f"select count(*), coalesce(sum(hash(t)), 0)::varchar from {table} t").fetchall()
    return list(row)


def chart(context: Context) -> str:
    return hashlib.sha256((context.target_dir / "delay_chart.svg").read_bytes()).hexdigest()


def others_have_ended(context: Context) -> bool:
    log = context.root / ".dovetail" / "runs" / f"{context.run}.jsonl"
    # The last line may be half written.
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    events = [json.loads(line) for line in lines]
    planned = set(events[0]["assets"]) - {"watcher"}
    return planned <= {event["asset"] for event in events if event.get("event") == "asset_finished"}
