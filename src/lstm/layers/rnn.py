"""RNN: recurrent layers as a cell in a loop, as programs write them."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.arguments import listed_states
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.cell_loop import CellLoop, check_new
from lstm.layers.definition import Definition
from lstm.layers.gru import GRU
from lstm.layers.inner import WithInner
from lstm.layers.lstm import LSTM
from lstm.layers.masks import Mask
from lstm.layers.recurrence import Recurrent
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
        check_new(self)
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


class StackedRNNCells(WithInner):
    """Cells one above the other, for `RNN`.

    Args:
        cells: the cells, the lowest first.

    Example:
        >>> import lstm
        >>> from lstm.layers import RNN, LSTMCell, StackedRNNCells
        >>> RNN(StackedRNNCells([LSTMCell(4), LSTMCell(2)]))(lstm.Input((None, 3))).shape
        (None, 2)
    """

    inner = ("cells",)

    def __init__(self, cells: Sequence[Layer], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.cells = list(checks.sequence("cells", cells, "a list of cells"))

    def call(self, inputs: Any, states: Any = ()) -> Any:
        after = []
        for cell, own in zip(self.cells, states or [()] * len(self.cells), strict=True):
            inputs, changed = cell(inputs, own)
            after.append(changed)
        return inputs, after


class RNN(WithInner):
    """A recurrent layer of a cell, or of several above each other: (B, T, D) -> (B, units).

    Args:
        cell: an `LSTMCell`, `GRUCell` or `SimpleRNNCell`; a cell of your own, which is a layer with
            `state_size` and `call(inputs, states)`; `StackedRNNCells`, or a list of cells.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as for `LSTM`.

    A call accepts `initial_state`, a list of the states of all cells.

    Example:
        >>> import lstm
        >>> cells = [lstm.layers.LSTMCell(4), lstm.layers.GRUCell(2)]
        >>> lstm.layers.RNN(cells, return_sequences=True)(lstm.Input((None, 3))).shape
        (None, None, 2)
    """

    stack: list[Any]
    inner = ("cell",)
    reads_steps = True
    fixed_arguments = (
        *("return_sequences", "return_state", "go_backwards"),
        *("stateful", "zero_output_for_mask"),
    )

    def __init__(
        self,
        cell: Layer | Sequence[Layer],
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
        if isinstance(cells, list | tuple) and not cells:
            raise InvalidValueError("cell", "a cell, or at least one in a list", cell)
        for k, one in enumerate(listed := cells if isinstance(cells, list | tuple) else [cells]):
            if not isinstance(one, Layer):
                expected = "an LSTMCell, GRUCell or SimpleRNNCell, one of your own, or several"
                raise InvalidTypeError("cell", expected, type(one).__name__)
            last = k == len(listed) - 1
            made: Any = one.as_layer if isinstance(one, Cell) else partial(CellLoop, one)
            self.stack.append(
                made(
                    name=one.name,
                    return_sequences=self.return_sequences or not last,
                    return_state=True,
                    go_backwards=self.go_backwards and k == 0,
                    stateful=self.stateful,
                    zero_output_for_mask=self.zero_output_for_mask and last,
                )
            )

    @property
    def states(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the states of all cells, for one example."""
        return tuple(state for layer in self.stack for state in layer.states)

    def call(self, inputs: Any, initial_state: Any = None) -> Any:
        y, found = inputs, list[Any]()
        given = listed_states(initial_state, f"{len(self.states)} states")
        for layer in self.stack:
            count = len(layer.states)
            first, given = given[:count], given[count:]
            made: Any = layer(y, initial_state=first or None)
            y, found = made[0], found + list(made[1:])
        return [y, *found] if self.return_state else y

    def _set_again(self, name: str, value: Any) -> None:
        stack, old = self.stack, vars(self)[name]
        self.built = any(layer.built for layer in stack)  # As those of a copy are from the start.
        super()._set_again(name, value)
        if self.built or vars(self)[name] == old:
            self.stack = stack

    def _parts(self) -> Iterator[Definition]:
        # The given cells are only the templates of the layers.
        return iter(vars(self).get("stack", ()))
