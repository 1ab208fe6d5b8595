"""Tells when files have changed. It watches folders, not files: editors and Kubernetes write a new
file and put it in the place of the old one, and a link may be turned to another folder.

What the system tells (inotify and its like) is only a hint to look: a change is what `stamps`
differ in. Where nothing is told, as of network drives and of some containers' mounts, it looks by
itself every few seconds. A file that is just being written is left alone until all is quiet.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

log = logging.getLogger("gateway")

# Milliseconds without a change before one is told; the longest that this may be put off.
QUIET, LONGEST = 200, 2_000
LOOK = 5.0  # seconds between two looks where nothing was told
MAX_LINKS = 40  # one behind the other, as Linux has it
MAX_FOLDERS = 1_000  # a user may have 8,192 watches (inotify(7)); beyond, looking has to do

Stamp = tuple[object, ...] | None


@dataclass(frozen=True, slots=True)
class Watched:
    """Files, there or not, and folders in which files may come and go, of these suffixes."""

    files: frozenset[Path] = frozenset()
    folders: frozenset[Path] = frozenset()
    suffixes: tuple[str, ...] = ()


async def watch(watched: Callable[[], Watched], changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` whenever something has changed, without end.

    It is called at first, too, and where it has made that other files are watched: they may have
    changed before anybody looked.
    """
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts each change aloud
    while True:
        try:
            await _watch(watched, changed)
        except Exception:
            log.exception("files cannot be watched; it is tried again")
            await asyncio.sleep(LOOK)


async def _watch(watched: Callable[[], Watched], changed: Callable[[], Awaitable[None]]) -> None:
    while True:
        what = watched()
        known = await asyncio.to_thread(stamps, what)
        await changed()
        if watched() != what:
            continue
        async with aclosing(_hints(_folders(what))) as hints:
            async for _ in hints:
                now = await asyncio.to_thread(stamps, what)
                if now == known:
                    continue
                known = now
                await changed()
                # Links may lead elsewhere now.
                if watched() != what or _folders(what) != _folders(watched()):
                    break


def stamps(watched: Watched) -> Mapping[Path, Stamp]:
    """What tells one state of files from another."""
    files = set(watched.files)
    found: dict[Path, Stamp] = {}
    for folder in watched.folders:
        try:
            inside = [one for one in folder.iterdir() if one.suffix in watched.suffixes]
        except OSError:
            inside = []
        files.update(inside)
        found[folder] = tuple(sorted(one.name for one in inside))
    for file in files:
        found[file] = _stamp(file)
    return found


def _stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
        # The second one changes with the permissions, too, and nobody can set it back.
        times = status.st_mtime_ns, status.st_ctime_ns
        return *times, status.st_size, status.st_ino, status.st_dev, file.resolve()
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links that lead in a circle
        return None


def _folders(watched: Watched) -> list[Path]:
    """The folders in which something happens when one of the files changes: its own, and those of
    all the links on the way to it."""
    found = {folder for folder in watched.folders if folder.is_dir()}
    for file in watched.files:
        found |= _on_the_way(file)
    return sorted(found)[:MAX_FOLDERS]


def _on_the_way(file: Path) -> set[Path]:
    found: set[Path] = set()
    left = [Path(os.path.abspath(file))]  # noqa: PTH100 - `resolve` would follow the links
    for _ in range(MAX_LINKS):
        if not left:
            break
        path = left.pop()
        if path.parent.is_dir():
            found.add(path.parent)
        for step in (path, *path.parents):
            if step.is_symlink():
                found.add(step.parent)
                target = step.parent / step.readlink() / path.relative_to(step)
                left.append(Path(os.path.abspath(target)))  # noqa: PTH100
                break
    return found


async def _hints(folders: list[Path]) -> AsyncGenerator[None, None]:
    """Now and then, and when something happens in these folders."""
    try:
        told = awatch(
            *folders,
            watch_filter=None,
            step=QUIET,
            debounce=LONGEST,
            rust_timeout=int(LOOK * 1000),
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        )
        async with aclosing(told):
            async for _ in told:
                yield
    except (OSError, RuntimeError) as error:  # no more watches are to be had: its own is of these
        text = "files are looked at every %g seconds, since they cannot be watched: %s"
        log.warning(text, LOOK, error)
    while True:
        await asyncio.sleep(LOOK)
        yield
