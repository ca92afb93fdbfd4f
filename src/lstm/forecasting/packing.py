"""The weights of several networks as the tensors of one file."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from lstm import container
from lstm.models import Model

Tensors = Mapping[str, NDArray[Any]]


def packed(networks: Sequence[Model]) -> dict[str, NDArray[Any]]:
    """Return the weights of networks by name."""
    return {
        f"network.{k}.{name}": weight.value
        for k, net in enumerate(networks)
        for name, weight in net.named_weights.items()
    }


def unpack(networks: Sequence[Model], tensors: Tensors) -> None:
    """Give networks the weights that `packed` returned."""
    for k, net in enumerate(networks):
        weights = container.under(f"network.{k}.", tensors)
        net.set_weights([weights[name] for name in net.named_weights])
