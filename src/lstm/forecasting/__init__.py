"""Forecasts of series, from a table to a table, beside simple forecasts and honest measures."""

from lstm.forecasting import baselines, metrics
from lstm.forecasting.detector import AlarmStream, Detector
from lstm.forecasting.forecaster import LSTMForecaster
from lstm.forecasting.scores import scores
from lstm.forecasting.tables import Table, read_table
from lstm.forecasting.windows import TimeSeriesWindows

__all__ = [
    "AlarmStream",
    "Detector",
    "LSTMForecaster",
    "Table",
    "TimeSeriesWindows",
    "baselines",
    "metrics",
    "read_table",
    "scores",
]
