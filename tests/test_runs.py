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
from lstm import LanguageModel, container, saving
from lstm.backends import BACKENDS
from lstm.callbacks import LambdaCallback, Logs
from lstm.errors import (
    DivergedError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    ModelFileError,
)
from lstm.text import BPEVocabulary, TextSource, source
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.training.run import Run
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
    table,
    timeless,
    train,
)


def stopped(folder: Path, step: int = 50, **options: Any) -> Path:
    """A folder of a training that was stopped after a step."""
    stop_at(begin(folder, **options), step)
    return folder


def unbegun(folder: Path, left: Sequence[str] = ("config.json",)) -> None:
    """Leave what a training leaves that is killed before its first checkpoint."""
    config = json.loads((folder / "config.json").read_bytes())
    del config["chosen"]
    (folder / "config.json").write_text(json.dumps(config))
    for name in set(os.listdir(folder)) - {*left}:
        (folder / name).unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where there is nothing yet."""
    return tmp_path / "run"


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

    @pytest.mark.parametrize(
        ("every", "expected"), [(0, list(range(1, STEPS + 1))), (1000, [0] * STEPS)]
    )
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
            run = Run.resume(LanguageModel, folder)
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
                run = Run.resume(LanguageModel, other)
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
        run = Run.resume(LanguageModel, stopped(folder, 50, minutes=60))
        assert run.training.seconds > 0
        progress = run.training.progress
        stop_at(run, 60)
        assert run.training.progress > progress
        assert Run.resume(LanguageModel, folder).training.seconds == run.training.seconds

    def test_from_a_checkpoint_before_the_last_round(self, folder: Path, whole: Path) -> None:
        run = begin(folder)
        old: dict[str, bytes] = {}

        def keep() -> None:
            run.checkpoint()
            old["checkpoint.safetensors"] = (folder / "checkpoint.safetensors").read_bytes()

        run.train(callbacks=at_step(run, 50, keep))
        assert len(records(folder)) == 3
        (folder / "checkpoint.safetensors").write_bytes(old["checkpoint.safetensors"])
        resumed = Run.resume(LanguageModel, folder)
        # What was not yet, as far as the checkpoint knows, is struck from the record.
        assert timeless(records(folder)) == timeless(records(whole))[:1] == timeless(table(folder))
        assert resumed.training.step == 50
        resumed.train()
        check_same(folder, whole)

    def test_of_a_training_without_a_step(self, folder: Path, whole: Path) -> None:
        begin(folder)
        assert Run.resume(LanguageModel, folder).training.step == 0
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
        Run.begin(
            LanguageModel, Path("text.txt"), Tokenization("tokenizer.json"), options, folder, 5
        )
        unbegun(folder)
        # It, too, is found from anywhere.
        monkeypatch.chdir("/")
        assert Run.resume(LanguageModel, folder).language_model.vocabulary == vocabulary

    def test_clears_what_was_being_written(self, folder: Path) -> None:
        stopped(folder)
        strays = [f".{name}.0123abcd" for name in FILES]
        others = [".notes.bak", ".DS_Store", ".model.safetensors.mine", "notes.0123abcd"]
        for name in strays + others:
            (folder / name).write_text("half")
        Run.resume(LanguageModel, folder)
        assert sorted(os.listdir(folder)) == sorted(FILES + others)

    def test_of_another_vocabulary_from_its_own_file(self, folder: Path, tmp_path: Path) -> None:
        options: dict[str, Any] = SMALL | {"seq_len": 4}
        for name in ("a", "b"):
            run = Run.begin(
                LanguageModel, TEXT, Tokenization("words", 1), options, tmp_path / name, 5
            )
            if name == "b":
                stop_at(run, 20)
                run = Run.resume(LanguageModel, tmp_path / name)
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
        assert run.kept == checkpoint(folder)[1]["training"]["step"] == 60
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


class TestNothingIsLeft:
    """Of a training in which nothing was learned."""

    @pytest.mark.parametrize(
        ("options", "kind", "argument"),
        [
            ({"corpus": TEXT[:15]}, InvalidShapeError, "corpus"),
            ({"corpus": TEXT[:100], "val_fraction": 0.01}, InvalidValueError, "val_fraction"),
            ({"corpus": ""}, InvalidValueError, "corpus"),
            ({"hidden": 0}, InvalidValueError, "hidden"),
            ({"hidden": 10**20}, InvalidValueError, "embeddings of embedding"),
            ({"lr": 1e39}, InvalidValueError, "lr"),
            ({"clip": 1e39}, InvalidValueError, "clip"),
            ({"weight_decay": 1e39}, InvalidValueError, "weight_decay"),
            ({"hiden": 4}, InvalidTypeError, r"LanguageModel.train\(\)"),
            ({"backend": "abacus"}, InvalidValueError, "backend"),
            ({"checkpoint_every": -1}, InvalidValueError, "checkpoint_every"),
            ({"checkpoint_every": "often"}, InvalidValueError, "checkpoint_every"),
            ({"verbose": 3}, InvalidValueError, "verbose"),
            ({"callbacks": ["bar"]}, InvalidValueError, "callbacks"),
        ],
    )
    def test_of_bad_arguments(
        self, folder: Path, options: dict[str, Any], kind: type[Exception], argument: str
    ) -> None:
        with pytest.raises(kind, match=f"^{argument}: expected"):
            train(folder, **options)
        assert not folder.exists()

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    @pytest.mark.parametrize("every", [0, 30])
    def test_of_a_loss_that_runs_away_at_once(self, folder: Path, every: float) -> None:
        with pytest.raises(DivergedError):
            train(folder, lr=1e30, checkpoint_every=every)
        assert not folder.exists()

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    def test_but_the_best_model_before_it_ran_away(self, folder: Path) -> None:
        run = begin(folder)

        def spoil() -> None:
            run.language_model.model.parameters.values[:] = np.nan

        with pytest.raises(DivergedError):
            run.train(callbacks=at_step(run, 100, spoil))
        assert len(records(folder)) == 2
        loaded = LanguageModel.load(folder)
        last = loaded.evaluate(TEXT[-(len(TEXT) // 10) :]).nats
        assert last == min(record["val_loss"] for record in records(folder))

    def test_but_all_of_it_where_a_callback_fails(self, folder: Path, whole: Path) -> None:
        run = begin(folder)

        def fail() -> None:
            raise RuntimeError("of the user's own")

        with pytest.raises(RuntimeError, match="own"):
            run.train(callbacks=at_step(run, 20, fail), checkpoint_every=0)
        assert Run.resume(LanguageModel, folder).training.step == 20
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_files_of_ones_own_stay(self, folder: Path) -> None:
        run = begin(folder)
        (folder / "notes.txt").write_text("mine")
        with pytest.raises(InvalidValueError):
            run.train(callbacks=["bar"])  # type: ignore[list-item]
        assert os.listdir(folder) == ["notes.txt"]


class TestErrors:
    def test_a_folder_that_exists(self, whole: Path) -> None:
        before = contents(whole)
        with pytest.raises(InvalidValueError, match=r"^folder: expected one that does not exist"):
            train(whole)
        assert contents(whole) == before

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for place, why in (
            ("no/run", "no such file or directory"),
            ("file/run", "not a directory"),
        ):
            with pytest.raises(InvalidValueError, match=f"^folder: expected one .* \\({why}\\)"):
                train(tmp_path / place)

    def test_no_training_there(self, tmp_path: Path, whole: Path) -> None:
        (tmp_path / "empty").mkdir()
        for place in ("none", "empty"):
            with pytest.raises(ModelFileError, match="holds no training run to continue"):
                LanguageModel.resume(tmp_path / place)

    @pytest.mark.parametrize("size", [0, 1, 100, -1])
    @pytest.mark.parametrize("name", ["checkpoint.safetensors", "model.safetensors", "config.json"])
    def test_truncated_files(self, folder: Path, name: str, size: int) -> None:
        file = stopped(folder) / name
        file.write_bytes(file.read_bytes().rstrip()[:size])
        with pytest.raises(ModelFileError, match="is damaged") as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == file

    @pytest.mark.parametrize("name", ["checkpoint.safetensors", "model.safetensors"])
    def test_a_flipped_bit(self, folder: Path, name: str) -> None:
        file = stopped(folder) / name
        content = bytearray(file.read_bytes())
        content[-5] ^= 8
        file.write_bytes(content)
        with pytest.raises(ModelFileError, match="is damaged: its checksum"):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize("name", ["tokens.bin", "model.safetensors"])
    def test_a_missing_file(self, folder: Path, name: str) -> None:
        (stopped(folder) / name).unlink()
        with pytest.raises(ModelFileError, match="there is no such file") as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == folder / name

    def test_tokens_of_another_text(self, folder: Path) -> None:
        file = stopped(folder) / "tokens.bin"
        tokens = file.read_bytes()
        for other in (tokens[::-1], tokens[:-1], tokens + tokens):
            file.write_bytes(other)
            with pytest.raises(ModelFileError, match="holds another text than that of checkpoint"):
                LanguageModel.resume(folder)
        file.write_bytes(tokens[:-1] + b"\xff")
        with pytest.raises(ModelFileError, match="has the token 255, but its vocabulary has only"):
            LanguageModel.resume(folder)
        file.write_bytes(b"")
        with pytest.raises(ModelFileError, match="is empty"):
            LanguageModel.resume(folder)

    def test_a_checkpoint_of_another_training(self, folder: Path, tmp_path: Path) -> None:
        stopped(folder)
        other = stopped(tmp_path / "other")
        (other / "checkpoint.safetensors").replace(folder / "checkpoint.safetensors")
        with pytest.raises(ModelFileError, match=r"another training run than config\.json"):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize("other", [{"hidden": 5}, {"layers": 2}, {"corpus": TEXT.upper()}])
    def test_a_model_of_another_training(
        self, folder: Path, tmp_path: Path, other: dict[str, Any]
    ) -> None:
        stopped(folder)
        begin(tmp_path / "other", **other).train()
        (tmp_path / "other/model.safetensors").replace(folder / "model.safetensors")
        with pytest.raises(ModelFileError, match="holds another model than checkpoint") as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == folder / "model.safetensors"

    def test_what_is_no_checkpoint(self, folder: Path) -> None:
        (stopped(folder) / "model.safetensors").replace(folder / "checkpoint.safetensors")
        with pytest.raises(ModelFileError, match="holds a language model, not a checkpoint"):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize("key", ["lr", "epochs", "hidden", "schedule", "dropout"])
    def test_other_options(self, folder: Path, key: str) -> None:
        file = stopped(folder) / "config.json"
        config = json.loads(file.read_bytes())
        before = config["chosen"][key]
        config["chosen"][key] = {"schedule": "constant", "dropout": 0.5}.get(key, 7)
        file.write_text(json.dumps(config))
        message = f"was made with {key} {before}, but config.json has {config['chosen'][key]}"
        with pytest.raises(ModelFileError, match=message):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize(("key", "value"), [("epochs", 77), ("hidden", 7), ("seed", 7)])
    def test_other_wishes(self, folder: Path, key: str, value: int) -> None:
        """What was asked for is not asked for again: it would seem to be taken, and is not."""
        file = stopped(folder) / "config.json"
        config = json.loads(file.read_bytes())
        where = config if key == "seed" else config["options"]
        before, where[key] = where[key], value
        file.write_text(json.dumps(config))
        message = f"was made with {key} {before}, but config.json has {value}"
        with pytest.raises(ModelFileError, match=message):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": 2}, "was written by a later version of lstm-kit; update to read it"),
            ({"format": "one"}, "is damaged"),
            ({"run": ...}, "is damaged: it lacks run"),
            ({"backend": "abacus"}, "is damaged .*abacus"),
            ({"dtype": "float16"}, "is damaged .*float16"),
            ({"chosen": {"hiden": 4}}, "is damaged .*hiden"),
            ({"chosen": {"hidden": -4}}, "is damaged .*-4"),
            ({"chosen": 4}, "is damaged"),
            ({"chosen": ..., "options": None}, "is damaged"),
            ({"tokens": {"tokens": "syllables"}}, "is damaged .*syllables"),
            ({"tokens": {"kind": "bpe"}}, "is damaged .*kind"),
            ({"tokens": []}, "is damaged"),
        ],
        ids=str,
    )
    def test_a_configuration_that_makes_no_sense(
        self, folder: Path, change: dict[str, Any], message: str
    ) -> None:
        file = stopped(folder) / "config.json"
        config = json.loads(file.read_bytes()) | change
        file.write_text(json.dumps({k: v for k, v in config.items() if v is not ...}))
        with pytest.raises(ModelFileError, match=message) as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == file

    @pytest.mark.parametrize("text", ["[]", "null", "{", '{"format": 1}', "[" * 10**5, "\xff"])
    def test_a_configuration_that_is_none(self, folder: Path, text: str) -> None:
        file = stopped(folder) / "config.json"
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(ModelFileError, match=r"config\.json: is damaged"):
            LanguageModel.resume(folder)

    def test_a_checkpoint_of_a_later_format(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = begin(folder)
        monkeypatch.setattr(container, "FORMAT", container.FORMAT + 1)
        run.checkpoint()
        monkeypatch.undo()
        del run
        with pytest.raises(ModelFileError, match="was written by a later version of lstm-kit"):
            LanguageModel.resume(folder)

    def test_a_checkpoint_that_lacks_something(self, folder: Path) -> None:
        file = stopped(folder) / "checkpoint.safetensors"
        tensors, header = checkpoint(folder)
        for key in header["training"]:
            state = {k: v for k, v in header["training"].items() if k != key}
            saving.write(file, tensors, header | {"training": state})
            with pytest.raises(ModelFileError, match="has a header that makes no sense"):
                LanguageModel.resume(folder)
        for key in ("run", "chosen", "training", "vocabulary", "graph"):
            saving.write(file, tensors, {k: v for k, v in header.items() if k != key})
            with pytest.raises(ModelFileError, match="has a header that makes no sense"):
                LanguageModel.resume(folder)
        for key in header["chosen"].keys() - {"cell"}:  # Files from before it was one lack it.
            chosen = {k: v for k, v in header["chosen"].items() if k != key}
            saving.write(file, tensors, header | {"chosen": chosen})
            with pytest.raises(ModelFileError, match=f"has a header .* none for {key}"):
                LanguageModel.resume(folder)
        for key in tensors:
            saving.write(file, {k: v for k, v in tensors.items() if k != key}, header)
            with pytest.raises(ModelFileError, match="has a header that makes no sense"):
                LanguageModel.resume(folder)

    def test_a_text_that_can_be_read_only_once(self, folder: Path) -> None:
        begin(folder, TextSource.of(TEXT))
        unbegun(folder)
        with pytest.raises(ModelFileError, match="never started; remove it and start again"):
            LanguageModel.resume(folder)

    def test_a_text_that_is_gone(self, folder: Path) -> None:
        text = folder.parent / "text.txt"
        text.write_text(TEXT)
        begin(folder, source(text))
        unbegun(folder)
        text.unlink()
        with pytest.raises(InvalidValueError, match=r"^corpus: expected a file that can be read"):
            LanguageModel.resume(folder)

    def test_samples_that_cannot_be_written(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lstm.text.training.samples._EVERY", 0.0)
        monkeypatch.setattr("lstm.text.training.samples._SHARE", 0.0)
        run = begin(folder)
        (folder / "samples.txt").mkdir()
        with pytest.raises(ModelFileError, match=r"samples\.txt: cannot be written"):
            run.train()
        assert len(records(folder)) == 1
