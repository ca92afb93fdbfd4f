"""The requirements of a language model, and the reasons why a model does not meet them."""

from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers import Embedding
from lstm.layers.rules import has_time
from lstm.models import Model
from lstm.models.graph import Graph, layer_of


def check_language_model(model: Model, size: int) -> None:
    """Check that a model reads tokens, and after each returns the probabilities of all tokens.

    Args:
        model: any model whose shapes are known.
        size: number of tokens of the vocabulary.

    Raises:
        InvalidShapeError, InvalidValueError: the model does something else; says what.
    """
    graph = model.graph
    reads = [graph.symbols.get(tensor) for tensor in graph.inputs]
    gives = [tensor.shape[-1] for tensor in graph.outputs]
    if reads != [size] or gives != [size]:
        expected = f"one input of {size} tokens and one output with a number for each"
        unread = " (only Embeddings read tokens)" if None in reads else ""
        raise InvalidShapeError("model", expected, f"inputs {reads}{unread}, outputs {gives}")
    shape = graph.outputs[0].shape
    if len(shape) != 3 or not has_time(shape):
        expected = f"an output at every step, (B, T, {size}): return_sequences=True in all layers"
        raise InvalidShapeError("model", expected, f"shape {shape}")
    for layer in graph.layers.values():
        if isinstance(layer, Embedding) and layer.mask_zero:
            expected = "mask_zero=False, because token 0 is part of the text"
            raise InvalidValueError("model", expected, f"{layer.name} with mask_zero=True")
    last = layer_of(graph.outputs[0].node)
    if last.ends_in not in ("softmax", "linear"):
        raise InvalidValueError(
            "model",
            "a Dense or an Activation at the end, softmax for probabilities or linear for logits",
            f"a {type(last).__name__}" + (f" with {last.ends_in}" if last.ends_in else ""),
        )
    _check_steps(graph)


def ends_in_softmax(model: Model) -> bool:
    """Whether a checked model returns probabilities rather than logits."""
    return layer_of(model.graph.outputs[0].node).ends_in == "softmax"


def _check_steps(graph: Graph) -> None:
    """Check that the model can continue from what it has read: it writes token by token.

    Raises:
        InvalidValueError: it cannot, or has no memory.
    """
    try:
        states = graph.state_shapes()
    except InvalidValueError as error:
        got = f"{error.argument}: {error.got}"
        raise InvalidValueError("model", f"{error.expected}, as writing does", got) from None
    if not states:
        raise InvalidValueError("model", "a recurrent layer, which remembers what it read", "none")
