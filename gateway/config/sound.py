"""What is left of a config without what is wrong in it, so that the rest is checked on.

`sound` keeps what fits the schema: the rules look at it. `remainder` is for the check against
the spec: it also leaves out, or stands in for, what would only be blamed for a mistake that is
told already (paths into an answer whose `returns` is broken, a server in place of a broken
`upstream.url`). Which key another one hangs on is known here alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from gateway.config import types
from gateway.config.check import check
from gateway.config.faults import Fault, Path, nearest
from gateway.config.scalars import Budget, Bytes, Drop, Rate, Seconds

# What stands for a name, a secret and an upstream that could not be read.
NAME, SECRET, UPSTREAM = "unnamed", "unresolved", "http://upstream.invalid"
DEPTH = 60  # as deep as a config is read: each round takes out something less deep

_GONE = object()
# Keys of a parameter that no other key, and no other parameter, is checked against.
_ALONE = frozenset({"pin", "default", "required", "description", "example", "header"})


@dataclass(frozen=True, slots=True)
class Remainder:
    """A plugin that the spec can be asked about.

    `kept` tells, of each list that lost items, which places in the file are left.
    """

    plugin: types.Plugin
    kept: Mapping[Path, tuple[int, ...]]

    def original(self, path: Path) -> Path:
        """A path of the remainder as a path of the file."""
        found: list[str | int] = []
        for number, step in enumerate(path):
            places = self.kept.get(path[:number], ())
            found.append(places[step] if isinstance(step, int) and step < len(places) else step)
        return tuple(found)


def convert(tree: Any) -> types.Plugin:
    """A tree that fits the schema, as types: this cannot fail."""
    tree = _in_full(tree)
    if isinstance(tree.get("upstream"), dict):
        tree = {**tree, "upstream": _in_full(tree["upstream"])}
    operations = tree.get("operations")
    if isinstance(operations, dict):
        full = {name: one and _in_full(one) for name, one in operations.items()}
        tree = {**tree, "operations": full}
    return msgspec.convert(tree, types.Plugin, dec_hook=scalar)


def _in_full(level: Any) -> Any:
    """A level whose short forms are written in full."""
    short = {
        key: {inner: level[key]}
        for key, (inner, _) in types.SHORT.items()
        if isinstance(level.get(key), str)
    }
    return {**level, **short} if short else level


def scalar(kind: type, value: Any) -> Any:
    """Read one of our scalars (msgspec's `dec_hook`)."""
    if issubclass(kind, Seconds | Bytes | Rate | Budget | Drop):
        return kind.read(value)
    raise NotImplementedError(f"{kind} is no scalar of ours")


def sound(tree: dict[str, Any], broken: Iterable[Path] = ()) -> dict[str, Any] | None:
    """The tree without what is wrong; None if nothing is left. The tree itself is changed.

    The two keys that every plugin needs get stand-ins.
    """
    for path in broken:
        _remove(tree, path)
    for _ in range(DEPTH):
        faults = check(tree)
        if not faults:
            return tree
        for fault in faults:
            if fault.path:
                _remove(tree, fault.path)
            else:
                tree.setdefault("plugin", NAME)
                tree.setdefault("operations", "all")
    return None


def _remove(tree: Any, path: Path) -> None:
    """Take a key out; for a list's item the list, since the others' places are for messages."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    node = _at(tree, path[:-1])
    if isinstance(node, dict) and path:
        node.pop(path[-1], None)


def _at(tree: Any, path: Path) -> Any:
    """What stands at a path; None where that is taken out, or one of its parents."""
    node = tree
    for step in path:
        try:
            node = node[step]
        except (LookupError, TypeError):
            return None
    return node


# --- for the spec -----------------------------------------------------------------------------


def remainder(
    tree: dict[str, Any], faults: Iterable[Fault], unresolved: Iterable[Fault]
) -> Remainder | None:
    """What can be checked against the spec; None where it is the spec that is broken.

    Args:
        tree: As it was written, its secrets resolved.
        faults: What is wrong with it.
        unresolved: Of these, the secrets that could not be had.
    """
    missing = {fault for fault in unresolved if fault.path[0] in ("upstream", "auth")}
    cuts = [cut for fault in faults if fault not in missing for cut in _cuts(fault, tree)]
    if any(cut[0] == "spec" for cut in cuts):
        return None
    rest = copy.deepcopy(tree)
    for fault in missing:
        text = UPSTREAM if fault.path == ("upstream", "url") else SECRET
        _at(rest, fault.path[:-1])[fault.path[-1]] = text
    for cut in cuts:
        _cut(rest, cut)
    kept: dict[Path, tuple[int, ...]] = {}
    _sweep(rest, (), kept)
    _stand_in(rest, set(cuts))
    left = sound(rest)
    return Remainder(convert(left), kept) if left is not None else None


def _cuts(fault: Fault, tree: dict[str, Any]) -> Iterator[Path]:
    """What goes out for a fault."""
    path = fault.path
    if fault.unknown:
        yield path
        path = _meant(path, tree) or path
    match path:
        case ("operations", name, "call", *_):
            yield ("operations", name)
        case ("operations", name, "body", *_):
            yield from (("operations", name, key) for key in ("body", "parameters"))
        case ("operations", name, "returns", *_):
            for key in ("returns", "fields", "limit_items"):
                yield ("operations", name, key)
        case ("operations", name, "fields", *_):
            yield from (path, ("operations", name, "limit_items"))
        case ("parameters", _, key, *_) if key not in _ALONE:
            yield path[:2]
        case ("operations", _, "parameters", _, key, *_) if key not in _ALONE:
            yield path[:4]
        case (_, *_):
            yield path


def _meant(path: Path, tree: dict[str, Any]) -> Path | None:
    """The path of the key that a misspelt one was meant for, unless that is given, too."""
    struct: type[Struct]
    match path[:-1]:
        case ():
            struct = types.Plugin
        case ("upstream",):
            struct = types.Upstream
        case ("operations", _):
            struct = types.Operation
        case ("parameters", _) | ("operations", _, "parameters", _):
            struct = types.Parameter
        case _:
            return None
    key = nearest(str(path[-1]), [one.encode_name for one in fields(struct)])
    return (*path[:-1], key) if key is not None and key not in _at(tree, path[:-1]) else None


def _cut(tree: Any, path: Path) -> None:
    node, step = _at(tree, path[:-1]), path[-1]
    if isinstance(node, dict):
        node.pop(step, None)
    elif isinstance(node, list) and isinstance(step, int):
        node[step] = _GONE


def _sweep(node: Any, path: Path, kept: dict[Path, tuple[int, ...]]) -> None:
    """Take the cut items out of every list, and note which ones are left."""
    if isinstance(node, list) and any(one is _GONE for one in node):
        places = [place for place, one in enumerate(node) if one is not _GONE]
        kept[path] = tuple(places)
        node[:] = [node[place] for place in places]
    for step, one in _items(node):
        _sweep(one, (*path, step), kept)


def _items(node: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _stand_in(tree: dict[str, Any], cut: set[Path]) -> None:
    """Put in what would be missed, where it was taken out."""
    tree.setdefault("operations", {})
    if cut & {("upstream",), ("upstream", "url")}:
        upstream = tree.setdefault("upstream", {})
        upstream.setdefault("url", UPSTREAM)
    if any(path[:2] in (("upstream", "credential"), ("upstream", "headers")) for path in cut):
        # What those send need not be known upstream to be hidden; now it would have to be.
        _forget_hidden(tree)
        for _, operation in _items(tree["operations"]):
            _forget_hidden(operation)


def _forget_hidden(level: Any) -> None:
    if isinstance(level, dict) and isinstance(level.get("parameters"), dict):
        shown = {key: one for key, one in level["parameters"].items() if one != "hide"}
        level["parameters"] = shown
