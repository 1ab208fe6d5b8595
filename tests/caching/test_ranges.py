"""Byte ranges: RFC 9110 section 14; RFC 9111 sections 3.3, 3.4."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.caching.deciding import added, may_store
from gateway.caching.entries import Caching, Part, Stored
from gateway.caching.ranges import Range, asked_range, content_part, covers
from gateway.values import Reply, UpstreamRequest
from tests.caching.rules.scene import NOW, URL, Is, Step, headers, play

HOUR = "Cache-Control: max-age=3600"
TAG = 'ETag: "v1"'
TEN = b"0123456789"
WHOLE = Step(reply=(HOUR, TAG), body=TEN)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("bytes=0-4", Range(0, 4)),
        ("Bytes=5-", Range(5, None)),
        ("bytes=-3", Range(0, None, 3)),
        (" bytes = 0-0 ", Range(0, 0)),
        ("bytes=4-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,3-4", None),
        ("items=0-4", None),
        ("bytes=0-4x", None),
        (f"bytes=0-{'9' * 400}", None),
        ("bytes=\u0660-\u0664", None),
    ],
)
def test_one_range(text: str, wanted: Range | None) -> None:
    assert asked_range(text) == wanted


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes 0-4/10", Part(0, 4, 10)),
        ("bytes 0-4/*", Part(0, 4, None)),
        ("bytes 4-0/10", None),
        ("bytes 0-10/10", None),
        ("bytes */10", None),
        ("bytes 0-4", None),
        ("bytes=0-4/10", None),
    ],
)
def test_what_a_content_range_says(text: str, part: Part | None) -> None:
    assert content_part(text) == part


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.data())
def test_a_covered_range_is_cut_as_out_of_the_whole(
    first: int, last: int, total: int, data: st.DataObject
) -> None:
    whole = bytes(range(total))
    ranges = st.one_of(
        st.builds(Range, st.integers(0, 12), st.one_of(st.none(), st.integers(0, 12)), st.none()),
        st.builds(Range, st.just(0), st.none(), st.integers(0, 12)),
    )
    wanted = data.draw(ranges)
    if first > last or last >= total or (wanted.last is not None and wanted.last < wanted.first):
        return
    if not covers(Part(first, last, total), wanted):
        return
    start = wanted.first if wanted.suffix is None else max(0, total - wanted.suffix)
    end = total if wanted.last is None else wanted.last + 1
    asked = "bytes=" + (
        f"-{wanted.suffix}"
        if wanted.suffix is not None
        else f"{wanted.first}-{'' if wanted.last is None else wanted.last}"
    )
    play(
        Step(
            reply=(HOUR, f"Content-Range: bytes {first}-{last}/{total}"),
            ask=(f"Range: bytes={first}-{last}",),
            status=206,
            body=whole[first : last + 1],
        ),
        Step(Is.REUSED, ask=(f"Range: {asked}",), answer=206, text=whole[start:end]),
    )


@pytest.mark.parametrize(
    ("wanted", "text", "says"),
    [
        ("0-0", b"0", "0-0/10"),
        ("3-99", b"3456789", "3-9/10"),
        ("-99", TEN, "0-9/10"),
        ("9-", b"9", "9-9/10"),
    ],
)
def test_a_range_out_of_a_whole(wanted: str, text: bytes, says: str) -> None:
    got = (f"Content-Range: bytes {says}", TAG)
    play(WHOLE, Step(Is.REUSED, ask=(f"Range: bytes={wanted}",), answer=206, text=text, got=got))


@pytest.mark.parametrize("wanted", ["10-", "99-100", "-0"])
def test_a_range_that_cannot_be_satisfied(wanted: str) -> None:
    ask, says = (f"Range: bytes={wanted}",), ("Content-Range: bytes */10",)
    play(WHOLE, Step(Is.REUSED, ask=ask, answer=416, text=b"", got=says))


@pytest.mark.parametrize("wanted", ["items=0-1", "bytes=x", "bytes=4-1"])
def test_a_range_that_cannot_be_read_means_the_whole(wanted: str) -> None:
    play(WHOLE, Step(Is.REUSED, ask=(f"Range: {wanted}",), answer=200, text=TEN))


def test_several_ranges_go_upstream_as_they_came() -> None:
    several = ("Range: bytes=0-1,3-4",)
    play(WHOLE, Step(Is.FETCHED, ask=several, out=several))


def test_no_range_is_cut_out_of_a_coded_body() -> None:
    coded = Step(reply=(HOUR, "Content-Encoding: gzip"), body=TEN)
    play(coded, Step(Is.REUSED, ask=("Range: bytes=0-1",), answer=200, text=TEN))


@pytest.mark.parametrize(
    ("condition", "is_had"),
    [
        ('If-Range: "v1"', True),
        ('If-Range: "v2"', False),
        ('If-Range: W/"v1"', False),
        ("If-Range: @-5003", True),
        ("If-Range: @-5002", False),
        ("If-Range: nonsense", False),
    ],
)
def test_a_range_on_condition(condition: str, is_had: bool) -> None:
    whole = Step(reply=(HOUR, TAG, "Last-Modified: @-5000"), body=TEN)
    status, text = (206, b"01") if is_had else (200, TEN)
    ask = ("Range: bytes=0-1", condition)
    play(whole, Step(Is.REUSED, ask=ask, answer=status, text=text))


def test_a_weak_tag_confirms_no_range() -> None:
    whole = Step(reply=(HOUR, 'ETag: W/"v1"'), body=TEN)
    ask = ("Range: bytes=0-1", 'If-Range: W/"v1"')
    play(whole, Step(Is.REUSED, ask=ask, answer=200, text=TEN))


def test_a_date_within_a_minute_of_the_reply_confirms_no_range() -> None:
    whole = Step(reply=(HOUR, "Last-Modified: @-59"), body=TEN)
    play(whole, Step(Is.REUSED, ask=("Range: bytes=0-1", "If-Range: @-62"), answer=200))


# --- parts that are kept ----------------------------------------------------------------------


def beginning(*reply: str, says: str = "0-4/10", body: bytes = b"01234") -> Step:
    lines = (HOUR, *reply, f"Content-Range: bytes {says}")
    return Step(reply=lines, ask=("Range: bytes=0-4",), status=206, body=body)


@pytest.mark.parametrize(
    ("says", "body", "ask"),
    [
        ("0-4/10", b"0123", ("Range: bytes=0-4",)),
        ("0-4/10", b"012345", ("Range: bytes=0-4",)),
        ("nonsense", b"01234", ("Range: bytes=0-4",)),
        ("0-4/10", b"01234", ()),
        ("0-4/10", b"01234", ("Range: bytes=0-1,3-4",)),
    ],
)
def test_a_part_that_is_not_what_was_asked_for_is_not_kept(
    says: str, body: bytes, ask: tuple[str, ...]
) -> None:
    part = Step(reply=(HOUR, f"Content-Range: bytes {says}"), ask=ask, status=206, body=body)
    play(part, Step(Is.FETCHED, ask=("Range: bytes=0-3",)), Step(Is.FETCHED))


def test_a_coded_part_is_not_kept() -> None:
    play(beginning("Content-Encoding: gzip"), Step(Is.FETCHED, ask=("Range: bytes=0-3",)))


def test_a_range_beyond_a_part_goes_upstream() -> None:
    play(beginning(TAG), Step(Is.FETCHED, ask=("Range: bytes=3-6",), out=("Range: bytes=3-6",)))


def test_a_part_of_unknown_length_serves_only_what_is_named() -> None:
    part = beginning(TAG, says="0-4/*")
    play(part, Step(Is.REUSED, ask=("Range: bytes=1-2",), text=b"12", answer=206))
    play(part, Step(Is.FETCHED, ask=("Range: bytes=1-",)))
    play(part, Step(Is.FETCHED, ask=("Range: bytes=-2",)))


def rest(*reply: str, says: str = "5-9/10", body: bytes = b"56789", **more: object) -> Step:
    lines = (HOUR, *reply, f"Content-Range: bytes {says}")
    return Step(None, lines, status=206, body=body, **more)  # type: ignore[arg-type]


def test_a_beginning_and_its_rest_are_one_whole() -> None:
    play(
        beginning(TAG, "A: old", "Content-Length: 5"),
        rest(
            TAG,
            "A: new",
            "Age: 7",
            out=("Range: bytes=5-", 'If-Range: "v1"'),
            answer=200,
            text=TEN,
            got=("A: new", "Content-Length: 10", "Age: 7"),
            lacks=("Content-Range",),
        ),
        Step(Is.REUSED, answer=200, text=TEN, got=("Age: 10",)),
        Step(Is.REUSED, ask=("Range: bytes=4-5",), answer=206, text=b"45"),
    )


@pytest.mark.parametrize(
    ("reply", "says", "body"),
    [
        (('ETag: "v2"',), "5-9/10", b"56789"),
        (('ETag: W/"v1"',), "5-9/10", b"56789"),
        ((), "5-9/10", b"56789"),
        ((TAG,), "6-9/10", b"6789"),
        ((TAG,), "5-9/10", b"5678"),
        ((TAG,), "5-8/10", b"5678"),
        ((TAG,), "5-9/*", b"56789"),
        ((TAG,), "5-10/11", b"56789A"),
        ((TAG, "Content-Encoding: gzip"), "5-9/10", b"56789"),
    ],
)
def test_parts_of_different_wholes_are_never_joined(
    reply: tuple[str, ...], says: str, body: bytes
) -> None:
    """The whole is asked for instead; the scripted upstream sends its part again."""
    got = play(beginning(TAG), rest(*reply, says=says, body=body))[1]
    assert got.reply.status == 206
    assert got.reply.body == body


def test_a_part_whose_length_was_not_checked_is_never_joined() -> None:
    lenient = Caching(exact_ranges=False)
    part = beginning(TAG, body=b"0123")
    got = play(part, rest(TAG), caching=lenient)[1]
    assert got.reply.body == b"56789"


def test_what_is_asked_for_by_conditions_comes_with_the_whole() -> None:
    ask = ('If-None-Match: "v1"',)
    play(beginning(TAG), rest(TAG, ask=ask, answer=304, text=b""))


def test_a_part_leaves_the_whole_where_it_is() -> None:
    request = UpstreamRequest("GET", URL, headers(("Range: bytes=0-4",), NOW))
    whole = may_store(
        UpstreamRequest("GET", URL),
        Reply(200, headers((HOUR,), NOW), TEN, NOW),
        NOW,
        NOW,
        Caching(),
    )
    pairs = headers((HOUR, "Content-Range: bytes 0-4/10"), NOW)
    part = may_store(request, Reply(206, pairs, b"01234", NOW), NOW, NOW, Caching())
    assert isinstance(whole, Stored)
    assert isinstance(part, Stored)
    both = added(added((), whole.entry), part.entry)
    assert both == (whole.entry, part.entry)
    assert added(both, whole.entry) == (whole.entry,)
