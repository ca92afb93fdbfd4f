"""`lstm evaluate`: measures how well a model predicts a text."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lstm import checks
from lstm.cli.running import Int8, Json, print_json, tell, warn
from lstm.cli.surprises import surprise_row, surprise_table
from lstm.errors import InvalidValueError
from lstm.screen import Screen
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import named
from lstm.text.corpus.unknown_tokens import warning_of_evaluation
from lstm.text.training.run_files import held_out


def evaluate(
    model: Annotated[Path, typer.Argument(help="A file that lstm train wrote, or its folder.")],
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders or patterns of them, - for standard input, or shakespeare. "
            "By default, the test part of the training text, or else its validation part.",
            show_default=False,
        ),
    ] = None,
    *,
    per_token: Annotated[
        int, typer.Option(help="Show this many of the most surprising places.", metavar="COUNT")
    ] = 0,
    encoding: Annotated[str, typer.Option(help="Encoding of the text.")] = "utf-8",
    errors: Annotated[
        str, typer.Option(help="How to handle invalid bytes: strict, replace or ignore.")
    ] = "strict",
    int8: Int8 = False,
    json_output: Json = False,
) -> None:
    """Measure how well a model predicts a text, of any size."""
    checks.int_at_least("per_token", per_token, 0)
    language_model = LanguageModel.load(model)
    if int8:
        language_model.quantize()
    if corpus:
        text = named(corpus, encoding=encoding, errors=errors)
        tokens, what = Corpus.temporary(text, language_model.vocabulary), str(text)
    elif not model.is_dir():
        raise InvalidValueError("corpus", "a text, because the model is not a folder", "none")
    else:
        tokens, part = held_out(model, language_model)
        what = f"the {part} part"
    result = language_model.evaluate(tokens)
    found = language_model.surprises(tokens, per_token) if per_token else []
    vocabulary = language_model.vocabulary
    shown = [surprise_row(vocabulary, tokens, surprise) for surprise in found]
    if message := warning_of_evaluation(result.unknown_share):
        warn(message)
    per_character = {
        "unknown_share": result.unknown_share,
        "nats_per_character": result.nats_per_character,
        "bits_per_character": result.bits_per_character,
        "bits_per_byte": result.bits_per_byte,
    }
    if json_output:
        surprises = {"surprises": shown} if per_token else {}
        print_json({"corpus": what} | asdict(result) | per_character | surprises)
        return
    characters = "" if result.characters is None else f", {result.characters:,} characters"
    unknown = "" if vocabulary.unknown is None else f", {100 * result.unknown_share:.1f} % unknown"
    tell(f"{what}: {result.tokens:,} tokens predicted{unknown}{characters}")
    tell(f"{result.nats:.4f} nats, {result.bits:.4f} bits a token")
    tell(f"{result.perplexity:.3f} perplexity of a token")
    if result.characters is None:
        why = "unknown tokens cannot be turned back into text"
        if not result.unknown:
            why = "the tokenizer changes the text"
        tell(f"no bits per character or byte: {why}")
    else:
        nats, bits = result.nats_per_character, result.bits_per_character
        tell(f"{nats:.4f} nats, {bits:.4f} bits a character")
        tell(f"{result.bits_per_byte:.4f} bits a byte")
    tell(f"{100 * result.accuracy:.2f} % of the tokens found at the first guess")
    if shown:
        Screen().print(surprise_table(shown))
