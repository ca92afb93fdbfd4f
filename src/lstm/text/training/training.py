"""Training: the loop of a language model over contiguous streams, from any point on."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.callbacks import Callback, CallbackList, Contents, History, LambdaCallback, Logs, Tensors
from lstm.callbacks.best import Best
from lstm.container import under
from lstm.errors import DivergedError, InvalidValueError, LSTMError
from lstm.models.loop import Limits, Loop
from lstm.models.quantization import refuse_training
from lstm.models.training import Result
from lstm.optimizers import schedules
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.learned_text import LearnedText
from lstm.text.evaluation import Evaluation, evaluate
from lstm.text.token_model import TokenModel
from lstm.text.training.options import TrainingOptions

_ROUND = 1000
"""Largest number of steps between two validations."""

_VALIDATION_TOKENS = 2**18
"""Tokens that a validation always reads, if there are this many."""

_RESET_EVERY = 32
"""Steps after which a stream forgets its past, so that the model also learns to begin."""

_LOSSES = "loss", "val_loss"

_COLUMNS = (
    *("epoch", "step", "seconds", "learning_rate", *_LOSSES),
    *("val_bits", "val_unknown", "val_nats_per_character", "val_bits_per_character"),
)
"""The keys of a record, in their order, which files do not keep."""

_FOREVER = 10**6
"""Number of epochs if only time ends training."""

_DERIVED = "weight", "round"
"""Keys that a file need not hold, because all steps weigh 1 and each round has a record."""

_Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The tokens of a step, and the tokens after them."""


class Training(Loop):
    """Trains a language model with Adam on streams of text that carry their state along.

    An epoch reads the text once, from a random place near its start. It is divided into rounds of
    at most 1,000 steps, and each round ends with a validation. If the validation part is long, only
    its start is read, a quarter as long as the round. Callbacks see each round as an epoch. At the
    end the model has the weights of the best validation.

    All random choices follow from the seed and the number of the step: a run that continues from
    `contents` ends in the same bits as one that was never interrupted, unless time ends it.

    Args:
        language_model: the model to train.
        corpus: its tokens.
        options: how to train it.
        seed: seed of all choices; by default drawn from the random numbers of the model.
        saved: the result of `contents`, to continue from; the model must be made from it, too.
        best_weights: the weights of the best validation so far, for a run that continues.

    Attributes:
        corpus, options: the arguments.
        history: the losses by round.
        records: all information about each round.
        steps_per_epoch: number of steps in an epoch.

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
        saved: Contents | None = None,
        best_weights: list[NDArray[Any]] | None = None,
    ) -> None:
        self._language_model = language_model
        self._model = model = language_model.model
        refuse_training(model.graph)
        self.options = options
        self.corpus = corpus
        self._parts = corpus.split(options.val_fraction, options.test_fraction, options.seq_len)
        self._corpus, validation, _ = self._parts
        count, span = len(self._corpus) - 1, options.seq_len
        self._streams = options.streams(len(self._corpus))
        self.steps_per_epoch = max(1, (count - span) // (self._streams * span))
        self._slack = max(0, count - self.steps_per_epoch * self._streams * span)
        self._rounds = -(-self.steps_per_epoch // _ROUND)
        most = max(
            _VALIDATION_TOKENS, self.steps_per_epoch * self._streams * span // (4 * self._rounds)
        )
        self._validation = validation.part(0, min(len(validation), most))
        self.epochs = options.epochs or (10 if options.minutes is None else _FOREVER)
        super().__init__(
            model,
            Limits(steps=self.epochs * self.steps_per_epoch, minutes=options.minutes),
            schedule=self._rate,
            best=Best("val_loss"),
            patience=options.patience,
        )
        self.history = History()
        self.records: list[dict[str, float]] = []
        self.best_weights = best_weights
        self._initial_weights = model.get_weights()
        self._plateau = schedules.Plateau()
        self._seed = model.new_seed() if seed is None else seed
        self._remembered: Contents | None = None  # By callbacks, for a run that continues.
        if saved is None:
            model.reset_states()
            model.compile(options.optimizer(), language_model.loss)
        else:
            self.restore(*saved)

    # ---- saving

    def contents(self) -> Contents:
        """Return everything needed to continue later, except the best weights.

        Raises:
            DivergedError: a weight is no longer a finite number.
        """
        self._check_weights()
        tensors, header = self._language_model.contents(include_optimizer=True)
        carried = self._model.carried_state.tensors()
        tensors |= {f"carried/{name}": array for name, array in carried.items()}
        remembered, callbacks = self.callbacks.contents()
        tensors |= {f"callbacks/{name}": array for name, array in remembered.items()}
        _, state = super().contents()
        for key in _DERIVED:
            del state[key]
        header["training"] = state | {
            "callbacks": list(zip(_kinds(self.callbacks), callbacks["callbacks"], strict=True)),
            "stopped": self._model.stop_training,
            "corpus": self.corpus.sha256,
            "seed": self._seed,
            "judged": self.steps_before_round,
            "plateau": [self._plateau.share, self._plateau.waited],
            "records": self.records,
            "random_state": self._model.random_state,
        }
        return tensors, header

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        state, shapes = header["training"], self._model.graph.state_shapes()
        derived = dict(zip(_DERIVED, (state["steps"], len(state["records"])), strict=True))
        super().restore({}, {**state, **derived})
        self._seed = checks.int_at_least("seed", state["seed"], 0)
        self._model.carried_state = {
            name: tuple(tensors[f"carried/{name}/{k}"] for k in range(len(parts)))
            for name, parts in shapes.items()
            # An epoch starts without a carried state.
            if self.step % self.steps_per_epoch or f"carried/{name}/0" in tensors
        }
        share, waited = state["plateau"]
        self._plateau.share = checks.number("plateau", share, 0, 1)
        self._plateau.waited = checks.int_at_least("plateau", waited, 0)
        self._plateau.best = math.inf if state["best"] is None else state["best"]
        self.records = [
            {key: record[key] for key in _COLUMNS if key in record} for record in state["records"]
        ]
        for record in self.records:
            for key, value in record.items():
                checks.number(key, value)
        for number, record in enumerate(self.records):
            self.history.on_epoch_end(number, {k: record[k] for k in _LOSSES if k in record})
        self._model.random_state = state["random_state"]
        # Older files hold neither.
        if self.step and state.keys() & {"callbacks", "stopped"}:
            self._kinds = [checks.string("callbacks", kind) for kind, _ in state["callbacks"]]
            self._stopped = checks.boolean("stopped", state["stopped"])
            headers = [header for _, header in state["callbacks"]]
            self._remembered = under("callbacks/", tensors), {"callbacks": headers}

    # ---- running

    @property
    def epoch(self) -> float:
        """Number of times that the text was read."""
        return self.step / self.steps_per_epoch

    @property
    def tokens(self) -> int:
        """Number of tokens to learn from."""
        return len(self._corpus)

    @cached_property
    def learned_text(self) -> LearnedText:
        """Facts about the text that the model keeps."""
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
        """The name of the tokens."""
        kind = self._language_model.vocabulary.kind
        return "tokens" if kind == "bpe" else kind

    def run(
        self, callbacks: Sequence[Callback] = (), save: Callable[[], None] = lambda: None
    ) -> History:
        """Train to the end, or until it is interrupted.

        Args:
            callbacks: callbacks for steps and rounds.
            save: called when training ends, is interrupted, or a callback raises an error, while
                `contents` still describes its state.

        Raises:
            DivergedError: the loss became infinite; the model has its best weights before that, or
                else its initial ones.
            InvalidValueError: the run continues, and began with other callbacks that remember
                something.
        """
        self._save = save
        steps = -(-self.steps_per_epoch // self._rounds)
        params = {"epochs": self.epochs * self._rounds, "steps": steps, "verbose": 0}
        record = LambdaCallback(on_epoch_end=self._record)
        telling = CallbackList([record, *callbacks], self._model, params)
        self.history.set_model(self._model)
        self.history.set_params(params)
        self._check_callbacks(telling)
        try:
            self.train(telling)
        finally:
            self._model.reset_states()
        return self.history

    def run_rounds(self) -> None:
        self._restore_callbacks()
        try:
            super().run_rounds()
        except DivergedError:
            raise  # To continue from there would only diverge again.
        except BaseException:
            # A second interrupt means: end at once; and half a step cannot be reported.
            if self.between_steps and not self.interrupted:
                with suppress(LSTMError, MemoryError):  # The first error says more.
                    self._save()
            raise
        self._save()

    def _check_callbacks(self, telling: CallbackList) -> None:
        kinds = _kinds(telling)
        if self._remembered is not None and kinds != self._kinds:
            before = ", ".join(self._kinds) or "none that remembers something"
            raise InvalidValueError(
                "callbacks", f"{before}, as when the run began", ", ".join(kinds) or "none"
            )

    def _restore_callbacks(self) -> None:
        """Let callbacks continue, too, whatever they did when training began."""
        if self._remembered is None:
            return
        if self.mean.steps:
            self._announce()
        self.callbacks.restore(*self._remembered)
        self._remembered, self._model.stop_training = None, self._stopped

    def batches(self) -> Iterator[_Batch]:
        """Yield the batches up to the end of the round."""
        epoch, begun = divmod(self.steps_before_round, self.steps_per_epoch)
        done = self.step - epoch * self.steps_per_epoch
        number = begun * self._rounds // self.steps_per_epoch
        border = -(-(number + 1) * self.steps_per_epoch // self._rounds)
        offset = int(np.random.default_rng((self._seed, epoch)).integers(self._slack + 1))
        batches = self._corpus.chunks(self._streams, self.options.seq_len, offset, start=done)
        return islice(batches, border - done)

    def take(self, batch: _Batch) -> Result:
        if not self.step % self.steps_per_epoch:
            self._model.reset_states()
        # A different stream each time, or none.
        self._model.reset_states(range(self.step % _RESET_EVERY, self._streams, _RESET_EVERY))
        return Result([self._model.train_on_batch(*batch, carry_state=True)], [1.0])

    def diverged(self, result: Result) -> str:
        raise self._diverged()

    def step_logs(self, result: Result) -> Logs:
        """Return the loss of the step."""
        return {"loss": result.loss}

    def _rate(self, progress: float) -> float:
        """Return the learning rate of a step."""
        options = self.options
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

    def validate(self) -> Logs:
        """Return the mean validation loss, if there is a validation part."""
        self._check_weights()
        self._evaluation = self._evaluate_validation()
        return {} if self._evaluation is None else {"val_loss": self._evaluation.nats}

    def _record(self, number: int, logs: Logs) -> None:
        """Record a round, and adapt what follows to it."""
        self.history.on_epoch_end(number, logs)
        evaluation = self._evaluation
        record = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "learning_rate": float(self._model.optimizer.learning_rate),
            **logs,
        }
        self.records.append(record)
        if evaluation is None:
            return
        self._plateau.update(evaluation.nats)
        record["val_bits"] = evaluation.bits
        if self._language_model.vocabulary.unknown is not None:
            record["val_unknown"] = evaluation.unknown_share
        per_character = {
            "val_nats_per_character": evaluation.nats_per_character,
            "val_bits_per_character": evaluation.bits_per_character,
        }
        # Values that the tokens cannot determine are left out.
        record |= {key: value for key, value in per_character.items() if value is not None}

    def _evaluate_validation(self) -> Evaluation | None:
        """Evaluate the model on the validation part, if there is one."""
        if not len(self._validation):
            return None
        try:
            evaluation = evaluate(self._language_model, self._validation, self.callbacks)
        except InvalidValueError as error:
            if not error.argument.startswith("state["):
                raise
            # Weights that are finite but huge lead to states that are not.
            raise self._diverged() from None
        self._stop_unless(math.isfinite(evaluation.nats))
        return evaluation

    def _check_weights(self) -> None:
        self._stop_unless(all(np.isfinite(w).all() for w in self._model.get_weights()))

    def _stop_unless(self, finite: bool) -> None:
        if not finite:
            raise self._diverged()

    def _diverged(self) -> DivergedError:
        """Return the error that ends training; without best weights, the initial ones count."""
        if self.best_weights is None:
            self.best_weights = self._initial_weights
        return DivergedError(
            f"the loss is no longer a finite number: lower lr, which is {self.options.lr:g}"
        )


def _kinds(callbacks: CallbackList) -> list[str]:
    """Return the classes of the callbacks that remember something."""
    return [type(callback).__name__ for callback in callbacks.remembering]
