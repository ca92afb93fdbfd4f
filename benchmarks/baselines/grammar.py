"""A text whose entropy is known: nested clauses whose verbs agree with nouns far back.

A sentence is drawn from a probabilistic grammar. "the owls that the king near the clock pays hunt
the goat." has one clause inside another: the verb of the owls comes only after the verb of the
king, which must not be taken for the verb of the clock. A model that forgets the noun must guess
its verb among all kinds and both numbers.

Each rule begins with a text, and among the rules of a symbol none of these begins with another. So
the next characters tell which rule was used: a text has only one derivation, and the entropy of the
texts is the entropy of the choices.
"""

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

CHARACTERS = 1_000_000
"""Length of the text, up to the end of its last sentence."""

SEED = 0

NOUNS = {
    "person": ["king", "baker", "sailor", "widow", "miller", "tailor"],
    "animal": ["dog", "goat", "horse", "owl", "snake", "beaver"],
    "thing": ["ship", "clock", "river", "mirror", "lantern", "tower"],
}
VERBS = {
    "person": ["call", "pay", "thank", "greet", "paint"],
    "animal": ["hunt", "smell", "follow", "hear", "bite"],
    "thing": ["hide", "please", "charm", "survive", "outlast"],
}
NUMBERS = {"singular": ("", "s"), "plural": ("s", "")}
"""The endings of a noun and its verb."""

ADVERBS = ["today", "again", "in vain", "at night"]

RELATIVE, NEAR = 0.4, 0.15
"""How often a subject has a relative clause, and how often it has another noun next to it."""


class Rule(NamedTuple):
    """A rule for a symbol: a text, then other symbols."""

    probability: float
    text: str
    then: tuple[str, ...] = ()


def by_rank(words: list[str]) -> list[tuple[float, str]]:
    """Words with probabilities that fall as 1/rank."""
    total = sum(1 / rank for rank in range(1, len(words) + 1))
    return [(1 / rank / total, word) for rank, word in enumerate(words, 1)]


def make_rules() -> dict[str, list[Rule]]:
    """The rules of each symbol; that of a sentence is the first."""
    rules = {
        "sentence": [Rule(1.0, "the ", ("clause", "end"))],
        "clause": [],
        "neighbour": [],
        "end": [
            Rule(0.7, "the ", ("object",)),
            *(Rule(0.3 * p, f"{word}.\n") for p, word in by_rank(ADVERBS)),
        ],
        "object": [],
    }
    for kind, nouns in NOUNS.items():
        for number, (of_noun, of_verb) in NUMBERS.items():
            predicate, verb = f"predicate of {number} {kind}", f"verb of {number} {kind}"
            share = 1 / (len(NOUNS) * len(NUMBERS))
            for p, noun in by_rank(nouns):
                word = noun + of_noun
                rules["clause"].append(Rule(share * p, f"{word} ", (predicate,)))
                rules["neighbour"].append(Rule(share * p, f"{word} "))
                rules["object"].append(Rule(share * p, f"{word}.\n"))
            rules[verb] = [Rule(p, f"{word}{of_verb} ") for p, word in by_rank(VERBS[kind])]
            rules[predicate] = [
                Rule(RELATIVE, "that the ", ("clause", verb)),
                Rule(NEAR, "near the ", ("neighbour", verb)),
                *(
                    rule._replace(probability=rule.probability * (1 - RELATIVE - NEAR))
                    for rule in rules[verb]
                ),
            ]
    return rules


RULES = make_rules()


def entropy() -> float:
    r"""The entropy of the text in nats per character, exactly.

    Let a rule of symbol a produce $M_{ab}$ symbols b on average, let $h_a$ be the entropy of the
    choice among its rules and $n_a$ the mean length of their texts. Then everything that a symbol
    produces has the entropy $e = h + Me$ and the mean length $\ell = n + M\ell$. Sentences are
    independent and mark their end, so the text has the rate $e / \ell$ of a sentence.

    Source:
        Soule, "Entropies of probabilistic grammars", 1974.
    """
    place = {symbol: k for k, symbol in enumerate(RULES)}
    brought = np.zeros((len(RULES), len(RULES)))
    sums = np.zeros((len(RULES), 2))
    for symbol, rules in RULES.items():
        for p, text, then in rules:
            sums[place[symbol]] += -p * math.log(p), p * len(text)
            for other in then:
                brought[place[symbol], place[other]] += p
    nats, characters = np.linalg.solve(np.eye(len(RULES)) - brought, sums)[place["sentence"]]
    return float(nats / characters)


def write(characters: int = CHARACTERS, seed: int = SEED) -> str:
    """A text of at least this many characters, up to the end of a sentence; ASCII only."""
    generator = random.Random(seed)
    weights = {symbol: [rule.probability for rule in rules] for symbol, rules in RULES.items()}
    pieces, length = list[str](), 0
    while length < characters:
        waiting = ["sentence"]
        while waiting:
            symbol = waiting.pop()
            (rule,) = generator.choices(RULES[symbol], weights[symbol])
            waiting += reversed(rule.then)
            pieces.append(rule.text)
            length += len(rule.text)
    return "".join(pieces)


def derivation(text: str) -> Iterator[Rule]:
    """The rules that made a text, in their order.

    Raises:
        ValueError: the text does not consist of whole sentences.
    """
    waiting, done = list[str](), 0
    while waiting or done < len(text):
        symbol = waiting.pop() if waiting else "sentence"
        rule = next((rule for rule in RULES[symbol] if text.startswith(rule.text, done)), None)
        if rule is None:
            raise ValueError(f"no {symbol} at character {done}: {text[done : done + 20]!r}")
        yield rule
        waiting += reversed(rule.then)
        done += len(rule.text)


def surprisal(text: str) -> float:
    """-log p of a text of whole sentences, in nats per character.

    No model can expect to do better; in the long run this converges to `entropy`.

    Raises:
        ValueError: the text does not consist of whole sentences.
    """
    return -sum(math.log(rule.probability) for rule in derivation(text)) / len(text)
