"""Connectionist temporal classification: the loss of labels without times, and their decoding."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import backend
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import spelled
from lstm.layers.ctc_labels import check_labels, check_shape, check_steps
from lstm.layers.ctc_loss import CTCLoss
from lstm.layers.eager import Tensor
from lstm.layers.symbolic import has_tensors
from lstm.ops.calling import apply
from lstm.ops.ctc_decoding import best_path, prefix_beam_search

Values = NDArray[Any]


@spelled
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """-log p(labels) of each example, summed over all ways to spread them over the steps, (C6).

    `lstm.losses.CTC` trains a model with it, faster than a function of tensors: that has no plan.

    Args:
        target: labels (B, L), whole numbers in [0, C) other than `mask_index`.
        output: logits (B, T, C).
        target_length: how many labels each example has, (B).
        output_length: how many steps each example has, (B).
        mask_index: the class that stands for no label, the *blank*.

    Returns:
        The loss of each example, (B).

    Raises:
        InvalidTypeError, InvalidShapeError: something is not such an array.
        InvalidValueError: a label is no class, or the blank; or an example has fewer steps than its
            labels need, for which Keras returns infinity; or a logit is not finite in the dtype of
            the backend.

    Source:
        Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data
        with recurrent neural networks", 2006.

    Example:
        Two steps, three classes of equal probability; the paths "1 1", "0 1" and "1 0" are label 1:

        >>> import numpy as np
        >>> import lstm
        >>> float(lstm.ops.ctc_loss([[1]], np.zeros((1, 2, 3)), [1], [2])[0])  # log 9/3
        1.0986
    """
    given = target, output, target_length, output_length
    if has_tensors(given):
        return apply(CTCLoss(mask_index), *given)
    z, real, blank = _outputs("output", output, output_length, "output_length", mask_index)
    labels = checks.numbers("target", target)
    check_shape("target", labels, len(z))
    lengths = _lengths("target_length", target_length, len(z), labels.shape[1])
    counted = np.arange(labels.shape[1]) < lengths[:, None]
    if (labels[counted] == blank).any():
        raise InvalidValueError("target", "labels other than the blank", blank)
    labels = np.where(counted, labels, blank)
    check_labels("target", labels, z.shape[2], blank)
    check_steps("target", labels, real.sum(1), blank)
    computing = backend()
    ops = computing.ops
    x = ops.array(z.astype(computing.dtype))
    loss, _ = ops.ctc_forward(x, ops.array(labels.astype(np.int64)), blank, real)
    return Tensor.of(ops.to_numpy(loss))


@spelled
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Values, Values]:
    """The labels that outputs say: those of the best path, or the most probable ones.

    It takes arrays, such as `model.predict` returns. "greedy" takes the most probable class of each
    step, (C11). "beam_search" adds up the probabilities of paths with the same labels, (C12), which
    takes about a thousand times as long.

    Args:
        inputs: logits (B, T, C).
        sequence_lengths: how many steps each example has, (B).
        strategy: "greedy" or "beam_search".
        beam_width: how many prefixes a beam search keeps.
        top_paths: how many results a beam search returns.
        merge_repeated: whether the best path's classes that come several times in a row are one
            label. To a beam search they always are.
        mask_index: the class that stands for no label, the *blank*.

    Returns:
        The labels and their scores, as Keras has them. The labels are integers (1, B, T), of a beam
        search (`top_paths`, B, T), the most probable first; behind the last label stands -1. The
        scores of best paths are minus the sum of the largest logits, (B, 1), those of a beam search
        log-probabilities (B, `top_paths`), -inf where it found fewer results.

    Raises:
        InvalidTypeError, InvalidShapeError, InvalidValueError: something is not such an argument.

    Source:
        Graves et al., 2006, as for `ctc_loss`; the beam search is that of Graves, "Sequence
        transduction with recurrent neural networks", 2012.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> logits = np.log([[[0.6, 0.4], [0.6, 0.4]]])  # of the blank and of one label
        >>> lstm.ops.ctc_decode(logits, [2])[0].tolist()  # the best path is all blanks
        [[[-1, -1]]]
        >>> labels, scores = lstm.ops.ctc_decode(logits, [2], "beam_search")
        >>> labels.tolist(), float(np.exp(scores[0, 0]))  # 1 - 0.6 · 0.6
        ([[[1, -1]]], 0.64)
    """
    checks.one_of("strategy", strategy, ("greedy", "beam_search"))
    width = checks.positive_int("beam_width", beam_width)
    top = checks.positive_int("top_paths", top_paths)
    merge = checks.boolean("merge_repeated", merge_repeated)
    z, real, blank = _outputs("inputs", inputs, sequence_lengths, "sequence_lengths", mask_index)
    lengths, dtype = real.sum(1), backend().dtype
    if strategy == "greedy":
        found = [
            [(best_path(x[:n], blank, merge_repeated=merge), -x[:n].max(-1).sum())]
            for x, n in zip(z, lengths, strict=True)
        ]
        top = 1
    else:
        log_p = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
        found = [
            prefix_beam_search(x[:n], blank, width, top)
            for x, n in zip(log_p, lengths, strict=True)
        ]
    labels = np.full((top, *z.shape[:2]), -1, np.int32)
    scores = np.full((len(z), top), -np.inf, dtype)
    for b, results in enumerate(found):
        for k, (decoded, score) in enumerate(results):
            labels[k, b, : len(decoded)], scores[b, k] = decoded, score
    return labels, scores


def _outputs(
    argument: str, values: Any, lengths: Any, lengths_argument: str, mask_index: int
) -> tuple[Values, NDArray[np.bool_], int]:
    """Return logits (B, T, C) as float64, which of their steps are real, (B, T), and the blank."""
    if has_tensors([values, lengths]):
        raise InvalidTypeError(argument, "an array, such as predict returns", "a tensor")
    z = checks.numbers(argument, values).astype(np.float64)
    checks.rank(argument, z, "B T C")
    checks.finite(argument, z, backend().dtype)
    blank = checks.int_at_least("mask_index", mask_index, 0)
    if blank >= z.shape[2]:
        raise InvalidValueError("mask_index", f"a class in [0, {z.shape[2]})", blank)
    counts = _lengths(lengths_argument, lengths, len(z), z.shape[1])
    return z, np.arange(z.shape[1]) < counts[:, None], blank


def _lengths(argument: str, values: Any, examples: int, most: int) -> NDArray[np.int64]:
    """Return a length for each example, at most `most`."""
    lengths = checks.numbers(argument, values)
    checks.shape(argument, lengths.shape, (examples,))
    return checks.indices(argument, lengths, most + 1)
