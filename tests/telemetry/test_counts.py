"""Numbers: what they count, how they add up, how far they may be off."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.entries import Fetch
from gateway.caching.status import forward_status
from gateway.telemetry.counted import BOUNDS, CACHED, MOST_WORDS, OTHER, ROUTES, UNTOLD, cached_as
from gateway.telemetry.counts import Counts
from gateway.telemetry.snapshots import class_of, merged, quantile, remains, value_of

NAMES = st.text(max_size=4)
OUTCOMES = st.sampled_from(["ok", "upstream_4xx", "limit_reached", "gone"])
CACHE = st.sampled_from(
    ["", "plugin-gateway; hit; ttl=30", "plugin-gateway; hit; ttl=-3", "plugin-gateway; fwd=miss"]
)
TOKENS = st.none() | st.just(UNTOLD) | st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))
CALLS = st.tuples(
    NAMES,
    NAMES,
    OUTCOMES,
    st.sampled_from(ROUTES),
    st.floats(0, 100),
    st.integers(0, 10**6),
    CACHE,
    TOKENS,
    st.integers(0, 10**6),
)
TRIES = st.tuples(
    NAMES, st.sampled_from(["ok", "5xx", "timeout"]), st.floats(0, 100), st.integers(0, 10**6)
)


def count(counts: Counts, calls: list[Any], tries: list[Any]) -> None:
    for plugin, operation, *told in calls:
        counts.of(plugin, operation).ended(*told)
    for plugin, *told in tries:
        counts.upstream(plugin).asked(*told)


@given(st.lists(st.tuples(st.lists(CALLS, max_size=8), st.lists(TRIES, max_size=8)), max_size=4))
def test_what_several_count_adds_up_to_what_one_would_have_counted(
    workers: list[tuple[list[Any], list[Any]]],
) -> None:
    alone, snapshots = Counts(), []
    for calls, tries in workers:
        own = Counts()
        count(own, calls, tries)
        count(alone, calls, tries)
        snapshots.append(json.loads(json.dumps(own.snapshot())))
    together = merged(snapshots)
    assert together["sum"] == (alone.snapshot()["sum"] if workers else {})


@given(st.lists(st.lists(CALLS, max_size=5), min_size=3, max_size=3))
def test_in_whatever_order_they_are_added(calls: list[list[Any]]) -> None:
    snapshots = []
    for some in calls:
        counts = Counts()
        count(counts, some, [])
        snapshots.append(counts.snapshot())
    a, b, c = snapshots
    assert merged([merged([a, b]), c]) == merged([a, merged([b, c])]) == merged([c, a, b])


@given(st.integers(1, 10**8))
def test_a_class_of_a_sketch_is_off_by_5_percent_at_most(number: int) -> None:
    assert abs(value_of(class_of(number)) - number) <= max(0.05 * number, 0.5)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_those_of_the_numbers_within_5_percent(
    numbers: list[int], share: float
) -> None:
    sketch: dict[str, int] = {}
    for number in numbers:
        place = str(class_of(number))
        sketch[place] = sketch.get(place, 0) + 1
    true = sorted(numbers)[int(share * (len(numbers) - 1))]
    told = quantile(sketch, share)
    assert told is not None
    assert abs(told - true) <= max(0.05 * true, 0.5)


def test_a_worker_that_has_ended_leaves_what_it_did_and_not_how_it_was() -> None:
    counts = Counts()
    counts.of("p", "op").ended("ok", "http", 0.1, 5, "", (3, 3), 5)
    upstream = counts.upstream("p")
    upstream.in_flight(7)
    upstream.breaker("open")
    counts.plugins({"p": False})
    counts.gauge("calls", lambda: 3)
    fresh = Counts().snapshot()
    left = merged([remains(counts.snapshot()), fresh])
    assert left["sum"]["operations"] == counts.snapshot()["sum"]["operations"]
    assert (left["now"], left["most"]) == (fresh["now"], fresh["most"])


def test_of_what_all_workers_know_the_highest_number_holds() -> None:
    snapshots = []
    for at in (5, 9, 7):
        counts = Counts()
        counts.reloads("ok", at=at)
        counts.reloads("failed", mistakes=2)
        counts.plugins({"a": True, "b": at != 9})
        counts.spec("a", 1000, 20)
        snapshots.append(counts.snapshot())
    told = merged(snapshots)
    assert told["most"] == {
        "reloaded": 9,
        "mistakes": 2,
        "waits": {"a": 0, "b": 1},
        "specs": {"a": {"whole": 1000, "served": 20}},
    }
    assert told["sum"]["reloads"] == {"ok": 3, "failed": 3}
    assert told["now"]["workers"] == 3


def test_a_duration_is_counted_in_the_class_that_ends_with_it() -> None:
    counts = Counts().upstream("p")
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.001, BOUNDS[-1], 31.0):
        counts.asked("ok", seconds, 0)
    told = counts.snapshot()["seconds"]["counts"]
    assert told == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]


def test_every_cache_status_is_one_of_a_few_words() -> None:
    words = {
        "": "",
        "plugin-gateway; hit; ttl=30": "hit",
        'plugin-gateway; hit; ttl=-4; detail="stale"': "stale",
        forward_status(Fetch("uri-miss")): "miss",
        forward_status(Fetch("uri-miss"), collapsed=True): "collapsed",
        forward_status(Fetch("method")): "bypass",
        forward_status(Fetch("bypass")): "bypass",
        forward_status(Fetch("request")): "bypass",
        forward_status(Fetch("stale"), status=304): "revalidated",
        forward_status(Fetch("stale"), status=200): "miss",
    }
    assert {status: cached_as(status) for status in words} == words
    assert set(words.values()) - {""} == set(CACHED)


def test_tokens_of_what_is_passed_on_are_taken_from_what_a_byte_cost() -> None:
    counts = Counts().of("p", "op")
    counts.ended("ok", "http", 0.1, 400, "", None, 400)
    counts.learn(100, 25)
    counts.ended("ok", "http", 0.1, 400, "", None, 400)
    counts.ended("ok", "http", 0.1, 0, "", None, 0)  # 304: the caller has it
    counts.ended("upstream_4xx", "http", 0.1, 400, "", None, 0)
    counts.ended("ok", "http", 0.1, 400, "", UNTOLD, 0)
    told = counts.snapshot()
    assert (told["before"], told["after"], told["untold"]) == (100, 100, 2)
    assert sum(told["befores"].values()) == sum(told["afters"].values()) == 1


def test_bigger_answers_are_counted() -> None:
    counts = Counts().of("p", "op")
    for before, after in ((10, 5), (10, 10), (10, 11)):
        counts.ended("ok", "mcp", 0.1, 40, "", (before, after), 40)
    assert counts.snapshot()["bigger"] == 1


def test_there_is_a_most_of_every_kind(monkeypatch: Any) -> None:
    monkeypatch.setattr("gateway.telemetry.counts.MOST_COUNTED", 3)
    counts = Counts()
    for number in range(10):
        counts.of("p", str(number)).ended("ok", "http", 0.1, 1, "", None, 1)
        counts.refused("not_found", f"plugin{number}")
        counts.upstream(f"plugin{number}").asked("ok", 0.1, 1)
    told = counts.snapshot()["sum"]
    assert told["upstreams"].keys() == {"plugin0", "plugin1", "plugin2", OTHER}
    assert told["upstreams"][OTHER]["tries"] == {"ok": 7}
    assert told["operations"].keys() == {"p", OTHER}
    assert told["operations"]["p"].keys() == {"0", "1", "2"}
    assert told["operations"][OTHER][OTHER]["calls"] == {"http": {"ok": 7}}
    assert len(told["refusals"]) == 4
    upstream = counts.upstream("plugin0")
    for number in range(3 * MOST_WORDS):
        counts.of("p", "0").ended(f"odd{number}", "http", 0.1, 1, "", None, 1)
        upstream.retried(f"odd{number}")
    told = counts.snapshot()["sum"]
    assert len(told["operations"]["p"]["0"]["calls"]["http"]) <= MOST_WORDS + 1
    assert len(told["upstreams"]["plugin0"]["retries"]) <= MOST_WORDS + 1


def test_an_upstream_at_several_addresses_is_told_as_one() -> None:
    counts = Counts()
    held = []
    for base, state in (("http://a", "open"), ("http://b", "closed")):
        own = counts.upstream("p", base)
        own.asked("ok", 0.1, 10)
        own.in_flight(2)
        own.breaker(state)
        assert counts.upstream("p", base) is own
        held.append(own)
    told = counts.snapshot()
    assert told["sum"]["upstreams"]["p"]["tries"] == {"ok": 2}
    assert told["now"]["upstreams"]["p"] == {
        "breaker": {"open": 1, "closed": 1},
        "in_flight": 4,
        "waiting": 0,
    }


def test_an_upstream_that_nobody_asks_any_more_leaves_what_it_did_and_not_how_it_was() -> None:
    """As after a reload that gives a plugin another address: nobody would close its breaker."""
    counts = Counts()
    old = counts.upstream("p", "http://old")
    old.asked("5xx", 0.1, 10)
    old.breaker("closed")
    old.breaker("open")
    del old
    new = counts.upstream("p", "http://new")
    new.asked("ok", 0.1, 10)
    told = counts.snapshot()
    assert told["sum"]["upstreams"]["p"]["tries"] == {"5xx": 1, "ok": 1}
    assert told["sum"]["upstreams"]["p"]["changes"] == {"open": 1}
    assert told["now"]["upstreams"]["p"]["breaker"] == {}


def test_mistakes_stay_until_a_reload_is_taken() -> None:
    counts = Counts()
    for result, mistakes, there_are in (("failed", 3, 3), ("failed", 0, 3), ("ok", 0, 0)):
        counts.reloads(result, mistakes=mistakes, at=5)
        assert counts.snapshot()["most"]["mistakes"] == there_are
