"""The README and the book: samples and commands run, samples print what they say, links lead."""

import os
import re
import runpy
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# What a sample trains for, and what it trains for here.
SHORTER = {
    "minutes=0.25": "minutes=0.02",
    "--minutes 2": "--epochs 1 --hidden 16",
    "lstm demo text": "lstm demo text --minutes 0.01",
}

TRAIN = ["lstm", "train", "my.txt", "--epochs", "1", "--hidden", "16"]


def blocks(language: str, page: str = README) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for long, short in SHORTER.items():
        found = [block.replace(long, short) for block in found]
    return found


def commands(page: str = README) -> list[list[str]]:
    lines = "".join(blocks("sh", page)).splitlines()
    return [shlex.split(line) for line in lines if line.startswith("lstm ")]


def test_there_are_five_ways_in() -> None:
    assert re.findall(r"^### (\d)\.", README, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert len(blocks("python")) == 4
    assert "".join(blocks("python")).count("# -> ") == 4
    assert [line[1] for line in commands()] == [
        *("train", "generate", "evaluate", "info", "forecast")
    ]


def test_what_is_shortened_is_there() -> None:
    book = README + "".join(page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert [long for long in SHORTER if long not in book] == []


@pytest.mark.parametrize("code", blocks("python"), ids=("text", "keras", "state", "network"))
def test_a_sample_prints_what_it_says(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample.py").write_text(code, encoding="utf-8")
    runpy.run_path("sample.py", run_name="__main__")
    printed = capsys.readouterr().out
    assert printed
    promised = re.findall(r"^print\(.*\)  # -> (.*)$", code, re.MULTILINE)
    assert [line for line in promised if line not in printed.splitlines()] == []


def test_the_guide_to_text_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (ROOT / "docs/guides/text.md").read_text("utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guide.py").write_text(code, encoding="utf-8")
    values = runpy.run_path("guide.py", run_name="__main__")
    assert values["text"].startswith("The ")
    assert (tmp_path / "story.safetensors").exists()


PAGES = {
    str(path.relative_to(ROOT)): page
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if commands(page := path.read_text("utf-8"))
}


def test_these_pages_have_commands() -> None:
    guides = {f"docs/guides/{name}.md" for name in ("inspection", "int8", "text", "time_series")}
    assert PAGES.keys() == {"README.md", "docs/start.md", "docs/ways.md"} | guides


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_the_commands_run(page: str, tmp_path: Path) -> None:
    text = "It was the best of times, it was the worst of times.\nThe end of the tale.\n"
    for name in ("my.txt", "other.txt"):
        (tmp_path / name).write_text(text * 20, encoding="utf-8")
    start = date(2024, 1, 1)
    for name, begin in (("my.csv", 0), ("new.csv", 400)):
        days = range(begin, begin + 400)
        rows = "".join(f"{start + timedelta(k)},{2 + k % 7}\n" for k in days)
        (tmp_path / name).write_text(f"ds,y\n{rows}", encoding="utf-8")
    asked = commands(page)
    trains = any(command[1] in ("train", "demo") for command in asked)
    for _, *arguments in asked if trains else [TRAIN, *asked]:
        result = subprocess.run(
            [sys.executable, "-c", "import lstm.cli; lstm.cli.main()", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, ""), arguments
        assert result.stdout


def test_relative_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert ROOT / "README.md" in pages
    for page in pages:
        text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(([^()\s]+)\)", text):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = page.parent / target if target else page
            assert path.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(path), f"{page.name}: {link}"


def anchors(page: Path) -> list[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings]


def test_the_picture_can_be_made_again(tmp_path: Path) -> None:
    runpy.run_path(str(ROOT / "docs" / "images" / "make_demo.py"))["main"](
        tmp_path / "demo.svg", minutes=0.01
    )
    for picture in (tmp_path / "demo.svg", ROOT / "docs" / "images" / "demo.svg"):
        lines = "".join(ET.parse(picture).getroot().itertext()).replace("\xa0", " ")
        assert "lstm demo text" in lines
        assert "lstm train my.txt" in lines  # its last line
        # Nothing is fetched when it is shown: no fonts, no images.
        assert "@font-face" not in lines
        assert re.findall(r"https?:[^\"\s]*", picture.read_text("utf-8")) in (
            ["http://www.w3.org/2000/svg", "https://www.textualize.io"],
            ["http://www.w3.org/2000/svg"],
        )
