"""`lstm info`: what is installed, and what is in a model file."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lstm import saving
from lstm.backends import BACKENDS, backend
from lstm.cli.generate import model_file
from lstm.cli.running import Json, print_json
from lstm.models import Model


def info(
    model: Annotated[
        Path | None, typer.Argument(help="A model file, or its folder.", show_default=False)
    ] = None,
    *,
    json_output: Json = False,
) -> None:
    """Show versions and the active backend, or what is in a model file."""
    if model is None:
        facts = installation()
        if json_output:
            print_json(facts)
        else:
            print("\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items()))
        return
    path = model_file(model)
    tensors, header = saving.read(path, ("model", "language model", "network"))
    network = Model.from_contents(tensors, header)
    facts = {
        "file": str(path),
        "kind": header["kind"],
        "written_by": f"lstm-kit {header['lstm_version']}",
        "parameters": network.count_params(),
    }
    if "vocabulary" in header:
        facts["characters"] = header["vocabulary"]["characters"]
        facts["history"] = header["history"]
    if json_output:
        print_json(facts)
        return
    print(f"{path}: {header['kind']}, written by {facts['written_by']}")
    if "characters" in facts:
        print(f"{len(facts['characters'])} characters: {facts['characters']!r}")
    if facts.get("history"):
        losses = facts["history"]
        last = ", ".join(f"{key} {values[-1]:.4f}" for key, values in losses.items())
        print(f"trained for {len(losses['loss'])} epochs; last {last}")
    network.summary()


def installation() -> dict[str, Any]:
    """What is installed and active."""
    active = backend()
    return {
        "lstm-kit": version("lstm-kit"),
        "backend": active.name,
        "dtype": active.dtype,
        "backends": ", ".join(BACKENDS),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }
