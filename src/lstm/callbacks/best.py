"""Best: the best value so far."""

import math
from collections.abc import Mapping
from typing import Any

from lstm import checks
from lstm.errors import InvalidValueError


class Best:
    """Tells whether a monitored value is the best so far.

    Args:
        monitor: key of the logs.
        mode: "min", "max", or "auto" (accuracies rise, everything else falls).
        min_delta: smallest change that counts as an improvement.

    Attributes:
        value: the best value, with the sign that makes it the lowest; infinite at first.
        waited: number of values since then.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        self.monitor = checks.string("monitor", monitor)
        self.mode = checks.one_of("mode", mode, ("auto", "min", "max"))
        rising = self.mode == "max" or (self.mode == "auto" and "acc" in self.monitor)
        self.min_delta = checks.number("min_delta", min_delta, 0)
        self._sign = -1.0 if rising else 1.0
        self.restart()

    def restart(self) -> None:
        """Forget all values."""
        self.value, self.waited = math.inf, 0

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
        self.waited = 0 if better else self.waited + 1
        return better

    def contents(self) -> dict[str, Any]:
        """Return what it remembers, as JSON values."""
        return {"best": self.value if math.isfinite(self.value) else None, "waited": self.waited}

    def restore(self, contents: Mapping[str, Any]) -> None:
        """Restore the result of `contents`."""
        best = contents["best"]
        self.value = math.inf if best is None else checks.number("best", best)
        self.waited = checks.int_at_least("waited", contents["waited"], 0)
