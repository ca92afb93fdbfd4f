"""Random numbers from a key and a counter: the published words, and who gets which."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backend_cases import over_backends, over_dtypes
from lstm.backends import BACKENDS
from lstm.backends.contract import Key, Ops
from lstm.backends.reference.philox import philox, random_words

ONES, ALL = 0xFFFFFFFF, 2**64 - 1

# Counter, key and words of Philox 4x32-10, as Random123 publishes them (kat_vectors).
KNOWN = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([ONES] * 4, [ONES] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]

# Seeds and draws of which each half matters.
KEYS = [Key(0, 0), Key(1, 0), Key(0, 1), Key(1 << 32, 0), Key(0, 1 << 32), Key(ALL, ALL)]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_words(
    counter: list[int], key: list[int], words: list[int]
) -> None:
    assert philox(np.array(counter), np.array(key)).tolist() == words


def test_words_are_those_of_the_blocks_in_order() -> None:
    key = Key(0x1234567890ABCDEF, 0xFEDCBA9876543210)
    seed = np.array([0x90ABCDEF, 0x12345678])
    blocks = [philox(np.array([n, 0, 0x76543210, 0xFEDCBA98]), seed) for n in range(3)]
    assert_array_equal(random_words(11, key), np.concatenate(blocks)[:11])


@over_backends
def test_a_share_of_words_is_dropped_to_the_last_bit(ops: Ops) -> None:
    """The first words of the key of zeros are published: a rate between two words tells them."""
    for k, word in enumerate(KNOWN[0][2]):
        for rate, kept in ((word / 2**32, True), ((word + 1) / 2**32, False)):
            mask = ops.to_numpy(ops.dropout_mask((4,), Key(0, 0), rate, "float32"))
            assert (mask[k] != 0) == kept


@over_backends
@pytest.mark.parametrize("rate", [0.0, 0.3, 1 - 2**-40])
@pytest.mark.parametrize("shape", [(0,), (1,), (63,), (2, 3, 11), (401, 167)])
def test_every_backend_draws_the_same(ops: Ops, shape: tuple[int, ...], rate: float) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for key in KEYS:
        expected = BACKENDS["reference"].dropout(x, key, rate)
        assert_array_equal(ops.dropout(x, key, rate), expected)
        mask = ops.dropout_mask(shape, key, rate, "float32")
        assert_array_equal(mask, BACKENDS["reference"].dropout_mask(shape, key, rate, "float32"))


@over_dtypes
def test_keys_draw_independently(ops: Ops, dtype: str) -> None:
    rate, size = 0.3, 10_000
    masks = [ops.dropout_mask((size,), key, rate, dtype) == 0 for key in KEYS]
    # Five standard deviations of the share that both drop.
    both = rate**2
    bound = 5 * math.sqrt(both * (1 - both) / size)
    for k, mask in enumerate(masks):
        for other in masks[:k]:
            assert abs((mask & other).mean() - both) < bound
