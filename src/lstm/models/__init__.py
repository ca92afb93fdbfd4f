"""Models: graphs of layers to train, run, step through and save."""

from typing import TYPE_CHECKING

from lstm.models.cloning import clone_model, model_from_json
from lstm.models.loading import load_model, save_model
from lstm.models.model import Model
from lstm.models.sequential import Sequential
from lstm.models.state import State
from lstm.models.stream import Stream
from lstm.old_paths import lead_to

if not TYPE_CHECKING:
    lead_to(__name__)

__all__ = [
    "Model",
    "Sequential",
    "State",
    "Stream",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]
