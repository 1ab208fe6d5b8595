"""Messages in, messages out: what a request asks for, decided in the protocol's order.

Nothing is kept between requests but used confirmations, and arguments that were read. Over HTTP
what a modern request's headers say must be what its body says; over stdio there are none. Sources:
MCP 2026-07-28 and, for the revisions before, 2025-11-25, 2025-06-18 and 2025-03-26, "Lifecycle",
"Transports", "Tools".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw
from multidict import MultiMapping

from gateway.errors import Bug, Refusal
from gateway.faces.calls import read_named
from gateway.faces.mcp import headers as mirror
from gateway.faces.mcp import results
from gateway.faces.mcp.confirming import KEY, Confirmations, Forged
from gateway.faces.mcp.endpoint import Endpoint, Served, greeting
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
    messages_of,
    params_of,
    result_message,
)
from gateway.request.text import encode_json
from gateway.shrinking import Level
from gateway.values import Answer, UpstreamRequest

MOST_AT_ONCE = 50  # messages of a batch; each may be a call
# Ours that stay what they are in HTTP, which clients act on: sign in, wait.
_OF_HTTP = (401, 403, 429)
_SHOWN = 2000  # characters of names in a message
_SHOWN_ARGUMENTS = 1000  # characters of JSON in a question

# Calls whose arguments are remembered, and how long these may be: some megabytes at most.
MAX_KNOWN, MAX_KNOWN_LENGTH = 4096, 512


@dataclass(slots=True, eq=False)
class Asked:
    """What a call says. Whoever makes it may keep here what was built of that: the same words may
    be said again, by anybody, so nothing in here is of a caller."""

    arguments: Mapping[str, Any]
    built: UpstreamRequest | None = None
    chosen: Level | None = None


# Makes a call; raises Refusal.
Run = Callable[[Served, Asked], Awaitable[Answer]]
Known = dict[tuple[Served, bytes], Asked]  # by the tool and its arguments as they came


class Sent(NamedTuple):
    """What a request is answered with: an HTTP status and a message; b"" is none."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request: to which address, from whom, and how its calls are made.

    `headers` are None over stdio. `caller` says who it is, for what only he may use. `known` is
    filled with what was asked, for the exchanges to come.
    """

    endpoint: Endpoint
    run: Run
    confirmations: Confirmations
    headers: MultiMapping[str] | None = None
    caller: str = ""
    known: Known = field(default_factory=dict)


async def answer(exchange: Exchange, body: bytes) -> Sent:
    """Answer the message or messages of one request.

    Raises:
        Refusal: what is to be answered as HTTP says it: 401, 403, 429.
    """
    try:
        batch = messages_of(body)
        if batch is not None:
            return await _batch(exchange, batch)
        message = envelope_of(body)
    except Fault as fault:
        return Sent(fault.status, error_message(id_of(body), fault))
    return await _one(exchange, message)


async def _batch(exchange: Exchange, batch: list[Raw]) -> Sent:
    """Several messages at once, which one revision has: one after the other, in their order."""
    said = exchange.headers.getall(mirror.VERSION, ()) if exchange.headers is not None else ()
    if said and [one.strip() for one in said] != [BATCHES]:
        raise Fault(INVALID_REQUEST, f"Several messages at once are of {BATCHES} alone.")
    if len(batch) > MOST_AT_ONCE:
        raise Fault(INVALID_REQUEST, f"A batch has at most {MOST_AT_ONCE} messages.")
    bodies = []
    for one in batch:
        try:
            message = envelope_of(one)
            if message.method == "initialize":
                raise Fault(INVALID_REQUEST, "initialize comes alone.")
            bodies.append((await _one(exchange, message, alone=False)).body)
        except Fault as fault:
            bodies.append(error_message(id_of(one), fault))
    answers = [one for one in bodies if one]
    return Sent(200, b"[%b]" % b",".join(answers)) if answers else Sent(202, b"")


async def _one(exchange: Exchange, message: Envelope, *, alone: bool = True) -> Sent:
    if message.id is UNSET:
        return Sent(202, b"")  # a notification: nothing here waits for one
    id_: Id = message.id
    modern = False
    try:
        params = params_of(message)
        modern = _is_modern(exchange.headers, params)
        if modern:
            _check(exchange.headers, message, params)
        if message.method == "tools/call":
            result = await _call(exchange, params, modern=modern, alone=alone)
        else:
            result = (_modern if modern else _before)(exchange, message.method, params)
    except Fault as fault:
        # Before, an HTTP error was for what is no message at all.
        whole = modern or fault.code in (PARSE_ERROR, INVALID_REQUEST)
        return Sent(fault.status if whole else 200, error_message(id_, fault))
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
    if not isinstance(version, str) or not isinstance(params.capabilities, dict):
        raise Fault(
            INVALID_PARAMS,
            "params._meta must hold io.modelcontextprotocol/protocolVersion, a text, and "
            "io.modelcontextprotocol/clientCapabilities, an object.",
        )
    if headers is not None:
        mirror.expect(headers, mirror.VERSION, version)
    if version != MODERN:
        raise Fault(
            UNSUPPORTED_VERSION,
            f"Revision {version[:40]!r} is not served here; {', '.join(SERVED)} are.",
            {"supported": SERVED, "requested": version[:200]},
        )
    if headers is not None:
        mirror.expect(headers, mirror.METHOD, message.method)
        if message.method in ("tools/call", "prompts/get"):
            mirror.expect(headers, mirror.NAME, _name(params), coded=True)


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


async def _call(exchange: Exchange, params: Params, *, modern: bool, alone: bool) -> bytes:
    endpoint, name = exchange.endpoint, _name(params)
    meta = endpoint.meta if modern else b""
    served = endpoint.tools.get(name)
    if served is None:
        known = ", ".join(endpoint.tools)[:_SHOWN]
        raise Fault(INVALID_PARAMS, f"There is no tool {name[:64]!r} here. There are: {known}.")
    raw = params.arguments
    given = b"" if raw is UNSET else bytes(raw)
    if given[:1] not in (b"", b"{"):
        raise Fault(INVALID_PARAMS, "params.arguments must be an object.")
    try:
        asked = _asked(exchange.known, served, given)
        arguments = asked.arguments
        if served.mirrored and modern and exchange.headers is not None:
            mirror.expect_arguments(exchange.headers, served.mirrored, arguments)
        if modern and _asks(served, arguments) and _can_ask(params):
            # What could not be done anyway is told before anybody is asked.
            served.tool.operation.build(arguments, exchange.headers or {}, heals=True)
            waits = _ask(exchange, served, arguments, params)
            if waits is not None:
                return waits
        done = await exchange.run(served, asked)
    except Bug as bug:
        raise Fault(INTERNAL_ERROR, bug.detail) from None
    except Refusal as refusal:
        if refusal.status in _OF_HTTP and alone and exchange.headers is not None:
            raise
        return results.of_refusal(refusal, modern=modern, meta=meta)
    return results.of_answer(done, structured=served.structured, modern=modern, meta=meta)


def _asked(known: Known, served: Served, given: bytes) -> Asked:
    """What a call says: read, unless it was read before, word for word. Raises: BadArguments."""
    asked = known.get((served, given))
    if asked is None:
        asked = Asked(read_named(served.tool.operation, given))
        if len(given) <= MAX_KNOWN_LENGTH:
            if len(known) >= MAX_KNOWN:
                known.clear()
            known[served, given] = asked
    return asked


# --- asking first -----------------------------------------------------------------------------


def _asks(served: Served, arguments: Mapping[str, Any]) -> bool:
    """Whether the user is to be asked first."""
    operation = served.tool.operation
    if operation.confirms:
        name = arguments.get("name")
        return isinstance(name, str) and name in operation.confirms
    return operation.confirm


def _can_ask(params: Params) -> bool:
    """Whether the client can ask its user by a form: `{}` is that, too."""
    asked = params.capabilities.get("elicitation")
    return isinstance(asked, dict) and (not asked or "form" in asked)


def _ask(
    exchange: Exchange, served: Served, arguments: Mapping[str, Any], params: Params
) -> bytes | None:
    """The question, or what comes of a refusal; None where the user agreed.

    Raises: Fault, for a state that was not made here for this call.
    """
    said = encode_json(sorted(arguments.items()))
    parts = (exchange.caller.encode(), served.plugin.encode(), served.tool.name.encode(), said)
    bound = b"\0".join(parts)
    if params.request_state is not UNSET:
        try:
            fresh = exchange.confirmations.take(params.request_state, bound)
        except Forged:
            text = "requestState was not given here for this call; send back what you were given."
            raise Fault(INVALID_PARAMS, text) from None
        agreed = _action(params.input_responses)
        if fresh and agreed == "accept":
            return None
        if agreed in ("decline", "cancel"):
            words = "The user did not agree, so nothing was done. Do not try again unasked."
            return results.of_words(words, modern=True, meta=exchange.endpoint.meta)
    return msgspec.json.encode(
        {
            "resultType": "input_required",
            "inputRequests": {KEY: _question(served, arguments)},
            "requestState": exchange.confirmations.state(bound),
            "_meta": Raw(b"{%b}" % exchange.endpoint.meta),
        }
    )


def _action(responses: Any) -> str:
    """What the user did; "" where nobody can tell."""
    one = responses.get(KEY) if isinstance(responses, dict) else None
    action = one.get("action") if isinstance(one, dict) else None
    return action if isinstance(action, str) else ""


def _question(served: Served, arguments: Mapping[str, Any]) -> dict[str, Any]:
    shown = encode_json(arguments).decode()
    if len(shown) > _SHOWN_ARGUMENTS:
        shown = shown[: _SHOWN_ARGUMENTS - 1] + "…"
    message = f"{served.plugin}: {served.tool.title}. Do this? With {shown}"
    return {
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": message,
            "requestedSchema": {"type": "object", "properties": {}},
        },
    }
