"""Content codings undone, bounded: a small body may hold a very large one. Pure.

Bounded twice: by the bytes that a body may have, and by how many times its coded size that may
be, since what is coded a hundred times smaller than it is was made to do harm more often than not.
A coded body comes whole (`decode`) or in pieces (`Inflater`); both take the same.
"""

from __future__ import annotations

import zlib

from gateway.errors import ReplyTooLarge, UpstreamFailed

# Apache's DeflateInflateRatioLimit. Deflate makes at most some thousand times as much.
MAX_RATIO = 200
# So much may come of anything: a small answer of one repeated row is no attack.
FREE = 1024 * 1024
# A gzip body may come in several members (RFC 1952 section 2.2); each costs a copy of the rest.
MAX_MEMBERS = 100
PIECE = 64 * 1024  # bytes that are made at once, of a body in pieces
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_ANY, _RAW = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS


def too_large(limit: int) -> ReplyTooLarge:
    """The refusal of a reply beyond its bound."""
    return ReplyTooLarge(
        f"The upstream's reply is larger than {limit:,} bytes. Ask for less: a narrower query, "
        "a smaller page."
    )


def damaged() -> UpstreamFailed:
    """The refusal of what does not decode."""
    return UpstreamFailed("The upstream's compressed reply is damaged.")


def coding_of(content_encoding: str) -> str:
    """The coding that Content-Encoding names; "" for none. Raises: UpstreamFailed."""
    coding = content_encoding.strip().lower()
    if not coding or coding == "identity":
        return ""
    if coding not in _CODINGS:
        raise UpstreamFailed(
            f"The upstream coded its reply as {coding[:40]!r}, which it was not asked to."
        )
    return coding


def takes(accept_encoding: str, coding: str) -> bool:
    """Whether a coding is acceptable: named, and not with a weight of 0 (RFC 9110 12.5.3)."""
    names = ("gzip", "x-gzip") if coding in ("gzip", "x-gzip") else (coding,)
    for member in accept_encoding.lower().split(","):
        name, _, weight = member.partition(";")
        if name.strip() in names:
            return not weight or weight.replace(" ", "").removeprefix("q=").strip("0.") != ""
    return False


def decode(content_encoding: str, data: bytes, limit: int) -> bytes:
    """Undo the coding of a whole body. Raises: ReplyTooLarge, UpstreamFailed."""
    coding = coding_of(content_encoding) if data else ""
    if not coding:
        return data
    try:
        return _inflate(data, _ANY, limit)
    except zlib.error:
        if coding != "deflate":
            raise damaged() from None
    try:
        return _inflate(data, _RAW, limit)  # some send raw deflate (RFC 9110 8.4.1.2)
    except zlib.error:
        raise damaged() from None


def _inflate(data: bytes, bits: int, limit: int) -> bytes:
    decoded, most = b"", min(limit, max(FREE, MAX_RATIO * len(data)))
    for _ in range(MAX_MEMBERS):
        if not data:
            return decoded
        inflater = zlib.decompressobj(bits)
        decoded += inflater.decompress(data, most + 1 - len(decoded))
        if len(decoded) > most:
            raise too_large(limit) if most == limit else _too_dense()
        if not inflater.eof:
            raise zlib.error("cut off")
        data = inflater.unused_data
    raise zlib.error("too many members")


def _too_dense() -> ReplyTooLarge:
    return ReplyTooLarge(
        f"The upstream's reply is more than {MAX_RATIO} times as large as its compressed form, "
        "which is not unpacked. Ask for less: a narrower query, a smaller page."
    )


class Inflater:
    """Undoes the coding of a body that comes in pieces."""

    def __init__(self, coding: str, limit: int) -> None:
        self._coding, self._limit = coding, limit
        self._bits = 0  # not known before the first bytes are seen
        self._inflater = zlib.decompressobj(_ANY)
        self._data, self._is_full = b"", False
        self._coded = self._size = 0
        self._members = 1

    def feed(self, data: bytes) -> None:
        """Take the next piece, once there is nothing left to `take`. It is not empty."""
        if not self._bits:
            is_raw = self._coding == "deflate" and not _has_head(data)
            self._bits = _RAW if is_raw else _ANY
            self._inflater = zlib.decompressobj(self._bits)
        self._data = data
        self._coded += len(data)

    def take(self) -> bytes:
        """The next piece of what was fed; nothing where more is needed.

        Raises:
            ReplyTooLarge: a bound is reached.
            UpstreamFailed: it is damaged.
        """
        try:
            while self._data or self._is_full:
                if self._inflater.eof:
                    self._members += 1
                    if self._members > MAX_MEMBERS:
                        raise damaged()
                    self._inflater = zlib.decompressobj(self._bits)
                piece = self._inflater.decompress(self._data, PIECE)
                is_at_end = self._inflater.eof
                # What fills its piece may have more behind it, though all was read.
                self._is_full = len(piece) == PIECE and not is_at_end
                inflater = self._inflater
                self._data = inflater.unused_data if is_at_end else inflater.unconsumed_tail
                if piece:
                    self._count(len(piece))
                    return piece
        except zlib.error:
            raise damaged() from None
        return b""

    def end(self) -> None:
        """There is no more to feed. Raises: UpstreamFailed, if there should be."""
        if not self._inflater.eof:
            raise damaged()

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise too_large(self._limit)
        if self._size > max(FREE, MAX_RATIO * self._coded):
            raise _too_dense()


def _has_head(data: bytes) -> bool:
    """Whether a body coded as `deflate` begins as zlib says (RFC 1950 section 2.2), or gzip."""
    return data[:2] == b"\x1f\x8b" or (data[0] & 15 == 8 and not int.from_bytes(data[:2]) % 31)
