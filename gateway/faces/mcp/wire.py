"""JSON-RPC 2.0 as MCP speaks it: bytes → messages; results and errors → bytes. Pure.

Two eras share one address. `MODERN` is stateless: each request says in its `_meta` which revision
it speaks and what its client can do, and over HTTP mirrors that in headers (MCP 2026-07-28,
"Streamable HTTP"). `LEGACY` shakes hands first; here it keeps no session, since nothing of what
was agreed changes an answer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")  # the newest first
BATCHES = "2025-03-26"  # the only revision in which several messages may come at once
SERVED = (MODERN, *LEGACY)
META = "io.modelcontextprotocol/"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

# What a request is answered with over HTTP, by its error; everything else is 400.
_STATUS = {METHOD_NOT_FOUND: 404, INTERNAL_ERROR: 200}

Id = str | int | None


class Fault(Exception):
    """What a message is answered with instead of a result."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def status(self) -> int:
        """The HTTP status that goes with it in the modern era."""
        return _STATUS.get(self.code, 400)


class Envelope(Struct):
    """One message as it came; `UNSET` is what it does not have."""

    jsonrpc: Any = UNSET
    id: Any = UNSET
    method: Any = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class Params(Struct):
    """What the requests that are answered here hold; `arguments` keeps its bytes."""

    meta: Any = msgspec.field(default=UNSET, name="_meta")
    name: Any = UNSET
    arguments: Raw | UnsetType = UNSET
    cursor: Any = UNSET
    protocol_version: Any = msgspec.field(default=UNSET, name="protocolVersion")
    request_id: Any = msgspec.field(default=UNSET, name="requestId")
    input_responses: Any = msgspec.field(default=UNSET, name="inputResponses")
    request_state: Any = msgspec.field(default=UNSET, name="requestState")

    @property
    def version(self) -> Any:
        """The revision that a modern request says it speaks; UNSET where it says nothing."""
        meta = self.meta
        return meta.get(META + "protocolVersion", UNSET) if isinstance(meta, dict) else UNSET

    @property
    def capabilities(self) -> Any:
        """What a modern request says that its client can do."""
        meta = self.meta
        return meta.get(META + "clientCapabilities", UNSET) if isinstance(meta, dict) else UNSET


NO_PARAMS = Params()
_envelope = msgspec.json.Decoder(Envelope).decode
_batch = msgspec.json.Decoder(list[Raw]).decode
_params = msgspec.json.Decoder(Params).decode
_TOO_DEEP = "The message is nested too deeply to be read."


def messages_of(body: bytes) -> list[Raw] | None:
    """The messages of a batch; None where the body is one message alone. Raises: Fault."""
    if body[:1] != b"[" and body.lstrip()[:1] != b"[":
        return None
    try:
        found = _batch(body)
    except RecursionError:
        raise Fault(PARSE_ERROR, _TOO_DEEP) from None
    except ValueError as error:
        raise Fault(PARSE_ERROR, f"The body is not JSON: {error}.") from None
    if not found:
        raise Fault(INVALID_REQUEST, "The batch is empty.")
    return found


def envelope_of(body: bytes | Raw) -> Envelope:
    """One message. Raises: Fault, where it is no JSON or none of JSON-RPC."""
    try:
        message = _envelope(body)
    except msgspec.ValidationError:
        raise Fault(INVALID_REQUEST, "A message is a JSON object.") from None
    except RecursionError:
        raise Fault(PARSE_ERROR, _TOO_DEEP) from None
    except ValueError as error:
        raise Fault(PARSE_ERROR, f"The body is not JSON: {error}.") from None
    if message.jsonrpc != "2.0":
        raise Fault(INVALID_REQUEST, 'A message says "jsonrpc": "2.0".')
    if message.id is not UNSET and not is_id(message.id):
        raise Fault(INVALID_REQUEST, "The id of a request is a text or a whole number.")
    if not isinstance(message.method, str):
        raise Fault(
            INVALID_REQUEST,
            "The message is no request: it has no method. This server asks nothing that could be "
            "answered.",
        )
    if message.result is not UNSET or message.error is not UNSET:
        raise Fault(INVALID_REQUEST, "A request has neither result nor error.")
    return message


def is_id(value: Any) -> bool:
    """Whether a value may be the id of a request."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def params_of(message: Envelope) -> Params:
    """The parameters of a request. Raises: Fault."""
    if message.params is UNSET:
        return NO_PARAMS
    try:
        return _params(message.params)
    except RecursionError:
        raise Fault(INVALID_PARAMS, "params are nested too deeply to be read.") from None
    except msgspec.ValidationError:
        raise Fault(INVALID_REQUEST, "params is a JSON object.") from None
    except ValueError as error:
        raise Fault(PARSE_ERROR, f"The body is not JSON: {error}.") from None


def id_of(body: bytes | Raw) -> Id:
    """The id of a message that may be none, for the answer to it; None where it has none."""
    try:
        found = _envelope(body).id
    except (ValueError, RecursionError):
        return None
    return found if is_id(found) else None


def is_response(body: bytes | Raw) -> bool:
    """Whether a message answers one, which nothing is to be answered to."""
    try:
        found = _envelope(body)
    except (ValueError, RecursionError):
        return False
    return found.method is UNSET and (found.result is not UNSET or found.error is not UNSET)


def result_message(id_: Id, result: bytes) -> bytes:
    """The answer to a request: `result` is JSON."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (msgspec.json.encode(id_), result)


def error_message(id_: Id, fault: Fault) -> bytes:
    """The answer to what cannot be answered. MCP leaves the id out where it is not known."""
    error: dict[str, Any] = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        error["data"] = fault.data
    known = {} if id_ is None else {"id": id_}
    return msgspec.json.encode({"jsonrpc": "2.0", **known, "error": error})
