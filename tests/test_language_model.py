"""LanguageModel: training, writing, judging, files."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from language_cases import TEXT, probabilities, sentences, small
from lstm import LanguageModel
from lstm.callbacks import LambdaCallback
from lstm.errors import DivergedError, ModelFileError
from lstm.text import CharVocabulary, Corpus, TextSource, TrainingOptions
from lstm.text.training.training import Training
from tolerances import assert_close


def unigram_entropy(text: str) -> float:
    """Nats per character for somebody who knows only how frequent each character is."""
    p = np.array([text.count(character) for character in set(text)]) / len(text)
    return float(-(p * np.log(p)).sum())


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


class TestTraining:
    def test_a_small_text_is_learned_in_seconds(self, model: LanguageModel) -> None:
        assert model.history is not None
        losses = model.history.history
        assert list(losses) == ["loss", "val_loss"]
        assert [len(values) for values in losses.values()] == [6, 6]
        assert all(b < a for a, b in pairwise(losses["val_loss"]))
        assert losses["val_loss"][-1] < unigram_entropy(TEXT) - 0.3
        assert losses["loss"][-1] < losses["loss"][0] - 0.3

    def test_a_seed_gives_the_same_bits_and_the_same_text(self) -> None:
        def make(seed: int) -> LanguageModel:
            return LanguageModel.train(TEXT, hidden=8, layers=2, dropout=0.2, epochs=1, seed=seed)

        first, second, other = make(3), make(3), make(4)
        for w, v in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
            assert_array_equal(w, v)
        assert first.generate("the ", 40, seed=0) == second.generate("the ", 40, seed=0)
        assert first.generate("the ", 40, seed=0) != other.generate("the ", 40, seed=0)
        assert first.history is not None
        assert second.history is not None
        assert first.history.history == second.history.history

    def test_the_weights_of_the_best_epoch_stay(self) -> None:
        noise = "".join(np.random.default_rng(0).choice(list("abcdefgh"), 1200))
        trained = LanguageModel.train(noise, hidden=48, epochs=14, lr=0.02, seed=0)
        assert trained.history is not None
        values = trained.history.history["val_loss"]
        # There is nothing to learn but the text by heart.
        assert min(values) < values[-1] - 0.1
        assert trained.evaluate(noise[-120:]).nats == min(values)

    def test_without_validation_the_last_weights_stay(self) -> None:
        last: list[Any] = []
        keep = LambdaCallback(on_epoch_end=lambda *_: last.append(made.model.get_weights()))
        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=8, seed=0)
        history = made.fit(TEXT, epochs=2, val_fraction=0.0, callbacks=keep)
        assert list(history.history) == ["loss"]
        for w, v in zip(made.model.get_weights(), last[-1], strict=True):
            assert_array_equal(w, v)

    def test_validates_on_the_end_of_the_text(self) -> None:
        half = len(TEXT) // 2
        made = LanguageModel.train(TEXT, hidden=8, epochs=1, val_fraction=0.5, seed=0)
        assert made.history is not None
        assert made.history.history["val_loss"] == [made.evaluate(TEXT[-half:]).nats]

    def test_the_state_is_carried_from_chunk_to_chunk(self) -> None:
        # In "aab" an "a" says only together with the character before what comes next. Chunks of
        # one character show that to a model that remembers, and leave others at 2/3·log 2.
        made = LanguageModel.train("aab" * 300, hidden=16, seq_len=1, batch_size=4, lr=0.01, seed=0)
        assert made.history is not None
        assert min(made.history.history["val_loss"]) < 0.5 * 2 / 3 * math.log(2)

    def test_callbacks_see_the_validation(self) -> None:
        seen: list[float] = []
        callback = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["val_loss"]))
        made = LanguageModel.train(TEXT, hidden=8, epochs=2, callbacks=[callback])
        assert made.history is not None
        assert seen == made.history.history["val_loss"]

    def test_lines_show_the_validation(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = LanguageModel.train(TEXT, hidden=8, epochs=2, verbose=2)
        (line,) = capsys.readouterr().out.splitlines()
        assert made.history is not None
        losses = {key: values[-1] for key, values in made.history.history.items()}
        assert line.startswith("epoch 2  step ")
        assert f"  loss {losses['loss']:.3f}  val {losses['val_loss']:.3f} nats " in line
        # The last round always has its line; the others have theirs as time goes by.
        monkeypatch.setattr("lstm.text.training.report._EVERY", 0.0)
        monkeypatch.setattr("lstm.text.training.report._SHARE", 0.0)
        LanguageModel.train(TEXT, hidden=8, epochs=3, verbose=2)
        lines = capsys.readouterr().out.splitlines()
        assert [line.split("  ")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
        assert all("  val " in line for line in lines)

    def test_goes_on_with_another_text(self) -> None:
        made = LanguageModel.train(TEXT, hidden=16, epochs=2, seed=0)
        other = sentences(160, seed=1)
        before = made.evaluate(other).nats
        made.fit(other, epochs=2)
        assert made.evaluate(other).nats < before

    def test_sizes(self) -> None:
        vocabulary = CharVocabulary.from_text(TEXT)
        shapes = [w.shape for w in LanguageModel.create(vocabulary, hidden=10).model.get_weights()]
        assert shapes[:3] == [(len(vocabulary), 5), (5, 40), (10, 40)]
        made = LanguageModel.create(vocabulary, hidden=6, layers=3, embedding=7)
        kernels = [w.shape for w in made.model.get_weights() if w.shape[-1] == 24 and w.ndim == 2]
        assert kernels == [(7, 24), (6, 24), (6, 24), (6, 24), (6, 24), (6, 24)]
        assert LanguageModel.create(vocabulary, hidden=1).model.get_weights()[0].shape[1] == 1

    def test_dropout_makes_training_harder(self) -> None:
        losses = []
        for dropout in (0.0, 0.8):
            made = LanguageModel.train(TEXT, hidden=16, dropout=dropout, epochs=3, seed=0)
            assert made.history is not None
            losses.append(made.history.history["loss"][-1])
        assert losses[0] < losses[1] - 0.1

    def test_a_text_of_one_character(self) -> None:
        assert LanguageModel.train("a" * 99, hidden=2, epochs=1).generate("a", 5) == "aaaaaa"

    def test_the_shortest_text(self) -> None:
        made = LanguageModel.train("abc", seq_len=2, val_fraction=0.0, hidden=2, epochs=1)
        assert made.history is not None
        assert len(made.history.history["loss"]) == 1


class TestEnds:
    """When a training ends, and what it leaves."""

    def test_ten_epochs_of_a_fit_unless_told(self) -> None:
        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=2)
        assert made.fit(TEXT[:300]).epoch == list(range(10))

    def test_when_time_is_up(self) -> None:
        made = LanguageModel.train(TEXT, hidden=8, minutes=0.005)
        assert made.history is not None
        assert 1 < len(made.history.history["loss"]) < 10**4
        assert np.isfinite(made.history.history["val_loss"]).all()

    def test_within_the_first_epoch(self) -> None:
        made = LanguageModel.train(TEXT * 3, hidden=8, minutes=1e-6)
        assert made.history is not None
        assert len(made.history.history["val_loss"]) == 1

    def test_by_whichever_comes_first(self) -> None:
        made = LanguageModel.train(TEXT, hidden=4, epochs=2, minutes=60)
        assert made.history is not None
        assert len(made.history.epoch) == 2

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    def test_a_rate_beyond_all_measure(self, tmp_path: Path) -> None:
        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=4, seed=0)
        before = made.model.get_weights()
        with pytest.raises(DivergedError, match=r"lower lr, which is 1e\+30"):
            made.fit(TEXT, lr=1e30)
        for w, v in zip(made.model.get_weights(), before, strict=True):
            assert_array_equal(w, v)
        made.save(tmp_path / "model.safetensors")
        assert LanguageModel.load(tmp_path / "model.safetensors").generate(length=3, seed=0)

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    @pytest.mark.parametrize("val_fraction", [0.0, 0.1])
    def test_the_best_weights_stay_when_the_loss_runs_away(self, val_fraction: float) -> None:
        good: list[Any] = []

        def spoil(epoch: int, logs: Any) -> None:
            if epoch == 1:
                made.model.parameters.learned[:] = np.nan

        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=4, seed=0)
        callback = LambdaCallback(
            on_epoch_end=lambda *_: good.append(made.model.get_weights()), on_epoch_begin=spoil
        )
        with pytest.raises(DivergedError):
            made.fit(TEXT, callbacks=callback, val_fraction=val_fraction)
        assert len(good) == 1
        for w, v in zip(made.model.get_weights(), good[0], strict=True):
            assert_array_equal(w, v)
        assert made.history is not None
        assert np.isfinite(made.history.history["loss"]).all()

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    @pytest.mark.parametrize(("value", "val_fraction"), [(np.nan, 0), (np.nan, 0.1), (3e38, 0.1)])
    def test_the_last_step_can_be_the_wrong_one(self, value: float, val_fraction: float) -> None:
        def spoil(batch: int, logs: Any) -> None:
            if batch == callback.params["steps"] - 1:
                weights = made.model.parameters.learned
                weights[:] = np.copysign(value, weights)

        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=4, seed=0)
        before = made.model.get_weights()
        callback = LambdaCallback(on_train_batch_end=spoil)
        with pytest.raises(DivergedError):
            made.fit(TEXT, epochs=1, val_fraction=val_fraction, callbacks=callback)
        for w, v in zip(made.model.get_weights(), before, strict=True):
            assert_array_equal(w, v)

    @pytest.mark.parametrize("epoch", [0, 1])
    def test_ctrl_c_leaves_the_best_model_so_far(self, epoch: int, tmp_path: Path) -> None:
        seen: list[Any] = []

        def interrupt(batch: int, logs: Any) -> None:
            assert made.history is not None
            if len(made.history.epoch) == epoch and batch == 3:
                seen.append(made.model.get_weights())
                raise KeyboardInterrupt

        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=4, seed=0)
        keep = LambdaCallback(
            on_train_batch_end=interrupt,
            on_epoch_end=lambda *_: seen.append(made.model.get_weights()),
        )
        with pytest.raises(KeyboardInterrupt):
            made.fit(TEXT, callbacks=keep)
        # In the first epoch what was learned so far; later the weights of the best epoch.
        for w, v in zip(made.model.get_weights(), seen[0], strict=True):
            assert_array_equal(w, v)
        made.save(tmp_path / "model.safetensors")
        loaded = LanguageModel.load(tmp_path / "model.safetensors")
        assert loaded.history is not None
        assert len(loaded.history.epoch) == epoch

    def test_progress_and_rate_on_the_way(self) -> None:
        rates: list[float] = []
        progress: list[float] = []

        def note(batch: int, logs: Any) -> None:
            rates.append(made.model.optimizer.learning_rate)
            progress.append(training.progress)

        made = LanguageModel.create(CharVocabulary.from_text(TEXT), hidden=2, seed=0)
        corpus = Corpus.encode(TextSource.of(TEXT), made.vocabulary)
        training = Training(made, corpus, TrainingOptions(epochs=4, lr=0.1))
        training.run([LambdaCallback(on_train_batch_end=note)])
        steps = len(rates)
        assert steps == 4 * training.steps_per_epoch
        assert_close(progress, np.arange(1, steps + 1) / steps, "pointwise")
        top = int(np.argmax(rates))
        assert top < 0.05 * steps
        assert 0.099 < rates[top] <= 0.1
        assert all(b < a for a, b in pairwise(rates[top:]))
        assert 0.002 <= rates[-1] < 0.003


class TestEvaluation:
    def test_equals_the_prediction_of_the_whole_text(self, model: LanguageModel) -> None:
        text = sentences(70, seed=2)
        p = probabilities(model, text[:-1])
        tokens = model.vocabulary.encode(text)[1:]
        expected = -np.log(p[np.arange(len(tokens)), tokens]).mean()
        result = model.evaluate(text)
        assert result.characters == len(text) - 1 > 1000
        assert_close(result.nats, expected, "lstm", terms=len(text), dtype="float32")
        assert result.accuracy == (p.argmax(-1) == tokens).mean()
        assert_close(result.bits, result.nats / math.log(2), "pointwise")
        assert_close(result.perplexity, math.exp(result.nats), "pointwise")

    def test_a_long_text_is_read_as_several(self, model: LanguageModel) -> None:
        text = sentences(340, seed=2)[:6301]
        parts = [text[0:2101], text[2100:4201], text[4200:6301]]
        expected = np.mean([model.evaluate(part).nats for part in parts])
        result = model.evaluate(text)
        assert result.characters == 6300
        assert_close(result.nats, expected, "lstm", terms=2100, dtype="float32")

    def test_every_character_counts_once(self, model: LanguageModel) -> None:
        text = sentences(320, seed=2)[:4098]
        # The one character that is left over goes on from the second half.
        halves = [model.evaluate(text[:2049]), model.evaluate(text[2048:])]
        result = model.evaluate(text)
        assert result.characters == 4097 == sum(half.characters for half in halves)
        expected = sum(half.nats * half.characters for half in halves) / 4097
        assert_close(result.nats, expected, "lstm", terms=2049, dtype="float32")

    def test_two_characters_are_enough(self, model: LanguageModel) -> None:
        p = probabilities(model, "t")[0, model.vocabulary.encode("h")[0]]
        result = model.evaluate("th")
        assert result.characters == 1
        assert_close(result.perplexity, 1 / p, "lstm", terms=24, dtype="float32")

    def test_changes_nothing(self, model: LanguageModel) -> None:
        assert model.evaluate(TEXT) == model.evaluate(TEXT)


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "model.safetensors"

    def test_same_text_same_judgement_same_record(self, model: LanguageModel, path: Path) -> None:
        model.save(path)
        loaded = LanguageModel.load(path)
        assert loaded.generate("the ", 80, seed=5) == model.generate("the ", 80, seed=5)
        assert loaded.evaluate(TEXT) == model.evaluate(TEXT)
        assert loaded.vocabulary == model.vocabulary
        assert loaded.history is not None
        assert model.history is not None
        assert loaded.history.history == model.history.history
        assert loaded.history.epoch == model.history.epoch

    def test_before_training(self, path: Path) -> None:
        made = LanguageModel.create(CharVocabulary("abc"), hidden=3, layers=2, dropout=0.5, seed=0)
        made.save(path)
        loaded = LanguageModel.load(path)
        assert loaded.history is None
        assert loaded.generate("a", 20, seed=1) == made.generate("a", 20, seed=1)
        loaded.fit("abc" * 100, epochs=1)

    def test_the_network_alone(self, model: LanguageModel, path: Path) -> None:
        model.save(path)
        tokens = model.vocabulary.encode(TEXT[:50])[None]
        assert_array_equal(lstm.load_model(path).predict(tokens), model.model.predict(tokens))

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is damaged or not a model"),
            (b"To be, or not to be", "is a text, not a model"),
            (None, "there is no such file"),
        ],
    )
    def test_that_are_none(self, path: Path, content: bytes | None, reason: str) -> None:
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelFileError, match=reason) as caught:
            LanguageModel.load(path)
        assert str(path) in str(caught.value)

    def test_damaged(self, model: LanguageModel, path: Path) -> None:
        model.save(path)
        content = path.read_bytes()
        for damaged in (content[:-1], content[:200], content[:-9] + b"!" + content[-8:]):
            path.write_bytes(damaged)
            with pytest.raises(ModelFileError, match="damaged"):
                LanguageModel.load(path)

    def test_of_another_kind(self, model: LanguageModel, path: Path) -> None:
        model.model.save(path)
        with pytest.raises(ModelFileError, match="holds a model, not a language model"):
            LanguageModel.load(path)
        lstm.LSTMNetwork(1, 2, 3).save(path)
        with pytest.raises(ModelFileError, match="holds a network, not a language model"):
            LanguageModel.load(path)

    def test_a_place_that_cannot_be_written(self, model: LanguageModel, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError, match="cannot be written"):
            model.save(tmp_path / "no" / "model.safetensors")
        assert list(tmp_path.iterdir()) == []
