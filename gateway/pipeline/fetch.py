"""The one step that talks to the upstream.

Goes out: the operation's request, the config's headers, of the caller's headers only those to
forward, the credential, Via (RFC 9110 section 7.6.3). Comes back: status, headers and the whole
body, decoded from its content coding, bounded both before and after, the plugin's own secrets
masked; of a long body that nothing is to be done with, what is still to come (`through`). No
cookies are kept, no redirect leaves the upstream's origin. It tries once (but see `exchange`);
whether again is for `care` to say.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.caching.fields import storable_headers
from gateway.config.types import SAFE
from gateway.errors import RedirectRefused, UpstreamFailed, UpstreamTimeout
from gateway.pipeline.call import Call, Clock, built
from gateway.pipeline.care_quota import Quota
from gateway.pipeline.coding import decode
from gateway.pipeline.exchange import UNSENT, Exchange, Rest, headers_too_large, host_of
from gateway.pipeline.mask import Mask
from gateway.pipeline.passing import charset_of, forwarded, is_json
from gateway.pipeline.redirects import Destinations
from gateway.pipeline.through import HOLD, Through, passes
from gateway.pipeline.token import Tokens
from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.servers import origin
from gateway.values import Reply, UpstreamRequest

# A trailing slash, a canonical name, a versioned path: more hops than that are a loop.
MAX_REDIRECTS = 3
# A body beyond this is searched in a thread, so that other calls go on: some 100 µs of work.
_THREAD = 128 * 1024
_THREAD_CODED = 4 * 1024  # deflate makes at most a thousand times as much of it
_SCHEME = len("https://")  # a path begins behind it, for http as well: no host is empty
_PLAIN_URL = re.compile(r"[!-\[\]-~]{1,8192}")  # no backslash: some read it as a slash
# What aiohttp says of headers beyond their bounds; it has no other sign.
_OF_HEADERS = re.compile(r"Too many headers|Got more than \d+ bytes when reading")
_READ_METHODS = ("GET", "HEAD")
_REDIRECTS = (301, 302, 303, 307, 308)
# A write that was cut off is not to be sent again by whoever is told to try again.
_UNSURE = "It may have been carried out all the same: look before you try again."
_NOT_SENT: Final = "so nothing was sent. Try again later."
AGENT = "plugin-gateway"

# One try of a call, until a time of the loop's clock.
Try = Callable[[Call, float], Awaitable[Reply]]
Compose = Callable[[Call, UpstreamRequest], tuple[str, CIMultiDict[str]]]


def step(
    operation: Operation,
    plugin: Plugin,
    client: aiohttp.ClientSession,
    proof: Proof,
    mask: Mask,
    wall: Clock,
    destinations: Destinations,
    tokens: Tokens | None = None,
    *,
    quota: Quota | None = None,
    passes_on: bool = False,
) -> Try:
    """Send the request, read the reply.

    `destinations` say where the plugin's redirects may lead, `quota` what more requests than the
    first one count against.
    `passes_on` says that nothing is to be done with what the upstream sends, and that nobody
    else may have it as well: then it need not be whole.
    """
    connect, silence = operation.connect, operation.read
    exchange = Exchange(
        client, plugin.base, verbatim=operation.passing, connect=connect, read=silence
    )
    compose = composer(operation, plugin, proof)
    seconds, limit = operation.timeout, operation.max_bytes
    reads, base, path = operation.spec.method in SAFE, plugin.base, operation.spec.path

    async def fetch(call: Call, until: float) -> Reply:
        request = built(call)
        url, headers = compose(call, request)
        method, body = request.method, request.body
        token, was_refused, is_sent, is_answered = "", False, False, False
        span = call.note.span
        ask = exchange if span is None else span.around(exchange, base, path, mask.text)
        try:
            async with asyncio.timeout_at(until):  # however many hops it takes
                if tokens is not None:
                    token = await tokens.get()
                    headers["Authorization"] = f"Bearer {token}"
                is_sent = True
                for _ in range(MAX_REDIRECTS + 1):
                    if is_answered and quota is not None:
                        await quota.add()
                    target = url[url.index("/", _SCHEME) :]
                    hold = HOLD if passes_on and not call.whole else 0
                    status, got, data = await ask(
                        method, target, headers, body, limit, hold, call.interim
                    )
                    is_answered = True
                    if status == 401 and tokens is not None and not was_refused:
                        # It ended early, or was taken back; what was refused was not carried out.
                        was_refused = True
                        tokens.forget(token)
                        if (fresh := await tokens.get()) != token:
                            headers["Authorization"] = f"Bearer {fresh}"
                            continue
                    if status not in _REDIRECTS or operation.passing:
                        break
                    url, method, body = _redirect(status, got, url, method, body)
                    if not destinations.holds(operation, request, method, url):
                        raise _elsewhere(status, request.method)
                    url = url if proof.query in url else proof.url(url)
                    headers.pop("Content-Length", None)  # of a body that may not go on
                    if body is None:
                        headers.pop("Content-Type", None)
                else:
                    raise RedirectRefused(
                        f"The upstream redirected more than {MAX_REDIRECTS} times."
                    )
                is_plain = (200 <= status < 300 and status != 206) or operation.passing
                if not is_plain and not _is_asked(status, headers):
                    if not isinstance(data, bytes):
                        data.close()
                    raise UpstreamFailed(
                        f"The upstream answered with the status {status}, which nobody asked for."
                    )
                if not isinstance(data, bytes):
                    if status != 205 and passes(operation, data, got, searched=mask.searches):
                        left = max(0.0, until - asyncio.get_running_loop().time())
                        through = await _begun(data, got, call, mask, limit, left)
                        kept = mask.headers(tuple(got.items()))
                        return Reply(status, kept, b"", wall(), rest=through)
                    data = await data.whole()
            call.note.received += len(data)
            if operation.passing:
                return Reply(status, tuple(got.items()), data, wall())
            coding = ", ".join(got.getall("Content-Encoding", ()))
            if len(data) > (_THREAD_CODED if coding else _THREAD):
                data = await asyncio.to_thread(_plain, coding, data, limit, mask, got)
            else:
                data = _plain(coding, data, limit, mask, got)
            return Reply(status, mask.headers(tuple(got.items())), data, wall())
        except aiohttp.ConnectionTimeoutError:
            raise _late(
                "connect" if not is_answered else "total",
                f"No connection to the upstream was made within {connect:g} seconds, {_NOT_SENT}",
            ) from None
        except aiohttp.SocketTimeoutError:
            raise _late(
                "silent",
                f"The upstream fell silent for {silence:g} seconds. "
                + ("Try again later." if reads else _UNSURE),
            ) from None
        except TimeoutError as error:
            within = f"within the {seconds:g} seconds that a call may take"
            if not is_sent:
                text = f"The upstream gave no token {within}, {_NOT_SENT}"
                raise _late("token", text) from None
            cause = error.__cause__
            if not is_answered and cause is not None and cause.args == (UNSENT,):
                text = f"No connection to the upstream was made {within}, {_NOT_SENT}"
                raise _late("connect", text) from None
            raise _late(
                "total",
                f"The upstream did not answer {within}. "
                + ("Ask for less, or try again later." if reads else _UNSURE),
            ) from None
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            if isinstance(error, HttpProcessingError) and _OF_HEADERS.match(error.message):
                raise headers_too_large() from error
            # The cause is for the operator at a terminal (`gateway call`), never for a caller.
            raise _failure(
                error, "Try again." if reads else _UNSURE, is_answered=is_answered
            ) from error

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

    def compose_all(call: Call, request: UpstreamRequest) -> tuple[str, CIMultiDict[str]]:  # noqa: ARG001
        headers = CIMultiDict({"Host": base["Host"]})
        headers.extend(storable_headers(request.headers))
        headers.add("Via", base["Via"])
        return request.url, headers

    def compose(call: Call, request: UpstreamRequest) -> tuple[str, CIMultiDict[str]]:
        headers = base.copy()
        for name in forward:
            value = forwarded(call.headers, name)
            if value is not None:
                headers[name] = value
        for name, value in request.headers:
            headers[name] = value
        if call.caller is not None and call.caller.credential is not None:
            headers["Authorization"] = call.caller.credential
        proof.apply(headers)
        return proof.url(request.url), headers

    return compose_all if operation.passing else compose


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


def _elsewhere(status: int, method: str) -> RedirectRefused:
    done = " It was carried out all the same: do not send it again." if status == 303 else ""
    return RedirectRefused(
        f"The upstream answered {method} with {status} and points to an address that is none of "
        f"the operations here, which is not followed.{done if method not in _READ_METHODS else ''}"
        " This is for the operator to mend: the path of this operation is not the one the "
        "upstream wants, or the one it points to is to be chosen as well."
    )


# --- back -------------------------------------------------------------------------------------


async def _begun(
    rest: Rest,
    headers: CIMultiDictProxy[str],
    call: Call,
    mask: Mask,
    limit: int,
    seconds: float,
) -> Through:
    """A body that is passed on, its first piece ready."""
    try:
        through = Through(rest, headers, call.headers, mask, limit, seconds)
        await through.begin()
    except BaseException:
        rest.close()
        raise
    return through


def _plain(
    coding: str, data: bytes, limit: int, mask: Mask, headers: CIMultiDictProxy[str]
) -> bytes:
    data = decode(coding, data, limit)
    if not mask.searches:
        return data
    content_type = headers.get("Content-Type", "")
    charset = charset_of(content_type)
    if not charset and is_json(content_type) and data:
        charset = json.detect_encoding(data[:4])
    return mask.body(data, charset)


def _is_asked(status: int, headers: CIMultiDict[str]) -> bool:
    """Whether a status that is not simply success answers a request with these headers."""
    if status == 206:
        return "Range" in headers
    if status == 304:
        return any(name.lower().startswith("if-") for name in headers)
    return 400 <= status < 600


def _late(fault: str, text: str) -> UpstreamTimeout:
    refusal = UpstreamTimeout(text)
    refusal.fault = fault
    return refusal


def _failure(error: Exception, again: str, *, is_answered: bool) -> UpstreamFailed:
    """What went wrong, for a model: never an address, which may hold what is not its to know.

    `is_answered`: something was sent and answered before.
    """
    if isinstance(error, aiohttp.ClientSSLError):
        fault = "tls"
        text = (
            "No TLS connection to the upstream can be made. This is for the operator to mend: its "
            "certificate is not accepted, or it does not speak TLS."
        )
    elif isinstance(error, aiohttp.ClientConnectorError):
        fault = "cut" if is_answered else "connect"
        text = "The upstream cannot be reached. Try again later."
    elif isinstance(error, aiohttp.ClientPayloadError):
        fault = "cut"
        text = f"The upstream's reply was cut off. {again}"
    elif isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        fault = "cut"
        text = f"The upstream closed the connection without a reply. {again}"
    else:
        fault = "garbled"
        text = f"The upstream's reply is not valid HTTP. {again}"
    refusal = UpstreamFailed(text)
    refusal.fault = fault
    return refusal
