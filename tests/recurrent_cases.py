"""Cases of the operations `rnn` and `gru`: their options, their shapes, their masks."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm.backends.contract import CELLS, Ops, RecurrentSpec
from lstm_cases import ACTIVATIONS, DIRECTION_AND_MASK, make_mask, make_recurrent_mask
from op_cases import Array, Arrays, Case, Pullback, offsets
from recurrent_calls import through

OPERATIONS = ("rnn", "gru")

VARIANTS = (*OPERATIONS, "gru-reset_before")
"""The cells, each with its options."""

BLOCKS = {"rnn": CELLS["rnn"].blocks} | {name: CELLS["gru"].blocks for name in VARIANTS[1:]}
"""The kernels have this many times H columns."""


def bias_shape(operation: str, H: int) -> tuple[int, ...]:
    return {"rnn": (H,), "gru": (2, 3 * H), "gru-reset_before": (3 * H,)}[operation]


def _bias(rng: np.random.Generator, operation: str, H: int, activations: Sequence[str]) -> Array:
    shape = bias_shape(operation, H)
    if not {"relu", "hard_sigmoid"} & set(activations):
        return rng.normal(0, 0.5, shape)
    b = rng.uniform(-0.1, 0.1, shape)
    phi, *sigma = activations
    # Each gate starts at another unit, so that open, shut and moving gates mix.
    gates = [*sigma, *sigma, phi]
    away = np.concatenate([np.roll(offsets(gate, H), k) for k, gate in enumerate(gates)])
    if b.ndim == 1:
        return b + away
    b[0] += away
    return b


def recurrent_case(
    operation: Any,
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
) -> Case:
    """A case of one of VARIANTS, as `lstm_case` makes those of `lstm`."""
    rng = np.random.default_rng(17)
    cell, *options = operation.split("-")
    activations = (activation, recurrent_activation) if cell == "gru" else (activation,)
    size = 0.3 if {"relu", "hard_sigmoid"} & set(activations) else 0.8
    columns = BLOCKS[operation] * H
    weights = {
        "w": rng.uniform(-size, size, (D, columns)),
        "r": rng.uniform(-size, size, (H, columns)),
    }
    if bias:
        weights["b"] = _bias(rng, operation, H, activations)
    inputs = {} if tokens else {"x": rng.uniform(-1, 1, (B, T, D))}
    constants = {"tokens": rng.integers(0, D, (B, T))} if tokens else {}
    if state:
        inputs["h0"] = np.zeros((B, H)) if zero_state else rng.uniform(0.2, 0.6, (B, H))
    if (real := make_mask(mask, B, T)) is not None:
        constants["mask"] = real
    if recurrent_mask:
        constants["recurrent_mask"] = make_recurrent_mask(B, H)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        spec = RecurrentSpec(cell, *activations, reverse=reverse, options=tuple(options))
        return through(ops, spec, a)

    name = f"{operation}-{B}x{T}x{D}x{H}-{'-'.join(activations)}-{mask}"
    name += "-reverse" * reverse + "-nobias" * (not bias) + "-nostate" * (not state)
    name += "-tokens" * tokens + "-recurrent_mask" * recurrent_mask
    return Case(name, run, inputs, weights, constants)


OPTIONS = [
    recurrent_case("rnn", reverse=reverse, mask=mask, activation=activation)
    for reverse, mask in DIRECTION_AND_MASK
    for activation in ACTIVATIONS
] + [
    recurrent_case(
        operation,
        reverse=reverse,
        mask=mask,
        activation=activation,
        recurrent_activation=recurrent_activation,
    )
    for operation in VARIANTS[1:]
    for reverse, mask in DIRECTION_AND_MASK
    for activation in ACTIVATIONS
    for recurrent_activation in ACTIVATIONS
]

LEFT_OUT = [
    recurrent_case(
        operation, B=4, T=T, D=D, reverse=reverse, mask=mask, bias=bias, state=state, tokens=tokens
    )
    for operation in VARIANTS
    for reverse, mask in DIRECTION_AND_MASK
    for T, D, bias, state, tokens in (
        (3, 2, False, False, False),
        (3, 2, False, True, False),
        (3, 2, True, False, False),
        (3, 2, False, False, True),
        (5, 7, True, True, True),
    )
]

RECURRENT_MASKS = [
    recurrent_case(operation, B=4, T=4, reverse=reverse, mask=mask, recurrent_mask=True, **options)
    for operation in VARIANTS
    for reverse, mask in DIRECTION_AND_MASK
    for options in (
        {},
        {"state": False, "tokens": True},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
    )
] + [
    recurrent_case(operation, B, T, D, H, recurrent_mask=True)
    for operation in VARIANTS
    for B, T, D, H in ((1, 1, 1, 1), (3, 7, 2, 1), (2, 0, 3, 2))
]

SHAPES = [
    recurrent_case(operation, B, T, D, H, reverse=reverse, mask=mask)
    for operation in VARIANTS
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
