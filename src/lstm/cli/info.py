"""`lstm info`: shows what is installed, or what is in a model file."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray

from lstm import container, storage
from lstm.cli.running import Json, print_json, tell
from lstm.forecasting.frequency import Frequency
from lstm.forecasting.panel import listed
from lstm.information import info as about
from lstm.models import Model
from lstm.text import LanguageModel
from lstm.text.token_model import MODEL
from lstm.text.vocabularies import CharVocabulary

_ESTIMATORS = ("forecaster", "classifier", "regressor")


def info(
    model: Annotated[
        Path | None, typer.Argument(help="A model file, or its folder.", show_default=False)
    ] = None,
    *,
    json_output: Json = False,
) -> None:
    """Show versions and the active backend, or the contents of a model file."""
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
    kinds = ("model", "language model", "checkpoint", "network", *_ESTIMATORS)
    with storage.reading(path, kinds) as (tensors, header):
        language_model = None
        if header["kind"] in _ESTIMATORS:
            _show_estimator(path, tensors, header, json_output)
            return
        if header["kind"] in ("language model", "checkpoint"):
            language_model = LanguageModel.from_contents(tensors, header)
        network = language_model.model if language_model else Model.from_contents(tensors, header)
    facts = {
        "file": str(path),
        "kind": header["kind"],
        "parameters": network.count_params(),
    }
    if language_model is not None:
        facts |= _about_text(language_model)
    if json_output:
        print_json(facts)
        return
    tell(f"{path}: {header['kind']}")
    if language_model is not None:
        known = f": {facts['characters']!r}" if "characters" in facts else ""
        tell(f"vocabulary: {facts['tokens']} tokens ({facts['vocabulary']}){known}")
        if facts["learned_text"]:
            whole = language_model.vocabulary.unknown is None
            unknown = "" if whole else f", {100 * facts['unknown_share']:.1f} % unknown"
            tell(f"learned from {facts['learned_text']['training']:,} tokens{unknown}")
        history = language_model.history
        if history is not None and history.epoch:
            last = (f"{key} {values[-1]:.4f}" for key, values in history.history.items() if values)
            tell(f"trained, at last with {', '.join(last)}")
    network.summary()


def _show_estimator(
    path: Path, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any], json_output: bool
) -> None:
    """Show what is in the file of a forecaster, a classifier or a regressor."""
    weights = container.under("network.", tensors)
    facts = {
        "file": str(path),
        "kind": header["kind"],
        "parameters": sum(weight.size for weight in weights.values()),
        "networks": header["networks"],
        "design": header["design"],
    }
    if header["kind"] == "forecaster":
        facts |= {"frequency": str(Frequency(**header["frequency"])), "series": header["ids"]}
    if header["kind"] == "classifier":
        facts["classes"] = header["answers"]["classes"]
    if json_output:
        print_json(facts)
        return
    tell(f"{path}: {facts['kind']}, {facts['parameters']:,} parameters")
    if "series" in facts:
        names = facts["series"]
        tell(f"{len(names):,} series, steps of {facts['frequency']}: {listed(names)}")
    if "classes" in facts:
        tell(f"classes: {listed(facts['classes'])}")
    for name, value in facts["design"].items():
        tell(f"{name.replace('_', ' ')}: {value}")


def _about_text(model: LanguageModel) -> dict[str, Any]:
    """Return information about a language model, besides its layers."""
    vocabulary, text = model.vocabulary, model.learned_text
    facts = {
        "vocabulary": vocabulary.kind,
        "tokens": len(vocabulary),
        "cells": model.cells,
        "history": None if model.history is None else model.history.history,
        "learned_text": None if text is None else asdict(text),
        "unknown_share": None if text is None else text.unknown_share,
    }
    if isinstance(vocabulary, CharVocabulary):
        facts["characters"] = vocabulary.characters
    return facts
