"""Convolutions feature by feature, and those that make sequences longer."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.initializers import Initializer
from lstm.layers import activation_names
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.dense import Activation
from lstm.layers.elementwise import Elementwise
from lstm.layers.merging import Concatenate
from lstm.layers.product import Einsum
from lstm.layers.rearranging import BatchReshape
from lstm.layers.reshaping import ExpandDims, Reshape
from lstm.layers.resizing import ZeroPadding1D
from lstm.layers.rules import known_last_axis
from lstm.layers.symbolic import Operators, Shape
from lstm.layers.taking import Take
from lstm.layers.windows import PADDINGS, Windows

InitializerSpec = str | Initializer | dict[str, Any]


class _Convolution(Layer):
    """Base of the convolutions that are made of windows and a product.

    Args:
        kernel_size, strides, padding, dilation_rate, activation, use_bias: as for `Conv1D`.
    """

    bias: Operators

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        dilation_rate: int | Sequence[int],
        activation: ActivationSpec,
        use_bias: bool,
        bias_initializer: InitializerSpec,
        options: LayerOptions,
    ) -> None:
        super().__init__(**options)
        self.kernel_size = checks.positive_int("kernel_size", checks.single(kernel_size))
        self.strides = checks.positive_int("strides", checks.single(strides))
        self.padding = checks.one_of("padding", padding, PADDINGS)
        self.dilation_rate = checks.positive_int("dilation_rate", checks.single(dilation_rate))
        self.activation = activation_names.get("activation", activation)
        self.use_bias = checks.boolean("use_bias", use_bias)
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")

    def by_feature(self, x: Any, kernel: Any) -> Any:
        """Return the products of windows with a kernel (K, C, M), (B, T', C·M)."""
        windows = Windows(
            self.kernel_size, self.strides, self.padding, dilation_rate=self.dilation_rate
        )(x)
        products = Einsum("btkc,kcm->btcm")(windows, kernel)
        return Reshape((-1, kernel.shape[1] * kernel.shape[2]))(products)

    def ended(self, y: Any) -> Any:
        """Return outputs with bias and activation."""
        y = Elementwise("add")(y, self.bias) if self.use_bias else y
        return y if self.activation == "linear" else Activation(self.activation)(y)


class DepthwiseConv1D(_Convolution):
    """A convolution of each feature with kernels of its own: (B, T, C) -> (B, T', C·depth).

    Args:
        kernel_size: K, steps of a window.
        strides: steps from one window to the next.
        padding: "valid", "same" or "causal".
        depth_multiplier: outputs of each feature.
        dilation_rate: distance of the steps in a window.
        activation: φ, or None.
        use_bias: whether to add a bias.
        depthwise_initializer: initial values of the kernel (K, C, depth).
        bias_initializer: initial values of the bias.

    Example:
        >>> import lstm
        >>> lstm.layers.DepthwiseConv1D(3, depth_multiplier=2)(lstm.Input((6, 4))).shape
        (None, 4, 8)
    """

    kernel: Operators

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationSpec = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerSpec = "glorot_uniform",
        bias_initializer: InitializerSpec = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            *(kernel_size, strides, padding, dilation_rate),
            *(activation, use_bias, bias_initializer, options),
        )
        self.depth_multiplier = checks.positive_int("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(
            depthwise_initializer, "depthwise_initializer"
        )

    def build(self, *shapes: Shape) -> None:
        channels = known_last_axis(self, shapes[0], "B T C")
        kernel = self.kernel_size, channels, self.depth_multiplier
        self.kernel = self.add_weight("kernel", kernel, self.depthwise_initializer)
        if self.use_bias:
            size = channels * self.depth_multiplier
            self.bias = self.add_weight("bias", (size,), self.bias_initializer)

    def call(self, inputs: Any) -> Any:
        return self.ended(self.by_feature(inputs, self.kernel))


class SeparableConv1D(_Convolution):
    """A convolution of each feature alone, then a mix of them: (B, T, C) -> (B, T', filters).

    Args:
        filters: number of outputs.
        kernel_size: K, steps of a window.
        strides: steps from one window to the next.
        padding: "valid", "same" or "causal".
        dilation_rate: distance of the steps in a window.
        depth_multiplier: products of each feature.
        activation: φ, or None.
        use_bias: whether to add a bias.
        depthwise_initializer: initial values of the kernel (K, C, depth).
        pointwise_initializer: initial values of the mix (1, C·depth, filters).
        bias_initializer: initial values of the bias.

    Source:
        Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.

    Example:
        >>> import lstm
        >>> lstm.layers.SeparableConv1D(5, 3)(lstm.Input((6, 4))).shape
        (None, 4, 5)
    """

    depthwise_kernel: Operators
    pointwise_kernel: Operators

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: ActivationSpec = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerSpec = "glorot_uniform",
        pointwise_initializer: InitializerSpec = "glorot_uniform",
        bias_initializer: InitializerSpec = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            *(kernel_size, strides, padding, dilation_rate),
            *(activation, use_bias, bias_initializer, options),
        )
        self.filters = checks.positive_int("filters", filters)
        self.depth_multiplier = checks.positive_int("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(
            depthwise_initializer, "depthwise_initializer"
        )
        self.pointwise_initializer = initializers.get(
            pointwise_initializer, "pointwise_initializer"
        )

    def build(self, *shapes: Shape) -> None:
        channels = known_last_axis(self, shapes[0], "B T C")
        depth = self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel", (self.kernel_size, channels, depth), self.depthwise_initializer
        )
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel", (1, channels * depth, self.filters), self.pointwise_initializer
        )
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer)

    def call(self, inputs: Any) -> Any:
        alone = self.by_feature(inputs, self.depthwise_kernel)
        mix = BatchReshape(self.pointwise_kernel.shape[1:])(self.pointwise_kernel)  # type: ignore[attr-defined]
        return self.ended(Einsum("btc,cf->btf")(alone, mix))


class Conv1DTranspose(_Convolution):
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
