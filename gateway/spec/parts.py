"""The files of a spec beside its main one: read when they are reached, jailed, bounded.

Of a spec that is a file, files below one folder: the topmost that the config names on the way
to the spec (`spec: specs/api/main.yaml` may use all of `specs/`), else the spec's own; no
symlink out of it, no hidden file. Of a spec had by URL, its own origin, under the same bounds
and with the same headers as the spec itself. No other address is ever asked: `references` tells
which a spec may name. A file that cannot be had costs what needs it, and no more; only a host
that does not answer *yet* lets the plugin wait, as it does for the spec itself.

What the files held is kept below the state directory by the digest of their texts (`kept`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from gateway import yaml12
from gateway.errors import SpecError, SpecUnavailable, Unreadable, shown
from gateway.references import Ahead, Parts, Unread
from gateway.spec import kept
from gateway.spec.document import misfit
from gateway.spec.source import (
    MAX_BYTES,
    TOTAL_SECONDS,
    Seen,
    Source,
    download,
    new_session,
    plain,
)

MAX_FILES = 2_000  # the largest public spec in files (DigitalOcean) has 1,507
MAX_PART = 16 * 1024 * 1024  # by URL, since several are had at once
MAX_ROUNDS = 100  # files that lead to files; the most seen is 6
_AT_ONCE = 8
_TEXTS = (".md", ".txt")

Value = Any


class Library:
    """The files of one spec. `parts` is what is known of them; `warnings` says which are copies
    of an earlier start, `notes` what is wrong with this machine."""

    def __init__(
        self,
        source: Source,
        *,
        headers: Mapping[str, str],
        state: Path | None,
        masked: kept.Masked | None = None,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.parts = Parts(source.home)
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.seen: dict[str, Seen] = {}  # what was read, by address; of a copy, nothing
        self._source = source
        self._headers = headers
        self._state = state
        at = source.location if source.root is None else str(Path(source.location).resolve())
        self._key = kept.key(at, headers)
        self._masked = masked
        self._seconds = seconds
        self._end: float | None = None  # of the time for all of it, once something is asked for
        self._session: aiohttp.ClientSession | None = None
        self._left = MAX_BYTES
        self._rounds = 0
        self._known: dict[str, kept.Part] | None = None
        self._new: dict[str, kept.Part] = {}
        self._bases: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._new and self._known is not None:
            every = {**self._known, **self._new}
            if len(every) > MAX_FILES:  # those of other choices, and of files gone since
                every = {one: every[one] for one in self.parts.held if one in every}
            warning = await asyncio.to_thread(kept.keep_parts, self._state, self._key, every)
            self.notes += [warning] if warning else []

    async def read(self, wanted: Collection[str], ahead: Ahead | None = None) -> None:
        """Read files; `parts` then says of each what it holds, or why it cannot be had.

        Args:
            wanted: Their addresses.
            ahead: Tells which others those want; they are read, too, and so on.

        Raises:
            SpecUnavailable: a host does not give one of them yet.
        """
        if self._known is None:
            self._known = await asyncio.to_thread(kept.recall_parts, self._state, self._key)
        while wanted:
            await self._round(wanted)
            wanted = await asyncio.to_thread(ahead, self.parts) if ahead else ()

    async def _round(self, wanted: Collection[str]) -> None:
        self._rounds += 1
        held = dict(self.parts.held)
        new = [one for one in wanted if one not in held]
        room = max(0, MAX_FILES - len(held)) if self._rounds <= MAX_ROUNDS else 0
        why = f"more than {MAX_FILES:,} files, or {MAX_ROUNDS} one behind the other, are not read"
        held.update(dict.fromkeys(new[room:], Unread(why)))
        self.seen.update(dict.fromkeys(new[:room], Seen()))
        for start in range(0, len(new[:room]), _AT_ONCE):
            some = new[start : min(start + _AT_ONCE, room)]
            held.update(zip(some, await self._several(some), strict=True))
        self.parts = Parts(self.parts.home, held, dict(self._bases))

    async def _several(self, addresses: list[str]) -> list[Value]:
        if self._source.root is not None:
            return await asyncio.to_thread(lambda: list(map(self._from_file, addresses)))
        tasks = [asyncio.create_task(self._from_url(one)) for one in addresses]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    # --- one file -----------------------------------------------------------------------------

    def _from_file(self, address: str) -> Value:
        root = self._source.root or Path()
        name = shown(address)
        try:
            path = (root / address).resolve(strict=True)
            if not path.is_relative_to(root.resolve()):
                return Unread(f"{name} leads out of the folder of the spec")
            if _is_hidden(path.relative_to(root.resolve())):
                return Unread(f"{name} leads to a hidden file")
            if not path.is_file():
                return Unread(f"{name} is no file")
            with path.open("rb") as file:
                text = file.read(self._left + 1)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symlinks
            if isinstance(error, FileNotFoundError):
                return Unread(f"{name} is not there")
            reason = error.strerror if isinstance(error, OSError) else error
            return Unread(f"{name} cannot be read: {reason}")
        self.seen[address] = Seen(hashlib.sha256(text).hexdigest())
        return self._value(address, text)

    async def _from_url(self, address: str) -> Value:
        known = (self._known or {}).get(address)
        if known is not None and self._source.stale:
            return self._kept(address, known)
        loop = asyncio.get_running_loop()
        if self._end is None:
            self._end = loop.time() + self._seconds
        if self._session is None:
            self._session = new_session(self._source.location)
        left = max(0.001, self._end - loop.time())
        try:
            got = await download(address, self._headers, self._session, left, limit=MAX_PART)
        except (SpecError, SpecUnavailable) as error:
            if known is not None:
                return self._kept(address, known, str(error))
            if isinstance(error, SpecUnavailable):
                raise
            return Unread(str(error))
        self.seen[address] = got.seen
        return await asyncio.to_thread(self._value, address, got.text, got.location)

    def _kept(self, address: str, known: kept.Part, why: str = "") -> Value:
        """The copy of an earlier start, and a warning where it stands in for a worse one."""
        self.seen[address] = Seen()
        if why:
            self.warnings.append(f"{why}; the copy of an earlier start is used")
        if known.base:
            self._bases[address] = known.base
        return self._shown(known.value)

    def _value(self, address: str, text: bytes, at: str = "") -> Value:
        """What a text holds; `at` is the URL that gave it in the end.

        What a host says while it is being mended replaces no good copy: a text cut short is
        often still YAML, one of a plain value.
        """
        known = (self._known or {}).get(address)
        self._left -= len(text)
        if self._left < 0:
            self._left = 0
            return Unread(f"{shown(address)}: the spec's files have more than {MAX_BYTES:,} bytes")
        base = at if at and at != plain(URL(address)) else ""
        digest = hashlib.sha256(text).hexdigest()
        if known is not None and known.digest == digest:
            value = known.value
        else:
            value = _parsed(address, text)
            if at and known is not None and (worse := _worse(address, value, known.value)):
                return self._kept(address, known, worse)
        if isinstance(value, Unread):
            return value
        if base:
            self._bases[address] = base
        value = self._shown(value)
        if known is None or (known.digest, known.base) != (digest, base):
            self._new[address] = kept.Part(digest, value, base)
        return value

    def _shown(self, value: Value) -> Value:
        return self._masked(value) if self._masked else value


def _is_hidden(path: PurePath) -> bool:
    """Whether a file or a folder on its way is hidden, links followed. Folders like `..2024_01`
    are not: a Kubernetes volume keeps its files there, and links to them."""
    folders = [step for step in path.parts[:-1] if not step.startswith("..")]
    return any(step.startswith(".") for step in (*folders, path.name))


def _worse(address: str, value: Value, known: Value) -> str:
    """Why what a host gave now cannot stand for what it gave before; "" where it can."""
    if isinstance(value, Unread):
        return value.why
    if isinstance(value, dict) or type(value) is type(known):
        return ""
    return f"{shown(address)} holds {shown(value)} now, where it held something else before"


def _parsed(address: str, text: bytes) -> Value:
    name = shown(address)
    if address.partition("?")[0].lower().endswith(_TEXTS):
        return text.decode("utf-8", "replace").removeprefix("\ufeff")
    wrong = misfit(text)
    if wrong:
        return Unread(f"{name} is {wrong}")
    try:
        value = yaml12.read(text)
    except Unreadable as error:
        return Unread(f"{name}:{error.line}:{error.column}: {error.message}")
    if isinstance(value, dict) and "plugin" in value and value.keys() & {"operations", "spec"}:
        return Unread(f"{name} is the config of a plugin")
    return value
