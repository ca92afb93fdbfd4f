"""Passes: runs a program on batches, step by step or, for a shape that comes again, from a plan."""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from lstm.backends import Backend
from lstm.backends.contract import Array, NotRecordableError, Ops, Recording
from lstm.configured import new_version
from lstm.layers.base import Run
from lstm.layers.masks import Mask
from lstm.layers.penalties import Penalty
from lstm.models.goals import Goal
from lstm.models.objective import Objective
from lstm.models.parameters import Parameters
from lstm.models.planned_pass import PlannedPass, Written
from lstm.models.plans import Found, Plans
from lstm.models.program import Program
from lstm.optimizers import Optimizer

GoalOf = Callable[[Array, Mask | None], Goal]
"""Returns the goal of the output of a batch, of which it reads only the shape, and its mask."""


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
    then on, batches of this shape are computed in one call. This changes no bit of a result. A
    program with layers or a loss that a user wrote is computed step by step, and so are batches
    with masks of which Python decides something else than when the plan was recorded, such as that
    one is full.

    Args:
        program: the program.
        backend: the backend of its arrays.
        parameters: all weights, if the program learns.

    Attributes:
        program: the program.
        plans: its plans.
    """

    def __init__(
        self, program: Program, backend: Backend, parameters: Parameters | None = None
    ) -> None:
        self.program = program
        self._backend = backend
        self._parameters = parameters
        self.plans = Plans(program, parameters)
        self._weights = [*program.graph.weights.values()]

    def forward(
        self, run: Run, feeds: Sequence[Array], masks: Sequence[Mask | None] = ()
    ) -> tuple[list[Array], list[Mask | None]]:
        """Return the outputs and their masks."""
        found = self.plans.find(None, run, feeds, masks, self._record_forward)
        if found is not None:
            returned = found.planned.run(run, *feeds, *_states(run), *found.arrays)
            if returned is not None:
                outputs, (numbers,) = returned
                run.penalties += zip(numbers, found.planned.factors[0], strict=True)
                return outputs, found.masks
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
        found = self.plans.find(purpose, run, feeds, masks, record, slots, steps)
        if found is not None:
            learnt = self._learn_from(
                found, run, feeds, goal_of, sees_output, optimizer, steps, whole
            )
            if learnt is not None:
                if not whole:
                    self._step(learnt, optimizer, before_step)
                return learnt
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
        learnt = Learned([loss], [total(run.penalties)], y, goal)
        self._step(learnt, optimizer, before_step)
        return learnt

    def _learn_from(
        self,
        found: Found,
        run: Run,
        feeds: Sequence[Array],
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
        planned, dtype = found.planned, self._backend.dtype
        shape = planned.y.shape
        goal = goal_of(Shaped((steps * shape[0], *shape[1:])), found.masks[0])
        if steps > 1 and goal.mask is not None:  # Each has a count of its own.
            return None
        # Of a loss that is one number for a batch, each step has one.
        goal.count = max(goal.count / steps, 1.0)
        target, weight = goal.arrays(self._backend)
        compared = [target] if weight is None else [target, weight]
        numbers = [optimizer.numbers(dtype, k) for k in range(steps if whole else 0)]
        with self._parameters.changing() if whole else nullcontext():
            given: Sequence[Sequence[float]] = numbers or [()]
            inputs = *feeds, *_states(run), *compared, *found.arrays
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
        learnt = Learned(losses, penalties, outputs[0] if sees_output else None, goal)
        if whole and math.isfinite(losses[-1]):
            learnt.refused = not results[-1][-1] < numbers[len(losses) - 1].longest
            optimizer.advance(len(losses) - learnt.refused)
        elif whole:
            optimizer.advance(len(losses) - 1)
        return learnt

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

    def compute_on(self, backend: Backend) -> None:
        """Compute on another backend with the same arrays from now on."""
        self._backend = backend
        new_version(self.plans)

    def prepared(self, run: Run, feeds: Sequence[Array]) -> PlannedPass | None:
        """Record a forward pass now; its plan checks that all inputs are finite.

        Returns:
            What was recorded; None if such a pass is computed step by step.
        """
        planned = self.plans.record(run, feeds, (), self._record_forward, finite=True)
        return None if planned is None or planned.plan.derives else planned

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
