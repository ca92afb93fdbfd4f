"""LanguageModel: from a text to a model that writes like it."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import backends, checks, saving, seeding
from lstm.backends.ops import Choice
from lstm.callbacks import Callback, History, Logs
from lstm.errors import DivergedError, InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Dropout, Embedding, Input, Layer
from lstm.models import Model, Sequential
from lstm.models.structure import listed
from lstm.optimizers import Adam
from lstm.text.pace import Pace
from lstm.text.vocabularies import CharVocabulary, Vocabulary, vocabulary_from_config

Tokens = NDArray[np.int64]

_PIECE = 32
"""Characters generated in the first call of the backend; twice as many in each that follows."""

_PIECE_SECONDS = 0.02
"""From this time on a piece does not grow, so that a reader sees the text grow instead."""

_STEPS = 32
"""In an epoch at least, if the text allows: with fewer, a short text would hardly be learned."""

_EVALUATION_STREAMS = 32
_EVALUATION_STREAM_LENGTH = 2048


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts a text.

    Attributes:
        nats: mean of -log p over the characters, p being the probability that the model gave.
        bits: the same in bits per character.
        perplexity: exp(nats).
        accuracy: share of the characters that the model found the most probable.
        characters: number of characters predicted.
    """

    nats: float
    bits: float
    perplexity: float
    accuracy: float
    characters: int


class LanguageModel:
    """A model of text by characters: embedding, a stack of LSTMs, softmax.

    Make one with `LanguageModel.train(text)` or read one with `LanguageModel.load(file)`.

    Attributes:
        vocabulary: the tokens that it knows.
        model: the `Model` that does the work.
        history: the record of the training, or None.
        pace: of the training under way: `pace.progress` says how much of it is done.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> len(model.generate("abra", length=10, seed=0))
        14
    """

    def __init__(self, vocabulary: Vocabulary, model: Model) -> None:
        self.vocabulary = vocabulary
        self.model = model
        self.history: History | None = None
        self.pace: Pace | None = None

    @classmethod
    def create(
        cls,
        vocabulary: Vocabulary,
        *,
        hidden: int = 128,
        layers: int = 1,
        embedding: int | None = None,
        dropout: float = 0.0,
        seed: int | None = None,
        backend: str | None = None,
    ) -> "LanguageModel":
        """A model that has learned nothing yet.

        Args:
            vocabulary: the tokens.
            hidden: units of each LSTM.
            layers: number of LSTMs.
            embedding: size of the vector of a character; half of `hidden` by default.
            dropout: share of the outputs of each LSTM that is dropped while training, in [0, 1).
            seed: makes the initial weights, and what follows from them, reproducible.
            backend: name of the backend; the active one by default.
        """
        if not isinstance(vocabulary, Vocabulary):
            raise InvalidTypeError("vocabulary", "a Vocabulary", type(vocabulary).__name__)
        checks.positive_int("hidden", hidden)
        checks.positive_int("layers", layers)
        size = max(1, hidden // 2) if embedding is None else embedding
        checks.positive_int("embedding", size)
        checks.number("dropout", dropout, 0, 1, open_high=True)
        if seed is not None:
            seeding.set_seed(seed)
        parts: list[Layer] = [Embedding(len(vocabulary), size)]
        for _ in range(layers):
            parts.append(LSTM(hidden, return_sequences=True))
            if dropout:
                parts.append(Dropout(dropout))
        parts.append(Dense(len(vocabulary), activation="softmax"))
        with backends.using(backend):
            return cls(vocabulary, Sequential([Input((None,)), *parts]))

    @classmethod
    def train(
        cls,
        corpus: str,
        *,
        hidden: int = 128,
        layers: int = 1,
        embedding: int | None = None,
        dropout: float = 0.0,
        seed: int | None = None,
        backend: str | None = None,
        **options: Any,
    ) -> "LanguageModel":
        """Make a model and train it on a text.

        Args:
            corpus: the text.
            hidden, layers, embedding, dropout, seed, backend: see `create`.
            options: see `fit`.
        """
        with _named("corpus"):
            vocabulary = CharVocabulary.from_text(nonempty("corpus", corpus))
        model = cls.create(
            vocabulary,
            hidden=hidden,
            layers=layers,
            embedding=embedding,
            dropout=dropout,
            seed=seed,
            backend=backend,
        )
        model.fit(corpus, **options)
        return model

    def fit(
        self,
        corpus: str,
        *,
        seq_len: int = 64,
        batch_size: int = 32,
        epochs: int | None = None,
        minutes: float | None = None,
        lr: float = 5e-3,
        val_fraction: float = 0.1,
        verbose: int | str = 0,
        callbacks: Callback | Sequence[Callback] | None = (),
    ) -> History:
        """Train on a text, read as contiguous streams with the state carried along.

        Adam, the norm of the gradient clipped at 1, the learning rate rising briefly and then
        falling as a cosine. At the end the model has the weights of its best epoch.

        Args:
            corpus: the text.
            seq_len: characters over which the gradient is propagated back, T.
            batch_size: streams read side by side, B; fewer for a short text, so that an epoch has
                at least 32 steps.
            epochs: passes over the text; 10 if `minutes` is not given either.
            minutes: time after which to stop.
            lr: peak of the learning rate.
            val_fraction: share of the text, at its end, kept apart for validation, in [0, 1).
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch, "auto" what suits the output.
            callbacks: whom to tell of batches and epochs.

        Returns:
            The record by epoch: `loss` and `val_loss` in nats per character.

        Raises:
            InvalidShapeError: the text is too short.
            InvalidValueError: an argument is out of its range.
            DivergedError: the loss became infinite; the model has its best weights before that, or
                the initial ones if there are none.
        """
        checks.positive_int("seq_len", seq_len)
        checks.positive_int("batch_size", batch_size)
        if epochs is not None:
            checks.positive_int("epochs", epochs)
        if minutes is not None:
            checks.number("minutes", minutes, 0, open_low=True)
        checks.number("lr", lr, 0, open_low=True)
        checks.number("val_fraction", val_fraction, 0, 1, open_high=True)
        others = listed(() if callbacks is None else callbacks)
        training, validation = self._split(corpus, seq_len, val_fraction)
        streams = max(1, min(batch_size, (len(training) - 1) // (_STEPS * seq_len)))
        length = (len(training) - 1) // streams
        x = training[: streams * length].reshape(streams, length)
        y = training[1 : streams * length + 1].reshape(streams, length)
        total = epochs if epochs is not None else 10 if minutes is None else 10**6
        self.pace = Pace(lr, total * -(-length // seq_len), minutes)
        # A history of its own, because the one of the model is written before there is a val_loss.
        self.history = History()
        self.model.compile(Adam(lr, clipnorm=1.0), "sparse_categorical_crossentropy")
        self.model.reset_states()
        self.model.fit(
            x,
            y,
            batch_size=streams,
            epochs=total,
            verbose=verbose,
            callbacks=[_Keeper(self, validation, lr), self.history, self.pace, *others],
            carry_state=True,
            chunk_length=seq_len,
        )
        self.model.reset_states()
        return self.history

    def _split(self, corpus: str, seq_len: int, val_fraction: float) -> tuple[Tokens, Tokens]:
        """The tokens to train on, and those at the end to validate on."""
        tokens = self._encoded("corpus", nonempty("corpus", corpus))
        cut = len(tokens) - int(len(tokens) * val_fraction)
        if cut <= seq_len:
            raise InvalidShapeError(
                "corpus",
                f"at least {seq_len + 1} characters to train on (seq_len + 1)",
                f"{cut}"
                if cut == len(tokens)
                else f"{cut}, and {len(tokens) - cut} to validate on",
            )
        if val_fraction and len(tokens) - cut < 2:
            raise InvalidValueError(
                "val_fraction",
                "0, or a share that leaves at least 2 characters to validate on",
                f"{val_fraction} of {len(tokens)} characters",
            )
        return tokens[:cut], tokens[cut:]

    # ---- writing

    def generate(
        self,
        prompt: str = "",
        length: int = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> str:
        """Continue a text.

        Args:
            prompt: how it begins; empty for the start of a line.
            length: number of characters to write.
            temperature: below 1 more cautious, above 1 more daring, 0 always the most probable.
            top_k: choose among that many most probable characters; 0 for all.
            top_p: choose among the most probable that together reach this probability, in (0, 1].
            seed: the same seed gives the same text.

        Returns:
            The prompt and its continuation.

        Raises:
            InvalidValueError: the prompt has a character that the model does not know, or an
                argument is out of its range.
        """
        return prompt + "".join(self.stream(prompt, length, temperature, top_k, top_p, seed))

    def stream(
        self,
        prompt: str = "",
        length: int = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        """The continuation of a text in small pieces, as it is written; see `generate`."""
        checks.int_at_least("length", length, 0)
        checks.number("temperature", temperature, 0)
        checks.int_at_least("top_k", top_k, 0)
        checks.number("top_p", top_p, 0, 1, open_low=True)
        if seed is not None:
            checks.int_at_least("seed", seed, 0)
        tokens = self._prompt(prompt)
        return self._pieces(
            tokens, length, (temperature, top_k, top_p), np.random.default_rng(seed)
        )

    def _prompt(self, prompt: str) -> Tokens:
        if not isinstance(prompt, str):
            raise InvalidTypeError("prompt", "a text", type(prompt).__name__)
        if not prompt:
            return np.array([self.vocabulary.start])
        return self._encoded("prompt", prompt)

    def _encoded(self, argument: str, text: str) -> Tokens:
        with _named(argument):
            return self.vocabulary.encode(text)

    def _pieces(
        self,
        tokens: Tokens,
        length: int,
        choice: tuple[float, int, float],
        rng: np.random.Generator,
    ) -> Iterator[str]:
        model, ops = self.model, self.model.backend.ops
        state = model.initial_state(1)
        if len(tokens) > 1:
            _, state = model.step(tokens[None, :-1], state)
        embedding, *stack, output = self._weighted_layers()
        weights = [(k.value("kernel"), k.value("recurrent_kernel"), k.value("bias")) for k in stack]
        states = [tuple(ops.array(part) for part in state[name]) for name in state]
        last = tokens[-1:]
        recent = np.empty((1, 0), np.int64)
        decoder = self.vocabulary.decoder()
        piece, written = _PIECE, 0
        while written < length:
            start = time.perf_counter()
            u = rng.random((1, min(piece, length - written)))
            drawn, states = ops.generate(
                ops.array(last),
                embedding.value("embeddings"),
                weights,
                output.value("kernel"),
                output.value("bias"),
                states,
                recent,
                u,
                Choice(*choice),
            )
            last, written = drawn[:, -1], written + u.shape[1]
            if time.perf_counter() - start < _PIECE_SECONDS:
                piece *= 2
            yield decoder.decode(drawn[0], final=written >= length)

    def _weighted_layers(self) -> list[Layer]:
        return [layer for layer in self.model.layers if layer.weights]

    # ---- judging

    def evaluate(self, corpus: str) -> Evaluation:
        """How well the model predicts a text, each character from all that stand before it.

        A long text is read as up to 32 streams side by side, each of at least 2,048 characters,
        which begin without knowing what stands before them.

        Args:
            corpus: the text, of at least 2 characters.

        Raises:
            InvalidValueError: it has a character that the model does not know.
        """
        tokens = self._encoded("corpus", nonempty("corpus", corpus))
        if len(tokens) < 2:
            raise InvalidShapeError("corpus", "at least 2 characters", len(tokens))
        return self._evaluate(tokens)

    def _evaluate(self, tokens: Tokens) -> Evaluation:
        count = len(tokens) - 1
        streams = max(1, min(_EVALUATION_STREAMS, count // _EVALUATION_STREAM_LENGTH))
        length = -(-count // streams)
        padded = np.zeros(streams * length + 1, np.int64)
        padded[: len(tokens)] = tokens
        x = padded[:-1].reshape(streams, length)
        y = padded[1:].reshape(streams, length)
        real = (np.arange(streams * length) < count).reshape(streams, length)
        nats = hits = 0.0
        state = self.model.initial_state(streams)
        for start in range(0, length, 256):
            part = slice(start, start + 256)
            p, state = self.model.step(x[:, part], state)
            right = np.take_along_axis(p, y[:, part, None], -1)[..., 0].astype(np.float64)
            tiny = np.finfo(p.dtype).tiny
            nats -= float(np.log(np.maximum(right, tiny))[real[:, part]].sum())
            hits += float((p.argmax(-1) == y[:, part])[real[:, part]].sum())
        mean = nats / count
        return Evaluation(mean, mean / math.log(2), math.exp(mean), hits / count, count)

    # ---- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write model and vocabulary to one `.safetensors` file, in one step.

        Raises:
            ModelFileError: the file cannot be written; an older one is untouched.
        """
        tensors, header = self.model.contents(include_optimizer=False)
        record = None if self.history is None else self.history.history
        saving.write(
            path,
            tensors,
            {
                "kind": "language model",
                "vocabulary": self.vocabulary.to_config(),
                "history": record,
                **header,
            },
        )

    @classmethod
    def load(cls, path: str | PathLike[str], backend: str | None = None) -> "LanguageModel":
        """Read a model that `save` wrote.

        Args:
            path: the file.
            backend: name of the backend; the active one by default.

        Raises:
            ModelFileError: the file is missing, damaged or of another kind.
        """
        with (
            backends.using(backend),
            saving.reading(path, ("language model",)) as (tensors, header),
        ):
            model = cls(
                vocabulary_from_config(header["vocabulary"]),
                Model.from_contents(tensors, header),
            )
            if header["history"] is not None:
                model.history = History()
                model.history.history = header["history"]
                model.history.epoch = list(range(len(header["history"].get("loss", ()))))
        return model


class _Keeper(Callback):
    """Validates after each epoch, and puts the best weights back at the end.

    Ends a training whose loss is no longer a finite number.
    """

    def __init__(self, language_model: LanguageModel, validation: Tokens, lr: float) -> None:
        self._language_model = language_model
        self._validation = validation
        self._lr = lr

    def on_train_begin(self, logs: Logs) -> None:
        self._weights = self.model.get_weights()
        self._lowest = math.inf
        self._diverged = False

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._stop_unless(math.isfinite(logs["loss"]))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        weights = self.model.get_weights()
        self._stop_unless(all(np.isfinite(w).all() for w in weights))
        if len(self._validation):
            logs["val_loss"] = self._validate()
            if logs["val_loss"] >= self._lowest:
                return
            self._lowest = logs["val_loss"]
        self._weights = weights

    def _validate(self) -> float:
        try:
            nats = self._language_model._evaluate(self._validation).nats
        except InvalidValueError:
            # Weights that are finite but huge give states that are not.
            nats = math.nan
        self._stop_unless(math.isfinite(nats))
        return nats

    def _stop_unless(self, finite: bool) -> None:
        if not finite:
            self._diverged = True
            raise DivergedError(
                f"the loss is no longer a finite number: lower lr, which is {self._lr:g}"
            )

    def on_train_end(self, logs: Logs) -> None:
        if self._diverged or self._lowest < math.inf:
            self.model.set_weights(self._weights)


def nonempty(argument: str, text: object) -> str:
    """Check that an argument is a text with something in it."""
    if not isinstance(text, str):
        raise InvalidTypeError(argument, "a text", type(text).__name__)
    if not text:
        raise InvalidShapeError(argument, "a text that is not empty", "no characters")
    return text


@contextmanager
def _named(argument: str) -> Iterator[None]:
    """Let errors name the argument of the caller instead of that of the vocabulary."""
    try:
        yield
    except InvalidValueError as error:
        raise type(error)(argument, error.expected, error.got) from None
