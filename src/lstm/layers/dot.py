"""Dot: sums of products of two tensors."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.elementwise import Elementwise
from lstm.layers.merging import listed
from lstm.layers.product import Einsum
from lstm.layers.reduction import Reduction
from lstm.layers.reshaping import ExpandDims


class Dot(Layer):
    """Sums of products of two tensors along an axis of each, example by example.

    Args:
        axes: the axis of both, or one of each; not the batch.
        normalize: whether to divide each vector by its length first: cosines.

    Example:
        >>> import lstm
        >>> x, y = lstm.Input((4, 3)), lstm.Input((5, 3))
        >>> lstm.layers.Dot(axes=2)([x, y]).shape
        (None, 4, 5)
    """

    reads_lists = True

    def __init__(
        self,
        axes: int | Sequence[int],
        normalize: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        both = [axes, axes] if isinstance(axes, int) else [*axes]
        self.axes = [checks.integer("axes", axis) for axis in both]
        if len(self.axes) != 2:
            raise InvalidValueError("axes", "an integer, or two", axes)
        self.normalize = checks.boolean("normalize", normalize)

    def call(self, *inputs: Any) -> Any:
        inputs = listed(inputs)
        if len(inputs) != 2:
            raise InvalidShapeError(f"input of {self.name}", "two tensors", len(inputs))
        terms = []
        for x, axis, letters in zip(inputs, self.axes, ("abcdef", "aghijk"), strict=True):
            if axis % x.ndim == 0 or not -x.ndim <= axis < x.ndim:
                raise InvalidShapeError(
                    f"axes of {self.name}", f"an axis after the batch of {x.ndim} axes", axis
                )
            term = [*letters[: x.ndim]]
            term[axis] = "z"
            terms.append("".join(term))
        given = [self._unit(x, axis) for x, axis in zip(inputs, self.axes, strict=True)]
        result = "a" + "".join(k for term in terms for k in term if k not in "az")
        y = Einsum(f"{terms[0]},{terms[1]}->{result}")(*given)
        return ExpandDims(-1)(y) if result == "a" else y

    def _unit(self, x: Any, axis: int) -> Any:
        """Return x, with vectors of length 1 if they are wanted."""
        if not self.normalize:
            return x
        squares = Reduction("sum", axis, True)(Elementwise("square")(x))
        length = Elementwise("sqrt")(Elementwise("maximum", 1e-12)(squares))
        return Elementwise("divide")(x, length)
