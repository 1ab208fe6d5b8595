"""Lists that come in pages: what a page holds, what it says of the next one, several as one.

Works on the text: only what stands on a path is taken apart, and everything else is passed on as
it is, numbers with their text. A way is a tuple of keys, objects only; the items are the array
at the end of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pickle import PickleBuffer
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from gateway.media import decoded
from gateway.shrinking.exact import encode, tidy

_MEMBERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, Raw])
_ITEMS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[Raw])
_LONGEST = 4096  # characters of a cursor or an address

Way: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its text, tidy; its items as they stand between the brackets, and how many.

    `last` is the last item, `mark` tells one page's items from another's; both are nothing where
    there are none.
    """

    text: bytes
    items: bytes
    count: int
    last: bytes
    mark: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        # So that long texts go to another process as they are.
        parts = (PickleBuffer(self.text), PickleBuffer(self.items))
        return Page, (*parts, self.count, self.last, self.mark)


class WrongPage(ValueError):
    """A page that the list cannot go on with; the text says why, in a few words."""


def read(body: bytes, items: Way, charset: str = "") -> Page:
    """Read a page.

    Args:
        body: As the upstream sent it.
        items: Where the array is.
        charset: What its Content-Type names; "" where it names none.

    Raises:
        WrongPage: it is not JSON, or has no array there.
    """
    try:
        if charset and not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError:
                body = decoded(body, charset).encode()
        text = tidy(body)
    except (ValueError, RecursionError):
        raise WrongPage("not JSON") from None
    array = at(text, items)
    if array is None or array[:1] != b"[":
        raise WrongPage("another shape")
    rows = _ITEMS.decode(array)
    if not rows:
        return Page(text, b"", 0, b"", b"")
    mark = hashlib.blake2b(array, digest_size=16).digest()
    return Page(text, array[1:-1], len(rows), bytes(rows[-1]), mark)


def at(text: bytes, way: Way) -> bytes | None:
    """The text of the value that a way leads to; None where there is none."""
    for key in way:
        if text[:1] != b"{":
            return None
        found = _MEMBERS.decode(text).get(key)
        if found is None:
            return None
        text = bytes(found)
    return text


def says_more(text: bytes, way: Way) -> bool:
    """Whether a page says that there is another."""
    return at(text, way) not in (None, b"false", b"null", b"0", b'""', b"[]", b"{}")


def word(text: bytes | None) -> str | None:
    """A cursor, or an address, as it is sent; None where there is no next page.

    Absent, null, false, "" and 0 all mean that: Slack says "", Twitter 0.

    Raises:
        WrongPage: it is neither text nor a number, or beyond all measure.
    """
    if text is None or text in (b"null", b"false", b'""', b"0", b'"0"'):
        return None
    if len(text) > _LONGEST:
        raise WrongPage("an endless cursor")
    if text[:1] in b'{[t"':
        if text[:1] != b'"':
            raise WrongPage("a cursor that is no text")
        return str(msgspec.json.decode(text))
    return text.decode()


def join(pages: Sequence[Page], items: Way, replaced: Mapping[Way, bytes | None]) -> bytes:
    """One text of several pages: the first, its array going on with the others' items.

    Args:
        pages: In order; one at least.
        items: Where the array is.
        replaced: What else is not the first page's: its text by its way, None where it goes.
    """
    rows = b",".join(page.items for page in pages if page.count)
    text = _put(pages[0].text, items, b"[" + rows + b"]")
    for way, value in replaced.items():
        text = _put(text, way, value)
    return text


def _put(text: bytes, way: Way, value: bytes | None) -> bytes:
    """The text with another value at a way; as it is, where the way leads nowhere."""
    if not way:
        return text if value is None else value
    if text[:1] != b"{":
        return text
    members = _MEMBERS.decode(text)
    key, *rest = way
    if rest:
        if key in members:
            members[key] = Raw(_put(bytes(members[key]), tuple(rest), value))
    elif value is None:
        members.pop(key, None)
    else:
        members[key] = Raw(value)
    return encode(members)
