"""A case: what a caller sends to a gateway under one config, and all that the upstream may see.

A case is data. `worlds.py` has the configs, `cases/` the tables, `running.py` runs them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.attacks.recorder import Reply

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class World:
    """A gateway: its configs, and what every request of it carries upstream.

    `@URL@` is where the upstream is and `@CANARY@` where a server is that nobody may ask.
    """

    name: str
    configs: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    shown: Pairs = ()  # the credential and what else is always sent
    fresh: bool = False  # a gateway of its own for every case: what is stored or counted matters
    served: Mapping[str, Reply] = field(default_factory=dict)  # specs, by target, at the upstream
    links: Mapping[str, str] = field(default_factory=dict)  # symbolic links, and where they lead
    resolves: Mapping[str, str] = field(default_factory=dict)  # names, and what a resolver says
    mistake: str = ""  # loading stops with these words


@dataclass(frozen=True)
class Sent:
    """One request upstream, all of it; headers beside those that every request has."""

    method: str
    target: str
    body: bytes | None = None
    type: str = "application/json"
    headers: Pairs = ()
    shown: Pairs | None = None  # instead of the world's
    parts: tuple[tuple[str, str | None, bytes], ...] | None = None  # of a multipart body


@dataclass(frozen=True, eq=False)
class Case:
    """What is sent, one item a connection; `seen` is everything that may reach the upstream."""

    name: str
    holds: str
    world: World
    sends: tuple[bytes, ...]
    seen: tuple[Sent, ...] = ()
    status: tuple[int, ...] = ()  # of each answer; (400,) stands for all of them
    says: Mapping[str, Reply] = field(default_factory=dict)  # by target, "" for any
    has: tuple[str, ...] = ()  # what stands in the answers, one for each; "" for anything
    never: tuple[str, ...] = ()  # what stands in none of them
    allows: tuple[str, ...] = ()  # names of answers' headers beside the usual ones
    cuts: bool = False  # a hang-up is an answer, too
    asks: tuple[str, str] = (
        "",
        "",
    )  # instead: what an operator wrote, and an address to connect to


def raw(
    method: str,
    target: str,
    *headers: str,
    body: bytes | str = b"",
    host: str | None = "127.0.0.1",
    version: str = "1.1",
    last: bool = True,
) -> bytes:
    """A request, byte by byte; `last` closes the connection behind it."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} HTTP/{version}"]
    lines += [f"Host: {host}"] if host is not None else []
    lines += headers
    lines += ["Connection: close"] if last else []
    if data and not any(one.lower().startswith(("content-length", "transfer")) for one in headers):
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + data


def get(target: str, *headers: str, **more: Any) -> bytes:
    """A GET."""
    return raw("GET", target, *headers, **more)


def named(operation: str, arguments: Any, *headers: str, at: str = "") -> bytes:
    """A call by name; text is JSON already."""
    body = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return raw(
        "POST", f"{at}/call/{operation}", "Content-Type: application/json", *headers, body=body
    )


def post(target: str, body: bytes | str, kind: str = "application/json", *headers: str) -> bytes:
    """A POST with a body of a type."""
    return raw("POST", target, f"Content-Type: {kind}", *headers, body=body)


def seen(target: str, **more: Any) -> tuple[Sent, ...]:
    """Exactly one GET upstream."""
    return (Sent("GET", "/v1" + target, **more),)


def wrote(
    target: str, body: Any, kind: str = "application/json", method: str = "POST", **more: Any
) -> tuple[Sent, ...]:
    """Exactly one request with a body upstream; what is no bytes is JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return (Sent(method, "/v1" + target, data, kind, **more),)
