"""`budget`: an answer made to fit, its cuts announced. What leaves here was counted, exactly.

`squeeze` cuts to a number of bytes; how many bytes the tokens and the characters of a budget
are differs from text to text, so the room is found by trying: a first guess from a sampled
density, then from what the last try really cost. A few tries of the size of the budget,
whatever the size of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, NamedTuple, TypeAlias

from gateway.config.scalars import Budget
from gateway.shrinking.announce import announcement, cuts
from gateway.shrinking.exact import encode
from gateway.shrinking.squeeze import Node, squeeze
from gateway.shrinking.tokens import characters, estimate, fits
from gateway.shrinking.tokens import count as count_tokens
from gateway.shrinking.topup import TopUp

_TRIES = 8
_FULL = 0.95  # a larger room is not looked for: what is free then is filled up
_TOP_UPS = 8  # two as a rule; more where the announcement changes its form on the way
_ENOUGH = 5  # tokens: what fewer would hold is hardly worth the numbers that change with it
_LEAST_SCALE = 0.1
_TOLD = 4  # tokens of a budget for each byte of an announcement, as `announcement` has it
AIM = 0.985  # of the budget: a guess a little too low fits, one too high is a try lost
_ENCODED_SAVES = 10  # times: of what is larger still no form is small enough
_NO_LIMIT = 1 << 30  # tokens that an announcement may be small in comparison with


@dataclass(frozen=True, slots=True)
class Said:
    """How an answer is written, and what its announcement says beside the cuts.

    `name` is the announcement's. `rest` says how the rest is had, where something was cut that
    may be had; it goes where even the announcement is too much. `encode` is the form of what is
    sent.
    """

    name: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)
    encode: Callable[[bytes], bytes] | None = None


class Written(NamedTuple):
    """What is sent, and how many bytes of it tell what was cut."""

    text: bytes
    told: int


class Top:
    """An answer's top: an object, which can carry an announcement under a free name."""

    __slots__ = ("_allowed", "_said", "node")

    def __init__(self, whole: bytes, allowed: bytes, said: Said) -> None:
        """Take tidy texts of objects: the whole, and what of it a caller may have on request."""
        self.node = Node(whole)
        self._allowed = self.node if allowed is whole else Node(allowed)
        self._said = said

    def announced(self, cut: bytes, tokens: int, *, rest: bool = True) -> Written:
        """What is sent of the answer, with the announcement of what is not in front.

        Where the answer has a member of that name itself, the next free one is taken. The
        announcement is small in comparison with `tokens`.
        """
        said, sent = self._said, Node(cut)
        found = cuts(self.node, sent)
        extra = said.extra
        if (
            rest
            and said.rest
            and found
            and (self._allowed is self.node or cuts(self._allowed, sent))
        ):
            extra = {**extra, **said.rest}
        text = said.encode(cut) if said.encode else cut
        if not found and not extra:
            return Written(text, 0)
        others = chain((said.name, f"{said.name}_"), (f"{said.name}_{n}" for n in count(2)))
        name = next(name for name in others if name not in self.node.places)
        told = announcement(found, tokens, extra)
        head = b"{" + encode(name) + b":" + told
        text = head + (b"," + text[1:] if len(text) > 2 else b"}")
        return Written(text, len(told) - (len(encode(extra)) if extra else 0))


def announce(whole: bytes, allowed: bytes, limited: bytes, said: Said) -> bytes:
    """An answer without a budget: only what limits took is announced."""
    return Top(whole, allowed, said).announced(limited, _NO_LIMIT).text


def fit(whole: bytes, allowed: bytes, limited: bytes, said: Said, budget: Budget) -> bytes:
    """Make an answer fit.

    Args:
        whole: What could have been sent, the text of an object.
        allowed: What of it a caller may have on request, or the same.
        limited: What the limits left of it, or the same.
        said: How it is written, and what is said beside the cuts.
        budget: What it may cost.
    """
    top = Top(whole, allowed, said)
    if fits(limited, budget) or (
        said.encode and estimate(limited) < _ENCODED_SAVES * budget.tokens
    ):
        text = top.announced(limited, budget.tokens).text
        if fits(text, budget):
            return text
    node = top.node if limited is whole else Node(limited)
    least = top.announced(b"{}", budget.tokens).text
    rest = fits(least, budget)
    if not rest:  # a dozen tokens and some numbers: that always fits
        least = top.announced(b"{}", budget.tokens, rest=False).text

    def write(cut: bytes, tokens: int) -> Written:
        return top.announced(cut, tokens, rest=rest)

    return fullest(node, write, least, budget)


Write: TypeAlias = Callable[[bytes, int], Written]


def fullest(node: Node, write: Write, least: bytes, budget: Budget) -> bytes:
    """Cut a value so that what is sent of it fits, and nothing that comes next would.

    Args:
        node: The value, which as a whole does not fit.
        write: Gives what is sent of a cut, with an announcement small beside so many tokens.
        least: What is sent where nothing of the value finds room; sure to fit.
        budget: What it may cost.
    """
    best, answer = b"", Written(least, 0)
    low, high = 0, node.size
    room = max(0, min(int(_bytes(bytes(node.raw), budget) * AIM), high - 1))
    for _ in range(_TRIES):
        cut = squeeze(node, room) or b""
        written = write(cut, budget.tokens) if cut else Written(least, 0)
        text = written.text
        cost = _cost(text, budget)
        if cost > 1:
            high = min(room, len(cut))  # any room from there on would be as full
        else:
            low = room
            if len(cut) >= len(best):
                best, answer = cut, written
        if _FULL <= cost <= 1 or high - low <= 1:
            break
        own = cost * (len(text) - len(cut)) / len(text)
        next_guess = int(len(cut) * max(0.0, AIM - own) / max(cost - own, 0.001))
        room = next_guess if low < next_guess < high else (low + high) // 2
    return _topped_up(node, best, write, answer, budget) if best else least


def _topped_up(node: Node, cut: bytes, write: Write, best: Written, budget: Budget) -> bytes:
    """Give what is free still to what comes next, as long as anything does.

    The announcement gets no more room than it has: where less is missing it could say more.
    """
    top_up = TopUp(node, cut)
    text, tokens = best.text, count_tokens(best.text)
    scale = min(1.0, len(text) / len(cut))  # what is encoded costs less than it does alone
    for _ in range(_TOP_UPS):
        free = budget.tokens - tokens
        if 0 <= free < _ENOUGH:
            break
        added = top_up.fill(free / scale, (budget.chars - characters(text)) / scale)
        if not added:
            if scale >= 1 or free < budget.tokens * (1 - _FULL):
                break
            scale = max(_LEAST_SCALE, scale / 2)  # a row more of a table is cheaper than the first
            continue
        written = write(top_up.text(), best.told * _TOLD)
        text, before, tokens = written.text, tokens, count_tokens(written.text)
        if scale < 1:
            scale = min(1.0, max(_LEAST_SCALE, (tokens - before) / added))
        if tokens <= budget.tokens and characters(text) <= budget.chars:
            best = written
    return best.text


def _bytes(text: bytes, budget: Budget) -> float:
    """How many bytes of a text a budget is, about."""
    per_token = len(text) / max(1.0, estimate(text))
    return min(budget.tokens * per_token, float(budget.chars * 4))


def _cost(text: bytes, budget: Budget) -> float:
    """What a text costs, as a part of the budget; above 1 it does not fit."""
    by_characters = characters(text) / budget.chars
    # What is far too long need not be counted to know that it is.
    if by_characters > 2:
        return by_characters
    return max(by_characters, count_tokens(text) / budget.tokens)
