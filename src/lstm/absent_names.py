"""Absent names: what programs for Keras ask a module for, and what to write here instead."""

import sys
from collections.abc import Callable, Mapping
from dis import opmap
from types import FrameType
from typing import NoReturn

from lstm.errors import NoSuchAttributeError, NoSuchNameError

_BEFORE = "texts become numbers before the model, by lstm.text.TextVectorization or a vocabulary"
_IMAGES = "layers of images are not here; for sequences there are Conv1D and MaxPooling1D"
_NORMAL = "use LayerNormalization"

_INSTEAD: Mapping[str, Mapping[str, str]] = {
    "lstm": {
        "config": "lstm.use(dtype=...) chooses the dtype of all that follows",
        "distribution": "leave it out: models run on one machine",
        "dtype_policies": "lstm.use(dtype=..., precision=...) chooses them",
        "keras": "lstm itself has layers, models, optimizers, ...",
        "mixed_precision": 'lstm.use(precision="bfloat16") or compile(precision=...) chooses it',
        "random": (
            "in a model use layers.GaussianNoise or Dropout, which draw in every step (`call` runs "
            "once, so what NumPy draws in it stays); for data, use np.random.default_rng"
        ),
        "Variable": "use add_weight of a layer, or lstm.metrics.Variable",
    },
    "lstm.callbacks": {
        "ProgbarLogger": "use verbose=1 of fit",
        "RemoteMonitor": "use LambdaCallback, or a Callback of yours",
        "SwapEMAWeights": "use the argument use_ema of an optimizer",
    },
    "lstm.datasets": {
        **dict.fromkeys(
            ("boston_housing", "california_housing", "cifar10", "fashion_mnist", "mnist"),
            "read the file with NumPy",
        ),
        **dict.fromkeys(
            ("imdb", "reuters"),
            "its files are pickles, which may run code; read texts, with text.TextVectorization",
        ),
    },
    "lstm.layers": {
        **dict.fromkeys(("AveragePooling2D", "Conv2D", "Conv2DTranspose", "Conv3D"), _IMAGES),
        **dict.fromkeys(("ConvLSTM2D", "ConvLSTM3D", "GlobalAveragePooling2D"), _IMAGES),
        **dict.fromkeys(("GlobalMaxPooling2D", "MaxPooling2D", "UpSampling2D"), _IMAGES),
        **dict.fromkeys(("Hashing", "HashedCrossing", "IntegerLookup"), _BEFORE),
        **dict.fromkeys(("StringLookup", "TextVectorization"), _BEFORE),
        **dict.fromkeys(("GroupNormalization", "RMSNormalization"), _NORMAL),
        "CategoryEncoding": "use OneHot, or lstm.utils.to_categorical before the model",
        "CuDNNGRU": "use GRU",
        "CuDNNLSTM": "use LSTM",
        "Discretization": "use np.digitize, before the model",
        "Highway": "use Dense, Multiply and Add",
        "InputSpec": "leave it out: layers check shapes",
        "MaxoutDense": "use Dense and Maximum",
        "Merge": "use Concatenate, Add, Multiply or another layer that merges",
        "TimeDistributedDense": "use Dense, which computes every step",
        "UnitNormalization": "use Lambda(lstm.ops.normalize)",
        "Wrapper": "use a Layer that calls the layer it keeps",
    },
    "lstm.ops": {
        **dict.fromkeys(
            ("argsort", "median", "percentile", "quantile", "sort", "top_k", "unique"),
            "use NumPy, before or behind the model",
        ),
        **dict.fromkeys(("array", "empty", "linspace"), "use NumPy"),
        **dict.fromkeys(("cond", "select", "switch"), "use where"),
        **dict.fromkeys(
            ("fori_loop", "map", "scan", "vectorized_map", "while_loop"),
            "use a recurrent layer, layers.TimeDistributed, or a loop of Python",
        ),
        **dict.fromkeys(("get_item", "slice"), "use an index, such as x[:, 2:5]"),
        **dict.fromkeys(("hstack", "vstack"), "use concatenate([x, y], axis)"),
        **dict.fromkeys(("scatter_update", "slice_update"), "use concatenate of the parts"),
        "custom_gradient": "use stop_gradient, or a layer with forward and backward",
        "full": "use full_like, or np.full",
        "isnan": "use not_equal(x, x)",
        "prod": "of positive numbers, use exp(sum(log(x), axis))",
        "take_along_axis": "use sum(x * one_hot(places, n), -1)",
    },
    "lstm.optimizers": {
        **dict.fromkeys(("Adafactor", "Lamb", "Muon"), "use Adam"),
        "LossScaleOptimizer": "leave it out: gradients are float32",
    },
    "lstm.regularizers": {
        "OrthogonalRegularizer": "use initializers.Orthogonal, or write a Regularizer",
    },
    "lstm.utils": {
        "Progbar": "use verbose=1 of fit",
        "get_file": "use urllib.request.urlretrieve",
        "model_to_dot": "use plot_model",
        "normalize": "use lstm.ops.normalize",
        "split_dataset": "use a slice of the arrays, or validation_split= of fit",
    },
    "lstm.wrappers": {
        "KerasClassifier": "use SKLearnClassifier(build_fn, fit_kwargs={'epochs': 10})",
        "KerasRegressor": "use SKLearnRegressor(build_fn, fit_kwargs={'epochs': 10})",
    },
}
"""What to write instead, by module and name: of the most common ones. A guide lists all."""

_IMPORT = opmap["IMPORT_FROM"]


def answering(module: str) -> Callable[[str], NoReturn]:
    """Return the `__getattr__` of a module, which is called for a name that it does not have."""
    instead = _INSTEAD[module]

    def absent(name: str) -> NoReturn:
        if name not in instead:
            message = f"module {module!r} has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[module])
        # Of an AttributeError, `from module import name` would not show the message.
        kind = NoSuchNameError if _imports(sys._getframe(1)) else NoSuchAttributeError
        raise kind(f"{module} has no {name}: {instead[name]}")

    return absent


def _imports(frame: FrameType | None) -> bool:
    """Whether the frame that asks for a name of a module is at `from module import name`."""
    while frame is not None and frame.f_code.co_name == "__getattr__":
        frame = frame.f_back
    return frame is not None and frame.f_code.co_code[frame.f_lasti] == _IMPORT
