"""A model of late arrivals: trained once, kept as an object, asked what it is worth, applied batch by batch."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
from dovetail import CheckResult, Relation, asset, check
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
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


@check("delay_model")
def delay_model_is_worth_asking(delay_model: Pipeline, flight_features: pl.LazyFrame) -> CheckResult:
    """It knows something of days that it has not seen, and nothing that one cannot know before a flight leaves."""
    quality = {}
    for split in ("train", "test"):
        flights = (
            flight_features.filter(pl.col("split") == split)
            .select("flight_id", "is_late", *FEATURES)
            .collect()
            .sort("flight_id")
            .gather_every(10)
            .to_pandas()
        )
        quality[split] = roc_auc_score(flights["is_late"], delay_model.predict_proba(flights[FEATURES])[:, 1])
    # An area of 0.5 is chance. Near 1 it has seen the answers; and it knows the days best that it has learned from.
    passed = 0.65 < quality["test"] < 0.85 and quality["test"] < quality["train"]
    message = f"area under the curve: {quality['train']:.3f} where it learned, {quality['test']:.3f} on days held back"
    return CheckResult(passed, message=message, metadata=quality)


@asset(columns={"flight_id": "VARCHAR", "late_probability": "DOUBLE"})
def delay_predictions(flight_features: Iterator[pa.RecordBatch], delay_model: Pipeline) -> Iterator[pl.DataFrame]:
    """Probability that a flight arrives late, by flight."""
    for batch in flight_features:
        flights = pl.DataFrame(batch)
        probability = delay_model.predict_proba(flights.select(FEATURES).to_pandas())[:, 1]
        yield flights.select("flight_id", late_probability=pl.Series(probability))


@check
def predictions_belong_to_their_flights(delay_predictions: Relation, flight_features: Relation) -> bool:
    """Flights that were late had, on average, a higher probability than those that were not."""
    means = delay_predictions.join(flight_features, "flight_id").aggregate(
        "avg(late_probability) filter (is_late), avg(late_probability) filter (not is_late)"
    )
    late, punctual = means.fetchone()
    return late > punctual + 0.1
