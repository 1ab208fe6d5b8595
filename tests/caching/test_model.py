"""Random histories of calls, replies, writes and time against the plainest cache there is.

A call begins, and later its reply comes; between the two anything may happen. Whatever is
answered from the store must be fresh, made for this very URL, header and credential, and no
older than the last write that was finished before the call began.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.caching import Key, MemoryStore, cache_key, forgotten, freshness, partition_of
from gateway.caching.store import OVERHEAD
from gateway.values import Reply, UpstreamRequest

WALL = 1_800_000_000.0
URLS = ["https://h/a", "https://h/b"]
CREDENTIALS = [b"operator", b"ada", b"bob"]
LANGUAGES = [None, "de"]
HEADERS = [
    (), (("Cache-Control", "no-store"),), (("Cache-Control", "private"),),
    (("Cache-Control", "private, max-age=5"),), (("Cache-Control", "max-age=20"), ("Age", "15")),
    (("Cache-Control", "max-age=x"),), (("Vary", "*"),), (("Cache-Control", "no-cache"),),
]  # fmt: skip


@dataclass
class InFlight:
    """A GET that the upstream has answered, its reply still on its way."""

    at: Key
    credential: bytes
    reply: Reply
    generation: int


@dataclass
class Truth:
    """What the model knows of a stored body."""

    at: Key
    written: int  # writes finished on the URL when the upstream made it
    until: float


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("get"),
            st.sampled_from(URLS),
            st.sampled_from(CREDENTIALS),
            st.sampled_from(LANGUAGES),
            st.sampled_from(HEADERS),
            st.sampled_from([200, 200, 200, 404, 500]),
        ),
        st.tuples(st.just("arrive"), st.integers(0, 5)),
        st.tuples(st.just("write"), st.sampled_from(URLS), st.sampled_from([200, 303, 404])),
        st.tuples(st.just("pass"), st.sampled_from([0.5, 5.0, 20.0])),
    ),
    max_size=60,
)


def expected_until(flight: InFlight, now: float) -> float:
    """The plainest reading of the headers above, with a configured lifetime of 10 s."""
    if flight.reply.status != 200:
        return now
    mine = flight.credential != b"operator"
    lifetimes = [10.0, 0.0, 0.0 if mine else 10.0, 5.0, 5.0, 0.0, 0.0, 0.0]
    return now + lifetimes[HEADERS.index(flight.reply.headers)]


@settings(max_examples=400, deadline=None)
@given(steps)
def test_no_history_brings_a_stale_a_foreign_or_an_overtaken_reply(history: list[tuple]) -> None:
    store = MemoryStore(12 * OVERHEAD, max_entry_bytes=4 * OVERHEAD)
    now, made = 0.0, 0
    writes = dict.fromkeys(URLS, 0)
    flights: list[InFlight] = []
    truth: dict[bytes, Truth] = {}
    for step in history:
        match step:
            case ("get", url, credential, language, headers, status):
                at = cache_key(url, (language,), partition_of(credential, b"k"))
                hit = store.get(at, now)
                if hit is not None:
                    known = truth[hit.body]
                    assert known.at == at
                    assert now < known.until
                    assert known.written == writes[url]
                    continue
                made += 1
                reply = Reply(status, headers, str(made).encode(), WALL + now)
                truth[reply.body] = Truth(at, writes[url], now)
                flights.append(InFlight(at, credential, reply, store.generation(url)))
            case ("arrive", which) if flights:
                flight = flights.pop(which % len(flights))
                flight.reply.received = WALL + now
                shared = flight.credential == b"operator"
                ttl = freshness(flight.reply, default=10.0, shared_credential=shared)
                truth[flight.reply.body].until = expected_until(flight, now)
                store.put(flight.at, flight.reply, ttl, now, flight.generation)
            case ("write", url, status):
                writes[url] += status != 404
                request = UpstreamRequest("POST", url)
                store.forget(forgotten(request, Reply(status, (), b"")))
            case ("pass", seconds):
                now += seconds
        assert store.size <= 12 * OVERHEAD
