"""An answer on its way out: head and body written at once.

aiohttp prepares a response in half a dozen small steps, since anything may still be changed on
the way (chunks, codings, cookies, hooks). Of an answer everything is known, and the steps cost a
tenth of a stored one. What is unusual still goes aiohttp's way.
"""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11
from multidict import CIMultiDict

from gateway.values import Answer

SERVER = "plugin-gateway"


class Written(web.Response):
    """A response whose body is whole, or empty."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the response."""
        body = self._body
        if (
            not isinstance(body, bytes)
            or not body
            or request.method == hdrs.METH_HEAD
            or request.version != HttpVersion11
            or not request.keep_alive
            or self._keep_alive is False
            or self._eof_sent
        ):
            return await super().prepare(request)
        headers = self._headers
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = rfc822_formatted_time()
        writer = request.writer
        await writer.write_headers(f"HTTP/1.1 {self._status} {self._reason}", headers)
        await writer.write_eof(body)
        self._keep_alive = self._eof_sent = True
        return writer


def written(answer: Answer, prefix: str) -> web.Response:
    """An answer as an HTTP response, for a plugin whose root is at `prefix`."""
    headers = CIMultiDict(answer.headers)
    headers[hdrs.SERVER] = SERVER
    if "Location" in headers:
        headers["Location"] = prefix + headers["Location"]
    return Written(status=answer.status, body=answer.body, headers=headers)
