from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.care.bulkhead import LONGEST, Places, patience

# Who comes, who leaves (the line or a place), by number.
STEPS = st.lists(st.tuples(st.sampled_from(("come", "go", "leave")), st.integers(0, 99)))


@given(st.integers(1, 5), STEPS)
def test_places_are_never_more_than_there_are_and_given_first_come_first_served(
    size: int, steps: list[tuple[str, int]]
) -> None:
    places: Places[int] = Places(size)
    inside: list[int] = []
    line: list[int] = []
    for who, (step, number) in enumerate(steps):
        if step == "come":
            if places.take():
                assert not line
                inside.append(who)
            elif places.queue(who):
                line.append(who)
            else:
                assert len(line) == size
        elif step == "go" and inside:
            inside.pop(number % len(inside))
            following = places.free()
            assert following == (line[0] if line else None)
            if following is not None:
                inside.append(line.pop(0))
        elif step == "leave" and line:
            gone = line.pop(number % len(line))
            assert places.leave(gone)
            assert not places.leave(gone)
        assert places.taken == len(inside) <= size
        assert places.waiting == len(line) <= size
        assert not line or places.taken == size  # nobody waits beside a free place


def test_half_of_a_calls_time_is_waited_in_line_and_a_few_seconds_at_most() -> None:
    assert patience(1.0) == 0.5
    assert patience(600.0) == LONGEST
