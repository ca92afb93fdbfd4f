"""Programs for Keras, with another import: they run, with Keras' numbers."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import lstm
from keras_programs import PROGRAMS, Program

GOLDEN = load_file(Path(__file__).parent / "golden" / "keras_programs.safetensors")
"""Written by golden/make_keras_programs.py."""

NEAR = 3e-3
"""How far numbers may be from Keras', as a share of the largest: both train three epochs in
float32, in which rounding grows from step to step."""


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_has_keras_numbers(program: Program) -> None:
    for name, ours in program.run(lstm).items():
        theirs = GOLDEN[f"{program.name}/{name}"]
        assert ours.shape == theirs.shape, name
        off = np.abs(ours - theirs).max() / np.abs(theirs).max()
        assert off <= NEAR, f"{name}: {ours} is not {theirs}"
