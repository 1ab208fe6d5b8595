"""Pieces of a text, and as much of anything as a budget holds.

A piece ends between words where one ends near, and parts nothing that belongs together, such as
the marks of a letter or the parts of an emoji. One of CSV ends behind a row, if a whole one fits.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.config.scalars import Budget
from gateway.shrinking.fit import AIM
from gateway.shrinking.strings import cut_text, parts, unparted
from gateway.shrinking.tokens import characters, estimate
from gateway.shrinking.tokens import count as count_tokens

NEAR = 16  # characters: a text need not be fuller; also what is given up to end at a word
_GUESSES = 5  # by the last try's cost; from then on the middle is taken
_FAR = 2.0  # times the budget: what costs more need not be counted exactly


def beginning(text: str, longest: int, *, rows: bool = False) -> str:
    """The beginning of a text that is longer, in so many characters, `…` included."""
    end = row_end(text, 0, longest - 1) if rows else 0
    return text[:end] + "…" if end else cut_text(text, longest)


def piece_end(text: str, start: int, end: int, *, rows: bool = False) -> int:
    """The best place to end a piece that begins at `start`, `end` at the latest."""
    row = row_end(text, start, end) if rows else 0
    if row:
        return row
    for at in range(end, max(start, end - NEAR), -1):
        if text[at - 1].isspace() and not parts(text, at):
            return at
    return unparted(text, end, start + 1)


def row_end(text: str, start: int, end: int) -> int:
    """Behind the last row of CSV that ends between two places; 0 where none does.

    A line end inside of quotes ends no row (RFC 4180 section 2, rule 6). Quotes are counted from
    the beginning of the text, since nobody has to ask from the beginning of a row on.
    """
    inside = text.count('"', 0, end) % 2
    while (line := text.rfind("\n", start, end)) >= 0:
        inside ^= text.count('"', line, end) % 2
        if not inside:
            return line + 1
        end = line
    return 0


def most_that_fits(
    make: Callable[[int], bytes], highest: int, guess: int, near: int, budget: Budget
) -> tuple[int, bytes]:
    """Look for the largest number whose text fits, where `near` more would not.

    Returns:
        The number, 0 where not even one fits, and its text.
    """
    low, high, best = 0, highest + 1, b""
    number = max(1, min(guess, highest))
    tries = 0
    while True:
        tries += 1
        text = make(number)
        cost = _cost(text, budget)
        if cost > 1:
            high = number
        else:
            low, best = number, text
        if high - low <= (near if low else 1) or low == highest:
            return low, best
        aim = int(number * AIM / cost) if tries <= _GUESSES else 0
        # The middle of a bracket that nobody has looked at yet may be very far away.
        middle = min((low + high) // 2, 2 * low + near) if low else (low + high) // 2
        number = aim if low < aim < high else max(low + 1, middle)


def _cost(text: bytes, budget: Budget) -> float:
    """What a text costs, as a part of the budget: exactly, unless it is far above it."""
    by_characters = characters(text) / budget.chars
    if by_characters > _FAR:
        return by_characters
    about = estimate(text) / budget.tokens
    tokens = about if about > _FAR else count_tokens(text) / budget.tokens
    return max(by_characters, tokens)
