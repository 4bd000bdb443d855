"""What the chart shows, for numbers that one can follow: `python -m pytest tests`, in the project's folder.

A figure is no table that a property file could describe. But an asset function is a function: a test calls it.
"""

import polars as pl
from models.reports.delay_chart import delay_chart


def test_the_chart_shows_percent_by_hour_and_what_happened_over_what_was_predicted():
    hours = pl.DataFrame({"origin": ["JFK", "JFK"], "hour_of_day": [7, 6], "late_share": [0.25, 0.1]})
    tenths = pl.DataFrame({"predicted": [0.15, 0.35], "observed": [0.12, 0.31]})
    day, trust = delay_chart(hours, tenths).axes
    [kennedy] = day.lines
    assert kennedy.get_label() == "JFK"
    assert kennedy.get_xydata().tolist() == [[6, 10], [7, 25]]
    assert trust.lines[-1].get_xydata().tolist() == [[0.15, 0.12], [0.35, 0.31]]
