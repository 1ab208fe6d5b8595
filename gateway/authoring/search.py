"""The operations that fit some words best. Pure and deterministic.

BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, its form for
several fields): a word counts the more, the fewer operations have it, and in a name more than in
a description. A query's word also finds those that begin with it, for less. Of operations alike
the earlier in the spec comes first.
"""

from __future__ import annotations

import difflib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.authoring.catalogue import Entry
from gateway.authoring.words import first_sentence, prose, split, stem

_K1, _B = 1.2, 0.6
_BEGINS = 0.4  # the worth of a word that only begins like the one that was asked for
_SHORTEST = 3  # letters of what may be the beginning of another word
# What people call it, where the spec has other words or none.
_SAID_OF = {
    "GET": "get list find show",
    "POST": "create add",
    "PUT": "update replace",
    "PATCH": "update change",
    "DELETE": "delete remove",
}
_SMALL = frozenset(
    {"a", "an", "and", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
)


@dataclass(frozen=True, slots=True)
class Hit:
    """An operation, and how well it fits; scores of one search can be compared."""

    entry: Entry
    score: float


class Index:
    """A spec's operations by the words in them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._written: dict[str, str] = {}  # a stem → how it was first written
        lengths = []
        for number, entry in enumerate(entries):
            weights: dict[str, float] = defaultdict(float)
            for text, weight in _fields(entry):
                # Once a field: what a name repeats is no better for it.
                for word in dict.fromkeys(split(text)):
                    root = stem(word)
                    self._written.setdefault(root, word)
                    weights[root] += weight
            # A long list of parameters makes nothing less the operation that it is.
            short = [split(entry.name), split(entry.path), split(entry.summary)]
            lengths.append(float(sum(map(len, short))))
            for root, weight in weights.items():
                self._postings[root].append((number, weight))
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._norms = [_K1 * (1 - _B + _B * length / (mean or 1.0)) for length in lengths]

    def search(self, words: str) -> list[Hit]:
        """The operations that have any of the words, the best first."""
        roots = list(dict.fromkeys(stem(word) for word in split(words) if word not in _SMALL))
        scores: dict[int, float] = defaultdict(float)
        matched: dict[int, int] = defaultdict(int)
        for root in roots:
            best: dict[int, float] = {}
            for found, worth in self._like(root):
                postings = self._postings[found]
                rare = math.log(
                    1 + (len(self._entries) - len(postings) + 0.5) / (len(postings) + 0.5)
                )
                for number, weight in postings:
                    score = worth * rare * weight * (_K1 + 1) / (weight + self._norms[number])
                    best[number] = max(best.get(number, 0.0), score)
            for number, score in best.items():
                scores[number] += score
                matched[number] += 1
        # Who has all of the words goes before who has one of them often.
        hits = [
            Hit(self._entries[number], round(score * (matched[number] / len(roots)) ** 2, 6))
            for number, score in sorted(scores.items())
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.entry.deprecated))

    def nearest(self, words: str) -> list[str]:
        """Words of the spec that were perhaps meant."""
        near: dict[str, None] = {}
        for word in split(words):
            close = difflib.get_close_matches(stem(word), self._postings, n=3, cutoff=0.6)
            near.update(dict.fromkeys(self._written[root] for root in close))
        return list(near)[:6]

    def _like(self, root: str) -> Iterator[tuple[str, float]]:
        if root in self._postings:
            yield root, 1.0
        if len(root) >= _SHORTEST:
            for other in self._postings:
                if other != root and other.startswith(root):
                    yield other, _BEGINS


def _fields(entry: Entry) -> Iterator[tuple[str, float]]:
    yield entry.name, 3.0
    yield entry.path, 2.0
    yield _last(entry.path), 1.0  # `/invoices` is more about invoices than `/invoices/{id}/history`
    yield entry.summary or first_sentence(prose(entry.description)), 2.0
    yield _SAID_OF.get(entry.method, ""), 1.0
    yield from ((tag, 1.0) for tag in entry.tags)
    yield from ((name, 0.7) for name in entry.names)
    yield entry.description, 0.5


def _last(path: str) -> str:
    return "" if path.endswith("}") else path.rpartition("/")[2]
