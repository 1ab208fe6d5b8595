"""`limit_items`: at most so many items of the array at a path.

Works on the text: only what stands on a path is taken apart, the rest is passed on as it is.
Arrays on the way are looked through, as everywhere; of arrays in arrays the outer one is meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from gateway.shrinking.exact import encode
from gateway.shrinking.members import PIECE, spans
from gateway.shrinking.paths import Step

_MEMBERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, Raw])
_ITEMS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[Raw])


@dataclass(slots=True)
class Limit:
    """What is limited at one place (None: nothing) and below it; `every` is for all keys."""

    items: int | None = None
    members: dict[str, Limit] = field(default_factory=dict)
    every: Limit | None = None

    def at(self, steps: tuple[Step, ...]) -> Limit:
        """The place that a path leads to, made where it is new."""
        place = self
        for step in steps:
            if step.key is None:
                place.every = place.every or Limit()
                place = place.every
            else:
                place = place.members.setdefault(step.key, Limit())
        return place


def limited(text: bytes, limit: Limit) -> bytes:
    """Take away what is beyond the limits in a tidy text."""
    return bytes(_cut(text, limit))


def _cut(text: bytes, limit: Limit) -> bytes:
    first = memoryview(text)[0]
    below = limit.members or limit.every
    if first == ord("["):
        inner = Limit(None, limit.members, limit.every) if below else None
        return _cut_array(text, limit.items, inner)
    if first == ord("{") and below:
        members = _MEMBERS.decode(text)
        for key in members if limit.every else limit.members:
            place = limit.members.get(key) or limit.every
            if place and key in members:
                members[key] = Raw(_cut(members[key], place))
        return encode(members)
    return text


def _cut_array(text: bytes, most: int | None, inner: Limit | None) -> bytes:
    """The first items, some at a time: all of a long array would take much memory."""
    array = memoryview(text)
    rows: list[bytes] = []
    left = most
    for span in spans(array, PIECE, PIECE):
        items = _ITEMS.decode(b"".join((b"[", array[span.start : span.end], b"]")))
        is_over = left is not None and len(items) > left
        if left is not None:
            del items[left:]
            left -= len(items)
        if inner is not None:
            items = [Raw(_cut(item, inner)) for item in items]
        if items:
            rows.append(encode(items)[1:-1])
        if is_over:
            break
    else:
        if inner is None:
            return text
    return b"".join((b"[", b",".join(rows), b"]"))
