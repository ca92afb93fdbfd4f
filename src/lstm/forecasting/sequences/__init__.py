"""Whole sequences: their class, or numbers that belong to them, learned from examples."""

from lstm.forecasting.sequences.classifier import LSTMClassifier
from lstm.forecasting.sequences.regressor import LSTMRegressor

__all__ = ["LSTMClassifier", "LSTMRegressor"]
