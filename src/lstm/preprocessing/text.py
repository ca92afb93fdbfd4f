"""What programs for Keras import from `keras.preprocessing.text`."""

from lstm.text.tokenizer import Tokenizer, tokenizer_from_json

__all__ = ["Tokenizer", "tokenizer_from_json"]
