"""RFC 9111 as pure decisions (`policy`), the store, and identical calls in flight as one.

This release keeps replies to GET in memory, answers with them while they are fresh, and forgets
them after a write. It does not revalidate and never serves what is stale.
"""

from gateway.caching.flights import Flights
from gateway.caching.key import Key, cache_key, partition_of
from gateway.caching.policy import age, forgotten, freshness, initial_age, is_keepable, may_share
from gateway.caching.store import MemoryStore

__all__ = [
    "Flights",
    "Key",
    "MemoryStore",
    "age",
    "cache_key",
    "forgotten",
    "freshness",
    "initial_age",
    "is_keepable",
    "may_share",
    "partition_of",
]
