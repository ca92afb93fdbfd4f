"""The arguments of a forecaster, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from lstm import checks
from lstm.backends.contract import CELLS
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.forecasting.distributions import DISTRIBUTIONS
from lstm.forecasting.frequency import Frequency
from lstm.forecasting.outputs import Asked, quantiles_of


@dataclass(frozen=True)
class Arguments:
    """The arguments of `LSTMForecaster`, which describes them; lists are tuples."""

    h: int
    input_size: int | None
    units: int
    layers: int
    cell: str
    strategy: str
    patch: int | str
    freq: str | int | None
    season_length: tuple[int, ...] | None
    transform: str | None
    scaler: str | None
    baseline: str | None
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    calendar: tuple[str, ...] | str
    quantiles: tuple[float, ...]
    distribution: str | None
    loss: str
    max_steps: int | None
    batch_size: int
    learning_rate: float
    ensemble: int
    random_state: int | None
    verbose: int | str

    @property
    def recursive(self) -> bool:
        """Whether forecasts are read as if they were known."""
        return self.strategy == "recursive"

    @property
    def covariates(self) -> tuple[str, ...]:
        """The columns besides the values."""
        return (*self.past, *self.future)

    def check_patches(self, h: int, patch: int) -> None:
        """Check that a recursive forecast with columns `future` consists of whole patches.

        Raises:
            InvalidValueError: it does not.
        """
        if self.future and self.recursive and h % patch:
            expected = f"a multiple of {patch}, the steps of a patch, with future and "
            raise InvalidValueError("h", f'{expected}strategy="recursive"', h)

    def asked(
        self, level: Sequence[float] | None = None, quantiles: Sequence[float] | None = None
    ) -> Asked:
        """Return what a user asks for besides the forecast itself, checked."""
        return Asked.of(self.quantiles, self.distribution is not None, level, quantiles)

    @classmethod
    def checked(cls, given: dict[str, Any]) -> Self:
        """Return arguments that can be used.

        Raises:
            InvalidTypeError, InvalidValueError: one cannot.
        """
        found = dict(given)
        for name in ("h", "units", "layers", "batch_size", "ensemble"):
            found[name] = checks.positive_int(name, given[name])
        if given["input_size"] is not None:
            found["input_size"] = checks.int_at_least("input_size", given["input_size"], 2)
        if given["max_steps"] is not None:
            found["max_steps"] = checks.positive_int("max_steps", given["max_steps"])
        if given["random_state"] is not None:
            found["random_state"] = checks.int_at_least("random_state", given["random_state"], 0)
        if given["patch"] != "auto":
            found["patch"] = checks.positive_int("patch", given["patch"])
        if given["freq"] is not None:
            Frequency.named(given["freq"])
        found["learning_rate"] = checks.number("learning_rate", given["learning_rate"], 0)
        for name, choices in _CHOICES.items():
            checks.one_of(name, given[name], choices)
        for name in ("past", "future", "static"):
            found[name] = _names(name, given[name])
        if given["calendar"] != "auto":
            found["calendar"] = _names("calendar", given["calendar"])
        found["season_length"] = _seasons(given["season_length"])
        if given["quantiles"] is None:
            found["quantiles"] = ()
        else:
            found["quantiles"] = quantiles_of(given["quantiles"])
            if 0.5 not in found["quantiles"]:
                got = list(found["quantiles"])
                raise InvalidValueError("quantiles", "0.5 among them, the forecast itself", got)
            if given["loss"] == "mse":
                raise InvalidValueError("loss", '"mase" or "mae", with quantiles', "'mse'")
        if given["distribution"] is not None:
            if given["quantiles"] is not None:
                expected = "None, with a distribution: predict(quantiles=...) returns any of them"
                raise InvalidValueError("quantiles", expected, list(found["quantiles"]))
            if given["distribution"] == "negative_binomial" and given["transform"] is None:
                expected = '"auto" or "log", for the mean of counts'
                raise InvalidValueError("transform", expected, "None")
        names = (*found["past"], *found["future"], *found["static"])
        if again := [name for k, name in enumerate(names) if name in names[:k]]:
            raise InvalidValueError("future", "names of other columns", f"{again[0]!r} again")
        if given["past"] and given["strategy"] == "recursive":
            expected = 'none with strategy="recursive", which would have to know their future'
            raise InvalidValueError("past", expected, list(given["past"]))
        return cls(**found)


_CHOICES: dict[str, tuple[Any, ...]] = {
    "cell": tuple(CELLS),
    "strategy": ("direct", "recursive"),
    "transform": ("auto", "log", None),
    "scaler": ("window", None),
    "baseline": ("auto", None),
    "distribution": (*DISTRIBUTIONS, None),
    "loss": ("mase", "mae", "mse"),
    "verbose": (0, 1, 2, "auto"),
}


def _names(argument: str, names: object) -> tuple[str, ...]:
    expected = "a list of names"
    if isinstance(names, str):
        raise InvalidTypeError(argument, expected, repr(names))
    given = checks.sequence(argument, names, expected)
    return tuple(checks.string(argument, name) for name in given)


def _seasons(season_length: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if season_length is None:
        return None
    given = [season_length] if isinstance(season_length, int | np.integer) else season_length
    lengths = checks.sequence("season_length", given, "a number of steps, or several")
    return tuple(sorted(checks.positive_int("season_length", m) for m in lengths))
