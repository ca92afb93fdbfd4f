"""Merging layers as functions of lists of tensors, as older programs call them."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm.interface import spelled
from lstm.layers.base import LayerOptions
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


@spelled
def add(inputs: Sequence[Any], **options: Unpack[LayerOptions]) -> Any:
    """The sum of tensors, as by `Add`."""
    return Add(**options)(inputs)


@spelled
def subtract(inputs: Sequence[Any], **options: Unpack[LayerOptions]) -> Any:
    """The first of two tensors minus the second, as by `Subtract`."""
    return Subtract(**options)(inputs)


@spelled
def multiply(inputs: Sequence[Any], **options: Unpack[LayerOptions]) -> Any:
    """The product of tensors, as by `Multiply`."""
    return Multiply(**options)(inputs)


@spelled
def average(inputs: Sequence[Any], **options: Unpack[LayerOptions]) -> Any:
    """The mean of tensors, as by `Average`."""
    return Average(**options)(inputs)


@spelled
def maximum(inputs: Sequence[Any], **options: Unpack[LayerOptions]) -> Any:
    """The largest of tensors, as by `Maximum`."""
    return Maximum(**options)(inputs)


@spelled
def minimum(inputs: Sequence[Any], **options: Unpack[LayerOptions]) -> Any:
    """The smallest of tensors, as by `Minimum`."""
    return Minimum(**options)(inputs)


@spelled
def concatenate(inputs: Sequence[Any], axis: int = -1, **options: Unpack[LayerOptions]) -> Any:
    """Tensors joined along an axis, as by `Concatenate`."""
    return Concatenate(axis, **options)(inputs)


@spelled
def dot(
    inputs: Sequence[Any],
    axes: int | Sequence[int] = -1,
    normalize: bool = False,
    **options: Unpack[LayerOptions],
) -> Any:
    """Sums of products of two tensors, as by `Dot`."""
    return Dot(axes, normalize, **options)(inputs)
