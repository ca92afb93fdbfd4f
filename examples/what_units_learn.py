"""Search a language model for units that follow something in the text, and colour the text by them.

A unit of a model that only learned to predict the next character may come to know how far into the
line it is, or that a name is being called (Karpathy et al. 2015). The model learns from the first
90 % of the text, and the units are searched and shown on the rest:

    python examples/what_units_learn.py                        Shakespeare, two minutes
    python examples/what_units_learn.py my.txt --minutes 5     a text of your own
"""

import argparse
from pathlib import Path

from lstm import LanguageModel, data
from lstm.inspection import PROPERTIES, colored_html, find_units, read

SHOWN = 560
"""Characters that are coloured."""

COLOURED = ["line_position", "speaker", "capital"]
"""The properties whose units are shown on the text, where there are such units."""


def speaker(text):
    """Whether a line is, so far, a name in front of a speech: it begins a paragraph of a play."""
    values, names = [], False
    for k, character in enumerate(text):
        if k == 0 or text[k - 2 : k] == "\n\n":
            names = True
        values.append(names)
        names = names and character != ":"
    return values


def best_units(model, text, properties=PROPERTIES):
    """What the model did while it read, and for each property the unit that follows it best."""
    reading = read(model, text)
    best = {}
    for score in find_units(reading, properties):
        best.setdefault(score.property, score)
    return reading, list(best.values())


def page(reading, scores):
    """The beginning of the text once for each unit, on the colours of its activation."""
    figures = []
    for score in scores:
        # The sign of a unit is chance; here violet is always where the property is.
        values = reading.layers[score.layer][score.quantity][:, score.unit]
        values = (values - values.mean()) * (1 if score.score > 0 else -1)
        title = (
            f"{score.property}: unit {score.unit} of {score.layer}, {score.quantity}; correlation "
            f"{score.score:.2f}, by chance {score.control:.2f} ± {score.deviation:.3f}"
        )
        figures.append(colored_html(reading.pieces[:SHOWN], values[:SHOWN], title=title))
    return "\n".join(figures) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("text", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--output", type=Path, default=Path("units.html"))
    parser.add_argument("--show", nargs="*", default=COLOURED, metavar="PROPERTY")
    options = parser.parse_args()
    text = options.text.read_text("utf-8") if options.text else data.shakespeare()
    cut = int(0.9 * len(text))
    model = LanguageModel.train(text[:cut], minutes=options.minutes, seed=0)
    properties = PROPERTIES | {"speaker": speaker}
    reading, scores = best_units(model, text[cut:], properties)
    for score in scores:
        print(
            f"{score.property:20} {score.layer}/{score.unit}/{score.quantity}: {score.score:.2f}, "
            f"{score.sigmas:.0f} deviations above chance"
        )
    coloured = [score for score in scores if score.property in options.show]
    options.output.write_text(page(reading, coloured), encoding="utf-8")
    print(f"Wrote {options.output}.")
