"""Writes keras_tokenizer.json: what Keras' Tokenizer makes of some texts, for the tests.

Needs Keras 3, which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_keras_tokenizer.py
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
from keras.src.legacy.preprocessing.text import Tokenizer, hashing_trick, text_to_word_sequence

FIT: list[Any] = [
    "The cat sat on the mat. The DOG, too!",
    "It's 3.5 miles; isn't it?\nNo:\tit is 4-5 (or six)",
    ["Already", "Split", "the cat", "!"],
    'a_b c^d e~f `g` "h" été ÉTÉ straße İstanbul',
    "",
    "on on on mat mat sat",
]
USE: list[Any] = [
    "the dog sat on a bird",
    "It's on the MAT mat mat",
    ["the cat", "ALREADY", "unknown"],
    "",
]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "num_words": {"num_words": 6},
    "oov": {"oov_token": "<oov>"},
    "num_words_oov": {"num_words": 5, "oov_token": "<oov>"},
    "cased": {"lower": False},
    "filters": {"filters": "aeiou"},
    "split": {"split": "t", "filters": ""},
    "characters": {"char_level": True},
    "characters_oov": {"char_level": True, "num_words": 9, "oov_token": "<oov>"},
}
MODES = ("binary", "count", "freq", "tfidf")


def results(arguments: dict[str, Any]) -> dict[str, Any]:
    tokenizer = Tokenizer(**arguments)
    tokenizer.fit_on_texts(FIT)
    # In the order of a set, which differs from process to process.
    tokenizer.word_docs = dict(sorted(tokenizer.word_docs.items()))
    tokenizer.index_docs = dict(sorted(tokenizer.index_docs.items()))
    sequences = tokenizer.texts_to_sequences(USE)
    return {
        "arguments": arguments,
        "word_index": list(tokenizer.word_index.items()),
        "word_counts": list(tokenizer.word_counts.items()),
        "word_docs": tokenizer.word_docs,
        "index_docs": tokenizer.index_docs,
        "document_count": tokenizer.document_count,
        "sequences": sequences,
        "texts": tokenizer.sequences_to_texts([*sequences, [0, 1, 10**6]]),
        "matrices": {mode: tokenizer.texts_to_matrix(USE, mode).tolist() for mode in MODES},
        "json": tokenizer.to_json(),
    }


def main() -> None:
    golden = {
        "written_by": f"make_keras_tokenizer.py with Keras {keras.__version__}",
        "fit": FIT,
        "use": USE,
        "cases": {name: results(arguments) for name, arguments in ARGUMENTS.items()},
        "words": [text_to_word_sequence(text) for text in FIT if isinstance(text, str)],
        "hashes": [
            hashing_trick(text, 50, hash_function="md5") for text in FIT if isinstance(text, str)
        ],
    }
    path = Path(__file__).with_name("keras_tokenizer.json")
    path.write_text(json.dumps(golden, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
