"""Log-probabilities: how probable a model finds each token of a text."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm.text.token_model import TokenModel

_AT_ONCE = 1 << 20
"""Probabilities to compute at a time, so that memory does not grow with the text."""


class TokenLogProbability(NamedTuple):
    """A token of a text.

    Attributes:
        token: its text.
        log_probability: natural logarithm of the probability that the model gave it, given
            everything before it.
    """

    token: str
    log_probability: float


def log_of(p: NDArray[Any]) -> NDArray[np.float64]:
    """Return log p; numbers too small for the dtype count as the smallest normal number."""
    return np.log(np.maximum(p, np.finfo(p.dtype).tiny), dtype=np.float64)


def log_of_spaced(model: TokenModel, p: NDArray[Any]) -> NDArray[np.float64]:
    """Return log of p (..., V) if the token starts with a space, as an unknown one may."""
    vocabulary = model.vocabulary
    possible = vocabulary.spaced.copy()
    if vocabulary.unknown is not None:
        possible[vocabulary.unknown] = True
    logs = log_of(p) - log_of(p[..., possible].sum(-1, keepdims=True))
    return np.where(possible, logs, -np.inf)


def log_probabilities(
    model: TokenModel, prompt: NDArray[np.int64], tokens: NDArray[np.int64], space: bool
) -> list[TokenLogProbability]:
    """Return the log-probability of each token (T,) after those of a prompt, at least one.

    `space` says whether the prompt ends with a space that belongs to the first token.
    """
    state = model.read(prompt[None, :-1], model.model.initial_state(1))
    before = np.append(prompt[-1:], tokens[:-1])
    logs = np.empty(len(tokens))
    at_once = max(1, _AT_ONCE // len(model.vocabulary))
    for start in range(0, len(tokens), at_once):
        part = slice(start, start + at_once)
        z, state = model.advance(before[None, part], state)
        p = model.probabilities(z)
        logs[part] = log_of(np.take_along_axis(p[0], tokens[part, None], 1)[:, 0])
        if space and start == 0:
            given = log_of_spaced(model, p[0, 0])[tokens[0]]
            # Some tokenizers skip spaces before signs.
            logs[0] = given if np.isfinite(given) else logs[0]
    known = {token: model.vocabulary.decode([token]) for token in set(tokens.tolist())}
    texts = [known[token] for token in tokens.tolist()]
    if space:
        texts[:1] = [text.removeprefix(" ") for text in texts[:1]]
    return list(map(TokenLogProbability, texts, logs.tolist()))
