"""Names of the module `keras.backend`, which the function `lstm.backend` has as well."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm import ops
from lstm.backends import backend
from lstm.losses import binary_crossentropy, categorical_crossentropy
from lstm.losses import sparse_categorical_crossentropy as sparse


def clear_session(free_memory: bool = True) -> None:
    """Do nothing: models share no session here, and Python frees those that nobody uses."""


def epsilon() -> float:
    """Return 1e-7, what the losses of Keras keep probabilities from 0 and 1 by."""
    return 1e-7


def floatx() -> str:
    """Return the dtype of the models made from now on."""
    return backend().dtype


def int_shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape of a tensor or array."""
    return tuple(x.shape)


NAMES: Mapping[str, Any] = {
    "batch_flatten": lambda x: ops.reshape(x, (-1, int(np.prod(x.shape[1:])))),
    "binary_crossentropy": binary_crossentropy,
    "categorical_crossentropy": categorical_crossentropy,
    "clear_session": clear_session,
    "constant": np.asarray,
    "epsilon": epsilon,
    "floatx": floatx,
    "get_value": np.asarray,
    "int_shape": int_shape,
    "l2_normalize": ops.normalize,
    "permute_dimensions": ops.transpose,
    "pow": ops.power,
    "sparse_categorical_crossentropy": sparse,
}
"""Those that are not in `lstm.ops` under the same name."""

INSTEAD: Mapping[str, str] = {
    "batch_dot": "use lstm.ops.einsum, or lstm.layers.dot",
    "ctc_batch_cost": "use the loss lstm.losses.CTC, or lstm.ops.ctc_loss",
    "flatten": "use lstm.layers.Flatten, which keeps the examples",
    "function": "use lstm.Model(inputs, outputs)",
    "gradients": "lstm.inspection has gradients; training computes those of the weights",
    "learning_phase": "use the argument training of call",
    "placeholder": "use lstm.Input",
    "random_normal": "use lstm.layers.GaussianNoise",
    "random_uniform": "use lstm.layers.Dropout, or np.random before the model",
    "repeat": "use lstm.layers.RepeatVector",
    "rnn": "use lstm.layers.RNN",
    "set_epsilon": "losses and optimizers have their own",
    "set_floatx": "use lstm.use(dtype=...)",
    "set_learning_phase": "leave it out: only fit trains",
    "set_session": "leave it out",
    "set_value": "use assign of the weight, or of optimizer.learning_rate",
    "switch": "use lstm.ops.where",
    "variable": "use add_weight of a layer",
}
"""What to write in place of others."""
