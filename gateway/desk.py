"""Where MCP is spoken over HTTP: the part of the door that answers the protocol's requests.

The door has let the caller's page in; here it is asked who calls, what of the address's tools he
may use, and each call runs as any other. What takes long becomes a stream of events. A caller who
closes the connection ends what is done for him (MCP 2026-07-28, "Cancellation").
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn, Protocol, TypeVar

from aiohttp import hdrs, web
from multidict import CIMultiDict, istr

from gateway.errors import (
    Bug,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    Refusal,
    Unauthorized,
    UnsupportedBody,
)
from gateway.faces import mcp
from gateway.faces.mcp import wire
from gateway.faces.pages import quality
from gateway.faces.tool import tools_of
from gateway.media import kind
from gateway.pipeline import Call, Plan
from gateway.pipeline.auth import Check
from gateway.plugin import Plugin
from gateway.recorder import Recorder
from gateway.response import SERVER, Written, head_of, ready
from gateway.slots import Slots
from gateway.streams import EVENTS, Patience
from gateway.telemetry.ids import HEADER
from gateway.values import Answer, Caller

# Sets of plugins that different callers see at the shared address.
MAX_SHARED = 64
_JSON = "application/json"
_CALL_ID = istr(HEADER)
# Of a response without a message, and of one with it.
_SILENT = CIMultiDict({hdrs.SERVER: SERVER, istr("X-Content-Type-Options"): "nosniff"})
_SAYS = CIMultiDict({**_SILENT, hdrs.CONTENT_TYPE: _JSON})
_WELL = 200
_HEAD = head_of(_WELL, CIMultiDict(_SAYS))


class Place(Protocol):
    """What of a plugin's site is asked for here."""

    @property
    def name(self) -> str:
        """The plugin's."""

    @property
    def plugin(self) -> Plugin | None:
        """None until it is ready."""

    @property
    def spoken(self) -> Mapping[str, Plan]:
        """The plans, by operation."""

    @property
    def check(self) -> Check | None:
        """Tells who calls; None where nobody is asked."""

    @property
    def mcp(self) -> mcp.Endpoint | None:
        """Its own address; None where MCP cannot serve it."""

    @property
    def filled(self) -> frozenset[str]:
        """The operations whose requests hold headers of the caller."""

    @property
    def by_token(self) -> frozenset[str]:
        """Names of tokens whose callers see it fitted to their client."""

    @property
    def fit(self) -> Callable[[str], Awaitable[Place]] | None:
        """Fits it, by profile."""


Opened = Mapping[str, tuple[Place, Caller | None]]
Answering = Coroutine[Any, Any, web.StreamResponse]
Made = TypeVar("Made")


class Guard(Protocol):
    """Makes a Bug of what nobody has foreseen."""

    async def __call__(self, answering: Awaitable[Made]) -> Made:
        """What is awaited. Raises: Refusal."""


@dataclass(slots=True)
class Desk:
    """Answers requests of the protocol, with what the door lends it.

    Args:
        slots: Of calls under way.
        address: The caller's.
        at_hand: Gives a whole body that is there already.
        body: Reads a whole body.
        dress: Adds the headers for an origin.
        guard: Makes a Bug of what nobody has foreseen.
        confirmations: Of calls that are asked about first.
        recorder: Notes how calls end.
    """

    slots: Slots
    address: Callable[[web.BaseRequest], str]
    at_hand: Callable[[web.BaseRequest], bytes | None]
    body: Callable[[web.BaseRequest], Awaitable[bytes]]
    dress: Callable[[str | None, web.StreamResponse], None]
    guard: Guard
    confirmations: mcp.Confirmations
    recorder: Recorder
    _shared: dict[tuple[Place, ...], mcp.Endpoint] = field(default_factory=dict)
    _known: mcp.Known = field(default_factory=mcp.Known)

    def forget(self) -> None:
        """The plugins have changed."""
        # New ones: a call that is under way may still put what it was told into those before.
        self._shared, self._known = {}, mcp.Known()

    def answer(self, request: web.BaseRequest, place: Place) -> Answering:
        """Answer one request to the address of a plugin. Raises: Refusal."""
        if place.mcp is None:
            raise NotFound(mcp.WHY_NOT.format(place.name))
        caller = None if place.check is None else place.check(request.headers)
        if caller is not None and caller.id in place.by_token and place.fit is not None:
            return self._answer_fitted(request, place.mcp, place.fit(caller.id), caller)
        return self._answer(request, place.mcp, {place.name: (place, caller)})

    async def answer_shared(
        self, request: web.BaseRequest, places: Sequence[Place], longest: int | None = None
    ) -> web.StreamResponse:
        """Answer one request to the address of several; a caller sees those that he may use.

        `longest` is what his client takes of a tool's name. Raises: Refusal.
        """
        known = self._shared
        opened = await _opened(request, places)
        seen = tuple(place for place, _ in opened.values())
        endpoint = known.get(seen)
        if endpoint is None:
            endpoint = mcp.of_several(
                [(one.plugin.shown, tools_of(one.plugin.shown)) for one in seen if one.plugin],
                private=any(place.check is not None for place in places),
                longest=longest,
            )
            if len(known) >= MAX_SHARED:
                known.clear()
            known[seen] = endpoint
        return await self._answer(request, endpoint, opened)

    async def _answer_fitted(
        self,
        request: web.BaseRequest,
        endpoint: mcp.Endpoint,
        fitting: Awaitable[Place],
        caller: Caller,
    ) -> web.StreamResponse:
        """Answer a caller whose token is named after a profile."""
        place = await fitting
        return await self._answer(request, place.mcp or endpoint, {place.name: (place, caller)})

    async def _answer(
        self, request: web.BaseRequest, endpoint: mcp.Endpoint, opened: Opened
    ) -> web.StreamResponse:
        if request.method != "POST":
            text = f"{request.method} is not served at this address: MCP comes by POST."
            raise MethodNotAllowed(text, headers=[("Allow", "POST")])
        takes_json, takes_events = _taken(request.headers.get(hdrs.ACCEPT, "*/*"))
        if not takes_json:
            raise NotAcceptable(f"Answers are {_JSON}. Say in Accept that you take it.")
        said = request.headers.get(hdrs.CONTENT_TYPE, _JSON)
        if said != _JSON and kind(said) != "json":
            raise UnsupportedBody(f"The body's type {said[:80]!r} is not read; send {_JSON}.")
        body = self.at_hand(request)
        if body is None:
            body = await self.body(request)
        address = self.address(request)
        free = self.slots.take(address)
        try:
            ids: list[str] = []
            exchange = self._exchange(request, endpoint, opened, address, body, ids)
            saying = self._said(exchange, body)
            if not takes_events:
                response = _message(request, await saying, ids)
            else:
                try:
                    step = saying.send(None)
                except StopIteration as done:  # from memory, as many an answer is
                    response = _message(request, done.value, ids)
                else:
                    response = await self._patiently(request, saying, step, body, ids)
        except BaseException:
            free()
            raise
        if isinstance(response, Written):
            response.frees(free)
        else:
            free()
        return response

    def _exchange(
        self,
        request: web.BaseRequest,
        endpoint: mcp.Endpoint,
        opened: Opened,
        address: str,
        body: bytes,
        ids: list[str],
    ) -> mcp.Exchange:
        headers = request.headers

        async def run(served: mcp.Served, asked: mcp.Asked) -> Answer:
            place, caller = opened[served.plugin]
            operation = served.tool.operation
            note = self.recorder.begun("mcp", operation, request, body)
            ids.append(note.id)
            call = Call(
                asked.arguments, headers, address, heals=True, shows=True, caller=caller, note=note
            )
            call.request, call.chosen = asked.built, asked.chosen
            leave = None
            try:
                leave = self.slots.enter(address, served.plugin)
                answer = await place.spoken[operation.name](call)
            except BaseException as error:
                self.recorder.failed(operation, call, error)
                if isinstance(error, Refusal) or not isinstance(error, Exception):
                    raise
                answer = await self.guard(_raised(error))
            finally:
                if leave is not None:
                    leave()
            if not operation.own and operation.name not in place.filled:
                asked.built, asked.chosen = call.request, call.chosen
            return self.recorder.ended(operation, call, answer)

        def callers() -> str:
            return "/".join([caller.id if caller else address for _, caller in opened.values()])

        return mcp.Exchange(endpoint, run, self.confirmations, headers, callers, self._known)

    async def _said(self, exchange: mcp.Exchange, body: bytes) -> mcp.Sent:
        """What is said to a request; of what nobody has foreseen, in the protocol's form."""
        try:
            try:
                return await mcp.answer(exchange, body)
            except Refusal:
                raise
            except Exception as error:  # noqa: BLE001 - guarded
                return await self.guard(_raised(error))
        except Bug as bug:
            fault = wire.Fault(wire.INTERNAL_ERROR, bug.detail)
            return mcp.Sent(200, wire.error_message(wire.id_of(body), fault))

    async def _patiently(
        self,
        request: web.BaseRequest,
        saying: Coroutine[Any, Any, mcp.Sent],
        step: Any,
        body: bytes,
        ids: Sequence[str],
    ) -> web.StreamResponse:
        """Answer, once what waits for `step` is said, as JSON, or as an event if that is late."""

        def dress(response: web.StreamResponse) -> None:
            self.dress(request.headers.get("Origin"), response)
            if ids:
                response.headers[_CALL_ID] = ids[0]

        patience: Patience[mcp.Sent] = Patience(request, dress)
        try:
            sent = await patience.wait(saying, step)
        except Refusal as refusal:
            stream = await patience.stream()
            if stream is None:
                raise
            return await patience.say(stream, mcp.told(body, refusal))
        stream = await patience.stream()
        if stream is not None:
            return await patience.say(stream, sent.body)
        return _message(request, sent, ids)


@lru_cache(maxsize=64)  # clients say the same few over and over
def _taken(accept: str) -> tuple[bool, bool]:
    """Whether a client takes JSON, and a stream of events."""
    return quality(accept, _JSON) > 0, quality(accept, EVENTS) > 0


async def _opened(request: web.BaseRequest, places: Sequence[Place]) -> Opened:
    """The plugins that a caller may use, and who he is to each.

    Raises: Unauthorized, where he may use none, or shows a proof that opens nothing: it has
        expired, or is wrong, and his client would never learn it from what is open to everybody.
    """
    opened: dict[str, tuple[Place, Caller | None]] = {}
    closed: Unauthorized | None = None
    for place in places:
        if place.mcp is None:
            continue
        try:
            caller = place.check(request.headers) if place.check else None
        except Unauthorized as refusal:
            closed = closed or refusal
            continue
        seen = place
        if caller is not None and caller.id in place.by_token and place.fit is not None:
            seen = await place.fit(caller.id)
        opened[place.name] = seen, caller
    shows = hdrs.AUTHORIZATION in request.headers
    if closed is not None and not any(caller or not shows for _, caller in opened.values()):
        raise closed
    return opened


async def _raised(error: Exception) -> NoReturn:
    raise error


def _message(request: web.BaseRequest, sent: mcp.Sent, ids: Sequence[str]) -> web.StreamResponse:
    """A message as the whole of a response, or none; with the id of its call, of several in one
    message that of the first."""
    if sent.status == _WELL:
        own = ((HEADER, ids[0]),) if ids else ()
        made = ready(request, _HEAD, own, sent.body)
        if made is not None:
            return made
    response = Written(status=sent.status, body=sent.body, headers=_SAYS if sent.body else _SILENT)
    if ids:
        response.headers[_CALL_ID] = ids[0]
    return response
