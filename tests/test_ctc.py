"""Connectionist temporal classification: against all paths; padding; and what is refused."""

from itertools import groupby, product
from math import log, prod
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from backend_cases import over_backends, over_dtypes
from lstm import ops as functions
from lstm.backends.contract import Ops
from lstm.errors import InvalidTypeError
from lstm.layers import LSTM, Bidirectional, Dense, Masking
from lstm.losses import CTC
from tolerances import assert_close

Array = NDArray[Any]

RNG = np.random.default_rng(61)


def softmax(z: Array) -> Array:
    p = np.exp(z - z.max(-1, keepdims=True))
    return np.asarray(p / p.sum(-1, keepdims=True))


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """The labels of a path: of equal classes in a row one, then no blanks."""
    return tuple(k for k, _ in groupby(path) if k != blank)


def spelled(z: Array, blank: int = 0) -> dict[tuple[int, ...], float]:
    """The probability of all labels, by going through all paths (C2)."""
    p, found = softmax(z), dict[tuple[int, ...], float]()
    for path in product(range(z.shape[1]), repeat=len(z)):
        labels = collapsed(path, blank)
        found[labels] = found.get(labels, 0) + prod(p[t, k] for t, k in enumerate(path))
    return found


def padded(labels: tuple[int, ...], size: int, blank: int = 0) -> list[int]:
    return [*labels, *[blank] * (size - len(labels))]


class TestOperation:
    @over_dtypes
    @pytest.mark.parametrize(("T", "C", "blank"), [(4, 3, 0), (3, 4, 2), (5, 2, 1), (1, 3, 0)])
    def test_is_the_sum_over_all_paths(
        self, ops: Ops, dtype: str, T: int, C: int, blank: int
    ) -> None:
        z = RNG.normal(0, 2, (T, C)).astype(dtype)
        expected = spelled(z.astype(float), blank)
        labels = np.array([padded(some, T, blank) for some in expected])
        loss, _ = ops.ctc_forward(np.repeat(z[None], len(labels), 0), labels, blank, None)
        total = [-log(p) for p in expected.values()]
        assert_close(loss, total, "loss", terms=T * C, dtype=dtype)
        # What the labels of some length can be has a probability of 1 in all.
        assert_close(np.exp(-loss).sum(), 1.0, "loss", terms=len(labels), dtype=dtype)

    @over_dtypes
    def test_gradient_is_softmax_minus_posterior(self, ops: Ops, dtype: str) -> None:
        z, labels = RNG.normal(size=(4, 3)).astype(dtype), (1, 1)
        p, posterior, total = softmax(z.astype(float)), np.zeros((4, 3)), 0.0
        for path in product(range(3), repeat=4):
            if collapsed(path, 0) == labels:
                share = prod(p[t, k] for t, k in enumerate(path))
                posterior[range(4), path] += share
                total += share
        _, cache = ops.ctc_forward(z[None], np.array([labels]), 0, None)
        dz = ops.ctc_backward(np.full(1, 2.0, dtype), cache)
        assert_close(dz[0], 2 * (p - posterior / total), "loss", terms=12, dtype=dtype)

    @over_dtypes
    def test_labels_without_a_path(self, ops: Ops, dtype: str) -> None:
        z = RNG.normal(size=(3, 2, 3)).astype(dtype)
        labels = np.array([[1, 1], [1, 2], [2, 1]])
        mask = np.array([[True, True], [True, True], [False, True]])
        loss, cache = ops.ctc_forward(z, labels, 0, mask)
        assert_array_equal(np.isinf(loss), [True, False, True])
        dz = ops.ctc_backward(np.ones(3, dtype), cache)
        assert not dz[[0, 2]].any()
        assert dz[1].all()

    @over_backends
    def test_of_long_sequences(self, ops: Ops) -> None:
        """With equal logits: labels of one class fill a block of the steps, T (T + 1) / 2 ways."""
        T, dtype = 3000, "float32"
        loss, cache = ops.ctc_forward(np.zeros((1, T, 5), dtype), np.array([[3]]), 0, None)
        assert_close(loss[0], T * log(5) - log(T * (T + 1) / 2), "loss", terms=T, dtype=dtype)
        dz = ops.ctc_backward(np.ones(1, dtype), cache)[0]
        # Step t is in (t + 1)·(T - t) of the blocks.
        t = np.arange(T)
        inside = (t + 1) * (T - t) / (T * (T + 1) / 2)
        assert_close(dz[:, 3], 0.2 - inside, "loss", terms=T, dtype=dtype)
        assert_close(dz[:, 0], 0.2 - (1 - inside), "loss", terms=T, dtype=dtype)

    @over_backends
    def test_of_improbable_labels(self, ops: Ops) -> None:
        """Every path has a probability that is far below the smallest number."""
        dtype = "float32"
        z = np.zeros((1, 4, 2), dtype)
        z[..., 1] = -300
        loss, cache = ops.ctc_forward(z, np.array([[1, 1]]), 0, None)
        assert_close(loss, [600 - log(3)], "loss", dtype=dtype)  # 1 0 1 and a blank, or 1 0 0 1
        dz = ops.ctc_backward(np.ones(1, dtype), cache)
        # Logarithms of this size leave so many digits fewer for the differences.
        assert_close(dz[0, :, 1], [-2 / 3, -1 / 3, -1 / 3, -2 / 3], "loss", terms=600, dtype=dtype)

    @over_backends
    def test_nan_in_logits_is_nan_in_the_loss(self, ops: Ops) -> None:
        z = np.zeros((2, 4, 3), np.float32)
        z[1, 2, 1] = np.nan
        loss, _ = ops.ctc_forward(z, np.array([[1], [2]]), 0, None)
        assert_array_equal(np.isnan(loss), [False, True])

    @over_dtypes
    @pytest.mark.parametrize(
        "real", [[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 0, 1], [0, 1, 1, 1, 0]]
    )
    def test_skipped_steps_are_as_if_they_were_not_there(
        self, ops: Ops, dtype: str, real: list[int]
    ) -> None:
        z, mask = RNG.normal(size=(1, 5, 4)).astype(dtype), np.array([real], bool)
        labels, dloss = np.array([[2, 2]]), np.ones(1, dtype)
        loss, cache = ops.ctc_forward(z, labels, 0, mask)
        dz = ops.ctc_backward(dloss, cache)
        alone, cache = ops.ctc_forward(z[:, mask[0]], labels, 0, None)
        assert_close(loss, alone, "loss")
        assert_close(dz[:, mask[0]], ops.ctc_backward(dloss, cache), "loss")
        assert not dz[:, ~mask[0]].any()


class TestDecoding:
    @pytest.mark.parametrize("blank", [0, 2])
    def test_a_wide_beam_finds_the_most_probable(self, blank: int) -> None:
        z = RNG.normal(size=(2, 5, 3))
        labels, scores = functions.ctc_decode(
            z, [5, 4], "beam_search", 500, top_paths=6, mask_index=blank
        )
        assert labels.shape == (6, 2, 5)
        for b, steps in enumerate((5, 4)):
            expected = spelled(z[b, :steps], blank)
            best = sorted(expected, key=lambda some: -expected[some])[:6]
            found = [tuple(int(k) for k in row if k >= 0) for row in labels[:, b]]
            assert found == best
            logs = [log(expected[some]) for some in best]
            assert_close(scores[b], logs, "loss", terms=15, dtype="float32")

    def test_a_narrow_beam_loses_paths(self) -> None:
        z = RNG.normal(size=(1, 6, 4))
        _, wide = functions.ctc_decode(z, [6], "beam_search", 300)
        labels, narrow = functions.ctc_decode(z, [6], "beam_search", 2)
        assert narrow[0, 0] <= wide[0, 0]
        found = tuple(int(k) for k in labels[0, 0] if k >= 0)
        assert np.exp(narrow[0, 0]) <= spelled(z[0])[found] * (1 + 1e-6)

    def test_best_path(self) -> None:
        path = np.array([[1, 1, 0, 1, 2, 2, 0], [0, 2, 2, 1, 1, 0, 1]])
        z = 5.0 * np.eye(3)[path]
        labels, scores = functions.ctc_decode(z, [7, 4])
        assert_array_equal(labels, [[padded((1, 1, 2), 7, -1), padded((2, 1), 7, -1)]])
        assert_array_equal(scores, [[-35], [-20]])
        unmerged, _ = functions.ctc_decode(z, [7, 4], merge_repeated=False)
        expected = [padded((1, 1, 1, 2, 2), 7, -1), padded((2, 2, 1), 7, -1)]
        assert_array_equal(unmerged, [expected])
        other, _ = functions.ctc_decode(z, [7, 7], mask_index=2)
        expected = [padded((1, 0, 1, 0), 7, -1), padded((0, 1, 0, 1), 7, -1)]
        assert_array_equal(other, [expected])

    def test_no_steps(self) -> None:
        z = np.zeros((1, 2, 3))
        for strategy, score in (("greedy", 0), ("beam_search", 0)):
            labels, scores = functions.ctc_decode(z, [0], strategy)
            assert_array_equal(labels, [[[-1, -1]]])
            assert_array_equal(scores, [[score]])


def model_of(*first: Any) -> lstm.Model:
    """The same weights every time."""
    lstm.set_seed(5)
    layers = [Bidirectional(LSTM(4, return_sequences=True)), Dense(4)]
    return lstm.Sequential([lstm.Input((None, 2)), *first, *layers])


LENGTHS = (6, 4, 5)
SEQUENCES = [RNG.normal(size=(n, 2)) for n in LENGTHS]
LABELS = [(1, 3, 3), (2, 2), (3,)]
TARGETS = np.array([padded(some, 3) for some in LABELS])


@pytest.mark.usefixtures("float64")
class TestTraining:
    @pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 1.0])])
    def test_padding_does_not_count(self, weight: Any) -> None:
        model = model_of()
        model.compile("sgd", "ctc")
        alone = [model.evaluate(x[None], y[None]) for x, y in zip(SEQUENCES, TARGETS, strict=True)]
        expected = np.mean(alone if weight is None else weight * alone)
        loss = model.evaluate(SEQUENCES, TARGETS, 3, sample_weight=weight)
        assert_close(loss, expected, "loss", terms=3)
        outputs = model.predict(SEQUENCES)
        by_hand = [-log(spelled(z)[y]) for z, y in zip(outputs, LABELS, strict=True)]
        assert_close(alone, by_hand, "loss", terms=3)

    @pytest.mark.parametrize("padding", ["post", "pre"])
    def test_a_mask_says_where_padding_is(self, padding: str) -> None:
        x = lstm.data.pad_sequences(SEQUENCES, padding=padding, dtype="float64")
        masked, model = model_of(Masking()), model_of()
        masked.set_weights(model.get_weights())
        for some in (masked, model):
            some.compile(lstm.optimizers.SGD(0.1), CTC())
            some.fit(x if some is masked else SEQUENCES, TARGETS, epochs=3, shuffle=False)
        for ours, theirs in zip(masked.get_weights(), model.get_weights(), strict=True):
            assert_close(ours, theirs, "lstm", terms=18)

    def test_a_loss_can_be_called(self) -> None:
        z = RNG.normal(size=(3, 6, 4))
        each = CTC(reduction="none")(TARGETS, z)
        expected = [-log(spelled(some)[y]) for some, y in zip(z, LABELS, strict=True)]
        assert_close(each, expected, "loss", terms=24)
        assert_close(CTC()(TARGETS, z), np.mean(expected), "loss", terms=24)
        assert_close(CTC("sum")(TARGETS, z), np.sum(expected), "loss", terms=24)
        short = functions.ctc_loss(TARGETS, z, [3, 2, 1], [6, 4, 5])
        expected = [-log(spelled(z[b, :n])[LABELS[b]]) for b, n in enumerate(LENGTHS)]
        assert_close(short, expected, "loss", terms=24)

    def test_a_model_with_it_is_saved(self, tmp_path: Any) -> None:
        model = model_of()
        model.compile("adam", CTC(name="labels"))
        model.save(tmp_path / "m.safetensors")
        again = lstm.load_model(tmp_path / "m.safetensors")
        assert isinstance(again.compiled_loss, CTC)
        assert again.evaluate(SEQUENCES, TARGETS) == model.evaluate(SEQUENCES, TARGETS)

    def test_a_subclass_with_its_own_forward_is_called(self) -> None:
        class Halved(CTC):
            def forward(self, ops: Any, y: Any, target: Any, weight: Any) -> Any:
                loss, cache = super().forward(ops, y, target, weight)
                return loss / 2, cache

        x, model = np.stack([s[:4] for s in SEQUENCES]), model_of()
        losses = []
        for loss in (CTC(), Halved()):
            model.compile("sgd", loss)
            losses.append(model.evaluate(x, TARGETS[[1, 1, 2]]))
        assert losses[1] == losses[0] / 2
        message = "Halved: expected forward_within, which knows the padding, .*, got none"
        with pytest.raises(InvalidTypeError, match=message):
            model.fit(SEQUENCES, TARGETS, verbose=0)
        model.fit([x[0], x[1]], TARGETS[[1, 1]], verbose=0)  # Of equal lengths.

    def test_a_subclass_that_knows_the_steps(self) -> None:
        class Halved(CTC):
            def forward_within(self, ops: Any, y: Any, target: Any, weight: Any, steps: Any) -> Any:
                loss, cache = super().forward_within(ops, y, target, weight, steps)
                return loss / 2, cache

        for x, y in ((SEQUENCES, TARGETS), (SEQUENCES[:1], TARGETS[:1])):
            model, losses = model_of(), []
            for loss in (CTC(), Halved()):
                model.compile("sgd", loss)
                losses.append(model.evaluate(x, y))
            assert losses[1] == losses[0] / 2

    def test_a_subclass_with_call(self) -> None:
        """It trains as that function, to which all steps count."""

        class Doubled(CTC):
            def call(self, y_true: Any, y_pred: Any) -> Any:
                return 2.0 * super().call(y_true, y_pred)

        x, losses = np.stack([s[:4] for s in SEQUENCES]), list[float]()
        for loss in (CTC(), Doubled()):
            model = model_of()
            model.compile(lstm.optimizers.SGD(0.1 if type(loss) is CTC else 0.05), loss)
            losses.append(model.evaluate(x, TARGETS[[1, 1, 2]]))
            model.fit(x, TARGETS[[1, 1, 2]], epochs=2, shuffle=False, verbose=0)
            losses.append(model.evaluate(x, TARGETS[[1, 1, 2]]))
        assert_close(losses[2:], 2 * np.array(losses[:2]), "lstm", terms=18)


@pytest.mark.usefixtures("float64")
class TestOfTensors:
    def test_a_loss_of_ones_own(self) -> None:
        """It learns what the loss of the library learns."""
        x, models = np.stack([s[:4] for s in SEQUENCES]), (model_of(), model_of())
        y = TARGETS[[1, 1, 2]]
        rates = 0.1, 0.05
        losses = CTC(), lambda t, z: 2.0 * lstm.losses.ctc(t, z)
        for model, rate, loss in zip(models, rates, losses, strict=True):
            model.compile(lstm.optimizers.SGD(rate), loss)
            model.fit(x, y, epochs=3, shuffle=False, verbose=0)
        for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
            assert_close(ours, theirs, "lstm", terms=18)

    @pytest.mark.parametrize("axis", [(), (1,)])
    def test_lengths_as_inputs(self, axis: tuple[int, ...]) -> None:
        """As a model whose output is its loss, which old programs have."""
        reader = model_of()
        x, y = lstm.Input((None, 2)), lstm.Input((None,))
        counts, steps = lstm.Input(axis), lstm.Input(axis)
        costs = functions.ctc_loss(y, reader(x), counts, steps)
        model = lstm.Model([x, y, counts, steps], costs)
        model.compile(lstm.optimizers.SGD(0.1), lambda y_true, y_pred: y_pred)
        padded = lstm.data.pad_sequences(SEQUENCES, padding="post", dtype="float64")
        given = [np.reshape(n, (3, *axis)) for n in ([3, 2, 1], LENGTHS)]
        junk = np.where(TARGETS > 0, TARGETS, 2)  # behind the labels
        found = model.predict([padded, junk, *given])
        outputs = reader.predict(padded)
        expected = [-log(spelled(outputs[b, :n])[LABELS[b]]) for b, n in enumerate(LENGTHS)]
        assert_close(found.reshape(3), expected, "loss", terms=24)
        losses = model.fit([padded, junk, *given], np.zeros(3), epochs=5, verbose=0).history["loss"]
        assert losses[-1] < losses[0]

    @pytest.mark.parametrize("ragged", [False, True])
    def test_one_of_several_outputs(self, ragged: bool) -> None:
        lstm.set_seed(6)
        x = lstm.Input((None, 2))
        h = LSTM(4, return_sequences=True)(x)
        model = lstm.Model(x, [Dense(4, name="labels")(h), Dense(1, name="numbers")(h[:, -1])])
        model.compile("sgd", {"labels": "ctc", "numbers": "mse"})
        data: Any = SEQUENCES if ragged else np.stack([s[:4] for s in SEQUENCES])
        y, numbers = TARGETS if ragged else TARGETS[[1, 1, 2]], np.zeros((3, 1))
        found = model.evaluate(data, [y, numbers], 3, return_dict=True)
        labels = [tuple(int(k) for k in row if k) for row in y]
        outputs = model.predict(data)[0]
        each = [-log(spelled(z)[some]) for z, some in zip(outputs, labels, strict=True)]
        assert_close(found["labels_loss"], np.mean(each), "loss", terms=24)
        model.fit(data, [y, numbers], epochs=2, verbose=0)


def test_training_has_a_plan() -> None:
    """Batches of equal sequences are computed in one call, with the same bits as step by step."""
    x, y = RNG.normal(size=(4, 6, 2)), TARGETS[[0, 1, 2, 0]]
    others = RNG.normal(size=(5, 4, 6, 2))
    losses, weights, planned = [], [], []
    for before in ([], others):
        with lstm.backends.using("native"):
            model = model_of()
        model.compile(lstm.optimizers.SGD(0.1), CTC())
        first = model.get_weights()
        for some in before:
            model.train_on_batch(some, y)
        model.set_weights(first)
        losses.append(model.train_on_batch(x, y))
        weights.append(model.get_weights())
        assert model._trainer is not None
        planned.append(len(model._trainer._current.plans.planned))
    assert planned == [0, 1]
    assert losses[0] == losses[1]
    for fresh, warm, start in zip(*weights, first, strict=True):
        assert_array_equal(fresh, warm)
        assert (fresh != start).any()
