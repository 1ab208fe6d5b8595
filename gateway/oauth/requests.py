"""What comes to the relay's addresses: parameters, and who asks for a token. Pure.

Parameters are those of RFC 6749: none twice, and an empty one counts as absent (section 3.1).
A platform proves itself with the client's id and secret, in the body or as HTTP Basic
(section 2.3.1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from multidict import MultiMapping

MAX_PARAMETERS = 50
# Of a token request; a code or token of some kilobytes is already a large one.
MAX_BYTES = 64 * 1024
# What a token request says; everything else in it is ignored (RFC 6749 section 3.2).
_MEANT = {
    "grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier",
    "refresh_token", "scope",
}  # fmt: skip


class OAuthError(Exception):
    """An error in the words of RFC 6749 sections 4.1.2.1 and 5.2.

    `description` is for the platform's people, `advice` for the operator's log; neither holds
    anything that was sent. `unused` says that the upstream did not take the grant, so that the
    platform may send it again.
    """

    def __init__(
        self,
        code: str,
        description: str,
        status: int = 400,
        *,
        advice: str = "",
        unused: bool = False,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status
        self.advice = advice
        self.unused = unused


def read_query(text: str) -> tuple[dict[str, str], frozenset[str]]:
    """The parameters of a query or form, and the names that come twice.

    Raises:
        ValueError: too many, or no percent-encoded UTF-8.
    """
    if not text.isascii():
        raise ValueError("characters that no query holds as they are")
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    names = [name for name, _ in pairs]
    twice = frozenset(name for name in names if names.count(name) > 1)
    return {name: value for name, value in pairs if value}, twice


def read_body(body: bytes, content_type: str) -> dict[str, str]:
    """The parameters of a token request, in JSON or as a form, whatever it calls itself.

    Raises:
        OAuthError: invalid_request.
    """
    if len(body) > MAX_BYTES:
        text = f"The request is larger than {MAX_BYTES:,} bytes."
        raise OAuthError("invalid_request", text, 413)
    try:
        if "json" in content_type.lower() or body.lstrip()[:1] == b"{":
            parameters, twice = _read_json(body.decode())
        else:
            parameters, twice = read_query(body.decode())
    except (ValueError, RecursionError):
        text = (
            "The body is neither a JSON object nor a form. Send the parameters as "
            "application/x-www-form-urlencoded."
        )
        raise OAuthError("invalid_request", text) from None
    if twice:
        raise OAuthError("invalid_request", f"Given twice: {_named(twice)}. Send each once.")
    return parameters


def _read_json(text: str) -> tuple[dict[str, str], frozenset[str]]:
    """The same of a JSON object. Members that mean nothing here may hold anything.

    Raises:
        ValueError: it is no JSON object.
        OAuthError: a member that means something is no text.
    """
    # Objects come as tuples of their members, since a dict would keep the last of two in silence.
    members: Any = json.loads(
        text, object_pairs_hook=tuple, parse_int=float, parse_constant=_no_constant
    )
    if not isinstance(members, tuple):
        raise ValueError("no object")
    names = [name for name, _ in members]
    for name, value in members:
        if name in _MEANT and value is not None and not isinstance(value, str):
            raise OAuthError("invalid_request", f"The {name} is not a text.")
    texts = {name: value for name, value in members if isinstance(value, str) and value}
    for one in texts.values():
        one.encode()  # half a surrogate pair is no text, and no digest can be made of it
    return texts, frozenset(name for name in names if names.count(name) > 1)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _named(names: frozenset[str]) -> str:
    """Those that mean something by name; others may be anything, so they are not repeated."""
    return ", ".join(sorted(names & _MEANT)) or "a parameter"


class Client:
    """The one client of a plugin: the platform, which shows the upstream's id and secret."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._known = _digest(client_id, client_secret)

    def check(self, headers: MultiMapping[str], parameters: Mapping[str, str]) -> None:
        """Let only the client go on; compared in constant time.

        Raises:
            OAuthError: invalid_client, or invalid_request where it proves itself in two ways.
        """
        lines = headers.getall("Authorization", [])
        if len(lines) > 1:
            raise OAuthError("invalid_request", "There are two Authorization headers; send one.")
        if not lines:
            pairs = [(parameters.get("client_id", ""), parameters.get("client_secret", ""))]
        elif "client_secret" in parameters:
            text = "Send the client secret in the body or in Authorization, not in both."
            raise OAuthError("invalid_request", text)
        else:
            given, secret = _basic(lines[0])
            # Section 2.3.1 has both form-encoded first; many clients leave that out.
            pairs = [(given, secret), (unquote_plus(given), unquote_plus(secret))]
            named = parameters.get("client_id")
            if named is not None and all(named != one for one, _ in pairs):
                text = "The client_id in the body is not the one in Authorization."
                raise OAuthError("invalid_request", text)
        digests = [_digest(*pair) for pair in pairs]
        if not any([hmac.compare_digest(self._known, digest) for digest in digests]):  # noqa: C419 - all of them
            text = (
                "The client_id or client_secret is missing or wrong. Send those that the plugin's "
                "operator gave, in the body or as HTTP Basic."
            )
            raise OAuthError("invalid_client", text, 401)


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of RFC 7617, both "" where it is anything else."""
    scheme, _, coded = authorization.partition(" ")
    coded = coded.strip(" ")
    try:
        plain = base64.b64decode(coded, validate=True)
        # One text for one pair: Python takes stray bits in the last character, and padding.
        if scheme.lower() != "basic" or base64.b64encode(plain).decode() != coded:
            return "", ""
        given, _, secret = plain.decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return given, secret


def _digest(client_id: str, client_secret: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode([client_id, client_secret])).digest()


def challenge_of(verifier: str) -> str:
    """A verifier's challenge by S256 (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def answers(challenge: str, verifier: str) -> bool:
    """Whether a verifier is the one of a challenge (RFC 7636 section 4.6)."""
    return hmac.compare_digest(challenge_of(verifier), challenge)
