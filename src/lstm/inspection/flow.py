"""Gradient flow: how much of a gradient arrives at each step back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.inspection.probe import Place, Probe, stepwise
from lstm.inspection.windows import windows_of
from lstm.layers.base import Run
from lstm.models import Model
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import TextLike

Lengths = NDArray[np.float64]

_SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
"""Smallest length of a gradient: below it, a gradient is as good as zero."""

_MEASURED = 1e-30
"""Smallest length to use in a fit: shorter gradients suffer from rounding."""


@dataclass(frozen=True)
class GradientFlow:
    """The length of a gradient against the number of steps that it went back.

    Attributes:
        lags: (K + 1,), steps back from the last, from 0.
        norms: by layer and state, "h" and "c": (K + 1,), the length of the gradient of the loss
            with respect to that state, the geometric mean over the sequences. For h, it is the
            whole gradient, from later steps and from the layers above. For c, it comes only from
            later steps; at lag 0, where there are none, it is NaN. Lags before the first step of a
            layer, if it reads fewer steps than another, are also NaN.
    """

    lags: NDArray[np.int64]
    norms: dict[str, dict[str, Lengths]]

    def rate(self, layer: str, state: str, first: int = 0, last: int | None = None) -> float:
        """Return the slope of the logarithm: the change of ln of the length in one step.

        Fitted by least squares from lag `first` to lag `last`, without lengths too short for the
        dtype. A gradient that halves at every step has -0.693.

        Raises:
            InvalidValueError: there is no such layer or state, or fewer than 2 lags.
        """
        checks.int_at_least("first", first, 0)
        if last is not None:
            checks.int_at_least("last", last, first)
        known = [(name, key) for name, states in self.norms.items() for key in states]
        if (layer, state) not in known:
            raise InvalidValueError("layer, state", f"one of {known}", (layer, state))
        norms = self.norms[layer][state][first : None if last is None else last + 1]
        lags = self.lags[first : None if last is None else last + 1]
        there = norms > _MEASURED
        if there.sum() < 2:
            raise InvalidValueError("first, last", "at least 2 lags with a gradient", there.sum())
        return float(np.polyfit(lags[there], np.log(norms[there]), 1)[0])


def gradient_flow(model: Model, x: Any, gradient: ArrayLike | None = None) -> GradientFlow:
    """Follow a gradient at the last step back through the recurrent layers.

    Args:
        model: a model whose recurrent layers read forwards.
        x: sequences (B, T, D), or tokens (B, T).
        gradient: gradient of the loss for the model's output y at the last step, (B, F);
            None uses the gradient of ‖y‖, y/‖y‖.

    Raises:
        InvalidShapeError: the model cannot accept `x`, or there is no step.
        InvalidTypeError: `model` is not a model.
        InvalidValueError: there is no recurrent layer, or one that reads backwards, or steps of `x`
            are masked, because then a lag would differ between sequences.

    Source:
        Bengio, Simard & Frasconi, "Learning long-term dependencies with gradient descent is
        difficult", 1994; Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural
        networks", 2013.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(8)])
        >>> flow = lstm.inspection.gradient_flow(model, np.ones((1, 50, 2)))
        >>> flow.norms["lstm"]["c"].shape, flow.rate("lstm", "c") < 0
        ((50,), True)
    """
    probe = Probe(model)
    for place in probe.places:
        if place.layer.go_backwards:
            raise InvalidValueError(place.name, "a layer that reads forwards", "go_backwards=True")
    run, trace = probe.forward(x, keep_cache=True)
    arriving = _last_gradient(np.asarray(run.ops.to_numpy(trace.outputs[0])), gradient)
    wanted = {tensor for place in probe.places for tensor in place.node.outputs}
    inputs = [probe.inputs(place, run, trace) for place in probe.places]
    found = probe.backward(run, trace, run.ops.array(arriving), wanted)
    norms = {}
    for place, (sequence, state, mask) in zip(probe.places, inputs, strict=True):
        if mask is not None and not mask.all():
            raise InvalidValueError("x", "sequences of equal length, without masked steps", "masks")
        outputs = [found.get(tensor) for tensor in place.node.outputs]
        norms[place.name] = _norms(run, place, sequence, state, outputs)
    steps = max(len(lengths) for states in norms.values() for lengths in states.values())
    whole = {
        name: {
            letter: np.pad(lengths, (0, steps - len(lengths)), constant_values=np.nan)
            for letter, lengths in states.items()
        }
        for name, states in norms.items()
    }
    return GradientFlow(np.arange(steps), whole)


def gradient_flow_of_text(
    model: LanguageModel,
    corpus: TextLike | Corpus,
    *,
    longest: int = 100,
    windows: int = 32,
    seed: int = 0,
) -> GradientFlow:
    """Follow the gradient of the loss of a token back through the text before it.

    Args:
        model: a language model.
        corpus: a text like the training text, or its tokens.
        longest: the longest lag K; shorter if the text is.
        windows: number of places in the text.
        seed: seed of the places.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidShapeError: the text has fewer than 3 tokens.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> lstm.inspection.gradient_flow_of_text(model, "abracadabra " * 9, longest=30).lags[-1]
        np.int64(30)
    """
    texts = windows_of(model, corpus, longest + 2, windows, seed)
    x, target = texts[:, :-1], texts[:, -1]
    z, _ = model.advance(x, model.model.initial_state(len(x)))
    dy = -model.log_gradient(model.probabilities(z[:, -1]), target)
    return gradient_flow(model.model, x, dy)


def _last_gradient(output: NDArray[Any], gradient: ArrayLike | None) -> NDArray[Any]:
    """Return the gradient of an output (B, T, F) or (B, F): zero except at the last step."""
    last = output if output.ndim < 3 else output[:, -1]
    if gradient is None:
        dy = last / np.maximum(np.linalg.norm(last, axis=-1, keepdims=True), _SMALLEST)
    else:
        checks.unmasked("gradient", gradient)
        dy = np.asarray(gradient, np.float64)
        checks.shape("gradient", dy.shape, last.shape)
        checks.finite("gradient", dy)
    whole = np.zeros_like(output)
    if output.ndim < 3:
        whole[...] = dy
    else:
        whole[:, -1] = dy
    return whole


def _norms(
    run: Run, place: Place, x: Any, state: tuple[Any, ...] | None, arriving: list[Any]
) -> dict[str, Lengths]:
    """Return the lengths of the gradients of the states of one layer, the last step first.

    The layer runs one step at a time, forwards and back: each step returns the gradient of the
    state before it.
    """
    ops, layer = run.ops, stepwise(place.layer)
    values = np.asarray(ops.to_numpy(x))
    batch, steps = values.shape[:2]
    if steps == 0:
        raise InvalidShapeError("x", "at least one step", 0)
    at = Run(run.backend, keep_cache=True)
    shapes = layer.state_shapes(x.shape)
    states = list(state or (ops.zeros((batch, *s), run.backend.dtype) for s in shapes))
    caches = []
    for t in range(steps):
        step = ops.array(np.ascontiguousarray(values[:, t : t + 1]))
        (_, *states), cache = layer.forward(at, step, *states, mask=None)
        caches.append(cache)
    dy, last = arriving[0], arriving[1:]
    sequences = place.layer.return_sequences
    grads = list(last) if any(g is not None for g in last) else [None] * len(states)
    if not sequences and dy is not None:
        grads[0] = dy if grads[0] is None else ops.add([dy, grads[0]])
    dys = np.asarray(ops.to_numpy(dy)) if sequences and dy is not None else None
    letters, found = ("h", "c")[: len(states)], []
    for t in reversed(range(steps)):
        part = None if dys is None else dys[:, t]
        here = [part, *[None] * len(grads)]
        said = [None if g is None else ops.to_numpy(g) for g in grads]
        found.append([_mean_norm(*both, batch) for both in zip(said, here, strict=False)])
        step_dy = None if part is None else ops.array(np.ascontiguousarray(part[:, None]))
        cache, later = caches.pop(), (step_dy, *grads)
        if any(gradient is not None for gradient in later):
            need = (False, *[True] * len(states))
            _, *grads = layer.backward(at, cache, *later, need=need)
    return {letter: np.array([row[k] for row in found]) for k, letter in enumerate(letters)}


def _mean_norm(later: NDArray[Any] | None, here: NDArray[Any] | None, batch: int) -> float:
    """Return the geometric mean of the lengths of the rows of a sum."""
    total = sum(np.asarray(part, np.float64) for part in (later, here) if part is not None)
    if isinstance(total, int):  # Nothing has arrived.
        return np.nan
    lengths = np.linalg.norm(total.reshape(batch, -1), axis=1)
    return float(np.exp(np.log(np.maximum(lengths, _SMALLEST)).mean()))
