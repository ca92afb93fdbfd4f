"""The rules that hold for every operation of the contract, whatever it computes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import arithmetic_cases
import lstm_cases
import op_cases
import recurrent_cases
from backend_cases import over_backends, over_dtypes
from lstm.backends.contract import Ops
from op_cases import Array, Arrays, Case, make_probes
from recurrent_calls import functions, lstm_forward
from tolerances import assert_close

CASES = (
    op_cases.CASES
    + arithmetic_cases.CASES
    + [
        case
        for cases in (lstm_cases, recurrent_cases)
        for case in cases.LEFT_OUT + cases.RECURRENT_MASKS + cases.SHAPES
    ]
)
WITH_WEIGHTS = [case for case in CASES if case.weights]
over_cases = pytest.mark.parametrize("case", CASES, ids=str)
over_cases_with_weights = pytest.mark.parametrize("case", WITH_WEIGHTS, ids=str)


@contextmanager
def unchanged(*arrays: Array) -> Iterator[None]:
    """Check that the block leaves the arrays as they were."""
    before = [x.copy() for x in arrays]
    yield
    for x, y in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(x, y)


def probes_of(outputs: Any) -> list[Array]:
    return make_probes(outputs, np.random.default_rng(13))


@over_dtypes
@over_cases
def test_results_have_the_dtype_of_the_inputs(ops: Ops, dtype: str, case: Case) -> None:
    outputs, pull = case.run(ops, case.arrays(dtype))
    gradients = pull(probes_of(outputs), case.buffers(dtype), True)
    for result in (*outputs, *gradients.values()):
        assert type(result) is float or result.dtype == dtype


@over_dtypes
@over_cases
def test_inputs_are_not_modified(ops: Ops, dtype: str, case: Case) -> None:
    arrays = case.arrays(dtype)
    with unchanged(*arrays.values()):
        outputs, pull = case.run(ops, arrays)
        probes = probes_of(outputs)
        with unchanged(*(x for x in (*probes, *outputs) if isinstance(x, np.ndarray))):
            pull(probes, case.buffers(dtype), True)


@over_dtypes
@over_cases
def test_results_do_not_depend_on_the_layout_in_memory(ops: Ops, dtype: str, case: Case) -> None:
    def results(strided: bool) -> list[Any]:
        arrays = case.arrays(dtype)
        if strided:
            arrays = {name: with_gaps(x) for name, x in arrays.items()}
        outputs, pull = case.run(ops, arrays)
        probes = probes_of(outputs)
        if strided:
            probes = [with_gaps(p) for p in probes]
        return [
            *outputs,
            *pull(probes, buffers := case.buffers(dtype), True).values(),
            *buffers.values(),
        ]

    for strided, dense in zip(results(True), results(False), strict=True):
        assert_close(strided, dense, "lstm", dtype=dtype)


def with_gaps(x: Array) -> Array:
    """The same array with every number apart from its neighbours in memory."""
    if not x.ndim:
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def pulls(ops: Ops, dtype: str, case: Case) -> Callable[[Arrays, bool], Arrays]:
    """From buffers and need_dx to gradients, each time with a cache of its own: it serves once."""

    def pull(buffers: Arrays, need_dx: bool) -> Arrays:
        outputs, pull = case.run(ops, case.arrays(dtype))
        return pull(probes_of(outputs), buffers, need_dx)

    return pull


@over_dtypes
@over_cases_with_weights
def test_gradients_of_weights_are_added(ops: Ops, dtype: str, case: Case) -> None:
    pull = pulls(ops, dtype, case)
    once, before = case.buffers(dtype), case.buffers(dtype)
    pull(once, True)
    rng = np.random.default_rng(14)
    for buffer in before.values():
        buffer += rng.normal(size=buffer.shape)
    added = {name: buffer.copy() for name, buffer in before.items()}
    pull(added, True)
    for name in once:
        assert_close(added[name], before[name] + once[name], "pointwise", terms=100)


@over_dtypes
@over_cases_with_weights
def test_a_gradient_that_is_not_wanted_is_left_out(ops: Ops, dtype: str, case: Case) -> None:
    pull, wanted = pulls(ops, dtype, case), case.buffers(dtype)
    inputs = pull(wanted, True)
    for name in case.weights:
        alone = {name: np.zeros_like(wanted[name])}
        pull(alone, False)
        np.testing.assert_array_equal(alone[name], wanted[name])
    without = pull({}, True)
    for name in case.inputs:
        np.testing.assert_array_equal(without[name], inputs[name])
    if "x" in case.inputs:
        assert pull({}, False)["x"] is None


@over_backends
@pytest.mark.parametrize("case", lstm_cases.LEFT_OUT + lstm_cases.RECURRENT_MASKS, ids=str)
def test_lstm_keeps_a_cache_only_when_asked(ops: Ops, case: Case) -> None:
    a = case.arrays("float32")
    names = (
        "tokens" if "tokens" in a else "x",
        "w",
        "r",
        "b",
        "h0",
        "c0",
        "mask",
        "recurrent_mask",
    )
    arguments = [a.get(name) for name in names]
    *kept, cache = lstm_forward(ops, *arguments, False, "tanh", "sigmoid", True)
    *outputs, nothing = lstm_forward(ops, *arguments, False, "tanh", "sigmoid", False)
    assert cache is not None
    assert nothing is None
    for x, y in zip(outputs, kept, strict=True):
        np.testing.assert_array_equal(x, y)


@over_backends
@pytest.mark.parametrize(
    "case", recurrent_cases.LEFT_OUT + recurrent_cases.RECURRENT_MASKS, ids=str
)
def test_rnn_and_gru_keep_a_cache_only_when_asked(ops: Ops, case: Case) -> None:
    a = case.arrays("float32")
    (*_, operation) = (name for name in recurrent_cases.VARIANTS if case.name.startswith(name))
    forward, _ = functions(ops, operation)
    names = ("tokens" if "tokens" in a else "x", "w", "r", "b", "h0", "mask", "recurrent_mask")
    arguments = [a.get(name) for name in names]
    activations = ("tanh", "sigmoid") if operation != "rnn" else ("tanh",)
    *kept, cache = forward(*arguments, False, *activations, True)
    *outputs, nothing = forward(*arguments, False, *activations, False)
    assert cache is not None
    assert nothing is None
    for x, y in zip(outputs, kept, strict=True):
        np.testing.assert_array_equal(x, y)
