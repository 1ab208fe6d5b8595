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
        items = _ITEMS.decode(text)
        if limit.items is not None:
            if len(items) <= limit.items and not below:
                return text
            del items[limit.items :]
        if below:
            inner = Limit(None, limit.members, limit.every)
            items = [Raw(_cut(item, inner)) for item in items]
        return encode(items)
    if first == ord("{") and below:
        members = _MEMBERS.decode(text)
        for key in members if limit.every else limit.members:
            place = limit.members.get(key) or limit.every
            if place and key in members:
                members[key] = Raw(_cut(members[key], place))
        return encode(members)
    return text
