"""RNN: recurrent layers as a cell in a loop, as programs write them."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.configured import described
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.definition import Definition
from lstm.layers.gru import GRU
from lstm.layers.lstm import LSTM
from lstm.layers.masks import Mask
from lstm.layers.recurrent import Recurrent
from lstm.layers.simple_rnn import SimpleRNN
from lstm.layers.symbolic import Shape


class Cell(Recurrent):
    """One step of a recurrent layer, whose arguments it has.

    Called on an input (B, D) and a list of states, it returns the output and the states after it.
    """

    kind: ClassVar[type[Recurrent]]

    @property
    def state_size(self) -> int | list[int]:
        """Sizes of the states."""
        sizes = list(self.spec.layout.widths(self.units))
        return sizes if len(sizes) > 1 else sizes[0]

    def as_layer(self, **options: Any) -> Recurrent:
        """Return a new layer that goes through sequences with this cell."""
        return type(self).kind(**{**self.arguments(), **options})

    def __call__(  # type: ignore[override]
        self, inputs: Any, states: Any = (), training: object = None
    ) -> Any:
        """Apply it to one step, from states, or from zeros."""
        given = list(states) if isinstance(states, list | tuple) else [states]
        made: Any = super().__call__(inputs, initial_state=given or None, training=training)
        y, *after = made
        return y, after

    def build(self, *shapes: Shape) -> None:
        self.return_state, self.return_sequences = True, False
        super().build(_as_sequence(self, shapes[0]))

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return super().output_shapes(_as_sequence(self, shapes[0]), *shapes[1:])

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, *given = inputs
        step = run.ops.reshape(x, (x.shape[0], 1, x.shape[1]))
        return super().forward(run, step, *given, mask=None)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        dx, *rest = super().backward(run, cache, *gradients, need=need)
        return None if dx is None else run.ops.reshape(dx, (dx.shape[0], dx.shape[2])), *rest

    @property
    def reads_table(self) -> bool:
        return False


def _as_sequence(cell: Cell, shape: Shape) -> Shape:
    """Return the shape (B, D) of a step as that of a sequence of one."""
    if len(shape) != 2:
        raise InvalidShapeError(f"input of {cell.name}", "axes (B, D)", f"shape {shape}")
    return shape[0], 1, shape[1]


class LSTMCell(Cell, LSTM):
    """One step of an `LSTM`, with its arguments.

    Example:
        >>> import lstm
        >>> lstm.layers.RNN(lstm.layers.LSTMCell(4))(lstm.Input((None, 3))).shape
        (None, 4)
    """

    kind = LSTM


class GRUCell(Cell, GRU):
    """One step of a `GRU`, with its arguments.

    Example:
        >>> import lstm
        >>> lstm.layers.RNN(lstm.layers.GRUCell(4))(lstm.Input((None, 3))).shape
        (None, 4)
    """

    kind = GRU


class SimpleRNNCell(Cell, SimpleRNN):
    """One step of a `SimpleRNN`, with its arguments.

    Example:
        >>> import lstm
        >>> lstm.layers.RNN(lstm.layers.SimpleRNNCell(4))(lstm.Input((None, 3))).shape
        (None, 4)
    """

    kind = SimpleRNN


class StackedRNNCells(Layer):
    """Cells one above the other, for `RNN`.

    Args:
        cells: the cells, the lowest first.

    Example:
        >>> import lstm
        >>> from lstm.layers import RNN, LSTMCell, StackedRNNCells
        >>> RNN(StackedRNNCells([LSTMCell(4), LSTMCell(2)]))(lstm.Input((None, 3))).shape
        (None, 2)
    """

    def __init__(self, cells: Sequence[Cell], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.cells = list(checks.sequence("cells", cells, "a list of cells"))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "StackedRNNCells":
        return super().from_config(config | {"cells": [*map(_cell, config["cells"])]})

    def call(self, inputs: Any, states: Any = ()) -> Any:
        after = []
        for cell, own in zip(self.cells, states or [()] * len(self.cells), strict=True):
            inputs, changed = cell(inputs, own)
            after.append(changed)
        return inputs, after


class RNN(Layer):
    """A recurrent layer of a cell, or of several above each other: (B, T, D) -> (B, units).

    Args:
        cell: an `LSTMCell`, `GRUCell` or `SimpleRNNCell`, `StackedRNNCells`, or a list of cells.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as for `LSTM`.

    A call accepts `initial_state`, a list of the states of all cells.

    Example:
        >>> import lstm
        >>> cells = [lstm.layers.LSTMCell(4), lstm.layers.GRUCell(2)]
        >>> lstm.layers.RNN(cells, return_sequences=True)(lstm.Input((None, 3))).shape
        (None, None, 2)
    """

    stack: list[Recurrent]
    state = (*Layer.state, "stack")

    def __init__(
        self,
        cell: Cell | StackedRNNCells | Sequence[Cell],
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.cell = cell
        self.return_sequences = checks.boolean("return_sequences", return_sequences)
        self.return_state = checks.boolean("return_state", return_state)
        self.go_backwards = checks.boolean("go_backwards", go_backwards)
        self.stateful = checks.boolean("stateful", stateful)
        self.zero_output_for_mask = checks.boolean("zero_output_for_mask", zero_output_for_mask)
        cells = cell.cells if isinstance(cell, StackedRNNCells) else cell
        self.stack = []
        for k, one in enumerate(listed := cells if isinstance(cells, list | tuple) else [cells]):
            if not isinstance(one, Cell):
                raise InvalidTypeError(
                    "cell",
                    "an LSTMCell, GRUCell or SimpleRNNCell, or several; a cell of your own is a "
                    "layer with `forward` and `backward`, as in the guide to your own parts",
                    type(one).__name__,
                )
            if one.built:
                raise InvalidValueError(
                    "cell", "a new cell, whose weights RNN makes", f"{one.name} with weights"
                )
            last = k == len(listed) - 1
            self.stack.append(
                one.as_layer(
                    name=one.name,
                    return_sequences=self.return_sequences or not last,
                    return_state=True,
                    go_backwards=self.go_backwards and k == 0,
                    stateful=self.stateful,
                    zero_output_for_mask=self.zero_output_for_mask and last,
                )
            )

    def call(self, inputs: Any, initial_state: Sequence[Any] | None = None) -> Any:
        y, found, given = inputs, list[Any](), list(initial_state or [])
        for layer in self.stack:
            count = len(layer.states)
            first, given = given[:count], given[count:]
            made: Any = layer(y, initial_state=first or None)
            y, found = made[0], found + list(made[1:])
        return [y, *found] if self.return_state else y

    def _parts(self) -> Iterator[Definition]:
        # The given cells are only the templates of the layers.
        return iter(vars(self).get("stack", ()))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RNN":
        saved = config["cell"]
        cells = [*map(_cell, saved)] if isinstance(saved, list) else _cell(saved)
        return super().from_config(config | {"cell": cells})


def _cell(saved: dict[str, Any]) -> Any:
    """Return the cell described in the config of an RNN."""
    return described("cell", saved, Layer.kinds)
