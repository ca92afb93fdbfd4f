"""`lstm info`: what is installed, and what is in a model file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lstm import saving
from lstm.cli.running import Json, print_json, tell
from lstm.information import info as about
from lstm.models import Model
from lstm.text.learned_text import LearnedText
from lstm.text.run_files import MODEL
from lstm.text.vocabularies import CharVocabulary, vocabulary_from_config


def info(
    model: Annotated[
        Path | None, typer.Argument(help="A model file, or its folder.", show_default=False)
    ] = None,
    *,
    json_output: Json = False,
) -> None:
    """Show versions and the active backend, or what is in a model file."""
    if model is None:
        facts = about()
        if json_output:
            print_json(facts)
        else:
            for key, value in facts.items():
                shown = ", ".join(value) if isinstance(value, list) else value
                tell(f"{key.replace('_', ' ')}: {shown}")
        return
    path = model / MODEL if model.is_dir() else model
    with saving.reading(path, ("model", "language model", "network")) as (tensors, header):
        network = Model.from_contents(tensors, header)
        facts = {
            "file": str(path),
            "kind": header["kind"],
            "parameters": network.count_params(),
        }
        if "vocabulary" in header:
            vocabulary = vocabulary_from_config(header["vocabulary"])
            facts["vocabulary"], facts["tokens"] = vocabulary.kind, len(vocabulary)
            if isinstance(vocabulary, CharVocabulary):
                facts["characters"] = vocabulary.characters
            facts["history"] = header["history"]
            text = LearnedText.of_header(header)
            share = None if text is None else text.unknown_share
            facts["learned_text"], facts["unknown_share"] = text and asdict(text), share
    if json_output:
        print_json(facts)
        return
    tell(f"{path}: {header['kind']}")
    if "vocabulary" in facts:
        listed = f": {facts['characters']!r}" if "characters" in facts else ""
        tell(f"vocabulary: {facts['tokens']} tokens ({facts['vocabulary']}){listed}")
    if facts.get("learned_text"):
        learned, known = facts["learned_text"]["training"], vocabulary.unknown is None
        unknown = "" if known else f", {100 * facts['unknown_share']:.1f} % unknown"
        tell(f"learned from {learned:,} tokens{unknown}")
    if facts.get("history"):
        losses = facts["history"]
        last = ", ".join(f"{key} {values[-1]:.4f}" for key, values in losses.items())
        tell(f"trained for {len(losses['loss'])} rounds; last {last}")
    network.summary()
