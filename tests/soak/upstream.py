"""`python -m tests.soak.upstream SEED`: an API that fails in every way, in a process of its own.

It prints its port. A write makes a value's next version, also where it then fails; `POST /aside`
makes one behind the gateway's back, and no fault meets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import sys
from collections import Counter, defaultdict
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from tests.soak.values import KINDS, Name, body_of

TENANTS = {
    "Bearer upstream-key-of-exact": "exact",
    "Bearer upstream-key-of-lenient": "lenient",
    "Bearer callers-key-of-alice": "alice",
    "Bearer callers-key-of-bob": "bob",
}
# Of a hundred replies; all else is well.
FAULTS = {"slow": 4, "reset": 1, "reset in the body": 2, "500": 2, "503": 1, "short": 2,
          "short chunks": 2, "bad gzip": 1}  # fmt: skip
CONTROLS = ("max-age=1", "max-age=2", "public, max-age=2", "private, max-age=1", "no-store", "",
            "no-cache", "s-maxage=1", "max-age=1, must-revalidate", "max-age=0", "")  # fmt: skip
VARIES = ("", "", "Accept-Language", "Accept-Language, Authorization", "Accept-Encoding", "*")


class Api:
    """The values and their versions."""

    def __init__(self, seed: int) -> None:
        self.versions: dict[tuple[str, str, str], int] = defaultdict(lambda: 1)
        self.random = random.Random(seed)  # noqa: S311 - nothing is to be kept from anybody
        self.done: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = line.split(" ")
        if target == "/done":
            return await _send(writer, 200, {}, json.dumps(self.done).encode())
        if target.startswith("/aside/"):
            _, _, tenant, kind, key = target.split("/")
            return await _send(writer, 200, {}, json.dumps(self.write(tenant, key, kind)).encode())
        tenant = TENANTS.get(headers.get("authorization", ""), "")
        if not tenant:
            return await _send(writer, 401, {}, b"{}")
        path = urlsplit(target)
        _, kind, *rest = path.path.split("/")
        key = json.loads(body)["key"] if kind == "found" else rest[0]
        if method != "GET" and kind != "found":
            kinds = KINDS if kind == "touch" else (kind,)
            answer = json.dumps(self.write(tenant, key, *kinds)).encode()
            return await self._answer(writer, {}, answer, headers)
        language = parse_qs(path.query).get("language", [headers.get("accept-language", "en")])[0]
        name = Name(kind, key, tenant, language, self.versions[kind, key, tenant])
        said = {"ETag": f'"{name}"', "Content-Language": language}
        for field, choices in (("Cache-Control", CONTROLS), ("Vary", VARIES)):
            if value := self.random.choice(choices):
                said[field] = value
        if tenant != "lenient":  # else what is old might stand in for a day where no answer comes
            never = self.random.choice(("must-revalidate", "stale-if-error=0"))
            said["Cache-Control"] = ", ".join(filter(None, (said.get("Cache-Control"), never)))
        if headers.get("if-none-match", "").find(f'"{name}"') >= 0:
            self.done["304"] += 1
            return await self._answer(writer, said, b"", headers, 304)
        return await self._answer(writer, said, body_of(name), headers)

    def write(self, tenant: str, key: str, *kinds: str) -> dict[str, int]:
        """Make the next versions."""
        self.done["writes"] += 1
        for kind in kinds:
            self.versions[kind, key, tenant] += 1
        return {kind: self.versions[kind, key, tenant] for kind in kinds}

    async def _answer(
        self,
        writer: asyncio.StreamWriter,
        said: dict[str, str],
        body: bytes,
        asked: dict[str, str],
        status: int = 200,
    ) -> bool:
        """Send it, or fail at it."""
        dice, fault = self.random.random() * 100, ""
        for name, share in FAULTS.items():
            dice -= share
            if dice < 0:
                fault = name
                break
        self.done[fault or "well"] += 1
        cut = self.random.randrange(1, len(body)) if len(body) > 1 else 0
        zipped = "gzip" in asked.get("accept-encoding", "") and self.random.random() < 0.4
        if fault in ("slow", ""):
            await asyncio.sleep(self.random.random() * (0.5 if fault else 0.004))
        elif fault == "reset":
            writer.transport.abort()
            return False
        elif fault in ("500", "503"):
            return await _send(writer, int(fault), {}, b'{"error": "as it happens"}')
        elif fault == "bad gzip" and "gzip" in asked.get("accept-encoding", "") and body:
            packed = gzip.compress(body, 1)
            packed = packed[: len(packed) * 2 // 3]
            return await _send(writer, status, {**said, "Content-Encoding": "gzip"}, packed)
        elif cut:
            chunked = fault == "short chunks"
            size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
            writer.write(_head(status, said, size))
            part = body[:cut]
            writer.write(b"%x\r\n%b\r\n" % (cut, part) if chunked else part)
            with contextlib.suppress(OSError):
                await writer.drain()
                await asyncio.sleep(0.01)
            if fault == "reset in the body":
                writer.transport.abort()
            else:
                writer.close()
            return False
        if zipped and body:
            body, said = gzip.compress(body, 1), {**said, "Content-Encoding": "gzip"}
        if body and self.random.random() < 0.3:
            writer.write(_head(status, said, "Transfer-Encoding: chunked"))
            half = len(body) // 2 or 1
            for part in (body[:half], body[half:]):
                if part:
                    writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                    await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        return await _send(writer, status, said, body)


def _head(status: int, said: dict[str, str], size: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in said.items()]
    return "\r\n".join([*lines, size, "", ""]).encode()


async def _send(
    writer: asyncio.StreamWriter, status: int, said: dict[str, str], body: bytes
) -> bool:
    size = "X-None: 0" if status == 304 else f"Content-Length: {len(body)}"
    writer.write(_head(status, said, size) + body)
    await writer.drain()
    return True


async def main(seed: int) -> None:
    server = await asyncio.start_server(Api(seed).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
