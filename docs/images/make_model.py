"""Draws model.svg, a picture in the guide to the parts of a model: python make_model.py"""

from pathlib import Path

import lstm
from lstm.layers import LSTM, Concatenate, Dense, Embedding, Input

words, numbers = Input((None,), name="words"), Input((None, 3), name="numbers")
read = LSTM(32, name="read")(Embedding(1000, 16)(words))
joined = Concatenate()([read, LSTM(8, name="watch")(numbers)])
model = lstm.Model([words, numbers], Dense(2, activation="softmax", name="choose")(joined))
lstm.utils.plot_model(
    model, Path(__file__).with_name("model.svg"), show_shapes=True, show_layer_names=True
)
