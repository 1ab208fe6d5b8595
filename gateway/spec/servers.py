"""Server Objects → absolute base URLs. Pure.

Variables take their defaults; relative addresses are resolved against where the document was
had. An address that no call could be sent to (a placeholder without a value, `ws:`, a user and
password inside) is left out, with a line for the ledger. Source: OpenAPI 3.1 §4.8.5 and
§4.8.6, RFC 3986 §5.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from gateway.errors import shown
from gateway.spec.schema import Note

_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_SERVERS = 100  # looked at; the most seen is 40


def absolute(raw: Any, location: str, note: Note) -> tuple[str, ...]:
    """The base URLs of a list of Server Objects, each once, in its order."""
    if not isinstance(raw, list):
        note(f"servers: {shown(raw)} is no list; it is ignored")
        return ()
    found: dict[str, None] = {}
    for one in raw[:_SERVERS]:
        url = _absolute(one, location, note)
        if url is not None:
            found[url] = None
    return tuple(found)


def _absolute(raw: Any, location: str, note: Note) -> str | None:
    written = raw.get("url") if isinstance(raw, dict) else None
    if not isinstance(written, str):
        note(f"a server without a url is ignored: {shown(raw)}")
        return None
    url = re.sub(r"\{([^{}]*)\}", lambda m: _value(raw, m), written.strip())
    from_url = location.lower().startswith(("https://", "http://"))
    try:
        if from_url:
            url = urljoin(re.sub(r"//[^/?#]*@", "//", location), url)
        elif url.startswith("//"):
            url = "https:" + url
        plain = _plain(url)
    except ValueError:
        plain = ""
    if plain:
        return plain
    if not from_url and url.startswith("/"):
        if url != "/":  # the default of a document without servers says nothing
            note(f"the server {shown(written)} is relative to a file and is ignored")
    else:
        note(f"the server {shown(written)} {_why(url)} and is ignored")
    return None


def _why(url: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", url):
        return "has line breaks or other control characters in it"
    if "@" in re.sub(r"^[^/]*//", "", url).partition("/")[0]:
        return "has a user or password in it, which belong into upstream.credential,"
    return "is no address to send calls to"


def _value(server: dict[str, Any], match: re.Match[str]) -> str:
    """A variable's default; unknown ones stay as they are, and spoil the address."""
    variables = server.get("variables")
    variable = variables.get(match[1]) if isinstance(variables, dict) else None
    default = variable.get("default") if isinstance(variable, dict) else None
    if isinstance(default, bool) or not isinstance(default, str | int | float):
        return match[0]
    return str(default)


def _plain(url: str) -> str:
    """Scheme, host, port and path of a URL; "" where it is none that HTTP calls can go to.

    Raises:
        ValueError: where not even its parts can be told.
    """
    if re.search(r"[\t\r\n]", url):  # `urlsplit` would leave them out
        return ""
    parts = urlsplit(url)
    port = parts.port  # raises where it is none
    host = parts.netloc
    if port is not None:
        host = host.rpartition(":")[0]
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host.rstrip(":")):
        return ""
    if re.search(r"[\x00-\x20\x7f{}<>\\]", parts.path):
        return ""
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
