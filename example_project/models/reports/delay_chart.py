"""The report: one chart, drawn from the marts."""

import polars as pl
from dovetail import asset
from dovetail.io import FileIO
from matplotlib.axes import Axes
from matplotlib.figure import Figure


@asset(materialized="object", io_manager=FileIO("delay_chart.svg"), tags=["report"])
def delay_chart(delay_by_hour: pl.DataFrame, model_calibration: pl.DataFrame) -> Figure:
    """Delays during the day, and how far the model can be trusted."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    day, trust = figure.subplots(1, 2)
    draw_day(day, delay_by_hour)
    draw_calibration(trust, model_calibration)
    return figure


def draw_day(axes: Axes, delay_by_hour: pl.DataFrame) -> None:
    for (origin,), hours in delay_by_hour.sort("hour_of_day").group_by("origin", maintain_order=True):
        axes.plot(hours["hour_of_day"], hours["late_share"] * 100, marker="o", markersize=3, label=origin)
    axes.set(title="Late arrivals by hour of departure", xlabel="hour of the day", ylabel="late flights, %")
    axes.set(xticks=range(5, 24, 2), ylim=(0, None))
    axes.legend()


def draw_calibration(axes: Axes, model_calibration: pl.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], linestyle="dotted", color="gray", label="perfect")
    axes.plot(model_calibration["predicted"], model_calibration["observed"], marker="o", label="days held back")
    axes.set(title="Predicted and observed", xlabel="predicted share of late flights", ylabel="observed")
    axes.legend()
