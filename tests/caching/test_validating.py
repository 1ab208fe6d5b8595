"""Asking whether what is stored still holds: RFC 9111 sections 3.2, 4.3."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.caching.deciding import conditional, storable_headers, unconditional
from gateway.caching.entries import Caching, Fetch, Validate
from gateway.values import UpstreamRequest
from tests.caching.rules.scene import NOW, URL, Is, Step, headers, play

REUSED, FETCHED, ASKED = Is.REUSED, Is.FETCHED, Is.ASKED
HOUR = "Cache-Control: max-age=3600"
BRIEF = "Cache-Control: max-age=2"
TAG = 'ETag: "v1"'
CONFIRMED = Step(ASKED, (HOUR, TAG), status=304, text=b"whole")


def test_both_validators_are_sent() -> None:
    stored = Step(reply=(BRIEF, TAG, "Last-Modified: @-300"))
    out = ('If-None-Match: "v1"', "If-Modified-Since: @-303")
    play(stored, replace(CONFIRMED, out=out), Step(REUSED, got=("Age: 3",)))


def test_a_broken_last_modified_is_no_validator() -> None:
    got = play(Step(reply=(BRIEF, "Last-Modified: yesterday")), Step(FETCHED))
    assert isinstance(got[1].decision, Fetch)


def test_a_star_is_no_tag() -> None:
    got = play(Step(reply=(BRIEF, "ETag: *")), Step(FETCHED))
    assert isinstance(got[1].decision, Fetch)


def test_our_conditions_stand_in_for_the_callers() -> None:
    ask = headers(
        ("Foo: 1", "if-none-match: x", "If-Modified-Since: y", "If-Range: z", "Range: bytes=0-1"),
        NOW,
    )
    request = UpstreamRequest("GET", URL, ask)
    ours = (("If-None-Match", '"v1"'),)
    foo, wanted = ("Foo", "1"), ("Range", "bytes=0-1")
    assert conditional(request, ours).headers == (foo, wanted, *ours)
    assert unconditional(request).headers == (foo,)


@pytest.mark.parametrize(
    ("condition", "answer"), [('"v1"', 304), ('"other"', 200), ("*", 304), ('W/"v1"', 304)]
)
def test_a_callers_condition_is_answered_from_what_was_confirmed(
    condition: str, answer: int
) -> None:
    ask = (f"If-None-Match: {condition}",)
    text = b"whole" if answer == 200 else b""
    play(Step(reply=(BRIEF, TAG)), replace(CONFIRMED, ask=ask, answer=answer, text=text))


def test_with_nothing_stored_a_callers_condition_travels_as_it_came() -> None:
    line = 'If-None-Match: "mine"'
    got = play(Step(FETCHED, ask=(line,), out=(line,), status=304))
    assert got[0].reply.status == 304


@pytest.mark.parametrize(
    "news",
    [('ETag: "v2"',), ('ETag: W/"v2"',), ('ETag: W/"v1x"', "Last-Modified: @-303")],
)
def test_a_304_of_something_else_refreshes_nothing(news: tuple[str, ...]) -> None:
    """The whole is asked for; the scripted upstream says 304 again, which is then its answer."""
    stored = Step(reply=(BRIEF, TAG))
    got = play(stored, Step(reply=(HOUR, *news), status=304), Step(FETCHED))
    assert got[1].decision == Fetch("stale")


def test_a_304_by_date_of_another_date_refreshes_nothing() -> None:
    stored = Step(reply=(BRIEF, "Last-Modified: @-300"))
    got = play(stored, Step(reply=(HOUR, "Last-Modified: @-200"), status=304))
    assert got[1].decision == Fetch("stale")


def test_a_weak_304_confirms_what_has_the_same_tag_weakly() -> None:
    news = (HOUR, 'ETag: W/"v1"')
    play(Step(reply=(BRIEF, TAG)), replace(CONFIRMED, reply=news), Step(REUSED))


def test_freshness_is_counted_anew_from_a_304() -> None:
    stored = Step(reply=("Expires: @2", "Date: @0", TAG))
    play(stored, replace(CONFIRMED, reply=("Expires: @5", "Date: @0", TAG)), Step(REUSED), Step())
    # Without a Date of its own the 304 is as old as its receipt, not as the stored one.
    play(Step(reply=(HOUR, "Cache-Control: no-cache", TAG)), replace(CONFIRMED, reply=()))
    old = Step(reply=("Cache-Control: max-age=4", "Date: @-100", TAG))
    play(old, replace(CONFIRMED, reply=(TAG,)), Step(REUSED, got=("Age: 3",)))


def test_a_304s_age_counts() -> None:
    stored = Step(reply=("Cache-Control: max-age=10", "Age: 10", TAG))
    aged = replace(CONFIRMED, reply=("Age: 5", TAG), got=("Age: 5",))
    play(stored, aged, Step(REUSED, got=("Age: 8",)))


def test_a_304_that_forbids_storing_answers_and_ends_it() -> None:
    stored = Step(reply=(BRIEF, TAG))
    ended = replace(CONFIRMED, reply=("Cache-Control: no-store", TAG))
    again = replace(CONFIRMED, reply=(HOUR, TAG))
    play(stored, ended, again)


def test_all_variants_are_asked_about_where_none_matches() -> None:
    varied = (HOUR, "Vary: A")
    got = play(
        Step(reply=(*varied, 'ETag: "a"'), ask=("A: 1",), body=b"one"),
        Step(FETCHED, (*varied, 'ETag: "b"'), ask=("A: 2",), body=b"two"),
        Step(
            ASKED,
            (*varied, 'ETag: "a"'),
            ask=("A: 3",),
            status=304,
            out=('If-None-Match: "a", "b"',),
            text=b"one",
        ),
        Step(REUSED, ask=("A: 3",), text=b"one"),
        Step(REUSED, ask=("A: 2",), text=b"two"),
        Step(REUSED, ask=("A: 1",), text=b"one"),
        Step(FETCHED, (*varied, 'ETag: "c"'), ask=("A: 4",), body=b"four"),
    )
    assert isinstance(got[6].decision, Validate)


def test_no_part_is_asked_about_as_a_variant() -> None:
    part = Step(
        reply=(HOUR, "Vary: A", TAG, "Content-Range: bytes 0-0/5"),
        ask=("A: 1", "Range: bytes=0-0"),
        status=206,
        body=b"w",
    )
    got = play(part, Step(FETCHED, ask=("A: 2",)))
    assert got[1].decision == Fetch("vary-miss")


# --- stale while revalidating -----------------------------------------------------------------


def test_a_stale_reply_is_served_and_refreshed_once() -> None:
    swr = "Cache-Control: max-age=1, stale-while-revalidate=60"
    got = play(
        Step(reply=(swr, TAG)),
        Step(REUSED, (HOUR, TAG), status=304, answer=200, got=(swr,)),
        Step(REUSED, got=(HOUR,)),
    )
    assert got[1].aside is not None
    assert got[2].aside is None


def test_without_a_validator_the_refresh_asks_for_the_whole() -> None:
    swr = "Cache-Control: max-age=1, stale-while-revalidate=60"
    news = Step(REUSED, (HOUR,), body=b"new", text=b"whole")
    play(Step(reply=(swr,)), news, Step(REUSED, text=b"new"))


@pytest.mark.parametrize(
    ("more", "is_served"),
    [
        ("", True),
        (", must-revalidate", False),
        (", proxy-revalidate", False),
        (", s-maxage=1", False),
        (", no-cache", False),
        (', no-cache="A"', True),
    ],
)
def test_what_must_be_validated_is_never_served_late(more: str, is_served: bool) -> None:
    text = f"Cache-Control: max-age=1, stale-while-revalidate=60{more}"
    second = Step(REUSED if is_served else ASKED, (TAG,), status=304, answer=200)
    play(Step(reply=(text, TAG)), second)


@pytest.mark.parametrize("window", ["2", "0", "x", "-5", ""])
def test_at_its_last_second_the_window_is_over(window: str) -> None:
    text = f"Cache-Control: max-age=1, stale-while-revalidate={window}"
    play(Step(reply=(text,)), Step(FETCHED))
    play(Step(reply=("Cache-Control: max-age=3, stale-while-revalidate=0",)), Step(FETCHED))


def test_a_part_that_is_late_is_refreshed_as_the_whole() -> None:
    lines = ("Cache-Control: max-age=1, stale-while-revalidate=60", TAG)
    part = Step(
        reply=(*lines, "Content-Range: bytes 0-1/5"),
        ask=("Range: bytes=0-1",),
        status=206,
        body=b"wh",
    )
    late = Step(REUSED, (HOUR, TAG), ask=("Range: bytes=0-1",), answer=206, text=b"wh")
    got = play(part, late, Step(REUSED, text=b"whole"))
    assert got[1].aside is not None
    assert got[1].aside.out.headers == ()


def test_a_caller_who_has_it_is_told_so_while_it_is_refreshed() -> None:
    swr = "Cache-Control: max-age=1, stale-while-revalidate=60"
    asks = Step(REUSED, (HOUR, 'ETag: "v2"'), ask=('If-None-Match: "v1"',), answer=304, body=b"new")
    play(Step(reply=(swr, TAG)), asks, Step(REUSED, text=b"new"))


# --- HEAD -------------------------------------------------------------------------------------

LOOK = Step(method="HEAD", text=b"")


def test_a_get_answers_head_with_its_length() -> None:
    stored = Step(reply=(HOUR, "Content-Length: 5"))
    play(stored, replace(LOOK, wants=REUSED, got=("Content-Length: 5", "Age: 3")))


def test_a_head_answers_no_get() -> None:
    head = replace(LOOK, reply=(HOUR, TAG))
    play(head, replace(LOOK, wants=REUSED), Step(FETCHED))
    play(head, replace(LOOK, wants=REUSED, ask=('If-None-Match: "v1"',), answer=304))


def test_a_head_leaves_the_get_where_it_is() -> None:
    stale = Step(reply=(BRIEF, TAG))
    play(stale, replace(LOOK, wants=FETCHED, reply=(HOUR, TAG)), Step(REUSED, text=b"whole"))


@pytest.mark.parametrize("says", ['ETag: "v2"', "Last-Modified: @-1", "Content-Length: 6"])
def test_a_head_that_contradicts_makes_stale(says: str) -> None:
    stored = Step(reply=(BRIEF, "Last-Modified: @-300", "Content-Length: 5", TAG))
    got = play(stored, replace(LOOK, wants=FETCHED, reply=(HOUR, says)), Step(FETCHED))
    assert isinstance(got[2].decision, Validate)
    gone = play(stored, replace(LOOK, reply=(HOUR, says)), Step(gone=True))
    assert gone[2].reply.status == 502


def test_a_head_that_does_not_contradict_refreshes_all_that_match() -> None:
    varied = (BRIEF, "Vary: A")
    play(
        Step(reply=varied, ask=("A: 1",), body=b"one"),
        replace(LOOK, reply=(HOUR, "Vary: A", "B: 2"), ask=("A: 1",)),
        Step(REUSED, ask=("A: 1",), text=b"one", got=("B: 2",)),
        Step(FETCHED, ask=("A: 2",)),
    )


@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_head_that_fails_says_nothing_of_the_get(status: int) -> None:
    stored = Step(reply=("Cache-Control: max-age=8",))
    look = replace(LOOK, ask=("Cache-Control: no-cache",), status=status, reply=(HOUR, TAG))
    play(stored, look, Step(REUSED))


# --- fields of one connection -----------------------------------------------------------------


def test_fields_of_one_connection_are_left_out_in_any_case_and_the_rest_keeps_its_order() -> None:
    pairs = headers(
        ("b: 1", "CONNECTION: close, X-Own ,te", "x-own: 1", "KEEP-alive: 5", "Set-Cookie: a",
         "Connection: A", "a: 1", "Set-Cookie: b", "Upgrade: h2c"), NOW,
    )  # fmt: skip
    assert storable_headers(pairs) == (("b", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b"))


def test_a_304_brings_no_field_of_its_connection() -> None:
    news = (HOUR, TAG, "Connection: X-Own", "X-Own: 1", "Transfer-Encoding: chunked")
    stored = Step(reply=(BRIEF, TAG))
    play(stored, replace(CONFIRMED, reply=news, lacks=("X-Own", "Transfer-Encoding", "Connection")))


def test_what_is_said_of_caching_in_a_listed_field_still_counts() -> None:
    listed = ("Connection: Cache-Control", "Cache-Control: no-store")
    play(Step(reply=listed), Step(FETCHED), caching=Caching(ttl=60.0))
