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
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

import msgspec

MAX_PARAMETERS = 50
# Of a token request; a code or token of some kilobytes is already a large one.
MAX_BYTES = 64 * 1024


class OAuthError(Exception):
    """An error in the words of RFC 6749 sections 4.1.2.1 and 5.2.

    `description` is for people and holds nothing that was sent.
    """

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status


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
            given = msgspec.json.decode(body, type=dict[str, str | int | float | bool | None])
            return {
                name: value for name, value in given.items() if isinstance(value, str) and value
            }
        parameters, twice = read_query(body.decode())
    except (msgspec.DecodeError, ValueError):
        text = "The body is neither a JSON object of texts nor a form."
        raise OAuthError("invalid_request", text) from None
    if twice:
        raise OAuthError("invalid_request", "A parameter is given twice.")
    return parameters


class Client:
    """The one client of a plugin: the platform, which shows the upstream's id and secret."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._known = _digest(client_id, client_secret)

    def check(self, headers: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        """Let only the client go on; compared in constant time.

        Raises:
            OAuthError: invalid_client, or invalid_request where it proves itself in two ways.
        """
        shown = headers.get("Authorization")
        if shown is None:
            pairs = [(parameters.get("client_id", ""), parameters.get("client_secret", ""))]
        elif "client_secret" in parameters:
            text = "Send the client secret in the body or in Authorization, not in both."
            raise OAuthError("invalid_request", text)
        else:
            given, secret = _basic(shown)
            # Section 2.3.1 has both form-encoded first; many clients leave that out.
            pairs = [(given, secret), (unquote_plus(given), unquote_plus(secret))]
            named = parameters.get("client_id")
            if named is not None and all(named != one for one, _ in pairs):
                text = "The client_id in the body is not the one in Authorization."
                raise OAuthError("invalid_request", text)
        digests = [_digest(*pair) for pair in pairs]
        if not any([hmac.compare_digest(self._known, digest) for digest in digests]):  # noqa: C419 - all of them
            text = "The client_id or client_secret is missing or wrong."
            raise OAuthError("invalid_client", text, 401)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, coded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(coded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    if scheme.lower() != "basic":
        decoded = ""
    given, _, secret = decoded.partition(":")
    return given, secret


def _digest(client_id: str, client_secret: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode([client_id, client_secret])).digest()


def answers(challenge: str, verifier: str) -> bool:
    """Whether a verifier is the one of a challenge, by S256 (RFC 7636 section 4.6)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode())
