"""Optimizers: change the weights along their gradients, in a few calls over the flat buffer."""

from typing import TYPE_CHECKING, Any

from lstm import checks
from lstm.absent_names import answering
from lstm.configured import described
from lstm.errors import InvalidTypeError
from lstm.old_paths import lead_to
from lstm.optimizers import schedules
from lstm.optimizers.adadelta import Adadelta
from lstm.optimizers.adagrad import Adagrad
from lstm.optimizers.adam import Adam, AdamW
from lstm.optimizers.adamax import Adamax
from lstm.optimizers.base import Optimizer
from lstm.optimizers.ftrl import Ftrl
from lstm.optimizers.learning_rate import LearningRate
from lstm.optimizers.lion import Lion
from lstm.optimizers.nadam import Nadam
from lstm.optimizers.rmsprop import RMSprop
from lstm.optimizers.sgd import SGD

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)
    lead_to(__name__)

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "LearningRate",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind
    for kind in (SGD, RMSprop, Adam, AdamW, Adagrad, Adadelta, Adamax, Nadam, Ftrl, Lion)
}


def of_file(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config of an optimizer in a file as it is called now.

    In older files `clipnorm` is the limit of the whole gradient's norm.
    """
    if "clipnorm" not in config or "global_clipnorm" in config:
        return config
    return {**config, "clipnorm": None, "global_clipnorm": config["clipnorm"]}


_CLASSES = OPTIMIZERS | {kind.__name__: kind for kind in OPTIMIZERS.values()}


def get(spec: str | Optimizer | type[Optimizer] | dict[str, Any]) -> Optimizer:
    """Return an optimizer from its name, class, config or itself.

    Raises:
        InvalidValueError: no optimizer has that name.
    """
    if isinstance(spec, Optimizer):
        return spec
    if isinstance(spec, dict):
        return described("optimizer", spec, _CLASSES)
    if isinstance(spec, type) and issubclass(spec, Optimizer):
        return spec.made_with({})
    if not isinstance(spec, str):
        raise InvalidTypeError("optimizer", "the name of an optimizer or an Optimizer", repr(spec))
    return OPTIMIZERS[checks.one_of("optimizer", spec.lower(), OPTIMIZERS)].made_with({})
