"""Compiled: how to train a model, from the arguments of `compile` or from a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, optimizers, seeding
from lstm.backends import Backend
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.interface import computed, set_by_constructor, warn
from lstm.iteration import is_stream
from lstm.losses import Loss
from lstm.metrics import Metric
from lstm.metrics import get as get_metric
from lstm.metrics.names import MetricSpec, by_name
from lstm.models.columns import of_one_output
from lstm.models.data_adapter import Given
from lstm.models.graph import Graph
from lstm.models.joint import Joint
from lstm.models.output_specs import (
    OutputSpecs,
    loss_config,
    output_names,
    saved_metrics,
)
from lstm.models.own_objects import found_again
from lstm.models.parameters import Parameters
from lstm.models.prediction import Predictor
from lstm.models.structure import Tensors, listed
from lstm.models.training import Trainer
from lstm.optimizers import Optimizer

Slots = dict[str, NDArray[Any]]

MetricSpecs = MetricSpec | list[MetricSpec] | tuple[MetricSpec, ...] | None

LossSpec = str | Loss | Callable[[Any, Any], Any] | None
"""A loss as users write it; None for an output that is not trained."""

_STEPS = 2**62
"""More steps than an optimizer can ever take."""


@dataclass(frozen=True)
class Compiled:
    """How to train a model with one output, as `compile` was told.

    Attributes:
        optimizer, loss, metrics, weighted_metrics: the arguments.
        loss_weight: what the loss is multiplied with.
    """

    optimizer: Optimizer
    loss: Loss
    metrics: list[MetricSpec] = field(default_factory=list)
    weighted_metrics: list[MetricSpec] = field(default_factory=list)
    loss_weight: float = 1.0

    def check(self) -> None:
        """Refuse metrics that do not fit the loss."""
        for spec in self.metrics + self.weighted_metrics:
            get_metric(spec, self.loss)


class Compilable(Predictor):
    """A model with `compile`, which sets how to train it."""

    stop_training: bool
    checked: ClassVar[Mapping[str, Any]] = {
        **Predictor.checked,
        "stop_training": checks.boolean,
    }
    set_elsewhere: ClassVar[Mapping[str, str]] = {
        **Predictor.set_elsewhere,
        **{
            name: f"model.compile({name}=...), which sets it"
            for name in ("optimizer", "loss", "metrics", "weighted_metrics")
        },
    }

    _trainer: Trainer | None = set_by_constructor()
    _compiled: Compiled | None = set_by_constructor()
    _steps_per_execution: int = set_by_constructor()
    _specs: OutputSpecs | None = None
    _joint: Joint | None = None

    def __init__(
        self,
        inputs: Tensors | None = None,
        outputs: Tensors | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name)
        self._rng = np.random.default_rng(seeding.generator().integers(2**63))
        self._trainer = None
        self._compiled = None
        self._steps_per_execution = 1
        self.stop_training = False

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: LossSpec | list[LossSpec] | Mapping[str, LossSpec] = "mse",
        loss_weights: Sequence[float] | Mapping[str, float] | None = None,
        metrics: Any = (),
        weighted_metrics: MetricSpecs = (),
        steps_per_execution: int = 1,
        precision: str | None = None,
    ) -> None:
        """Set how to train the model.

        Args:
            optimizer: a name in `lstm.optimizers.OPTIMIZERS`, or an Optimizer.
            loss: a name in `lstm.losses.LOSSES`, a Loss, or a function of (y_true, y_pred) that is
                written with `lstm.ops`. For several outputs a list with one for each, or a dict by
                the names of their layers, or one for all.
            loss_weights: the weight of the loss of each output, in such a list or dict.
            metrics: names in `lstm.metrics.METRICS`, such as "accuracy", "auc" or "mae"; Metrics
                or their classes; or functions of (y_true, y_pred). All positions count equally.
            weighted_metrics: the same, with positions weighted by `sample_weight`.
            steps_per_execution: in `fit`, callbacks hear of so many batches together, after the
                last of them.
            precision: in which the model multiplies matrices from now on, in training and
                prediction: "float32" or "bfloat16", see `lstm.use`; None keeps what it has. Files
                do not hold it: a model that is loaded computes as the active backend does.

        Raises:
            InvalidValueError: a name is unknown, or the machine or the model's dtype lacks the
                precision.
        """
        if isinstance(loss_weights, int | float | np.number):
            expected = "a list with one number for each output, or a dict by name"
            raise InvalidTypeError("loss_weights", expected, loss_weights)
        if _are_metrics(loss_weights):  # They came first in Keras 2.
            if metrics is not None and len(listed(metrics)):
                raise InvalidTypeError("loss_weights", "numbers", loss_weights)
            loss_weights, metrics = None, loss_weights
        specs: OutputSpecs | None
        specs = OutputSpecs(loss, loss_weights, metrics or None, weighted_metrics or None)
        if specs.by_output and not loss:
            raise InvalidValueError("loss", "a loss for each output", loss)
        graph, joint = self._graph, None
        names = [] if graph is None else output_names(graph)
        made = optimizers.get(optimizer)
        if len(names) == 1 or not (names or specs.by_output):
            # Without a graph, nothing is given by the name of the output.
            compiled = Compiled(made, *specs.single((names or [self.name])[0]))
            compiled.check()
            specs = None
        else:
            compiled = Compiled(made, losses.get("mse"))
            joint = None if graph is None else Joint(graph, specs)
        together = checks.positive_int("steps_per_execution", steps_per_execution)
        if precision is not None:
            self._compute_on(self.backend.in_precision(precision))
        self._compiled, self._steps_per_execution = compiled, together
        self._specs, self._joint, self._trainer = specs, joint, None
        if graph is not None or self._declared_shape() is not None:
            self._trainer = self._make_trainer()

    def _make_trainer(self, given: Given | None = None) -> Trainer:
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        graph = self._ready(None if given is None or self.traced else given.sample)
        compiled, names = self._compiled, output_names(graph)
        self._parameters = Parameters(graph.weights, self.backend)
        if self._specs is None and len(names) > 1:
            plain, weighted = compiled.metrics, compiled.weighted_metrics
            self._specs = OutputSpecs(compiled.loss, None, plain or None, weighted or None)
        if self._specs is not None and len(names) == 1:
            compiled = Compiled(compiled.optimizer, *self._specs.single(names[0]))
            self._compiled, self._specs = compiled, None
        optimizer, loss = compiled.optimizer, compiled.loss
        if self._specs is not None:
            joint = self._joint = Joint(graph, self._specs)
            return Trainer(
                *(joint.graph, self._parameters, self.backend, optimizer, joint.loss),
                *(joint.metrics, [], self._rng),
            )
        metrics, others = (
            [get_metric(spec, loss) for spec in some]
            for some in (compiled.metrics, compiled.weighted_metrics)
        )
        return Trainer(
            graph, self._parameters, self.backend, optimizer, loss, metrics, others, self._rng
        )

    @property
    def _fused(self) -> str:
        return "" if self._trainer is None else self._trainer.fused

    def _given(self, x: Any, y: Any = None, sample_weight: Any = None, **others: Any) -> Given:
        """Return data from a user, with the targets of several outputs among the inputs."""
        if is_stream(x):
            return Given(x, y, sample_weight, **others)
        if self._trainer is None:
            self._trainer = self._make_trainer(Given(x))
        return Given(*self._by_output(x, y, sample_weight), **others)

    def _by_output(self, x: Any, y: Any, weight: Any) -> tuple[Any, Any, Any]:
        """Return data that may be given for each output, in the form for the trainer."""
        if self._joint is not None:
            return *self._joint.data(x, y, weight), None
        if self._graph is None or self._compiled is None:
            return x, y, weight
        name, entries = output_names(self._graph)[0], self._graph.entries
        y = of_one_output("y", y, name, x, entries)
        weight = of_one_output("sample_weight", weight, name, x, entries)
        factor = self._compiled.loss_weight
        return x, y, weight if factor == 1 or y is None else _scaled(weight, factor, len(y))

    def _training(self, given: Given) -> Trainer:
        if self._trainer is None:
            self._trainer = self._make_trainer(given)
        return self._trainer

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer with which the model was compiled."""
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        return self._compiled.optimizer

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that `evaluate` returns."""
        return ["loss", *self._metrics]

    @property
    def _metrics(self) -> Mapping[str, Metric]:
        """The metrics by name."""
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        if self._trainer is not None:
            return self._trainer.metrics
        compiled = self._compiled
        plain, weighted = (
            [get_metric(spec, compiled.loss) for spec in some]
            for some in (compiled.metrics, compiled.weighted_metrics)
        )
        return by_name(plain, weighted)

    @property
    def compiled(self) -> bool:
        """Whether the model was compiled."""
        return self._compiled is not None

    @computed
    def loss(self) -> Any:
        """The loss with which the model was compiled; of several outputs as they were given."""
        return self.compiled_loss if self._specs is None else self._specs.loss

    @computed
    def metrics(self) -> list[Metric]:
        """The metrics that `evaluate` returns, without the loss; none before `compile`."""
        return [*self._metrics.values()] if self.compiled else []

    @property
    def compiled_loss(self) -> Loss:
        """The loss with which the model was compiled."""
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        return self._compiled.loss

    @property
    def random_state(self) -> dict[str, Any]:
        """State of the model's random numbers, for dropout and shuffling; may be set."""
        return dict(self._rng.bit_generator.state)

    @random_state.setter
    def random_state(self, state: Mapping[str, Any]) -> None:
        try:
            self._rng.bit_generator.state = dict(state)
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidValueError(
                "random_state", "the random_state of a model", f"{state!r:.60}"
            ) from error

    def new_seed(self) -> int:
        """Return a seed for choices of the model, drawn from its random numbers."""
        return int(self._rng.integers(2**63))


def _are_metrics(given: Any) -> bool:
    """Whether what stands in the place of loss weights is metrics."""
    parts = given.values() if isinstance(given, Mapping) else given
    if not isinstance(given, list | tuple | Mapping):
        return given is not None
    return not parts or any(not isinstance(part, int | float | np.number) for part in parts)


def _scaled(weight: Any, factor: float, examples: int) -> Any:
    """Return weights of examples or steps, all multiplied."""
    if weight is None:
        return np.full(examples, factor)
    if isinstance(weight, list | tuple):  # Perhaps sequences of different lengths.
        return [factor * np.asarray(part) for part in weight]
    return factor * np.asarray(weight)


def compiled_contents(
    graph: Graph, backend: Backend, compiled: Compiled, specs: OutputSpecs | None
) -> tuple[Slots, dict[str, Any]] | None:
    """Return the slots of the optimizer by the names of their tensors, and JSON values.

    Returns:
        None if a file cannot hold them: the optimizer is the user's, a loss has no name, or the
        graph cannot be trained.
    """
    optimizer, factor = compiled.optimizer, compiled.loss_weight
    known = type(optimizer) in optimizers.OPTIMIZERS.values() and optimizer.storable
    how = (
        specs.config(output_names(graph))
        if specs is not None
        else {
            "loss": loss_config(compiled.loss),
            **({} if factor == 1 else {"loss_weights": [factor]}),
            "metrics": saved_metrics(compiled.metrics),
            "weighted_metrics": saved_metrics(compiled.weighted_metrics),
        }
    )
    several = specs is None and len(graph.outputs) > 1
    if not known or several or how is None or how["loss"] is None:
        return None
    slots = {key: backend.ops.to_numpy(slot) for key, slot in optimizer.slots.items()}
    step = optimizer.batches
    if not _usable(slots, _learning(graph)):
        slots, step = {}, 0
    names = {key: _free(f"optimizer/{key}", graph.weights) for key in slots}
    config = {
        "optimizer": {
            "name": type(optimizer).__name__.lower(),
            "config": optimizer.get_config(),
        },
        **how,
        "step": step,
        "slots": names,
    }
    return {names[key]: slot for key, slot in slots.items()}, config


def compile_again(
    model: Compilable,
    tensors: Mapping[str, NDArray[Any]],
    config: Any,
    custom: Mapping[str, Any],
) -> None:
    """Compile a model as `compiled_contents` described.

    With a loss or metric of a user that `custom` does not have, it stays as it is, with a warning.
    """
    optimizer = config["optimizer"]
    try:
        loss, plain, weighted = (
            found_again(config.get(key, []), custom)
            for key in ("loss", "metrics", "weighted_metrics")
        )
    except InvalidValueError as error:
        if error.argument != "custom_objects":
            raise
        warn(f"the model is not compiled: {error}")
        return
    model.compile(
        optimizers.get({**optimizer, "config": optimizers.of_file(optimizer["config"])}),
        loss,
        config.get("loss_weights"),
        metrics=plain,
        weighted_metrics=weighted,
    )
    graph, backend = model.graph, model.backend
    names = config.get("slots")
    if names is None:  # A file from before they were kept.
        others = [name for name in tensors if name not in graph.weights]
        found = [name for name in others if name.startswith("optimizer/")]
        names = {name.removeprefix("optimizer/"): name for name in found}
    step = checks.int_at_least("step", config["step"], 0)
    if step > _STEPS:
        raise InvalidValueError("step", f"an integer of at most {_STEPS:,}", step)
    with np.errstate(over="ignore"):  # Numbers too large for the backend become infinite.
        slots = {key: np.asarray(tensors[name], backend.dtype) for key, name in names.items()}
        if _usable(slots, _learning(graph)):
            model.optimizer.restore(backend, slots, step)


def _learning(graph: Graph) -> int:
    """Return the number of parameters that learn."""
    weights = graph.weights.values()
    return sum(weight.size for weight in weights if weight.trainable and not weight.is_int8)


def _usable(slots: Mapping[str, NDArray[Any]], size: int) -> bool:
    """Whether the slots match the weights that will learn, and are finite.

    They are not usable if a layer was frozen after the model was compiled, if the model was
    quantized, or if a gradient was too large for any number. The optimizer then starts again.
    """
    return all(slot.shape == (size,) and np.isfinite(slot).all() for slot in slots.values())


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that no weight has, even if a layer is called "optimizer"."""
    while name in taken:
        name += "_"
    return name
