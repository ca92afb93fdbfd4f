"""`lstm evaluate`: how well a model predicts a text."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lstm.cli.generate import model_file
from lstm.cli.running import Json, print_json, read_corpus
from lstm.text import LanguageModel


def evaluate(
    model: Annotated[Path, typer.Argument(help="A file that lstm train wrote, or its folder.")],
    corpus: Annotated[
        str, typer.Argument(help="A text file, - for standard input, or shakespeare.")
    ],
    *,
    json_output: Json = False,
) -> None:
    """Measure how well a model predicts a text."""
    language_model = LanguageModel.load(model_file(model))
    result = language_model.evaluate(read_corpus(corpus))
    if json_output:
        print_json(asdict(result))
        return
    print(f"{result.characters:,} characters predicted")
    print(f"{result.nats:.4f} nats per character")
    print(f"{result.bits:.4f} bits per character")
    print(f"{result.perplexity:.3f} perplexity per character")
    print(f"{100 * result.accuracy:.2f} % found at the first guess")
