"""Best: the best value so far."""

import math
from collections.abc import Mapping
from typing import Any

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.interface import warn

_FALLING = ("loss", "bits", "bits_per_character", "nats_per_character")
"""What the logs have besides metrics, and has to fall."""


class Best:
    """Tells whether a monitored value is the best so far.

    Args:
        monitor: key of the logs.
        mode: "min", "max", or "auto": losses fall, and metrics say themselves whether they rise.
        min_delta: smallest change that counts as an improvement; its sign means nothing.
        initial: what the first value has to improve on; None for nothing.
        baseline: what an improvement must also be better than, for `waited` to start again.

    Attributes:
        rises: whether the best value is the largest; None while that is unknown.
        best: the best value so far; None if there is none.
        waited: number of values since then.
    """

    def __init__(
        self,
        monitor: str,
        mode: str = "auto",
        min_delta: float = 0.0,
        *,
        initial: float | None = None,
        baseline: float | None = None,
    ) -> None:
        self.monitor = checks.string("monitor", monitor)
        self.mode = checks.one_of("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(checks.number("min_delta", min_delta))
        self._initial, self._baseline = initial, baseline
        self.rises: bool | None = None
        self.look_up({})
        self.restart()

    def look_up(self, metrics: Mapping[str, Any]) -> None:
        """Find out whether the value has to rise, from the metrics of a model by name."""
        self.rises = _rises(self.monitor, metrics) if self.mode == "auto" else self.mode == "max"

    def check_direction(self, metrics: Mapping[str, Any]) -> None:
        """Refuse, before training, a metric of which nobody said whether it has to rise.

        Raises:
            InvalidValueError: `mode` is "auto", and the metric does not say it.
        """
        self.look_up(metrics)
        if self.rises is None and _reported(self.monitor, metrics) in metrics:
            raise self._unknown

    def restart(self) -> None:
        """Forget all values."""
        self.best, self.waited = self._initial, 0
        self._missed = False

    @property
    def _sign(self) -> float:
        if self.rises is None:
            raise self._unknown
        return -1.0 if self.rises else 1.0

    @property
    def _unknown(self) -> InvalidValueError:
        expected = (
            f'"max" or "min": {self.monitor!r} may have to rise or to fall (a metric class of '
            "yours says it by `rises = True` or `rises = False`)"
        )
        return InvalidValueError("mode", expected, repr(self.mode))

    def is_in(self, logs: Mapping[str, float], what: str) -> bool:
        """Whether the logs have the monitored value; warn once that `what` does nothing without."""
        if self.monitor in logs:
            return True
        known = ", ".join(repr(key) for key in logs)
        if not self._missed and self.best == self._initial:
            missing = f"{self.monitor!r}, which the logs lack: they have {known}"
            if self.monitor.startswith("val_"):
                missing += " (values of the validation need validation_data or validation_split)"
            warn(f"{what} does nothing without {missing}")
        self._missed = True
        return False

    def improved(self, logs: Mapping[str, Any]) -> bool:
        """Record a value, and return whether it is the best so far.

        Raises:
            InvalidValueError: the logs lack the monitored value, it is no single number, or nobody
                said whether it has to rise.
        """
        if self.monitor not in logs:
            known = ", ".join(repr(key) for key in logs)
            raise InvalidValueError("monitor", f"one of {known}", repr(self.monitor))
        sign, value = self._sign, logs[self.monitor]
        if isinstance(value, list):
            got = f"the {len(value)} of {self.monitor!r}"
            raise InvalidValueError("monitor", "what is one number", got)

        def beyond(limit: float | None) -> bool:
            bound = math.inf if limit is None else sign * limit
            return sign * value < bound - self.min_delta

        better = beyond(self.best)
        if better:
            self.best = value
        self.waited = 0 if better and beyond(self._baseline) else self.waited + 1
        return better

    @property
    def shown(self) -> str:
        """The best value, for a line of text."""
        return "none" if self.best is None else f"{self.best:.4f}"

    def contents(self) -> dict[str, Any]:
        """Return what it remembers, as JSON values; the best with the sign that makes it lowest."""
        seen = None if self.best in (None, self._initial) else self._sign * self.best
        return {"best": seen, "waited": self.waited}

    def continue_from(self, other: "Best") -> None:
        """Take over what another remembers."""
        self.best = self._initial if other.best == other._initial else other.best
        self.waited = other.waited

    def restore(self, contents: Mapping[str, Any]) -> None:
        """Restore the result of `contents`."""
        best = contents["best"]
        self.best = self._initial if best is None else self._sign * checks.number("best", best)
        self.waited = checks.int_at_least("waited", contents["waited"], 0)


def _reported(monitor: str, metrics: Mapping[str, Any]) -> str:
    """Return the name of the metric that is monitored, also on validation data."""
    return monitor if monitor in metrics else monitor.removeprefix("val_")


def _rises(monitor: str, metrics: Mapping[str, Any]) -> bool | None:
    """Return whether a better model has more of a monitored value; None if that is unknown."""
    name = _reported(monitor, metrics)
    metric = metrics.get(name)
    if metric is None:
        return False if name in _FALLING else None
    return None if metric.rises is None else bool(metric.rises)
