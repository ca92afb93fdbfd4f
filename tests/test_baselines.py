"""The baselines of language models: their generated text, and a small run of all of it."""

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks/baselines"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    names = "grammar", "run", "plot", "table", "corpora"
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    grammar, run = (importlib.import_module(name) for name in names[:2])
    return grammar, run


def test_the_entropy_of_the_grammar_is_what_its_texts_cost(
    modules: tuple[ModuleType, ModuleType],
) -> None:
    grammar, _ = modules
    text = grammar.write(200_000)
    assert 200_000 <= len(text) < 201_000
    assert text == grammar.write(200_000)
    cost = grammar.surprisal(text)
    # The text is a sample: 4,000 sentences tell the mean within some percent.
    assert math.isclose(cost, grammar.entropy(), rel_tol=0.03)


def test_what_is_no_text_of_the_grammar(modules: tuple[ModuleType, ModuleType]) -> None:
    grammar, _ = modules
    with pytest.raises(ValueError, match="zebra"):
        grammar.surprisal("the zebra calls.\n")


def test_a_small_run(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = modules
    (tmp_path / "README.md").write_text((FOLDER / "README.md").read_text("utf-8"), "utf-8")
    common = ["--only", "grammar", "--folder", str(tmp_path), "--characters", "20000"]
    run.main([*common, "--budgets", "0.005", "--seeds", "0", "1"])
    first = json.loads((tmp_path / "results.json").read_text())
    assert [result["seed"] for result in first] == [0, 1]
    for result in first:
        assert result["command"].startswith("lstm train grammar.txt --minutes 0.005 --seed ")
        assert result["best"] == min(loss for _, loss in result["curve"])
        assert 0 < result["floor"] < result["best"] < math.log(40)
    run.main([*common, "--budgets", "0.003", "--seeds", "0"])
    results = json.loads((tmp_path / "results.json").read_text())
    assert [result["minutes"] for result in results] == [0.003, 0.005, 0.005]
    assert results[1:] == first
    table = (tmp_path / "README.md").read_text("utf-8").partition(run.table.BEGIN)[2]
    assert "| Nested clauses of a known grammar | 0.005 | 2 |" in table
    drawn = importlib.util.find_spec("matplotlib") is not None
    assert (tmp_path / "grammar.svg").exists() == drawn
    assert ("No plots" in capsys.readouterr().out) != drawn
