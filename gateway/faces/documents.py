"""What a face serves: bytes with their ETag and gzip, made cheaply for any base URL.

A document holds absolute addresses, and those may come from the request's Host header, which
anybody can vary. So the text is written, hashed and compressed once, with `BASE` standing
where the base URL goes; a new base URL then costs a join and a checksum, and only the last
few are kept. The compressed pieces end on a byte (zlib's sync flush), so that the base URL
can stand between them as a stored block: still one ordinary gzip member (RFC 1951 §3.2.4,
RFC 1952 §2.3).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

# Takes the plugin's base URL (no slash at its end) and the `version` asked for, of tools
# the API that they are `for`; "" for none.
Maker = Callable[[str, str], "Document"]

# Stands for the base URL until it is known. Random, so that no spec can hold it; the braces
# make every writer of YAML quote it.
BASE = "{" + secrets.token_hex(16) + "}"

# Platforms read manifest and spec again on each request (they send If-None-Match): a minute
# spares the gateway and still shows a reload soon. Logo and legal page hardly ever change.
SOON = "public, max-age=60"
RARELY = "public, max-age=3600"

_KEPT_BASES = 8  # the public URL, a few hosts; a flood of made-up hosts displaces, never adds
_LARGEST_STORED_BLOCK = 0xFFFF
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no time, OS unknown


@dataclass(frozen=True, slots=True)
class Document:
    """One document as it is served. `etag` is strong and stands in its quotes.

    `gzipped` is empty where compressing gains nothing; `headers` are further ones.
    """

    content_type: str
    body: bytes
    etag: str
    gzipped: bytes
    cache_control: str
    headers: Mapping[str, str] = field(default_factory=dict)


def in_json(text: str) -> str:
    """Write a text as it stands inside a JSON string."""
    return json.dumps(text)[1:-1]


def template(
    text: str, content_type: str, cache_control: str = SOON, escape: Callable[[str], str] = in_json
) -> Maker:
    """Make the maker of a text in which `BASE` stands for the base URL.

    `escape` writes the base URL as the text's language wants it.
    """
    parts = [part.encode("utf-8", "replace") for part in text.split(BASE)]
    last = len(parts) - 1
    deflated = [_deflate(part, last=index == last) for index, part in enumerate(parts)]
    digest = hashlib.sha256(b"\x00".join([content_type.encode(), *parts])).digest()

    @lru_cache(maxsize=_KEPT_BASES)
    def fill(base_url: str) -> Document:
        base = escape(base_url).encode("utf-8", "replace")
        body = base.join(parts)
        gzipped = _GZIP_HEADER + _stored(base).join(deflated) + _trailer(body)
        etag = hashlib.sha256(digest + base).hexdigest()[:32]
        return Document(content_type, body, f'"{etag}"', gzipped, cache_control)

    return lambda base_url, _version: fill(base_url)


def document(
    body: bytes,
    content_type: str,
    cache_control: str = RARELY,
    headers: Mapping[str, str] | None = None,
) -> Document:
    """Make a document that is the same at every base URL."""
    gzipped = _GZIP_HEADER + _deflate(body, last=True) + _trailer(body)
    etag = hashlib.sha256(content_type.encode() + b"\x00" + body).hexdigest()[:32]
    return Document(
        content_type,
        body,
        f'"{etag}"',
        gzipped if len(gzipped) < len(body) else b"",
        cache_control,
        headers or {},
    )


def fixed(one: Document) -> Maker:
    """Make the maker of a document that is the same at every base URL."""
    return lambda _base_url, _version: one


def _trailer(body: bytes) -> bytes:
    return struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)


def _deflate(part: bytes, *, last: bool) -> bytes:
    """Compress a piece that refers to no other piece and ends on a byte."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(part) + compressor.flush(
        zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
    )


def _stored(data: bytes) -> bytes:
    """Write data as deflate blocks that are not compressed."""
    blocks = (
        data[start : start + _LARGEST_STORED_BLOCK]
        for start in range(0, len(data), _LARGEST_STORED_BLOCK)
    )
    return b"".join(
        struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )
