"""One edit anywhere in the example project: `plan` says what it changes and why, and `reconcile` does exactly that."""

from __future__ import annotations

import shutil

import pytest
from conftest import Project

STAGED = {"stg_flights", "stg_planes", "stg_airports", "stg_weather"}
RAW = {"flights", "planes", "airports", "weather", "airlines"}
BELOW_FEATURES = {
    "delay_model",
    "delay_predictions",
    "delay_by_carrier",
    "delay_by_hour",
    "model_calibration",
    "worst_routes",
    "delay_chart",
}
MARTS = {"delay_by_carrier", "delay_by_hour", "delay_by_band", "worst_routes"}

# Path, text, its replacement; what is built for sure and its cause; what may be cut off; what then really changes.
EDITS = {
    "a comment in SQL": ("models/staging/stg_planes.sql", "-- One row", "-- Exactly one row", {}, set(), set()),
    "a keyword's case": ("models/staging/stg_planes.sql", "from planes", "FROM planes", {}, set(), set()),
    "a comment in Python": ("models/ml/delays.py", "# Every fourth", "# Each fourth", {}, set(), set()),
    "a docstring": ("models/reports/delay_chart.py", "Delays during", "All delays during", {}, set(), set()),
    "a comment in YAML": ("models/marts/marts.yml", "models:", "# The answers.\nmodels:", {}, set(), set()),
    "a tag in the configuration": ("dovetail.toml", 'tags = ["ml"]', 'tags = ["ml", "slow"]', {}, set(), set()),
    "a comment in a macro": ("macros/units.sql", "{#- The files", "{#- All files", {}, set(), set()),
    "a line of SQL": (
        "models/marts/worst_routes.sql",
        "round(avg(late_probability), 3)",
        "round(avg(late_probability), 4)",
        {"worst_routes": "code"},
        set(),
        {"worst_routes"},
    ),
    "a line of SQL that gives the same": (
        "models/staging/stg_planes.sql",
        "else 'other'",
        "else lower('OTHER')",
        {"stg_planes": "code"},
        {"flight_features"} | BELOW_FEATURES,
        # A view holds no rows to compare, so the table over it is built, and the wave ends there.
        {"stg_planes", "flight_features"},
    ),
    "a line of Python": (
        "models/reports/delay_chart.py",
        "figsize=(11, 4.5)",
        "figsize=(10, 4.5)",
        {"delay_chart": "code"},
        set(),
        {"delay_chart"},
    ),
    "a helper of Python": (
        "models/raw/nycflights13.py",
        "block_size=8 * 1024",
        "block_size=9 * 1024",
        dict.fromkeys(RAW, "code"),
        STAGED | {"flight_features"} | BELOW_FEATURES | MARTS,
        RAW,
    ),
    "a helper of one asset": (
        "models/reports/delay_chart.py",
        'color="gray"',
        'color="black"',
        {"delay_chart": "code"},
        set(),
        {"delay_chart"},
    ),
    "a macro that one model uses": (
        "macros/units.sql",
        "* 5 / 9, 1)",
        "* 5 / 9, 0)",
        {"stg_weather": "code"},
        {"flight_features"} | BELOW_FEATURES,
        {"stg_weather", "flight_features"} | BELOW_FEATURES,
    ),
    "a row of a seed": (
        "seeds/delay_bands.csv",
        "late,60,180\nhalf a day gone,180",
        "late,60,200\nhalf a day gone,200",
        {"delay_bands": "source"},
        {"delay_by_band"},
        {"delay_bands", "delay_by_band"},
    ),
    "a folder's materialization": (
        "dovetail.toml",
        'schema = "marts"\nmaterialized = "table"',
        'schema = "marts"\nmaterialized = "view"',
        dict.fromkeys(MARTS | {"model_calibration"}, "config"),
        {"delay_chart"},
        MARTS | {"model_calibration"},
    ),
}


@pytest.fixture(scope="module")
def reconciled(example, tmp_path_factory) -> Project:
    """The example project as it was run, in a folder where it may be edited."""
    root = tmp_path_factory.mktemp("edited") / "example_project"
    shutil.copytree(example.root, root)
    project = Project(root)
    project.dovetail("reconcile")
    return project


@pytest.mark.parametrize("edit", EDITS)
def test_the_plan_is_what_the_edit_means(reconciled, edit):
    path, text, other, built, checked, changed = EDITS[edit]
    file = reconciled.root / path
    before = file.read_text(encoding="utf-8")
    assert before.count(text) == 1, path
    file.write_text(before.replace(text, other), encoding="utf-8")

    plan = reconciled.json("plan", "--output", "json")
    assert {step["asset"]: step["causes"][0]["cause"] for step in plan if step["action"] == "build"} == built
    assert {step["asset"] for step in plan if step["action"] == "check"} == checked

    lines = reconciled.dovetail("reconcile").stderr.splitlines()
    done = {line.split()[1] for line in lines if line.startswith("ok ")}
    left = {line.split()[1] for line in lines if line.startswith("same ")}
    assert done | left == set(built) | checked
    # A chart is drawn anew where one number of its marts is another; whether one is depends on rounding.
    assert done - {"delay_chart"} == changed - {"delay_chart"}
    reconciled.dovetail("status")

    file.write_text(before, encoding="utf-8")
    reconciled.dovetail("reconcile")
