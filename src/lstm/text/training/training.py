"""Training a language model: contiguous streams, one step after the other, from any point on."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, schedules
from lstm.callbacks import Callback, CallbackList, History, Logs
from lstm.errors import DivergedError, InvalidValueError, LSTMError
from lstm.schedules import Plateau
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.learned_text import LearnedText
from lstm.text.evaluation import Evaluation, evaluate
from lstm.text.token_model import TokenModel
from lstm.text.training.options import TrainingOptions

_ROUND = 1000
"""Steps between two validations at most."""

_JUDGED = 2**18
"""Tokens that a validation always reads, if there are so many."""

_ANEW = 32
"""Steps after which a stream forgets its past, so that beginnings are learned, too."""

_LOSSES = "loss", "val_loss"

_COLUMNS = (
    *("epoch", "step", "seconds", "learning_rate", *_LOSSES),
    *("val_bits", "val_unknown", "val_nats_per_character", "val_bits_per_character"),
)
"""The values of a record in their order, which a file does not keep."""

_FOREVER = 10**6
"""Epochs, where only time ends a training."""


class Training:
    """Trains a language model with Adam on streams of text that carry their state along.

    An epoch reads the text once, from a random place near its beginning on. It is divided into
    rounds of at most 1,000 steps, each of which ends with a validation; where the part to validate
    on is long, on its beginning, a quarter as long as the round. Callbacks see each round as an
    epoch. At the end the model has the weights of the best validation.

    All random choices follow from the seed and the number of the step: a training that goes on from
    `contents` ends in the same bits as one that was never interrupted, unless time ends it.

    Args:
        language_model: what to train.
        corpus: its tokens.
        options: how.
        seed: of the choices; drawn by default, from the random numbers of the model.
        saved: what `contents` gave, to go on from there; the model must be made of it, too.
        best_weights: those of the best validation so far, of a training that goes on.

    Attributes:
        corpus, options: what it was made with.
        history: the losses by round.
        records: of each round, all that there is to know.
        improved: whether the last validation was the best so far.
        step: number of steps taken.
        steps_per_epoch: number of steps in an epoch.
        seconds: time that the training has taken.
        interrupted: set it to end the training after the step under way, to be gone on with later.

    Raises:
        InvalidShapeError: the text is too short.
        InvalidValueError: `val_fraction` leaves too little of it.
    """

    def __init__(
        self,
        language_model: TokenModel,
        corpus: Corpus,
        options: TrainingOptions,
        seed: int | None = None,
        saved: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
        best_weights: list[NDArray[Any]] | None = None,
    ) -> None:
        self._language_model = language_model
        self._model = language_model.model
        self.options = options
        self.corpus = corpus
        self._parts = corpus.split(options.val_fraction, options.test_fraction, options.seq_len)
        self._corpus, validation, _ = self._parts
        count, span = len(self._corpus) - 1, options.seq_len
        self._streams = options.streams(len(self._corpus))
        self.steps_per_epoch = max(1, (count - span) // (self._streams * span))
        self._slack = max(0, count - self.steps_per_epoch * self._streams * span)
        self._rounds = -(-self.steps_per_epoch // _ROUND)
        most = max(_JUDGED, self.steps_per_epoch * self._streams * span // (4 * self._rounds))
        self._validation = validation.part(0, min(len(validation), most))
        self.epochs = options.epochs or (10 if options.minutes is None else _FOREVER)
        self.history = History()
        self.records: list[dict[str, float]] = []
        self.improved = False
        self.step, self.seconds, self.interrupted = 0, 0.0, False
        self._judged = 0
        self._loss, self._steps = 0.0, 0
        self._best, self._waited = math.inf, 0
        self._best_weights = best_weights
        self._initial_weights = self._model.get_weights()
        self._plateau = Plateau()
        self._seed = self._model.new_seed() if seed is None else seed
        if saved is None:
            self._model.reset_states()
            self._model.compile(options.optimizer(), language_model.loss)
        else:
            self._restore(*saved)

    # ---- a value that a file can hold

    def contents(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """All that is needed to go on later: arrays by name, and JSON values.

        Raises:
            DivergedError: a weight is no longer a finite number.
        """
        self._check_weights()
        tensors, header = self._language_model.contents(include_optimizer=True)
        for name, parts in self._model.carried_state.items():
            tensors |= {f"carried/{name}/{k}": array for k, array in enumerate(parts)}
        header["training"] = {
            "corpus": self.corpus.sha256,
            "seed": self._seed,
            "step": self.step,
            "seconds": self.seconds,
            "judged": self._judged,
            "loss": self._loss,
            "steps": self._steps,
            "best": self._best if self._best < math.inf else None,
            "waited": self._waited,
            "plateau": [self._plateau.share, self._plateau.waited],
            "records": self.records,
            "random_state": self._model.random_state,
        }
        return tensors, header

    def _restore(self, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
        state, shapes = header["training"], self._model.graph.state_shapes()
        self._seed = checks.int_at_least("seed", state["seed"], 0)
        self.step = checks.int_at_least("step", state["step"], 0)
        self._model.carried_state = {
            name: tuple(tensors[f"carried/{name}/{k}"] for k in range(len(parts)))
            for name, parts in shapes.items()
            # Nothing is carried into an epoch.
            if self.step % self.steps_per_epoch or f"carried/{name}/0" in tensors
        }
        self.seconds = checks.number("seconds", state["seconds"], 0)
        self._judged = checks.int_at_least("judged", state["judged"], 0)
        self._loss = checks.number("loss", state["loss"])
        self._steps = checks.int_at_least("steps", state["steps"], 0)
        self._best = math.inf if state["best"] is None else checks.number("best", state["best"])
        self._waited = checks.int_at_least("waited", state["waited"], 0)
        share, waited = state["plateau"]
        self._plateau.share = checks.number("plateau", share, 0, 1)
        self._plateau.waited = checks.int_at_least("plateau", waited, 0)
        self._plateau.best = self._best
        self.records = [
            {key: record[key] for key in _COLUMNS if key in record} for record in state["records"]
        ]
        for record in self.records:
            for key, value in record.items():
                checks.number(key, value)
        for number, record in enumerate(self.records):
            self.history.on_epoch_end(number, {k: record[k] for k in _LOSSES if k in record})
        self._model.random_state = state["random_state"]

    # ---- the course of it

    @property
    def progress(self) -> float:
        """How much of the training is done, in [0, 1]."""
        done = self.step / (self.epochs * self.steps_per_epoch)
        if self.options.minutes is not None:
            done = max(done, self.seconds / (60 * self.options.minutes))
        return min(1.0, done)

    @property
    def epoch(self) -> float:
        """How often the text was read."""
        return self.step / self.steps_per_epoch

    @property
    def tokens(self) -> int:
        """Number of tokens that there are to learn from."""
        return len(self._corpus)

    @cached_property
    def learned_text(self) -> LearnedText:
        """What the model keeps of the text."""
        training, validation, test = self._parts
        unknown = self._language_model.vocabulary.unknown
        return LearnedText(
            sha256=self.corpus.sha256,
            training=len(training),
            validation=len(validation),
            test=len(test),
            unknown=0 if unknown is None else int(training.counts()[unknown]),
        )

    @property
    def tokens_per_step(self) -> int:
        """Number of tokens that a step reads."""
        return self._streams * self.options.seq_len

    @property
    def unit(self) -> str:
        """What its tokens are."""
        kind = self._language_model.vocabulary.kind
        return "tokens" if kind == "bpe" else kind

    def run(
        self, callbacks: Sequence[Callback] = (), save: Callable[[], None] = lambda: None
    ) -> History:
        """Train to the end, or until it is interrupted.

        Args:
            callbacks: whom to tell of steps and rounds.
            save: called when it ends, is interrupted, or a callback raises an error, while
                `contents` still says where it is.

        Raises:
            DivergedError: the loss became infinite; the model has its best weights before that, or
                the initial ones if there are none.
        """
        self._model.stop_training = False
        steps = -(-self.steps_per_epoch // self._rounds)
        params = {"epochs": self.epochs * self._rounds, "steps": steps, "verbose": 0}
        self._telling = CallbackList([self.history, *callbacks], self._model, params)
        self._told = False  # Whether the listeners know that the round has begun.
        self._between_steps = True  # Whether `contents` says all.
        self._before = self.seconds
        self._started = time.perf_counter()
        try:
            with self._telling.training():
                self._go(save)
        finally:
            self._settle()
        return self.history

    def _settle(self) -> None:
        """Leave the model with its best weights, or the last if none were judged."""
        if self._best_weights is not None:
            self._model.set_weights(self._best_weights)
        self._model.reset_states()

    def _go(self, save: Callable[[], None]) -> None:
        batches = self._epoch()
        try:
            while not self.interrupted:
                if self._judged < self.step and (self._over() or self._at_border()):
                    self._judge()
                if self._over():
                    break
                batch = next(batches, None)
                if batch is None:
                    batches = self._epoch()
                else:
                    self._take(*batch)
        except DivergedError:
            raise  # To go on from there would only diverge again.
        except BaseException:
            # Whoever interrupts twice wants it to end at once; and half a step cannot be told of.
            if self._between_steps and not self.interrupted:
                with suppress(LSTMError, MemoryError):  # The first error says more.
                    save()
            raise
        save()

    def _epoch(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The batches of the epoch under way that are still to come."""
        epoch, done = divmod(self.step, self.steps_per_epoch)
        if not done:
            self._model.reset_states()
        offset = int(np.random.default_rng((self._seed, epoch)).integers(self._slack + 1))
        batches = self._corpus.chunks(self._streams, self.options.seq_len, offset, start=done)
        yield from islice(batches, self.steps_per_epoch - done)

    def _take(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> None:
        """One step."""
        batch = self._steps
        if not self._told:
            number, self._told = len(self.records), True
            self._telling.tell("on_epoch_begin", number, {})
        self._telling.tell("on_train_batch_begin", batch, {})
        self._between_steps = False
        self._model.optimizer.learning_rate = self.learning_rate
        # A different stream each time, or none.
        self._model.reset_states(range(self.step % _ANEW, self._streams, _ANEW))
        loss = self._model.train_on_batch(x, y, carry_state=True)
        self._stop_unless(math.isfinite(loss))
        self.step += 1
        self._loss, self._steps = self._loss + loss, self._steps + 1
        self.seconds = self._before + time.perf_counter() - self._started
        self._between_steps = True
        self._telling.tell("on_train_batch_end", batch, {"loss": loss})

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        options, progress = self.options, self.progress
        warmup = options.warmup
        if warmup is None:
            warmup = 0.3 if options.schedule == "one-cycle" else 0.02
        match options.schedule:
            case "cosine":
                share = schedules.cosine(progress, warmup, floor=0.02)
            case "one-cycle":
                share = schedules.one_cycle(progress, warmup)
            case "plateau":
                share = schedules.constant(progress, warmup) * self._plateau.share
            case _:
                share = schedules.constant(progress, warmup)
        return options.lr * share

    def _over(self) -> bool:
        patience = self.options.patience
        tired = patience is not None and self._waited >= patience
        return self.progress >= 1 or tired or self._model.stop_training

    def _at_border(self) -> bool:
        """Whether a round has just ended."""
        done = (self.step - 1) % self.steps_per_epoch + 1
        rounds, steps = self._rounds, self.steps_per_epoch
        return done * rounds // steps > (done - 1) * rounds // steps

    def _judge(self) -> None:
        """End a round: validate, and keep the weights if they are the best so far."""
        logs = {"loss": self._loss / max(1, self._steps)}
        self._check_weights()
        judgement, better = self._validate(), True
        self._between_steps = False
        if judgement is not None:
            logs["val_loss"] = judgement.nats
            better = logs["val_loss"] < self._best
            self._plateau.judge(logs["val_loss"])
            self._best = min(self._best, logs["val_loss"])
        self.improved, self._waited = better, 0 if better else self._waited + 1
        if better:
            self._best_weights = self._model.get_weights()
        number = len(self.records)
        self.records.append(self._record(logs, judgement))
        self._judged, self._loss, self._steps, self._told = self.step, 0.0, 0, False
        self._between_steps = True
        self._telling.last_logs = logs
        self._telling.tell("on_epoch_end", number, logs)

    def _record(self, logs: Logs, judgement: Evaluation | None) -> dict[str, float]:
        self.seconds = self._before + time.perf_counter() - self._started
        record = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "learning_rate": self._model.optimizer.learning_rate,
            **logs,
        }
        if judgement is None:
            return record
        record["val_bits"] = judgement.bits
        if self._language_model.vocabulary.unknown is not None:
            record["val_unknown"] = judgement.unknown_share
        per_character = {
            "val_nats_per_character": judgement.nats_per_character,
            "val_bits_per_character": judgement.bits_per_character,
        }
        # What the tokens do not tell is left out.
        return record | {key: value for key, value in per_character.items() if value is not None}

    def _validate(self) -> Evaluation | None:
        """How well the model predicts what there is to validate on, if there is something."""
        if not len(self._validation):
            return None
        try:
            judgement = evaluate(self._language_model, self._validation, self._telling)
        except InvalidValueError as error:
            if not error.argument.startswith("state["):
                raise
            # Weights that are finite but huge give states that are not.
            raise self._diverged() from None
        self._stop_unless(math.isfinite(judgement.nats))
        return judgement

    def _check_weights(self) -> None:
        self._stop_unless(all(np.isfinite(w).all() for w in self._model.get_weights()))

    def _stop_unless(self, finite: bool) -> None:
        if not finite:
            raise self._diverged()

    def _diverged(self) -> DivergedError:
        """The error that ends the training, which leaves the model with its best weights."""
        if self._best_weights is None:
            self._best_weights = self._initial_weights
        return DivergedError(
            f"the loss is no longer a finite number: lower lr, which is {self.options.lr:g}"
        )
