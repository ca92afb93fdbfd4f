"""How a training in a folder ends that does not come to its end, and what can be done with it."""

import errno
import itertools
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from lstm import LanguageModel, locking, storage
from lstm.callbacks import LambdaCallback
from lstm.errors import InvalidValueError, ModelFileError
from lstm.folder_lock import FolderLock
from lstm.models import Model
from lstm.text import Corpus
from lstm.text.training.run import TrainingRun
from run_cases import FILES, at_step, begin, check_same, checkpoint, contents, stop_at, train

posix = pytest.mark.skipif(os.name != "posix", reason="processes are those of POSIX")


class TestMissingFiles:
    """What is missing is not taken for what was never there."""

    @pytest.mark.parametrize(
        "missing",
        [
            names
            for count in (1, 2, 3)
            for names in itertools.combinations(
                [name for name in FILES if name != "config.json"], count
            )
            if "checkpoint.safetensors" in names
        ],
        ids=" ".join,
    )
    def test_nothing_begins_anew_over_a_model(self, folder: Path, missing: tuple[str]) -> None:
        stop_at(begin(folder), 50)
        for name in missing:
            (folder / name).unlink()
        before = contents(folder)
        with pytest.raises(ModelFileError, match=r"has lost checkpoint\.safetensors"):
            LanguageModel.resume(folder)
        assert contents(folder) == before

    def test_what_was_chosen_is_enough(self, folder: Path) -> None:
        begin(folder)
        for name in ("checkpoint.safetensors", "tokens.bin"):
            (folder / name).unlink()
        with pytest.raises(ModelFileError, match="has lost checkpoint"):
            LanguageModel.resume(folder)

    def test_of_a_folder_that_was_resumed_nothing_is_removed(self, folder: Path) -> None:
        begin(folder)
        before = contents(folder)

        def fail(logs: Any) -> None:
            raise RuntimeError

        with pytest.raises(RuntimeError):
            LanguageModel.resume(folder, callbacks=LambdaCallback(on_train_begin=fail))
        assert contents(folder).items() >= before.items()


class TestErrorsOfCallbacks:
    @pytest.mark.parametrize(
        "error", [RuntimeError("mine"), OSError(errno.ENOSPC, "full"), MemoryError(), SystemExit(3)]
    )
    @pytest.mark.parametrize(
        ("hook", "step"),
        [
            ("on_train_batch_begin", 20),
            ("on_train_batch_end", 20),
            ("on_train_batch_end", 84),
            ("on_epoch_begin", 42),
            ("on_test_begin", 84),
            ("on_test_batch_end", 84),
            ("on_epoch_end", 84),
            ("on_train_end", 126),
        ],
    )
    def test_lose_nothing(
        self, folder: Path, whole: Path, hook: str, step: int, error: BaseException
    ) -> None:
        run = begin(folder)

        def fail(*arguments: Any) -> None:
            if run.training.step == step:
                raise error

        with pytest.raises(type(error)) as caught:
            run.train(callbacks=LambdaCallback(**{hook: fail}))
        assert caught.value is error
        if isinstance(error, Exception):
            assert f"is kept at step {step}. Continue with: LanguageModel.resume(" in str(
                error.__notes__.pop()
            )
        assert checkpoint(folder)[1]["training"]["step"] == step == run.checkpoint_step
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_of_a_validation_are_not_taken_for_a_divergence(self, folder: Path) -> None:
        run = begin(folder)

        def fail(*arguments: Any) -> None:
            raise InvalidValueError("monitor", "one of 'loss'", "'los'")

        with pytest.raises(InvalidValueError, match=r"^monitor: expected one of"):
            run.train(callbacks=LambdaCallback(on_test_batch_end=fail))
        assert run.checkpoint_step == checkpoint(folder)[1]["training"]["step"] == 42

    def test_within_a_step_leave_the_last_checkpoint(
        self, folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = begin(folder)

        def fail(*arguments: Any, **options: Any) -> None:
            # Half a step was taken.
            run.language_model.model.parameters.learned[:5] += 1
            raise MemoryError

        def soon() -> None:
            monkeypatch.setattr(Model, "train_on_batch", fail)

        with pytest.raises(MemoryError) as caught:
            run.train(callbacks=at_step(run, 50, soon))
        monkeypatch.undo()
        assert run.checkpoint_step == checkpoint(folder)[1]["training"]["step"] == 0
        assert "is kept at step 0" in caught.value.__notes__[0]
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_a_checkpoint_never_counts_on_a_model_that_is_not_there(
        self, folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save = LanguageModel.save

        def fail(model: LanguageModel, path: Path) -> None:
            if run.training.step >= 84:
                raise ModelFileError(path, "cannot be written")
            save(model, path)

        run = begin(folder)
        monkeypatch.setattr(LanguageModel, "save", fail)
        with pytest.raises(ModelFileError):
            run.train()
        monkeypatch.undo()
        assert run.checkpoint_step == 0
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_before_the_first_step_leave_nothing(self, folder: Path) -> None:
        def fail(*arguments: Any) -> None:
            raise RuntimeError

        with pytest.raises(RuntimeError) as caught:
            train(folder, callbacks=LambdaCallback(on_train_batch_begin=fail))
        assert not hasattr(caught.value, "__notes__")
        assert not folder.exists()


WORKER = """
import os, sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from run_cases import begin, at_step
run = begin(Path(sys.argv[1]))
def wait():
    {deed}
run.train(callbacks=at_step(run, 60, wait))
"""


def worker(folder: Path, deed: str) -> "subprocess.Popen[str]":
    """A process that trains in a folder to a step, and says what it does there."""
    program = textwrap.dedent(WORKER).format(path=sys.path, deed=deed)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class TestLock:
    def test_names_who_trains(self, folder: Path, whole: Path) -> None:
        wait = "print(os.getpid(), flush=True); sys.stdin.readline()"
        with worker(folder, wait) as process:
            assert process.stdout is not None
            pid = process.stdout.readline().strip()
            before = contents(folder)
            message = rf"another process trains in it: {pid} on \S+, since \d{{4}}-\d\d-\d\d \d\d:"
            with pytest.raises(ModelFileError, match=message):
                LanguageModel.resume(folder)
            # Reading is allowed.
            loaded = LanguageModel.load(folder)
            corpus = Corpus.open(folder / "tokens.bin", len(loaded.vocabulary))
            assert loaded.evaluate(corpus).nats > 0
            assert contents(folder) == before
            process.communicate("go on\n", timeout=60)
        assert process.returncode == 0
        check_same(folder, whole)
        assert sorted(os.listdir(folder)) == FILES

    def test_goes_with_the_process(self, folder: Path, whole: Path) -> None:
        with worker(folder, "os.kill(os.getpid(), 9)" if os.name == "posix" else "os._exit(1)"):
            pass
        assert (folder / ".lock").exists()
        LanguageModel.resume(folder)
        check_same(folder, whole)
        assert sorted(os.listdir(folder)) == FILES

    @posix
    def test_goes_with_the_process_though_a_child_lives_on(self, folder: Path, whole: Path) -> None:
        deed = "os.fork() or print(os.getpid(), flush=True); time.sleep(60)"
        with worker(folder, deed) as process:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            process.kill()
            process.wait()
            try:
                LanguageModel.resume(folder)
            finally:
                os.kill(child, 9)
        check_same(folder, whole)

    def test_holds_within_a_process_too(self, folder: Path, whole: Path) -> None:
        run = begin(folder)
        with pytest.raises(ModelFileError, match=f"another process trains in it: {os.getpid()} on"):
            TrainingRun.resume(LanguageModel, folder)
        run.train()
        TrainingRun.resume(LanguageModel, folder)
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_is_done_without_where_a_file_system_has_none(
        self, folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(descriptor: int) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        monkeypatch.setattr(locking, "_lock", fail)
        train(folder)
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_holds_on_a_full_disk(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        folder.mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fail)
            lock = FolderLock(folder)
        with pytest.raises(ModelFileError, match=r"another process trains in it$"):
            FolderLock(folder)
        lock.release()
        assert os.listdir(folder) == []
        FolderLock(folder)

    @pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b"null"])
    def test_of_an_owner_who_says_nothing(self, folder: Path, content: bytes) -> None:
        run = begin(folder)
        (folder / ".lock").write_bytes(content)
        with pytest.raises(ModelFileError, match=r"another process trains in it$"):
            TrainingRun.resume(LanguageModel, folder)
        del run

    def test_leaves_nothing_where_there_is_no_training(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        for place, why in (
            (tmp_path, "holds no training run to continue"),
            (tmp_path / "none", "there is no such folder"),
            (tmp_path / "notes.txt", "is not a folder"),
        ):
            with pytest.raises(ModelFileError, match=why):
                LanguageModel.resume(place)
        assert os.listdir(tmp_path) == ["notes.txt"]

    @posix
    def test_a_child_does_not_release_it(self, folder: Path) -> None:
        deed = "os.fork() or (run._lock.release(), os._exit(0)); os.wait(); print(flush=True)"
        with worker(folder, f"{deed}; sys.stdin.readline()") as process:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(ModelFileError, match=f": {process.pid} on"):
                TrainingRun.resume(LanguageModel, folder)
            process.communicate("go on\n", timeout=60)
        assert sorted(os.listdir(folder)) == FILES

    def test_what_a_living_process_writes_is_not_cleared(self, folder: Path) -> None:
        stop_at(begin(folder), 50)
        with storage.replacing(folder / "model.safetensors") as file:
            file.write(b"half")
            (stray,) = folder.glob(".model.safetensors.*")
            dead = folder / ".tokens.bin.0123abcd"
            dead.write_bytes(b"half")
            TrainingRun.resume(LanguageModel, folder)
            assert stray.exists()
            assert not dead.exists()
            file.seek(0)
            file.write((folder / "model.safetensors").read_bytes())
        TrainingRun.resume(LanguageModel, folder)
        assert sorted(os.listdir(folder)) == FILES


def test_an_output_that_is_gone_loses_no_training(tmp_path: Path) -> None:
    """In a program of its own, whose output a real pipe takes, and then nobody."""
    program = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from run_cases import train
train(Path(sys.argv[1]), verbose=2)
sys.stderr.write("trained")
"""
    command = [sys.executable, "-c", program, str(tmp_path / "run")]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read().startswith(b"trained")
    assert LanguageModel.load(tmp_path / "run").history is not None
    assert sorted(os.listdir(tmp_path / "run")) == FILES
