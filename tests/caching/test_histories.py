"""Random histories of requests, replies, failures, writes and time against what must never be.

Whatever is answered from storage is of this URL, variant and credential, whole, not stale without
leave, and not older than the last write whose reply had come when the request began. `HISTORIES`
in the environment says how many are played; a failure names its seed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from gateway.caching.dates import date_text
from gateway.caching.entries import WITHOUT_ANSWER, Caching, Complete, Validate
from gateway.caching.fields import by_name
from gateway.values import Reply, UpstreamRequest
from tests.caching.driven import Answered, Cache, Flight

HISTORIES = int(os.environ.get("HISTORIES", "10000"))
SHARES = 8  # test cases, so that a failure is found early and -k can choose
START = 1_800_000_000


@dataclass(frozen=True)
class Kind:
    """What a reply says of caching, as a header and as the plainest reading of it."""

    text: str
    lifetime: int | None = None  # None: says nothing
    never: bool = False  # may not be stored
    asks: bool = False  # confirmed before every use
    strict: bool = False
    revalidate: int | None = None
    if_error: int | None = None
    field: str = "Cache-Control"


KINDS = [
    Kind(""),
    Kind("max-age=0", 0),
    Kind("max-age=5", 5),
    Kind("max-age=5", 5),
    Kind("max-age=20", 20),
    Kind("max-age=20", 20),
    Kind("max-age=x", 0),
    Kind("s-maxage=8, max-age=1", 8, strict=True),
    Kind("max-age=5, must-revalidate", 5, strict=True),
    Kind("max-age=3, stale-while-revalidate=6", 3, revalidate=6),
    Kind("max-age=3, stale-if-error=9", 3, if_error=9),
    Kind("max-age=30, no-cache", 30, asks=True, strict=True),
    Kind("no-cache", asks=True, strict=True),
    Kind("max-age=30, no-store", 30, never=True),
    Kind("max-age=30, private", 30, never=True),
    Kind("max-age=10", 10, field="CDN-Cache-Control"),
    Kind("no-store", never=True, field="CDN-Cache-Control"),
]
SETTINGS = [
    Caching(),
    Caching(ttl=5.0),
    Caching(ttl=5.0, override=True),
    Caching(stale=0.0),
    Caching(ttl=5.0, stale=10.0),
    Caching(obey_caller=True),
    Caching(ttl=5.0, shared=True),
]
# By field, the one that stands above the other first in the alphabet.
SAID = {
    name: {kind.text: kind for kind in KINDS if kind.field == name}
    for name in ("CDN-Cache-Control", "Cache-Control", "")
}
URLS = ["https://h/plain", "https://h/tagged", "https://h/varied"]
FOOS = ["1", "2", "3"]
RANGES = ["0-5", "6-", "-6", "3-8"]
SIZE = 12


@dataclass(frozen=True)
class Terms:
    """What one reply of the upstream said, when it was made, and when it came."""

    kind: Kind
    made: int
    age: int
    arrived: int = -1


@dataclass
class Way:
    """A request under way. `knows` is the version that writes had reached when it began."""

    flight: Flight
    partition: int
    request: UpstreamRequest
    knows: int
    reply: Reply | None = None
    failed: bool = False
    handled: bool = False
    terms: int = -1
    version: int = 0  # what a write made of it


@dataclass
class World:
    """The upstream, and a cache for each credential in front of it."""

    seed: int
    caching: Caching
    caches: list[Cache]
    urls: list[str]
    now: int = START
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(URLS, 1))
    completed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(URLS, 1))
    terms: list[Terms] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


def representation(url: str, foo: str | None) -> str:
    """Two of the values of Foo bring the same."""
    return "b" if url.endswith("varied") and foo == "2" else "a"


def body(url: str, partition: int, which: str, version: int) -> bytes:
    return f"{version:03}{url[10]}{partition}{which}".encode() * (SIZE // 6)


def begin(world: World, random: Random) -> None:
    url, partition = random.choice(world.urls), random.choice([0, 0, 1])
    headers: list[tuple[str, str]] = [("Foo", random.choice(FOOS))]
    method, sends = "GET", None
    draw = random.random()
    if draw < 0.12:
        method, sends = random.choice(["POST", "PUT", "DELETE"]), b"x"
    elif draw < 0.2:
        method = "HEAD"
    elif draw < 0.35:
        headers.append(("Range", f"bytes={random.choice(RANGES)}"))
    elif draw < 0.42:
        which = representation(url, headers[0][1])
        version = random.randint(1, world.versions[url])
        headers.append(("If-None-Match", f'"{body(url, partition, which, version).decode()}"'))
    elif draw < 0.5:
        asked = [
            "no-cache",
            "max-age=2",
            "max-stale=4",
            "only-if-cached",
            "no-store",
            "min-fresh=3",
        ]
        headers.append(("Cache-Control", random.choice(asked)))
    request = UpstreamRequest(method, url, tuple(headers), sends)
    knows = world.completed[url]
    got = world.caches[partition].begin(request, world.now)
    if isinstance(got, Flight):
        world.ways.append(Way(got, partition, request, knows))
        return
    if got.aside is not None:
        world.ways.append(Way(got.aside, partition, got.aside.asked, knows))
    judge(world, got, request, partition, knows, failed=None)


def handle(world: World, random: Random) -> None:
    """The upstream makes its reply to one of the requests under way, or fails."""
    waiting = [way for way in world.ways if not way.handled]
    if not waiting:
        return
    way = random.choice(waiting)
    way.handled = True
    out = way.flight.out
    if random.random() < 0.12:
        way.failed = True  # refused, or the body cut off: no answer
        way.reply = None if random.random() < 0.5 else Reply(503, (), b"down")
        return
    if out.method not in ("GET", "HEAD"):
        if random.random() < 0.2:
            way.reply = Reply(409, (), b"no")
            return
        world.versions[out.url] += 1
        way.version = world.versions[out.url]
        way.reply = Reply(random.choice([200, 204, 303]), (("Made", "-"),), b"")
        return
    fields = by_name(out.headers)
    which = representation(out.url, fields.get("foo"))
    whole = body(out.url, way.partition, which, world.versions[out.url])
    terms = Terms(random.choice(KINDS), world.now, random.choice([0, 0, 0, 4]))
    way.terms = len(world.terms)
    world.terms.append(terms)
    skew = random.choice([0, 0, -3, 5])
    headers = [("Terms", str(way.terms)), ("Date", date_text(world.now + skew))]
    if terms.kind.text:
        headers.append((terms.kind.field, terms.kind.text))
    if terms.age:
        headers.append(("Age", str(terms.age)))
    tag = f'"{whole.decode()}"'
    if not out.url.endswith("plain"):
        headers.append(("ETag", tag))
    if out.url.endswith("varied"):
        headers.append(("Vary", "Foo"))
    wanted = fields.get("range")
    if tag in fields.get("if-none-match", "") and not out.url.endswith("plain"):
        way.reply = Reply(304, tuple(headers), b"")
    elif out.method == "HEAD":
        way.reply = Reply(200, (*headers, ("Content-Length", str(SIZE))), b"")
    elif wanted is not None and fields.get("if-range", tag) == tag and random.random() < 0.9:
        first, last = span(wanted)
        headers.append(("Content-Range", f"bytes {first}-{last}/{SIZE}"))
        way.reply = Reply(206, tuple(headers), whole[first : last + 1])
    else:
        way.reply = Reply(200, (*headers, ("Content-Length", str(SIZE))), whole)


def span(wanted: str) -> tuple[int, int]:
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    if not first:
        return SIZE - int(last), SIZE - 1
    return int(first), min(int(last), SIZE - 1) if last else SIZE - 1


def arrive(world: World, random: Random) -> None:
    ready = [way for way in world.ways if way.handled]
    if not ready:
        return
    way = random.choice(ready)
    world.ways.remove(way)
    if way.reply is not None:
        way.reply.received = float(world.now)
    if way.terms >= 0:
        old = world.terms[way.terms]
        world.terms[way.terms] = Terms(old.kind, old.made, old.age, world.now)
    out, cache = way.flight.out, world.caches[way.partition]
    got = cache.arrive(way.flight, way.reply, world.now)
    if isinstance(got, Flight):
        world.ways.append(Way(got, way.partition, way.request, way.knows))
        return
    if out.method not in ("GET", "HEAD"):
        if way.reply is not None and 200 <= way.reply.status < 400:
            for other in world.caches:
                if other is not cache:
                    other.forget(out.url)
            # This write is done, and with it those that the upstream had carried out before it.
            world.completed[out.url] = max(world.completed[out.url], way.version)
        return
    status = way.reply.status if way.reply is not None else None
    judge(world, got, way.request, way.partition, way.knows, failed=(way.failed, status))


def judge(
    world: World,
    got: Answered,
    request: UpstreamRequest,
    partition: int,
    knows: int,
    failed: tuple[bool, int | None] | None,
) -> None:
    """What must hold of an answer."""
    reply, caching = got.reply, world.caching
    if reply.status in (502, 503, 504):
        world.seen["failed"] += 1
        assert not got.stored
        return
    fields = by_name(request.headers)
    which = representation(request.url, fields.get("foo"))
    versions = range(knows, world.versions[request.url] + 1)
    known = [body(request.url, partition, which, version) for version in versions]
    if reply.status == 304:
        tag = reply.header("ETag")
        assert tag is not None
        assert tag in fields["if-none-match"]
        assert tag in [f'"{one.decode()}"' for one in known]
    elif reply.status == 206:
        first, last = span(fields["range"])
        assert reply.header("Content-Range") == f"bytes {first}-{last}/{SIZE}"
        assert reply.body in [one[first : last + 1] for one in known]
    elif request.method != "HEAD":
        assert reply.body in known
    world.seen[f"{reply.status} {'stored' if got.stored else type(got.decision).__name__}"] += 1
    if not got.stored or reply.status == 304:
        return
    terms = world.terms[int(reply.header("Terms") or "-1")]
    # A 304 leaves what it does not say as it was (section 3.2).
    said = {name: text for name, text in reply.headers if name in SAID}
    kind = SAID[min(said, default="")].get(min(said.items(), default=("", ""))[1], KINDS[0])
    control = fields.get("cache-control", "") if caching.obey_caller else ""
    assert control != "no-store"
    is_private = "private" in kind.text
    assert not kind.never or (is_private and caching.shared)
    is_configured = caching.ttl is not None and (
        caching.override or (kind.lifetime is None and not kind.asks)
    )
    assert not kind.asks or is_configured
    expiry = terms.made - terms.age + (kind.lifetime or 0)
    if is_configured:
        expiry = terms.arrived + int(caching.ttl or 0)
    leave = 0.0
    if not kind.strict or (kind.asks and is_configured):
        leave = float(kind.revalidate or 0)
        was_fresh = is_configured or kind.lifetime
        if world.caches[0].serves_late and kind.revalidate is None and was_fresh:
            leave = caching.stale or 0.0
        if control == "max-stale=4":
            leave = max(leave, 4.5)
        if failed is not None and failed[0]:
            error = kind.if_error if kind.if_error is not None else caching.stale
            if error is None:
                error = WITHOUT_ANSWER if failed[1] is None else 0.0
            leave = max(leave, error)
    assert world.now < expiry + leave, f"stale by {world.now - expiry}, leave {leave}: {terms}"
    if world.now >= expiry:
        world.seen["stale"] += 1


def play(seed: int) -> Counter[str]:
    random = Random(seed)  # noqa: S311
    caching = random.choice(SETTINGS)
    urls = random.sample(URLS, random.choice([1, 1, 2]))
    late = random.random() < 0.5
    world = World(seed, caching, [Cache(caching, late), Cache(caching, late)], urls)
    for _ in range(random.randint(10, 60)):
        draw = random.random()
        if draw < 0.36:
            begin(world, random)
        elif draw < 0.6:
            handle(world, random)
        elif draw < 0.85:
            arrive(world, random)
        else:
            world.now += random.choice([1, 1, 2, 5, 20])
    return world.seen


@pytest.mark.parametrize("share", range(SHARES))
def test_no_history_brings_what_is_stale_foreign_overtaken_or_cut(share: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(share, HISTORIES, SHARES):
        try:
            seen += play(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    if HISTORIES < 1000 * SHARES:
        return
    # All ways of answering have come up, so that what is asserted above was.
    ways = ["200 stored", "206 stored", "304 stored", "stale", "failed"]
    ways += [f"200 {Validate.__name__}", f"200 {Complete.__name__}"]
    assert all(seen[way] for way in ways), seen
