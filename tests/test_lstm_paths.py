"""The paths of the LSTM through the kernels compute the same: fast, in lanes, and framed."""

from typing import Any

import numpy as np
import pytest

from lstm.backends import _kernels, lanes
from lstm.backends.native import Native
from lstm.backends.native.recurrent import LANES, KernelPath, path_of
from lstm_cases import IN_LANES, LEFT_OUT, OPTIONS, RECURRENT_MASKS, SHAPES
from native_cases import INSTRUCTION_SETS, running_on
from op_cases import Array, Case, make_probes
from tolerances import assert_close

native = Native()

on_instruction_sets = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


class OnPath:
    """The kernels, on one path for all recurrent layers."""

    recurrent_backward = staticmethod(native.recurrent_backward)

    def __init__(self, path: KernelPath) -> None:
        self.path = path

    def recurrent_forward(self, *arguments: Any) -> Any:
        return native.run(self.path, *arguments)

    def results(self, case: Case) -> list[Array | None]:
        """Outputs, gradients and buffers."""
        outputs, pull = case.run(self, case.arrays("float32"))  # type: ignore[arg-type]
        buffers = case.buffers("float32")
        gradients = pull(make_probes(outputs, np.random.default_rng(13)), buffers, True)
        return [*outputs, *gradients.values(), *buffers.values()]


FAST, FRAMED = (path_of("lstm", (), True, framed) for framed in (False, True))


@on_instruction_sets
@pytest.mark.parametrize("case", OPTIONS + SHAPES + LEFT_OUT + RECURRENT_MASKS + IN_LANES, ids=str)
def test_all_paths_compute_the_same(instruction_set: str, case: Case) -> None:
    with running_on(instruction_set):
        fast, framed, in_lanes = (OnPath(path).results(case) for path in (FAST, FRAMED, LANES))
    for expected, *others in zip(fast, framed, in_lanes, strict=True):
        for other in others:
            assert (other is None) == (expected is None)
            if expected is not None:
                assert_close(other, expected, "lstm", terms=7)


@on_instruction_sets
def test_narrow_layers_have_their_sequences_in_the_lanes(instruction_set: str) -> None:
    with running_on(instruction_set):
        for B, H in ((16, 1), (32, 2), (100, 3), (256, 32), (1024, 64)):
            assert _kernels.best_in_lanes(B, H), (B, H)
        for B, H in ((1, 1), (1, 8), (2, 50), (32, 64), (65, 128), (10_000, 256)):
            assert not _kernels.best_in_lanes(B, H), (B, H)


@on_instruction_sets
@pytest.mark.parametrize("case", IN_LANES, ids=str)
def test_lanes_without_a_sequence_do_not_matter(instruction_set: str, case: Case) -> None:
    # Of their memory nobody reads anything, whatever it held.
    kept = []

    class Filled(Native):
        def empty(self, shape: Any) -> Array:
            kept.append(np.full(shape, np.nan, np.float32))
            return kept[-1]

    with running_on(instruction_set):
        expected = OnPath(LANES).results(case)
        filled = OnPath(LANES)
        filled.recurrent_forward = lambda *arguments: Filled().run(LANES, *arguments)  # type: ignore[method-assign]
        for x, y in zip(filled.results(case), expected, strict=True):
            if y is not None:
                np.testing.assert_array_equal(x, y)
    assert kept


@pytest.mark.parametrize(("B", "T", "H"), [(1, 1, 1), (15, 2, 3), (33, 4, 5), (2, 0, 3)])
def test_what_is_in_lanes_comes_out_of_them(B: int, T: int, H: int) -> None:
    rng = np.random.default_rng(17)
    gates, cells = rng.normal(size=(B, T, 4 * H)), rng.normal(size=(B, T, H))
    kept = lanes.into_lanes(gates, cells)
    assert kept.shape == (lanes.rows(B), T, 5 * H)
    for x, y in zip(lanes.out_of_lanes(kept, (B, T, H)), (gates, cells), strict=True):
        np.testing.assert_array_equal(x, y)
    if T:
        last = kept.reshape(-1, T * 5 * H * 16)[(B - 1) // 16]
        # Number k of unit u at time t stands in the lane of its sequence.
        assert last[((T - 1) * 4 * H + H - 1) * 16 + (B - 1) % 16] == gates[-1, -1, H - 1]
        assert last[(T * 4 * H + T * H - 1) * 16 + (B - 1) % 16] == cells[-1, -1, -1]
