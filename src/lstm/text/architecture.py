"""Architecture: the layers of a language model, as a value that a file can hold."""

from dataclasses import dataclass
from typing import cast

from lstm import checks
from lstm.backends.contract import CELLS, Cell, CellName
from lstm.errors import InvalidValueError
from lstm.layers import (
    GRU,
    LSTM,
    Dense,
    Embedding,
    Input,
    Layer,
    SimpleRNN,
    SpatialDropout1D,
    TiedDense,
)
from lstm.models import Sequential

_LAYERS: dict[str, type[LSTM | GRU | SimpleRNN]] = {"lstm": LSTM, "gru": GRU, "rnn": SimpleRNN}

CELL_NAMES = tuple(_LAYERS)
"""The types of recurrent layers to choose from."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A stack of recurrent layers between an embedding and a softmax.

    Args:
        cell: type of the recurrent layers: "lstm", "gru" or "rnn".
        hidden: units of each layer.
        layers: number of layers.
        embedding: size of the vector of a token; half of `hidden` by default, or all of it with
            `tie_weights`.
        dropout: share of the units of each layer that is dropped while training, in [0, 1); the
            same units in all steps of a sequence.
        embedding_dropout: share of the token vectors that is dropped while training, in [0, 1).
        recurrent_dropout: share of its own last output that a layer does not see while
            training, in [0, 1); the same units in all steps.
        tie_weights: use the vectors of the tokens for the output, too.

    Source:
        of dropout: Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent
        neural networks", 2016; of the tie: Press & Wolf, "Using the output embedding to improve
        language models", 2017.
    """

    cell: str = "lstm"
    hidden: int = 128
    layers: int = 1
    embedding: int | None = None
    dropout: float = 0.0
    embedding_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    tie_weights: bool = False

    def __post_init__(self) -> None:
        checks.boolean("tie_weights", self.tie_weights)
        checks.one_of("cell", self.cell, CELL_NAMES)
        checks.positive_int("hidden", self.hidden)
        checks.positive_int("layers", self.layers)
        if self.embedding is not None:
            checks.positive_int("embedding", self.embedding)
            if self.tie_weights and self.embedding != self.hidden:
                raise InvalidValueError(
                    "embedding", f"{self.hidden}, as hidden, with tie_weights", self.embedding
                )
        for name in ("dropout", "embedding_dropout", "recurrent_dropout"):
            checks.number(name, getattr(self, name), 0, 1, open_high=True)

    @property
    def layout(self) -> Cell:
        """The description of its cells."""
        return CELLS[cast(CellName, self.cell)]

    def build(self, vocabulary_size: int) -> Sequential:
        """A model with new weights: tokens (B, T) -> probabilities (B, T, V)."""
        size = self.embedding or (self.hidden if self.tie_weights else max(1, self.hidden // 2))
        embedding = Embedding(vocabulary_size, size, dropout=self.embedding_dropout)
        kind, stack = _LAYERS[self.cell], list[Layer]()
        for _ in range(self.layers):
            stack.append(
                kind(self.hidden, return_sequences=True, recurrent_dropout=self.recurrent_dropout)
            )
            if self.dropout:
                stack.append(SpatialDropout1D(self.dropout))
        output: Layer = Dense(vocabulary_size, activation="softmax")
        if self.tie_weights:
            output = TiedDense(embedding, activation="softmax")
        model = Sequential([Input((None,)), embedding, *stack, output])
        _ = model.parameters  # Drawn now, from the seed that is active here.
        return model
