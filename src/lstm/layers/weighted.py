"""Weighted: what has weights: made by users, listed in the order of Keras, and as arrays."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lstm import checks, constraints
from lstm.backends import backend
from lstm.constraints import ConstraintSpec
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.initializers import get as get_initializer
from lstm.interface import computed
from lstm.layers.definition import Definition
from lstm.layers.penalties import RegularizerSpec
from lstm.layers.remedies import for_weight, remedied
from lstm.layers.symbolic import OPERATORS
from lstm.layers.weight import Weight


class Weighted(Definition):
    """A layer without its place in a graph, and its weights as users see them."""

    def add_weight(
        self,
        name: str | Sequence[int] | None = None,
        shape: Any = (),
        initializer: str | Initializer | dict[str, Any] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        regularizer: RegularizerSpec = None,
        constraint: ConstraintSpec = None,
    ) -> Any:
        """Create a weight of the layer, in `build`.

        Args:
            name: name of the weight within the layer. The shape may come first instead, as in
                Keras; a weight without a name gets one.
            shape: sizes, all known.
            initializer: its initial values, "glorot_uniform" by default.
            dtype: accepted for compatibility; weights have the dtype of their model.
            trainable: False for numbers that never learn.
            regularizer: what large numbers add to the loss.
            constraint: what the numbers must be after each step of the optimizer.

        Returns:
            For a layer with `call` a `Variable`, a tensor to compute with; for one with `forward`
            the `Weight`.

        Raises:
            InvalidShapeError: the weight is too large, or the initializer returned another shape.
            InvalidTypeError, InvalidValueError: an argument cannot be used.
        """
        if name is not None and not isinstance(name, str):
            shape, initializer, name = name, shape if shape != () else initializer, None
        if name is None:
            taken = self.own_weights.keys() | {part.name for part in self.all_parts()[1:]}
            names = itertools.chain(["variable"], map("variable_{}".format, itertools.count(1)))
            name = next(other for other in names if other not in taken)
        name = checks.name("name", name)
        sizes = checks.sequence(f"shape of {name}", shape, "a tuple of sizes")
        sizes = tuple(checks.int_at_least(f"shape of {name}", size, 0) for size in sizes)
        initial = get_initializer(
            "glorot_uniform" if initializer is None else initializer, f"initializer of {name}"
        )
        fixed = not checks.boolean("trainable", trainable)
        costs = OPERATORS["regularizer"](regularizer, f"regularizer of {name}")
        allowed = constraints.get(constraint, f"constraint of {name}")
        if self.composite:
            return OPERATORS["weight"](self, name, sizes, initial, fixed, costs, allowed)
        return self.own_weight(
            name, sizes, initial, fixed=fixed, regularizer=costs, constraint=allowed
        )

    @property
    def weights(self) -> list[Weight]:
        """All existing weights, in the order of Keras."""
        return list(self.named_weights.values())

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that learn."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The weights that do not learn: those of frozen layers."""
        return [weight for weight in self.weights if not weight.trainable]

    @property
    def variables(self) -> list[Weight]:
        """The same as `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Weight]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Weight]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    @computed
    def dtype(self) -> str:
        """The dtype of its weights, and of what it computes, as in NumPy."""
        own = (weight.dtype for weight in self.weights if not weight.is_int8)
        return next(own, None) or backend().dtype

    @computed
    def compute_dtype(self) -> str:
        """The same as `dtype`."""
        return self.dtype

    @computed
    def variable_dtype(self) -> str:
        """The same as `dtype`."""
        return self.dtype

    if not TYPE_CHECKING:  # A type checker knows the attributes.

        def __getattr__(self, name: str) -> Any:
            """Return a weight of the layer itself, such as `kernel`."""
            own = vars(self).get("own_weights", {})
            return own[name] if name in own else super().__getattr__(name)

    def get_weights(self) -> list[NDArray[Any]]:
        """Return copies of all weights, in the order of `weights`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights.

        Args:
            weights: the new weights, in the form from `get_weights`.

        Raises:
            InvalidShapeError, InvalidValueError: they do not fit; nothing is changed.
            InvalidTypeError: the weights are int8.
        """
        own = self.named_weights
        for name in (name for name, weight in own.items() if weight.is_int8):
            replaceable = "float32 weights to replace: set them before quantize()"
            raise InvalidTypeError(name, replaceable, "int8 weights")
        if len(weights) != len(own):
            raise InvalidValueError("weights", f"{len(own)} arrays", len(weights))
        new = [checks.numbers(name, values) for name, values in zip(own, weights, strict=True)]
        for values, (name, weight) in zip(new, own.items(), strict=True):
            try:
                checks.shape(name, values.shape, weight.shape)
            except InvalidShapeError as error:
                raise remedied(error, for_weight(values.shape, weight.shape)) from None
            checks.finite(name, values, weight.dtype)
        for values, weight in zip(new, own.values(), strict=True):
            weight.assign(values)

    def count_params(self) -> int:
        """Number of parameters."""
        return sum(weight.size for weight in self.weights)
