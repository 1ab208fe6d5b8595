"""A spec: from a file beside the config, or from a URL, bounded in every way.

Trust: the operator wrote the address, private ones included, and the headers. Whatever answers
is not trusted: its size is bounded before and after decompression, the time is bounded, and it
may redirect only within its own origin, so that nothing else is reached and the headers go
nowhere else. No cookies, no proxies or passwords from the environment.

What was had by URL and parsed is kept below the state directory (`kept`), so that a restart
works offline. A failure to get it *again*, or an answer that is no spec, is a warning then;
otherwise it is one of two:

    SpecUnavailable   it may be had later: no connection, no answer in time, 5xx, 408, 425, 429
    SpecError         trying again will not help: no such file, other 4xx, redirect elsewhere,
                      too large, not a spec

Source: RFC 9110 §8.4 and §15.4, RFC 6454 §4 (origin), RFC 1952 §2.2 (members of a gzip body).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from gateway.errors import SpecError, SpecUnavailable
from gateway.guarded import connector
from gateway.spec import kept
from gateway.spec.document import misfit

MAX_BYTES = 64 * 1024 * 1024  # the largest public spec has 20 MB (Microsoft Graph, JSON)
TOTAL_SECONDS = 60.0
MAX_REDIRECTS = 5  # curl allows 50, browsers 20; within one origin nobody needs more
_CHUNK = 64 * 1024
_MEMBER = b"\x1f\x8b"  # how each member of a gzip body begins
_LATER = frozenset({408, 425, 429})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Told what is being done, for people who wait: "fetching …", "parsing …". From any thread.
Progress = Callable[[str], None]
# What to do where the spec is behind a key.
WANTS_KEY = "; if it wants a key, write spec: {url: …, headers: {Authorization: …}}"
REFUSED = "; the headers given were refused: is it the right key, in the right form?"
_ACCEPT = "application/json, application/yaml, */*;q=0.5"


class Seen(NamedTuple):
    """What an address gave: the SHA-256 of the text, "" where it gave none; and how to ask whether
    that is still so (RFC 9110 sections 8.8 and 13.1)."""

    digest: str = ""
    etag: str = ""
    modified: str = ""

    @property
    def conditions(self) -> dict[str, str]:
        """The headers of a request for what differs from it."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in given.items() if value}


class Unchanged(SpecError):
    """Answered 304: what an address gave is still what it gives."""


class Got(NamedTuple):
    """A text that may be a spec, where it was in the end, and how to ask for it again."""

    text: bytes
    location: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed spec and where it was had.

    `location` is the file's path or the URL in the end, without query and password: messages
    name it, and relative servers are resolved against it. `stale` is True where the document
    is the copy of an earlier run. `root` is the folder whose files it may use (of a spec that is
    a file), `home` its own address among them: its path below `root`, or its URL. `seen` is what
    it was made of; of a copy, nothing.
    """

    document: dict[str, Any]
    location: str
    from_url: bool = False
    stale: bool = False
    warnings: tuple[str, ...] = ()
    home: str = ""
    root: Path | None = None
    seen: Seen = field(default=Seen(), compare=False)


async def fetch(
    where: str,
    *,
    base: Path,
    headers: Mapping[str, str],
    state: Path | None,
    session: aiohttp.ClientSession | None = None,
    seconds: float = TOTAL_SECONDS,
    progress: Progress = lambda _: None,
    masked: kept.Masked | None = None,
) -> Source:
    """Get a spec and parse it.

    Args:
        where: A file, relative to `base`, or an http(s) URL.
        base: The directory of the config.
        headers: Sent with every request, to the URL's own origin only.
        state: The directory for what outlives a run, or None.
        session: To fetch with; by default one of its own, for this fetch only.
        seconds: The longest that all of it may take.
        progress: Told what is being done.
        masked: Takes the secrets out of what a host gave; what is kept is without them, too.

    Raises:
        SpecUnavailable: it cannot be had yet.
        SpecError: it cannot be had like this.
    """
    if not where.lower().startswith(("http://", "https://")):
        return await asyncio.to_thread(_from_file, where, base, state, progress)
    key = kept.key(where, headers)
    try:
        text, location, seen = await download(where, headers, session, seconds, progress)
        progress(_parsing(text))
        document, warnings = await asyncio.to_thread(kept.read, text, location, state, key, masked)
    except (SpecError, SpecUnavailable) as error:
        known = await asyncio.to_thread(kept.recall, state, key)
        if known is None:
            raise
        document, note = known
        if masked is not None:
            document = await asyncio.to_thread(masked, document)
        warning = f"{error}; the copy of {note.at} is used"
        at = note.location
        return Source(document, at, from_url=True, stale=True, warnings=(warning,), home=at)
    return Source(document, location, from_url=True, warnings=warnings, home=location, seen=seen)


# --- a file -----------------------------------------------------------------------------------


def _parsing(text: bytes) -> str:
    size = len(text) / 1_000_000
    return f"parsing {size:.1f} MB" if size >= 0.1 else f"parsing {len(text):,} bytes"


def _from_file(where: str, base: Path, state: Path | None, progress: Progress) -> Source:
    text, location = _read_file(where, base)
    progress(_parsing(text))
    document, warnings = kept.read(text, location, state)
    root = _root(where, base)
    home = (base / where).relative_to(root).as_posix()
    seen = Seen(hashlib.sha256(text).hexdigest())
    return Source(document, location, warnings=warnings, home=home, root=root, seen=seen)


def _root(where: str, base: Path) -> Path:
    """The topmost folder named on the way from the config to the spec; else the spec's own."""
    steps = PurePath(where).parts
    if PurePath(where).is_absolute() or ".." in steps:
        return (base / where).parent
    return base / steps[0] if len(steps) > 1 else base


def _read_file(where: str, base: Path) -> tuple[bytes, str]:
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
    return text, str(path)


# --- a URL ------------------------------------------------------------------------------------


def new_session(where: str) -> aiohttp.ClientSession:
    """A client for one spec and its parts, without cookies, proxies and passwords of the
    environment."""
    return aiohttp.ClientSession(
        connector=connector([where]), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )


async def download(
    where: str,
    headers: Mapping[str, str],
    session: aiohttp.ClientSession | None,
    seconds: float,
    progress: Progress = lambda _: None,
    limit: int = MAX_BYTES,
) -> Got:
    """A text that may be a spec, in time.

    Raises:
        Unchanged: where `headers` ask on conditions, and they hold.
        SpecUnavailable: it cannot be had yet.
        SpecError: it cannot be had like this.
    """
    try:
        async with asyncio.timeout(seconds):
            if session is not None:
                return await _get(where, headers, session, progress, limit)
            async with new_session(where) as own:
                return await _get(where, headers, own, progress, limit)
    except TimeoutError:
        text = f"{plain(where)} has not sent its spec within {seconds:g} s"
        raise SpecUnavailable(text) from None


async def _get(
    where: str,
    headers: Mapping[str, str],
    session: aiohttp.ClientSession,
    progress: Progress,
    limit: int,
) -> Got:
    """Follow redirects within the origin."""
    try:
        url = URL(where)
    except ValueError as error:
        raise SpecError(f"{plain(where)} is not a URL: {error}") from None
    if re.search(r"\s", url.host or " "):
        raise SpecError(f"{plain(where)} is not a URL: it has no host, or blanks in it")
    for _ in range(MAX_REDIRECTS + 1):
        try:
            result = await _once(url, headers, session, progress, limit)
        except aiohttp.InvalidURL:
            raise SpecError(f"{plain(where)} is not a URL that can be fetched") from None
        except (aiohttp.ClientError, OSError) as error:
            reason = re.sub(r" ssl:\S+", "", str(error)) or type(error).__name__  # also of http
            raise SpecUnavailable(f"{plain(url)} cannot be reached: {reason[:200]}") from None
        except ValueError as error:  # a header that cannot be sent
            raise SpecError(f"{plain(where)} cannot be asked for: {str(error)[:200]}") from None
        if isinstance(result, Got):
            return result
        url = result
    raise SpecError(f"{plain(where)} redirects more than {MAX_REDIRECTS} times")


async def _once(
    url: URL,
    headers: Mapping[str, str],
    session: aiohttp.ClientSession,
    progress: Progress,
    limit: int,
) -> Got | URL:
    """One request: the text, or where it redirects to within the origin."""
    progress(f"fetching {plain(url)}")
    sent = {"Accept": _ACCEPT, **headers, "Accept-Encoding": "gzip"}
    async with session.get(
        url, headers=sent, allow_redirects=False, auto_decompress=False
    ) as response:
        if response.status in _REDIRECTS:
            return _redirected(url, response.headers.get("Location", ""))
        if response.status == 304 and headers.keys() & Seen("", "1", "1").conditions.keys():
            raise Unchanged(f"{plain(url)} answers 304")
        _check_status(url, response.status, has_headers=bool(headers))
        text = await _body(url, response, progress, limit)
    wrong = misfit(text)
    if wrong:
        raise SpecError(f"{plain(url)} is {wrong}")
    said = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return Got(text, plain(url), Seen(hashlib.sha256(text).hexdigest(), *said))


def _redirected(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location))
        if location and target.origin() == url.origin():
            return target
        shown = plain(target) if location and target.host else ""
    except ValueError:
        shown = ""
    if not shown:
        raise SpecError(f"{plain(url)} redirects to no address")
    if target.query_string:
        shown += " (with its query)"
    raise SpecError(
        f"{plain(url)} redirects to another origin, {shown}, which is not followed; "
        f"if that is the right place, write spec: {shown}"
    )


def _check_status(url: URL, status: int, *, has_headers: bool) -> None:
    if status == 200:
        return
    if status >= 500 or status in _LATER:
        raise SpecUnavailable(f"{plain(url)} answers {status}")
    hint = ""
    if status in (401, 403):
        hint = REFUSED if has_headers else WANTS_KEY
    elif status in (404, 410):
        hint = "; check the address"
    raise SpecError(f"{plain(url)} answers {status}, not a spec{hint}")


async def _body(
    url: URL, response: aiohttp.ClientResponse, progress: Progress, limit: int
) -> bytes:
    """The body, decompressed piece by piece, so that a bomb is noticed when it is too large."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        text = f"{plain(url)} comes with Content-Encoding {coding[:40]!r}, which is not read"
        raise SpecError(text)
    gzip = None if coding == "identity" else _Gzip()
    pieces: list[bytes] = []
    received = size = 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            received += len(chunk)
            progress(f"fetching {plain(url)}: {received:,} bytes")
            for piece in gzip.pieces(chunk) if gzip else (chunk,):
                pieces.append(piece)
                size += len(piece)
                if max(received, size) > limit:
                    raise SpecError(f"{plain(url)} sends more than {limit:,} bytes")
            if gzip and gzip.over:
                break
    except zlib.error:
        raise SpecError(f"{plain(url)} is not the gzip it says it is") from None
    if gzip and not gzip.is_whole:
        raise SpecUnavailable(f"{plain(url)} was cut off")
    return b"".join(pieces)


class _Gzip:
    """A gzip body: one member or several, one after the other (`cat a.gz b.gz`, bgzip).

    Between and after them may be zeros (padding); at anything else the body is `over`, as for
    gzip itself.
    """

    def __init__(self) -> None:
        self.over = False
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._rest = b""  # the first half of what begins a member

    @property
    def is_whole(self) -> bool:
        return self._member.eof and not self._rest

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What the next chunk of the body holds, in pieces of bounded size, at least one."""
        data = self._rest + chunk
        self._rest = b""
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")
                if len(data) < len(_MEMBER) and _MEMBER.startswith(data):
                    self._rest = data
                    break
                if not data.startswith(_MEMBER):
                    self.over = True
                    break
                self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            yield self._member.decompress(data, _CHUNK)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        # At most what one more code can say, since all input is consumed.
        yield b"" if self._member.eof else self._member.flush()


def plain(url: URL | str) -> str:
    """A URL for messages, logs and comparing: without password, query and fragment."""
    if isinstance(url, URL):
        return str(url.with_user(None).with_query(None).with_fragment(None))
    return re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])
