"""`budget`: an answer made to fit, its cuts announced. What leaves here was counted, exactly.

`squeeze` cuts to a number of bytes; how many bytes the tokens and the characters of a budget
are differs from text to text, so the room is found by trying: a first guess from a sampled
density, then from what the last try really cost. A few tries of the size of the budget,
whatever the size of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count
from typing import NamedTuple

from gateway.config.scalars import Budget
from gateway.shrinking.announce import announcement, cuts
from gateway.shrinking.exact import encode
from gateway.shrinking.squeeze import Node, squeeze
from gateway.shrinking.tokens import characters, estimate, fits
from gateway.shrinking.tokens import count as count_tokens

_TRIES = 8
_FULL = 0.97  # a fuller answer is not looked for
AIM = 0.985  # of the budget: a guess a little too low fits, one too high is a try lost
_NO_LIMIT = 1 << 30  # tokens that an announcement may be small in comparison with


class Top:
    """An answer's top: an object, which can carry an announcement under a free name."""

    __slots__ = ("_name", "node")

    def __init__(self, text: bytes, name: str) -> None:
        """Take a tidy text of an object, and the name that the announcement should have."""
        self.node = Node(text)
        self._name = name

    def announced(self, cut: bytes, tokens: int) -> bytes:
        """What is sent of the answer, with the announcement of what is not in front.

        Where the answer has a member of that name itself, the next free one is taken.
        """
        found = cuts(self.node, Node(cut))
        if not found:
            return cut
        others = chain((self._name, f"{self._name}_"), (f"{self._name}_{n}" for n in count(2)))
        name = next(name for name in others if name not in self.node.places)
        head = b"{" + encode(name) + b":" + announcement(found, tokens)
        return head + (b"," + cut[1:] if len(cut) > 2 else b"}")


def announce(whole: bytes, limited: bytes, name: str) -> bytes:
    """An answer without a budget: only what `limit_items` took is announced."""
    return Top(whole, name).announced(limited, _NO_LIMIT)


def fit(whole: bytes, limited: bytes, name: str, budget: Budget) -> bytes:
    """Make an answer fit.

    Args:
        whole: What could have been sent, the text of an object.
        limited: What `limit_items` left of it, or the same.
        name: What the announcement is called.
        budget: What it may cost.
    """
    top = Top(whole, name)
    if fits(limited, budget):
        text = top.announced(limited, budget.tokens)
        if text is limited or fits(text, budget):
            return text
    node = top.node if limited is whole else Node(limited)
    nothing = top.announced(b"{}", budget.tokens)  # a dozen tokens and some numbers: always fits

    def make(room: int) -> Try:
        cut = squeeze(node, room) or b"{}"
        text = top.announced(cut, budget.tokens)
        return Try(text, len(cut), len(text) - len(cut))

    guess = int(_bytes(node.raw, budget) * AIM)
    return fullest(make, nothing, node.size, guess, budget)


class Try(NamedTuple):
    """A text, how much of its room was used, and the bytes that it has besides."""

    text: bytes
    used: int
    besides: int


def fullest(
    make: Callable[[int], Try], least: bytes, size: int, guess: int, budget: Budget
) -> bytes:
    """Look for the room below `size` in which a text is fullest; `least` is sure to fit."""
    best, answer = 0, least
    low, high = 0, size
    room = max(0, min(guess, high - 1))
    for _ in range(_TRIES):
        tried = make(room)
        cost = _cost(tried.text, budget)
        if cost > 1:
            high = min(room, tried.used)  # any room from there on would be as full
        else:
            low = room
            if tried.used >= best:
                best, answer = tried.used, tried.text
        if _FULL <= cost <= 1 or high - low <= 1:
            break
        own = cost * tried.besides / len(tried.text)
        next_guess = int(tried.used * max(0.0, AIM - own) / max(cost - own, 0.001))
        room = next_guess if low < next_guess < high else (low + high) // 2
    return answer


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
