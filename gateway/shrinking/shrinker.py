"""The rules of one operation, compiled; and the answer's schema, made from the same rules.

Order: `fields`, `drop`, `limit_items`, `budget`, announcement. An answer that can be cut is an
object, so that a cut can be announced in it: arrays come as `{"items": […]}`, decided here,
when the operation loads. Where the schema is unknown, or an answer is not what it says, it is
decided per answer in the same way, and anything else than an object or an array comes as
`{"value": …}`. Only an operation that answers with a bare string or number by its schema keeps
doing so, until one does not fit: a string cut short could not say that it was.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from gateway.config.scalars import Budget
from gateway.media import decoded
from gateway.shrinking.drops import drop_empty
from gateway.shrinking.exact import decode, encode, tidy
from gateway.shrinking.fit import announce, fit
from gateway.shrinking.limits import Limit, limited
from gateway.shrinking.text import shrink_other
from gateway.shrinking.tokens import fits
from gateway.shrinking.typed import Projection
from gateway.values import Schema

_OBJECT, _ARRAY = b"{["
_WHOLE = msgspec.json.Decoder(msgspec.Raw)  # reads all of a text and makes nothing of it


@dataclass(frozen=True, slots=True)
class Names:
    """What our own members of an answer are called: free names, by the schema."""

    announcement: str = "_shrunk"
    items: str = "items"
    value: str = "value"


@dataclass(frozen=True, slots=True, eq=False)
class Shrinker:
    """Makes answers small. `schema` describes them; its references are into `components`.

    `bare` says that scalars stay as they are where they fit, `rows` what also limits an array at
    the top. `fingerprint` is another one wherever the rules are.
    """

    schema: Schema
    components: Mapping[str, Schema]
    budget: Budget
    projection: Projection | None = None
    drop: tuple[str, ...] = ()
    limit: Limit | None = None
    rows: Limit | None = None
    names: Names = Names()
    bare: bool = False
    words: tuple[str, ...] = ()  # the rules, for people
    fingerprint: str = ""

    @property
    def idle(self) -> bool:
        """Whether no body can ever change."""
        return not (self.projection or self.drop or self.limit or self.budget.tokens)

    @property
    def reshapes(self) -> bool:
        """Whether the rules, budget aside, change what an answer is made of."""
        return bool(self.projection or self.drop or self.limit)

    def describe(self) -> str:
        """The rules in a line."""
        return "; ".join(self.words) or "nothing is changed"

    def shrink(self, body: bytes, charset: str = "") -> bytes:
        """Make an answer of a JSON body; the body itself where nothing changes.

        Args:
            body: UTF-8, but for an upstream that names another charset.
            charset: What its Content-Type names; "" where it names none.

        Raises:
            ValueError: if it cannot be read; the text says why: "it is not JSON".
        """
        if self.idle:
            return _proved(body)
        try:
            answer = self._answer(_utf_8(body, charset))
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            raise ValueError("it is not JSON") from None
        return body if answer == body else answer

    def shrink_other(self, body: bytes, content_type: str) -> tuple[bytes, str]:
        """Make an answer of a body that is not JSON.

        Returns:
            The body and its content type; both as given where nothing changes.
        """
        return shrink_other(body, content_type, self.budget)

    def keeps(self, body: bytes, answer: bytes) -> bool:
        """Whether an answer is the body itself but for white space: its ETag holds for both."""
        try:
            return answer is body or answer == tidy(body)
        except (ValueError, RecursionError):  # no JSON
            return False

    def _answer(self, body: bytes) -> bytes:
        whole = self.projection(body) if self.projection else tidy(body)
        if self.drop:
            whole = encode(drop_empty(decode(whole)))
        if not (self.limit or self.budget.tokens):
            return whole
        less = limited(whole, self.limit) if self.limit else whole
        if self.rows and less[0] == _ARRAY:
            less = limited(less, self.rows)
        if less[0] != _OBJECT:
            if (
                self.bare
                and less[0] != _ARRAY
                and (not self.budget.tokens or fits(less, self.budget))
            ):
                return less
            wrapped = self._wrapped(whole)
            less = wrapped if less is whole else self._wrapped(less)
            whole = wrapped
        if not self.budget.tokens:
            return announce(whole, less, self.names.announcement)
        if less is whole and len(less) <= self.budget.tokens and len(less) <= self.budget.chars:
            return less  # the cheap and usual case: a token is at least a byte
        return fit(whole, less, self.names.announcement, self.budget)

    def _wrapped(self, text: bytes) -> bytes:
        name = self.names.items if text[0] == _ARRAY else self.names.value
        return b"{" + encode(name) + b":" + text + b"}"


def _proved(body: bytes) -> bytes:
    """The very body, if it is JSON. Raises: ValueError."""
    try:
        try:
            _WHOLE.decode(body)  # in half the time of writing it anew
        except msgspec.DecodeError:
            tidy(body)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    return body


def _utf_8(body: bytes, charset: str) -> bytes:
    """The body in UTF-8: by the charset that is named, where it is not UTF-8 already."""
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    if charset and not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            return decoded(body, charset).encode()
    return body
