"""Data to learn from: tasks, windows over any series, texts; sequences and classes as arrays."""

from lstm.data.addition import addition, irreducible_loss
from lstm.data.corpora import offline_corpus, shakespeare
from lstm.data.one_hot import to_categorical
from lstm.data.padding import pad_sequences
from lstm.data.progression import progression, progression_dataset
from lstm.data.py_dataset import PyDataset
from lstm.data.timeseries import TimeseriesGenerator, timeseries_dataset_from_array
from lstm.data.windows import next_step_windows, windows

__all__ = [
    "PyDataset",
    "TimeseriesGenerator",
    "addition",
    "irreducible_loss",
    "next_step_windows",
    "offline_corpus",
    "pad_sequences",
    "progression",
    "progression_dataset",
    "shakespeare",
    "timeseries_dataset_from_array",
    "to_categorical",
    "windows",
]
