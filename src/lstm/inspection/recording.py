"""What the recurrent layers of a model hold at every step: states and gates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.ops import Array
from lstm.backends.reference import activation_forward
from lstm.errors import InvalidValueError
from lstm.inspection.probe import Place, Probe
from lstm.layers import GRU, LSTM, SimpleRNN
from lstm.layers.base import StepState
from lstm.layers.masks import Mask
from lstm.layers.recurrent import Recurrent
from lstm.models import Model

Values = NDArray[Any]

Quantities = dict[str, Values]
"""The states and gates of one layer by their letters, each (B, T, H)."""


@dataclass(frozen=True)
class Recording:
    """What a model did while it read sequences.

    Attributes:
        outputs: those of the model, one array for each.
        layers: for each recurrent layer its states and gates by letter, each (B, T, H): h, c, i, f,
            g, o of an LSTM; h, u, s, g of a GRU; h of a SimpleRNN. Those at step t are the ones
            after input t.
        state: the state after the last step, by layer; empty if a layer reads backwards.
    """

    outputs: list[Values]
    layers: dict[str, Quantities]
    state: dict[str, StepState]


def record(model: Model, x: Any, state: Mapping[str, StepState] | None = None) -> Recording:
    """Let a model read sequences, and record the states and gates of its recurrent layers.

    Args:
        model: any model with a recurrent layer.
        x: what `model.step` takes: (B, T, D), or tokens (B, T).
        state: the state to start from; None is zeros.

    Raises:
        InvalidTypeError: it is no model.
        InvalidValueError: the model has no recurrent layer.
        InvalidShapeError: the model cannot take `x`, or go on from `state`.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3)])
        >>> layers = lstm.inspection.record(model, np.ones((1, 5, 2))).layers
        >>> list(layers["lstm"]), layers["lstm"]["f"].shape
        (['h', 'c', 'i', 'f', 'g', 'o'], (1, 5, 3))
    """
    return recorded(Probe(model), x, state)


def recorded(probe: Probe, x: Any, state: Mapping[str, StepState] | None = None) -> Recording:
    """`record`, with a probe that was made before."""
    run, trace = probe.forward(x, state)
    to_numpy = probe.model.backend.ops.to_numpy
    layers = {
        place.name: _quantities(probe, place, *probe.inputs(place, run, trace))
        for place in probe.places
    }
    outputs = [to_numpy(output) for output in trace.outputs[: probe.outputs]]
    return Recording(outputs, layers, run.new_states)


def _quantities(
    probe: Probe, place: Place, x: Array, state: tuple[Array, ...] | None, mask: Mask | None
) -> Quantities:
    """The states and gates of one layer, from what it reads and the state it starts from."""
    ops, layer = probe.model.backend.ops, place.layer
    if layer.go_backwards:
        x, mask = ops.flip(x, 1), None if mask is None else np.flip(mask, 1)
    seen = ops.to_numpy(x)
    h = probe.states(layer, x, state, mask)
    if state is None:
        begin = (np.zeros((len(h), layer.units), h.dtype),) * len(layer.states)
    else:
        begin = tuple(ops.to_numpy(part) for part in state)
    found = {"h": h} | _gates_of(layer)(layer, seen, h, begin, mask)
    return {k: v[:, ::-1] for k, v in found.items()} if layer.go_backwards else found


def _lstm(layer: LSTM, x: Values, h: Values, state: StepState, mask: Mask | None) -> Quantities:
    """The gates of an LSTM, (L1) to (L6), at all steps at once: the states are known."""
    h0, c = state
    z = x @ layer.value("kernel") + _before(h, h0) @ layer.value("recurrent_kernel")
    if layer.use_bias:
        z = z + layer.value("bias")
    gates = np.split(z, 4, -1)
    i, f, o = (activation_forward(gates[k], layer.recurrent_activation) for k in (0, 1, 3))
    g = activation_forward(gates[2], layer.activation)
    cs = np.empty_like(h)
    for t in range(h.shape[1]):
        new = f[:, t] * c + i[:, t] * g[:, t]
        c = new if mask is None else np.where(mask[:, t, None], new, c)
        cs[:, t] = c
    return {"c": cs, "i": i, "f": f, "g": g, "o": o}


def _gru(layer: GRU, x: Values, h: Values, state: StepState, mask: Mask | None) -> Quantities:
    """The gates of a GRU, (G1) to (G4), at all steps at once."""
    (h0,) = state
    b_x, b_h = layer.value("bias") if layer.use_bias else (0, 0)
    from_x = np.split(x @ layer.value("kernel") + b_x, 3, -1)
    from_h = np.split(_before(h, h0) @ layer.value("recurrent_kernel") + b_h, 3, -1)
    u, s = (activation_forward(from_x[k] + from_h[k], layer.recurrent_activation) for k in (0, 1))
    return {"u": u, "s": s, "g": activation_forward(from_x[2] + s * from_h[2], layer.activation)}


def _simple_rnn(
    layer: SimpleRNN, x: Values, h: Values, state: StepState, mask: Mask | None
) -> Quantities:
    """A plain recurrent layer has no gates."""
    return {}


def _before(h: Values, h0: Values) -> Values:
    """For each step of h (B, T, H) the state that it started from."""
    return np.concatenate((h0[:, None], h), 1)[:, :-1]


_GATES: dict[type[Recurrent], Callable[..., Quantities]] = {
    LSTM: _lstm,
    GRU: _gru,
    SimpleRNN: _simple_rnn,
}


def _gates_of(layer: Recurrent) -> Callable[..., Quantities]:
    """What computes the gates of such a layer."""
    for kind, gates in _GATES.items():
        if isinstance(layer, kind):
            return gates
    raise InvalidValueError("layer", "a recurrent layer of this library", type(layer).__name__)
