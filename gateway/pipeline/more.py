"""The rest of cut answers: kept when they are made (`Keeper`), given by an operation of its own.

`step` is the innermost step of that operation: no upstream is asked, but for further pages. What
is cut comes from what a handle stands for, masked already. Whoever has a handle may have its
answer, but where callers bring credentials of their own: there it is theirs alone, since further
pages are asked for with them. A handle of another plugin is no handle here; limits and auth stand
before this step, as before any other. No cache may keep what it gives, since handles come and go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from gateway.aside import LONG, Aside, TooDear, memory_for
from gateway.caching.handles import LIFE, Handles, Kept, handle_of
from gateway.errors import BadArguments, ReplyTooLarge, UnknownHandle, UpstreamFailed
from gateway.pipeline.call import Call, Clock, Plan, built
from gateway.pipeline.mask import Mask
from gateway.plugin import Operation
from gateway.shrinking import JSON, Form, Other
from gateway.shrinking.limits import Limit
from gateway.shrinking.members import is_deep
from gateway.shrinking.more import HERE
from gateway.shrinking.pages import Page, Way, join, read
from gateway.shrinking.paths import shown
from gateway.shrinking.shrinker import Shrunk
from gateway.shrinking.slices import BeyondEnd, sliced
from gateway.shrinking.text import PATH
from gateway.values import Answer, Reply, UpstreamRequest

# A whole beyond this is looked into in a thread, so that other calls go on: some 100 µs of work.
_THREAD = 32 * 1024
_MOST = Decimal(1_000_000_000)  # no answer has so much; the integer of 1e99999999 has no end
_AROUND = " \t\r\n\"'`"  # what gets around a handle on its way through a model
_ROUNDS = 3  # of further pages for one slice; a caller that goes on with `next` needs one
_HEADERS = (("Content-Type", JSON), ("Cache-Control", "no-store"))

T = TypeVar("T")
Made = TypeVar("Made", Shrunk, Other)

Sign = Callable[[bytes], str]
Allowed = Callable[[Reply], bytes]  # raises ValueError for what cannot be read


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps what the handles of one operation stand for."""

    operation: Operation
    handles: Handles
    mask: Mask
    steady: Clock
    aside: Aside

    def do(self, job: Callable[..., T], body: bytes, *args: Any) -> T:
        """Do a job with a body: here, or aside where it is long. Raises: TooDear."""
        if len(body) <= LONG:
            return job(body, *args)
        return self.aside.run(
            job, body, *args, memory=memory_for(len(body), self.operation.max_bytes)
        )

    def made(
        self,
        call: Call,
        reply: Reply,
        make: Callable[[Sign | None], Made],
        allowed: Allowed | None = None,
        form: Form = "json",
    ) -> tuple[Made, Kept | None]:
        """An answer, and what its handle stands for: kept already. For any thread.

        Args:
            call: What the answer is to; its arguments are part of the handle.
            reply: What it is made of; there may be further pages of it.
            make: Makes the answer, with handles given by its argument; with None there is none,
                as where there is no room to keep what it would stand for.
            allowed: What of a further page a caller may have on request; None where there is none.
            form: What the reply is.
        """
        request, operation = built(call), self.operation
        caller = _caller(call)
        arguments = f"{caller} {request.method} {request.url}\n".encode() + (request.body or b"")
        rules = operation.shrinker.fingerprint
        sign = partial(
            handle_of, self.handles.key, operation.plugin, operation.name, rules, arguments
        )
        shrunk = make(sign)
        if shrunk.whole is None:
            return shrunk, None
        # Masked as a whole: in slices a secret could come piece by piece.
        whole = self.mask.body(shrunk.whole)
        shrinker = operation.shrinker
        hard = tuple(_hard_paths(shrinker.hard, shrinker.names.items)) if shrinker.hard else ()
        kept = Kept(
            shrunk.handle,
            operation.plugin,
            operation.name,
            whole,
            shrinker.budget,
            hard,
            caller=caller,
            at=HERE if form == "json" else PATH,
            rows=form == "csv",
            rules=shrinker.allows,
        )
        if allowed is not None:
            kept = self._going_on(kept, reply, allowed)
        return (shrunk, kept) if self.again(kept) else (make(None), None)

    def _going_on(self, kept: Kept, reply: Reply, allowed: Allowed) -> Kept:
        """The same, with a way to the pages behind the last one, if there are any."""
        paging, following = self.operation.paging, reply.onward
        if paging is None or paging.served is None or following is None:
            return kept
        way, most = paging.served, paging.most if paging.hard else None
        grows = ".".join(map(shown, way))

        def joined(further: Reply) -> bytes | None:
            try:
                page = self.mask.body(allowed(further))
            except ValueError:
                raise UpstreamFailed(
                    "The upstream's next page is not what this operation expects. Try again "
                    "later, or go on with what there is."
                ) from None
            try:
                return self.do(_joined, kept.whole, page, way, most)
            except ValueError:  # the rules left nothing of its list
                return None

        async def onward() -> Kept | None:
            further = await following()
            if not 200 <= further.status < 300:
                raise UpstreamFailed(
                    f"The upstream answered {further.status} where the next page should be. "
                    "Try again later, or go on with what there is."
                )
            is_long = max(len(kept.whole), len(further.body)) > LONG
            thread = self.aside.wait if is_long else asyncio.to_thread
            try:
                whole = await thread(joined, further)
            except TooDear:
                return _ended(kept, grows)
            if whole is None:
                return None
            if len(whole) > self.operation.max_bytes:
                return _ended(kept, grows)
            last = replace(kept, whole=whole, grows=None, onward=None)
            return self._going_on(last, further, allowed)

        return replace(kept, grows=grows, onward=onward)

    def again(self, kept: Kept) -> bool:
        """Keep on what is given out once more. Whether there is room for it."""
        return self.handles.put(kept, self.steady())


def _joined(whole: bytes, page: bytes, way: Way, most: int | None) -> bytes | None:
    """A whole with the items of a further page, at most so many in all; None where it has none."""
    there, more = read(whole, way), read(page, way)
    if most is not None and there.count + more.count > most:
        more = _first(more, max(0, most - there.count))
    return join([there, more], way, {}) if more.count else None


def _first(page: Page, number: int) -> Page:
    """A page with its first items alone."""
    rows = msgspec.json.decode(b"[" + page.items + b"]", type=list[msgspec.Raw])[:number]
    return replace(page, items=b",".join(map(bytes, rows)), count=len(rows))


def _ended(kept: Kept, grows: str | None) -> Kept:
    """The same without a way on, as there is no room for more; so callers are told of the end."""
    hard = kept.hard if grows is None else (*kept.hard, grows)
    return replace(kept, hard=hard, grows=None, onward=None)


def _hard_paths(limit: Limit, rows: str, way: Way = ()) -> Iterator[str]:
    """The paths of limits, as slices call them; `rows` is what an array at the top is called."""
    if limit.items is not None:
        yield ".".join(map(shown, way)) or rows
    for key, below in limit.members.items():
        yield from _hard_paths(below, rows, (*way, key))


def _caller(call: Call) -> str:
    """Whose credential the upstream is asked with, by its digest; "" for the gateway's."""
    caller = call.caller
    return "" if caller is None or caller.credential is None else caller.id


def too_dear(dear: TooDear) -> ReplyTooLarge:
    """What a caller is told of an answer that nobody could make."""
    return ReplyTooLarge(
        f"The upstream's reply is too much to be made small: {dear}. Ask for less of it: a "
        "narrower search, a smaller page. For the operator: `max_bytes` sets how much may be taken."
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    handle: str
    path: str = ""
    offset: int = 0
    count: int | None = None


def step(
    operation: Operation,
    operations: Mapping[str, Operation],
    handles: Handles,
    steady: Clock,
    aside: Aside,
) -> Plan:
    """Answer with a slice.

    Args:
        operation: The one made of `shrinking.more`.
        operations: Those of the plugin; what was made by one that is gone, or by other rules than
            it has now, is nobody's any more.
        handles: What they stand for.
        steady: Seconds that never go back.
        aside: Where slices of what is long are cut.
    """

    def holds(kept: Kept) -> bool:
        made_by = operations.get(kept.operation)
        return made_by is not None and made_by.shrinker.allows == kept.rules

    async def more(call: Call) -> Answer:
        asked, caller = _asked(built(call)), _caller(call)
        kept = await handles.find(operation.plugin, asked.handle, steady(), caller, holds)
        if kept is None:
            raise UnknownHandle(
                "This handle is not one of this plugin's, or it has expired; it lives "
                f"{LIFE / 60:g} minutes from its last use. Call the operation that gave it once "
                "more, with the same arguments, and take the handle of the new answer."
            )
        for rounds in range(_ROUNDS + 1):
            try:
                answer = Answer(200, _HEADERS, await _slice(kept, asked, aside))
                if handles.unsent:
                    await handles.send()
                return answer
            except BeyondEnd as end:
                if not end.goes_on or kept.onward is None:
                    raise
                # Nobody shall make us fetch page after page by a large number.
                if asked.offset > 2 * end.total or rounds == _ROUNDS:
                    raise BadArguments(
                        f"'offset' is too far: of this list there are {end.total:,} rows so far; "
                        f"go on at {end.total}"
                    ) from None
                kept = await _further(kept, kept.onward, handles, steady)
        raise AssertionError("the last round answers or raises")

    return more


async def _further(
    kept: Kept, onward: Callable[[], Awaitable[Kept | None]], handles: Handles, steady: Clock
) -> Kept:
    """The same with further pages, kept; without a way on where there are none, or no room."""
    further = await onward() or replace(kept, grows=None, onward=None)
    if not handles.put(further, steady()):
        further = _ended(kept, kept.grows)
        handles.put(further, steady())
    return further


def _asked(request: UpstreamRequest) -> _Asked:
    """The arguments, checked and mended: as they stand in the request that `validate` built."""
    said = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    return _Asked(
        said["handle"].strip(_AROUND).lower(),
        said.get("path", "").strip(),
        _number(said.get("offset", "0")),
        _number(said["count"]) if "count" in said else None,
    )


def _number(text: str) -> int:
    """A whole number, as any JSON may write it: `1e3` is one."""
    return int(min(Decimal(text), _MOST))


async def _slice(kept: Kept, asked: _Asked, aside: Aside) -> bytes:
    cut = partial(
        sliced,
        path=asked.path or kept.at,
        offset=asked.offset,
        most=asked.count,
        budget=kept.budget,
        hard=kept.hard,
        goes_on=kept.grows,
        rows=kept.rows,
    )
    size = len(kept.whole)
    if size <= _THREAD and not is_deep(kept.whole):
        return cut(kept.whole)
    if size <= LONG:
        return await asyncio.to_thread(cut, kept.whole)
    try:
        return await aside.wait(partial(aside.run, cut, kept.whole, memory=memory_for(size, size)))
    except TooDear as dear:
        raise too_dear(dear) from None
