"""Models: graphs of layers to train, run, step through and save."""

from lstm.models.model import Model, load_model
from lstm.models.sequential import Sequential
from lstm.models.state import State

__all__ = ["Model", "Sequential", "State", "load_model"]
