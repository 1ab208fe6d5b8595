"""What travels through a plan. A call is filled on its way.

`auth` sets the caller, `validate` the upstream request and what was chosen, `cache` how the
reply was had.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.shrinking import Level
from gateway.telemetry.traces import CallSpan
from gateway.values import Answer, Caller, Headers, Reply, UpstreamRequest


class Note:
    """What is noted of a call on its way, for the log, the metrics and the answer's headers.

    Copies of a call share it. `began` is on the steady clock; `upstream` are the seconds that its
    upstream was waited for, `tries` how often it was asked, `received` the bytes of its bodies;
    `route` is the way in: `http`, `call` (by name) or `mcp`; `limited` the limit it came under;
    `meant` is the operation that is called by another one, which only passes calls on;
    `request_id` what a trusted proxy calls the request; `span` its trace, where one is wanted.
    """

    __slots__ = (
        "began",
        "id",
        "meant",
        "received",
        "request_id",
        "route",
        "span",
        "tries",
        "upstream",
    )

    def __init__(self, id: str = "", began: float = 0.0, route: str = "http") -> None:  # noqa: A002
        self.id, self.began, self.route = id, began, route
        self.upstream, self.tries, self.received = 0.0, 0, 0
        self.meant = self.request_id = ""
        self.span: CallSpan | None = None


@dataclass(slots=True)
class Call:
    """Arguments for one operation, and who brings them."""

    arguments: Mapping[str, Any]
    headers: Mapping[str, str]  # the caller's; names in any case
    address: str  # the caller's IP address
    heals: bool = False  # a model wrote the arguments as JSON: `"25"` may mean 25
    whole: bool = True  # the answer is wanted whole; else its body may still be on its way
    shows: bool = False  # an image or a sound can be shown to the model as what it is
    until: float | None = None  # by the loop's clock, where its pages have one time together
    interim: Callable[[int, Headers], None] | None = None  # takes 1xx replies, where they pass
    caller: Caller | None = None  # None under `auth: none`
    request: UpstreamRequest | None = None
    chosen: Level | None = None  # what of the answer the caller wants; None is everything
    age: int | None = None  # seconds the reply was kept; None for one had first-hand
    cache_status: str = ""  # RFC 9211; empty where nothing is ever stored
    note: Note = field(default_factory=Note)


Clock = Callable[[], float]  # seconds
Source = Callable[[Call], Awaitable[Reply]]
Plan = Callable[[Call], Awaitable[Answer]]


def built(call: Call) -> UpstreamRequest:
    """The request of a call that `validate` has passed."""
    if call.request is None:
        raise AssertionError("validate stands before every step that needs the request")
    return call.request
