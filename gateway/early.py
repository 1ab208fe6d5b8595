"""What may be said of a request before it is parsed: where it ends, if it has the plainest form.

A refusal must cost far less than a call, and parsing is a good part of a call. Only what every
reader must take alike is read here: one head, complete, with no or one Content-Length (RFC 9112
section 6). Of all else nothing is said, and it is parsed.
"""

from __future__ import annotations

from collections.abc import Container

from gateway.errors import Overloaded

# A head beyond is refused for that, and a body of a usual call is smaller.
MAX_HEAD, MAX_BODY = 16 * 1024, 256 * 1024
MAX_ASKING = 512  # bytes in which a question of health says what it is
BLANK = b"\r\n\r\n"
# OPTIONS is asked by browsers, who understand only what is allowed to their page.
_METHODS = (b"GET /", b"POST /", b"HEAD /", b"PUT /", b"DELETE /", b"PATCH /")
_VERSION = b" HTTP/1.1"
_LENGTH = b"content-length"
# Wherever they stand: another framing, another protocol, a caller who waits for a word, or whose
# page may read only what says so.
_ODD = (b"transfer-encoding", b"\r\nexpect:", b"\r\nupgrade:", b"\r\norigin:")
_CONNECTION, _KEPT = b"\r\nconnection:", b"\r\nconnection: keep-alive\r\n"
ALIVE = "/healthz"
_HEALTH = (ALIVE, "/readyz")
_DETAIL = (
    "More calls come than the gateway can answer in time, so some are refused at once. Try again "
    "in {} s."
)


def missing(data: bytes) -> int | None:
    """How many bytes of a request are still to come, where `data` is all of it so far.

    Returns:
        0 for a whole request, more where its body is not all there; None where the head is not
        complete, anything is unusual, or there is more than one request.
    """
    end = data.find(BLANK)
    if not 0 < end < MAX_HEAD or not data.startswith(_METHODS):
        return None
    line = data.find(b"\r\n")
    if not data.endswith(_VERSION, 0, line):
        return None
    head = data[line : end + 2].lower()
    for word in _ODD:
        if word in head:
            return None
    if head.count(b"\n") != head.count(b"\r\n") or (_CONNECTION in head and _KEPT not in head):
        return None
    length = 0
    at = head.find(_LENGTH)
    if at >= 0:
        stop = head.find(b"\r", at)
        name, _, digits = head[at - 2 : stop].partition(b":")
        digits = digits.strip(b" \t")
        if name != b"\r\n" + _LENGTH or not digits.isdigit() or _LENGTH in head[stop:]:
            return None
        length = int(digits) if len(digits) < 9 else MAX_BODY + 1
        if length > MAX_BODY:
            return None
    left = end + len(BLANK) + length - len(data)
    return left if left >= 0 else None


def target_of(data: bytes) -> str:
    """What the request that begins here asks for, path and query; "" where nothing says so."""
    words = data[: data.find(b"\r\n")].split(b" ", 2)
    return words[1].decode("latin-1") if len(words) == 3 else ""  # and the version


def may_ask_health(data: bytes) -> bool:
    """Whether `asks_health` is worth asking: a small part of its time."""
    begin = data[:MAX_ASKING]
    return b"/healthz" in begin or b"/readyz" in begin


def asks_health(target: str, names: Container[str]) -> bool:
    """Whether a target is one at which the gateway says how it is: at its root, or at that of a
    plugin, by their names."""
    path = target.partition("?")[0]
    if not path.endswith(_HEALTH):
        return False
    plugin = path[1:].partition("/")[0]
    return path in _HEALTH or (plugin in names and path.count("/") == 2)


def overloaded(seconds: int) -> Overloaded:
    """The refusal of a call that does not fit, to come back after some seconds."""
    return Overloaded(_DETAIL.format(seconds), retry_after=seconds)
