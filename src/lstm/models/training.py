"""One step of training or evaluation: forward, loss, backward, optimizer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.base import Arrays, Run
from lstm.layers.dense import Dense
from lstm.layers.masks import Mask, spread, whole
from lstm.layers.remedies import for_data, for_target, remedied
from lstm.layers.symbolic import Shape, SymbolicTensor
from lstm.losses import CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from lstm.metrics import Metric, by_name
from lstm.models.batches import Batch
from lstm.models.columns import check_one_reading
from lstm.models.goals import ClassWeights, Goal, spread_over
from lstm.models.graph import Graph, Trace
from lstm.models.held import held_loss
from lstm.models.parameters import Parameters
from lstm.models.state import State
from lstm.optimizers import Optimizer

Values = NDArray[Any]


@dataclass
class Carried:
    """The states that go from one batch to the next.

    Attributes:
        nodes: names of the recurrent nodes whose state is carried.
        states: what the last batch left, on the backend.
        anew: whether each pass over the data starts from zeros.
    """

    nodes: frozenset[str] = frozenset()
    states: dict[str, Arrays] = field(default_factory=dict)
    anew: bool = True

    @property
    def current(self) -> dict[str, Arrays]:
        """The states of the carried nodes; others may be left from an earlier training."""
        return {name: state for name, state in self.states.items() if name in self.nodes}

    def state(self, backend: Backend) -> State:
        """A copy of the states, for whoever asks from outside."""
        copy = backend.ops.copy
        states = {name: tuple(map(copy, parts)) for name, parts in self.states.items()}
        return State.of(backend, states)

    def go_on_from(self, state: State, backend: Backend) -> None:
        """Go on from a copy of a state."""
        copy = backend.ops.copy
        self.states = {name: tuple(map(copy, parts)) for name, parts in state.on(backend).items()}

    def check(self, batch_size: int) -> None:
        """Check that the states are those of as many sequences as the batch has.

        Raises:
            InvalidShapeError: they are not.
        """
        for first, *_ in self.current.values():
            if (size := first.shape[0]) != batch_size:
                raise InvalidShapeError(
                    "x",
                    f"{size} sequences, since state is carried over from the last batch "
                    "(reset_states() starts anew)",
                    batch_size,
                )


class Feeder:
    """Brings batches to a graph: checks them, and converts them to arrays of the backend.

    Args:
        graph: the graph to feed.
        backend: where its arrays live.
    """

    def __init__(self, graph: Graph, backend: Backend) -> None:
        self._graph = graph
        self._backend = backend

    def check(self, batch: Batch, *, any_length: bool = False) -> list[Shape]:
        """Refuse a batch that the graph cannot take. That its numbers are finite is known.

        Args:
            batch: what to check.
            any_length: take sequences of any length, though the model was made for a certain one:
                they are chunks of longer ones.

        Returns:
            The shapes of the inputs.

        Raises:
            InvalidShapeError, InvalidValueError: the model cannot take them.
        """
        inputs = self._graph.inputs
        shapes: list[Shape] = []
        for k, (tensor, values) in enumerate(zip(inputs, batch.x, strict=True)):
            argument = "x" if len(inputs) == 1 else f"x[{k}]"
            expected, symbols = tensor.shape, self._graph.symbols.get(tensor)
            sequences = len(expected) > 2 or (len(expected) == 2 and symbols is not None)
            if sequences and (any_length or not tensor.node.exact):
                expected = (None, None, *expected[2:])
            x = _with_feature_axis(values, tensor)
            given_whole = batch.masks[k] is None and not batch.chunk
            if x is not values and given_whole and expected[1] is None:
                check_one_reading(argument, values.shape)
            try:
                checks.shape(argument, x.shape, expected)
            except InvalidShapeError as error:
                raise remedied(error, for_data(values.shape, expected, symbols)) from None
            if symbols is not None:
                checks.index_range(argument, x, symbols)
            shapes.append(x.shape)
        lengths = [tensor.shape[1:2] for tensor in inputs]
        if any(
            None not in length and length != shape[1:2]
            for length, shape in zip(lengths, shapes, strict=True)
        ):
            self._graph.output_shapes(shapes)
        return shapes

    def __call__(self, batch: Batch) -> tuple[list[Array], list[Mask | None]]:
        """The arrays of the backend for a batch that was checked, and their masks."""
        ops = self._backend.ops
        feeds = []
        for tensor, values in zip(self._graph.inputs, batch.x, strict=True):
            dtype = "int64" if tensor in self._graph.symbols else self._backend.dtype
            x = np.ascontiguousarray(_with_feature_axis(values, tensor), dtype)
            feeds.append(ops.array(x))
        return feeds, batch.masks


def _with_feature_axis(x: Values, tensor: SymbolicTensor) -> Values:
    """x; for an input of a single feature, which need not be written, with an axis for it."""
    missing = x.ndim == tensor.ndim - 1 and tensor.shape[-1] == 1
    return x[..., None] if missing else x


@dataclass
class Result:
    """What one batch came to.

    Attributes:
        loss: the sum of its weighted losses, divided by `count`.
        count: number of positions, masked ones left out.
        refused: whether it was the gradient that was beyond all numbers, or the step.
    """

    loss: float
    count: float
    refused: bool = False


class Trainer:
    """What `compile` makes of a graph: it can take training steps.

    Args:
        graph: the model.
        parameters: its weights.
        backend: where it computes.
        optimizer, loss, metrics, weighted_metrics: as compiled.
        rng: for dropout.
    """

    def __init__(
        self,
        graph: Graph,
        parameters: Parameters,
        backend: Backend,
        optimizer: Optimizer,
        loss: Loss,
        metrics: Sequence[Metric],
        weighted_metrics: Sequence[Metric],
        rng: np.random.Generator,
    ) -> None:
        if len(graph.outputs) != 1:
            raise InvalidValueError("outputs", "one, to train a model", len(graph.outputs))
        optimizer.check(backend.dtype)
        self.parameters = parameters
        self.backend = backend
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = by_name(metrics, weighted_metrics)
        self._kinds = (False, metrics), (True, weighted_metrics)
        self._sees_outputs = any(metric.needs_outputs for metric in self.metrics.values())
        self._rng = rng
        self._feed = Feeder(graph, backend)
        # Softmax and cross-entropy are computed in one: faster, and free of overflow.
        fused = None if loss.from_logits else graph.logits(loss.activation)
        if loss.activation == "linear":
            fused = None
        self._graph = fused or graph
        self._loss = held_loss(loss.on_logits() if fused else loss)
        self._activation = loss.activation if fused else "linear"
        # The layer that makes the logits too, so that they are never there all at once, unless a
        # metric has to see them.
        self._head: Dense | None = None
        if _includes_linear(self._loss) and not self._sees_outputs:
            self._graph, self._head = self._graph.before_head() or (self._graph, None)
        self._needs = self._graph.needs()
        self.reduce_gradients: Callable[[Array], None] | None = None

    @property
    def fused(self) -> str:
        """What is computed together with the loss, if anything."""
        if self._head is not None:
            return "the last layer"
        return "" if self._activation == "linear" else "the last activation"

    def check(self, batch: Batch, *, any_length: bool = False) -> None:
        """Refuse a batch that cannot be trained on; `any_length` as for the `Feeder`.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: the model cannot take it.
        """
        shapes = self._feed.check(batch, any_length=any_length)
        if batch.y is None:
            raise InvalidTypeError("y", "targets", None)
        output: Any = self._graph.output_shapes(shapes)[0]
        try:
            self.loss.check(batch.y, output)
        except InvalidShapeError as error:
            steps = {x.shape[1] for x in batch.x if x.ndim > 1}
            found = for_target(batch.y, self._graph.outputs[0], output, steps, self.loss)
            raise remedied(error, found) from None

    def train(
        self, batch: Batch, carried: Carried, class_weights: ClassWeights | None = None
    ) -> Result:
        """Take one optimizer step on a batch that was checked.

        Returns:
            What it came to; a loss that is not finite means that no step was taken, because the
            loss or its gradient is beyond all numbers.
        """
        self.parameters.bind()
        run = self._run(batch, carried, training=True)
        trace = self._forward(run, batch)
        goal = self._goal(run, batch, trace, class_weights)
        self.parameters.zero_gradients()
        loss, gradient = self._compared(trace.outputs[0], goal, training=True)
        self._measure(loss, trace, goal)
        if not math.isfinite(loss):
            return Result(loss, goal.count)
        self._graph.backward(run, trace, [gradient], self._needs)
        gradients = self.parameters.gradients
        if self.reduce_gradients is not None:
            self.reduce_gradients(gradients)
        applied = self.optimizer.apply(self.backend, self.parameters.learned, gradients)
        if applied is False:  # One of the user's own may return nothing.
            return Result(math.nan, goal.count, refused=True)
        carried.states.update(run.new_states)
        return Result(loss, goal.count)

    def test(self, batch: Batch, carried: Carried) -> Result:
        """Compute the loss and metrics of a batch that was checked."""
        run = self._run(batch, carried, training=False)
        trace = self._forward(run, batch)
        goal = self._goal(run, batch, trace)
        loss, _ = self._compared(trace.outputs[0], goal, training=False)
        carried.states.update(run.new_states)
        self._measure(loss, trace, goal)
        return Result(loss, goal.count)

    def _run(self, batch: Batch, carried: Carried, *, training: bool) -> Run:
        if batch.fresh and carried.anew:
            carried.states.clear()
        carried.check(batch.size)
        return Run(
            self.backend,
            training=training,
            keep_cache=training,
            rng=self._rng,
            states=carried.current,
            carried=carried.nodes,
        )

    def _forward(self, run: Run, batch: Batch) -> Trace:
        return self._graph.forward(run, *self._feed(batch))

    def _compared(self, y: Array, goal: Goal, *, training: bool) -> tuple[float, Array | None]:
        """The loss, and in training the gradient of y, the output of the graph.

        Those of the head's weights are added to their buffers.
        """
        ops, head = self.backend.ops, self._head
        target = ops.array(goal.target)
        weights = goal.weights(self.backend.dtype)
        weight = None if weights is None else ops.array(weights)
        if head is None:
            loss, cache = self._loss.forward(ops, y, target, weight)
            return loss, self._loss.backward(ops, cache) if training else None
        x, w = y, head.value("kernel")
        b = head.value("bias") if head.use_bias else None
        if not training:
            return ops.linear_softmax_cross_entropy(x, w, b, target, weight, None, None, False)
        need_dx = self._needs[-1] is not None
        db = head.gradient("bias") if head.use_bias else None
        with head.kernel_gradient(self.backend) as dw:
            return ops.linear_softmax_cross_entropy(x, w, b, target, weight, dw, db, need_dx)

    def _goal(
        self, run: Run, batch: Batch, trace: Trace, class_weights: ClassWeights | None = None
    ) -> Goal:
        """What the outputs of a batch should be, and what counts."""
        assert batch.y is not None
        shape = tuple(trace.outputs[0].shape)
        if self._head is not None:
            shape = (*shape[:-1], self._head.units)
        target = self.loss.target(batch.y, shape, self.backend.dtype)
        positions = self.loss.positions(shape)
        weight = spread_over("sample_weight", batch.weight, positions)
        if class_weights is not None:
            of_classes = spread(class_weights.of(target, positions), positions)
            weight = of_classes if weight is None else weight * of_classes
        mask = self._mask(run, trace, positions)
        if mask is not None and _reversed(mask, batch.masks):
            raise InvalidValueError(
                "x",
                "sequences of one length, for a model whose outputs are in reversed order",
                "different lengths",
            )
        real = spread_over("mask", mask, positions)
        count = prod(positions) if real is None else np.count_nonzero(real)
        return Goal(target, real, weight, float(count))

    def _mask(self, run: Run, trace: Trace, positions: tuple[int, ...]) -> Mask | None:
        """Which positions count; None where all do, as whole examples always do."""
        mask = trace.masks[0]
        if self._head is not None:
            mask = self._head.mask_after(run, (trace.outputs[0],), mask)
        if mask is None:
            return None
        mask = whole(mask, len(positions))
        return None if mask.ndim < 2 else mask

    def _measure(self, loss: float, trace: Trace, goal: Goal) -> None:
        if not self.metrics:
            return
        ops, y = self.backend.ops, trace.outputs[0]
        if self._sees_outputs:
            y = ops.activation_forward(y, self._activation)
        outputs, target = ops.to_numpy(y), goal.target
        for weighted, metrics in self._kinds:
            shares, total = goal.shares(weighted=weighted)
            mean = loss
            if goal.weight is not None and not all(metric.needs_outputs for metric in metrics):
                mean = self._mean_loss(trace.outputs[0], goal, loss, total, weighted=weighted)
            for metric in metrics:
                metric.update(mean, outputs, target, shares, total)

    def _mean_loss(
        self, y: Array, goal: Goal, loss: float, total: float, *, weighted: bool
    ) -> float:
        """The mean loss of a batch with weights, of positions as they weigh or all alike."""
        if weighted:
            return loss * goal.count / (total or 1.0)
        return self._compared(y, replace(goal, weight=None), training=False)[0]


def _includes_linear(loss: Loss) -> bool:
    """Whether there is an operation for the loss of a linear layer; a user's own may differ."""
    known = type(loss) in (CategoricalCrossentropy, SparseCategoricalCrossentropy)
    return known and loss.from_logits


def _reversed(mask: Mask, real: Sequence[Mask | None]) -> bool:
    """Whether outputs with `mask` have padding in front, where targets have theirs at the end.

    Args:
        mask: which steps of the outputs count, (B, T).
        real: for each input of different lengths which of its steps are no padding.
    """
    known = [steps for steps in real if steps is not None]
    alike = [steps for steps in known if steps.shape == mask.shape]
    if known and not alike:
        return bool((mask[:, 1:] & ~mask[:, :-1]).any())
    return bool(alike) and all((mask & ~steps).any() for steps in alike)
