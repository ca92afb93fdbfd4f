"""`lstm evaluate`: how well a model predicts a text."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lstm.cli.generate import model_file
from lstm.cli.running import Json, print_json
from lstm.text import LanguageModel
from lstm.text.sources import source


def evaluate(
    model: Annotated[Path, typer.Argument(help="A file that lstm train wrote, or its folder.")],
    corpus: Annotated[
        str,
        typer.Argument(
            help="A text file, a folder or a pattern of text files, - for standard input, or "
            "shakespeare."
        ),
    ],
    *,
    json_output: Json = False,
) -> None:
    """Measure how well a model predicts a text."""
    language_model = LanguageModel.load(model_file(model))
    result = language_model.evaluate(source(corpus).text())
    if json_output:
        print_json(asdict(result))
        return
    print(f"{result.characters:,} characters predicted")
    print(f"{result.nats:.4f} nats per character")
    print(f"{result.bits:.4f} bits per character")
    print(f"{result.perplexity:.3f} perplexity per character")
    print(f"{100 * result.accuracy:.2f} % found at the first guess")
