"""The floor of a case: the time that its arithmetic takes at the speed of the machine.

A floor leaves out all that a better program might avoid: copies, the overhead of calls, the
arithmetic of optimizers. No program comes below it that does the same work on the same machine.
"""

from dataclasses import dataclass
from math import inf, prod

from cases import Case

FLOAT = 4  # bytes
WEIGHT = {"float32": FLOAT, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True)
class Work:
    """What one step of a case cannot do without.

    Attributes:
        multiply_adds: of the products of matrices and of convolutions.
        exponentials: one for each sigmoid, tanh and term of a softmax.
        bytes: read or written. A recurrent kernel passes by the registers at every time step.
        held: bytes of the arrays that are gone through, which decide in which cache they are.
    """

    multiply_adds: float
    exponentials: float
    bytes: float
    held: float
    precision: str = "float32"


@dataclass(frozen=True)
class Rates:
    """What the machine does in a second, on all its cores."""

    multiply_adds: dict[str, float]
    """Of each precision. One that is not measured counts for nothing, so that the floor holds."""
    exponentials: float
    reading: dict[float, float]
    """Bytes, by the size of the array that is read again and again."""

    def floor(self, work: Work) -> "Floor":
        """What each kind of work takes."""
        size = min((size for size in self.reading if size >= work.held), default=max(self.reading))
        return Floor(
            work.multiply_adds / self.multiply_adds.get(work.precision, inf),
            work.exponentials / self.exponentials,
            work.bytes / self.reading[size],
        )


@dataclass(frozen=True)
class Floor:
    """Seconds of each kind of work."""

    products: float
    exponentials: float
    bytes: float

    @property
    def seconds(self) -> float:
        """All of it: bytes move while numbers are computed, which share the same registers."""
        return max(self.products + self.exponentials, self.bytes)


def work_of(case: Case) -> Work:
    """Count the work of a step (a token, a forward pass)."""
    steps = 1 if case.kind == "generation" else case.T
    positions = case.B * steps
    shapes = case.weight_shapes()
    recurrent = [shapes[k] for k in _recurrent(case)]
    weights, states = sum(map(prod, shapes)), sum(rows for rows, _ in recurrent)
    places = [_places(case, k, positions) for k in range(len(shapes))]
    products = sum(
        _passes(case, k) * places[k] * prod(shape)
        for k, shape in enumerate(shapes)
        if len(shape) > 1
    )
    read = sum(prod(shape) for shape, n in zip(shapes, places, strict=True) if n)
    width = WEIGHT[case.precision]
    moved, held = width * (read + (steps - 1) * sum(map(prod, recurrent))), width * read
    if case.training:
        kept = 5 * positions * states  # gates and cells, until the backward pass
        # The weights twice; Adam reads and writes them, their gradients and two moments.
        moved, held = 2 * moved + FLOAT * (8 * weights + 2 * kept), FLOAT * (4 * weights + kept)
    return Work(products, _exponentials(case, positions, states), moved, held, case.precision)


def _recurrent(case: Case) -> range:
    """Where the recurrent kernels are among the weights."""
    return range(case.first_lstm + 1, case.first_lstm + 3 * case.lstm_layers, 3)


def _passes(case: Case, k: int) -> int:
    """How often weight k is multiplied: forward, and for its own gradient and that of its input."""
    if not case.training:
        return 1
    return 2 if k == 0 else 3


def _places(case: Case, k: int, positions: int) -> int:
    """Number of rows that weight k is multiplied with, or added to."""
    if case.of_tokens and k == 0:
        return 0
    if case.of_tokens and k == case.first_lstm:
        # The table of embeddings can be multiplied in the place of the vectors of all tokens.
        return min(case.V, positions) if case.training else 0
    if case.kind == "CNN-LSTM" and k == 0:
        return positions * case.chunk
    only_last = case.kind in ("regression", "prediction", "CNN-LSTM")
    return case.B if only_last and k == len(case.weight_shapes()) - 2 else positions


def _exponentials(case: Case, positions: int, states: int) -> float:
    """Three gates, and a tanh of the candidate and of the cell; then those of the output."""
    found = positions * states * (5 if case.activation == "tanh" else 3)
    if case.of_tokens:
        found += positions * case.V
    return found + positions if case.kind == "addition" else found
