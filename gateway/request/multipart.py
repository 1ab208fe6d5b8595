"""`multipart/form-data` on the wire: parts written and read, as plain bytes. Pure.

The knowledge that lives only here: how a part begins and ends, how its name stands in a header,
and what a caller's own multipart may hold. Sources: RFC 7578, RFC 2046 §5.1.1; names are escaped
as browsers do (WHATWG HTML, "multipart form data").

Parts are bytes at load and per call already, so they are joined once; aiohttp's writer is a
stream of payload objects and marks each part with a length that RFC 7578 does not know. Reading
is our own, too: aiohttp's reader wants a stream and a loop, the standard library's `email` mends
what is broken, and what one reader mends another reads differently.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from gateway.media import essence
from gateway.request.text import Unwritable

MULTIPART = "multipart/form-data"
# Django and Starlette take 1,000 fields and 100 or 1,000 files; a call has no hundred arguments.
MOST_PARTS = 100
MOST_HEADER = 8 * 1024  # bytes of one part's headers; aiohttp takes 8,190 of each line

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = {'"': "%22", "\r": "%0D", "\n": "%0A"}
_SPECIAL = re.compile(r'["\r\n]')
_BOUNDARY = re.compile(r";[ \t]*boundary[ \t]*=[ \t]*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
_BOUNDARY_TEXT = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]++):(.*+)")
_PARAMETER = re.compile(
    r"[ \t]*;[ \t]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*=[ \t]*"
    r'(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))'
)


# --- written ----------------------------------------------------------------------------------


def part(name: str, data: bytes, media: str = "", filename: str = "") -> bytes:
    """One part, without the boundary around it.

    Args:
        name: The field's; of any characters but control characters.
        data: What it holds.
        media: Its Content-Type, a media type as it stands in a header; "" is text/plain.
        filename: As it is; "" is none, and the part is a field.

    Raises: Unwritable.
    """
    head = f'Content-Disposition: form-data; name="{quoted(name)}"'
    if filename:
        head += f'; filename="{quoted(filename)}"'
    if media:
        if _CONTROL.search(media):
            raise Unwritable("has control characters in its type")
        head += f"\r\nContent-Type: {media}"
    try:
        return head.encode() + b"\r\n\r\n" + data
    except UnicodeEncodeError:
        raise Unwritable("is not valid Unicode text") from None


def quoted(text: str) -> str:
    """A name between quotes, as browsers write it. Raises: Unwritable, for what ends texts.

    Browsers leave a backslash alone; before the last quote it would take that quote with it for
    those who read it as RFC 9110 §5.6.4 does.
    """
    text = _SPECIAL.sub(lambda match: _ESCAPED[match[0]], text)
    if _CONTROL.search(text) or text.endswith("\\"):
        raise Unwritable("has a control character in its name, or a backslash at its end")
    return text


def join(parts: Sequence[bytes]) -> tuple[str, bytes]:
    """The Content-Type, with a boundary that nobody could know, and the body."""
    boundary = secrets.token_hex(16)
    while any(boundary.encode() in one for one in parts):
        boundary = secrets.token_hex(16)
    line = f"--{boundary}".encode()
    pieces = [piece for one in parts for piece in (line, b"\r\n", one, b"\r\n")]
    # With no part there is only the last line. RFC 2046 wants one part at least, but browsers send
    # this for a form without fields, and a form that must be sent may have nothing to say.
    return f"{MULTIPART}; boundary={boundary}", b"".join((*pieces, line, b"--\r\n"))


# --- read -------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One part as it came. `filename` is None where the part is a field; `type` may be ""."""

    name: str
    data: bytes
    type: str = ""
    filename: str | None = None


def read(body: bytes, content_type: str) -> list[Part]:
    """The parts of a whole body. Raises: ValueError, in words for the caller."""
    line = b"\r\n--" + _boundary(content_type)
    pieces = (b"\r\n" + body).split(line, MOST_PARTS + 2)
    if len(pieces) > MOST_PARTS + 2:
        raise ValueError(f"it has more than {MOST_PARTS} parts")
    found: list[Part] = []
    for piece in pieces[1:]:  # before the first line stands nothing for us (RFC 2046 §5.1.1)
        is_last = piece.startswith(b"--")
        rest = piece[2 if is_last else 0 :].lstrip(b" \t")
        if rest[:2] != b"\r\n" and (rest or not is_last):
            raise ValueError("a line begins with the boundary and is none")
        if is_last:
            return found
        found.append(_part(rest[2:], len(found) + 1))
    raise ValueError("it ends without its last boundary")


def _boundary(content_type: str) -> bytes:
    match = _BOUNDARY.search(content_type)
    text = (match[1] or match[2] or "") if match else ""
    if not _BOUNDARY_TEXT.fullmatch(text):
        raise ValueError("its Content-Type names no boundary")
    return text.encode()


def _part(raw: bytes, number: int) -> Part:
    head, blank, data = (b"\r\n" + raw[: MOST_HEADER + 4]).partition(b"\r\n\r\n")
    if not blank:
        raise ValueError(f"the headers of part {number} are longer than {MOST_HEADER} bytes")
    data = raw[len(head) + 2 :]
    try:
        lines = head.decode().split("\r\n")[1:]
    except UnicodeDecodeError:
        raise ValueError(f"the headers of part {number} are not UTF-8") from None
    headers: dict[str, str] = {}
    for one in lines:
        match = _HEADER.fullmatch(one)
        if match is None or _CONTROL.search(one.replace("\t", " ")):
            raise ValueError(f"part {number} has a line among its headers that is none")
        value = match[2].strip(" \t")
        if headers.setdefault(match[1].lower(), value) != value:
            raise ValueError(f"part {number} has two headers {match[1]!r}")
    coding = headers.get("content-transfer-encoding", "binary").lower()
    if coding not in ("7bit", "8bit", "binary"):  # deprecated by RFC 7578 §4.7
        raise ValueError(f"part {number} is coded; send its bytes as they are")
    name, filename = _names(headers.get("content-disposition", ""), number)
    return Part(name, data, headers.get("content-type", ""), filename)


def _names(disposition: str, number: int) -> tuple[str, str | None]:
    """What `form-data; name="…"; filename="…"` says."""
    said: dict[str, str] = {}
    rest = disposition.partition(";")
    at = len(rest[0])
    while at < len(disposition):
        match = _PARAMETER.match(disposition, at)
        if match is None or match[1].lower() in said:
            raise ValueError(f"the Content-Disposition of part {number} cannot be read")
        # Browsers leave a backslash as it is; others write it before quotes and itself.
        text = match[3] if match[2] is None else re.sub(r'\\(["\\])', r"\1", match[2])
        said[match[1].lower()] = text
        at = match.end()
    if essence(disposition) != "form-data" or "name" not in said:
        raise ValueError(f"part {number} has no Content-Disposition: form-data with a name")
    filename = said.get("filename")
    charset, _, coded = said.get("filename*", "").partition("'")
    if charset.lower() == "utf-8":  # not to be used (RFC 7578 §4.2), but some do
        try:
            filename = unquote(coded.partition("'")[2], errors="strict")
        except UnicodeDecodeError:
            raise ValueError(f"the filename of part {number} is not UTF-8") from None
    return said["name"], filename
