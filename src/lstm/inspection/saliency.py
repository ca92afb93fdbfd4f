"""Saliency: the tokens on which a prediction rests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.inspection.probe import Probe
from lstm.text import LanguageModel
from lstm.text.normalization import normalized


@dataclass(frozen=True)
class Saliency:
    """How much each token of a context speaks for the token that follows.

    Attributes:
        pieces: the text of each token, (T).
        target: the text of the next token.
        probability: its probability in the model.
        values: (T,), the loss of log p, to first order, if the vector of the token becomes zero:
            the gradient times the vector. Positive speaks for the target, negative against it.
        norms: (T,), the length of the gradient of log p with respect to the vector.
    """

    pieces: tuple[str, ...]
    target: str
    probability: float
    values: NDArray[np.float64]
    norms: NDArray[np.float64]


def saliency(model: LanguageModel, text: str, target: str | None = None) -> Saliency:
    """Measure which tokens of a text make a model expect the next one.

    Args:
        model: a language model.
        text: the context; all of it is read at once.
        target: the text that follows; only its first token counts. None uses the most probable
            token.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidShapeError: the text is empty.
        InvalidValueError: `target` is empty, the vocabulary cannot encode it, or the model has
            several Embeddings.

    Source:
        Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks", 2014 (the gradient);
        Shrikumar et al., "Not just a black box", 2016 (times the input).

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=4, seed=0)
        >>> found = lstm.inspection.saliency(model, "abra", target="c")
        >>> found.pieces, found.values.shape
        (('a', 'b', 'r', 'a'), (4,))
    """
    if not isinstance(model, LanguageModel):
        raise InvalidTypeError("model", "a LanguageModel", type(model).__name__)
    vocabulary, probe = model.vocabulary, Probe(model.model)
    checks.string("text", text)
    tokens, space = vocabulary.encode_open(normalized(text))
    if not len(tokens):
        raise InvalidShapeError("text", "at least one token", "none")
    looked_up = [
        (n.layer, n.outputs[0]) for n in model.model.graph.nodes if n.layer and n.layer.reads_tokens
    ]
    if len(looked_up) != 1:
        raise InvalidValueError("model", "one Embedding, called once", f"{len(looked_up)} calls")
    ((embedding, vectors),) = looked_up
    run, trace = probe.forward(tokens[None], keep_cache=True)
    y = run.ops.to_numpy(trace.outputs[0])[0, -1]
    p = model.probabilities_of_output(y)
    # A word includes the space before it: a space at the end belongs to the next token.
    chosen = int(np.where(vocabulary.spaced, p, 0).argmax() if space else p.argmax())
    if target is not None:
        checks.string("target", target)
        following = normalized(target)
        first = vocabulary.encode(" " * space + following)
        if not (following and len(first)):
            raise InvalidValueError("target", "a text that starts with a token", target)
        chosen = int(first[0])
    dy = np.zeros((1, len(tokens), len(vocabulary)), model.model.backend.dtype)
    dy[0, -1] = model.log_gradient(p, np.array(chosen))
    e = embedding.own_weights["embeddings"].to_numpy().astype(np.float64)[tokens]
    gradient = probe.backward(run, trace, run.ops.array(dy), {vectors})[vectors]
    g = np.asarray(run.ops.to_numpy(gradient), np.float64)[0]
    decoder = vocabulary.decoder()
    pieces = tuple(decoder.decode([token]) for token in tokens.tolist())
    return Saliency(
        pieces,
        vocabulary.decode([chosen]),
        float(p[chosen]),
        (e * g).sum(-1),
        np.linalg.norm(g, axis=-1),
    )
