"""The rest of cut answers: kept when they are made (`Keeper`), given by an operation of its own.

`step` is the innermost step of that operation: no upstream is asked, but for further pages. What
is cut comes from what a handle stands for, masked already. Whoever has a handle may have its
answer, and a handle of another plugin is no handle here; limits and auth stand before this step,
as before any other. No cache may keep what it gives, since handles come and go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from gateway.aside import LONG, Aside, TooDear, memory_for
from gateway.caching.handles import LIFE, Handles, Kept, handle_of
from gateway.errors import ReplyTooLarge, UnknownHandle, UpstreamFailed
from gateway.pipeline.call import Call, Clock, Plan, built
from gateway.pipeline.mask import Mask
from gateway.plugin import Operation
from gateway.shrinking import JSON
from gateway.shrinking.more import HERE
from gateway.shrinking.pages import Way, join, read
from gateway.shrinking.paths import shown
from gateway.shrinking.shrinker import Shrunk
from gateway.shrinking.slices import BeyondEnd, sliced
from gateway.values import Answer, Reply, UpstreamRequest

# A whole beyond this is looked into in a thread, so that other calls go on: some 100 µs of work.
_THREAD = 32 * 1024
_MOST = Decimal(1_000_000_000)  # no answer has so much; the integer of 1e99999999 has no end
_HEADERS = (("Content-Type", JSON), ("Cache-Control", "no-store"))

T = TypeVar("T")

Sign = Callable[[bytes], str]
Allowed = Callable[[Reply], bytes]  # raises ValueError for what cannot be read


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps what the handles of one operation stand for. `key` is random per process."""

    operation: Operation
    handles: Handles
    key: bytes
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
        self, call: Call, reply: Reply, make: Callable[[Sign | None], Shrunk], allowed: Allowed
    ) -> tuple[Shrunk, Kept | None]:
        """An answer, and what its handle stands for: kept already. For any thread.

        Args:
            call: What the answer is to; its arguments are part of the handle.
            reply: What it is made of; there may be further pages of it.
            make: Makes the answer, with handles given by its argument; with None there is none,
                as where there is no room to keep what it would stand for.
            allowed: What of a reply a caller may have on request.
        """
        request, operation = built(call), self.operation
        arguments = f"{request.method} {request.url}\n".encode() + (request.body or b"")
        rules = operation.shrinker.fingerprint
        sign = partial(handle_of, self.key, operation.plugin, operation.name, rules, arguments)
        shrunk = make(sign)
        if shrunk.whole is None:
            return shrunk, None
        # Masked as a whole: in slices a secret could come piece by piece.
        whole = self.mask.body(shrunk.whole)
        kept = Kept(
            shrunk.handle, operation.plugin, operation.name, whole, operation.shrinker.budget
        )
        kept = self._going_on(kept, reply, allowed)
        return (shrunk, kept) if self.again(kept) else (make(None), None)

    def _going_on(self, kept: Kept, reply: Reply, allowed: Allowed) -> Kept:
        """The same, with a way to the pages behind the last one, if there are any."""
        paging, following = self.operation.paging, reply.onward
        if paging is None or paging.served is None or following is None:
            return kept
        way = paging.served

        def joined(further: Reply) -> bytes | None:
            try:
                page = self.mask.body(allowed(further))
                return self.do(_joined, kept.whole, page, way)
            except ValueError:
                return None
            except TooDear as dear:
                raise too_dear(dear) from None

        async def onward() -> Kept | None:
            further = await following()
            if not 200 <= further.status < 300:
                raise UpstreamFailed(
                    f"The upstream answered {further.status} where the next page should be. "
                    "Try again later, or go on with what there is."
                )
            is_long = max(len(kept.whole), len(further.body)) > LONG
            thread = self.aside.wait if is_long else asyncio.to_thread
            whole = await thread(joined, further)
            if whole is None:
                return None
            last = replace(kept, whole=whole, grows=None, onward=None)
            return self._going_on(last, further, allowed)

        return replace(kept, grows=".".join(map(shown, way)), onward=onward)

    def again(self, kept: Kept) -> bool:
        """Keep on what is given out once more. Whether there is room for it."""
        return self.handles.put(kept, self.steady())


def _joined(whole: bytes, page: bytes, way: Way) -> bytes | None:
    """A whole with the items of a further page; None where that has none."""
    more = read(page, way)
    return join([read(whole, way), more], way, {}) if more.count else None


def too_dear(dear: TooDear) -> ReplyTooLarge:
    """What a caller is told of an answer that nobody could make."""
    return ReplyTooLarge(
        f"The upstream's reply is too much to be made small: {dear}. Ask for less of it: a "
        "narrower search, a smaller page. For the operator: `max_bytes` sets how much may be taken."
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    handle: str
    path: str = HERE
    offset: int = 0
    count: int | None = None


def step(operation: Operation, handles: Handles, steady: Clock, aside: Aside) -> Plan:
    """Answer with a slice.

    Args:
        operation: The one made of `shrinking.more`.
        handles: What they stand for.
        steady: Seconds that never go back.
        aside: Where slices of what is long are cut.
    """

    async def more(call: Call) -> Answer:
        asked = _asked(built(call))
        kept = handles.get(operation.plugin, asked.handle, steady())
        if kept is None:
            raise UnknownHandle(
                "This handle is not one of this plugin's, or it has expired; it lives "
                f"{LIFE / 60:g} minutes from its last use. Call the operation that gave it once "
                "more, with the same arguments, and take the handle of the new answer."
            )
        try:
            body = await _slice(kept, asked, aside)
        except BeyondEnd as end:
            if not end.goes_on or kept.onward is None:
                raise
            further = await kept.onward() or replace(kept, grows=None, onward=None)
            handles.put(further, steady())
            body = await _slice(further, asked, aside)
        return Answer(200, _HEADERS, body)

    return more


def _asked(request: UpstreamRequest) -> _Asked:
    """The arguments, checked and mended: as they stand in the request that `validate` built."""
    said = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    return _Asked(
        said["handle"],
        said.get("path", HERE),
        _number(said.get("offset", "0")),
        _number(said["count"]) if "count" in said else None,
    )


def _number(text: str) -> int:
    """A whole number, as any JSON may write it: `1e3` is one."""
    return int(min(Decimal(text), _MOST))


async def _slice(kept: Kept, asked: _Asked, aside: Aside) -> bytes:
    cut = partial(
        sliced,
        path=asked.path,
        offset=asked.offset,
        most=asked.count,
        budget=kept.budget,
        hard=kept.hard,
        goes_on=kept.grows,
    )
    size = len(kept.whole)
    if size <= _THREAD:
        return cut(kept.whole)
    if size <= LONG:
        return await asyncio.to_thread(cut, kept.whole)
    try:
        return await aside.wait(partial(aside.run, cut, kept.whole, memory=memory_for(size, size)))
    except TooDear as dear:
        raise too_dear(dear) from None
