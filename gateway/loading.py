"""One plugin, loaded: its spec and files are had and compiled, and it is noted what it was made of.

`load` does the work. `unchanged` tells later whether it would come to the same: the files are
read again, and addresses are asked whether they still give what they gave (`If-None-Match`,
`If-Modified-Since`). So what nobody has touched is neither parsed nor compiled anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import mimetypes
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.compiling import Beside
from gateway.config import Loaded, types
from gateway.errors import Mistake, Mistakes, SpecError, SpecUnavailable
from gateway.pipeline import Mask
from gateway.plugin import Files, Plugin, build
from gateway.references import WantedError
from gateway.shrinking.tokens import estimate
from gateway.spec.parts import MAX_PART, Library
from gateway.spec.source import (
    MAX_BYTES,
    TOTAL_SECONDS,
    Progress,
    Seen,
    Source,
    Unchanged,
    download,
    fetch,
    new_session,
)

log = logging.getLogger("gateway")

_UNREAD = "unread "  # begins what stands for a file's digest where it was not opened

MAX_LOGO = 1024 * 1024
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a plugin was made of, beside its config.

    `files` are the digests of what was read, "" for what could not be; `urls` is what addresses
    gave, the spec's own as its config names it. `stale` says that a copy of an earlier run stands
    for one that could not be had.
    """

    files: Mapping[Path, str] = field(default_factory=dict)
    urls: Mapping[str, Seen] = field(default_factory=dict)
    stale: bool = False


class Made(NamedTuple):
    """A plugin, and what it was made of."""

    plugin: Plugin
    inputs: Inputs


async def load_plugin(
    loaded: Loaded, state: Path | None = None, progress: Progress = lambda _: None
) -> Plugin:
    """Get a plugin's spec and files, and compile it.

    Raises:
        Mistakes: what is wrong with the config, alone or against the spec.
        SpecUnavailable: the spec cannot be had yet.
    """
    return (await load(loaded, state, progress)).plugin


async def load(
    loaded: Loaded,
    state: Path | None = None,
    progress: Progress = lambda _: None,
    beside: Beside = nullcontext,
    seconds: float = TOTAL_SECONDS,
) -> Made:
    """The same, and what it was made of. `beside` is entered while a thread compiles; `seconds`
    is the longest that the spec's host, and those of its parts, may take."""
    found = await asyncio.to_thread(_files, loaded)
    try:
        plugin, inputs = await _built(loaded, state, found.files, progress, beside, seconds)
    except Mistakes as error:
        raise Mistakes([*found.mistakes, *error.mistakes]) from None
    if found.mistakes:
        raise Mistakes(found.mistakes)
    return Made(plugin, replace(inputs, files={**inputs.files, **found.digests}))


async def _built(
    loaded: Loaded,
    state: Path | None,
    files: Files,
    progress: Progress,
    beside: Beside,
    seconds: float,
) -> Made:
    where, headers = source_of(loaded.plugin)
    if not where:
        return Made(build(loaded, None, files=files), Inputs())
    mask = Mask(loaded.secrets)  # a server may say back what it was sent
    masked = partial(masked_document, mask=mask) if headers else None
    try:
        base = loaded.file.parent
        got = await fetch(
            where,
            base=base,
            headers=headers,
            state=state,
            seconds=seconds,
            progress=progress,
            masked=masked,
        )
        progress(f"compiling {loaded.plugin.plugin}")
    except SpecError as error:
        raise Mistakes([loaded.mistake(("spec",), mask.text(str(error)))]) from None
    except SpecUnavailable as error:
        raise SpecUnavailable(mask.text(str(error))) from None
    try:
        async with Library(
            got, headers=headers, state=state, masked=masked, seconds=seconds
        ) as library:
            plugin = await _built_of(loaded, got, library, files, beside)
    except SpecError as error:
        raise Mistakes([loaded.mistake(("spec",), mask.text(str(error)))]) from None
    except SpecUnavailable as error:
        raise SpecUnavailable(mask.text(str(error))) from None
    for warning in (*got.warnings, *library.warnings, *library.notes):
        log.warning("%s: %s", loaded.plugin.plugin, mask.text(warning))
    # What is served may be out of date: that is said of the plugin, too, not in passing only.
    copies = [*(got.warnings if got.stale else ()), *library.warnings]
    said = [loaded.mistake(("spec",), mask.text(one)) for one in copies]
    tokens = await asyncio.to_thread(_weighed, got.document)
    plugin = replace(plugin, warnings=(*plugin.warnings, *said), spec_tokens=tokens)
    inputs = await asyncio.to_thread(_inputs, where, got, library, stale=bool(copies))
    return Made(plugin, inputs)


def _weighed(document: dict[str, Any]) -> int:
    """The tokens of a whole spec as compact JSON, roughly: what it would cost a model."""
    try:
        text = msgspec.json.encode(document)
    except (OverflowError, ValueError):  # integers beyond 64 bits, half a surrogate pair
        text = json.dumps(document, separators=(",", ":")).encode()
    return round(estimate(text))


def source_of(config: types.Plugin) -> tuple[str, Mapping[str, str]]:
    """Where a plugin's spec is, "" for nowhere, and the headers to ask for it with."""
    source = config.spec
    if isinstance(source, types.SpecSource):
        return source.url, source.headers
    return source or "", {}


def _inputs(where: str, got: Source, library: Library, *, stale: bool) -> Inputs:
    if got.root is None:
        return Inputs(urls={where: got.seen, **library.seen}, stale=stale)
    root = got.root
    parts = {root / one: seen.digest or _unread(root / one) for one, seen in library.seen.items()}
    return Inputs(files={Path(got.location): got.seen.digest, **parts})


async def _built_of(
    loaded: Loaded, got: Source, library: Library, files: Files, beside: Beside
) -> Plugin:
    """Compile a plugin, reading the files of its spec that turn out to be needed."""
    while True:
        try:
            with beside():
                return await asyncio.to_thread(
                    build,
                    loaded,
                    got.document,
                    got.location,
                    from_url=got.from_url,
                    files=files,
                    parts=library.parts,
                )
        except WantedError as wanted:
            await library.read(wanted.addresses, wanted.ahead)


def masked_document(value: Any, mask: Mask) -> Any:
    """A spec, or a part of one, without the secrets that a server may say back."""
    return msgspec.json.decode(mask.body(msgspec.json.encode(value)))


class _Beside(NamedTuple):
    """The files that a config names beside its spec, their digests, and what is wrong with them."""

    files: Files
    digests: dict[Path, str]
    mistakes: list[Mistake]


def _files(loaded: Loaded) -> _Beside:
    """Read the logo and the legal text where the config names files beside it."""
    config = loaded.plugin
    mistakes: list[Mistake] = []
    digests: dict[Path, str] = {}
    logo: bytes | None = None
    legal: tuple[str, bytes] | None = None
    for key, name in (("logo", config.logo), ("legal", config.legal)):
        if name is None or name.startswith(("https://", "http://")):
            continue
        path = loaded.file.parent / name
        try:
            if path.stat().st_size > MAX_LOGO:
                raise OSError(f"larger than {MAX_LOGO:,} bytes")
            data = path.read_bytes()
        except OSError as error:
            text = f"{name!r} cannot be read: {error.strerror or error}"
            mistakes.append(loaded.mistake((key,), text))
            continue
        digests[path] = hashlib.sha256(data).hexdigest()
        if key == "legal":
            kind = "text/html" if path.suffix in (".html", ".htm") else "text/plain"
            legal = (f"{kind}; charset=utf-8", data)
        elif mimetypes.guess_type(path.name)[0] != "image/png" or data[:4] != b"\x89PNG":
            mistakes.append(loaded.mistake((key,), f"{name!r} is not a PNG image"))
        else:
            logo = data
    return _Beside(Files(logo, legal), digests, mistakes)


# --- again ------------------------------------------------------------------------------------


def files_named(loaded: Loaded) -> set[Path]:
    """The files that a config names, whether they are there or not; parts of a spec are not."""
    config = loaded.plugin
    where, _ = source_of(config)
    names = {name for name in (where, config.logo, config.legal) if name and "://" not in name}
    return {loaded.file, *loaded.files, *(loaded.file.parent / name for name in names)}


async def unchanged_files(inputs: Inputs) -> bool:
    """Whether the files hold what they held."""
    return await asyncio.to_thread(
        lambda: all(
            (_unread if digest.startswith(_UNREAD) else _digest)(path) == digest
            for path, digest in inputs.files.items()
        )
    )


def _unread(path: Path) -> str:
    """What tells that a file has changed which is not there, or must not be opened."""
    try:
        status = path.stat()
        return f"{_UNREAD}{path.resolve()} {status.st_mtime_ns} {status.st_size}"
    except (OSError, ValueError, RuntimeError):  # a loop of symlinks
        return _UNREAD


def _digest(path: Path) -> str:
    """Of what a file holds, "" where it cannot be read."""
    try:
        if not path.is_file():  # a pipe that nobody writes to is never read to its end
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


async def unchanged_urls(loaded: Loaded, inputs: Inputs) -> bool:
    """Whether the addresses give what they gave.

    Raises:
        SpecUnavailable, SpecError: that cannot be told, now or at all.
    """
    where, headers = source_of(loaded.plugin)
    mask = Mask(loaded.secrets)
    loop = asyncio.get_running_loop()
    end = loop.time() + TOTAL_SECONDS
    left = list(inputs.urls.items())
    try:
        async with new_session(where) as session:

            async def same(url: str, seen: Seen) -> bool:
                asked = {**headers, **seen.conditions}
                most = MAX_BYTES if url == where else MAX_PART
                try:
                    got = await download(url, asked, session, end - loop.time(), limit=most)
                except Unchanged:
                    return True
                except SpecError:
                    if seen.digest or url == where:
                        raise
                    return True  # a part that was not to be had before, either
                return got.seen.digest == seen.digest

            while left:
                some, left = left[:_AT_ONCE], left[_AT_ONCE:]
                tasks = [asyncio.create_task(same(*one)) for one in some]
                try:
                    if not all(await asyncio.gather(*tasks)):
                        return False
                finally:
                    for task in tasks:
                        task.cancel()
    except SpecError as error:
        raise SpecError(mask.text(str(error))) from None
    except SpecUnavailable as error:
        raise SpecUnavailable(mask.text(str(error))) from None
    return True
