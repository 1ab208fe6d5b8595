"""The compiled builder: a caller's arguments and headers in, an upstream request out.

A `Layout` is made once: a list with a place for every slot, filled with what is sent by
itself, and for each name a caller may send where it goes and how it is written. A call copies
the list, writes its arguments into it and joins it. The order on the wire is the spec's, not
the caller's, so that equal calls are equal requests.

The arguments are checked first, all at once (`check`). A call that is wrong or cannot be built is
looked at a second time, slowly, to name all of its faults (`refusals`). A caller's text is never
looked into: no `${…}`, no `{…}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from jsonschema_rs import ValidationError

from gateway.request.check import Checker
from gateway.request.entries import ABSENT
from gateway.request.nulls import without_nulls
from gateway.request.reading import heal
from gateway.request.refusals import Explain
from gateway.request.targets import TEMPLATE
from gateway.request.text import Unwritable, Write
from gateway.values import Build, Headers, UpstreamRequest

# A part of the path: text of the template, the index of a value that fills a whole segment,
# or what makes up a segment together.
Chunk = str | int | tuple[str | int, ...]
# The body of a filled-in list, with its Content-Type; None where it has none.
FinishBody = Callable[[list[Any]], tuple[Headers, bytes] | None]

# RFC 3986 section 3.3, pchar and `/`; `%` because the spec's author has encoded already.
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_BLANK = re.compile(r"[\x00-\x20\x7f]")
_DOTS = (".", "..")
_LONGEST_DOTS = len("%2E%2E")
_NO_BODY: tuple[Headers, None] = ((), None)


@dataclass(frozen=True, slots=True)
class Filled:
    """A slot that is filled from a header of the caller."""

    header: str  # lower case
    index: int
    write: Write


@dataclass(frozen=True, slots=True)
class Layout:
    """A request with holes. Indices point into `sent`, which holds what goes by itself."""

    method: str
    sent: tuple[Any, ...]
    takes: Mapping[str, tuple[int, Write]]
    required: tuple[int, ...]
    filled: tuple[Filled, ...]
    path: tuple[Chunk, ...]
    query: slice
    beside: tuple[tuple[int, tuple[int, ...]], ...]  # what is required beside any of the others
    fixed_query: tuple[str, ...]
    headers: tuple[tuple[str, int], ...]
    cookies: slice
    body_from: int
    body: FinishBody | None
    json_body: bool


def compile_build(
    layout: Layout, base_url: str, explain: Explain, check: Checker | None = None
) -> Build:
    """The builder for one base URL, whose path is kept. Raises: ValueError for no base URL."""
    base = clean_base(base_url)
    sent, takes, filled, required = list(layout.sent), layout.takes, layout.filled, layout.required
    body_from, finish_body, beside = layout.body_from, layout.body, layout.beside
    tail = _Tail(layout)
    # What goes out as JSON; whatever else does is text, wherever it stands.
    typed = frozenset(n for n, (i, _) in takes.items() if i >= body_from and layout.json_body)

    needed = frozenset(name for name, (index, _) in takes.items() if index in required)

    def refuse(
        arguments: Mapping[str, Any],
        headers: Mapping[str, str],
        faults: Sequence[ValidationError] = (),
    ) -> NoReturn:
        raise explain(arguments, headers, faults) from None

    def settled(
        check: Checker, arguments: Mapping[str, Any], headers: Mapping[str, str], heals: bool
    ) -> Mapping[str, Any]:
        """What a call that seems wrong means after all."""
        # Where a null cannot be written, it means that nothing was given.
        given: Mapping[str, Any] = {
            name: value for name, value in arguments.items() if value is not None or name in typed
        }
        faults: Sequence[ValidationError] = check.faults(given)
        if faults and heals:
            given, faults = without_nulls(given, faults, check, needed)
        if faults and heals:
            given, faults = heal(given, faults, check, typed)
        if faults:
            refuse(given, headers, faults)
        return given

    def build(
        arguments: Mapping[str, Any], headers: Mapping[str, str], *, heals: bool = False
    ) -> UpstreamRequest:
        out = sent.copy()
        try:
            if check is not None and not check.valid(arguments):
                arguments = settled(check, arguments, headers, heals)
            for one in filled:
                value = headers.get(one.header)
                if value is not None:
                    out[one.index] = one.write(value)
            for name, value in arguments.items():
                index, write = takes[name]
                if value is not None or index >= body_from:
                    out[index] = write(value)
            for index in required:
                if out[index] is ABSENT:
                    refuse(arguments, headers)
            for index, others in beside:
                if out[index] is ABSENT and any(out[one] is not ABSENT for one in others):
                    refuse(arguments, headers)
            url = base + tail.path(out) + tail.query(out)
            typed_body = None if finish_body is None else finish_body(out)
        except (KeyError, Unwritable):
            refuse(arguments, headers)
        content_type, body = typed_body or _NO_BODY
        return UpstreamRequest(layout.method, url, tail.headers(out, content_type), body)

    return build


class _Tail:
    """The joining of a filled-in list."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.path
        self._query = layout.query
        self._fixed = list(layout.fixed_query)
        self._headers = layout.headers
        self._cookies = layout.cookies
        self._has_cookies = layout.cookies.start != layout.cookies.stop

    def path(self, out: list[Any]) -> str:
        return join_path(self._path, out)

    def query(self, out: list[Any]) -> str:
        parts = [part for part in out[self._query] if part]  # neither ABSENT nor ""
        parts = self._fixed + parts
        return "?" + "&".join(parts) if parts else ""

    def headers(self, out: list[Any], found: Headers) -> Headers:
        if self._headers:
            found += tuple(
                (name, out[index]) for name, index in self._headers if out[index] is not ABSENT
            )
        if self._has_cookies and (cookies := [part for part in out[self._cookies] if part]):
            found += (("Cookie", "; ".join(cookies)),)
        return found


def join_path(chunks: Sequence[Chunk], out: list[Any]) -> str:
    """The path of a request. Raises: Unwritable, where a segment would climb or vanish."""
    parts: list[str] = []
    for chunk in chunks:
        if type(chunk) is str:
            parts.append(chunk)
            continue
        text = segment_of(chunk, out)
        if _climbs(text):
            raise Unwritable(f"must not make a part of the path {text!r}")
        parts.append(text)
    return "".join(parts)


def _climbs(segment: str) -> bool:
    """Whether a segment climbs or vanishes. What stands behind a `;` does not count: Tomcat and
    others read `/x/..;v=1` as `/x/..`."""
    head = segment.partition(";")[0]
    return not segment or (len(head) <= _LONGEST_DOTS and unquote(head) in _DOTS)


def segment_of(chunk: Chunk, out: list[Any]) -> str:
    """The text of one segment that holds values."""
    if isinstance(chunk, tuple):
        return "".join(part if isinstance(part, str) else out[part] for part in chunk)
    text: str = out[chunk] if isinstance(chunk, int) else chunk
    return text


def chunks_of(path: str, names: Mapping[str, int]) -> tuple[Chunk, ...]:
    """A path template cut at its values, text between them joined and encoded."""
    chunks: list[Chunk] = []
    text = ""
    for segment in path.lstrip("/").split("/"):
        text += "/"
        pieces = TEMPLATE.split(segment)  # text, name, text, name, … text
        if len(pieces) == 1:
            text += quote(segment, safe=_PATH_SAFE)
            continue
        parts = tuple(
            names[piece] if odd else quote(piece, safe=_PATH_SAFE)
            for position, piece in enumerate(pieces)
            if (odd := position % 2) or piece
        )
        chunks += [text, parts[0] if len(parts) == 1 else parts]
        text = ""
    return (*chunks, text) if text else tuple(chunks)


def clean_base(base_url: str) -> str:
    """A base URL without its last slash, as the operator wrote it. Raises: ValueError."""
    if _BLANK.search(base_url):  # `urlsplit` takes some of these out without a word
        raise ValueError("a base URL holds no spaces and no control characters")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an http or https URL, found {base_url!r}")
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        raise ValueError("a base URL has no query and no fragment")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL has no user name: it belongs into upstream.credential")
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin + quote(parts.path.rstrip("/"), safe=_PATH_SAFE)
