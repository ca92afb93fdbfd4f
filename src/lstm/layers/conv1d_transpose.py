"""Conv1DTranspose: the reverse of a convolution, which makes sequences longer."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import LayerOptions
from lstm.layers.convolution import Convolution, InitializerSpec
from lstm.layers.elementwise import Elementwise
from lstm.layers.merging import Concatenate
from lstm.layers.product import Einsum
from lstm.layers.reshaping import ExpandDims, Reshape
from lstm.layers.resizing import ZeroPadding1D
from lstm.layers.rules import known_last_axis
from lstm.layers.symbolic import Operators, Shape
from lstm.layers.taking import Take
from lstm.layers.windows import Windows


class Conv1DTranspose(Convolution):
    """The reverse of a convolution with strides: (B, T, C) -> (B, T·strides, filters) with "same".

    Each step adds the kernel, times itself, to the outputs that begin `strides` steps after those
    of the step before.

    Args:
        filters: number of outputs.
        kernel_size: K, outputs that a step adds to.
        strides: distance of the outputs of neighbouring steps.
        padding: "valid" for all outputs, "same" for `strides` of each step.
        activation: φ, or None.
        use_bias: whether to add a bias.
        kernel_initializer: initial values of the kernel (K, filters, C).
        bias_initializer: initial values of the bias.

    Example:
        >>> import lstm
        >>> lstm.layers.Conv1DTranspose(5, 3, strides=2, padding="same")(lstm.Input((6, 4))).shape
        (None, 12, 5)
    """

    kernel: Operators

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        activation: ActivationSpec = None,
        use_bias: bool = True,
        kernel_initializer: InitializerSpec = "glorot_uniform",
        bias_initializer: InitializerSpec = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        checks.one_of("padding", padding, ("valid", "same"))
        super().__init__(
            *(kernel_size, strides, padding, 1),
            *(activation, use_bias, bias_initializer, options),
        )
        self.filters = checks.positive_int("filters", filters)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")

    def build(self, *shapes: Shape) -> None:
        channels = known_last_axis(self, shapes[0], "B T C")
        kernel = self.kernel_size, self.filters, channels
        self.kernel = self.add_weight("kernel", kernel, self.kernel_initializer)
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer)

    def call(self, inputs: Any) -> Any:
        size, strides = self.kernel_size, self.strides
        # Zeros between the steps; then a convolution with the kernel from its end.
        apart = ExpandDims(2)(inputs)
        zeros = Elementwise("keep", 0.0)(apart)
        steps = Concatenate(2)([apart, *[zeros] * (strides - 1)]) if strides > 1 else apart
        spaced = Reshape((-1, inputs.shape[-1]))(steps)
        more = max(size - strides, 0)
        cut = more // 2 if self.padding == "same" else 0
        after = cut if self.padding == "same" else more
        windows = Windows(size)(ZeroPadding1D((size - 1 - cut, after))(spaced))
        backwards = Take(range(size - 1, -1, -1), axis=0)(self.kernel)
        return self.ended(Einsum("btkc,kfc->btf")(windows, backwards))
