"""Recording: the states and gates of the recurrent layers of a model at every step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lstm.backends.contract import Array
from lstm.inspection.probe import Place, Probe
from lstm.layers.base import StepState
from lstm.layers.masks import Mask
from lstm.models import Model, State

Values = NDArray[Any]

Quantities = dict[str, Values]
"""The states and gates of one layer by their letters, each (B, T, H)."""


@dataclass(frozen=True)
class Recording:
    """What a model did while it read sequences.

    Attributes:
        outputs: the outputs of the model, one array for each.
        layers: for each recurrent layer, its states and gates by letter, each (B, T, H): h, c, i,
            f, g, o for an LSTM; h, u, s, g for a GRU; h for a SimpleRNN. Values at step t are those
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
        x: sequences as for `model.step`: (B, T, D), or tokens (B, T).
        state: the state to start from; None means zeros.

    Raises:
        InvalidTypeError: `model` is not a model.
        InvalidValueError: the model has no recurrent layer.
        InvalidShapeError: the model cannot accept `x`, or continue from `state`.

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
    """Like `record`, with an existing probe."""
    run, trace = probe.forward(x, state)
    to_numpy = probe.model.backend.ops.to_numpy
    layers = {
        place.name: _quantities(probe, place, *probe.inputs(place, run, trace))
        for place in probe.places
    }
    outputs = [to_numpy(output) for output in trace.outputs[: probe.outputs]]
    return Recording(outputs, layers, dict(State.of(probe.model.backend, run.new_states)))


def _quantities(
    probe: Probe, place: Place, x: Array, state: tuple[Array, ...] | None, mask: Mask | None
) -> Quantities:
    """Return the states and gates of one layer, from its inputs and first state."""
    layer, ops = place.layer, probe.model.backend.ops
    first = (None,) * len(layer.states) if state is None else state
    steps = None if mask is None else ops.array(mask)
    weights = layer.weights_for(layer.value("kernel"))
    *_, cache = ops.recurrent_forward(layer.spec, x, weights, first, steps, None, keep_cache=True)
    return {name: ops.to_numpy(part) for name, part in ops.recurrent_gates(cache).items()}
