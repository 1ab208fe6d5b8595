"""Config files → `Loaded` plugins, or all mistakes of all files, each at its line and column."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import msgspec

from gateway.config import across, rules, secrets, types
from gateway.config.check import check
from gateway.config.faults import Fault, Path, dotted, found
from gateway.config.scalars import Budget, Bytes, Drop, Rate, Seconds
from gateway.errors import Mistake, Mistakes, Unreadable
from gateway.yaml12 import Limits, Marks, load_marked

SUFFIXES = (".yaml", ".yml")
# A config is written by people; Kubernetes keeps at most 1 MiB in a ConfigMap, too.
LIMITS = Limits(bytes=1024 * 1024, values=100_000, depth=60, repeated=256 * 1024)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin's config as it was read, secrets resolved.

    `secrets` are the texts that no output may hold. `warnings` are doubts, no mistakes.
    """

    file: FilePath
    plugin: types.Plugin
    secrets: frozenset[str] = frozenset()
    warnings: tuple[Mistake, ...] = ()
    _marks: Marks = field(default_factory=Marks, repr=False, compare=False)

    def mistake(self, path: Path, message: str) -> Mistake:
        """A mistake at `path` of this file, or at its nearest parent that is there."""
        return _mistake(self.file, self._marks, Fault(path, message))


def read_configs(paths: Sequence[FilePath], env: Mapping[str, str]) -> list[Loaded]:
    """Read plugins' configs.

    Args:
        paths: Files, or directories whose *.yaml and *.yml files are meant.
        env: What `${NAME}` is looked up in.

    Raises:
        Mistakes: all mistakes of all files, in file order.
    """
    files, mistakes = _files(paths)
    loaded: list[Loaded] = []
    groups: list[list[Mistake]] = [mistakes]
    for file in files:
        one, mistakes = _read(file, env)
        groups.append(mistakes)
        if one is not None:
            loaded.append(one)
    groups.append(across.check(loaded))
    order = {str(file): number for number, file in enumerate(files)}
    every = [one for group in groups for one in group]
    if every:
        every.sort(key=lambda one: (order.get(one.file, -1), one.line, one.column))
        raise Mistakes(every)
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


def _read(file: FilePath, env: Mapping[str, str]) -> tuple[Loaded | None, list[Mistake]]:
    """Read one file: the plugin as far as it can be read, and its mistakes."""
    try:
        tree, marks = load_marked(_text(file), LIMITS)
    except Unreadable as error:
        return None, [Mistake(str(file), error.line, error.column, "", error.message)]
    if tree is None:
        text = "the file is empty; it needs at least plugin, spec and operations"
        return None, [Mistake(str(file), 1, 1, "", text)]
    if not isinstance(tree, dict):
        text = f"expected a mapping (plugin, spec, operations), found {found(tree)}"
        return None, [Mistake(str(file), *marks.start, "", text)]
    faults = check(tree)
    resolved = secrets.resolve(tree, env, file.parent)
    faults += resolved.faults
    sound = _sound(resolved.tree, [fault.path for fault in resolved.faults])
    if sound is None:
        return None, [_mistake(file, marks, fault) for fault in _distinct(faults)]
    plugin = msgspec.convert(sound, types.Plugin, dec_hook=_scalar)
    context = rules.Context(plugin, tree)
    faults += rules.check(context)
    doubts = [_mistake(file, marks, fault) for fault in rules.doubts(plugin)]
    loaded = Loaded(file, plugin, secrets.collect(plugin, resolved.texts), tuple(doubts), marks)
    named = tree.get("plugin") == plugin.plugin
    return loaded if named else None, [_mistake(file, marks, fault) for fault in _distinct(faults)]


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


def _distinct(faults: list[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))


# --- what is sound ----------------------------------------------------------------------------


def _sound(tree: dict[str, Any], broken: list[Path]) -> dict[str, Any] | None:
    """The tree without what is wrong, so that the rest can be checked on; None if nothing is left.

    What is left fits the schema, so converting it cannot fail. The two keys that every plugin
    needs get stand-ins.
    """
    for path in broken:
        _remove(tree, path)
    for _ in range(LIMITS.depth):
        faults = check(tree)
        if not faults:
            return tree
        for fault in faults:
            if fault.path:
                _remove(tree, fault.path)
            else:
                tree.setdefault("plugin", rules.STAND_IN)
                tree.setdefault("operations", "all")
    return None


def _remove(tree: Any, path: Path) -> None:
    """Take a key out; for a list's item the list, since the others' places are for messages."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    node = tree
    for step in path[:-1]:
        if isinstance(node, dict) and step not in node:
            return  # taken out with a parent of it
        node = node[step]
    if isinstance(node, dict) and path:
        node.pop(path[-1], None)


def _scalar(kind: type, value: Any) -> Any:
    """Read one of our scalars (msgspec's `dec_hook`)."""
    if issubclass(kind, Seconds | Bytes | Rate | Budget | Drop):
        return kind.read(value)
    raise NotImplementedError(f"{kind} is no scalar of ours")
