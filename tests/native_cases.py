"""Random uses of the operations: sizes around those of vectors and tiles, and every option."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lstm.backends import _kernels, reference
from lstm.backends.contract import CELLS, Ops
from lstm_cases import ACTIVATIONS as LSTM_ACTIVATIONS
from lstm_cases import MASKS, lstm_case
from op_cases import (
    ACTIVATIONS,
    POINTWISE_LOSSES,
    Array,
    Arrays,
    Case,
    activation_case,
    conv1d_case,
    cross_entropy_case,
    ctc_case,
    dropout_case,
    embedding_case,
    linear_case,
    linear_cross_entropy_case,
    make_probes,
    pointwise_loss_case,
    scale_features_case,
)
from recurrent_cases import VARIANTS, recurrent_case
from tolerances import assert_close

# ---- instruction sets


@contextmanager
def running_on(name: str) -> Iterator[bool]:
    """Run the block on an instruction set; False where the machine or the build lacks it."""
    rounding = _kernels.bfloat16()
    before = [kernels.instruction_set() for kernels in (_kernels, rounding) if kernels is not None]
    try:
        yield _kernels.set_instruction_set(name)
    finally:
        for earlier in before:
            _kernels.set_instruction_set(earlier)


def available(name: str) -> bool:
    with running_on(name) as found:
        return found


INSTRUCTION_SETS = [name for name in ("baseline", "avx2", "avx512") if available(name)]
BFLOAT16_SETS = [name for name in ("avx512_bf16", "amx") if available(name)]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run the block on so many threads, even if the cores are busy."""
    before = _kernels.num_threads()
    _kernels.force_teams(True)
    try:
        _kernels.set_num_threads(count)
        yield
    finally:
        _kernels.set_num_threads(before)
        _kernels.force_teams(False)


# ---- arrays in memory

LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "dense": lambda x: x,
    "fortran": np.asfortranarray,
    "gaps": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "backwards": lambda x: x[..., ::-1].copy()[..., ::-1],
    # Aligned for one number, but not for a vector of them.
    "offset": lambda x: (
        np.append(x.ravel()[:1], x.ravel())[-x.size :].reshape(x.shape) if x.size else x
    ),
}


# ---- uses

# 1, primes, and lanes - 1, lanes, lanes + 1 for vectors of 4, 8 and 16 floats and tiles of several.
SIZES = st.sampled_from((1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65))
FEW = st.sampled_from((0, 1, 2, 3, 5, 6, 7, 13))


@dataclass(frozen=True)
class Use:
    """A case, how its arrays lie in memory, and what is asked of its backward pass.

    Attributes:
        case: the operation and its arrays.
        operation: key of the tolerance.
        terms: how many terms one entry sums.
        layout: a key of LAYOUTS, for all inputs.
        wanted: weights whose gradients are wanted.
        need_dx: whether the gradient of the input is wanted.
        without: outputs, by position, whose gradient is None.
    """

    case: Case
    operation: str
    terms: int
    layout: str = "dense"
    wanted: frozenset[str] = frozenset("wrb")
    need_dx: bool = True
    without: frozenset[int] = field(default_factory=frozenset)

    def results(self, ops: Ops, dtype: str = "float32") -> tuple[list[Any], list[Array]]:
        """The outputs, and all gradients that were asked for."""
        lay = LAYOUTS[self.layout] if ops is not reference else LAYOUTS["dense"]

        def laid(x: Array) -> Array:
            return lay(x) if x.ndim else x

        def prepared(arrays: Arrays) -> Arrays:
            # All of them rounded to float32, so that both backends get the same numbers.
            floats = {name: x.astype("float32").astype(dtype) for name, x in arrays.items()}
            return {
                name: laid(floats[name] if x.dtype.kind == "f" else x) for name, x in arrays.items()
            }

        outputs, pull = self.case.run(ops, prepared(self.case.arrays()))
        rng = np.random.default_rng(70)
        probes = prepared(dict(enumerate(make_probes(outputs, rng))))
        dys = [None if k in self.without else probe for k, probe in probes.items()]
        buffers = {
            name: np.ones_like(zeros)
            for name, zeros in self.case.buffers(dtype).items()
            if name in self.wanted
        }
        gradients = [dx for dx in pull(dys, buffers, self.need_dx).values() if dx is not None]
        return list(outputs), gradients + list(buffers.values())

    def check(self, ops: Ops) -> None:
        """Assert that a backend computes what the reference does.

        Outputs, and gradients, are measured by the largest number among them: one number alone
        may be a sum that cancels, and its errors are those of its terms.
        """
        expected = self.results(reference, "float64")
        for arrays, references in zip(self.results(ops), expected, strict=True):
            assert [np.shape(x) for x in arrays] == [np.shape(x) for x in references]
            flat = [
                np.concatenate([np.ravel(x) for x in xs] + [[0]]) for xs in (arrays, references)
            ]
            assert_close(*flat, self.operation, terms=self.terms, dtype="float32")


@st.composite
def activations(draw: st.DrawFn) -> Use:
    shape = draw(st.tuples(FEW, SIZES))
    activation = draw(st.sampled_from(ACTIVATIONS))
    return Use(activation_case(activation, shape), "pointwise", shape[-1])


@st.composite
def dropouts(draw: st.DrawFn) -> Use:
    return Use(dropout_case(draw(st.tuples(FEW, SIZES))), "pointwise", 1)


@st.composite
def scaled_features(draw: st.DrawFn) -> Use:
    return Use(scale_features_case(draw(FEW), draw(FEW), draw(SIZES)), "pointwise", 1)


@st.composite
def embeddings(draw: st.DrawFn) -> Use:
    B, T, V, E = draw(FEW), draw(FEW), draw(SIZES), draw(SIZES)
    tokens = np.random.default_rng(71).integers(0, V, (B, T))
    return Use(embedding_case("random", tokens, V, E), "product", max(1, B * T))


@st.composite
def linears(draw: st.DrawFn) -> Use:
    lead, D, F = draw(st.lists(FEW, max_size=2).map(tuple)), draw(SIZES), draw(SIZES)
    case = linear_case(lead, D, F, draw(st.sampled_from(ACTIVATIONS)), draw(st.booleans()))
    return Use(case, "product", max(D, F, *lead) * 2)


@st.composite
def conv1ds(draw: st.DrawFn) -> Use:
    B, T, C, F = draw(FEW), draw(FEW), draw(SIZES), draw(SIZES)
    K, stride, dilation = (draw(st.integers(1, 4)) for _ in range(3))
    padding = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    activation, bias = draw(st.sampled_from(ACTIVATIONS)), draw(st.booleans())
    case = conv1d_case(T, K, stride, dilation, padding, activation, bias, B, C, F)
    return Use(case, "product", max(C, F, B * T) * K)


@st.composite
def lstms(draw: st.DrawFn) -> Use:
    B, T, D, H = draw(FEW), draw(FEW), draw(SIZES), draw(SIZES)
    which = [draw(st.sampled_from(LSTM_ACTIVATIONS)) for _ in range(2)]
    if draw(st.booleans()):
        which = ["tanh", "sigmoid"]
    bounded = set(which) <= {"tanh", "sigmoid"}
    options = tuple(option for option in CELLS["lstm"].options if draw(st.booleans()))
    case = lstm_case(
        B,
        T if bounded else min(T, 3),  # without bounds states, and errors, may grow at every step
        D,
        H,
        reverse=draw(st.booleans()),
        mask=draw(st.sampled_from(MASKS)),
        activation=which[0],
        recurrent_activation=which[1],
        bias=draw(st.booleans()),
        tokens=D > 0 and draw(st.booleans()),
        recurrent_mask=draw(st.booleans()),
        options=options,
    )
    # The more terms a sum has, the smaller they are: kinks stay as far away as in the small cases.
    power = 0.5 if bounded else 1
    weights = case.weights | {
        "w": case.weights["w"] * (2 / max(2, D)) ** power,
        "r": case.weights["r"] * (3 / max(3, H)) ** power,
    }
    states = draw(st.sampled_from((("h0", "c0"), ("h0",), ("c0",), ())))
    inputs = {name: x for name, x in case.inputs.items() if name in ("x", *states)}
    return Use(
        replace(case, weights=weights, inputs=inputs),
        "lstm",
        max(1, T),
        without=draw(st.frozensets(st.integers(0, 2))),
    )


@st.composite
def rnns_and_grus(draw: st.DrawFn) -> Use:
    B, T, D, H = draw(FEW), draw(FEW), draw(SIZES), draw(SIZES)
    which = [draw(st.sampled_from(LSTM_ACTIVATIONS)) for _ in range(2)]
    if draw(st.booleans()):
        which = ["tanh", "sigmoid"]
    bounded = set(which) <= {"tanh", "sigmoid"}
    case = recurrent_case(
        draw(st.sampled_from(VARIANTS)),
        B,
        T if bounded else min(T, 3),
        D,
        H,
        reverse=draw(st.booleans()),
        mask=draw(st.sampled_from(MASKS)),
        activation=which[0],
        recurrent_activation=which[1],
        bias=draw(st.booleans()),
        state=draw(st.booleans()),
        tokens=draw(st.booleans()),
        recurrent_mask=draw(st.booleans()),
    )
    power = 0.5 if bounded else 1
    weights = case.weights | {
        "w": case.weights["w"] * (2 / max(2, D)) ** power,
        "r": case.weights["r"] * (3 / max(3, H)) ** power,
    }
    without = draw(st.frozensets(st.integers(0, 1)))
    return Use(replace(case, weights=weights), "lstm", max(1, T), without=without)


@st.composite
def cross_entropies(draw: st.DrawFn) -> Use:
    lead, logits = draw(st.lists(FEW, max_size=2).map(tuple)), draw(st.booleans())
    # A single share is the largest there is below 1, which is another in float64.
    V = max(draw(SIZES), 1 if logits else 2)
    case = cross_entropy_case(
        lead,
        logits=logits,
        integers=draw(st.booleans()),
        weighted=draw(st.booleans()),
        V=V,
    )
    return Use(case, "loss", max(V, *lead, 1))


@st.composite
def linear_cross_entropies(draw: st.DrawFn) -> Use:
    lead, D = draw(st.lists(FEW, max_size=2).map(tuple)), draw(SIZES)
    V = draw(st.one_of(SIZES, st.sampled_from((511, 512, 513, 1025))))  # the widths of strips
    case = linear_cross_entropy_case(
        lead,
        D,
        V,
        integers=draw(st.booleans()),
        weighted=draw(st.booleans()),
        bias=draw(st.booleans()),
    )
    return Use(case, "loss", max(D, V, *lead))


def random_ctc(B: int, T: int, C: int, L: int, seed: int, *, masked: bool, blank: int) -> Case:
    """Random labels, half of them repeated, as many as the steps allow."""
    rng = np.random.default_rng(seed)
    real = rng.random((B, T)) < 0.8 if masked else np.ones((B, T), bool)
    others = [k for k in range(C) if k != blank]
    labels = np.full((B, L), blank)
    for b, steps in enumerate(real.sum(1)):
        for k in range(L if others else 0):
            label = labels[b, k - 1] if k and rng.random() < 0.5 else rng.choice(others)
            steps -= 1 + (k > 0 and label == labels[b, k - 1])
            if steps < 0 or rng.random() < 1 / (L + 1):
                break
            labels[b, k] = label
    return ctc_case(B, T, C, labels.tolist(), blank=blank, real=real.tolist() if masked else None)


@st.composite
def ctcs(draw: st.DrawFn) -> Use:
    B, T, C, L = draw(FEW), draw(FEW), draw(SIZES), draw(st.integers(0, 9))
    seed, masked = draw(st.integers(0, 99)), draw(st.booleans())
    case = random_ctc(B, T, C, L, seed, masked=masked, blank=draw(st.sampled_from((0, C - 1))))
    return Use(case, "loss", max(1, T * C))


@st.composite
def pointwise_losses(draw: st.DrawFn) -> Use:
    shape, loss = draw(st.tuples(FEW, SIZES)), draw(st.sampled_from(POINTWISE_LOSSES))
    case = pointwise_loss_case(loss, weighted=draw(st.booleans()), shape=shape)
    return Use(case, "loss", max(1, shape[0] * shape[1]))


def laid_out(uses: st.SearchStrategy[Use]) -> st.SearchStrategy[Use]:
    """The same uses in all layouts, with all that may be left out left out."""
    return st.builds(
        replace,
        uses,
        layout=st.sampled_from(sorted(LAYOUTS)),
        wanted=st.sampled_from([frozenset("wrb"), frozenset("w"), frozenset("rb"), frozenset()]),
        need_dx=st.booleans(),
    )


USES = {
    "activation": laid_out(activations()),
    "dropout": laid_out(dropouts()),
    "scale_features": laid_out(scaled_features()),
    "embedding": laid_out(embeddings()),
    "linear": laid_out(linears()),
    "conv1d": laid_out(conv1ds()),
    "lstm": laid_out(lstms()),
    "rnn_and_gru": laid_out(rnns_and_grus()),
    "cross_entropy": laid_out(cross_entropies()),
    "linear_cross_entropy": laid_out(linear_cross_entropies()),
    "ctc": laid_out(ctcs()),
    "pointwise_loss": laid_out(pointwise_losses()),
}


def everything(use: Use, ops: Ops) -> list[Any]:
    """All outputs and gradients of a use, in one list."""
    outputs, gradients = use.results(ops)
    return outputs + gradients


def assert_same_bits(results: list[Any], expected: list[Any]) -> None:
    """Assert that two lists of arrays and numbers are the same to the last bit."""
    for x, y in zip(results, expected, strict=True):
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


# Large enough that the work is divided among threads, in sizes that divide evenly by nothing.
LARGE = [
    *(Use(activation_case(activation, (401, 67)), "pointwise", 67) for activation in ACTIVATIONS),
    Use(dropout_case((401, 167)), "pointwise", 1),
    Use(scale_features_case(13, 31, 167), "pointwise", 1),
    Use(
        embedding_case("large", np.random.default_rng(72).integers(0, 53, (61, 53)), 53, 131),
        "product",
        61 * 53,
    ),
    Use(linear_case((7, 61), 67, 131, "tanh"), "product", 7 * 61),
    Use(linear_case((3,), 301, 523), "product", 523),  # few rows: columns are divided
    Use(linear_case((613,), 300, 5, "softmax"), "product", 613),  # longer than a packed block
    Use(conv1d_case(61, 3, padding=(2, 0), activation="relu", B=5, C=37, F=41), "product", 5 * 61),
    Use(conv1d_case(47, 1, activation="tanh", B=5, C=37, F=41), "product", 5 * 47),
    Use(conv1d_case(61, 3, 2, 3, padding=(3, 5), B=5, C=37, F=41), "product", 5 * 61),
    Use(conv1d_case(613, 5, padding=(2, 2), B=1, C=13, F=19), "product", 613),  # several parts
    *(
        replace(
            use, case=replace(use.case, weights={k: w / 4 for k, w in use.case.weights.items()})
        )
        for use in (
            Use(lstm_case(13, 11, 37, 67), "lstm", 13 * 11),
            Use(lstm_case(13, 11, 37, 67, reverse=True, mask="holes"), "lstm", 13 * 11),
            Use(lstm_case(3, 7, 5, 131, mask="right", state=False, bias=False), "lstm", 3 * 7),
            Use(lstm_case(13, 11, 37, 67, tokens=True), "lstm", 13 * 11),
            Use(lstm_case(13, 11, 37, 67, mask="left", recurrent_mask=True), "lstm", 13 * 11),
            Use(lstm_case(13, 11, 37, 67, tokens=True, recurrent_mask=True), "lstm", 13 * 11),
            # Sequences are in the lanes.
            Use(lstm_case(75, 11, 7, 13), "lstm", 75 * 11),
            Use(lstm_case(75, 11, 7, 13, reverse=True, mask="holes"), "lstm", 75 * 11),
            Use(lstm_case(75, 11, 7, 13, tokens=True, recurrent_mask=True), "lstm", 75 * 11),
            # So many steps that gradients are added up in several chunks.
            Use(lstm_case(96, 80, 3, 16), "lstm", 96 * 80),
            Use(lstm_case(96, 80, 3, 16, mask="holes"), "lstm", 96 * 80),
            # One sequence: units are divided.
            Use(lstm_case(1, 11, 37, 131, mask="holes"), "lstm", 11),
            Use(lstm_case(1, 11, 37, 131, reverse=True, tokens=True), "lstm", 11),
            Use(lstm_case(1, 11, 37, 131, reverse=True, recurrent_mask=True), "lstm", 11),
            *(
                Use(recurrent_case(operation, *sizes, **options), "lstm", sizes[0] * sizes[1])
                for operation in VARIANTS
                for sizes, options in (
                    ((13, 11, 37, 67), {}),
                    ((13, 11, 37, 67), {"reverse": True, "mask": "holes"}),
                    ((13, 11, 37, 67), {"tokens": True, "reverse": True}),
                    ((13, 11, 37, 67), {"mask": "left", "recurrent_mask": True}),
                    ((3, 7, 5, 131), {"mask": "right", "state": False, "bias": False}),
                    # More sequences than are gone through at once.
                    ((1009, 2, 3, 67), {"mask": "holes", "recurrent_mask": True}),
                )
            ),
        )
    ),
    *(
        Use(
            cross_entropy_case((11, 23), logits=logits, integers=integers, weighted=True, V=131),
            "loss",
            11 * 23,
        )
        for logits in (True, False)
        for integers in (True, False)
    ),
    *(
        Use(
            linear_cross_entropy_case(lead, 37, V, integers=integers, weighted=weighted),
            "loss",
            max(V, *lead),
        )
        for lead, V in (((41, 53), 67), ((3, 101), 1100))  # several chunks, several strips
        for integers, weighted in ((True, False), (False, True))
    ),
    *(
        Use(random_ctc(B, T, C, L, 73, masked=masked, blank=3), "loss", T * C)
        for (B, T, C, L), masked in (((13, 61, 31, 19), False), ((7, 97, 5, 33), True))
    ),
    *(
        Use(pointwise_loss_case(loss, weighted=False, shape=(101, 67)), "loss", 101 * 67)
        for loss in POINTWISE_LOSSES
    ),
]
