"""Make `demo.svg`: run the text demo, and draw its output as a terminal shows it.

    python docs/images/make_demo.py

Training ends after a time, not after a number of steps, so every run writes a different text.
"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lstm.cli.demo import _text

COLUMNS = 104
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def record(minutes: float) -> str:
    """The output of `lstm demo text`, line by line as it comes, with its styles."""
    options = {"highlight": False, "markup": False, "emoji": False, "soft_wrap": True}
    console = Console(file=io.StringIO(), record=True, width=1000, **options)
    _text(console, minutes, seed=0)
    return console.export_text(styles=True)


def draw(output: str) -> str:
    """The same as SVG, with installed fonts: nothing is downloaded."""
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, highlight=False)
    console.print("[bold green]$[/] [bold]lstm demo text[/]")
    console.print(Text.from_ansi(output.rstrip("\n")))
    svg = console.export_svg(title="", unique_id="demo")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main(path: Path, minutes: float = 0.75) -> None:
    path.write_text(draw(record(minutes)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("demo.svg"))
