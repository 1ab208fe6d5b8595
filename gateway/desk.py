"""Where MCP is spoken over HTTP: the part of the door that answers the protocol's requests.

The door has let the caller's page in; here it is asked who calls, what of the address's tools he
may use, and each call runs as any other. What takes long becomes a stream of events. A caller who
closes the connection ends what is done for him (MCP 2026-07-28, "Cancellation").
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeVar

from aiohttp import hdrs, web
from multidict import istr

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
from gateway.response import SERVER, Written
from gateway.slots import Slots
from gateway.streams import EVENTS, Patience
from gateway.values import Answer, Caller

# Sets of plugins that different callers see at the shared address.
MAX_SHARED = 64
_JSON = "application/json"
_NOSNIFF = istr("X-Content-Type-Options")


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
        body: Reads a whole body.
        dress: Adds the headers for an origin.
        guard: Makes a Bug of what nobody has foreseen.
        confirmations: Of calls that are asked about first.
    """

    slots: Slots
    address: Callable[[web.BaseRequest], str]
    body: Callable[[web.BaseRequest], Awaitable[bytes]]
    dress: Callable[[str | None, web.StreamResponse], None]
    guard: Guard
    confirmations: mcp.Confirmations
    _shared: dict[tuple[Place, ...], mcp.Endpoint] = field(default_factory=dict)
    _known: mcp.Known = field(default_factory=dict)

    def forget(self) -> None:
        """The plugins have changed."""
        self._shared.clear()
        self._known.clear()

    async def answer(self, request: web.BaseRequest, place: Place) -> web.StreamResponse:
        """Answer one request to the address of a plugin. Raises: Refusal."""
        if place.mcp is None:
            raise NotFound(mcp.WHY_NOT.format(place.name))
        opened = await _opened(request, (place,))
        own = opened[place.name][0].mcp or place.mcp
        return await self._answer(request, own, opened)

    async def answer_shared(
        self, request: web.BaseRequest, places: Sequence[Place], longest: int | None = None
    ) -> web.StreamResponse:
        """Answer one request to the address of several; a caller sees those that he may use.

        `longest` is what his client takes of a tool's name. Raises: Refusal.
        """
        opened = await _opened(request, places)
        seen = tuple(place for place, _ in opened.values())
        endpoint = self._shared.get(seen)
        if endpoint is None:
            endpoint = mcp.of_several(
                [(one.plugin.shown, tools_of(one.plugin.shown)) for one in seen if one.plugin],
                private=any(place.check is not None for place in places),
                longest=longest,
            )
            if len(self._shared) >= MAX_SHARED:
                self._shared.clear()
            self._shared[seen] = endpoint
        return await self._answer(request, endpoint, opened)

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
        body = await self.body(request)
        address = self.address(request)
        free = self.slots.take(address)
        try:
            exchange = self._exchange(request, endpoint, opened, address)
            if takes_events:
                response = await self._patiently(request, exchange, body)
            else:
                response = _message(await self._said(exchange, body))
        except BaseException:
            free()
            raise
        if isinstance(response, Written):
            response.frees(free)
        else:
            free()
        return response

    def _exchange(
        self, request: web.BaseRequest, endpoint: mcp.Endpoint, opened: Opened, address: str
    ) -> mcp.Exchange:
        headers = request.headers

        async def run(served: mcp.Served, asked: mcp.Asked) -> Answer:
            place, caller = opened[served.plugin]
            operation = served.tool.operation
            call = Call(asked.arguments, headers, address, heals=True, shows=True, caller=caller)
            call.request, call.chosen = asked.built, asked.chosen
            answer = await self.guard(place.spoken[operation.name](call))
            if not operation.own and operation.name not in place.filled:
                asked.built, asked.chosen = call.request, call.chosen
            return answer

        callers = "/".join([caller.id if caller else address for _, caller in opened.values()])
        return mcp.Exchange(endpoint, run, self.confirmations, headers, callers, self._known)

    async def _said(self, exchange: mcp.Exchange, body: bytes) -> mcp.Sent:
        """What is said to a request; of what nobody has foreseen, in the protocol's form."""
        try:
            return await self.guard(mcp.answer(exchange, body))
        except Bug as bug:
            fault = wire.Fault(wire.INTERNAL_ERROR, bug.detail)
            return mcp.Sent(200, wire.error_message(wire.id_of(body), fault))

    async def _patiently(
        self, request: web.BaseRequest, exchange: mcp.Exchange, body: bytes
    ) -> web.StreamResponse:
        """Answer as JSON, or as an event where that takes long."""
        origin = request.headers.get("Origin")
        patience: Patience[mcp.Sent] = Patience(request, lambda one: self.dress(origin, one))
        try:
            sent = await patience.wait(self._said(exchange, body))
        except Refusal as refusal:
            stream = await patience.stream()
            if stream is None:
                raise
            return await patience.say(stream, mcp.told(body, refusal))
        stream = await patience.stream()
        return _message(sent) if stream is None else await patience.say(stream, sent.body)


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
        if caller is not None and place.fit is not None and caller.id in place.by_token:
            seen = await place.fit(caller.id)
        opened[place.name] = seen, caller
    shows = hdrs.AUTHORIZATION in request.headers
    if closed is not None and not any(caller or not shows for _, caller in opened.values()):
        raise closed
    return opened


def _message(sent: mcp.Sent) -> web.StreamResponse:
    """A message as the whole of a response, or none."""
    headers = {hdrs.SERVER: SERVER, _NOSNIFF: "nosniff"}
    if sent.body:
        headers[hdrs.CONTENT_TYPE] = _JSON
    return Written(status=sent.status, body=sent.body, headers=headers)
