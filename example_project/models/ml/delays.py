"""A model of late arrivals: trained once, kept as an object, applied batch by batch."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
from dovetail import asset
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

CATEGORIES = ["carrier", "origin", "destination"]
NUMBERS = [
    "distance_km",
    "month",
    "weekday",
    "hour_of_day",
    "departures_in_hour",
    "plane_age",
    "seats",
    "temperature_c",
    "humidity",
    "wind_kmh",
    "rain_mm",
    "pressure_hpa",
    "visibility_km",
]
FEATURES = CATEGORIES + NUMBERS


@asset(materialized="object")
def delay_model(flight_features: pl.LazyFrame) -> Pipeline:
    """Predicts whether a flight will arrive late, from what is known before it leaves."""
    # A lazy frame: the filter and the choice of columns run inside DuckDB.
    training = (
        flight_features.filter(pl.col("split") == "train")
        .select("flight_id", "is_late", *FEATURES)
        .collect()
        # Every fourth flight is plenty. In a fixed order, so that the same data gives the same model.
        .sort("flight_id")
        .gather_every(4)
        .to_pandas()
    )
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        make_column_transformer((encoder, CATEGORIES), ("passthrough", NUMBERS)),
        HistGradientBoostingClassifier(max_iter=120, random_state=13),
    )
    return model.fit(training[FEATURES], training["is_late"])


@asset(columns={"flight_id": "VARCHAR", "late_probability": "DOUBLE"})
def delay_predictions(flight_features: Iterator[pa.RecordBatch], delay_model: Pipeline) -> Iterator[pl.DataFrame]:
    """Probability that a flight arrives late, by flight."""
    for batch in flight_features:
        flights = pl.DataFrame(batch)
        probability = delay_model.predict_proba(flights.select(FEATURES).to_pandas())[:, 1]
        yield flights.select("flight_id", late_probability=pl.Series(probability))
