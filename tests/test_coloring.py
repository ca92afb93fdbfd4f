"""Text coloured by numbers: what it says, on which colours, and that any text is safe."""

import html
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.inspection import colored_html, colored_text
from lstm.inspection.coloring import ABOVE, BELOW, INK, marked


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def colored_runs(page: str) -> list[tuple[str, str]]:
    """The colour and the text of each coloured element."""
    found = re.findall(r'<span style="background:(#\w+)">(.*?)</span>', page, re.DOTALL)
    return [(color, html.unescape(text)) for color, text in found]


def test_the_sign_has_a_colour_and_zero_has_none() -> None:
    page = colored_html(["up", "flat", "down", "nothing"], [2.0, 0.0, -2.0, np.nan])
    assert colored_runs(page) == [(ABOVE, "up"), (BELOW, "down")]
    assert "flat" in page
    assert "nothing" in page


def test_a_larger_number_has_a_stronger_colour() -> None:
    page = colored_html(list("abc"), [0.25, 0.5, 1.0])
    shades = [luminance(color) for color, _ in colored_runs(page)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 3


def test_the_scale_is_that_of_the_strongest_colour() -> None:
    (weak, _), (strong, _) = colored_runs(colored_html(["a", "b"], [0.5, 7.0], scale=1.0))
    assert strong == ABOVE
    assert weak != ABOVE
    assert colored_runs(colored_html(["a", "b"], [0.0, 0.0])) == []


@pytest.mark.parametrize("color", [ABOVE, BELOW])
def test_the_text_is_legible_on_the_strongest_colour(color: str) -> None:
    light, dark = luminance(color), luminance(INK)
    assert (light + 0.05) / (dark + 0.05) > 4.5


def test_line_breaks_and_control_characters_are_seen() -> None:
    assert marked("a\nb\tc\x00\x1b") == "a↵\nb⇥\tc␀␛"
    assert "↵\n" in colored_html(["\n"], [1.0])
    assert colored_text(["a\n"], [1.0]).plain == "a↵\n"


@given(st.lists(st.text(), max_size=20))
def test_any_text_comes_back(pieces: list[str]) -> None:
    values = np.linspace(-1, 1, len(pieces)) if pieces else np.empty(0)
    page = colored_html(pieces, values)
    inside = re.search(r"<pre[^>]*>\n(.*)</pre>", page, re.DOTALL)
    assert inside is not None
    text = html.unescape(re.sub(r"<[^>]*>", "", inside[1]))
    assert text == "".join(map(marked, pieces))
    assert colored_text(pieces, values).plain == text


def test_a_terminal_gets_the_same_colours() -> None:
    text = colored_text(["up", "flat", "down"], [1.0, 0.0, -1.0])
    styles = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    assert styles == {"up": f"{INK} on {ABOVE}", "down": f"{INK} on {BELOW}"}


def test_a_caption_is_text() -> None:
    assert "<figcaption>a &lt;b&gt;</figcaption>" in colored_html(["x"], [1.0], title="a <b>")


def test_bad_arguments() -> None:
    with pytest.raises(InvalidShapeError, match=r"values: expected shape \(2,\), as pieces"):
        colored_html(["a", "b"], [1.0])
    with pytest.raises(InvalidValueError, match="scale: expected a finite number above 0"):
        colored_text(["a"], [1.0], scale=0.0)
