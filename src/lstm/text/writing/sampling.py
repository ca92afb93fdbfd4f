"""Sampling: the options that say how tokens are drawn, described once in `generate`."""

from typing import TypedDict, Unpack

from lstm import checks
from lstm.backends.contract import Choice


class ChoiceOptions(TypedDict, total=False):
    """How to choose a token from its logits, beside the temperature; defaults as in `Choice`."""

    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float


class SamplingOptions(ChoiceOptions, total=False):
    """The keyword arguments of all methods that draw tokens."""

    repetition_window: int
    seed: int | None


def checked_choice(temperature: float, **options: Unpack[ChoiceOptions]) -> Choice:
    """Return the choice, in numbers that the backends accept.

    Raises:
        InvalidValueError: an argument is out of range.
    """
    choice = Choice(temperature, **options)
    return Choice(
        checks.number("temperature", choice.temperature, 0),
        min(checks.int_at_least("top_k", choice.top_k, 0), 2**31),  # No vocabulary is as large.
        checks.number("top_p", choice.top_p, 0, 1, open_low=True),
        checks.number("min_p", choice.min_p, 0, 1),
        checks.number("repetition_penalty", choice.repetition_penalty, 0, open_low=True),
    )
