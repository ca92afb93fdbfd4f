"""A workload: its sizes, initial weights, data and the arithmetic that it needs.

All contenders get the same arrays, from one file. Weights are in the order and shapes of Keras.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import example_programs
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]

LEARNING_RATE = 0.002
EPSILON = 1e-7
TEMPERATURE = 0.8
PEAK_SIZE = 1024  # of the matrices whose product measures the machine
READINGS = 16  # of an array in one step, which then takes far longer than a call
MACHINE_KINDS = ("product", "exponentials", "reading")  # kinds that measure the machine
CHARACTERS = "".join(chr(ord(" ") + k) for k in range(65))


@dataclass(frozen=True)
class Goal:
    """A goal: how many times as fast as a contender we want to be.

    Attributes:
        contender: its name.
        ratio: the smallest ratio of its time to ours.
        form: the form to compare with; None for the fastest.
        case: the case whose time is compared with ours in this one; None for the same.
    """

    contender: str
    ratio: float
    form: str | None = None
    case: str | None = None


@dataclass(frozen=True)
class Case:
    """A workload.

    Attributes:
        name, title: for the command line and for the report.
        kind: what is done, counted in
            training steps: "language model"; "ragged", the same with sequences of all lengths;
            "addition"; "regression", an LSTM whose last output a Dense turns into one number;
            "CNN", convolutions and a Dense at each step; "CNN-LSTM", a convolution in each chunk of
            a sequence, and an LSTM over the chunks; "example", the program of examples/ with the
            name of the case, of which only H and B are read here;
            forward passes: "prediction", the model of "regression"; "forward", LSTM layers alone;
            time steps of one sequence, with the state carried on: "step";
            tokens: "generation";
            what the machine does: "product", of two matrices; "exponentials"; "reading".
        V, E, H, B, T: tokens, embedding (or input) size, units (or filters), batch, time steps.
        layers: number of LSTM layers, or of convolutions in a "CNN".
        K, chunk: steps that a convolution sees; steps of a chunk.
        activation: of the LSTM.
        size: what a step does that measures the machine: multiply-adds, exponentials, numbers read.
        precision: of the factors of products: "float32", "bfloat16" or, of weights, "int8".
        busy: whether another program has one core all the time.
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
    K: int = 5
    chunk: int = 10
    activation: str = "tanh"
    size: int = 0
    precision: str = "float32"
    busy: bool = False
    goals: tuple[Goal, ...] = ()
    all_forms: bool = True

    @property
    def task(self) -> str:
        """The kind, and the precision if it is not float32: what contenders have forms for."""
        return self.kind if self.precision == "float32" else f"{self.kind}, {self.precision}"

    @property
    def training(self) -> bool:
        """Whether the model learns."""
        return self.kind not in ("prediction", "forward", "step", "generation", *MACHINE_KINDS)

    @property
    def of_tokens(self) -> bool:
        """Whether the model reads tokens and tells the next one."""
        return self.kind in ("language model", "ragged", "generation")

    def arrays(self) -> dict[str, Array]:
        """Initial weights w0, w1, … and data, from a fixed seed; nothing to measure the machine."""
        if self.kind in MACHINE_KINDS:
            return {}
        if self.kind == "example":
            return example_programs.arrays(self.name, self.H, self.B)
        rng = np.random.default_rng(1)
        weights = [_uniform(rng, shape) for shape in self.weight_shapes()]
        for bias in weights[self.first_lstm + 2 :: 3][: self.lstm_layers]:
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
        if not self.of_tokens:
            chunk = (self.chunk,) if self.kind == "CNN-LSTM" else ()
            x = rng.standard_normal((self.B, self.T, *chunk, self.E), dtype=np.float32)
            steps = (self.T,) if self.kind == "CNN" else ()
            # Far from the first outputs, so that the losses of the first steps tell models apart.
            y = 1 + rng.standard_normal((self.B, *steps, 1), dtype=np.float32)
            return data | {"x": x, "y": y}
        tokens = rng.integers(self.V, size=(self.B, self.T + 1))
        data |= {"x": tokens[:, :-1].copy(), "y": tokens[:, 1:].copy()}
        if self.kind == "ragged":
            data["lengths"] = np.sort(rng.integers(1, self.T + 1, self.B))[::-1].copy()
        return data

    @property
    def lstm_layers(self) -> int:
        """Number of LSTM layers."""
        return 0 if self.kind == "CNN" else self.layers

    @property
    def first_lstm(self) -> int:
        """Number of weights below the first LSTM."""
        return len(self._below()[0])

    def _below(self) -> tuple[list[Shape], int]:
        """Shapes of the weights below the first LSTM, and the number of inputs that it gets."""
        if self.of_tokens:
            return [(self.V, self.E)], self.E
        if self.kind == "addition":
            return [(1, 2, 8), (8,), (1, 8, 4), (4,)], 4
        if self.kind == "CNN-LSTM":
            return [(self.K, self.E, self.H), (self.H,)], self.chunk * self.H
        shapes: list[Shape] = []
        if self.kind == "CNN":
            for k in range(self.layers):
                shapes += [(self.K, self.H if k else self.E, self.H), (self.H,)]
        return shapes, self.E

    def weight_shapes(self) -> list[Shape]:
        """Shapes of the weights in the order of the layers."""
        if self.kind in MACHINE_KINDS:
            return []
        shapes, inputs = self._below()
        for _ in range(self.lstm_layers):
            shapes += [(inputs, 4 * self.H), (self.H, 4 * self.H), (4 * self.H,)]
            inputs = self.H
        if self.kind in ("forward", "step"):
            return shapes
        outputs = self.V if self.of_tokens else 1
        return [*shapes, (self.H, outputs), (outputs,)]

    def training_flop(self, *, folded: bool) -> float:
        """Floating-point operations of the matrix products of a training step of a language model.

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
