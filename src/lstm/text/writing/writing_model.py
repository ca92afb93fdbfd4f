"""WritingModel: a language model that writes texts."""

from collections.abc import Iterator, Sequence
from typing import Unpack, overload

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, naming
from lstm.text.normalization import normalized
from lstm.text.token_model import TokenModel
from lstm.text.writing.beam import Continuation, beam_search, checked_width
from lstm.text.writing.sampling import SamplingOptions
from lstm.text.writing.stopping import checked_stops, until_stop
from lstm.text.writing.writer import Writer

Tokens = NDArray[np.int64]


class WritingModel(TokenModel):
    """A `TokenModel` that writes: it draws tokens, or searches for the most probable ones."""

    @overload
    def generate(
        self,
        prompt: str = ...,
        length: int | None = ...,
        temperature: float = ...,
        *,
        stop: str | Sequence[str] | None = ...,
        samples: None = ...,
        **options: Unpack[SamplingOptions],
    ) -> str: ...

    @overload
    def generate(
        self,
        prompt: str = ...,
        length: int | None = ...,
        temperature: float = ...,
        *,
        stop: str | Sequence[str] | None = ...,
        samples: int,
        **options: Unpack[SamplingOptions],
    ) -> list[str]: ...

    def generate(
        self,
        prompt: str = "",
        length: int | None = 200,
        temperature: float = 1.0,
        *,
        stop: str | Sequence[str] | None = None,
        samples: int | None = None,
        **options: Unpack[SamplingOptions],
    ) -> str | list[str]:
        """Continue a text.

        Args:
            prompt: the start of the text; empty for the start of a line. If tokens are words with
                the space before them, a space at its end belongs to the first new word.
            length: number of tokens to write; None to write up to a stop string.
            temperature: below 1 more cautious, above 1 more daring, 0 always the most probable
                token.
            stop: a string, or several, before the first of which the text ends.
            samples: number of texts to write; text k uses the seed `seed + k`.
            **options: how else to draw tokens:

                - top_k=0: choose among this many most probable tokens; 0 for all.
                - top_p=1.0: choose among the most probable tokens that together reach this, in
                  (0, 1].
                - min_p=0.0: drop tokens less probable than this times the most probable one, in
                  [0, 1].
                - repetition_penalty=1.0: divides the positive logits of recent tokens and
                  multiplies the others; above 1 they come less often.
                - repetition_window=64: number of last tokens that count as recent.
                - seed=None: an integer of at least 0; the same seed leads to the same text.

        Returns:
            The prompt and its continuation; with `samples`, a list of such texts.

        Raises:
            InvalidValueError: the prompt has a character that the model does not know, or an
                argument is out of range.

        Source:
            Fan et al. 2018 (top_k), Holtzman et al. 2020 (top_p), Nguyen et al. 2024 (min_p),
            Keskar et al. 2019 (repetition_penalty).

        Example:
            >>> import lstm
            >>> corpus = "abracadabra " * 40
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=30, lr=0.03, seed=0)
            >>> model.generate("abra", length=40, temperature=0, stop=" ")
            'abracadabra'
            >>> len(model.generate("abra", samples=3))
            3
        """
        stops = _stops(stop, length)
        count = 1 if samples is None else samples
        writer = self.writer(prompt, temperature=temperature, samples=count, **options)
        parts = list(until_stop(writer.pieces(length), writer.samples, stops))
        texts = [prompt + "".join(column) for column in zip(*parts, strict=True)]
        return texts[0] if samples is None else texts

    def stream(
        self,
        prompt: str = "",
        length: int | None = 200,
        temperature: float = 1.0,
        *,
        stop: str | Sequence[str] | None = None,
        **options: Unpack[SamplingOptions],
    ) -> Iterator[str]:
        """Yield the continuation of one text in small pieces, as it is written; see `generate`."""
        stops = _stops(stop, length)
        writer = self.writer(prompt, temperature=temperature, **options)
        return (text for (text,) in until_stop(writer.pieces(length), 1, stops) if text)

    def writer(
        self,
        prompt: str = "",
        *,
        samples: int = 1,
        temperature: float = 1.0,
        **options: Unpack[SamplingOptions],
    ) -> Writer:
        """Return a writer that continues one or more texts, piece by piece.

        It can be saved, and continued later; see `Writer`, and `generate` for the arguments.
        """
        return Writer.begin(self, *self._prompt(prompt), samples, temperature, **options)

    def beam(
        self,
        prompt: str = "",
        length: int = 200,
        width: int = 4,
        stop: str | Sequence[str] | None = None,
    ) -> Continuation:
        """Return the most probable continuation that a beam search finds.

        Args:
            prompt: the start of the text; empty for the start of a line.
            length: largest number of tokens to write.
            width: number of texts to follow in parallel; 1 always takes the most probable token, as
                `generate` does at temperature 0.
            stop: a string, or several, before the first of which the text ends.

        Returns:
            The prompt and its continuation, and the log-probability of the continuation.

        Raises:
            InvalidValueError: the prompt has a character that the model does not know, or an
                argument is out of range.

        Example:
            >>> import lstm
            >>> corpus = "abracadabra " * 40
            >>> model = lstm.LanguageModel.train(corpus, hidden=16, epochs=30, lr=0.03, seed=0)
            >>> text, log_probability = model.beam("abra", length=8, stop=" ")
            >>> text
            'abracadabra'
        """
        checks.int_at_least("length", length, 0)
        checked_width("width", width)
        found = beam_search(self, *self._before(prompt), length, width, checked_stops(stop))
        return Continuation(prompt + found.text, found.log_probability)

    def _prompt(self, prompt: str) -> tuple[Tokens, bool]:
        """Return the tokens of a prompt, and whether its last space is left to the next token."""
        if not isinstance(prompt, str):
            raise InvalidTypeError("prompt", "a text", type(prompt).__name__)
        with naming(lambda _: "prompt"):
            return self.vocabulary.encode_open(normalized(prompt))

    def _before(self, prompt: str) -> tuple[Tokens, bool]:
        """Like `_prompt`; for an empty prompt, the token that a text starts after."""
        tokens, space = self._prompt(prompt)
        return tokens if len(tokens) else np.array([self.vocabulary.start], np.int64), space

    def encoded_after(self, prompt: str, text: str) -> Tokens:
        """Return the tokens of a text, the first with the space that may end the prompt.

        Raises:
            InvalidTypeError, InvalidValueError: as `log_probabilities`.
        """
        if not isinstance(text, str):
            raise InvalidTypeError("text", "a text", type(text).__name__)
        _, space = self._prompt(prompt)
        text = normalized(text)
        with naming(lambda _: "text"):
            return self.vocabulary.encode(" " * (space and text != "") + text)


def _stops(stop: str | Sequence[str] | None, length: int | None) -> tuple[str, ...]:
    """Return the stop strings; without any, a text needs a length."""
    stops = checked_stops(stop)
    if length is None and not stops:
        raise InvalidTypeError("length", "an integer of at least 0, if there is no stop", None)
    return stops
