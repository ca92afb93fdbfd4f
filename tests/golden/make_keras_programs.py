"""Writes keras_programs.safetensors: what Keras computes in the programs of keras_programs.py.

Needs Keras 3 and PyTorch, which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_keras_programs.py          # every program
    python tests/golden/make_keras_programs.py ctc      # those with this in their names
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
from safetensors.numpy import load_file, save_file

from keras_programs import PROGRAMS


def main() -> None:
    path, some = Path(__file__).with_name("keras_programs.safetensors"), sys.argv[1:]
    golden = load_file(path) if some else {}
    chosen = {
        name: program
        for name, program in PROGRAMS.items()
        if not some or any(part in name for part in some)
    }
    for number, (name, program) in enumerate(chosen.items(), 1):
        print(f"{number}/{len(chosen)} {name}", flush=True)
        keras.backend.clear_session()
        golden |= {
            f"{name}/{key}": np.ascontiguousarray(x) for key, x in program.run(keras).items()
        }
    save_file(
        golden,
        path,
        {"written_by": f"make_keras_programs.py with Keras {keras.__version__}"},
    )


if __name__ == "__main__":
    main()
