"""Lines of the log: their fields, as JSON and as text. Pure.

What a caller sent is never in them but by name: of an address the operation's own, with its
`{names}`, of a query the names of arguments, of who calls the name of his token or a digest. What
others wrote (messages with a piece of it) stands on one line, and nothing in it is unseen or moves
a terminal's cursor.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Protocol

import msgspec

from gateway.values import Argument, Caller

# Forms of one operation's address that are remembered: each set of arguments makes one.
MAX_TARGETS = 256
MASKED = "***"
_DIGEST = 8  # bytes: callers are told apart, nobody is found
_HOST_BITS = {4: 8, 6: 80}  # of an address, what is left out: one of 256, one of a site's networks
# A trace is as long as it is deep; what matters is at its end.
MAX_MESSAGE, MAX_TRACE = 4 * 1024, 16 * 1024

LEVELS = ("debug", "info", "warning", "error")


class CallLine(msgspec.Struct, omit_defaults=True, gc=False):
    """One call. What is 0 or "" is left out; so docs/logs.md has the fields."""

    time: str
    level: str
    call_id: str
    plugin: str = ""
    operation: str = ""
    route: str = ""
    method: str = ""
    target: str = ""
    status: int = 0
    outcome: str = ""
    ms: float | None = None
    upstream_ms: float | None = None
    tries: int = 0
    cache: str = ""
    received: int = 0
    sent: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    caller: str = ""
    request_id: str = ""
    trace_id: str = ""


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """Anything else that is said. `exception` is a Python trace, `lost` a number of lines."""

    time: str
    level: str
    message: str
    call_id: str = ""
    logger: str = ""
    exception: str = ""
    lost: int = 0


Line = CallLine | Record


class Stamps:
    """Times as RFC 3339 has them, in UTC, to the millisecond: 0.3 µs each."""

    __slots__ = ("_second", "_written")

    def __init__(self) -> None:
        self._second, self._written = -1, ""

    def __call__(self, now: float) -> str:
        """`now` is in seconds since 1970."""
        second = int(now)
        if second != self._second:
            self._written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._written}.{int((now - second) * 1000):03d}Z"


class Served(Protocol):
    """What is told of an operation."""

    @property
    def plugin(self) -> str:
        """Its plugin's name."""

    @property
    def name(self) -> str:
        """Its own."""

    @property
    def address(self) -> str:
        """Where it is served, with the `{names}` of arguments."""

    @property
    def by_name(self) -> Mapping[str, Argument]:
        """Its arguments."""


# --- what may be said -------------------------------------------------------------------------


def clean(text: str, most: int = MAX_MESSAGE) -> str:
    """A text of somebody else on one line: what is not seen, or breaks a line, is written out."""
    if len(text) > most:
        text = text[: most - 1] + "…"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def clean_trace(text: str) -> str:
    """A Python trace, its lines kept; of a long one the end."""
    if len(text) > MAX_TRACE:
        text = "…" + text[1 - MAX_TRACE :]
    return "\n".join(clean(line) for line in text.splitlines())


class Targets:
    """Addresses of calls as they are logged: of the operation, and names of its arguments."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], str] = {}

    def __call__(self, operation: Served, route: str, names: Iterable[str]) -> str:
        """`names` are those of the arguments that came; those nobody knows are not told."""
        if route != "http":
            return "/mcp" if route == "mcp" else f"/call/{operation.name}"
        key = (operation.address, operation.plugin, operation.name, *names)
        known = self._known.get(key)
        if known is None:
            ours = [operation.by_name[name] for name in key[3:] if name in operation.by_name]
            query = "&".join(f"{one.name}={MASKED}" for one in ours if one.served == "query")
            known = clean(f"{operation.address}?{query}" if query else operation.address)
            if len(ours) == len(key) - 3:
                if len(self._known) >= MAX_TARGETS:
                    self._known.clear()
                self._known[key] = known
        return known


class Callers:
    """Who calls, as it is logged: a token's name; else what tells callers apart and is not them.

    Args:
        key: Of the digests. Whoever does not have it cannot try out whom a digest may be of.
    """

    __slots__ = ("_digest",)

    def __init__(self, key: bytes) -> None:
        def digest(caller: str) -> str:
            data = caller.encode("utf-8", "surrogatepass")
            return hashlib.blake2b(data, digest_size=_DIGEST, key=key[:64]).hexdigest()

        self._digest = lru_cache(maxsize=1024)(digest)

    def __call__(self, caller: Caller | None, address: str) -> str:
        """`token:ada`, `key:9f86d081884c7d65`, or the network that the address is of."""
        if caller is None:
            return network_of(address)
        if caller.credential is None:
            return f"token:{clean(caller.id)}"
        return f"key:{self._digest(caller.id)}"


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """The network of an address, which is nobody's own; the loopback, which is nobody, whole."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_loopback:
        return str(parsed)
    bits = parsed.max_prefixlen - _HOST_BITS[parsed.version]
    return str(ipaddress.ip_network((parsed, bits), strict=False))


# --- how it is written ------------------------------------------------------------------------

_ENCODER = msgspec.json.Encoder()
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_COLOURS = {"debug": "\x1b[2m", "info": "", "warning": "\x1b[33m", "error": "\x1b[31m"}


def as_json(lines: list[Line]) -> bytes:
    """Lines as JSON, one object each."""
    return _ENCODER.encode_lines(lines)


def as_text(lines: list[Line], *, colours: bool = False) -> bytes:
    """Lines for a person at a terminal."""
    texts = [
        _call_text(line, colours) if isinstance(line, CallLine) else _record_text(line, colours)
        for line in lines
    ]
    return "".join(texts).encode("utf-8", "backslashreplace")


def _call_text(line: CallLine, colours: bool) -> str:
    dim, bold, colour, plain = _inks(line.level, colours)
    name = f"{line.plugin}.{line.operation}" if line.operation else line.plugin or "-"
    status = str(line.status) if line.outcome in ("", "ok") else f"{line.status} {line.outcome}"
    parts = [] if line.ms is None else [f"{line.ms:.1f} ms"]
    if line.cache:
        parts.append(line.cache)
    if line.tries:
        tries = f", {line.tries} tries" if line.tries > 1 else ""
        parts.append(f"upstream {line.upstream_ms or 0:.1f} ms{tries}")
    if line.tokens_before or line.tokens_after:
        parts.append(f"{line.tokens_before} → {line.tokens_after} tokens")
    parts.append(f"{line.sent} bytes")
    asked = f"{line.method} {line.target}".strip()
    tail = "  ".join(part for part in (asked, line.caller, line.call_id) if part)
    return (
        f"{dim}{_when(line, colours)}{plain} {colour}{line.level.upper():<7}{plain} "
        f"{bold}{name}{plain} {colour}{status}{plain} {' · '.join(parts)}  {dim}{tail}{plain}\n"
    )


def _record_text(line: Record, colours: bool) -> str:
    dim, _, colour, plain = _inks(line.level, colours)
    of = f"  {dim}{line.call_id}{plain}" if line.call_id else ""
    whence = f"{line.logger}: " if line.logger else ""
    text = (
        f"{dim}{_when(line, colours)}{plain} {colour}{line.level.upper():<7}{plain} "
        f"{whence}{line.message}{of}\n"
    )
    # Set in, so that no line of a trace looks like one of the log.
    return text + "".join(f"    | {one}\n" for one in line.exception.splitlines())


def _when(line: Line, colours: bool) -> str:
    """A person at a terminal knows the day."""
    return line.time[11:23] if colours else line.time


def _inks(level: str, colours: bool) -> tuple[str, str, str, str]:
    return (_DIM, _BOLD, _COLOURS.get(level, ""), _PLAIN) if colours else ("", "", "", "")
