"""A training in a folder: what the folder holds, and how a training goes on that was stopped."""

import json
import os
import re
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from language_cases import TEXT
from lstm import LanguageModel
from lstm.backends import BACKENDS
from lstm.callbacks import LambdaCallback, Logs
from lstm.text import BPEVocabulary
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.training.run import TrainingRun
from run_cases import (
    FILES,
    SMALL,
    STEPS,
    at_step,
    begin,
    check_readable,
    check_same,
    checkpoint,
    contents,
    records,
    stop_at,
    stopped,
    table,
    timeless,
    train,
    unbegun,
)


class TestFolder:
    def test_holds_all_that_there_is(self, whole: Path) -> None:
        assert sorted(os.listdir(whole)) == FILES
        assert int(records(whole)[-1]["step"]) == STEPS

    def test_is_a_model_like_any_other(self, whole: Path) -> None:
        made = LanguageModel.train(TEXT, seed=5, **SMALL)
        loaded = LanguageModel.load(whole)
        for w, v in zip(loaded.model.get_weights(), made.model.get_weights(), strict=True):
            assert_array_equal(w, v)
        assert loaded.generate("the ", 40, seed=0) == made.generate("the ", 40, seed=0)
        assert loaded.history is not None
        assert made.history is not None
        assert loaded.history.history == made.history.history
        assert loaded.history.epoch == [0, 1, 2]

    def test_says_what_was_asked_for_and_what_was_chosen(self, whole: Path) -> None:
        config = json.loads((whole / "config.json").read_bytes())
        assert config["format"] == 1
        assert config["options"] == SMALL
        assert config["chosen"].items() >= SMALL.items()
        assert config["chosen"]["schedule"] == "cosine"
        assert config["tokens"] == {
            "tokens": "characters",
            "min_count": None,
            "vocabulary_size": None,
        }
        assert (config["seed"], config["backend"]) == (5, lstm.backend().name)
        assert config["dtype"] == lstm.backend().dtype

    def test_has_the_tokens(self, whole: Path) -> None:
        vocabulary = LanguageModel.load(whole).vocabulary
        tokens = np.fromfile(whole / "tokens.bin", np.uint8)
        assert_array_equal(tokens, vocabulary.encode(TEXT))

    def test_has_the_record_in_three_forms(self, whole: Path) -> None:
        rounds = records(whole)
        assert table(whole) == rounds
        header = (whole / "history.csv").read_text().splitlines()[0].split(",")
        assert header == list(rounds[0])
        assert header[:6] == ["epoch", "step", "seconds", "learning_rate", "loss", "val_loss"]
        _, state = checkpoint(whole)
        assert state["training"]["records"] == rounds
        assert state["training"]["step"] == STEPS

    def test_can_be_read_at_any_time(self, folder: Path) -> None:
        seen = []

        def look(number: int, logs: Logs) -> None:
            check_readable(folder, len(set(TEXT)))
            seen.append(sorted(path.name for path in folder.glob("[!.]*")))

        callback = LambdaCallback(on_train_batch_end=look, on_epoch_end=look)
        train(folder, checkpoint_every=0, callbacks=callback)
        assert seen[0] == ["checkpoint.safetensors", "config.json", "tokens.bin"]
        assert seen[-1] == FILES
        assert len(seen) == STEPS + 3

    def test_samples(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lstm.text.training.samples._EVERY", 0.0)
        monkeypatch.setattr("lstm.text.training.samples._SHARE", 0.0)
        train(folder)
        text = (folder / "samples.txt").read_text("utf-8")
        assert re.findall(r"^--- step (\d+)$", text, re.MULTILINE) == ["42", "84", "126"]
        for written in re.split(r"^--- step \d+\n", text, flags=re.MULTILINE)[1:]:
            assert set(written) <= set(TEXT)
            assert len(written) > 100

    def test_samples_that_are_shown_are_those_that_are_kept(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("lstm.text.training.samples._EVERY", 0.0)
        monkeypatch.setattr("lstm.text.training.samples._SHARE", 0.0)
        train(folder, verbose=2)
        shown = [line[4:] for line in capsys.readouterr().out.splitlines() if line[:4] == "    "]
        kept = (folder / "samples.txt").read_text("utf-8").splitlines()
        assert shown == [line for line in kept if not line.startswith("--- step")]

    @pytest.mark.parametrize(("every", "expected"), [(0, list(range(STEPS))), (1000, [0] * STEPS)])
    def test_checkpoints_come_as_often_as_wanted(
        self, folder: Path, every: float, expected: list[int]
    ) -> None:
        steps: list[int] = []

        def look(batch: int, logs: Logs) -> None:
            steps.append(checkpoint(folder)[1]["training"]["step"])

        train(folder, checkpoint_every=every, callbacks=LambdaCallback(on_train_batch_end=look))
        assert steps == expected

    def test_the_model_is_the_best_so_far(self, folder: Path) -> None:
        noise = "".join(np.random.default_rng(0).choice(list("abcdefgh"), 1200))
        losses: list[float] = []

        def look(epoch: int, logs: Logs) -> None:
            losses.append(logs["val_loss"])
            nats = LanguageModel.load(folder).evaluate(noise[-120:]).nats
            assert nats == min(losses)

        look_then = LambdaCallback(on_epoch_end=look)
        train(folder, noise, hidden=48, epochs=10, callbacks=look_then)
        assert min(losses) < losses[-1]


class TestGoingOn:
    @pytest.mark.parametrize(
        "stops",
        [(1,), (2, 3, 4), (41,), (42,), (43,), (84,), (85, 86), (STEPS - 1,), (STEPS,)],
        ids=str,
    )
    def test_after_any_step(self, folder: Path, whole: Path, stops: Sequence[int]) -> None:
        run = begin(folder)
        for step in stops:
            stop_at(run, step)
            assert run.training.step == step
            assert LanguageModel.load(folder).generate(length=5)
            run = TrainingRun.resume(LanguageModel, folder)
            assert run.training.step == step
        run.train()
        check_same(folder, whole)

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize(
        "options",
        [
            {"dropout": 0.3, "embedding_dropout": 0.2, "recurrent_dropout": 0.2, "layers": 2},
            {"schedule": "plateau", "lr": 0.1, "epochs": 8, "patience": 4, "hidden": 16},
            {"schedule": "one-cycle", "tie_weights": True, "weight_decay": 0.1, "clip": 0.1},
            {"val_fraction": 0.0, "test_fraction": 0.1, "schedule": "constant"},
        ],
        ids=["dropout", "plateau", "one-cycle", "all"],
    )
    def test_with_all_options(self, folder: Path, backend: str, options: dict[str, Any]) -> None:
        short = {"corpus": TEXT[:1000], "seq_len": 8, **options}
        with lstm.backends.using(backend):
            train(folder, **short)
            steps = int(records(folder)[-1]["step"])
            rng, other = np.random.default_rng(steps), folder.with_name("stopped")
            run = begin(other, **short)
            for step in sorted(rng.choice(np.arange(1, steps), 3, replace=False)):
                stop_at(run, step)
                run = TrainingRun.resume(LanguageModel, other)
        # The folder knows its backend.
        run.train()
        assert run.language_model.model.backend.name == backend
        check_same(other, folder)

    def test_in_float64(self, folder: Path, float64: None) -> None:
        short = {"corpus": TEXT[:700], "seq_len": 8, "epochs": 2}
        made = train(folder, **short)
        assert made.model.get_weights()[0].dtype == np.float64
        other = stopped(folder.with_name("stopped"), 20, **short)
        lstm.use("native")
        loaded = LanguageModel.resume(other)
        assert loaded.model.backend.dtype == "float64"
        check_same(other, folder)

    def test_of_a_training_that_has_ended_changes_nothing(self, folder: Path) -> None:
        train(folder)
        before = contents(folder)
        resumed = LanguageModel.resume(folder)
        assert contents(folder) == before
        loaded = LanguageModel.load(folder)
        for w, v in zip(resumed.model.get_weights(), loaded.model.get_weights(), strict=True):
            assert_array_equal(w, v)

    @pytest.mark.parametrize("ended", [{"patience": 1, "lr": 0.5}, {"minutes": 0.002}])
    def test_of_one_that_has_ended_early(self, folder: Path, ended: dict[str, Any]) -> None:
        train(folder, epochs=1000, **ended)
        before = contents(folder)
        LanguageModel.resume(folder)
        assert contents(folder) == before

    def test_time_goes_on_too(self, folder: Path) -> None:
        run = TrainingRun.resume(LanguageModel, stopped(folder, 50, minutes=60))
        assert run.training.seconds > 0
        progress = run.training.progress
        stop_at(run, 60)
        assert run.training.progress > progress
        assert TrainingRun.resume(LanguageModel, folder).training.seconds == run.training.seconds

    def test_from_a_checkpoint_before_the_last_round(self, folder: Path, whole: Path) -> None:
        run = begin(folder)
        old: dict[str, bytes] = {}

        def keep() -> None:
            run.checkpoint()
            old["checkpoint.safetensors"] = (folder / "checkpoint.safetensors").read_bytes()

        run.train(callbacks=at_step(run, 50, keep))
        assert len(records(folder)) == 3
        (folder / "checkpoint.safetensors").write_bytes(old["checkpoint.safetensors"])
        resumed = TrainingRun.resume(LanguageModel, folder)
        # What was not yet, as far as the checkpoint knows, is struck from the record.
        assert timeless(records(folder)) == timeless(records(whole))[:1] == timeless(table(folder))
        assert resumed.training.step == 50
        resumed.train()
        check_same(folder, whole)

    def test_of_a_training_without_a_step(self, folder: Path, whole: Path) -> None:
        begin(folder)
        assert TrainingRun.resume(LanguageModel, folder).training.step == 0
        LanguageModel.resume(folder)
        check_same(folder, whole)

    @pytest.mark.parametrize("left", [["config.json"], ["config.json", "tokens.bin"]])
    def test_of_one_that_was_killed_before_its_first_checkpoint(
        self, folder: Path, whole: Path, left: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder.parent / "text.txt").write_text(TEXT)
        monkeypatch.chdir(folder.parent)
        begin(folder, Path("text.txt"))
        unbegun(folder, left)
        # The text is found from anywhere.
        monkeypatch.chdir("/")
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_of_one_with_a_tokenizer_of_its_own(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder.parent)
        vocabulary = BPEVocabulary.from_text(TEXT, size=260)
        Path("tokenizer.json").write_text(vocabulary.definition)
        Path("text.txt").write_text(TEXT)
        options: dict[str, Any] = SMALL | {"seq_len": 4}
        TrainingRun.begin(
            LanguageModel, Path("text.txt"), Tokenization("tokenizer.json"), options, folder, 5
        )
        unbegun(folder)
        # It, too, is found from anywhere.
        monkeypatch.chdir("/")
        assert TrainingRun.resume(LanguageModel, folder).language_model.vocabulary == vocabulary

    def test_clears_what_was_being_written(self, folder: Path) -> None:
        stopped(folder)
        strays = [f".{name}.0123abcd" for name in FILES]
        others = [".notes.bak", ".DS_Store", ".model.safetensors.mine", "notes.0123abcd"]
        for name in strays + others:
            (folder / name).write_text("half")
        TrainingRun.resume(LanguageModel, folder)
        assert sorted(os.listdir(folder)) == sorted(FILES + others)

    def test_of_another_vocabulary_from_its_own_file(self, folder: Path, tmp_path: Path) -> None:
        options: dict[str, Any] = SMALL | {"seq_len": 4}
        for name in ("a", "b"):
            run = TrainingRun.begin(
                LanguageModel, TEXT, Tokenization("words", 1), options, tmp_path / name, 5
            )
            if name == "b":
                stop_at(run, 20)
                run = TrainingRun.resume(LanguageModel, tmp_path / name)
            run.train()
        check_same(tmp_path / "a", tmp_path / "b")

    def test_numbers_of_numpy(self, folder: Path, whole: Path) -> None:
        numbers: dict[str, Any] = {
            key: np.float64(value) if isinstance(value, float) else np.int64(value)
            for key, value in SMALL.items()
        }
        LanguageModel.train(TEXT, folder=folder, **numbers | {"seed": np.int64(5)})
        check_same(folder, whole)


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
class TestSignals:
    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_end_it_after_the_step_under_way(self, folder: Path, whole: Path, name: str) -> None:
        number = signal.Signals[name]
        handler = signal.getsignal(number)
        run = begin(folder)
        with pytest.raises(KeyboardInterrupt, match=name):
            run.train(callbacks=at_step(run, 60, lambda: os.kill(os.getpid(), number)))
        assert signal.getsignal(number) == handler
        assert run.checkpoint_step == checkpoint(folder)[1]["training"]["step"] == 60
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_nohup_is_heard(
        self, folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            run = begin(folder)
            run.train(callbacks=at_step(run, 60, lambda: os.kill(os.getpid(), signal.SIGHUP)))
        finally:
            signal.signal(signal.SIGHUP, before)
        check_same(folder, whole)

    def test_a_second_one_ends_it_at_once(self, folder: Path, whole: Path) -> None:
        run = begin(folder)

        def twice() -> None:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                # Python calls the handler between two of its instructions.
                threading.Event().wait(0)

        with pytest.raises(KeyboardInterrupt):
            run.train(callbacks=at_step(run, 60, twice))
        # The last checkpoint was that of the beginning.
        assert checkpoint(folder)[1]["training"]["step"] == 0
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_are_left_to_the_main_thread(self, folder: Path, whole: Path) -> None:
        thread = threading.Thread(target=train, args=(folder,))
        thread.start()
        thread.join()
        check_same(folder, whole)
