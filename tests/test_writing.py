"""Writer: texts that go on, side by side and after a save; stop strings; proposals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from language_cases import TEXT, small
from lstm import Input, LanguageModel, Sequential, storage
from lstm.backends import BACKENDS
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMWarning, ModelFileError
from lstm.layers import LSTM, Dense, Embedding
from lstm.text import ByteVocabulary, CharVocabulary, WordVocabulary, Writer
from lstm.text.writing.stopping import Cut

UNICODE = "größer 天地 😀🧬 é\n"
OPTIONS: dict[str, Any] = {"temperature": 1.3, "min_p": 0.01, "repetition_penalty": 1.2}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture(scope="module")
def of_bytes() -> LanguageModel:
    """Writes bytes, of which many are parts of characters."""
    made = LanguageModel.create(ByteVocabulary(), hidden=8, seed=0)
    made.fit(UNICODE * 60, seq_len=16, epochs=6)
    return made


@pytest.fixture(scope="module")
def of_words() -> LanguageModel:
    """Knows few words, so that the most probable token is the unknown one."""
    made = LanguageModel.create(WordVocabulary.from_text(TEXT, size=4), hidden=8, seed=0)
    with pytest.warns(LSTMWarning, match=r"^\d+ % of the tokens to learn from are unknown"):
        made.fit(TEXT, seq_len=16, epochs=4)
    return made


# ---- one text


@pytest.mark.parametrize("parts", [[60], [1] * 60, [31, 29], [0, 7, 0, 53], [33, 1, 26]])
def test_parts_are_the_text_in_one_go(model: LanguageModel, parts: list[int]) -> None:
    writer = model.writer("the ", seed=3, **OPTIONS)
    written = "".join(writer.write(length)[0] for length in parts)
    assert "the " + written == model.generate("the ", 60, seed=3, **OPTIONS)


def test_all_backends_write_the_same() -> None:
    expected: dict[str, Any] = {}
    for name in BACKENDS:
        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=20, layers=2, seed=0)
        if expected:
            made = LanguageModel.create(made.vocabulary, hidden=20, layers=2, backend=name)
            made.model.set_weights(expected["weights"])
        texts = {
            "weights": made.model.get_weights(),
            "plain": made.generate("the ", 150, seed=5),
            "choice": made.generate("the ", 150, seed=5, samples=3, **OPTIONS),
        }
        expected = expected or texts
        assert [texts[k] for k in ("plain", "choice")] == [expected[k] for k in ("plain", "choice")]


@pytest.mark.parametrize("window", [5, 100])
def test_a_penalty_counts_the_prompt_and_what_is_written(model: LanguageModel, window: int) -> None:
    options: dict[str, Any] = {"temperature": 0, "repetition_penalty": 1.7}
    options["repetition_window"] = window
    text = "the apple "
    for _ in range(40):
        text = model.generate(text, 1, **options)
    assert model.generate("the apple ", 40, **options) == text
    assert text != model.generate("the apple ", 40, temperature=0)


def test_a_window_of_nothing_counts_nothing(model: LanguageModel) -> None:
    options: dict[str, Any] = {"repetition_penalty": 9.0, "repetition_window": 0}
    assert model.generate("the ", 40, seed=0, **options) == model.generate("the ", 40, seed=0)


def test_reading_is_as_good_as_having_written(model: LanguageModel) -> None:
    whole = model.writer("the red apple", seed=2, **OPTIONS)
    parts = model.writer("the ", seed=2, **OPTIONS)
    for text in ("red", "", " apple"):
        parts.read(text)
    assert parts.write(50) == whole.write(50)


def test_a_prompt_of_many_chunks_is_read_as_a_whole(model: LanguageModel) -> None:
    prompt = TEXT * 4
    assert len(prompt) > 2 * 4096
    writer = model.writer(prompt)
    _, state = model.model.step(
        model.vocabulary.encode(prompt)[None, :-1], model.model.initial_state(1)
    )
    for name, parts in state.items():
        for x, y in zip(writer._state[name], parts, strict=True):
            assert abs(x - y).max() < 1e-5


def test_many_small_requests_do_not_make_a_large_piece(model: LanguageModel) -> None:
    writer = model.writer("the ", seed=0)
    for _ in range(60):
        writer.write(1)
    assert len(next(writer.pieces())[0]) == 32


# ---- several texts


@pytest.mark.parametrize("seed", [0, 11])
def test_samples_are_what_single_writers_write(model: LanguageModel, seed: int) -> None:
    together = model.writer("the ", samples=8, seed=seed, **OPTIONS)
    alone = [model.writer("the ", seed=seed + k, **OPTIONS) for k in range(8)]
    for length in (40, 3, 57):
        assert together.write(length) == [writer.write(length)[0] for writer in alone]
    for name, parts in together._state.items():
        for k, writer in enumerate(alone):
            for x, y in zip(parts, writer._state[name], strict=True):
                assert_array_equal(x[k : k + 1], y)
    expected = [model.generate("the ", 30, seed=seed + k) for k in range(3)]
    assert model.generate("the ", 30, seed=seed, samples=3) == expected
    assert model.generate("the ", 30, seed=seed, samples=1) == expected[:1]


def test_samples_without_a_seed_differ(model: LanguageModel) -> None:
    assert len(set(model.generate("the ", 60, samples=4))) == 4


def test_a_copy_goes_on_by_itself(model: LanguageModel) -> None:
    writer = model.writer("the ", seed=1)
    writer.write(5)
    twin = writer.copy()
    expected = writer.write(40)
    assert twin.write(40) == expected
    assert twin.write(9) == writer.write(9)


# ---- characters of several bytes, and what is unknown


@pytest.mark.parametrize("parts", [[1] * 90, [90], [40, 50]])
def test_no_character_is_cut(of_bytes: LanguageModel, parts: list[int]) -> None:
    writer = of_bytes.writer("天", seed=4)
    pieces = [writer.write(length)[0] for length in parts]
    tokens = of_bytes.vocabulary.encode("".join(pieces))
    assert len(tokens) >= 60
    assert "".join(pieces) == of_bytes.generate("天", 90, seed=4)[1:]
    assert not any("\ud800" <= c <= "\udfff" for c in "".join(pieces))
    # Whatever the bytes: this is text.
    json.dumps("".join(pieces)).encode()


def test_what_is_unknown_is_read_but_never_written(of_words: LanguageModel) -> None:
    for options in ({"temperature": 0}, {"temperature": 1e300}, {"top_k": 1}, {"top_p": 0.5}):
        text = of_words.generate("what is this", 60, seed=0, **options)
        assert text.startswith("what is this")
        assert "\N{REPLACEMENT CHARACTER}" not in text
    assert "\N{REPLACEMENT CHARACTER}" not in of_words.beam("what", 20).text


def test_a_model_without_a_bias_writes_nothing_unknown_either(of_words: LanguageModel) -> None:
    size = len(of_words.vocabulary)
    parts = [Embedding(size, 4), LSTM(5, return_sequences=True), Dense(size, use_bias=False)]
    made = LanguageModel(of_words.vocabulary, Sequential([Input((None,)), *parts]))
    text = made.generate("the", 300, temperature=5.0, seed=0)
    assert "\N{REPLACEMENT CHARACTER}" not in text
    assert len(set(made.vocabulary.encode(text).tolist())) > 2


# ---- files


@pytest.mark.parametrize("before", [0, 1, 13, 37])
@pytest.mark.parametrize("samples", [1, 3])
def test_saved_and_loaded_it_goes_on(
    model: LanguageModel, of_bytes: LanguageModel, before: int, samples: int, tmp_path: Path
) -> None:
    for one, prompt in ((model, "the "), (of_bytes, "天"), (of_bytes, "")):
        writer = one.writer(prompt, seed=6, samples=samples, **OPTIONS)
        expected = writer.write(80)
        writer = one.writer(prompt, seed=6, samples=samples, **OPTIONS)
        first = writer.write(before)
        writer.save(tmp_path / "writer.safetensors")
        one.save(tmp_path / "model.safetensors")
        loaded = Writer.load(
            tmp_path / "writer.safetensors", LanguageModel.load(tmp_path / "model.safetensors")
        )
        rest = loaded.write(80 - before)
        assert [a + b for a, b in zip(first, rest, strict=True)] == expected


def test_some_save_falls_within_a_character(of_bytes: LanguageModel, tmp_path: Path) -> None:
    writer = of_bytes.writer("天", seed=4)
    pending = 0
    written = ""
    for _ in range(60):
        written += writer.write(1)[0]
        pending += bool(writer._decoders[0].pending)
        writer.save(tmp_path / "w")
        writer = Writer.load(tmp_path / "w", of_bytes)
    assert pending > 5
    assert "天" + written == of_bytes.generate("天", 60, seed=4)


def test_a_writer_of_another_model_is_refused(model: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "writer.safetensors"
    model.writer("the ").save(path)
    same_shapes = LanguageModel.create(model.vocabulary, hidden=24)
    larger = LanguageModel.create(model.vocabulary, hidden=25)
    other_tokens = LanguageModel.create(CharVocabulary("abc"), hidden=24)
    for other in (same_shapes, larger, other_tokens):
        with pytest.raises(ModelFileError, match="belongs to another model"):
            Writer.load(path, other)


def test_a_writer_of_an_earlier_version_goes_on(model: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "writer.safetensors"
    model.writer("the ", seed=2).save(path)
    with storage.reading(path, ("writer",)) as (tensors, header):
        del header["space"], header["format"]
    storage.write(path, tensors, header)
    assert Writer.load(path, model).write(9) == model.writer("the ", seed=2).write(9)


def test_other_files_are_refused(model: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    model.save(path)
    with pytest.raises(ModelFileError, match=r"holds a language model, not a writer: .*load reads"):
        Writer.load(path, model)
    model.writer("a").save(path)
    with pytest.raises(ModelFileError, match=r"holds a writer, .* lstm.text.Writer.load reads it"):
        LanguageModel.load(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelFileError, match="damaged"):
        Writer.load(path, model)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("choice", {"temperature": -1}),
        ("generators", []),
        ("generators", [{"bit_generator": "PCG64"}]),
        ("generators", [np.random.default_rng(0).bit_generator.state | {"uinteger": -1}]),
        ("generators", 3),
        ("pending", ["e5a4a9"]),
        ("pending", ["zz"]),
        ("pending", []),
        ("space", 3),
        ("last", np.array([99])),
        ("last", np.zeros(2, np.int64)),
        ("recent", np.full((1, 3), -2)),
        ("recent", np.zeros(4, np.int64)),
        ("state/lstm/0", np.full((1, 24), np.nan, np.float32)),
    ],
)
def test_contents_that_make_no_sense_are_refused(
    model: LanguageModel, part: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "file.safetensors"
    model.writer("a").save(path)
    with storage.reading(path, ("writer",)) as (tensors, header):
        pass
    (tensors if isinstance(value, np.ndarray) else header)[part] = value
    storage.write(path, tensors, header)
    with pytest.raises(ModelFileError, match="makes no sense"):
        Writer.load(path, model)


# ---- stop strings


@pytest.mark.parametrize("stop", [".\n", ["."], ["sweet", "sour", "."], ("\n", "e is")])
def test_a_text_ends_before_the_first_stop_string(model: LanguageModel, stop: Any) -> None:
    whole = model.generate("the ", 200, seed=8)[4:]
    stops = [stop] if isinstance(stop, str) else list(stop)
    ends = [(whole.find(s) + len(s), whole.find(s)) for s in stops if s in whole]
    expected = whole[: min(ends)[1]]
    assert model.generate("the ", 200, seed=8, stop=stop) == "the " + expected
    assert model.generate("the ", None, seed=8, stop=stop) == "the " + expected
    assert "".join(model.stream("the ", None, seed=8, stop=stop)) == expected
    several = model.generate("the ", None, seed=7, stop=stop, samples=2)
    assert several[1] == "the " + expected


def test_a_stop_string_in_the_prompt_does_not_stop(model: LanguageModel) -> None:
    assert model.generate("the ", 5, seed=0, stop="the ") == model.generate("the ", 5, seed=0)


def test_what_a_stop_string_might_begin_with_comes_in_the_end(model: LanguageModel) -> None:
    whole = model.generate("the ", 33, seed=8)
    stop = whole[-3:] + "!"
    assert model.generate("the ", 33, seed=8, stop=stop) == whole


words = st.text("ab", min_size=1, max_size=4)


@settings(max_examples=300)
@given(st.lists(st.text("ab", max_size=4)), st.lists(words, max_size=3))
def test_pieces_are_cut_where_the_whole_is(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    at_once, one_by_one, cut = Cut(stops), Cut(stops), Cut(stops)
    expected = at_once.take(whole) + at_once.rest()
    assert "".join(map(cut.take, pieces)) + cut.rest() == expected
    assert "".join(map(one_by_one.take, whole)) + one_by_one.rest() == expected
    assert at_once.ended == cut.ended == any(stop in whole for stop in stops)
    if cut.ended:
        assert not any(stop in expected for stop in stops)
    else:
        assert expected == whole


# ---- proposals


def test_proposals_are_different_next_pieces(model: LanguageModel) -> None:
    writer = model.writer("the ", seed=0)
    first, second = writer.propose(5), writer.propose(5)
    assert len(set(first)) == 5
    assert first != second
    for text in first + second:
        assert 0 < len(text) <= 24
        assert len(text) == 24 or text[-1] in " \n"
        assert len(text.split()) <= 2
    # Nothing of them is taken.
    assert writer._last[0] == model.vocabulary.encode(" ")[0]
    writer.read(first[2])
    expected = model.writer("the " + first[2], temperature=0)
    for x, y in zip(writer._state.values(), expected._state.values(), strict=True):
        assert_array_equal(x, y)


def test_a_model_that_is_sure_proposes_one(model: LanguageModel) -> None:
    (only,) = model.writer("the ", temperature=0).propose(4)
    assert model.generate("the ", len(only), temperature=0) == "the " + only


def test_proposals_are_whole_characters(of_bytes: LanguageModel) -> None:
    for text in of_bytes.writer("größer ", seed=0).propose(6):
        assert text.encode().decode() == text
        assert len(text) <= 24


# ---- bad input


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("prompt", ["the maté", 3, None]),
        ("samples", [0, 1.5, None]),
        ("seed", [-1, "x"]),
        ("min_p", [-0.1, 1.1, float("nan")]),
        ("repetition_penalty", [0, -1, float("inf")]),
        ("repetition_window", [-1, 0.5]),
    ],
)
def test_options_of_a_writer(model: LanguageModel, option: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InvalidValueError, match=f"^{option}: expected"):
            model.writer(**{option: value})


@pytest.mark.parametrize("stop", [3, "", [""], ["a", ""], [3], b"a"])
def test_what_is_no_stop_string(model: LanguageModel, stop: Any) -> None:
    for write in (model.generate, model.stream, model.beam):
        with pytest.raises(InvalidValueError, match=r"^stop: expected"):
            write("a", stop=stop)


def test_a_text_needs_an_end(model: LanguageModel) -> None:
    for write in (model.generate, model.stream):
        with pytest.raises(InvalidTypeError, match=r"^length: expected .* no stop"):
            write("a", None)


def test_requests_that_cannot_be(model: LanguageModel) -> None:
    writer = model.writer("a")
    for length in (-1, 1.5):
        with pytest.raises(InvalidValueError, match=r"^length: expected"):
            writer.write(length)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="é"):
        writer.read("é")
    with pytest.raises(InvalidValueError, match=r"^count: expected"):
        writer.propose(0)
    with pytest.raises(InvalidValueError, match=r"^samples: expected 1"):
        model.writer("a", samples=2).propose()
