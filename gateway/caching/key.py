"""What makes two calls the same: the URL, every header that may differ, and whose call it is.

The partition is a keyed digest of the credential that the upstream sees, never the credential:
whoever reads a key learns nothing, and callers with different credentials never meet. The
digest's key is drawn once per process, so a digest says nothing outside of it either.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from gateway.values import Headers

DIGEST_BYTES = 16


class Key(NamedTuple):
    """A key of the store and of calls in flight."""

    url: str
    partition: bytes
    forwarded: tuple[str | None, ...]
    headers: Headers


def cache_key(
    url: str, forwarded: tuple[str | None, ...], partition: bytes, headers: Headers = ()
) -> Key:
    """Key a GET.

    Args:
        url: The upstream URL as sent, without the credential. Order of the query, case of an
            escape and an empty query count: they may count upstream (RFC 9111 section 4).
        forwarded: The caller's value of each header of `upstream.forward`, in that order; None
            where it is absent. All that the upstream could vary by is in here, in `headers`, or
            the same for everyone, so `Vary` needs no second key (section 4.1).
        partition: Of `partition_of`.
        headers: The request's own headers: header and cookie parameters.
    """
    return Key(url, partition, forwarded, headers)


def partition_of(credential: bytes, secret: bytes) -> bytes:
    """The partition of those who show this credential upstream; empty is a credential too.

    `secret` is at most 64 bytes, random per process.
    """
    return hashlib.blake2b(credential, key=secret, digest_size=DIGEST_BYTES).digest()
