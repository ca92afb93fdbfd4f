"""One step of training or evaluation: forward, loss, backward, optimizer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.base import Arrays, Run
from lstm.layers.masks import Mask
from lstm.layers.remedies import for_data, for_target, remedied
from lstm.layers.symbolic import Shape, SymbolicTensor
from lstm.losses import CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from lstm.metrics import Metric
from lstm.metrics.names import by_name
from lstm.models import planning
from lstm.models.batches import Batch
from lstm.models.columns import Entry, check_one_reading
from lstm.models.goals import ClassWeights, Goal
from lstm.models.graph import Graph
from lstm.models.objective import Objective
from lstm.models.parameters import Parameters
from lstm.models.passes import Learned, Passes
from lstm.models.program import Program
from lstm.models.quantization import refuse_training
from lstm.models.state import State
from lstm.optimizers import Optimizer

Values = NDArray[Any]

_OF_CLASSES = (SparseCategoricalCrossentropy, CategoricalCrossentropy)
"""The losses of classes, which accept other targets than each other."""


@dataclass
class Carried:
    """The states carried from one batch to the next.

    Attributes:
        nodes: names of the recurrent nodes whose state is carried.
        states: the states after the last batch, on the backend; a model has one dict for all uses.
        resets: whether each pass over the data starts from zeros.
    """

    nodes: frozenset[str] = frozenset()
    states: dict[str, Arrays] = field(default_factory=dict)
    resets: bool = True

    @property
    def current(self) -> dict[str, Arrays]:
        """Return the states of the carried nodes; others may be left from earlier training."""
        return {name: state for name, state in self.states.items() if name in self.nodes}

    def state(self, backend: Backend) -> State:
        """Return a copy of the states, for use outside."""
        copy = backend.ops.copy
        states = {name: tuple(map(copy, parts)) for name, parts in self.states.items()}
        return State.of(backend, states)

    def continue_from(self, state: State, backend: Backend) -> None:
        """Continue from a copy of a state."""
        copy = backend.ops.copy
        self.states.clear()
        self.states |= {name: tuple(map(copy, parts)) for name, parts in state.on(backend).items()}

    def check(self, batch_size: int) -> None:
        """Check that the states have as many sequences as the batch.

        Raises:
            InvalidShapeError: they do not.
        """
        for first, *_ in self.current.values():
            if (size := first.shape[0]) != batch_size:
                raise InvalidShapeError(
                    "x",
                    f"{size} sequences, because state is carried over from the last batch "
                    "(reset_states() starts from zeros)",
                    batch_size,
                )


class Feeder:
    """Brings batches to a graph: checks them, and converts them to arrays of the backend.

    Args:
        graph: the graph to feed.
        backend: the backend of its arrays.
    """

    def __init__(self, graph: Graph, backend: Backend) -> None:
        self._graph = graph
        self._backend = backend

    def check(self, batch: Batch, *, any_length: bool = False) -> list[Shape]:
        """Refuse a batch that the graph cannot accept. Its numbers are already known to be finite.

        Args:
            batch: the batch to check.
            any_length: accept sequences of any length, even if the model was made for a certain
                one: they are chunks of longer ones.

        Returns:
            The shapes of the inputs.

        Raises:
            InvalidShapeError, InvalidValueError: the model cannot accept them.
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
        """Return the arrays of the backend for a checked batch, and their masks."""
        ops = self._backend.ops
        feeds = []
        for tensor, values in zip(self._graph.inputs, batch.x, strict=True):
            dtype = "int64" if tensor in self._graph.symbols else self._backend.dtype
            x = np.ascontiguousarray(_with_feature_axis(values, tensor), dtype)
            feeds.append(ops.array(x))
        return feeds, batch.masks


def _with_feature_axis(x: Values, tensor: SymbolicTensor) -> Values:
    """Return x, with a feature axis if the input has one feature and x lacks the axis."""
    missing = x.ndim == tensor.ndim - 1 and tensor.shape[-1] == 1
    return x[..., None] if missing else x


@dataclass
class Result:
    """The result of one batch, or of several equal ones, one after the other.

    Attributes:
        losses: of each, the sum of its weighted losses, divided by its count.
        counts: of each, the number of positions that are not masked.
        refused: whether the last loss is finite but the gradient or the step is not.
    """

    losses: list[float]
    counts: list[float]
    refused: bool = False

    @property
    def loss(self) -> float:
        """The last loss; NaN if its gradient was refused."""
        return math.nan if self.refused else self.losses[-1]


class Trainer:
    """Takes training steps on a graph, as set by `compile`.

    Args:
        graph: the model.
        parameters: its weights.
        backend: the backend that computes.
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
        optimizer.check(backend.dtype)
        self.parameters = parameters
        self.backend = backend
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = by_name(metrics, weighted_metrics)
        self._kinds = (False, metrics), (True, weighted_metrics)
        self._sees_outputs = any(metric.needs_outputs for metric in self.metrics.values())
        self._rng = rng
        self._graph, self._feed = graph, Feeder(graph, backend)
        self._passes = self._planned()
        self.reduce_gradients: Callable[[Array], None] | None = None

    @property
    def inputs(self) -> list[Entry]:
        """What it reads: the inputs of the model, and with several outputs the targets."""
        return self._graph.entries

    @property
    def fused(self) -> str:
        """What is computed together with the loss, if anything."""
        objective = self.program.objective
        return "" if objective is None else objective.fused

    @property
    def program(self) -> Program:
        """The program of a step, with the current settings of the layers."""
        return self._current.program

    @property
    def _current(self) -> Passes:
        """Return what runs the program, with the current settings of the layers."""
        if not self._passes.program.holds:
            self.parameters.bind()  # Weights that learn are recognized by their buffers.
            self._passes = self._planned()
        return self._passes

    def _planned(self) -> Passes:
        program = planning.train(self._graph, self.loss, sees_outputs=self._sees_outputs)
        return Passes(program, self.backend, self.parameters)

    @property
    def _objective(self) -> Objective:
        objective = self._passes.program.objective
        assert objective is not None
        return objective

    def check(self, batch: Batch, *, any_length: bool = False) -> None:
        """Refuse a batch that cannot be trained on; `any_length` as for the `Feeder`.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: the model cannot accept it.
        """
        shapes = self._feed.check(batch, any_length=any_length)
        if batch.y is None:
            raise InvalidTypeError("y", "targets", None)
        output: Any = self._graph.output_shapes(shapes)[0]
        try:
            self.loss.check(batch.y, output)
        except InvalidShapeError as error:
            steps = {x.shape[1] for x in batch.x if x.ndim > 1}
            accepts = partial(_accepts, batch.y.dtype)
            found = for_target(
                batch.y.shape,
                self._graph.outputs[0],
                output,
                steps,
                partial(accepts, self.loss),
                {kind.name: partial(accepts, kind()) for kind in _OF_CLASSES},
            )
            raise remedied(error, found) from None

    def train(
        self, batch: Batch, carried: Carried, class_weights: ClassWeights | None = None
    ) -> Result:
        """Take one optimizer step on a checked batch, or several on a batch of that many steps.

        Returns:
            The result. If the last loss is not finite, that step was not taken, because the loss or
            its gradient is too large for any number.
        """
        refuse_training(self._graph)
        self.parameters.bind()
        run, passes = self._run(batch, carried, training=True), self._current
        assert batch.y is not None
        weighted = batch.weight is not None or class_weights is not None

        def before_step(learned: Learned) -> None:
            self._measure_all(run, learned, batch)
            if self.reduce_gradients is not None and math.isfinite(learned.losses[-1]):
                self.reduce_gradients(self.parameters.gradients)

        # The loss without weights, which metrics may want, comes from the weights before the step.
        statistics = self.parameters.statistics()
        apart = self.reduce_gradients is not None or (weighted and bool(self.metrics))
        learned = passes.learn(
            run,
            *self._feed(batch),
            partial(self._goal, run, batch, class_weights),
            like=(batch.y.shape[1:], batch.weight is None, class_weights is None),
            sees_output=bool(self.metrics),
            optimizer=self.optimizer,
            before_step=before_step if apart else None,
            steps=batch.steps,
        )
        if learned is None:
            return self._train_apart(batch, carried, class_weights)
        if not apart:
            self._measure_all(run, learned, batch)
        pairs = zip(learned.losses, learned.penalties, strict=True)
        counts = [learned.goal.count] * len(learned.losses)
        result = Result([sum(pair) for pair in pairs], counts, learned.refused)
        if math.isfinite(result.loss):
            carried.states.update(run.new_states)
        if result.refused or not math.isfinite(result.loss):  # Nothing learned of these data.
            for weight, values in statistics:
                self.parameters.assign(weight, values)
        return result

    def _train_apart(
        self, batch: Batch, carried: Carried, class_weights: ClassWeights | None
    ) -> Result:
        """Take the steps of a batch one by one."""
        losses: list[float] = []
        counts: list[float] = []
        for part in batch.parts():
            result = self.train(part, carried, class_weights)
            losses += result.losses
            counts += result.counts
            if not math.isfinite(result.loss):
                break
        return Result(losses, counts, result.refused)

    def finish(self) -> None:
        """Let the weights become their average, if the optimizer keeps one."""
        self.parameters.bind()
        with self.parameters.changing():
            self.optimizer.finish(self.backend, self.parameters.learned)

    def test(self, batch: Batch, carried: Carried) -> Result:
        """Compute the loss and metrics of a checked batch."""
        run, passes = self._run(batch, carried, training=False), self._current
        (y,), (mask,) = passes.forward(run, *self._feed(batch))
        goal = self._goal(run, batch, None, y, mask)
        loss = self._loss(run, y, goal)
        carried.states.update(run.new_states)
        self._measure(run, loss, y, goal)
        return Result([loss + passes.penalty(run)], [goal.count])

    def _run(self, batch: Batch, carried: Carried, *, training: bool) -> Run:
        if batch.fresh and carried.resets:
            carried.states.clear()
        carried.check(batch.size)
        return Run(
            self.backend,
            training=training,
            keep_cache=training,
            rng=self._rng,
            states=carried.current,
            carried=carried.nodes,
            penalized=True,
        )

    def _goal(
        self,
        run: Run,
        batch: Batch,
        class_weights: ClassWeights | None,
        y: Array,
        mask: Mask | None,
    ) -> Goal:
        return self._objective.goal(run, y, mask, batch, class_weights)

    def _loss(self, run: Run, y: Array, goal: Goal) -> float:
        """Return the loss of an output, without gradients."""
        return self._objective.reach(run, y, goal, learns=False)[0]

    def _measure_all(self, run: Run, learned: Learned, batch: Batch) -> None:
        for k, loss in enumerate(learned.losses if self.metrics else ()):
            start, stop = k * batch.size, (k + 1) * batch.size
            y = learned.y if batch.steps == 1 else run.ops.part(learned.y, start, stop)
            self._measure(run, loss, y, learned.goal.part(slice(start, stop)))

    def _measure(self, run: Run, loss: float, y: Array, goal: Goal) -> None:
        if not self.metrics:
            return
        seen, to_numpy = y, run.ops.to_numpy
        if self._sees_outputs:
            seen = self._objective.outputs(run.ops, y)
        outputs, target = to_numpy(seen), goal.target
        for weighted, metrics in self._kinds:
            weights, total = goal.counting(weighted=weighted)
            mean = loss
            if goal.weight is not None and not all(metric.needs_outputs for metric in metrics):
                mean = self._mean_loss(run, y, goal, loss, total, weighted=weighted)
            for metric in metrics:
                if metric.needs_outputs:
                    metric.update_state(target, outputs, sample_weight=weights)
                else:
                    metric.update_state(mean, sample_weight=total)

    def _mean_loss(
        self, run: Run, y: Array, goal: Goal, loss: float, total: float, *, weighted: bool
    ) -> float:
        """Return the mean loss of a batch with weights, with positions weighted or equal."""
        if weighted:
            return loss * goal.count / (total or 1.0)
        return self._loss(run, y, replace(goal, weight=None))


def _accepts(dtype: Any, loss: Loss, target: Any, shape: Any) -> bool:
    """Whether a loss accepts targets of a shape for outputs of another."""
    try:
        loss.check(np.broadcast_to(np.zeros((), dtype), target), shape)
    except InvalidValueError:
        return False
    return True
