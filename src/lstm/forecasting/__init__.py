"""Series: honest forecasts from a table to a table, and what whole sequences say."""

from lstm.forecasting import baselines, metrics
from lstm.forecasting.detector import AlarmStream, Detector
from lstm.forecasting.forecaster import LSTMForecaster
from lstm.forecasting.scores import scores
from lstm.forecasting.sequences import LSTMClassifier, LSTMRegressor
from lstm.forecasting.tables import Table, read_table
from lstm.forecasting.windows import TimeSeriesWindows

__all__ = [
    "AlarmStream",
    "Detector",
    "LSTMClassifier",
    "LSTMForecaster",
    "LSTMRegressor",
    "Table",
    "TimeSeriesWindows",
    "baselines",
    "metrics",
    "read_table",
    "scores",
]
