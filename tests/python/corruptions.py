"""Mistakes that people make, each as an edit of the example project or of its data, and what catches it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Corruption:
    """A text of a file that becomes another one.

    ``caught_by`` are checks that refuse what would be published, ``unit_test`` is a unit test that fails before that is
    built. Where there is neither, the project's pytest does. There may be more that do.
    """

    path: str
    old: str
    new: str
    caught_by: tuple[str, ...] = field(default=())
    unit_test: str | None = None


def edit(path: str, old: str, new: str, *caught_by: str, unit_test: str | None = None) -> Corruption:
    return Corruption(path, old, new, caught_by, unit_test)


def data(file: str, change: str, *caught_by: str) -> Corruption:
    """Another content of a raw file: ``change`` is an expression of polars over the frame `t` that it holds."""
    old = f'return open_file("{file}.csv")'
    new = f'import polars as pl\n\n    t = pl.DataFrame(open_file("{file}.csv").read_all())\n    return {change}'
    return edit("models/raw/nycflights13.py", old, new, *caught_by)


BANDS = "seeds/delay_bands.csv"
RAW = "models/raw/nycflights13.py"
UNITS = "macros/units.sql"
FLIGHTS = "models/staging/stg_flights.sql"
WEATHER = "models/staging/stg_weather.sql"
PLANES = "models/staging/stg_planes.sql"
AIRPORTS = "models/staging/stg_airports.sql"
FEATURES = "models/features/flight_features.sql"
ML = "models/ml/delays.py"
CARRIER = "models/marts/delay_by_carrier.sql"
HOUR = "models/marts/delay_by_hour.sql"
BAND = "models/marts/delay_by_band.sql"
CALIBRATION = "models/marts/model_calibration.sql"
CHART = "models/reports/delay_chart.py"
ROUTES = "models/marts/worst_routes.sql"

SEEDS = {
    "a seed that lost its last line": edit(BANDS, "half a day gone,180,\n", "", "adjoining_delay_bands"),
    "a gap between two bands": edit(BANDS, "late,15,60", "late,15,50", "adjoining_delay_bands"),
    "two bands that overlap": edit(BANDS, "very late,60,180", "very late,50,180", "adjoining_delay_bands"),
    "a line that stands twice": edit(
        BANDS, "on time,0,15\n", "on time,0,15\non time,0,15\n", "unique_delay_bands_band"
    ),
    "a band without a name": edit(BANDS, "early,,0", ",,0", "not_null_delay_bands_band"),
    "hours among minutes": edit(BANDS, "half a day gone,180,", "half a day gone,3,", "adjoining_delay_bands"),
}

RAW_DATA = {
    "a file without its last day": data(
        "flights", 't.filter(~((pl.col("month") == 12) & (pl.col("day") == 31)))', "row_count_flights"
    ),
    "one lost row": data("flights", "t.slice(1)", "row_count_flights"),
    "kilometres for miles": data(
        "flights",
        't.with_columns((pl.col("distance") * 1.609344).round().cast(pl.Int64))',
        "flights_fly_at_a_possible_speed",
    ),
    "departure and arrival swapped": data(
        "flights", 't.rename({"dep_delay": "arr_delay", "arr_delay": "dep_delay"})', "flights_times_agree"
    ),
    "origin and destination swapped": data(
        "flights", 't.rename({"origin": "dest", "dest": "origin"})', "accepted_values_flights_origin__EWR__JFK__LGA"
    ),
    "a flipped sign": data("flights", 't.with_columns(-pl.col("arr_delay"))', "distribution_flights_arr_delay"),
    "seconds for minutes": data(
        "flights", 't.with_columns(pl.col("dep_delay", "arr_delay") * 60)', "distribution_flights_dep_delay"
    ),
    "the clock of New York read as UTC": data(
        "flights",
        't.with_columns(pl.col("time_hour").dt.convert_time_zone("America/New_York").dt.replace_time_zone("UTC"))',
        "flights_hours_are_new_york",
    ),
    "a NULL among the carriers": data(
        "flights",
        't.with_columns(pl.when(pl.int_range(pl.len()) != 77).then(pl.col("carrier")).alias("carrier"))',
        "not_null_flights_carrier",
    ),
    "a text for what is missing": edit(
        RAW,
        "convert_options=csv.ConvertOptions(strings_can_be_null=True),",
        "convert_options=csv.ConvertOptions(strings_can_be_null=False),",
        "flights_missing_is_null",
    ),
    "an hour of weather that stands twice": data(
        "weather", "pl.concat([t, t.head(1)])", "unique_weather_origin__time_hour"
    ),
    "weather in Celsius": data("weather", 't.with_columns((pl.col("temp") - 32) * 5 / 9)', "distribution_weather_temp"),
    "weather of two airports only": data("weather", 't.filter(pl.col("origin") != "LGA")', "row_count_weather"),
    "an aircraft that was registered twice": data("planes", "pl.concat([t, t.slice(9, 1)])", "unique_planes_tailnum"),
    "half a register": data("planes", "t.head(1661)", "relationships_flights_tailnum"),
    "altitudes in metres": data(
        "airports", 't.with_columns((pl.col("alt") * 0.3048).cast(pl.Int64))', "distribution_airports_alt"
    ),
    "a duplicated key": data("airports", "pl.concat([t, t.tail(1)])", "unique_airports_faa"),
    "a carrier that is missing": data("airlines", 't.filter(pl.col("carrier") != "HA")', "row_count_airlines"),
    "codes and names swapped": data(
        "airlines", 't.rename({"carrier": "name", "name": "carrier"})', "relationships_flights_carrier"
    ),
}

STAGING = {
    "the wrong time zone": edit(
        "dovetail.toml", "America/New_York", "America/Chicago", "stg_flights_clock_and_instant_agree"
    ),
    "hours of 100 minutes": edit(
        UNITS, "// 100 * 60 + {{ hhmm }} % 100", "// 1", "stg_flights_clock_and_instant_agree"
    ),
    "miles that stay miles": edit(
        FLIGHTS, "{{ kilometres('distance', 0) }}::integer", "distance::integer", "distribution_stg_flights_distance_km"
    ),
    "a filter too many": edit(
        FLIGHTS, "from flights", "from flights\nwhere dep_time is not null", "accounts_for_stg_flights"
    ),
    "a flipped condition": edit(
        FLIGHTS, "dep_time is null as", "dep_time is not null as", "stg_flights_cancelled_never_arrive"
    ),
    "a key without one of its parts": edit(
        FLIGHTS, ", '%Y%m%d'), origin)", ", '%Y%m%d'))", "unique_stg_flights_flight_id"
    ),
    "a delay copied from the line above": edit(
        FLIGHTS,
        "arr_delay as arrival_delay",
        "dep_delay as arrival_delay",
        unit_test="late_begins_after_a_quarter_of_an_hour",
    ),
    "a threshold off by one": edit(
        FLIGHTS, "arr_delay > {{", "arr_delay >= {{", unit_test="late_begins_after_a_quarter_of_an_hour"
    ),
    "Fahrenheit the wrong way round": edit(UNITS, "* 5 / 9", "* 9 / 5", "distribution_stg_weather_temperature_c"),
    "a hurricane that was let in": edit(
        WEATHER, "wind_speed < 150", "wind_speed < 1500", "distribution_stg_weather_wind_kmh"
    ),
    "centimetres for millimetres": edit(WEATHER, "precip * 25.4", "precip * 2.54", "distribution_stg_weather_rain_mm"),
    "weather of the hour before": edit(
        WEATHER, "time_hour as hour", "time_hour + interval 1 hour as hour", unit_test="weather_is_metric"
    ),
    "a maker in the wrong case": edit(PLANES, "'AIRBUS%'", "'Airbus%'", "stg_planes_makers_are_known"),
    "divided instead of multiplied": edit(
        AIRPORTS, "alt * 0.3048", "alt / 0.3048", "distribution_stg_airports_altitude_m"
    ),
}

FEATURES_AND_MODEL = {
    "flights without weather lost": edit(
        FEATURES, "left join stg_weather", "join stg_weather", "accounts_for_flight_features"
    ),
    "flights without aircraft lost": edit(
        FEATURES, "left join stg_planes", "join stg_planes", "accounts_for_flight_features"
    ),
    "a join that doubles": edit(
        FEATURES,
        "on stg_weather.origin = departures.origin\n  and stg_weather.hour",
        "on stg_weather.hour",
        "unique_flight_features_flight_id",
    ),
    "flights that never arrived": edit(
        FEATURES, "where departures.arrival_delay is not null", "", "not_null_flight_features_is_late"
    ),
    "days on both sides": edit(
        FEATURES, "day(scheduled_local) <= 20", "hash(departures.flight_id) % 3 > 0", "days_are_held_back_whole"
    ),
    "a window over all airports": edit(
        FEATURES,
        "partition by origin, scheduled_hour",
        "partition by scheduled_hour",
        "distribution_flight_features_departures",
    ),
    "the age with its sign flipped": edit(
        FEATURES, "2013 - stg_planes.built_in", "stg_planes.built_in - 2013", "distribution_flight_features_plane_age"
    ),
    "hours of UTC": edit(
        FEATURES,
        "hour(scheduled_local)",
        "hour(scheduled_at at time zone 'UTC')",
        "distribution_flight_features_hour_of_day",
    ),
    "weeks that begin with a zero": edit(FEATURES, "isodow(", "dayofweek(", "distribution_flight_features_weekday"),
    "the day for the month": edit(
        FEATURES, "month(scheduled_local)", "day(scheduled_local)", "distribution_flight_features_month"
    ),
    "a feature that is known after landing": edit(
        FEATURES,
        "stg_weather.visibility_km",
        "departures.arrival_delay as visibility_km",
        "delay_model_is_worth_asking",
    ),
    "trained on the days held back": edit(
        ML,
        'flight_features.filter(pl.col("split") == "train")',
        "flight_features.filter(pl.col('split') == 'test')",
        "delay_model_is_worth_asking",
    ),
    "answers in another order than questions": edit(
        ML, 'training["is_late"])', 'training["is_late"].sort_values())', "delay_model_is_worth_asking"
    ),
    "the other column of two": edit(
        ML,
        ".to_pandas())[:, 1]\n        yield",
        ".to_pandas())[:, 0]\n        yield",
        "distribution_delay_predictions_late_probability",
    ),
    "a line that slipped out of its loop": edit(
        ML, "        yield flights.select", "    yield flights.select", "accounts_for_delay_predictions"
    ),
    "predictions of other flights": edit(
        ML, "pl.Series(probability))", "pl.Series(probability[::-1]))", "predictions_belong_to_their_flights"
    ),
}

MARTS = {
    "flights without a prediction lost": edit(
        CARRIER, "left join delay_predictions", "join delay_predictions", "delay_by_carrier_cancelled"
    ),
    "the wrong ones counted": edit(
        CARRIER, "filter (is_cancelled)", "filter (not is_cancelled)", "delay_by_carrier_cancelled"
    ),
    "early is late": edit(
        CARRIER, "avg(arrival_delay)", "avg(-arrival_delay)", "distribution_delay_by_carrier_mean_delay"
    ),
    "a sum for a mean": edit(
        CARRIER, "avg(is_late::integer)", "sum(is_late::integer)", "distribution_delay_by_carrier_late_share"
    ),
    "minutes without their tenths": edit(
        CARRIER, "avg(arrival_delay), 1)", "avg(arrival_delay), 0)", unit_test="a_carrier_has_all_its_flights"
    ),
    "what was cancelled counts as flown": edit(
        HOUR, "where not is_cancelled\n", "", "accounts_for_delay_by_hour_flights"
    ),
    "the delay of the other end": edit(
        HOUR, "avg(departure_delay)", "avg(arrival_delay)", unit_test="an_hour_is_that_of_the_schedule"
    ),
    "hours of another zone": edit(
        HOUR, "hour(scheduled_local)", "hour(scheduled_at at time zone 'UTC')", "distribution_delay_by_hour_hour_of_day"
    ),
    "edges in two bands": edit(BAND, "< coalesce(below", "<= coalesce(below", "accounts_for_delay_by_band_flights"),
    "a missing bound read as zero": edit(BAND, "'-infinity'::double", "0", "accounts_for_delay_by_band_flights"),
    "percent for shares": edit(BAND, "over (), 3)", "over () * 100, 1)", "distribution_delay_by_band_share"),
    "a band that disappears when it is empty": edit(
        BAND, "left join", "join", unit_test="a_band_ends_where_the_next_begins"
    ),
    "days that the model has seen": edit(
        CALIBRATION, "where split = 'test'\n", "", "accounts_for_model_calibration_flights"
    ),
    "rounded up instead of down": edit(CALIBRATION, "floor(", "round(", "model_calibration_predicted_is_in_its_tenth"),
    "the best for the worst": edit(
        ROUTES, "avg(arrival_delay) desc) <= 3", "avg(arrival_delay)) <= 3", "distribution_worst_routes_mean_delay"
    ),
    "routes that hardly anybody flies": edit(ROUTES, ">= 180", ">= 18", "distribution_worst_routes_flights"),
    "two instead of three": edit(ROUTES, "<= 3", "< 3", "row_count_worst_routes"),
    "the worst of all airports together": edit(ROUTES, "partition by origin order", "order", "row_count_worst_routes"),
    "one flight too few": edit(ROUTES, ">= 180", "> 180", unit_test="the_worst_three_that_are_flown_often"),
}

REPORTS = {
    "a share for a percentage": edit(CHART, 'hours["late_share"] * 100', 'hours["late_share"]'),
    "axes swapped": edit(
        CHART, '["predicted"], model_calibration["observed"]', '["observed"], model_calibration["predicted"]'
    ),
}

CORRUPTIONS = SEEDS | RAW_DATA | STAGING | FEATURES_AND_MODEL | MARTS | REPORTS
