"""What layers say of themselves when a pass is planned: the questions, and honest answers."""

from typing import Any, ClassVar

from lstm.backends.contract import ActivationName
from lstm.configured import Configured


class Abilities(Configured):
    """Base of layers: what is asked of them, so that nothing has to know their classes.

    A shortcut, such as `forward_as`, counts as long as `promises` holds: a subclass that changes
    what is computed loses it, one that only has another constructor keeps it.
    """

    decisive: ClassVar[tuple[str, ...]] = ()
    """The attributes that these answers depend on: once one is set anew, they are asked again."""

    reads_tokens: int = 0
    """How many tokens there are, for a layer that reads integers below that; 0 for numbers."""

    tied: ClassVar[tuple[str, ...]] = ()
    """Arguments of the constructor that are layers beside this one, whose weights it uses."""

    stateful = False
    """Whether each batch starts from the state in which the one before ended."""

    only_trains: ClassVar[bool] = False
    """Whether it passes its input on as it is, unless the model trains."""

    folds_time = 0
    """1 where the steps of sequences become examples, -1 where these become steps again."""

    @property
    def tied_to(self) -> dict[str, Any]:
        """The layers beside this one whose weights it uses, by the arguments that they are."""
        return {name: getattr(self, name) for name in type(self).tied}

    @property
    def rowwise(self) -> bool:
        """Whether it works on each row of the last axis by itself, however many axes there are."""
        return False

    @property
    def ends_in(self) -> ActivationName | None:
        """The activation that comes last, where `forward_as` can put another in its place."""
        return None

    @property
    def only_activates(self) -> bool:
        """Whether it is the activation of `ends_in` and nothing else."""
        return False

    @property
    def is_head(self) -> bool:
        """Whether it is a product with a kernel, which a loss can include (`linear`)."""
        return False

    @property
    def gives_table(self) -> bool:
        """Whether it looks up the rows of a `table`."""
        return False

    @property
    def reads_table(self) -> bool:
        """Whether it can read tokens and a table of what its kernel makes of each: `forward_with`.

        The layer below, whose table that is, is then computed along with it.
        """
        return False
