"""Walks over a plugin's config that several rules share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from gateway.config import types
from gateway.config.faults import Path, nearest


def operations(plugin: types.Plugin) -> Iterator[tuple[str, types.Operation]]:
    """The operations that have settings."""
    if isinstance(plugin.operations, dict):
        for name, operation in plugin.operations.items():
            if operation is not None:
                yield name, operation


def parameters(plugin: types.Plugin) -> Iterator[tuple[Path, types.Parameter]]:
    """Every parameter entry but `hide`, with its path."""
    places: list[tuple[Path, types.Parameters]] = [(("parameters",), plugin.parameters)]
    places += [
        (("operations", name, "parameters"), operation.parameters)
        for name, operation in operations(plugin)
    ]
    for path, entries in places:
        for name, entry in entries.items():
            if isinstance(entry, types.Parameter):
                yield (*path, name), entry


def lacks(given: Any, key: str, struct: type[Struct]) -> bool:
    """Whether a mapping as it was written has no such key, not even a misspelt one."""
    if not isinstance(given, Mapping) or key in given:
        return False
    known = [field.encode_name for field in fields(struct)]
    return all(one in known or nearest(one, known) != key for one in given)


def credentials_of(plugin: types.Plugin) -> Iterator[tuple[Path, types.Credential]]:
    """Each of an upstream's credentials, and where it stands."""
    given = plugin.upstream.credential
    path: Path = ("upstream", "credential")
    if isinstance(given, list):
        yield from (((*path, number), one) for number, one in enumerate(given))
    elif given is not None:
        yield path, given
