"""Forecasts of series, from a table to a table, beside simple forecasts and honest measures."""

from lstm.forecasting import baselines, metrics
from lstm.forecasting.forecaster import LSTMForecaster
from lstm.forecasting.scores import scores
from lstm.forecasting.tables import Table, read_table

__all__ = ["LSTMForecaster", "Table", "baselines", "metrics", "read_table", "scores"]
