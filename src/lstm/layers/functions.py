"""Merging layers as functions of lists of tensors, as older programs call them."""

from collections.abc import Sequence
from typing import Any

from lstm.layers.dot import Dot
from lstm.layers.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)


def add(inputs: Sequence[Any]) -> Any:
    """The sum of tensors, as by `Add`."""
    return Add()(inputs)


def subtract(inputs: Sequence[Any]) -> Any:
    """The first of two tensors minus the second, as by `Subtract`."""
    return Subtract()(inputs)


def multiply(inputs: Sequence[Any]) -> Any:
    """The product of tensors, as by `Multiply`."""
    return Multiply()(inputs)


def average(inputs: Sequence[Any]) -> Any:
    """The mean of tensors, as by `Average`."""
    return Average()(inputs)


def maximum(inputs: Sequence[Any]) -> Any:
    """The largest of tensors, as by `Maximum`."""
    return Maximum()(inputs)


def minimum(inputs: Sequence[Any]) -> Any:
    """The smallest of tensors, as by `Minimum`."""
    return Minimum()(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1) -> Any:
    """Tensors joined along an axis, as by `Concatenate`."""
    return Concatenate(axis)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int], normalize: bool = False) -> Any:
    """Sums of products of two tensors, as by `Dot`."""
    return Dot(axes, normalize)(inputs)
