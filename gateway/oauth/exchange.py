"""The upstream's token endpoint: what it is asked, and what its answer means.

It is asked in the form it wants, once, without following redirects, and its answer is bounded in
size and time. What it says is taken apart and written anew: a token answer keeps the five members
that platforms read, an error keeps its code. So neither an HTML page nor a secret that the
upstream repeats gets out. Source: RFC 6749 sections 4.1.3, 5 and 6.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from gateway.config import types
from gateway.oauth.requests import MAX_BYTES, OAuthError, read_query

# Platforms give up on a call after 45 s (OpenAI's plugin documentation).
SECONDS = 20.0
CONNECT_SECONDS = 8.0  # below the other, so that it is known that nothing was sent
AGENT = "plugin-gateway"
FORM = "application/x-www-form-urlencoded"

# Asks the upstream with the parameters of a grant; gives the members of a token answer.
Exchange = Callable[[Mapping[str, str]], Awaitable[dict[str, str | int]]]

_ANEW = "Begin the sign-in anew."
_AT = "The server at auth.oauth.token_url"
_UNREACHED = f"{_AT} cannot be reached: check the address, its certificate and the network."
_LATE = f"{_AT} took the request and did not answer within {SECONDS:g} seconds."
_CUT = f"{_AT} took the request and closed the connection before its answer was whole."
_LONGEST = 2**31  # seconds, 68 years
_LIKE_FORM = re.compile(rb"(?:[a-z_]+=[^&<]*&)*(?:access_token|error)=")
# What the platform did, or its user: it is told so (RFC 6749 section 5.2).
_PLATFORMS = {"invalid_grant", "invalid_request", "invalid_scope", "unsupported_grant_type"}
# What the operator has to mend; GitHub has its own word for the first.
_OPERATORS = {
    "invalid_client", "unauthorized_client", "incorrect_client_credentials",
    "redirect_uri_mismatch",
}  # fmt: skip


def exchanger(
    settings: types.OAuth | types.ClientCredentials, client: aiohttp.ClientSession
) -> Exchange:
    """Compile how the upstream's token endpoint is asked."""
    url = URL(settings.token_url)
    headers = CIMultiDict(
        {
            "User-Agent": AGENT,
            "Accept": "application/json",  # GitHub answers with a form unless asked
            "Accept-Encoding": "identity",
            "Content-Type": settings.content_type,
        }
    )
    proof = {"client_id": settings.client_id or "", "client_secret": settings.client_secret or ""}
    if settings.client_auth == "basic":
        pair = ":".join(quote(one, safe="") for one in proof.values())
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        proof = {}

    async def exchange(grant: Mapping[str, str]) -> dict[str, str | int]:
        parameters = {**grant, **proof}
        body = (
            urlencode(parameters).encode()
            if settings.content_type == FORM
            else msgspec.json.encode(parameters)
        )
        try:
            async with client.post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
                ),
            ) as response:
                status = response.status
                content_type = response.headers.get("Content-Type", "")
                data = await _read(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            text = "The sign-in server cannot be reached. Send the same request again."
            raise OAuthError(
                "temporarily_unavailable", text, 502, advice=_UNREACHED, unused=True
            ) from None
        # From here on it may have taken the code, and a client uses a code once only.
        except TimeoutError:
            text = f"The sign-in server did not answer within {SECONDS:g} seconds. {_ANEW}"
            raise OAuthError("temporarily_unavailable", text, 504, advice=_LATE) from None
        except (aiohttp.ClientError, OSError):
            text = f"The sign-in server's answer was cut off. {_ANEW}"
            raise OAuthError("temporarily_unavailable", text, 502, advice=_CUT) from None
        return understood(status, content_type, data)

    return exchange


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = b""
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_BYTES:
            raise _strange(f"is larger than {MAX_BYTES:,} bytes")
    return data


def understood(status: int, content_type: str, body: bytes) -> dict[str, str | int]:
    """The members of a token answer, for the platform.

    Raises:
        OAuthError: for the platform, where it is an error or nothing that can be understood.
    """
    if status in (429, 503):
        # It says that it did not look at the request (RFC 9110 section 15.6.4, RFC 6585 section 4).
        text = "The sign-in server is busy. Send the same request again."
        advice = f"{_AT} answered {status}: it is busy, or limits how often it is asked."
        raise OAuthError("temporarily_unavailable", text, 503, advice=advice, unused=True)
    answer = _decoded(content_type, body)
    if status >= 500 or 300 <= status < 400 or answer is None:
        raise _strange(f"has the status {status} and is no token")
    error = answer.get("error")
    if error or status >= 400:  # some say "error": "" or false where there is none
        raise _error(error, status)
    if not _is_token(answer.get("access_token")):
        raise _strange("has no access_token")
    # Servers have words of their own for what is sent as a bearer token; only these are not.
    if str(answer.get("token_type")).lower() in ("mac", "dpop"):
        raise _strange("has a token_type that is not bearer")
    members: dict[str, str | int] = {"access_token": answer["access_token"], "token_type": "bearer"}
    seconds = _seconds(answer.get("expires_in"))
    if seconds is not None:
        members["expires_in"] = seconds
    if _is_token(answer.get("refresh_token")):
        members["refresh_token"] = answer["refresh_token"]
    if isinstance(answer.get("scope"), str):
        members["scope"] = answer["scope"]
    return members


def _decoded(content_type: str, body: bytes) -> dict[str, Any] | None:
    """The members of an answer in JSON or as a form, whatever it calls itself."""
    body = body.removeprefix(codecs.BOM_UTF8).strip()
    try:
        if body.lstrip()[:1] == b"{":
            return msgspec.json.decode(body, type=dict[str, Any])
        if FORM in content_type.lower() or _LIKE_FORM.match(body):
            return dict(read_query(body.decode())[0])
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    return None


def _error(code: Any, status: int) -> OAuthError:
    """The upstream's error, as ours. Its description is left out: it may repeat anything."""
    code = code if isinstance(code, str) else ""  # a mapping, as Facebook writes it
    if code in _OPERATORS:
        text = (
            "The sign-in server refuses the gateway's client_id, client_secret or callback. "
            "The plugin's operator has to mend it."
        )
        advice = (
            f"{_AT} answered {status} {code}: check client_id, client_secret and client_auth, and "
            "that the plugin's /oauth/callback is registered there; a server that chokes on PKCE "
            "needs `pkce: false`."
        )
        return OAuthError("server_error", text, 502, advice=advice)
    if code in _PLATFORMS:
        advice = f"{_AT} answered {status} {code}"
        if code == "invalid_request":
            advice += ": check content_type; a server that chokes on PKCE needs `pkce: false`."
        return OAuthError(code, f"The sign-in server answered {code}. {_ANEW}", advice=advice)
    if code or status in (400, 401, 403):
        # Such as GitHub's bad_verification_code, or no word at all: the login came to nothing.
        advice = (
            f"{_AT} refused a grant with the status {status}, in no word of RFC 6749. If none "
            "succeeds, check client_id, client_secret and content_type, and try `pkce: false`."
        )
        text = f"The sign-in server refused the grant. {_ANEW}"
        return OAuthError("invalid_grant", text, advice=advice)
    return _strange(f"has the status {status} and names no error")


def _strange(what: str) -> OAuthError:
    advice = f"The answer of the server at auth.oauth.token_url {what}: check that address."
    text = f"The answer of the sign-in server {what}. {_ANEW}"
    return OAuthError("server_error", text, 502, advice=advice)


def _is_token(value: Any) -> bool:
    """Whether it can stand in a header (RFC 6749 appendix A.12: printable ASCII)."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def _seconds(value: Any) -> int | None:
    """`expires_in` as a number; some write it as a text."""
    try:
        seconds = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(seconds, 0) if seconds <= _LONGEST else None
