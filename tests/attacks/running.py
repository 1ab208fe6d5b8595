"""Cases run: a gateway for each world, a connection for each request, the whole record judged."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import aiohttp

from gateway import guarded
from gateway.app import Gateway, Options
from gateway.config import read_configs
from gateway.errors import Mistakes
from tests.attacks.case import Case, Sent, World
from tests.attacks.recorder import Received, Recorder, Reply
from tests.attacks.watching import Watch, watching

# All that an answer may say about itself (docs/security.md, promise 5).
ALLOWED = frozenset(
    {
        "age",
        "allow",
        "cache-control",
        "answer-tokens",
        "cache-status",
        "call-id",
        "server-timing",
        "ratelimit",
        "ratelimit-policy",
        "connection",
        "content-length",
        "content-type",
        "date",
        "etag",
        "server",
        "transfer-encoding",
        "vary",
        "www-authenticate",
        "x-content-type-options",
        "content-security-policy",
    }
)
OWN_WORDS = "plugin-gateway"
PATIENCE = 5.0  # seconds for an answer; only a case that goes wrong waits for it
FORBIDDEN_FILE = "canary-file"
Verdicts = dict[str, list[str]]


class Answer(NamedTuple):
    """What the gateway answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """All of it, to be searched, but for the call's id: what is drawn may be any short word."""
        head = "".join(f"{name}: {value}\n" for name, value in self.headers)
        text = head + self.body.decode("utf-8", "replace")
        drawn = next((value for name, value in self.headers if name.lower() == "call-id"), "")
        return text.replace(drawn, "") if drawn else text


@dataclass
class Running:
    """A gateway that serves a world, its upstream, the canary, and what is seen of them."""

    world: World
    upstream: Recorder
    canary: Recorder
    watch: Watch
    gateway: Gateway
    words: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, request: bytes) -> list[Answer]:
        """Send bytes on a connection of their own; all answers that come back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        got = b""
        try:
            writer.write(request.replace(b"@PORT@", str(self.gateway.port).encode()))
            async with asyncio.timeout(PATIENCE):
                # The gateway lingers over what was no request; its last answer says that it is one.
                while not _is_over(got) and (chunk := await reader.read(65536)):
                    got += chunk
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return answers(got)

    def elsewhere(self) -> list[str]:
        """Whatever was asked that nobody wrote."""
        allowed = {self.upstream.port, self.gateway.port}
        asked = sorted({one for one in self.watch.connected if one[1] not in allowed})
        asked += sorted({one for one in self.watch.connected if one[0] != "127.0.0.1"} - {*asked})
        known = {"127.0.0.1", *self.world.resolves, *self.world.resolves.values()}
        names = sorted({one for one in self.watch.resolved if one not in known})
        files = [one for one in self.watch.opened if FORBIDDEN_FILE in one]
        faults = [f"it connected to {host}:{port}" for host, port in asked]
        faults += [f"it asked for the name {name}" for name in names]
        faults += [f"the canary got {one.method} {one.target}" for one in self.canary.received]
        faults += [f"it opened {Path(name).name}" for name in files]
        self.watch.connected.clear()
        self.watch.resolved.clear()
        self.watch.opened.clear()
        self.canary.received.clear()
        return faults


def answers(data: bytes) -> list[Answer]:
    """All answers of a connection."""
    found: list[Answer] = []
    while data:
        head, blank, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not blank or not first.startswith("HTTP/"):
            found.append(Answer(0, (), data))
            break
        status = int(first.split()[1])
        headers = tuple((k, v.strip()) for k, _, v in (one.partition(":") for one in lines))
        length = next((int(v) for k, v in headers if k.lower() == "content-length"), 0)
        coded = any(name.lower() == "transfer-encoding" for name, _ in headers)
        body, data = _chunks(rest) if coded else (rest[:length], rest[length:])
        if status >= 200:
            found.append(Answer(status, headers, body))
    return found


def _is_over(data: bytes) -> bool:
    """Whether the last answer of a connection is there, whole."""
    last = data.rfind(b"HTTP/1.")
    head, blank, rest = data[max(0, last) :].partition(b"\r\n\r\n")
    closes = head.startswith(b"HTTP/1.0") or b"\r\nconnection: close" in head.lower()
    if not blank or not closes:
        return False
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    if length is None:
        return rest.endswith(b"\r\n0\r\n\r\n") or head.split(b" ")[1] in (b"204", b"304")
    return len(rest) >= int(length[1])


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """A chunked body, and what stands behind it."""
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + rest[:length], rest[length + 2 :]
        if not length:
            break
    return body, data


def run(cases: Iterable[Case], most: int = 0) -> Verdicts:
    """What is wrong with each case, by name; nothing for one that holds.

    `most` ends it after so many that do not hold; 0 is all of them.
    """
    verdicts: Verdicts = {}
    by_world = sorted(cases, key=lambda case: case.world.name)
    for _, group in groupby(by_world, key=lambda case: case.world.name):
        several = list(group)
        for some in [[one] for one in several] if several[0].world.fresh else [several]:
            verdicts |= asyncio.run(_run(some[0].world, some))
            if most and sum(map(bool, verdicts.values())) >= most:
                return verdicts
    return verdicts


async def _run(world: World, cases: Sequence[Case]) -> Verdicts:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="attacks-"))
        upstream = await stack.enter_async_context(Recorder())
        canary = await stack.enter_async_context(Recorder())
        stack.enter_context(resolving(world.resolves))
        words = {"@URL@": upstream.url, "@CANARY@": canary.url, "@FOLDER@": folder}
        paths = written(world, Path(folder), words)
        watch = stack.enter_context(watching())
        upstream.words = canary.words = words
        upstream.script = lambda got, _: world.served.get(got.target, Reply("{}", 404))
        try:
            gateway = await stack.enter_async_context(start(world, paths))
        except Mistakes as error:
            return _not_loaded(world, cases, upstream, canary, watch, str(error))
        running = Running(world, upstream, canary, watch, gateway, words)
        verdicts = {}
        wrong_at_load = running.elsewhere()
        if world.mistake:
            wrong_at_load.append(f"it loaded, which should stop with {world.mistake!r}")
        upstream.take()  # its spec, and files of its own origin
        for case in cases:
            verdicts[case.name] = [*wrong_at_load, *await judged(case, running)]
        late = upstream.take()
        if late and cases:
            verdicts[cases[-1].name].append(f"{len(late)} requests came after the last answer")
        return verdicts


def start(world: World, paths: Sequence[Path]) -> Gateway:
    """A gateway for a world."""
    loaded = read_configs(paths, world.env)
    return Gateway(loaded, Options(**{"port": 0, "state": None, **world.options}))


def written(world: World, folder: Path, words: Mapping[str, str]) -> list[Path]:
    """Write the files of a world; where its configs are."""

    def filled(text: str) -> str:
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return dedent(text)

    for name, text in world.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(filled(text))
    for name, target in world.links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    paths = []
    for number, text in enumerate(world.configs):
        path = folder / "configs" / f"plugin{number}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(filled(text))
        paths.append(path)
    return paths


def _not_loaded(
    world: World,
    cases: Sequence[Case],
    upstream: Recorder,
    canary: Recorder,
    watch: Watch,
    error: str,
) -> Verdicts:
    faults = [f"the canary got {one.method} {one.target}" for one in canary.received]
    faults += [f"it connected to {one}" for one in watch.connected if one[1] != upstream.port]
    faults += [f"it opened {one}" for one in watch.opened if FORBIDDEN_FILE in one]
    if not world.mistake or world.mistake not in error:
        faults.append(f"it does not load: {error[:300]}")
    return {case.name: faults for case in cases}


@contextmanager
def resolving(names: Mapping[str, str]) -> Iterator[None]:
    """A resolver that says of these names what a hostile one would."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return original(names.get(host, host), *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = original


async def connect(written: str, asked: str) -> None:
    """Ask an address with the gateway's connections, of which an operator wrote another."""
    async with aiohttp.ClientSession(connector=guarded.connector((written,))) as session:
        with suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout(PATIENCE), session.get(asked):
                pass


# --- judged -----------------------------------------------------------------------------------


async def judged(case: Case, running: Running) -> list[str]:
    """All that is wrong with a case."""
    running.upstream.script = lambda got, _: case.says.get(got.target, case.says.get("", Reply()))
    if case.asks[1]:
        await connect(*(running_text(one, running) for one in case.asks))
    got = [answer for request in case.sends for answer in await running.ask(request)]
    faults = _unlike(running.upstream.take(), case.seen, running)
    faults += running.elsewhere()
    faults += _answered(case, got, running)
    return faults


def _unlike(received: Sequence[Received], wanted: Sequence[Sent], running: Running) -> list[str]:
    """What differs between the record and what may be seen."""
    if len(received) != len(wanted):
        told = ", ".join(f"{one.method} {one.target[:200]}" for one in received) or "nothing"
        return [f"the upstream got {told}; {len(wanted)} requests were right"]
    faults: list[str] = []
    for one, want in zip(received, wanted, strict=True):
        if (one.method, one.target) != (want.method, want.target):
            faults.append(f"it got {one.method} {one.target[:300]}, not {want.target[:300]}")
        headers = [(name.lower(), value) for name, value in one.headers]
        if want.parts is not None:
            headers = [
                pair for pair in headers if pair[0] not in ("content-type", "content-length")
            ]
            if tuple(one.parts()) != want.parts:
                faults.append(f"it got the parts {one.parts()}, not {want.parts}")
        elif one.body != (want.body or b""):
            faults.append(f"it got the body {one.body[:300]!r}, not {(want.body or b'')[:300]!r}")
        expected = _headers(want, running)
        if sorted(headers) != sorted(expected):
            more = [pair for pair in headers if pair not in expected]
            less = [pair for pair in expected if pair not in headers]
            faults.append(f"its headers have {more or 'one twice'}, and lack {less}")
    return faults


def _headers(want: Sent, running: Running) -> list[tuple[str, str]]:
    """Every header line that a request may have, names in lower case."""
    shown = running.world.shown if want.shown is None else want.shown
    found = {
        "host": running.upstream.netloc,
        "user-agent": OWN_WORDS,
        "accept": "application/json, */*;q=0.1",
        "accept-encoding": "gzip, deflate",
        "via": f"1.1 {OWN_WORDS}",
    }
    if want.body is not None:
        found |= {"content-type": want.type, "content-length": str(len(want.body))}
    elif want.method not in ("GET", "HEAD") and want.parts is None:
        found["content-length"] = "0"
    own = [(name.lower(), value) for name, value in (*shown, *want.headers)]
    return [*((name, value) for name, value in found.items() if name not in dict(own)), *own]


def _answered(case: Case, got: Sequence[Answer], running: Running) -> list[str]:
    """What is wrong with the answers."""
    faults: list[str] = []
    statuses = tuple(one.status for one in got)
    wanted = case.status * len(case.sends) if len(case.status) == 1 else case.status
    if wanted and statuses != wanted and not (case.cuts and not statuses):
        first = got[0].body[:300].decode("utf-8", "replace") if got else "nothing"
        faults.append(f"it answered {statuses}, not {wanted}: {first}")
    if any(b'"code":"internal_error"' in one.body or one.status == 0 for one in got):
        faults.append("it failed, or answered what is no HTTP")
    allowed = ALLOWED | set(case.allows)
    for answer in got:
        names = {name.lower() for name, _ in answer.headers}
        if names - allowed:
            faults.append(f"the answer has the headers {sorted(names - allowed)}")
        faults += [
            f"the answer holds {one!r}"
            for one in case.never
            if running_text(one, running) in answer.text
        ]
        faults += [
            f"the answer holds the secret {name}"
            for name, value in running.world.env.items()
            if holds(answer.text, value)
        ]
        if running.upstream.netloc in answer.text and not case.says and not case.allows:
            faults.append("the answer says where the upstream is")
    for answer, text in zip(got, case.has, strict=False):
        if text and text not in answer.text:
            faults.append(f"the answer lacks {text!r}: {answer.text[:500]!r}")
    if len(got) < len(case.has):
        faults.append(f"there are {len(got)} answers")
    return faults


def running_text(text: str, running: Running) -> str:
    """A text with its placeholders filled in."""
    for word, meaning in running.words.items():
        text = text.replace(word, meaning)
    return text


def holds(text: str, secret: str) -> bool:
    """Whether a secret can be read out of a text: as it is, escaped, percent-encoded, in base64."""
    readings = {
        text,
        unquote(text),
        re.sub(r"\\u([0-9a-fA-F]{4})", _char, text).replace("\\/", "/"),
    }
    coded = [
        base64.b64encode(b"\0" * shift + secret.encode())[2 if shift else 0 :].rstrip(b"=")
        for shift in range(3)
    ]
    # The first and the last character may be shared with a neighbour.
    forms = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
    forms |= {one.decode()[2:-2] for one in coded} | {
        one.decode()[2:-2].replace("+", "-").replace("/", "_") for one in coded
    }
    return any(form in reading for form in forms if len(form) >= 5 for reading in readings)


def _char(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


__all__ = [
    "ALLOWED",
    "Answer",
    "Running",
    "Verdicts",
    "answers",
    "holds",
    "run",
    "start",
    "written",
]
