"""Every hook that Keras has is called, in Keras' order, with Keras' arguments."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.callbacks import HOOKS, Callback
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import Dense

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 1))


def small() -> lstm.Model:
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile("sgd", "mse")
    return model


def recorded(*names: str) -> tuple[Callback, list[Any]]:
    told: list[Any] = []

    def hook(name: str) -> Any:
        return lambda self, *news: told.append((name, *news[:-1]))

    return type("Recorder", (Callback,), {name: hook(name) for name in names})(), told


def test_hooks_of_a_training_with_validation() -> None:
    callback, told = recorded(*HOOKS)
    model = small()
    model.fit(X, Y, 3, validation_data=(X[:2], Y[:2]), callbacks=callback, verbose=0)
    batches = [(f"on_train_batch_{when}", k) for k in range(2) for when in ("begin", "end")]
    validation = ["begin", "batch_begin", "batch_end", "end"]
    assert told == [
        ("on_train_begin",),
        ("on_epoch_begin", 0),
        *batches,
        *[(f"on_test_{when}", *[0] * ("batch" in when)) for when in validation],
        ("on_epoch_end", 0),
        ("on_train_end",),
    ]


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_hooks_of_other_calls(call: str) -> None:
    callback, told = recorded(*HOOKS)
    model = small()
    data = (X, Y) if call == "evaluate" else (X,)
    getattr(model, call)(*data, batch_size=3, callbacks=[callback])
    kind = "test" if call == "evaluate" else "predict"
    assert told == [
        (f"on_{kind}_begin",),
        *[(f"on_{kind}_batch_{when}", k) for k in range(2) for when in ("begin", "end")],
        (f"on_{kind}_end",),
    ]


def test_hooks_on_batch_is_another_name() -> None:
    callback, told = recorded("on_batch_begin", "on_batch_end")
    small().fit(X, Y, 3, callbacks=callback, verbose=0)
    assert told == [(f"on_batch_{when}", k) for k in range(2) for when in ("begin", "end")]


def test_hooks_are_given_losses_and_outputs() -> None:
    logs: dict[str, Any] = {}
    hooks = ("on_test_batch_end", "on_test_end", "on_predict_batch_end", "on_train_end")
    callback = type(
        "Keeper",
        (Callback,),
        {name: lambda self, *news, name=name: logs.update({name: news[-1]}) for name in hooks},
    )()
    model = small()
    loss = model.evaluate(X, Y, callbacks=callback)
    assert logs["on_test_batch_end"] == logs["on_test_end"] == {"loss": loss}
    y = model.predict(X, callbacks=callback)
    assert_array_equal(logs["on_predict_batch_end"]["outputs"][0], y)
    history = model.fit(X, Y, epochs=2, callbacks=callback, verbose=0).history
    assert logs["on_train_end"] == {"loss": history["loss"][-1]}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("on_epoch_ends", "on_epoch_end"),
        ("on_batches_end", "on_batch_end"),
        ("on_training_begin", "on_train_begin"),
        ("on_test_batch_ended", "on_test_batch_end"),
    ],
)
def test_hooks_misspelt_ones_are_refused(name: str, meant: str) -> None:
    callback, _ = recorded(name)
    model = small()
    for call in (model.fit, model.evaluate):
        with pytest.raises(InvalidValueError, match=f"of Recorder: expected {meant}, .*{name}"):
            call(X, Y, callbacks=callback)
    with pytest.raises(InvalidTypeError, match="callbacks: expected Callbacks, got str"):
        model.predict(X, callbacks="all")


def test_hooks_a_method_of_another_purpose_is_none_of_them() -> None:
    callback, told = recorded("on_improvement")
    small().fit(X, Y, callbacks=callback, verbose=0)
    assert not told


def trained_to_write(callback: Callback) -> lstm.LanguageModel:
    text = "to be or not to be. " * 40
    return lstm.LanguageModel.train(
        text, hidden=4, layers=1, epochs=1, callbacks=callback, verbose=0, seed=1
    )


def test_hooks_of_a_language_model_in_training() -> None:
    callback, told = recorded(*HOOKS)
    trained_to_write(callback)
    names = [name for name, *_ in told]
    steps = names.count("on_train_batch_end")
    batches = names.count("on_test_batch_end")
    assert steps
    assert batches
    assert names == [
        "on_train_begin",
        "on_epoch_begin",
        *["on_train_batch_begin", "on_train_batch_end"] * steps,
        "on_test_begin",
        *["on_test_batch_begin", "on_test_batch_end"] * batches,
        "on_test_end",
        "on_epoch_end",
        "on_train_end",
    ]


def test_hooks_of_a_language_model_are_given_its_losses() -> None:
    logs: dict[str, Any] = {}
    hooks = ("on_batch_end", "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_end")
    callback = type(
        "Keeper",
        (Callback,),
        {name: lambda self, *news, name=name: logs.update({name: news[-1]}) for name in hooks},
    )()
    trained_to_write(callback)
    judged = logs["on_epoch_end"]["val_loss"]
    assert logs["on_test_batch_end"] == logs["on_test_end"] == {"loss": judged}
    assert logs["on_train_end"] == logs["on_epoch_end"]
    assert logs["on_batch_end"].keys() == {"loss"}


def test_a_misspelt_hook_of_a_language_model() -> None:
    with pytest.raises(InvalidValueError, match="expected on_epoch_end"):
        trained_to_write(recorded("on_epochs_end")[0])
