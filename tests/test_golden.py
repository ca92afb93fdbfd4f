"""Operations and layers against PyTorch, whose results golden/make_golden.py stored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import lstm
from backend_cases import over_dtypes
from lstm.backends import backend
from lstm.backends.contract import Ops
from op_cases import DELTA, Array, Arrays
from recurrent_calls import functions, lstm_backward, lstm_forward
from recurrent_cases import OPERATIONS
from tolerances import assert_close

GOLDEN = load_file(Path(__file__).parent / "golden" / "golden.safetensors")


def golden(case: str, dtype: str) -> Arrays:
    """The arrays of a case by name, the floating ones in `dtype`."""
    arrays = {
        name.removeprefix(f"{case}/"): x
        for name, x in GOLDEN.items()
        if name.startswith(f"{case}/")
    }
    assert arrays
    return {name: x.astype(dtype if x.dtype.kind == "f" else x.dtype) for name, x in arrays.items()}


def buffers(a: Arrays, *names: str) -> list[Array]:
    return [np.zeros_like(a[name]) for name in names]


# ---- operations


def check_lstm(ops: Ops, a: Arrays, mask: Array | None = None) -> None:
    """Compare outputs and gradients of one direction; at masked steps nothing is compared."""
    real = np.ones(a["x"].shape[:2], bool) if mask is None else mask
    state = a.get("h0"), a.get("c0")
    y, h_n, c_n, cache = lstm_forward(
        ops, a["x"], a["w"], a["r"], a["b"], *state, mask, None, False, "tanh", "sigmoid", True
    )
    # PyTorch's output at padding is the constant 0, so that its gradient goes nowhere.
    dy = np.where(real[..., None], a["dy"], a["dy"].dtype.type(0))
    dw, dr, db = buffers(a, "w", "r", "b")
    dx, dh0, dc0 = lstm_backward(ops, dy, a["dh_n"], a["dc_n"], cache, dw, dr, db, True)
    T = a["x"].shape[1]
    assert_close(y[real], a["y"][real], "lstm", terms=T)
    results = {"h_n": h_n, "c_n": c_n, "dx": dx, "dh0": dh0, "dc0": dc0}
    results |= {"dw": dw, "dr": dr, "db": db}
    for name in results.keys() & a.keys():
        assert_close(results[name], a[name], "lstm", terms=T)


@over_dtypes
@pytest.mark.parametrize("case", ["lstm", "lstm_with_state"])
def test_lstm(ops: Ops, dtype: str, case: str) -> None:
    check_lstm(ops, golden(case, dtype))


@over_dtypes
def test_lstm_with_lengths(ops: Ops, dtype: str) -> None:
    a = golden("lstm_with_lengths", dtype)
    check_lstm(ops, a, np.arange(a["x"].shape[1]) < a["lengths"][:, None])


@over_dtypes
@pytest.mark.parametrize("operation", OPERATIONS)
def test_rnn_and_gru(ops: Ops, dtype: str, operation: str) -> None:
    a = golden(operation, dtype)
    forward, backward = functions(ops, operation)
    activations = ("tanh", "sigmoid") if operation == "gru" else ("tanh",)
    y, h_n, cache = forward(
        a["x"], a["w"], a["r"], a["b"], a["h0"], None, None, False, *activations, True
    )
    dw, dr, db = buffers(a, "w", "r", "b")
    dx, dh0 = backward(a["dy"], a["dh_n"], cache, dw, dr, db, True)
    results = {"y": y, "h_n": h_n, "dx": dx, "dh0": dh0, "dw": dw, "dr": dr, "db": db}
    for name, result in results.items():
        assert_close(result, a[name], "lstm", terms=a["x"].shape[1])


@over_dtypes
def test_lstm_in_both_directions(ops: Ops, dtype: str) -> None:
    a = golden("bidirectional", dtype)
    T, H = a["x"].shape[1], a["r"].shape[0]
    dx = np.zeros_like(a["x"])
    for own, reverse, units in (("", False, slice(0, H)), ("_back", True, slice(H, None))):
        w, r, b, dh_n, dc_n = (a[name + own] for name in ("w", "r", "b", "dh_n", "dc_n"))
        y, h_n, c_n, cache = lstm_forward(
            ops, a["x"], w, r, b, None, None, None, None, reverse, "tanh", "sigmoid", True
        )
        dy = np.ascontiguousarray(a["dy"][..., units])
        gradients = buffers(a, "w" + own, "r" + own, "b" + own)
        part, _, _ = lstm_backward(ops, dy, dh_n, dc_n, cache, *gradients, True)
        dx += part
        assert_close(y, a["y"][..., units], "lstm", terms=T)
        names = ("h_n", "c_n", "dw", "dr", "db")
        for name, result in zip(names, (h_n, c_n, *gradients), strict=True):
            assert_close(result, a[name + own], "lstm", terms=T)
    assert_close(dx, a["dx"], "lstm", terms=T)


CONVOLUTIONS = ["conv1d", "conv1d_stride", "conv1d_dilation", "conv1d_padding"]


@over_dtypes
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_conv1d(ops: Ops, dtype: str, case: str) -> None:
    a = golden(case, dtype)
    stride, dilation, padding = a["options"].tolist()
    y, cache = ops.conv1d_forward(
        a["x"], a["w"], a["b"], stride, dilation, (padding, padding), "linear"
    )
    dw, db = buffers(a, "w", "b")
    dx = ops.conv1d_backward(a["dy"], cache, dw, db, True)
    for result, name in ((y, "y"), (dx, "dx"), (dw, "dw"), (db, "db")):
        assert_close(result, a[name], "product", terms=a["x"][..., 0].size)


@over_dtypes
def test_linear(ops: Ops, dtype: str) -> None:
    a = golden("linear", dtype)
    y, cache = ops.linear_forward(a["x"], a["w"], a["b"], "linear")
    dw, db = buffers(a, "w", "b")
    dx = ops.linear_backward(a["dy"], cache, dw, db, True)
    for result, name in ((y, "y"), (dx, "dx"), (dw, "dw"), (db, "db")):
        assert_close(result, a[name], "product", terms=a["x"][..., 0].size)


CROSS_ENTROPIES = ["cross_entropy", "cross_entropy_of_distributions", "cross_entropy_weighted"]


@over_dtypes
@pytest.mark.parametrize("case", [*CROSS_ENTROPIES, "cross_entropy_of_probabilities"])
def test_cross_entropies(ops: Ops, dtype: str, case: str) -> None:
    a = golden(case, dtype)
    if case == "cross_entropy_of_probabilities":
        loss, cache = ops.cross_entropy_forward(a["y"], a["target"], None)
        dy = ops.cross_entropy_backward(cache)
    else:
        loss, cache = ops.softmax_cross_entropy_forward(a["y"], a["target"], a.get("weight"))
        dy = ops.softmax_cross_entropy_backward(cache)
    assert_close(loss, a["loss"], "loss", terms=a["y"].size, dtype=dtype)
    assert_close(dy, a["dy"], "loss")


@over_dtypes
@pytest.mark.parametrize("case", CROSS_ENTROPIES)
def test_cross_entropies_of_a_linear_layer(ops: Ops, dtype: str, case: str) -> None:
    a = golden(case, dtype)
    y, V = a["y"], a["y"].shape[-1]
    # Of the identity and a bias that it takes back: the logits are those of the recorded case.
    w, b = np.eye(V, dtype=dtype), np.linspace(-1, 1, V).astype(dtype)
    dw, db = np.zeros_like(w), np.zeros_like(b)
    loss, dx = ops.linear_softmax_cross_entropy(
        y - b, w, b, a["target"], a.get("weight"), dw, db, True
    )
    assert_close(loss, a["loss"], "loss", terms=y.size, dtype=dtype)
    assert_close(dx, a["dy"], "loss")
    assert_close(db, a["dy"].sum((0, 1)), "loss", terms=y.size)
    assert_close(dw, (y - b).reshape(-1, V).T @ a["dy"].reshape(-1, V), "loss", terms=y.size)


POINTWISE_LOSSES: list[Any] = [
    "squared_error",
    "absolute_error",
    "huber",
    "binary_cross_entropy",
    "sigmoid_cross_entropy",
]


@over_dtypes
@pytest.mark.parametrize("case", POINTWISE_LOSSES)
def test_pointwise_losses(ops: Ops, dtype: str, case: Any) -> None:
    a = golden(case, dtype)
    loss, cache = ops.pointwise_loss_forward(case, a["y"], a["target"], None, DELTA)
    assert_close(loss, a["loss"], "loss", terms=a["y"].size, dtype=dtype)
    assert_close(ops.pointwise_loss_backward(cache), a["dy"], "loss")


OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {"learning_rate": 0.03}),
    "sgd_momentum": ("sgd", {"learning_rate": 0.03, "momentum": 0.8}),
    "sgd_nesterov": ("sgd", {"learning_rate": 0.03, "momentum": 0.8, "nesterov": True}),
    "rmsprop": ("rmsprop", {"learning_rate": 0.03, "rho": 0.9, "epsilon": 1e-30}),
    "adam": ("adam", {"learning_rate": 0.03, "beta_2": 0.99, "epsilon": 1e-30}),
    "adamw": (
        "adamw",
        {"learning_rate": 0.03, "beta_2": 0.99, "epsilon": 1e-30, "weight_decay": 0.3},
    ),
}


@over_dtypes
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers(ops: Ops, dtype: str, case: str) -> None:
    a = golden(case, dtype)
    name, config = OPTIMIZERS[case]
    optimizer = lstm.optimizers.get({"name": name, "config": config})
    p = a["before"]
    for g, expected in zip(a["gradients"], a["after"], strict=True):
        optimizer.apply(backend(ops.NAME, dtype), p, g)
        assert_close(p, expected, "optimizer", terms=len(a["gradients"]))


@over_dtypes
def test_clip_by_global_norm(ops: Ops, dtype: str) -> None:
    a = golden("clip_by_global_norm", dtype)
    norm = ops.clip_by_norm(g := a["g"], np.array([a["g"].size]), 1.5)
    assert_close(norm, a["norm"], "product", terms=len(g), dtype=dtype)
    assert_close(g, a["clipped"], "product", terms=len(g))


# ---- layers, in models with these weights


WEIGHTS = ("w", "r", "b")


@pytest.mark.usefixtures("float64")
def test_lstm_layer() -> None:
    a = golden("lstm_with_state", "float64")
    H = a["r"].shape[0]
    x, h0, c0 = lstm.Input((None, a["x"].shape[-1])), lstm.Input((H,)), lstm.Input((H,))
    layer = lstm.layers.LSTM(H, return_sequences=True, return_state=True)
    model = lstm.Model([x, h0, c0], layer(x, initial_state=[h0, c0]))
    model.set_weights([a[name] for name in WEIGHTS])
    outputs = model.predict([a["x"], a["h0"], a["c0"]], verbose=0)
    for result, name in zip(outputs, ("y", "h_n", "c_n"), strict=True):
        assert_close(result, a[name], "lstm", terms=a["x"].shape[1])


@pytest.mark.usefixtures("float64")
def test_lstm_layer_on_sequences_of_different_lengths() -> None:
    a = golden("lstm_with_lengths", "float64")
    x, lengths = a["x"], a["lengths"]
    model = lstm.Sequential([lstm.Input((None, x.shape[-1])), lstm.layers.LSTM(a["r"].shape[0])])
    model.set_weights([a[name] for name in WEIGHTS])
    h_n = model.predict([row[:n] for row, n in zip(x, lengths, strict=True)], verbose=0)
    assert_close(h_n, a["h_n"], "lstm", terms=x.shape[1])


@pytest.mark.usefixtures("float64")
def test_bidirectional_layer() -> None:
    a = golden("bidirectional", "float64")
    x = lstm.Input((None, a["x"].shape[-1]))
    layer = lstm.layers.LSTM(a["r"].shape[0], return_sequences=True, return_state=True)
    model = lstm.Model(x, lstm.layers.Bidirectional(layer)(x))
    model.set_weights([a[name + own] for own in ("", "_back") for name in WEIGHTS])
    outputs = model.predict(a["x"], verbose=0)
    for result, name in zip(outputs, ("y", "h_n", "c_n", "h_n_back", "c_n_back"), strict=True):
        assert_close(result, a[name], "lstm", terms=a["x"].shape[1])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", CONVOLUTIONS[:3])
def test_conv1d_layer(case: str) -> None:
    a = golden(case, "float64")
    stride, dilation, _ = a["options"].tolist()
    K, _, F = a["w"].shape
    layer = lstm.layers.Conv1D(F, K, strides=stride, dilation_rate=dilation, padding="valid")
    model = lstm.Sequential([lstm.Input((None, a["x"].shape[-1])), layer])
    model.set_weights([a["w"], a["b"]])
    assert_close(model.predict(a["x"], verbose=0), a["y"], "product", terms=a["w"][..., 0].size)


@pytest.mark.usefixtures("float64")
def test_dense_layer() -> None:
    a = golden("linear", "float64")
    D, F = a["w"].shape
    model = lstm.Sequential([lstm.Input((None, D)), lstm.layers.Dense(F)])
    model.set_weights([a["w"], a["b"]])
    assert_close(model.predict(a["x"], verbose=0), a["y"], "product", terms=D)


@pytest.mark.usefixtures("float64")
def test_steps_of_training() -> None:
    a = golden("training", "float64")
    T, D = a["x"].shape[1:]
    model = lstm.Sequential(
        [
            lstm.Input((None, D)),
            lstm.layers.LSTM(a["r"].shape[0]),
            lstm.layers.Dense(a["head_b"].size),
        ]
    )
    names = (*WEIGHTS, "head_w", "head_b")
    model.set_weights([a[name] for name in names])
    model.compile(lstm.optimizers.Adam(0.03, epsilon=1e-30), "mse")
    for loss in a["losses"]:
        assert_close(model.train_on_batch(a["x"], a["target"]), loss, "lstm", terms=T)
    for weight, name in zip(model.get_weights(), names, strict=True):
        assert_close(weight, a[f"{name}_after"], "lstm", terms=T * len(a["losses"]))
