"""Remedies: what to do about shapes that do not fit.

A message names a remedy only if it was tried and helps, and if no other does: then it is probably
what was meant.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from lstm.errors import InvalidShapeError
from lstm.layers.symbolic import Shape, SymbolicTensor

Changes = Iterator[tuple[Shape, str]]
"""Possible shapes, each with what to do to get it."""

_SOME_LENGTH = 97
"""A length for sequences of unknown length, which matches no other size by chance."""

_ONE_SERIES = "x[None, :, None] is a batch of one sequence of one feature"


def remedied(error: InvalidShapeError, remedy: str) -> InvalidShapeError:
    """Return the error with what to do, if there is a remedy."""
    return error.changed(got=f"{error.got}; {remedy}") if remedy else error


def for_layer(inputs: Sequence[SymbolicTensor], fits: Callable[[list[Shape]], bool]) -> str:
    """Return what to do if a layer does not accept its inputs.

    Args:
        inputs: the inputs of the call.
        fits: returns whether it accepts inputs of these shapes.
    """
    shapes = [tensor.shape for tensor in inputs]
    return _only(
        remedy
        for k, tensor in enumerate(inputs)
        if isinstance(tensor, SymbolicTensor)  # An array is as it is.
        for shape, remedy in (*_other_steps(tensor), *_other_source(tensor))
        if fits([*shapes[:k], shape, *shapes[k + 1 :]])
    )


def for_data(got: Shape, expected: Shape, symbols: int | None) -> str:
    """Return what to do if data are not what an input of a model expects.

    Args:
        got: shape of the data.
        expected: shape of the input, batch first; None for any size.
        symbols: number of different tokens, if the input is tokens.
    """
    changes = list(_other_axes(got))
    if symbols is not None and got[-1:] == (symbols,):
        changes.append((got[:-1], "with .argmax(-1) one-hot vectors are tokens"))
    if len(got) > 2:
        any_length = f"Input({(None, *expected[2:])}) accepts sequences of any length"
        changes.append(((*got[:1], *expected[1:2], *got[2:]), any_length))
    return _only(remedy for shape, remedy in changes if _matches(shape, expected))


def for_target(
    got: Shape,
    output: SymbolicTensor,
    shape: Any,
    lengths: Collection[int],
    fits: Callable[[Any, Any], bool],
    others: Mapping[str, Callable[[Any, Any], bool]],
) -> str:
    """Return what to do if targets do not fit the output of a model.

    Args:
        got: shape of the targets.
        output: the output.
        shape: shape of the output for these data.
        lengths: lengths of the input sequences.
        fits: whether the loss that compares them accepts targets of a shape for outputs of another.
        others: the same of other losses, by name, for probabilities of classes.
    """
    softmax = getattr(output.node.layer, "activation", "") == "softmax"
    steps = next(iter(lengths)) if len(lengths) == 1 else None
    if softmax:
        for name, accepts in others.items():
            if accepts(got, shape):
                return f"{name} accepts such targets"
    found = [remedy for target, remedy in _other_axes(got) if fits(target, shape)]
    for other, remedy in _other_steps(output, steps):
        if fits(got, (*shape[:1], *other[1:])):
            found.append(remedy)
    # Reshaped softmax outputs would no longer be probabilities that sum to 1.
    if not found and not softmax and len(got) > 2:
        size = prod(n or 0 for n in got[1:])
        if shape == (got[0], size):
            found.append(f"Reshape({got[1:]}) at the end gives such outputs")
        elif len(shape) == 2 and got[1] != steps:
            found.append(f"Dense({size}) and Reshape({got[1:]}) at the end give such outputs")
    return _only(found)


def for_weight(got: Shape, expected: Shape) -> str:
    """Return what to do if the values of a weight have another shape."""
    return "with .T it fits, as for PyTorch and ONNX" if got == expected[::-1] else ""


def _only(remedies: Iterable[str]) -> str:
    """Return the remedy, if there is exactly one."""
    found = set(remedies)
    return found.pop() if len(found) == 1 else ""


def _matches(shape: Shape, expected: Shape) -> bool:
    """Whether data of this shape are what an input expects."""
    return len(shape) == len(expected) and all(
        None in (size, wanted) or size == wanted
        for size, wanted in zip(shape, expected, strict=True)
    )


def _other_axes(shape: Shape) -> Changes:
    """Yield the shapes that an array can get by changing its axes."""
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
    """Yield the shape of a tensor if the recurrent layer below returned all steps, or the last."""
    reader = _reader(tensor)
    if reader is None:
        return
    kind, (batch, *sizes) = type(reader).__name__, tensor.shape
    if getattr(reader, "forward_layer", reader).return_sequences:
        yield (
            (batch, *sizes[1:]),
            f"the {kind} below returns every step: without return_sequences it returns the last",
        )
    else:
        yield (
            (batch, steps or _length(tensor) or _SOME_LENGTH, *sizes),
            f"the {kind} below returns only its last step: return_sequences=True returns all",
        )


def _reader(tensor: SymbolicTensor) -> Any:
    """Return the layer that read the sequence, if all above works on each step separately."""
    while tensor.node.layer is not None:
        for layer in tensor.node.path:
            if hasattr(getattr(layer, "forward_layer", layer), "return_sequences"):
                return None if tensor.index else layer
        if not tensor.node.layer.memoryless or len(tensor.node.inputs) != 1:
            return None
        (tensor,) = tensor.node.inputs
    return None


def _length(tensor: SymbolicTensor) -> int | None:
    """Return the length of the sequence that was read, if it is known."""
    while tensor.ndim < 3:
        if not tensor.node.inputs:
            return None
        tensor = tensor.node.inputs[0]
    return tensor.shape[1]


def _other_source(tensor: SymbolicTensor) -> Changes:
    """Yield the shape of a tensor if the model had other data, or knew more about them."""
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
