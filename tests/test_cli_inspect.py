"""`lstm inspect` and `lstm plot`: what they show and write, and what they refuse."""

import csv
import json
import re
import sys
from ast import literal_eval
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import lstm
from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.cli import app
from lstm.inspection import examine, read
from lstm.layers import LSTM, Dense

SMALL = {"hidden": 8, "epochs": 2, "seed": 1}


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run the command in this process; it must end well."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == 0, result.output
    return result


def fails(*arguments: str, folder: Path) -> tuple[int, str]:
    """The exit code and the message of a command that fails and writes nothing."""
    before = sorted(folder.rglob("*"))
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert sorted(folder.rglob("*")) == before
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.exit_code, result.stderr


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """The working folder, with a text, a model, and files that are none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "text.csv").write_text(TEXT)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "one.txt").write_text("t")
    (tmp_path / "other.txt").write_text("what? " * 100)
    model.save(tmp_path / "model.safetensors")
    keras = lstm.Sequential([lstm.Input((3, 2)), LSTM(4), Dense(1)])
    keras.save(tmp_path / "keras.safetensors")
    lstm.LSTMNetwork(2, 3, 1).save(tmp_path / "network.safetensors")
    model.writer("the ").save(tmp_path / "writer.safetensors")
    return tmp_path


class TestInspect:
    def test_the_summary(self, folder: Path, model: LanguageModel) -> None:
        shown = run("inspect", "model.safetensors", "--text", "text.txt").stdout
        found = examine(model, TEXT)
        lines = shown.splitlines()
        assert lines[0] == f"text.txt: {len(TEXT):,} characters, {len(TEXT):,} tokens"
        assert lines[1] == f"{found.nats:.4f} nats, {found.bits:.4f} bits a token"
        best = found.units[0]
        (row,) = [line for line in lines if line.startswith(f" {best.property} ")]
        assert row.split()[1:3] == [
            f"{best.layer}/{best.unit}/{best.quantity}",
            f"{best.score:.2f}",
        ]
        (forget,) = [line for line in lines if "f (forget)" in line]
        assert re.findall(r"(\d+) %", forget) == [
            f"{100 * part.mean():.0f}"
            for part in (found.saturation["lstm"]["f"].low, found.saturation["lstm"]["f"].high)
        ]
        assert found.memory is not None
        assert f"0.01 nats or more up to {found.memory.length} tokens later" in shown

    def test_the_most_surprising_place(self, folder: Path, model: LanguageModel) -> None:
        shown = json.loads(
            run("inspect", "model.safetensors", "--text", "text.txt", "--json").stdout
        )
        nats = np.nan_to_num(read(model, TEXT).surprise)
        places = [surprise["position"] for surprise in shown["surprises"]]
        assert places == np.argsort(-nats, kind="stable")[:5].tolist()
        assert shown["surprises"][0]["nats"] == pytest.approx(nats.max())
        assert shown["surprises"][0]["token"] == repr(TEXT[places[0]])

    def test_a_terminal_sees_colours(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = run("inspect", "model.safetensors", "--text", "text.txt").stdout
        assert "\x1b" not in plain
        monkeypatch.setenv("FORCE_COLOR", "1")
        colored = run("inspect", "model.safetensors", "--text", "text.txt").stdout
        assert "\x1b[" in colored

    def test_a_long_text_is_sampled(self, folder: Path) -> None:
        (folder / "long.txt").write_text(TEXT * 350)
        arguments = ["inspect", "model.safetensors", "--text", "long.txt", "--report", "r.html"]
        shown = run(*arguments).stdout
        read_part = "the first 20,000 characters of long.txt"
        assert shown.startswith(f"{read_part}: 20,000 characters, 20,000 tokens\n")
        assert shown.endswith("Saved r.html.\n")
        assert read_part in (folder / "r.html").read_text("utf-8")

    @pytest.mark.parametrize("more", [["--json"], ["--unit", "lstm/12"], ["--csv", "t.csv"]])
    def test_what_comes_later_is_not_read(self, folder: Path, more: list[str]) -> None:
        """It could not even be encoded, or decoded."""
        arguments = ["inspect", "model.safetensors", *more, "--text"]
        (folder / "start.txt").write_text(TEXT[:200])
        (folder / "unknown.txt").write_text(TEXT[:200] + "\u2603" + TEXT)
        (folder / "more").mkdir()
        (folder / "more" / "1.txt").write_text(TEXT[:200] + "\n")
        (folder / "more" / "2.txt").write_bytes(b"\xff\xff")
        alone = run(*arguments, "start.txt").stdout
        for name in ("unknown.txt", "more"):
            shown = run(*arguments, name, "--characters", "200").stdout
            expected = alone.replace("start.txt", f"the first 200 characters of {name}")
            assert shown == expected
        code, message = fails(*arguments, "unknown.txt", "--characters", "201", folder=folder)
        assert code == 2
        assert "U+2603" in message

    def test_no_part_of_a_word_is_read(self, folder: Path) -> None:
        words = LanguageModel.train(TEXT, folder="w", tokens="words", **SMALL)
        whole = read(words, TEXT).pieces
        for characters in range(60, 70):
            arguments = ["inspect", "w", "--text", "text.txt", "--unit", "lstm/0"]
            shown = run(*arguments, "--characters", str(characters)).stdout.splitlines()
            pieces = [literal_eval(line.split("\t")[0]) for line in shown]
            assert tuple(pieces) == whole[: len(pieces)]
            assert 50 < len("".join(pieces)) <= characters

    def test_a_property(self, folder: Path) -> None:
        arguments = ["inspect", "model.safetensors", "--text", "text.txt", "--json"]
        shown = json.loads(run(*arguments, "--property", "space", "--property", "vowel").stdout)
        assert {unit["property"] for unit in shown["units"]} == {"space", "vowel"}

    def test_a_unit(self, folder: Path, model: LanguageModel) -> None:
        arguments = ["inspect", "model.safetensors", "--text", "text.txt", "--characters", "50"]
        states = read(model, TEXT, characters=50).layers["lstm"]
        for unit, letter in (("lstm/12", "c"), ("lstm/12/f", "f")):
            values = states[letter][:, 12]
            expected = [f"{c!r}\t{x:.4f}" for c, x in zip(TEXT[:50], values, strict=True)]
            assert run(*arguments, "--unit", unit).stdout.splitlines() == expected

    def test_a_unit_in_a_terminal(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        arguments = ["inspect", "model.safetensors", "--text", "text.txt", "--characters", "50"]
        shown = run(*arguments, "--unit", "lstm/12").stdout
        assert "\x1b[" in shown
        plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
        assert plain == TEXT[:50].replace("\n", "↵\n") + "\n"

    def test_units_are_named_in_a_narrow_terminal(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "30")
        shown = run("inspect", "model.safetensors", "--text", "text.txt").stdout
        assert re.search(r"lstm/\d+/[ch]", shown)

    def test_properties_that_nothing_can_follow(self, folder: Path) -> None:
        arguments = ["inspect", "model.safetensors", "--text", "text.txt"]
        shown = run(*arguments, "--property", "inside_quotes").stdout
        assert "varies within this text" in shown

    def test_a_table(self, folder: Path, model: LanguageModel) -> None:
        arguments = ["inspect", "model.safetensors", "--text", "text.txt", "--characters", "60"]
        run(*arguments, "--csv", "all.csv")
        run(*arguments, "--csv", "one.csv", "--unit", "lstm/7")
        expected = read(model, TEXT, characters=60)
        tables = {}
        for name in ("all", "one"):
            with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
                tables[name] = list(csv.DictReader(file))
        assert len(tables["all"]) == 60 * 24
        assert [row for row in tables["all"] if row["unit"] == "7"] == tables["one"]
        assert "".join(row["token"] for row in tables["one"]) == TEXT[:60]
        for letter, values in expected.layers["lstm"].items():
            got = [float(row[letter]) for row in tables["one"]]
            np.testing.assert_allclose(got, values[:, 7], rtol=1e-4, atol=1e-6)
        nats = [row["nats"] for row in tables["one"]]
        assert nats[0] == ""
        np.testing.assert_allclose([float(n) for n in nats[1:]], expected.surprise[1:], rtol=1e-4)

    def test_standard_input(self, folder: Path) -> None:
        arguments = ["inspect", "model.safetensors", "--text", "-"]
        shown = run(*arguments, stdin=TEXT[:200]).stdout
        assert shown.startswith("-: 200 characters, 200 tokens\n")

    def test_what_the_training_kept_apart(self, folder: Path) -> None:
        LanguageModel.train(Path("text.txt"), folder="m", **SMALL)
        assert run("inspect", "m").stdout.startswith("the validation part: ")

    def test_the_same_seed_gives_the_same(self, folder: Path) -> None:
        arguments = ["inspect", "model.safetensors", "--text", "text.txt", "--json", "--seed", "3"]
        assert run(*arguments).stdout == run(*arguments).stdout

    def test_a_text_of_hardly_anything(self, folder: Path) -> None:
        (folder / "tiny.txt").write_text("th")
        arguments = ["inspect", "model.safetensors", "--text", "tiny.txt", "--report", "r.html"]
        assert "The text is too short to look for units" in run(*arguments).stdout
        shown = json.loads(
            run("inspect", "model.safetensors", "--text", "tiny.txt", "--json").stdout
        )
        assert shown["nats"] > 0
        assert shown["memory"] is None


class TestInspectRefuses:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [("keras", "a model"), ("network", "a network"), ("writer", "a writer")],
    )
    def test_another_kind_of_model(self, folder: Path, name: str, kind: str) -> None:
        arguments = ["inspect", f"{name}.safetensors", "--text", "text.txt", "--report", "r.html"]
        code, message = fails(*arguments, folder=folder)
        assert code == 1
        assert message.startswith(f"error: {name}.safetensors: ")
        assert kind.split()[1] in message

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--text", "empty.txt"], "--text: expected a text that is not empty, got empty.txt"),
            (["--text", "none.txt"], "--text: expected a file that can be read, got none.txt"),
            ([], "--text: expected a text, because the model is not a folder, got none"),
            (["--text", "text.txt", "--characters", "0"], "--characters: expected an integer"),
            (["--text", "text.txt", "--seed", "-1"], "--seed: expected an integer of at least 0"),
            (["--text", "text.txt", "--property", "spac"], "--property: expected one of"),
            (
                ["--text", "text.txt", "--unit", "lstm/24"],
                "--unit: expected a unit of lstm, 0 to 23, got 24",
            ),
            (
                ["--text", "text.txt", "--unit", "gru/0"],
                "--unit: expected LAYER/NUMBER, such as lstm/0, of lstm, got gru/0",
            ),
            (["--text", "text.txt", "--unit", "lstm/-1"], "--unit: expected LAYER/NUMBER"),
            (["--text", "text.txt", "--unit", "lstm/1/u"], "--unit: expected one of h, c, i, f,"),
            (["--text", "text.txt", "--unit", "lstm/1", "--json"], "--unit: expected no --json"),
            (["--text", "text.txt", "--csv", "none/a.csv"], "--csv: expected a file in a folder"),
            (
                ["--text", "text.txt", "--report", "."],
                "--report: expected a file that ends in .html",
            ),
            (
                ["--text", "text.txt", "--report", "model.safetensors"],
                "--report: expected a file that ends in .html or .htm, got model.safetensors",
            ),
            (["--text", "text.txt", "--csv", "-"], "--csv: expected a file that ends in .csv"),
            (
                ["--text", "text.csv", "--csv", "text.csv"],
                "--csv: expected a file other than the text, got text.csv",
            ),
            (["--text", "one.txt"], "--text: expected at least 2 tokens, one to predict, got t"),
        ],
    )
    def test_a_bad_option(self, folder: Path, options: list[str], message: str) -> None:
        if not any(name in options for name in ("--csv", "--report")):
            options = [*options, "--csv", "states.csv", "--report", "report.html"]
        code, shown = fails("inspect", "model.safetensors", *options, folder=folder)
        assert code == 2
        assert shown.startswith(f"error: {message}")

    def test_a_character_that_the_model_does_not_know(self, folder: Path) -> None:
        code, message = fails("inspect", "model.safetensors", "--text", "other.txt", folder=folder)
        assert message.startswith("error: --text: expected only the ")
        assert message.endswith("got '?' (U+003F) at offset 4\n")
        assert code == 2

    def test_a_model_that_is_not_there(self, folder: Path) -> None:
        code, _ = fails("inspect", "none.safetensors", "--text", "text.txt", folder=folder)
        assert code == 1


def training(folder: Path, name: str, **values: Any) -> None:
    """The folder of a training with three rounds."""
    (folder / name).mkdir()
    records = [
        {"epoch": k, "step": 10 * k, "seconds": 2.5 * k, "loss": 3 / k, "val_loss": 3.5 / k}
        | values
        for k in (1, 2, 3)
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / name / "history.jsonl").write_text(lines)


class TestPlot:
    @pytest.fixture(autouse=True)
    def matplotlib(self) -> None:
        pytest.importorskip("matplotlib").use("Agg")

    @pytest.mark.parametrize(
        ("name", "begins"),
        [("losses.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")],
    )
    def test_a_picture(self, folder: Path, name: str, begins: bytes) -> None:
        training(folder, "one")
        training(folder, "two")
        output = [] if name == "losses.png" else ["--output", name]
        assert run("plot", "one", "two", *output).stdout == f"Saved {name}.\n"
        assert (folder / name).read_bytes().startswith(begins)

    def test_a_training_of_the_command(self, folder: Path) -> None:
        LanguageModel.train(Path("text.txt"), folder="m", **SMALL)
        run("plot", "m", "--over", "steps", "--output", "m.svg")
        shown = (folder / "m.svg").read_text("utf-8")
        for text in ("steps", "loss (nats per token)", "m, training", "m, validation"):
            assert text in shown

    def test_without_matplotlib(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        training(folder, "one")
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
        code, shown = fails("plot", "one", folder=folder)
        assert shown.endswith("pip install 'lstm-kit[plot]'\n")
        assert code == 1

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (["model.safetensors"], 1, "model.safetensors: is not a folder"),
            (["none"], 1, "none: there is no such folder"),
            (["begun"], 1, "begun/history.jsonl: is empty"),
            (["damaged"], 1, "damaged/history.jsonl: is damaged"),
            (["words"], 1, "words/history.jsonl: is damaged"),
            (["judged"], 1, "judged/history.jsonl: is damaged"),
            (["lacks"], 1, "lacks/history.jsonl: is damaged (it lacks loss, seconds, step)"),
            (["one", "one"], 1, "runs: expected folders of training runs, each once, got one, one"),
            (["one", "--output", "a.txt"], 2, "--output: expected a file that ends in .png"),
            (["one", "--output", "none/a.png"], 2, "--output: expected a file in a folder that"),
            (["one", "--output", "dir.png"], 2, "--output: expected a file, got the folder dir.p"),
            (["one", "--over", "tme"], 2, "--over: expected one of 'time', 'steps', 'epochs' (did"),
        ],
    )
    def test_what_it_refuses(
        self, folder: Path, arguments: list[str], code: int, message: str
    ) -> None:
        training(folder, "one")
        training(folder, "words", loss="low")
        training(folder, "judged", val_loss=None)
        (folder / "dir.png").mkdir()
        contents = {"begun": "", "damaged": '{"epoch": 1}\n{', "lacks": '{"epoch": 1}\n'}
        for name, content in contents.items():
            (folder / name).mkdir()
            (folder / name / "history.jsonl").write_text(content)
        got, shown = fails("plot", *arguments, folder=folder)
        assert shown.startswith(f"error: {message}")
        assert got == code
