"""LanguageModel: from a text to a model that writes like it."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, overload

import numpy as np
from numpy.typing import NDArray

from lstm import backends, checks, saving, seeding
from lstm.callbacks import Callback, History
from lstm.errors import InvalidShapeError, InvalidTypeError, naming
from lstm.interface import Interface
from lstm.models import Model
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.learned_text import LearnedText
from lstm.text.corpus.sources import TextLike
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.evaluation import Evaluation, Surprise, evaluate, surprises
from lstm.text.log_probabilities import TokenLogProbability, log_probabilities
from lstm.text.normalization import normalized
from lstm.text.training.console import console_for
from lstm.text.training.lr_finder import LearningRates, find_lr
from lstm.text.training.options import Architecture, TrainingOptions
from lstm.text.training.run_files import MODEL
from lstm.text.training.training import Training
from lstm.text.vocabularies import Vocabulary, saved_vocabulary, vocabulary_from_config
from lstm.text.writing.beam import Continuation, beam_search, checked_width
from lstm.text.writing.stopping import checked_stops, until_stop
from lstm.text.writing.writer import Writer, checked_choice

Tokens = NDArray[np.int64]

CHECKPOINT_EVERY = 30.0
"""Seconds between two saves of all that a training needs to go on."""


class LanguageModel(Interface):
    """A model of text: tokens, an embedding, a stack of LSTMs, a softmax.

    Make one with `LanguageModel.train(text)` or read one with `LanguageModel.load(file)`.

    Attributes:
        vocabulary: the tokens that it knows.
        model: the `Model` that does the work.
        history: the losses of its training by round, or None.
        learned_text: what is kept of the text that it learned from last, or None.

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
        self.learned_text: LearnedText | None = None

    @classmethod
    def create(
        cls,
        vocabulary: Vocabulary,
        *,
        seed: int | None = None,
        backend: str | None = None,
        **architecture: Annotated[Any, Architecture],
    ) -> "LanguageModel":
        """A model that has learned nothing yet.

        Args:
            vocabulary: the tokens.
            seed: makes the initial weights, and what follows from them, reproducible.
            backend: name of the backend; the active one by default.
            architecture: arguments of `Architecture`, such as hidden=256.
        """
        if not isinstance(vocabulary, Vocabulary):
            raise InvalidTypeError("vocabulary", "a Vocabulary", type(vocabulary).__name__)
        built = Architecture(**architecture)
        with seeding.seeded(seed), backends.using(backend):
            return cls(vocabulary, built.build(len(vocabulary)))

    @classmethod
    def train(
        cls,
        corpus: TextLike,
        *,
        tokens: str = "characters",
        min_count: int | None = None,
        vocabulary_size: int | None = None,
        folder: str | PathLike[str] | None = None,
        checkpoint_every: float = CHECKPOINT_EVERY,
        seed: int | None = None,
        backend: str | None = None,
        verbose: int | str = 0,
        callbacks: Callback | Sequence[Callback] | None = (),
        **options: Annotated[Any, Architecture, TrainingOptions],
    ) -> "LanguageModel":
        """Make a model and train it on a text.

        Args:
            corpus: the text, a str or several; or a `Path`, or several, of files, folders or
                patterns; or a `TextSource`. See `source`.
            tokens: "characters", "bytes", "words", "bpe" or the name of a tokenizer.json.
            min_count: what is rarer becomes the unknown token; 1 for characters, 2 for words.
            vocabulary_size: number of tokens at most, for words (20,000) and bpe (2,048).
            folder: where to keep the model, and all that is needed to go on after an interruption
                with `resume`; must not exist. Tokens are then read from a file in it, which may be
                larger than memory.
            checkpoint_every: seconds between two saves of all that is needed to go on, with a
                folder; more where these take more than a twentieth of the time. 0 saves after every
                step.
            seed: makes the result reproducible.
            backend: name of the backend; the active one by default.
            verbose, callbacks: see `fit`.
            options: arguments of `Architecture` and of `TrainingOptions`. Those of hidden, layers,
                dropout, recurrent_dropout, lr and epochs that are not given are chosen for the size
                of the text and the time: see `lstm.text.training.defaults`.

        Raises:
            InvalidValueError: an argument is out of its range, or the folder exists.
            InvalidShapeError: the text is too short.

        Warns:
            LSTMWarning: a twentieth of the tokens or more is unknown.
        """
        from lstm.text.training.run import Run  # It makes LanguageModels.

        tokenization = Tokenization(tokens, min_count, vocabulary_size)
        console = console_for(verbose)
        run = Run.begin(corpus, tokenization, options, folder, seed, backend, console)
        run.train(console, callbacks, checkpoint_every)
        return run.language_model

    @classmethod
    def resume(
        cls,
        folder: str | PathLike[str],
        *,
        checkpoint_every: float = CHECKPOINT_EVERY,
        verbose: int | str = 0,
        callbacks: Callback | Sequence[Callback] | None = (),
    ) -> "LanguageModel":
        """Go on with a training that was interrupted, to the same bits as if it had not been.

        Args:
            folder: that of `train`.
            checkpoint_every: see `train`.
            verbose, callbacks: see `fit`.

        Raises:
            ModelFileError: the folder holds no training, its files do not belong together, or
                another process trains in it.
        """
        from lstm.text.training.run import Run  # It makes LanguageModels.

        console = console_for(verbose)
        run = Run.resume(folder)
        run.train(console, callbacks, checkpoint_every)
        return run.language_model

    def fit(
        self,
        corpus: TextLike | Corpus,
        *,
        verbose: int | str = 0,
        callbacks: Callback | Sequence[Callback] | None = (),
        **options: Annotated[Any, TrainingOptions],
    ) -> History:
        """Train on a text, read as contiguous streams with the state carried along.

        At the end the model has the weights of its best validation.

        Args:
            corpus: the text, or its tokens.
            verbose: 0 silent, 1 a progress bar and, now and then, a line and a sample; 2 without
                the bar, "auto" what suits the output.
            callbacks: whom to tell of steps and rounds, each round being an epoch to them.
            options: arguments of `TrainingOptions`, such as minutes=2.

        Returns:
            The record by round: `loss` and `val_loss` in nats per token.

        Raises:
            InvalidShapeError: the text is too short.
            InvalidValueError: an argument is out of its range.
            DivergedError: the loss became infinite; the model has its best weights before that, or
                the initial ones if there are none.

        Warns:
            LSTMWarning: a twentieth of the tokens or more is unknown.
        """
        from lstm.text.training.run import Run  # It makes LanguageModels.

        training = Training(self, self.encoded(corpus), TrainingOptions(**options))
        Run(self, training).train(console_for(verbose), callbacks)
        return training.history

    def find_lr(
        self, corpus: TextLike | Corpus, **options: Annotated[Any, TrainingOptions]
    ) -> "LearningRates":
        """Try learning rates from tiny to huge, a step with each; the weights stay as they are.

        Args:
            corpus: the text, or its tokens.
            options: arguments of `TrainingOptions`.
        """
        return find_lr(self, self.encoded(corpus), TrainingOptions(**options))

    def encoded(self, corpus: TextLike | Corpus) -> Corpus:
        """The tokens of a text, in memory; a Corpus is returned as it is.

        Raises:
            InvalidValueError: there is no text, or the vocabulary cannot encode it.
        """
        if isinstance(corpus, Corpus):
            return corpus
        return Corpus.encode(corpus, self.vocabulary)

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
            prompt: how it begins; empty for the start of a line. Where tokens are words with the
                space before them, a space at its end is that of the first word to come.
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
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=30, lr=0.03, seed=0)
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
        return Writer.begin(self, *self._prompt(prompt), choice, window, samples, seed)

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
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=30, lr=0.03, seed=0)
            >>> text, log_probability = model.beam("abra", length=8, stop=" ")
            >>> text
            'abracadabra'
        """
        checks.int_at_least("length", length, 0)
        checked_width("width", width)
        found = beam_search(self, *self._before(prompt), length, width, checked_stops(stop))
        return Continuation(prompt + found.text, found.log_probability)

    def _prompt(self, prompt: str) -> tuple[Tokens, bool]:
        """The tokens of a prompt, and whether its last space is left to the next token."""
        if not isinstance(prompt, str):
            raise InvalidTypeError("prompt", "a text", type(prompt).__name__)
        with naming(lambda _: "prompt"):
            return self.vocabulary.encode_open(normalized(prompt))

    def _before(self, prompt: str) -> tuple[Tokens, bool]:
        """As `_prompt`; where there is no token, the one that a text starts after."""
        tokens, space = self._prompt(prompt)
        return tokens if len(tokens) else np.array([self.vocabulary.start], np.int64), space

    def encoded_after(self, prompt: str, text: str) -> Tokens:
        """The tokens of a text, the first with the space that may end the prompt.

        Raises:
            InvalidTypeError, InvalidValueError: as `log_probabilities`.
        """
        if not isinstance(text, str):
            raise InvalidTypeError("text", "a text", type(text).__name__)
        _, space = self._prompt(prompt)
        text = normalized(text)
        with naming(lambda _: "text"):
            return self.vocabulary.encode(" " * (space and text != "") + text)

    # ---- judging

    def evaluate(self, corpus: TextLike | Corpus) -> Evaluation:
        """How well the model predicts a text, each token from all that stand before it.

        A long text is read as up to 32 streams side by side, each of at least 2,048 tokens, which
        begin without knowing what stands before them. Memory does not grow with its size if it is
        a `Corpus` in a file.

        Args:
            corpus: the text, of at least 2 tokens, or its tokens.

        Raises:
            InvalidValueError: it has a character that the model does not know.
        """
        return evaluate(self, self.encoded(corpus))

    def surprises(self, corpus: TextLike | Corpus, count: int = 20) -> list[Surprise]:
        """The places of a text that the model expected the least, the most surprising first.

        Args:
            corpus: as for `evaluate`.
            count: number of places.
        """
        return surprises(self, self.encoded(corpus), checks.positive_int("count", count))

    def log_probabilities(self, text: str, prompt: str = "") -> list[TokenLogProbability]:
        """How probable each token of a text is, given the prompt and all tokens before it.

        Args:
            text: the text, such as one that was generated, without its prompt.
            prompt: what stands before it; empty for the start of a line.

        Returns:
            Each token of the text with its natural logarithm of p, in their order. Their sum is the
            log-probability of the text. Where the prompt ends with the space that the first token
            brings along, it is that of the text given this space.

        Raises:
            InvalidValueError: the model does not know a character.

        Example:
            >>> import lstm
            >>> corpus = "abracadabra " * 40
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=30, lr=0.03, seed=0)
            >>> [token for token, log_p in model.log_probabilities("cad", prompt="abra")]
            ['c', 'a', 'd']
        """
        tokens = self.encoded_after(prompt, text)
        before, space = self._before(prompt)
        return log_probabilities(self, before, tokens, space)

    # ---- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write model and vocabulary to one `.safetensors` file, in one step.

        Raises:
            ModelFileError: the file cannot be written; an older one is untouched.
        """
        tensors, header = self.contents(include_optimizer=False)
        saving.write(path, tensors, {"kind": "language model", **header})

    def contents(self, include_optimizer: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays and the JSON values that a file of this model holds."""
        vocabulary = saved_vocabulary(self.vocabulary)
        tensors, header = self.model.contents(include_optimizer)
        self._check_together(header)
        header["vocabulary"] = vocabulary
        header["history"] = None if self.history is None else _checked(self.history.history)
        header["learned_text"] = None if self.learned_text is None else asdict(self.learned_text)
        return tensors, header

    def __copy__(self) -> "LanguageModel":
        return copy.deepcopy(self)  # A copy shares nothing that either may change.

    @classmethod
    def load(cls, path: str | PathLike[str], backend: str | None = None) -> "LanguageModel":
        """Read a model that `save` or a training wrote.

        Args:
            path: the file, or the folder of a training.
            backend: name of the backend; the active one by default.

        Raises:
            ModelFileError: the file is missing, damaged or of another kind.
        """
        path = Path(path)
        file = path / MODEL if path.is_dir() else path
        with (
            backends.using(backend),
            saving.reading(file, ("language model", "checkpoint")) as contents,
        ):
            return cls.from_contents(*contents)

    def _check_together(self, header: Mapping[str, Any]) -> None:
        """Check that the model reads the tokens of the vocabulary, and says how probable each is.

        Raises:
            InvalidShapeError: it does not.
        """
        graph, size = self.model.graph, len(self.vocabulary)
        reads = [graph.symbols.get(tensor) for tensor in graph.inputs]
        gives = [tensor.shape[-1] for tensor in graph.outputs]
        if reads != [size] or gives != [size] or header["several_outputs"]:
            expected = f"one input of {size} tokens and one output with a number for each"
            raise InvalidShapeError("model", expected, f"inputs {reads}, outputs {gives}")

    @classmethod
    def from_contents(
        cls, tensors: Mapping[str, Any], header: Mapping[str, Any]
    ) -> "LanguageModel":
        """The model of which `contents` gave these arrays and values."""
        model = cls(
            vocabulary_from_config(header["vocabulary"]), Model.from_contents(tensors, header)
        )
        model._check_together(header)
        if header["history"] is not None:
            model.history = History()
            model.history.history = _checked(header["history"])
            model.history.epoch = list(range(max(map(len, header["history"].values()), default=0)))
        model.learned_text = LearnedText.of_header(header)
        return model


def _checked(history: Any) -> dict[str, list[float]]:
    """The losses by round.

    Raises:
        InvalidTypeError, InvalidValueError: they are something else.
    """
    lists = list(history.values()) if isinstance(history, dict) else [None]
    if not all(isinstance(losses, list) for losses in lists):
        raise InvalidTypeError("history", "a list of losses by name", f"{history!r:.60}")
    for name, losses in history.items():
        for loss in losses:
            checks.number(f"{name} of the history", loss)
    return dict(history)


def _stops(stop: str | Sequence[str] | None, length: int | None) -> tuple[str, ...]:
    """The stop strings, without which a text needs a length."""
    stops = checked_stops(stop)
    if length is None and not stops:
        raise InvalidTypeError("length", "an integer of at least 0 where there is no stop", None)
    return stops
