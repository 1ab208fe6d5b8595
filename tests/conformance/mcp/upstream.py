"""The upstream behind the fixture: it answers what the suite wants to see of a tool."""

from __future__ import annotations

import asyncio
import base64
import struct

from aiohttp import web

TEXT = "This is a simple text response for testing."
ERROR = "This tool intentionally returns an error for testing"
# One red pixel; an eighth of a millisecond of silence; the least PDF.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV = struct.pack(
    "<4sI4s4sIHHIIHH4sIB",
    *(b"RIFF", 37, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 1, 128),
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SLOW = 0.15


def make_app() -> web.Application:
    """The upstream as an application."""
    app = web.Application()
    app.router.add_get("/text", _text)
    app.router.add_get("/error", _error)
    app.router.add_get("/image", _image)
    app.router.add_get("/audio", _audio)
    app.router.add_get("/resource", _resource)
    app.router.add_get("/multiple", _multiple)
    app.router.add_get("/slow", _slow)
    app.router.add_post("/contacts", _echo)
    app.router.add_post("/query", _echo)
    app.router.add_delete("/things/{id}", _removed)
    return app


async def _text(_request: web.Request) -> web.Response:
    return web.Response(text=TEXT)


async def _error(_request: web.Request) -> web.Response:
    return web.json_response({"error": ERROR}, status=422)


async def _image(_request: web.Request) -> web.Response:
    return web.Response(body=PNG, content_type="image/png")


async def _audio(_request: web.Request) -> web.Response:
    return web.Response(body=WAV, content_type="audio/wav")


async def _resource(_request: web.Request) -> web.Response:
    return web.Response(body=PDF, content_type="application/pdf")


async def _multiple(_request: web.Request) -> web.Response:
    parts = (
        b"Content-Type: text/plain\r\n\r\nMultiple content types test:",
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(PNG),
        b'Content-Type: application/json\r\n\r\n{"test": "data", "value": 123}',
    )
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    return web.Response(body=body, headers={"Content-Type": "multipart/mixed; boundary=edge"})


async def _slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(SLOW)
    return web.json_response({"done": True})


async def _echo(request: web.Request) -> web.Response:
    return web.json_response(await request.json())


async def _removed(request: web.Request) -> web.Response:
    return web.json_response({"removed": int(request.match_info["id"])})
