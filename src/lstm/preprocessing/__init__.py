"""What programs for Keras import from `keras.preprocessing`: the same objects as elsewhere here."""

from lstm.data import timeseries_dataset_from_array
from lstm.preprocessing import sequence, text

__all__ = ["sequence", "text", "timeseries_dataset_from_array"]
