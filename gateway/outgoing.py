"""What the gateway says itself, as HTTP responses: documents, refusals, facts."""

from __future__ import annotations

import msgspec
from aiohttp import web
from multidict import istr

from gateway.errors import MethodNotAllowed, Refusal
from gateway.faces import Document
from gateway.pipeline.coding import takes
from gateway.response import SERVER, Written
from gateway.telemetry.ids import HEADER

CALL_ID = istr(HEADER)
NOSNIFF = {"X-Content-Type-Options": "nosniff"}


def delivered(request: web.BaseRequest, document: Document) -> Written:
    """A document, or 304 where the reader has it (RFC 9110 section 13.1.2)."""
    only_get(request)
    gzip = bool(document.gzipped) and takes(request.headers.get("Accept-Encoding", ""), "gzip")
    etag = document.etag[:-1] + '-gz"' if gzip else document.etag
    headers = {
        "ETag": etag,
        "Cache-Control": document.cache_control,
        "Vary": "Accept-Encoding",
        "Server": SERVER,
        **NOSNIFF,
        **document.headers,
    }
    known = request.headers.get("If-None-Match", "")
    if known and (known.strip() == "*" or etag in known):
        return Written(status=304, headers=headers)
    headers["Content-Type"] = document.content_type
    if gzip:
        headers["Content-Encoding"] = "gzip"
    return Written(body=document.gzipped if gzip else document.body, headers=headers)


def only_get(request: web.BaseRequest) -> None:
    """Refuse all that is no read. Raises: MethodNotAllowed."""
    if request.method not in ("GET", "HEAD"):
        text = f"{request.method} is not served at this address, only GET."
        raise MethodNotAllowed(text, headers=[("Allow", "GET, HEAD")])


def problem(refusal: Refusal) -> web.Response:
    """A refusal as problem+json."""
    fields = refusal.fields()
    headers = {"Content-Type": "application/problem+json", "Server": SERVER, **NOSNIFF}
    if "retry_after" in fields:
        headers["Retry-After"] = str(fields["retry_after"])
    if refusal.call_id:
        headers[CALL_ID] = refusal.call_id
    headers.update(refusal.headers)
    return web.Response(status=refusal.status, body=msgspec.json.encode(fields), headers=headers)


def as_json(value: object, status: int = 200) -> web.Response:
    """A fact of the gateway's own as JSON, which nobody keeps."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **NOSNIFF}
    headers["Server"] = SERVER
    return web.Response(status=status, body=msgspec.json.encode(value), headers=headers)
