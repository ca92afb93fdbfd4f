"""The data sets: additions, progressions, windows and texts."""

import os
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from lstm.data import (
    addition,
    irreducible_loss,
    next_step_windows,
    offline_corpus,
    progression,
    progression_dataset,
    shakespeare,
    windows,
)
from lstm.errors import (
    DataUnavailableError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    MissingExtraError,
)

sizes = st.integers(1, 8)


def as_integer(bits: NDArray[Any]) -> int:
    return sum(int(bit) << t for t, bit in enumerate(bits))


class TestAddition:
    @given(sizes, sizes, st.integers(0, 2**32))
    def test_kept_carries_make_one_long_sum(self, batch_size: int, length: int, seed: int) -> None:
        batches = list(islice(addition(batch_size, length, seed=seed), 4))
        a = np.concatenate([a for a, _ in batches], axis=1)
        res = np.concatenate([res for _, res in batches], axis=1)
        for numbers, result in zip(a, res, strict=True):
            total = as_integer(numbers[:, 0]) + as_integer(numbers[:, 1])
            assert as_integer(result) == total % 2 ** (4 * length)

    @given(sizes, sizes, st.integers(0, 2**32))
    def test_reset_carries_make_every_batch_a_sum(
        self, batch_size: int, length: int, seed: int
    ) -> None:
        for a, res in islice(addition(batch_size, length, carry="reset", seed=seed), 4):
            for numbers, result in zip(a, res, strict=True):
                total = as_integer(numbers[:, 0]) + as_integer(numbers[:, 1])
                assert as_integer(result) == total % 2**length

    def test_kept_and_reset_differ(self) -> None:
        kept = list(islice(addition(20, 3, seed=0), 3))
        reset = list(islice(addition(20, 3, seed=0, carry="reset"), 3))
        assert_array_equal(kept[1][0], reset[1][0])
        assert (kept[1][1] != reset[1][1]).any()

    def test_shapes_types_and_values(self) -> None:
        a, res = next(addition(5, 7, seed=3))
        assert a.shape == (5, 7, 2)
        assert a.dtype == np.int64
        assert set(a.flat) == {0, 1}
        assert res.shape == (5, 7)
        assert res.dtype == np.float32
        assert set(res.flat) == {0.0, 1.0}

    def test_a_seed_gives_the_same_batches_on_every_machine(self) -> None:
        first, second = addition(3, 4, seed=7), addition(3, 4, seed=7)
        for _ in range(3):
            for left, right in zip(next(first), next(second), strict=True):
                assert_array_equal(left, right)
        a, _ = next(addition(1, 8, seed=7))
        assert a[0, :, 0].tolist() == [1, 1, 1, 1, 0, 0, 1, 0]
        assert a[0, :, 1].tolist() == [1, 1, 1, 0, 0, 1, 0, 1]

    def test_seeds_differ(self) -> None:
        first, second = next(addition(10, 10, seed=1)), next(addition(10, 10, seed=2))
        assert (first[0] != second[0]).any()

    def test_batches_share_no_memory(self) -> None:
        batches = addition(2, 3, seed=0)
        a, res = next(batches)
        a_copy, res_copy = a.copy(), res.copy()
        next(batches)
        assert_array_equal(a, a_copy)
        assert_array_equal(res, res_copy)

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("batch_size", 0),
            ("batch_size", 1.5),
            ("length", 0),
            ("length", "10"),
            ("carry", "keep"),
            ("seed", -1),
            ("seed", 0.5),
        ],
    )
    def test_bad_arguments_are_refused_at_the_call(self, argument: str, value: Any) -> None:
        arguments: dict[str, Any] = {"batch_size": 2, "length": 3, argument: value}
        with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
            addition(**arguments)

    def test_irreducible_loss_of_the_notebook(self) -> None:
        assert irreducible_loss(10) == pytest.approx(0.04995, abs=5e-6)

    @pytest.mark.parametrize("length", [1, 2, 7])
    def test_irreducible_loss_is_the_sum_of_the_chances_that_the_carry_matters(
        self, length: int
    ) -> None:
        expected = sum(0.25 * 2.0**-t for t in range(length)) / length
        assert irreducible_loss(length) == pytest.approx(expected)

    def test_irreducible_loss_is_what_the_best_stateless_guess_has(self) -> None:
        # The best guess is the mean of the two results, with a first carry of 0 and of 1.
        length, count = 5, 20_000
        stream = addition(count, length, seed=11)
        next(stream)
        a, res = next(stream)
        place = 2 ** np.arange(length)
        total = ((a[:, :, 0] + a[:, :, 1]) @ place)[:, np.newaxis]
        guess = ((total // place) % 2 + ((total + 1) // place) % 2) / 2
        # Five standard errors of a mean over `count` sums, each with a variance below 1/16.
        assert abs(np.mean((guess - res) ** 2) - irreducible_loss(length)) < 5 * 0.25 / count**0.5

    @pytest.mark.parametrize("length", [0, -1, 2.5])
    def test_irreducible_loss_of_no_length(self, length: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"^length: expected"):
            irreducible_loss(length)


class TestProgression:
    def test_the_progression_of_the_seed(self) -> None:
        assert progression(1, 6).tolist() == [1, 3, 9, 27, 31, 43]

    @given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(0, 10**12), sizes)
    def test_closed_form(self, modulus: int, factor: int, start: int, length: int) -> None:
        start %= modulus
        numbers = progression(start, length, modulus, factor)
        assert numbers.dtype == np.int64
        assert numbers.tolist() == [start * factor**t % modulus for t in range(length)]

    def test_dataset_has_every_start_and_the_number_after_each(self) -> None:
        x, y = progression_dataset(length=4, modulus=7, factor=2)
        assert x.shape == (7, 4, 1)
        assert x.dtype == np.float32
        assert y.shape == (7, 4)
        assert y.dtype == np.int64
        for start in range(7):
            numbers = progression(start, 5, modulus=7, factor=2)
            assert_allclose(x[start, :, 0], numbers[:-1] / 7, rtol=1e-6)
            assert_array_equal(y[start], numbers[1:])

    def test_dataset_of_the_seed_by_default(self) -> None:
        x, y = progression_dataset()
        assert x.shape == (50, 10, 1)
        assert (x >= 0).all()
        assert (x < 1).all()
        assert_array_equal(y[:, 0], np.arange(50) * 3 % 50)

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("start", -1),
            ("start", 50),
            ("start", 0.5),
            ("length", 0),
            ("modulus", 0),
            ("factor", 0),
        ],
    )
    def test_bad_arguments_are_named(self, argument: str, value: Any) -> None:
        arguments: dict[str, Any] = {"start": 1, "length": 3, argument: value}
        with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
            progression(**arguments)
        if argument != "start":
            with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
                progression_dataset(**{argument: value})


class TestWindows:
    @given(st.integers(1, 30), sizes, sizes, st.sampled_from([(), (2,), (3, 2)]))
    def test_windows_are_slices(
        self, steps: int, length: int, stride: int, entry: tuple[int, ...]
    ) -> None:
        steps += length - 1
        series = np.arange(steps * int(np.prod(entry))).reshape(steps, *entry)
        views = windows(series, length, stride)
        starts = range(0, steps - length + 1, stride)
        assert views.shape == (len(starts), length, *entry)
        for view, start in zip(views, starts, strict=True):
            assert_array_equal(view, series[start : start + length])

    @given(st.integers(1, 30), sizes, sizes)
    def test_targets_are_one_step_later(self, steps: int, length: int, stride: int) -> None:
        series = np.arange(steps + length)
        inputs, targets = next_step_windows(series, length, stride)
        assert inputs.shape == targets.shape == (1 + (steps - 1) // stride, length)
        assert_array_equal(targets, inputs + 1)

    def test_views_are_read_only_and_copy_nothing(self) -> None:
        series = np.arange(10.0)
        for view in (windows(series, 3), *next_step_windows(series, 3)):
            assert np.shares_memory(view, series)
            with pytest.raises(ValueError, match="read-only"):
                view[0, 0] = 1
        series[2] = 99
        assert windows(series, 3)[0, 2] == 99

    def test_a_long_series_costs_no_memory(self) -> None:
        # As arrays, the windows of the seed's second example would be 10¹² bytes.
        inputs, targets = next_step_windows(np.zeros(1_000_000, dtype=np.int64), 128_000)
        assert inputs.nbytes == targets.nbytes > 8e11

    def test_a_memory_mapped_series_stays_on_disk(self, tmp_path: Path) -> None:
        np.arange(10).tofile(tmp_path / "series.bin")
        series = np.memmap(tmp_path / "series.bin", dtype=np.int64, mode="r")
        assert np.shares_memory(windows(series, 4), series)
        assert windows(series, 4)[3].tolist() == [3, 4, 5, 6]

    def test_one_window_fits_exactly(self) -> None:
        assert windows([1, 2, 3], 3).tolist() == [[1, 2, 3]]
        inputs, targets = next_step_windows([1, 2, 3], 2)
        assert inputs.tolist() == [[1, 2]]
        assert targets.tolist() == [[2, 3]]

    def test_series_shorter_than_a_window(self) -> None:
        with pytest.raises(InvalidValueError, match=r"^array: .* at least 4 steps, got 3"):
            windows([1, 2, 3], 4)
        with pytest.raises(InvalidValueError, match=r"^array: .* at least 4 steps, got 3"):
            next_step_windows([1, 2, 3], 3)
        with pytest.raises(InvalidValueError, match=r"^array: .* at least 1 steps, got 0"):
            windows([], 1)

    @pytest.mark.parametrize("make", [windows, next_step_windows])
    def test_bad_arguments_are_named(self, make: Callable[..., Any]) -> None:
        for argument in ("length", "stride"):
            with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
                make([1, 2, 3], **{"length": 1, argument: 0})
            with pytest.raises(InvalidTypeError, match=f"^{argument}: expected"):
                make([1, 2, 3], **{"length": 1, argument: 1.5})
        with pytest.raises(InvalidShapeError, match=r"^array: "):
            make(3, 1)
        with pytest.raises(InvalidShapeError, match=r"^array: .* ragged"):
            make([[1], [2, 3]], 1)


class TestOfflineCorpus:
    def test_it_is_a_text_to_train_on(self) -> None:
        text = offline_corpus()
        assert len(text) > 400_000
        assert 50 < len(set(text)) < 200
        assert text.startswith('The "assert" statement')
        assert text == offline_corpus()

    def test_topics_are_parted_by_one_blank_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        topics = SimpleNamespace(topics={"b": "Second\n", "a": "\nFirst\n\nof two\n"})
        monkeypatch.setitem(sys.modules, "pydoc_data.topics", topics)
        assert offline_corpus() == "First\n\nof two\n\nSecond"

    def test_a_python_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
        with pytest.raises(DataUnavailableError, match="pydoc_data"):
            offline_corpus()


class TestShakespeare:
    """None of these tests touches the network."""

    @pytest.mark.skipif("LSTM_SHAKESPEARE" not in os.environ, reason="needs a local copy")
    def test_local_copy(self) -> None:
        text = shakespeare()
        assert len(text) == 1_115_394
        assert len(set(text)) == 65
        assert text.startswith("First Citizen:")

    def test_local_file_with_another_text(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "hamlet.txt"
        file.write_text("To be, or not to be")
        monkeypatch.setenv("LSTM_SHAKESPEARE", str(file))
        with pytest.raises(InvalidValueError) as caught:
            shakespeare()
        message = str(caught.value)
        assert str(file) in message
        assert "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed" in message
        assert "80ed7fc26bc0bbb12ef93ae6dbc4bdaae8262e83e65163626e57c24b8fc316a8" in message

    @pytest.mark.parametrize("name", ["absent.txt", "."])
    def test_local_file_that_cannot_be_read(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LSTM_SHAKESPEARE", str(tmp_path / name))
        with pytest.raises(DataUnavailableError, match="LSTM_SHAKESPEARE") as caught:
            shakespeare()
        assert str(tmp_path / name) in str(caught.value)

    def test_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LSTM_SHAKESPEARE", raising=False)
        monkeypatch.setitem(sys.modules, "pooch", None)
        with pytest.raises(MissingExtraError, match=r"lstm-kit\[data\]"):
            shakespeare()

    @pytest.mark.parametrize("failure", [ConnectionError("no route"), ValueError("SHA256 hash")])
    def test_offline_or_changed_upstream(
        self, failure: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def retrieve(*_: Any, **__: Any) -> str:
            raise failure

        pooch = SimpleNamespace(retrieve=retrieve, os_cache=Path)
        monkeypatch.delenv("LSTM_SHAKESPEARE", raising=False)
        monkeypatch.setitem(sys.modules, "pooch", pooch)
        with pytest.raises(DataUnavailableError, match="LSTM_SHAKESPEARE") as caught:
            shakespeare()
        assert str(failure) in str(caught.value)

    def test_fetched_text(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fetched = tmp_path / "shakespeare.txt"
        fetched.write_bytes(b"First Citizen:\r\n")
        asked: dict[str, Any] = {}

        def retrieve(url: str, **arguments: Any) -> str:
            asked.update(arguments, url=url)
            return str(fetched)

        pooch = SimpleNamespace(retrieve=retrieve, os_cache=lambda name: tmp_path / name)
        monkeypatch.delenv("LSTM_SHAKESPEARE", raising=False)
        monkeypatch.setitem(sys.modules, "pooch", pooch)
        assert shakespeare() == "First Citizen:\r\n"
        assert asked["path"] == tmp_path / "lstm-kit"
        assert asked["known_hash"].endswith("2dc565ed")
