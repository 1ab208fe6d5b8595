"""A spec's text: from a file beside the config, or from a URL, bounded in every way.

Trust: the operator wrote the address, private ones included, and the headers. Whatever answers
is not trusted: its size is bounded before and after decompression, the time is bounded, and it
may redirect only within its own origin, so that nothing else is reached and the headers go
nowhere else. No cookies, no proxies or passwords from the environment.

What was had by URL is kept below the state directory, so that a restart works offline. A
failure to get it *again* is a warning; otherwise it is one of two:

    SpecUnavailable   it may be had later: no connection, no answer in time, 5xx, 408, 425, 429
    SpecError         trying again will not help: no such file, other 4xx, redirect elsewhere,
                      too large, not a spec but a web page

Source: RFC 9110 §8.4 and §15.4, RFC 6454 §4 (origin).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from gateway.errors import SpecError, SpecUnavailable
from gateway.spec.document import misfit

MAX_BYTES = 64 * 1024 * 1024  # the largest public spec has 20 MB (Microsoft Graph, JSON)
TOTAL_SECONDS = 60.0
MAX_REDIRECTS = 5  # curl allows 50, browsers 20; within one origin nobody needs more
MAX_KEPT = 64  # specs below the state directory; the oldest make room
_CHUNK = 64 * 1024
_LATER = frozenset({408, 425, 429})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = "application/json, application/yaml, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Source:
    """A spec's text and where it was had.

    `location` is the file's path or the URL in the end, without query and password: messages
    name it, and relative servers are resolved against it. `stale` is True where the text is
    the copy of an earlier run.
    """

    text: bytes
    location: str
    from_url: bool = False
    stale: bool = False
    warnings: tuple[str, ...] = ()


async def fetch(
    where: str,
    *,
    base: Path,
    headers: Mapping[str, str],
    state: Path | None,
    session: aiohttp.ClientSession | None = None,
    seconds: float = TOTAL_SECONDS,
) -> Source:
    """Get a spec.

    Args:
        where: A file, relative to `base`, or an http(s) URL.
        base: The directory of the config.
        headers: Sent with every request, to the URL's own origin only.
        state: The directory for what outlives a run, or None.
        session: To fetch with; by default one of its own, for this fetch only.
        seconds: The longest that all of it may take.

    Raises:
        SpecUnavailable: it cannot be had yet.
        SpecError: it cannot be had like this.
    """
    if not where.lower().startswith(("http://", "https://")):
        return await asyncio.to_thread(_read_file, where, base)
    try:
        async with asyncio.timeout(seconds):
            if session is not None:
                source = await _get(where, headers, session)
            else:
                async with _session() as own:
                    source = await _get(where, headers, own)
    except TimeoutError:
        shown = _shown(where)
        failure: SpecError | SpecUnavailable = SpecUnavailable(
            f"{shown} has not sent its spec within {seconds:g} s"
        )
    except (SpecError, SpecUnavailable) as error:
        failure = error
    else:
        return await asyncio.to_thread(_kept, source, state, _key(where, headers))
    kept = await asyncio.to_thread(_recall, state, _key(where, headers), str(failure))
    if kept is None:
        raise failure
    return kept


# --- a file -----------------------------------------------------------------------------------


def _read_file(where: str, base: Path) -> Source:
    if "://" in where:
        raise SpecError(f"spec: {where!r}: expected a file beside the config or an http(s) URL")
    path = base / where
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "is not there"
            raise SpecError(
                f"the spec {str(path)!r} {what}; a path is relative to the config's directory"
            )
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(f"the spec {where!r} cannot be read: {reason}") from None
    if len(text) > MAX_BYTES:
        raise SpecError(f"the spec {path} is larger than {MAX_BYTES:,} bytes")
    return Source(text, str(path))


# --- a URL ------------------------------------------------------------------------------------


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def _get(where: str, headers: Mapping[str, str], session: aiohttp.ClientSession) -> Source:
    """Follow redirects within the origin to a text that may be a spec."""
    try:
        url = URL(where)
    except ValueError as error:
        raise SpecError(f"{_shown(where)} is not a URL: {error}") from None
    if re.search(r"\s", url.host or " "):
        raise SpecError(f"{_shown(where)} is not a URL: it has no host, or blanks in it")
    for _ in range(MAX_REDIRECTS + 1):
        try:
            result = await _once(url, headers, session)
        except aiohttp.InvalidURL:
            raise SpecError(f"{_shown(where)} is not a URL that can be fetched") from None
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise SpecUnavailable(f"{_shown(url)} cannot be reached: {reason[:200]}") from None
        except ValueError as error:  # a header that cannot be sent
            raise SpecError(f"{_shown(where)} cannot be asked for: {str(error)[:200]}") from None
        if isinstance(result, bytes):
            return Source(result, _shown(url), from_url=True)
        url = result
    raise SpecError(f"{_shown(where)} redirects more than {MAX_REDIRECTS} times")


async def _once(
    url: URL, headers: Mapping[str, str], session: aiohttp.ClientSession
) -> bytes | URL:
    """One request: the text, or where it redirects to within the origin."""
    sent = {"Accept": _ACCEPT, **headers, "Accept-Encoding": "gzip"}
    async with session.get(
        url, headers=sent, allow_redirects=False, auto_decompress=False
    ) as response:
        if response.status in _REDIRECTS:
            return _redirected(url, response.headers.get("Location", ""))
        _check_status(url, response.status)
        text = await _body(url, response)
    wrong = misfit(text)
    if wrong:
        raise SpecError(f"{_shown(url)} is {wrong}")
    return text


def _redirected(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location))
        if location and target.origin() == url.origin():
            return target
        shown = _shown(target) if location and target.host else ""
    except ValueError:
        shown = ""
    if not shown:
        raise SpecError(f"{_shown(url)} redirects to no address")
    if target.query_string:
        shown += " (with its query)"
    raise SpecError(
        f"{_shown(url)} redirects to another origin, {shown}, which is not followed; "
        f"if that is the right place, write spec: {shown}"
    )


def _check_status(url: URL, status: int) -> None:
    if status == 200:
        return
    if status >= 500 or status in _LATER:
        raise SpecUnavailable(f"{_shown(url)} answers {status}")
    hint = ""
    if status in (401, 403):
        hint = "; if it wants a key, write spec: {url: …, headers: {Authorization: …}}"
    elif status in (404, 410):
        hint = "; check the address"
    raise SpecError(f"{_shown(url)} answers {status}, not a spec{hint}")


async def _body(url: URL, response: aiohttp.ClientResponse) -> bytes:
    """The body, decompressed piece by piece, so that a bomb is noticed when it is too large."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        text = f"{_shown(url)} comes with Content-Encoding {coding[:40]!r}, which is not read"
        raise SpecError(text)
    decoder = None if coding == "identity" else zlib.decompressobj(16 + zlib.MAX_WBITS)
    pieces: list[bytes] = []
    received = size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        received += len(chunk)
        for piece in _decoded(url, chunk, decoder):
            pieces.append(piece)
            size += len(piece)
            if max(received, size) > MAX_BYTES:
                raise SpecError(f"{_shown(url)} sends more than {MAX_BYTES:,} bytes")
        if decoder and decoder.eof:
            break
    if decoder and not decoder.eof:
        raise SpecUnavailable(f"{_shown(url)} was cut off")
    return b"".join(pieces)


def _decoded(url: URL, chunk: bytes, decoder: zlib._Decompress | None) -> Iterator[bytes]:
    """What a chunk holds, in pieces of bounded size."""
    if decoder is None:
        yield chunk
        return
    while chunk:
        try:
            piece = decoder.decompress(chunk, _CHUNK)
        except zlib.error:
            raise SpecError(f"{_shown(url)} is not the gzip it says it is") from None
        chunk = decoder.unconsumed_tail
        yield piece
    yield decoder.flush()  # at most what one more code can say: all input is consumed


def _shown(url: URL | str) -> str:
    """A URL for messages, logs and comparing: without password, query and fragment."""
    if isinstance(url, URL):
        return str(url.with_user(None).with_query(None).with_fragment(None))
    return re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])


# --- what is kept between runs ------------------------------------------------------------------


def _key(where: str, headers: Mapping[str, str]) -> str:
    """The name under which a text is kept: who asks with another key gets another text."""
    sent = sorted((name.lower(), value) for name, value in headers.items())
    return hashlib.sha256(repr((where, sent)).encode("utf-8", "replace")).hexdigest()


def _kept(source: Source, state: Path | None, key: str) -> Source:
    """Keep the text; the source, with a warning where that fails."""
    if state is None:
        return source
    folder = state / "specs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / f"{key}.spec", source.location.encode() + b"\n" + source.text)
        kept = sorted(folder.glob("*.spec"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MAX_KEPT]:
            path.unlink(missing_ok=True)
    except OSError as error:
        text = f"the spec is not kept for a restart offline: {folder}: {error.strerror}"
        return Source(source.text, source.location, from_url=True, warnings=(text,))
    return source


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for its owner only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _recall(state: Path | None, key: str, failure: str) -> Source | None:
    """The copy of an earlier run, if there is one."""
    if state is None:
        return None
    path = state / "specs" / f"{key}.spec"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 4096)
            written = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(path.stat().st_mtime))
    except OSError:
        return None
    location, _, text = data.partition(b"\n")
    warning = f"{failure}; the copy of {written} is used"
    return Source(text, location.decode(), from_url=True, stale=True, warnings=(warning,))
