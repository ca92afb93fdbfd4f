"""Makes the pictures of the guide to the lens: a model of Shakespeare, trained in two minutes.

    python docs/images/make_lens.py

Writes shakespeare_units.png, two units on the text that they read, and report.png, a report in
Chromium, and prints the table of the guide. The text is fetched unless LSTM_SHAKESPEARE names it.
"""

import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1] / "tests"))

from browser import CHROMIUM, chromium  # noqa: E402 -- found through the line above
from lstm import LanguageModel, inspection, plotting  # noqa: E402
from lstm.data import shakespeare  # noqa: E402
from lstm.inspection import Examination  # noqa: E402

VALIDATED = 100_000
"""Characters of the validation part, which training does not learn from."""

SHOWN = {"line_position": slice(0, 420), "capital": slice(0, 420)}


def draw_units(examination: Examination, path: Path) -> None:
    """Save the text in the colours of two units."""
    reading = examination.reading
    with plotting.style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.4))
        for ax, (name, part) in zip(axes, SHOWN.items(), strict=True):
            (unit,) = (score for score in examination.units if score.property == name)
            values = reading.layers[unit.layer][unit.quantity][part, unit.unit]
            inspection.plot_text(reading.pieces[part], values, width=52, ax=ax)
            what = name.replace("_", " ")
            ax.set_title(f"{what}: {unit.quantity} of unit {unit.unit}, r = {unit.score:.2f}")
        figure.savefig(path, dpi=110)


def photograph(examination: Examination, path: Path) -> None:
    """Save a screenshot of the report, with the unit that follows lines."""
    (unit,) = (score for score in examination.units if score.property == "line_position")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder, "report.html")
        inspection.write_report(file, examination, title="A small model reads Shakespeare")
        with chromium(Path(folder, "profile")) as page:
            address = f"#quantity={unit.quantity}&layer={unit.layer}&unit={unit.unit}"
            page.open(file, address).click("#text span:nth-child(200)")
            page.run("scrollTo(0, 0)")
            page.screenshot(path)


def main() -> None:
    text = shakespeare()
    model = LanguageModel.train(text, hidden=128, layers=1, epochs=10, seed=1)
    examination = inspection.examine(model, text[-VALIDATED:])
    print(f"{examination.nats:.3f} nats a character")
    for unit in examination.units:
        print(
            f"| {unit.property.replace('_', ' ')} | {unit.unit}, {unit.quantity} | "
            f"{unit.score:.2f} | {unit.control:.3f} ± {unit.deviation:.3f} | {unit.sigmas:.0f} |"
        )
    draw_units(examination, FOLDER / "shakespeare_units.png")
    if CHROMIUM is not None:
        photograph(examination, FOLDER / "report.png")


if __name__ == "__main__":
    main()
