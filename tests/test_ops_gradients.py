"""Every gradient of every operation against central differences in float64."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

import arithmetic_cases
import lstm_cases
import op_cases
import recurrent_cases
from backend_cases import in_float64
from gradients import assert_gradient
from lstm.backends.contract import Ops
from op_cases import Case, make_probes, objective


def check_gradients(ops: Ops, case: Case, given: Sequence[bool] | None = None) -> None:
    """Compare every gradient of a case, from gradients of the outputs that are `given`."""
    arrays = case.arrays()
    outputs, pull = case.run(ops, arrays)
    probes = make_probes(outputs, np.random.default_rng(11))
    if given is not None:
        probes = [p if use else None for p, use in zip(probes, given, strict=True)]
    buffers = case.buffers()
    gradients = pull(probes, buffers, True) | buffers
    for name in (*case.inputs, *case.weights):
        assert_gradient(
            gradients[name],
            lambda: objective(case.run(ops, arrays)[0], probes),
            arrays[name],
            name,
        )


@in_float64
@pytest.mark.parametrize("case", op_cases.CASES + arithmetic_cases.CASES, ids=str)
def test_operations(ops: Ops, case: Case) -> None:
    check_gradients(ops, case)


@in_float64
@pytest.mark.parametrize(
    "case",
    lstm_cases.OPTIONS
    + lstm_cases.LEFT_OUT
    + lstm_cases.WITH_OPTIONS
    + lstm_cases.RECURRENT_MASKS
    + lstm_cases.SHAPES,
    ids=str,
)
def test_lstm(ops: Ops, case: Case) -> None:
    check_gradients(ops, case)


@in_float64
@pytest.mark.parametrize(("reverse", "mask"), lstm_cases.DIRECTION_AND_MASK)
@pytest.mark.parametrize("given", list(product((True, False), repeat=3))[1:], ids=str)
def test_lstm_from_some_of_its_outputs(
    ops: Ops, reverse: bool, mask: str, given: Sequence[bool]
) -> None:
    check_gradients(ops, lstm_cases.lstm_case(3, 3, 2, 2, reverse=reverse, mask=mask), given)


@in_float64
@pytest.mark.parametrize(("reverse", "mask"), lstm_cases.DIRECTION_AND_MASK)
def test_lstm_gives_the_gradients_of_a_state_left_out(ops: Ops, reverse: bool, mask: str) -> None:
    gradients = []
    for options in ({"state": False}, {"zero_state": True}):
        case = lstm_cases.lstm_case(3, 4, 2, 3, reverse=reverse, mask=mask, **options)
        outputs, pull = case.run(ops, case.arrays())
        gradients.append(pull(make_probes(outputs, np.random.default_rng(12)), {}, True))
    left_out, zeros = gradients
    for name in ("x", "h0", "c0"):
        np.testing.assert_array_equal(left_out[name], zeros[name])


@in_float64
@pytest.mark.parametrize(
    "case",
    recurrent_cases.OPTIONS
    + recurrent_cases.LEFT_OUT
    + recurrent_cases.RECURRENT_MASKS
    + recurrent_cases.SHAPES,
    ids=str,
)
def test_rnn_and_gru(ops: Ops, case: Case) -> None:
    check_gradients(ops, case)


@in_float64
@pytest.mark.parametrize("operation", recurrent_cases.VARIANTS)
@pytest.mark.parametrize(("reverse", "mask"), lstm_cases.DIRECTION_AND_MASK)
@pytest.mark.parametrize("given", [(True, False), (False, True)], ids=str)
def test_rnn_and_gru_from_one_of_their_outputs(
    ops: Ops, operation: str, reverse: bool, mask: str, given: Sequence[bool]
) -> None:
    case = recurrent_cases.recurrent_case(operation, 3, 3, 2, 2, reverse=reverse, mask=mask)
    check_gradients(ops, case, given)


@in_float64
@pytest.mark.parametrize("operation", recurrent_cases.VARIANTS)
@pytest.mark.parametrize(("reverse", "mask"), lstm_cases.DIRECTION_AND_MASK)
def test_rnn_and_gru_give_the_gradient_of_a_state_left_out(
    ops: Ops, operation: str, reverse: bool, mask: str
) -> None:
    gradients = []
    for options in ({"state": False}, {"zero_state": True}):
        case = recurrent_cases.recurrent_case(
            operation, 3, 4, 2, 3, reverse=reverse, mask=mask, **options
        )
        outputs, pull = case.run(ops, case.arrays())
        gradients.append(pull(make_probes(outputs, np.random.default_rng(12)), {}, True))
    left_out, zeros = gradients
    for name in ("x", "h0"):
        np.testing.assert_array_equal(left_out[name], zeros[name])
