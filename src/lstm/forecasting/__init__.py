"""Forecasts of series, from a table to a table, beside simple forecasts and honest measures."""

from lstm.forecasting import baselines, metrics
from lstm.forecasting.forecaster import LSTMForecaster

__all__ = ["LSTMForecaster", "baselines", "metrics"]
