"""What makes two calls the same: the URL, every header that may differ, and whose call it is.

The partition is a keyed digest of the credential that the upstream sees, never the credential:
whoever reads a key learns nothing, and callers with different credentials never meet. The
digest's key is drawn once per process, so a digest says nothing outside of it either; where
gateways share a store it is theirs in common, and the store keeps digests of these only, under a
key of its own.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

DIGEST_BYTES = 16


class Address(NamedTuple):
    """Where the replies to a request are stored: all variants of one URL and partition together."""

    plugin: str  # whose share of the room it fills
    url: str  # what invalidation names: the upstream URL as sent, without credentials
    partition: bytes  # of `partition_of`: all that tells callers apart; never empty
    more: str = ""  # what else keys it: headers not left to Vary, a digest of a POST's body


def partition_of(credential: bytes, secret: bytes) -> bytes:
    """The partition of those who show this credential upstream; empty is a credential too.

    `secret` is at most 64 bytes, the same for all who share a store.
    """
    return hashlib.blake2b(credential, key=secret, digest_size=DIGEST_BYTES).digest()
