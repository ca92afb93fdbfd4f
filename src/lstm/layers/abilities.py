"""Abilities: what planning asks layers about themselves, with answers that are safe by default."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from lstm.backends.contract import ActivationName, Array
from lstm.configured import Versioned
from lstm.interface import of_library


class Abilities(Versioned):
    """Base of layers: the questions about them, so that other code need not know their classes.

    A shortcut, such as `forward_as`, counts as long as `promises` holds: a subclass that changes
    the computation loses it; a subclass with only another constructor keeps it.
    """

    decisive: ClassVar[tuple[str, ...]] = ()
    """The attributes that the answers depend on: if one changes, planning asks again."""

    reads_tokens: int = 0
    """Number of tokens, for a layer that reads integers below it; 0 for other layers."""

    reads_steps: ClassVar[bool] = False
    """Whether it goes through a sequence of vectors, of any length."""

    reads_lists: ClassVar[bool] = False
    """Whether its `call` reads a list of tensors; what users write may."""

    takes_numbers: ClassVar[bool] = False
    """Whether it also reads tokens, as numbers like any others."""

    makes_anew: ClassVar[bool] = False
    """Whether it only holds fixed numbers, so that `call` may make it each time."""

    tied: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that are other layers of the model, whose weights it uses."""

    int8_axes: ClassVar[Mapping[str, int]] = {}
    """The weights that may be int8 for inference, and the axis of their outputs."""

    stateful = False
    """Whether each batch starts from the state in which the last one ended."""

    only_trains: ClassVar[bool] = False
    """Whether it passes its input on as it is, unless the model trains."""

    @property
    def heeds_training(self) -> bool:
        """Whether it may compute something else while a model trains; unknown of users' classes."""
        return not of_library(next(k for k in type(self).__mro__ if "forward" in vars(k)))

    folds_time = 0
    """1 if the layer turns steps of sequences into examples, -1 if it turns them back."""

    @property
    def constants(self) -> Iterable[Array]:
        """The arrays of fixed numbers with which it has computed."""
        return ()

    inner: ClassVar[tuple[str, ...]] = ()
    """The arguments that are layers of which only this layer knows: their classes may be a user's,
    and their weights are its own."""

    @property
    def tied_to(self) -> dict[str, Any]:
        """Return the other layers of the model whose weights it uses, by argument name."""
        return {name: getattr(self, name) for name in type(self).tied}

    @property
    def rowwise(self) -> bool:
        """Whether it works on each row of the last axis separately, with any number of axes."""
        return False

    @property
    def ends_in(self) -> ActivationName | None:
        """The final activation, if `forward_as` can replace it."""
        return None

    @property
    def followed_by(self) -> str | Callable[[Any], Any] | None:
        """The activation that is computed behind it, where it does not compute it itself."""
        return None

    @property
    def only_activates(self) -> bool:
        """Whether it is only the activation of `ends_in`."""
        return False

    @property
    def is_head(self) -> bool:
        """Whether it is a product with a kernel that a loss can include (`linear`)."""
        return False

    @property
    def gives_table(self) -> bool:
        """Whether it looks up rows of a `table`."""
        return False

    @property
    def repeats(self) -> bool:
        """Whether its output is its input at each of `n` steps."""
        return False

    @property
    def reads_table(self) -> bool:
        """Whether it can read tokens and a table of their products with its kernel: `forward_with`.

        The layer below, which has the table or repeats its rows, is then computed together with it.
        """
        return False
