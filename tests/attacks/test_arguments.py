"""Whatever an argument holds, it arrives as it was said or nothing is sent: over real connections,
read back by parsers that are not the gateway's."""

# ruff: noqa: E501 - texts as they are sent

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.case import World, named
from tests.attacks.recorder import Received, Recorder, Reply
from tests.attacks.running import Running, start, written
from tests.attacks.watching import Watch

SPEC = """
openapi: 3.1.0
info: {title: All, version: "1"}
servers: [{url: "@URL@"}]
paths:
"""
_TEXT = "{type: string}"
_LIST = "{type: array, items: {type: string}}"
_OBJECT = "{type: object}"


def _taking(name: str, place: str, schema: str, more: str = "") -> str:
    path = f"/{name}/{{x}}" if place == "path" else f"/{name}"
    required = ", required: true" if place == "path" else ""
    return f"""
  {path}:
    get:
      operationId: {name}
      parameters: [{{name: x, in: {place}, schema: {schema}{required}{more}}}]
      responses: {{"200": {{description: Ok}}}}"""


def _writing(name: str, media: str, schema: str) -> str:
    return f"""
  /{name}:
    post:
      operationId: {name}
      requestBody: {{required: true, content: {{{media}: {{schema: {{type: object, properties: {{x: {schema}}}}}}}}}}}
      responses: {{"200": {{description: Ok}}}}"""


_FORM, _PARTS, _JSON = (
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json",
)
SPEC += "".join(
    [
        _taking("path", "path", _TEXT),
        _taking("pathList", "path", _LIST),
        _taking("query", "query", _TEXT),
        _taking("queryList", "query", _LIST),
        _taking("queryCommas", "query", _LIST, ", explode: false"),
        _taking("queryPipes", "query", _LIST, ", style: pipeDelimited, explode: false"),
        _taking("querySpaces", "query", _LIST, ", style: spaceDelimited, explode: false"),
        _taking("queryObject", "query", _OBJECT),
        _taking("queryDeep", "query", _OBJECT, ", style: deepObject"),
        _taking("header", "header", _TEXT),
        _taking("headerList", "header", _LIST),
        _taking("cookie", "cookie", _TEXT),
        _writing("form", _FORM, _TEXT),
        _writing("formList", _FORM, _LIST),
        _writing("parts", _PARTS, _TEXT),
        _writing("json", _JSON, "{}"),
    ]
)
CONFIG = """
plugin: all
contact: a@example.com
cache: no
spec: ../spec.yaml
operations: all
parameters: {x: {description: Anything.}}
"""
WORLD = World("every place", (CONFIG,), files={"spec.yaml": SPEC})
# What means something to one parser or another, alone and in front of and behind a text.
SIGNS = [
    "",
    " ",
    "\t",
    ",",
    ";",
    "&",
    "=",
    "%",
    "+",
    "/",
    ".",
    "..",
    "#",
    "?",
    "|",
    '"',
    "\\",
    "'",
    "[",
    "]",
    "{x}",
    "${x}",
    "\r\n",
    "\n",
    "\0",
    "%00",
    "%2F",
    "%0d%0a",
    "\x7f",
    "\x85",
    "\xa0",
    "\u2028",
    "\u2215",
    "\uff0f",
    "\uff0e",
    "\ufeff",
    "\ud800",
    "null",
    "true",
    "-0",
    "1e400",
    "[]",
    "{}",
    "[1",
    "--x",
    "data:,x",
    "\U0001f600",
]
_SIGN = st.sampled_from(SIGNS)
TEXTS = st.text(max_size=12) | st.builds("{}{}{}".format, _SIGN, st.sampled_from(["", "a"]), _SIGN)
LISTS = st.lists(TEXTS, min_size=1, max_size=4)
OBJECTS = st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=3)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def _text(raw: str) -> str:
    return unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode()


def _query(got: Received) -> str:
    return got.target.partition("?")[2]


def _fields(got: Received) -> list[tuple[str, str]]:
    return parse_qsl(_query(got), keep_blank_values=True, strict_parsing=True, errors="strict")


def _split(delimiter: str) -> Callable[[Received], list[str]]:
    def read(got: Received) -> list[str]:
        name, _, value = _query(got).partition("=")
        assert name == "x"
        return [_text(item) for item in value.split(delimiter)]

    return read


def _form(got: Received) -> list[str]:
    found = parse_qsl(
        got.body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict"
    )
    assert {name for name, _ in found} == {"x"}
    return [value for _, value in found]


def _list(got: Received) -> list[str]:
    assert {name for name, _ in _fields(got)} == {"x"}
    return [value for _, value in _fields(got)]


def _deep(got: Received) -> dict[str, str]:
    fields = _fields(got)
    assert all(name.startswith("x[") and name.endswith("]") for name, _ in fields)
    return {name[2:-1]: value for name, value in fields}


def _cookie(got: Received) -> str:
    (line,) = got.values("cookie")
    assert ";" not in line
    return _text(line.removeprefix("x="))


def _parts(got: Received) -> str:
    ((name, filename, data),) = got.parts()
    assert (name, filename) == ("x", None)
    return data.decode()


# How each place is read by somebody else.
READ: dict[str, tuple[st.SearchStrategy[Any], Callable[[Received], Any]]] = {
    "path": (TEXTS, lambda got: _text(got.target.removeprefix("/path/"))),
    "pathList": (
        LISTS,
        lambda got: [_text(one) for one in got.target.removeprefix("/pathList/").split(",")],
    ),
    "query": (TEXTS, lambda got: _list(got)[0]),
    "queryList": (LISTS, _list),
    "queryCommas": (LISTS, _split(",")),
    "queryPipes": (LISTS, _split("%7C")),
    "querySpaces": (LISTS, _split("%20")),
    "queryObject": (OBJECTS, lambda got: dict(_fields(got))),
    "queryDeep": (OBJECTS, _deep),
    "header": (TEXTS, lambda got: got.values("x")[0]),
    "headerList": (LISTS, lambda got: got.values("x")[0].split(",")),
    "cookie": (TEXTS, _cookie),
    "form": (TEXTS, lambda got: _form(got)[0]),
    "formList": (LISTS, _form),
    "parts": (TEXTS, _parts),
    "json": (VALUES, lambda got: json.loads(got.body)["x"]),
}


Ask = Callable[[bytes], tuple[int, list[Received]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A gateway in a loop of its own, so that examples need none: a call in, and what came of it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def done(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    stack = AsyncExitStack()

    async def begin() -> Running:
        upstream = await stack.enter_async_context(Recorder(lambda *_: Reply("{}")))
        paths = written(WORLD, tmp_path_factory.mktemp("attacks"), {"@URL@": upstream.url})
        gateway = await stack.enter_async_context(start(WORLD, paths))
        return Running(WORLD, upstream, upstream, Watch(), gateway)

    running = done(begin())

    def asked(request: bytes) -> tuple[int, list[Received]]:
        (answer,) = done(running.ask(request))
        return answer.status, running.upstream.take()

    yield asked
    done(stack.aclose())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("place", READ)
def test_an_argument_arrives_as_it_was_said_or_nothing_is_sent(place: str, ask: Ask) -> None:
    values, read = READ[place]

    @settings(max_examples=100, deadline=None)
    @given(values)
    def check(value: Any) -> None:
        status, got = ask(named(place, {"x": value}))
        assert (status, len(got)) in ((200, 1), (400, 0)), (value, status, got)
        if got:
            assert read(got[0]) == value, (value, got[0])

    check()


@pytest.mark.parametrize("place", READ)
def test_a_plain_argument_arrives(place: str, ask: Ask) -> None:
    shape = {
        "List": ["a"],
        "mmas": ["a"],
        "ipes": ["a"],
        "aces": ["a"],
        "ject": {"b": "a"},
        "Deep": {"b": "a"},
    }
    value = shape.get(place[-4:], "a")
    status, got = ask(named(place, {"x": value}))
    assert status == 200
    assert [READ[place][1](one) for one in got] == [value]
