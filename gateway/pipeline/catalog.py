"""Operations that are searched for: finding one, telling what it takes, calling it.

The innermost steps of the three operations that stand for all the others (`gateway.catalog`). What
is called goes through its own plan from its first step on, so all that holds for a call at its own
address holds here.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from gateway.catalog import CALL, DESCRIBE, FOUND, SEARCH, Catalog, Entry, passed_on
from gateway.errors import BadArguments
from gateway.faces.tool import tools_of
from gateway.pipeline.call import Call, Plan
from gateway.plugin import Operation, Plugin
from gateway.shrinking import JSON
from gateway.values import Answer

_SUMMARY = 160  # characters of a summary in a list
_DESCRIBED = 256  # descriptions that are kept
_NEAR = 3  # names that are proposed for one that is none


def steps(
    plugin: Plugin, found: Catalog, plans: Mapping[str, Plan]
) -> dict[str, tuple[Plan, bool]]:
    """The three, by name, each with whether another operation's plan is run by it.

    `plans` are those of the operations, there when calls come.
    """
    chosen = {one.name: one for one in plugin.chosen}

    @lru_cache(maxsize=_DESCRIBED)
    def described(name: str) -> Answer:
        return _answer(_description(plugin, chosen[name]))

    async def search(call: Call) -> Answer:
        query = str(call.arguments.get("query") or "")
        most = int(call.arguments.get("count") or FOUND)
        if not query.strip():
            groups = dict(found.groups())
            return _answer({"total": len(found.entries), "groups": groups})
        hits = found.search(query)
        listed = [_listed(one, chosen[one.name]) for one in hits[:most]]
        more = {"more": len(hits) - len(listed)} if len(hits) > len(listed) else {}
        return _answer({"operations": listed, **more})

    async def describe(call: Call) -> Answer:
        operation = _operation(call.arguments["name"], chosen, found)
        return described(operation.name)

    async def through(call: Call) -> Answer:
        operation = _operation(call.arguments["name"], chosen, found)
        call.arguments = passed_on(call.arguments)
        call.request = None
        call.note.meant = operation.name
        return await plans[operation.name](call)

    made = {SEARCH: search, DESCRIBE: describe, CALL: through}
    return {found.names[role]: (plan, role == CALL) for role, plan in made.items()}


def _operation(name: Any, chosen: Mapping[str, Operation], found: Catalog) -> Operation:
    operation = chosen.get(str(name))
    if operation is None:
        near = difflib.get_close_matches(str(name)[:64], chosen, _NEAR)
        meant = f" Did you mean {', '.join(near)}?" if near else ""
        raise BadArguments(
            f"There is no operation {str(name)[:64]!r}.{meant} {found.names[SEARCH]} finds them."
        )
    return operation


def _listed(entry: Entry, operation: Operation) -> dict[str, Any]:
    summary = entry.summary or entry.description
    short = summary if len(summary) <= _SUMMARY else summary[: _SUMMARY - 1] + "…"
    needed = [one.name for one in operation.arguments if one.required]
    return {
        "name": entry.name,
        "summary": " ".join(short.split()),
        **({"required": needed} if needed else {}),
        **({"changes": True} if operation.consequential else {}),
    }


def _description(plugin: Plugin, operation: Operation) -> dict[str, Any]:
    """One operation as a tool is described, within what a plugin's description may cost."""
    alone = replace(plugin, operations={operation.name: operation}, catalog=None)
    (tool,) = tools_of(alone)
    return {
        "name": tool.name,
        "description": tool.description,
        "changes": operation.consequential,
        "arguments": tool.parameters,
    }


def _answer(value: dict[str, Any]) -> Answer:
    return Answer(200, (("Content-Type", JSON),), msgspec.json.encode(value))
