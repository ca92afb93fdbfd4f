"""Beam search: the most probable continuation of a text that can be found side by side."""

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
    """A number of texts that can be followed side by side.

    Raises:
        InvalidTypeError, InvalidValueError: it is not an integer from 1 to 4096.
    """
    count = checks.positive_int(argument, width)
    if count > _WIDEST:
        raise InvalidValueError(argument, f"an integer from 1 to {_WIDEST}", count)
    return count


class Continuation(NamedTuple):
    """How a text goes on.

    Attributes:
        text: the text.
        log_probability: natural logarithm of its probability; where a stop string ended it, of all
            tokens up to the end of that.
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
    """The most probable continuation that is found.

    At every step each of the `width` most probable texts is continued by every token, and the
    `width` most probable of all these remain. A text that comes to a stop string is complete. The
    search ends at `length` tokens, or where no other text is more probable than the best complete
    one: none gains by going on.

    Args:
        model: the language model.
        prompt: tokens (T,) that stand before, at least one.
        space: whether a space follows them that the first token brings along.
        length: tokens to write at most.
        width: number of texts that are followed side by side, K.
        stops: strings before which a text ends.

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
