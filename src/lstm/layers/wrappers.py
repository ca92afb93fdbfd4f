"""Wrappers: layers around a function, a layer over time, a recurrent layer in both directions."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Unpack

from lstm import checks
from lstm.configured import described
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.arguments import listed_states
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.cell_loop import CellLoop
from lstm.layers.copying import blueprint, built
from lstm.layers.definition import Definition
from lstm.layers.folding import FoldTime, UnfoldTime
from lstm.layers.merging import Add, Average, Concatenate, Multiply
from lstm.layers.options import with_shape
from lstm.layers.recurrence import Recurrent
from lstm.layers.remedies import for_layer, remedied
from lstm.layers.reordering import Flip
from lstm.layers.rnn import RNN, Cell


class Lambda(Layer):
    """A function of tensors as a layer, traced once; it uses other layers and `lstm.ops`.

    Args:
        function: accepts the input tensor, or a list of them, and returns a tensor.
        arguments: other arguments of it, by name.

    Example:
        >>> import lstm
        >>> lstm.layers.Lambda(lambda x: lstm.ops.squeeze(x, axis=-1))(lstm.Input((5, 1))).shape
        (None, 5)
    """

    reads_lists = True
    passed_on = (*Layer.passed_on, "arguments")  # The function has them.

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if not callable(function):
            raise InvalidTypeError("function", "a function of tensors", repr(function))
        if not isinstance(arguments, Mapping | None):
            raise InvalidTypeError("arguments", "a dict by name", repr(arguments))
        self.function = partial(function, **arguments) if arguments else function

    def call(self, inputs: Any) -> Any:
        made = self.function(inputs)
        if made is None or isinstance(made, str | bytes | bool):
            expected = "a tensor, or a list or dict of them"
            raise InvalidTypeError(f"result of {self.name}", expected, checks.summary(made))
        return made


class TimeDistributed(Layer):
    """Apply a layer to every time step: (B, T, ...) -> (B, T, ...), with the same weights.

    Args:
        layer: reads one step, (B, ...).

    Example:
        >>> import lstm
        >>> lstm.layers.TimeDistributed(lstm.layers.Flatten())(lstm.Input((None, 2, 3))).shape
        (None, None, 6)
    """

    def __init__(self, layer: Layer, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not isinstance(layer, Layer):
            raise InvalidTypeError("layer", "a Layer", repr(layer))
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        if inputs.ndim < 3:
            error = InvalidShapeError(
                f"input of {self.name}", "axes (B, T, ...)", f"shape {inputs.shape}"
            )
            raise remedied(error, for_layer([inputs], lambda shapes: len(shapes[0]) > 2))
        if self.layer.rowwise:
            return self.layer(inputs)
        return UnfoldTime()(inputs, self.layer(FoldTime()(inputs)))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TimeDistributed":
        return super().from_config(config | {"layer": _layer(config["layer"])})


InTime = Recurrent | CellLoop | RNN
"""Layers that go through time, in one of two directions."""

_MERGES = {"concat": Concatenate, "sum": Add, "ave": Average, "mul": Multiply}


class Bidirectional(Layer):
    """Two recurrent layers over one sequence, forwards and backwards, with merged outputs.

    Args:
        layer: the forward layer, an LSTM, GRU, SimpleRNN, ConvLSTM1D or RNN; the backward one is a
            copy of it with its own weights.
        merge_mode: "concat", "sum", "ave", "mul", or None for a list of two outputs.
        backward_layer: another such layer with `go_backwards=True`, instead of the copy.

    At padding steps, both return zeros.

    With `return_state`, the call returns [y, h forward, c forward, h backward, c backward], without
    c for layers that have none, and with all states of an RNN; `initial_state` accepts the same
    without y.

    Source:
        Schuster & Paliwal, "Bidirectional recurrent neural networks", 1997.

    Example:
        >>> import lstm
        >>> layer = lstm.layers.Bidirectional(lstm.layers.LSTM(4, return_sequences=True))
        >>> layer(lstm.Input((None, 3))).shape
        (None, None, 8)
    """

    forward_layer: InTime
    backward_layer: InTime
    reads_steps = True
    state = (*Layer.state, "forward_layer")

    def __init__(
        self,
        layer: InTime,
        merge_mode: str | None = "concat",
        backward_layer: InTime | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        backwards = layer if backward_layer is None else backward_layer
        for name, given in (("layer", layer), ("backward_layer", backwards)):
            if not isinstance(given, InTime) or isinstance(given, Cell):
                expected = "an LSTM, GRU, SimpleRNN, ConvLSTM1D or RNN"
                raise InvalidTypeError(name, expected, repr(given))
        super().__init__(**with_shape(options, layer.input_shape))
        self.layer = layer
        self.merge_mode = checks.one_of("merge_mode", merge_mode, (*_MERGES, None))
        self.forward_layer = _renamed(layer, "forward", go_backwards=False)
        self.backward_layer = backward_layer or _renamed(layer, "backward", go_backwards=True)
        for half in (self.forward_layer, self.backward_layer):
            # Forwards and backwards, the last state is at different steps of the padding.
            half.zero_output_for_mask = half.return_sequences
        for key in ("return_sequences", "return_state"):
            if getattr(self.backward_layer, key) != getattr(layer, key):
                raise InvalidValueError(
                    "backward_layer", f"{key}={getattr(layer, key)}, as in layer", backward_layer
                )
        if not self.backward_layer.go_backwards:
            raise InvalidValueError("backward_layer", "go_backwards=True", False)

    def call(self, inputs: Any, initial_state: Any = None) -> Any:
        given = listed_states(initial_state, "the states forwards, then those backwards")
        own = len(self.forward_layer.states)
        ahead = _outputs(self.forward_layer(inputs, initial_state=given[:own]))
        back = _outputs(self.backward_layer(inputs, initial_state=given[own:]))
        if self.backward_layer.return_sequences:
            back[0] = Flip()(back[0])
        if self.merge_mode is None:
            return [ahead[0], back[0], *ahead[1:], *back[1:]]
        merged = _MERGES[self.merge_mode]()(ahead[0], back[0])
        return [merged, *ahead[1:], *back[1:]] if len(ahead) > 1 else merged

    def _parts(self) -> Iterator[Definition]:
        # The given layer is only the template of the two.
        return (part for part in super()._parts() if part is not self.layer)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Bidirectional":
        halves = {key: _layer(config[key]) for key in ("layer", "backward_layer")}
        return super().from_config(config | halves)


def _layer(saved: dict[str, Any]) -> Any:
    """Return the layer described in `get_config` of a wrapper."""
    return described("class", saved, Layer.kinds)


def _renamed(layer: InTime, direction: str, *, go_backwards: bool) -> Any:
    """Return a layer with the arguments of another one, with cells of its own."""
    plan = blueprint(layer, {})
    plan.arguments |= {"name": f"{direction}_{layer.name}", "go_backwards": go_backwards}
    return built(plan, {})


def _outputs(tensors: Any) -> list[Any]:
    return tensors if isinstance(tensors, list) else [tensors]
