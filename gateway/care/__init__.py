"""How an upstream is treated: what is asked of it again, when it is left alone, how many at once.

Rules only. Time is an argument, in seconds of any steady clock; whatever waits or sends is
`pipeline.care`'s. An `Upstream` holds the state of one of them, and outlives a reload.
"""

from gateway.care.breaker import CLOSED, Breaker
from gateway.care.bulkhead import Places, patience
from gateway.care.retries import Budget, Repeats, may_wait, pause, repeats, told
from gateway.care.upstream import Upstream, Upstreams

__all__ = [
    "CLOSED",
    "Breaker",
    "Budget",
    "Places",
    "Repeats",
    "Upstream",
    "Upstreams",
    "may_wait",
    "patience",
    "pause",
    "repeats",
    "told",
]
