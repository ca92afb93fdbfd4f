"""What programs for Keras import from `keras.utils`: the same objects as elsewhere here."""

from lstm.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from lstm.data import PyDataset, pad_sequences, timeseries_dataset_from_array, to_categorical
from lstm.data import PyDataset as Sequence
from lstm.diagram import plot_model
from lstm.seeding import set_seed as set_random_seed

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "get_custom_objects",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]
