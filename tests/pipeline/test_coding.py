"""Content codings, whole and in pieces: both give the same, or refuse the same."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Refusal, ReplyTooLarge, UpstreamFailed
from gateway.pipeline.coding import FREE, MAX_MEMBERS, MAX_RATIO, Inflater, decode, takes

LIMIT = 64 * 1024**2


def in_pieces(coding: str, data: bytes, size: int, limit: int) -> bytes:
    inflater, pieces = Inflater(coding, limit), []
    for at in range(0, len(data), size):
        inflater.feed(data[at : at + size])
        while piece := inflater.take():
            pieces.append(piece)
    inflater.end()
    return b"".join(pieces)


def raw(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-15)
    return compress.compress(data) + compress.flush()


CODED = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data) + gzip.compress(data),
    "deflate": zlib.compress,
    "raw": raw,
}


@given(
    kind=st.sampled_from(sorted(CODED)),
    body=st.binary(min_size=1, max_size=300),
    times=st.integers(1, 2000),
    size=st.integers(2, 5000),
    spoiled=st.one_of(st.none(), st.integers(0, 50)),
    limit=st.sampled_from([LIMIT, 100_000]),
)
@example("gzip", b"0123456789", 20_000, 500, None, 100_000)
def test_pieces_make_the_whole(
    kind: str, body: bytes, times: int, size: int, spoiled: int | None, limit: int
) -> None:
    coding, data = kind.replace("raw", "deflate"), CODED[kind](body * times)
    if spoiled is not None:
        data = data[:-spoiled] or b"\0\0"
    try:
        whole = decode(coding, data, limit)
    except Refusal as refusal:
        with pytest.raises(type(refusal)):
            in_pieces(coding, data, size, limit)
    else:
        assert in_pieces(coding, data, size, limit) == whole


def test_what_is_denser_than_the_ratio_is_refused_though_its_size_is_not() -> None:
    dense = gzip.compress(b"0" * (16 * 1024**2))
    assert len(dense) * MAX_RATIO < 16 * 1024**2 < LIMIT
    for read in (
        lambda: decode("gzip", dense, LIMIT),
        lambda: in_pieces("gzip", dense, 999, LIMIT),
    ):
        with pytest.raises(ReplyTooLarge, match="times as large as its compressed form"):
            read()


def test_a_small_answer_may_be_as_dense_as_it_likes() -> None:
    body = b"0" * FREE
    assert decode("gzip", gzip.compress(body), LIMIT) == body
    assert in_pieces("gzip", gzip.compress(body), 100, LIMIT) == body


def test_members_without_end_are_refused() -> None:
    many = gzip.compress(b"a") * (MAX_MEMBERS + 1)
    for read in (
        lambda: decode("gzip", many, LIMIT),
        lambda: in_pieces("gzip", many, 10**6, LIMIT),
    ):
        with pytest.raises(UpstreamFailed):
            read()


@pytest.mark.parametrize(
    ("accept", "coding", "taken"),
    [
        ("gzip", "gzip", True),
        ("br, GZIP;q=0.5", "gzip", True),
        ("x-gzip", "gzip", True),
        ("gzip", "x-gzip", True),
        ("gzip; q=0", "gzip", False),
        ("gzip;q=0.000", "gzip", False),
        ("gzip", "deflate", False),
        ("deflate", "deflate", True),
        ("", "gzip", False),
    ],
)
def test_what_a_caller_takes(accept: str, coding: str, taken: bool) -> None:
    assert takes(accept, coding) is taken
