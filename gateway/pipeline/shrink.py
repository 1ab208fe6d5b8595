"""Reply → answer: the status gate, the operation's shrinking, the headers that pass.

Success is shrunk by the operation's compiled rules; an upstream's error goes another way
(`upstream_error`). What was made of a reply is kept beside it, so a stored reply is shrunk once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from gateway.aside import LONG, TooDear
from gateway.caching.directives import cache_control
from gateway.caching.entries import Caching
from gateway.caching.fields import by_name, lines
from gateway.caching.freshness import lifetime as lifetime_of
from gateway.caching.freshness import read
from gateway.caching.handles import LIFE
from gateway.config.types import SAFE
from gateway.errors import UpstreamFailed
from gateway.media import MOST_SHOWN, decoded, is_shown, kind
from gateway.pipeline.call import Call, Clock, Plan, Source
from gateway.pipeline.mask import Mask
from gateway.pipeline.more import Keeper, too_dear
from gateway.pipeline.passing import charset_of, is_json, passing
from gateway.pipeline.upstream_error import error_answer
from gateway.plugin import Operation
from gateway.shrinking import JSON, NOTHING, ReshapeError, form_of, roughly
from gateway.shrinking.members import is_deep
from gateway.shrinking.typed import Projection
from gateway.shrinking.vanishing import ENOUGH, Watch, seen
from gateway.values import Answer, Headers, Reply

log = logging.getLogger("gateway")

_WITHOUT_BODY = (204, 205, 304)
# A body beyond this is shrunk in a thread, so that other calls go on: some 100 µs of work, of
# which JSON that is only read and passed on makes a quarter.
_THREAD, _THREAD_IDLE = 32 * 1024, 128 * 1024
_BEGINS_JSON = re.compile(rb"(?:\xef\xbb\xbf|\s)*+[{\[]")
# What an upstream says of caching that holds for an answer with a handle, too.
_STRICTER = ("no-store", "no-cache", "must-revalidate", "no-transform")
Locate = Callable[[str], str | None]


def step(
    operation: Operation,
    locate: Locate,
    mask: Mask,
    wall: Clock,
    inner: Source,
    keeper: Keeper,
    *,
    own_credential: bool,
    private: bool,
) -> Plan:
    """Make the answer.

    Args:
        operation: Its shrinker does the work.
        locate: An upstream URL → the address of the exposed operation that serves it.
        mask: Takes out secrets that only decoding brought to light; `fetch` took out the others.
        wall: Seconds since 1970, for Retry-After dates.
        inner: Gives the reply.
        keeper: Keeps what was cut.
        own_credential: Whether what the upstream judges is the gateway's credential.
        private: Whether callers had to prove themselves.
    """
    as_told = _form_of(operation)
    as_shown = f"{as_told} shown"
    maker = _Maker(operation, locate, keeper, private=private)

    def make(reply: Reply, call: Call) -> Answer:
        answer = maker.answer(reply, call)
        if answer.body is reply.body:  # which has been searched as it came
            return answer
        return answer._replace(body=mask.body(answer.body))

    async def shrink(call: Call) -> Answer:
        began = keeper.steady()
        reply = await inner(call)
        came = keeper.steady()
        form = as_shown if call.shows and _is_shown(reply) else as_told
        # What callers choose is of no end, so only the whole is kept beside the reply.
        answer = reply.forms.get(form) if call.chosen is None else None
        kept = reply.kept.get(form)
        if answer is not None and kept is not None and not keeper.again(kept):
            answer = None
        if answer is None:
            if not 200 <= reply.status < 300 and reply.status != 304:
                return error_answer(reply, mask, own_credential=own_credential, now=wall())
            if len(reply.body) > LONG:
                answer = await keeper.aside.wait(make, reply, call)
            elif _is_long(operation, reply):
                answer = await asyncio.to_thread(make, reply, call)
            else:
                answer = make(reply, call)
            span = call.note.span
            if span is not None and (len(reply.body) > LONG or _is_long(operation, reply)):
                span.step("shrink", keeper.steady() - came)
            if call.chosen is None:
                reply.forms[form] = answer
        if keeper.handles.unsent:
            await keeper.handles.send()
        age = reply.header("age") if call.age is None else str(call.age)
        own: Headers = (("Age", age),) if age is not None and age.isdecimal() else ()
        if call.cache_status:
            own += (("Cache-Status", call.cache_status),)
        if call.age is None:
            own += (("Server-Timing", _timing(came - began, keeper.steady() - came)),)
        if not own:
            return answer
        status, headers, body, rest, tokens, _ = answer
        fixed = () if call.age is None else headers
        return Answer(status, headers + own, body, rest, tokens, fixed)

    return shrink


def nothing(inner: Source) -> Plan:
    """Make the answer what the reply is."""

    async def whole(call: Call) -> Answer:
        reply = await inner(call)
        headers = (*reply.headers, ("Cache-Status", call.cache_status))
        return Answer(reply.status, headers, reply.body)

    return whole


def _form_of(operation: Operation) -> str:
    """Under what an operation's answers are kept beside replies, which other ones may share."""
    return f"{operation.name} {operation.shrinker.fingerprint}"


def _is_long(operation: Operation, reply: Reply) -> bool:
    """Whether there is so much to do that a thread should do it."""
    size = len(reply.body)
    if size > _THREAD_IDLE:
        return True
    if operation.shrinker.idle and is_json(reply.header("content-type") or ""):
        return False
    if size > _THREAD:
        return True
    # What is nested deeply is cut at every level. A token is a byte at least.
    most = operation.shrinker.budget.tokens
    return 0 < most < size and is_deep(reply.body)


def _is_shown(reply: Reply) -> bool:
    known = reply.is_shown
    if known is None:
        media = reply.header("content-type") or ""
        known = reply.is_shown = len(reply.body) <= MOST_SHOWN and is_shown(media)
    return known


def _begins_json(body: bytes, charset: str) -> bool:
    """Whether a body looks like a JSON object or array, in whatever charset."""
    if _BEGINS_JSON.match(body):
        return True
    return bool(charset) and decoded(body[:8], charset).lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def _has_brackets(body: bytes, charset: str) -> bool:
    """Whether there may be a JSON object or array anywhere in a body."""
    text = decoded(body, charset) if charset else ""
    return b"{" in body or b"[" in body or "{" in text or "[" in text


def _timing(upstream: float, shrink: float) -> str:
    """How long, in seconds, as Server-Timing has it: in milliseconds (W3C Server Timing)."""
    return f"upstream;dur={1000 * upstream:.1f}, shrink;dur={1000 * shrink:.1f}"


class _Made(NamedTuple):
    """What was made of a body; `handle` is that of its rest, "" where it offers none."""

    body: bytes
    content_type: str
    handle: str = ""


class _Maker:
    """Makes the answers of one operation."""

    def __init__(
        self, operation: Operation, locate: Locate, keeper: Keeper, *, private: bool
    ) -> None:
        self._operation = operation
        self._locate = locate
        self._keeper = keeper
        self._form = _form_of(operation)
        self._private = private
        take = operation.shrinker.take
        self._watch = Watch(take) if isinstance(take, Projection) else None

    def answer(self, reply: Reply, call: Call) -> Answer:
        """The answer to a reply of success."""
        operation, shrinker = self._operation, self._operation.shrinker
        content_type = reply.header("content-type") or ""
        etag, location = reply.header("etag"), reply.header("location")
        if etag is not None and not etag.isprintable():
            etag = None
        if location is not None and not location.isprintable():
            location = None
        if not content_type.isprintable():
            content_type = ""
        headers = list(passing(reply.headers, private=self._private))
        handle, tokens = "", None
        if reply.status in _WITHOUT_BODY or operation.spec.method == "HEAD":
            body, same = b"", not shrinker.reshapes
        elif reply.rest is not None:
            body, same = b"", True
            if reply.rest.varies:
                headers = _varied(headers)
            if reply.rest.coding:
                headers.append(("Content-Encoding", reply.rest.coding))
        elif not reply.body.strip():
            body, content_type, same = NOTHING, JSON, False
        else:
            theirs = content_type
            try:
                body, content_type, handle = self._shrunk(reply, content_type, call)
                same = etag is None or self._keeps(reply.body, body)
            except TooDear as dear:
                if operation.spec.method in SAFE:
                    raise too_dear(dear) from None
                body, content_type, same = NOTHING, JSON, False
            if body is not reply.body:
                had, has = roughly(reply.body), roughly(body)
                tokens = had[0], has[0]
                headers.append(("Answer-Tokens", _tokens(had, has)))
            if content_type != theirs and not is_json(theirs):
                # A file name for what is no file any more.
                headers = [one for one in headers if one[0].lower() != "content-disposition"]
        if handle:
            headers = _brief(headers, reply)
        if etag is not None:
            # A handle is another one of another gateway, and so are the bytes.
            made = f"{shrinker.fingerprint} {handle}" if handle else shrinker.fingerprint
            headers.append(("ETag", etag if same else _etag(etag, made)))
        if location is not None and (address := self._locate(location)) is not None:
            headers.append(("Location", address))
        if content_type and (body or reply.rest is not None):
            headers.append(("Content-Type", content_type))
            if not is_json(content_type):
                # What an upstream sends is data: no browser shall run it under our address.
                headers.append(("Content-Security-Policy", "sandbox"))
                headers.append(("X-Content-Type-Options", "nosniff"))
        return Answer(reply.status, tuple(headers), body, reply.rest, tokens)

    def _shrunk(self, reply: Reply, content_type: str, call: Call) -> _Made:
        """The body and its type. What the operation serves as JSON is tried as JSON, whatever the
        upstream calls it: the rules say what may be seen of it."""
        operation, shrinker, body = self._operation, self._operation.shrinker, reply.body
        said, served = is_json(content_type), is_json(operation.spec.reply.content_type)
        charset = charset_of(content_type)
        begins = _begins_json(body, charset)
        mask = self._keeper.mask.body if self._keeper.mask.searches else None
        if said or (begins and (served or shrinker.withholds)):
            try:
                made, kept = self._keeper.made(
                    call,
                    reply,
                    lambda sign: self._keeper.do(
                        partial(
                            shrinker.shrink,
                            chosen=call.chosen,
                            extra=reply.notes,
                            sign=sign,
                            mask=mask if shrinker.clean else None,
                            goes_on=reply.onward is not None,
                        ),
                        body,
                        charset,
                    ),
                    lambda one: self._keeper.do(
                        partial(shrinker.allowed, chosen=call.chosen), one.body, charset
                    ),
                )
                if call.chosen is None:
                    reply.kept[self._form] = kept
                shrunk = body if made.body == body else made.body
            except ReshapeError as error:
                if operation.spec.method in SAFE:
                    text = f"The upstream's reply is not what this operation expects: {error}"
                    raise UpstreamFailed(text) from None
                return _Made(NOTHING, JSON)
            except ValueError as error:
                # What was read can be asked for again; what was done is done, whatever it says.
                if said and operation.spec.method in SAFE and begins:
                    raise UpstreamFailed(
                        f"The upstream says that its reply is JSON, but {error}."
                    ) from None
            else:
                self._look(body, charset)
                theirs = content_type if said and shrunk is body else JSON
                return _Made(shrunk, theirs, "" if kept is None else kept.handle)
        # What is almost JSON (after `)]}',`, in a call, cut short) is not to pass as a text with
        # all in it that the rules hide.
        almost = begins or ((said or served) and _has_brackets(body, charset))
        hides = shrinker.withholds and almost
        if shrinker.take is None and not hides:
            file = kind(operation.spec.reply.content_type) == "binary" or (
                call.shows and _is_shown(reply)
            )
            theirs = "text/plain" if said else content_type
            other, kept = self._keeper.made(
                call,
                reply,
                lambda sign: self._keeper.do(
                    partial(shrinker.shrink_other, file=file, mask=mask, sign=sign), body, theirs
                ),
                form=form_of(theirs),
            )
            if call.chosen is None:
                reply.kept[self._form] = kept
            sent, theirs = (body if other.body == body else other.body), other.content_type
            return _Made(sent, theirs, "" if kept is None else kept.handle)
        if operation.spec.method in SAFE:
            raise UpstreamFailed(
                "The upstream's reply is not JSON, so the parts that this operation gives cannot "
                "be taken out of it. Try again later."
            )
        return _Made(NOTHING, JSON)  # it was done, and nothing of what is wanted was said

    def _keeps(self, body: bytes, answer: bytes) -> bool:
        return answer is body or self._keeper.do(self._operation.shrinker.keeps, body, answer)

    def _look(self, body: bytes, charset: str) -> None:
        """Tell the operator of fields that answers do not have any more."""
        watch = self._watch
        if watch is None or not watch.is_due():
            return
        try:
            had = self._keeper.do(partial(seen, watch.projection), body, charset)
        except (ValueError, RecursionError, TooDear):
            return  # the answer is made; nobody's call fails for what is told the operator
        for path in watch.note(had):
            log.warning(
                "%s.%s: none of the last %d answers had %r, which `fields` takes: has it another "
                "name upstream?",
                *(self._operation.plugin, self._operation.name, ENOUGH, path),
            )


def _tokens(received: tuple[int, bool], sent: tuple[int, bool]) -> str:
    """What shrinking saved, as a dictionary of RFC 9651: `received=5120;estimated, sent=491`."""
    counted = (("received", received), ("sent", sent))
    return ", ".join(f"{key}={n}{';estimated' if guess else ''}" for key, (n, guess) in counted)


def _varied(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers that say that another caller may get the body coded otherwise."""
    said = [value for name, value in headers if name.lower() == "vary"]
    others = [one for one in headers if one[0].lower() != "vary"]
    return [*others, ("Vary", ", ".join([*said, "Accept-Encoding"]))]


def _brief(headers: list[tuple[str, str]], reply: Reply) -> list[tuple[str, str]]:
    """Headers of an answer whose handle lives shorter than what the upstream says of it."""
    directives = cache_control(by_name(reply.headers).get("cache-control", ""))
    ours = {name: value for name, value in directives.items() if name != "s-maxage"}
    said = read(reply, reply.received)._replace(
        directives=ours, expires=lines(reply.headers, "expires")
    )
    lifetime = min(lifetime_of(said, Caching()).seconds, LIFE)
    stricter = [one for one in _STRICTER if one in directives]
    others = [one for one in headers if one[0].lower() not in ("cache-control", "expires")]
    return [
        *others,
        ("Cache-Control", ", ".join(["private", f"max-age={int(lifetime)}", *stricter])),
    ]


def _etag(theirs: str, fingerprint: str) -> str:
    """Ours, for what we made of theirs: it changes when the reply or the rules do."""
    digest = hashlib.blake2b(f"{theirs} {fingerprint}".encode(), digest_size=12).hexdigest()
    return f'"{digest}"'
