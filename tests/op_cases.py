"""One case for each way of using an operation that has gradients, in one form for all operations.

The tests of gradients and of the rules of the contract run over these cases. Derivatives jump at
the kinks of relu, hard_sigmoid, the absolute error and the Huber loss: every case keeps its inputs
away from them, by more than the steps of central differences.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Key, Ops, RecurrentWeights

Array = NDArray[Any]
Arrays = dict[str, Array]

Pullback = Callable[[Sequence[Array | None], Arrays, bool], Arrays]
"""From gradients of the outputs, buffers for those of the weights, and need_dx to gradients."""


@dataclass(frozen=True)
class Case:
    """A use of an operation.

    Attributes:
        name: names the operation and what is special.
        run: (backend, all arrays by name) -> its outputs and its backward pass.
        inputs: arrays whose gradients are returned, under the same names.
        weights: arrays whose gradients are added to buffers.
        constants: arrays without gradients.
    """

    name: str
    run: Callable[[Ops, Arrays], tuple[tuple[Any, ...], Pullback]]
    inputs: Arrays
    weights: Arrays = field(default_factory=dict)
    constants: Arrays = field(default_factory=dict)

    def arrays(self, dtype: str = "float64") -> Arrays:
        """Copies of all arrays, the floating ones in `dtype`."""
        every = self.inputs | self.weights | self.constants
        return {
            name: x.astype(dtype if x.dtype.kind == "f" else x.dtype) for name, x in every.items()
        }

    def buffers(self, dtype: str = "float64") -> Arrays:
        """A buffer of zeros for the gradient of each weight."""
        return {name: np.zeros(w.shape, dtype) for name, w in self.weights.items()}

    def __str__(self) -> str:
        return self.name


def objective(outputs: Sequence[Any], probes: Sequence[Array | None]) -> float:
    """Σ probe·output: the scalar whose gradient a backward pass from the probes gives."""
    return float(sum(np.sum(p * y) for p, y in zip(probes, outputs, strict=True) if p is not None))


def make_probes(outputs: Sequence[Any], rng: np.random.Generator) -> list[Array]:
    """Random gradients for the outputs; 1 for a number."""
    return [
        np.float64(1) if isinstance(y, float) else rng.uniform(-1, 1, y.shape).astype(y.dtype)
        for y in outputs
    ]


def kink_free(rng: np.random.Generator, shape: tuple[int, ...], *kinks: float) -> Array:
    """Random numbers around the kinks, at least 0.1 away from each."""
    x = rng.normal(0, 1.5, shape) + rng.choice((*kinks, 0.0), shape)
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.1, kink + np.copysign(0.2, x - kink), x)
    return x


KINKS = {"relu": (0.0,), "hard_sigmoid": (-3.0, 3.0)}
ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softmax")

# Biases that keep x·w + b on one side of the kinks, for |x·w| < 1: some units on each side.
OFFSETS = {"relu": (1.5, -1.5), "hard_sigmoid": (0.4, 5.0, -5.0)}


def offsets(activation: str, count: int) -> Array:
    """A bias for each of `count` features."""
    return np.resize(OFFSETS.get(activation, (0.3, -0.6, 0.1)), count)


def activation_case(activation: Any, shape: tuple[int, ...] = (2, 3, 5)) -> Case:
    rng = np.random.default_rng(1)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        y = ops.activation_forward(a["x"], activation)
        return (y,), lambda dys, buffers, need: {
            "x": ops.activation_backward(dys[0], y, activation)
        }

    x = kink_free(rng, shape, *KINKS.get(activation, ()))
    return Case(f"activation-{activation}", run, {"x": x})


def dropout_case(shape: tuple[int, ...] = (3, 4, 2)) -> Case:
    rng, key = np.random.default_rng(2), Key(2, 1)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        y = ops.dropout(a["x"], key, 0.4)
        return (y,), lambda dys, buffers, need: {"x": ops.dropout(dys[0], key, 0.4)}

    return Case("dropout", run, {"x": rng.normal(size=shape)})


def scale_features_case(B: int = 3, T: int = 4, C: int = 5) -> Case:
    rng = np.random.default_rng(16)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        y = ops.scale_features(a["x"], a["factor"])
        return (y,), lambda dys, buffers, need: {"x": ops.scale_features(dys[0], a["factor"])}

    x, factor = rng.normal(size=(B, T, C)), rng.normal(size=(B, C))
    return Case(f"scale_features-{B}x{T}x{C}", run, {"x": x}, constants={"factor": factor})


def slice_case(name: str, index: tuple[int | slice, ...]) -> Case:
    rng = np.random.default_rng(3)
    shape = (3, 5, 4)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        y = ops.slice_forward(a["x"], index)
        return (y,), lambda dys, buffers, need: {"x": ops.slice_backward(dys[0], index, shape)}

    return Case(f"slice-{name}", run, {"x": rng.normal(size=shape)})


def embedding_case(name: str, tokens: Array, V: int = 6, E: int = 3) -> Case:
    rng = np.random.default_rng(4)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        def pull(dys: Sequence[Any], buffers: Arrays, need: bool) -> Arrays:
            if "w" in buffers:
                ops.embedding_backward(dys[0], a["tokens"], buffers["w"])
            return {}

        return (ops.embedding_forward(a["tokens"], a["w"]),), pull

    w = rng.normal(size=(V, E))
    return Case(f"embedding-{name}", run, {}, {"w": w}, {"tokens": tokens})


def linear_case(
    lead: tuple[int, ...], D: int, F: int, activation: Any = "linear", bias: bool = True
) -> Case:
    rng = np.random.default_rng(5)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        y, cache = ops.linear_forward(a["x"], a["w"], a.get("b"), activation)
        return (y,), lambda dys, buffers, need: {
            "x": ops.linear_backward(dys[0], cache, buffers.get("w"), buffers.get("b"), need)
        }

    weights = {"w": rng.uniform(-0.9, 0.9, (D, F)) / D}
    if bias:
        weights["b"] = offsets(activation, F)
    name = f"linear-{'x'.join(map(str, (*lead, D, F)))}-{activation}-{'b' if bias else 'nobias'}"
    return Case(name, run, {"x": rng.uniform(-1, 1, (*lead, D))}, weights)


def conv1d_case(
    T: int,
    K: int,
    stride: int = 1,
    dilation: int = 1,
    padding: tuple[int, int] = (0, 0),
    activation: Any = "linear",
    bias: bool = True,
    B: int = 2,
    C: int = 3,
    F: int = 4,
) -> Case:
    rng = np.random.default_rng(6)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        y, cache = ops.conv1d_forward(
            a["x"], a["w"], a.get("b"), stride, dilation, padding, activation
        )
        return (y,), lambda dys, buffers, need: {
            "x": ops.conv1d_backward(dys[0], cache, buffers.get("w"), buffers.get("b"), need)
        }

    weights = {"w": rng.uniform(-0.9, 0.9, (K, C, F)) / (K * C)}
    if bias:
        weights["b"] = offsets(activation, F)
    name = f"conv1d-T{T}-K{K}-s{stride}-d{dilation}-p{padding[0]}+{padding[1]}-{activation}"
    name += f"-B{B}C{C}F{F}" + ("" if bias else "-nobias")
    return Case(name, run, {"x": rng.uniform(-1, 1, (B, T, C))}, weights)


def distribution(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Random probabilities along the last axis, none of them small."""
    p = rng.random(shape) + 0.5
    return p / p.sum(-1, keepdims=True)


def cross_entropy_case(
    lead: tuple[int, ...], *, logits: bool, integers: bool, weighted: bool, V: int = 5
) -> Case:
    rng = np.random.default_rng(7)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        if logits:
            loss, cache = ops.softmax_cross_entropy_forward(a["y"], a["target"], a.get("weight"))
            backward = ops.softmax_cross_entropy_backward
        else:
            loss, cache = ops.cross_entropy_forward(a["y"], a["target"], a.get("weight"))
            backward = ops.cross_entropy_backward
        return (loss,), lambda dys, buffers, need: {"y": backward(cache)}

    y = rng.normal(0, 2, (*lead, V)) if logits else rng.uniform(0.3, 2, (*lead, V))
    target = rng.integers(0, V, lead) if integers else distribution(rng, (*lead, V))
    constants = {"target": target} | ({"weight": rng.random(lead)} if weighted else {})
    name = "softmax_cross_entropy" if logits else "cross_entropy"
    name += f"-{'x'.join(map(str, lead))}-{'integers' if integers else 'distribution'}"
    return Case(name + "-weighted" * weighted, run, {"y": y}, constants=constants)


def linear_cross_entropy_case(
    lead: tuple[int, ...],
    D: int,
    V: int,
    *,
    integers: bool = True,
    weighted: bool = False,
    bias: bool = True,
) -> Case:
    rng = np.random.default_rng(9)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        arguments = a["x"], a["w"], a.get("b"), a["target"], a.get("weight")

        def pull(dys: Sequence[Any], buffers: Arrays, need: bool) -> Arrays:
            dw, db = buffers.get("w"), buffers.get("b")
            return {"x": ops.linear_softmax_cross_entropy(*arguments, dw, db, need)[1]}

        return (ops.linear_softmax_cross_entropy(*arguments, None, None, False)[0],), pull

    weights = {"w": 2 * rng.normal(size=(D, V)) / np.sqrt(D)}
    if bias:
        weights["b"] = rng.normal(size=V)
    target = rng.integers(0, V, lead) if integers else distribution(rng, (*lead, V))
    constants = {"target": target} | ({"weight": rng.random(lead)} if weighted else {})
    name = f"linear_softmax_cross_entropy-{'x'.join(map(str, (*lead, D, V)))}"
    name += f"-{'integers' if integers else 'distribution'}"
    name += "-weighted" * weighted + "-nobias" * (not bias)
    return Case(name, run, {"x": rng.normal(size=(*lead, D))}, weights, constants)


def ctc_case(
    B: int,
    T: int,
    C: int,
    labels: Sequence[Sequence[int]],
    *,
    blank: int = 0,
    real: Sequence[Sequence[int]] | None = None,
) -> Case:
    """Labels, behind which the blank stands; `real` is which steps are."""
    rng = np.random.default_rng(17)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        loss, cache = ops.ctc_forward(a["z"], a["labels"], blank, a.get("mask"))
        return (loss,), lambda dys, buffers, need: {"z": ops.ctc_backward(dys[0], cache)}

    given = np.array(labels, np.int64).reshape(B, len(labels[0]) if labels else 0)
    constants = {"labels": given} | (
        {} if real is None else {"mask": np.array(real, bool).reshape(B, T)}
    )
    name = f"ctc-{B}x{T}x{C}-{given.shape[1]}-blank{blank}" + "-masked" * (real is not None)
    return Case(name, run, {"z": rng.normal(0, 2, (B, T, C))}, constants=constants)


POINTWISE_LOSSES = (
    "squared_error",
    "absolute_error",
    "huber",
    "binary_cross_entropy",
    "sigmoid_cross_entropy",
)
DELTA = 0.7


def pointwise_loss_case(loss: Any, *, weighted: bool, shape: tuple[int, ...] = (3, 4)) -> Case:
    rng = np.random.default_rng(8)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        value, cache = ops.pointwise_loss_forward(loss, a["y"], a["target"], a.get("weight"), DELTA)
        return (value,), lambda dys, buffers, need: {"y": ops.pointwise_loss_backward(cache)}

    if loss == "binary_cross_entropy":
        y, target = rng.uniform(0.05, 0.95, shape), rng.random(shape)
    elif loss == "sigmoid_cross_entropy":
        y, target = rng.normal(0, 2, shape), rng.random(shape)
    else:
        target = rng.normal(size=shape)
        y = target + kink_free(rng, shape, 0.0, DELTA, -DELTA)
    constants = {"target": target} | ({"weight": rng.random(shape)} if weighted else {})
    return Case(f"{loss}-weighted" if weighted else loss, run, {"y": y}, constants=constants)


TOKENS = np.array([[1, 4, 1], [5, 1, 4]])  # with repetitions, and rows that never occur

CASES = [
    *map(activation_case, ACTIVATIONS),
    dropout_case(),
    scale_features_case(),
    scale_features_case(1, 1, 1),
    scale_features_case(2, 0, 3),
    slice_case("step", (slice(None), 2)),
    slice_case("last", (slice(None), -1)),
    slice_case("range", (slice(1, None), slice(1, 4), slice(None))),
    slice_case("stride", (slice(None), slice(None, None, 2))),
    slice_case("backwards", (slice(None), slice(None, None, -2), slice(0, 1))),
    slice_case("nothing", (slice(None), slice(2, 2))),
    embedding_case("flat", TOKENS[0]),
    embedding_case("batch", TOKENS),
    embedding_case("empty", TOKENS[:, :0]),
    *(linear_case((3,), 4, 5, activation) for activation in ACTIVATIONS),
    linear_case((2, 3), 7, 5, "tanh"),
    linear_case((2, 3), 2, 3, bias=False),
    linear_case((2, 3, 2), 1, 2, "sigmoid"),
    linear_case((), 3, 2),
    linear_case((1,), 1, 1),
    linear_case((2, 0), 3, 2),
    *(conv1d_case(6, 3, activation=activation) for activation in ACTIVATIONS),
    conv1d_case(7, 1),
    conv1d_case(7, 3, stride=2, bias=False),
    conv1d_case(8, 2, stride=3, padding=(1, 1)),
    conv1d_case(7, 3, dilation=2, padding=(4, 0), activation="tanh"),
    conv1d_case(5, 4, stride=2, dilation=3, padding=(3, 5)),
    conv1d_case(9, 5, stride=4, dilation=6, padding=(12, 15)),  # a common factor
    conv1d_case(4, 3, dilation=50, padding=(50, 50)),  # elements that meet no input
    conv1d_case(3, 3, B=1, C=1, F=1),
    conv1d_case(1, 2, padding=(1, 0)),
    conv1d_case(2, 3),  # the kernel does not fit in: no output
    conv1d_case(1, 4),
    conv1d_case(0, 2, padding=(1, 2)),  # no input: output from zeros and the bias alone
    *(
        cross_entropy_case((2, 3), logits=logits, integers=integers, weighted=weighted)
        for logits in (True, False)
        for integers in (True, False)
        for weighted in (True, False)
    ),
    cross_entropy_case((), logits=True, integers=True, weighted=False),
    cross_entropy_case((0,), logits=True, integers=True, weighted=False),
    *(
        linear_cross_entropy_case((2, 3), 4, 5, integers=integers, weighted=weighted)
        for integers in (True, False)
        for weighted in (True, False)
    ),
    linear_cross_entropy_case((3,), 2, 1, bias=False),
    linear_cross_entropy_case((), 3, 2),
    linear_cross_entropy_case((2, 0), 3, 2),
    *(
        pointwise_loss_case(loss, weighted=weighted)
        for loss in POINTWISE_LOSSES
        for weighted in (True, False)
    ),
    ctc_case(3, 5, 4, [[1, 2, 3], [1, 1, 0], [0, 0, 0]]),
    ctc_case(2, 6, 3, [[0, 1], [1, 1]], blank=2),
    ctc_case(2, 4, 3, [[2, 2], [1, 0]], real=[[1, 1, 1, 0], [0, 1, 0, 1]]),  # as many as needed
    ctc_case(2, 3, 1, [[], []]),
    ctc_case(1, 1, 2, [[1]]),
    ctc_case(2, 0, 3, [[], []]),
    ctc_case(0, 4, 3, []),
]


def generated(
    ops: Ops, tokens: Array, embedding: Any, layers: Any, w: Any, b: Array | None, *others: Any
) -> tuple[Array, Any]:
    """What `generate` returns for weights that are packed first; those of layers are tuples."""
    stack = ops.packed_stack(embedding, [RecurrentWeights(*layer) for layer in layers], w)
    return ops.generate(tokens, stack, b, *others)
