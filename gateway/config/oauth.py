"""What `auth: {oauth: …}` must hold to: addresses, the client, where browsers may be sent.

Source: RFC 6749 §3.1 (the login's address: TLS, no fragment), §3.1.2 (redirection), §10.15
(open redirectors).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.config import types
from gateway.config.entries import lacks
from gateway.config.faults import Fault, Path, quoted

_PATH: Path = ("auth", "oauth")
_ADDRESSES = ("client_url", "token_url")
# Of the login's address; the relay writes them.
_RELAYED = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
        "code_challenge_method",
    }
)  # fmt: skip
_VISIBLE = re.compile(r"[!-~]{1,512}")  # printable ASCII, no space
_REDIRECT = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[!-~]*)?")


def check(plugin: types.Plugin, given: Mapping[str, Any]) -> Iterator[Fault]:
    """All faults of a config that have to do with OAuth, beyond that its addresses are URLs.

    `given` is the tree as it was written: `plugin` lacks what of it could not be read, such as a
    secret that is not set.
    """
    settings = _settings(plugin)
    if settings is None:
        return
    for key in _ADDRESSES:
        url = getattr(settings, key)
        if _host(url) and not url.startswith("https://") and not _is_loopback(_host(url)):
            text = "a sign-in goes over https; http only on this machine itself"
            yield Fault((*_PATH, key), text)
        elif "#" in url:
            yield Fault((*_PATH, key), "has a fragment, which no sign-in address may have")
    yield from _client(settings, given["auth"]["oauth"])
    yield from _redirects(settings)


def doubts(plugin: types.Plugin) -> Iterator[Fault]:
    """Addresses that platforms refuse, since they are not on the plugin's domain."""
    settings = _settings(plugin)
    if settings is None or settings.client_id is not None:
        return
    domains = [re.sub(r":\d+$", "", one.lower()).removeprefix("www.") for one in plugin.hosts]
    for key in _ADDRESSES:
        host = _host(getattr(settings, key))
        if not _is_loopback(host) and not any(("." + host).endswith("." + one) for one in domains):
            yield Fault(
                (*_PATH, key),
                f"{quoted(host)} is not known to be on the plugin's domain, and platforms take "
                "no other: give client_id and client_secret, and the gateway relays the sign-in; "
                "or name the domain in `hosts`",
            )


def _settings(plugin: types.Plugin) -> types.OAuth | None:
    return plugin.auth.oauth if isinstance(plugin.auth, types.Auth) else None


def _client(settings: types.OAuth, given: Mapping[str, Any]) -> Iterator[Fault]:
    """Id and secret come together, and the other keys of the relay come with them."""
    for key, other in (("client_id", "client_secret"), ("client_secret", "client_id")):
        value = getattr(settings, key)
        if value is None:
            continue
        if not _VISIBLE.fullmatch(value):
            yield Fault((*_PATH, key), "is one word of printable ASCII, not empty")
        if lacks(given, other, types.OAuth):
            text = f"comes with {other}: the gateway relays the sign-in with both, or not at all"
            yield Fault((*_PATH, key), text)
    if lacks(given, "client_id", types.OAuth):
        for key in ("redirect_uris", "client_auth", "pkce"):
            if getattr(settings, key) is not None:
                text = f"{key!r} acts only where the sign-in is relayed, with client_id"
                yield Fault((*_PATH, key), text, at_key=True)
    if settings.client_id is None:
        return
    query = settings.client_url.partition("?")[2]
    for name in sorted(_RELAYED & {name for name, _ in parse_qsl(query, keep_blank_values=True)}):
        text = f"its query has {name!r}, which the relay writes itself; leave it out there"
        yield Fault((*_PATH, "client_url"), text)


def _redirects(settings: types.OAuth) -> Iterator[Fault]:
    """A listed address is compared as it stands, so it must be one that browsers leave alone."""
    if settings.redirect_uris == []:
        text = "names no address, so nobody could sign in; leave it out for ChatGPT's callbacks"
        yield Fault((*_PATH, "redirect_uris"), text)
    for number, url in enumerate(settings.redirect_uris or ()):
        path = (*_PATH, "redirect_uris", number)
        match = _REDIRECT.fullmatch(url)
        if match is None or re.search(r"[\\#@]", url):
            example = "an address such as https://chatgpt.com/aip/g-abc123/oauth/callback"
            yield Fault(path, f"expected {example}, without fragment and user name")
        elif match[2] != match[2].lower() or re.search(r"/\.{1,2}(/|$)", match[4] or ""):
            text = "browsers write the host in small letters and take `.` and `..` out of paths"
            yield Fault(path, f"can never match: {text}")
        elif match[1] == "http" and not _is_loopback(match[2].strip("[]").lower()):
            yield Fault(path, "a sign-in goes over https; http only on this machine itself")
        elif "*" in url and not re.fullmatch(r"[^*?]*/\*(/[^*]*)?", url):
            yield Fault(path, "`*` stands once, for one whole segment of the path")


def _host(url: str) -> str:
    """The host of a URL, in lower case; "" where it is none, which others tell."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
