"""Called: what a layer knows of its calls: the tensors of the first, as in Keras."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from lstm.errors import InvalidTypeError, NoSuchAttributeError
from lstm.interface import computed
from lstm.layers.symbolic import Call, Node, Tensors
from lstm.layers.tracing import scope, shapes_of
from lstm.layers.weighted import Weighted


class Called(Weighted):
    """A layer with the tensors of its first call, outside of other layers."""

    absent_attributes: ClassVar[Mapping[str, str]] = {
        "add_metric": "use metrics in compile",
        "compute_mask": "masks pass on by themselves; layers.MaskOf()(x) is that of a tensor",
        **dict.fromkeys(("get_input_at", "get_output_at"), "use what its calls returned"),
        "losses": "evaluate includes what regularizers add",
    }

    @computed
    def input(self) -> Tensors:
        """The tensor, or the list of tensors, that the layer was first called on.

        Raises:
            NoSuchAttributeError: it was not called yet, or only within another layer.
        """
        return _one_or_all(self._called_first("input").inputs)

    @computed
    def output(self) -> Any:
        """What the first call of the layer returned: a tensor, or a list of them.

        A layer that is called again, on other tensors, also has other outputs: those calls
        returned them.

        Raises:
            NoSuchAttributeError: it was not called yet, or only within another layer.

        Example:
            >>> import lstm
            >>> x = lstm.Input((None, 2))
            >>> hidden = lstm.layers.LSTM(8, name="hidden")
            >>> model = lstm.Model(x, lstm.layers.Dense(1)(hidden(x)))
            >>> lstm.Model(model.input, model.get_layer("hidden").output).output_shape
            (None, 8)
        """
        call = self._called_first("output")
        return call.returned if isinstance(call, Call) else _one_or_all(call.outputs)

    @computed
    def output_shape(self) -> Any:
        """The shape of `output`, batch first; a list of shapes for several outputs.

        Raises:
            NoSuchAttributeError: it was not called yet, or only within another layer.
        """
        return shapes_of(self.output)

    def _called_first(self, wanted: str) -> Call | Node:
        """Return the first call.

        Raises:
            NoSuchAttributeError: there is none.
        """
        call: Call | Node | None = self.first_call
        if call is None or not call.outputs:
            raise NoSuchAttributeError(
                f"{self.name} has no {wanted} yet: it was not called on a symbolic tensor, such as "
                "lstm.Input((None, 2)), outside of other layers"
            )
        return call

    def add_loss(self, loss: Any) -> NoReturn:
        """Refuse what Keras' method does, and say what does it here."""
        raise InvalidTypeError(
            f"add_loss of {self.name}",
            "activity_regularizer= of a layer, an ActivityRegularization, or a loss in compile",
            "a loss within `call`",
        )

    def record(self, inputs: Sequence[Any], options: Mapping[str, Any], outputs: Any) -> None:
        """Keep the arguments and the results of a call of this layer, if it is composite."""
        *around, call = scope.get() or (None,)
        if call is not None and call.layer is self:
            given = {key: value for key, value in options.items() if key != "training"}
            call.take(inputs, given, outputs)
            if not around and self.first_call is None:
                vars(self)["first_call"] = call


def _one_or_all(tensors: Sequence[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else list(tensors)
