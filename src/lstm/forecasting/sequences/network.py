"""The network of classifiers and regressors: an LSTM over features of neighbouring values.

Convolutions find short patterns, wherever they are. Where sequences are long, the LSTM reads
several values in one of its steps, so that what it has to remember is tens of steps away, not
thousands. All of its states decide, not the last one alone: their mean, and the largest of each
unit; and how often each pattern was found, whatever its place.

Source: Karim, Majumdar, Darabi and Chen, 2018, who let an LSTM and convolutions read side by side.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

from lstm import layers
from lstm.forecasting.network import CELLS
from lstm.models import Model

WIDTHS = (7, 5, 3)
"""Steps that the first, the second and all other convolutions read."""


@dataclass(frozen=True)
class Design:
    """What a network reads and writes.

    Attributes:
        channels: numbers in each step of its input.
        outputs: numbers that it returns.
        patch: values of a channel that the recurrent layers read in one step, a power of 2.
        convolutions: layers before the recurrent ones.
        cell, units, layers, bidirectional: the recurrent layers.
        dropout: share of what they found that is left out in training.
    """

    channels: int
    outputs: int
    patch: int
    convolutions: int
    cell: str
    units: int
    layers: int
    bidirectional: bool
    dropout: float

    def to_config(self) -> dict[str, Any]:
        """Return the attributes as JSON values."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the design with these attributes."""
        return cls(**config)


def network(design: Design) -> Model:
    """Return the network of a design, from (B, T, channels) to (B, outputs); not compiled.

    T is a multiple of the patch.
    """
    d = design
    values = layers.Input((None, d.channels), name="values")
    x: Any = values
    halvings = d.patch.bit_length() - 1
    for k in range(max(d.convolutions, halvings)):
        if k < d.convolutions:
            width = WIDTHS[min(k, len(WIDTHS) - 1)]
            x = layers.Conv1D(d.units, width, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.ReLU()(x)
        if k < halvings:
            x = layers.AveragePooling1D(2)(x)
    features = x
    for _ in range(d.layers):
        cell = CELLS[d.cell](d.units, return_sequences=True)
        x = (layers.Bidirectional(cell) if d.bidirectional else cell)(x)
    seen = [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)]
    if d.convolutions:
        seen.append(layers.GlobalAveragePooling1D()(features))
    found = layers.Dropout(d.dropout)(layers.Concatenate()(seen))
    # Zeros, so that training begins at the mean of all answers.
    return Model(values, layers.Dense(d.outputs, kernel_initializer="zeros")(found))
