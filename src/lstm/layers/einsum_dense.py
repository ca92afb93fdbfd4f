"""EinsumDense: a product with a kernel whose axes are written as letters."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.errors import InvalidShapeError
from lstm.initializers import Initializer
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.dense import Activation
from lstm.layers.elementwise import Elementwise
from lstm.layers.product import Einsum, Terms
from lstm.layers.symbolic import Operators, Shape


class EinsumDense(Layer):
    """φ(x·W + b), with the axes of the product written as letters.

    Args:
        equation: such as "btd,dnh->btnh", for the input and W.
        output_shape: sizes of the output without the batch axis; None for a size of the input.
        activation: φ, or None for none.
        bias_axes: letters of the axes of b, such as "nh"; None for no b.
        kernel_initializer: initial values of W.
        bias_initializer: initial values of b.

    Example:
        >>> import lstm
        >>> layer = lstm.layers.EinsumDense("btd,df->btf", (None, 5), bias_axes="f")
        >>> layer(lstm.Input((None, 3))).shape
        (None, None, 5)
    """

    kernel: Operators
    bias: Operators

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: ActivationSpec = None,
        bias_axes: str | None = None,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.equation = checks.string("equation", equation)
        Terms.of(self.equation)
        given = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.output_shape = list(checks.sizes("output_shape", given))
        self.activation = activation
        self.bias_axes = None if bias_axes is None else checks.string("bias_axes", bias_axes)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")

    def build(self, *shapes: Shape) -> None:
        terms, _, result = self.equation.replace(" ", "").partition("->")
        x, _, w = terms.partition(",")
        if len(self.output_shape) != len(result) - 1:
            raise InvalidShapeError(
                f"output_shape of {self.name}", f"{len(result) - 1} sizes", self.output_shape
            )
        if len(x) != len(shapes[0]):
            expected = f"{len(x)} axes, as in {self.equation!r}"
            raise InvalidShapeError(f"input of {self.name}", expected, f"shape {shapes[0]}")
        sizes = dict(zip(result[1:], self.output_shape, strict=True))
        sizes |= {k: n for k, n in zip(x, shapes[0], strict=True) if n is not None}
        self.kernel = self.add_weight("kernel", [sizes[k] for k in w], self.kernel_initializer)
        if self.bias_axes is not None:
            # Axes behind the first of b have to be there, to be broadcast.
            first = min(map(result.index, self.bias_axes))
            shape = [sizes[k] if k in self.bias_axes else 1 for k in result[first:]]
            self.bias = self.add_weight("bias", shape, self.bias_initializer)

    def call(self, inputs: Any) -> Any:
        y = Einsum(self.equation)(inputs, self.kernel)
        if self.bias_axes is not None:
            y = Elementwise("add")(y, self.bias)
        return y if self.activation is None else Activation(self.activation)(y)
