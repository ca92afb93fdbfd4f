"""LanguageModel: from a text to a model that writes like it."""

from collections.abc import Sequence
from os import PathLike
from typing import Annotated, Any, Self

from lstm import checks
from lstm.callbacks import Callback, History
from lstm.text.architecture import Architecture
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.sources import TextLike
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.evaluation import Evaluation, Surprise, evaluate, surprises
from lstm.text.log_probabilities import TokenLogProbability, log_probabilities
from lstm.text.training.console import console_for
from lstm.text.training.lr_finder import LearningRates, find_lr
from lstm.text.training.options import TrainingOptions
from lstm.text.training.run import CHECKPOINT_EVERY, TrainingRun
from lstm.text.training.training import Training
from lstm.text.writing.writing_model import WritingModel


class LanguageModel(WritingModel):
    """A model of text, from tokens to the probabilities of what comes next.

    Make one with `LanguageModel.train(text)`, or from your own model with `LanguageModel.create`,
    or read one with `LanguageModel.load(file)`.

    Attributes:
        vocabulary: the tokens that it knows.
        model: the `Model` that does the work.
        history: the losses of its training run by round, or None.
        learned_text: facts about the text that it learned from last, or None.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> len(model.generate("abra", length=10, seed=0))
        14
    """

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
        precision: str | None = None,
        verbose: int | str = 0,
        callbacks: Callback | Sequence[Callback] | None = (),
        **options: Annotated[Any, Architecture, TrainingOptions],
    ) -> Self:
        """Make a model and train it on a text.

        Args:
            corpus: the text, a str or several; or a `Path`, or several, of files, folders or
                patterns; or a `TextSource`. See `source`.
            tokens: "characters", "bytes", "words", "bpe" or the name of a tokenizer.json.
            min_count: rarer tokens become the unknown token; 1 for characters, 2 for words.
            vocabulary_size: largest number of tokens, for words (20,000) and bpe (2,048).
            folder: where to keep the model, and everything needed to continue with `resume` after
                an interruption; must not exist. Tokens are then read from a file in it, which may
                be larger than memory.
            checkpoint_every: with a folder, seconds between two saves of everything needed to
                continue; more where saving takes more than a twentieth of the time. 0 saves after
                every step.
            seed: makes the result reproducible.
            backend: name of the backend; the active one by default.
            precision: of matrix products, "float32" or "bfloat16", see `lstm.use`; that of the
                active backend by default. `resume` keeps it.
            verbose, callbacks: see `fit`.
            options: arguments of `Architecture` and of `TrainingOptions`. If hidden, layers,
                dropout, recurrent_dropout, lr or epochs is not given, it is chosen for the size of
                the text and the time: see `lstm.text.training.defaults`.

        Raises:
            InvalidValueError: an argument is out of range, or the folder exists.
            InvalidShapeError: the text is too short.

        Warns:
            LSTMWarning: a twentieth of the tokens or more is unknown.
        """
        tokenization = Tokenization(tokens, min_count, vocabulary_size)
        console = console_for(verbose)
        run = TrainingRun.begin(
            cls, corpus, tokenization, options, folder, seed, backend, precision, console
        )
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
    ) -> Self:
        """Continue an interrupted training run, to the same bits as without the interruption.

        Args:
            folder: the folder that was given to `train`.
            checkpoint_every: see `train`.
            verbose, callbacks: see `fit`. Pass the same callbacks again: those that remember
                something, such as `EarlyStopping`, continue, too.

        Raises:
            InvalidValueError: other callbacks remember something than before.
            ModelFileError: the folder holds no training run, its files do not belong together, or
                another process trains in it.
        """
        console = console_for(verbose)
        run = TrainingRun.resume(cls, folder)
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
            verbose: 0 silent; 1 a progress bar and, now and then, a line and a sample; 2 the same
                without the bar; "auto" chooses for the output.
            callbacks: callbacks for steps and rounds; to them, each round is an epoch.
            options: arguments of `TrainingOptions`, such as minutes=2.

        Returns:
            The record by round: `loss` and `val_loss` in nats per token.

        Raises:
            InvalidShapeError: the text is too short.
            InvalidValueError: an argument is out of range.
            DivergedError: the loss became infinite; the model has its best weights before that, or
                else its initial ones.

        Warns:
            LSTMWarning: a twentieth of the tokens or more is unknown.
        """
        training = Training(self, self.encoded(corpus), TrainingOptions(**options))
        TrainingRun(self, training).train(console_for(verbose), callbacks)
        return training.history

    def find_lr(
        self, corpus: TextLike | Corpus, **options: Annotated[Any, TrainingOptions]
    ) -> LearningRates:
        """Try learning rates from tiny to huge, one step each; the weights stay unchanged.

        Args:
            corpus: the text, or its tokens.
            options: arguments of `TrainingOptions`.
        """
        return find_lr(self, self.encoded(corpus), TrainingOptions(**options))

    # ---- evaluation

    def evaluate(self, corpus: TextLike | Corpus) -> Evaluation:
        """Measure how well the model predicts a text, each token from all those before it.

        A long text is read as up to 32 parallel streams of at least 2,048 tokens each. A stream
        starts without knowing what is before it. For a `Corpus` in a file, memory does not grow
        with the length of the text.

        Args:
            corpus: the text, or its tokens; at least 2 tokens.

        Raises:
            InvalidValueError: the text has a character that the model does not know.
        """
        return evaluate(self, self.encoded(corpus))

    def surprises(self, corpus: TextLike | Corpus, count: int = 20) -> list[Surprise]:
        """Return the places of a text that the model expected least, the most surprising first.

        Args:
            corpus: as for `evaluate`.
            count: number of places.
        """
        return surprises(self, self.encoded(corpus), checks.positive_int("count", count))

    def log_probabilities(self, text: str, prompt: str = "") -> list[TokenLogProbability]:
        """Return how probable each token of a text is, given the prompt and all tokens before it.

        Args:
            text: the text, such as one that was generated, without its prompt.
            prompt: the text before it; empty for the start of a line.

        Returns:
            The tokens of the text in order, each with the natural logarithm of its probability. The
            sum is the log-probability of the text. If the prompt ends with the space that belongs
            to the first token, this space counts as given.

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
