"""What programs for Keras import from `keras.preprocessing.sequence`."""

from lstm.data import TimeseriesGenerator, pad_sequences

__all__ = ["TimeseriesGenerator", "pad_sequences"]
