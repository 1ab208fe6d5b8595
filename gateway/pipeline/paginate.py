"""A list's pages, followed and joined into one reply. Each page is a call of the inner source, so
it is cached, shared and counted by itself.

Followed until what is wanted is there: enough items for `limit_items`, surely enough text for the
budget, `max_pages`, `max_bytes`, the operation's `timeout`. An empty page, one like the page before
and one that was asked for already end the list. A page that fails ends it as well: what there is
is given, and `Reply.notes` says so. Where there is more, `Reply.onward` gets it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from gateway.aside import LONG, Aside, TooDear, memory_for
from gateway.errors import Refusal, UpstreamFailed, UpstreamTimeout
from gateway.media import essence
from gateway.paging import Paging
from gateway.pipeline.call import Call, Source, built
from gateway.pipeline.links import followed, target_of, with_query
from gateway.pipeline.more import too_dear
from gateway.pipeline.passing import charset_of, is_json
from gateway.plugin import Operation
from gateway.shrinking import JSON
from gateway.shrinking.pages import Page, WrongPage, at, join, read, says_more, word
from gateway.shrinking.tokens import estimate
from gateway.values import Headers, Reply

T = TypeVar("T")

# A page beyond this is read in a thread, so that other calls go on: some 100 µs of work.
_THREAD = 32 * 1024
# How much more than a budget is collected. An estimate is off by 12.5 % at worst; what further
# rules leave out or write shorter is seldom more than three quarters.
_SPARE, _SPARE_SMALLER = 1.25, 4.0
# What a page says of itself alone; `Age` is that of the oldest.
_OF_ONE = frozenset(
    {"etag", "last-modified", "content-length", "content-md5", "digest", "content-digest",
     "repr-digest", "content-encoding", "accept-ranges", "link", "age"}
)  # fmt: skip
_LIFETIME = frozenset({"cache-control", "expires"})
_WHOLE = range(200, 204)  # neither without a body nor a part of one

# What asks the upstream is to say first that its time is over: it is counted there.
_AFTER = 0.1


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to go on: the next page's URL, its number, how many items come before it, what tells
    the items of the page before it, and what has come so far: digests of addresses, and of what
    two pages in a row held. It goes along to where `onward` goes on, or a circle would have no end.
    """

    url: str
    number: int
    before: int = 0
    last: bytes = b""
    seen: frozenset[bytes] = frozenset()


class _Read(NamedTuple):
    """A page that was read, the place behind it or why there is none, and how much of a budget
    its text takes."""

    page: Page
    next: _Place | None
    failed: str
    weight: float


@dataclass(slots=True)
class _Got:
    """What was got so far. `end` is the text of the last page, though it may have held nothing;
    `weight` how much there is, in budgets; `size` in bytes."""

    pages: list[Page] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    end: bytes = b""
    items: int = 0
    size: int = 0
    weight: float = 0.0
    failed: str = ""
    next: _Place | None = None
    joins: bool = False  # whether the body is no page's own

    def add(self, read: _Read, reply: Reply, call: Call) -> None:
        """Take in one page: of those behind the first no text is kept, but for the items."""
        page = read.page
        self.end, self.next, self.failed = page.text, read.next, read.failed
        if self.pages:
            if not page.count:
                return
            self.joins = True
            page, reply = replace(page, text=b""), replace(reply, body=b"", forms={})
        self.pages.append(page)
        self.replies.append(reply)
        self.calls.append(call)
        self.items += page.count
        self.size += len(page.items)
        self.weight += read.weight


def step(operation: Operation, inner: Source, aside: Aside) -> Source:
    """Follow the pages of an operation that is paginated; else the inner source as it is.

    Args:
        operation: Its `paging` says how, its shrinker what is taken of each page.
        inner: Gives one page.
        aside: Where long pages are read.
    """
    paging = operation.paging
    if paging is None:
        return inner
    walk = _Walk(operation, paging, inner, aside)

    async def paginate(call: Call) -> Reply:
        return await walk(call, _Place(built(call).url, paging.first))

    return paginate


class _Walk:
    """From a place on, as far as one answer goes."""

    def __init__(self, operation: Operation, paging: Paging, inner: Source, aside: Aside) -> None:
        self._paging = paging
        self._inner = inner
        self._aside = aside
        self._shrinker = shrinker = operation.shrinker
        smaller = shrinker.clean or shrinker.shorten or shrinker.encode or shrinker.choice
        self._spare = _SPARE_SMALLER if smaller or shrinker.limit else _SPARE
        self._seconds = operation.timeout
        self._max_bytes = operation.max_bytes

    async def __call__(self, call: Call, place: _Place) -> Reply:
        """One reply of several pages. Raises: Refusal, where not even the first can be had."""
        deadline = asyncio.get_running_loop().time() + self._seconds
        sub = _for_page(call, place, deadline)
        first = await self._inner(sub)
        try:
            read = await self._read(first, place)
        except WrongPage as wrong:
            if place.number > self._paging.first and first.status in _WHOLE:
                # No end either: only an empty list is one, and this page may be had later.
                raise UpstreamFailed(
                    f"The next page is not what the list can go on with: {wrong}. Try again "
                    "later, or go on with what there is."
                ) from None
            # An error, or no list: `shrink` says what of it.
            call.age, call.cache_status = sub.age, sub.cache_status
            return first
        got = _Got()
        if _repeats(read.page, place):  # the list does not go on, whatever it says
            got.add(_Read(replace(read.page, items=b"", count=0), None, "", 0.0), first, sub)
            got.joins = True
        else:
            got.add(read, first, sub)
        goes_on = read.page.count > 0
        while goes_on and got.next is not None and not self._is_enough(got):
            goes_on = await self._add_page(got, got.next, call, deadline)
        return await self._reply(got, call)

    async def _add_page(self, got: _Got, place: _Place, call: Call, deadline: float) -> bool:
        """Get one more page. Whether the list goes on behind it."""
        sub = _for_page(call, place, deadline)
        try:
            async with asyncio.timeout_at(deadline + _AFTER):
                reply = await self._inner(sub)
                if got.size + len(reply.body) > self._max_bytes:
                    return False  # it is the first one of what comes next
                read = await self._read(reply, place)
        except TimeoutError:
            got.failed = UpstreamTimeout.code
        except Refusal as refusal:
            got.failed = refusal.code
        except WrongPage as wrong:
            got.failed = str(wrong)
        else:
            if _repeats(read.page, place):
                got.next = None
                return False
            got.add(read, reply, sub)
            return read.page.count > 0
        return False

    def _is_enough(self, got: _Got) -> bool:
        """Whether no more can be sent, as far as can be told before it is shrunk."""
        paging = self._paging
        return (
            len(got.pages) >= paging.max_pages
            or (paging.most is not None and got.items >= paging.most)
            or self._is_past_hard(got)
            or got.weight >= self._spare
        )

    def _is_past_hard(self, got: _Got) -> bool:
        """Whether nobody gets what comes next, not on request either."""
        paging = self._paging
        if not paging.hard or paging.most is None or got.next is None:
            return False
        return got.next.before >= paging.most

    # --- a page -------------------------------------------------------------------------------

    async def _read(self, reply: Reply, place: _Place) -> _Read:
        """The page that a reply holds. Raises: WrongPage."""
        if reply.status not in _WHOLE or reply.rest is not None:
            raise WrongPage(f"status {reply.status}")
        if len(reply.body) > LONG:
            try:
                return await self._aside.wait(self._look, reply, place)
            except TooDear:
                raise WrongPage("too long to be read") from None
        if len(reply.body) > _THREAD:
            return await asyncio.to_thread(self._look, reply, place)
        return self._look(reply, place)

    def _do(self, job: Callable[..., T], text: bytes, *args: Any) -> T:
        """Do a job with a text: here, or aside where it is long. Raises: TooDear."""
        if len(text) <= LONG:
            return job(text, *args)
        return self._aside.run(job, text, *args, memory=memory_for(len(text), self._max_bytes))

    def _weight(self, page: Page) -> float:
        """How much of a budget a page takes, by an estimate."""
        budget, text = self._shrinker.budget, page.items
        if not budget:
            return 0.0
        if self._shrinker.take is not None:
            try:
                text = self._do(self._shrinker.taken, page.text)
            except (ValueError, RecursionError):  # `shrink` says so of the whole
                return 0.0
        return max(estimate(text) / budget.tokens, len(text) / (4 * budget.chars))

    def _look(self, reply: Reply, place: _Place) -> _Read:
        charset = charset_of(reply.header("content-type") or "")
        page = self._do(partial(read, items=self._paging.items, charset=charset), reply.body)
        try:
            url = self._next_url(page, reply, place)
        except WrongPage as wrong:
            return _Read(page, None, str(wrong), 0.0)
        if url is None:
            return _Read(page, None, "", 0.0)
        seen = place.seen | {_digest(place.url.encode()), _digest(place.last, page.mark)}
        if _digest(url.encode()) in seen:
            return _Read(page, None, "", 0.0)
        before, last = place.before + page.count, page.mark or place.last
        behind = _Place(url, place.number + 1, before, last, seen)
        return _Read(page, behind, "", self._weight(page))

    def _next_url(self, page: Page, reply: Reply, place: _Place) -> str | None:
        """The next page's URL; None where there is none. Raises: WrongPage."""
        paging = self._paging
        if paging.more is not None and not self._do(says_more, page.text, paging.more):
            return None
        if paging.kind == "link":
            if paging.said is None:
                target = target_of(reply.headers, paging.rel)
            else:
                target = word(self._do(at, page.text, paging.said))
            if target is None:
                return None
            return followed(place.url, target, paging.to, held=paging.held, ours=paging.ours)
        if paging.kind == "cursor":
            cursor = self._cursor(page)
        elif not page.count or (paging.size is not None and page.count < paging.size):
            cursor = None
        else:
            number = place.number + 1 if paging.kind == "page" else place.before + page.count
            cursor = str(number)
        return None if cursor is None else with_query(place.url, {paging.to[0]: [cursor]})

    def _cursor(self, page: Page) -> str | None:
        paging = self._paging
        if paging.last is None:
            return word(self._do(at, page.text, paging.said or ()))
        if not page.count:
            return None
        cursor = word(at(page.last, paging.last))
        if cursor is None:
            raise WrongPage("a last item without a cursor")
        return cursor

    # --- the whole ----------------------------------------------------------------------------

    async def _reply(self, got: _Got, call: Call) -> Reply:
        """What there is as one reply; the page itself where that is all."""
        first = got.replies[0]
        if not (got.joins or got.next or got.failed):
            call.age, call.cache_status = got.calls[0].age, got.calls[0].cache_status
            return first
        _tell_age(got, call)
        body, headers = first.body, _without(first.headers, _OF_ONE)
        if got.joins:
            body = await self._body(got)
            content_type = essence(first.header("content-type") or "")
            content_type = content_type if is_json(content_type) else JSON
            headers = (*_without(headers, {"content-type"}), ("Content-Type", content_type))
        if got.failed or len({_lifetime(reply) for reply in got.replies}) > 1:
            # Nobody else shall keep a part for the whole, or a page for longer than it holds.
            headers = (*_without(headers, _LIFETIME), ("Cache-Control", "no-store"))
        if call.age is not None:
            headers += (("Age", str(call.age)),)
        return Reply(
            first.status,
            headers,
            body,
            received=min(reply.received for reply in got.replies),
            initial_age=max(reply.initial_age for reply in got.replies),
            notes=_notes(got),
            onward=None if self._is_past_hard(got) else self._onward(got.next, call),
        )

    async def _body(self, got: _Got) -> bytes:
        """The pages in one. Raises: ReplyTooLarge."""
        if max(got.size, len(got.end)) > LONG:
            try:
                return await self._aside.wait(self._joined, got)
            except TooDear as dear:
                raise too_dear(dear) from None
        if got.size > _THREAD:
            return await asyncio.to_thread(self._joined, got)
        return self._joined(got)

    def _joined(self, got: _Got) -> bytes:
        """What the pages say of the next one is what the last of them says."""
        paging = self._paging
        ends = [way for way in (paging.said, paging.more) if way is not None]
        said = {way: self._do(at, got.end, way) for way in ends}
        if got.size <= LONG:
            return join(got.pages, paging.items, said)
        memory = memory_for(got.size, self._max_bytes)
        return self._aside.run(join, got.pages, paging.items, said, memory=memory)

    def _onward(self, place: _Place | None, call: Call) -> Callable[[], Awaitable[Reply]] | None:
        if place is None:
            return None

        async def onward() -> Reply:
            return await self(replace(call), place)

        return onward


def _for_page(call: Call, place: _Place, until: float) -> Call:
    """The call of one page: its own, since what a call is told on its way is of one page."""
    request = built(call)._replace(url=place.url)
    return replace(call, request=request, until=until, age=None, cache_status="")


def _repeats(page: Page, place: _Place) -> bool:
    """Whether a page holds what the one before it held, or both of them came before: of single
    pages that are alike, there may be some in an honest list."""
    return page.count > 0 and (
        page.mark == place.last or _digest(place.last, page.mark) in place.seen
    )


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b" ".join(parts), digest_size=16).digest()


def _notes(got: _Got) -> dict[str, Any]:
    """That there is more, and why it is not here."""
    if got.next is None and not got.failed:
        return {}
    failed = {"failed": got.failed} if got.failed else {}
    return {"pages": {"kept": len(got.pages), **failed}}


def _tell_age(got: _Got, call: Call) -> None:
    """The oldest page's age, and what the cache did where it did not have all of them."""
    ages = [sub.age for sub in got.calls if sub.age is not None]
    for sub, reply in zip(got.calls, got.replies, strict=True):
        said = reply.header("age") or ""
        if sub.age is None and said.isascii() and said.isdecimal():
            ages.append(int(said[:10]))
    call.age = max(ages, default=None)
    statuses = [sub.cache_status for sub in got.calls]
    call.cache_status = next((one for one in statuses if "; fwd" in one), statuses[0])


def _without(headers: Headers, names: frozenset[str] | set[str]) -> Headers:
    return tuple(one for one in headers if one[0].lower() not in names)


def _lifetime(reply: Reply) -> Headers:
    """What a reply says of how long it may be kept."""
    return tuple(one for one in reply.headers if one[0].lower() in _LIFETIME)
