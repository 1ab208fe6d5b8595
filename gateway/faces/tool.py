"""A plugin's operations as tools: what MCP, function calling and Copilot have in common. Pure.

A tool says what a model may send to `POST /call/<operation>`, every value in its JSON form, and
how the operation behaves. Words and schemas are those of the served spec, so nothing is described
twice; `portable` makes of them what every client digests. A list of tools is read in every
conversation, as a spec is, so the arguments of all tools share the plugin's `spec_budget`, and the
answers, which not every client shows to a model, one of the same size.

Source: MCP 2026-07-28, Tool and ToolAnnotations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from gateway.config import types
from gateway.faces.components import Components, Shared
from gateway.faces.fitting import fitted
from gateway.faces.openapi import plain
from gateway.faces.operations import Told, answer_of, told_of
from gateway.faces.outline import outline
from gateway.faces.portable import HEADER, Portable
from gateway.faces.schemas import Scale
from gateway.faces.tool_schemas import object_of, whole_body, whole_of
from gateway.plugin import Operation, Plugin
from gateway.shrinking import count
from gateway.values import Degraded, Schema

CHARACTERS = 12  # for each token of the budget: what is longer is not written
_KEPT = frozenset((HEADER,))
_IDEMPOTENT = ("GET", "HEAD", "QUERY", "PUT", "DELETE")  # RFC 9110 §9.2.2


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """One operation as a tool.

    `name` is the operation's. `title` is one line for people, at most 60 characters;
    `description` is for the model. `parameters` is one JSON Schema 2020-12 of an object, `returns`
    that of the answer as the gateway sends it, None where nothing is known of it; both hold all
    that they refer to. `portable` is `parameters` as every client digests it; they differ only
    where a body written in place names its dialect with `$schema`, which keeps it whole. `notes`
    say what was shortened or left out.
    """

    operation: Operation
    name: str
    title: str
    description: str
    parameters: Schema
    portable: Schema
    returns: Schema | None
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool
    notes: tuple[Degraded, ...]


_KNOWN: WeakKeyDictionary[Plugin, tuple[Tool, ...]] = WeakKeyDictionary()


def tools_of(plugin: Plugin) -> tuple[Tool, ...]:
    """Make the tools of a plugin, in its order, the gateway's own included; once per plugin."""
    known = _KNOWN.get(plugin)
    if known is None:
        known = _KNOWN[plugin] = _tools_of(plugin)
    return known


def _tools_of(plugin: Plugin) -> tuple[Tool, ...]:
    shared = Shared(plugin)
    for world in shared.worlds:
        world.circles.clear()  # a tool can say what leads back to itself
    inputs = _fitted(plugin, shared, _inputs, arguments=True)
    answers = _fitted(plugin, shared, _answers, arguments=False)
    return tuple(
        _tool(plugin, one, inputs.said[name], inputs.schemas[name] or {}, answers.schemas[name])
        for name, one in plugin.operations.items()
    )


def _tool(
    plugin: Plugin, operation: Operation, said: Told, parameters: Schema, returns: Schema | None
) -> Tool:
    method = operation.spec.method
    read_only = method in types.SAFE and not operation.consequential
    adds = method == "POST" and not operation.consequential  # only the operator can know
    whole = whole_body(plugin, operation)
    return Tool(
        operation=operation,
        name=operation.name,
        title=said.title,
        description=said.description,
        parameters=parameters if whole is None else whole,
        portable=parameters,
        returns=returns,
        read_only=read_only,
        destructive=not (read_only or adds),
        idempotent=method in _IDEMPOTENT,
        open_world=not operation.own,
        notes=said.ledger,
    )


# --- one side of all tools, as much of it as fits -----------------------------------------------


@dataclass(frozen=True, slots=True)
class _Side:
    """What was written of each operation, and the tokens of it all."""

    said: Mapping[str, Told]
    schemas: Mapping[str, Schema | None]
    tokens: int


def _fitted(
    plugin: Plugin,
    shared: Shared,
    write: Callable[[Plugin, Components], _Side],
    *,
    arguments: bool,
) -> _Side:
    budget = plugin.config.spec_budget
    levels = outline(
        plugin, shared, budget * CHARACTERS, arguments=arguments, answers=not arguments
    )

    def written(scale: Scale, shown: Collection[int] | None) -> _Side:
        return write(plugin, Components.of(shared, scale, shown, _KEPT))

    side = fitted(written, levels, budget)
    if side.levels == len(levels.levels):
        return side.written
    note = Degraded("", f"deeper objects are only named, to keep within spec_budget, {budget:,}")
    said = {
        name: replace(one, ledger=(*one.ledger, note)) for name, one in side.written.said.items()
    }
    return replace(side.written, said=said)


def _inputs(plugin: Plugin, components: Components) -> _Side:
    """Titles, descriptions and arguments."""
    said = {name: told_of(one, components) for name, one in plugin.operations.items()}
    portable = Portable(components.schemas()[0], _most(plugin), answers=False)
    schemas: dict[str, Schema | None] = {}
    for name, one in said.items():
        operation = plugin.operations[name]
        schema, notes = object_of(operation, one.arguments, portable)
        place = f"{operation.spec.method} {operation.spec.key}"
        ledger = (*one.ledger, *(Degraded(place, note) for note in notes))
        title, description = plain(one.title), plain(one.description)
        said[name] = replace(one, title=title, description=description, ledger=ledger)
        schemas[name] = plain(schema)
    texts = [one.description for one in said.values()]
    return _Side(said, schemas, _tokens([texts, list(schemas.values())]))


def _answers(plugin: Plugin, components: Components) -> _Side:
    told = {name: answer_of(one, components)[0] for name, one in plugin.operations.items()}
    portable = Portable(components.schemas()[0], _most(plugin), answers=True)
    schemas = {
        name: None if one is None else plain(whole_of(portable, one)) for name, one in told.items()
    }
    return _Side({}, schemas, _tokens(list(schemas.values())))


def _most(plugin: Plugin) -> int:
    return plugin.config.spec_budget * CHARACTERS


def _tokens(value: Any) -> int:
    return count(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
