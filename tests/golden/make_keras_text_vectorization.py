"""Writes keras_text_vectorization.json: what Keras' layer of that name makes of texts.

Needs Keras 3 and TensorFlow, which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_keras_text_vectorization.py
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np

FIT = [
    "The cat sat on the mat. The DOG, too!",
    "It's 3.5 miles; isn't it?\nNo:\tit is 4-5 (or six)",
    'a_b c^d e~f `g` "h" été ÉTÉ straße',
    "",
    "on on on mat mat sat",
    "word\u00a0word  two\u2003spaces",
]
USE = ["the dog sat on a bird", "It's on the MAT mat mat", "", "été ÉTÉ zebra", "THE cat sat"]
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "max_tokens": {"max_tokens": 6},
    "length": {"output_sequence_length": 3},
    "long": {"output_sequence_length": 9, "max_tokens": 8},
    "lower": {"standardize": "lower"},
    "strip": {"standardize": "strip_punctuation"},
    "as it is": {"standardize": None},
    "characters": {"split": "character"},
    "whole": {"split": None},
    "bigrams": {"ngrams": 2},
    "some grams": {"ngrams": (3, 1), "output_sequence_length": 8},
    "multi_hot": {"output_mode": "multi_hot"},
    "count": {"output_mode": "count", "max_tokens": 7},
    "tf_idf": {"output_mode": "tf_idf"},
    "tf_idf of some": {"output_mode": "tf_idf", "max_tokens": 5},
    "padded": {"output_mode": "count", "max_tokens": 50, "pad_to_max_tokens": True},
    "padded tf_idf": {"output_mode": "tf_idf", "max_tokens": 50, "pad_to_max_tokens": True},
    "given": {"vocabulary": ["mat", "sat", "cat"]},
    "given whole": {"vocabulary": ["", "[UNK]", "mat", "sat"]},
    "given weights": {
        "vocabulary": ["mat", "sat", "cat"],
        "idf_weights": [0.5, 0.25, 2.0],
        "output_mode": "tf_idf",
    },
}


def results(arguments: dict[str, Any]) -> dict[str, Any]:
    layer = keras.layers.TextVectorization(**arguments)
    if "vocabulary" not in arguments:
        layer.adapt(FIT)
    found = np.array(layer(USE))
    return {
        "arguments": arguments,
        "vocabulary": layer.get_vocabulary(),
        "size": layer.vocabulary_size(),
        "dtype": found.dtype.name,
        "rows": found.tolist(),
    }


def main() -> None:
    golden = {
        "written_by": f"make_keras_text_vectorization.py with Keras {keras.__version__}",
        "fit": FIT,
        "use": USE,
        "cases": {name: results(arguments) for name, arguments in CASES.items()},
    }
    path = Path(__file__).with_name("keras_text_vectorization.json")
    path.write_text(json.dumps(golden, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
