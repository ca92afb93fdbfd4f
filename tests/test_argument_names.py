"""An argument that does not exist is refused by name, wherever it was given."""

import inspect
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any

import pytest

import lstm
from lstm import callbacks, initializers, layers, losses, metrics, optimizers, text
from lstm.errors import InvalidTypeError
from lstm.layers import LSTM, Dense, Embedding, Layer, TiedDense

MODEL = lstm.Sequential([lstm.Input((None, 2)), LSTM(3, name="lstm")])
NETWORK = lstm.LSTMNetwork(1, 2, 3)
WRITER = lstm.LanguageModel.create(text.CharVocabulary.from_text("ab\n"), hidden=2)

CLASSES = [
    *(kind for kind in map(layers.__dict__.get, layers.__all__) if inspect.isclass(kind)),
    *dict.fromkeys(losses.LOSSES.values()),
    *dict.fromkeys(optimizers.OPTIMIZERS.values()),
    *dict.fromkeys(initializers.INITIALIZERS.values()),
    metrics.BinaryAccuracy,
    metrics.Perplexity,
    callbacks.CSVLogger,
    callbacks.EarlyStopping,
    callbacks.History,
    callbacks.LambdaCallback,
    callbacks.ModelCheckpoint,
    callbacks.TensorBoard,
    callbacks.TerminateOnNaN,
    lstm.LSTMNetwork,
    lstm.Model,
    lstm.Sequential,
    optimizers.schedules.Plateau,
    text.Tokenizer,
]

CALLS: dict[str, Callable[..., Any]] = {
    **{f"{kind.__name__}()": kind for kind in CLASSES if kind is not layers.SymbolicTensor},
    **{
        f"Sequential.{name}()": getattr(MODEL, name)
        for name in (
            "build",
            "compile",
            "evaluate",
            "fit",
            "initial_state",
            "predict",
            "predict_classes",
            "reset_states",
            "save",
            "train_on_batch",
        )
    },
    "LSTMNetwork.train()": NETWORK.train,
    **{
        f"LanguageModel.{name}()": getattr(WRITER, name)
        for name in ("create", "find_lr", "fit", "generate", "load", "resume", "stream", "train")
    },
    "LanguageModel.writer()": WRITER.writer,
    "Input()": lstm.Input,
    "load_model()": lstm.load_model,
    "call of LSTM": LSTM(3),
    "expand_dims()": lstm.ops.expand_dims,
    "pad_sequences()": text.pad_sequences,
    "to_categorical()": text.to_categorical,
}


SAMPLING = ["temperature", "top_k", "min_p", "repetition_penalty", "repetition_window", "seed"]

OTHERS = {
    "LambdaCallback()": ["on_epoch_end", "on_train_batch_begin"],
    "LanguageModel.create()": ["hidden", "dropout", "tie_weights"],
    "LanguageModel.find_lr()": ["seq_len", "lr", "val_fraction"],
    "LanguageModel.fit()": ["seq_len", "minutes", "val_fraction"],
    "LanguageModel.generate()": SAMPLING,
    "LanguageModel.stream()": SAMPLING,
    "LanguageModel.writer()": SAMPLING,
    "LanguageModel.train()": ["hidden", "tie_weights", "seq_len", "minutes", "val_fraction"],
}
"""Arguments of those that hand some on."""


def named(callee: str) -> list[str]:
    """The arguments that can be given by name."""
    call = CALLS[callee]
    parameters = inspect.signature(call).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if inspect.isclass(call) and issubclass(call, Layer) and not issubclass(call, lstm.Model):
        names = [name for name in names if call.takes(name)]
        names += ["name", "trainable", "input_shape", "batch_input_shape"]
    return list(dict.fromkeys([*names, *OTHERS.get(callee, [])]))


def misspelt(name: str) -> list[str]:
    """What a hand makes of a name: a letter lost, twice or in the wrong place, another case."""
    middle = len(name) // 2
    found = [name + name[-1], name.upper() if name.islower() else name.lower()]
    if len(name) > 3:
        swapped = name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :]
        found += [name[:middle] + name[middle + 1 :], name[:-1], swapped, name.replace("_", "")]
    return found


def likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a.lower(), b.lower()).ratio()


CASES = [
    (callee, name, typo)
    for callee in CALLS
    for name in named(callee)
    for typo in misspelt(name)
    if typo not in named(callee)
]


@pytest.mark.parametrize("callee", CALLS)
def test_every_misspelling_is_refused_with_what_was_meant(callee: str) -> None:
    tried = [case for case in CASES if case[0] == callee]
    for _, name, typo in tried:
        with pytest.raises(InvalidTypeError) as error:
            CALLS[callee](**{typo: None})
        message = str(error.value)
        assert message.startswith(f"{callee}: expected"), message
        assert message.endswith(f"got {typo!r}"), message
        hint = re.search(r"\(did you mean '(\w+)'\?\)", message)
        assert hint, message
        assert likeness(hint[1], typo) >= likeness(name, typo), message


NONE = ["History()", "TerminateOnNaN()"]
"""What takes no arguments."""


def test_so_many_misspellings_were_tried() -> None:
    assert len(CASES) > 1000
    assert {callee for callee, _, _ in CASES} >= CALLS.keys() - set(NONE)


@pytest.mark.parametrize("callee", NONE)
def test_what_takes_no_arguments_says_so(callee: str) -> None:
    with pytest.raises(InvalidTypeError) as error:
        CALLS[callee](units=3)
    assert str(error.value) == f"{callee}: expected no arguments by name, got 'units'"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Dense(3, unroll=True), r"^Dense\(\): .*\(leave it out.*\), got 'unroll'$"),
        (lambda: LSTM(3, implementation=7), r"\(leave it out.*\), got 'implementation'$"),
        (lambda: Dense(3, recurrent_regularizer="l2"), r"did you mean 'kernel_regularizer'"),
        (lambda: LSTM(10, input_length=9), r"did you mean 'input_shape'"),
        (lambda: LSTM(output_dim=10), r"did you mean 'units'"),
        (lambda: LSTM(hidden_size=10), r"did you mean 'units'"),
        (lambda: Dense(3, init="zeros"), r"did you mean 'kernel_initializer'"),
        (lambda: Embedding(num_embeddings=5, embedding_dim=3), r"did you mean 'input_dim'"),
        (lambda: optimizers.Adam(learn_rate=0.1), r"^Adam\(\): .*did you mean 'learning_rate'"),
        (lambda: optimizers.Adam(decay=0.1), r"InverseTimeDecay"),
        (lambda: MODEL.fit(None, nb_epoch=3), r"^Sequential.fit\(\): .*did you mean 'epochs'"),
        (lambda: Dense(3)(lstm.Input((3,)), units=3), r"^call of Dense: .* got 'units'$"),
        # What the base class would take, the layer does not.
        (lambda: TiedDense(Embedding(3, 3), units=3), r"^TiedDense\(\): .* got 'units'$"),
        (lambda: NETWORK.train(x=1, Y=1), r"did you mean 'X'"),
        (lambda: WRITER.fit("ab", hidden=3), r"^LanguageModel.fit\(\): .* got 'hidden'$"),
    ],
)
def test_what_others_call_it(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidTypeError, match=message):
        call()


class Handing(Layer):
    def __init__(self, size: int, **others: Any) -> None:
        super().__init__(**others)
        self.size = size


class Deeper(Handing):
    def __init__(self, depth: int = 1, **others: Any) -> None:
        super().__init__(others.pop("width", 1), **others)
        self.depth = depth


class Mistaken(Layer):
    def __init__(self, size: int) -> None:
        super().__init__(nam=f"of {size}")


class TestClassesOfUsers:
    @pytest.mark.parametrize(
        ("call", "callee", "meant"),
        [
            (lambda: Handing(3, nam="a"), "Handing()", "name"),
            (lambda: Handing(3, siz=3), "Handing()", "size"),
            (lambda: Deeper(dept=3), "Deeper()", "depth"),
            (lambda: Deeper(trainabl=3), "Deeper()", "trainable"),
            # The class itself is wrong, not who uses it.
            (lambda: Mistaken(3), "Layer.__init__()", "name"),
        ],
    )
    def test_are_named_where_they_hand_arguments_on(
        self, call: Callable[[], Any], callee: str, meant: str
    ) -> None:
        with pytest.raises(InvalidTypeError) as error:
            call()
        assert str(error.value).startswith(f"{callee}: ")
        assert f"did you mean {meant!r}?" in str(error.value)

    def test_are_left_as_they_are_written(self) -> None:
        assert not hasattr(Mistaken.__init__, "__wrapped__")
        with pytest.raises(TypeError, match=r"Mistaken.__init__\(\) got .* 'siz'"):
            Mistaken(siz=3)

    def test_may_take_what_they_like(self) -> None:
        assert Deeper(depth=2, width=3, name="deep").name == "deep"


class TestWhatIsCheckedStaysWhatItWas:
    def test_signatures(self) -> None:
        parameters = inspect.signature(Dense).parameters
        assert list(parameters)[:3] == ["units", "activation", "use_bias"]
        assert parameters["use_bias"].default is True
        assert inspect.signature(lstm.Model.fit).parameters["epochs"].annotation is int
        assert "batch_size" in inspect.signature(lstm.Input).parameters

    def test_names_and_documentation(self) -> None:
        assert lstm.Model.fit.__qualname__ == "Model.fit"
        assert lstm.LanguageModel.train.__doc__.startswith("Make a model and train it")
        assert lstm.Input.__module__ == "lstm.layers.symbolic"

    def test_errors_of_the_call_itself(self) -> None:
        with pytest.raises(TypeError, match="units"):
            LSTM()


def functions() -> list[Any]:
    """Return all functions of modules whose arguments have names."""
    modules = lstm.ops, lstm.losses, lstm.metrics, lstm.activations
    found = {}
    for module in modules:
        for name in module.__all__:
            function = getattr(module, name)
            if inspect.isfunction(function) and name not in ("get", "serialize", "deserialize"):
                found[f"{module.__name__}.{name}"] = function
    return [pytest.param(function, id=name) for name, function in found.items()]


@pytest.mark.parametrize("function", functions())
def test_functions_name_the_argument_that_was_meant(function: Any) -> None:
    for name, argument in inspect.signature(function).parameters.items():
        if argument.kind is not argument.VAR_POSITIONAL:
            with pytest.raises(InvalidTypeError, match=rf"\(\): .*did you mean '{name}'") as caught:
                function(**{f"{name}_": 1})
            assert caught.value.argument.startswith(inspect.unwrap(function).__name__)
