"""LanguageModel: from a text to a model that writes like it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from lstm import backends, checks, saving, seeding
from lstm.callbacks import Callback, History, Logs
from lstm.errors import DivergedError, InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Dropout, Embedding, Input, Layer
from lstm.models import Model, Sequential
from lstm.models.structure import listed
from lstm.optimizers import Adam
from lstm.text.beam import Continuation, beam_search
from lstm.text.log_probabilities import TokenLogProbability, log_probabilities
from lstm.text.pace import Pace
from lstm.text.stopping import checked_stops, until_stop
from lstm.text.vocabularies import CharVocabulary, Vocabulary, vocabulary_from_config
from lstm.text.writing import Writer, checked_choice

Tokens = NDArray[np.int64]

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

    @overload
    def generate(
        self,
        prompt: str = ...,
        length: int | None = ...,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        seed: int | None = ...,
        *,
        min_p: float = ...,
        repetition_penalty: float = ...,
        repetition_window: int = ...,
        stop: str | Sequence[str] | None = ...,
        samples: None = ...,
    ) -> str: ...

    @overload
    def generate(
        self,
        prompt: str = ...,
        length: int | None = ...,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        seed: int | None = ...,
        *,
        min_p: float = ...,
        repetition_penalty: float = ...,
        repetition_window: int = ...,
        stop: str | Sequence[str] | None = ...,
        samples: int,
    ) -> list[str]: ...

    def generate(
        self,
        prompt: str = "",
        length: int | None = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        *,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        stop: str | Sequence[str] | None = None,
        samples: int | None = None,
    ) -> str | list[str]:
        """Continue a text.

        Args:
            prompt: how it begins; empty for the start of a line.
            length: number of tokens to write; None to write until a stop string comes.
            temperature: below 1 more cautious, above 1 more daring, 0 always the most probable.
            top_k: choose among that many most probable tokens; 0 for all.
            top_p: choose among the most probable that together reach this probability, in (0, 1].
            seed: the same seed gives the same text.
            min_p: leave out what is less probable than this share of the most probable, in [0, 1].
            repetition_penalty: divides the positive logits of recent tokens and multiplies the
                others; above 1 they come less often.
            repetition_window: number of last tokens that count as recent.
            stop: a string, or several, before the first of which the text ends.
            samples: write so many texts side by side; text k is that of the seed `seed + k`.

        Returns:
            The prompt and its continuation; a list of such texts where `samples` is given.

        Raises:
            InvalidValueError: the prompt has a character that the model does not know, or an
                argument is out of its range.

        Source:
            Fan et al. 2018 (top_k), Holtzman et al. 2020 (top_p), Nguyen et al. 2024 (min_p),
            Keskar et al. 2019 (repetition_penalty).

        Example:
            >>> import lstm
            >>> corpus = "abracadabra " * 40
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=12, lr=0.03, seed=0)
            >>> model.generate("abra", length=40, temperature=0, stop=" ")
            'abracadabra'
            >>> len(model.generate("abra", samples=3))
            3
        """
        stops = _stops(stop, length)
        writer = self.writer(
            prompt,
            seed=seed,
            samples=1 if samples is None else samples,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            repetition_window=repetition_window,
        )
        parts = list(until_stop(writer.pieces(length), writer.samples, stops))
        texts = [prompt + "".join(column) for column in zip(*parts, strict=True)]
        return texts[0] if samples is None else texts

    def stream(
        self,
        prompt: str = "",
        length: int | None = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        *,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
        stop: str | Sequence[str] | None = None,
    ) -> Iterator[str]:
        """The continuation of one text in small pieces, as it is written; see `generate`."""
        stops = _stops(stop, length)
        writer = self.writer(
            prompt,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            repetition_window=repetition_window,
        )
        return (text for (text,) in until_stop(writer.pieces(length), 1, stops) if text)

    def writer(
        self,
        prompt: str = "",
        *,
        seed: int | None = None,
        samples: int = 1,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
    ) -> Writer:
        """What goes on with a text, or with several side by side, whenever it is asked.

        It can be saved and gone on from later; see `Writer`, and `generate` for the arguments.
        """
        choice = checked_choice(temperature, top_k, top_p, min_p, repetition_penalty)
        window = checks.int_at_least("repetition_window", repetition_window, 0)
        checks.positive_int("samples", samples)
        if seed is not None:
            checks.int_at_least("seed", seed, 0)
        return Writer.begin(self, self._prompt(prompt), choice, window, samples, seed)

    def beam(
        self,
        prompt: str = "",
        length: int = 200,
        width: int = 4,
        stop: str | Sequence[str] | None = None,
    ) -> Continuation:
        """The most probable continuation of a text that a beam search finds.

        Args:
            prompt: how the text begins; empty for the start of a line.
            length: number of tokens to write at most.
            width: number of texts that are followed side by side; 1 always takes the most probable
                token, as `generate` does at temperature 0.
            stop: a string, or several, before the first of which the text ends.

        Returns:
            The prompt and its continuation, and the log-probability of the continuation.

        Raises:
            InvalidValueError: the prompt has a character that the model does not know, or an
                argument is out of its range.

        Example:
            >>> import lstm
            >>> corpus = "abracadabra " * 40
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=12, lr=0.03, seed=0)
            >>> text, log_probability = model.beam("abra", length=8, stop=" ")
            >>> text
            'abracadabra'
        """
        checks.int_at_least("length", length, 0)
        checks.positive_int("width", width)
        found = beam_search(self, self._before(prompt), length, width, checked_stops(stop))
        return Continuation(prompt + found.text, found.log_probability)

    def _prompt(self, prompt: str) -> Tokens:
        if not isinstance(prompt, str):
            raise InvalidTypeError("prompt", "a text", type(prompt).__name__)
        return self._encoded("prompt", prompt)

    def _before(self, prompt: str) -> Tokens:
        """The tokens of a prompt; of an empty one, the token that a text starts after."""
        return self._prompt(prompt) if prompt else np.array([self.vocabulary.start], np.int64)

    def _encoded(self, argument: str, text: str) -> Tokens:
        with _named(argument):
            return self.vocabulary.encode(text)

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

    def log_probabilities(self, text: str, prompt: str = "") -> list[TokenLogProbability]:
        """How probable each token of a text is, given the prompt and all tokens before it.

        Args:
            text: the text, such as one that was generated, without its prompt.
            prompt: what stands before it; empty for the start of a line.

        Returns:
            Each token of the text with its natural logarithm of p, in their order. Their sum is the
            log-probability of the text.

        Raises:
            InvalidValueError: the model does not know a character.

        Example:
            >>> import lstm
            >>> corpus = "abracadabra " * 40
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=12, lr=0.03, seed=0)
            >>> [token for token, log_p in model.log_probabilities("cad", prompt="abra")]
            ['c', 'a', 'd']
        """
        if not isinstance(text, str):
            raise InvalidTypeError("text", "a text", type(text).__name__)
        return log_probabilities(self, self._before(prompt), self._encoded("text", text))

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


def _stops(stop: str | Sequence[str] | None, length: int | None) -> tuple[str, ...]:
    """The stop strings, without which a text needs a length."""
    stops = checked_stops(stop)
    if length is None and not stops:
        raise InvalidTypeError("length", "an integer of at least 0 where there is no stop", None)
    return stops


@contextmanager
def _named(argument: str) -> Iterator[None]:
    """Let errors name the argument of the caller instead of that of the vocabulary."""
    try:
        yield
    except InvalidValueError as error:
        raise type(error)(argument, error.expected, error.got) from None
