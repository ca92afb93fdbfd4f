"""Passes: runs a program on batches, step by step or, for a shape that comes again, from a plan."""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from lstm.backends import Backend
from lstm.backends.contract import Array, NotRecordableError, Ops, Plan, Recording
from lstm.configured import Changes, new_version
from lstm.interface import overrides_computation
from lstm.layers.base import Layer, Run
from lstm.layers.definition import Definition
from lstm.layers.masks import Mask
from lstm.layers.penalties import Penalty
from lstm.layers.weight import Numbers
from lstm.losses import Loss
from lstm.models.goals import Goal
from lstm.models.objective import Objective
from lstm.models.parameters import Parameters
from lstm.models.planned_pass import PlannedPass, Record, Written, recorded
from lstm.models.program import Program
from lstm.optimizers import Optimizer

GoalOf = Callable[[Array, Mask | None], Goal]
"""Returns the goal of the output of a batch, of which it reads only the shape, and its mask."""

_ENOUGH = 20
"""So many runs of a plan make up for the time that it takes to record it."""

_MISSES = 3
"""So many times in a row a plan is kept for data of which Python decides something else."""


@dataclass
class Learned:
    """The result of one or more training steps, one after the other.

    Attributes:
        losses: the loss of each; if the last is not finite, its step was not taken.
        penalties: what large weights and outputs add to each.
        y: the outputs of the program; perhaps None if nothing sees them.
        goal: the goal of each.
        refused: whether the last loss is finite, but its gradient is too large for a step.
    """

    losses: list[float]
    penalties: list[float]
    y: Array
    goal: Goal
    refused: bool = False


class Shaped(NamedTuple):
    """An array of which only the shape is known."""

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)


class Passes:
    """Runs the passes of a program.

    When a shape of batches comes again, a backend that can record writes down what it does; from
    then on, batches of this shape are computed in one call. This changes no bit of a result. Where
    shapes vary so much that plans are hardly used, they are made ever more rarely. A program with
    layers or a loss that a user wrote is computed step by step, and so are batches with masks of
    which Python decides something else than when the plan was recorded, such as that one is full.

    Args:
        program: the program.
        backend: the backend of its arrays.
        parameters: all weights, if the program learns.
    """

    version = 0
    """Another number after each change of the backend."""

    most_shapes = 16
    """Number of shapes that are remembered."""

    most_bytes = 1 << 26
    """Memory that plans may hold besides the latest one."""

    def __init__(
        self, program: Program, backend: Backend, parameters: Parameters | None = None
    ) -> None:
        self.program = program
        self._backend = backend
        self._parameters = parameters
        graph = program.graph
        losses = [] if program.objective is None else [program.objective.loss]
        self._parts: list[Layer | Loss] = [*graph.layers.values(), *losses]
        self._weights = [*graph.weights.values()]
        # For each shape, the latest last: its plan, or how often it came. Infinity: it has none.
        self._shapes: dict[object, PlannedPass | float] = {}
        self._seen: list[int] = []
        self._looked = -1  # The latest change then.
        self._own = False
        self._patience = 1
        self._lock = threading.Lock()  # Several threads may predict with one model.

    def forward(
        self, run: Run, feeds: Sequence[Array], masks: Sequence[Mask | None] = ()
    ) -> tuple[list[Array], list[Mask | None]]:
        """Return the outputs and their masks."""
        planned = self._find(None, run, feeds, masks, self._record_forward)
        derived = None if planned is None else planned.derive(feeds, masks)
        if planned is not None and derived is not None:
            arrays, of_outputs = derived
            returned = planned.run(run, *feeds, *_states(run), *arrays)
            if returned is not None:
                outputs, (numbers,) = returned
                run.penalties += zip(numbers, planned.factors[0], strict=True)
                return outputs, of_outputs
        trace = self.program.forward(run, feeds, masks)
        return trace.outputs, trace.masks

    def learn(
        self,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
        goal_of: GoalOf,
        *,
        like: object,
        sees_output: bool,
        optimizer: Optimizer,
        before_step: Callable[[Learned], None] | None = None,
        steps: int = 1,
    ) -> Learned | None:
        """Take training steps: compute loss and gradients, and let the optimizer change weights.

        Args:
            run, feeds, masks: the pass and its inputs.
            goal_of: returns the goal of the batch.
            like: a value that differs where goals have other shapes.
            sees_output: whether the output is wanted.
            optimizer: takes the steps.
            before_step: is called when the gradients are there, before the step, if given.
            steps: number of steps; the inputs are those of all, joined along the first axis.

        Returns:
            The result; None, and nothing is done, if several steps do not come from a plan.
        """
        assert self._parameters is not None
        learned, gradients = self._parameters.learned, self._parameters.gradients
        whole = before_step is None and optimizer.recordable
        if steps > 1 and not whole:
            return None
        optimizer.prepare(self._backend, learned, self._parameters.ends)

        def record(
            recording: Recording,
            run: Run,
            feeds: Sequence[Array],
            masks: Sequence[Mask | None],
        ) -> Written:
            trace = self.program.forward(run, feeds, masks)
            run.early = len(run.penalties)
            y, mask = trace.outputs[0], trace.masks[0]
            goal = goal_of(y, None if mask is None else recording.example(mask))
            if not self._objective.only_compares(goal):
                raise NotRecordableError
            target, weight = goal.arrays(self._backend)
            target = recording.input(target.shape, str(target.dtype))
            weight = None if weight is None else recording.input(weight.shape, str(weight.dtype))
            recording.fill(gradients, 0.0)
            _, gradient = self._objective.compare(run, y, target, weight, learns=True)
            recording.stop_unless_below(math.inf)
            self.program.backward(run, trace, [gradient])
            self._regularize(run)
            if whole:
                optimizer.record(recording, run.backend, learned, gradients)
                self._constrain(run.ops)
            return Written(y, [y] if sees_output else [], [mask])

        purpose = like, sees_output, optimizer.identity() if whole else None
        slots = [*optimizer.slots.values()] if whole else []
        planned = self._find(purpose, run, feeds, masks, record, slots, steps)
        derived = None if planned is None else planned.derive(feeds, masks, steps)
        if planned is not None and derived is not None:
            found = self._learn_from(
                planned, run, feeds, *derived, goal_of, sees_output, optimizer, steps, whole
            )
            if found is not None:
                if not whole:
                    self._step(found, optimizer, before_step)
                return found
        if steps > 1:
            return None
        trace = self.program.forward(run, feeds, masks)
        y, mask = trace.outputs[0], trace.masks[0]
        goal = goal_of(y, mask)
        run.ops.fill(gradients, 0.0)
        loss, gradient = self._objective.reach(run, y, goal, learns=True)
        if math.isfinite(loss):
            self.program.backward(run, trace, [gradient])
            self._regularize(run)
        found = Learned([loss], [total(run.penalties)], y, goal)
        self._step(found, optimizer, before_step)
        return found

    def _learn_from(
        self,
        planned: PlannedPass,
        run: Run,
        feeds: Sequence[Array],
        arrays: Sequence[Array],
        masks: Sequence[Mask | None],
        goal_of: GoalOf,
        sees_output: bool,
        optimizer: Optimizer,
        steps: int,
        whole: bool,
    ) -> Learned | None:
        """Run recorded training steps: `whole` ones, or without what the optimizer does.

        Returns:
            The result; None, and nothing is done, if the plan cannot run now.
        """
        assert self._parameters is not None
        shape, dtype = planned.y.shape, self._backend.dtype
        goal = goal_of(Shaped((steps * shape[0], *shape[1:])), masks[0])
        if steps > 1 and goal.mask is not None:  # Each has a count of its own.
            return None
        # Of a loss that is one number for a batch, each step has one.
        goal.count = max(goal.count / steps, 1.0)
        target, weight = goal.arrays(self._backend)
        compared = [target] if weight is None else [target, weight]
        numbers = [optimizer.numbers(dtype, k) for k in range(steps if whole else 0)]
        with self._parameters.changing() if whole else nullcontext():
            given: Sequence[Sequence[float]] = numbers or [()]
            inputs = *feeds, *_states(run), *compared, *arrays
            returned = planned.run(run, *inputs, numbers=given)
        if returned is None:
            return None
        outputs, results = returned
        before, after = planned.factors
        early, late = len(before), len(before) + 1 + len(after)
        losses = [numbers[early] for numbers in results]
        penalties = [
            total(zip((*numbers[:early], *numbers[early + 1 : late]), before + after, strict=False))
            for numbers in results
        ]
        found = Learned(losses, penalties, outputs[0] if sees_output else None, goal)
        if whole and math.isfinite(losses[-1]):
            found.refused = not results[-1][-1] < numbers[len(losses) - 1].longest
            optimizer.advance(len(losses) - found.refused)
        elif whole:
            optimizer.advance(len(losses) - 1)
        return found

    def _step(
        self, found: Learned, optimizer: Optimizer, before: Callable[[Learned], None] | None
    ) -> None:
        """Let the optimizer change the weights along the gradients, if the loss is finite."""
        assert self._parameters is not None
        if before is not None:
            before(found)
        if math.isfinite(found.losses[-1]):
            learned, gradients = self._parameters.learned, self._parameters.gradients
            with self._parameters.changing():  # A user's optimizer may return None.
                found.refused = optimizer.apply(self._backend, learned, gradients) is False
                self._constrain(self._backend.ops)

    def _regularize(self, run: Run) -> None:
        """Add what large weights add to the loss, and to the gradients."""
        for weight in self._weights:
            if weight.regularizer is not None and weight.gradient is not None:
                penalties, cache = weight.regularizer.forward(run.ops, weight.value)
                run.penalties += penalties
                added = weight.regularizer.backward(run.ops, cache)
                if added is not None:
                    run.ops.accumulate(added, weight.gradient)

    def penalty(self, run: Run) -> float:
        """Return what outputs of a pass, and large weights, add to the loss."""
        for weight in self._weights:
            learns = weight.trainable and not weight.is_int8
            if weight.regularizer is not None and learns:
                penalties, _ = weight.regularizer.forward(run.ops, weight.value)
                run.penalties += penalties
        return total(run.penalties)

    def _constrain(self, ops: Ops) -> None:
        """Make weights what they must be after a step."""
        for weight in self._weights:
            if weight.constraint is not None and weight.gradient is not None:
                allowed = weight.constraint.applied(ops, weight.value)
                ops.fill(weight.running, 0.0)
                ops.accumulate(allowed, weight.running)

    @property
    def _objective(self) -> Objective:
        assert self.program.objective is not None
        return self.program.objective

    # ---- recording

    def prepared(self, run: Run, feeds: Sequence[Array]) -> PlannedPass | None:
        """Record a forward pass now; its plan checks that all inputs are finite.

        Returns:
            What was recorded; None if such a pass is computed step by step.
        """
        if any(map(_is_own, self._parts)):
            return None
        planned = self._record(run, feeds, (), self._record_forward, finite=True)
        return None if planned is None or planned.plan.derives else planned

    def _find(
        self,
        purpose: object,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
        record: Record,
        kept: Sequence[Array] = (),
        times: int = 1,
    ) -> PlannedPass | None:
        """Return what was recorded for such a pass; record it if it came often enough.

        Args:
            purpose: what else differs between passes.
            run, feeds, masks, record: the pass.
            kept: arrays that it changes besides weights and gradients.
            times: number of passes whose inputs are joined; for several nothing is recorded.
        """
        of_masks = tuple([None if mask is None else mask.shape for mask in masks])
        if times > 1 and (run.carried or any(of_masks)):
            return None
        key = (
            purpose,
            of_masks,
            (run.training, run.keep_cache, run.penalized, run.carried),
            tuple([((x.shape[0] // times, *x.shape[1:]), run.ops.holds_tokens(x)) for x in feeds]),
            tuple([(name, *[part.shape for part in parts]) for name, parts in run.states.items()]),
        )
        with self._lock:
            latest = Changes.latest
            if latest != self._looked:
                self._looked = latest
                if self._seen != (now := self.seen()):
                    self._shapes, self._seen = {}, now
                    self._own = any(map(_is_own, [*self._parts, *self._layers_of_penalties()]))
            if self._own:
                return None
            known = self._shapes.pop(key, 0)
            if isinstance(known, PlannedPass) and known.missed < _MISSES:
                self._shapes[key] = known
                return known
            if isinstance(known, PlannedPass):
                self._wait_longer(known)
                known = self._patience
            if times > 1:
                if known:
                    self._shapes[key] = known
                return None
            if self._patience <= known < math.inf:
                self._shapes[key] = self._record(run, feeds, masks, record, kept) or math.inf
            else:
                self._shapes[key] = known + 1
            while len(self._shapes) > self.most_shapes or self._held() > self.most_bytes:
                oldest = self._shapes.pop(next(iter(self._shapes)))
                self._wait_longer(oldest)
        return None

    def _wait_longer(self, given_up: PlannedPass | float) -> None:
        """Record more rarely from now on, where a plan was hardly used."""
        if isinstance(given_up, PlannedPass) and given_up.runs < _ENOUGH:
            self._patience = min(2 * self._patience, 64)

    @property
    def planned(self) -> list[Plan]:
        """The plans of the shapes that came again."""
        return [known.plan for known in self._shapes.values() if isinstance(known, PlannedPass)]

    def _held(self) -> int:
        """Return the memory of all plans but the last."""
        return sum(plan.arena_bytes for plan in self.planned[:-1])

    def seen(self) -> list[int]:
        """Return the versions of what plans rely on: backend, layers, loss, weights, penalties."""
        penalties = (*self.program.graph.regularizers, *self._layers_of_penalties())
        return [part.version for part in (self, *self._parts, *self._weights, *penalties)]

    def _layers_of_penalties(self) -> list[Definition]:
        """Return the layers that make up regularizers, as far as these have computed."""
        return [layer for one in self.program.graph.regularizers for layer in one.layers]

    def compute_on(self, backend: Backend) -> None:
        """Compute on another backend with the same arrays from now on."""
        self._backend = backend
        new_version(self)

    def _record(
        self,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
        record: Record,
        kept: Sequence[Array] = (),
        *,
        finite: bool = False,
    ) -> PlannedPass | None:
        """Return a recorded pass like `run`, if the backend can record it."""
        weights = [
            part
            for w in self._weights
            for part in (*w.arrays, w.gradient, w.running)
            if part is not None
        ]
        for layer in [*self.program.graph.layers.values(), *self._layers_of_penalties()]:
            weights += layer.constants
        if self._parameters is not None:
            weights += self._parameters.learned, self._parameters.gradients
        fixed = self._parameters is None
        recording = run.ops.recording([*weights, *kept], fixed)
        if recording is None:
            return None
        numbers = Numbers(self._weights)
        return recorded(record, recording, run, feeds, masks, numbers, fixed=fixed, finite=finite)

    def _record_forward(
        self,
        recording: Recording,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
    ) -> Written:
        trace = self.program.forward(run, feeds, masks)
        run.early = len(run.penalties)
        return Written(None, trace.outputs, trace.masks)


def total(penalties: Iterable[Penalty]) -> float:
    """Return the sum of numbers times their factors."""
    return sum((number * factor for number, factor in penalties), 0.0)


def _states(run: Run) -> list[Array]:
    return [part for parts in run.states.values() for part in parts]


def _is_own(part: Definition | Loss) -> bool:
    """Whether a user's class, or a function on this object, computes something of its own."""
    kind = type(part)
    replaced = (name for name, value in vars(part).items() if callable(value))
    return overrides_computation(kind) or any(callable(getattr(kind, k, None)) for k in replaced)
