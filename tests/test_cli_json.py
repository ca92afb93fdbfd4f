"""`--json`: nothing but JSON on standard output, whatever happens."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import lstm
from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.cli import app
from lstm.cli.running import print_json

SMALL = "--hidden 8 --epochs 2 --seed 1"


def refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def parsed(text: str) -> Any:
    """What a strict reader of JSON makes of a text."""
    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """The working folder, with texts and models."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "tiny.txt").write_text("th")
    (tmp_path / "same.txt").write_text("a" * 400)
    model.save("model")
    lstm.LSTMNetwork(1, 2, 1).save("network")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        f"train text.txt {SMALL}",
        f"train text.txt {SMALL} --val-fraction 0",
        f"train text.txt {SMALL} --find-lr",
        "generate model --length 9",
        "generate model --length 0",
        "generate model --length 9 --samples 2 --log-probs",
        "generate model --length 9 --beam 2 --log-probs",
        "evaluate model text.txt",
        "evaluate model tiny.txt --per-token 3",
        "inspect model --text text.txt",
        "inspect model --text tiny.txt",
        "inspect model --text same.txt",
        "inspect model --text text.txt --characters 70",
        "info",
        "info model",
        "info network",
    ],
)
def test_every_result(folder: Path, command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--json"])
    assert result.exit_code == 0, result.output
    assert parsed(result.stdout)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("train none.txt", 1),
        ("train tiny.txt", 1),
        ("train text.txt --hidden 0", 2),
        ("train text.txt --hiden 0", 2),
        ("train --resume none", 1),
        ("train text.txt --hidden 2 --lr 1e300", 2),
        ("train text.txt --hidden 2 --lr 1e30", 1),
        ("generate none", 1),
        ("generate model --prompt é", 2),
        ("generate", 2),
        ("evaluate model none.txt", 1),
        ("inspect model --text none.txt", 2),
        ("info none", 1),
    ],
)
def test_no_error_is_mixed_with_it(folder: Path, command: str, code: int) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--json"])
    assert result.exit_code == code
    assert result.stdout == ""
    assert "rror" in result.stderr


def test_what_is_not_finite_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"a": math.nan, "b": [math.inf, (1.5, -math.inf)], "c": {"d": np.float64("nan")}}
    print_json(values | {"e": "NaN", "f": True, "g": None, "h": 2, "i": "\x1b\udcff"})
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert parsed(shown) == {
        "a": None,
        "b": [None, [1.5, None]],
        "c": {"d": None},
        "e": "NaN",
        "f": True,
        "g": None,
        "h": 2,
        "i": "\x1b\udcff",
    }
