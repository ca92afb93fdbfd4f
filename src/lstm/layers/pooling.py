"""Pooling: the largest number, or the mean, of windows of steps or of all steps."""

from typing import Any, Unpack

from lstm import checks
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.elementwise import Elementwise
from lstm.layers.masking import MaskOf
from lstm.layers.masks import LOWEST
from lstm.layers.reduction import Reduction
from lstm.layers.reshaping import ExpandDims
from lstm.layers.symbolic import SymbolicTensor
from lstm.layers.windows import Windows


class _Pooling(Layer):
    """Base of the layers that pool windows of steps, (B, T, C) -> (B, T', C)."""

    def __init__(
        self,
        pool_size: int | tuple[int] = 2,
        strides: int | tuple[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.pool_size = checks.positive_int("pool_size", checks.single(pool_size))
        given = self.pool_size if strides is None else checks.single(strides)
        self.strides = checks.positive_int("strides", given)
        self.padding = checks.one_of("padding", padding, ("valid", "same"))
        self.data_format = checks.one_of("data_format", data_format, (None, "channels_last"))

    def windows(self, x: Any, filling: float = 0.0) -> Any:
        """Return the windows of x."""
        return Windows(self.pool_size, self.strides, self.padding, filling)(x)


class MaxPooling1D(_Pooling):
    """The largest number of each window of steps, feature by feature.

    Args:
        pool_size: steps of a window.
        strides: steps from one window to the next; by default `pool_size`.
        padding: "valid" or "same".
        data_format: accepted for compatibility, as "channels_last".

    Example:
        >>> import lstm
        >>> lstm.layers.MaxPooling1D(2)(lstm.Input((6, 3))).shape
        (None, 3, 3)
    """

    def call(self, inputs: SymbolicTensor) -> Any:
        return Reduction("max", 2)(self.windows(inputs, LOWEST))


class AveragePooling1D(_Pooling):
    """The mean of each window of steps, feature by feature; padding does not count.

    Args:
        pool_size: steps of a window.
        strides: steps from one window to the next; by default `pool_size`.
        padding: "valid" or "same".
        data_format: accepted for compatibility, as "channels_last".

    Example:
        >>> import lstm
        >>> lstm.layers.AveragePooling1D(2, strides=1)(lstm.Input((6, 3))).shape
        (None, 5, 3)
    """

    def call(self, inputs: SymbolicTensor) -> Any:
        total = Reduction("sum", 2)(self.windows(inputs))
        if self.padding == "valid":
            return Elementwise("divide", self.pool_size)(total)
        counts = Reduction("sum", 2)(self.windows(ExpandDims(-1)(MaskOf()(inputs))))
        return Elementwise("divide")(total, Elementwise("maximum", 1.0)(counts))


class _GlobalPooling(Layer):
    """Base of the layers that pool all steps, (B, T, C) -> (B, C); padding does not count."""

    function = ""

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.data_format = checks.one_of("data_format", data_format, (None, "channels_last"))
        self.keepdims = checks.boolean("keepdims", keepdims)

    def call(self, inputs: SymbolicTensor) -> Any:
        return Reduction(self.function, 1, self.keepdims)(inputs)


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest number of all steps, feature by feature; padding does not count.

    Args:
        data_format: accepted for compatibility, as "channels_last".
        keepdims: whether the time remains, with one step.

    Example:
        >>> import lstm
        >>> lstm.layers.GlobalMaxPooling1D()(lstm.Input((None, 3))).shape
        (None, 3)
    """

    function = "max"


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of all steps, feature by feature; padding does not count.

    Args:
        data_format: accepted for compatibility, as "channels_last".
        keepdims: whether the time remains, with one step.

    Example:
        >>> import lstm
        >>> lstm.layers.GlobalAveragePooling1D()(lstm.Input((None, 3))).shape
        (None, 3)
    """

    function = "mean"
