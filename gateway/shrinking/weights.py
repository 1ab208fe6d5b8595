"""What the parts of an answer cost: tokens by path. Pure.

Arrays are looked through, as paths do; the keys of an object that are data and not names are
`*`, so that a thousand days are one path. A part's tokens are those of its keys and values, all
of a path taken together; what stands between them is spread over all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.shrinking.exact import Tree, encode
from gateway.shrinking.paths import Step, join
from gateway.shrinking.tokens import estimate

_ALIKE = 8  # keys from which on an object of nothing but objects, or arrays, has data for keys
_WIDE = 256  # keys from which on any object has
_ODD = 3  # keys that are no names, from which on an object has
_NAME = re.compile(r"[$@_]*[^\W\d][\w$-]*(?:[ .:/#]+[\w$-]+){0,4}|\d+\.(?: \w+){1,4}")
_DEEPEST = 24  # steps; what is deeper counts where it is cut off
_SAMPLE = 128 * 1024  # bytes of a path that are kept to be counted; the rest costs as much
_PROSE = 160  # characters; a longer text is none that a table's cell would have
_FEW, _AGAIN, _STATE = 8, 4, 24  # states, times that each is there on average, characters
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
# A name for machines: no blanks, digits among letters.
_OPAQUE = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[\w+/=-]{16,}")


@dataclass(frozen=True, slots=True)
class Part:
    """What stands at one path: how often, and its tokens, rounded.

    `share` is the part's of all tokens. Of its values `empty`, `urls`, `opaque`, `prose` and
    `numbers` are the shares that are nothing, web addresses, names for machines, long texts,
    numbers; `alike` says that
    all are one and the same; `few`, that they are short texts, a few that come again and again: the
    states of something. `place` is the part's number in the answer.
    """

    steps: tuple[Step, ...]
    number: int
    tokens: int
    share: float
    empty: float
    urls: float
    opaque: float
    prose: float
    numbers: float
    alike: bool
    few: bool
    place: int

    @property
    def path(self) -> str:
        """The path as it is written."""
        return join(self.steps)


@dataclass(slots=True)
class _Pile:
    """What is found at one path; texts as far as they are kept."""

    number: int = 0
    length: int = 0
    kept: list[bytes] = field(default_factory=list)
    kept_length: int = 0
    empty: int = 0
    urls: int = 0
    opaque: int = 0
    prose: int = 0
    numbers: int = 0
    first: bytes = b""
    alike: bool = True
    states: set[Tree] = field(default_factory=set)  # one too many where they are no states

    def add(self, key: bytes, value: Tree) -> None:
        text = encode(value)
        self.alike = self.alike and (not self.number or text == self.first)
        self.first = text
        self.number += 1
        if len(self.states) <= _FEW:
            self.states |= {value} if _is_state(value) else set(range(_FEW + 1))
        if isinstance(value, str):
            if not value:
                self.empty += 1
            elif _URL.fullmatch(value):
                self.urls += 1
            elif len(value) > _PROSE:
                self.prose += 1
            elif _OPAQUE.fullmatch(value):
                self.opaque += 1
        elif value is None or value in ([], {}):
            self.empty += 1
        elif not isinstance(value, bool | list | dict):
            self.numbers += 1
        text = key + text + b","
        self.length += len(text)
        if self.kept_length < _SAMPLE:
            self.kept.append(text)
            self.kept_length += len(text)


def _is_state(value: Tree) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _STATE


def weigh(answer: Tree, total: int) -> list[Part]:
    """Weigh the parts of an answer, the heaviest first.

    Args:
        answer: As `exact.decode` gives it.
        total: The tokens of its text.
    """
    piles: dict[tuple[Step, ...], _Pile] = {}
    _pile(answer, (), b"", piles)
    raw = {
        steps: estimate(b"".join(pile.kept)) * pile.length / max(1, pile.kept_length)
        for steps, pile in piles.items()
    }
    scale = total / max(1.0, sum(raw.values()))
    parts = [
        Part(
            steps,
            pile.number,
            round(raw[steps] * scale),
            raw[steps] * scale / max(1, total),
            pile.empty / pile.number,
            pile.urls / pile.number,
            pile.opaque / pile.number,
            pile.prose / pile.number,
            pile.numbers / pile.number,
            pile.number > 1 and pile.alike,
            1 < len(pile.states) <= min(_FEW, pile.number // _AGAIN),
            place,
        )
        for place, (steps, pile) in enumerate(piles.items())
    ]
    return sorted(parts, key=lambda part: -part.tokens)


def arrays(answer: Tree) -> dict[tuple[Step, ...], int]:
    """The arrays of more than one item by path, each with the most items that one has."""
    found: dict[tuple[Step, ...], int] = {}
    waiting: list[tuple[tuple[Step, ...], Tree]] = [((), answer)]
    while waiting:
        way, value = waiting.pop()
        if isinstance(value, list):
            if len(value) > 1:
                found[way] = max(found.get(way, 0), len(value))
            waiting += [(way, item) for item in value if isinstance(item, dict)]
        elif isinstance(value, dict) and len(way) < _DEEPEST:
            alike = is_map(value)
            waiting += [
                ((*way, Step(None if alike else key)), item)
                for key, item in value.items()
                if isinstance(item, dict | list)
            ]
    return found


def is_map(value: dict[str, Tree]) -> bool:
    """Whether an object's keys are data rather than names."""
    if len(value) > _WIDE:
        return True
    if (
        len(value) >= _ALIKE
        and len({type(one) for one in value.values()}) == 1
        and isinstance(next(iter(value.values())), dict | list)
    ):
        return True
    odd = sum(not _NAME.fullmatch(key) for key in value)
    return odd >= _ODD and 2 * odd > len(value)


def _pile(
    value: Tree, way: tuple[Step, ...], key: bytes, piles: dict[tuple[Step, ...], _Pile]
) -> None:
    if isinstance(value, dict) and value and len(way) < _DEEPEST:
        alike = is_map(value)
        for name, one in value.items():
            step = Step(None if alike else name)
            _pile(one, (*way, step), encode(name) + b":", piles)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for one in value:
            _pile(one, way, b"", piles)
    else:
        piles.setdefault(way, _Pile()).add(key, value)
