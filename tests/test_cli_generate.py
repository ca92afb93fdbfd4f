"""The command `lstm generate`: every option, proposals, and what goes wrong."""

import json
import re
from ast import literal_eval
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.cli import app
from lstm.text import ByteVocabulary


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """The working folder, with a model."""
    monkeypatch.chdir(tmp_path)
    model.save("model")
    return tmp_path


def run(*arguments: str, stdin: str | bytes | None = None, code: int = 0) -> Result:
    """Run the command in this process; it must end with an exit code, not an exception."""
    result = CliRunner().invoke(app, ["generate", "model", *arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


def test_options_reach_the_model(folder: Path, model: LanguageModel) -> None:
    options = "--length 90 --temperature 1.2 --top-k 20 --top-p 0.95 --min-p 0.02"
    more = "--repetition-penalty 1.3 --seed 5 --stop zzz --stop ."
    expected = model.generate(
        "the",
        90,
        temperature=1.2,
        top_k=20,
        top_p=0.95,
        seed=5,
        min_p=0.02,
        repetition_penalty=1.3,
        stop=["zzz", "."],
    )
    shown = run("--prompt", "the", *options.split(), *more.split()).stdout
    assert shown == expected + "\n"
    assert 3 < len(expected) < 93


def test_a_prompt_from_a_file_or_standard_input(folder: Path, model: LanguageModel) -> None:
    prompt = "the red\napple "
    expected = model.generate(prompt, 20, temperature=0.8, seed=1) + "\n"
    (folder / "prompt.txt").write_bytes(b"\xef\xbb\xbf" + prompt.replace("\n", "\r\n").encode())
    options = ["--length", "20", "--seed", "1"]
    assert run("--prompt-file", "prompt.txt", *options).stdout == expected
    assert run("--prompt-file", "-", *options, stdin=prompt).stdout == expected


def test_a_prompt_that_names_a_file_is_the_text_but_not_without_a_word(folder: Path) -> None:
    (folder / "the").write_text("a")
    result = run("--prompt", "the", "--length", "0")
    assert result.stdout == "the\n"
    expected = "--prompt takes 'the' as the text; --prompt-file reads the file of that name"
    assert result.stderr == f"warning: {expected}\n"
    assert run("--prompt-file", "the", "--length", "0").stderr == ""


def test_a_prompt_of_a_megabyte(folder: Path) -> None:
    prompt = TEXT * 300
    shown = run("--prompt-file", "-", "--length", "5", "--seed", "0", stdin=prompt).stdout
    assert shown.startswith(prompt)
    assert len(shown) == len(prompt) + 6


def test_samples_stand_below_each_other(folder: Path, model: LanguageModel) -> None:
    texts = model.generate("the", 30, temperature=0.8, seed=4, samples=3)
    options = ["--prompt", "the", "--length", "30", "--samples", "3"]
    shown = run(*options, "--seed", "4").stdout
    assert shown == "".join(f"{k + 1}. (seed {4 + k})\n{text}\n\n" for k, text in enumerate(texts))
    result = json.loads(run(*options, "--seed", "4", "--json").stdout)
    assert result == {"prompt": "the", "texts": [text[3:] for text in texts], "seed": 4}
    assert run(*options).stdout.startswith("1.\nthe")


def test_a_beam_search(folder: Path, model: LanguageModel) -> None:
    found = model.beam("the ", 20, 3, ".")
    options = ["--prompt", "the ", "--length", "20", "--beam", "3", "--stop", "."]
    assert run(*options).stdout == found.text + "\n"
    assert json.loads(run(*options, "--json").stdout) == {
        "prompt": "the ",
        "text": found.text[4:],
        "log_probability": found.log_probability,
    }


def test_log_probabilities_in_a_table(folder: Path, model: LanguageModel) -> None:
    text = model.generate("the ", 12, temperature=0.8, seed=3)
    logs = model.log_probabilities(text[4:], "the ")
    options = ["--prompt", "the ", "--length", "12", "--seed", "3", "--log-probs"]
    shown = run(*options).stdout
    assert shown.startswith(text + "\n")
    heading, *rows = shown[len(text) + 1 :].splitlines()
    assert heading.split() == ["token", "log", "p", "p"]
    for row, (token, log_p) in zip(rows, logs, strict=True):
        assert row.startswith(repr(token))
        assert row.split()[-2] == f"{log_p:.4f}"
    result = json.loads(run(*options, "--json").stdout)
    assert result["text"] == text[4:]
    assert [list(entry.values()) for entry in result["log_probabilities"]] == list(map(list, logs))
    several = json.loads(run(*options, "--samples", "2", "--json").stdout)
    assert several["log_probabilities"][0] == result["log_probabilities"]
    assert len(several["log_probabilities"]) == len(several["texts"]) == 2


def test_parts_of_characters_have_a_place_in_the_table(folder: Path) -> None:
    LanguageModel.create(ByteVocabulary(), hidden=2, seed=0).save("model")
    shown = run("--log-probs", "--length", "300", "--temperature", "2", "--seed", "1").stdout
    assert re.search(r"^<[0-9a-f]{2}> ", shown, re.MULTILINE)


@pytest.mark.parametrize("samples", ["1", "2"])
def test_a_state_goes_on_as_in_one_go(folder: Path, samples: str) -> None:
    options = ["--temperature", "1.1", "--repetition-penalty", "1.2", "--seed", "6"]
    options += ["--prompt", "the ", "--samples", samples, "--json"]
    texts: list[list[str]] = [[] for _ in range(int(samples))]

    def add(result: Result) -> None:
        found = json.loads(result.stdout)
        for k, text in enumerate(found.get("texts", [found.get("text")])):
            texts[k].append(text)

    add(run(*options, "--length", "41", "--save-state", "s1"))
    add(run("--state", "s1", "--length", "2", "--save-state", "s2", "--json"))
    add(run("--state", "s2", "--length", "57", "--json"))
    whole = json.loads(run(*options, "--length", "100").stdout)
    assert ["".join(parts) for parts in texts] == whole.get("texts", [whole.get("text")])


# ---- interactive


def proposals(shown: str) -> list[list[str]]:
    """What was proposed at each turn."""
    turns = [re.findall(r"^  \d  ('.*')$", turn, re.MULTILINE) for turn in shown.split("> ")]
    return [[literal_eval(text) for text in turn] for turn in turns if turn]


def test_a_number_picks(folder: Path) -> None:
    options = ["--interactive", "--prompt", "the ", "--seed", "2"]
    first = proposals(run(*options, stdin="").stdout)[0]
    assert len(set(first)) == 5
    shown = run(*options, stdin="2\n").stdout
    before, after = proposals(shown)
    assert before == first
    assert shown.endswith(f"\nthe {first[1]}\n")
    shown = run(*options, stdin="2\n1\n/quit\n3\n").stdout
    assert shown.endswith(f"\nthe {first[1]}{after[0]}\n")


def test_enter_proposes_others(folder: Path) -> None:
    shown = run("--interactive", "--prompt", "the ", "--seed", "2", stdin="\n\n").stdout
    turns = proposals(shown)
    assert len(turns) == 3
    assert turns[0] != turns[1] != turns[2]
    assert shown.endswith("\nthe \n")


def test_any_other_line_is_text(folder: Path) -> None:
    options = ["--interactive", "--temperature", "0"]
    shown = run(*options, "--prompt", "the ", stdin="sweet melon \r\n").stdout
    assert shown.endswith("\nthe sweet melon \n")
    # It is read: the model goes on from there.
    assert (
        proposals(shown)[-1] == proposals(run(*options, "--prompt", "the sweet melon ").stdout)[0]
    )


def test_the_last_piece_is_taken_back(folder: Path) -> None:
    options = ["--interactive", "--prompt", "the ", "--seed", "2"]
    lines = "sour \n1\n/undo\n/undo\n/undo\nred\n"
    shown = run(*options, stdin=lines).stdout
    assert shown.count("There is nothing to undo.") == 1
    assert shown.endswith("\nthe red\n")


def test_what_the_model_cannot_read_is_not_taken(folder: Path) -> None:
    shown = run("--interactive", "--prompt", "the ", stdin="maté\nred\n").stdout
    assert "The model cannot read that: expected only the" in shown
    assert "'é' (U+00E9) at offset 3" in shown
    assert shown.endswith("\nthe red\n")


def test_what_was_chosen_can_be_gone_on_from(folder: Path, model: LanguageModel) -> None:
    options = ["--interactive", "--temperature", "0", "--prompt", "the ", "--save-state", "s"]
    run(*options, stdin="red \n")
    expected = model.generate("the red ", 30, temperature=0)
    assert "the red " + run("--state", "s", "--length", "30").stdout == expected + "\n"
    assert run("--state", "s", "--interactive", stdin="a \n").stdout.endswith("\na \n")


# ---- what goes wrong


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--prompt", ["café"]),
        ("--prompt-file", ["none.txt", ".", "latin.txt", "other.txt"]),
        ("--length", ["-1"]),
        ("--temperature", ["-1", "nan"]),
        ("--top-p", ["0", "1.01"]),
        ("--min-p", ["-0.1", "2"]),
        ("--repetition-penalty", ["0", "inf"]),
        ("--stop", [""]),
        ("--samples", ["0"]),
        ("--seed", ["-1"]),
        ("--beam", ["0", "99999999999999999999"]),
        ("--state", ["none", "model", "of-other"]),
        ("--save-state", ["no/such/folder"]),
    ],
)
def test_values_that_cannot_be(
    folder: Path, model: LanguageModel, option: str, values: list[str]
) -> None:
    (folder / "latin.txt").write_bytes("café".encode("latin-1"))
    (folder / "other.txt").write_text("what?")
    LanguageModel.create(model.vocabulary, hidden=24).writer("a").save("of-other")
    for value in values:
        result = run(option, value, code=2)
        assert result.stderr.startswith(f"error: {option}: expected ")
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""


@pytest.mark.parametrize(
    ("options", "named", "other"),
    [
        ("--prompt a --prompt-file -", "--prompt-file", "--prompt"),
        ("--state s --samples 2", "--state", "--samples"),
        ("--state s --prompt a", "--state", "--prompt"),
        ("--state s --temperature 0.8", "--state", "--temperature"),
        ("--beam 2 --temperature 0.8", "--beam", "--temperature"),
        ("--beam 2 --samples 2", "--beam", "--samples"),
        ("--save-state s --stop .", "--save-state", "--stop"),
        ("--interactive --json", "--interactive", "--json"),
        ("--interactive --samples 2", "--interactive", "--samples"),
    ],
)
def test_options_that_have_no_meaning_together(
    folder: Path, options: str, named: str, other: str
) -> None:
    result = run(*options.split(), code=2)
    assert result.stderr == f"error: {named}: expected no {other} together with it, got both\n"


def test_standard_input_is_a_prompt_or_answers(folder: Path) -> None:
    message = run("--interactive", "--prompt-file", "-", stdin="a", code=2).stderr
    assert message.startswith("error: --prompt-file: expected a file, with --interactive")


def test_nothing_is_saved_where_nothing_was_written(folder: Path) -> None:
    run("--prompt", "é", "--save-state", "s", code=2)
    assert not (folder / "s").exists()
