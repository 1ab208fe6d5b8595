"""What an operation's settings change, and what a caller's directives do where they are heeded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.caching.deciding import (
    address,
    forward_status,
    hit_status,
    invalidated,
    joins,
    may_share,
    may_store,
    variant,
)
from gateway.caching.entries import Caching, Fetch, NotStored, OnlyIfCached, Serve, Stored
from gateway.values import Headers, Reply, UpstreamRequest
from tests.caching.rules.scene import NOW, PLAIN, URL, Is, Step, headers, play, twice

REUSED, FETCHED, ASKED = Is.REUSED, Is.FETCHED, Is.ASKED
HOUR = "Cache-Control: max-age=3600"
TTL = Caching(ttl=60.0)
MINE = ("Authorization: Bearer mine",)


def stored(
    *reply: str,
    caching: Caching = TTL,
    status: int = 200,
    ask: tuple[str, ...] = (),
    body: bytes = b"whole",
    method: str = "GET",
) -> Stored | NotStored:
    request = UpstreamRequest(method, URL, headers(ask, NOW))
    return may_store(request, Reply(status, headers(reply, NOW), body, NOW), NOW, NOW, caching)


# --- ttl and override -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wants", "reply", "caching"),
    [
        (REUSED, (), TTL),
        (FETCHED, (), Caching()),
        (FETCHED, (), Caching(ttl=2.0)),
        (REUSED, ("Date: @-7200", "Age: 500"), TTL),  # it counts from receipt
        (FETCHED, ("Cache-Control: max-age=0",), TTL),
        (FETCHED, ("Cache-Control: max-age=x",), TTL),
        (FETCHED, ("Expires: 0",), TTL),
        (FETCHED, ("Cache-Control: max-age=60, max-age=90",), TTL),
        (FETCHED, ("Cache-Control: max-age=60", "Cache-Control: max-age=90"), TTL),
        (FETCHED, ("Cache-Control: max-age=90, max-age=60",), TTL),
        (REUSED, ("Cache-Control: max-age=60, max-age=60",), TTL),
        (REUSED, ('Cache-Control: max-age="60"',), TTL),
        (FETCHED, ("Cache-Control: max-age =60",), TTL),
        (FETCHED, ("Cache-Control: max-age= 60",), TTL),
        (FETCHED, ("Cache-Control: max-age",), TTL),
        (FETCHED, ("Cache-Control: max-age=60.5",), TTL),
        (FETCHED, ("Cache-Control: no-cache",), TTL),
        (REUSED, ('Cache-Control: no-cache="A"', "A: 1"), TTL),
        (FETCHED, ("Cache-Control: private",), TTL),
        (REUSED, ("Cache-Control: private",), replace(TTL, shared=True)),
        (REUSED, ("Cache-Control: max-age=0",), replace(TTL, override=True)),
        (REUSED, ("Cache-Control: no-cache",), replace(TTL, override=True)),
        (REUSED, ("Expires: 0",), replace(TTL, override=True)),
        (FETCHED, (HOUR,), Caching(ttl=2.0, override=True)),
        (FETCHED, ("Cache-Control: no-store",), replace(TTL, override=True, shared=True)),
        (FETCHED, ("Cache-Control: private",), replace(TTL, override=True)),
        (FETCHED, ("Vary: *",), replace(TTL, override=True)),
    ],
)
def test_the_configured_lifetime(wants: Is, reply: tuple[str, ...], caching: Caching) -> None:
    play(*twice(wants, *reply), caching=caching)


@pytest.mark.parametrize("status", [301, 404, 410, 500, 503])
def test_only_success_has_the_configured_lifetime(status: int) -> None:
    play(*twice(FETCHED, 'ETag: "v1"', status=status), caching=replace(TTL, override=True))
    play(*twice(REUSED, HOUR, status=status), caching=TTL)


def test_an_error_without_explicit_freshness_is_not_even_kept_for_validation() -> None:
    assert stored('ETag: "v1"', status=404) == NotStored("status 404 without explicit freshness")


@pytest.mark.parametrize(
    ("reply", "idle"),
    [
        ((), ""),
        ((HOUR,), "max-age=3600"),
        (("Cache-Control: s-maxage=5, max-age=9",), "s-maxage=5"),
        (("Expires: @300",), "Expires"),
        (("Cache-Control: no-cache", 'ETag: "v1"'), "no-cache"),
    ],
)
def test_it_is_said_why_a_configured_lifetime_is_idle(reply: tuple[str, ...], idle: str) -> None:
    outcome = stored(*reply)
    assert isinstance(outcome, Stored)
    assert outcome.idle == idle


def test_lifetimes_are_guessed_only_where_that_is_configured() -> None:
    play(*twice(FETCHED, "Last-Modified: @-86400"), caching=Caching())
    play(*twice(REUSED, "Last-Modified: @-86400"), caching=Caching(heuristic=True))


# --- whose credential -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "ask", "shared", "is_kept"),
    [
        ((), MINE, False, False),
        ((), MINE, True, True),
        ((HOUR,), MINE, False, False),
        (("Cache-Control: public, max-age=60",), MINE, False, True),
        (("Cache-Control: s-maxage=60",), MINE, False, True),
        (("Cache-Control: private, max-age=60",), (), False, False),
        (("Cache-Control: private, max-age=60",), MINE, True, True),
        ((HOUR, "Set-Cookie: a=b"), (), False, True),
    ],
)
def test_what_a_callers_own_credential_brought_is_kept_only_by_leave(
    reply: tuple[str, ...], ask: tuple[str, ...], shared: bool, is_kept: bool
) -> None:
    outcome = stored(*reply, ask=ask, caching=replace(TTL, shared=shared))
    assert isinstance(outcome, Stored) is is_kept


def test_a_credential_that_a_reply_varies_by_is_kept_as_a_digest() -> None:
    outcome = stored(HOUR, "Vary: Authorization, Cookie", ask=MINE, caching=Caching(shared=True))
    assert isinstance(outcome, Stored)
    assert "mine" not in repr(outcome.entry)
    varied = (HOUR, "Vary: Authorization")
    shared = Caching(shared=True)
    play(*twice(REUSED, *varied, ask=MINE), caching=shared)
    play(*twice(FETCHED, *varied, ask=MINE, again=("Authorization: x",)), caching=shared)


def test_fields_that_are_private_or_need_validation_are_not_kept() -> None:
    reply = (HOUR, 'Cache-Control: private="A", no-cache="b, C"', "A: 1", "B: 2", "C: 3", "D: 4")
    play(
        Step(reply=reply, got=("A: 1", "B: 2")),
        Step(REUSED, lacks=("A", "B", "C"), got=("D: 4",)),
    )


# --- stale instead of a failure ---------------------------------------------------------------

FAILS = Step(gone=True)
DOWN = Step(status=503)
BRIEF = "Cache-Control: max-age=2"


@pytest.mark.parametrize(
    ("reply", "caching", "no_answer", "error"),
    [
        (BRIEF, Caching(), True, False),
        (BRIEF, Caching(stale=600.0), True, True),
        (BRIEF, Caching(stale=0.5), False, False),
        (BRIEF, Caching(stale=0.0), False, False),
        ("Cache-Control: max-age=0", Caching(), True, False),
        (f"{BRIEF}, stale-if-error=60", Caching(), True, True),
        (f"{BRIEF}, stale-if-error=60", Caching(stale=0.0), True, True),
        (f"{BRIEF}, stale-if-error=0", Caching(stale=600.0), False, False),
        (f"{BRIEF}, stale-if-error=x", Caching(stale=600.0), False, False),
        (f"{BRIEF}, must-revalidate", Caching(stale=600.0), False, False),
        (f"{BRIEF}, proxy-revalidate", Caching(stale=600.0), False, False),
        ("Cache-Control: s-maxage=2", Caching(stale=600.0), False, False),
        (f"{BRIEF}, no-cache, stale-if-error=60", Caching(stale=600.0), False, False),
        ("A: 1", Caching(stale=600.0), True, True),
        ("A: 1", Caching(), False, False),
        ("A: 1", Caching(ttl=2.0, stale=600.0), True, True),
    ],
)
def test_stale_instead_of_a_failure(
    reply: str, caching: Caching, no_answer: bool, error: bool
) -> None:
    for failure, has_leave in ((FAILS, no_answer), (DOWN, error)):
        wants = REUSED if has_leave else None
        got = play(Step(reply=(reply,)), replace(failure, wants=wants), caching=caching)[1]
        assert got.reply.status == (200 if has_leave else 502 if failure.gone else 503)


@pytest.mark.parametrize(
    ("status", "is_failure"), [(500, 1), (502, 1), (504, 1), (501, 0), (404, 0)]
)
def test_only_some_errors_are_failures(status: int, is_failure: int) -> None:
    steps = Step(reply=(BRIEF,)), Step(REUSED if is_failure else FETCHED, status=status)
    play(*steps, caching=Caching(stale=600.0))


def test_no_part_stands_in_for_a_whole() -> None:
    part = Step(
        reply=(BRIEF, "Content-Range: bytes 0-4/10"), ask=("Range: bytes=0-4",), status=206,
        body=b"01234",
    )  # fmt: skip
    got = play(part, Step(gone=True), Step(gone=True, ask=("Range: bytes=1-2",)))
    assert [one.reply.status for one in got[1:]] == [502, 206]


# --- POST that reads --------------------------------------------------------------------------


def test_a_post_is_kept_by_its_body_where_it_reads() -> None:
    def ask(wants: Is | None, sends: bytes) -> Step:
        return Step(wants, ('ETag: "v1"',), method="POST", sends=sends)

    reads = replace(TTL, post=True)
    play(ask(None, b"a"), ask(REUSED, b"a"), ask(FETCHED, b"b"), Step(FETCHED), caching=reads)
    play(ask(None, b"a"), ask(FETCHED, b"a"), caching=TTL)


def test_a_post_is_never_asked_by_conditions() -> None:
    reads = Caching(ttl=2.0, post=True)
    post = Step(FETCHED, ('ETag: "v1"',), method="POST", sends=b"a", ask=('If-None-Match: "v1"',))
    again = play(post, replace(post, ask=()), caching=reads)[1]
    assert again.decision == Fetch("stale", again.decision.entry)  # type: ignore[union-attr]
    fresh = replace(reads, ttl=60.0)
    play(post, replace(post, wants=REUSED, text=b"whole", answer=200), caching=fresh)


def test_a_post_that_reads_forgets_nothing() -> None:
    request, done = UpstreamRequest("POST", URL, (), b"a"), Reply(200, (), b"")
    assert invalidated(request, done, Caching()) == (URL,)
    assert invalidated(request, done, Caching(post=True)) == ()
    assert invalidated(request._replace(method="PATCH"), done, Caching(post=True)) == (URL,)


def test_another_content_type_is_another_post() -> None:
    post = UpstreamRequest("POST", URL, (("Content-Type", "text/plain"),), b"a")
    other = post._replace(headers=(("Content-Type", "text/html"),))
    assert address(post, Caching(post=True)) != address(other, Caching(post=True))
    assert address(post, Caching()) is None


def test_a_get_with_a_body_is_neither_kept_nor_answered() -> None:
    assert address(UpstreamRequest("GET", URL, (), b"x"), TTL) is None
    play(Step(sends=b"x"), Step(FETCHED, sends=b"x"), Step(FETCHED), caching=TTL)


# --- what a caller's directives do ------------------------------------------------------------


@pytest.mark.parametrize(
    ("wants", "reply", "says"),
    [
        (FETCHED, HOUR, "Cache-Control: max-age=0"),
        (FETCHED, HOUR, "Cache-Control: max-age=1"),
        (REUSED, HOUR, "Cache-Control: max-age=10"),
        (REUSED, HOUR, "Cache-Control: max-age=x"),
        (REUSED, HOUR, "Cache-Control: min-fresh=100"),
        (FETCHED, HOUR, "Cache-Control: min-fresh=3598"),
        (FETCHED, HOUR, "Cache-Control: no-cache"),
        (FETCHED, HOUR, "Cache-Control: no-store"),
        (FETCHED, HOUR, "Pragma: no-cache"),
        (REUSED, HOUR, "Pragma: other"),
        (REUSED, BRIEF, "Cache-Control: max-stale=10"),
        (REUSED, BRIEF, "Cache-Control: max-stale"),
        (FETCHED, BRIEF, "Cache-Control: max-stale=0"),
        (FETCHED, BRIEF, "Cache-Control: max-stale=x"),
        (FETCHED, f"{BRIEF}, must-revalidate", "Cache-Control: max-stale"),
        (REUSED, f"{HOUR}, immutable", "Cache-Control: max-age=0"),
        (FETCHED, f"{HOUR}, immutable", "Cache-Control: no-cache"),
        (FETCHED, f"{BRIEF}, immutable", "Cache-Control: max-age=0"),
        (REUSED, HOUR, "Cache-Control: only-if-cached"),
    ],
)
def test_a_callers_directive(wants: Is, reply: str, says: str) -> None:
    play(*twice(wants, reply, again=(says,)))
    is_stale = reply.startswith(BRIEF)
    ignored = replace(PLAIN, obey_caller=False)
    play(*twice(FETCHED if is_stale else REUSED, reply, again=(says,)), caching=ignored)


def test_pragma_counts_only_without_cache_control() -> None:
    play(*twice(REUSED, HOUR, again=("Pragma: no-cache", "Cache-Control: other")))


def test_nothing_is_sent_where_only_the_stored_is_wanted() -> None:
    only = Step(ask=("Cache-Control: only-if-cached",), answer=504)
    assert play(only)[0].decision == OnlyIfCached()
    play(Step(reply=(BRIEF, 'ETag: "v1"')), only)
    play(Step(reply=(HOUR, "Vary: A"), ask=("A: 1",)), only)
    many = replace(only, ask=(*only.ask, "Range: bytes=0-1,3-4"))
    play(Step(reply=(HOUR,)), many)


def test_what_a_caller_wants_kept_nowhere_is_not_kept() -> None:
    play(Step(reply=(HOUR,), ask=("Cache-Control: no-store",)), Step(FETCHED))


@pytest.mark.parametrize("condition", ["If-Match", "If-Unmodified-Since"])
def test_conditions_that_guard_a_write_are_the_upstreams_to_answer(condition: str) -> None:
    line = f'{condition}: "v1"'
    play(Step(reply=(HOUR,)), Step(FETCHED, ask=(line,), out=(line,)))


# --- calls in flight --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "ask", "may"),
    [
        ("GET", (), True),
        ("GET", ("Cookie: a",), True),
        ("HEAD", (), False),
        ("PUT", (), False),
        ("GET", ("Range: bytes=0-1",), False),
        ("GET", ('If-None-Match: "v1"',), False),
        ("GET", ("If-Modified-Since: @0",), False),
        ("GET", ("Cache-Control: no-store",), False),
    ],
)
def test_who_may_wait_for_anothers_fetch(method: str, ask: tuple[str, ...], may: bool) -> None:
    assert joins(UpstreamRequest(method, URL, headers(ask, NOW)), PLAIN) is may


@pytest.mark.parametrize(
    ("reply", "status", "may"),
    [
        ((), 200, True),
        ((), 500, True),
        ((HOUR,), 200, True),
        (("Cache-Control: no-store",), 200, False),
        (("Cache-Control: private",), 200, False),
        (("Vary: *",), 200, False),
        (("Vary: A",), 200, False),
        (("Vary: B",), 200, True),
        (("Vary: Accept",), 200, True),
    ],
)
def test_whose_the_reply_of_a_shared_fetch_is(
    reply: tuple[str, ...], status: int, may: bool
) -> None:
    one = UpstreamRequest("GET", URL, headers(("A: 1", "Accept: a, b"), NOW))
    two = one._replace(headers=headers(("A: 2", "Accept: b,A"), NOW))
    came = Reply(status, headers(reply, NOW), b"", NOW)
    assert may_share(two, one, came, PLAIN) is may


def test_those_who_are_known_to_want_another_variant_do_not_wait() -> None:
    def keyed(*ask: str) -> tuple[str | None, ...]:
        outcome = stored(HOUR, "Vary: A, Accept", ask=("A: 1",))
        assert isinstance(outcome, Stored)
        return variant([outcome.entry], UpstreamRequest("GET", URL, headers(ask, NOW)))

    assert keyed("A: 1", "Accept: x, y") == keyed("a: 1", "Accept: Y,x", "B: 2")
    assert len({keyed(), keyed("A: 1"), keyed("A: 2")}) == 3


# --- Cache-Status -----------------------------------------------------------------------------


def test_the_status_of_a_hit_says_how_long_it_is_fresh() -> None:
    outcome = stored("Cache-Control: max-age=100")
    assert isinstance(outcome, Stored)
    assert hit_status(Serve(outcome.entry, 40.0)) == "plugin-gateway; hit; ttl=60"
    served = Serve(outcome.entry, 130.0, "no-answer")
    assert hit_status(served) == 'plugin-gateway; hit; ttl=-30; detail="no-answer"'


def test_the_status_of_what_went_upstream_says_why_and_what_became_of_it() -> None:
    miss = Fetch("uri-miss")
    assert forward_status(miss) == "plugin-gateway; fwd=uri-miss"
    assert forward_status(miss, outcome=stored()) == "plugin-gateway; fwd=uri-miss; stored"
    assert forward_status(Fetch("stale"), status=304, outcome=stored(HOUR)) == (
        'plugin-gateway; fwd=stale; fwd-status=304; stored; detail="ttl idle: max-age=3600"'
    )
    refused = stored("Cache-Control: no-store")
    assert forward_status(miss, outcome=refused, collapsed=True) == (
        'plugin-gateway; fwd=uri-miss; collapsed; detail="not stored: no-store"'
    )


def test_no_text_of_the_upstream_breaks_the_status() -> None:
    outcome = stored('Cache-Control: max-age="1\\";hit\x80"')
    text = forward_status(Fetch("uri-miss"), outcome=outcome)
    assert text.count('"') == 2
    assert text.isascii()


# --- bounds -----------------------------------------------------------------------------------


def test_a_url_has_sixteen_variants_and_the_oldest_goes() -> None:
    varied = (HOUR, "Vary: A")
    steps = [Step(reply=varied, ask=(f"A: {number}",)) for number in range(17)]
    play(*steps, Step(REUSED, ask=("A: 1",)), Step(FETCHED, ask=("A: 0",)))


def test_a_variant_replaces_itself_and_the_newest_that_matches_wins() -> None:
    one, two = ("A: 1",), ("A: 1", "B: 2")
    play(
        Step(reply=(HOUR, "Vary: A"), ask=one, body=b"first"),
        Step(FETCHED, (HOUR, "Vary: A, B"), ask=("A: 2",), body=b"other"),
        Step(FETCHED, (HOUR, "Vary: B"), ask=(*two, "Cache-Control: no-cache"), body=b"newest"),
        Step(REUSED, ask=two, text=b"newest"),
        Step(REUSED, ask=one, text=b"first"),
    )


def test_a_reply_that_varies_by_more_than_can_be_kept_is_not() -> None:
    names = ", ".join(f"X-{number}" for number in range(33))
    assert stored(HOUR, f"Vary: {names}") == NotStored("Vary: *")


@pytest.mark.parametrize("status", [100, 103, 304])
def test_what_is_no_final_reply_is_not_kept(status: int) -> None:
    assert isinstance(stored(HOUR, status=status), NotStored)


def test_times_of_an_exchange_and_clocks_set_back_make_nothing_fresher() -> None:
    request, reply = UpstreamRequest("GET", URL), Reply(200, headers((HOUR,), NOW), b"", NOW)
    slow = may_store(request, reply, NOW - 30, 0.0, Caching())
    assert isinstance(slow, Stored)
    assert slow.entry.facts.initial_age == 30
    early = may_store(request, reply, NOW + 30, 0.0, Caching())  # set back meanwhile
    assert isinstance(early, Stored)
    assert early.entry.facts.initial_age == 0


def test_a_reply_without_a_date_gets_the_time_it_came() -> None:
    outcome = stored(HOUR)
    assert isinstance(outcome, Stored)
    pairs: Headers = headers((HOUR, "Date: @0"), NOW)
    assert outcome.entry.reply.headers == pairs
