"""Which headers a config may send, forward and fill in; and credentials that would collide.

Source: RFC 9110 §5.6.2 (token), §5.5 (values) and §7.6.1 (hop-by-hop fields), RFC 6265 §4.1.1
(cookies), RFC 7617 §2 (no colon in a user name).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.config import types
from gateway.config.entries import credentials_of, parameters
from gateway.config.faults import Fault, Path, quoted

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Framing, routing and content codings belong to the client that writes the request.
OURS = frozenset(
    {
        "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive",
        "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "via",
    }
)  # fmt: skip
_PROOFS = {
    "authorization": "to pass the caller's own key on, write auth: {user: {}}",
    "cookie": "cookies pass in neither direction",
}
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def check(plugin: types.Plugin) -> Iterator[Fault]:
    """All faults of a config that have to do with headers, and credentials of any kind."""
    upstream = plugin.upstream
    for name, value in upstream.headers.items():
        path: Path = ("upstream", "headers", name)
        yield from _header(path, name, value)
        if name.lower() in _PROOFS:
            kind = "cookie" if name.lower() == "cookie" else "header"
            text = f"{name} proves who we are: write credential: {{{kind}: {{name: …, value: …}}}}"
            yield Fault(path, text, at_key=True)
    for number, name in enumerate(upstream.forward):
        yield from _callers(("upstream", "forward", number), name)
    for path, entry in parameters(plugin):
        if entry.header is not None:
            yield from _callers((*path, "header"), entry.header)
    if isinstance(plugin.spec, types.SpecSource):
        for name, value in plugin.spec.headers.items():
            yield from _header(("spec", "headers", name), name, value)
    yield from _twice(("upstream", "headers"), upstream.headers)
    yield from _twice(("upstream", "forward"), upstream.forward)
    yield from _credentials(plugin)


def _name(path: Path, name: str, *, at_key: bool) -> Iterator[Fault]:
    if not TOKEN.fullmatch(name):
        yield Fault(path, f"{quoted(name)} is no header's name", at_key)
    elif name.lower() in OURS:
        yield Fault(path, f"{name} is written by the gateway itself; leave it out", at_key)


def _header(path: Path, name: str, value: str) -> Iterator[Fault]:
    yield from _name(path, name, at_key=True)
    if _CONTROL.search(value):
        yield Fault(path, "a header's value holds no line break or control character")


def _callers(path: Path, name: str) -> Iterator[Fault]:
    """A header that is taken from the caller."""
    yield from _name(path, name, at_key=False)
    if name.lower() in _PROOFS:
        yield Fault(path, f"{name} is not taken over: {_PROOFS[name.lower()]}")


def _twice(path: Path, names: list[str] | dict[str, str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name.lower() in seen:
            step = name if isinstance(names, dict) else number
            yield Fault(
                (*path, step), f"{name} is given twice; names of headers know no case", True
            )
        seen.add(name.lower())


# --- credentials ------------------------------------------------------------------------------


def _credentials(plugin: types.Plugin) -> Iterator[Fault]:
    path: Path = ("upstream", "credential")
    if plugin.upstream.credential is None:
        return
    if isinstance(plugin.auth, types.Auth) and plugin.auth.chosen[0] != "service":
        kind = plugin.auth.chosen[0]
        text = f"auth: {kind} passes each caller's own key on; leave one of the two out"
        yield Fault(path, text, at_key=True)
    taken: set[tuple[str, str]] = {("header", name.lower()) for name in plugin.upstream.headers}
    taken |= {("header", name.lower()) for name in plugin.upstream.forward}
    for at, one in credentials_of(plugin):
        kind, settings = one.chosen
        where: Path = (*at, kind)
        yield from _credential(where, kind, settings)
        slot = _slot(kind, settings)
        if slot in taken:
            text = f"the {slot[0]} {slot[1]!r} is set elsewhere, too; one would replace the other"
            yield Fault(where, text, at_key=True)
        taken.add(slot)


# Of a token request; `scope`, id and secret have keys of their own.
_GRANT = frozenset({"grant_type", "client_id", "client_secret", "scope"})


def _slot(kind: str, settings: object) -> tuple[str, str]:
    """What a credential writes: a header, query parameter or cookie, and its name."""
    if not isinstance(settings, types.NamedSecret):
        return "header", "authorization"
    return kind, settings.name.lower() if kind == "header" else settings.name


def _credential(path: Path, kind: str, settings: object) -> Iterator[Fault]:
    if isinstance(settings, types.BasicSecret):
        if ":" in settings.username:
            yield Fault((*path, "username"), "a user name holds no colon")
        for key in ("username", "password"):
            if _CONTROL.search(getattr(settings, key)):
                yield Fault((*path, key), "holds a line break or control character")
    elif isinstance(settings, types.NamedSecret):
        yield from _named(path, kind, settings)
    elif isinstance(settings, types.ClientCredentials):
        for key in ("client_id", "client_secret"):
            text = getattr(settings, key)
            if not text.strip() or _CONTROL.search(text):
                yield Fault((*path, key), "is empty, or holds a line break or control character")
        for name in settings.parameters.keys() & _GRANT:
            yield Fault((*path, "parameters", name), "is written by the gateway", at_key=True)
    elif not isinstance(settings, str) or not re.fullmatch(r"[!-~]+", settings):
        text = "a bearer token is one word of ASCII, not empty"
        if isinstance(settings, str) and settings.lower().startswith("bearer "):
            text += "; leave `Bearer ` out, it is written by the gateway"
        yield Fault(path, text)


def _named(path: Path, kind: str, secret: types.NamedSecret) -> Iterator[Fault]:
    if kind == "header":
        yield from _name((*path, "name"), secret.name, at_key=False)
        if secret.name.lower() == "cookie":
            yield Fault((*path, "name"), "write credential: {cookie: {name: …, value: …}}")
    elif not secret.name or (kind == "cookie" and not TOKEN.fullmatch(secret.name)):
        yield Fault((*path, "name"), f"{quoted(secret.name)} is no {kind}'s name")
    value = secret.value
    if not value.strip():
        yield Fault((*path, "value"), "is empty; the upstream would be asked without a proof")
    elif kind == "cookie" and not _COOKIE.fullmatch(value):
        yield Fault((*path, "value"), "a cookie's value holds no space, comma, semicolon or quote")
    elif _CONTROL.search(value):
        yield Fault((*path, "value"), "holds a line break or control character")
