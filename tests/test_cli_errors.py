"""The command `lstm` where something is wrong: one sentence, an exit code, nothing written."""

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.cli import app
from lstm.cli.train import train
from lstm.text import Corpus


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """The working folder, with texts and models, good ones and bad ones."""
    monkeypatch.chdir(tmp_path)
    for name in ("done", "empty-folder", "broken"):
        (tmp_path / name).mkdir()
    file = tmp_path / "done" / "model.safetensors"
    model.save(file)
    content = file.read_bytes()
    model.model.save(tmp_path / "network.safetensors")
    for name, data in {
        "text.txt": TEXT.encode(),
        "latin.txt": "caf\xe9 ".encode("latin-1") * 100,
        "utf16.txt": TEXT.encode("utf-16"),
        "empty.txt": b"",
        "short.txt": b"too short",
        "other.txt": b"what? " * 100,
        "broken/model.safetensors": content[:-5],
        "flipped.safetensors": content[:-5] + bytes([content[-5] ^ 8]) + content[-4:],
    }.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def fails(folder: Path, *arguments: str, stdin: bytes | None = None) -> tuple[int, str]:
    """The exit code and the message of a command that fails and writes nothing."""
    before = contents(folder)
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert isinstance(result.exception, SystemExit), result.exception
    assert contents(folder) == before
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return result.exit_code, result.stderr


class TestUsage:
    """Exit code 2, and the name of the option."""

    @pytest.mark.parametrize(
        ("command", "option", "values"),
        [
            ("train text.txt", "--hidden", ["0", "-1"]),
            ("train text.txt", "--layers", ["0"]),
            ("train text.txt", "--embedding", ["0"]),
            ("train text.txt", "--seq-len", ["0"]),
            ("train text.txt", "--batch-size", ["0"]),
            ("train text.txt", "--epochs", ["0"]),
            ("train text.txt", "--minutes", ["0", "-1", "nan", "inf"]),
            ("train text.txt", "--lr", ["0", "-0.1", "nan", "inf"]),
            ("train text.txt", "--dropout", ["1", "-0.1"]),
            ("train text.txt", "--val-fraction", ["1", "-0.1", "0.0001"]),
            ("train text.txt", "--test-fraction", ["1", "-0.1", "0.0001", "0.9"]),
            ("train text.txt", "--embedding-dropout", ["1", "-0.1"]),
            ("train text.txt", "--recurrent-dropout", ["1", "-0.1"]),
            ("train text.txt --tie-weights --hidden 8", "--embedding", ["4"]),
            ("train text.txt", "--schedule", ["linear"]),
            ("train text.txt", "--warmup", ["1", "-0.1"]),
            ("train text.txt", "--clip", ["-1", "nan"]),
            ("train text.txt", "--weight-decay", ["-1", "inf"]),
            ("train text.txt", "--patience", ["0"]),
            ("train text.txt", "--tokens", ["syllables", "none.json"]),
            ("train text.txt", "--min-count", ["0", "9999"]),
            ("train text.txt --tokens bytes", "--min-count", ["2"]),
            ("train text.txt", "--vocabulary-size", ["9"]),
            ("train text.txt --tokens bpe", "--vocabulary-size", ["9"]),
            ("train text.txt", "--encoding", ["klingon"]),
            ("train text.txt", "--errors", ["hide"]),
            ("train text.txt", "--checkpoint-every", ["-1", "nan"]),
            ("train text.txt", "--seed", ["-1"]),
            ("train text.txt", "--backend", ["abacus"]),
            ("train text.txt", "--out", ["done", "text.txt", "no/such", "text.txt/x", "."]),
            ("generate done", "--prompt", ["caf\xe9", "\udcff"]),
            ("generate done", "--length", ["-1"]),
            ("generate done", "--temperature", ["-1", "nan", "inf"]),
            ("generate done", "--top-k", ["-1"]),
            ("generate done", "--top-p", ["0", "1.1", "nan"]),
            ("generate done", "--seed", ["-1"]),
            ("demo text", "--minutes", ["0", "nan"]),
            ("demo addition", "--seed", ["-1"]),
        ],
    )
    def test_values_out_of_range(
        self, folder: Path, command: str, option: str, values: list[str]
    ) -> None:
        for value in values:
            code, message = fails(folder, *command.split(), option, value)
            assert code == 2
            assert message.startswith(f"error: {option}: expected ")
            assert message.count("\n") == 1

    @pytest.mark.parametrize(
        ("command", "wanted"),
        [
            ("train text.txt --hiden 3", "--hidden"),
            ("train text.txt --hidden many", "--hidden"),
            ("generate done --length", "--length"),
            ("demo subtraction", "subtraction"),
            ("trian text.txt", "trian"),
            ("info --verbose", "--verbose"),
        ],
    )
    def test_what_is_not_understood(self, folder: Path, command: str, wanted: str) -> None:
        code, message = fails(folder, *command.split())
        assert code == 2
        assert wanted in message

    @pytest.mark.parametrize("command", [[], ["generate"], ["evaluate"], ["demo"]])
    def test_without_arguments_help_is_shown(self, command: list[str]) -> None:
        shown = CliRunner().invoke(app, command).output
        assert "Usage:" in shown
        assert "--help" in shown

    def test_help_tells_every_option(self) -> None:
        shown = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        parameters = inspect.signature(train).parameters
        options = {name.replace("_", "-") for name in parameters} - {"context", "corpus"}
        assert {"out", "resume", "checkpoint-every", "tie-weights", "find-lr", "seed"} < options
        options = options - {"json-output"} | {"json"}
        for option in options:
            assert f"--{option} " in shown.stdout


class TestFailures:
    """Exit code 1, and what was wrong."""

    @pytest.mark.parametrize(
        ("command", "wanted"),
        [
            ("train none.txt", "corpus: expected a file that can be read, got none.txt"),
            ("train text.txt none.txt", "corpus: expected a file that can be read, got none.txt"),
            ("train empty-folder", "corpus: expected a folder with files"),
            ("train empty.txt", "corpus: expected a text that is not empty"),
            ("train short.txt", "corpus: expected at least 65 tokens to train on"),
            ("train text.txt --seq-len 9999", "corpus: expected at least 10000 tokens"),
            ("train latin.txt", "corpus: expected UTF-8 text, got byte 0xe9 at offset 3 of latin"),
            (
                "train utf16.txt",
                "corpus: expected UTF-8 text, got utf16.txt, which starts like UTF-16",
            ),
            ("generate none", "none: there is no such file"),
            ("generate empty-folder", "there is no such file"),
            ("generate broken", "is damaged"),
            ("generate flipped.safetensors", "is damaged: its checksum"),
            ("generate text.txt", "is a text, not a model"),
            ("generate empty.txt", "is damaged or not a model"),
            ("generate network.safetensors", "holds a model, not a language model"),
            ("evaluate none text.txt", "none: there is no such file"),
            ("evaluate broken text.txt", "is damaged"),
            ("evaluate done", "done: holds no text to evaluate on (there is no tokens.bin)"),
            ("evaluate done/model.safetensors", "corpus: expected a text, because the model is"),
            ("evaluate done none.txt", "corpus: expected a file that can be read"),
            ("evaluate done empty.txt", "corpus: expected a text that is not empty"),
            ("evaluate done latin.txt", "corpus: expected UTF-8 text"),
            ("evaluate done other.txt", "corpus: expected only the"),
            ("info none", "none: there is no such file"),
            ("info broken", "is damaged"),
            ("info text.txt", "is a text, not a model"),
        ],
    )
    def test_files(self, folder: Path, command: str, wanted: str) -> None:
        code, message = fails(folder, *command.split())
        assert code == 1
        assert message.startswith("error: ")
        assert wanted in message
        assert message.count("\n") == 1

    @pytest.mark.parametrize("stdin", [b"", b"\xff\xfe", b"short"])
    def test_standard_input(self, folder: Path, stdin: bytes) -> None:
        code, message = fails(folder, "train", "-", stdin=stdin)
        assert code == 1
        assert message.startswith("error: corpus: expected ")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["text.txt"],
            ["--hidden", "8"],
            ["--epochs", "20"],
            ["--out", "other"],
            ["--seed", "1"],
            ["--tie-weights"],
            ["--find-lr"],
        ],
    )
    def test_a_training_goes_on_as_it_began(self, folder: Path, arguments: list[str]) -> None:
        code, message = fails(folder, "train", "--resume", "done", *arguments)
        assert code == (1 if arguments == ["text.txt"] else 2)
        told = (
            "corpus: expected no text" if arguments == ["text.txt"] else "expected no other options"
        )
        assert f"{told} with --resume, which keeps its own, got " in message
        assert "(" not in message

    @pytest.mark.parametrize(
        ("place", "why"),
        [
            ("none", "there is no such folder"),
            ("done", "holds no training run to continue"),
            ("empty-folder", "holds no training run to continue"),
            ("text.txt", "is not a folder"),
        ],
    )
    def test_no_training_to_go_on_with(self, folder: Path, place: str, why: str) -> None:
        assert fails(folder, "train", "--resume", place) == (1, f"error: {place}: {why}\n")

    def test_event_files_need_an_extra(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorboardX", None)
        code, message = fails(folder, "train", "text.txt", "--tensorboard")
        assert code == 1
        assert message.endswith("pip install 'lstm-kit[tensorboard]'\n")

    def test_the_model_by_default_goes_beside_where_one_works(self, folder: Path) -> None:
        (folder / "text-model").mkdir()
        code, message = fails(folder, "train", "text.txt")
        assert code == 2
        assert message == (
            "error: --out: expected a folder that does not exist yet, got text-model\n"
        )

    def test_a_training_that_runs_away_leaves_no_empty_folder(self, folder: Path) -> None:
        before = contents(folder)
        arguments = ["train", "text.txt", "--hidden", "2", "--lr", "1e30", "--json"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1
        assert result.stderr.endswith("lower lr, which is 1e+30\n")
        assert contents(folder) == before

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (MemoryError("Unable to allocate 14.6 TiB"), "out of memory (Unable to allocate"),
            (MemoryError(), "out of memory\n"),
            (OSError(28, "No space left on device"), "no space left on device"),
        ],
    )
    def test_the_machine_is_too_small(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
    ) -> None:
        def fail(*arguments: Any, **options: Any) -> None:
            raise error

        monkeypatch.setattr(LanguageModel, "create", fail)
        code, shown = fails(folder, "train", "text.txt")
        assert code == 1
        assert shown.startswith(f"error: {message}")

    def test_no_machine_is_large_enough(self, folder: Path) -> None:
        code, shown = fails(folder, "train", "text.txt", "--hidden", str(10**20))
        assert code == 1
        assert shown.startswith("error: embeddings of embedding: expected a weight that fits in")
        assert shown.count("\n") == 1

    def test_ctrl_c_before_the_training(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*arguments: Any, **options: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Corpus, "write", interrupt)
        assert fails(folder, "train", "text.txt") == (130, "error: stopped\n")
