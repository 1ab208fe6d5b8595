"""Config files → `Loaded` plugins, or all mistakes of all files, each at its line and column."""

from __future__ import annotations

import copy
import hashlib
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from gateway.config import across, rules, secrets, types
from gateway.config.check import check
from gateway.config.faults import Fault, Path, dotted, found
from gateway.config.sound import DEPTH, Remainder, convert, remainder, sound
from gateway.errors import Mistake, Mistakes, Unreadable
from gateway.yaml12 import Limits, Marks, load_marked

SUFFIXES = (".yaml", ".yml")
# A config is written by people; Kubernetes keeps at most 1 MiB in a ConfigMap, too.
LIMITS = Limits(bytes=1024 * 1024, values=100_000, depth=DEPTH, repeated=256 * 1024)
# How an OpenAPI document begins its top level, for one that is too large to be read as a config.
_VERSIONS = ("openapi", "swagger")
_MAKE = "`gateway init` writes a config for one"
_DOCUMENT = re.compile(rb"""(?:\A\s*\{\s*|^)["']?(?:openapi|swagger)["']?[ \t]*:""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin's config as it was read, secrets resolved.

    `secrets` are the texts that no output may hold. `warnings` are doubts, no mistakes. What is
    not `whole` lacks its broken parts: it is for finding more mistakes, never for serving.
    `digest` is of the text and of what its references held; `files` are those they name.
    """

    file: FilePath
    plugin: types.Plugin
    secrets: frozenset[str] = frozenset()
    warnings: tuple[Mistake, ...] = ()
    digest: str = ""
    files: frozenset[FilePath] = frozenset()
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

    `partial` are the plugins as far as they can be read, in file order; `named` are the files that
    secrets were looked for in.
    """

    def __init__(
        self,
        mistakes: Iterable[Mistake],
        files: Sequence[FilePath],
        partial: Sequence[Loaded],
        named: frozenset[FilePath] = frozenset(),
    ) -> None:
        self.partial = tuple(partial)
        self.named = named
        self._files = tuple(files)
        order = {str(file): number for number, file in enumerate(files)}
        every = dict.fromkeys(mistakes)
        super().__init__(
            sorted(every, key=lambda one: (order.get(one.file, -1), one.line, one.column))
        )

    def joined(self, more: Iterable[Mistake]) -> ReadMistakes:
        """These and more, in file order, each once."""
        return ReadMistakes((*self.mistakes, *more), self._files, self.partial, self.named)


def read_configs(paths: Sequence[FilePath], env: Mapping[str, str]) -> list[Loaded]:
    """Read plugins' configs.

    Args:
        paths: Files, or directories whose *.yaml and *.yml files are meant; not those that are
            OpenAPI documents, or that a config beside them names as its spec.
        env: What `${NAME}` is looked up in.

    Raises:
        ReadMistakes: all mistakes of all files, in file order.
    """
    files, mistakes = _files(paths)
    partial: list[Loaded] = []
    loaded: list[Loaded] = []
    read = {file: _read(file, env) for file in files}
    specs = {got.spec for got in read.values()} - {None}
    skipped: dict[FilePath, list[FilePath]] = {}
    for file, got in read.items():
        directory = files[file]
        is_spec = got.is_document or (got.named is None and file.resolve() in specs)
        if is_spec and directory is not None:
            skipped.setdefault(directory, []).append(file)
            continue
        mistakes += got.mistakes
        loaded += [got.named] if got.named else []
        partial += [got.partial] if got.partial else []
    for directory, documents in skipped.items():
        if all(one in documents for one, of in files.items() if of == directory):
            names = ", ".join(one.name for one in documents[:3])
            text = f"no config is in this directory, only specs: {names}; {_MAKE}"
            mistakes.append(Mistake(str(directory), 1, 1, "", text))
    mistakes += across.check(loaded)
    if mistakes:
        named = frozenset(one for got in read.values() for one in got.files)
        raise ReadMistakes(mistakes, list(files), partial, named)
    return loaded


def _files(
    paths: Iterable[FilePath],
) -> tuple[dict[FilePath, FilePath | None], list[Mistake]]:
    """The files to read, each once, with the directory that was named in its place; and what is
    wrong with the paths."""
    files: dict[FilePath, tuple[FilePath, FilePath | None]] = {}
    mistakes = []
    for path in paths:
        inside, directory = [path], None
        try:
            if path.is_dir():
                inside, directory = _inside(path), path
                if not inside:
                    text = "no *.yaml or *.yml file is in this directory"
                    mistakes.append(Mistake(str(path), 1, 1, "", text))
            for one in inside:
                known = files.setdefault(one.resolve(), (one, directory))
                if directory is None:  # named itself, too
                    files[one.resolve()] = (known[0], None)
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
            reason = error.strerror if isinstance(error, OSError) else error
            mistakes.append(Mistake(str(path), 1, 1, "", f"cannot be read: {reason}"))
    return dict(files.values()), mistakes


def _inside(directory: FilePath) -> list[FilePath]:
    """The files of a directory that may be configs."""
    return sorted(
        one
        for one in directory.iterdir()
        if one.suffix in SUFFIXES and not one.name.startswith(".") and not one.is_dir()
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """One file as far as it can be read: if its name can, and for its spec.

    `is_document`: it is no config but an OpenAPI document. `spec` is the file that it names,
    `files` those of its secrets.
    """

    mistakes: list[Mistake]
    named: Loaded | None = None
    partial: Loaded | None = None
    is_document: bool = False
    spec: FilePath | None = None
    files: frozenset[FilePath] = frozenset()


def _document(file: FilePath, line: int = 1, column: int = 1) -> _Read:
    text = f"this is an OpenAPI document, not a config; {_MAKE}"
    return _Read([Mistake(str(file), line, column, "", text)], is_document=True)


def _names(file: FilePath, tree: dict[str, Any]) -> FilePath | None:
    """The file that a config names as its spec."""
    name = tree.get("spec")
    if not isinstance(name, str) or "://" in name or not {"plugin", "operations"} & tree.keys():
        return None
    try:
        return (file.parent / name).resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _read(file: FilePath, env: Mapping[str, str]) -> _Read:
    text = b""
    try:
        text = _text(file)
        tree, marks = load_marked(text, LIMITS)
    except Unreadable as error:
        if _DOCUMENT.search(text):
            return _document(file)
        return _Read([Mistake(str(file), error.line, error.column, "", error.message)])
    if tree is None:
        message = "the file is empty; it needs at least plugin, spec and operations"
        return _Read([Mistake(str(file), 1, 1, "", message)])
    if not isinstance(tree, dict):
        message = f"expected a mapping (plugin, spec, operations), found {found(tree)}"
        if isinstance(tree, str) and re.match(r"[a-z_]+:\S", tree):
            message += "; a space follows the colon of a key"
        return _Read([Mistake(str(file), *marks.start, "", message)])
    if "plugin" not in tree:
        for key in _VERSIONS:
            if key in tree:
                return _document(file, *marks.key((key,)))
    spec = _names(file, tree)
    resolved = secrets.resolve(tree, env, file.parent)
    held = repr([one.held for one in resolved.texts.values()])
    digest = hashlib.sha256(text + held.encode()).hexdigest()
    files = frozenset(resolved.files)
    return replace(_config(file, tree, marks, resolved, digest), spec=spec, files=files)


def _config(
    file: FilePath, tree: dict[str, Any], marks: Marks, resolved: secrets.Resolved, digest: str
) -> _Read:
    faults = check(tree)
    faults += resolved.faults
    fitting = sound(copy.deepcopy(resolved.tree), [fault.path for fault in resolved.faults])
    if fitting is None:
        return _Read([_mistake(file, marks, fault) for fault in faults])
    plugin = convert(fitting)
    faults += rules.check(rules.Context(plugin, tree))
    doubts = tuple(_mistake(file, marks, fault) for fault in rules.doubts(plugin))
    held = secrets.collect(plugin, resolved.texts)
    files = frozenset(resolved.files)
    loaded = Loaded(file, plugin, held, doubts, digest, files, marks)
    named = loaded if tree.get("plugin") == plugin.plugin else None
    if not faults:
        return _Read([], named, loaded)
    rest = remainder(resolved.tree, faults, resolved.faults)
    partial = None
    if rest is not None:
        held = secrets.collect(rest.plugin, resolved.texts)
        partial = Loaded(file, rest.plugin, held, doubts, digest, files, marks, rest)
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
