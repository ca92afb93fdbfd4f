"""Tokenizers whose steps make a text longer and longer are refused before they are used.

The library would end the process, with no error to catch.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from lstm.errors import InvalidValueError
from lstm.text import BPEVocabulary
from lstm.text.vocabularies.growth import LIMIT, growth

TEXT = "to be or not to be, that is the question.\n" * 5
PLAIN = BPEVocabulary.from_text(TEXT, size=262)

Step = dict[str, Any]

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}


def replace(pattern: str, content: str, kind: str = "String") -> Step:
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def metaspace(replacement: str = "▁") -> Step:
    scheme = {"prepend_scheme": "always", "split": True}
    return {"type": "Metaspace", "replacement": replacement, **scheme}


def precompiled(longest: int) -> Step:
    """A map of characters, of which only the size of what it leads to matters."""
    data = (4).to_bytes(4, "little") + bytes(4) + b"a\0" + b"x" * longest + b"\0"
    charsmap = base64.b64encode(data).decode()
    return {"type": "Precompiled", "precompiled_charsmap": charsmap}


BERT = {
    "type": "BertNormalizer",
    **{"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
}


def sequence(key: str, steps: list[Step], depth: int = 0) -> Step:
    """Steps one after the other, or one within the other."""
    if not depth or not steps:
        return {"type": "Sequence", key: steps}
    return {"type": "Sequence", key: [steps[0], sequence(key, steps[1:], depth)]}


def definition(**parts: Step | None) -> str:
    return json.dumps(json.loads(PLAIN.definition) | parts)


BOMBS = {
    "bytes of bytes": {"pre_tokenizer": sequence("pretokenizers", [BYTES] * 25)},
    "one within the other": {"pre_tokenizer": sequence("pretokenizers", [BYTES] * 25, depth=1)},
    "bytes in the normalizer": {
        "normalizer": sequence("normalizers", [{"type": "ByteLevel"}] * 25)
    },
    "replaced": {"normalizer": sequence("normalizers", [replace("b", "b" * 100)] * 3)},
    "by nothing": {"normalizer": sequence("normalizers", [replace("", "x", "Regex")] * 30)},
    "while it is written": {"decoder": sequence("decoders", [replace("b", "b" * 100)] * 3)},
    "spaces": {"pre_tokenizer": sequence("pretokenizers", [metaspace("x"), metaspace("y")] * 20)},
    "before": {"normalizer": {"type": "Prepend", "prepend": "x" * 2000}},
    "around": {"normalizer": sequence("normalizers", [BERT] * 20)},
    "both": {
        "normalizer": sequence("normalizers", [replace("b", "b" * 40)]),
        "pre_tokenizer": sequence("pretokenizers", [BYTES] * 5),
    },
}


@pytest.mark.parametrize("name", BOMBS)
def test_steps_without_bound(name: str) -> None:
    with pytest.raises(InvalidValueError, match="makes texts too long, step by step"):
        BPEVocabulary(definition(**BOMBS[name]))


def test_a_map_of_characters_without_bound() -> None:
    parts = {"normalizer": precompiled(9000), "pre_tokenizer": None, "decoder": None}
    assert growth(parts) == 3000
    assert growth(parts | {"normalizer": precompiled(33)}) == 11


USED = {
    "GPT-2": {"normalizer": None, "pre_tokenizer": BYTES | {"use_regex": True}},
    "BERT": {"normalizer": BERT, "pre_tokenizer": {"type": "BertPreTokenizer"}},
    "Llama": {
        "normalizer": sequence(
            "normalizers", [{"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")]
        ),
        "pre_tokenizer": None,
        "decoder": sequence(
            "decoders", [replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}]
        ),
    },
    "T5": {
        "normalizer": sequence("normalizers", [precompiled(33), replace(" {2,}", "▁", "Regex")]),
        "pre_tokenizer": metaspace(),
        "decoder": metaspace(),
    },
    "ALBERT": {
        "normalizer": sequence(
            "normalizers",
            [
                *(replace("``", '"'), replace("''", '"'), {"type": "NFKD"}),
                *({"type": "StripAccents"}, {"type": "Lowercase"}),
                replace(" {2,}", " ", "Regex"),
            ],
        ),
        "pre_tokenizer": metaspace(),
        "decoder": metaspace(),
    },
}


@pytest.mark.parametrize("name", USED)
def test_what_is_in_use_is_taken(name: str) -> None:
    parts = {"decoder": None} | USED[name]
    assert growth(parts) < LIMIT / 2
    Tokenizer.from_str(definition(**{**parts, "normalizer": None}))  # It is one.


@given(
    st.lists(
        st.sampled_from(
            [
                *(replace("a", "bb"), replace("b", "ab"), replace("ab", "abab"), replace("b", "é")),
                *(replace("", "x", "Regex"), replace("b|a", "ba", "Regex")),
                *({"type": form} for form in ("NFD", "NFKD", "NFC", "NFKC", "Lowercase")),
                *({"type": "Prepend", "prepend": "a é"}, {"type": "ByteLevel"}, BERT),
            ]
        ),
        max_size=4,
    ),
    st.text("ab é\u00fd\ufdfa中", min_size=1, max_size=20),
)
def test_no_normalizer_does_more_than_is_said(steps: list[Step], text: str) -> None:
    step = sequence("normalizers", steps)
    tokenizer = Tokenizer.from_str(definition(normalizer=step))
    assert isinstance(tokenizer.normalizer, normalizers.Normalizer)
    bound = growth({"normalizer": step, "pre_tokenizer": None, "decoder": None})
    try:
        longer = len(tokenizer.normalizer.normalize_str(text).encode())
    except BaseException as error:  # Some chains are too much for the library.
        assume(type(error).__name__ != "PanicException")
        raise
    # What stands before or between characters counts one character more.
    assert longer <= bound * (len(text.encode()) + 1)


@given(
    st.lists(st.sampled_from([BYTES, metaspace(), metaspace("x"), metaspace("y")]), max_size=4),
    st.text("ab é中", min_size=1, max_size=20),
)
def test_no_pre_tokenizer_does_more_than_is_said(steps: list[Step], text: str) -> None:
    step = sequence("pretokenizers", steps)
    tokenizer = Tokenizer.from_str(definition(pre_tokenizer=step))
    assert isinstance(tokenizer.pre_tokenizer, pre_tokenizers.PreTokenizer)
    bound = growth({"normalizer": None, "pre_tokenizer": step, "decoder": None})
    parts = tokenizer.pre_tokenizer.pre_tokenize_str(text)
    assert sum(len(part.encode()) for part, _ in parts) <= bound * (len(text.encode()) + 1)


def test_panics_are_errors(capfd: pytest.CaptureFixture[str]) -> None:
    """They are no Exceptions, and the library tells standard error about them."""
    pattern = {"type": "Split", "pattern": {"Regex": "(a|aa)+$"}}
    split = pattern | {"behavior": "Isolated", "invert": False}
    vocabulary = BPEVocabulary(definition(pre_tokenizer=split))
    with pytest.raises(InvalidValueError, match="text: expected one that the tokenizer can encode"):
        vocabulary.encode("a" * 40 + "b")
    assert len(vocabulary.encode("to be")) > 1
    capfd.readouterr()


@pytest.mark.parametrize("depth", [63, 300, 100_000])
def test_definitions_that_are_nested_too_deep(depth: int) -> None:
    nested = '{"type":"Sequence","normalizers":[' * depth + "]}" * depth
    parts = json.loads(PLAIN.definition)
    text = json.dumps(parts | {"normalizer": "X"}).replace('"X"', nested)
    with pytest.raises(InvalidValueError, match=r"the content of a tokenizer\.json"):
        BPEVocabulary(text)


def test_nothing_is_added_to_a_text() -> None:
    piece = {"Sequence": {"id": "A", "type_id": 0}}
    twice = {"single": [piece, piece], "pair": [piece, {"Sequence": {"id": "B", "type_id": 0}}]}
    template = {"type": "TemplateProcessing", "special_tokens": {}, **twice}
    vocabulary = BPEVocabulary(definition(post_processor=template))
    assert vocabulary.encode("to be").tolist() == PLAIN.encode("to be").tolist()
