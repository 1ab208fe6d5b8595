"""The NBA API beside its own OpenAPI document, as a service has it that one writes a config for.

The document is the one of `configs/specs`, its server relative; it can be had without the key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.demo import configs_dir, nba

DOCUMENT = "/openapi.yaml"
_SERVER = "https://api.balldontlie.io/v1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app() -> web.Application:
    """The API under `/v1`, and what describes it."""
    written = (configs_dir() / "specs" / "balldontlie.yaml").read_text(encoding="utf-8")
    document = written.replace(_SERVER, "/v1")

    @web.middleware
    async def described(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == DOCUMENT:
            return web.Response(text=document, content_type="application/yaml")
        return await handler(request)

    served = nba.make_app()
    served.middlewares.append(described)
    return served
