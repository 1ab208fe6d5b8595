"""When an upstream that fails is left alone, and how it is tried again.

    closed ── most calls fail ──> open ── its time is over ──> half open
      ^                            ^                            │ one call at a time goes on
      └───────── it succeeds ──────┼──────── it fails ──────────┘
                            (twice as long)

A call that goes on has a ticket. What comes of it counts only while the ticket is the latest: what
was sent before an upstream failed tells nothing of how it is now.
"""

from __future__ import annotations

from typing import Final, Literal

from gateway.care.recent import Recent

State = Literal["closed", "open", "half_open"]
CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half_open"

# All of the last few calls failed: it is down. Or half of many: it answers now and then.
FEW = 5
MANY, SHARE = 20, 0.5
FIRST, LONGEST = 5.0, 60.0  # seconds that it is left alone
# While one call tries, how long others are told to wait.
_TRYING = 1.0


class Breaker:
    """Of one upstream. `state` is `closed`, `open` or `half_open`."""

    __slots__ = ("_length", "_recent", "_ticket", "_trying", "_until", "state")

    def __init__(self) -> None:
        self.state: State = CLOSED
        self._recent = Recent()
        self._ticket = 0
        self._until = 0.0
        self._length = FIRST
        self._trying = False

    @property
    def recent(self) -> tuple[int, int]:
        """Of the last ten seconds: how many calls, and how many of them failed."""
        return self._recent.total, self._recent.marked

    @property
    def length(self) -> float:
        """How long it is left alone, now or the next time."""
        return self._length

    def wait(self, now: float) -> float:
        """Seconds until a call may go on; 0.0 means that one may."""
        if self.state == CLOSED:
            return 0.0
        if self.state == OPEN and now < self._until:
            return self._until - now
        return _TRYING if self._trying else 0.0

    def enter(self, now: float) -> int | None:
        """Let one call go on.

        Returns:
            Its ticket, to be given back with what came of it; None where it may not go on.
        """
        if self.state == CLOSED:
            return self._ticket
        if self.wait(now) > 0.0:
            return None
        if self.state == OPEN:
            self._turn(HALF_OPEN)
        self._trying = True
        return self._ticket

    def succeeded(self, ticket: int, now: float) -> None:
        """The upstream answered."""
        if ticket != self._ticket:
            return
        if self.state == CLOSED:
            self._recent.add(now, marked=False)
        else:
            self._length = FIRST
            self._turn(CLOSED)

    def failed(self, ticket: int, now: float) -> None:
        """It did not, or only said that it cannot."""
        if ticket != self._ticket:
            return
        if self.state != CLOSED:
            self._length = min(2 * self._length, LONGEST)
            self._open(now)
            return
        recent = self._recent
        recent.add(now, marked=True)
        is_down = recent.total >= FEW and recent.marked == recent.total
        if is_down or (recent.total >= MANY and recent.marked >= SHARE * recent.total):
            self._open(now)

    def dropped(self, ticket: int) -> None:
        """The call ended without anything being known of the upstream: another one may try."""
        if ticket == self._ticket:
            self._trying = False

    def _open(self, now: float) -> None:
        self._until = now + self._length
        self._turn(OPEN)

    def _turn(self, state: State) -> None:
        self.state = state
        self._ticket += 1
        self._trying = False
        if state == CLOSED:
            self._recent.clear()
