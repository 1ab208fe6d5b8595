"""Finding one operation among many, by words: for plugins that show three tools instead of all.

A list of a thousand tools costs a model its context before the first question. Instead it searches
(`search`), reads what one operation takes (`describe`), and calls it (`call`). The ranking is Okapi
BM25 over an operation's names, words, path and parameters: no model, no index on disk, the same
order every time. Pure.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from gateway.errors import BadArguments
from gateway.request.text import decode_json
from gateway.values import SpecBody, SpecOperation, SpecParameter

SEARCH, DESCRIBE, CALL = "searchOperations", "describeOperation", "callOperation"
# What each gives, for people.
GIVEN = {
    SEARCH: "names and summaries, the best first",
    DESCRIBE: "what an operation does, and the JSON Schema of its arguments",
    CALL: "the answer of the operation that is called, by its own plan",
}
FOUND = 8  # operations that a search gives, unless it is asked for more
MOST_FOUND = 50

# What a word counts, by where it stands.
_NAME, _SUMMARY, _PATH, _PARAMETER, _DESCRIPTION, _VERB = 5.0, 3.0, 2.0, 1.0, 1.0, 0.7
_SATURATION, _LENGTH = 1.2, 0.5  # BM25's k1 and b
_DESCRIBED = 600  # characters of a description that are looked at
_PREFIX = 3  # letters of a word that may stand for longer ones
_NEAR = 0.8  # how alike a word must be that stands for one nobody uses
# Of a question: the words that are looked at, and of those that nobody uses the ones for which a
# near one is looked for among all words, which takes long, and how long such a word may be.
_ASKED, _SLIPS, _LONGEST = 16, 3, 32
_LEAST = 0.15  # of the best score: what is below has little to do with the question
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
# Stands in every question and in every description.
_COMMON = re.compile(
    "an?|and|are|as|at|be|by|for|from|how|i|in|into|is|it|me|my|of|on|or|that|the|this|to|what|"
    "which|with"
)
# What people say who mean a method.
_VERBS = {
    "GET": "get list read find show fetch look retrieve",
    "POST": "create add new post make send start",
    "PUT": "update set replace change put",
    "PATCH": "update edit change modify patch",
    "DELETE": "delete remove drop cancel clear",
}


class Entry(NamedTuple):
    """An operation as it is searched for."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    arguments: tuple[str, ...]


def words(text: str) -> Iterator[str]:
    """The words of a text or an identifier, each in the form in which it is compared."""
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if not _COMMON.fullmatch(word):
            yield _stem(word)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    """A word without what makes it plural or an action: both sides lose the same."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
        if word.endswith(("sse", "xe", "che", "she")):
            word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            return word[: -len(ending)]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The operations of a plugin, ready to be searched.

    `index` says of each word what it counts, by operation.
    """

    entries: tuple[Entry, ...]
    index: Mapping[str, Mapping[int, float]]
    titles: tuple[frozenset[str], ...]  # the words of names and summaries, by operation
    names: Mapping[str, str]  # of the three operations, by what they do

    def search(self, query: str) -> list[Entry]:
        """The operations that have to do with a question, the best first; none for no words."""
        scores: dict[int, float] = defaultdict(float)
        asked: set[str] = set()
        slips = 0
        for word in islice(dict.fromkeys(words(query[:1000])), _ASKED):
            meant = self._meant(word)
            if not meant and len(word) <= _LONGEST and slips < _SLIPS:
                slips += 1
                meant = self._near(word)
            for known, share in meant:
                asked.add(known)
                found = self.index[known]
                rarity = math.log(1 + (len(self.entries) - len(found) + 0.5) / (len(found) + 0.5))
                for number, weight in found.items():
                    scores[number] += share * rarity * weight
        if not scores:
            return []
        # Of two that say all that was asked, the one that says nothing else is meant.
        for number in scores:
            title = self.titles[number]
            scores[number] *= 1 + len(title & asked) / len(title) if title else 1
        least = max(scores.values()) * _LEAST
        ranked = sorted(scores, key=lambda number: (-scores[number], number))
        return [self.entries[number] for number in ranked if scores[number] >= least]

    def _meant(self, word: str) -> list[tuple[str, float]]:
        """The known words that a word of a question may stand for, and how surely."""
        if word in self.index:
            return [(word, 1.0)]
        if len(word) >= _PREFIX:
            longer = [known for known in self.index if known.startswith(word)]
            if longer:
                return [(known, 0.6) for known in longer[:20]]
        return []

    def _near(self, word: str) -> list[tuple[str, float]]:
        """The known words that a slip may have been meant for."""
        near = difflib.get_close_matches(word, self.index, n=2, cutoff=_NEAR)
        return [(known, 0.5) for known in near]

    def groups(self) -> list[tuple[str, int]]:
        """How many operations there are by the first word of their paths, the most first."""
        counts = Counter(_group(entry.path) for entry in self.entries)
        return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _group(path: str) -> str:
    """The first part of a path that says something: neither a version nor a placeholder."""
    parts = (part for part in path.split("/") if part and not part.startswith("{"))
    return next((part for part in parts if not re.fullmatch(r"v\d+|api|rest", part)), "/")


def catalog(entries: Iterable[Entry]) -> Catalog:
    """Make operations searchable."""
    every = tuple(entries)
    counted = [_counted(entry) for entry in every]
    lengths = [sum(one.values()) for one in counted]
    usual = sum(lengths) / len(lengths) if lengths else 1.0
    index: dict[str, dict[int, float]] = defaultdict(dict)
    for number, (one, length) in enumerate(zip(counted, lengths, strict=True)):
        slack = _SATURATION * (1 - _LENGTH + _LENGTH * length / usual)
        for word, weight in one.items():
            index[word][number] = weight * (_SATURATION + 1) / (weight + slack)
    titles = tuple(frozenset(words(f"{one.name} {one.summary}")) for one in every)
    return Catalog(every, dict(index), titles, _own_names({entry.name for entry in every}))


def _counted(entry: Entry) -> dict[str, float]:
    counts: dict[str, float] = defaultdict(float)
    parts = (
        (_NAME, entry.name),
        (_SUMMARY, entry.summary),
        (_PATH, entry.path),
        (_PARAMETER, " ".join(entry.arguments)),
        (_DESCRIPTION, entry.description[:_DESCRIBED]),
        (_VERB, _VERBS.get(entry.method, "")),
    )
    for weight, text in parts:
        for word in dict.fromkeys(words(text)):  # said twice in one place is said once
            counts[word] += weight
    return counts


def passed_on(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `callOperation` passes on: nothing is ever lost of it on the way.

    Models write an object's JSON text where the object is meant, as everywhere else.
    Raises: BadArguments.
    """
    given = arguments.get("arguments")
    if isinstance(given, str):
        try:
            given = decode_json(given)
        except ValueError:
            given = ""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadArguments("'arguments' must be an object: the operation's arguments by name.")
    return given


# --- the three operations, as a spec would describe them ----------------------------------------


def _own_names(taken: Collection[str]) -> dict[str, str]:
    """What the three are called: names that no operation of the plugin has."""
    names = {}
    for role in (SEARCH, DESCRIBE, CALL):
        name = role
        while name in taken:
            name += "_"
        names[role] = name
    return names


def own_specs(names: Mapping[str, str], many: int) -> dict[str, SpecOperation]:
    """Describe them, by role; `many` is how many operations there are."""
    search, describe, call = names[SEARCH], names[DESCRIBE], names[CALL]
    name: dict[str, object] = {"type": "string"}
    return {
        SEARCH: SpecOperation(
            "GET",
            f"/{search}",
            f"/{search}",
            search,
            f"Find operations among {many:,}.",
            f"Finds operations of this API by what they do, among {many:,}. Do this first, then "
            f"{describe}, then {call}. Without a query: what there is, in groups.",
            (
                SpecParameter("query", "query", name, description="What to do, in a few words."),
                SpecParameter(
                    "count",
                    "query",
                    {"type": "integer", "minimum": 1, "maximum": MOST_FOUND},
                    description=f"At most so many; {FOUND} unless given.",
                ),
            ),
        ),
        DESCRIBE: SpecOperation(
            "GET",
            f"/{describe}",
            f"/{describe}",
            describe,
            "What an operation does and takes.",
            f"Tells what an operation does, and the JSON Schema of its arguments for {call}.",
            (SpecParameter("name", "query", name, True, f"As {search} gives it."),),
        ),
        CALL: SpecOperation(
            "POST",
            f"/{call}",
            f"/{call}",
            call,
            "Call an operation.",
            f"Calls an operation that {search} found, with the arguments that {describe} tells.",
            body=SpecBody(
                "application/json",
                "json",
                {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {**name, "description": f"As {search} gives it."},
                        "arguments": {"type": "object", "description": "By name."},
                    },
                },
                required=True,
            ),
        ),
    }
