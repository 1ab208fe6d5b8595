"""Config files → `Loaded` plugins, or all mistakes of all files, each at its line and column."""

from __future__ import annotations

import copy
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from gateway.config import across, rules, secrets, types
from gateway.config.check import check
from gateway.config.faults import Fault, Path, dotted, found
from gateway.config.sound import DEPTH, Remainder, convert, remainder, sound
from gateway.errors import Mistake, Mistakes, Unreadable
from gateway.yaml12 import Limits, Marks, load_marked

SUFFIXES = (".yaml", ".yml")
# A config is written by people; Kubernetes keeps at most 1 MiB in a ConfigMap, too.
LIMITS = Limits(bytes=1024 * 1024, values=100_000, depth=DEPTH, repeated=256 * 1024)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin's config as it was read, secrets resolved.

    `secrets` are the texts that no output may hold. `warnings` are doubts, no mistakes. What is
    not `whole` lacks its broken parts: it is for finding more mistakes, never for serving.
    """

    file: FilePath
    plugin: types.Plugin
    secrets: frozenset[str] = frozenset()
    warnings: tuple[Mistake, ...] = ()
    _marks: Marks = field(default_factory=Marks, repr=False, compare=False)
    _remainder: Remainder | None = field(default=None, repr=False, compare=False)

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return self._remainder is None

    def mistake(self, path: Path, message: str) -> Mistake:
        """A mistake at `path` of this file, or at its nearest parent that is there."""
        if self._remainder is not None:
            path = self._remainder.original(path)
        return _mistake(self.file, self._marks, Fault(path, message))


class ReadMistakes(Mistakes):
    """Mistakes of a reading, and what can still be checked against the specs.

    `partial` are the plugins as far as they can be read, in file order.
    """

    def __init__(
        self, mistakes: Iterable[Mistake], files: Sequence[FilePath], partial: Sequence[Loaded]
    ) -> None:
        self.partial = tuple(partial)
        self._files = tuple(files)
        order = {str(file): number for number, file in enumerate(files)}
        every = dict.fromkeys(mistakes)
        super().__init__(
            sorted(every, key=lambda one: (order.get(one.file, -1), one.line, one.column))
        )

    def joined(self, more: Iterable[Mistake]) -> ReadMistakes:
        """These and more, in file order, each once."""
        return ReadMistakes((*self.mistakes, *more), self._files, self.partial)


def read_configs(paths: Sequence[FilePath], env: Mapping[str, str]) -> list[Loaded]:
    """Read plugins' configs.

    Args:
        paths: Files, or directories whose *.yaml and *.yml files are meant.
        env: What `${NAME}` is looked up in.

    Raises:
        ReadMistakes: all mistakes of all files, in file order.
    """
    files, mistakes = _files(paths)
    partial: list[Loaded] = []
    loaded: list[Loaded] = []
    for file in files:
        got = _read(file, env)
        mistakes += got.mistakes
        loaded += [got.named] if got.named else []
        partial += [got.partial] if got.partial else []
    mistakes += across.check(loaded)
    if mistakes:
        raise ReadMistakes(mistakes, files, partial)
    return loaded


def _files(paths: Iterable[FilePath]) -> tuple[list[FilePath], list[Mistake]]:
    """The files to read, each once, and what is wrong with the paths."""
    files: dict[FilePath, FilePath] = {}
    mistakes = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(
                one
                for one in path.iterdir()
                if one.suffix in SUFFIXES and not one.name.startswith(".") and not one.is_dir()
            )
            if not inside:
                text = "no *.yaml or *.yml file is in this directory"
                mistakes.append(Mistake(str(path), 1, 1, "", text))
        for one in inside:
            files.setdefault(one.resolve(), one)
    return list(files.values()), mistakes


@dataclass(frozen=True, slots=True)
class _Read:
    """One file as far as it can be read: if its name can, and for its spec."""

    mistakes: list[Mistake]
    named: Loaded | None = None
    partial: Loaded | None = None


def _read(file: FilePath, env: Mapping[str, str]) -> _Read:
    try:
        tree, marks = load_marked(_text(file), LIMITS)
    except Unreadable as error:
        return _Read([Mistake(str(file), error.line, error.column, "", error.message)])
    if tree is None:
        text = "the file is empty; it needs at least plugin, spec and operations"
        return _Read([Mistake(str(file), 1, 1, "", text)])
    if not isinstance(tree, dict):
        text = f"expected a mapping (plugin, spec, operations), found {found(tree)}"
        return _Read([Mistake(str(file), *marks.start, "", text)])
    faults = check(tree)
    resolved = secrets.resolve(tree, env, file.parent)
    faults += resolved.faults
    fitting = sound(copy.deepcopy(resolved.tree), [fault.path for fault in resolved.faults])
    if fitting is None:
        return _Read([_mistake(file, marks, fault) for fault in faults])
    plugin = convert(fitting)
    faults += rules.check(rules.Context(plugin, tree))
    doubts = tuple(_mistake(file, marks, fault) for fault in rules.doubts(plugin))
    loaded = Loaded(file, plugin, secrets.collect(plugin, resolved.texts), doubts, marks)
    named = loaded if tree.get("plugin") == plugin.plugin else None
    if not faults:
        return _Read([], named, loaded)
    rest = remainder(resolved.tree, faults, resolved.faults)
    partial = None
    if rest is not None:
        held = secrets.collect(rest.plugin, resolved.texts)
        partial = Loaded(file, rest.plugin, held, doubts, marks, rest)
    return _Read([_mistake(file, marks, fault) for fault in faults], named, partial)


def _text(file: FilePath) -> bytes:
    """The bytes of a file, as many as are read. Raises: Unreadable."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise Unreadable("this is not a regular file")
        with file.open("rb") as opened:
            return opened.read(LIMITS.bytes + 1)
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror or error}") from None


# --- places -----------------------------------------------------------------------------------


def _mistake(file: FilePath, marks: Marks, fault: Fault) -> Mistake:
    key, value = marks.key(fault.path), marks.value(fault.path)
    # A block below its key begins on another line: the key is where people look.
    line, column = key if fault.at_key or value[0] != key[0] else value
    path = fault.path[:-1] if fault.unknown else fault.path
    return Mistake(str(file), line, column, dotted(path), fault.message)
