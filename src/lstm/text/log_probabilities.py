"""How probable a model finds each token of a text."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm.text.stack import read

if TYPE_CHECKING:
    from lstm.text.language_model import LanguageModel

_AT_ONCE = 1 << 20
"""Probabilities that are computed at a time: memory does not grow with the length of a text."""


class TokenLogProbability(NamedTuple):
    """A token of a text.

    Attributes:
        token: its text.
        log_probability: natural logarithm of the probability that the model gave it, knowing all
            that stands before it.
    """

    token: str
    log_probability: float


def log_of(p: NDArray[Any]) -> NDArray[np.float64]:
    """log p, where what is too small for the dtype counts as the smallest normal number."""
    return np.log(np.maximum(p, np.finfo(p.dtype).tiny), dtype=np.float64)


def log_probabilities(
    model: "LanguageModel", prompt: NDArray[np.int64], tokens: NDArray[np.int64]
) -> list[TokenLogProbability]:
    """The log-probability of each token (T,) after those of a prompt, of which there is one."""
    state = read(model, prompt[None, :-1], model.model.initial_state(1))
    before = np.append(prompt[-1:], tokens[:-1])
    logs = np.empty(len(tokens))
    at_once = max(1, _AT_ONCE // len(model.vocabulary))
    for start in range(0, len(tokens), at_once):
        part = slice(start, start + at_once)
        p, state = model.model.step(before[None, part], state)
        logs[part] = log_of(np.take_along_axis(p[0], tokens[part, None], 1)[:, 0])
    texts = {token: model.vocabulary.decode([token]) for token in set(tokens.tolist())}
    return [
        TokenLogProbability(texts[token], log)
        for token, log in zip(tokens.tolist(), logs.tolist(), strict=True)
    ]
