"""`lstm generate`: let a model write."""

from pathlib import Path
from typing import Annotated

import typer

from lstm.cli.running import Json, Seed, print_json
from lstm.text import LanguageModel


def generate(
    model: Annotated[Path, typer.Argument(help="A file that lstm train wrote, or its folder.")],
    *,
    prompt: Annotated[
        str, typer.Option(help="How the text begins.", show_default="the start of a line")
    ] = "",
    length: Annotated[int, typer.Option(help="Number of characters to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 cautious, above 1 daring, 0 the most probable.")
    ] = 0.8,
    top_k: Annotated[
        int, typer.Option(help="Choose among that many most probable; 0 for all.")
    ] = 0,
    top_p: Annotated[
        float, typer.Option(help="Choose among the most probable that reach this together.")
    ] = 1.0,
    seed: Seed = None,
    json_output: Json = False,
) -> None:
    """Write a text, as it comes."""
    language_model = LanguageModel.load(model_file(model))
    pieces = language_model.stream(prompt, length, temperature, top_k, top_p, seed)
    if json_output:
        print_json({"prompt": prompt, "text": "".join(pieces), "seed": seed})
        return
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def model_file(path: Path) -> Path:
    """The model in a folder that `lstm train` made, or the file itself."""
    return path / "model.safetensors" if path.is_dir() else path
