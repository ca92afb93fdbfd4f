"""Metrics by themselves: values worked out by hand, state, names, what is refused."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm import metrics
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.metrics import AUC, F1Score, Mean, Metric, Precision, Recall, Sum, Variable
from tolerances import assert_close

close = pytest.approx


class TestByHand:
    def test_the_mean_is_over_all_values_of_all_batches(self) -> None:
        metric = Mean()
        metric.update_state([1.0, 2.0, 3.0])
        metric.update_state([10.0])
        assert metric.result() == 4.0  # Not the mean of 2 and 10.
        metric.reset_state()
        metric.update_state([[1.0, 2.0], [3.0, 4.0]], sample_weight=[1.0, 3.0])
        assert metric.result() == (1 + 2 + 3 * 3 + 3 * 4) / 8

    def test_a_single_number_is_one_value(self) -> None:
        metric = Mean()
        metric.update_state(3.0)
        metric.update_state(6.0, sample_weight=2.0)
        assert metric.result() == 5.0
        assert Sum()([[1, 2], [3, 4]], sample_weight=[[1, 0], [0, 1]]) == 5.0

    def test_what_weighs_nothing_may_be_anything(self) -> None:
        for worst in (np.nan, np.inf):
            assert Mean()([2.0, worst], sample_weight=[1, 0]) == 2.0

    def test_precision_and_recall(self) -> None:
        y_true, y_pred = [0, 1, 1, 0, 1], [0.9, 0.8, 0.4, 0.2, 0.7]
        assert Precision()(y_true, y_pred) == close(2 / 3)
        assert Recall()(y_true, y_pred) == close(2 / 3)
        assert_close(Recall([0.1, 0.75])(y_true, y_pred), [1, 1 / 3], "pointwise")
        weighted = Precision()(y_true, y_pred, sample_weight=[5, 1, 1, 1, 1])
        assert weighted == close(2 / 7)

    def test_top_k_takes_the_first_of_equals(self) -> None:
        metric = Precision(top_k=1)
        assert metric([[1, 0, 0]], [[0.4, 0.4, 0.2]]) == 1.0
        assert Precision(top_k=1)([[0, 1, 0]], [[0.4, 0.4, 0.2]]) == 0.0

    def test_the_area_is_the_chance_that_a_positive_one_is_above(self) -> None:
        rng = np.random.default_rng(0)
        y_true, y_pred = rng.integers(0, 2, 60), rng.uniform(size=60).round(2)
        above = y_pred[y_true == 1][:, None] - y_pred[y_true == 0]
        chance = ((above > 0) + (above == 0) / 2).mean()
        area = AUC(thresholds=np.unique(y_pred).tolist())(y_true, y_pred)
        assert area == close(chance)

    def test_f1_of_each_class(self) -> None:
        y_true = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
        y_pred = [[0.9, 0.1, 0], [0.6, 0.4, 0], [0, 0.2, 0.8], [0, 0.9, 0.1]]
        # Class 0: P = 1/2, R = 1; class 1: P = 1, R = 1/2; class 2 is right.
        assert F1Score()(y_true, y_pred) == close([2 / 3, 2 / 3, 1], abs=1e-6)
        assert F1Score("macro")(y_true, y_pred) == close(7 / 9, abs=1e-6)
        assert F1Score("micro")(y_true, y_pred) == close(3 / 4, abs=1e-6)
        assert F1Score("weighted")(y_true, y_pred) == close((2 / 3 + 2 * 2 / 3 + 1) / 4, abs=1e-6)

    def test_r2_of_the_mean_is_0(self) -> None:
        assert metrics.R2Score()([[1], [3]], [[2], [2]]) == 0.0
        assert metrics.R2Score()([[1], [3]], [[1], [3]]) == 1.0

    def test_more_regressors_than_samples(self) -> None:
        metric = metrics.R2Score(num_regressors=2)
        metric.update_state([[1], [3]], [[1], [2]])
        with pytest.warns(lstm.errors.LSTMWarning, match="more regressors"):
            assert metric.result() == 0.5

    def test_nothing_yet(self) -> None:
        for name in metrics.METRICS:
            result = metrics.get(name).result()
            assert np.ndim(result) == 0
            assert result == result or name == "r2_score"


# Those of steps alone: the score of several batches is not that of all, or there are no outputs.
OF_STEPS = sorted(
    name
    for name, kind in metrics.METRICS.items()
    if kind.needs_outputs and name not in ("accuracy", "acc", "r2_score")
)


class TestSequences:
    """Steps count alike, whatever batch and shape they came in; padding does not."""

    Y_TRUE = np.random.default_rng(1).integers(0, 3, (4, 6))
    Y_PRED = np.random.default_rng(2).dirichlet(np.ones(3), (4, 6))
    MASK = np.arange(6) < np.array([6, 2, 4, 1])[:, None]

    @pytest.mark.parametrize("name", OF_STEPS)
    def test_padding_changes_nothing(self, name: str) -> None:
        whole, alone = metrics.get(name), metrics.get(name)
        whole.update_state(self.Y_TRUE, self.Y_PRED, sample_weight=self.MASK)
        for k, length in enumerate(self.MASK.sum(1)):
            rows = self.Y_TRUE[k : k + 1, :length], self.Y_PRED[k : k + 1, :length]
            alone.update_state(*rows)
        assert_close(whole.result(), alone.result(), "loss", terms=24)

    def test_one_value_for_a_batch(self) -> None:
        lengths = self.MASK.sum(1)
        longest = metrics.MeanMetricWrapper(lambda y_true, y_pred: y_pred.max())
        longest.update_state(self.Y_TRUE, self.Y_PRED, sample_weight=self.MASK)
        assert longest.result() == self.Y_PRED[self.MASK].max()
        longest.update_state(self.Y_TRUE[:1], self.Y_PRED[:1], sample_weight=np.zeros((1, 6)))
        assert longest.result() == self.Y_PRED[self.MASK].max()
        assert longest.count.value == lengths.sum()


class TestShapes:
    def test_of_targets_and_outputs_may_differ_in_a_last_axis(self) -> None:
        for y_true, y_pred in (
            ([0, 1, 1], [[0.2], [0.4], [0.9]]),
            ([[0], [1], [1]], [0.2, 0.4, 0.9]),
            ([0, 1, 1], [0.2, 0.4, 0.9]),
        ):
            assert metrics.BinaryAccuracy()(y_true, y_pred) == close(2 / 3)
            assert metrics.MeanAbsoluteError()(y_true, y_pred) == close(0.9 / 3)

    @pytest.mark.parametrize(
        "use",
        [
            lambda: metrics.MeanSquaredError()([[1.0, 2.0]], [[1.0, 2.0, 3.0]]),
            lambda: metrics.MeanSquaredError()([1.0, 2.0], [[1.0, 2.0, 3.0]] * 2),
            lambda: metrics.CategoricalAccuracy()([[0, 1]], [[0.1, 0.2, 0.7]]),
            lambda: metrics.Precision()([1, 0], [0.1, 0.2, 0.7]),
            lambda: metrics.F1Score()([1, 0], [0.1, 0.2]),
            lambda: metrics.MeanIoU(2)([0, 1], [0, 1, 1]),
            lambda: Mean()([1, 2, 3], sample_weight=[1, 2]),
            lambda: Mean()([[1, 2, 3]], sample_weight=[[1, 2]]),
            lambda: metrics.Recall(class_id=3)([[0, 1]], [[0.2, 0.8]]),
            lambda: metrics.Recall(class_id=0)([0, 1], [0.2, 0.8]),
            lambda: AUC(multi_label=True)([0, 1], [0.2, 0.8]),
            lambda: AUC(multi_label=True, num_labels=3)([[0, 1]], [[0.2, 0.8]]),
            lambda: AUC(label_weights=[1.0])([[0, 1]], [[0.2, 0.8]]),
        ],
    )
    def test_that_do_not_fit(self, use: Callable[[], Any]) -> None:
        with pytest.raises(InvalidShapeError, match=r"^(y_true|y_pred|sample_weight): expected"):
            use()

    @pytest.mark.parametrize(
        "name", ["categorical_crossentropy", "precision", "top_k_categorical_accuracy"]
    )
    def test_a_class_out_of_range(self, name: str) -> None:
        with pytest.raises(InvalidValueError, match=r"integers in \[0, 3\), got 3"):
            metrics.get(name)([0, 3], [[0.1, 0.2, 0.7]] * 2)


class TestArguments:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Precision(1.5), r"thresholds: expected a number in \[0, 1\], got 1.5"),
            (lambda: Precision([0.5, -1]), r"thresholds: expected a number in \[0, 1\], got -1"),
            (lambda: Precision("high"), "thresholds: expected"),
            (lambda: Precision(top_k=0), "top_k"),
            (lambda: Recall(class_id=-1), "class_id"),
            (lambda: AUC(num_thresholds=1), "num_thresholds: expected an integer of at least 2"),
            (lambda: AUC(curve="RCO"), "curve: .*did you mean 'ROC'"),
            (lambda: AUC(summation_method="mean"), "summation_method"),
            (lambda: AUC(thresholds=[0.5, 2]), "thresholds"),
            (lambda: AUC(num_labels=2), "num_labels"),
            (lambda: metrics.SensitivityAtSpecificity(2), "specificity"),
            (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "num_thresholds"),
            (lambda: F1Score(average="mean"), "average"),
            (lambda: F1Score(threshold=0), "threshold"),
            (lambda: metrics.FBetaScore(beta=0), "beta"),
            (lambda: metrics.IoU(2, [2]), "target_class_ids"),
            (lambda: metrics.TopKCategoricalAccuracy(0), "k"),
            (lambda: Mean(dtype="float31"), "dtype: .*did you mean 'float32'"),
            (lambda: metrics.BinaryCrossentropy(label_smoothing=2), "label_smoothing"),
            (lambda: metrics.MeanMetricWrapper("mae"), "fn"),
            (lambda: metrics.get("percision"), "did you mean 'precision'"),
            (lambda: metrics.get(3), "metrics: expected names"),
            (lambda: metrics.get(lstm.losses.Huber), "metrics: expected names"),
            (lambda: metrics.get({"class_name": "Precison", "config": {}}), "did you mean"),
        ],
    )
    def test_are_checked(self, make: Callable[[], Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=f"^{message}" if ":" in message else message):
            make()

    def test_names_of_arguments(self) -> None:
        with pytest.raises(InvalidTypeError, match="did you mean 'threshold'"):
            metrics.BinaryAccuracy(treshold=0.5)

    def test_names_are_those_of_keras(self) -> None:
        assert metrics.get("mse").name == "mse"
        assert (
            type(metrics.get("RMSE")) is type(metrics.get("rmse")) is metrics.RootMeanSquaredError
        )
        assert metrics.get("AUC").name == "AUC"
        assert [kind().name for kind in (AUC, Precision, metrics.TruePositives)] == [
            "auc",
            "precision",
            "true_positives",
        ]
        assert metrics.MeanIoU(2).name == "mean_io_u"
        assert metrics.get(Precision).name == "precision"
        assert isinstance(metrics.get({"class_name": "AUC", "config": {"curve": "PR"}}), AUC)

    def test_a_change_keeps_what_was_seen(self) -> None:
        metric = metrics.BinaryAccuracy()
        metric.update_state([1, 0], [0.7, 0.6])
        metric.name = "right"
        assert metric.result() == 0.5
        scores = F1Score()
        scores.update_state([[1, 0]], [[0.9, 0.1]])
        scores.name = "f1"
        assert scores.result().shape == (2,)
        many = Precision()
        many.update_state([1, 0], [0.7, 0.6])
        many.thresholds = [0.1, 0.2]
        assert_array_equal(many.result(), [0, 0])


class TestVariables:
    def test_are_like_arrays(self) -> None:
        v = Variable([1.0, 2.0], "pair")
        v.assign_add([1, 1]).assign_sub(1)
        assert_array_equal(v, [1, 2])
        assert_array_equal(2 * v + v, [3, 6])
        assert np.sum(v) == 3
        assert (v.shape, v.ndim, len(v), v[1]) == ((2,), 1, 2, 2.0)
        copied = v.numpy()
        v.assign(0)
        assert_array_equal(copied, [1, 2])
        assert_array_equal(v.value, [0, 0])
        assert (float(Variable(2)), int(Variable(2)), bool(Variable(0))) == (2.0, 2, False)

    def test_keep_their_shape(self) -> None:
        with pytest.raises(InvalidShapeError, match=r"^pair: expected shape \(2,\), got shape \(3"):
            Variable([1.0, 2.0], "pair").assign([1, 2, 3])
        with pytest.raises(InvalidTypeError, match=r"^pair: expected numbers"):
            Variable([1.0, 2.0], "pair").assign("a")

    def test_of_any_shape_at_first(self) -> None:
        metric = F1Score()
        metric.update_state([[1, 0]], [[0.9, 0.1]])
        metric.reset_state()
        metric.update_state([[1, 0, 0]], [[0.9, 0.1, 0]])
        assert metric.result().shape == (3,)


class Spread(Metric):
    """Largest minus smallest output, written as people write metrics for Keras."""

    def __init__(self, name: str = "spread", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.high = self.add_weight(name="high", initializer="zeros")
        self.low = self.add_variable(shape=(), initializer="ones", name="low")
        self.seen = Sum(name="seen")
        self.batches = 0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.high.assign(np.maximum(self.high, np.max(y_pred)))
        self.low.assign(np.minimum(self.low, np.min(y_pred)))
        self.seen.update_state(np.ones(len(y_pred)))
        self.batches += 1

    def reset_state(self) -> None:
        super().reset_state()
        self.low.assign(1)

    def result(self) -> Any:
        return {"high": self.high, "low": self.low, "seen": self.seen.result()}


class TestOnesOwn:
    X = np.random.default_rng(3).normal(size=(9, 2))
    Y = np.random.default_rng(4).uniform(size=(9, 3))

    def model(self, **options: Any) -> lstm.Model:
        lstm.set_seed(1)
        model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(3, activation="sigmoid")])
        model.compile("sgd", "mse", **options)
        return model

    def test_several_results(self) -> None:
        model = self.model(metrics=[Spread()])
        logs = model.evaluate(self.X, self.Y, 4, return_dict=True)
        y = model.predict(self.X)
        assert logs == {"loss": logs["loss"], "high": y.max(), "low": y.min(), "seen": 9}

    def test_its_state_starts_again_and_can_be_kept(self) -> None:
        metric = Spread()
        metric.update_state(None, [0.2, 0.4])
        assert [v.name for v in metric.variables] == ["high", "low", "total"]
        for other in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
            assert float(other.result()["high"]) == 0.4
            assert other.high is other.variables[0]
        again = Spread()
        again.restore(metric.contents())
        assert (float(again.high), again.seen.result(), again.batches) == (0.4, 2.0, 1)
        metric.reset_state()
        assert [float(v) for v in metric.variables] == [0, 1, 0]

    def test_variables_may_be_added_with_the_first_batch(self) -> None:
        class Sums(Metric):
            totals: Variable | None = None

            def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
                if self.totals is None:
                    self.totals = self.add_weight(y_pred.shape[1:], name="totals")
                self.totals.assign_add(y_pred.sum(0))

            def result(self) -> Any:
                return self.totals

        y, metric, other = np.ones((4, 2)), Sums(), Sums()
        before = metric.contents()
        metric.update_state(None, y)
        other.restore(metric.contents())
        other.update_state(None, y)
        assert_array_equal(other.result(), [8, 8])
        metric.restore(before)
        assert_array_equal(metric.result(), [0, 0])
        other = Sums()
        other.restore(metric.contents())
        other.reset_state()
        other.update_state(None, y)
        assert_array_equal(other.result(), [4, 4])
        model = self.model(metrics=[Sums()])
        logs = model.evaluate(self.X, self.Y, return_dict=True)
        np.testing.assert_allclose(logs["sums"], model.predict(self.X).sum(0), rtol=1e-5)

    def test_metrics_take_no_weights_and_weighted_metrics_do(self) -> None:
        seen: dict[str, Any] = {}

        class Watching(Mean):
            def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
                seen[self.name] = sample_weight

        weight = np.arange(9.0)
        model = self.model(metrics=[Watching("plain")], weighted_metrics=[Watching("weighted")])
        model.evaluate(self.X, self.Y, 9, sample_weight=weight)
        assert seen["plain"] is None
        assert_array_equal(seen["weighted"], np.repeat(weight[:, None], 3, 1))


class TestInModels:
    X = np.random.default_rng(3).normal(size=(9, 5, 2))
    CLASSES = np.random.default_rng(5).integers(0, 3, (9, 5))
    LENGTHS = (5, 2, 4, 1, 3, 5, 2, 1, 4)

    def model(self, **options: Any) -> lstm.Model:
        lstm.set_seed(1)
        model = lstm.Sequential(
            [
                lstm.Input((None, 2)),
                lstm.layers.LSTM(4, return_sequences=True),
                lstm.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy", **options)
        return model

    def test_padding_counts_in_none(self) -> None:
        named = [name for name in metrics.METRICS if name not in ("accuracy", "acc")]
        x, y = (
            [row[:n] for row, n in zip(rows, self.LENGTHS, strict=True)]
            for rows in (self.X, self.CLASSES)
        )
        model = self.model(metrics=named)
        together = model.evaluate(x, y, 9, return_dict=True)
        alone = model.evaluate(x, y, 1, return_dict=True)
        assert together.keys() == alone.keys()
        for name, value in together.items():
            assert value == close(alone[name], rel=1e-5), name

    def test_in_history_files_and_csv(self, tmp_path: Any) -> None:
        chosen = ["acc", "auc", metrics.Precision(class_id=1), metrics.F1Score(), "acc"]
        model = self.model(metrics=chosen, weighted_metrics=["acc", metrics.Recall(thresholds=0.3)])
        log = lstm.callbacks.CSVLogger(tmp_path / "log.csv")
        weight = np.random.default_rng(1).uniform(size=(9, 5))
        history = model.fit(
            self.X,
            self.CLASSES,
            sample_weight=weight,
            epochs=2,
            validation_data=(self.X, self.CLASSES),
            verbose=0,
            callbacks=[log],
        ).history
        names = ["loss", "acc", "auc", "precision", "f1_score", "acc_1", "weighted_acc", "recall"]
        assert list(history) == names + [f"val_{name}" for name in names]
        assert np.shape(history["f1_score"]) == (2, 3)
        header, *lines = (tmp_path / "log.csv").read_text().splitlines()
        assert header.split(",") == ["epoch", *history]
        assert len(lines) == 2
        model.save(tmp_path / "model.safetensors")
        loaded = lstm.load_model(tmp_path / "model.safetensors")
        data = dict(x=self.X, y=self.CLASSES, sample_weight=weight, return_dict=True)
        assert loaded.evaluate(**data) == model.evaluate(**data)

    def test_results_of_several_numbers_are_shown(self, capsys: Any) -> None:
        model = self.model(metrics=[metrics.F1Score()])
        model.fit(self.X, self.CLASSES, verbose=2)
        model.evaluate(self.X, self.CLASSES, verbose=1)
        assert capsys.readouterr().out.count("f1_score") == 2

    def test_a_backup_continues(self, tmp_path: Any) -> None:
        class Stop(lstm.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any) -> None:
                if batch == 1:
                    raise KeyboardInterrupt

        def fitted(folder: str, *more: Any) -> dict[str, Any]:
            model = self.model(metrics=["auc", metrics.F1Score("macro"), Spread()])
            backup = lstm.callbacks.BackupAndRestore(tmp_path / folder, save_freq=1)
            return model.fit(
                self.X, self.CLASSES, 2, epochs=2, verbose=0, callbacks=[backup, *more]
            ).history

        expected = fitted("whole")
        with pytest.raises(KeyboardInterrupt):
            fitted("stopped", Stop())
        assert fitted("stopped") == expected

    def test_logits(self) -> None:
        lstm.set_seed(1)
        model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
        loss = lstm.losses.BinaryCrossentropy(from_logits=True)
        x, y = self.X[:, 0], self.CLASSES[:, :1] % 2
        model.compile("sgd", loss, metrics=["acc", "bce", "binary_crossentropy"])
        logs = model.evaluate(x, y, return_dict=True)
        assert logs["acc"] == ((model.predict(x) > 0) == y).mean()
        assert logs["bce"] == logs["binary_crossentropy"] == close(logs["loss"], rel=1e-5)
