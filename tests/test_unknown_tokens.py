"""Unknown tokens: their share is said wherever a figure stands, and no figure hides them."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from typer.testing import CliRunner, Result

from lstm import LanguageModel, inspection, storage
from lstm.cli import app
from lstm.errors import LSTMWarning, ModelFileError
from lstm.text import BPEVocabulary, ByteVocabulary, CharVocabulary, WordVocabulary
from lstm.text.training.run_files import write_records
from lstm.text.vocabularies.chunks import split

RNG = np.random.default_rng(3)
CLAUSES = ["".join(chr(0x4E00 + k) for k in RNG.integers(0, 400, 9)) for _ in range(900)]
CHINESE = "".join(
    clause + "\u3002\u3001"[k % 2] + "\n" * (k % 5 == 0) for k, clause in enumerate(CLAUSES)
)
"""Words between signs that are all different: only the signs and line breaks are known."""

WORDS = ["the", "a", "sea", "sky", "is", "was", "blue", "green"]
TEXT = "".join(" ".join(RNG.choice(WORDS, 4)) + ".\n" for _ in range(200))
SMALL: dict[str, Any] = {"hidden": 4, "seq_len": 8, "epochs": 1, "seed": 0}


def run(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == 0, result.output
    return result


class TestFigures:
    def test_are_those_of_the_tokens_alone(self) -> None:
        model = LanguageModel.create(WordVocabulary(["the", " sea", " is", "."]), hidden=4, seed=0)
        result = model.evaluate("the sea is blue. the sky is green.")
        # [the sea is ? . ? ? is ? .]: " the" is not "the".
        assert (result.tokens, result.unknown, result.unknown_share) == (9, 4, 4 / 9)
        tokens = model.vocabulary.encode("the sea is blue. the sky is green.")
        p = model.model.predict(tokens[None, :-1])[0]
        nats = -np.log(p[np.arange(9), tokens[1:]]).mean()
        assert math.isclose(result.nats, nats, rel_tol=1e-5)
        assert math.isclose(result.bits, nats / math.log(2), rel_tol=1e-5)
        for of_the_text in ("characters", "bytes", "nats_per_character", "bits_per_character"):
            assert getattr(result, of_the_text) is None
        assert result.bits_per_byte is None

    @pytest.mark.parametrize(
        ("vocabulary", "known", "unknown"),
        [
            (CharVocabulary("the sa.", unknown=True), "the sea.", "the sea!"),
            (WordVocabulary(["the", " sea", "."]), "the sea.", "the sea!"),
        ],
    )
    def test_one_unknown_token_is_enough(self, vocabulary: Any, known: str, unknown: str) -> None:
        model = LanguageModel.create(vocabulary, hidden=4, seed=0)
        result = model.evaluate(known)
        assert (result.unknown, result.characters) == (0, len(known) - len(vocabulary.pieces[0]))
        assert result.bits_per_byte == result.bits * result.tokens / result.bytes
        assert model.evaluate(unknown).unknown == 1
        assert model.evaluate(unknown).bits_per_byte is None
        # What stands before the first token that is predicted does not matter.
        assert model.evaluate(
            "!" + known[1:] if vocabulary.kind == "characters" else known
        ).characters

    def test_without_unknown_tokens_there_are_none(self) -> None:
        result = LanguageModel.create(ByteVocabulary(), hidden=4, seed=0).evaluate(CHINESE[:100])
        assert (result.unknown, result.unknown_share) == (0, 0.0)
        assert result.bytes == len(CHINESE[:100].encode()) - 1


def byte_level(**options: Any) -> Tokenizer:
    """Of single bytes, as GPT-2 writes them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({sign: k for k, sign in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**{"add_prefix_space": False} | options)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def normalized_by(normalizer: Any) -> Callable[[], Tokenizer]:
    def made() -> Tokenizer:
        tokenizer = byte_level()
        tokenizer.normalizer = normalizer
        return tokenizer

    return made


def split_before(pattern: str, behavior: str) -> Callable[[], Tokenizer]:
    def made() -> Tokenizer:
        tokenizer = byte_level()
        split = pre_tokenizers.Split(Regex(pattern), behavior)
        parts = [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
        return tokenizer

    return made


def metaspace() -> Tokenizer:
    """As SentencePiece's, with bytes for what is no token."""
    tokens = ["<unk>", "▁", "a", "A", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = {token: k for k, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    return tokenizer


def words_between_spaces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"the": 0, "sea": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def without_some_bytes() -> Tokenizer:
    """What has no token is left out, without a word."""
    tokenizer = Tokenizer(models.BPE({"a": 0, "Ġ": 1, "A": 2}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (byte_level, True),
        (lambda: byte_level(add_prefix_space=True), True),
        (split_before(r"\d", "isolated"), True),
        (metaspace, True),
        (normalized_by(normalizers.NFC()), False),
        (normalized_by(normalizers.NFKC()), False),
        (normalized_by(normalizers.Lowercase()), False),
        (normalized_by(normalizers.Strip()), False),
        (normalized_by(normalizers.StripAccents()), False),
        (normalized_by(normalizers.Replace(Regex(r"\s+"), " ")), False),
        (split_before(r"\s", "removed"), False),
        (words_between_spaces, False),
        (without_some_bytes, False),
    ],
)
def test_tokenizers_that_change_a_text_give_no_figures_for_it(
    make: Callable[[], Tokenizer], expected: bool
) -> None:
    vocabulary = BPEVocabulary(make().to_str())
    assert vocabulary.reversible is expected
    model = LanguageModel.create(vocabulary, hidden=2, seed=0)
    text = "a a A" if vocabulary.unknown is None or expected else "the sea the"
    result = model.evaluate(text)
    assert result.unknown == 0
    assert (result.bits_per_byte is not None) is expected
    if expected:
        predicted = vocabulary.decode(vocabulary.encode(text)[1:])
        assert text.endswith(predicted)
        assert result.bytes == len(predicted) >= len(text) - 1


class TestTraining:
    def test_warns_and_says_what_to_do(self) -> None:
        with pytest.warns(LSTMWarning) as caught:
            model = LanguageModel.train(CHINESE, tokens="words", **SMALL)
        (warning,) = caught
        assert model.learned_text is not None
        share = model.learned_text.unknown_share
        tokens = model.vocabulary.encode(CHINESE)
        training = tokens[: len(tokens) - len(tokens) // 10]
        assert share == (training == model.vocabulary.unknown).mean() > 0.4
        assert str(warning.message) == (
            f"{100 * share:.0f} % of the tokens to learn from are unknown: the model learns "
            "only where they occur, not what they are; use characters or bpe as tokens, a lower "
            "min_count or a higher vocabulary_size"
        )
        assert warning.filename == __file__

    def test_few_are_no_warning(self) -> None:
        model = LanguageModel.train(TEXT + "a whale.\n", tokens="words", **SMALL)
        assert model.learned_text is not None
        assert model.learned_text.unknown == 0
        model = LanguageModel.train("a whale.\n" + TEXT, tokens="words", **SMALL)
        assert model.learned_text is not None
        assert model.learned_text.unknown == 1

    def test_the_record_has_their_share_and_nothing_for_a_character(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        LanguageModel.train(TEXT + "a whale.\n", tokens="words", folder=folder, **SMALL)
        (record,) = map(json.loads, (folder / "history.jsonl").read_text().splitlines())
        model = LanguageModel.load(folder)
        tokens = model.vocabulary.encode(TEXT + "a whale.\n")
        validation = tokens[len(tokens) - len(tokens) // 10 :]
        assert record["val_unknown"] == 1 / (len(validation) - 1)
        assert not [key for key in record if "character" in key]
        with (folder / "history.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert {key: float(value) for key, value in row.items()} == record

    def test_where_all_are_known_the_record_is_complete(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        LanguageModel.train(TEXT, tokens="words", folder=folder, **SMALL)
        (record,) = map(json.loads, (folder / "history.jsonl").read_text().splitlines())
        assert record["val_unknown"] == 0
        assert record["val_nats_per_character"] < record["val_loss"]

    def test_rounds_of_an_earlier_version_stand_beside_others(self, tmp_path: Path) -> None:
        write_records(tmp_path, [{"loss": 2.0, "val_bits": 1.0}, {"loss": 1.0, "val_unknown": 0.5}])
        with (tmp_path / "history.csv").open(newline="") as file:
            assert [list(row.values()) for row in csv.DictReader(file)] == [
                ["2.0", "1.0", ""],
                ["1.0", "", "0.5"],
            ]

    def test_files_keep_the_share(self, tmp_path: Path) -> None:
        with pytest.warns(LSTMWarning):
            model = LanguageModel.train(CHINESE, tokens="words", **SMALL)
        model.save(tmp_path / "model")
        assert LanguageModel.load(tmp_path / "model").learned_text == model.learned_text
        new = LanguageModel.create(model.vocabulary, hidden=2)
        new.save(tmp_path / "new")
        assert LanguageModel.load(tmp_path / "new").learned_text is None


class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")
        Path("zh.txt").write_text(CHINESE)
        Path("text.txt").write_text(TEXT)
        return tmp_path

    def train(self, *options: str) -> Result:
        command = ("train", "zh.txt", "--tokens", "words", "--hidden", "4", "--epochs", "1")
        return run(*command, "--seq-len", "8", "--seed", "0", *options)

    def test_train(self, folder: Path) -> None:
        result = self.train()
        assert result.stderr.startswith("warning: ")
        assert "of the tokens to learn from are unknown" in result.stderr
        assert result.stderr.count("\n") == 1
        lines = result.stdout.splitlines()
        text = LanguageModel.load("zh-model").learned_text
        assert text is not None
        share = f"{100 * text.unknown_share:.1f} % unknown"
        assert lines[0].startswith(f"{text.training:,} words to learn from, {share}, 4 distinct; ")
        (line,) = [line for line in lines if line.startswith("epoch ")]
        assert " bits a token, " in line
        assert " % unknown" in line
        assert "character" not in line

    def test_train_in_json(self, folder: Path) -> None:
        result = json.loads(self.train("--json").stdout)
        assert 0.4 < result["unknown_share"] < 0.6
        assert 0.4 < result["val_unknown"] < 0.6
        assert not [key for key in result if "character" in key]

    def test_info(self, folder: Path) -> None:
        self.train()
        facts = json.loads(run("info", "zh-model", "--json").stdout)
        text = LanguageModel.load("zh-model").learned_text
        assert text is not None
        assert facts["unknown_share"] == text.unknown_share
        assert facts["learned_text"] == vars(text)
        shown = run("info", "zh-model").stdout
        share = f"{100 * text.unknown_share:.1f} % unknown"
        assert f"\nlearned from {text.training:,} tokens, {share}\n" in shown

    def test_evaluate(self, folder: Path) -> None:
        self.train()
        model = LanguageModel.load("zh-model")
        expected = model.evaluate(CHINESE)
        result = run("evaluate", "zh-model", "zh.txt")
        share = f"{100 * expected.unknown_share:.1f} % unknown"
        reason = "unknown tokens cannot be turned back into text"
        assert result.stdout.splitlines() == [
            f"zh.txt: {expected.tokens:,} tokens predicted, {share}",
            f"{expected.nats:.4f} nats, {expected.bits:.4f} bits a token",
            f"{expected.perplexity:.3f} perplexity of a token",
            f"no bits per character or byte: {reason}",
            f"{100 * expected.accuracy:.2f} % of the tokens found at the first guess",
        ]
        assert result.stderr.startswith("warning: ")
        assert "use a text like the one that it learned from" in result.stderr
        result = run("evaluate", "zh-model", "zh.txt", "--json")
        facts = json.loads(result.stdout)
        assert facts["unknown"] == expected.unknown
        assert facts["unknown_share"] == expected.unknown_share
        for key in ("characters", "bytes", "nats_per_character", "bits_per_character"):
            assert facts[key] is None
        assert facts["bits_per_byte"] is None
        assert result.stderr.startswith("warning: ")

    def test_evaluate_where_all_are_known(self, folder: Path) -> None:
        command = "train text.txt --tokens words --hidden 4 --epochs 1 --seq-len 8 --seed 0"
        assert run(*command.split()).stderr == ""
        result = run("evaluate", "text-model", "text.txt")
        assert result.stderr == ""
        assert ", 0.0 % unknown, " in result.stdout.splitlines()[0]
        assert " bits a byte\n" in result.stdout

    def test_evaluate_with_a_tokenizer_that_changes_texts(self, folder: Path) -> None:
        vocabulary = BPEVocabulary(normalized_by(normalizers.Lowercase())().to_str())
        LanguageModel.create(vocabulary, hidden=2, seed=0).save("lower")
        shown = run("evaluate", "lower", "-", stdin="The sea").stdout
        reason = "the tokenizer changes the text"
        assert f"\nno bits per character or byte: {reason}\n" in shown

    def test_inspect(self, folder: Path) -> None:
        self.train()
        command = ("inspect", "zh-model", "--text", "zh.txt", "--characters", "400")
        result = run(*command)
        model = LanguageModel.load("zh-model")
        start = "".join(split(CHINESE[:400])[:-1])
        share = inspection.examine(model, start).unknown_share
        assert f", {100 * share:.1f} % unknown" in result.stdout.splitlines()[0]
        assert "of the tokens are unknown to the model" in result.stderr
        assert json.loads(run(*command, "--json").stdout)["unknown_share"] == share
        run(*command, "--report", "report.html")
        assert "% of the tokens" in Path("report.html").read_text("utf-8")


@pytest.mark.parametrize(
    "damage", [{"training": -1}, {"training": 0}, {"sha256": 3}, {"more": 1}, {"unknown": None}]
)
def test_a_header_that_makes_no_sense(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = tmp_path / "model"
    LanguageModel.train(TEXT, **SMALL).save(path)
    with storage.reading(path, ("language model",)) as (tensors, header):
        header["learned_text"] |= damage
    del header["format"]
    storage.write(path, tensors, header)
    with pytest.raises(ModelFileError, match="makes no sense"):
        LanguageModel.load(path)
