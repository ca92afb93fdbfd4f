"""Decoding: the labels that the outputs of connectionist temporal classification say."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


def best_path(z: Values, blank: int, *, merge_repeated: bool = True) -> Labels:
    """Return the labels of the path of the most probable class of each step, (C11).

    Args:
        z: logits (T, C).
        blank: the class that stands for no label.
        merge_repeated: whether a class that comes several times in a row is one label.
    """
    path = z.argmax(-1)
    begins = np.ones(len(path), bool)
    if merge_repeated:
        begins[1:] = path[1:] != path[:-1]
    return path[begins & (path != blank)]


def prefix_beam_search(
    log_p: Values, blank: int, beam_width: int, top_paths: int
) -> list[tuple[Labels, float]]:
    """Return the most probable labels that a search finds, each with its log-probability, (C12).

    At every step it keeps the `beam_width` prefixes that are most probable so far. The probability
    of each is that of all paths that give it and were not lost: those that end in a blank, after
    which a label may be repeated, and those that end in its last label.

    Args:
        log_p: log-probabilities (T, C).
        blank: the class that stands for no label.
        beam_width: number of prefixes.
        top_paths: number of results, at most.

    Source:
        Graves, "Sequence transduction with recurrent neural networks", 2012; Hannun et al.,
        "First-pass large vocabulary continuous speech recognition using bi-directional recurrent
        DNNs", 2014.
    """
    # Prefixes are the nodes of a tree: to its parent each adds its last label. The empty prefix is
    # node 0, whose last label is no class.
    none = log_p.shape[1]
    parents, labels, children = [0], [none], dict[tuple[int, int], int]()
    nodes, blanks, lasts = np.zeros(1, np.int64), np.zeros(1), np.full(1, -np.inf)
    for row in log_p:
        rows = np.arange(len(nodes))
        last = np.array([labels[node] for node in nodes])
        total = np.logaddexp(blanks, lasts)
        stayed = lasts + np.append(row, -np.inf)[last]
        # By one label: a label that is repeated begins again only behind a blank.
        grown = np.column_stack((total[:, None] + row, total))
        grown[rows, last] = blanks + np.append(row, -np.inf)[last]
        grown[:, [blank, none]] = -np.inf
        places = {node: k for k, node in enumerate(nodes.tolist())}
        for node, k in places.items():
            place = places.get(parents[node]) if node else None
            if place is not None:  # A prefix that is kept already.
                stayed[k] = np.logaddexp(stayed[k], grown[place, labels[node]])
                grown[place, labels[node]] = -np.inf
        blanks, lasts = total + row[blank], stayed
        scores = np.concatenate((np.logaddexp(blanks, lasts), grown.ravel()))
        kept = np.argsort(-scores, kind="stable")[:beam_width]
        kept = kept[scores[kept] > -np.inf]
        old, new = kept[kept < len(nodes)], kept[kept >= len(nodes)] - len(nodes)
        made = []
        for place, label in zip(*divmod(new, grown.shape[1]), strict=True):
            edge = int(nodes[place]), int(label)
            if edge not in children:
                children[edge] = len(parents)
                parents.append(edge[0])
                labels.append(edge[1])
            made.append(children[edge])
        nodes = np.append(nodes[old], np.array(made, np.int64))
        blanks = np.append(blanks[old], np.full(len(new), -np.inf))
        lasts = np.append(lasts[old], grown.ravel()[new])
    total = np.logaddexp(blanks, lasts)
    best = np.argsort(-total, kind="stable")[:top_paths]
    return [(_spelled(int(nodes[k]), parents, labels), float(total[k])) for k in best]


def _spelled(node: int, parents: list[int], labels: list[int]) -> Labels:
    """Return the labels of a prefix."""
    found = []
    while node:
        found.append(labels[node])
        node = parents[node]
    return np.array(found[::-1], np.int64)
