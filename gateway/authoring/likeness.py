"""Descriptions that a model could mistake for each other. Pure.

Two texts are alike by how many words and pairs of neighbouring words they share (Jaccard), after
stemming and without the words that every text has. So another name for the same product, or one
more sentence, does not hide a copy, and two APIs that both say "the latest price" are not alike.
Only texts that share a rare enough word are compared at all (prefix filter: Bayardo, Ma and
Srikant, "Scaling Up All Pairs Similarity Search", 2007), so that a thousand operations are
quick; what is found is what comparing all with all would find.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from gateway.authoring.words import prose, split, stem

ALIKE = 0.58  # a copy with a word changed has 0.6; the most alike texts of two real APIs 0.56
_FEWEST = 3  # words: of shorter texts nothing can be said but that they are the same
_COMMON = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "by", "can", "for", "from", "has", "have", "if",
        "in", "into", "is", "it", "its", "not", "of", "on", "one", "or", "that", "the", "their",
        "them", "then", "there", "this", "to", "use", "which", "with", "you", "your",
    }
)  # fmt: skip


class Text(NamedTuple):
    """A description, and whose it is."""

    owner: str
    text: str


@dataclass(frozen=True, slots=True)
class Alike:
    """Two of the texts, by their numbers, the earlier first; `likeness` is 0 to 1."""

    first: int
    second: int
    likeness: float


def alike(texts: Sequence[Text], least: float = ALIKE) -> list[Alike]:
    """The pairs of different owners that are alike, the most alike first.

    Of texts that an owner has several times, word for word, the first stands for all.
    """
    bags: dict[frozenset[str], dict[str, int]] = {}
    for number, one in enumerate(texts):
        bag = _shingles(one.text)
        if bag:
            bags.setdefault(bag, {}).setdefault(one.owner, number)
    found = []
    for one_bag, other_bag, likeness in _near(list(bags), least):
        for owner, number in bags[one_bag].items():
            for other_owner, other in bags[other_bag].items():
                if owner != other_owner and (one_bag is not other_bag or number < other):
                    found.append(Alike(min(number, other), max(number, other), likeness))
    return sorted(found, key=lambda pair: (-pair.likeness, pair.first, pair.second))


def _near(
    bags: Sequence[frozenset[str]], least: float
) -> Iterator[tuple[frozenset[str], frozenset[str], float]]:
    """The pairs that are alike, each with itself, too."""
    counts = Counter(shingle for bag in bags for shingle in bag)
    seen: dict[str, list[frozenset[str]]] = defaultdict(list)
    for bag in bags:
        yield bag, bag, 1.0
        # Two texts that are alike share one of their rarest shingles, of so many each.
        rarest = sorted(bag, key=lambda shingle: (counts[shingle], shingle))
        rarest = rarest[: len(bag) - math.ceil(least * len(bag)) + 1]
        for other in {id(other): other for shingle in rarest for other in seen[shingle]}.values():
            likeness = _likeness(other, bag)
            if likeness >= least:
                yield other, bag, likeness
        for shingle in rarest:
            seen[shingle].append(bag)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _shingles(text: str) -> frozenset[str]:
    """The words of a text and its pairs of neighbours; nothing of a text that is too short."""
    words = [stem(word) for word in split(prose(text)) if word not in _COMMON]
    return frozenset(_parts(words)) if len(words) >= _FEWEST else frozenset()


def _parts(words: Sequence[str]) -> Iterator[str]:
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))
