"""The native backend computes what the reference says, on every instruction set of the machine."""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm
from lstm.backends import _kernels, reference, using
from lstm.backends.contract import CELLS, CellName, Choice, RecurrentSpec, RecurrentWeights
from lstm.backends.native import Native
from lstm.errors import InvalidValueError
from lstm_cases import make_mask
from native_cases import INSTRUCTION_SETS, LARGE, LAYOUTS, SIZES, USES, Use, running_on
from op_cases import Array, generated
from tolerances import assert_close

native = Native()

# The same examples in every run: a random one may fall on a kink, where both answers are right.
thorough = settings(max_examples=100, derandomize=True)

on_instruction_sets = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


def test_the_machine_runs_what_it_chose() -> None:
    assert _kernels.instruction_set() == INSTRUCTION_SETS[-1]
    for name in INSTRUCTION_SETS:
        with running_on(name):
            assert _kernels.instruction_set() == name
    with running_on("no such set") as found:
        assert not found
        assert _kernels.instruction_set() == INSTRUCTION_SETS[-1]


@on_instruction_sets
@pytest.mark.parametrize("operation", USES)
@thorough
@given(st.data())
def test_operations_equal_the_reference(
    instruction_set: str, operation: str, data: st.DataObject
) -> None:
    use = data.draw(USES[operation])
    with running_on(instruction_set):
        use.check(native)


@on_instruction_sets
@pytest.mark.parametrize("use", LARGE, ids=lambda use: str(use.case))
def test_large_operations_equal_the_reference(instruction_set: str, use: Use) -> None:
    with running_on(instruction_set):
        use.check(native)


# ---- optimizers

KINDS = ["sgd", "rmsprop", "rmsprop_momentum", "adam", "adagrad", "adadelta", "adamax", "nadam"]
KINDS += ["ftrl", "lion"]


def optimizer_results(ops: Any, dtype: str, kind: str, n: int, option: bool) -> list[Array]:
    """Parameters and slots after three steps, and the norm of the last gradient."""
    rng = np.random.default_rng(73)
    p, m, v = (rng.normal(size=n).astype("float32").astype(dtype) for _ in range(3))
    # A second moment far below its gradients, or near the square of their mean, magnifies rounding.
    m, v, norm = m / 8, abs(v) + 1, 0.0
    v_max = v + 1e-3
    for step in (1, 2, 3):
        g = rng.normal(size=n).astype("float32").astype(dtype)
        norm = ops.clip_by_norm(g, np.array([n // 3, n]), 0.5 * np.sqrt(n))
        if option:
            ops.clip_by_value(g, 1.5)
            ops.mix(p, 1.0, p, -0.01)
        if kind == "sgd":
            ops.sgd_step(p, g, m, 0.1, 0.9, option)
        elif kind == "rmsprop":
            ops.rmsprop_step(p, g, v, m if option else None, None, 0.1, 0.9, 0.0, 1e-7)
        elif kind == "rmsprop_momentum":
            ops.rmsprop_step(p, g, v, None, m, 0.1, 0.9, 0.7, 1e-7)
        elif kind == "adam":
            ops.adam_step(p, g, m, v, v_max if option else None, step, 0.1, 0.9, 0.999, 1e-7)
        elif kind == "adagrad":
            ops.adagrad_step(p, g, v, 0.1, 1e-7)
        elif kind == "adadelta":
            ops.adadelta_step(p, g, v, v_max, 0.1, 0.9, 1e-7)
        elif kind == "adamax":
            ops.adamax_step(p, g, m, v, step, 0.1, 0.9, 0.999, 1e-7)
        elif kind == "nadam":
            ops.nadam_step(p, g, m, v, step, 0.1, 0.9, 0.999, 1e-7)
        elif kind == "ftrl":
            ops.ftrl_step(p, g, v, m, 1.0, -0.7 if option else -0.5, 0.1, 0.2, 0.3, 0.4)
        else:
            ops.lion_step(p, np.copysign(g, m), m, 0.1, 0.9, 0.99)  # Far from any change of sign.
    return [p, m, v, v_max, np.array(norm)]


@on_instruction_sets
@pytest.mark.parametrize("kind", KINDS)
@thorough
@given(n=st.one_of(SIZES, st.sampled_from((0, 4095, 4096, 4097, 30011))), option=st.booleans())
def test_optimizers_equal_the_reference(
    instruction_set: str, kind: str, n: int, option: bool
) -> None:
    expected = optimizer_results(reference, "float64", kind, n, option)
    with running_on(instruction_set):
        results = optimizer_results(native, "float32", kind, n, option)
    for x, y in zip(results, expected, strict=True):
        assert_close(x, y, "optimizer", terms=3, dtype="float32")


# ---- drawing tokens

choices = st.builds(
    Choice,
    temperature=st.sampled_from((0.0, 0.3, 1.0, 2.0)),
    top_k=st.integers(0, 20),
    top_p=st.sampled_from((0.1, 0.6, 0.95, 1.0)),
    min_p=st.sampled_from((0.0, 0.07, 0.5, 1.0)),
    repetition_penalty=st.sampled_from((0.7, 1.0, 1.3, 4.0)),
)
steps = st.sampled_from((0, 1, 9))
windows = st.sampled_from((0, 1, 3, 8, 50))


@on_instruction_sets
@thorough
@given(
    B=st.sampled_from((0, 1, 2, 7)),
    V=SIZES,
    W=windows,
    choice=choices,
    equal=st.booleans(),
    seed=st.integers(0),
)
def test_sampled_tokens_are_those_of_the_reference(
    instruction_set: str, B: int, V: int, W: int, choice: Choice, equal: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 3, (B, V)).astype(np.float32)
    if equal:
        z = z.round()
    u, recent = rng.random(B), rng.integers(-1, V, (B, W))
    with running_on(instruction_set):
        np.testing.assert_array_equal(
            native.sample(z, u, recent, choice), reference.sample(z, u, recent, choice)
        )


def test_logits_that_are_not_numbers_draw_some_token() -> None:
    # Sorting them must not leave the row, and no token outside the vocabulary may come of it.
    rng = np.random.default_rng(74)
    z = rng.normal(size=(64, 100)).astype(np.float32)
    z[rng.random(z.shape) < 0.5] = np.nan
    z[:8] = np.nan
    z[8:16] = np.inf
    z[16:24] = -np.inf
    z[24:32, ::3] = np.inf
    u, recent = rng.random(64), rng.integers(-1, 100, (64, 30))
    for choice in (Choice(), Choice(1.0, 7, 0.9), Choice(min_p=0.1, repetition_penalty=2.0)):
        drawn = native.sample(z, u, recent, choice)
        assert drawn.min() >= 0
        assert drawn.max() < 100
    # They rank last.
    np.testing.assert_array_equal(
        native.sample(z, u, recent, Choice(temperature=0.0)),
        reference.sample(z, u, recent, Choice(temperature=0.0)),
    )


@st.composite
def networks(draw: st.DrawFn) -> tuple[Any, ...]:
    """Arguments of `generate` but for the choice, random."""
    B, V, E = draw(st.sampled_from((0, 1, 2, 5, 6, 7))), draw(SIZES), draw(SIZES)
    sizes = [E, *draw(st.lists(SIZES, min_size=1, max_size=3))]
    bias = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0)))

    def numbers(*shape: int) -> Array:
        return (rng.normal(size=shape) / np.sqrt(shape[0] or 1)).astype(np.float32)

    layers = [
        (numbers(D, 4 * H), numbers(H, 4 * H), numbers(4 * H) if bias else None)
        for D, H in pairwise(sizes)
    ]
    output = 3 * numbers(sizes[-1], V), numbers(V) if bias else None
    states = [(numbers(B, H), numbers(B, H)) for H in sizes[1:]]
    recent, u = rng.integers(-1, V, (B, draw(windows))), rng.random((B, draw(steps)))
    return rng.integers(0, V, B), numbers(V, E), layers, *output, states, recent, u


@on_instruction_sets
@thorough
@given(network=networks(), choice=choices, layout=st.sampled_from(sorted(LAYOUTS)))
def test_generated_tokens_are_those_of_the_reference(
    instruction_set: str, network: Any, choice: Choice, layout: str
) -> None:
    lay = LAYOUTS[layout]
    tokens, embedding, layers, w, b, states, recent, u = network
    expected, after = generated(reference, *network, choice)
    laid = [
        [tuple(None if x is None else lay(x) for x in part) for part in parts]
        for parts in (layers, states)
    ]
    with running_on(instruction_set):
        drawn, last = generated(
            native,
            lay(tokens),
            lay(embedding),
            laid[0],
            lay(w),
            None if b is None else lay(b),
            laid[1],
            lay(recent),
            lay(u),
            choice,
        )
    np.testing.assert_array_equal(drawn, expected)
    for got, wanted in zip(last, after, strict=True):
        for x, y in zip(got, wanted, strict=True):
            assert_close(x, y, "lstm", terms=9)


@on_instruction_sets
def test_a_text_is_the_same_in_one_call_and_in_many(instruction_set: str) -> None:
    rng = np.random.default_rng(75)
    B, V, E, H, N = 3, 65, 33, 70, 200

    def numbers(*shape: int) -> Array:
        return (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)

    layers = [(numbers(D, 4 * H), numbers(H, 4 * H), numbers(4 * H)) for D in (E, H)]
    tokens, embedding, u = rng.integers(0, V, B), numbers(V, E), rng.random((B, N))
    output = 3 * numbers(H, V), numbers(V)
    states = [(numbers(B, H), numbers(B, H)) for _ in layers]
    recent = rng.integers(-1, V, (B, 12))
    choice = Choice(0.9, 40, 0.95, 0.01, 1.2)
    network = embedding, layers, *output
    with running_on(instruction_set):
        whole, last = generated(native, tokens, *network, states, recent, u, choice)
        for n in range(N):
            drawn, states = generated(
                native, tokens, *network, states, recent, u[:, n : n + 1], choice
            )
            tokens, recent = drawn[:, 0], np.append(recent[:, 1:], drawn, 1)
            np.testing.assert_array_equal(whole[:, n], tokens)
    for x, y in zip(last, states, strict=True):
        np.testing.assert_array_equal(x, y)


# ---- memory and numbers out of the ordinary


def test_a_convolution_takes_no_memory_for_inputs_that_are_not_there() -> None:
    x = np.random.default_rng(12).standard_normal((2, 3, 5), np.float32)
    w = np.random.default_rng(13).standard_normal((3, 5, 7), np.float32)
    far, dw = 10**9, np.zeros_like(w)
    y, cache = native.conv1d_forward(x, w, None, 1, far, (far, far), "linear")
    dx = native.conv1d_backward(y, cache, dw, None, need_dx=True)
    assert_close(y, x @ w[1], "product", terms=5)
    assert_close(dx, y @ w[1].T, "product", terms=7)
    assert_close(dw[1], np.tensordot(x, y, ((0, 1), (0, 1))), "product", terms=6)
    np.testing.assert_array_equal(dw[::2], 0)


def test_arrays_at_odd_addresses_are_copied_on_the_way_in() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    odd = np.frombuffer(b"\0" + values.tobytes(), np.uint8)[1:].view(np.float32).reshape(3, 4)
    assert not odd.flags.aligned
    array = native.array(odd)
    assert array.flags.aligned
    np.testing.assert_array_equal(native.activation_forward(array, "relu"), values)
    assert native.array(values) is values


@on_instruction_sets
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "hard_sigmoid", "softmax"])
def test_what_is_not_a_number_stays_one(instruction_set: str, activation: Any) -> None:
    x = np.zeros((3, 20), np.float32)
    x[1, 7] = np.nan
    with running_on(instruction_set):
        y = native.activation_forward(x, activation)
    assert np.isnan(y[1, 7])
    assert np.isfinite(y[[0, 2]]).all()


# ---- a whole training


def losses(backend: str, weights: list[Array] | None) -> tuple[list[float], list[Array]]:
    """The loss after each epoch of a small model, and the weights it started from."""
    rng = np.random.default_rng(76)
    x = rng.integers(0, 11, (48, 9))
    y = np.roll(x, 1, 1)  # to be remembered for one step
    with using(backend):
        lstm.set_seed(77)
        model = lstm.Sequential(
            [
                lstm.Input((9,)),
                lstm.layers.Embedding(11, 7),
                lstm.layers.LSTM(19, return_sequences=True),
                lstm.layers.LSTM(17, return_sequences=True),
                lstm.layers.Dense(11, activation="softmax"),
            ]
        )
        if weights is not None:
            model.set_weights(weights)
        start = [w.copy() for w in model.get_weights()]
        model.compile(
            optimizer=lstm.optimizers.SGD(1.0, momentum=0.9, clipnorm=0.5),
            loss="sparse_categorical_crossentropy",
        )
        history = model.fit(x, y, batch_size=10, epochs=20, shuffle=False, verbose=0)
    return history.history["loss"], start


def test_training_follows_the_same_curve_as_the_reference() -> None:
    expected, weights = losses("reference", None)
    curve, same = losses("native", weights)
    for a, b in zip(same, weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert expected[-1] < 0.5 * expected[0]
    # Every step passes on its rounding errors to the next: 20 epochs of 5.
    assert_close(np.array(curve), np.array(expected), "lstm", terms=100, dtype="float32")


# ---- cells

SPECS = [
    RecurrentSpec(cell, options=options)
    for cell, known in CELLS.items()
    for count in range(len(known.options) + 1)
    for options in combinations(known.options, count)
]


@pytest.mark.parametrize(("code", "cell"), list(enumerate(CELLS)))
def test_a_cell_has_the_blocks_that_the_contract_says(code: int, cell: CellName) -> None:
    for count in range(len(CELLS[cell].options) + 1):
        for options in combinations(CELLS[cell].options, count):
            layout = RecurrentSpec(cell, options=options).layout
            bits = sum(1 << CELLS[cell].options.index(option) for option in options)
            blocks, kept, biases, remembers = _kernels.cell_sizes(code, bits)
            assert blocks == layout.blocks
            assert biases == layout.biases
            assert 1 + remembers == len(layout.states)
            assert kept >= len(layout.gates)


@on_instruction_sets
@pytest.mark.parametrize(("B", "H"), [(4, 5), (32, 3)])
@pytest.mark.parametrize("mask", ["none", "right", "holes"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_gates_are_those_of_the_reference(
    spec: RecurrentSpec, mask: str, B: int, H: int, instruction_set: str
) -> None:
    rng, layout = np.random.default_rng(3), spec.layout
    N = layout.blocks * H
    bias = rng.normal(size=N if layout.biases == 1 else (layout.biases, N))
    arrays = [rng.normal(size=size) for size in ((B, 6, 3), (3, N), (H, N))]
    x, *weights = (array.astype("float32") for array in (*arrays, bias))
    real = make_mask(mask, B, 6)
    first = (None,) * len(layout.states)
    found = []
    with running_on(instruction_set):
        for ops in (native, reference):
            *_, cache = ops.recurrent_forward(
                spec, x, RecurrentWeights(*weights), first, real, None, True
            )
            found.append(ops.recurrent_gates(cache))
    got, expected = found
    assert list(got) == list(expected) == [*layout.states, *layout.gates]
    for letter, values in expected.items():
        assert_close(got[letter], values, "lstm", terms=6)


def test_a_cell_or_an_option_that_is_not_known_is_refused() -> None:
    for cell, options in ((-1, 0), (len(CELLS), 0), (0, 1 << len(CELLS["lstm"].options)), (1, 2)):
        with pytest.raises(ValueError, match=r"cell|options"):
            _kernels.cell_sizes(cell, options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "gur"}, r"cell: expected one of 'lstm', 'gru', 'rnn' \(did you mean 'gru'\?\)"),
        ({"cell": "lstm", "activation": "softmax"}, "activation of lstm: expected one of 'linear'"),
        ({"cell": "gru", "recurrent_activation": "nix"}, "recurrent_activation of gru: expected"),
        ({"cell": "rnn", "options": ("coupled",)}, "options of rnn: expected none"),
        ({"cell": "lstm", "options": ("coupled", "coupled")}, "options of lstm: expected each of"),
        ({"cell": "lstm", "options": ("peephole",)}, "options of lstm: expected each of coupled"),
    ],
)
def test_a_specification_that_cannot_be_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{message}"):
        RecurrentSpec(**arguments)
