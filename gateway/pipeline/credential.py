"""How we prove ourselves upstream: one function per kind of credential.

What is shown goes into headers, the query or a cookie; compiled once, applied to every call.
Source: RFC 9110 section 11.6, RFC 6750, RFC 7617, RFC 6265 section 4.2.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from multidict import CIMultiDict

from gateway.config import types


@dataclass(frozen=True, slots=True)
class Proof:
    """What all calls of a plugin show: headers, query parts (encoded), cookies."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    cookie: str = ""

    def url(self, url: str) -> str:
        """The URL with the query parts of the credential."""
        if not self.query:
            return url
        return f"{url}{'&' if '?' in url else '?'}{self.query}"

    def apply(self, headers: CIMultiDict[str]) -> None:
        """Put the headers and the cookie of the credential in, over whatever is there."""
        for name, value in self.headers:
            headers[name] = value
        if self.cookie:
            own = headers.get("Cookie")
            headers["Cookie"] = f"{own}; {self.cookie}" if own else self.cookie

    def digest(self, key: bytes) -> bytes:
        """A keyed digest: tells credentials apart without telling them."""
        shown = repr((self.headers, self.query, self.cookie)).encode()
        return hashlib.blake2b(shown, key=key, digest_size=16).digest()


def prove(credential: types.Credential | Sequence[types.Credential] | None) -> Proof:
    """Compile the credentials of an upstream into one proof."""
    if credential is None:
        return Proof()
    kinds = [credential] if isinstance(credential, types.Credential) else credential
    proofs = [KINDS[kind](settings) for kind, settings in (one.chosen for one in kinds)]
    return Proof(
        tuple(pair for proof in proofs for pair in proof.headers),
        "&".join(proof.query for proof in proofs if proof.query),
        "; ".join(proof.cookie for proof in proofs if proof.cookie),
    )


def secrets_of(proof: Proof) -> tuple[str, ...]:
    """Composed texts that hold a secret in another form than the config's: basic's base64."""
    return tuple(value.partition(" ")[2] or value for _, value in proof.headers)


def _header(secret: types.NamedSecret) -> Proof:
    return Proof(headers=((secret.name, secret.value),))


def _query(secret: types.NamedSecret) -> Proof:
    return Proof(query=f"{quote(secret.name, safe='')}={quote(secret.value, safe='')}")


def _cookie(secret: types.NamedSecret) -> Proof:
    return Proof(cookie=f"{secret.name}={secret.value}")


def _bearer(token: str) -> Proof:
    return Proof(headers=(("Authorization", f"Bearer {token}"),))


def _basic(secret: types.BasicSecret) -> Proof:
    text = f"{secret.username}:{secret.password}".encode()
    return Proof(headers=(("Authorization", f"Basic {base64.b64encode(text).decode()}"),))


KINDS: dict[str, Callable[[Any], Proof]] = {
    "header": _header,
    "query": _query,
    "cookie": _cookie,
    "bearer": _bearer,
    "basic": _basic,
}
