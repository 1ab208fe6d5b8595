from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.care.recent import SECONDS, Recent

# What happens, a pause before each.
EVENTS = st.lists(st.tuples(st.floats(0, 15), st.booleans()), max_size=60)


@given(EVENTS, st.floats(0, 30))
def test_what_is_counted_is_what_happened_in_the_last_slots(
    events: list[tuple[float, bool]], after: float
) -> None:
    recent, now, happened = Recent(), 1000.0, []
    for pause, marked in events:
        now += pause
        recent.add(now, marked=marked)
        happened.append((int(now), marked))
    now += after
    recent.roll(now)
    kept = [marked for second, marked in happened if second > int(now) - SECONDS]
    assert (recent.total, recent.marked) == (len(kept), sum(kept))


def test_a_clock_that_stands_still_or_is_late_counts_into_the_newest_slot() -> None:
    recent = Recent()
    recent.add(50.0, marked=True)
    recent.add(49.0, marked=False)
    recent.roll(50.0)
    assert (recent.total, recent.marked) == (2, 1)


def test_what_is_cleared_is_gone() -> None:
    recent = Recent()
    recent.add(5.0, marked=True)
    recent.clear()
    recent.add(5.0, marked=False)
    assert (recent.total, recent.marked) == (1, 0)
