"""The rules of one operation, compiled; and the answer's schema, made from the same rules.

Order: `fields` or `jmespath`, what the caller chose, `drop`, HTML to text, `untrusted`: that is the
whole, of which a caller may have the rest. Then `limit_items`, `strings`, `encode`, `budget`,
announcement. An answer that can be cut is an
object, so that a cut can be announced in it: arrays come as `{"items": […]}`, decided here,
when the operation loads. Where the schema is unknown, or an answer is not what it says, it is
decided per answer in the same way, and anything else than an object or an array comes as
`{"value": …}`. Only an operation that answers with a bare string or number by its schema keeps
doing so, until one does not fit: a string cut short could not say that it was.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from gateway.config.scalars import Budget
from gateway.media import decoded
from gateway.shrinking import fields
from gateway.shrinking.batches import LONG, changed, taken
from gateway.shrinking.choosing import Choice
from gateway.shrinking.exact import Tree, decode, encode, tidy
from gateway.shrinking.fields import Level
from gateway.shrinking.fit import Said, announce, fit
from gateway.shrinking.limits import Limit, limited
from gateway.shrinking.reshape import ReshapeError
from gateway.shrinking.text import Other, shrink_other
from gateway.shrinking.tokens import fits
from gateway.shrinking.typed import Projection
from gateway.values import Schema

_OBJECT, _ARRAY = b"{["
_SAVES = 10  # times, at most, that another form is shorter: what is longer is cut first
_NOTHING: Mapping[str, Any] = MappingProxyType({})
Take = Callable[[bytes], bytes]
Change = Callable[[Tree], Tree]
# Gives what is left of a tree, and what the announcement says of it, by path.
Clean = Callable[[Tree], tuple[Tree, Mapping[str, Any]]]
Mask = Callable[[bytes], bytes]
_WHOLE = msgspec.json.Decoder(msgspec.Raw)  # reads all of a text and makes nothing of it


@dataclass(frozen=True, slots=True)
class Names:
    """What our own members of an answer are called: free names, by the schema."""

    announcement: str = "_shrunk"
    items: str = "items"
    value: str = "value"


class Shrunk(NamedTuple):
    """An answer. `whole` is what a caller may have the rest of under `handle`, where it was cut
    and there is such a rest."""

    body: bytes
    whole: bytes | None = None
    handle: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Shrinker:
    """Makes answers small. `schema` describes them; its references are into `components`.

    `take` takes the parts that are wanted, `clean` what is not wanted in them away, and says what
    of it is to be told; `untrusted` is the part of it that is for texts that are no JSON, too.
    `shorten` and `limit` cut, `hard` what no caller gets on request either. `withholds` says that
    some of an answer is for no caller, or not for each, so that only what can be read is served.
    `bare` says that scalars stay as they are where they fit, `announces` that something may have
    to be told of what is missing, for which there must be a place; `rows` and `hard_rows` what also
    limits an array at the top. `more` is the operation that gives the rest, "" where there is
    none. `fingerprint` is another one wherever the rules are; so is `allows`, but where only the
    budget is another, which hides nothing. `recipe` makes the same again in another process, but
    for the schema.
    """

    schema: Schema
    components: Mapping[str, Schema]
    budget: Budget
    take: Take | None = None
    clean: Clean | None = None
    untrusted: Clean | None = None
    shorten: Change | None = None
    limit: Limit | None = None
    hard: Limit | None = None
    rows: Limit | None = None
    hard_rows: Limit | None = None
    encode: Callable[[bytes], bytes] | None = None
    names: Names = Names()
    bare: bool = False
    announces: bool = False
    withholds: bool = False
    choice: Choice | None = None
    more: str = ""
    words: tuple[str, ...] = ()  # the rules, for people
    fingerprint: str = ""
    allows: str = ""
    recipe: tuple[Callable[..., Shrinker], tuple[Any, ...]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.recipe is None:
            raise TypeError("this shrinker was not compiled of rules")
        return self.recipe

    @property
    def idle(self) -> bool:
        """Whether no body can ever change."""
        return not (self.reshapes or self.announces)

    @property
    def reshapes(self) -> bool:
        """Whether the rules, budget aside, change what an answer is made of."""
        return bool(
            self.take or self.clean or self.shorten or self.limit or self.encode or self.choice
        )

    def taken(self, text: bytes) -> bytes:
        """The parts that are wanted of a JSON text. Raises: ValueError."""
        return self.take(text) if self.take else text

    def describe(self) -> str:
        """The rules in a line."""
        return "; ".join(self.words) or "nothing is changed"

    def shrink(
        self,
        body: bytes,
        charset: str = "",
        *,
        chosen: Level | None = None,
        extra: Mapping[str, Any] = _NOTHING,
        sign: Callable[[bytes], str] | None = None,
        mask: Mask | None = None,
        goes_on: bool = False,
    ) -> Shrunk:
        """Make an answer of a JSON body; the body itself where nothing changes.

        Args:
            body: UTF-8, but for an upstream that names another charset.
            charset: What its Content-Type names; "" where it names none.
            chosen: What the caller wants of it; None is everything.
            extra: What else the announcement says.
            sign: Gives the handle of a whole; None where nobody keeps any.
            mask: Takes out secrets that cleaning brought to light, while they are whole: of one
                that is cut the beginning would be left.
            goes_on: Whether there is a rest though nothing was cut: further pages.

        Raises:
            ReshapeError: the rules cannot be applied to it; the text says why.
            ValueError: if it cannot be read; the text says why: "it is not JSON".
        """
        if self.idle and not extra:
            return Shrunk(_proved(body))
        try:
            text = utf_8(body, charset)
            answer = self._answer(text, chosen, extra, sign, mask, goes_on=goes_on)
        except ReshapeError:
            raise
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            raise ValueError("it is not JSON") from None
        return answer._replace(body=body) if answer.body == body else answer

    def stages(self, body: bytes, charset: str = "") -> Iterator[tuple[str, bytes]]:
        """What becomes of a JSON body, rule by rule, for people: a rule's word and the text after.

        Raises: ValueError, as `shrink` does.
        """
        text = tidy(utf_8(body, charset))
        yield "minified", text
        if self.take:
            text = taken(self.take, text)
            yield "fields", text
        if self.clean:
            text = encode(self.clean(decode(text))[0])
            yield "drop and texts", text
        if self.limit:
            text = _limited(text, self.limit, self.rows)
            yield "limit_items", text
        if self.shorten:
            text = encode(self.shorten(decode(text)))
            yield "strings", text
        if self.encode:
            text = self.encode(text)
            yield "encode", text
        yield "answer", self.shrink(body, charset).body

    def shrink_other(
        self,
        body: bytes,
        content_type: str,
        *,
        file: bool = False,
        mask: Mask | None = None,
        sign: Callable[[bytes], str] | None = None,
    ) -> Other:
        """Make an answer of a body that is not JSON; `mask` and `sign` are as in `shrink`.

        Returns:
            The body and its content type; both as given where nothing changes.
        """
        return shrink_other(
            body,
            content_type,
            self.budget,
            file=file,
            clean=self.untrusted,
            mask=mask,
            more=self.more,
            sign=sign,
        )

    def keeps(self, body: bytes, answer: bytes) -> bool:
        """Whether an answer is the body itself but for white space: its ETag holds for both."""
        try:
            return answer is body or answer == tidy(body)
        except (ValueError, RecursionError):  # no JSON
            return False

    def _answer(
        self,
        body: bytes | memoryview,
        chosen: Level | None,
        extra: Mapping[str, Any],
        sign: Callable[[bytes], str] | None,
        mask: Mask | None,
        *,
        goes_on: bool,
    ) -> Shrunk:
        whole, removed = self._whole(body, chosen)
        if self.clean and mask:
            whole = mask(whole)
        extra = {**extra, **removed}
        if not (self.announces or extra):
            return Shrunk(self.encode(whole) if self.encode else whole)
        allowed = _limited(whole, self.hard, self.hard_rows)
        less = _limited(allowed, self.limit, self.rows)
        if self.shorten:
            shorten = self.shorten
            shorter, _ = changed(less, lambda tree: (shorten(tree), _NOTHING))
            less = less if shorter == less else shorter
        if less[0] != _OBJECT:
            if (
                self.bare
                and less is whole
                and not extra
                and less[0] != _ARRAY
                and (not self.budget.tokens or fits(less, self.budget))
            ):
                return Shrunk(less)
            wrapped = self._wrapped(whole)
            allowed = wrapped if allowed is whole else self._wrapped(allowed)
            less = wrapped if less is whole else self._wrapped(less)
            whole = wrapped
        may_fit = len(less) <= _SAVES * self.budget.tokens
        if less is whole and not extra and not goes_on and may_fit:
            text = self.encode(less) if self.encode else less
            if len(text) <= self.budget.tokens and len(text) <= self.budget.chars:
                return Shrunk(text)  # the cheap and usual case: a token is at least a byte
        handle = sign(allowed) if sign and self.more else ""
        rest = {"more": {"operation": self.more, "handle": handle}} if handle else {}
        if goes_on:  # it is announced in any case
            extra, rest = {**extra, **rest}, {}
        said = Said(self.names.announcement, extra, rest, self.encode)
        if self.budget.tokens:
            answer = fit(whole, allowed, less, said, self.budget)
        else:
            answer = announce(whole, allowed, less, said)
        # Nobody can guess a handle, so it is in the answer only if it was put there.
        offered = bool(handle) and handle.encode() in answer
        return Shrunk(answer, allowed, handle) if offered else Shrunk(answer)

    def allowed(self, body: bytes, charset: str = "", *, chosen: Level | None = None) -> bytes:
        """What a caller may have of a JSON body on request: what slices are cut of.

        Raises:
            ValueError: if it cannot be read.
        """
        whole, _ = self._whole(utf_8(body, charset), chosen)
        text = _limited(whole, self.hard, self.hard_rows)
        return text if text[0] == _OBJECT else self._wrapped(text)

    def _whole(
        self, body: bytes | memoryview, chosen: Level | None
    ) -> tuple[bytes, Mapping[str, Any]]:
        """The operator's form of the answer before anything is cut, and what is told of it."""
        whole = taken(self.take, body) if self.take else tidy(body)
        if chosen is not None:
            whole = _chosen(whole, chosen)
        if not self.clean:
            return whole, _NOTHING
        if self.encode:  # of columns all rows are looked at
            tree, removed = self.clean(decode(whole))
            return encode(tree), removed
        return changed(whole, self.clean)

    def _wrapped(self, text: bytes) -> bytes:
        name = self.names.items if text[0] == _ARRAY else self.names.value
        return b"".join((b"{", encode(name), b":", text, b"}"))


def _chosen(whole: bytes, chosen: Level) -> bytes:
    if len(whole) > LONG:
        return taken(Projection(chosen), whole)
    return encode(fields.taken(chosen, decode(whole)))


def _limited(text: bytes, limit: Limit | None, rows: Limit | None) -> bytes:
    """A text without what is beyond the limits; `rows` are those of an array at its top."""
    less = limited(text, limit) if limit else text
    return limited(less, rows) if rows and less[0] == _ARRAY else less


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


def utf_8(body: bytes, charset: str) -> bytes | memoryview:
    """The body in UTF-8: by the charset that is named, where it is not UTF-8 already."""
    if body.startswith(codecs.BOM_UTF8):
        return memoryview(body)[len(codecs.BOM_UTF8) :]
    if charset and not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            return decoded(body, charset).encode()
    return body
