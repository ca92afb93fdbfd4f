"""Writer: writes texts piece by piece, with everything needed to continue."""

import copy
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks, storage
from lstm.backends.contract import Choice
from lstm.errors import InvalidValueError, ModelFileError
from lstm.models import State
from lstm.text.normalization import normalized
from lstm.text.token_model import TokenModel
from lstm.text.writing.generation import Sampler, gathered
from lstm.text.writing.sampling import ChoiceOptions, checked_choice

Tokens = NDArray[np.int64]

_PIECE = 32
"""Tokens to draw in the first call of the backend; each later call draws twice as many."""

_PIECE_SECONDS = 0.02
"""Time per call from which pieces stop growing, so that a reader sees the text grow."""

_PROPOSAL = 24
"""Largest number of characters of a proposal."""

_PROPOSAL_TOKENS = 4 * _PROPOSAL
"""Largest number of tokens for a proposal: a character has up to 4 bytes."""

_ROUNDS = 8
"""Number of tries to find different proposals."""


class Writer:
    """Writes one or more parallel texts, and can continue at any time.

    It remembers the state of the model, the last tokens and the random generators. The number and
    size of the pieces, and saving in between, change nothing: the pieces together are the text that
    one call would write. Text k with seed s is the text that a writer with seed s + k writes alone;
    on the native backend bit for bit, while NumPy's products in the reference round differently for
    another number of texts. A character is held back until all its bytes are written.

    Made by `LanguageModel.writer`.

    Args:
        model: the language model.
        choice: how to choose a token.
        state: the state of B texts.
        last: (B,), the last token of each text, not yet part of the state.
        recent: (B, W), the tokens that the repetition penalty counts; -1 for no token.
        generators: B sources of random numbers.
        space: whether the texts end with a space that belongs to the next token.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> writer = model.writer("abra", seed=1)
        >>> first, second = writer.write(10)[0], writer.write(5)[0]
        >>> "abra" + first + second == model.generate("abra", 15, seed=1)
        True
    """

    def __init__(
        self,
        model: TokenModel,
        choice: Choice,
        state: State,
        last: Tokens,
        recent: Tokens,
        generators: Sequence[np.random.Generator],
        space: bool = False,
    ) -> None:
        self._model = model
        self._choice = choice
        self._state = state
        self._last = last
        self._recent = recent
        self._sampler = Sampler(model)
        self._generators = list(generators)
        self._space = space
        self._decoders = [model.vocabulary.decoder() for _ in generators]
        self._piece = _PIECE

    @classmethod
    def begin(
        cls,
        model: TokenModel,
        prompt: Tokens,
        space: bool,
        samples: int,
        temperature: float = 1.0,
        *,
        repetition_window: int = 64,
        seed: int | None = None,
        **options: Unpack[ChoiceOptions],
    ) -> "Writer":
        """Return a writer of texts that all start with the same tokens (T,), perhaps none.

        `space` says whether a space follows that belongs to the next token.

        Raises:
            InvalidValueError: an argument is out of range.
        """
        choice = checked_choice(temperature, **options)
        repetition_window = checks.int_at_least("repetition_window", repetition_window, 0)
        checks.positive_int("samples", samples)
        if seed is not None:
            checks.int_at_least("seed", seed, 0)
        state = model.read(prompt[None, :-1], model.model.initial_state(1))
        last = prompt[-1:] if len(prompt) else np.array([model.vocabulary.start], np.int64)
        recent = np.full((1, repetition_window), -1, np.int64)
        seeds = [None if seed is None else seed + k for k in range(samples)]
        generators = [np.random.default_rng(one) for one in seeds]
        recent = _entered(recent, prompt[None])
        writer = cls(model, choice, state, last, recent, generators[:1], space)
        return writer._repeated(generators)

    @property
    def samples(self) -> int:
        """Number of texts B."""
        return len(self._generators)

    def write(self, length: int) -> list[str]:
        """Write the next part of each text.

        Args:
            length: number of tokens.

        Raises:
            InvalidValueError: `length` is below 0.
        """
        parts = list(self.pieces(length))
        return ["".join(part[k] for part in parts) for k in range(self.samples)]

    def pieces(self, length: int | None = None) -> Iterator[list[str]]:
        """Yield the next part of each text in small pieces, as it is written.

        Args:
            length: number of tokens; None for a text without end.

        Raises:
            InvalidValueError: `length` is below 0.
        """
        if length is not None:
            checks.int_at_least("length", length, 0)
        return self._pieces(length)

    def _pieces(self, length: int | None) -> Iterator[list[str]]:
        written = 0
        while length is None or written < length:
            start = time.perf_counter()
            count = self._piece if length is None else min(self._piece, length - written)
            texts = self._draw(count)
            written += count
            if count == self._piece and time.perf_counter() - start < _PIECE_SECONDS:
                self._piece *= 2
            yield texts

    def read(self, text: str) -> None:
        """Read a text as if it had been written.

        Args:
            text: the continuation of every text; it may be empty.

        Raises:
            InvalidTypeError: `text` is not a str.
            InvalidValueError: `text` has a character that the model does not know.
        """
        checks.string("text", text)
        whole = " " * self._space + normalized(text)
        tokens, self._space = self._model.vocabulary.encode_open(whole)
        if len(tokens):
            given = np.tile(tokens, (self.samples, 1))
            seen = np.append(self._last[:, None], given[:, :-1], 1)
            self._state = self._model.read(seen, self._state)
            self._last, self._recent = given[:, -1], _entered(self._recent, given)
            self._decoders = [self._model.vocabulary.decoder() for _ in self._decoders]

    def copy(self) -> "Writer":
        """Return an independent writer that continues from here, and writes the same."""
        twin = copy.copy(self)
        twin._generators = copy.deepcopy(self._generators)
        twin._decoders = [self._model.vocabulary.decoder() for _ in self._decoders]
        for one, other in zip(twin._decoders, self._decoders, strict=True):
            one.pending = other.pending
        return twin

    def propose(self, count: int = 4) -> list[str]:
        """Return different continuations of the text, without reading one: see `read`.

        Each ends with the space or line end after a word, or after 24 characters.

        Args:
            count: number of proposals; there are fewer if the model is too sure of one.

        Raises:
            InvalidValueError: `count` is below 1, or the writer writes several texts.
        """
        checks.positive_int("count", count)
        if self.samples > 1:
            raise InvalidValueError("samples", "1, to propose continuations", self.samples)
        found: dict[str, None] = {}
        for _ in range(_ROUNDS):
            seeds = self._generators[0].integers(2**63, size=count)
            branch = self._repeated([np.random.default_rng(seed) for seed in seeds])
            texts = [""] * count
            for part in branch._pieces(_PROPOSAL_TOKENS):
                texts = [text + more for text, more in zip(texts, part, strict=True)]
                if all(_proposal(text) for text in texts):
                    break
            found |= dict.fromkeys(_proposal(text) or text[:_PROPOSAL] for text in texts)
            if len(found) >= count:
                break
        return [text for text in found if text][:count]

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything needed to continue to one `.safetensors` file, in one step.

        Raises:
            ModelFileError: the file cannot be written; an existing file stays unchanged.
        """
        tensors = {"last": self._last, "recent": self._recent}
        for name, parts in self._state.items():
            tensors |= {f"state/{name}/{k}": array for k, array in enumerate(parts)}
        storage.write(
            path,
            tensors,
            {
                "kind": "writer",
                "model": _fingerprint(self._model),
                "choice": self._choice._asdict(),
                "generators": [rng.bit_generator.state for rng in self._generators],
                "pending": [decoder.pending.hex() for decoder in self._decoders],
                "space": self._space,
            },
        )

    @classmethod
    def load(cls, path: str | PathLike[str], model: TokenModel) -> "Writer":
        """Read a writer that `save` wrote, to continue where that one was.

        Args:
            path: the file.
            model: the language model of the saved writer, with the same weights.

        Raises:
            ModelFileError: the file is missing, damaged or of another kind, or belongs to another
                model.
        """
        with storage.reading(path, ("writer",)) as (tensors, header):
            if header["model"] != _fingerprint(model):
                why = "belongs to another model, or to this one before it was trained"
                raise ModelFileError(path, why)
            generators = [_generator(state) for state in header["generators"]]
            shapes, size = model.model.graph.state_shapes(), len(model.vocabulary)
            parts = {
                name: tuple(tensors[f"state/{name}/{k}"] for k in range(len(arrays)))
                for name, arrays in shapes.items()
            }
            dtype = model.model.backend.dtype
            checks.shape("last", tensors["last"].shape, (len(generators),))
            checks.shape("recent", tensors["recent"].shape, (len(generators), None))
            writer = cls(
                model,
                checked_choice(**header["choice"]),
                State.checked(parts, shapes, len(generators), dtype),
                checks.indices("last", tensors["last"], size),
                checks.indices("recent", tensors["recent"] + 1, size + 1) - 1,
                generators,
                checks.one_of("space", header.get("space", False), (True, False)),
            )
            for decoder, pending in zip(writer._decoders, header["pending"], strict=True):
                decoder.pending = bytes.fromhex(pending)
        return writer

    def _draw(self, count: int) -> list[str]:
        """Write the next tokens of each text, at least one, and return them as text."""
        u = np.stack([rng.random(count) for rng in self._generators])
        if not self._space:
            return self._written(u)
        # The space of the first token is already at the end of the text.
        texts = [text[1:] for text in self._written(u[:, :1], self._model.vocabulary.spaced)]
        self._space = False
        more = self._written(u[:, 1:]) if count > 1 else [""] * self.samples
        return [one + other for one, other in zip(texts, more, strict=True)]

    def _written(self, u: NDArray[np.float64], only: NDArray[np.bool_] | None = None) -> list[str]:
        """Return N new tokens, from uniforms u (B, N), as text; `only` (V,) limits the choice."""
        drawn, self._state = self._sampler.draw(
            self._last,
            self._state,
            self._recent,
            np.ascontiguousarray(u),
            self._choice,
            only,
        )
        self._last, self._recent = drawn[:, -1], _entered(self._recent, drawn)
        return [decoder.decode(row) for decoder, row in zip(self._decoders, drawn, strict=True)]

    def _repeated(self, generators: Sequence[np.random.Generator]) -> "Writer":
        """Return a writer of parallel copies of its one text, each with its own randomness."""
        rows = np.zeros(len(generators), np.int64)
        writer = Writer(
            self._model,
            self._choice,
            gathered(self._state, rows),
            self._last[rows],
            self._recent[rows],
            generators,
            self._space,
        )
        writer._sampler = self._sampler
        for decoder in writer._decoders:
            decoder.pending = self._decoders[0].pending
        return writer


def _entered(recent: Tokens, tokens: Tokens) -> Tokens:
    """Return the last W tokens of the recent ones (B, W) and the next ones (B, T)."""
    return np.append(recent, tokens, 1)[:, tokens.shape[1] :]


def _proposal(text: str) -> str:
    """Return the start of a text as a proposal; empty if the text is too short for one."""
    letters = False
    for n, character in enumerate(text[:_PROPOSAL]):
        if letters and character in " \n":
            return text[: n + 1]
        letters = letters or character.isalpha()
    return text[:_PROPOSAL] if len(text) >= _PROPOSAL else ""


def _generator(state: Mapping[str, Any]) -> np.random.Generator:
    generator = np.random.default_rng(0)
    try:
        generator.bit_generator.state = state
    except OverflowError as error:
        raise InvalidValueError("generators", "states of random generators", error) from None
    return generator


def _fingerprint(model: TokenModel) -> str:
    """Return a digest of vocabulary and weights, which identifies a model."""
    tensors, _ = model.model.contents(include_optimizer=False)
    vocabulary = json.dumps(model.vocabulary.to_config(), sort_keys=True)
    digest = hashlib.sha256(vocabulary.encode("utf-8", "surrogatepass"))
    for name in sorted(tensors):
        # The same for every dtype in which a model is read.
        array = np.ascontiguousarray(tensors[name], np.float32)
        digest.update(f"\n{name} {array.shape}\n".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
