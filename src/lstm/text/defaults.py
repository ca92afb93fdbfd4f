"""What is chosen for the size of a text and the time, where the user does not choose."""

from collections.abc import Mapping
from typing import Any

from lstm.text.options import Architecture, TrainingOptions, chosen


def choose(given: Mapping[str, Any], tokens: int) -> tuple[Architecture, TrainingOptions]:
    """The options that are given, with the others chosen.

    Args:
        given: arguments of `Architecture` and `TrainingOptions`.
        tokens: number of tokens of the text.
    """
    return chosen(given)
