"""What to do about shapes that do not fit.

A remedy is named where it would help, which is tried out, and where it is the only one: then it is
what was meant.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.symbolic import Shape, SymbolicTensor
from lstm.losses import CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy

Changes = Iterator[tuple[Shape, str]]
"""Shapes that something would have, and what to do for it."""

_SOME_LENGTH = 97
"""Of sequences, where it is not known: no size that something else asks for fits it by chance."""

_ONE_SERIES = "x[None, :, None] is a batch of one sequence of one feature"


def remedied(error: InvalidShapeError, remedy: str) -> InvalidShapeError:
    """The error that says what to do, too, if there is a remedy."""
    return error.changed(got=f"{error.got}; {remedy}") if remedy else error


def for_layer(inputs: Sequence[SymbolicTensor], fits: Callable[[list[Shape]], bool]) -> str:
    """What to do where a layer does not take its inputs.

    Args:
        inputs: what it is called on.
        fits: whether it takes inputs of such shapes.
    """
    shapes = [tensor.shape for tensor in inputs]
    return _only(
        remedy
        for k, tensor in enumerate(inputs)
        for shape, remedy in (*_other_steps(tensor), *_other_source(tensor))
        if fits([*shapes[:k], shape, *shapes[k + 1 :]])
    )


def for_data(got: Shape, expected: Shape, symbols: int | None) -> str:
    """What to do where data are not what an input of a model expects.

    Args:
        got: their shape.
        expected: that of the input, batch first; None for any size.
        symbols: number of tokens, where the input is tokens.
    """
    changes = list(_other_axes(got))
    if symbols is not None and got[-1:] == (symbols,):
        changes.append((got[:-1], "with .argmax(-1) one-hot vectors are tokens"))
    if len(got) > 2:
        any_length = f"Input({(None, *expected[2:])}) takes sequences of any length"
        changes.append(((*got[:1], *expected[1:2], *got[2:]), any_length))
    return _only(remedy for shape, remedy in changes if _matches(shape, expected))


def for_target(
    y: NDArray[Any], output: SymbolicTensor, shape: Any, lengths: Collection[int], loss: Loss
) -> str:
    """What to do where targets do not fit the output of a model.

    Args:
        y: the targets.
        output: the output.
        shape: its shape for these data.
        lengths: those of the sequences that go in.
        loss: what compares them.
    """
    got, softmax = y.shape, getattr(output.node.layer, "activation", "") == "softmax"
    steps = next(iter(lengths)) if len(lengths) == 1 else None

    def fits(target: Any, shape: Any, loss: Loss = loss) -> bool:
        try:
            loss.check(np.broadcast_to(np.zeros((), y.dtype), target), shape)
        except InvalidValueError:
            return False
        return True

    if softmax:
        for kind in (SparseCategoricalCrossentropy, CategoricalCrossentropy):
            if fits(got, shape, kind()):
                return f"{kind.name} takes such targets"
    found = [remedy for target, remedy in _other_axes(got) if fits(target, shape)]
    for other, remedy in _other_steps(output, steps):
        if fits(got, (*shape[:1], *other[1:])):
            found.append(remedy)
    # Reshaped numbers of a softmax would no longer be the probabilities of one thing.
    if not found and not softmax and len(got) > 2:
        size = prod(got[1:])
        if shape == (got[0], size):
            found.append(f"Reshape({got[1:]}) at the end gives such outputs")
        elif len(shape) == 2 and got[1] != steps:
            found.append(f"Dense({size}) and Reshape({got[1:]}) at the end give such outputs")
    return _only(found)


def for_weight(got: Shape, expected: Shape) -> str:
    """What to do where the values of a weight have another shape."""
    return "with .T it fits, as those of PyTorch and ONNX" if got == expected[::-1] else ""


def _only(remedies: Iterable[str]) -> str:
    """The remedy, if there is one and no other."""
    found = set(remedies)
    return found.pop() if len(found) == 1 else ""


def _matches(shape: Shape, expected: Shape) -> bool:
    """Whether data of a shape are what an input expects."""
    return len(shape) == len(expected) and all(
        None in (size, wanted) or size == wanted
        for size, wanted in zip(shape, expected, strict=True)
    )


def _other_axes(shape: Shape) -> Changes:
    """What an array can be made with its axes alone."""
    yield (1, *shape), "with [None] it is a batch of one"
    yield (*shape, 1), "with [..., None] it has an axis for the feature"
    if len(shape) == 1:
        yield (1, *shape, 1), _ONE_SERIES
    for k, size in enumerate(shape):
        if k and size == 1:
            yield (*shape[:k], *shape[k + 1 :]), f"with .squeeze({k}) that axis is gone"
    if len(shape) == 3 and 1 not in shape[1:]:
        b, t, d = shape
        yield (b, d, t), "with .transpose(0, 2, 1) the features are last"
        yield (t, b, d), "with .transpose(1, 0, 2) the batch is first"


def _other_steps(tensor: SymbolicTensor, steps: int | None = None) -> Changes:
    """What a tensor would be if the recurrent layer below gave all its steps, or only the last."""
    reader = _reader(tensor)
    if reader is None:
        return
    kind, (batch, *sizes) = type(reader).__name__, tensor.shape
    if getattr(reader, "forward_layer", reader).return_sequences:
        yield (
            (batch, *sizes[1:]),
            f"the {kind} below gives every step: without return_sequences it gives the last",
        )
    else:
        yield (
            (batch, steps or _length(tensor) or _SOME_LENGTH, *sizes),
            f"the {kind} below gives its last step only: return_sequences=True gives all",
        )


def _reader(tensor: SymbolicTensor) -> Any:
    """The layer that read the sequence, where all above works on each step by itself."""
    while tensor.node.layer is not None:
        for layer in tensor.node.path:
            if hasattr(getattr(layer, "forward_layer", layer), "return_sequences"):
                return None if tensor.index else layer
        if not tensor.node.layer.memoryless or len(tensor.node.inputs) != 1:
            return None
        (tensor,) = tensor.node.inputs
    return None


def _length(tensor: SymbolicTensor) -> int | None:
    """The length of the sequence that was read, if it is known."""
    while tensor.ndim < 3:
        tensor = tensor.node.inputs[0]
    return tensor.shape[1]


def _other_source(tensor: SymbolicTensor) -> Changes:
    """What a tensor would be if the model were given other data, or told more about them."""
    shape, declared = tensor.shape, tensor.node.exact
    if tensor.node.layer is not None:
        if len(shape) == 2 and shape[1] is None:
            yield (shape[0], 1), "its size follows from the length that Input gives the sequences"
    elif len(shape) == 1:
        yield (*shape, None, 1), _ONE_SERIES
    elif len(shape) == 2:
        also = f", and Input({(*shape[1:], 1)}) says so" if declared else ""
        yield (*shape, 1), f"x[..., None] has an axis for the feature{also}"
    elif shape[-1] is None:
        yield (*shape[:-1], 1), "Input says how many features there are, as in Input((None, 2))"
    elif len(shape) > 3 and declared:
        yield (shape[0], *shape[2:]), f"Input({shape[2:]}) leaves the batch axis out"
    elif len(shape) > 3 and shape[1] == 1:
        yield (shape[0], *shape[2:]), "with .squeeze(1) that axis is gone"
