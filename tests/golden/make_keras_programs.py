"""Writes keras_programs.safetensors: what Keras computes in the programs of keras_programs.py.

Needs Keras 3 and PyTorch, which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_keras_programs.py
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
from safetensors.numpy import save_file

from keras_programs import PROGRAMS


def main() -> None:
    golden = {}
    for number, (name, program) in enumerate(PROGRAMS.items(), 1):
        print(f"{number}/{len(PROGRAMS)} {name}", flush=True)
        keras.backend.clear_session()
        golden |= {
            f"{name}/{key}": np.ascontiguousarray(x) for key, x in program.run(keras).items()
        }
    save_file(
        golden,
        Path(__file__).with_name("keras_programs.safetensors"),
        {"written_by": f"make_keras_programs.py with Keras {keras.__version__}"},
    )


if __name__ == "__main__":
    main()
