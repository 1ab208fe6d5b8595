"""A mail service whose requests are nested as such APIs like them: message, body, content.

POST /v1/messages/send queues a message, GET /v1/outbox shows what was queued. Nothing is ever sent
to anybody. The key is a bearer token.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from aiohttp import web

PORT = 5008
KEY = "demo-mail-key"
MAX_MESSAGES = 1000

OUTBOX = web.AppKey("outbox", list[dict[str, Any]])


async def send(request: web.Request) -> web.Response:
    """Queue a message."""
    try:
        body = json.loads(await request.read())
        message = body["message"]
        sender, to = message["from"], message["to"]
        whole = message["subject"], message["body"]["type"], message["body"]["content"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return _error(422, "message, from, to, subject, body.type and body.content are needed")
    if not all(isinstance(one, str) for one in (sender, *whole)) or not isinstance(to, list):
        return _error(422, "a part of the message is of the wrong type")
    wrong = [one for one in to if not isinstance(one, str) or "@" not in one[1:-1]]
    if wrong or not to:
        return _error(422, f"to: not an e-mail address: {str(wrong[:1])[:100]}")
    unknown = [one for one in to if one.startswith("nobody@")]
    if unknown:
        return _error(422, f"to: there is no {str(unknown[:1])[:100]}")
    outbox = request.app[OUTBOX]
    if len(outbox) >= MAX_MESSAGES:
        return _error(503, "the outbox is full")
    outbox.append(body)
    return web.json_response({"id": f"m-{len(outbox)}", "status": "queued"}, status=202)


async def outbox(request: web.Request) -> web.Response:
    """All that was queued."""
    return web.json_response({"messages": request.app[OUTBOX]})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"status": status, "message": message}}, status=status)


@web.middleware
async def keyed(request: web.Request, handler: Any) -> web.StreamResponse:
    """Ask for the bearer token."""
    if request.headers.get("Authorization") != f"Bearer {KEY}":
        return _error(401, "the token is missing or wrong")
    response: web.StreamResponse = await handler(request)
    return response


def make_app() -> web.Application:
    """The service, with an empty outbox."""
    app = web.Application(middlewares=[keyed], client_max_size=256 * 1024)
    app[OUTBOX] = []
    app.router.add_post("/v1/messages/send", send)
    app.router.add_get("/v1/outbox", outbox)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
