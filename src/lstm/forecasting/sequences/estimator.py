"""What classifiers and regressors of sequences share: arguments, training, files."""

from abc import ABC, abstractmethod
from os import PathLike
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from lstm import checks, seeding, storage
from lstm.backends.contract import CELLS
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.estimator_data import as_data, check_features, not_fitted
from lstm.estimators import Estimator
from lstm.forecasting.packing import packed, unpack
from lstm.forecasting.sequences.data import Scaling, Sequences, Values, longest, read
from lstm.forecasting.sequences.network import Design, network
from lstm.models import Model
from lstm.optimizers import AdamW
from lstm.optimizers.schedules import CosineDecay

LONG = 128
"""Steps that the recurrent layers read at most by default."""

STEPS, STEP_LIMITS = 40.0, (1200, 3000)
"""Training steps for the root of the number of examples, by default."""

BATCHES, BATCH_LIMITS = 25, (8, 32)
"""Batches that examples make, by default: of a few examples, small batches learn more."""


class Learned(NamedTuple):
    """What `fit` leaves.

    Attributes:
        networks: whose outputs are averaged.
        design: of each of them.
        scaling: of what they read.
        length: steps of each sequence, if `fit` got a table with a row for each; None for any.
        answers: what the outputs mean: JSON values.
    """

    networks: list[Model]
    design: Design
    scaling: Scaling
    length: int | None
    answers: Any


class SequenceEstimator(Estimator, ABC):
    """Base of estimators that learn one answer for each sequence."""

    loss: ClassVar[Any]

    n_features_in_: int

    def __init__(
        self,
        units: int = 64,
        *,
        layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = True,
        convolutions: int = 3,
        patch: int | str = "auto",
        dropout: float = 0.2,
        max_steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        ensemble: int = 1,
        random_state: int | None = None,
        verbose: int | str = 0,
    ) -> None:
        # Kept as they are given, and checked in `fit`: so scikit-learn's tools ask.
        self.units, self.layers, self.cell = units, layers, cell
        self.bidirectional, self.convolutions, self.patch = bidirectional, convolutions, patch
        self.dropout, self.max_steps, self.batch_size = dropout, max_steps, batch_size
        self.learning_rate, self.ensemble = learning_rate, ensemble
        self.random_state, self.verbose = random_state, verbose

    # ---- for classifiers and regressors

    @abstractmethod
    def _targets(self, y: Any) -> tuple[Values, int, Any]:
        """Return targets for the networks, how many outputs they need, and what these mean."""

    @abstractmethod
    def _restore(self, answers: Any) -> None:
        """Set the attributes that say what outputs mean, from JSON values."""

    # ---- fitting

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from examples.

        Args:
            X: the sequences: an array (N, T) or (N, T, C) for C channels, a table with a row for
                each, or a list of arrays (T, C) of different lengths.
            y: the answers, one for each sequence.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: the data, or an argument of the
                constructor, cannot be used.
        """
        data = read(X)
        if y is None:
            got = f"None: {type(self).__name__} requires y to be passed, but the target y is None"
            raise InvalidTypeError("y", "targets", got)
        targets, outputs, answers = self._targets(y)
        if len(targets) != len(data):
            expected = f"{len(data)} answers, one for each sequence"
            raise InvalidShapeError("y", expected, f"{len(targets)}")
        design, scaling = self._design(data, outputs), Scaling.of(data)
        networks = self._trained(design, scaling.scaled(data, design.patch), targets)
        table = isinstance(data, np.ndarray) and as_data(X).ndim == 2
        length = data[0].shape[0] if table else None
        return self._keep(Learned(networks, design, scaling, length, answers))

    def _design(self, data: Sequences, outputs: int) -> Design:
        """Return the network that the arguments and the data ask for."""
        if self.patch == "auto":
            patch = 1
            while patch * LONG < longest(data):
                patch *= 2
        else:
            patch = checks.positive_int("patch", self.patch)
            checks.one_of("patch", patch, [2**k for k in range(16)])
        return Design(
            channels=data[0].shape[1],
            outputs=outputs,
            patch=patch,
            convolutions=checks.int_at_least("convolutions", self.convolutions, 0),
            cell=checks.one_of("cell", self.cell, tuple(CELLS)),
            units=checks.positive_int("units", self.units),
            layers=checks.positive_int("layers", self.layers),
            bidirectional=checks.boolean("bidirectional", self.bidirectional),
            dropout=checks.number("dropout", self.dropout, 0, 1, open_high=True),
        )

    def _trained(self, design: Design, x: Sequences, targets: Values) -> list[Model]:
        """Return networks that have learned."""
        batch_size = self.batch_size
        if batch_size is None:
            batch_size = int(np.clip(len(x) // BATCHES, *BATCH_LIMITS))
        checks.positive_int("batch_size", batch_size)
        rate = checks.number("learning_rate", self.learning_rate, 0)
        steps, seed = self.max_steps, self.random_state
        if steps is None:
            steps = int(np.clip(STEPS * len(x) ** 0.5, *STEP_LIMITS))
        checks.positive_int("max_steps", steps)
        if seed is not None:
            seed = checks.int_at_least("random_state", seed, 0)
        checks.one_of("verbose", self.verbose, (0, 1, 2, "auto"))
        batches = -(-len(x) // batch_size)
        epochs = -(-steps // batches)
        networks = []
        for k in range(checks.positive_int("ensemble", self.ensemble)):
            with seeding.seeded(None if seed is None else seed + k):
                net = network(design)
                net.compile(AdamW(CosineDecay(rate, epochs * batches)), self.loss)
                net.fit(x, targets, batch_size, epochs, self.verbose)
            networks.append(net)
        return networks

    # ---- answering

    def _outputs(self, X: Any) -> list[Values]:
        """Return the outputs of each network, (N, outputs)."""
        learned = self._after_fit()
        data = read(X)
        name = type(self).__name__
        if learned.length is not None and isinstance(data, np.ndarray):
            check_features(data[:, :, 0], learned.length, name)
        check_features(data[0], learned.design.channels, name)
        x = learned.scaling.scaled(data, learned.design.patch)
        return [np.asarray(net.predict(x, verbose=0), np.float64) for net in learned.networks]

    def _keep(self, learned: Learned) -> Self:
        self._restore(learned.answers)
        self.n_features_in_ = learned.length or learned.design.channels
        self._learned = learned
        return self

    def _after_fit(self) -> Learned:
        if not hasattr(self, "_learned"):
            raise not_fitted(f"{type(self).__name__}: call fit(X, y) first")
        return self._learned

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned")

    # ---- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything to a file that `load` reads.

        Raises:
            NotReadyError: it is not fitted.
            ModelFileError: the file cannot be written.
        """
        learned = self._after_fit()
        tensors = packed(learned.networks)
        tensors |= {"mean": learned.scaling.mean, "deviation": learned.scaling.deviation}
        header = {
            "kind": self.kind,
            "arguments": self.get_params(),
            "design": learned.design.to_config(),
            "networks": len(learned.networks),
            "length": learned.length,
            "answers": learned.answers,
        }
        storage.own_format("path", path)
        storage.write(path, tensors, header)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            ModelFileError: the file is missing, damaged, or of another kind.
        """
        with storage.reading(path, (cls.kind,)) as (tensors, header):
            found = cls(**header["arguments"])
            design = Design.from_config(header["design"])
            networks = [network(design) for _ in range(header["networks"])]
            unpack(networks, tensors)
            scaling = Scaling(tensors["mean"], tensors["deviation"])
            length, answers = header["length"], header["answers"]
            return found._keep(Learned(networks, design, scaling, length, answers))
