"""Header fields that nobody should send: the rules of caching decide, whatever stands in them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.caching.entries import Caching
from gateway.values import Reply, UpstreamRequest
from tests.caching.driven import Answered, Cache, Flight
from tests.caching.rules.scene import NOW, URL

LONG = "9" * 5000
_BITS = st.sampled_from(
    ["max-age=", "s-maxage", "no-cache", "private=", '"', "\\", ",", ";", "=", " ", "\t", "*", "0",
     "60", "-1", LONG, "bytes ", "bytes=", "-", "/", "W/", '"v1"', "a", "é", "\udce9", "\x01",
     "GMT", "Thu, 18 Aug 2050 02:01:18 GMT", "Thursday, 18-Aug-50 02:01:18 GMT",
     "Thu Aug  8 02:01:18 0000", "Thu, 31 Feb 2050 02:01:18 GMT", "http://[", "//", "foo", "en",
     ":", "(", "q=", "http://h:99999/", "?1"]
)  # fmt: skip
values = st.lists(_BITS, max_size=6).map("".join)
names = st.sampled_from(
    ["Cache-Control", "CDN-Cache-Control", "Expires", "Date", "Age", "Vary", "ETag", "vary", "Foo",
     "Last-Modified", "Content-Range", "Content-Location", "Location", "Connection", "If-Range",
     "Content-Language", "Accept-Language", "Range", "If-None-Match", "If-Modified-Since", "Pragma",
     "Cookie", "Content-Length", "Authorization", "cache-control"]
)  # fmt: skip
fields = st.lists(st.tuples(names, values), max_size=8).map(tuple)
statuses = st.sampled_from([200, 200, 204, 206, 206, 301, 304, 404, 416, 503, 599])
settings_ = st.builds(
    Caching,
    ttl=st.sampled_from([None, 5.0]),
    stale=st.sampled_from([None, 0.0, 9.0]),
    override=st.booleans(),
    heuristic=st.booleans(),
    obey_caller=st.booleans(),
    post=st.booleans(),
    shared=st.booleans(),
    exact_ranges=st.booleans(),
)
calls = st.lists(
    st.tuples(st.sampled_from(["GET", "GET", "HEAD", "POST", "PUT"]), fields, statuses, fields),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=200)
@given(settings_, calls)
def test_every_call_is_answered_and_no_text_is_made_up(
    caching: Caching, calls: list[tuple[str, tuple, int, tuple]]
) -> None:
    cache, now = Cache(caching), NOW
    for method, asked, status, said in calls:
        sends = b"x" if method in ("POST", "PUT") else None
        got: Answered | Flight = cache.begin(UpstreamRequest(method, URL, asked, sends), now)
        for _ in range(3):
            if isinstance(got, Flight):
                body = b"" if method == "HEAD" or status in (204, 304) else b"0123456789"
                got = cache.arrive(got, Reply(status, said, body, now), now)
        assert isinstance(got, Answered), "the whole is asked for once at most"
        assert got.reply.body in b"0123456789" or got.reply.body == b"01234567890123456789"
        now += 3
