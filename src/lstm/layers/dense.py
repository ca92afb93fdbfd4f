"""Dense: an affine map of the last axis; and Activation, which only applies an activation."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, Unpack

import numpy as np

from lstm import checks, initializers
from lstm.backends import Backend
from lstm.backends.contract import ActivationName, Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.interface import promises
from lstm.layers import activation_names
from lstm.layers.activated import Activated
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import Arrays, Gradients, LayerOptions, Run
from lstm.layers.masks import LOWEST, Mask
from lstm.layers.options import options_of
from lstm.layers.rules import has_time, known_last_axis
from lstm.layers.symbolic import Shape


class Linear(NamedTuple):
    """The weights of x·w + b, and the buffers of their gradients; None for missing ones."""

    w: Array
    b: Array | None
    dw: Array | None
    db: Array | None


class Dense(Activated):
    """y = φ(x·W + b) on the last axis: (B, ..., D) -> (B, ..., units).

    Args:
        units: number of outputs.
        activation: φ; one of `lstm.activations.ACTIVATIONS`, or None for none.
        use_bias: whether to add b.
        kernel_initializer: initial values of W (D, units).
        bias_initializer: initial values of b (units).

    Example:
        >>> import lstm
        >>> lstm.layers.Dense(5, activation="softmax")(lstm.Input((None, 3))).shape
        (None, None, 5)
    """

    memoryless = True
    weight_options = options_of("kernel", "bias")
    fixed_arguments = ("units", "use_bias")
    int8_axes: ClassVar[Mapping[str, int]] = {"kernel": 1}

    def __init__(
        self,
        units: int,
        activation: ActivationSpec = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.units = checks.positive_int("units", units)
        self.activation = activation_names.get("activation", activation)
        self.use_bias = checks.boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")

    def build(self, *shapes: Shape) -> None:
        size = known_last_axis(self, shapes[0], "B ... D")
        self.add_weight("kernel", (size, self.units), self.kernel_initializer)
        if self.use_bias:
            self.add_weight("bias", (self.units,), self.bias_initializer)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        known_last_axis(self, shapes[0], "B ... D")
        checks.shape(
            f"input of {self.name}", shapes[0][-1:], self.own_weights["kernel"].value.shape[:1]
        )
        return ((*shapes[0][:-1], self.units),)

    def forward_as(
        self, activation: ActivationName, run: Run, *inputs: Array, mask: Mask | None
    ) -> tuple[Arrays, Cache]:
        b = self.value("bias") if self.use_bias else None
        y, cache = run.ops.linear_forward(inputs[0], self.kernel_array(run.ops), b, activation)
        return (y,), cache

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        with self.kernel_gradient(run.backend) as dw:
            db = self.gradient("bias") if self.use_bias else None
            return (run.ops.linear_backward(gradients[0], cache, dw, db, need[0]),)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        if mask is None or mask.ndim < inputs[0].ndim:
            return mask
        if run.ragged:
            raise InvalidShapeError(
                f"input of {self.name}",
                "sequences of equal length, because each of its outputs reads all steps at once",
                "different lengths",
            )
        return np.any(mask, -1)

    @property
    def rowwise(self) -> bool:
        return self.ends_in is not None

    @property
    def is_head(self) -> bool:
        return promises(type(self), "linear", "forward", "forward_as", "backward")

    @contextmanager
    def linear(self, backend: Backend, *, learns: bool) -> Iterator[Linear]:
        """Yield its product, without its activation, for a loss to include.

        Args:
            backend: the backend of the computation.
            learns: whether to compute the gradients of the weights that learn.
        """
        w, b = self.kernel_array(backend.ops), self.value("bias") if self.use_bias else None
        if not learns:
            yield Linear(w, b, None, None)
            return
        with self.kernel_gradient(backend) as dw:
            yield Linear(w, b, dw, self.gradient("bias") if self.use_bias else None)

    def kernel_array(self, ops: Ops) -> Array:
        """Return the kernel (D, units)."""
        return self.value("kernel")

    @contextmanager
    def kernel_gradient(self, backend: Backend) -> Iterator[Array | None]:
        """Yield a buffer (D, units) for the gradient of the kernel; None if it is not needed.

        The sum takes effect when the `with` block ends.
        """
        yield self.gradient("kernel")


class Activation(Activated):
    """y = φ(x), of the same shape.

    A softmax over steps, (B, T), returns 0 for padding.

    Args:
        activation: φ; one of `lstm.activations.ACTIVATIONS`.

    Example:
        >>> import lstm
        >>> lstm.layers.Activation("relu")(lstm.Input((3,))).shape
        (None, 3)
    """

    keeps_mask = True

    def __init__(self, activation: ActivationSpec, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.activation = activation_names.get("activation", activation)
        self._shares = self.activation == "softmax"  # Also if the loss computes the softmax.

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self._shares and len(shapes[0]) == 2 and has_time(shapes[0]):
            raise InvalidValueError(
                self.name, "no softmax over the time, to work chunk by chunk", "one"
            )
        return ()

    @property
    def only_activates(self) -> bool:
        return self.ends_in is not None

    @property
    def rowwise(self) -> bool:
        return self.ends_in is not None

    def forward_as(
        self, activation: ActivationName, run: Run, *inputs: Array, mask: Mask | None
    ) -> tuple[Arrays, Cache]:
        x = inputs[0]
        shares = self._shares or activation == "softmax"
        if mask is not None and shares and mask.ndim == x.ndim:
            nothing = np.where(mask, 0, LOWEST).astype(run.backend.dtype)
            x = run.ops.add([x, run.ops.array(nothing)])
        y = run.ops.activation_forward(x, activation)
        return (y,), (y, activation)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        y, activation = cache
        return (run.ops.activation_backward(gradients[0], y, activation),)
