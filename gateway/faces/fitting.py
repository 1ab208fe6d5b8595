"""As much of a plugin as its `spec_budget` holds. Pure.

A spec is read in every conversation, so its tokens are the plugin's price. Where everything
fits, everything is served; where little is too much, with fewer words. Else the far-off levels
go as well: of the scales below, which say less and less, the first is taken on which every
operation's arguments and the rows of its answer can be shown, and what room is left is filled
with further levels, the nearest first. Where not even the last scale does, levels go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Generic, Protocol, TypeVar

from gateway.faces.outline import NEEDED, Outline
from gateway.faces.schemas import Scale

SCALES = (
    Scale(),
    Scale(texts=200, inputs=120, answers=100, values=100, asides=False),
    Scale(texts=200, inputs=80, answers=50, values=50, asides=False),
    Scale(texts=160, inputs=60, answers=0, values=30, asides=False, examples=False),
    Scale(texts=120, inputs=40, answers=0, values=20, asides=False, examples=False),
    Scale(texts=80, inputs=0, answers=0, values=12, asides=False, examples=False),
)
_MILD = 2  # the scale up to which words go before any level does
_FAR = 1.5  # times the budget: more than words can bring in
_TRIES = 4  # of filling; each comes much nearer than the one before
_NEAR = 0.97  # of the budget: fuller is not worth another try
_LEAST_TOKENS = 0.2  # that a character of a level's size costs, whatever its words
_TOKENS = 0.5  # that a character of a level's size costs, until it was measured


class Sized(Protocol):
    """Anything with a number of tokens."""

    @property
    def tokens(self) -> int:
        """How many."""


Written = TypeVar("Written", bound=Sized)
Write = Callable[[Scale, Collection[int] | None], Written]


@dataclass(frozen=True, slots=True)
class Fitted(Generic[Written]):
    """What was written, on which scale and with how many levels."""

    written: Written
    scale: int
    levels: int


def fitted(
    write: Write[Written], outline: Outline, budget: int, near: Fitted[Written] | None = None
) -> Fitted[Written]:
    """Write as much as fits; what is over the budget could not be made smaller.

    Args:
        write: Writes on a scale the levels of these identities, or all (None).
        outline: The levels, the nearest first.
        budget: Tokens.
        near: What fitted of another version, which says no more in fewer tokens.
    """
    every = len(outline.levels)
    weights = list(accumulate((level.size for level in outline.levels), initial=0))
    if (
        outline.whole
        and weights[every] * _LEAST_TOKENS <= budget
        and (near is None or near.levels == every)
    ):
        for scale in range(near.scale if near else 0, _MILD + 1):
            written = write(SCALES[scale], None)
            if written.tokens <= budget:
                return Fitted(written, scale, every)
            if written.tokens > budget * _FAR:
                break
    # What the operator has formed is as it shall be.
    least = sum(1 for level in outline.levels if level.rank < 0)
    most = near.levels if near else every
    needed = min(most, sum(1 for level in outline.levels if level.rank <= NEEDED))

    def first(scale: int, levels: int) -> Fitted[Written]:
        shown = frozenset(level.identity for level in outline.levels[:levels])
        return Fitted(write(SCALES[scale], shown), scale, levels)

    low, high = near.scale if near else 0, len(SCALES)
    if weights[needed] * _TOKENS > budget * _FAR:
        low = high  # not to be had on any scale
    found: Fitted[Written] | None = None
    last: Fitted[Written] | None = None
    while low < high:
        middle = low if near else (low + high) // 2
        last = first(middle, needed)
        if last.written.tokens <= budget:
            found, high = last, middle
        else:
            low = middle + 1
    if found is None:
        return _filled(partial(first, len(SCALES) - 1), (least, needed), weights, budget, last)
    return _filled(partial(first, found.scale), (needed, most), weights, budget, found)


def _filled(
    first: Callable[[int], Fitted[Written]],
    bounds: tuple[int, int],
    weights: list[int],
    budget: int,
    last: Fitted[Written] | None,
) -> Fitted[Written]:
    """The most levels that fit, of those between the bounds: each try by what the last weighed.

    `last` is what was tried last: on the same scale, or a similar one with too many levels.
    """
    best = last if last and last.written.tokens <= budget else None
    low, high = (bounds[0], bounds[1]) if best else (bounds[0] - 1, bounds[1])
    weight, tokens = (weights[last.levels], last.written.tokens) if last else (0, 0)
    if last and not best:
        high = min(high, last.levels - 1)
    rate = _TOKENS
    for _ in range(_TRIES):
        if low >= high or (best and best.written.tokens > budget * _NEAR):
            break
        aim = bisect_right(weights, weight + (budget - tokens) / rate) - 1
        tried = first(min(max(aim, low + 1), high))
        if weights[tried.levels] != weight:
            rate = (tried.written.tokens - tokens) / (weights[tried.levels] - weight)
            rate = max(rate, _TOKENS / 8)
        weight, tokens = weights[tried.levels], tried.written.tokens
        if tokens <= budget:
            low, best = tried.levels, tried
        else:
            high = tried.levels - 1
    return best or first(bounds[0])
