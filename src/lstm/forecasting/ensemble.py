"""An ensemble: networks of one design that learn from a panel, and their mean forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import seeding
from lstm.callbacks import EarlyStopping
from lstm.errors import InvalidValueError
from lstm.forecasting.design import Design
from lstm.forecasting.distributions import DISTRIBUTIONS, Distribution
from lstm.forecasting.examples import Batch, Examples
from lstm.forecasting.frequency import Times
from lstm.forecasting.network import network, pinball_of
from lstm.forecasting.outputs import middle_of
from lstm.forecasting.panel import Panel, Values, listed
from lstm.forecasting.scale import Scale
from lstm.interface import warn
from lstm.models import Model
from lstm.optimizers import AdamW
from lstm.optimizers.schedules import CosineDecay

Sizes = Mapping[str, tuple[float, float]]

BATCH = 1024
"""Windows that are forecast at once."""

Levels = tuple[float, ...]
"""Probabilities below quantiles."""

MEDIAN: Levels = (0.5,)

PATHS, BEYOND = 200, 10
"""Ways to go on that are drawn of each series, where quantiles follow from them: so many at least,
and so many that this number is expected beyond the outermost quantile."""

ROUNDS = 10
"""Parts of training, after each of which it is measured how good the network is."""

STEPS, STEP_LIMITS = 4.5, (100, 3000)
"""Training steps for the root of the number of windows, found on the ends of the series of M1, of
Tourism, and of M3 and M4 without their test parts: fewer windows are learned by heart sooner."""


@dataclass(frozen=True)
class Training:
    """How networks are trained.

    Attributes:
        max_steps: training steps; None for as many as suit the number of windows.
        batch_size: windows in a step.
        learning_rate: at the beginning; it falls to 0 in half a cosine.
        verbose: as in `Model.fit`.
    """

    max_steps: int | None
    batch_size: int
    learning_rate: float
    verbose: int | str


class Windows:
    """Batches of windows drawn at random: each series is as likely as the others.

    Args:
        examples: what is read.
        first, last: of each series, the first and the last step at which a forecast may begin.
        steps: number of batches.
        batch_size: windows in each.
        rng: draws them.
    """

    def __init__(
        self,
        examples: Examples,
        first: Times,
        last: Times,
        steps: int,
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        self._examples, self._first, self._last = examples, first, last
        self._series = np.flatnonzero(last >= first)
        self._steps, self._batch_size, self._rng = steps, batch_size, rng

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        if not 0 <= index < self._steps:
            raise IndexError(index)
        series = self._rng.choice(self._series, self._batch_size)
        cutoffs = self._rng.integers(self._first[series], self._last[series] + 1)
        return example(self._examples, series, cutoffs)


def example(examples: Examples, series: Times, cutoffs: Times) -> tuple[Any, ...]:
    """Return inputs and targets of windows; with weights where targets are missing."""
    inputs, scale = examples.inputs(series, cutoffs)
    y, weights = examples.targets(series, cutoffs, scale)
    targets = y[:, :, None].astype(np.float32)
    if weights.all():
        return inputs, targets
    return inputs, targets, weights.astype(np.float32)


class Ensemble:
    """Networks that forecast together.

    Args:
        design: what they read and write.
        sizes: mean and deviation of each covariate in the data to learn from.
        networks: them.
    """

    def __init__(self, design: Design, sizes: Sizes, networks: list[Model]) -> None:
        self.design, self.sizes, self.networks = design, dict(sizes), networks

    @classmethod
    def fitted(
        cls,
        design: Design,
        panel: Panel,
        static: Values,
        training: Training,
        count: int,
        seed: int | None,
        val_size: int,
    ) -> Self:
        """Return networks that have learned from a panel.

        Args:
            static: numbers that describe each series, (N, static).
            count: how many networks.
            seed: of the first; the others have the next ones. None for any.
            val_size: last steps of each series to validate on: the weights are those that forecast
                them best.

        Raises:
            InvalidValueError: no series is long enough.
        """
        sizes = {name: _size(panel.covariates[name]) for name in (*design.past, *design.future)}
        examples = Examples(design, panel, static, sizes)
        first, last = learned_from(design, panel, val_size)
        if not (last >= first).any():
            longest = int(panel.lengths.max())
            expected = f"a series of at least {least_history(design) + design.h + val_size} steps"
            expected += f" (h is {design.h}"
            expected += f", val_size {val_size})" if val_size else ")"
            raise InvalidValueError("df", expected, f"at most {longest}")
        if short := [entry for n, entry in enumerate(panel.ids) if last[n] < first[n]]:
            share = f"{len(short):,} of {len(panel):,} series"
            warn(f"{share} are too short to learn from: {listed(short)}")
        networks = []
        for k in range(count):
            with seeding.seeded(None if seed is None else seed + k):
                net = network(design)
                # Draws of their own, so that the number of draws does not depend on training.
                rng = np.random.default_rng(seeding.generator().integers(2**63))
                _train(net, examples, first, last, training, rng, val_size)
            networks.append(net)
        return cls(design, sizes, networks)

    def forecast(
        self,
        panel: Panel,
        static: Values,
        cutoffs: Times,
        h: int,
        recursive: bool = False,
        levels: Levels = (),
    ) -> tuple[Values, Values]:
        """Return forecasts after the steps before `cutoffs`, one for each series.

        Args:
            panel: the series. Of what follows the cutoffs, only columns `future` are read.
            static: numbers that describe each series.
            h: steps to forecast, no more than in the design unless `recursive`.
            recursive: read forecasts as if they were known, and go on.
            levels: the quantiles that a distribution is asked for; by default the median.

        Returns:
            The forecasts (N, h, outputs) in units of the series, and the error that counts as 1 in
            the loss, (N). Outputs are those of the design; of a distribution, one for each level.

        Raises:
            InvalidValueError: nothing is known of a series where the network looks.
        """
        _check_known(self.design, panel, cutoffs)
        if not recursive:
            examples = Examples(self.design, panel, static, self.sizes)
            found, scale = self.outputs(examples, np.arange(len(panel)), cutoffs, levels)
            return found[:, :h], scale.unit
        if self.design.distribution is not None:
            rng = np.random.default_rng(0)
            outermost = min(min(q, 1 - q) for q in levels or MEDIAN)
            count = max(PATHS, int(np.ceil(BEYOND / outermost)))
            paths, units = self.paths(panel, static, cutoffs, h, count, rng, recursive=True)
            found = np.quantile(paths, levels or MEDIAN, axis=1)
            return np.moveaxis(found, 0, -1), units
        middle, parts = middle_of(self.design.quantiles), []
        panel = panel.ahead(cutoffs, h)
        for begin in range(0, h, self.design.h):
            examples = Examples(self.design, panel, static, self.sizes)
            found, scale = self.outputs(examples, np.arange(len(panel)), cutoffs + begin)
            units = scale.unit if begin == 0 else units
            parts.append(found)
            rows = panel.offsets[:-1] + cutoffs + begin
            for k in range(min(self.design.h, h - begin)):
                panel.y[rows + k] = found[:, k, middle]
        return np.concatenate(parts, axis=1)[:, :h], units

    def paths(
        self,
        panel: Panel,
        static: Values,
        cutoffs: Times,
        h: int,
        count: int,
        rng: np.random.Generator,
        recursive: bool,
    ) -> tuple[Values, Values]:
        """Return ways that each series may go on, drawn from a distribution, and units.

        Args:
            panel, static, cutoffs, h, recursive: as for `forecast`.
            count: of each series.
            rng: draws them.

        Returns:
            The paths (N, count, h), whose steps depend on each other if `recursive`, and the error
            that counts as 1 in the loss, (N).
        """
        _check_known(self.design, panel, cutoffs)
        N, design = len(panel), self.design
        found, units = np.zeros((N, count, h)), np.ones(N)
        at_once = max(BATCH // count, 1)
        for low in range(0, N, at_once):
            some = np.arange(low, min(low + at_once, N)).repeat(count)
            drawn = panel.of(some, cutoffs[some] - design.input_size, cutoffs[some], h)
            ends = drawn.lengths - h
            for begin in range(0, h, design.h):
                steps = min(design.h, h - begin)
                examples = Examples(design, drawn, static[some], self.sizes)
                values, scale = self._drawn(examples, ends + begin, rng)
                rows = drawn.offsets[:-1] + ends + begin
                for k in range(steps):
                    drawn.y[rows + k] = values[:, k]
                part = values[:, :steps].reshape(-1, count, steps)
                found[low : low + at_once, :, begin : begin + steps] = part
                if begin == 0:
                    units[low : low + at_once] = scale.unit[::count]
        return found, units

    def _drawn(
        self, examples: Examples, cutoffs: Times, rng: np.random.Generator
    ) -> tuple[Values, Scale]:
        """Return values (N, h) drawn from the networks, one window each in turn, and scales."""
        inputs, scale = examples.inputs(np.arange(len(cutoffs)), cutoffs)
        outputs = np.stack([_outputs(net, inputs) for net in self.networks])
        windows = np.arange(len(cutoffs))
        chosen = outputs[windows % len(self.networks), windows]
        values = self._distribution.drawn(chosen, rng)
        return (values if self.design.in_values else scale.values(self.design, values)), scale

    @property
    def _distribution(self) -> Distribution:
        assert self.design.distribution is not None
        return DISTRIBUTIONS[self.design.distribution]

    def outputs(
        self, examples: Examples, series: Times, cutoffs: Times, levels: Levels = ()
    ) -> tuple[Values, Scale]:
        """Return forecasts (N, h, outputs) of the design's h steps of windows, and scales."""
        inputs, scale = examples.inputs(series, cutoffs)
        each = [_outputs(net, inputs) for net in self.networks]
        if self.design.distribution is None:
            found = each[0] if len(each) == 1 else np.mean(each, axis=0)
            if self.design.shift:  # So some values are 0, and none is below.
                found = np.maximum(found, 0)
            return found * scale.unit[:, None, None], scale
        found = np.mean(
            [self._distribution.quantiles(outputs, levels or MEDIAN) for outputs in each], axis=0
        )
        if self._distribution.of_counts:
            found = np.ceil(found)
        return (found if self.design.in_values else scale.values(self.design, found)), scale


def _check_known(design: Design, panel: Panel, cutoffs: Times) -> None:
    """Check that each series has a value that the network can read before its forecast."""
    for n, end in enumerate(cutoffs.tolist()):
        seen = panel.series(n)[max(end - design.input_size, 0) : end]
        usable = seen > 0 if design.log and not design.shift else ~np.isnan(seen)
        if not usable.any():
            what = "value above 0, for a logarithm," if design.log and not design.shift else "value"
            expected = f"a {what} among the {design.input_size} steps before a forecast"
            got = f"none of {panel.ids[n]!r} before {panel.shown(n, end)}"
            raise InvalidValueError("df", expected, got)


def least_history(design: Design) -> int:
    """Return how many steps must precede the first forecast to learn from."""
    return min(design.input_size, max((2 * design.patch, *design.seasons[:1], 2)))


def learned_from(design: Design, panel: Panel, val_size: int = 0) -> tuple[Times, Times]:
    """Return the first and the last step of each series at which a forecast to learn from begins.

    Of a series that is too short, the first is behind the last.
    """
    last = panel.lengths - design.h - val_size
    return np.minimum(design.input_size, np.maximum(least_history(design), last // 2)), last


def usual_steps(first: Times, last: Times) -> int:
    """Return how many training steps suit the windows that there are."""
    windows = int(np.maximum(last - first + 1, 0).sum())
    return int(np.clip(STEPS * windows**0.5, *STEP_LIMITS))


def _outputs(net: Model, inputs: Batch) -> Values:
    """Return the outputs of a network, for a few windows without the work of `predict`."""
    few = len(inputs[0]) <= BATCH
    found = net.predict_on_batch(inputs) if few else net.predict(inputs, BATCH, verbose=0)
    return np.asarray(found, np.float64)


def _size(column: Values) -> tuple[float, float]:
    """Return mean and deviation of a covariate; constant ones have a deviation of 1."""
    known = column[~np.isnan(column)]
    if not known.size:
        return 0.0, 1.0
    mean, deviation = float(known.mean()), float(known.std())
    return mean, deviation if deviation > 1e-9 * abs(mean) else 1.0


def _train(
    net: Model,
    examples: Examples,
    first: Times,
    last: Times,
    training: Training,
    rng: np.random.Generator,
    val_size: int,
) -> None:
    design = examples.design
    total = training.max_steps or usual_steps(first, last)
    rounds = min(ROUNDS if val_size else 1, total)
    steps = total // rounds
    schedule = CosineDecay(training.learning_rate, rounds * steps)
    loss: Any = "mse" if design.loss == "mse" else "mae"
    if design.quantiles:
        loss = pinball_of(design.quantiles)
    elif design.distribution is not None:
        loss = DISTRIBUTIONS[design.distribution].loss
    net.compile(AdamW(schedule), loss)
    batches = Windows(examples, first, last, steps, training.batch_size, rng)
    options: dict[str, Any] = {}
    if val_size:
        series, cutoffs = _held_out(examples.panel.lengths, design.h, val_size, first)
        options["validation_data"] = example(examples, series, cutoffs)
        options["callbacks"] = [EarlyStopping(patience=rounds, restore_best_weights=True)]
    net.fit(batches, epochs=rounds, shuffle=False, verbose=training.verbose, **options)


def _held_out(lengths: Times, h: int, val_size: int, first: Times) -> tuple[Times, Times]:
    """Return series and steps of forecasts that cover the last `val_size` steps, back to back."""
    pairs: list[tuple[int, int]] = []
    for n, length in enumerate(lengths.tolist()):
        cutoffs = range(length - h, length - val_size - 1, -h) if val_size >= h else [length - h]
        pairs += [(n, c) for c in cutoffs if c >= first[n]]
    found: NDArray[np.int64] = np.array(pairs, np.int64).reshape(-1, 2)
    if not len(found):
        expected = "so few steps that a series is left to learn from"
        raise InvalidValueError("val_size", expected, val_size)
    return found[:, 0], found[:, 1]
