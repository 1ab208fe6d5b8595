"""Messages in, messages out: what a request asks for, decided in the protocol's order.

Nothing is kept between requests but used confirmations, and arguments that were read. Over HTTP
what a modern request's headers say must be what its body says; over stdio there are none. Sources:
MCP 2026-07-28 and, for the revisions before, 2025-11-25, 2025-06-18 and 2025-03-26, "Lifecycle",
"Transports", "Tools".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw
from multidict import MultiMapping

from gateway.errors import Bug, Refusal, UpstreamStatus
from gateway.faces.mcp import asking, results
from gateway.faces.mcp import headers as mirror
from gateway.faces.mcp.confirming import Confirmations
from gateway.faces.mcp.endpoint import Endpoint, Served, greeting
from gateway.faces.mcp.known import Asked, Known, Told
from gateway.faces.mcp.wire import (
    BATCHES,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEGACY,
    METHOD_NOT_FOUND,
    MODERN,
    PARSE_ERROR,
    SERVED,
    UNSUPPORTED_VERSION,
    Envelope,
    Fault,
    Id,
    Params,
    envelope_of,
    error_message,
    id_of,
    is_response,
    messages_of,
    params_of,
    result_message,
)
from gateway.request.text import encode_json
from gateway.values import Answer

MOST_AT_ONCE = 50  # messages of a batch; each may be a call
# Of a batch's answers, which are held until the last is there; beyond it no more is begun.
MOST_BYTES = 4 * 1024 * 1024
# Ours that stay what they are in HTTP, which clients act on: sign in, wait.
_OF_HTTP = (401, 403, 429)
_SHOWN = 2000  # characters of names in a message

# Makes a call; raises Refusal.
Run = Callable[[Served, Asked], Awaitable[Answer]]


class Sent(NamedTuple):
    """What a request is answered with: an HTTP status and a message; b"" is none."""

    status: int
    body: bytes


@dataclass(slots=True, eq=False)  # made on every call: a third of a frozen one's time
class Exchange:
    """One request: to which address, from whom, and how its calls are made.

    `headers` are None over stdio. `caller` says who it is, for what only he may use. `known` is
    filled with what was asked, for the exchanges to come.
    """

    endpoint: Endpoint
    run: Run
    confirmations: Confirmations
    headers: MultiMapping[str] | None = None
    caller: Callable[[], str] = str
    known: Known = field(default_factory=Known)


def answer(exchange: Exchange, body: bytes) -> Coroutine[Any, Any, Sent]:
    """Answer the message or messages of one request.

    Raises:
        Refusal: what is to be answered as HTTP says it: 401, 403, 429.
    """
    try:
        batch = messages_of(body)
        if batch is not None:
            return _whole(exchange, body, batch)
        message = envelope_of(body)
    except Fault as fault:
        return _refused(body, fault)
    return _one(exchange, message)


async def _refused(body: bytes, fault: Fault) -> Sent:
    return Sent(fault.status, error_message(id_of(body), fault))


async def _whole(exchange: Exchange, body: bytes, batch: list[Raw]) -> Sent:
    try:
        return await _batch(exchange, batch)
    except Fault as fault:
        return await _refused(body, fault)


async def _batch(exchange: Exchange, batch: list[Raw]) -> Sent:
    """Several messages at once, which one revision has: one after the other, in their order."""
    said = exchange.headers.getall(mirror.VERSION, ()) if exchange.headers is not None else ()
    if said and [one.strip() for one in said] != [BATCHES]:
        raise Fault(INVALID_REQUEST, f"Several messages at once are of {BATCHES} alone.")
    if len(batch) > MOST_AT_ONCE:
        raise Fault(INVALID_REQUEST, f"A batch has at most {MOST_AT_ONCE} messages.")
    bodies: list[bytes] = []
    size = 0
    for one in batch:
        try:
            message = envelope_of(one)
            if message.method == "initialize":
                raise Fault(INVALID_REQUEST, "initialize comes alone.")
            if size > MOST_BYTES and message.id is not UNSET:
                text = f"The answers before have {size:,} bytes; nothing was done. Send this alone."
                raise Fault(INVALID_REQUEST, text)
            bodies.append((await _one(exchange, message, alone=False)).body)
        except Fault as fault:  # to what is an answer itself nothing is said
            bodies.append(b"" if is_response(one) else error_message(id_of(one), fault))
        size += len(bodies[-1])
        await asyncio.sleep(0)  # others' turn: what is answered from memory gives none
    answers = [one for one in bodies if one]
    return Sent(200, b"[%b]" % b",".join(answers)) if answers else Sent(202, b"")


async def _one(exchange: Exchange, message: Envelope, *, alone: bool = True) -> Sent:
    if message.id is UNSET:
        return Sent(202, b"")  # a notification: nothing here waits for one
    id_: Id = message.id
    headers, method, said = exchange.headers, message.method, message.params
    modern = False
    try:
        raw = bytes(said) if method == "tools/call" and said is not UNSET else b""
        told: Told | bytes | None = exchange.known.told(exchange.endpoint, raw, headers)
        if told is None:
            params = params_of(message)
            modern = _is_modern(headers, params)
            if modern:
                _check(headers, message, params)
            if method == "tools/call":
                told = await _call(exchange, params, raw, modern=modern)
            else:
                told = (_modern if modern else _before)(exchange, method, params)
        if isinstance(told, bytes):
            return Sent(200, result_message(id_, told))
        modern, served, asked = told
        done = await exchange.run(served, asked)
    except Fault as fault:
        # Before, an HTTP error was for what is no message at all.
        whole = modern or fault.code in (PARSE_ERROR, INVALID_REQUEST)
        return Sent(fault.status if whole else 200, error_message(id_, fault))
    except Bug as bug:
        return Sent(200, error_message(id_, Fault(INTERNAL_ERROR, bug.detail)))
    except Refusal as refusal:
        is_ours = not isinstance(refusal, UpstreamStatus)
        if is_ours and refusal.status in _OF_HTTP and alone and headers is not None:
            raise
        meta = exchange.endpoint.meta if modern else b""
        return Sent(200, result_message(id_, results.of_refusal(refusal, modern=modern, meta=meta)))
    meta = exchange.endpoint.meta if modern else b""
    result = results.of_answer(done, structured=served.structured, modern=modern, meta=meta)
    return Sent(200, result_message(id_, result))


def _is_modern(headers: MultiMapping[str] | None, params: Params) -> bool:
    """Which era a request is of: what its header says, or else its `_meta`."""
    said = headers.getall(mirror.VERSION, ()) if headers is not None else ()
    if len(said) == 1 and said[0].strip() in LEGACY:
        return False
    return bool(said) or (params.version is not UNSET and params.version not in LEGACY)


def _check(headers: MultiMapping[str] | None, message: Envelope, params: Params) -> None:
    """Hold a modern request against the protocol's demands, in its order. Raises: Fault."""
    if headers is not None:
        for name in (mirror.VERSION, mirror.METHOD, mirror.NAME):
            mirror.single(headers, name)
    version = params.version
    said = mirror.single(headers, mirror.VERSION) if headers is not None else None
    if version is UNSET and said is not None and said not in SERVED:
        raise _unserved(said)  # of some other era: what it knows of `_meta` is not to be told
    if not isinstance(version, str) or not isinstance(params.capabilities, dict):
        raise Fault(
            INVALID_PARAMS,
            "params._meta must hold io.modelcontextprotocol/protocolVersion, a text, and "
            "io.modelcontextprotocol/clientCapabilities, an object.",
        )
    if headers is not None:
        mirror.expect(headers, mirror.VERSION, version)
    if version != MODERN:
        raise _unserved(version)
    if headers is not None:
        mirror.expect(headers, mirror.METHOD, message.method)
        if message.method in ("tools/call", "prompts/get"):
            mirror.expect(headers, mirror.NAME, _name(params), coded=True)


def _unserved(version: str) -> Fault:
    return Fault(
        UNSUPPORTED_VERSION,
        f"Revision {version[:40]!r} is not served here; {', '.join(SERVED)} are.",
        {"supported": SERVED, "requested": version[:200]},
    )


def _modern(exchange: Exchange, method: str, params: Params) -> bytes:
    match method:
        case "tools/list":
            _no_cursor(params)
            return exchange.endpoint.listed
        case "server/discover":
            return exchange.endpoint.discovered
    raise _unknown(method)


def _before(exchange: Exchange, method: str, params: Params) -> bytes:
    match method:
        case "tools/list":
            _no_cursor(params)
            return exchange.endpoint.listed_before
        case "initialize":
            asked = params.protocol_version
            if not isinstance(asked, str):
                raise Fault(INVALID_PARAMS, "initialize says its protocolVersion, a text.")
            return greeting(exchange.endpoint, asked if asked in LEGACY else LEGACY[0])
        case "ping":
            return b"{}"
    raise _unknown(method)


def _unknown(method: str) -> Fault:
    return Fault(
        METHOD_NOT_FOUND, f"The method {method[:100]!r} is not served here: there are tools only."
    )


def _no_cursor(params: Params) -> None:
    if params.cursor is not UNSET and params.cursor is not None:
        raise Fault(INVALID_PARAMS, "This cursor was not given here: all tools are on one page.")


def _name(params: Params) -> str:
    if not isinstance(params.name, str):
        raise Fault(INVALID_PARAMS, "params.name must say which tool, as a text.")
    return params.name


# --- tools/call -------------------------------------------------------------------------------


async def _call(exchange: Exchange, params: Params, raw: bytes, *, modern: bool) -> Told | bytes:
    """What a call says in its words, `raw`, or what is said to it instead of making it.

    Raises: Fault, Refusal.
    """
    endpoint, headers = exchange.endpoint, exchange.headers
    served, given = _meant(endpoint, params)
    asked = exchange.known.asked(served, given)
    arguments = asked.arguments
    if served.mirrored and modern and headers is not None:
        mirror.expect_arguments(headers, served.mirrored, arguments)
    subject = asking.subject_of(served, arguments) if modern else None
    if subject is not None and asking.can_ask(params):
        waits = await _ask(exchange, served, arguments, subject, params)
        if waits is not None:
            return waits
    told = Told(modern, served, asked)
    if subject is None and not served.mirrored:
        exchange.known.tell(endpoint, raw, headers, told, len(given))
    return told


def _meant(endpoint: Endpoint, params: Params) -> tuple[Served, bytes]:
    """The tool that is called, and its arguments as they came. Raises: Fault."""
    name, raw = _name(params), params.arguments
    served = endpoint.tools.get(name)
    if served is None:
        known = ", ".join(endpoint.tools)[:_SHOWN]
        raise Fault(INVALID_PARAMS, f"There is no tool {name[:64]!r} here. There are: {known}.")
    given = b"" if raw is UNSET else bytes(raw)
    if given == b"null":
        given = b""
    if given[:1] not in (b"", b"{"):
        raise Fault(INVALID_PARAMS, "params.arguments must be an object.")
    return served, given


# --- asking first -----------------------------------------------------------------------------


async def _ask(
    exchange: Exchange,
    served: Served,
    arguments: Mapping[str, Any],
    subject: asking.Subject,
    params: Params,
) -> bytes | None:
    """The question, or what comes of a no; None where the user agreed. Raises: Fault, Refusal."""
    headers: Mapping[str, str] = exchange.headers or {}
    asking.check(served.tool.operation, arguments, headers)
    if subject.operation is not served.tool.operation:
        asking.check(subject.operation, subject.arguments, headers)
    said = encode_json(sorted(arguments.items()))
    parts = (exchange.caller().encode(), served.plugin.encode(), served.tool.name.encode(), said)
    waits = await asking.ask(
        exchange.confirmations, b"\0".join(parts), subject, params, served.plugin
    )
    meta = exchange.endpoint.meta
    if isinstance(waits, str):
        return results.of_words(waits, modern=True, meta=meta)
    if waits is None:
        return None
    return msgspec.json.encode({**waits, "_meta": Raw(b"{%b}" % meta)})
