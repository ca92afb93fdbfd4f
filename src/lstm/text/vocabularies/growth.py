"""Growth: how much a tokenizer can lengthen a text.

The library `tokenizers` ends the process if memory runs out, and steps that lengthen a text
multiply: twenty doublings make a million. So the growth of a definition is computed before its use.
"""

import base64
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

LIMIT = 1000
"""Growth far above that of real tokenizers: most are below 10, none known is above 400."""

_PARTS = "normalizers", "pretokenizers", "decoders"

_UNICODE = {"NFD": 3, "NFKD": 11, "NFC": 3, "NFKC": 11}
"""The growth of the normal forms of Unicode, in bytes. It happens only once."""


def growth(definition: Mapping[str, Any]) -> float:
    """Return an upper bound of the factor by which encoding or decoding lengthens a text, in bytes.

    Args:
        definition: the content of a `tokenizer.json`.
    """
    encoding = [*_steps(definition["normalizer"]), *_steps(definition["pre_tokenizer"])]
    return max(_product(encoding), _product(list(_steps(definition["decoder"]))))


def _steps(step: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a step, or the steps of a sequence."""
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
            # A regular expression may match one character, or the gap between two.
            shortest = _size(pattern.get("String", ""))
            return max(1.0, content / shortest) if shortest else 1.0 + content
        case "Prepend":
            return max(1.0, _size(step["prepend"]))
        case "Precompiled":
            # The map of characters: the size of a trie, the trie, and its values.
            data = base64.b64decode(step["precompiled_charsmap"] or "")
            trie = int.from_bytes(data[:4], "little")
            longest = max(map(len, data[4 + trie :].split(b"\0")))
            return max(1.0, longest / 3)  # From three bytes, as for most that become long.
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
