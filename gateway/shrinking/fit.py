"""`budget`: an answer made to fit, its cuts announced. What leaves here was counted, exactly.

`squeeze` cuts to a number of bytes; how many bytes the tokens and the characters of a budget
are differs from text to text, so the room is found by trying: a first guess from a sampled
density, then from what the last try really cost. A few tries of the size of the budget,
whatever the size of the answer.
"""

from __future__ import annotations

from gateway.config.scalars import Budget
from gateway.shrinking.announce import announcement, cuts
from gateway.shrinking.exact import encode
from gateway.shrinking.squeeze import Node, squeeze
from gateway.shrinking.tokens import characters, count, estimate, fits

_TRIES = 8
_FULL = 0.97  # a fuller answer is not looked for
_AIM = 0.985  # of the budget: a guess a little too low fits, one too high is a try lost
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

        The name gets another `_` as long as the answer has a member of that name itself.
        """
        found = cuts(self.node, Node(cut))
        if not found:
            return cut
        name = self._name
        while name in self.node.keys:
            name += "_"
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
    return _fullest(top, Node(limited), budget)


def _fullest(top: Top, node: Node, budget: Budget) -> bytes:
    """Look for the room in which the answer is fullest."""
    best = b"{}"
    answer = top.announced(best, budget.tokens)  # a dozen tokens and some numbers: it always fits
    low, high = 2, node.size
    room = int(min(_bytes(node.raw, budget), high - 1) * _AIM)
    for _ in range(_TRIES):
        cut = squeeze(node, room) or b"{}"
        text = top.announced(cut, budget.tokens)
        cost = _cost(text, budget)
        if cost > 1:
            high = room
        else:
            low = room
            if len(cut) >= len(best):
                best, answer = cut, text
        if _FULL <= cost <= 1 or high - low <= 1:
            break
        own = cost * (len(text) - len(cut)) / len(text)  # what the announcement costs
        guess = int(room * max(0.0, _AIM - own) / (cost - own))
        room = guess if low < guess < high else (low + high) // 2
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
    return max(by_characters, count(text) / budget.tokens)
