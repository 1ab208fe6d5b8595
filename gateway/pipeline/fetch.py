"""The one step that talks to the upstream.

Goes out: the operation's request, the config's headers, of the caller's headers only those to
forward, the credential, Via (RFC 9110 section 7.6.3). Comes back: status, headers and the whole
body, decoded from its content coding, bounded both before and after, the plugin's own secrets
masked. No cookies are kept, no redirect leaves the upstream's origin, and nothing that writes is
ever sent twice (`exchange`).
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.config.types import SAFE
from gateway.errors import RedirectRefused, UpstreamFailed, UpstreamTimeout
from gateway.pipeline.call import Call, Clock, Source, built
from gateway.pipeline.exchange import Exchange, host_of, too_large
from gateway.pipeline.mask import Mask
from gateway.pipeline.token import Tokens
from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.servers import origin
from gateway.values import Reply, UpstreamRequest

# A trailing slash, a canonical name, a versioned path: more hops than that are a loop.
MAX_REDIRECTS = 3
# A gzip body may come in several members (RFC 1952 section 2.2); each costs a copy of the rest.
MAX_MEMBERS = 100
# A body beyond this is searched in a thread, so that other calls go on: some 100 µs of work.
_THREAD = 128 * 1024
_THREAD_CODED = 4 * 1024  # deflate makes at most a thousand times as much of it
_SCHEME = len("https://")  # a path begins behind it, for http as well: no host is empty
_PLAIN_URL = re.compile(r"[!-~]{1,8192}")
_READ_METHODS = ("GET", "HEAD")
# A write that was cut off is not to be sent again by whoever is told to try again.
_UNSURE = "It may have been carried out all the same: look before you try again."
_CODINGS = {"gzip", "x-gzip", "deflate"}
AGENT = "plugin-gateway"

Compose = Callable[[Call, UpstreamRequest], tuple[str, CIMultiDict[str]]]


def step(
    operation: Operation,
    plugin: Plugin,
    client: aiohttp.ClientSession,
    proof: Proof,
    mask: Mask,
    wall: Clock,
    tokens: Tokens | None = None,
) -> Source:
    """Send the request, read the reply."""
    exchange = Exchange(client, plugin.base)
    compose = composer(operation, plugin, proof)
    seconds, limit = operation.timeout, operation.max_bytes
    reads = operation.spec.method in SAFE

    async def fetch(call: Call) -> Reply:
        request = built(call)
        url, headers = compose(call, request)
        method, body = request.method, request.body
        token, was_refused = "", False
        try:
            async with asyncio.timeout(seconds):  # for the call, however many hops it takes
                if tokens is not None:
                    token = await tokens.get()
                    headers["Authorization"] = f"Bearer {token}"
                for _ in range(MAX_REDIRECTS + 1):
                    target = url[url.index("/", _SCHEME) :]
                    status, got, data = await exchange(method, target, headers, body, limit)
                    if status == 401 and tokens is not None and not was_refused:
                        # It ended early, or was taken back; what was refused was not carried out.
                        was_refused = True
                        tokens.forget(token)
                        headers["Authorization"] = f"Bearer {await tokens.get()}"
                        continue
                    if not 300 <= status < 400 or status == 304:
                        break
                    url, method, body = _redirect(status, got, url, method, body)
                    url = url if proof.query in url else proof.url(url)
                    headers.pop("Content-Length", None)  # of a body that may not go on
                else:
                    raise RedirectRefused(
                        f"The upstream redirected more than {MAX_REDIRECTS} times."
                    )
            if not 200 <= status < 600:
                raise UpstreamFailed(f"The upstream answered with the status {status}.")
            coding = ", ".join(got.getall("Content-Encoding", ()))
            if len(data) > (_THREAD_CODED if coding else _THREAD):
                data = await asyncio.to_thread(_plain, coding, data, limit, mask)
            else:
                data = _plain(coding, data, limit, mask)
            return Reply(status, mask.headers(tuple(got.items())), data, wall())
        except TimeoutError:
            raise UpstreamTimeout(
                f"The upstream did not answer within {seconds:g} seconds. "
                + ("Ask for less, or try again later." if reads else _UNSURE)
            ) from None
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            # The cause is for the operator at a terminal (`gateway call`), never for a caller.
            raise UpstreamFailed(_failure(error, "Try again." if reads else _UNSURE)) from error

    return fetch


# --- out --------------------------------------------------------------------------------------


def composer(operation: Operation, plugin: Plugin, proof: Proof) -> Compose:
    """Compile how a request is completed: what is sent beside what the operation built."""
    upstream = plugin.config.upstream
    forward = tuple(upstream.forward)
    base = CIMultiDict(
        {
            "Host": host_of(plugin.base),
            "User-Agent": AGENT,
            "Accept": f"{operation.spec.reply.content_type or 'application/json'}, */*;q=0.1",
            "Accept-Encoding": "gzip, deflate",
            **upstream.headers,
            "Via": f"1.1 {AGENT}",
        }
    )

    def compose(call: Call, request: UpstreamRequest) -> tuple[str, CIMultiDict[str]]:
        headers = base.copy()
        for name in forward:
            value = call.headers.get(name)
            if value is not None:
                headers[name] = value
        for name, value in request.headers:
            headers[name] = value
        if call.caller is not None and call.caller.credential is not None:
            headers["Authorization"] = call.caller.credential
        proof.apply(headers)
        return proof.url(request.url), headers

    return compose


def _redirect(
    status: int, headers: CIMultiDictProxy[str], url: str, method: str, body: bytes | None
) -> tuple[str, str, bytes | None]:
    """Where to go on: within the origin, and never a repeated write.

    RFC 9110 section 15.4: 303 means GET; 307 and 308 keep the method, and what was redirected
    was not carried out; 301 and 302 are followed for reads only, since what they mean for a
    write differs between servers.
    """
    location = headers.get("Location", "")
    try:
        target = urljoin(url, location) if _PLAIN_URL.fullmatch(location) else ""
    except ValueError:  # brackets that hold no address
        target = ""
    if not target or "@" in urlsplit(target).netloc or origin(target) != origin(url):
        raise RedirectRefused(
            f"The upstream answered {status} and points to another origin, which is "
            "not followed. This is for the operator to mend: the plugin's upstream url is not "
            "where the API lives."
        )
    parts = urlsplit(target)
    target = parts._replace(path=parts.path or "/", fragment="").geturl()
    if method in _READ_METHODS or status in (307, 308):
        return target, method, body
    if status == 303:
        return target, "GET", None
    raise RedirectRefused(
        f"The upstream answered {method} with {status}; a write is not repeated "
        "elsewhere. This is for the operator to mend: the path of this operation is not the "
        "one the upstream wants."
    )


# --- back -------------------------------------------------------------------------------------


def _plain(coding: str, data: bytes, limit: int, mask: Mask) -> bytes:
    return mask.body(_decode(coding, data, limit))


def _decode(coding: str, data: bytes, limit: int) -> bytes:
    """Undo the content coding, bounded: a small body may hold a very large one."""
    coding = coding.strip().lower()
    if not coding or coding == "identity" or not data:
        return data
    if coding not in _CODINGS:
        raise UpstreamFailed(
            f"The upstream coded its reply as {coding[:40]!r}, which it was not asked to."
        )
    try:
        return _inflate(data, zlib.MAX_WBITS | 32, limit)
    except zlib.error:
        if coding != "deflate":
            raise UpstreamFailed("The upstream's compressed reply is damaged.") from None
    try:
        return _inflate(data, -zlib.MAX_WBITS, limit)  # some send raw deflate (RFC 9110 8.4.1.2)
    except zlib.error:
        raise UpstreamFailed("The upstream's compressed reply is damaged.") from None


def _inflate(data: bytes, bits: int, limit: int) -> bytes:
    decoded = b""
    for _ in range(MAX_MEMBERS):
        if not data:
            return decoded
        inflater = zlib.decompressobj(bits)
        decoded += inflater.decompress(data, limit + 1 - len(decoded))
        if len(decoded) > limit:
            raise too_large(limit)
        if not inflater.eof:
            raise zlib.error("cut off")
        data = inflater.unused_data
    raise zlib.error("too many members")


def _failure(error: Exception, again: str) -> str:
    """What went wrong, for a model: never an address, which may hold what is not its to know."""
    if isinstance(error, aiohttp.ClientSSLError):
        return (
            "No TLS connection to the upstream can be made. This is for the operator to mend: its "
            "certificate is not accepted, or it does not speak TLS."
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The upstream cannot be reached. Try again later."
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"The upstream's reply was cut off. {again}"
    if isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        return f"The upstream closed the connection without a reply. {again}"
    return f"The upstream's reply is not valid HTTP. {again}"
