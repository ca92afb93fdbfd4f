"""What to use in place of the data that Keras downloads."""

from typing import TYPE_CHECKING

from lstm.absent_names import answering

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)

__all__: list[str] = []
