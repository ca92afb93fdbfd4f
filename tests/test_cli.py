"""The command `lstm`: what it does, prints and writes."""

import gzip
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import lstm
from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.callbacks import LambdaCallback
from lstm.cli import app
from lstm.data import offline_corpus
from lstm.forecasting import LSTMClassifier, LSTMForecaster
from lstm.text import ByteVocabulary
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.training.run import TrainingRun
from run_cases import check_same, digest

SMALL = ["--hidden", "8", "--epochs", "2", "--seed", "1"]


def run(*arguments: str, stdin: str | bytes | None = None, code: int = 0) -> Result:
    """Run the command in this process; it must end with an exit code, not an exception."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """The working folder, with a text and a model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "done").mkdir()
    model.save(tmp_path / "done" / "model.safetensors")
    return tmp_path


def test_version() -> None:
    assert run("--version").stdout == f"lstm-kit {lstm.info()['lstm-kit']}\n"


class TestTrain:
    def test_from_a_text_to_a_model_that_writes(self, folder: Path) -> None:
        lines = run("train", "text.txt", *SMALL).stdout.splitlines()
        learned = len(TEXT) - len(TEXT) // 10
        assert lines[0].startswith(
            f"{learned:,} characters to learn from, {len(set(TEXT))} distinct; "
        )
        (last,) = [line for line in lines if line.startswith("epoch 2  step ")]
        assert "  loss " in last
        assert "  val " in last
        assert " characters/s " in last
        assert any(line.startswith("    ") for line in lines)
        names = sorted(path.name for path in (folder / "text-model").iterdir())
        assert names == [
            "checkpoint.safetensors",
            "config.json",
            "history.csv",
            "history.jsonl",
            "model.safetensors",
            "tokens.bin",
        ]
        saved, command = lines[-1].split(" Next: ")
        assert saved == "Saved text-model/model.safetensors."
        name, *arguments = shlex.split(command)
        assert name == "lstm"
        assert len(run(*arguments, "--length", "20").stdout) == 21

    @pytest.mark.parametrize("cell", ["gru", "rnn"])
    def test_layers_of_other_cells(self, folder: Path, cell: str) -> None:
        """The commands take such a model as any other."""
        headline = run("train", "text.txt", "--out", "m", "--cell", cell, *SMALL).stdout
        assert f" parameters, {cell}; backend " in headline.splitlines()[0]
        assert json.loads(run("info", "m", "--json").stdout)["cells"] == [cell]
        drawn = ["--prompt", "the ", "--length", "9", "--temperature", "1", "--seed", "2"]
        text = run("generate", "m", *drawn).stdout
        assert text == LanguageModel.load("m").generate("the ", 9, seed=2) + "\n"
        assert run("generate", "m", "--beam", "2", "--length", "9").stdout
        assert " bits a character" in run("evaluate", "m", "text.txt").stdout
        found = json.loads(run("inspect", "m", "--text", "text.txt", "--json").stdout)
        assert found["gates"].keys() == {{"gru": "gru", "rnn": "simple_rnn"}[cell]}
        refused = run("train", "text.txt", "--cell", "gra", code=2).output
        assert "--cell: expected one of" in refused

    def test_leaves_a_record_of_every_epoch(self, folder: Path) -> None:
        run("train", "text.txt", "--out", "m", *SMALL)
        lines = (folder / "m/history.jsonl").read_text().splitlines()
        record = [json.loads(line) for line in lines]
        assert [entry["epoch"] for entry in record] == [1, 2]
        loaded = LanguageModel.load("m/model.safetensors")
        assert loaded.history is not None
        for key in ("loss", "val_loss"):
            assert loaded.history.history[key] == [entry[key] for entry in record]

    def test_json(self, folder: Path) -> None:
        result = json.loads(run("train", "text.txt", "--out", "m", *SMALL, "--json").stdout)
        loaded = LanguageModel.load(result["model"])
        lines = (folder / "m/history.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert loaded.history is not None
        assert loaded.history.history["val_loss"] == [record["val_loss"] for record in records]
        assert result == {
            "model": str(Path("m/model.safetensors")),
            "parameters": loaded.model.count_params(),
            "unknown_share": 0.0,
            "best": min(records, key=lambda record: float(record["val_loss"])),
            **records[-1],
        }
        assert result["epoch"] == 2

    def test_options_reach_the_model(self, folder: Path) -> None:
        options = "--hidden 6 --layers 2 --embedding 5 --seq-len 16 --batch-size 4 --epochs 1 "
        options += "--lr 0.01 --dropout 0.5 --val-fraction 0.25 --seed 3 --backend reference"
        run("train", "text.txt", "--out", "m", *options.split())
        made = LanguageModel.train(
            TEXT,
            hidden=6,
            layers=2,
            embedding=5,
            seq_len=16,
            batch_size=4,
            epochs=1,
            lr=0.01,
            dropout=0.5,
            val_fraction=0.25,
            seed=3,
            backend="reference",
        )
        loaded = LanguageModel.load("m/model.safetensors")
        for w, v in zip(loaded.model.get_weights(), made.model.get_weights(), strict=True):
            np.testing.assert_array_equal(w, v)

    def test_within_minutes(self, folder: Path) -> None:
        shown = run("train", "text.txt", "--hidden", "4", "--minutes", "0.005", "--json").stdout
        result = json.loads(shown)
        assert result["step"] >= 1
        assert result["seconds"] >= 0.3

    def test_without_validation(self, folder: Path) -> None:
        result = run("train", "text.txt", "--out", "m", *SMALL, "--val-fraction", "0")
        assert " val " not in result.stdout
        result = run("train", "text.txt", "--out", "n", *SMALL, "--val-fraction", "0", "--json")
        values = json.loads(result.stdout)
        assert "val_loss" not in values
        assert values["best"]["step"] <= values["step"]
        assert values["loss"] > 0

    def test_from_standard_input(self, folder: Path) -> None:
        run("train", "-", *SMALL, stdin=TEXT)
        run("train", "text.txt", *SMALL)
        weights = [
            LanguageModel.load(f"{name}-model/model.safetensors").model.parameters.values
            for name in ("stdin", "text")
        ]
        np.testing.assert_array_equal(*weights)

    def test_on_the_text_that_python_carries(self, folder: Path) -> None:
        run("train", "--hidden", "2", "--minutes", "0.001", "--seq-len", "8", "--val-fraction", "0")
        loaded = LanguageModel.load("offline-model/model.safetensors")
        assert set(loaded.vocabulary.characters) == set(offline_corpus())

    def test_line_ends_and_byte_order_marks(self, folder: Path) -> None:
        content = "\ufeff" + TEXT.replace("\n", "\r\n")
        run("train", "-", *SMALL, stdin=content.encode())
        loaded = LanguageModel.load("stdin-model/model.safetensors")
        assert set(loaded.vocabulary.characters) == set(TEXT)
        run("evaluate", "stdin-model", "-", stdin=content.encode())

    def test_names_that_a_terminal_could_take_for_markup(self, folder: Path) -> None:
        (folder / "[b]:smile: text.txt").write_text(TEXT)
        result = run("train", "[b]:smile: text.txt", *SMALL)
        command = result.stdout.splitlines()[-1].split(" Next: ")[1]
        run(*shlex.split(command)[1:], "--length", "3")
        assert "[b]:smile: none.txt" in run("train", "[b]:smile: none.txt", code=1).stderr

    def test_shakespeare(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LSTM_SHAKESPEARE", "text.txt")
        assert "sha256" in run("train", "shakespeare", code=1).stderr
        # A file of that name comes first.
        (folder / "shakespeare").write_text(TEXT)
        run("train", "shakespeare", *SMALL)

    def test_several_files_are_one_text(self, folder: Path) -> None:
        cut = TEXT.index("\n", 1000) + 1
        (folder / "a.txt").write_text(TEXT[:cut])
        (folder / "b.txt.gz").write_bytes(gzip.compress(TEXT[cut:].encode()))
        run("train", "a.txt", "b.txt.gz", *SMALL)
        run("train", "text.txt", *SMALL)
        check_same(folder / "a-model", folder / "text-model")

    @pytest.mark.parametrize("tokens", ["bytes", "words", "bpe"])
    def test_other_tokens(self, folder: Path, tokens: str) -> None:
        options = ["--tokens", tokens, "--seq-len", "8"]
        if tokens == "bpe":
            options += ["--vocabulary-size", "270"]
        lines = run("train", "text.txt", *SMALL, *options).stdout.splitlines()
        unit = "tokens" if tokens == "bpe" else tokens
        assert f" {unit} to learn from, " in lines[0]
        assert (" a token, " in "".join(lines)) == (tokens != "bytes")
        assert LanguageModel.load("text-model").vocabulary.kind == tokens

    def test_event_files_on_request(self, folder: Path) -> None:
        run("train", "text.txt", "--out", "m", *SMALL, "--tensorboard")
        (file,) = (folder / "m" / "tensorboard").iterdir()
        assert b"val_loss" in file.read_bytes()


class TestResume:
    def test_goes_on_where_it_stopped(self, folder: Path) -> None:
        options = {"hidden": 8, "epochs": 2}
        begun = TrainingRun.begin(
            LanguageModel, Path("text.txt"), Tokenization(), options, "m", seed=1
        )

        def stop(batch: int, logs: Any) -> None:
            begun.training.interrupted = batch == 30

        with pytest.raises(KeyboardInterrupt):
            begun.train(callbacks=LambdaCallback(on_train_batch_end=stop))
        lines = run("train", "--resume", "m", "--checkpoint-every", "9").stdout.splitlines()
        assert " characters to learn from, " in lines[0]
        assert lines[-1] == "Saved m/model.safetensors. Next: lstm generate m"
        run("train", "text.txt", *SMALL)
        check_same(folder / "m", folder / "text-model")
        # Once more changes nothing.
        before = digest(folder / "m/model.safetensors")
        result = json.loads(run("train", "--resume", "m", "--json").stdout)
        assert result["epoch"] == 2
        assert digest(folder / "m/model.safetensors") == before

    def test_event_files_go_on_too(self, folder: Path) -> None:
        run("train", "text.txt", "--out", "m", *SMALL)
        run("train", "--resume", "m", "--tensorboard")
        assert (folder / "m" / "tensorboard").is_dir()


class TestFindLr:
    def test_shows_rates_and_writes_nothing(self, folder: Path) -> None:
        before = sorted(folder.rglob("*"))
        *lines, last = run("train", "text.txt", *SMALL, "--find-lr").stdout.splitlines()
        assert lines[0].split()[0] == "1.00e-05"
        assert len(lines) > 5
        assert all(line.split()[2].strip("#") == "" for line in lines)
        assert 1e-4 < float(last.removeprefix("Suggestion: --lr ")) < 1
        assert sorted(folder.rglob("*")) == before

    def test_json(self, folder: Path) -> None:
        found = json.loads(run("train", "text.txt", *SMALL, "--find-lr", "--json").stdout)
        assert len(found["rates"]) == len(found["losses"])
        lowest = found["rates"][int(np.argmin(found["losses"]))]
        assert found["suggestion"] == lowest / 10


class TestGenerate:
    def test_writes_what_the_model_writes(self, folder: Path, model: LanguageModel) -> None:
        options = "--prompt the --length 70 --temperature 0.7 --top-k 9 --top-p 0.9 --seed 5"
        expected = model.generate("the", 70, temperature=0.7, top_k=9, top_p=0.9, seed=5)
        for where in ("done", "done/model.safetensors"):
            assert run("generate", where, *options.split()).stdout == expected + "\n"

    def test_by_default_500_characters_from_the_start_of_a_line(
        self, folder: Path, model: LanguageModel
    ) -> None:
        expected = model.generate("", 500, temperature=0.8, seed=2)
        assert run("generate", "done", "--seed", "2").stdout == expected + "\n"

    def test_json(self, folder: Path, model: LanguageModel) -> None:
        result = run("generate", "done", "--prompt", "a", "--length", "9", "--seed", "2", "--json")
        text = model.generate("a", 9, temperature=0.8, seed=2)[1:]
        assert json.loads(result.stdout) == {"prompt": "a", "text": text, "seed": 2}

    def test_other_scripts(self, folder: Path) -> None:
        prompt = "Привет 😀"
        run("train", "-", "--hidden", "2", "--epochs", "1", stdin=f"{prompt} עולם\n" * 20)
        assert run("generate", "stdin-model", "--prompt", prompt).stdout.startswith(prompt)
        result = run("generate", "stdin-model", "--prompt", prompt, "--json").stdout
        assert json.loads(result)["prompt"] == prompt


class TestEvaluate:
    def test_says_how_well_the_text_is_predicted(self, folder: Path, model: LanguageModel) -> None:
        expected = model.evaluate(TEXT)
        assert run("evaluate", "done", "text.txt").stdout.splitlines() == [
            f"text.txt: {len(TEXT) - 1:,} tokens predicted, {len(TEXT) - 1:,} characters",
            f"{expected.nats:.4f} nats, {expected.bits:.4f} bits a token",
            f"{expected.perplexity:.3f} perplexity of a token",
            f"{expected.nats:.4f} nats, {expected.bits:.4f} bits a character",
            f"{expected.bits:.4f} bits a byte",
            f"{100 * expected.accuracy:.2f} % of the tokens found at the first guess",
        ]

    def test_json(self, folder: Path, model: LanguageModel) -> None:
        result = json.loads(run("evaluate", "done", "-", "--json", stdin=TEXT[:300]).stdout)
        expected = model.evaluate(TEXT[:300])
        assert result == vars(expected) | {
            "corpus": "-",
            "unknown_share": 0.0,
            "nats_per_character": expected.nats_per_character,
            "bits_per_character": expected.bits_per_character,
            "bits_per_byte": expected.bits_per_byte,
        }

    def test_of_a_folder_of_files(self, folder: Path, model: LanguageModel) -> None:
        (folder / "texts").mkdir()
        (folder / "texts/1").write_text(TEXT.rstrip("\n"))
        (folder / "texts/2.gz").write_bytes(gzip.compress(TEXT.encode()))
        expected = vars(model.evaluate(TEXT.rstrip("\n") + "\n" + TEXT))
        for name in ("texts", "texts/*"):
            result = json.loads(run("evaluate", "done", name, "--json").stdout)
            assert {key: result[key] for key in expected} == expected

    def test_of_what_the_training_kept(self, folder: Path) -> None:
        options = "--hidden", "8", "--epochs", "1", "--seed", "0"
        run("train", "text.txt", "--out", "m", *options)
        result = json.loads(run("evaluate", "m", "--json").stdout)
        assert result["corpus"] == "the validation part"
        assert result["tokens"] == len(TEXT) // 10 - 1
        assert result["nats"] == LanguageModel.load("m").evaluate(TEXT[-(len(TEXT) // 10) :]).nats
        run("train", "text.txt", "--out", "n", *options, "--test-fraction", "0.05")
        result = json.loads(run("evaluate", "n", "--json").stdout)
        assert result["corpus"] == "the test part"
        assert result["nats"] == LanguageModel.load("n").evaluate(TEXT[-(len(TEXT) // 20) :]).nats


class TestInfo:
    def test_of_the_installation(self) -> None:
        facts = json.loads(run("info", "--json").stdout)
        assert facts["backend"] == lstm.backend().name
        assert facts["numpy"] == np.__version__
        lines = run("info").stdout.splitlines()
        shown = {k: ", ".join(v) if isinstance(v, list) else v for k, v in facts.items()}
        assert lines == [f"{key.replace('_', ' ')}: {value}" for key, value in shown.items()]

    def test_of_a_language_model(self, folder: Path, model: LanguageModel) -> None:
        shown = run("info", "done").stdout
        assert model.history is not None
        assert repr(model.vocabulary.characters) in shown
        assert "trained, at last with loss " in shown
        assert f"val_loss {model.history.history['val_loss'][-1]:.4f}" in shown
        assert f"{model.model.count_params():,} parameters" in shown
        facts = json.loads(run("info", "done", "--json").stdout)
        assert facts["kind"] == "language model"
        assert facts["characters"] == model.vocabulary.characters
        assert facts["history"] == model.history.history
        assert facts["parameters"] == model.model.count_params()

    def test_of_a_checkpoint(self, folder: Path, model: LanguageModel) -> None:
        lstm.LanguageModel.train("to be or not to be " * 20, hidden=3, epochs=1, folder="kept")
        facts = json.loads(run("info", "kept/checkpoint.safetensors", "--json").stdout)
        assert facts["kind"] == "checkpoint"
        assert facts["characters"] == " benort"
        assert "vocabulary: 7 tokens" in run("info", "kept/checkpoint.safetensors").stdout

    def test_of_a_language_model_of_bytes(self, folder: Path) -> None:
        LanguageModel.create(ByteVocabulary(), hidden=2).save("bytes.safetensors")
        assert "vocabulary: 256 tokens (bytes)\n" in run("info", "bytes.safetensors").stdout
        facts = json.loads(run("info", "bytes.safetensors", "--json").stdout)
        assert (facts["vocabulary"], facts["tokens"]) == ("bytes", 256)

    @pytest.mark.parametrize("kind", ["model", "network"])
    def test_of_other_models(self, folder: Path, kind: str) -> None:
        network = lstm.LSTMNetwork(1, 2, 3)
        made: Any = network if kind == "network" else network.model
        made.save("other.safetensors")
        facts = json.loads(run("info", "other.safetensors", "--json").stdout)
        assert facts["kind"] == kind
        assert facts["parameters"] == network.model.count_params()
        assert f"{facts['parameters']} parameters" in run("info", "other.safetensors").stdout

    def test_of_forecasters_and_classifiers(self, folder: Path) -> None:
        given: dict[str, Any] = {"units": 3, "max_steps": 1, "random_state": 0}
        LSTMForecaster(2, season_length=4, **given).fit(np.arange(40.0)).save("f.safetensors")
        shown = run("info", "f.safetensors").stdout
        assert "forecaster, " in shown
        assert "1 series, steps of 1: 'y'" in shown
        assert "seasons: [4]" in shown
        LSTMClassifier(**given).fit(np.eye(6), list("ababab")).save("c.safetensors")
        assert "classes: 'a', 'b'" in run("info", "c.safetensors").stdout
        facts = json.loads(run("info", "c.safetensors", "--json").stdout)
        assert (facts["classes"], facts["design"]["units"]) == (["a", "b"], 3)

    def test_of_a_model_that_was_stopped_in_its_first_epoch(
        self, folder: Path, model: LanguageModel
    ) -> None:
        made = LanguageModel.create(model.vocabulary, hidden=2)
        made.history = lstm.callbacks.History()
        made.save("stopped.safetensors")
        assert "trained, at last" not in run("info", "stopped.safetensors").stdout


class TestDemo:
    def test_text(self, folder: Path) -> None:
        shown = run("demo", "text", "--minutes", "0.05", "--seed", "3").stdout
        assert "for 3 seconds" in shown
        assert "characters (" in shown
        (writing,) = [n for n, line in enumerate(shown.splitlines()) if "It writes:" in line]
        written = "\n".join(shown.splitlines()[writing + 2 :])
        assert written.startswith("The ")
        assert len(written) > 400
        assert sorted(path.name for path in folder.iterdir()) == ["done", "text.txt"]

    def test_addition(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fit = lstm.Model.fit

        def shorter(model: lstm.Model, *data: Any, **options: Any) -> Any:
            steps = max(2, options["steps_per_epoch"] // 4)
            return fit(model, *data, **options | {"steps_per_epoch": steps})

        monkeypatch.setattr(lstm.Model, "fit", shorter)
        shown = run("demo", "addition").stdout
        assert "a loss below 0.04995" in shown
        right = next(line for line in shown.splitlines() if "new sums of 10 bits are right" in line)
        assert int(right.split()[0]) > 800
        a, b, total = (int(line.split("= ")[1], 2) for line in shown.splitlines()[-3:])
        assert total == (a + b) % 2**10

    def test_series(self, folder: Path) -> None:
        lines = run("demo", "series").stdout.splitlines()
        forecasts = [line for line in lines if line.startswith("  forecast")]
        assert [len(line.partition("│")[2]) for line in forecasts] == [24, 24]
        names = [line.split()[0] for line in lines[-8:] if line.startswith("  ")]
        assert names[-5] == "LSTM"
        assert {"Naive", "SeasonalNaive"} < {*names}

    def test_progression(self, folder: Path) -> None:
        lines = run("demo", "progression").stdout.splitlines()
        shares = [float(line.split("%")[0]) for line in lines if "% of the next" in line]
        assert len(shares) == 26
        assert shares[0] < 10
        assert shares[-1] == 100
        numbers, predicted = (line.split()[1:] for line in lines[-2:])
        assert [int(n) for n in numbers[:4]] == [7, 21, 13, 39]
        assert predicted == numbers[1:]
