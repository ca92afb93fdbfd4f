"""Models: graphs of layers to train, run, step through and save."""

from lstm.models.loading import load_model
from lstm.models.model import Model
from lstm.models.sequential import Sequential
from lstm.models.state import State
from lstm.models.stream import Stream

__all__ = ["Model", "Sequential", "State", "Stream", "load_model"]
