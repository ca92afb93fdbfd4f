"""Layers, models, losses and the like that users write: what they define is called, or refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.initializers import Initializer
from lstm.layers import LSTM, Dense, Layer
from lstm.losses import Loss
from lstm.metrics import Metric
from lstm.optimizers import Optimizer
from own_layers import Total, X, model_of


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
            (Metric, "reset_states", "reset_state"),
            (Metric, "stateless_result", "result"),
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

    def test_what_changes_nothing_where_it_is_not_called_is_left_alone(self) -> None:
        names = ("compute_output_shape", "compute_output_spec", "build_from_config")
        members = dict.fromkeys(names, method) | {"call": lambda self, inputs: inputs}
        assert subclass(Layer, **members)()(lstm.Input((3,))).shape == (None, 3)

    def test_the_result_of_a_metric_is_called(self) -> None:
        class Half(lstm.metrics.MeanAbsoluteError):
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
            (lambda: fitted(loss=subclass(Loss)()), r"define call\(y_true, y_pred\)"),
            (lambda: fitted(optimizer=subclass(Optimizer)(0.1)), r"define update\("),
            (lambda: fitted(metrics=[subclass(Metric)(name="mine")]), r"define update_state\("),
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
            lambda: fitted(metrics=[without_base(Metric, update_state=lambda *_, **options: None)]),
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
        InvalidValueError, match=r"^name: expected an unused name in twice, got 'w'$"
    ):
        Twice()(lstm.Input((None, 2)))


def fitted(**options: Any) -> lstm.Model:
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | options)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    return model
