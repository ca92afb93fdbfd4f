"""Einsum: sums of products of two tensors, written with a letter for each axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.masks import spread as spread_mask
from lstm.layers.rules import has_time
from lstm.layers.symbolic import Shape


class Einsum(Layer):
    """Sums of products of two tensors, such as "bqd,bkd->bqk", as in NumPy.

    Letters of both tensors that are missing behind the arrow are summed over; there, padding counts
    as 0. Every other letter has to be part of the result.

    Args:
        equation: a letter for each axis of the two tensors, and of the result.

    Example:
        >>> import lstm
        >>> x = lstm.Input((None, 3))
        >>> lstm.layers.Einsum("bqd,bkd->bqk")([x, x]).shape
        (None, None, None)
    """

    def __init__(self, equation: str, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.equation = checks.string("equation", equation)
        self._terms = Terms.of(self.equation)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (tuple(self._sizes(shapes)[letter] for letter in self._terms.result),)

    def _sizes(self, shapes: Sequence[Shape]) -> dict[str, int | None]:
        """Return the size of each letter."""
        terms = self._terms.x, self._terms.y
        if [len(shape) for shape in shapes] != [len(term) for term in terms]:
            raise InvalidShapeError(
                f"inputs of {self.name}", f"axes as in {self.equation!r}", [*shapes]
            )
        found: dict[str, int | None] = {}
        for term, shape in zip(terms, shapes, strict=True):
            for letter, size in zip(term, shape, strict=True):
                known = found.get(letter)
                if None not in (known, size) and known != size:
                    raise InvalidShapeError(
                        f"inputs of {self.name}",
                        f"one size of {letter!r} in {self.equation!r}",
                        [*shapes],
                    )
                found[letter] = size if known is None else known
        return found

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, terms = run.ops, self._terms
        shapes = [tuple(x.shape) for x in inputs]
        sizes = self._sizes(shapes)
        keeps = self._keeps(run, shapes)
        given = [
            x if keep is None else ops.elementwise_forward("keep", x, keep, 0.0)
            for x, keep in zip(inputs, keeps, strict=True)
        ]
        of_x, of_y = terms.groups
        y = Factor.of(ops, given[1], terms.y, of_y, as_it_is=True)
        x = Factor.of(ops, given[0], terms.x, of_x, as_it_is=not y.transposed)
        z = ops.matmul(x.array, y.array, x.transposed, y.transposed)
        z = ops.reshape(z, [sizes[letter] or 0 for letter in terms.made])
        return (_permuted(ops, z, terms.made, terms.result),), (x, y, keeps)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        ops, terms, (x, y, keeps) = run.ops, self._terms, cache
        rows = x.array.shape[2 if x.transposed else 1]
        columns = y.array.shape[1 if y.transposed else 2]
        dz = _permuted(ops, gradients[0], terms.result, terms.made)
        dz = ops.reshape(dz, (x.array.shape[0], rows, columns))
        found: list[Array | None] = [None, None]
        if need[0]:
            dx = (
                ops.matmul(y.array, dz, False, True)
                if x.transposed
                else ops.matmul(dz, y.array, False, not y.transposed)
            )
            found[0] = x.back(ops, dx)
        if need[1]:
            dy = (
                ops.matmul(dz, x.array, True, False)
                if y.transposed
                else ops.matmul(x.array, dz, not x.transposed, False)
            )
            found[1] = y.back(ops, dy)
        return tuple(
            d if d is None or keep is None else ops.multiply(d, keep)
            for d, keep in zip(found, keeps, strict=True)
        )

    def _keeps(self, run: Run, shapes: Sequence[tuple[int, ...]]) -> list[Array | None]:
        """For each factor, return 1 where it counts and 0 elsewhere, if it sums over padding."""
        found: list[Array | None] = [None, None]
        terms = self._terms.x, self._terms.y
        for k, (mask, term) in enumerate(zip(run.masks, terms, strict=False)):
            if mask is not None and {*term[: mask.ndim]} & {*self._terms.summed}:
                whole = spread_mask(mask, shapes[k])
                found[k] = run.ops.array(whole.astype(run.backend.dtype, order="C"))
        return found

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the mask of a factor whose masked axes are the first of the result."""
        for mask, term in zip(masks, (self._terms.x, self._terms.y), strict=True):
            if mask is not None and self._terms.result.startswith(term[: mask.ndim]):
                return mask
        return None

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return mask

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        for term, shape in zip((self._terms.x, self._terms.y), shapes, strict=True):
            steps = has_time(shape) and shape[0] is None
            if steps and self._terms.result[1:2] != term[1]:
                raise InvalidValueError(
                    self.name, "a product at each step, to work chunk by chunk", self.equation
                )
        return ()


@dataclass(frozen=True)
class Terms:
    """The letters of an equation.

    Attributes:
        x, y, result: those of the factors and of the result.
        shared: those of both factors and the result, in the order of x.
        summed: those of both factors alone, in the order of x.
    """

    x: str
    y: str
    result: str
    shared: str
    summed: str

    @classmethod
    def of(cls, equation: str) -> "Terms":
        """Return the letters of an equation.

        Raises:
            InvalidValueError: it is not one of two tensors.
        """
        factors, arrow, result = equation.replace(" ", "").partition("->")
        x, comma, y = factors.partition(",")
        terms = x, y, result
        simple = all(term.isalpha() or not term for term in terms)
        if not (arrow and comma and simple) or any(len({*term}) != len(term) for term in terms):
            expected = 'two tensors and a result, such as "bqd,bkd->bqk", each letter once in each'
            raise InvalidValueError("equation", expected, repr(equation))
        lonely = ({*x} ^ {*y}) - {*result} | {*result} - {*x} - {*y}
        if lonely:
            expected = "letters that are in both tensors, or in one and the result"
            raise InvalidValueError("equation", expected, repr(equation))
        shared = "".join(k for k in x if k in y and k in result)
        return cls(x, y, result, shared, "".join(k for k in x if k in y and k not in result))

    @property
    def groups(self) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """For each factor: the letters of both, its rows, its columns."""
        own = ["".join(k for k in term if k not in self.shared + self.summed) for term in self._of]
        return (self.shared, own[0], self.summed), (self.shared, self.summed, own[1])

    @property
    def made(self) -> str:
        """The letters of the result, as the product has them."""
        return self.shared + self.groups[0][1] + self.groups[1][2]

    @property
    def _of(self) -> tuple[str, str]:
        return self.x, self.y


@dataclass(frozen=True)
class Factor:
    """A tensor as the factor of a product.

    Attributes:
        array: (G, rows, columns), or (G, columns, rows).
        transposed: whether it is the latter.
        letters: those of the tensor.
        order: the order in which the array has them.
        shape: the shape of the array, with an axis for each letter.
    """

    array: Array
    transposed: bool
    letters: str
    order: str
    shape: tuple[int, ...]

    @classmethod
    def of(
        cls, ops: Ops, x: Array, letters: str, groups: tuple[str, str, str], *, as_it_is: bool
    ) -> "Factor":
        """Return a factor; `as_it_is` leaves its numbers in place if it can be transposed."""
        shared, rows, columns = groups
        transposed = as_it_is and letters == shared + columns + rows != shared + rows + columns
        order = letters if transposed else shared + rows + columns
        sizes = dict(zip(letters, x.shape, strict=True))
        shape = tuple(sizes[k] for k in order)
        cut = len(shared), len(shared) + len(columns if transposed else rows)
        parts = shape[: cut[0]], shape[cut[0] : cut[1]], shape[cut[1] :]
        array = ops.reshape(_permuted(ops, x, letters, order), tuple(map(prod, parts)))
        return cls(array, transposed, letters, order, shape)

    def back(self, ops: Ops, gradient: Array) -> Array:
        """Return the gradient of the tensor, from that of the array."""
        return _permuted(ops, ops.reshape(gradient, self.shape), self.order, self.letters)


def _permuted(ops: Ops, x: Array, letters: str, order: str) -> Array:
    """Return x with its axes in another order."""
    return x if letters == order else ops.transpose(x, [letters.index(k) for k in order])
