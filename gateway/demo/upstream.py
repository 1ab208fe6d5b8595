"""What the embedded upstreams share: how a public JSON API behaves over HTTP.

A handler is a plain function from path and query to an `Answer`; a `ApiError` is its way to
refuse. The door around it asks for the key, counts calls per minute, and adds what caches
live on: a strong ETag, `If-None-Match` answered by 304 (RFC 9110 section 13.1.2), and
Cache-Control. What an error looks like and which headers tell the rate limit is the API's own
and stands in its `Api`.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from aiohttp import web
from multidict import MultiMapping

WINDOW = 60.0  # seconds; both APIs sell calls per minute


class ApiError(Exception):
    """A call that the API refuses, with the status and the words for its error body."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body; `cache_control` is empty where the API says nothing of freshness."""

    body: Any
    cache_control: str = ""


Query = MultiMapping[str]
Handler = Callable[[Mapping[str, str], Query], Answer]


@dataclass(frozen=True, slots=True)
class Api:
    """The manners of one API. `limits` names the rate limit: allowed, left, seconds to reset."""

    routes: Mapping[str, Handler]
    shows_key: Callable[[web.Request], bool]
    error: Callable[[int, str], dict[str, Any]]
    limits: Callable[[int, int, float], dict[str, str]]


@dataclass(slots=True)
class Window:
    """Calls counted in windows of a minute; a window starts with its first call."""

    allowed: int
    start: float = -math.inf
    used: int = 0

    def take(self, now: float) -> tuple[int, float]:
        """Count one call: what is left after it (negative = too many), seconds to the reset."""
        if now - self.start >= WINDOW:
            self.start, self.used = now, 0
        self.used += 1
        return self.allowed - self.used, self.start + WINDOW - now


def app(api: Api, *, per_minute: int) -> web.Application:
    """An aiohttp application that answers as the API does."""
    window = Window(per_minute)
    served = web.Application()

    def routed(handler: Handler) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            return _reply(api, window, handler, request)

        return handle

    for path, handler in {**api.routes, "/{path:.*}": _nowhere}.items():
        served.router.add_route("*", path, routed(handler))
    return served


def _nowhere(_path: Mapping[str, str], _query: Query) -> Answer:
    raise ApiError("There is no such endpoint.", 404)


def _reply(api: Api, window: Window, handler: Handler, request: web.Request) -> web.Response:
    headers: dict[str, str] = {}
    try:
        if not api.shows_key(request):
            raise ApiError("The API key is missing or wrong.", 401)
        if request.method not in {"GET", "HEAD"}:
            headers["Allow"] = "GET, HEAD"
            raise ApiError("Only GET is answered.", 405)
        left, reset = window.take(time.monotonic())
        headers |= api.limits(window.allowed, max(left, 0), reset)
        if left < 0:
            headers["Retry-After"] = str(math.ceil(reset))
            raise ApiError("Too many calls in this minute.", 429)
        answer = handler(request.match_info, request.query)
    except ApiError as error:
        return web.Response(
            status=error.status,
            body=encode(api.error(error.status, error.message)),
            content_type="application/json",
            headers={**headers, "Cache-Control": "no-store"},
        )
    return _validated(request, answer, headers)


def _validated(request: web.Request, answer: Answer, headers: dict[str, str]) -> web.Response:
    body = encode(answer.body)
    tag = hashlib.sha256(body).hexdigest()[:20]
    headers["ETag"] = f'"{tag}"'
    if answer.cache_control:
        headers["Cache-Control"] = answer.cache_control
    if any(known.value in {tag, "*"} for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


def encode(value: Any) -> bytes:
    """JSON as most APIs write it: compact, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


@cache
def sample(name: str) -> Any:
    """One of the bundled files. Shared: nobody changes it in place."""
    return json.loads(resources.files("gateway.demo").joinpath("data", name).read_bytes())


def integer(query: Query, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query, within bounds. Raises: ApiError."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 15:
        raise ApiError(f"{name} must be a whole number.")
    if not low <= int(text) <= high:
        raise ApiError(f"{name} must be from {low} to {high}.")
    return int(text)


@asynccontextmanager
async def listening(
    served: web.Application, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve, by default on a free port of the loopback interface; gives the address, without a
    path. Raises: OSError, where it cannot listen there."""
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
