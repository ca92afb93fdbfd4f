"""Recurrent layers: a frame that loops over the steps, around a cell that computes one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol, get_args

from lstm import checks
from lstm.backends.contract.types import ActivationName, Array, Cache, State
from lstm.errors import InvalidValueError

_ELEMENTWISE = [name for name in get_args(ActivationName) if name != "softmax"]

CellName = Literal["lstm", "gru", "rnn"]


class Cell(NamedTuple):
    """The description of a cell, without numbers.

    Attributes:
        blocks: the kernels have blocks·H columns. If there are gates, the first `blocks` of them
            have one each, in order.
        states: the names of its states, the output first.
        gates: the results of `recurrent_gates`, by letter.
        biases: rows of the bias: one, or one for the input side and one for the recurrent side.
        options: the names of its possible options.
    """

    blocks: int
    states: tuple[str, ...]
    gates: tuple[str, ...]
    biases: int = 1
    options: tuple[str, ...] = ()

    def widths(self, units: int) -> tuple[int, ...]:
        """Return the width of each state of a layer with this many units."""
        return (units,) * len(self.states)


CELLS: dict[CellName, Cell] = {
    "lstm": Cell(4, ("h", "c"), ("i", "f", "g", "o"), options=("coupled",)),
    "gru": Cell(3, ("h",), ("u", "s", "g"), biases=2, options=("reset_before",)),
    "rnn": Cell(1, ("h",), ()),
}
"""Every cell, without options."""


@dataclass(frozen=True)
class RecurrentSpec:
    """The computation of a recurrent layer.

    Attributes:
        cell: "lstm" (docs/theory/gates.md), "gru" (docs/theory/gru.md) or "rnn"
            (docs/theory/recurrence.md).
        activation: φ of the candidate g, and in an LSTM of the cell state; not softmax.
        recurrent_activation: σ of the gates, which an "rnn" lacks; not softmax.
        reverse: go from the last step to the first. Output t still belongs to input t.
        options: differences from the plain cell, in the order of the cell's `options`: "coupled",
            an LSTM whose forget gate is f = 1 - i; "reset_before", a GRU whose reset gate
            multiplies the state before the product with r, and which has one bias.

    Raises:
        InvalidValueError: there is no such cell or activation, or the cell has no such option.
    """

    cell: CellName
    activation: ActivationName = "tanh"
    recurrent_activation: ActivationName = "sigmoid"
    reverse: bool = False
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = CELLS[checks.one_of("cell", self.cell, list(CELLS))].options
        for argument in ("activation", "recurrent_activation"):
            checks.one_of(f"{argument} of {self.cell}", getattr(self, argument), _ELEMENTWISE)
        if self.options != tuple(option for option in known if option in self.options):
            expected = f"each of {', '.join(known)} once at most, in this order"
            argument = f"options of {self.cell}"
            raise InvalidValueError(argument, expected if known else "none", self.options)

    @cached_property
    def layout(self) -> Cell:
        """The description of its cell, with its options."""
        cell = CELLS[self.cell]
        if "coupled" in self.options:
            return cell._replace(blocks=3, gates=("i", "g", "o", "f"))
        if "reset_before" in self.options:
            return cell._replace(biases=1)
        return cell


class RecurrentWeights(NamedTuple):
    """The weights of a recurrent layer, or the buffers of their gradients.

    Attributes:
        w: (D, blocks·H), the kernel.
        r: (H, blocks·H), the recurrent kernel.
        b: (blocks·H), or (2, blocks·H) for a cell with two biases: row 0 is added on the input
            side, row 1 on the recurrent side. None means no bias.

    If a buffer is None, its gradient is not needed.
    """

    w: Array
    r: Array
    b: Array | None


class RecurrentOps(Protocol):
    """A whole sequence through a recurrent layer."""

    def recurrent_forward(
        self,
        spec: RecurrentSpec,
        x: Array,
        weights: RecurrentWeights,
        state: Sequence[Array | None],
        mask: Array | None,
        recurrent_mask: Array | None,
        keep_cache: bool,
    ) -> tuple[Array, State, Cache]:
        """Compute all steps of a sequence.

        Args:
            spec: the computation.
            x: (B, T, D), or tokens, int64 (B, T): token v stands for row v of the identity, so that
                x·w is row v of w, a table (V, blocks·H).
            weights: by name.
            state: for each state (B, H) before the first step; None means zeros.
            mask: bool (B, T). Where it is False the step is skipped: state and output stay as they
                were. A sequence of length n in a padded batch is a mask that is True up to n.
            recurrent_mask: (B, H), the factor of the hidden state before r, at every step; None
                means ones. The states and outputs themselves are not multiplied.
            keep_cache: whether `recurrent_backward` or `recurrent_gates` will follow.

        Returns:
            y (B, T, H), the last state, and a cache (None unless `keep_cache`).
        """

    def recurrent_backward(
        self,
        dy: Array | None,
        dstate: Sequence[Array | None],
        cache: Cache,
        gradients: RecurrentWeights,
        need_dx: bool,
    ) -> tuple[Array | None, State]:
        """Backpropagation through time; a gradient of None means zeros.

        Args:
            dy: (B, T, H), the gradient of every output.
            dstate: (B, H) each, the gradients of the last state.
            cache: the cache from `recurrent_forward`.
            gradients: buffers to add to.
            need_dx: whether the gradient of x is needed.

        Returns:
            dx (B, T, D), None for tokens; and the gradients of the first state.
        """

    def recurrent_gates(self, cache: Cache) -> dict[str, Array]:
        """Return the states and gates of a forward pass at each step, by letter, (B, T, H) each.

        Values at step t are those after input t. At a step that the mask skips, gates are what they
        would be without it. Call this before the backward pass, which uses up the cache. The arrays
        must not be changed.
        """
