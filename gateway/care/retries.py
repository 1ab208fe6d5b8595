"""What is asked again, how often, and after which pause.

RFC 9110 section 9.2.2: a client repeats by itself only what is idempotent, or where it knows that
nothing was carried out: no connection was made. A budget bounds it all: where an upstream is in
trouble, repeats must not be what keeps it there.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

from gateway.care.recent import Recent

# Of what is safe, where the operator says nothing; and of all methods, where nothing was sent.
DEFAULT = 2
_SAFE = ("GET", "HEAD", "OPTIONS", "QUERY")
_IDEMPOTENT = ("PUT", "DELETE")
# The statuses that another try may change. 501 and 505 stay what they are.
STATUSES = frozenset((429, 500, 502, 503, 504))
FIRST, CAP = 0.1, 2.0  # seconds of a pause, at most: the first, and any
PATIENCE = 5.0  # what is told to wait longer goes to the caller, who can decide
# What is left of a call's time must see another try through.
LEAST = 0.1
SHARE = 0.1  # of the calls of the last ten seconds
FREE = 3  # in any ten seconds, so that an upstream with few calls has some, too
_YEAR = 86_400.0 * 365
_DIGITS = 9  # as many seconds are more than a year

Written = int | Literal["no"] | None


class Repeats(NamedTuple):
    """How often a call is repeated: where it `failed`, and where it was `unsent`."""

    failed: int
    unsent: int


def repeats(method: str, written: Written, *, reads: bool = False) -> Repeats:
    """How often calls of an operation are repeated.

    Args:
        method: The upstream's.
        written: What the operator says.
        reads: The operator says that it only reads, whatever the method.
    """
    count = DEFAULT if written is None else 0 if written == "no" else written
    is_safe = reads or method in _SAFE
    may_repeat = is_safe or (written is not None and method in _IDEMPOTENT)
    return Repeats(count if may_repeat else 0, count)


def pause(number: int, chance: float) -> float:
    """Seconds before repeat `number`, from 0 on: exponential, with full jitter.

    `chance` is drawn evenly from 0.0 to 1.0.
    """
    return chance * min(CAP, FIRST * 2.0 ** min(number, 16))


def told(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After asks for; None where it asks for none (RFC 9110 §10.2.3).

    `now` is wall-clock: it may be a date.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value.lstrip("0")[:_DIGITS] or 0), _YEAR)
    try:
        when = parsedate_to_datetime(value)
        when = when.replace(tzinfo=when.tzinfo or UTC)  # HTTP's dates are GMT, whatever they say
        return min(max(0.0, when.timestamp() - now), _YEAR)
    except (ValueError, OverflowError):
        return None


def may_wait(seconds: float, left: float) -> bool:
    """Whether a pause is worth it, with so much time left for the call."""
    return seconds <= PATIENCE and seconds + LEAST <= left


class Budget:
    """The repeats of one upstream: a tenth of its calls, and a few."""

    __slots__ = ("_calls", "_repeats")

    def __init__(self) -> None:
        self._calls, self._repeats = Recent(), Recent()

    def called(self, now: float) -> None:
        """A call was sent; repeats are not counted here."""
        self._calls.add(now, marked=False)

    def take(self, now: float) -> bool:
        """Take one repeat, if there is one left."""
        self._calls.roll(now)
        self._repeats.roll(now)
        if self._repeats.total + 1 > max(FREE, SHARE * self._calls.total):
            return False
        self._repeats.add(now, marked=False)
        return True
