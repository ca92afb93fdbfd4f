"""Beam search: the most probable continuation of a text among several followed in parallel."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.text.log_probabilities import log_of, log_of_spaced
from lstm.text.token_model import TokenModel
from lstm.text.writing.generation import gathered
from lstm.text.writing.stopping import before_stop

_WIDEST = 4096


def checked_width(argument: str, width: object) -> int:
    """Return `width`, checked: the number of texts to follow in parallel.

    Raises:
        InvalidTypeError, InvalidValueError: `width` is not an integer from 1 to 4096.
    """
    count = checks.positive_int(argument, width)
    if count > _WIDEST:
        raise InvalidValueError(argument, f"an integer from 1 to {_WIDEST}", count)
    return count


class Continuation(NamedTuple):
    """A continuation of a text.

    Attributes:
        text: the text.
        log_probability: natural logarithm of its probability; if a stop string ended it, of all
            tokens up to the end of the stop string.
    """

    text: str
    log_probability: float


def beam_search(
    model: TokenModel,
    prompt: NDArray[np.int64],
    space: bool,
    length: int,
    width: int,
    stops: Sequence[str],
) -> Continuation:
    """Return the most probable continuation found.

    At every step, each of the `width` most probable texts is continued with every token, and the
    `width` most probable results remain. A text that reaches a stop string is complete. The search
    ends at `length` tokens, or when no other text is more probable than the best complete one:
    texts only lose probability as they continue.

    Args:
        model: the language model.
        prompt: the tokens (T,) before, at least one.
        space: whether they end with a space that belongs to the first token.
        length: largest number of tokens to write.
        width: number of texts to follow in parallel, K.
        stops: stop strings; a text ends before the first.

    Source:
        Lowerre, "The Harpy speech recognition system", 1976.
    """
    vocabulary = model.vocabulary
    state = model.read(prompt[None, :-1], model.model.initial_state(1))
    last, tokens, scores = prompt[-1:], np.empty((1, 0), np.int64), np.zeros(1)
    complete: Continuation | None = None

    def text_of(row: NDArray[np.int64]) -> str:
        return vocabulary.decoder().decode(row)[int(space) :]

    for step in range(length):
        z, state = model.advance(last[:, None], state)
        p = model.probabilities(z[:, 0])
        logs = log_of_spaced(model, p) if space and step == 0 else log_of(p)
        candidates = scores[:, None] + logs
        if vocabulary.unknown is not None:
            candidates[:, vocabulary.unknown] = -np.inf
        best = np.argsort(-candidates, axis=None, kind="stable")[:width]
        parents, last = np.divmod(best[np.isfinite(candidates.flat[best])], len(vocabulary))
        tokens, scores = np.append(tokens[parents], last[:, None], 1), candidates[parents, last]
        followed = []
        for k, row in enumerate(tokens):
            before = before_stop(text_of(row), stops) if stops else None
            if complete is not None and scores[k] <= complete.log_probability:
                break
            if before is None:
                followed.append(k)
            else:
                complete = Continuation(before, float(scores[k]))
        if complete is not None and not followed:
            return complete
        last, tokens, scores = last[followed], tokens[followed], scores[followed]
        state = gathered(state, parents[followed])
    return Continuation(text_of(tokens[0]), float(scores[0]))
