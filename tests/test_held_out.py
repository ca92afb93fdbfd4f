"""What `lstm evaluate FOLDER` and `lstm inspect FOLDER` judge by: what was held out, or nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from language_cases import TEXT, sentences
from lstm import LanguageModel, storage
from lstm.cli import app

SMALL: dict[str, Any] = {"hidden": 4, "seq_len": 8, "epochs": 1, "seed": 0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of trainings on several texts of the same characters."""
    place = tmp_path_factory.mktemp("trained")
    LanguageModel.train(TEXT, folder=place / "m", **SMALL, test_fraction=0.2)
    LanguageModel.train(TEXT[::-1], folder=place / "reversed", **SMALL)
    LanguageModel.train(sentences(170, seed=9), folder=place / "other", **SMALL)
    return place


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("m", "reversed", "other"):
        shutil.copytree(trained / name, tmp_path / name)
    return Path("m")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr


def commands(name: str) -> list[tuple[str, ...]]:
    return [("evaluate", name, "--json"), ("inspect", name, "--characters", "200", "--json")]


def without_text(model: Path) -> None:
    """Make a model one of an earlier version, which kept nothing of its text."""
    with storage.reading(model, ("language model",)) as (tensors, header):
        del header["learned_text"], header["format"]
    storage.write(model, tensors, header)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda tokens: tokens[: len(tokens) // 2],
    "cut at the front": lambda tokens: tokens[1:],
    "longer": lambda tokens: tokens + tokens[:1],
    "one token": lambda tokens: tokens[:-1] + bytes([tokens[-1] ^ 1]),
    "another order": lambda tokens: tokens[::-1],
}


class TestHeldOut:
    def test_is_what_the_training_never_saw(self, folder: Path) -> None:
        for name, part in (("m", "test"), ("other", "validation")):
            code, shown = run("evaluate", name, "--json")
            assert code == 0
            assert json.loads(shown)["corpus"] == f"the {part} part"
        count = len(TEXT) // 5
        expected = LanguageModel.load("m").evaluate(TEXT[-count:])
        assert json.loads(run("evaluate", "m", "--json")[1])["nats"] == expected.nats

    @pytest.mark.parametrize("version", ["this", "an earlier"])
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_tokens_that_were_changed_are_refused(
        self, folder: Path, damage: str, version: str
    ) -> None:
        if version != "this":
            without_text(folder / "model.safetensors")
        file = folder / "tokens.bin"
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
        for command in commands("m"):
            code, message = run(*command)
            assert code == 1
            assert message == (
                f"error: {file}: is not the text that model.safetensors learned from: one of the "
                "files has changed since\n"
            )

    @pytest.mark.parametrize("other", ["reversed", "other"])
    @pytest.mark.parametrize("name", ["tokens.bin", "model.safetensors"])
    def test_files_of_another_training_are_refused(
        self, folder: Path, other: str, name: str
    ) -> None:
        shutil.copy(f"{other}/{name}", folder)
        for command in commands("m"):
            code, message = run(*command)
            assert code == 1
            assert "is not the text that model.safetensors learned from" in message

    def test_another_model_of_an_earlier_version_is_refused(self, folder: Path) -> None:
        LanguageModel.train(TEXT.upper(), **SMALL).save(folder / "model.safetensors")
        without_text(folder / "model.safetensors")
        code, message = run("evaluate", "m")
        assert code == 1
        assert "model.safetensors: holds another model than checkpoint.safetensors" in message

    def test_the_parts_are_those_of_the_training(self, folder: Path) -> None:
        expected = [run(*command) for command in commands("m")]
        config = json.loads((folder / "config.json").read_bytes())
        config["chosen"] |= {"val_fraction": 0.7, "test_fraction": 0.0}
        (folder / "config.json").write_text(json.dumps(config))
        assert [run(*command) for command in commands("m")] == expected
        without_text(folder / "model.safetensors")
        assert [run(*command) for command in commands("m")] == expected
        (folder / "config.json").unlink()
        assert [run(*command) for command in commands("m")] == expected

    def test_what_nothing_vouches_for_is_refused(self, folder: Path) -> None:
        (folder / "checkpoint.safetensors").unlink()
        assert run("evaluate", "m")[0] == 0
        without_text(folder / "model.safetensors")
        code, message = run("evaluate", "m")
        assert code == 1
        assert message == (
            f"error: {folder / 'tokens.bin'}: cannot be verified: model.safetensors does not "
            "describe its text, and checkpoint.safetensors is missing; name a text\n"
        )
        Path("text.txt").write_text(TEXT)
        assert run("evaluate", "m", "text.txt")[0] == 0

    def test_without_tokens_there_is_nothing(self, folder: Path) -> None:
        (folder / "tokens.bin").unlink()
        for command in commands("m"):
            code, message = run(*command)
            assert code == 1
            assert message.startswith(f"error: {folder}: holds no text to evaluate on")

    def test_of_a_training_that_kept_nothing(self, folder: Path) -> None:
        LanguageModel.train(TEXT, folder="all", **SMALL, val_fraction=0.0)
        for command in commands("all"):
            code, message = run(*command)
            assert code == 1
            expected = "has no validation or test part to evaluate on: name a text"
            assert message == f"error: all: {expected}\n"

    def test_a_model_that_learned_more_has_another_text(self, folder: Path) -> None:
        model = LanguageModel.load("m")
        model.fit(TEXT[-len(TEXT) // 5 :], seq_len=8, epochs=1)
        model.save(folder / "model.safetensors")
        assert run("evaluate", "m")[0] == 1


def test_a_model_knows_its_text(trained: Path) -> None:
    text = LanguageModel.load(trained / "m").learned_text
    assert text is not None
    count = len(TEXT)
    assert (text.validation, text.test) == (count // 10, count // 5)
    assert text.training == count - count // 10 - count // 5
    made = LanguageModel.train(TEXT, **SMALL, test_fraction=0.2)
    assert made.learned_text == text
    assert np.fromfile(trained / "m/tokens.bin", np.uint8).size == count
