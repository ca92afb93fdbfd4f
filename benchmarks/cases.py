"""The workloads: sizes, initial weights, data and the arithmetic that they need.

All contenders get the same arrays, from one file. Weights are in the order and shapes of Keras.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEARNING_RATE = 0.002
EPSILON = 1e-7
TEMPERATURE = 0.8
PEAK_SIZE = 1024  # of the matrices whose product measures the machine
CHARACTERS = "".join(chr(ord(" ") + k) for k in range(65))


@dataclass(frozen=True)
class Goal:
    """A goal: how many times as fast as a contender we want to be.

    Attributes:
        contender: its name.
        ratio: the smallest ratio of its time to ours.
        form: the form to compare with; None for the fastest.
    """

    contender: str
    ratio: float
    form: str | None = None


@dataclass(frozen=True)
class Case:
    """A workload.

    Attributes:
        name, title: for the command line and for the report.
        kind: "language model", "ragged", "addition" and "forward" in steps, "generation" in tokens,
            "step" in time steps of one sequence, with the state carried on.
        V, E, H, B, T: tokens, embedding (or input) size, units, batch, time steps.
        layers: number of LSTM layers.
        goals: the goals of this case.
        all_forms: run every form of a contender; otherwise only the form that was fastest in the
            first case of the same kind.
    """

    name: str
    title: str
    kind: str
    V: int = 65
    E: int = 64
    H: int = 128
    B: int = 64
    T: int = 100
    layers: int = 2
    goals: tuple[Goal, ...] = ()
    all_forms: bool = True

    @property
    def bare(self) -> bool:
        """Whether the model consists of LSTM layers alone."""
        return self.kind in ("forward", "step")

    def arrays(self) -> dict[str, Array]:
        """Initial weights w0, w1, … and data, from a fixed seed."""
        rng = np.random.default_rng(1)
        weights = [_uniform(rng, shape) for shape in self.weight_shapes()]
        for bias in weights:
            if bias.ndim == 1 and bias.size == 4 * self.H:
                bias[self.H : 2 * self.H] += 1  # forget gates
        data = {f"w{k}": weight for k, weight in enumerate(weights)}
        if self.kind == "addition":
            a = rng.integers(2, size=(self.B, self.T, 2))
            carry = np.zeros(self.B, np.int64)
            total = np.empty((self.B, self.T, 1), np.float32)
            for t in range(self.T):
                both = a[:, t].sum(-1) + carry
                total[:, t, 0], carry = both % 2, both // 2
            return data | {"x": a.astype(np.float32), "y": total}
        if self.bare:
            return data | {"x": rng.standard_normal((self.B, self.T, self.E)).astype(np.float32)}
        tokens = rng.integers(self.V, size=(self.B, self.T + 1))
        data |= {"x": tokens[:, :-1].copy(), "y": tokens[:, 1:].copy()}
        if self.kind == "ragged":
            data["lengths"] = np.sort(rng.integers(1, self.T + 1, self.B))[::-1].copy()
        return data

    def weight_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the weights in the order of the layers."""
        if self.kind == "addition":
            units = self.H
            head: list[tuple[int, ...]] = [(1, 2, 8), (8,), (1, 8, 4), (4,)]
            return [*head, (4, 4 * units), (units, 4 * units), (4 * units,), (units, 1), (1,)]
        shapes: list[tuple[int, ...]] = [] if self.bare else [(self.V, self.E)]
        for k in range(self.layers):
            below = self.H if k else self.E
            shapes += [(below, 4 * self.H), (self.H, 4 * self.H), (4 * self.H,)]
        return shapes if self.bare else [*shapes, (self.H, self.V), (self.V,)]

    def training_flop(self, *, folded: bool) -> float:
        """Floating-point operations of the matrix products of a training step.

        Two for each weight and token in the forward pass, and two times two in the backward pass.

        Args:
            folded: without the products of the first layer's input, which an implementation saves
                if it multiplies the table of embeddings by the kernel instead.
        """
        matrices = [shape for shape in self.weight_shapes()[1:] if len(shape) == 2]
        weights = sum(rows * columns for rows, columns in matrices[1 if folded else 0 :])
        return 6.0 * weights * self.B * self.T

    def save(self, path: Path) -> None:
        """Write the arrays for the contenders to read."""
        np.savez(path, **self.arrays())


def _uniform(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Small entries for a bias; of variance 1 / rows for a matrix."""
    bound = 0.05 if len(shape) == 1 else (3 / np.prod(shape[:-1])) ** 0.5
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def _language_model(H: int, pytorch: float, tensorflow: float, jax: float) -> Case:
    goals = Goal("pytorch", pytorch), Goal("keras_tensorflow", tensorflow), Goal("keras_jax", jax)
    title = f"Character model, training step: two layers, H={H}, B=64, T=100"
    return Case(f"lm{H}", title, "language model", E=H // 2, H=H, goals=goals, all_forms=H == 128)


REFERENCE = _language_model(128, 2.2, 5, 2.5)

CASES = {
    case.name: case
    for case in (
        REFERENCE,
        _language_model(256, 1.7, 3, 2),
        _language_model(512, 1.35, 2.5, 1.5),
        Case(
            "lm_small",
            "Character model, training step: one layer, H=128, B=32, T=64",
            "language model",
            B=32,
            T=64,
            layers=1,
            goals=(Goal("pytorch", 2.5),),
            all_forms=False,
        ),
        Case(
            "addition",
            "Binary addition, step of `fit`: two Conv1D, LSTM of 4 units, B=100, T=10",
            "addition",
            H=4,
            B=100,
            T=10,
            goals=(Goal("pytorch", 20), Goal("keras_tensorflow", 60), Goal("keras_jax", 4)),
        ),
        Case(
            "forward",
            "LSTM forward, no gradient: D=H=128, B=1, T=100",
            "forward",
            E=128,
            B=1,
            layers=1,
            goals=(Goal("pytorch", 2), Goal("onnx_runtime", 1.3)),
        ),
        *(
            Case(
                f"step{H}",
                f"One step of one sequence, with its state: {layers} x {H} units",
                "step",
                E=H,
                H=H,
                B=1,
                T=1,
                layers=layers,
                goals=(Goal("onnx_runtime", ratio),),
            )
            for layers, H, ratio in ((1, 32, 3.6), (2, 128, 2.4), (2, 512, 1.6))
        ),
        Case(
            "generate128",
            "Generation, a token: one stream, two layers, E=64, H=128",
            "generation",
            B=1,
            goals=(Goal("pytorch", 12), Goal("onnx_runtime", 3)),
        ),
        Case(
            "generate512",
            "Generation, a token: one stream, two layers, E=128, H=512",
            "generation",
            E=128,
            H=512,
            B=1,
            goals=(Goal("pytorch", 5), Goal("onnx_runtime", 1.3)),
        ),
        Case(
            "ragged",
            "Sequences of 1 to 200 steps, training step: one layer, H=128, B=64",
            "ragged",
            T=200,
            layers=1,
            goals=(Goal("pytorch", 5, "PackedSequence"),),
        ),
    )
}

# One size at a time is varied from the reference, for the plot.
SWEEP = [
    replace(REFERENCE, name=f"{axis}={value}", title="", goals=(), all_forms=False, **{axis: value})
    for axis, values in (("B", (1, 8, 256)), ("T", (10, 400)))
    for value in values
]
