"""Stored replies as bytes, for stores outside of this process.

What is read back was written by anybody who may write there, another version of the gateway for
one: what does not read as exactly what is written here does not count. Pickle is no choice, since
whoever writes there could then run code here.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.caching.entries import WITHOUT_ANSWER, Entry, Facts
from gateway.caching.handles import Kept
from gateway.config.scalars import Budget
from gateway.values import Headers, Reply

# Changes with the form below; what facts there are is part of it by itself.
_VERSION: Final = 1
_FIELDS: Final = [(one.name, str(one.type)) for one in dataclasses.fields(Facts)]
FORMAT: Final = hashlib.blake2b(f"{_VERSION} {_FIELDS}".encode(), digest_size=4).digest()
# An entry is worth its validator after it has become stale; beyond a month nobody asks again.
LONGEST: Final = 30 * 86400.0


class _Stored(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """An `Entry`. Headers are bytes, since those of replies need not be any charset's text."""

    status: int
    headers: bytes
    body: bytes
    received: float
    initial_age: float
    notes: dict[str, Any]
    facts: Facts


class _Whole(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A `Kept`, but for its caller, which is part of the name, and for its way on to further pages,
    which only the gateway that made it knows."""

    handle: str
    plugin: str
    operation: str
    whole: bytes
    tokens: int
    chars: int
    hard: tuple[str, ...]
    at: str
    rows: bool
    rules: str


_ENCODER: Final = msgspec.msgpack.Encoder()
_ENTRIES: Final = msgspec.msgpack.Decoder(tuple[_Stored, ...])
_KEPT: Final = msgspec.msgpack.Decoder(_Whole)


def dumped(entries: Sequence[Entry]) -> bytes:
    """Entries as bytes.

    Raises:
        ValueError: one of them holds what cannot be written: in its facts what is no Unicode.
    """
    return _ENCODER.encode(
        [
            _Stored(
                one.reply.status,
                _joined(one.reply.headers),
                one.reply.body,
                one.reply.received,
                one.reply.initial_age,
                dict(one.reply.notes),
                one.facts,
            )
            for one in entries
        ]
    )


def loaded(data: bytes) -> tuple[Entry, ...]:
    """Entries out of bytes. Raises: ValueError where they are not of `dumped`."""
    return tuple(
        Entry(
            Reply(
                one.status,
                _parted(one.headers),
                one.body,
                one.received,
                one.initial_age,
                notes=one.notes,
            ),
            one.facts,
        )
        for one in _ENTRIES.decode(data)
    )


def _joined(headers: Headers) -> bytes:
    """One line each; neither a name nor a value can hold a line break (RFC 9110 section 5.5)."""
    lines = [f"{name}:{value}" for name, value in headers]
    text = "\n".join(lines)
    if text.count("\n") != max(0, len(lines) - 1):
        raise ValueError("a line break in a header")
    return text.encode("utf-8", "surrogateescape")


def _parted(data: bytes) -> Headers:
    text = data.decode("utf-8", "surrogateescape")
    pairs = (line.partition(":") for line in text.split("\n")) if text else ()
    return tuple((name, value) for name, _, value in pairs)


def life(entries: Sequence[Entry]) -> float:
    """For how many seconds from now entries are worth storing.

    Beyond their freshness for a day, in which they may be validated or stand in for a failed
    upstream, or longer where their own windows say so.
    """
    longest = 0.0
    for facts in (one.facts for one in entries):
        stale = max(WITHOUT_ANSWER, facts.while_revalidate or 0.0, facts.if_error or 0.0)
        longest = max(longest, max(0.0, facts.fresh_until - facts.since) + stale)
    return min(longest, LONGEST)


def dumped_kept(kept: Kept) -> bytes:
    """What a handle stands for, as bytes: as far as this gateway has it.

    Where there are further pages upstream, the end of it is told as one that is meant.
    """
    hard = kept.hard if kept.grows is None else (*kept.hard, kept.grows)
    return _ENCODER.encode(
        _Whole(
            kept.handle,
            kept.plugin,
            kept.operation,
            kept.whole,
            kept.budget.tokens,
            kept.budget.chars,
            hard,
            kept.at,
            kept.rows,
            kept.rules,
        )
    )


def loaded_kept(data: bytes, caller: str) -> Kept:
    """The same out of bytes, for this caller. Raises: ValueError: it is not of `dumped_kept`."""
    one = _KEPT.decode(data)
    return Kept(
        one.handle,
        one.plugin,
        one.operation,
        one.whole,
        Budget(one.tokens, one.chars),
        one.hard,
        caller=caller,
        at=one.at,
        rows=one.rows,
        rules=one.rules,
    )
