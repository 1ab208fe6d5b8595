"""`python -m tests.soak.load GATEWAY UPSTREAM SECONDS SEED`: callers, in a process of their own.

Each second it prints a line of JSON: what was done since the last one, and what was wrong.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.soak.values import (
    LIFETIME,
    SLACK,
    STALE,
    Asked,
    Known,
    Name,
    WrongError,
    judged,
    of_rows,
)

WORKERS, PAUSE = 32, 0.04
HOT, KEYS, WIDE_KEYS = 2, 100, 2000  # keys that most ask for, all others, and those of `wide`
# Words of `Cache-Status` that are counted.
HOW = ("hit", "stored", "collapsed", "fwd=stale", "304", "while-revalidate", "no-answer")
LANGUAGES = ("en", "de")
# Who calls: plugin and token by tenant. Who brings keys of his own is told apart by them alone.
CALLERS = {
    "exact": ("exact", "token-of-a-service"),
    "lenient": ("lenient", "token-of-a-service"),
    "alice": ("own", "callers-key-of-alice"),
    "bob": ("own", "callers-key-of-bob"),
}
# What comes first fills the room for replies and that for handles, so that all that comes later has
# to push something out; only then is there something to say of memory.
FILL = {"fill": 90, "read": 7, "write": 3}
FILLING, LONGEST = 0.3, 40.0  # of the time; seconds
MIX = {"read": 70, "mcp": 6, "write": 9, "touch": 1, "aside": 5, "more": 9}
READS = {"item": 55, "list": 12, "file": 5, "found": 14, "wide": 14}


@dataclass
class Load:
    """Callers, what they know, and what they have seen."""

    gateway: str
    upstream: str
    session: aiohttp.ClientSession
    dice: random.Random
    known: Known = field(default_factory=Known)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=itertools.count)

    async def caller(self, until: float, filled: float) -> None:
        """Call after call."""
        while (now := time.monotonic()) < until:
            mix = FILL if now < filled else MIX
            (what,) = self.dice.choices([*mix], [*mix.values()])
            tenant = self.dice.choice([*CALLERS])
            began = time.monotonic()
            try:
                await getattr(self, what)(tenant)
            except WrongError as error:
                took = time.monotonic() - began
                self.wrong.append(f"{what} of {tenant}, {took:.2f} s: {error}")
            except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
                self.seen["cut"] += 1  # a long body that was passed on as it came, and says so
            await asyncio.sleep(0 if now < filled else self.dice.random() * 2 * PAUSE)

    def _key(self, kind: str) -> str:
        if kind != "wide" and self.dice.random() < 0.75:
            return f"hot{self.dice.randrange(HOT)}"
        return f"k{self.dice.randrange(WIDE_KEYS if kind == 'wide' else KEYS)}"

    def _asked(self, tenant: str, kind: str, key: str = "") -> Asked:
        """A question, and the least that must be known to who answers it from now on."""
        key = key or self._key(kind)
        least = self.known.least(kind, key, tenant, time.monotonic())
        return Asked(kind, key, tenant, self.dice.choice(LANGUAGES), least)

    async def _call(
        self, method: str, tenant: str, path: str, language: str = "en", body: Any = None
    ) -> Any:
        """A good answer; None for a failure that says so."""
        plugin, token = CALLERS[tenant]
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        if path == "/mcp":
            headers["Accept"] = "application/json, text/event-stream"
        url = f"{self.gateway}/{plugin}{path}"
        async with self.session.request(method, url, headers=headers, json=body) as response:
            text = await response.read()
            self.seen[str(response.status)] += 1
            told = response.headers.get("Cache-Status", "")
            for word in HOW:
                self.seen[word] += word in told
        if response.status == 200:
            try:
                return json.loads(text)
            except ValueError:
                raise WrongError(f"torn: {text[:60]!r} … {text[-60:]!r}") from None
        if response.status not in (500, 502, 503, 504):
            raise WrongError(f"{response.status}: {text[:200]!r}")
        return None

    async def read(self, tenant: str) -> None:
        (kind,) = self.dice.choices([*READS], [*READS.values()])
        await self._read(tenant, kind)

    async def fill(self, tenant: str) -> None:
        await self._read(tenant, self.dice.choice(("wide", "list")), f"k{next(self.ids)}")

    async def _read(self, tenant: str, kind: str, key: str = "") -> tuple[Any, Name] | None:
        asked = self._asked(tenant, kind, key)
        post = kind == "found"
        body = await self._call(
            "POST" if post else "GET",
            tenant,
            "/found" if post else f"/{kind}/{asked.key}",
            asked.language,
            {"key": asked.key} if post else None,
        )
        self.seen["reads"] += 1
        return None if body is None else (body, judged(body, asked))

    async def more(self, tenant: str) -> None:
        """A list that is cut, and its next piece, which is of the same list."""
        found = await self._read(tenant, "list")
        if found is None:
            return
        body, name = found
        told = body.get("_shrunk", {})
        if "more" not in told:
            raise WrongError(f"no handle: {str(told)[:200]}")
        first = len(body["rows"])
        query = f"?handle={told['more']['handle']}&path=rows&offset={first}"
        piece = await self._call("GET", tenant, f"/getMore{query}")
        if piece is None:
            return
        self.seen["more"] += 1
        try:
            of_rows(piece["items"], name, first)
        except (KeyError, TypeError) as error:
            raise WrongError(f"torn: {str(piece)[:200]} ({error!r})") from None

    async def mcp(self, tenant: str) -> None:
        """The same by `tools/call`, which is not there for who brings a key of his own."""
        tenant = "exact" if tenant == "alice" else "lenient" if tenant == "bob" else tenant
        kind = self.dice.choice(("item", "list", "found"))
        asked = self._asked(tenant, kind)
        params = {"name": f"get_{kind}", "arguments": {"key": asked.key}}
        call = {"jsonrpc": "2.0", "id": next(self.ids), "method": "tools/call", "params": params}
        found = await self._call("POST", tenant, "/mcp", asked.language, call)
        self.seen["mcp"] += 1
        if found is None:
            return
        if found.get("id") != call["id"] or "result" not in found:
            raise WrongError(f"MCP: {str(found)[:200]}")
        text = found["result"]["content"][0]["text"]
        if found["result"].get("isError"):
            self.seen["MCP errors"] += 1
            if "upstream" not in text.lower():  # it failed, or that is not the reason
                raise WrongError(f"MCP: {text[:200]}")
            return
        judged(json.loads(text), asked)

    async def write(self, tenant: str) -> None:
        """A value's next version: its own address is forgotten."""
        kind = self.dice.choice(("item", "item", "list", "file", "wide"))
        await self._written(tenant, await self._write(tenant, "PUT", kind, self._key(kind)))

    async def touch(self, tenant: str) -> None:
        """The next versions of all values of a key: the operations that read them are purged."""
        await self._written(tenant, await self._write(tenant, "POST", "touch", self._key("item")))

    async def _write(
        self, tenant: str, method: str, kind: str, key: str
    ) -> tuple[str, dict[str, int] | None]:
        self.seen["writes"] += 1
        return key, await self._call(method, tenant, f"/{kind}/{key}", body={})

    async def _written(self, tenant: str, done: tuple[str, dict[str, int] | None]) -> None:
        key, versions = done
        for kind, version in (versions or {}).items():
            self.known.add(kind, key, tenant, time.monotonic(), version)

    async def aside(self, tenant: str) -> None:
        """A value's next version, of which nobody tells the gateway: it shows in time."""
        kind = self.dice.choice(("item", "list", "found"))
        key = self._key(kind)
        async with self.session.post(f"{self.upstream}/aside/{tenant}/{kind}/{key}") as response:
            (version,) = (await response.json()).values()
        self.seen["aside"] += 1
        late = LIFETIME + SLACK + (STALE if tenant == "lenient" else 0)
        self.known.add(kind, key, tenant, time.monotonic() + late, version)

    async def tell(self) -> None:
        """A line each second."""
        while True:
            await asyncio.sleep(1)
            self.line()

    def line(self) -> None:
        print(json.dumps({"seen": self.seen, "wrong": self.wrong}), flush=True)  # noqa: T201
        self.seen, self.wrong = Counter(), []


async def main(gateway: str, upstream: str, seconds: float, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - nothing is to be kept from anybody
    began, filling = time.monotonic(), min(seconds * FILLING, LONGEST)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        load = Load(gateway, upstream, session, dice)
        telling = asyncio.create_task(load.tell())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(load.caller(began + seconds, began + filling))
        finally:
            telling.cancel()
            load.line()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
