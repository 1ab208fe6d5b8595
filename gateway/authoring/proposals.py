"""Rules that make an answer small, proposed from one that was saved. Pure.

Kept is what people ask for, judged by the names of members, and always the ids that other
operations take; what costs much and says little goes: web addresses, names for machines, long
texts, what is nothing or everywhere the same. Each line was compiled for the operation, as
`check` does it, and applied to the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from gateway.config.scalars import Budget
from gateway.shrinking import Rules, Shapes, compile_shrinker, count
from gateway.shrinking.exact import Tree, decode, tidy
from gateway.shrinking.paths import Step, join
from gateway.shrinking.suggest import UNTOLD, worth
from gateway.shrinking.weights import Part, arrays, weigh
from gateway.values import Schema

_MOST = 16  # members that are proposed, ids and marks of pages not counted
_FEWEST = 4  # so many are proposed, though their names say little
_OF_ALL = 0.4  # of the tokens, that they may cost
_DEEP = 6  # steps below which nobody looks for what is worth having
_EMPTY, _URLS = 0.02, 0.05  # of the tokens, from which on dropping them is worth a line
_SAVES = 0.95  # a table that leaves more is not worth being one
_ROWS = (100, 50, 25, 10, 5)
_LONG = 50  # rows from which on a limit is proposed, though the answer fits
_PAGES = frozenset(
    {
        "next", "after", "before", "cursor", "nextcursor", "nextpage", "nextpagetoken", "total",
        "totalcount", "totalresults", "totalpages", "hasmore", "count", "offset", "continue",
    }
)  # fmt: skip
_CALLED = frozenset({"name", "title"})
_HALF = 0.5
_UNTOLD = 2  # rank
_DEFAULT = Budget(8000)


@dataclass(frozen=True, slots=True)
class Line:
    """A key of an operation, its value, and the tokens that it leaves, alone."""

    key: str
    value: Any
    tokens: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an answer costs, where, and the lines to paste: each alone, and `together`.

    `unknown` are members that would be worth having, but that the response schema lacks.
    """

    tokens: int
    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    together: int
    unknown: tuple[str, ...]


def propose(
    body: bytes,
    schema: Schema | None,
    components: Mapping[str, Schema],
    needed: Set[tuple[Step, ...]] = frozenset(),
    budget: Budget = _DEFAULT,
) -> Proposal:
    """Propose the rules of an operation.

    Args:
        body: A reply, JSON as it came.
        schema: Of the reply.
        components: What its references point to.
        needed: Where ids stand that other operations take.
        budget: The operation's; where it has none, the default is what answers shall fit.

    Raises: ValueError, where the body is not JSON.
    """
    text = tidy(body)
    tree, shapes, tokens = decode(text), Shapes(components), count(body)
    parts = weigh(tree, tokens)
    trial = _Trial(body, schema, shapes)
    fields, unknown = _fields(parts, needed, trial)
    found: dict[str, Any] = {}
    if fields:
        found["fields"] = fields
    kinds = _drop(parts)
    if kinds and (trial.tokens(drop=kinds) or tokens) < count(text):
        found["drop"] = kinds
    less = tidy(trial.answer(**found) or text)
    table = trial.answer(**found, encode="table")
    if table is not None and count(table) < _SAVES * count(less):
        found["encode"] = "table"
        less = table
    limit = _limit(
        trial.answer(**{**found, "encode": "json"}) or text, count(less), budget or _DEFAULT
    )
    if limit and trial.tokens(**found, limit_items=limit) is not None:
        found["limit_items"] = limit
    lines = [
        Line(key, found[key], trial.tokens(**{key: found[key]}) or tokens)
        for key in ("fields", "drop", "limit_items", "encode")
        if key in found
    ]
    together = trial.tokens(**found) if found else tokens
    return Proposal(tokens, tuple(parts), tuple(lines), together or tokens, tuple(unknown))


class _Trial:
    """Applies rules to the answer. None: they are no right ones for the operation."""

    def __init__(self, body: bytes, schema: Schema | None, shapes: Shapes) -> None:
        self._body, self._schema, self._shapes = body, schema, shapes

    def faults(self, **rules: Any) -> list[str]:
        """What `check` would say."""
        _, faults = compile_shrinker(self._schema, self._shapes, Rules(**rules))
        return [fault.message for fault in faults]

    def answer(self, **rules: Any) -> bytes | None:
        """The answer, whole."""
        shrinker, faults = compile_shrinker(self._schema, self._shapes, Rules(**rules))
        return None if faults else shrinker.shrink(self._body).body

    def tokens(self, **rules: Any) -> int | None:
        """What it costs."""
        text = self.answer(**rules)
        return None if text is None else count(text)


# --- fields -----------------------------------------------------------------------------------


def _fields(
    parts: Sequence[Part], needed: Set[tuple[Step, ...]], trial: _Trial
) -> tuple[list[str], list[str]]:
    """The entries of `fields`, and the paths that the schema lacks."""
    sure = [part for part in parts if part.steps in needed or _is_of_pages(part)]
    foreign = _foreign(parts)
    wanted = sorted(
        (part for part in parts if part not in sure and _may_be(part)),
        key=lambda part: _order(part, foreign),
    )
    chosen: list[Part] = []
    unknown: list[str] = []
    spent = 0.0
    for part in [*sure, *wanted]:
        is_sure = part in sure
        telling = _rank(part, foreign) < _UNTOLD
        if not is_sure and (len(chosen) - len(sure) >= _MOST or spent + part.share > _OF_ALL):
            continue
        if not is_sure and not telling and len(chosen) >= _FEWEST:
            continue
        if trial.faults(fields=[part.path]):
            unknown.append(part.path)
            continue
        chosen.append(part)
        spent += 0 if is_sure else part.share
    if not _are_enough(chosen, parts, foreign):
        return [], unknown
    entries = _entries([part.steps for part in sorted(chosen, key=lambda one: one.place)])
    return ([] if trial.faults(fields=entries) else entries), unknown


def _are_enough(chosen: Sequence[Part], parts: Sequence[Part], foreign: Set[int]) -> bool:
    """Whether what is chosen is less than all, and something of it tells of what most of the
    answer is about: nobody can choose by name between columns of numbers."""
    if not chosen or sum(part.share for part in chosen) > 1 - 2 * _EMPTY:
        return False
    weights: dict[Step | None, float] = defaultdict(float)
    for part in parts:
        weights[_top(part)] += part.share
    heaviest = max(weights, key=lambda step: weights[step])
    told = {_top(part) for part in chosen if _rank(part, foreign) == 0}
    return heaviest in told or weights[heaviest] < _HALF


def _top(part: Part) -> Step | None:
    """The member of the answer that a part is below; None where it is one itself."""
    return part.steps[0] if len(part.steps) > 1 else None


def _key(part: Part) -> str:
    """The last name on a part's way; that of what stands at every key of a map is the map's."""
    names = [step.key for step in part.steps if step.key is not None]
    return names[-1] if names else ""


def _is_of_pages(part: Part) -> bool:
    """Whether it says how many there are, or how to go on."""
    name = "".join(one for one in _key(part).lower() if one.isalpha())
    return part.number == 1 and not part.empty and not part.urls and name in _PAGES


def _may_be(part: Part) -> bool:
    """Whether somebody may ask for it."""
    opaque = 0.0 if _key(part).lower() in _CALLED else part.opaque  # a name, whatever it looks like
    said = part.empty < 1 and max(part.urls, opaque, part.prose) < _HALF
    return said and 0 < len(part.steps) <= _DEEP


def _foreign(parts: Sequence[Part]) -> set[int]:
    """The parts (by `place`) that are ids of something else than the row that they stand in."""
    ids = [part for part in parts if worth(_key(part))[1] == 0]
    rows = {part.steps[:-1] for part in ids if not worth(_key(part))[0]}
    return {
        part.place
        for part in ids
        if worth(_key(part))[0]
        or any(part.steps[:end] in rows for end in range(len(part.steps) - 1))
    }


def _rank(part: Part, foreign: Set[int]) -> int:
    """What its name and its values tell: something; by numbers; nothing."""
    if part.place in foreign:
        return _UNTOLD
    if worth(_key(part))[1] < UNTOLD or part.few:
        return 0
    return 1 if part.numbers > _HALF else _UNTOLD


def _order(part: Part, foreign: Set[int]) -> tuple[Any, ...]:
    """The most telling first, and whatever differs from row to row before what does not."""
    several, best = worth(_key(part))
    rank = _rank(part, foreign)
    return (part.alike, rank, part.number == 1, len(part.steps), several, best, part.place)


def _entries(paths: Sequence[tuple[Step, ...]]) -> list[str]:
    """Paths as entries of `fields`: what stands together is written together."""
    tree: dict[Step, Any] = {}
    for path in paths:
        place = tree
        for step in path:
            place = place.setdefault(step, {})
    single = [step for step, below in tree.items() if not below]
    entries = [_braces({step: {} for step in single})] if single else []
    return entries + [_braces({step: below}) for step, below in tree.items() if below]


def _braces(tree: Mapping[Step, Any]) -> str:
    texts = [str(step) + (f".{_braces(below)}" if below else "") for step, below in tree.items()]
    return texts[0] if len(texts) == 1 else "{" + ",".join(texts) + "}"


# --- the rest ---------------------------------------------------------------------------------


def _drop(parts: Sequence[Part]) -> list[str]:
    kinds = []
    if sum(part.share * part.empty for part in parts) >= _EMPTY:
        kinds.append("empty")
    if sum(part.share * part.urls for part in parts) >= _URLS:
        kinds.append("urls")
    return kinds


def _limit(text: bytes, tokens: int, budget: Budget) -> dict[str, int]:
    """A limit for the array with the most rows, where it is long or the answer does not fit."""
    tree: Tree = decode(tidy(text))
    found = arrays(tree)
    if not found:
        return {}
    way, rows = max(found.items(), key=lambda one: one[1])
    if len(way) > 1 or (rows <= _LONG and tokens <= budget.tokens):
        return {}
    fitting = [most for most in _ROWS if most < rows and tokens * most <= budget.tokens * rows]
    return {join(way): fitting[0]} if fitting else {}
