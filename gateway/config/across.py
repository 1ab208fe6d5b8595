"""What must be different in different files: plugins' names and hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from gateway.config import types
from gateway.config.faults import Path, quoted
from gateway.errors import Mistake


class Read(Protocol):
    """A file that was read."""

    @property
    def plugin(self) -> types.Plugin:
        """What it says."""

    @property
    def mistake(self) -> Callable[[Path, str], Mistake]:
        """A mistake at a path of it."""


def check(files: Iterable[Read]) -> list[Mistake]:
    """Names that differ in case only are the same, too: addresses are typed by people."""
    mistakes = []
    taken: dict[tuple[str, str], Mistake] = {}
    for file in files:
        own: set[tuple[str, str]] = set()
        for what, name, path in _claims(file.plugin):
            claim = what, name.lower()
            mistake = file.mistake(path, "")
            first = taken.setdefault(claim, mistake)
            if first is not mistake and claim not in own:
                where = f"{first.file}:{first.line}:{first.column}"
                text = f"the {what} {quoted(name)} is taken already, at {where}"
                mistakes.append(file.mistake(path, text))
            own.add(claim)
    return mistakes


def _claims(plugin: types.Plugin) -> Iterator[tuple[str, str, Path]]:
    yield "name", plugin.plugin, ("plugin",)
    for number, host in enumerate(plugin.hosts):
        yield "host", host, ("hosts", number)
