"""Convolution: the base of the convolutions that are made of windows and a product."""

from collections.abc import Sequence
from typing import Any

from lstm import checks, initializers
from lstm.initializers import Initializer
from lstm.layers import activation_names
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.dense import Activation
from lstm.layers.elementwise import Elementwise
from lstm.layers.product import Einsum
from lstm.layers.reshaping import Reshape
from lstm.layers.symbolic import Operators
from lstm.layers.windows import PADDINGS, Windows

InitializerSpec = str | Initializer | dict[str, Any]


class Convolution(Layer):
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
