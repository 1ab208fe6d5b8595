"""Files written all or none: what is in the way is found before, what fails between is undone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path


class InTheWay(Exception):
    """What is there already, and so nothing is written. `never` is there whatever is forced."""

    def __init__(self, paths: Iterable[Path], *, never: bool = False) -> None:
        super().__init__()
        self.paths = tuple(paths)
        self.never = never


def text_of(path: Path) -> bytes | None:
    """What a file says; None where there is none, or none that can be read."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def place(files: Mapping[Path, bytes], *, force: bool) -> None:
    """Write files and the directories that they need.

    A link is never written through: it is in the way, and what is forced takes its place. What
    comes there meanwhile is not replaced either.

    Raises:
        InTheWay: something is there; nothing is written.
        OSError: one could not be written; what was written before is as it was.
    """
    if blocked := [one for path in files if (one := _blocking(path)) is not None]:
        raise InTheWay(dict.fromkeys(blocked), never=True)
    there = [path for path in files if os.path.lexists(path)]
    if there and not force:
        raise InTheWay(there)
    undo: list[Callable[[], object]] = []
    try:
        for path, body in files.items():
            _make(path.parent, undo)
            if force and os.path.lexists(path):
                _replace(path, body, undo)
            else:
                _create(path, body, undo)
    except BaseException as error:
        for back in reversed(undo):
            with suppress(OSError):
                back()
        if isinstance(error, FileExistsError):
            raise InTheWay([Path(error.filename)]) from error
        raise


def _blocking(path: Path) -> Path | None:
    """What is no file in a file's place, or no directory in a directory's."""
    if os.path.lexists(path) and not path.is_file() and not path.is_symlink():
        return path
    for parent in path.parents:
        if os.path.lexists(parent):
            return None if parent.is_dir() else parent
    return None


def _make(directory: Path, undo: list[Callable[[], object]]) -> None:
    missing = [one for one in (directory, *directory.parents) if not one.is_dir()]
    for one in reversed(missing):
        with suppress(FileExistsError):  # somebody else makes it as well
            one.mkdir()
            undo.append(one.rmdir)


def _create(path: Path, body: bytes, undo: list[Callable[[], object]]) -> None:
    with path.open("xb") as file:  # follows no link, and replaces nothing
        undo.append(path.unlink)
        file.write(body)


def _replace(path: Path, body: bytes, undo: list[Callable[[], object]]) -> None:
    if path.is_symlink():
        link = path.readlink()
        undo.append(lambda: _put(path, lambda beside: beside.symlink_to(link)))
    else:
        old = path.read_bytes()
        undo.append(lambda: _put(path, lambda beside: _write(beside, old)))
    _put(path, lambda beside: _write(beside, body))


def _put(path: Path, make: Callable[[Path], object]) -> None:
    """Put something in the place of a file, which readers see whole until then."""
    beside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        make(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, body: bytes) -> None:
    with path.open("xb") as file:
        file.write(body)
