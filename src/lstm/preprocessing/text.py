"""What programs for Keras import from `keras.preprocessing.text`."""

from lstm.text.text_vectorization import TextVectorization
from lstm.text.tokenizer import Tokenizer, tokenizer_from_json
from lstm.text.word_lists import hashing_trick, one_hot, text_to_word_sequence
from lstm.text.word_vectors import embedding_matrix

__all__ = [
    "TextVectorization",
    "Tokenizer",
    "embedding_matrix",
    "hashing_trick",
    "one_hot",
    "text_to_word_sequence",
    "tokenizer_from_json",
]
