"""Who calls: one function per kind of `auth`; nothing is asked under `auth: none`.

`service` compares what the caller shows with every token, digests in constant time, so that
neither the time nor the length tells how near a guess was. `user` and `oauth` pass on what the
caller shows, and the upstream judges it. Source: RFC 9110 section 11, RFC 7617, RFC 6750.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.config import types
from gateway.errors import Unauthorized
from gateway.pipeline.call import Call, Plan
from gateway.pipeline.passing import lines
from gateway.plugin import Plugin
from gateway.values import Answer, Caller

Check = Callable[[Mapping[str, str]], Caller]


def step(plugin: Plugin, inner: Plan) -> Plan:
    """Let only those in who prove themselves, and have not done so already."""
    check = check_of(plugin)
    if check is None:
        return inner

    def auth(call: Call) -> Awaitable[Answer]:
        if call.caller is None:
            call.caller = check(call.headers)
        return inner(call)

    return auth


def check_of(plugin: Plugin) -> Check | None:
    """What tells from its headers who calls, so that nothing more need be read of who may not;
    None under `auth: none`. It raises Unauthorized."""
    if not isinstance(plugin.config.auth, types.Auth):
        return None
    kind, settings = plugin.config.auth.chosen
    return KINDS[kind](plugin, settings)


def _service(plugin: Plugin, settings: types.ServiceAuth) -> Check:
    digests = [(name, _digest(secret)) for name, secret in settings.tokens.items()]
    refuse = _refuser(plugin, settings.scheme)

    def check(headers: Mapping[str, str]) -> Caller:
        shown = _shown(headers, settings.scheme)
        if shown is None:
            raise refuse("is missing", "")
        if settings.scheme == "basic":
            try:
                shown = base64.b64decode(shown, validate=True).decode()
            except (binascii.Error, ValueError):
                raise refuse("is not base64 of user:password", "") from None
        digest = _digest(shown)
        found = [name for name, known in digests if hmac.compare_digest(known, digest)]
        if not found:
            raise refuse("is not known here", 'error="invalid_token"')
        return Caller(found[0])

    return check


def _user(plugin: Plugin, settings: types.UserAuth) -> Check:
    return _passed_on(plugin, settings.scheme)


def _oauth(plugin: Plugin, settings: types.OAuth) -> Check:  # noqa: ARG001 - the token speaks for itself
    return _passed_on(plugin, "bearer")


def _passed_on(plugin: Plugin, scheme: types.Scheme) -> Check:
    refuse = _refuser(plugin, scheme)

    def check(headers: Mapping[str, str]) -> Caller:
        shown = _shown(headers, scheme)
        if shown is None:
            raise refuse("is missing", "")
        return Caller(_digest(shown).hex(), f"{scheme.title()} {shown}")

    return check


KINDS: dict[str, Callable[[Plugin, Any], Check]] = {
    "service": _service,
    "user": _user,
    "oauth": _oauth,
}


def _shown(headers: Mapping[str, str], scheme: str) -> str | None:
    """What stands behind the scheme in Authorization; None where there is none of it, or where
    there are two: a reader before us may have taken the other one."""
    shown = lines(headers, "Authorization")
    word, _, rest = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    rest = rest.strip(" \t")
    # A space would be a second credential. Bytes that are no text are lost on the way upstream:
    # one credential could be written in many ways, each a caller with a limit of its own.
    known = word.lower() == scheme and rest and " " not in rest and rest.isprintable()
    return rest if known else None


def _refuser(plugin: Plugin, scheme: str) -> Callable[[str, str], Unauthorized]:
    example = (
        "Authorization: Bearer <token>"
        if scheme == "bearer"
        else ("Authorization: Basic <base64 of user:password>")
    )
    challenge = f'{scheme.title()} realm="{plugin.name}"'

    def refuse(what: str, error: str) -> Unauthorized:
        separator = ", " if error and scheme == "bearer" else ""
        value = challenge + (separator + error if separator else "")
        return Unauthorized(
            f"The {scheme} credential of this call {what}. Send the header `{example}`.",
            headers=[("WWW-Authenticate", value)],
        )

    return refuse


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
