"""Metric: the base of all metrics."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks, initializers
from lstm.configured import Configured, snake_case
from lstm.container import under
from lstm.errors import NotDefinedError
from lstm.initializers import Initializer
from lstm.interface import set_by_constructor
from lstm.metrics.variable import Variable

Values = NDArray[Any]

_DTYPES = ("float64", "float32", "float16", "int64", "int32")


class Metric(Configured):
    """Base of all metrics, including those that users write.

    Your own metric makes its variables in the constructor, adds a batch to them in `update_state`,
    and computes a number from them in `result`. Targets, outputs and weights are NumPy arrays.

    Args:
        dtype: the dtype of its variables; float64 by default.
        name: the key under which it is reported; by default the name of the class, in snake_case.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> class Largest(lstm.metrics.Mean):
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         super().update_state(np.max(y_pred, axis=-1), sample_weight)
        >>> metric = Largest("largest")
        >>> metric.update_state([0, 1], [[0.2, 0.8], [0.6, 0.4]])
        >>> metric.result()
        0.7
    """

    needs_outputs = True
    """Whether `update_state` takes targets and outputs. If not, it takes the mean loss of a batch
    and the weight of the batch, and the outputs may never be computed."""

    rises: bool | None = None
    """Whether a better model has more of it; None if that is unknown, so that callbacks which
    monitor it need a `mode`."""

    never_called: ClassVar[Mapping[str, str]] = {
        "reset_states": "reset_state()",
        "stateless_reset_state": "reset_state()",
        "stateless_result": "result()",
        "stateless_update_state": "update_state(y_true, y_pred, sample_weight)",
    }

    name: str = set_by_constructor()
    dtype: str = set_by_constructor()
    _variables: list[Variable] = set_by_constructor()

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        given = snake_case(type(self).__name__) if name is None else name
        self.name = checks.string("name", given)
        self.dtype = "float64" if dtype is None else checks.one_of("dtype", dtype, _DTYPES)
        self._variables = []
        self._later: dict[str, Values] = {}  # Values of variables that are still to be added.

    def __call__(self, *values: Any, **options: Any) -> Any:
        """Add a batch as `update_state` does, and return the result so far."""
        self.update_state(*values, **options)
        return self.result()

    def update_state(self, *values: Any, **options: Any) -> None:
        """Add one batch.

        Args:
            y_true: targets.
            y_pred: outputs.
            sample_weight: weight of each position, or of each example; None if all count alike. It
                is 0 at padding.
        """
        raise NotDefinedError(self, "update_state(y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        """Return the number, array or dict of numbers for all batches since `reset_state`."""
        raise NotDefinedError(self, "result()")

    def reset_state(self) -> None:
        """Start again: set all variables to 0."""
        self._later = {}
        for variable in self.variables:
            variable.reset()

    # ---- variables

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: str | Initializer | None = None,
        dtype: str | None = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> Variable:
        """Return a new variable, which files of a training run keep.

        Args:
            shape: its shape.
            initializer: its first values; zeros by default.
            dtype: that of the metric by default.
            aggregation: accepted for compatibility; there is one machine.
            name: its name.
        """
        sizes = tuple(checks.int_at_least("shape", n, 0) for n in checks.sizes("shape", shape))
        kind = initializers.get("zeros" if initializer is None else initializer, "initializer")
        values = np.asarray(kind(sizes, np.random.default_rng(0)), dtype or self.dtype)
        return self._added(Variable(values, "variable" if name is None else name))

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: str | Initializer | None = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new variable, as `add_variable` does."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def _open_variable(self, name: str) -> Variable:
        """Return a new variable whose shape the first batch decides."""
        return self._added(Variable(np.zeros((), self.dtype), name, open_shape=True))

    def _added(self, variable: Variable) -> Variable:
        value = self._later.pop(f"variables/{len(self._variables)}", None)
        self._variables.append(variable)
        return variable if value is None else variable.assign(value)

    @property
    def variables(self) -> list[Variable]:
        """Its variables, and those of the metrics in its attributes."""
        return [*self._variables, *(v for _, metric in self._parts() for v in metric.variables)]

    def _parts(self) -> "Iterator[tuple[str, Metric]]":
        """Yield the metrics in its attributes, by name."""
        for name, value in vars(self).items():
            if isinstance(value, Metric):
                yield name, value

    def _set_again(self, name: str, value: Any) -> None:
        before = self.variables
        super()._set_again(name, value)
        for variable, old in zip(self.variables, before, strict=True):
            # Another number of thresholds starts again.
            if variable.shape == old.shape or (name == "name" and variable.open_shape):
                variable.assign(old.value)

    # ---- saving

    def contents(self) -> dict[str, Values]:
        """Return its variables, and all attributes that are numbers or arrays."""
        kinds = int, float, np.generic, np.ndarray
        own = {key: v for key, v in vars(self).items() if key not in self._names}
        found = {key: np.asarray(v) for key, v in own.items() if isinstance(v, kinds)}
        found |= {f"variables/{k}": v.numpy() for k, v in enumerate(self._variables)}
        for name, part in self._parts():
            found |= {f"{name}/{key}": value for key, value in part.contents().items()}
        return found

    def restore(self, contents: Mapping[str, Values]) -> None:
        """Continue from the result of `contents`."""
        for name, part in self._parts():
            part.restore(under(f"{name}/", contents))
        self._later = {key: v for key, v in contents.items() if key.startswith("variables/")}
        for k, variable in enumerate(self._variables):
            if f"variables/{k}" in self._later:
                variable.assign(self._later.pop(f"variables/{k}"))
            else:  # It was added after that.
                variable.reset()
        for key, value in contents.items():
            if "/" not in key:
                setattr(self, key, value if value.ndim else value.item())
