"""Dropout that is the same at every step of a sequence: by hand, and what users rely on."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from backend_cases import over_backends, over_dtypes
from gradients import assert_gradient
from lstm.backends import reference
from lstm.backends.contract import Key, Ops
from lstm.errors import InvalidShapeError
from lstm.layers import LSTM, Bidirectional, Dense, Layer, SpatialDropout1D
from lstm.layers.base import Run
from lstm_cases import DIRECTION_AND_MASK, make_mask, make_recurrent_mask
from op_cases import Array, Arrays
from recurrent_calls import lstm_backward, lstm_forward
from tolerances import assert_close

B, T, D, H = 4, 5, 2, 3

# ---- the operation, number by number


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(a: Arrays, mask: Array | None, reverse: bool) -> Arrays:
    """All outputs and gradients of an LSTM with a recurrent mask, from one number to the next."""
    out = {name: np.zeros_like(a[of]) for name, of in (("y", "dy"), ("h_n", "h0"), ("c_n", "c0"))}
    out |= {f"d{name}": np.zeros_like(a[name]) for name in ("x", "w", "r", "b", "h0", "c0")}
    order = list(range(T))[:: -1 if reverse else 1]
    for n in range(B):
        x, mu = a["x"][n], a["recurrent_mask"][n]
        h, c, steps = list(a["h0"][n]), list(a["c0"][n]), {}
        for t in order:
            if mask is not None and not mask[n, t]:
                out["y"][n, t] = h
                continue
            z = [
                a["b"][j]
                + sum(x[t, d] * a["w"][d, j] for d in range(D))
                + sum(mu[k] * h[k] * a["r"][k, j] for k in range(H))
                for j in range(4 * H)
            ]
            gates = [(math.tanh if j // H == 2 else sigmoid)(z[j]) for j in range(4 * H)]
            i, f, g, o = (gates[k * H : (k + 1) * H] for k in range(4))
            before = h, c
            c = [f[u] * c[u] + i[u] * g[u] for u in range(H)]
            h = [o[u] * math.tanh(c[u]) for u in range(H)]
            steps[t] = before, (i, f, g, o), c
            out["y"][n, t] = h
        out["h_n"][n], out["c_n"][n] = h, c

        dh, dc = list(a["dh_n"][n]), list(a["dc_n"][n])
        for t in reversed(order):
            dh = [dh[u] + a["dy"][n, t, u] for u in range(H)]
            if t not in steps:
                continue
            (h_before, c_before), (i, f, g, o), c = steps[t]
            dz = [0.0] * (4 * H)
            for u in range(H):
                tanh_c = math.tanh(c[u])
                dc[u] += dh[u] * o[u] * (1 - tanh_c**2)
                dz[u] = dc[u] * g[u] * i[u] * (1 - i[u])
                dz[H + u] = dc[u] * c_before[u] * f[u] * (1 - f[u])
                dz[2 * H + u] = dc[u] * i[u] * (1 - g[u] ** 2)
                dz[3 * H + u] = dh[u] * tanh_c * o[u] * (1 - o[u])
                dc[u] *= f[u]
            dh = [mu[k] * sum(dz[j] * a["r"][k, j] for j in range(4 * H)) for k in range(H)]
            for j in range(4 * H):
                out["db"][j] += dz[j]
                for d in range(D):
                    out["dx"][n, t, d] += dz[j] * a["w"][d, j]
                    out["dw"][d, j] += x[t, d] * dz[j]
                for k in range(H):
                    out["dr"][k, j] += mu[k] * h_before[k] * dz[j]
        out["dh0"][n], out["dc0"][n] = dh, dc
    return out


@over_dtypes
@pytest.mark.parametrize(("reverse", "padding"), DIRECTION_AND_MASK)
def test_the_operation_by_hand(ops: Ops, dtype: str, reverse: bool, padding: str) -> None:
    rng = np.random.default_rng(90)
    shapes = {"x": (B, T, D), "w": (D, 4 * H), "r": (H, 4 * H), "b": (4 * H,), "dy": (B, T, H)}
    shapes |= dict.fromkeys(("h0", "c0", "dh_n", "dc_n"), (B, H))
    a = {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}
    a["recurrent_mask"] = make_recurrent_mask(B, H)
    mask = make_mask(padding, B, T)
    expected = by_hand(a, mask, reverse)

    a = {name: x.astype(dtype) for name, x in a.items()}
    names = ("x", "w", "r", "b", "h0", "c0")
    y, h_n, c_n, cache = lstm_forward(
        ops,
        *(a[name] for name in names),
        mask,
        a["recurrent_mask"],
        reverse,
        "tanh",
        "sigmoid",
        True,
    )
    dw, dr, db = (np.zeros_like(a[name]) for name in ("w", "r", "b"))
    dx, dh0, dc0 = lstm_backward(ops, a["dy"], a["dh_n"], a["dc_n"], cache, dw, dr, db, True)
    results = {"y": y, "h_n": h_n, "c_n": c_n, "dx": dx, "dh0": dh0, "dc0": dc0}
    results |= {"dw": dw, "dr": dr, "db": db}
    assert results.keys() == expected.keys()
    for name, result in results.items():
        assert_close(result, expected[name], "lstm", terms=T)


# ---- the layers


def run_of(layer: Layer, *, training: bool = True, seed: int = 91) -> Run:
    """A pass of one layer, which has its weights and buffers for their gradients."""
    for weight in layer.weights:
        weight.gradient = np.zeros_like(weight.value)
    rng = np.random.default_rng(seed)
    return Run(lstm.backend(), training=training, keep_cache=True, rng=rng)


def masks(rates: dict[int, float], seed: int = 91) -> list[Array]:
    """What a pass from that seed multiplies with, by the number of features, in order."""
    seed = int(np.random.default_rng(seed).integers(2**64, dtype=np.uint64))
    return [
        reference.dropout_mask((B, size), Key(seed, draw), rate, "float64")
        for draw, (size, rate) in enumerate(rates.items(), 1)
    ]


def built(layer: Layer, *shape: int) -> Any:
    layer(lstm.Input((None, *shape)))
    rng = np.random.default_rng(92)
    for weight in layer.weights:
        weight.value = rng.normal(0, 0.7, weight.value.shape)
    return layer


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("dropout", "recurrent"), [(0.4, 0.0), (0.0, 0.3), (0.4, 0.3)])
def test_lstm_drops_input_and_hidden_state(
    dropout: float, recurrent: float, backwards: bool
) -> None:
    options = {"dropout": dropout, "recurrent_dropout": recurrent}
    layer = built(LSTM(H, return_sequences=True, go_backwards=backwards, **options), D)
    x = np.random.default_rng(93).normal(size=(B, T, D))
    (y,), _ = layer.forward(run_of(layer), x, mask=None)
    drawn = iter(masks({size: rate for size, rate in ((D, dropout), (H, recurrent)) if rate}))
    of_x = next(drawn) if dropout else np.ones((B, D))
    of_h = next(drawn) if recurrent else np.ones((B, H))
    w, r, b = (weight.value for weight in layer.weights)
    h = c = np.zeros((B, H))
    for k, t in enumerate(range(T)[:: -1 if backwards else 1]):
        i, f, g, o = np.split((of_x * x[:, t]) @ w + (of_h * h) @ r + b, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        assert_close(y[:, k], h, "lstm", terms=T)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "make",
    [
        lambda: LSTM(H, dropout=0.4, recurrent_dropout=0.3, return_sequences=True),
        lambda: LSTM(H, dropout=0.4, recurrent_dropout=0.3, go_backwards=True),
        lambda: SpatialDropout1D(0.4),
    ],
    ids=["lstm", "lstm, backwards", "spatial dropout"],
)
def test_gradients(make: Any) -> None:
    layer, rng = built(make(), D), np.random.default_rng(94)
    x = rng.normal(size=(B, T, D))
    run = run_of(layer)
    (y,), cache = layer.forward(run, x, mask=None)
    dy = rng.normal(size=y.shape)

    def objective() -> float:
        return float(np.sum(dy * layer.forward(run_of(layer), x, mask=None)[0][0]))

    dx, *_ = layer.backward(run, cache, dy, need=(True,))
    gradients = {name: weight.gradient for name, weight in layer.named_weights.items()}
    assert_gradient(dx, objective, x, "x")
    for name, weight in layer.named_weights.items():
        assert_gradient(gradients[name], objective, weight.value, name)


@pytest.mark.usefixtures("float64")
def test_spatial_dropout_takes_features_from_whole_sequences() -> None:
    rate, size = 0.3, 500
    layer = SpatialDropout1D(rate)
    x = np.random.default_rng(95).normal(size=(B, T, size))
    (y,), _ = layer.forward(run_of(layer), x, mask=None)
    (dropped,) = masks({size: rate})
    assert_close(y, x * dropped[:, None], "pointwise")
    assert len(np.unique(dropped, axis=0)) == B
    # Five standard deviations of the share of all throws.
    assert abs((dropped == 0).mean() - rate) < 5 * math.sqrt(rate * (1 - rate) / (B * size))


def test_spatial_dropout_needs_sequences() -> None:
    with pytest.raises(InvalidShapeError, match=r"axes \(B, T, C\)"):
        SpatialDropout1D(0.3)(lstm.Input((D,)))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("wrap", [lambda layer: layer, Bidirectional], ids=["lstm", "both ways"])
def test_only_training_drops(wrap: Any) -> None:
    layers = [
        wrap(LSTM(H, return_sequences=True, **options))
        for options in ({}, {"dropout": 0.4, "recurrent_dropout": 0.3})
    ]
    models = [lstm.Sequential([lstm.Input((None, D)), layer, Dense(1)]) for layer in layers]
    models[1].set_weights(models[0].get_weights())
    rng = np.random.default_rng(96)
    x, y = rng.normal(size=(B, T, D)), rng.normal(size=(B, T, 1))
    assert_array_equal(models[0].predict(x), models[1].predict(x))
    losses = []
    for model in models:
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        losses.append([model.train_on_batch(x, y), model.train_on_batch(x, y)])
        assert_close(model.evaluate(x, y), losses[0][0], "loss", terms=x.size)
    assert losses[0][0] == losses[0][1]
    # Every batch draws anew.
    assert len({losses[0][0], *losses[1]}) == 3


@over_backends
def test_training_follows_from_the_seed(ops: Ops) -> None:
    def weights(backend: str) -> list[Array]:
        rng = np.random.default_rng(97)
        x, y = rng.integers(0, 7, (12, T)), rng.integers(0, 7, (12, T))
        with lstm.backends.using(backend):
            lstm.set_seed(98)
            model = lstm.Sequential(
                [
                    lstm.Input((None,)),
                    lstm.layers.Embedding(7, D),
                    SpatialDropout1D(0.2),
                    LSTM(H, return_sequences=True, dropout=0.2, recurrent_dropout=0.3),
                    LSTM(H, return_sequences=True, recurrent_dropout=0.3),
                    Dense(7, activation="softmax"),
                ]
            )
        model.compile(lstm.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=B, epochs=3, verbose=0)
        return model.get_weights()

    first, second, reference = (weights(name) for name in (ops.NAME, ops.NAME, "reference"))
    for x, y, z in zip(first, second, reference, strict=True):
        assert_array_equal(x, y)
        assert_close(x, z, "lstm", terms=100)
