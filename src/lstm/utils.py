"""What programs for Keras import from `keras.utils`: mostly the same objects as elsewhere here."""

from typing import TYPE_CHECKING

from lstm.absent_names import answering
from lstm.backend_names import clear_session
from lstm.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from lstm.data import PyDataset, pad_sequences, timeseries_dataset_from_array, to_categorical
from lstm.data import PyDataset as Sequence
from lstm.diagram import plot_model
from lstm.old_paths import lead_to
from lstm.seeding import set_seed as set_random_seed

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)
    lead_to(__name__)


__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]
