"""Training a language model: what it reads, how it learns, when it ends, whom it tells."""

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from language_cases import TEXT, assert_same_weights, training_of
from lstm import LanguageModel
from lstm.backends import BACKENDS
from lstm.callbacks import Callback, EarlyStopping, LambdaCallback, Logs
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM
from lstm.optimizers import Adam
from lstm.optimizers.schedules import Plateau, constant, cosine, one_cycle
from lstm.text import Corpus, TextSource, TrainingOptions
from lstm.text.training.training import Training
from tolerances import assert_close

NOISE = "".join(np.random.default_rng(0).choice(list("abcdefgh"), 1200))


"""There is nothing to learn in it but the text by heart."""


class Steps:
    """Every step of a training.

    Attributes:
        batches: (x, y) of each.
        states: (h, c) of the first LSTM from which each began; None at the beginning of an epoch.
    """

    def __init__(self, made: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[tuple[Any, Any]] = []
        self.states: list[tuple[Any, ...] | None] = []
        step = made.model.train_on_batch

        def watched(x: Any, y: Any, **options: Any) -> float:
            self.batches.append((x, y))
            state = made.model.carried_state
            self.states.append(state["lstm"] if len(state) else None)
            return step(x, y, **options)

        monkeypatch.setattr(made.model, "train_on_batch", watched)


class TestReading:
    """Of a text whose characters are all distinct: their tokens are their positions."""

    def test_contiguous_streams_that_share_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = "".join(chr(0x4E00 + k) for k in range(700))
        made, training = training_of(
            text, hidden=2, seq_len=5, batch_size=4, epochs=5, val_fraction=0
        )
        steps = Steps(made, monkeypatch)
        training.run()
        count = training.steps_per_epoch
        assert len(steps.batches) == 5 * count == training.step
        # An epoch leaves out less than two steps.
        assert 699 - 2 * training.tokens_per_step < count * training.tokens_per_step <= 699
        offsets = []
        for first in range(0, len(steps.batches), count):
            epoch = steps.batches[first : first + count]
            whole = np.concatenate([x for x, _ in epoch], axis=1)
            assert whole.shape == (4, 5 * count)
            assert_array_equal(whole, whole[:, :1] + np.arange(5 * count))
            assert_array_equal(np.concatenate([y for _, y in epoch], axis=1), whole + 1)
            assert_array_equal(np.diff(whole[:, 0]) >= 5 * count, True)
            offsets.append(int(whole[0, 0]))
        assert len(set(offsets)) > 2

    def test_the_state_is_carried_within_an_epoch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made, training = training_of(TEXT, seq_len=2, batch_size=40, epochs=2)
        steps = Steps(made, monkeypatch)
        training.run()
        for number, state in enumerate(steps.states):
            assert (state is None) == (number % training.steps_per_epoch == 0)
            if state is not None:
                # One stream after the other begins anew; all others remember.
                forgotten = np.flatnonzero([not part.any() for part in state[0]])
                assert_array_equal(forgotten, np.arange(number % 32, 40, 32))
                assert_array_equal(np.flatnonzero([not part.any() for part in state[1]]), forgotten)

    @pytest.mark.parametrize("length", [70, 130, 300, 3000])
    def test_a_short_text_still_makes_steps(self, length: int) -> None:
        _, training = training_of(TEXT[:length], seq_len=4, batch_size=32)
        assert training.steps_per_epoch >= min(32, (int(0.9 * length) - 5) // 4)
        assert training.tokens_per_step <= 4 * 32

    def test_the_part_to_test_on_is_never_seen(self) -> None:
        cut = len(TEXT) - int(0.2 * len(TEXT))
        mirrored = TEXT[:cut] + TEXT[cut:][::-1]
        trainings = []
        for text in (TEXT, mirrored):
            made, training = training_of(text, epochs=2, test_fraction=0.2)
            training.run()
            trainings.append((made, training.history.history))
        assert_same_weights(trainings[0][0], trainings[1][0])
        assert trainings[0][1] == trainings[1][1]

    def test_validates_on_what_comes_before_the_part_to_test_on(self) -> None:
        made, training = training_of(TEXT, epochs=1, val_fraction=0.3, test_fraction=0.2)
        training.run()
        stop = len(TEXT) - int(0.2 * len(TEXT))
        validation = TEXT[stop - int(0.3 * len(TEXT)) : stop]
        assert training.history.history["val_loss"] == [made.evaluate(validation).nats]


class TestRounds:
    def test_of_at_most_a_thousand_steps(self) -> None:
        told: dict[str, list[Any]] = defaultdict(list)
        callback = LambdaCallback(
            on_epoch_begin=lambda epoch, logs: told["begin"].append(epoch),
            on_epoch_end=lambda epoch, logs: told["end"].append(epoch),
            on_train_batch_begin=lambda batch, logs: told["before"].append(batch),
            on_train_batch_end=lambda batch, logs: told["after"].append(batch),
        )
        _, training = training_of(TEXT, hidden=1, seq_len=1, batch_size=1, epochs=1)
        history = training.run([callback])
        assert training.steps_per_epoch == len(TEXT) - len(TEXT) // 10 - 2 > 2000
        steps = [int(record["step"]) for record in training.records]
        lengths = np.diff([0, *steps])
        assert len(steps) == 3
        assert steps[-1] == training.step == training.steps_per_epoch
        assert max(lengths) - min(lengths) <= 1
        assert len(history.history["val_loss"]) == 3
        assert told["begin"] == told["end"] == [0, 1, 2]
        assert told["before"] == told["after"] == [k for n in lengths for k in range(n)]
        assert callback.params == {"epochs": 3, "steps": max(lengths), "verbose": 0}

    def test_each_has_a_record(self) -> None:
        seen: list[Logs] = []
        keep = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
        losses: list[float] = []
        note = LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
        _, training = training_of(TEXT, epochs=3)
        training.run([keep, note])
        count = training.steps_per_epoch
        for k, record in enumerate(training.records):
            assert record["epoch"] == k + 1
            assert record["step"] == (k + 1) * count
            mean = np.mean(losses[k * count : (k + 1) * count])
            assert_close(record["loss"], mean, "loss", terms=count, dtype="float64")
            assert seen[k] == {key: record[key] for key in ("loss", "val_loss")}
            assert_close(record["val_bits"], record["val_loss"] / np.log(2), "pointwise")
            # A token is a character.
            assert record["val_nats_per_character"] == record["val_loss"]
        assert all(a["seconds"] < b["seconds"] for a, b in pairwise(training.records))
        assert training.seconds >= training.records[-1]["seconds"]

    def test_characters_are_what_tokens_of_words_stand_for(self) -> None:
        words = LanguageModel.train(
            TEXT, tokens="words", min_count=1, hidden=4, seq_len=8, epochs=1, seed=0
        )
        corpus = Corpus.encode(TextSource.of(TEXT), words.vocabulary)
        training = Training(words, corpus, TrainingOptions(seq_len=8, epochs=1), 0)
        training.run()
        _, validation, _ = corpus.split(0.1)
        text = words.vocabulary.decode(validation.tokens[1:])
        nats = training.records[0]["val_loss"] * (len(validation) - 1) / len(text)
        assert_close(training.records[0]["val_nats_per_character"], nats, "pointwise")
        assert nats < training.records[0]["val_loss"] / 2


def rates_of(**options: Any) -> tuple[np.ndarray, np.ndarray, Training]:
    """The learning rate of each step, and how much of the training was done before it."""
    made, training = training_of(TEXT, hidden=1, **options)
    rates: list[float] = []
    rate = LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(made.model.optimizer.learning_rate)
    )
    training.run([rate])
    return np.array(rates), np.arange(len(rates)) / len(rates), training


class TestLearningRates:
    @pytest.mark.parametrize(
        ("options", "schedule"),
        [
            ({"schedule": "cosine"}, lambda p: cosine(p, 0.02, 0.02)),
            ({"schedule": "cosine", "warmup": 0.5}, lambda p: cosine(p, 0.5, 0.02)),
            ({"schedule": "one-cycle"}, lambda p: one_cycle(p, 0.3)),
            ({"schedule": "one-cycle", "warmup": 0.6}, lambda p: one_cycle(p, 0.6)),
            ({"schedule": "constant"}, lambda p: constant(p, 0.02)),
            ({"schedule": "constant", "warmup": 0.0}, lambda p: 1.0),
        ],
    )
    def test_follow_the_schedule(
        self, options: dict[str, Any], schedule: Callable[[float], float]
    ) -> None:
        rates, progress, _ = rates_of(lr=0.02, epochs=2, **options)
        assert_close(rates, [0.02 * schedule(p) for p in progress], "pointwise")
        assert len(rates) > 60

    def test_halve_on_a_plateau(self) -> None:
        _, training = training_of(
            NOISE, hidden=24, epochs=14, lr=0.02, schedule="plateau", warmup=0
        )
        training.run()
        plateau = Plateau()
        expected = [0.02] + [0.02 * plateau.update(r["val_loss"]) for r in training.records]
        assert [record["learning_rate"] for record in training.records] == expected[:-1]
        assert expected[-2] < 0.01


class TestSteps:
    @pytest.mark.parametrize(("clip", "decay"), [(1.0, 0.0), (0.0, 0.0), (0.05, 0.0), (1.0, 0.5)])
    def test_are_those_of_a_clipped_decaying_adam(
        self, clip: float, decay: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options: dict[str, Any] = {"clip": clip, "weight_decay": decay, "val_fraction": 0}
        made, training = training_of(
            TEXT, epochs=1, lr=0.02, schedule="constant", warmup=0, **options
        )
        steps = Steps(made, monkeypatch)
        training.run()
        other, _ = training_of(TEXT)
        adam = Adam(0.02, global_clipnorm=clip or None, weight_decay=decay)
        other.model.compile(adam, "sparse_categorical_crossentropy")
        for number, (x, y) in enumerate(steps.batches):
            other.model.reset_states(range(number % 32, len(x), 32))
            other.model.train_on_batch(x, y, carry_state=True)
        assert_same_weights(made, other)

    def test_differ_with_each_of_these_options(self) -> None:
        weights = []
        for options in ({"clip": 0}, {"clip": 0.05}, {"weight_decay": 0.5}, {"lr": 0.01}):
            made, training = training_of(TEXT, epochs=1, **options)
            training.run()
            weights.append(made.model.parameters.values.tobytes())
        assert len(set(weights)) == 4
        # 0 does not clip at all.
        made, training = training_of(TEXT, epochs=1, clip=1e9)
        training.run()
        assert made.model.parameters.values.tobytes() == weights[0]

    @pytest.mark.parametrize("kind", ["dropout", "embedding_dropout", "recurrent_dropout"])
    def test_dropout_is_for_training_only(self, kind: str) -> None:
        losses = []
        for share in (0.0, 0.7):
            made, training = training_of(TEXT, hidden=16, model={kind: share}, epochs=3)
            training.run()
            losses.append(training.history.history["loss"][-1])
            assert made.evaluate(TEXT) == made.evaluate(TEXT)
            # Without dropout the model does better than it did on the way.
            if share:
                assert made.evaluate(TEXT).nats < losses[-1]
        assert losses[0] < losses[1] - 0.05

    def test_tied_weights_stay_tied(self) -> None:
        made, training = training_of(TEXT, hidden=12, model={"tie_weights": True}, epochs=3)
        size = len(made.vocabulary)
        # Embedding and output bias, and an LSTM that reads vectors as long as its state.
        assert made.model.count_params() == size * 12 + size + 4 * 12 * (12 + 12 + 1)
        training.run()
        values = training.history.history["val_loss"]
        assert values[-1] < values[0]
        shapes = [w.shape for w in made.model.get_weights()]
        assert shapes.count((size, 12)) + shapes.count((12, size)) == 1

    def test_several_layers(self) -> None:
        made, _ = training_of(TEXT, model={"layers": 3, "dropout": 0.1, "recurrent_dropout": 0.2})
        stack = [layer for layer in made.model.layers if isinstance(layer, LSTM)]
        assert [layer.recurrent_dropout for layer in stack] == [0.2] * 3

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_a_seed_fixes_all_of_it(self, backend: str) -> None:
        def make(seed: int) -> tuple[LanguageModel, dict[str, list[float]]]:
            options: dict[str, Any] = {"hidden": 4, "dropout": 0.2, "recurrent_dropout": 0.2}
            made = LanguageModel.train(
                TEXT[:900], seq_len=16, epochs=2, seed=seed, backend=backend, **options
            )
            assert made.history is not None
            return made, made.history.history

        (one, first), (two, second), (_, other) = make(3), make(3), make(4)
        assert one.model.backend.name == backend
        assert_same_weights(one, two)
        assert first == second
        assert first != other

    def test_the_backends_agree(self) -> None:
        losses = [
            LanguageModel.train(
                TEXT, hidden=6, seq_len=16, epochs=2, dropout=0.2, seed=1, backend=backend
            ).history.history["val_loss"]  # type: ignore[union-attr]
            for backend in BACKENDS
        ]
        assert_close(losses[0], losses[1], "lstm", terms=len(TEXT), dtype="float32")


class TestEnds:
    def test_when_patience_is_at_an_end(self) -> None:
        _, training = training_of(NOISE, hidden=32, epochs=40, lr=0.02, patience=3)
        training.run()
        values = training.history.history["val_loss"]
        best = int(np.argmin(values))
        assert len(values) == best + 1 + 3 < 40
        assert all(
            min(values[k : k + 3]) < min(values[:k]) for k in range(1, best) if k + 3 <= best
        )

    def test_when_a_callback_says_so(self) -> None:
        made, training = training_of(TEXT, epochs=9)

        def stop(batch: int, logs: Logs) -> None:
            if training.step == 5:
                made.model.stop_training = True

        training.run([LambdaCallback(on_train_batch_end=stop)])
        assert training.step == 5
        # What was learned is judged all the same.
        assert training.history.history["val_loss"] == [
            made.evaluate(TEXT[-(len(TEXT) // 10) :]).nats
        ]

    def test_early_stopping_of_keras_works_too(self) -> None:
        stopping = EarlyStopping(patience=2)
        _, training = training_of(NOISE, hidden=32, epochs=40, lr=0.02)
        training.run([stopping])
        assert stopping.stopped_epoch == len(training.records) - 1 < 39

    def test_time_counts_if_it_is_ahead_of_the_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 100.0
        monkeypatch.setattr("time.perf_counter", lambda: now)
        progress: list[float] = []

        def pass_time(batch: int, logs: Logs) -> None:
            nonlocal now
            now += 30
            progress.append(training.progress)

        _, training = training_of(TEXT, epochs=100, minutes=2)
        # What happens before the training does not count.
        now += 1000
        training.run([LambdaCallback(on_train_batch_begin=pass_time)])
        assert progress == [0.0, 0.25, 0.5, 0.75]
        assert training.seconds == 120
        assert training.progress == 1.0

    @pytest.mark.parametrize("step", [1, 40, 41, 50])
    def test_between_two_steps_when_interrupted(self, step: int) -> None:
        _, training = training_of(TEXT, epochs=3)
        told: list[str] = []

        def interrupt(batch: int, logs: Logs) -> None:
            training.interrupted = training.step == step

        def saved() -> None:
            told.append("saved")
            assert training.step == step

        end = LambdaCallback(
            on_train_batch_end=interrupt, on_train_end=lambda logs: told.append("end")
        )
        training.run([end], saved)
        # It is saved first: then the best weights take the place of the last ones.
        assert told == ["saved", "end"]


class TestCallbacks:
    def test_those_that_begin_also_end(self) -> None:
        told: list[str] = []

        class Named(Callback):
            def __init__(self, name: str) -> None:
                self.name = name

            def on_train_begin(self, logs: Logs) -> None:
                if self.name == "bad":
                    raise ValueError("no")
                told.append(f"{self.name} begins")

            def on_train_end(self, logs: Logs) -> None:
                told.append(f"{self.name} ends")

        _, training = training_of(TEXT)
        with pytest.raises(ValueError, match="no"):
            training.run([Named("a"), Named("bad"), Named("c")])
        assert told == ["a begins", "a ends"]

    def test_what_is_none_is_refused(self) -> None:
        _, training = training_of(TEXT)
        with pytest.raises(InvalidTypeError, match=r"^callbacks: expected Callbacks, got str"):
            training.run(["bar"])  # type: ignore[list-item]


def test_a_text_that_is_too_short() -> None:
    with pytest.raises(InvalidShapeError, match=r"^corpus: expected at least 65 tokens"):
        training_of(TEXT[:60])
    with pytest.raises(InvalidValueError, match=r"^val_fraction: .* got 0\.01 of 99 tokens"):
        training_of(TEXT[:99], val_fraction=0.01)
    with pytest.raises(InvalidValueError, match=r"^test_fraction: .* got 0\.01 of 99 tokens"):
        training_of(TEXT[:99], test_fraction=0.01)
