"""Language models of any layers: what reads tokens and says what comes next, writes as well."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from language_cases import TEXT
from lstm import LanguageModel, Model, Sequential, inspection
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Input,
    SimpleRNN,
    SpatialDropout1D,
    TimeDistributed,
)
from lstm.text import CharVocabulary, Corpus, TextSource, TrainingOptions, Writer
from lstm.text.training.training import Training
from lstm.text.writing import generation
from run_cases import STEPS, begin, digest, stop_at, train
from tolerances import assert_close

VOCABULARY = CharVocabulary.from_text(TEXT)
V = len(VOCABULARY)


class Mine(LSTM):
    """An LSTM that computes what any does."""

    def __init__(self, units: int) -> None:
        super().__init__(units, return_sequences=True)


class Doubled(LSTM):
    """One that does not."""

    def __init__(self, units: int) -> None:
        super().__init__(units, return_sequences=True)

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        (y, *rest), cache = super().forward(run, *inputs, mask=mask)
        return (run.ops.add([y, y]), *rest), cache


def chain(*middle: Any, end: Any = None) -> Sequential:
    return Sequential([Input((None,)), Embedding(V, 5), *middle, *(end or [Dense(V)])])


def branched() -> Model:
    x = Input((None,))
    e = SpatialDropout1D(0.2)(Embedding(V, 6)(x))
    y = Concatenate()([GRU(5, return_sequences=True)(e), LSTM(4, return_sequences=True)(e)])
    y = SimpleRNN(6, return_sequences=True)(Dropout(0.2)(y))
    return Model(x, Dense(V)(y))


MODELS: dict[str, Callable[[], Model]] = {
    "gru": lambda: chain(GRU(6, return_sequences=True), end=[Dense(V, activation="softmax")]),
    "rnn": lambda: chain(SimpleRNN(6, return_sequences=True)),
    "sigmoid": lambda: chain(LSTM(6, activation="sigmoid", return_sequences=True)),
    "branched": branched,
    "apart": lambda: chain(
        GRU(6, return_sequences=True), end=[TimeDistributed(Dense(V)), Activation("softmax")]
    ),
    "doubled": lambda: chain(Doubled(6)),
}
NEARLY_PLAIN: dict[str, Callable[[], Model]] = {
    "relu below a softmax": lambda: chain(
        LSTM(6, return_sequences=True), end=[Dense(V, "relu"), Activation("softmax")]
    ),
    "softmax as logits": lambda: chain(
        LSTM(6, return_sequences=True), end=[Dense(V, "softmax"), Activation("linear")]
    ),
    "softmax of a softmax": lambda: chain(
        LSTM(6, return_sequences=True), end=[Dense(V, "softmax"), Activation("softmax")]
    ),
    "coupled": lambda: chain(LSTM(6, coupled=True, return_sequences=True)),
}
PLAIN: dict[str, Callable[[], Model]] = {
    "softmax": lambda: chain(
        LSTM(6, return_sequences=True),
        Dropout(0.5),
        LSTM(5, return_sequences=True, dropout=0.3),
        end=[Dense(V, activation="softmax")],
    ),
    "logits": lambda: chain(LSTM(6, return_sequences=True), end=[Dense(V, use_bias=False)]),
    "apart": lambda: chain(LSTM(6, return_sequences=True), end=[Dense(V), Activation("softmax")]),
    "subclass": lambda: chain(Mine(6)),
}


def made(model: Callable[[], Model], spread: float = 1.5) -> LanguageModel:
    """A language model with weights that are far from uniform."""
    lstm.set_seed(4)
    found = LanguageModel.create(VOCABULARY, model=model())
    rng = np.random.default_rng(2)
    found.model.set_weights([spread * rng.normal(size=w.shape) for w in found.model.get_weights()])
    return found


def expected(model: LanguageModel, tokens: NDArray[Any]) -> NDArray[Any]:
    """The probabilities (T, V) of what follows, from one pass over all tokens."""
    y = model.model.predict(tokens[None])[0].astype(np.float64)
    if model.model.layers[-1].activation == "softmax":  # type: ignore[attr-defined]
        return y
    p = np.exp(y - y.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


@pytest.fixture(params=MODELS)
def general(request: pytest.FixtureRequest) -> LanguageModel:
    return made(MODELS[request.param])


@pytest.mark.parametrize("model", [*MODELS.values(), *PLAIN.values()])
def test_reading_in_pieces_is_reading_at_once(model: Callable[[], Model]) -> None:
    reader, tokens = made(model), VOCABULARY.encode(TEXT[:40])
    state = reader.model.initial_state()
    first, state = reader.advance(tokens[None, :13], state)
    state = reader.read(tokens[None, 13:30], state)
    last, _ = reader.advance(tokens[None, 30:], state)
    p = expected(reader, tokens)
    for logits, part in ((first, p[:13]), (last, p[30:])):
        assert_close(reader.probabilities(logits)[0], part, "lstm", terms=300, dtype="float32")


class TestWriting:
    @pytest.mark.parametrize("model", PLAIN.values(), ids=PLAIN)
    @pytest.mark.parametrize(
        "choice",
        [
            {},
            {"temperature": 0},
            {"temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.01},
            {"repetition_penalty": 1.7, "repetition_window": 9},
        ],
        ids=["plain", "greedy", "filtered", "penalized"],
    )
    def test_in_one_call_or_token_by_token(
        self, model: Callable[[], Model], choice: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writer = made(model)
        assert generation.stack_of(writer) is not None
        texts = writer.generate("the ", 60, seed=3, samples=3, **choice)
        monkeypatch.setattr(generation, "stack_of", lambda model: None)
        assert writer.generate("the ", 60, seed=3, samples=3, **choice) == texts

    @pytest.mark.parametrize("model", (MODELS | NEARLY_PLAIN).values(), ids=MODELS | NEARLY_PLAIN)
    def test_every_token_is_drawn_from_what_the_model_expects(
        self, model: Callable[[], Model]
    ) -> None:
        general = made(model)
        assert generation.stack_of(general) is None
        u = np.random.default_rng(7).random(25)
        tokens = VOCABULARY.encode("the ")
        for share in u:
            p = expected(general, tokens)[-1]
            ranked = np.argsort(-p, kind="stable")
            drawn = ranked[(np.cumsum(p[ranked]) <= share).sum()]
            tokens = np.append(tokens, drawn)
        assert general.generate("the ", 25, seed=7) == VOCABULARY.decode(tokens)

    def test_a_beam_of_one_is_greedy(self, general: LanguageModel) -> None:
        found = general.beam("the ", 30, width=1)
        assert found.text == general.generate("the ", 30, temperature=0)
        logs = general.log_probabilities(found.text[4:], "the ")
        assert found.log_probability == pytest.approx(sum(one for _, one in logs), rel=1e-5)

    def test_a_writer_goes_on_from_a_file(self, general: LanguageModel, tmp_path: Path) -> None:
        if any(isinstance(layer, Doubled) for layer in general.model.layers):
            pytest.skip("a file does not hold classes of one's own")
        general.save(tmp_path / "model")
        again, writer = LanguageModel.load(tmp_path / "model"), general.writer("a ", seed=1)
        first = writer.write(20)[0]
        writer.save(tmp_path / "writer")
        rest = Writer.load(tmp_path / "writer", again).write(20)[0]
        assert "a " + first + rest == general.generate("a ", 40, seed=1)


class TestJudging:
    def test_a_text(self, general: LanguageModel) -> None:
        tokens = VOCABULARY.encode(TEXT[:300])
        p = expected(general, tokens[:-1])
        nats = -np.log(np.take_along_axis(p, tokens[1:, None], 1)[:, 0])
        found = general.evaluate(TEXT[:300])
        assert found.nats == pytest.approx(nats.mean(), rel=1e-5)
        assert found.accuracy == (p.argmax(-1) == tokens[1:]).mean()
        reading = inspection.read(general, TEXT[:300], top=1)
        assert_close(reading.surprise[1:], nats, "lstm", terms=300, dtype="float32")
        assert_array_equal(reading.expected[1:, 0], p.argmax(-1))

    def test_logits_and_probabilities_are_the_same_to_all(self) -> None:
        """The same weights, with the softmax in the model and without."""
        layer = [GRU(6, return_sequences=True)]
        models = [
            made(partial(chain, *layer, end=[end]), 0.8)
            for end in (Dense(V, activation="softmax"), Dense(V))
        ]
        models[1].model.set_weights(models[0].model.get_weights())
        probable, logits = models
        assert probable.generate("so ", 50, seed=2) == logits.generate("so ", 50, seed=2)
        assert probable.evaluate(TEXT).nats == pytest.approx(logits.evaluate(TEXT).nats, rel=1e-6)
        found = [inspection.saliency(model, "the red ", "a") for model in models]
        assert_close(found[1].values, found[0].values, "lstm", terms=300, dtype="float32")
        flows = [inspection.gradient_flow_of_text(model, TEXT, longest=20) for model in models]
        assert_close(
            flows[1].norms["gru"]["h"],
            flows[0].norms["gru"]["h"],
            "lstm",
            terms=300,
            dtype="float32",
        )
        for measure in (inspection.memory, inspection.context):
            one, other = (measure(model, TEXT, longest=20) for model in models)
            for key in ("change", "nats"):
                if hasattr(one, key):
                    assert_close(
                        getattr(other, key), getattr(one, key), "lstm", terms=300, dtype="float32"
                    )

    def test_the_lens_shows_all_of_it(self) -> None:
        found = inspection.examine(made(branched), TEXT, characters=300)
        assert {*found.reading.layers} == {"gru", "lstm", "simple_rnn"}
        assert found.memory is not None
        assert found.gradient is not None


class TestTraining:
    @pytest.mark.parametrize("cell", ["gru", "rnn"])
    def test_interrupted_it_ends_in_the_same_bits(self, cell: str, tmp_path: Path) -> None:
        train(tmp_path / "whole", cell=cell, dropout=0.3, recurrent_dropout=0.2)
        run = begin(tmp_path / "parts", cell=cell, dropout=0.3, recurrent_dropout=0.2)
        stop_at(run, STEPS // 2)
        model = LanguageModel.resume(tmp_path / "parts")
        assert model.cells == (cell,)
        name = "model.safetensors"
        assert digest(tmp_path / "parts" / name) == digest(tmp_path / "whole" / name)

    def test_a_model_of_ones_own_goes_on_from_what_it_was(self) -> None:
        corpus = Corpus.encode(TextSource.of(TEXT), VOCABULARY)
        options = TrainingOptions(epochs=2, seq_len=16, batch_size=4)
        whole = made(branched, 0.5)
        Training(whole, corpus, options, seed=1).run()
        half = made(branched, 0.5)
        training, kept = Training(half, corpus, options, seed=1), list[Any]()

        def stop(batch: int, logs: Any) -> None:
            training.interrupted = training.step == 30

        callback = lstm.callbacks.LambdaCallback(on_train_batch_end=stop)
        training.run([callback], save=lambda: kept.append(training.contents()))
        again = LanguageModel.from_contents(*kept[0])
        best = half.model.get_weights() if training.records else None
        Training(again, corpus, options, saved=kept[0], best_weights=best).run()
        for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
            assert_array_equal(one, other)

    def test_it_learns(self, general: LanguageModel) -> None:
        before = general.evaluate(TEXT).nats
        history = general.fit(TEXT, epochs=2, lr=0.02)
        assert history.history["val_loss"][-1] < before - 0.5


class TestRefused:
    def refused(self, model: Model, match: str) -> None:
        with pytest.raises((InvalidValueError, InvalidShapeError), match=match):
            LanguageModel.create(VOCABULARY, model=model)

    @pytest.mark.parametrize(
        ("model", "match"),
        [
            (
                lambda: chain(Bidirectional(LSTM(4, return_sequences=True))),
                "layers that read forwards, .* as writing does, got .*backward_lstm: go_backwards",
            ),
            (
                lambda: chain(GRU(4, return_sequences=True, go_backwards=True)),
                "layers that read forwards, .*, got gru: go_backwards=True",
            ),
            (lambda: chain(GRU(4)), "an output at every step, .* return_sequences=True"),
            (lambda: chain(), "a recurrent layer, which remembers"),
            (
                lambda: chain(GRU(4, return_sequences=True), end=[Dense(V, activation="relu")]),
                "softmax for probabilities or linear for logits, got a Dense with relu",
            ),
            (
                lambda: chain(end=[GRU(V, return_sequences=True)]),
                "a Dense or an Activation at the end, .* got a GRU",
            ),
            (
                lambda: chain(GRU(4, return_sequences=True), end=[Dense(V + 1)]),
                rf"one input of {V} tokens .*, got inputs \[{V}\], outputs \[{V + 1}\]",
            ),
            (
                lambda: Sequential([Input((None, V)), LSTM(4, return_sequences=True), Dense(V)]),
                "only Embeddings read tokens",
            ),
            (
                lambda: Sequential(
                    [
                        Input((None,)),
                        Embedding(V, 4, mask_zero=True),
                        LSTM(4, return_sequences=True),
                        Dense(V),
                    ]
                ),
                "mask_zero=False, because token 0 is part of the text, got embedding",
            ),
        ],
        ids=[
            *("bidirectional", "backwards", "last step", "no memory", "relu", "cell", "width"),
            *("vectors", "mask"),
        ],
    )
    def test_what_cannot_write(self, model: Callable[[], Model], match: str) -> None:
        self.refused(model(), match)

    def test_several_outputs(self) -> None:
        x = Input((None,))
        y = LSTM(4, return_sequences=True)(Embedding(V, 4)(x))
        self.refused(Model(x, [Dense(V)(y), Dense(V)(y)]), "one output with a number for each")

    @pytest.mark.parametrize(
        ("given", "argument"), [({"hidden": 4}, "hidden"), ({"seed": 1}, "seed")]
    )
    def test_what_a_model_that_is_made_cannot_take(self, given: Any, argument: str) -> None:
        with pytest.raises(
            InvalidValueError, match=f"{argument}: expected None .*leave out {argument} or"
        ):
            LanguageModel.create(VOCABULARY, model=branched(), **given)

    def test_what_is_none(self) -> None:
        with pytest.raises(InvalidTypeError, match="model: expected a Model, got str"):
            LanguageModel.create(VOCABULARY, model="gru")  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError, match=r"cell: .*did you mean 'gru'"):
            LanguageModel.train(TEXT, cell="grru")


def test_a_model_without_an_input_is_built() -> None:
    layers = [Embedding(V, 4), GRU(4, return_sequences=True), Dense(V)]
    assert len(LanguageModel.create(VOCABULARY, model=Sequential(layers)).generate("a", 5)) == 6
