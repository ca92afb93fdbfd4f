"""Cases of the operation `lstm`: its options, its shapes, its masks."""

from itertools import product
from typing import Any

import numpy as np

from lstm.backends.contract import CELLS, Ops, RecurrentSpec
from op_cases import Array, Arrays, Case, Pullback, offsets
from recurrent_calls import through

# Every activation that may stand in an LSTM.
ACTIVATIONS = ("tanh", "linear", "relu", "sigmoid", "hard_sigmoid")

MASKS = ("none", "right", "left", "holes")


def make_mask(kind: str, B: int, T: int) -> Array | None:
    """Which steps are real: with padding on the right or left, for lengths from 0 on, or holes."""
    if kind == "none":
        return None
    steps, rows = np.arange(T), np.arange(B)[:, None]
    if kind == "holes":
        return (steps - rows) % 3 != 1
    lengths = np.resize((T, max(T - 2, 0), 0, 1), B)[:, None]
    return steps < lengths if kind == "right" else steps >= T - lengths


def make_recurrent_mask(B: int, H: int) -> Array:
    """Zeros and factors of all sizes, other ones for every sequence and unit."""
    rng = np.random.default_rng(15)
    return np.where(rng.random((B, H)) < 0.3, 0.0, rng.uniform(0.5, 1.5, (B, H)))


def lstm_case(
    B: int = 2,
    T: int = 3,
    D: int = 2,
    H: int = 3,
    *,
    reverse: bool = False,
    mask: str = "none",
    activation: Any = "tanh",
    recurrent_activation: Any = "sigmoid",
    bias: bool = True,
    state: bool = True,
    zero_state: bool = False,
    tokens: bool = False,
    recurrent_mask: bool = False,
    options: tuple[str, ...] = (),
) -> Case:
    """A case of `lstm`, with random weights that keep kinked activations away from their kinks.

    With `tokens` the input is tokens below D.
    """
    rng = np.random.default_rng(10)
    spec = RecurrentSpec("lstm", activation, recurrent_activation, reverse, options)
    columns = spec.layout.blocks * H
    kinked = {"relu", "hard_sigmoid"} & {activation, recurrent_activation}
    size = 0.3 if kinked else 0.8
    weights = {
        "w": rng.uniform(-size, size, (D, columns)),
        "r": rng.uniform(-size, size, (H, columns)),
    }
    if bias:
        weights["b"] = rng.uniform(-0.1, 0.1, columns) if kinked else rng.normal(0, 0.5, columns)
        if kinked:
            blocks = spec.layout.gates[: spec.layout.blocks]
            gates = [activation if letter == "g" else recurrent_activation for letter in blocks]
            # Each gate starts at another unit, so that open, shut and moving gates mix.
            weights["b"] += np.concatenate(
                [np.roll(offsets(gate, H), k) for k, gate in enumerate(gates)]
            )
    inputs = {} if tokens else {"x": rng.uniform(-1, 1, (B, T, D))}
    constants = {"tokens": rng.integers(0, D, (B, T))} if tokens else {}
    if state:
        inputs |= {"h0": rng.uniform(0.2, 0.6, (B, H)), "c0": rng.uniform(0.2, 0.6, (B, H))}
        if zero_state:
            inputs |= {"h0": np.zeros((B, H)), "c0": np.zeros((B, H))}
    if (real := make_mask(mask, B, T)) is not None:
        constants["mask"] = real
    if recurrent_mask:
        constants["recurrent_mask"] = make_recurrent_mask(B, H)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        return through(ops, spec, a)

    name = f"lstm-{B}x{T}x{D}x{H}-{activation}-{recurrent_activation}-{mask}"
    name += "-reverse" * reverse + "-nobias" * (not bias) + "-nostate" * (not state)
    name += "-tokens" * tokens + "-recurrent_mask" * recurrent_mask
    name += "".join(f"-{option}" for option in options)
    return Case(name, run, inputs, weights, constants)


DIRECTION_AND_MASK = list(product((False, True), MASKS))

OPTIONS = [
    lstm_case(
        reverse=reverse, mask=mask, activation=activation, recurrent_activation=recurrent_activation
    )
    for reverse, mask in DIRECTION_AND_MASK
    for activation in ACTIVATIONS
    for recurrent_activation in ACTIVATIONS
]

LEFT_OUT = [
    lstm_case(B=4, reverse=reverse, mask=mask, bias=bias, state=state)
    for reverse, mask in DIRECTION_AND_MASK
    for bias, state in ((False, False), (False, True), (True, False))
] + [
    lstm_case(B=4, T=T, D=D, reverse=reverse, mask=mask, bias=bias, state=bias, tokens=True)
    for reverse, mask in DIRECTION_AND_MASK
    for T, D, bias in ((3, 2, False), (5, 7, True))
]

WITH_OPTIONS = [
    lstm_case(B=4, reverse=reverse, mask=mask, options=(option,), **arguments)
    for option in CELLS["lstm"].options
    for reverse, mask in DIRECTION_AND_MASK
    for arguments in (
        {},
        {"state": False, "recurrent_mask": True},
        {"bias": False, "tokens": True},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
    )
]

RECURRENT_MASKS = [
    lstm_case(B=4, T=4, reverse=reverse, mask=mask, state=state, recurrent_mask=True, **options)
    for reverse, mask in DIRECTION_AND_MASK
    for state, options in (
        (True, {}),
        (False, {"tokens": True}),
        (True, {"activation": "relu", "recurrent_activation": "hard_sigmoid"}),
    )
] + [
    lstm_case(B, T, D, H, recurrent_mask=True)
    for B, T, D, H in ((1, 1, 1, 1), (3, 7, 2, 1), (2, 0, 3, 2))
]

SHAPES = [
    lstm_case(B, T, D, H, reverse=reverse, mask=mask)
    for B, T, D, H in (
        (1, 1, 1, 1),
        (1, 3, 2, 2),
        (5, 1, 3, 2),
        (3, 7, 2, 1),
        (3, 5, 1, 3),
        (1, 2, 7, 5),
        (2, 0, 3, 2),
        (1, 0, 1, 1),
    )
    for reverse, mask in ((False, "none"), (True, "none"), (False, "left"), (True, "holes"))
]

# Around the numbers of sequences in a block, of units in a vector and of columns in a panel; more
# steps than are gone through at once.
IN_LANES = [
    lstm_case(B, T, D, H, reverse=reverse, mask=mask, **options)
    for B, T, D, H, options in (
        (1, 3, 2, 1, {}),
        (2, 5, 1, 7, {"state": False}),
        (15, 3, 5, 8, {"bias": False}),
        (16, 4, 8, 15, {"recurrent_mask": True}),
        (17, 3, 7, 16, {"tokens": True}),
        (33, 2, 3, 17, {"tokens": True, "recurrent_mask": True, "state": False}),
        (47, 1, 19, 50, {}),
        (16, 131, 2, 3, {}),
        (35, 47, 1, 33, {"recurrent_mask": True}),
    )
    for reverse, mask in DIRECTION_AND_MASK
]
