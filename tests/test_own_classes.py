"""Layers, models, losses and the like that users write: what they define is called, or refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from gradients import assert_gradient
from lstm.errors import InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.initializers import Initializer
from lstm.layers import LSTM, Dense, Dropout, Layer, Reshape
from lstm.losses import Loss
from lstm.metrics import Metric
from lstm.optimizers import Optimizer
from tolerances import assert_close

X = np.random.default_rng(3).normal(size=(4, 6, 2))


class Total(Layer):
    """y_t = x_1 + ... + x_t, recurrent, which it does not declare."""

    keeps_mask = True

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (np.cumsum(inputs[0], axis=1),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (np.cumsum(gradients[0][:, ::-1], axis=1)[:, ::-1],)


class Forgetful(Total):
    """Declares a state and leaves none."""

    def state_shapes(self, *shapes: Any) -> Any:
        return (shapes[0][2:],)


class Carried(Forgetful):
    """Carries the sum from chunk to chunk."""

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        (x,), state = inputs, run.state()
        y = np.cumsum(x, axis=1) + (0 if state is None else state[0][:, None])
        run.leave_state((y[:, -1],))
        return (y,), None


class Doubled(Total):
    """2x, step by step."""

    memoryless = True

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (2 * inputs[0],), None


def model_of(*layers: Layer) -> lstm.Model:
    lstm.set_seed(5)
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    model.compile("sgd", "mse")
    return model


def in_chunks(model: lstm.Model, x: NDArray[Any], size: int) -> NDArray[Any]:
    """The outputs chunk by chunk; of models with one output a sequence, the last."""
    state, outputs = model.initial_state(len(x)), []
    for start in range(0, x.shape[1], size):
        y, state = model.step(x[:, start : start + size], state)
        outputs.append(y)
    return np.concatenate(outputs, 1) if outputs[0].ndim == 3 else outputs[-1]


class TestStates:
    def test_an_undeclared_layer_is_not_cut_into_chunks(self) -> None:
        model = model_of(Total(), LSTM(3))
        y = np.zeros((4, 3))
        for call in (
            lambda: model.initial_state(1),
            lambda: model.step(X, {}),
            lambda: model.fit(X, y, carry_state=True, verbose=0),
            lambda: model.evaluate(X, y, carry_state=True),
            lambda: model.train_on_batch(X, y, carry_state=True),
        ):
            with pytest.raises(InvalidValueError) as error:
                call()
            message = str(error.value)
            assert message.startswith("total: expected in class Total, to work chunk by chunk")
            assert "`memoryless = True`" in message
            assert "`def state_shapes(self, *shapes)`" in message
        model.fit(X, y, verbose=0)
        assert model.predict(X).shape == (4, 3)

    @pytest.mark.parametrize("layer", [Carried, Doubled])
    @pytest.mark.parametrize("size", [1, 4])
    def test_a_declared_one_gives_the_same_as_the_whole(
        self, layer: type[Layer], size: int
    ) -> None:
        for above in ([], [LSTM(3)]):
            model = model_of(layer(), *above)
            assert_close(in_chunks(model, X, size), model.predict(X), "lstm", terms=6)

    def test_a_declared_state_that_is_not_left_is_missed(self) -> None:
        model = model_of(Forgetful(), LSTM(3))
        message = r"^forgetful: expected run.leave_state\(state\) in `forward`"
        with pytest.raises(InvalidValueError, match=message):
            model.step(X, model.initial_state(4))
        with pytest.raises(InvalidValueError, match=message):
            model.fit(X, np.zeros((4, 3)), carry_state=True, verbose=0)

    def test_layers_with_several_inputs_carry_theirs(self) -> None:
        class Sum(Carried):
            def output_shapes(self, *shapes: Any) -> Any:
                return shapes[:1]

            def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
                return super().forward(run, inputs[0] + inputs[1], mask=mask)

        a, b = lstm.Input((None, 2)), lstm.Input((None, 2))
        model = lstm.Model([a, b], Sum()([a, b]))
        state = model.initial_state(4)
        first, state = model.step([X[:, :2], X[:, :2]], state)
        second, _ = model.step([X[:, 2:], X[:, 2:]], state)
        joined = np.concatenate([first, second], 1)
        assert_close(joined, model.predict([X, X]), "lstm", terms=6)

    @pytest.mark.parametrize(
        "layers",
        [
            # A sequence made of the last step, which is another one in each chunk.
            lambda: [LSTM(4), Reshape((2, 2)), LSTM(3)],
            lambda: [LSTM(4), lstm.layers.ExpandDims(1), LSTM(3)],
            # Steps that are mixed.
            lambda: [LSTM(4, return_sequences=True), lstm.layers.Flatten()],
            lambda: [lstm.layers.Permute((2, 1))],
            lambda: [Reshape((-1, 4))],
            lambda: [Reshape((3, 4))],
            lambda: [lstm.layers.ExpandDims(1)],
            lambda: [Dense(1), lstm.layers.Squeeze(), lstm.layers.Activation("softmax")],
            lambda: [Dense(1), lstm.layers.Squeeze(), lstm.layers.Flip()],
        ],
    )
    def test_what_mixes_steps_is_not_cut_into_chunks(
        self, layers: Callable[[], list[Layer]]
    ) -> None:
        with pytest.raises(InvalidValueError, match=r"chunk by chunk"):
            model_of(*layers()).initial_state(1)

    @pytest.mark.parametrize(
        "layers",
        [
            lambda: [LSTM(6), Dense(6), Reshape((2, 3))],
            lambda: [Reshape((-1, 1)), LSTM(3)],
            lambda: [Reshape((-1, 2, 1))],
            lambda: [lstm.layers.ExpandDims(2), lstm.layers.Permute((1, 3, 2))],
            lambda: [Dense(1), lstm.layers.Squeeze(), lstm.layers.Activation("tanh")],
        ],
    )
    def test_what_keeps_them_apart_is(self, layers: Callable[[], list[Layer]]) -> None:
        model = model_of(*layers())
        state = model.initial_state(4)
        first, state = model.step(X[:, :2], state)
        second, _ = model.step(X[:, 2:], state)
        whole = model.predict(X)
        over_time = model.graph.outputs[0].shape[1] is None
        found = np.concatenate([first, second], 1) if over_time else second
        assert_close(found, whole, "lstm", terms=6)

    def test_a_given_initial_state_is_that_of_every_chunk(self) -> None:
        x, h, c = lstm.Input((None, 2)), lstm.Input((3,)), lstm.Input((3,))
        model = lstm.Model([x, h, c], LSTM(3)(x, initial_state=[h, c]))
        with pytest.raises(InvalidValueError, match=r"no initial_state.*chunk by chunk"):
            model.initial_state(1)


class Block(Layer):
    """As for Keras: `build` makes the parts, `training` is handed on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shapes: list[Any] = []

    def build(self, input_shape: Any) -> None:
        self.shapes.append(input_shape)
        self.dense, self.dropout = Dense(input_shape[-1]), Dropout(0.5)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.dropout(self.dense(inputs, training=training), training=training)


class Tagger(lstm.Model):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.built_for = Block(), []

    def build(self, input_shape: Any) -> None:
        self.built_for.append(input_shape)
        self.lstm = LSTM(3, return_sequences=True)
        super().build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.block(self.lstm(inputs), training=training)


class TestBuild:
    def test_is_called_once_before_call(self) -> None:
        block = Block()
        model = lstm.Sequential([LSTM(3, return_sequences=True), block, block])
        assert model.predict(X).shape == (4, 6, 3)
        assert block.shapes == [(None, 6, 3)]
        assert "block/dense/kernel" in model.graph.weights

    def test_of_several_inputs_gets_a_list(self) -> None:
        class Joined(Layer):
            def build(self, input_shape: Any) -> None:
                self.dense = Dense(sum(shape[-1] for shape in input_shape))

            def call(self, inputs: Any) -> Any:
                return self.dense(lstm.ops.concatenate(inputs))

        assert Joined()([lstm.Input((2,)), lstm.Input((3,))]).shape == (None, 5)

    @pytest.mark.parametrize("by_hand", [True, False])
    def test_of_a_model_makes_its_layers_once(self, by_hand: bool) -> None:
        model = Tagger()
        if by_hand:
            model.build((None, 6, 2))
        else:
            model.predict(X)
        assert model.built_for == [(None, 6, 2)]
        assert model.built
        assert model.count_params() == 4 * 3 * (2 + 3 + 1) + 3 * 4
        assert model.predict(X).shape == (4, 6, 3)

    def test_is_called_again_after_an_interruption(self) -> None:
        class Interrupted(Block):
            def build(self, input_shape: Any) -> None:
                first = not self.shapes
                super().build(input_shape)
                if first:
                    raise KeyboardInterrupt

        block = Interrupted()
        with pytest.raises(KeyboardInterrupt):
            block(lstm.Input((6, 3)))
        assert not block.built
        assert block(lstm.Input((6, 3))).shape == (None, 6, 3)
        assert len(block.shapes) == 2

    def test_tells_a_model_its_shape(self) -> None:
        model = lstm.Sequential([LSTM(3), Dense(1)])
        model.build(input_shape=(8, 6, 2))
        assert model.count_params() == 76
        assert model.predict(X).shape == (4, 1)
        model.add(Dense(2))
        model.build((None, None, 2))
        assert model.count_params() == 80

    def test_of_several_inputs_tells_all_shapes(self) -> None:
        class Both(lstm.Model):
            def call(self, inputs: Any) -> Any:
                return lstm.ops.add(*inputs)

        model = Both()
        model.build([(None, 3), (None, 3)])
        assert_array_equal(model.predict([np.ones((1, 3)), np.ones((1, 3))]), [[2, 2, 2]])

    @pytest.mark.parametrize("shape", [3, "ab", (None, 2.5), [(None, 3), 4]])
    def test_refuses_what_is_no_shape(self, shape: Any) -> None:
        with pytest.raises(InvalidTypeError, match=r"^input_shape: expected"):
            lstm.Sequential([Dense(1)]).build(shape)

    def test_that_fails_is_tried_again(self) -> None:
        class Narrow(Layer):
            def build(self, input_shape: Any) -> None:
                if input_shape[-1] > 2:
                    raise InvalidValueError("input", "two features", input_shape[-1])
                self.dense = Dense(1)

            def call(self, inputs: Any) -> Any:
                return self.dense(inputs)

        layer = Narrow()
        with pytest.raises(InvalidValueError, match=r"two features"):
            layer(lstm.Input((3,)))
        assert layer(lstm.Input((2,))).shape == (None, 1)

    def test_has_no_weights_beside_its_layers(self) -> None:
        class Weighted(Layer):
            def build(self, input_shape: Any) -> None:
                self.w = self.add_weight("w", (2, 3))

            def call(self, inputs: Any) -> Any:
                return inputs

        with pytest.raises(InvalidTypeError, match=r"^w of weighted: expected a weight of a layer"):
            Weighted()(lstm.Input((2,)))


class TestTraining:
    def test_is_handed_on(self) -> None:
        """Dropout drops while fit trains, and not in predict."""
        lstm.set_seed(1)
        model = lstm.Sequential([lstm.Input((50,)), Block()])
        model.set_weights([np.eye(50), np.zeros(50)])
        x = np.ones((4, 50))
        assert_array_equal(model.predict(x), x)
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        # Half of the outputs are 0, the others 2.
        assert model.train_on_batch(x, x) == pytest.approx(1)
        assert model.evaluate(x, x) == 0

    @pytest.mark.parametrize("default", [None, False])
    def test_cannot_be_branched_on(self, default: Any) -> None:
        class Noisy(Layer):
            def call(self, inputs: Any, training: Any = default) -> Any:
                return Dropout(0.5)(inputs) if training else inputs

        with pytest.raises(
            InvalidTypeError, match=r"^training: expected to be passed on to a layer"
        ):
            Noisy()(lstm.Input((3,)))
        with pytest.raises(
            InvalidTypeError, match=r"^training: expected to be passed on to a layer"
        ):
            lstm.Sequential([lstm.Input((3,)), Noisy()]).summary()

    @pytest.mark.parametrize("value", [True, False, "yes"])
    def test_is_decided_by_who_runs_the_model(self, value: Any) -> None:
        for layer in (Dropout(0.5), LSTM(2), lstm.layers.Bidirectional(LSTM(2))):
            with pytest.raises(InvalidValueError, match=r"^training: expected None"):
                layer(lstm.Input((5, 3)), training=value)
        assert Dropout(0.5)(lstm.Input((5, 3)), training=None).shape == (None, 5, 3)


def subclass(base: type, **members: Any) -> type:
    return type("Mine", (base,), members)


def method(*args: Any, **options: Any) -> None:
    """A method that would never be called."""


class TestWhatWouldNeverBeCalled:
    @pytest.mark.parametrize(
        ("base", "name", "instead"),
        [
            *((lstm.Model, name, "Loss") for name in ("train_step", "compute_loss")),
            (lstm.Model, "make_train_function", "train_on_batch"),
            (lstm.Sequential, "train_step", "Loss"),
            *((lstm.Model, name, "metrics") for name in ("test_step", "compute_metrics")),
            *((lstm.Model, name, "call") for name in ("predict_step", "make_predict_function")),
            (Layer, "compute_mask", "output_mask"),
            (LSTM, "get_initial_state", "state_shapes"),
            (Layer, "reset_states", "state_shapes"),
            (lstm.Model, "compute_mask", "automatically"),
            *(
                (base, f"{verb}_{what}", "get_config")
                for base in (Layer, LSTM, lstm.Model)
                for verb in ("save", "load")
                for what in ("own_variables", "assets")
            ),
            (Loss, "call", "forward and backward"),
            (Loss, "__call__", "forward and backward"),
            (Metric, "update_state", "values"),
            (Metric, "reset_state", "reset"),
            (Optimizer, "update_step", "update"),
            (Optimizer, "apply_gradients", "update"),
            (Optimizer, "get_updates", "update"),
            (Optimizer, "build", "slot_names"),
            (lstm.optimizers.Adam, "build", "slot_names"),
        ],
    )
    def test_is_refused_with_the_class(self, base: type, name: str, instead: str) -> None:
        mixin = type("Mixin", (), {name: method})
        for make in (
            lambda: subclass(base, **{name: method}),
            lambda: type("Mine", (mixin, base), {}),
        ):
            with pytest.raises(InvalidTypeError) as error:
                make()
            assert str(error.value).startswith(f"Mine.{name}: expected ")
            assert instead in str(error.value)
            assert str(error.value).endswith("got a method that nothing here calls")

    @pytest.mark.parametrize("base", [Dense, LSTM, Total])
    def test_call_of_a_layer_that_has_forward(self, base: type) -> None:
        with pytest.raises(InvalidTypeError, match=r"^Mine: expected either `call`.*got both"):
            subclass(base, call=lambda self, inputs: inputs)

    def test_a_mask_that_call_would_never_get(self) -> None:
        with pytest.raises(InvalidTypeError, match=r"^Mine.call: expected no mask"):
            subclass(Layer, call=lambda self, inputs, mask=None: inputs)

    def test_what_changes_nothing_where_it_is_not_called_is_left_alone(self) -> None:
        names = ("compute_output_shape", "compute_output_spec", "build_from_config")
        members = dict.fromkeys(names, method) | {"call": lambda self, inputs: inputs}
        assert subclass(Layer, **members)()(lstm.Input((3,))).shape == (None, 3)

    def test_the_result_of_a_metric_is_called(self) -> None:
        class Half(lstm.metrics.MeanAbsoluteErrorMetric):
            def result(self) -> float:
                return super().result() / 2

        model = fitted(metrics=["mae", Half("half")])
        logs = model.evaluate(np.ones((4, 2)), np.zeros((4, 1)), return_dict=True)
        assert logs["half"] == pytest.approx(logs["mae"] / 2)

    def test_what_is_called_may_be_overridden(self) -> None:
        members = {"fit": method, "reset_states": method, "call": lambda self, x: x}
        assert subclass(lstm.Model, **members)().fit() is None


class TestWhatIsMissing:
    @pytest.mark.parametrize(
        ("use", "message"),
        [
            (lambda: subclass(Layer)()(lstm.Input((2,))), r"define call\(inputs\)"),
            (
                lambda: subclass(Layer, forward=method)()(lstm.Input((2,))),
                r"define output_shapes\(\*shapes\)",
            ),
            (
                lambda: model_of(subclass(Layer, output_shapes=lambda self, x: (x,))()).predict(X),
                r"define forward\(run, \*inputs, mask\)",
            ),
            (lambda: fitted(loss=subclass(Loss)()), r"define forward\(ops, y, target, weight\)"),
            (lambda: fitted(optimizer=subclass(Optimizer)(0.1, None)), r"define update\("),
            (lambda: fitted(metrics=[subclass(Metric)("mine")]), r"define values\("),
            (
                lambda: Dense(2, kernel_initializer=subclass(Initializer)())(lstm.Input((2,))),
                r"define values\(shape, rng\)",
            ),
        ],
    )
    def test_is_named(self, use: Callable[[], Any], message: str) -> None:
        with pytest.raises(NotDefinedError, match=f"^Mine: {message}"):
            use()


def without_base(base: type, **members: Any) -> Any:
    """An instance whose constructor sets an attribute of its own, and no more."""

    def constructor(self: Any) -> None:
        self.own = 1

    return subclass(base, __init__=constructor, **members)()


class TestConstructorsWithoutTheirBase:
    @pytest.mark.parametrize(
        "use",
        [
            lambda: without_base(Layer, call=lambda self, x: x)(lstm.Input((2,))),
            lambda: without_base(Total)(lstm.Input((None, 2))),
            lambda: without_base(Total).add_weight("w", (2,)),
            lambda: without_base(Layer).name,
            lambda: without_base(Layer).trainable,
            lambda: lstm.Sequential([lstm.Input((2,)), without_base(Total)]).summary(),
            *(
                lambda use=use: use(without_base(lstm.Model, call=lambda self, x: x))
                for use in (
                    lambda model: model.predict(X),
                    lambda model: model.compile("sgd", "mse"),
                    lambda model: model.fit(X, X),
                    lambda model: model.summary(),
                    lambda model: model.build((None, 2)),
                    lambda model: model(lstm.Input((2,))),
                )
            ),
            lambda: fitted(metrics=[without_base(Metric, values=lambda self, *_: 0)]),
            lambda: fitted(optimizer=without_base(Optimizer, update=lambda self, *_: None)),
            lambda: Dense(2, kernel_initializer=without_base(Initializer))(lstm.Input((2,))),
        ],
    )
    def test_are_told_so(self, use: Callable[[], Any]) -> None:
        with pytest.raises(InvalidTypeError) as error:
            use()
        message = "Mine.__init__: expected super().__init__() in it, before anything else, got none"
        assert str(error.value) == message


def test_a_name_of_a_weight_that_is_taken() -> None:
    class Twice(Total):
        def build(self, *shapes: Any) -> None:
            self.add_weight("w", (2, 2))
            self.add_weight("w", (2, 2))

    with pytest.raises(
        InvalidValueError, match=r"^name: expected an unused one in twice, got 'w'$"
    ):
        Twice()(lstm.Input((None, 2)))


def fitted(**options: Any) -> lstm.Model:
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | options)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    return model


class Cubic(Loss):
    """|y - t|³, and nothing but its two halves."""

    def forward(self, ops: Any, y: Any, target: Any, weight: Any) -> Any:
        error = ops.to_numpy(y) - ops.to_numpy(target)
        share = 1 / error.size if weight is None else ops.to_numpy(weight)
        return float((np.abs(error) ** 3 * share).sum()), (error, share)

    def backward(self, ops: Any, cache: Any) -> Any:
        error, share = cache
        return ops.array(3 * error * np.abs(error) * share)


@pytest.mark.usefixtures("float64")
class TestLosses:
    def test_need_forward_and_backward_only(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
        model.compile(lstm.optimizers.SGD(0.0), Cubic())
        y = np.random.default_rng(1).normal(size=(4, 6, 1))
        expected = np.mean(np.abs(model.predict(X) - y) ** 3)
        for targets in (y, y[..., 0]):
            assert_close(model.evaluate(X, targets), expected, "loss", terms=24)
        model.train_on_batch(X, y)
        for name, weight in model.graph.weights.items():
            gradient = weight.gradient.copy()
            assert_gradient(gradient, lambda: model.evaluate(X, y), weight.value, name)

    def test_leave_padding_out(self) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
        model.compile("sgd", Cubic())
        x, y = [X[0], X[1, :2]], [np.ones((6, 1)), np.zeros((2, 1))]
        alone = [np.abs(model.predict(a[None])[0] - b) ** 3 for a, b in zip(x, y, strict=True)]
        assert_close(model.evaluate(x, y), np.concatenate(alone).mean(), "loss", terms=8)

    @pytest.mark.parametrize(
        "targets", [np.ones((4, 6, 2)), np.ones((4, 1)), np.ones((4, 6, 1)) + 1j]
    )
    def test_check_targets_by_default(self, targets: Any) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, return_sequences=True), Dense(1)])
        model.compile("sgd", Cubic())
        with pytest.raises(InvalidValueError, match=r"^y: expected"):
            model.fit(X, targets, verbose=0)
