"""MCP, the Model Context Protocol: a plugin's operations as tools.

`wire` reads and writes messages, `endpoint` writes what an address lists when its plugins load,
`server` decides what a request asks for, `known` remembers what was asked before, `headers`,
`asking` and `confirming` are some of the protocol's rules, `results` makes an answer a result. All
of it is pure; who opens sockets or pipes hands in `Exchange.run`, which makes the call.
"""

from __future__ import annotations

from gateway.config import types
from gateway.errors import Refusal
from gateway.faces.mcp.confirming import Confirmations, key_of
from gateway.faces.mcp.endpoint import Endpoint, Served, of_plugin, of_several, sent_twice
from gateway.faces.mcp.known import Asked, Known
from gateway.faces.mcp.server import Exchange, Sent, answer
from gateway.faces.mcp.wire import Fault, error_message, id_of
from gateway.plugin import Plugin

__all__ = [
    "WHY_NOT",
    "Asked",
    "Confirmations",
    "Endpoint",
    "Exchange",
    "Known",
    "Sent",
    "Served",
    "answer",
    "key_of",
    "may_serve",
    "of_plugin",
    "of_several",
    "sent_twice",
    "told",
]

WHY_NOT = (
    "The plugin {} is not served over MCP here: its callers bring the upstream's own credential, "
    "and MCP forbids passing a token on (2026-07-28, Authorization). `gateway mcp` serves it over "
    "stdio, with the key in the environment; its HTTP addresses are in openapi.yaml."
)


def may_serve(plugin: Plugin) -> bool:
    """Whether a plugin may be served over MCP by HTTP: not where a caller's token is passed on."""
    auth = plugin.config.auth
    return not isinstance(auth, types.Auth) or auth.service is not None


def told(body: bytes, refusal: Refusal) -> bytes:
    """A refusal as the answer to a request whose HTTP status has been sent already."""
    return error_message(id_of(body), Fault(refusal.status, refusal.detail, refusal.fields()))
