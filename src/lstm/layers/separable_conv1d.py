"""Convolutions feature by feature, with a product behind them or without."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import LayerOptions
from lstm.layers.convolution import Convolution, InitializerSpec
from lstm.layers.product import Einsum
from lstm.layers.rearranging import BatchReshape
from lstm.layers.rules import known_last_axis
from lstm.layers.symbolic import Operators, Shape
from lstm.layers.variable import Variable


class DepthwiseConv1D(Convolution):
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


class SeparableConv1D(Convolution):
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
    pointwise_kernel: Variable

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
        mix = BatchReshape(self.pointwise_kernel.shape[1:])(self.pointwise_kernel)
        return self.ended(Einsum("btc,cf->btf")(alone, mix))
