"""The lens: what it shows is what the model computed."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from language_cases import TEXT, small
from lstm import Input, LanguageModel, Model, Sequential, inspection
from lstm.backends import reference
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.initializers import RandomNormal
from lstm.inspection import properties
from lstm.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Embedding,
    SimpleRNN,
    SpatialDropout1D,
)
from lstm.text import ByteVocabulary, Corpus, TextSource
from recurrent_calls import lstm_forward


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


def stacked(**options: Any) -> Model:
    lstm.set_seed(3)
    first = LSTM(5, return_sequences=True, **options)
    return Sequential([Input((None, 3)), first, LSTM(4, return_sequences=True), Dense(2)])


def sequences(steps: int = 7) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(2, steps, 3))


class TestRecord:
    @pytest.mark.usefixtures("float64")
    def test_the_states_and_gates_are_those_of_the_reference(self) -> None:
        model, x = stacked(), sequences()
        found = inspection.record(model, x).layers["lstm"]
        w, r, b = (model.get_layer("lstm").value(n) for n in ("kernel", "recurrent_kernel", "bias"))
        *_, cache = lstm_forward(
            reference, x, w, r, b, None, None, None, None, False, "tanh", "sigmoid", keep_cache=True
        )
        expected = reference.recurrent_gates(cache)
        assert list(expected) == ["h", "c", "i", "f", "g", "o"]
        for letter, values in expected.items():
            assert_allclose(found[letter], values, rtol=1e-12)

    @pytest.mark.usefixtures("float64")
    def test_the_gates_of_a_gru_make_its_states(self) -> None:
        lstm.set_seed(3)
        bias = RandomNormal()
        layer = GRU(5, return_sequences=True, bias_initializer=bias)
        model = Sequential([Input((None, 3)), layer, SimpleRNN(4, return_sequences=True)])
        found = inspection.record(model, sequences())
        h, u, s, g = found.layers["gru"].values()
        before = np.concatenate((np.zeros_like(h[:, :1]), h[:, :-1]), 1)
        assert_allclose(h, u * before + (1 - u) * g, rtol=1e-12)
        assert 0 < s.min() < s.max() < 1
        assert found.layers["simple_rnn"].keys() == {"h"}
        assert_array_equal(found.layers["simple_rnn"]["h"], found.outputs[0])

    @pytest.mark.usefixtures("float64")
    def test_layers_that_give_only_the_last_state_are_recorded_whole(self) -> None:
        model = Sequential([Input((None, 3)), LSTM(5), Dense(2)])
        found = inspection.record(model, sequences())
        assert found.layers["lstm"]["h"].shape == (2, 7, 5)
        assert_allclose(found.outputs[0], model.predict(sequences()), rtol=1e-12)

    @pytest.mark.usefixtures("float64")
    def test_chunks_with_the_state_are_the_whole(self) -> None:
        model, x = stacked(), sequences()
        whole = inspection.record(model, x)
        first = inspection.record(model, x[:, :3])
        second = inspection.record(model, x[:, 3:], first.state)
        for name, arrays in whole.layers.items():
            for letter, values in arrays.items():
                parts = first.layers[name][letter], second.layers[name][letter]
                assert_allclose(np.concatenate(parts, 1), values, rtol=1e-12)

    @pytest.mark.usefixtures("float64")
    def test_a_layer_that_reads_backwards_is_shown_in_the_order_of_its_input(self) -> None:
        model = Sequential([Input((None, 3)), Bidirectional(LSTM(4, return_sequences=True))])
        x = sequences()
        found = inspection.record(model, x)
        there, back = found.layers.values()
        assert_allclose(found.outputs[0], np.concatenate((there["h"], back["h"]), -1), rtol=1e-12)
        assert_allclose(back["h"], back["o"] * np.tanh(back["c"]), rtol=1e-12)

    @pytest.mark.usefixtures("float64")
    def test_masked_steps_keep_the_state(self) -> None:
        model = Sequential([Embedding(9, 3, mask_zero=True), LSTM(4)])
        found = inspection.record(model, np.array([[4, 0, 7, 0, 0]])).layers["lstm"]
        for letter in "hc":
            assert_array_equal(found[letter][0, 1], found[letter][0, 0])
            assert_array_equal(found[letter][0, 4], found[letter][0, 2])

    def test_no_steps_leave_nothing_but_the_state(self) -> None:
        model, state = stacked(), stacked().initial_state(2)
        found = inspection.record(model, sequences(0), state)
        assert found.layers["lstm"]["c"].shape == (2, 0, 5)
        for parts in found.state.values():
            assert not np.concatenate(parts).any()

    @pytest.mark.parametrize("change", [{"lstm": (np.zeros((2, 4)),) * 2}, {"other": ()}])
    def test_the_state_of_another_model_is_refused(self, change: Any) -> None:
        state = {**stacked().initial_state(2), **change}
        with pytest.raises(InvalidShapeError, match="state"):
            inspection.record(stacked(), sequences(), state)

    def test_what_is_no_model_is_refused(self) -> None:
        with pytest.raises(InvalidTypeError, match="a Model"):
            inspection.record(lstm.LSTMNetwork(3, 4, 1), sequences())  # type: ignore[arg-type]

    def test_a_model_without_recurrence_is_refused(self) -> None:
        with pytest.raises(InvalidValueError, match="recurrent layer"):
            inspection.record(Sequential([Input((3,)), Dense(2)]), np.zeros((1, 3)))


class TestRead:
    def test_what_was_expected_is_what_the_model_predicts(self, model: LanguageModel) -> None:
        reading = inspection.read(model, TEXT[:1200], top=3)
        p = model.model.predict(reading.tokens[None])[0]
        assert reading.text == TEXT[:1200]
        assert not reading.sampled
        assert np.isnan(reading.surprise[0])
        assert (reading.expected[0] == -1).all()
        assert_allclose(
            reading.surprise[1:],
            -np.log(p[np.arange(1199), reading.tokens[1:]]),
            rtol=1e-4,
            atol=1e-5,
        )
        assert_allclose(reading.probabilities[1:], -np.sort(-p[:-1])[:, :3], rtol=1e-4, atol=1e-6)

    def test_pieces_of_a_text_are_the_whole(self, model: LanguageModel) -> None:
        whole = inspection.read(model, TEXT[:1200])
        parts = list(inspection.readings(model, TextSource.of(TEXT[:1200])))
        assert len(parts) > 1
        assert sum((part.pieces for part in parts), ()) == whole.pieces
        assert_array_equal(
            np.concatenate([part.layers["lstm"]["o"] for part in parts]), whole.layers["lstm"]["o"]
        )

    @pytest.mark.parametrize("characters", [1, 100, 513])
    def test_a_long_text_is_sampled(self, model: LanguageModel, characters: int) -> None:
        reading = inspection.read(model, TEXT, characters=characters)
        assert reading.text == TEXT[:characters]
        assert reading.sampled
        assert reading.characters == len(TEXT)

    def test_bytes_of_one_character_are_one_piece(self) -> None:
        made = LanguageModel.create(ByteVocabulary(), hidden=8, seed=0)
        reading = inspection.read(made, "a€b")
        assert reading.pieces == ("a", "", "", "€", "b")
        assert inspection.read(made, "€€", characters=1).text == "€"

    def test_bad_input(self, model: LanguageModel) -> None:
        with pytest.raises(InvalidTypeError, match="LanguageModel"):
            inspection.read(model.model, TEXT)  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError, match="text"):
            inspection.read(model, "")
        with pytest.raises(InvalidValueError, match="characters"):
            inspection.read(model, TEXT, characters=0)


class TestUnits:
    def test_a_unit_that_is_the_property_is_found(self) -> None:
        rng = np.random.default_rng(0)
        target = rng.integers(0, 2, 2000)
        layers = {"a": {"c": rng.normal(size=(2000, 30)), "h": rng.normal(size=(2000, 30))}}
        layers["a"]["c"][:, 17] = 3 - 2 * target + 0.1 * rng.normal(size=2000)
        best, second, *_ = inspection.score_units(layers, target, "bit")
        assert (best.layer, best.quantity, best.unit, best.property) == ("a", "c", 17, "bit")
        assert best.score < -0.99
        assert best.sigmas > 5 > second.sigmas

    def test_noise_does_not_beat_its_control(self) -> None:
        rng = np.random.default_rng(0)
        # Slow noise: neighbours are alike, as in a text.
        slow = np.cumsum(rng.normal(size=(3000, 41)), 0)
        slow -= np.linspace(slow[0], slow[-1], 3000)
        (best, *_) = inspection.score_units({"a": {"c": slow[:, 1:]}}, slow[:, 0])
        assert abs(best.score) > 0.4
        assert best.sigmas < 5

    def test_units_of_a_trained_model_know_where_words_end(self, model: LanguageModel) -> None:
        found = inspection.find_units(inspection.read(model, TEXT))
        best = {one.property: one for one in reversed(found)}
        assert best["space"].sigmas > 5
        assert "inside_quotes" not in best  # There are none in the text.

    def test_a_property_of_tokens_is_that_of_their_last_character(self) -> None:
        made = LanguageModel.create(ByteVocabulary(), hidden=8, seed=0)
        seen: list[str] = []

        def marked(text: str) -> list[bool]:
            seen.append(text)
            return [c == "€" for c in text]

        reading = inspection.read(made, "a€" * 60)
        found = inspection.find_units(reading, {"marked": marked}, quantities=["h"])
        assert seen == ["a€" * 60]
        target = [byte == 0xAC for byte in ("a€" * 60).encode()]
        # Bytes that only begin a character have the value of what stands before them.
        target[0], before = False, np.array([c == 0x61 for c in ("a€" * 60).encode()])
        values = reading.layers["lstm"]["h"]
        assert len(found) == 8
        best = found[0]
        expected = np.corrcoef(values[:, best.unit], target)[0, 1]
        assert before.any()
        assert best.score == pytest.approx(expected, abs=1e-4)

    @pytest.mark.parametrize(
        ("options", "argument"),
        [
            ({"properties": {"short": lambda text: [1.0]}}, "property short"),
            ({"properties": {"words": lambda text: list(text)}}, "property words"),
            ({"properties": {"nan": lambda text: [np.nan] * len(text)}}, "property nan"),
            ({"quantities": ["q"]}, "quantities"),
            ({"shuffles": 1}, "shuffles"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_bad_input(self, model: LanguageModel, options: dict[str, Any], argument: str) -> None:
        reading = inspection.read(model, TEXT, characters=400)
        with pytest.raises((InvalidShapeError, InvalidTypeError, InvalidValueError)) as caught:
            inspection.find_units(reading, **options)
        assert str(caught.value).startswith(argument)

    def test_a_few_steps_are_too_few(self) -> None:
        with pytest.raises(InvalidShapeError, match="100"):
            inspection.score_units({"a": {"c": np.zeros((9, 2))}}, np.arange(9))


PROPERTY_CASES = {
    "line_position": ("ab\nc", [0, 1, 2, 0]),
    "word_position": ("ab c1-", [0, 1, 0, 0, 1, 0]),
    "paragraph_position": ("a\nb\n\nc", [0, 0, 1, 1, 0, 1]),
    "indentation": ("a\n  b\n\tc", [0, 0, 2, 2, 2, 2, 4, 4]),
    "inside_quotes": ('a "b" “c”', [0, 0, 1, 1, 0, 0, 1, 1, 0]),
    "inside_brackets": (")a(b[c])d", [0, 0, 1, 1, 1, 1, 1, 0, 0]),
    "after_colon": ("a: b", [0, 1, 1, 0]),
    "after_sentence": ("a. B", [0, 1, 1, 0]),
    "capital": ("aÄb", [0, 1, 0]),
    "vowel": ("abE", [1, 0, 1]),
    "space": ("a \n", [0, 1, 1]),
}


def test_every_property_has_a_case() -> None:
    assert PROPERTY_CASES.keys() == properties.PROPERTIES.keys()


@pytest.mark.parametrize("name", PROPERTY_CASES)
def test_properties_are_what_they_say(name: str) -> None:
    text, expected = PROPERTY_CASES[name]
    assert np.asarray(properties.PROPERTIES[name](text), float).tolist() == expected


class TestGradientFlow:
    @pytest.mark.usefixtures("float64")
    @pytest.mark.parametrize("lag", [1, 4])
    @pytest.mark.parametrize(
        ("name", "letter", "k"), [("lstm", "c", 1), ("lstm_1", "h", 0), ("lstm_1", "c", 1)]
    )
    def test_it_is_the_derivative(self, name: str, letter: str, k: int, lag: int) -> None:
        model, x = stacked(), sequences(6)[:1]
        dy = np.array([[0.3, -1.1]])
        _, state = model.step(x[:, :-lag], model.initial_state(1))

        def loss(change: float, unit: int) -> float:
            moved = {layer: [np.array(part) for part in parts] for layer, parts in state.items()}
            moved[name][k][0, unit] += change
            return float((model.step(x[:, -lag:], moved)[0][0, -1] * dy[0]).sum())

        units = range(state[name][k].shape[1])
        gradient = [(loss(1e-6, unit) - loss(-1e-6, unit)) / 2e-6 for unit in units]
        found = inspection.gradient_flow(model, x, dy).norms[name][letter][lag]
        assert found == pytest.approx(np.linalg.norm(gradient), rel=1e-6)

    @pytest.mark.usefixtures("float64")
    def test_the_gradient_of_an_output_comes_from_the_layers_above_too(self) -> None:
        model, x = stacked(), sequences(1)[:1]
        dy = np.array([[0.3, -1.1]])
        flow = inspection.gradient_flow(model, x, dy)
        upper = Sequential([Input((None, 5)), *model.layers[1:]])
        h = inspection.record(model, x).layers["lstm"]["h"]

        def loss(change: float, unit: int) -> float:
            moved = h.copy()
            moved[0, 0, unit] += change
            return float((upper.predict(moved)[0, -1] * dy[0]).sum())

        gradient = [(loss(1e-6, unit) - loss(-1e-6, unit)) / 2e-6 for unit in range(5)]
        assert flow.norms["lstm"]["h"][0] == pytest.approx(np.linalg.norm(gradient), rel=1e-6)
        assert np.isnan(flow.norms["lstm"]["c"][0])

    @pytest.mark.usefixtures("float64")
    def test_the_rate_of_a_cell_without_other_paths_is_that_of_its_forget_gate(self) -> None:
        layer = LSTM(6, recurrent_initializer="zeros", return_sequences=True)
        model = Sequential([Input((None, 1)), layer])
        model.predict(np.zeros((1, 2, 1)))
        flow = inspection.gradient_flow(model, np.zeros((1, 80, 1)), np.ones((1, 6)))
        # With zero input and no recurrence the forget gate stands at σ(1) throughout.
        assert flow.rate("lstm", "c", 1) == pytest.approx(np.log(reference.sigmoid(1.0)))

    def test_of_a_text(self, model: LanguageModel) -> None:
        flow = inspection.gradient_flow_of_text(model, TEXT, longest=40, windows=8)
        assert flow.lags.tolist() == list(range(41))
        h = flow.norms["lstm"]["h"]
        assert h[0] > h[10] > h[40] > 0
        with pytest.raises(InvalidValueError, match="layer, state"):
            flow.rate("lstm", "z")

    def test_layers_of_different_lengths_end_at_their_first_step(self) -> None:
        encoded, decoded = Input((5, 3)), Input((2, 3))
        _, h, c = LSTM(4, return_state=True, name="long")(encoded)
        y = LSTM(4, return_sequences=True, name="short")(decoded, initial_state=[h, c])
        flow = inspection.gradient_flow(
            Model([encoded, decoded], y), [sequences(5), sequences(2)], np.ones((2, 4))
        )
        assert flow.lags.tolist() == [0, 1, 2, 3, 4]
        assert (flow.norms["long"]["c"] > 0).all()
        assert np.isnan(flow.norms["short"]["h"]).tolist() == [False, False, True, True, True]

    def test_masked_steps_are_refused(self) -> None:
        model = Sequential([Embedding(9, 3, mask_zero=True), LSTM(4)])
        assert inspection.gradient_flow(model, [[4, 2, 7]]).lags.tolist() == [0, 1, 2]
        with pytest.raises(InvalidValueError, match="without masked steps"):
            inspection.gradient_flow(model, [[4, 2, 0]])

    def test_layers_that_read_backwards_are_refused(self) -> None:
        model = Sequential([Input((None, 3)), LSTM(4, go_backwards=True)])
        with pytest.raises(InvalidValueError, match="forwards"):
            inspection.gradient_flow(model, sequences())


class TestSaliency:
    @pytest.mark.usefixtures("float64")
    def test_it_is_the_gradient_times_the_vector(self) -> None:
        made = LanguageModel.create(ByteVocabulary(), hidden=6, layers=2, seed=0)
        text = "abcab"
        found = inspection.saliency(made, text, target="c")
        embedding = made.model.get_layer("embedding").named_weights["embeddings"]
        table = np.array(embedding.value)
        gradient = np.zeros(table.shape)
        for token in {ord(c) for c in text}:
            for k in range(table.shape[1]):
                logs = []
                for change in (1e-6, -1e-6):
                    changed = table.copy()
                    changed[token, k] += change
                    embedding.assign(changed)
                    p = made.model.predict(np.array([list(text.encode())]))[0, -1, ord("c")]
                    logs.append(np.log(p))
                embedding.assign(table)
                gradient[token, k] = (logs[0] - logs[1]) / 2e-6
        for c in set(text):  # The same token in several places shares a vector.
            there = np.array([piece == c for piece in found.pieces])
            expected = table[ord(c)] @ gradient[ord(c)]
            assert found.values[there].sum() == pytest.approx(expected, rel=1e-4, abs=1e-9)
        assert found.target == "c"

    def test_the_vectors_may_pass_through_other_layers_first(self) -> None:
        vocabulary = ByteVocabulary()
        layers = [Embedding(256, 4), SpatialDropout1D(0.5), GRU(5, return_sequences=True)]
        model = Sequential([Input((None,)), *layers, Dense(256, activation="softmax")])
        found = inspection.saliency(LanguageModel(vocabulary, model), "abc", target="d")
        table = layers[0].value("embeddings")
        p = model.predict(np.array([[97, 98, 99]]))[0, -1, 100]
        assert_allclose(found.probability, p, rtol=1e-5)
        assert (np.abs(found.values) <= found.norms * np.linalg.norm(table[97:100], axis=1)).all()

    def test_the_most_probable_token_is_the_default(self, model: LanguageModel) -> None:
        found = inspection.saliency(model, "the app")
        p = model.model.predict(model.vocabulary.encode("the app")[None])[0, -1]
        assert model.vocabulary.encode(found.target)[0] == p.argmax()
        assert found.probability == pytest.approx(p.max())

    def test_bad_input(self, model: LanguageModel) -> None:
        with pytest.raises(InvalidShapeError, match="text"):
            inspection.saliency(model, "")
        with pytest.raises(InvalidValueError, match="target"):
            inspection.saliency(model, "the", target="")


class TestMemory:
    def test_a_model_of_words_remembers_some_characters(self, model: LanguageModel) -> None:
        found = inspection.memory(model, TEXT, longest=60, windows=40)
        assert found.lags[0] == 1
        assert found.lags[-1] == 60
        assert found.change[0] > 10 * found.change[-1]
        assert 2 <= found.length <= 60

    def test_more_context_predicts_better(self, model: LanguageModel) -> None:
        found = inspection.context(model, TEXT, longest=30, windows=200)
        assert found.lengths.tolist() == list(range(1, 31))
        assert found.nats[0] > found.nats[-10:].mean()

    def test_the_parts_of_a_text_have_its_mean(self, model: LanguageModel) -> None:
        reading = inspection.read(model, TEXT[:1001])
        found = inspection.position(reading, parts=20)
        assert found.starts.tolist() == list(range(1, 1001, 50))
        assert found.nats.mean() == pytest.approx(reading.surprise[1:].mean())
        with pytest.raises(InvalidShapeError, match="2 tokens"):
            inspection.position(inspection.read(model, "a"))

    def test_without_memory_nothing_is_noticed(self) -> None:
        made = LanguageModel.create(ByteVocabulary(), hidden=4, seed=0)
        made.model.set_weights([np.zeros_like(w) for w in made.model.get_weights()])
        assert inspection.memory(made, TEXT, longest=9).length == 0

    @pytest.mark.parametrize("text", ["a", "aaaaaaaaaaaa"])
    def test_bad_input(self, model: LanguageModel, text: str) -> None:
        with pytest.raises(InvalidShapeError, match="corpus"):
            inspection.memory(model, text, longest=4)
        with pytest.raises(InvalidValueError, match="longest"):
            inspection.context(model, TEXT, longest=0)
        with pytest.raises(InvalidValueError, match="seed"):
            inspection.memory(model, TEXT, seed=-1)


def test_saturation_counts_values() -> None:
    f = np.array([[0.05, 0.95], [0.5, 1.0], [0.0, 0.92]])
    h = np.array([[-0.95, 0.0], [-1.0, 0.95], [1.0, 0.3]])
    parts = [{"a": {"f": f[:2], "h": h[:2], "c": f}}, {"a": {"f": f[2:], "h": h[2:], "c": f}}]
    found = inspection.saturation(parts)["a"]
    assert found.keys() == {"f", "h"}
    assert_allclose(found["f"].low, [2 / 3, 0])
    assert_allclose(found["f"].high, [0, 1])
    assert_allclose(found["h"].low, [2 / 3, 0])
    assert_allclose(found["h"].high, [1 / 3, 1 / 3])
    assert found["f"].histogram.sum(1).tolist() == [3, 3]
    assert_array_equal(found["f"].histogram[0, [0, 1, 10]], [1, 1, 1])


def test_a_corpus_of_tokens_is_read_as_a_text(model: LanguageModel) -> None:
    corpus = Corpus.encode(TextSource.of(TEXT[:300]), model.vocabulary)
    assert inspection.read(model, corpus).text == TEXT[:300]
