"""What is chosen for a text and the time."""

import re
from pathlib import Path

import pytest

import lstm
from lstm.backends import BACKENDS
from lstm.backends.native import threads as threads_of_native
from lstm.errors import InvalidValueError
from lstm.text.training import defaults
from lstm.text.training.defaults import choose

DOCS = Path(__file__).parents[1] / "docs/guides/text.md"


FAST, SLOW, SLOWEST = 3e11, 1.4e11, 1e10
"""Two threads with AVX-512 and with AVX2, and NumPy: operations in a second."""


def chosen(tokens: int, speed: float = FAST, **given: object) -> tuple[object, ...]:
    architecture, training = choose(given, tokens, 65, speed)
    return architecture.layers, architecture.hidden, architecture.dropout, training.epochs


def test_more_time_makes_larger_models() -> None:
    assert chosen(1_100_000, minutes=0.1) == (1, 128, 0.0, None)
    assert chosen(1_100_000, minutes=1.7) == (1, 512, 0.2, None)
    assert chosen(1_100_000, minutes=15) == (1, 512, 0.5, None)
    assert chosen(1_100_000, minutes=60) == (2, 512, 0.5, None)


def test_slower_machines_get_smaller_models() -> None:
    assert chosen(1_100_000, SLOW, minutes=1.7)[1] == 256
    assert chosen(1_100_000, SLOWEST, minutes=1.7)[1] == 128


def test_more_threads_are_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    def speed(threads: int, instruction_set: str) -> float:
        monkeypatch.setattr(threads_of_native, "num_threads", lambda: threads)
        return threads_of_native.speed(instruction_set)

    speeds = [speed(2, kind) for kind in ("avx512", "avx2", "baseline")]
    assert speeds[:2] == [FAST, SLOW]
    assert speed(4, "avx512") == 2 * FAST
    assert speed(2, "avx512_bf16") > speeds[0]
    assert speeds[1] > speeds[2] > BACKENDS["reference"].speed() == SLOWEST


def test_short_texts_get_small_models_and_end() -> None:
    assert chosen(100_000, minutes=60) == (1, 256, 0.5, None)
    assert chosen(100_000) == (1, 256, 0.5, 40)
    assert chosen(3_000) == (1, 128, 0.0, 40)


def test_time_ends_what_would_take_longer_than_a_pass() -> None:
    assert chosen(10**9) == (1, 128, 0.0, None)
    assert choose({}, 10**9, 65, FAST)[1].minutes == 2
    assert choose({"epochs": 1}, 10**9, 65, FAST)[1].minutes is None


def test_few_weights_need_no_dropout() -> None:
    assert chosen(10**7, epochs=50, hidden=128)[2] == 0.0
    assert chosen(10**6, epochs=50, hidden=512)[2] == 0.5


def test_a_model_for_many_passes_is_not_for_few() -> None:
    assert chosen(600_000, minutes=60, epochs=3)[:2] == (1, 128)


def test_large_vocabularies_count() -> None:
    small, _ = choose({"minutes": 1.7}, 1_100_000, 65, FAST)
    large, _ = choose({"minutes": 1.7}, 1_100_000, 20_000, FAST)
    assert large.hidden < small.hidden


def test_what_is_given_stays() -> None:
    given = {"hidden": 32, "layers": 3, "dropout": 0.1, "lr": 0.7, "epochs": 2, "seq_len": 9}
    architecture, training = choose(given, 1_100_000, 65, FAST)
    assert (architecture.hidden, architecture.layers, architecture.dropout) == (32, 3, 0.1)
    assert (training.lr, training.epochs, training.seq_len) == (0.7, 2, 9)


def test_what_is_given_decides_about_the_rest() -> None:
    assert chosen(1_100_000, epochs=2)[2] == 0.0
    assert chosen(1_100_000, epochs=40)[:3] == (2, 512, 0.5)
    assert choose({"hidden": 500}, 1_100_000, 65, FAST)[1].lr == 0.003
    assert choose({"hidden": 100}, 1_100_000, 65, FAST)[1].lr == 0.005


def test_an_option_that_there_is_not() -> None:
    with pytest.raises(InvalidValueError, match=r"option: expected .*did you mean 'hidden'"):
        choose({"hiden": 3}, 1000, 65, FAST)


def test_the_guide_has_the_same_figures() -> None:
    rows = [re.findall(r"[\d.,]+", line) for line in DOCS.read_text("utf-8").splitlines()]
    for size in defaults._SIZES[:-1]:
        units = [str(size.hidden)] if size.layers == 1 else [str(size.layers), str(size.hidden)]
        assert [*units, f"{size.tokens:,}", f"{size.passes:g}", f"{size.lr:g}"] in rows
    for passes, dropout, recurrent in defaults._DROPOUTS[:-1]:
        assert [f"{passes}", f"{dropout:g}", f"{recurrent:g}"] in rows


def test_the_choice_stands_in_the_run(tmp_path: Path) -> None:
    text = "the quick brown fox jumps over the lazy dog\n" * 30
    model = lstm.LanguageModel.train(text, hidden=4, seed=0, folder=tmp_path / "run")
    assert model.history is not None
    assert len(model.history.epoch) == 40
    assert '"epochs": 40' in (tmp_path / "run/config.json").read_text()
