"""The report of the lens: one file that any browser opens, whatever the text."""

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import CHROMIUM, Page, chromium
from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.errors import InvalidTypeError, ModelFileError
from lstm.inspection import Examination, examine, report, report_html, write_report
from lstm.text import ByteVocabulary

NASTY = "</script><!--<script>\"'&\\ $title \x00\x1b \u2028 😀 ⟨π⟩\n\t"
"""What breaks a page that is not careful."""


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture(scope="module")
def examination(model: LanguageModel) -> Examination:
    return examine(model, TEXT, characters=900)


@pytest.fixture(scope="module")
def nasty() -> Examination:
    text = NASTY * 12
    return examine(LanguageModel.train(text, hidden=8, epochs=1, seed=0), text)


class Scripts(HTMLParser):
    """The content of the <script> elements, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.addresses: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.append(data)


def contents(page: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts and the arrays of a report."""
    facts_data, packed, _ = Scripts(page).found
    facts = json.loads(facts_data)
    data = gzip.decompress(base64.b64decode(packed))
    arrays = {
        name: np.frombuffer(data, np.dtype(a["type"]), int(np.prod(a["shape"])), a["at"]).reshape(
            a["shape"]
        )
        for name, a in facts["arrays"].items()
    }
    return facts, arrays


class TestContents:
    def test_the_numbers_are_those_of_the_reading(self, examination: Examination) -> None:
        facts, arrays = contents(report_html(examination))
        reading = examination.reading
        assert "".join(facts["pieces"]) == reading.text.replace("\n", "↵\n")
        np.testing.assert_array_equal(arrays["tokens"], reading.tokens)
        np.testing.assert_array_equal(arrays["expected"], reading.expected)
        np.testing.assert_array_equal(arrays["surprise"], reading.surprise.astype(np.float32))
        (layer,) = reading.layers
        for letter, values in reading.layers[layer].items():
            scale = arrays[f"{layer}/{letter}/scale"]
            got = arrays[f"{layer}/{letter}"].T / 127 * scale
            assert np.abs(got - values).max() <= scale.max() / 127, letter
            assert letter == "c" or (scale == 1).all()

    def test_what_the_model_expected_has_a_name(self, examination: Examination) -> None:
        facts, arrays = contents(report_html(examination))
        named = {int(token) for token in facts["names"]}
        assert set(arrays["tokens"].tolist()) <= named
        assert set(arrays["expected"].ravel().tolist()) - {-1} <= named

    def test_it_says_that_it_samples(self, examination: Examination) -> None:
        told = dict(contents(report_html(examination))[0]["facts"])
        assert told["read"] == f"the first 900 of {len(TEXT):,} characters"
        whole = examine(examination.model, TEXT[:300])
        assert dict(contents(report_html(whole))[0]["facts"])["read"] == "all 300 characters"

    def test_a_large_model_shows_the_beginning(
        self, examination: Examination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(report, "_VALUES", 24 * 6 * 100)
        facts, arrays = contents(report_html(examination))
        assert len(facts["pieces"]) == len(arrays["tokens"]) == 100
        assert dict(facts["facts"])["shown"] == "the first 100 of these"

    @pytest.mark.parametrize("text", ["ab", "aaaa", "ab" * 10])
    def test_a_text_too_short_for_measurements(self, text: str) -> None:
        model = LanguageModel.train("ab" * 200, hidden=4, epochs=1, seed=0)
        facts, _ = contents(report_html(examine(model, text)))
        assert len(facts["pieces"]) == len(text)
        assert facts["units"] == []

    def test_a_reading_is_no_examination(self, examination: Examination) -> None:
        with pytest.raises(InvalidTypeError, match=r"expected an Examination, .* got Reading"):
            report_html(examination.reading)  # type: ignore[arg-type]

    def test_it_is_the_same_file_again(self, examination: Examination) -> None:
        assert report_html(examination) == report_html(examination)

    def test_nothing_is_fetched(self, nasty: Examination) -> None:
        page = report_html(nasty, title=NASTY)
        assert Scripts(page).addresses == []
        assert "default-src 'none'" in page

    def test_any_text_is_safe(self, nasty: Examination) -> None:
        page = report_html(nasty, title=NASTY)
        facts, _ = contents(page)
        assert facts["title"] == NASTY
        assert "".join(facts["pieces"]).startswith("</script><!--<script>")
        assert "<title>&lt;/script&gt;" in page

    def test_tokens_that_are_parts_of_characters(self) -> None:
        text = "Привет, мир. " * 30
        model = LanguageModel.create(ByteVocabulary(), hidden=4, seed=0)
        facts, _ = contents(report_html(examine(model, text, characters=100)))
        assert "".join(facts["pieces"]) == text[:100]

    def test_a_title_that_is_no_unicode(self, examination: Examination, tmp_path: Path) -> None:
        write_report(tmp_path / "report.html", examination, title="a\udcff")
        assert "<title>a?</title>" in (tmp_path / "report.html").read_text("utf-8")

    def test_it_needs_no_matplotlib(self, tmp_path: Path, model: LanguageModel) -> None:
        model.save(tmp_path / "model.safetensors")
        program = (
            "import sys; sys.modules['matplotlib'] = None\n"
            "from lstm import LanguageModel, inspection\n"
            "model = LanguageModel.load('model.safetensors')\n"
            "inspection.write_report('report.html', inspection.examine(model, 'the red apple.'))"
        )
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
        assert (tmp_path / "report.html").exists()

    def test_a_file_that_cannot_be_written(self, examination: Examination, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError):
            write_report(tmp_path / "none" / "report.html", examination)
        assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, examination: Examination) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, examination)
    return path


COLORS = """[...document.querySelectorAll("#text span")]
    .map((span) => getComputedStyle(span).backgroundColor)"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
class TestInABrowser:
    """As a reader sees it."""

    @pytest.fixture
    def page(self, browser: Page, file: Path) -> Iterator[Page]:
        browser.complaints.clear()
        browser.requests.clear()
        yield browser.open(file)
        assert browser.complaints == []
        assert {url.partition(":")[0] for url in browser.requests} == {"file"}

    def text_of(self, page: Page, selector: str) -> str:
        return str(page.run(f"document.querySelector('{selector}').innerText"))

    def test_all_of_the_text_is_there(self, page: Page, examination: Examination) -> None:
        assert page.run("document.querySelectorAll('#text span').length") == 900
        shown = page.run("document.querySelector('#text').textContent")
        assert shown == examination.reading.text.replace("\n", "↵\n")

    def test_a_token_says_what_was_expected(self, page: Page, examination: Examination) -> None:
        page.click("#text span:nth-child(31)")
        reading = examination.reading
        assert f"{reading.surprise[30]:.2f} nats" in self.text_of(page, "#token")
        guesses = page.run("[...document.querySelectorAll('#expected code')].map(e => e.innerText)")
        vocabulary = examination.model.vocabulary
        assert guesses == [vocabulary.token_text(int(k)) for k in reading.expected[30]]

    def test_keys_move_over_the_text(self, page: Page) -> None:
        page.run("document.querySelector('#text').focus()")
        places = []
        for key in ("Home", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "End"):
            page.press(key)
            places.append(page.run("document.querySelector('#text .here').at"))
        line = TEXT.index("\n") + 1
        assert places[:4] == [0, 1, 2, 1]
        assert line <= places[4] <= line + 2
        assert places[5:] == [1, 899]

    def test_a_unit_of_the_table_colours_the_text(
        self, page: Page, examination: Examination
    ) -> None:
        before = page.run(COLORS)
        page.click("#found tbody tr:first-child button")
        after = page.run(COLORS)
        assert before != after
        unit = examination.units[0]
        values = examination.reading.layers[unit.layer][unit.quantity][:, unit.unit]
        strong = np.argsort(-np.abs(values))[:50]
        colors = {after[t] for t in strong if values[t] > 0}
        others = {after[t] for t in strong if values[t] < 0}
        assert colors
        assert not colors & others
        assert self.text_of(page, "#unit-title") == f"Unit {unit.unit} of {unit.layer}"
        assert f"unit={unit.unit}" in page.run("location.hash")

    def test_the_gates_are_those_of_the_unit(self, page: Page, examination: Examination) -> None:
        page.click("#text span:nth-child(101)")
        page.click("#found tbody tr:first-child button")
        page.run("document.querySelector('#text').focus()")
        page.press("Home")
        unit = examination.units[0]
        shown = page.run("[...document.querySelectorAll('#gates span')].map(e => e.innerText)")
        states = examination.reading.layers[unit.layer]
        expected = [states[letter][0, unit.unit] for letter in states]
        got = [float(text.replace("−", "-")) for text in shown]
        scale = float(np.abs(states["c"][:, unit.unit]).max())
        np.testing.assert_allclose(got, expected, rtol=0, atol=0.005 + max(1, scale) / 127)

    def test_the_map_picks_a_unit_and_a_token(self, page: Page) -> None:
        page.click("#cells", x=(20 + 0.5) / 160, y=(17 + 0.5) / 24)
        assert self.text_of(page, "#unit-title") == "Unit 17 of lstm"
        assert page.run("document.querySelector('#text .here').at") == 20

    def test_a_unit_by_its_number(self, page: Page) -> None:
        script = """(() => { const unit = document.querySelector("#unit"); unit.value = %s;
                             unit.dispatchEvent(new Event("change")); return unit.value; })()"""
        assert page.run(script % 5) == "5"
        assert self.text_of(page, "#unit-title") == "Unit 5 of lstm"
        assert page.run(script % 99) == "23"

    def test_an_address_leads_to_a_unit(self, browser: Page, file: Path) -> None:
        page = browser.open(file, "#quantity=f&layer=lstm&unit=3")
        assert page.run("document.querySelector('#quantity').value") == "f"
        assert self.text_of(page, "#unit-title") == "Unit 3 of lstm"
        wrong = browser.open(file, "#quantity=wrong&layer=lstm&unit=-1")
        assert self.text_of(wrong, "#unit-title") == "Unit 0 of lstm"

    def test_the_charts_are_drawn(self, page: Page) -> None:
        assert page.run("document.querySelectorAll('#charts svg').length") == 6
        assert page.run("document.querySelectorAll('#charts polyline').length") == 8
        assert "NaN" not in page.run("document.querySelector('#charts').innerHTML")

    def test_light_and_dark(self, browser: Page, file: Path) -> None:
        style = "getComputedStyle(document.body).backgroundColor"
        assert browser.open(file).run(style) == "rgb(252, 252, 250)"
        assert browser.open(file, dark=True).run(style) == "rgb(22, 22, 24)"

    def test_any_text(self, browser: Page, nasty: Examination, tmp_path: Path) -> None:
        browser.complaints.clear()
        write_report(tmp_path / "nasty.html", nasty, title=NASTY)
        page = browser.open(tmp_path / "nasty.html")
        shown = page.run("document.querySelector('#text').textContent")
        assert shown.startswith("</script><!--<script>\"'&\\ $title ␀␛ \u2028 😀 ⟨π⟩↵\n⇥\t")
        assert browser.complaints == []

    def test_two_tokens(self, browser: Page, model: LanguageModel, tmp_path: Path) -> None:
        browser.complaints.clear()
        write_report(tmp_path / "two.html", examine(model, "at"))
        assert browser.open(tmp_path / "two.html").run(COLORS)[0] == "rgba(0, 0, 0, 0)"
        assert browser.complaints == []
