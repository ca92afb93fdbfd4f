"""Best: the best value so far."""

import math
from collections.abc import Mapping
from typing import Any

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.interface import warn


class Best:
    """Tells whether a monitored value is the best so far.

    Args:
        monitor: key of the logs.
        mode: "min", "max", or "auto" (accuracies rise, everything else falls).
        min_delta: smallest change that counts as an improvement; its sign means nothing.
        initial: what the first value has to improve on; None for nothing.
        baseline: what an improvement must also be better than, for `waited` to start again.

    Attributes:
        value: the best value, with the sign that makes it the lowest; infinite at first.
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
        rising = self.mode == "max" or (self.mode == "auto" and "acc" in self.monitor)
        self.min_delta = abs(checks.number("min_delta", min_delta))
        self._sign = -1.0 if rising else 1.0
        self._initial, self._baseline = (
            math.inf if limit is None else self._sign * limit for limit in (initial, baseline)
        )
        self.restart()

    def restart(self) -> None:
        """Forget all values."""
        self.value, self.waited = self._initial, 0
        self._missed = False

    def is_in(self, logs: Mapping[str, float], what: str) -> bool:
        """Whether the logs have the monitored value; warn once that `what` does nothing without."""
        if self.monitor in logs:
            return True
        known = ", ".join(repr(key) for key in logs)
        if not self._missed and self.value == self._initial:
            missing = f"{self.monitor!r}, which the logs lack: they have {known}"
            if self.monitor.startswith("val_"):
                missing += " (values of the validation need validation_data or validation_split)"
            warn(f"{what} does nothing without {missing}")
        self._missed = True
        return False

    def improved(self, logs: Mapping[str, float]) -> bool:
        """Record a value, and return whether it is the best so far.

        Raises:
            InvalidValueError: the logs lack the monitored value.
        """
        if self.monitor not in logs:
            known = ", ".join(repr(key) for key in logs)
            raise InvalidValueError("monitor", f"one of {known}", repr(self.monitor))
        value = self._sign * logs[self.monitor]
        better = value < self.value - self.min_delta
        if better:
            self.value = value
        beyond = self._baseline == math.inf or value < self._baseline - self.min_delta
        self.waited = 0 if better and beyond else self.waited + 1
        return better

    @property
    def best(self) -> float | None:
        """The best value so far; None if there is none."""
        return self._sign * self.value if math.isfinite(self.value) else None

    @property
    def shown(self) -> str:
        """The best value, for a line of text."""
        return "none" if self.best is None else f"{self.best:.4f}"

    def contents(self) -> dict[str, Any]:
        """Return what it remembers, as JSON values."""
        seen = None if self.value == self._initial else self.value
        return {"best": seen, "waited": self.waited}

    def restore(self, contents: Mapping[str, Any]) -> None:
        """Restore the result of `contents`."""
        best = contents["best"]
        self.value = self._initial if best is None else checks.number("best", best)
        self.waited = checks.int_at_least("waited", contents["waited"], 0)
