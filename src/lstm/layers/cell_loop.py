"""CellLoop: the steps of a cell of the user, one after the other."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from inspect import signature
from typing import Any, ClassVar, Unpack

import numpy as np

from lstm import checks, seeding
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.arguments import first_by_position, listed_states
from lstm.layers.base import Arrays, Gradients, LayerOptions, Run
from lstm.layers.definition import Definition
from lstm.layers.inner import WithInner
from lstm.layers.masks import Mask, of_steps
from lstm.layers.naming import joined
from lstm.layers.recurrence import Sequences
from lstm.layers.stateful import Stateful
from lstm.layers.symbolic import Shape
from lstm.layers.traced import Traced


class CellLoop(WithInner, Stateful):
    """A cell with `call` at every step of a sequence: (B, T, ...) -> (B, N) or (B, T, N).

    Its `call` is traced once, for one step. At padding, the states and the output stay as they are.

    Args:
        cell: a layer with `state_size` and `call(inputs, states)`, which returns the output and the
            states after it; its weights become those of this layer. States begin with zeros, or
            with what its `get_initial_state(batch_size)` returns.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as for `LSTM`.

    Example:
        >>> import lstm
        >>> class Sum(lstm.Layer):
        ...     state_size = 2
        ...     def call(self, inputs, states):
        ...         total = inputs + states[0]
        ...         return total, [total]
        >>> lstm.layers.CellLoop(Sum())([[[1.0, 2.0], [3.0, 4.0]]]).tolist()
        [[4.0, 6.0]]
    """

    heeds_training = True

    _step: Traced | None
    state = (*Stateful.state, "_step")
    inner: ClassVar[tuple[str, ...]] = ("cell",)
    fixed_arguments: ClassVar[tuple[str, ...]] = ("cell", "return_sequences", "return_state")

    def __init__(
        self,
        cell: Definition,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if not (isinstance(cell, Definition) and cell.composite and hasattr(cell, "state_size")):
            expected = "a cell: a layer with `state_size` and `call(inputs, states)`"
            raise InvalidTypeError("cell", expected, type(cell).__name__)
        self.cell = cell
        self.return_sequences = checks.boolean("return_sequences", return_sequences)
        self.return_state = checks.boolean("return_state", return_state)
        self.go_backwards = checks.boolean("go_backwards", go_backwards)
        self.stateful = checks.boolean("stateful", stateful)
        self.zero_output_for_mask = checks.boolean("zero_output_for_mask", zero_output_for_mask)
        if self.stateful and self.go_backwards:
            raise InvalidValueError("stateful", "False with go_backwards=True", True)
        self._step = None

    def _parts(self) -> Iterator[Definition]:
        return iter(())  # The weights of the cell are its own.

    @property
    def states(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the states for one example."""
        size: Any = getattr(self.cell, "state_size")  # noqa: B009
        sizes = size if isinstance(size, list | tuple) else [size]
        name = f"state_size of {self.cell.name}"
        return tuple(
            tuple(checks.positive_int(name, n) for n in (one if np.ndim(one) else [one]))
            for one in sizes
        )

    def __call__(
        self,
        *given: Any,
        initial_state: Any = None,
        training: object = None,
        mask: object = None,
        **inputs: Unpack[Sequences],
    ) -> Any:
        """Apply it to a sequence, from `initial_state` if it is given."""
        given, _ = first_by_position(type(self).__name__, ("inputs", "sequences"), given, inputs)
        states = listed_states(initial_state, f"{len(self.states)} states")
        return super().__call__(*given, *states, training=training, mask=mask)

    def build(self, *shapes: Shape) -> None:
        self._traced(shapes[0])

    def _first(self, run: Run, size: int) -> list[Array]:
        """Return the states before the first step: zeros, or what the cell says."""
        zeros = [run.ops.zeros((size, *state), run.backend.dtype) for state in self.states]
        ask = getattr(self.cell, "get_initial_state", None)
        if ask is None:
            return zeros
        given = ask(batch_size=1)
        found = [np.asarray(one) for one in (given if isinstance(given, list | tuple) else [given])]
        if [one.shape for one in found] != [(1, *state) for state in self.states]:
            raise InvalidShapeError(
                f"get_initial_state of {self.cell.name}",
                f"shapes {[(1, *state) for state in self.states]} for one example",
                f"{[one.shape for one in found]}",
            )
        if not any(one.any() for one in found):
            return zeros  # Which plans have; other numbers are computed step by step.
        repeated = (np.repeat(one, size, 0).astype(run.backend.dtype) for one in found)
        return [run.ops.array(one) for one in repeated]

    def _traced(self, shape: Shape) -> Traced:
        """Return the step, traced; its weights are those of this layer, or become so."""
        if self._step is not None:
            return self._step
        if len(shape) < 3:
            raise InvalidShapeError(f"input of {self.name}", "axes (B, T, ...)", f"shape {shape}")
        check_new(self.cell)
        second = [*signature(self.cell.call).parameters][1]  # type: ignore[attr-defined]

        def step(x: Any, *states: Any) -> list[Any]:
            made = self.cell(x, **{second: list(states)})  # type: ignore[operator]
            if not isinstance(made, list | tuple) or len(made) != 2:
                expected = "the output and the states after it"
                raise InvalidTypeError(f"result of {self.cell.name}", expected, repr(made))
            after = made[1] if isinstance(made[1], list | tuple) else [made[1]]
            return [made[0], *after]

        before = [(None, *state) for state in self.states]
        with seeding.untouched() if self.own_weights else nullcontext():
            found = Traced.of(self.cell.name, step, [(shape[0], *shape[2:]), *before])
        if [tensor.shape[1:] for tensor in found.outputs[1:]] != [*self.states]:
            got = [tensor.shape[1:] for tensor in found.outputs[1:]]
            raise InvalidShapeError(f"states of {self.cell.name}", f"{[*self.states]}", f"{got}")
        for part in self.cell.all_parts():
            for key, weight in list(part.own_weights.items()):
                name = key if part is self.cell else joined(part.name, key)
                if name in self.own_weights:
                    part.own_weights[key] = self.own_weights[name]
                    continue
                if self.weight_source is not None:
                    weight.assign(self.weight_source(joined(self.name, name), weight.shape))
                weight.name, weight.trainable = name, self.trainable and not weight.fixed
                self.own_weights[name] = weight
        self._step = found
        return found

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        step = self._traced(shapes[0])
        checks.shape(f"input of {self.name}", shapes[0][2:], step.inputs[0].shape[1:])
        if len(shapes) not in (1, 1 + len(self.states)):
            raise InvalidValueError(
                "initial_state", f"{len(self.states)} states", f"{len(shapes) - 1} tensors"
            )
        batch, steps = shapes[0][:2]
        for given, state in zip(shapes[1:], self.states, strict=False):
            checks.shape("initial_state", given, (batch, *state))
        size = step.outputs[0].shape[1:]
        y = (batch, steps, *size) if self.return_sequences else (batch, *size)
        return (y, *[(batch, *state) for state in self.states * self.return_state])

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, *given = inputs
        ops, step, real = run.ops, self._traced(tuple(x.shape)), of_steps(self.name, mask)
        size, count = x.shape[0], x.shape[1]
        states: Sequence[Array] = given or run.state() or self._first(run, size)
        features = tuple(n or 0 for n in step.outputs[0].shape[1:])
        y = ops.zeros((size, *features), run.backend.dtype)
        caches, sequence = [], []
        for t in reversed(range(count)) if self.go_backwards else range(count):
            now = ops.slice_forward(x, (slice(None), t))
            (made, *after), cache = step.forward(run, (now, *states))
            keep = None if real is None else real[:, t]
            y, emitted = _chosen(run, made, y, keep), made
            states = [_chosen(run, new, old, keep) for new, old in zip(after, states, strict=True)]
            if self.return_sequences:
                if keep is not None:
                    emitted = _kept(run, made, keep) if self.zero_output_for_mask else y
                sequence.append(ops.reshape(emitted, (size, 1, *emitted.shape[1:])))
            caches.append(cache if run.keep_cache else None)
        run.leave_state(tuple(states))
        if self.return_sequences:
            empty = ops.zeros((size, 0, *features), run.backend.dtype)
            y = ops.concatenate(sequence, 1) if sequence else empty
        return (y, *[*states] * self.return_state), (tuple(x.shape), real, caches)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        ops, (shape, real, caches) = run.ops, cache
        dy, *dstates = gradients
        dstates = dstates if self.return_state else [None] * len(self.states)
        count, step = shape[1], self._traced(shape)
        needed = [need[0], *[True] * len(self.states)]
        dx: list[Array] = []
        later = None if self.return_sequences else dy
        for k in reversed(range(count)):
            t = count - 1 - k if self.go_backwards else k
            keep = None if real is None else real[:, t]
            if self.return_sequences and dy is not None:
                later = _sum(run, ops.slice_forward(dy, (slice(None), k)), later)
            dmade, dafter = _kept(run, later, keep), [_kept(run, d, keep) for d in dstates]
            past = None if keep is None else ~keep
            zero = self.return_sequences and self.zero_output_for_mask
            later = None if past is None or zero else _kept(run, later, past)
            passed = [None if past is None else _kept(run, d, past) for d in dstates]
            found, *before = step.backward(run, caches[k], [dmade, *dafter], needed)
            dstates = [_sum(run, d, other) for d, other in zip(before, passed, strict=True)]
            if need[0]:
                if found is None:
                    found = ops.zeros((shape[0], *shape[2:]), run.backend.dtype)
                dx.append(ops.reshape(found, (shape[0], 1, *shape[2:])))
        ordered = dx if self.go_backwards else dx[::-1]
        first = ops.concatenate(ordered, 1) if ordered else None
        return (first, *dstates)[: len(need)]

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the mask of the sequence; the other masks belong to the initial state."""
        return masks[0]

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        mask = of_steps(self.name, mask)
        if mask is None:
            return None
        if not self.return_sequences:
            return np.any(mask, 1)
        return np.flip(mask, 1) if self.go_backwards else mask

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self.go_backwards or len(shapes) > 1:
            expected = "no go_backwards and no initial_state, to work chunk by chunk"
            raise InvalidValueError(self.name, expected, "one")
        return self.states


def check_new(cell: Definition) -> None:
    """Check that a cell belongs to no other layer.

    Raises:
        InvalidValueError: it was called before, or has weights.
    """
    if cell.built:
        expected = "a new cell, which only this layer calls"
        raise InvalidValueError("cell", expected, f"{cell.name}, which was called before")


def _kept(run: Run, x: Array | None, keep: Mask | None) -> Array | None:
    """Return x (B, ...) with 0 in the examples that are not kept."""
    if x is None or keep is None:
        return x
    shape = tuple(x.shape)
    factor = np.broadcast_to(keep.reshape(-1, *[1] * (len(shape) - 1)), shape)
    array = run.ops.array(factor.astype(run.backend.dtype, order="C"))
    return run.ops.elementwise_forward("keep", x, array, 0.0)


def _chosen(run: Run, new: Array, old: Array, keep: Mask | None) -> Array:
    """Return the new numbers of the examples that are kept, and the old ones of others."""
    return new if keep is None else _sum(run, _kept(run, new, keep), _kept(run, old, ~keep))


def _sum(run: Run, a: Array | None, b: Array | None) -> Array | None:
    """Return a + b, of which each may be missing."""
    return b if a is None else a if b is None else run.ops.add([a, b])
