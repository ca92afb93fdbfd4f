"""Plans: those of a program, by the shapes of batches that came again."""

import math
import threading
from collections.abc import Sequence
from typing import NamedTuple

from lstm.backends.contract import Array, Plan
from lstm.configured import Changes
from lstm.interface import overrides_computation
from lstm.layers.base import Layer, Run
from lstm.layers.definition import Definition
from lstm.layers.masks import Mask
from lstm.layers.weight import Numbers
from lstm.losses import Loss
from lstm.models.parameters import Parameters
from lstm.models.planned_pass import PlannedPass, Record, recorded
from lstm.models.program import Program

_ENOUGH = 20
"""So many runs of a plan make up for the time that it takes to record it."""

_MISSES = 3
"""So many times in a row a plan is kept for data of which Python decides something else."""


class Found(NamedTuple):
    """A plan for a pass.

    Attributes:
        planned: the plan.
        arrays: what it is passed besides the inputs.
        masks: the masks of the outputs.
    """

    planned: PlannedPass
    arrays: list[Array]
    masks: list[Mask | None]


class Plans:
    """The plans of a program.

    One is made when a shape of batches comes again. Where shapes vary so much that plans are hardly
    used, they are made ever more rarely. There are none for a program with layers or a loss that a
    user wrote.

    Args:
        program: the program.
        parameters: all weights, if it learns.
    """

    version = 0
    """Another number after each change of the backend."""

    most_shapes = 16
    """Number of shapes that are remembered."""

    most_bytes = 1 << 26
    """Memory that plans may hold besides the latest one."""

    def __init__(self, program: Program, parameters: Parameters | None) -> None:
        losses = [] if program.objective is None else [program.objective.loss]
        self._graph, self._parameters = program.graph, parameters
        self._parts: list[Layer | Loss] = [*program.graph.layers.values(), *losses]
        self._weights = [*program.graph.weights.values()]
        # For each shape, the latest last: its plan, or how often it came. Infinity: it has none.
        self._shapes: dict[object, PlannedPass | float] = {}
        self._seen: list[int] = []
        self._looked = -1  # The latest change then.
        self._own = False
        self._patience = 1
        self._lock = threading.Lock()  # Several threads may predict with one model.

    def find(
        self,
        purpose: object,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
        record: Record,
        kept: Sequence[Array] = (),
        times: int = 1,
    ) -> Found | None:
        """Return a plan for such a pass; record one if it came often enough.

        Args:
            purpose: what else differs between passes.
            run, feeds, masks, record: the pass.
            kept: arrays that it changes besides weights and gradients.
            times: number of passes whose inputs are joined; for several nothing is recorded.
        """
        planned = self._known(purpose, run, feeds, masks, record, kept, times)
        derived = None if planned is None else planned.derive(feeds, masks, times)
        return None if planned is None or derived is None else Found(planned, *derived)

    def record(
        self,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
        record: Record,
        kept: Sequence[Array] = (),
        *,
        finite: bool = False,
    ) -> PlannedPass | None:
        """Record a pass like `run` now.

        Args:
            run, feeds, masks, record, kept: as for `find`.
            finite: whether the plan checks that all inputs are finite.

        Returns:
            What was recorded; None if such a pass is computed step by step.
        """
        if self._has_own():
            return None
        weights = [
            part
            for w in self._weights
            for part in (*w.arrays, w.gradient, w.running)
            if part is not None
        ]
        for layer in [*self._graph.layers.values(), *self._layers_of_penalties()]:
            weights += layer.constants
        if self._parameters is not None:
            weights += self._parameters.learned, self._parameters.gradients
        fixed = self._parameters is None
        recording = run.ops.recording([*weights, *kept], fixed)
        if recording is None:
            return None
        numbers = Numbers(self._weights)
        return recorded(record, recording, run, feeds, masks, numbers, fixed=fixed, finite=finite)

    @property
    def planned(self) -> list[Plan]:
        """The plans of the shapes that came again."""
        return [known.plan for known in self._shapes.values() if isinstance(known, PlannedPass)]

    def seen(self) -> list[int]:
        """Return the versions of what plans rely on: backend, layers, loss, weights, penalties."""
        penalties = (*self._graph.regularizers, *self._layers_of_penalties())
        return [part.version for part in (self, *self._parts, *self._weights, *penalties)]

    def _known(
        self,
        purpose: object,
        run: Run,
        feeds: Sequence[Array],
        masks: Sequence[Mask | None],
        record: Record,
        kept: Sequence[Array] = (),
        times: int = 1,
    ) -> PlannedPass | None:
        """Return the plan for the shapes of such a pass; see `find`."""
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
                    self._own = self._has_own()
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
                self._shapes[key] = self.record(run, feeds, masks, record, kept) or math.inf
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

    def _held(self) -> int:
        """Return the memory of all plans but the last."""
        return sum(plan.arena_bytes for plan in self.planned[:-1])

    def _layers_of_penalties(self) -> list[Definition]:
        """Return the layers that make up regularizers, as far as these have computed."""
        return [layer for one in self._graph.regularizers for layer in one.layers]

    def _has_own(self) -> bool:
        """Whether a layer, loss or regularizer of a user computes something of its own."""
        return any(map(_is_own, [*self._parts, *self._layers_of_penalties()]))


def _is_own(part: Definition | Loss) -> bool:
    """Whether a user's class, or a function on this object, computes something of its own."""
    kind = type(part)
    replaced = (name for name, value in vars(part).items() if callable(value))
    return overrides_computation(kind) or any(callable(getattr(kind, k, None)) for k in replaced)
