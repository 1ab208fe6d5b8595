from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.care.breaker import CLOSED, FEW, FIRST, HALF_OPEN, LONGEST, MANY, OPEN, Breaker

NOW = 1000.0


def ended(breaker: Breaker, now: float, *outcomes: bool) -> None:
    """Calls one after the other, each with what came of it."""
    for succeeded in outcomes:
        ticket = breaker.enter(now)
        assert ticket is not None
        (breaker.succeeded if succeeded else breaker.failed)(ticket, now)


def opened(now: float = NOW) -> Breaker:
    breaker = Breaker()
    ended(breaker, now, *[False] * FEW)
    assert breaker.state == OPEN
    return breaker


def test_a_few_calls_that_all_failed_open_it() -> None:
    breaker = Breaker()
    ended(breaker, NOW, *[False] * (FEW - 1))
    assert breaker.state == CLOSED
    ended(breaker, NOW, False)
    assert breaker.state == OPEN
    assert breaker.enter(NOW) is None
    assert breaker.wait(NOW + 2) == FIRST - 2


def test_one_success_among_a_few_keeps_it_closed() -> None:
    breaker = Breaker()
    ended(breaker, NOW, True, *[False] * (MANY - 2))
    assert breaker.state == CLOSED


@given(st.lists(st.booleans(), min_size=MANY, max_size=3 * MANY))
def test_half_of_many_open_it_and_less_does_not(outcomes: list[bool]) -> None:
    breaker, calls, failed = Breaker(), 0, 0
    for succeeded in outcomes:
        ended(breaker, NOW, succeeded)
        calls, failed = calls + 1, failed + (not succeeded)
        is_down = calls >= FEW and failed == calls
        must_open = not succeeded and (is_down or (calls >= MANY and 2 * failed >= calls))
        assert (breaker.state == OPEN) == must_open
        if must_open:
            return


def test_failures_of_long_ago_do_not_count() -> None:
    breaker = Breaker()
    for number in range(10 * FEW):
        ended(breaker, NOW + 5 * number, False)
    assert breaker.state == CLOSED


def test_when_its_time_is_over_one_call_tries_and_no_other() -> None:
    breaker = opened()
    later = NOW + FIRST
    ticket = breaker.enter(later)
    assert ticket is not None
    assert breaker.state == HALF_OPEN
    assert breaker.enter(later) is None
    assert breaker.wait(later) > 0
    breaker.succeeded(ticket, later)
    assert breaker.state == CLOSED
    ended(breaker, later, False)  # what was before is forgotten
    assert breaker.state == CLOSED


def test_a_try_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breaker, now, length = opened(), NOW, FIRST
    for _ in range(8):
        now += length
        ended(breaker, now, False)
        length = min(2 * length, LONGEST)
        assert breaker.state == OPEN
        assert breaker.wait(now) == length
    now += length
    ended(breaker, now, True, *[False] * FEW)
    assert breaker.wait(now) == FIRST  # it has answered between


def test_a_try_that_is_dropped_frees_its_place() -> None:
    breaker, later = opened(), NOW + FIRST
    ticket = breaker.enter(later)
    assert ticket is not None
    breaker.dropped(ticket)
    assert breaker.wait(later) == 0.0
    assert breaker.enter(later) is not None


def test_what_was_sent_before_it_opened_counts_no_more() -> None:
    breaker = Breaker()
    old = [breaker.enter(NOW) for _ in range(FEW + 3)]
    for ticket in old[:FEW]:
        assert ticket is not None
        breaker.failed(ticket, NOW)
    probe = breaker.enter(NOW + FIRST)
    assert probe is not None
    late = old[FEW:]
    for ticket, does in zip(late, (breaker.failed, breaker.succeeded), strict=False):
        assert ticket is not None
        does(ticket, NOW + FIRST)
        assert breaker.state == HALF_OPEN
    assert old[-1] is not None
    breaker.dropped(old[-1])
    assert breaker.enter(NOW + FIRST) is None  # the place of the one that tries is still taken


class Calls(RuleBasedStateMachine):
    """Any calls, at any time, that end in any order and way."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = NOW
        self.under_way: list[int] = []
        self.trying: int | None = None

    @rule(seconds=st.floats(0, 70))
    def time_goes_on(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_comes(self) -> None:
        before, wait = self.breaker.state, self.breaker.wait(self.now)
        ticket = self.breaker.enter(self.now)
        assert (ticket is None) == (wait > 0)
        if ticket is None:
            return
        self.under_way.append(ticket)
        if before != CLOSED:
            assert self.trying is None
            self.trying = ticket

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 99), how=st.sampled_from(("succeeded", "failed", "dropped")))
    def a_call_ends(self, which: int, how: str) -> None:
        ticket = self.under_way.pop(which % len(self.under_way))
        before = self.breaker.state
        if how == "dropped":
            self.breaker.dropped(ticket)
        else:
            getattr(self.breaker, how)(ticket, self.now)
        if before == HALF_OPEN and ticket == self.trying:
            wanted = {"succeeded": CLOSED, "failed": OPEN, "dropped": HALF_OPEN}
            assert self.breaker.state == wanted[how]
            self.trying = None
        elif before != CLOSED:
            assert self.breaker.state == before

    @invariant()
    def nobody_waits_for_longer_than_the_longest(self) -> None:
        assert 0.0 <= self.breaker.wait(self.now) <= LONGEST

    @invariant()
    def one_at_most_tries(self) -> None:
        if self.breaker.state == HALF_OPEN and self.trying is not None:
            assert self.breaker.wait(self.now) > 0


TestCalls = Calls.TestCase
