"""The baselines in small: a generated text whose entropy is known, trainings, table and plot."""

import json
import math
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tolerances import assert_close

FOLDER = Path(__file__).parents[1] / "benchmarks" / "baselines"
CHARACTERS = 20_000

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in this distribution")


@pytest.fixture(autouse=True, scope="module")
def baselines() -> Iterator[None]:
    """Its modules, found as they find each other."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def train(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run the program on a short text; what results.json holds then."""
    options = ["--only", "grammar", "--characters", f"{CHARACTERS}", "--folder", f"{folder}"]
    command = [sys.executable, f"{FOLDER / 'run.py'}", *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text())


class TestGrammar:
    def test_rules_are_told_apart_by_how_they_begin(self) -> None:
        from grammar import RULES

        for rules in RULES.values():
            assert math.isclose(sum(rule.probability for rule in rules), 1)
            for rule in rules:
                assert [other for other in rules if other.text.startswith(rule.text)] == [rule]
                assert set(rule.then) <= RULES.keys()

    def test_a_text_is_made_of_its_derivation_and_of_no_other(self) -> None:
        import grammar

        text = grammar.write(CHARACTERS)
        assert "".join(rule.text for rule in grammar.derivation(text)) == text
        sentence = "the owls that the king near the clocks pays hunt the goat.\n"
        assert len(list(grammar.derivation(sentence))) == 10
        with pytest.raises(ValueError, match="no verb of plural animal"):
            grammar.surprisal(sentence.replace("hunt", "hunts"))

    def test_surprisal_of_a_sentence_is_the_product_of_its_choices(self) -> None:
        import grammar

        # Rank 1 of 6 nouns, 1/2.45; rank 1 of 5 verbs, 1/2.2833; rank 2 of 4 adverbs.
        noun, verb, adverb = 1 / 6 / 2.45, 0.45 / (137 / 60), 0.3 * (1 / 2) / (25 / 12)
        text = "the dog hunts again.\n"
        assert_close(
            grammar.surprisal(text), -math.log(noun * verb * adverb) / len(text), "pointwise"
        )

    def test_entropy_is_what_a_long_text_costs(self) -> None:
        import grammar

        sentences = grammar.write(1_000_000, seed=1).splitlines(True)
        nats = np.array([grammar.surprisal(line) * len(line) for line in sentences])
        lengths = np.array([len(line) for line in sentences])
        # The ratio of two means errs as the mean of what it leaves, divided by the mean length.
        rest = nats - grammar.entropy() * lengths
        error = rest.std() / math.sqrt(len(rest))
        assert abs(rest.mean()) < 4 * error
        assert error / lengths.mean() < 0.001 * grammar.entropy()

    def test_same_seed_same_text(self) -> None:
        import grammar

        assert grammar.write(999, seed=1) == grammar.write(999, seed=1) != grammar.write(999)


def test_results_grow_and_are_shown(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "README.md", tmp_path)
    train(tmp_path, "--budgets", "0.005", "--seeds", "1")
    results = train(tmp_path, "--budgets", "0.005", "--seeds", "0")

    assert [result["seed"] for result in results] == [0, 1]
    for result in results:
        seed = result["seed"]
        assert result["command"] == (
            f"lstm train grammar.txt --minutes 0.005 --seed {seed} --out model"
        )
        assert result["characters"] >= CHARACTERS
        assert result["options"]["minutes"] == result["minutes"] == 0.005
        assert result["best"] == min(loss for _, loss in result["curve"])
        assert result["floor"] < result["best"] < math.log(30)
        assert result["machine"]["threads"] >= 1
        assert set(result["versions"]) == {"lstm-kit", "python", "numpy"}

    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    (row,) = (line for line in readme.splitlines() if line.startswith("| Nested clauses of"))
    middle = (results[0]["best"] + results[1]["best"]) / 2
    assert f"| 0.005 | 2 | {middle:.4f} |" in row
    assert "## How to read the curves" in readme

    if find_spec("matplotlib"):
        words = ElementTree.parse(tmp_path / "grammar.svg")
        assert words.getroot().tag == "{http://www.w3.org/2000/svg}svg"
        first = (tmp_path / "grammar.svg").read_bytes()
        train(tmp_path, "--budgets")
        assert (tmp_path / "grammar.svg").read_bytes() == first


def test_a_training_that_fails_leaves_the_results_alone(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(AssertionError, match="minutes"):
        train(tmp_path, "--budgets", "-1")
    assert (tmp_path / "results.json").read_text() == "[]"


def test_median_of_curves_whose_points_differ() -> None:
    from plot import middle

    curves = [[(1, 3.0), (4, 1.0)], [(2, 5.0), (4, 4.0)], [(1, 9.0), (8, 0.0)]]
    seconds, losses = middle(curves)
    assert_close(seconds, np.array([2.0, 4.0]), "copy")
    assert_close(losses, np.array([5.0, 3.0]), "pointwise")
