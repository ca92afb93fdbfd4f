"""How much longer than a text what a tokenizer makes of it can be.

The library `tokenizers` ends the process where it finds no memory, and steps that make a text
longer do so once more with each step: twenty times two is a million. So what a definition can do is
known before it is used.
"""

import base64
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

LIMIT = 1000
"""Growth that no tokenizer in use comes near: that of most is below 10, of none known above 400."""

_PARTS = "normalizers", "pretokenizers", "decoders"

_UNICODE = {"NFD": 3, "NFKD": 11, "NFC": 3, "NFKC": 11}
"""The growth of the normal forms of Unicode, in bytes. Once reached, it is not repeated."""


def growth(definition: Mapping[str, Any]) -> float:
    """By which factor encoding or decoding may lengthen a text, in bytes; an upper bound.

    Args:
        definition: the content of a `tokenizer.json`.
    """
    encoding = [*_steps(definition["normalizer"]), *_steps(definition["pre_tokenizer"])]
    return max(_product(encoding), _product(list(_steps(definition["decoder"]))))


def _steps(step: Any) -> Iterator[Mapping[str, Any]]:
    """A step, or those that a sequence of steps is made of."""
    parts = next((step[key] for key in _PARTS if key in step), None) if step else ()
    if parts is None:
        yield step
    else:
        for part in parts:
            yield from _steps(part)


def _product(steps: list[Mapping[str, Any]]) -> float:
    forms = [_UNICODE[step["type"]] for step in steps if step["type"] in _UNICODE]
    return prod(map(_factor, steps), start=max(forms, default=1.0))


def _factor(step: Mapping[str, Any]) -> float:
    match step["type"]:
        case "Replace":
            content, pattern = _size(step["content"]), step["pattern"]
            # A regular expression may match one character, or nothing between two.
            shortest = _size(pattern.get("String", ""))
            return max(1.0, content / shortest) if shortest else 1.0 + content
        case "Prepend":
            return max(1.0, _size(step["prepend"]))
        case "Precompiled":
            # The map of characters: the size of a trie, the trie, and what it leads to.
            data = base64.b64decode(step["precompiled_charsmap"] or "")
            trie = int.from_bytes(data[:4], "little")
            longest = max(map(len, data[4 + trie :].split(b"\0")))
            return max(1.0, longest / 3)  # Of three bytes, as most that become long.
        case "ByteLevel":
            return 2.0  # Half of all bytes become two.
        case "Metaspace":
            return 1.0 + _size(step["replacement"])  # Before each word, and for each space.
        case "BertNormalizer":
            return 2.0  # Spaces around characters of three bytes.
        case _:
            return 1.0


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
