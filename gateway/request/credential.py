"""How we prove ourselves upstream: one function per kind of credential.

What is shown goes into headers, the query or a cookie; compiled once, applied to every call.
What is a token of a token endpoint is got by `pipeline.token`.
Source: RFC 9110 section 11.6, RFC 6749 section 4.4, RFC 6750, RFC 7617, RFC 6265 section 4.2.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from multidict import CIMultiDict

from gateway.config import types
from gateway.values import Place

Credentials = types.Credential | Sequence[types.Credential] | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What all calls of a plugin show: headers, query parts (encoded), cookies."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    cookie: str = ""
    grant: types.ClientCredentials | None = None  # a token is shown beside, got and renewed
    taken: frozenset[tuple[Place, str]] = frozenset()  # what no argument may set

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

    @property
    def composed(self) -> tuple[str, ...]:
        """Texts that hold a secret in another form than the config's: basic's base64."""
        return tuple(value.partition(" ")[2] or value for _, value in self.headers)

    @property
    def identity(self) -> bytes:
        """The credential as bytes, for a digest that tells credentials apart."""
        grant = self.grant and (self.grant.token_url, self.grant.client_id, self.grant.scope)
        return repr((self.headers, self.query, self.cookie, grant)).encode()


def prove(credential: Credentials) -> Proof:
    """Compile the credentials of an upstream into one proof."""
    proofs = [KINDS[kind](settings) for kind, settings in _chosen(credential)]
    return Proof(
        tuple(pair for proof in proofs for pair in proof.headers),
        "&".join(proof.query for proof in proofs if proof.query),
        "; ".join(proof.cookie for proof in proofs if proof.cookie),
        next((proof.grant for proof in proofs if proof.grant), None),
        frozenset(pair for proof in proofs for pair in proof.taken),
    )


def kinds_of(credential: Credentials) -> tuple[str, ...]:
    """The kinds of an upstream's credentials."""
    return tuple(kind for kind, _ in _chosen(credential))


def _chosen(credential: Credentials) -> list[tuple[str, Any]]:
    if credential is None:
        return []
    several = [credential] if isinstance(credential, types.Credential) else credential
    return [one.chosen for one in several]


def _header(secret: types.NamedSecret) -> Proof:
    return _in_header(secret.name, secret.value)


def _query(secret: types.NamedSecret) -> Proof:
    query = f"{quote(secret.name, safe='')}={quote(secret.value, safe='')}"
    return Proof(query=query, taken=frozenset({("query", secret.name)}))


def _cookie(secret: types.NamedSecret) -> Proof:
    cookie = f"{secret.name}={secret.value}"
    return Proof(cookie=cookie, taken=frozenset({("cookie", secret.name)}))


def _bearer(token: str) -> Proof:
    return _in_header("Authorization", f"Bearer {token}")


def _basic(secret: types.BasicSecret) -> Proof:
    text = f"{secret.username}:{secret.password}".encode()
    return _in_header("Authorization", f"Basic {base64.b64encode(text).decode()}")


def _client_credentials(grant: types.ClientCredentials) -> Proof:
    return Proof(grant=grant, taken=frozenset({("header", "Authorization")}))


def _in_header(name: str, value: str) -> Proof:
    return Proof(headers=((name, value),), taken=frozenset({("header", name)}))


KINDS: dict[str, Callable[[Any], Proof]] = {
    "header": _header,
    "query": _query,
    "cookie": _cookie,
    "bearer": _bearer,
    "basic": _basic,
    "client_credentials": _client_credentials,
}
