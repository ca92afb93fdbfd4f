"""TokenModel: a vocabulary, and a model that predicts which of its tokens comes next."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import backends, checks, seeding, storage
from lstm.backends.contract import Array
from lstm.callbacks import History
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import Interface
from lstm.layers.base import Layer, Run, StepState
from lstm.layers.recurrence import Recurrent
from lstm.losses import Loss, SparseCategoricalCrossentropy
from lstm.models import Model, State, planning
from lstm.models.graph import Graph
from lstm.models.program import Program
from lstm.models.serialization import check_classes
from lstm.text.architecture import Architecture
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.learned_text import LearnedText
from lstm.text.corpus.sources import TextLike
from lstm.text.requirements import check_language_model, ends_in_softmax
from lstm.text.vocabularies import Vocabulary, saved_vocabulary, vocabulary_from_config

MODEL = "model.safetensors"
"""The file of the model in the folder of a training run."""

_TINY = 1e-12
"""Smallest probability to divide by."""

_AT_ONCE = 4096
"""Tokens to read at a time, so that memory does not grow with the text."""


class TokenModel(Interface):
    """The base of every language model: it reads tokens and predicts the next one.

    Args:
        vocabulary: the tokens.
        model: any `Model` that reads them through an Embedding and returns a number for each at
            every step: logits, or probabilities if it ends in a softmax. It must be able to
            continue from what it has read, so all its layers read forwards.

    Attributes:
        history: the losses of its training run by round, or None.
        learned_text: facts about the text that it learned from last, or None.

    Raises:
        InvalidShapeError, InvalidValueError: the model does not meet these conditions.
    """

    def __init__(self, vocabulary: Vocabulary, model: Model) -> None:
        if not isinstance(vocabulary, Vocabulary):
            raise InvalidTypeError("vocabulary", "a Vocabulary", type(vocabulary).__name__)
        if not isinstance(model, Model):
            raise InvalidTypeError("model", "a Model", type(model).__name__)
        if not model.built:
            model.build((None, None))
        check_language_model(model, len(vocabulary))
        self.vocabulary = vocabulary
        self.model = model
        self.history: History | None = None
        self.learned_text: LearnedText | None = None

    @classmethod
    def create(
        cls,
        vocabulary: Vocabulary,
        *,
        model: Model | None = None,
        seed: int | None = None,
        backend: str | None = None,
        **architecture: Annotated[Any, Architecture],
    ) -> Self:
        """Return an untrained model.

        Args:
            vocabulary: the tokens.
            model: the model, instead of a stack that `architecture` describes: a `Sequential`
                or functional model from tokens (B, T) to logits, or probabilities, (B, T, V).
            seed: makes the initial weights, and everything that follows from them, reproducible.
            backend: name of the backend; the active one by default.
            architecture: arguments of `Architecture`, such as hidden=256.

        Raises:
            InvalidShapeError, InvalidValueError: an argument is out of range, the model cannot
                write, or there are other arguments besides a model, which is already made.

        Example:
            >>> import lstm
            >>> vocabulary = lstm.text.CharVocabulary.from_text("to be or not to be")
            >>> V = len(vocabulary)
            >>> model = lstm.Sequential([
            ...     lstm.layers.Embedding(V, 8),
            ...     lstm.layers.GRU(16, return_sequences=True),
            ...     lstm.layers.Dense(V),
            ... ])
            >>> lstm.LanguageModel.create(vocabulary, model=model).cells
            ('gru',)
        """
        if not isinstance(vocabulary, Vocabulary):
            raise InvalidTypeError("vocabulary", "a Vocabulary", type(vocabulary).__name__)
        if model is not None:
            for name, value in {"seed": seed, "backend": backend, **architecture}.items():
                if value is not None:
                    expected = f"None with model=, which has its own (leave out {name} or model)"
                    raise InvalidValueError(name, expected, repr(value))
            return cls(vocabulary, model)
        built = Architecture(**architecture)
        with seeding.seeded(seed), backends.using(backend):
            return cls(vocabulary, built.build(len(vocabulary)))

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # A copy shares nothing that either may change.

    @property
    def cells(self) -> tuple[str, ...]:
        """The kinds of its recurrent layers, such as ("lstm",), each once."""
        layers = self.model.graph.layers.values()
        return tuple(dict.fromkeys(x.spec.cell for x in layers if isinstance(x, Recurrent)))

    # ---- reading

    def encoded(self, corpus: TextLike | Corpus) -> Corpus:
        """Return the tokens of a text, in memory; a Corpus is returned unchanged.

        Raises:
            InvalidValueError: there is no text, or the vocabulary cannot encode it.
        """
        if isinstance(corpus, Corpus):
            return corpus
        return Corpus.encode(corpus, self.vocabulary)

    def advance(
        self, tokens: ArrayLike, state: Mapping[str, StepState]
    ) -> tuple[NDArray[Any], State]:
        """Read more tokens; return what may follow each, and the state after the last.

        Args:
            tokens: (B, T), the next tokens of B texts.
            state: of these texts, from `model.initial_state` or the last call; not changed.

        Returns:
            Logits (B, T, V), and the new state. A softmax of the logits, as in `probabilities`,
            returns the probabilities of the next token.

        Example:
            >>> import lstm
            >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
            >>> tokens = model.vocabulary.encode("abra")[None]
            >>> logits, state = model.advance(tokens, model.model.initial_state())
            >>> logits.shape
            (1, 4, 6)
        """
        y, after = self._passed(planning.logits, tokens, state)
        return np.array(self.model.backend.ops.to_numpy(*y)), after

    def read(self, tokens: NDArray[np.int64], state: Mapping[str, StepState]) -> State:
        """Return the state after tokens (B, T): `advance` without logits.

        Memory does not grow with the number of tokens.
        """
        at_once, after = max(1, _AT_ONCE // max(1, len(tokens))), State(state)
        for start in range(0, tokens.shape[1], at_once):
            part = tokens[:, start : start + at_once]
            _, after = self._passed(planning.remember, part, after)
        return after

    def probabilities(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of each token, from logits (..., V) of `advance`."""
        ops = self.model.backend.ops
        return np.asarray(ops.to_numpy(ops.activation_forward(ops.array(logits), "softmax")))

    def probabilities_of_output(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the same for an output (..., V) of the model itself, which may be a softmax."""
        return y if ends_in_softmax(self.model) else self.probabilities(y)

    def log_gradient(self, p: NDArray[Any], tokens: NDArray[np.int64]) -> NDArray[Any]:
        """Return the gradient of log p of tokens (...), from probabilities p (..., V).

        The gradient is with respect to the output of the model itself, p or logits.
        """
        chosen = tokens[..., None]
        gradient = np.zeros_like(p) if ends_in_softmax(self.model) else -p
        of_p = np.take_along_axis(p, chosen, -1)
        of_chosen = 1 / np.maximum(of_p, _TINY) if ends_in_softmax(self.model) else 1 - of_p
        np.put_along_axis(gradient, chosen, of_chosen, -1)
        return gradient

    @property
    def loss(self) -> Loss:
        """The loss that training minimizes: -log p of each token that comes."""
        return SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(self.model))

    def _passed(
        self,
        purpose: Callable[[Graph], Program],
        tokens: ArrayLike,
        state: Mapping[str, StepState],
    ) -> tuple[list[Array], State]:
        """Return the output of the model for the next tokens, and the state after them."""
        model = self.model
        feeds, masks = model.feed(tokens)
        shapes = model.graph.state_shapes()
        states = State.checked(state, shapes, feeds[0].shape[0], model.backend.dtype)
        run = Run(model.backend, states=states.on(model.backend), carried=frozenset(shapes))
        outputs, _ = model.passes(purpose).forward(run, feeds, masks)
        return outputs, State.of(model.backend, run.new_states)

    def quantize(self, mode: str = "int8") -> None:
        """Turn the weights of its model into int8 numbers, in place; see `Model.quantize`.

        Example:
            >>> import lstm
            >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
            >>> model.quantize()
            >>> len(model.generate("abra", length=10, seed=0))
            14
        """
        self.model.quantize(mode)

    # ---- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write model and vocabulary to one `.safetensors` file, in one step.

        Raises:
            ModelFileError: the file cannot be written; an existing file stays unchanged.
        """
        file = storage.own_format("path", path)
        tensors, header = self.contents(include_optimizer=False)
        storage.write(file, tensors, {"kind": "language model", **header})

    def contents(self, include_optimizer: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays and the JSON values that a file of this model holds."""
        vocabulary = saved_vocabulary(self.vocabulary)
        tensors, header = self.model.contents(include_optimizer)
        header["vocabulary"] = vocabulary
        header["history"] = None if self.history is None else _checked(self.history.history)
        header["learned_text"] = None if self.learned_text is None else asdict(self.learned_text)
        return tensors, header

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        backend: str | None = None,
        custom_objects: Mapping[str, type[Layer]] | None = None,
    ) -> Self:
        """Read a model that `save` or a training run wrote.

        Args:
            path: the file, or the folder of a training run.
            backend: name of the backend; the active one by default.
            custom_objects: classes of your own layers by name, as for `load_model`.

        Raises:
            InvalidTypeError, InvalidValueError: `custom_objects` is not a dict of classes, lacks
                one, or has one that cannot be made with the arguments in the file.
            ModelFileError: the file is missing, damaged or of another kind.
        """
        classes = check_classes(custom_objects)
        path = Path(path)
        file = path / MODEL if path.is_dir() else path
        with (
            backends.using(backend),
            storage.reading(file, ("language model", "checkpoint")) as contents,
        ):
            return cls.from_contents(*contents, classes)

    @classmethod
    def from_contents(
        cls,
        tensors: Mapping[str, Any],
        header: Mapping[str, Any],
        custom_objects: Mapping[str, type[Layer]] | None = None,
    ) -> Self:
        """Return the model described by these arrays and values from `contents`."""
        model = Model.from_contents(tensors, header, custom_objects)
        made = cls(vocabulary_from_config(header["vocabulary"]), model)
        if header["history"] is not None:
            made.history = History()
            made.history.history = _checked(header["history"])
            made.history.epoch = list(range(max(map(len, header["history"].values()), default=0)))
        made.learned_text = LearnedText.of_header(header)
        return made


def _checked(history: Any) -> dict[str, list[float]]:
    """Return the losses by round, checked.

    Raises:
        InvalidTypeError, InvalidValueError: these are not losses by round.
    """
    lists = list(history.values()) if isinstance(history, dict) else [None]
    if not all(isinstance(losses, list) for losses in lists):
        raise InvalidTypeError("history", "a list of losses by name", f"{history!r:.60}")
    for name, losses in history.items():
        for loss in losses:
            checks.number(f"{name} of the history", loss)
    return dict(history)
