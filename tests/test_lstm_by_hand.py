"""The LSTM worked out by hand: one sequence of two steps, one input, two units.

Every number is written out with its own equation, in the letters of the reference. `i21` is the
gate i of step 2, unit 1; `ri12` is the weight from unit 1 to the gate i of unit 2; `b`, `w` and the
gradients (`dzi21`, `dri12`) likewise. (L..) and (B..) are the labels of docs/theory.
"""

import math

import numpy as np

from backend_cases import over_dtypes
from lstm.backends.contract import Ops, RecurrentSpec, RecurrentWeights
from recurrent_calls import lstm_backward, lstm_forward
from tolerances import assert_close

# ---- the sequence, the state before it, the weights

x1, x2 = 0.5, -1.25
h01, h02 = 0.3, -0.7
c01, c02 = -0.4, 0.9

wi1, wi2, wf1, wf2, wg1, wg2, wo1, wo2 = 0.8, -0.5, 0.35, 1.1, -0.9, 0.6, 0.45, -0.75
bi1, bi2, bf1, bf2, bg1, bg2, bo1, bo2 = 0.1, -0.2, 1.0, 0.7, -0.15, 0.25, 0.05, -0.3
ri11, ri12, rf11, rf12, rg11, rg12, ro11, ro12 = 0.2, -0.6, 0.5, -0.1, 0.9, 0.4, -0.35, 0.65
ri21, ri22, rf21, rf22, rg21, rg22, ro21, ro22 = -0.45, 0.3, -0.8, 0.15, 0.55, -0.7, 0.25, 1.2

# ---- the gradients of the outputs and of the last state

dy11, dy12, dy21, dy22 = 0.6, -0.25, 0.85, 0.4
dhn1, dhn2, dcn1, dcn2 = -0.3, 0.5, 0.7, -0.95


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# ---- forward, step 1: gates (L1)-(L5), cell (L6), output (L7)

i11 = sigmoid(x1 * wi1 + h01 * ri11 + h02 * ri21 + bi1)
i12 = sigmoid(x1 * wi2 + h01 * ri12 + h02 * ri22 + bi2)
f11 = sigmoid(x1 * wf1 + h01 * rf11 + h02 * rf21 + bf1)
f12 = sigmoid(x1 * wf2 + h01 * rf12 + h02 * rf22 + bf2)
g11 = math.tanh(x1 * wg1 + h01 * rg11 + h02 * rg21 + bg1)
g12 = math.tanh(x1 * wg2 + h01 * rg12 + h02 * rg22 + bg2)
o11 = sigmoid(x1 * wo1 + h01 * ro11 + h02 * ro21 + bo1)
o12 = sigmoid(x1 * wo2 + h01 * ro12 + h02 * ro22 + bo2)

c11 = f11 * c01 + i11 * g11
c12 = f12 * c02 + i12 * g12
h11 = o11 * math.tanh(c11)
h12 = o12 * math.tanh(c12)

# ---- forward, step 2

i21 = sigmoid(x2 * wi1 + h11 * ri11 + h12 * ri21 + bi1)
i22 = sigmoid(x2 * wi2 + h11 * ri12 + h12 * ri22 + bi2)
f21 = sigmoid(x2 * wf1 + h11 * rf11 + h12 * rf21 + bf1)
f22 = sigmoid(x2 * wf2 + h11 * rf12 + h12 * rf22 + bf2)
g21 = math.tanh(x2 * wg1 + h11 * rg11 + h12 * rg21 + bg1)
g22 = math.tanh(x2 * wg2 + h11 * rg12 + h12 * rg22 + bg2)
o21 = sigmoid(x2 * wo1 + h11 * ro11 + h12 * ro21 + bo1)
o22 = sigmoid(x2 * wo2 + h11 * ro12 + h12 * ro22 + bo2)

c21 = f21 * c11 + i21 * g21
c22 = f22 * c12 + i22 * g22
h21 = o21 * math.tanh(c21)
h22 = o22 * math.tanh(c22)

# ---- backward, step 2: output (B1), its gate (B2), cell (B3), gates (B4), before σ and tanh (B5)

dh21 = dy21 + dhn1
dh22 = dy22 + dhn2
do21 = dh21 * math.tanh(c21)
do22 = dh22 * math.tanh(c22)
dc21 = dcn1 + dh21 * o21 * (1 - math.tanh(c21) ** 2)
dc22 = dcn2 + dh22 * o22 * (1 - math.tanh(c22) ** 2)

dzi21 = dc21 * g21 * i21 * (1 - i21)
dzi22 = dc22 * g22 * i22 * (1 - i22)
dzf21 = dc21 * c11 * f21 * (1 - f21)
dzf22 = dc22 * c12 * f22 * (1 - f22)
dzg21 = dc21 * i21 * (1 - g21**2)
dzg22 = dc22 * i22 * (1 - g22**2)
dzo21 = do21 * o21 * (1 - o21)
dzo22 = do22 * o22 * (1 - o22)

# ---- backward, step 1: what comes back from step 2 through r (B7) and through the cell (B6)

dh11 = dy11 + (
    dzi21 * ri11
    + dzi22 * ri12
    + dzf21 * rf11
    + dzf22 * rf12
    + dzg21 * rg11
    + dzg22 * rg12
    + dzo21 * ro11
    + dzo22 * ro12
)
dh12 = dy12 + (
    dzi21 * ri21
    + dzi22 * ri22
    + dzf21 * rf21
    + dzf22 * rf22
    + dzg21 * rg21
    + dzg22 * rg22
    + dzo21 * ro21
    + dzo22 * ro22
)
do11 = dh11 * math.tanh(c11)
do12 = dh12 * math.tanh(c12)
dc11 = dc21 * f21 + dh11 * o11 * (1 - math.tanh(c11) ** 2)
dc12 = dc22 * f22 + dh12 * o12 * (1 - math.tanh(c12) ** 2)

dzi11 = dc11 * g11 * i11 * (1 - i11)
dzi12 = dc12 * g12 * i12 * (1 - i12)
dzf11 = dc11 * c01 * f11 * (1 - f11)
dzf12 = dc12 * c02 * f12 * (1 - f12)
dzg11 = dc11 * i11 * (1 - g11**2)
dzg12 = dc12 * i12 * (1 - g12**2)
dzo11 = do11 * o11 * (1 - o11)
dzo12 = do12 * o12 * (1 - o12)

# ---- backward, the state before the sequence

dh01 = (
    dzi11 * ri11
    + dzi12 * ri12
    + dzf11 * rf11
    + dzf12 * rf12
    + dzg11 * rg11
    + dzg12 * rg12
    + dzo11 * ro11
    + dzo12 * ro12
)
dh02 = (
    dzi11 * ri21
    + dzi12 * ri22
    + dzf11 * rf21
    + dzf12 * rf22
    + dzg11 * rg21
    + dzg12 * rg22
    + dzo11 * ro21
    + dzo12 * ro22
)
dc01 = dc11 * f11
dc02 = dc12 * f12

# ---- gradients of the weights: sums over the two steps (B9)-(B11)

dwi1 = x1 * dzi11 + x2 * dzi21
dwi2 = x1 * dzi12 + x2 * dzi22
dwf1 = x1 * dzf11 + x2 * dzf21
dwf2 = x1 * dzf12 + x2 * dzf22
dwg1 = x1 * dzg11 + x2 * dzg21
dwg2 = x1 * dzg12 + x2 * dzg22
dwo1 = x1 * dzo11 + x2 * dzo21
dwo2 = x1 * dzo12 + x2 * dzo22

dri11 = h01 * dzi11 + h11 * dzi21
dri12 = h01 * dzi12 + h11 * dzi22
drf11 = h01 * dzf11 + h11 * dzf21
drf12 = h01 * dzf12 + h11 * dzf22
drg11 = h01 * dzg11 + h11 * dzg21
drg12 = h01 * dzg12 + h11 * dzg22
dro11 = h01 * dzo11 + h11 * dzo21
dro12 = h01 * dzo12 + h11 * dzo22

dri21 = h02 * dzi11 + h12 * dzi21
dri22 = h02 * dzi12 + h12 * dzi22
drf21 = h02 * dzf11 + h12 * dzf21
drf22 = h02 * dzf12 + h12 * dzf22
drg21 = h02 * dzg11 + h12 * dzg21
drg22 = h02 * dzg12 + h12 * dzg22
dro21 = h02 * dzo11 + h12 * dzo21
dro22 = h02 * dzo12 + h12 * dzo22

dbi1, dbi2 = dzi11 + dzi21, dzi12 + dzi22
dbf1, dbf2 = dzf11 + dzf21, dzf12 + dzf22
dbg1, dbg2 = dzg11 + dzg21, dzg12 + dzg22
dbo1, dbo2 = dzo11 + dzo21, dzo12 + dzo22

# ---- gradients of the inputs (B12)

dx1 = (
    dzi11 * wi1
    + dzi12 * wi2
    + dzf11 * wf1
    + dzf12 * wf2
    + dzg11 * wg1
    + dzg12 * wg2
    + dzo11 * wo1
    + dzo12 * wo2
)
dx2 = (
    dzi21 * wi1
    + dzi22 * wi2
    + dzf21 * wf1
    + dzf22 * wf2
    + dzg21 * wg1
    + dzg22 * wg2
    + dzo21 * wo1
    + dzo22 * wo2
)

# ---- the same as arrays, in the layout of the contract

X = [[[x1], [x2]]]
W = [[wi1, wi2, wf1, wf2, wg1, wg2, wo1, wo2]]
R = [
    [ri11, ri12, rf11, rf12, rg11, rg12, ro11, ro12],
    [ri21, ri22, rf21, rf22, rg21, rg22, ro21, ro22],
]
B = [bi1, bi2, bf1, bf2, bg1, bg2, bo1, bo2]
H0, C0 = [[h01, h02]], [[c01, c02]]
DY, DH_N, DC_N = [[[dy11, dy12], [dy21, dy22]]], [[dhn1, dhn2]], [[dcn1, dcn2]]

Y = [[[h11, h12], [h21, h22]]]
H_N, C_N = [[h21, h22]], [[c21, c22]]

DX = [[[dx1], [dx2]]]
DH0, DC0 = [[dh01, dh02]], [[dc01, dc02]]
DW = [[dwi1, dwi2, dwf1, dwf2, dwg1, dwg2, dwo1, dwo2]]
DR = [
    [dri11, dri12, drf11, drf12, drg11, drg12, dro11, dro12],
    [dri21, dri22, drf21, drf22, drg21, drg22, dro21, dro22],
]
DB = [dbi1, dbi2, dbf1, dbf2, dbg1, dbg2, dbo1, dbo2]


@over_dtypes
def test_lstm(ops: Ops, dtype: str) -> None:
    x, w, r, b, h0, c0 = (np.array(values, dtype) for values in (X, W, R, B, H0, C0))
    dy, dh_n, dc_n = (np.array(values, dtype) for values in (DY, DH_N, DC_N))
    dw, dr, db = np.zeros_like(w), np.zeros_like(r), np.zeros_like(b)

    y, h_n, c_n, cache = lstm_forward(
        ops, x, w, r, b, h0, c0, None, None, False, "tanh", "sigmoid", True
    )
    dx, dh0, dc0 = lstm_backward(ops, dy, dh_n, dc_n, cache, dw, dr, db, True)

    for result, by_hand in (
        (y, Y),
        (h_n, H_N),
        (c_n, C_N),
        (dx, DX),
        (dh0, DH0),
        (dc0, DC0),
        (dw, DW),
        (dr, DR),
        (db, DB),
    ):
        assert_close(result, by_hand, "lstm")


@over_dtypes
def test_coupled_gates(ops: Ops, dtype: str) -> None:
    # Since 1 - σ(z) = σ(-z), it is an LSTM whose forget gate has the weights of the input gate with
    # the other sign: what these would get then is taken from the gradient of the one gate (B17).
    i, f, rest = slice(0, 2), slice(2, 4), slice(4, 8)
    full = [np.array(values, dtype) for values in (W, R, B)]
    for weight in full:
        weight[..., f] = -weight[..., i]
    x, h0, c0 = (np.array(values, dtype) for values in (X, H0, C0))
    dy, dh_n, dc_n = (np.array(values, dtype) for values in (DY, DH_N, DC_N))
    results = []
    for weights, options in (
        (full, ()),
        ([np.concatenate((v[..., i], v[..., rest]), -1) for v in full], ("coupled",)),
    ):
        spec, buffers = RecurrentSpec("lstm", options=options), [np.zeros_like(v) for v in weights]
        y, last, cache = ops.recurrent_forward(
            spec, x, RecurrentWeights(*weights), (h0, c0), None, None, True
        )
        gates = {letter: gate.copy() for letter, gate in ops.recurrent_gates(cache).items()}
        dx, first = ops.recurrent_backward(
            dy, (dh_n, dc_n), cache, RecurrentWeights(*buffers), True
        )
        results.append(([y, *last, dx, *first], gates, buffers))
    (expected, gates_of_two, of_two), (got, gates, of_one) = results
    for one, two in zip(got, expected, strict=True):
        assert_close(one, two, "lstm")
    assert gates.keys() == gates_of_two.keys()
    for letter, gate in gates.items():
        assert_close(gate, gates_of_two[letter], "lstm")
    for one, two in zip(of_one, of_two, strict=True):
        joined = np.concatenate((two[..., i] - two[..., f], two[..., rest]), -1)
        assert_close(one, joined, "lstm")


@over_dtypes
def test_order_of_the_gates(ops: Ops, dtype: str) -> None:
    # With linear gates and no kernels, each bias is the value of its gate.
    b = np.array([i11, i12, f11, f12, g11, g12, o11, o12], dtype)
    x, w, r = (np.zeros(shape, dtype) for shape in ((1, 1, 1), (1, 8), (2, 8)))
    c0 = np.array(C0, dtype)
    y, _, c_n, _ = lstm_forward(
        ops, x, w, r, b, None, c0, None, None, False, "linear", "linear", False
    )
    assert_close(c_n, [[c11, c12]], "lstm")
    assert_close(y, [[[o11 * c11, o12 * c12]]], "lstm")
