"""May a reply be stored, and for how long? RFC 9111 as decisions. Pure; section numbers are its.

What is stored belongs to one credential's partition, so within it we are what a private cache
is to its user; across partitions nothing is shared. Hence section 3.5 (Authorization) asks
nothing more, and `private` is no bar by itself. What a config's `cache` adds is a lifetime
where the upstream names none (section 4.2.2 leaves that to the cache).

`Set-Cookie` changes nothing (section 7.3 of RFC 6265 leaves it to no-store): we send no cookies
of a session, and the header never leaves the gateway. `must-understand` is not acted on, so
`no-store` beside it stays in force, which section 5.2.2.3 allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from gateway.caching.dates import http_date
from gateway.values import Reply, UpstreamRequest

# Section 1.2.2: an age beyond what is representable counts as this.
LONGEST: Final = 2**31
_OWS = " \t"


def is_keepable(request: UpstreamRequest) -> bool:
    """Whether replies to this request may be stored, shared or answered from the store at all.

    GET only; a body has no meaning in a GET (RFC 9110 section 9.3.1) but may change the reply.
    """
    return request.method == "GET" and request.body is None


def freshness(reply: Reply, *, default: float | None, shared_credential: bool) -> float:
    """How long a reply may be kept, in seconds from now on; 0.0: do not keep it.

    Args:
        reply: To a request that is keepable; `received` is the wall clock when it came.
        default: The config's lifetime where the upstream names none; None for none, and 0.0
            where the config forbids storing.
        shared_credential: True where all callers show the same credential upstream (the
            operator's, or none): then `private` does not tell callers apart, and the default
            holds over it. The caller's own credential keeps a private reply only as long as
            the upstream itself says, and only for that caller.
    """
    # 206 is a part, and combining parts is for later (section 3.3). Errors are never kept.
    if default == 0.0 or not 200 <= reply.status < 300 or reply.status == 206:
        return 0.0
    directives = cache_control(reply)
    # Sections 5.2.2.4, 5.2.2.5; with field names behind it no-cache is taken as a whole.
    if "no-store" in directives or "no-cache" in directives or _varies_by_all(reply):
        return 0.0
    lifetime = explicit_lifetime(reply, directives)
    if lifetime is not None:
        return max(0.0, lifetime - initial_age(reply))
    if default is None or ("private" in directives and not shared_credential):
        return 0.0
    # From receipt on: an upstream that says nothing of freshness says nothing with its clock.
    return default


def may_share(reply: Reply) -> bool:
    """Whether callers who asked while a reply was on its way may have it as well (section 4).

    Errors may be: asking a failing upstream once more for each would not mend it.
    """
    return not ("no-store" in cache_control(reply) or _varies_by_all(reply))


def age(reply: Reply, now: float) -> int:
    """The Age of an answer from the store, in whole seconds (sections 4.2.3, 5.1).

    `now` is the wall clock; one that was set back adds nothing. What the reply's own headers say
    was read when it was stored (`Reply.initial_age`): this runs on every hit.
    """
    return min(int(reply.initial_age + max(0.0, now - reply.received)), LONGEST)


def forgotten(request: UpstreamRequest, reply: Reply) -> tuple[str, ...]:
    """The URLs whose stored replies a write has made untrue (section 4.4): most often none.

    Besides the target, what Location and Content-Location name within its origin.
    """
    if (
        request.method in ("GET", "HEAD", "OPTIONS", "TRACE", "QUERY")
        or not 200 <= reply.status < 400
    ):
        return ()
    urls = [request.url]
    for name in ("Location", "Content-Location"):
        value = reply.header(name)
        if value is not None and (url := _within_origin(request.url, value)) is not None:
            urls.append(url)
    return tuple(dict.fromkeys(urls))


def _within_origin(base: str, reference: str) -> str | None:
    try:
        url = urljoin(base, reference.strip(_OWS)).partition("#")[0]
        one, other = urlsplit(base), urlsplit(url)
        same = (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
    except ValueError:  # a hostile Location
        return None
    return url if same else None


# --- lifetimes and ages -----------------------------------------------------------------------


def explicit_lifetime(reply: Reply, directives: Mapping[str, str | None]) -> float | None:
    """What the upstream says (section 4.2.1); None where it says nothing.

    The first that is present decides, even if it cannot be read: that means stale, since
    absence would let the config's lifetime in.
    """
    for name in ("s-maxage", "max-age"):
        if name in directives:
            seconds = _delta(directives[name])
            return 0.0 if seconds is None else float(seconds)
    expires = _values(reply, "expires")
    if not expires:
        return None
    when = http_date(expires[0], reply.received) if len(expires) == 1 else None
    return 0.0 if when is None else max(0.0, when - _date(reply))


def initial_age(reply: Reply) -> float:
    """How old the reply was when it came (section 4.2.3), by its Date or its Age."""
    return max(0.0, reply.received - _date(reply), _age_value(reply))


def _date(reply: Reply) -> float:
    """When the reply was made; without a valid Date, when it came (RFC 9110 section 6.6.1)."""
    dates = _values(reply, "date")
    when = http_date(dates[0], reply.received) if len(dates) == 1 else None
    return reply.received if when is None else when


def _age_value(reply: Reply) -> float:
    """The first member of the first line; anything but digits is ignored (section 5.1)."""
    ages = _values(reply, "age")
    first = ages[0].partition(",")[0].strip(_OWS) if ages else ""
    return float(_digits(first) or 0)


# --- fields -----------------------------------------------------------------------------------


def cache_control(reply: Reply) -> Mapping[str, str | None]:
    """The directives by lower-case name (section 5.2), arguments without quotes.

    Of a directive given twice with different arguments neither can be trusted: its argument
    reads as the empty text, which is no number.
    """
    found: dict[str, str | None] = {}
    for member in _members(", ".join(_values(reply, "cache-control"))):
        name, has_value, value = member.partition("=")
        if name != name.rstrip(_OWS) or value != value.lstrip(_OWS):
            name, value = name.strip(_OWS), ""  # a space beside `=` spoils the argument
        name = name.lower()
        argument = _unquoted(value) if has_value else None
        found[name] = argument if found.get(name, argument) == argument else ""
    return found


def _members(text: str) -> list[str]:
    """Split at commas outside of quoted strings (RFC 9110 section 5.6.1, 5.6.4)."""
    members, start, quoted, skip = [], 0, False, False
    for position, char in enumerate(text):
        if skip:
            skip = False
        elif quoted:
            skip = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == ",":
            members.append(text[start:position])
            start = position + 1
    members.append(text[start:])
    return [stripped for member in members if (stripped := member.strip(_OWS))]


def _unquoted(value: str) -> str:
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    inner, plain, skip = value[1:-1], [], False
    for char in inner:
        if char == "\\" and not skip:
            skip = True
            continue
        plain.append(char)
        skip = False
    return "".join(plain)


def _delta(value: str | None) -> int | None:
    return _digits(value) if value is not None else None


def _digits(text: str) -> int | None:
    """Delta-seconds (section 1.2.2), capped; looked at before `int`, which has a limit itself."""
    if not (text.isascii() and text.isdigit()):
        return None
    significant = text.lstrip("0") or "0"
    return LONGEST if len(significant) > 10 else min(int(significant), LONGEST)


def _values(reply: Reply, name: str) -> list[str]:
    return [value for key, value in reply.headers if key.lower() == name]


def _varies_by_all(reply: Reply) -> bool:
    """`Vary: *`, a member anywhere: the reply matches no other request (section 4.1)."""
    return any(
        member.strip(_OWS) == "*" for value in _values(reply, "vary") for member in value.split(",")
    )
