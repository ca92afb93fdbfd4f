"""Initializers: initial values of weights, with the names of Keras.

An initializer is called with a shape and returns float64 values. For a kernel the last axis counts
outputs, the one before it inputs, and any before those positions. Each class also has the name of
a function, such as `glorot_uniform`. Where a layer takes an initializer, it may also be a name, a
class, an array, or a function of a shape.
"""

from lstm.initializers.base import Initializer
from lstm.initializers.constants import Constant, Identity, Ones, Zeros
from lstm.initializers.names import INITIALIZERS, get, serialize
from lstm.initializers.orthogonal import Orthogonal
from lstm.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from lstm.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from lstm.initializers.thresholds import Thresholds

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "INITIALIZERS",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "Thresholds",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
    "serialize",
]
