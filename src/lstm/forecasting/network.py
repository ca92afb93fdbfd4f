"""The network of a forecaster: an LSTM over whole seasons that corrects a mix of simple forecasts.

The LSTM reads `patch` values in each of its steps, a season's worth where there is one. So a year
of hours is 365 steps instead of 8,760, and a training step takes a fraction of the time. Its last
state, and the latest values one by one, decide two things: how simple forecasts are mixed, which
are right as they are for many series, and what has to be added to the mix.
"""

from typing import Any

from lstm import layers, ops
from lstm.forecasting.design import Design
from lstm.forecasting.distributions import DISTRIBUTIONS
from lstm.forecasting.outputs import middle_of
from lstm.initializers import Constant
from lstm.models import Model

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}


def network(design: Design) -> Model:
    """Return the network of a design; it is not compiled.

    Its inputs are what `Examples.inputs` returns. Its output (B, h, outputs) is in units of the
    loss; of a distribution, what `Distribution` describes.
    """
    d = design
    window = layers.Input((d.steps, d.channels * d.patch), name="window")
    recent = layers.Input((d.recent,), name="recent")
    inputs = [window, recent]
    state = window
    for k in range(d.layers):
        state = CELLS[d.cell](d.units, return_sequences=k < d.layers - 1)(state)
    seen = [state, recent]
    if d.baseline:
        candidates = layers.Input((d.candidates, d.h), name="candidates")
        inputs.append(candidates)
    if d.extras:
        extras = layers.Input((d.extras,), name="extras")
        inputs.append(extras)
        seen.append(extras)
    hidden = layers.Dense(2 * d.units, activation="relu")(layers.Concatenate()(seen))
    # Zeros, so that training begins at the mix of all.
    z: Any = layers.Dense(d.h, kernel_initializer="zeros")(hidden)
    if d.baseline:
        each = layers.Dense(d.blocks * d.candidates, kernel_initializer="zeros")(hidden)
        shares = ops.softmax(layers.Reshape((d.blocks, d.candidates))(each), axis=-1)
        length = -(-d.h // d.blocks)
        shares = ops.repeat(shares, length, axis=1)[:, : d.h]
        mixed = ops.sum(shares * layers.Permute((2, 1))(candidates), axis=-1)
        z = z + mixed
    z = layers.Reshape((d.h, 1))(z)
    if len(d.quantiles) > 1:
        z = _quantiles(d, hidden, z)
    y = z
    if d.in_values:
        spread = layers.Input((1, 1), name="spread")
        center = layers.Input((1, 1), name="center")
        inputs += [spread, center]
        y = z * spread + center
        y = ops.exp(y) if d.log else y
    if d.distribution is not None:
        return Model(inputs, _distribution(d, hidden, y))
    if d.shift:
        shift = layers.Input((1, 1), name="shift")
        inputs.append(shift)
        y = y - shift
    return Model(inputs, y)


def _distribution(d: Design, hidden: Any, location: Any) -> Any:
    """Return the outputs of a distribution: locations (B, h, 1), and the shapes around them."""
    shapes = DISTRIBUTIONS[d.distribution].shapes if d.distribution else 0
    each = layers.Dense(d.h * shapes, kernel_initializer="zeros", bias_initializer=Constant(-1.0))(
        hidden
    )
    around = ops.softplus(layers.Reshape((d.h, shapes))(each))
    return layers.Concatenate(axis=-1)([location, around])


def _quantiles(d: Design, hidden: Any, z: Any) -> Any:
    """Return quantiles (B, h, quantiles) around the middle one: the others never cross it."""
    middle = middle_of(d.quantiles)
    each = layers.Dense(
        d.h * (len(d.quantiles) - 1), kernel_initializer="zeros", bias_initializer=Constant(-2.0)
    )(hidden)
    apart = ops.softplus(layers.Reshape((d.h, len(d.quantiles) - 1))(each))
    parts = [z]
    if middle < len(d.quantiles) - 1:
        parts.append(z + ops.cumsum(apart[:, :, middle:], axis=-1))
    if middle:
        below = ops.flip(ops.cumsum(ops.flip(apart[:, :, :middle], axis=-1), axis=-1), axis=-1)
        parts.insert(0, z - below)
    return layers.Concatenate(axis=-1)(parts)


def pinball_of(quantiles: tuple[float, ...]) -> Any:
    """Return the loss of forecasts of quantiles: targets (B, h, 1), forecasts (B, h, quantiles).

    It is twice the pinball loss, so that of the median is the absolute error.
    """

    def pinball(y_true: Any, y_pred: Any) -> Any:
        errors = y_true - y_pred
        q = ops.convert_to_tensor([[list(quantiles)]])
        return 2.0 * ops.mean(ops.maximum(q * errors, (q - 1.0) * errors), axis=-1)

    return pinball
