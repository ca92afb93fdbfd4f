"""PlannedPass: a pass that was recorded, and runs from its plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np

from lstm.backends.contract import Array, NotRecordableError, Ops, Plan, Recording
from lstm.layers.base import Run
from lstm.layers.masks import Mask
from lstm.layers.weight import Numbers


class Written(NamedTuple):
    """What was recorded.

    Attributes:
        y: the output of which a goal needs the shape, if there is one.
        outputs: the arrays to return.
        masks: the masks of the outputs of the program.
    """

    y: Array | None
    outputs: Sequence[Array]
    masks: Sequence[Mask | None]


Record = Callable[[Recording, Run, Sequence[Array], Sequence[Mask | None]], Written]
"""Records a pass of these inputs, with these masks."""


@dataclass
class PlannedPass:
    """A plan, and what its runs take and return.

    Attributes:
        plan: the plan.
        y: the output of which a goal needs the shape, if there is one.
        seeded: whether it draws random numbers.
        states: for each node that leaves a state, how many arrays it has.
        weights: tells whether the numbers of the weights that it reads have changed.
        fixed: whether it only reads weights, which are then packed for many runs.
        runs: how often it was found for data that it is for.
        missed: how often in a row the data needed another plan.
        changes: the number of changes of weights before the latest run.
        seen: the same before the latest call.
    """

    plan: Plan
    y: Array
    seeded: bool
    states: Mapping[str, int]
    weights: Numbers
    fixed: bool
    factors: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    runs: int = 0
    missed: int = 0
    changes: int = -1
    seen: int = -1

    def derive(
        self, feeds: Sequence[Array], masks: Sequence[Mask | None], times: int = 1
    ) -> tuple[list[Array], list[Mask | None]] | None:
        """Return what the plan is passed besides such inputs, and the masks of the outputs.

        It returns None if the plan is not for such masks.
        """
        found = self.plan.derive([*feeds, *(m for m in masks if m is not None)], times)
        self.missed = self.missed + 1 if found is None else 0
        self.runs += found is not None
        return found

    def call(
        self,
        inputs: Sequence[Array],
        numbers: Sequence[float] = (),
        outputs: Sequence[Array] = (),
        times: int = 1,
    ) -> tuple[list[Array], list[list[float]]] | None:
        """Run the plan with the weights as they are now.

        It returns None where they have just changed: packing takes longer than a single step, so
        weights that change before every pass are read where they are.
        """
        before, changes = self.seen, self.weights.changes
        self.seen = changes
        if self.fixed and changes not in (before, self.changes) and self.changes >= 0:
            return None
        returned = self.plan.run(
            inputs, numbers, outputs, times=times, changed=changes != self.changes
        )
        if returned is not None:
            self.changes = changes
        return returned

    def run(
        self, run: Run, *arrays: Array, numbers: Sequence[Sequence[float]] = ((),)
    ) -> tuple[list[Array], list[list[float]]] | None:
        """Return the outputs and numbers of runs; None if the plan is in use in another thread.

        Args:
            run: the pass, which gets its states.
            arrays: the inputs, the states that it starts from, and what the loss compares with.
            numbers: the variables of each run.
        """
        times, before = len(numbers), None
        if self.seeded and times > 1:
            before = dict(run.rng.bit_generator.state)
        seeds = [run.new_seed() if self.seeded else 0 for _ in numbers]
        if self.seeded:
            run.seed = seeds[0]  # Also of a pass step by step, if the plan cannot run.
        given = [x for seed, others in zip(seeds, numbers, strict=True) for x in (seed, *others)]
        returned = self.call(arrays, given, times=times)
        done = 0 if returned is None else len(returned[1])
        if before is not None and done < times:  # As if only they had been drawn that were used.
            run.rng.bit_generator.state = before
            run.rng.integers(2**64, size=done, dtype=np.uint64)
        if returned is None:
            return None
        outputs, results = returned
        for name, count in self.states.items():
            run.new_states[name] = tuple(outputs[:count])
            del outputs[:count]
        return outputs, results


def recorded(
    record: Record,
    recording: Recording,
    run: Run,
    feeds: Sequence[Array],
    masks: Sequence[Mask | None],
    weights: Numbers,
    *,
    fixed: bool,
    finite: bool,
) -> PlannedPass | None:
    """Record a pass like `run`; None if the backend cannot.

    Args:
        record, recording: what records, and where.
        run, feeds, masks: the pass.
        weights: those that it reads.
        fixed: whether it only reads them.
        finite: whether inputs have to be checked.
    """

    def given(x: Array, *example: Array) -> Array:
        tokens = run.ops.holds_tokens(x)
        return recording.input(x.shape, "int64" if tokens else run.backend.dtype, *example)

    try:
        symbols = [given(x, run.ops.to_numpy(x)) for x in feeds]
        silent = replace(
            run,
            backend=replace(run.backend, ops=cast(Ops, recording)),
            states={name: tuple(map(given, parts)) for name, parts in run.states.items()},
            new_states={},
            drawn={},
            penalties=[],
            seed=recording.variable(),
        )
        known = [None if mask is None else recording.data(mask) for mask in masks]
        y, outputs, of_outputs = record(recording, silent, symbols, known)
        left = [part for parts in silent.new_states.values() for part in parts]
        plan = recording.plan([*left, *outputs], of_outputs, finite=finite)
    except NotRecordableError:
        return None
    states = {name: len(parts) for name, parts in silent.new_states.items()}
    factors = [factor for _, factor in silent.penalties]
    split = tuple(factors[: silent.early]), tuple(factors[silent.early :])
    return PlannedPass(plan, y, silent.draws > 0, states, weights, fixed, split)
