"""Recording: operations that are written down instead of run, and the plan that runs them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import (
    Given,
    Instruction,
    InstructionList,
    NotRecordableError,
    Place,
    Quantized,
)
from lstm.backends.native.arithmetic import NativeArithmetic, pieces
from lstm.backends.native.arrays import columns_of_packed
from lstm.backends.native.buffers import SIZES, Buffer, Symbol, lay_out
from lstm.backends.native.derived import Derived, Deriving
from lstm.backends.native.layers import NativeLayers
from lstm.backends.native.losses import NativeLosses
from lstm.backends.native.noted import Noted, Variable, needed, prepared, use
from lstm.backends.native.operations import OPERATIONS, RETURNS, Writer
from lstm.backends.native.optimizers import NativeOptimizers
from lstm.backends.native.plan import Plan
from lstm.backends.native.recurrent import NativeRecurrent

_FEW_ROWS = 512
"""To pack the kernel for a product with more rows is a small part of the product."""


class Returned(float):
    """A number that an operation will return; its value here means nothing."""


class NativeRecording(
    NativeLosses, NativeLayers, NativeRecurrent, NativeArithmetic, NativeOptimizers
):
    """The operations of the native backend, which write down what they would do.

    Args:
        weights: arrays of weights and gradients; a plan reads and changes their memory. All other
            numbers have to be computed within the recording.
        kernels: the operations that will run.
        fixed: whether they only read the weights.
    """

    NAME = "recording"
    DTYPES = ("float32",)

    def __init__(self, weights: Sequence[NDArray[Any]], kernels: Any, fixed: bool) -> None:
        self.noted: list[Noted] = []
        self._condition: Any = None
        self._inputs: list[Buffer] = []
        self._outputs: list[Buffer] = []
        self._deriving = Deriving()
        self._data: dict[Buffer, Derived] = {}
        self._derived: dict[int, Symbol] = {}
        self._weights = [(_place(weight), weight) for weight in weights]
        self._kept: dict[tuple[int, int], Buffer] = {}
        self._variables = 0
        self._fixed = fixed
        self._packed_weights: dict[object, Symbol] = {}
        self._running = kernels
        self.kernels = Writer(self._write, kernels)

    # ---- what a run passes

    def input(
        self, shape: Sequence[int], dtype: str, example: NDArray[Any] | None = None
    ) -> Symbol:
        """Return an array that every run passes."""
        buffer = Buffer(dtype, prod(shape), is_input=True)
        self._inputs.append(buffer)
        if example is not None:
            self._data[buffer] = self._deriving.data(example)
        return Symbol(buffer, tuple(shape))

    def data(self, example: NDArray[Any]) -> Any:
        """Return an array of NumPy that every run passes to `Plan.derived`."""
        return self._deriving.data(example)

    def example(self, derived: Any) -> Any:
        return derived.example if isinstance(derived, Derived) else derived

    def of_data(self, function: Callable[..., Any], *data: Any) -> Any:
        given = [self.to_numpy(x) for x in data]
        if not any(isinstance(x, Derived) for x in given):
            return function(*given)
        result = self._deriving.apply(function, *given)
        if not isinstance(result.example, tuple):
            return result
        return type(result.example)(*(result[k] for k in range(len(result.example))))

    def variable(self) -> Variable:
        """Return a number that every run passes."""
        variable = Variable(0.5)
        variable.place, self._variables = self._variables, self._variables + 1
        return variable

    # ---- arrays

    def empty(self, shape: Sequence[int]) -> Any:
        return Symbol(Buffer("float32", prod(shape)), tuple(shape))

    def array(self, values: Any) -> Any:
        return values

    def to_numpy(self, x: Any) -> Any:
        if not isinstance(x, Symbol):
            if isinstance(x, np.ndarray) and self._around(x):
                raise NotRecordableError("to_numpy of weights, which change")
            return x
        whole = self._data.get(x.buffer)
        if whole is None or x.size != whole.size:
            raise NotRecordableError("to_numpy")
        return whole if x.shape == whole.shape else whole.reshape(x.shape)

    def part(self, x: Any, start: int, stop: int) -> Any:
        if not isinstance(x, Symbol):
            return x[start:stop]
        row = prod(x.shape[1:]) * SIZES[x.buffer.dtype]
        return Symbol(x.buffer, (stop - start, *x.shape[1:]), x.begin + start * row)

    def assign(self, x: Any, values: Any) -> None:
        self.kernels.scale(values, 1.0, x)

    def zero_rows(self, x: Any, rows: Any) -> None:
        raise NotRecordableError("zero_rows")

    def holds_tokens(self, x: Any) -> bool:
        return self.dtype_of(x) == "int64"

    def dtype_of(self, x: Any) -> str:
        return x.buffer.dtype if isinstance(x, Symbol) else str(x.dtype)

    def zeros(self, shape: Sequence[int], dtype: str) -> Any:
        x = self.empty(shape)
        self.kernels.fill(0.0, x)
        return x

    def fill(self, x: Any, value: float) -> None:
        self.kernels.fill(value, x)

    def copy(self, x: Any) -> Any:
        return self.scale(x, 1.0)

    def scale(self, x: Any, factor: float) -> Any:
        y = self.like(x)
        self.kernels.scale(x, factor, y)
        return y

    def add(self, xs: Sequence[Any]) -> Any:
        if len(xs) == 1:
            return self.copy(xs[0])
        total = self.elementwise_forward("add", xs[0], xs[1], 0.0)
        for x in xs[2:]:
            self.kernels.add(x, total)
        return total

    def accumulate(self, x: Any, total: Any) -> None:
        self.kernels.add(x, total)

    def multiply(self, x: Any, y: Any) -> Any:
        product = self.like(x)
        self.kernels.multiply(x, y, product)
        return product

    def reshape(self, x: Any, shape: Sequence[int]) -> Any:
        if not isinstance(x, Symbol):
            return x.reshape(shape)
        if prod(shape) != x.size or any(n < 0 for n in shape):
            raise NotRecordableError(f"reshape to {shape}")
        return Symbol(x.buffer, tuple(shape), x.begin)

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        if isinstance(x, Quantized):
            return x.transposed() if axes[0] else x
        # The axis that is to come first moves to the front, then the next one behind it, and so on.
        order = [*range(x.ndim)]
        for place, axis in enumerate(axes):
            at = order.index(axis)
            if at != place:
                shape = [x.shape[k] for k in (*range(at), *range(at + 1, x.ndim))]
                shape.insert(place, x.shape[at])
                y, around = self.empty(shape), (prod(x.shape[:place]), prod(x.shape[place:at]))
                flat = (*around, x.shape[at], prod(x.shape[at + 1 :]))
                self.kernels.transpose(
                    self.reshape(x, flat), self.reshape(y, (flat[0], flat[2], flat[1], flat[3]))
                )
                order.insert(place, order.pop(at))
                x = y
        return x

    def flip(self, x: Any, axis: int) -> Any:
        return self.take(x, _places(range(x.shape[axis])[::-1]), axis)

    def repeat(self, x: Any, count: int, axis: int) -> Any:
        single = self.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))
        return self.take(single, np.zeros(count, np.int64), axis)

    def concatenate(self, xs: Sequence[Any], axis: int) -> Any:
        axis %= len(xs[0].shape)
        ends = np.cumsum([0, *(x.shape[axis] for x in xs)])
        shape = list(xs[0].shape)
        shape[axis] = int(ends[-1])
        y = self.empty(shape)
        for x, start, stop in zip(xs, ends, ends[1:], strict=False):
            self._scatter(x, range(start, stop), axis, y)
        return y

    def split(self, x: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        ends = np.cumsum([0, *sizes])
        return [self.take(x, np.arange(start, stop), axis) for start, stop in pairwise(ends)]

    def slice_forward(self, x: Any, index: Sequence[int | slice]) -> Any:
        steps = _steps(x.shape, index)
        for axis, taken in steps:
            x = self.take(x, _places(taken), axis)
        return self.reshape(x, _sliced(x.shape, index))

    def slice_backward(self, dy: Any, index: Sequence[int | slice], shape: Sequence[int]) -> Any:
        steps = _steps(shape, index)
        shapes = [list(shape)]
        for axis, taken in steps:
            shapes.append([*shapes[-1]])
            shapes[-1][axis] = len(taken)
        dx = self.reshape(dy, shapes[-1])
        for (axis, taken), wider in zip(reversed(steps), reversed(shapes[:-1]), strict=True):
            narrow, dx = dx, self.zeros(wider, "float32")
            self._scatter(narrow, taken, axis, dx)
        return self.copy(dx) if not steps else dx

    def _scatter(self, x: Any, index: Sequence[int], axis: int, y: Symbol) -> None:
        """Write the entries of x to places of y along an axis."""
        before, after = prod(y.shape[:axis]), prod(y.shape[axis + 1 :])
        width, places = pieces(_places(index), y.shape[axis])
        self.kernels.scatter(
            self.reshape(x, (before, len(places), width * after)),
            places,
            self.reshape(y, (before, y.shape[axis] // width, width * after)),
        )

    def packed(self, pack: str, rows: int, *weights: Any) -> Any:
        # The more rows, the less it matters.
        if not self._fixed or rows > _FEW_ROWS:
            return None
        parts = [self._symbol_of(w) if isinstance(w, np.ndarray) else w for w in weights]
        key = pack, *((w.buffer, w.begin, w.shape) if w is not None else None for w in parts)
        if key not in self._packed_weights:
            inputs, columns = weights[0].shape
            self._packed_weights[key] = self.empty((inputs, columns_of_packed(columns)))
            getattr(self.kernels, pack)(*weights, self._packed_weights[key])
        return self._packed_weights[key]

    # ---- writing

    def _write(self, name: str, *arguments: Any) -> Any:
        """Write an operation down; return the number that it returns, if any."""
        _, kinds = OPERATIONS[name]
        written = []
        for (kind, _, _), argument in zip(kinds, arguments, strict=True):
            if isinstance(argument, np.ndarray):
                argument = self._symbol_of(argument)
            elif isinstance(argument, Derived):
                argument = self._symbol_of_derived(argument)
            if isinstance(argument, Symbol):
                if argument.buffer.dtype != kind:
                    raise NotRecordableError(name)
            elif argument is not None and kind in SIZES:
                raise NotRecordableError(name)
            written.append(argument)
        self.noted.append(Noted(name, written, self._condition))
        return Returned(0.5) if RETURNS[name] else None

    def _symbol_of(self, array: NDArray[Any]) -> Symbol:
        """Return the symbol of an array that exists."""
        start, size = _place(array)
        whole = (start, size), array
        if str(array.dtype) == "float32" and size:
            around = self._around(array)
            if not around:
                raise NotRecordableError("numbers from outside")
            # A single weight is all of the buffer, but only that can be written to.
            whole = max(around, key=lambda known: (known[0][1], known[1].flags.writeable))
        place, kept = whole
        if place not in self._kept:
            self._kept[place] = Buffer(_kind(kept.dtype), kept.size, kept=kept)
        return Symbol(self._kept[place], array.shape, start - place[0])

    def _around(self, array: NDArray[Any]) -> list[Any]:
        """Return the weights in whose memory an array lies, each with its place."""
        start, size = _place(array)
        return [
            known
            for known in self._weights
            if known[0][0] <= start and start + size <= sum(known[0])
        ]

    def _symbol_of_derived(self, array: Derived) -> Symbol:
        """Return the symbol of an array that every run derives from its data."""
        if array.number not in self._derived:
            buffer = Buffer(_kind(array.dtype), array.size, is_input=True)
            self._derived[array.number] = Symbol(buffer, array.shape)
            self._deriving.want(array)
        return self._derived[array.number]

    def stop_unless_below(self, most: float) -> None:
        last = max(k for k, one in enumerate(self.noted) if one.returns)
        self.noted[last].most = most

    def where(self, number: float, record: Callable[[], None]) -> None:
        self._condition = number
        record()
        self._condition = None

    def plan(
        self, outputs: Sequence[Symbol], masks: Sequence[Any] = (), *, finite: bool = False
    ) -> Plan:
        checked = len(self._inputs) if finite else 0
        if not all(mask is None or isinstance(mask, Derived) for mask in masks):
            raise NotRecordableError("a mask that does not follow from data")
        given = [self._given(output) for output in outputs]
        for mask in masks:
            if mask is not None:
                self._deriving.want(mask)
        kept = [*self._kept.values()]
        noted = needed(self.noted)
        first = prepared(noted)
        of_first = set(first)
        others = [one for one in noted if one not in of_first]
        arena = lay_out(use(first, others))
        inputs = [*self._inputs, *(symbol.buffer for symbol in self._derived.values())]
        given_in_order = [*inputs, *self._outputs]
        numbers = {id(buffer): k + 1 for k, buffer in enumerate([*kept, *given_in_order])}

        def placed(x: Any) -> Any:
            if isinstance(x, Symbol):
                number, offset = numbers.get(id(x.buffer), 0), x.buffer.offset + x.begin
                return Place(number, offset, x.shape, x.buffer.dtype)
            return Given(x.place) if isinstance(x, Variable) else x

        passed = [Place(numbers[id(b)], 0, (b.size,), b.dtype) for b in given_in_order]
        instructions = [
            Instruction(
                one.name, tuple(map(placed, one.arguments)), placed(one.most), placed(one.where)
            )
            for one in [*first, *others]
        ]
        arrays = [buffer.kept for buffer in kept]
        listed = InstructionList(instructions, arena, arrays, passed, len(given), len(first))
        compiled = self._running.plan(
            listed.instructions, arena, listed.kept, len(passed), checked, listed.prepared
        )
        known = [mask is not None for mask in masks]
        return Plan(compiled, [x.shape for x in given], listed, self._deriving.finished(), known)

    def _given(self, output: Any) -> Symbol:
        """Return an output as an array that every run passes."""
        buffer = output.buffer if isinstance(output, Symbol) else None
        part = buffer is not None and output.size < buffer.size
        if buffer is None or buffer.kept is not None or buffer.is_input or part:
            output = self.copy(output)
        output.buffer.is_input = True
        self._outputs.append(output.buffer)
        return output


def _place(array: NDArray[Any]) -> tuple[int, int]:
    """Return where the memory of an array begins, and its size in bytes."""
    return array.__array_interface__["data"][0], array.nbytes


def _kind(dtype: Any) -> str:
    """Return what kernels call a dtype."""
    return {"bool": "bool_"}.get(str(dtype), str(dtype))


def _places(index: Sequence[int]) -> NDArray[np.int64]:
    return np.array(index, np.int64)


def _steps(shape: Sequence[int], index: Sequence[int | slice]) -> list[tuple[int, Sequence[int]]]:
    """Return for each axis that an index cuts which of its entries remain."""
    found: list[tuple[int, Sequence[int]]] = []
    for axis, part in enumerate(index):
        every = range(shape[axis])
        taken = [every[part]] if isinstance(part, int) else every[part]
        if len(taken) != len(every) or list(taken) != list(every):
            found.append((axis, taken))
    return found


def _sliced(shape: Sequence[int], index: Sequence[int | slice]) -> list[int]:
    """Return the shape without the axes of which an index takes one entry."""
    single = {axis for axis, part in enumerate(index) if isinstance(part, int)}
    return [size for axis, size in enumerate(shape) if axis not in single]
