"""The platforms that `gateway check --for` knows, and what each of them takes.

A platform is a function from a plugin and its documents to limits, and its word in `PLATFORMS`.
The figures of OpenAI's are in `limits`; those that are here:

    copilot   Microsoft's documentation of plugin manifest 2.4 and of API and MCP plugins
    claude    Claude Code's default for tool results; anthropics/claude-code#20830 for names
    cursor    seen in Cursor: it warns of long names, and of many tools
    vscode    microsoft/vscode-copilot-release#11653: tools in one request
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping

from gateway.config import types
from gateway.faces import copilot as face
from gateway.faces.flat import flat
from gateway.faces.limits import (
    ACTIONS,
    CHATGPT,
    Documents,
    Limit,
    actions,
    budgets,
    chatgpt,
    seconds,
    telling,
)
from gateway.faces.semantics import meaning
from gateway.faces.tools import ANTHROPIC_NAME
from gateway.plugin import Operation, Plugin
from gateway.profiles import PROFILES, fitted
from gateway.request.schemas import kinds
from gateway.values import Argument

Rules = Callable[[Plugin, Documents], Iterator[Limit]]

COPILOT = face.PLATFORM
CLAUDE = "claude"
CURSOR = "cursor"
VSCODE = "vscode"

_MICROSOFT = "Microsoft's documentation of Copilot plugins"
_COPILOT_SECONDS = 45
_COPILOT_FUNCTIONS = PROFILES[COPILOT].tools or 0
_COPILOT_ITEMS = 25
_COPILOT_TOKENS = 4096
_COPILOT_STRING = 4096
_COPILOT_MCP_CHARACTERS = 1024
_CLAUDE_NAME = PROFILES[CLAUDE].name or 0
_CLAUDE_TOKENS = 25_000
_CURSOR_NAME = PROFILES[CURSOR].name or 0
_CURSOR_TOOLS = PROFILES[CURSOR].tools or 0
_VSCODE_TOOLS = PROFILES[VSCODE].tools or 0
_SHORTER = (
    "have it read /as/{}/mcp, where names are shortened, or name it shorter: "
    "operations: {{short: {{call: METHOD /path}}}}"
)


def limits(
    plugin: Plugin, documents: Documents, platforms: Collection[str] = ()
) -> tuple[Limit, ...]:
    """Compare a plugin with what platforms take: those that read the manifest, and some others.

    Of the many texts of one kind, those over the limit are listed, or else the longest.
    """
    return tuple(
        row
        for name, rules in PLATFORMS.items()
        if name in ALWAYS or name in platforms
        for row in rules(plugin, documents)
    )


# --- Microsoft 365 Copilot --------------------------------------------------------------------


def _copilot(plugin: Plugin, _: Documents) -> Iterator[Limit]:
    # As it is served to Copilot: there, what the operator leaves open keeps within its limits.
    plugin = fitted(plugin, PROFILES[COPILOT])
    manifest = face.describe(plugin, "https://gateway.example")
    for name, key in (
        ("name_for_human", "title"),
        ("description_for_human", "summary"),
        ("description_for_model", "description"),
    ):
        yield Limit(
            COPILOT, name, len(manifest[name]), face.LENGTHS[key], path=(key,), source=_MICROSOFT,
            instead=f"write a shorter `{key}`",
        )  # fmt: skip
    said = [
        (f"description of {one['name']}", len(one["description"]),
         ("operations", one["name"], "description"))
        for one in manifest["functions"]
    ]  # fmt: skip
    shorter = "write a shorter one"
    yield from telling(COPILOT, said, _COPILOT_STRING, _MICROSOFT, shorter)
    by_mcp = [(f"{item} over MCP", length, path) for item, length, path in said]
    yield from telling(
        COPILOT, by_mcp, _COPILOT_MCP_CHARACTERS, _MICROSOFT, f"{shorter}: the rest is ignored",
        soft=True,
    )  # fmt: skip
    yield Limit(
        COPILOT, "functions", len(plugin.shown.operations), _COPILOT_FUNCTIONS, "operations",
        ("operations",), _MICROSOFT, "choose fewer: more are chosen among worse", soft=True,
    )  # fmt: skip
    yield from seconds(COPILOT, plugin, _COPILOT_SECONDS, _MICROSOFT)
    yield from budgets(COPILOT, plugin, _COPILOT_TOKENS, "tokens", _MICROSOFT)
    for operation in plugin.chosen:
        yield from _rows(plugin, operation)
        yield from _objects(plugin, operation)
    yield from _auth(plugin)


def _rows(plugin: Plugin, operation: Operation) -> Iterator[Limit]:
    """How many items an answer may have. Without a limit it need not have more, but may."""
    keys = meaning(operation).rows
    reply = operation.spec.reply.schema
    is_list = reply is not None and kinds(reply, plugin.components) - {"null"} == {"array"}
    path = ".".join(keys)
    if is_list and keys == (operation.shrinker.names.items,):
        keys, path = (), "$"  # the list is what is limited, before it is wrapped
    if path:
        place = operation.shrinker.limit
        for key in keys:
            place = place and (place.members.get(key) or place.every)
        items = place.items if place else None
        yield Limit(
            COPILOT, f"limit_items of {operation.name}", items, _COPILOT_ITEMS, "items",
            ("operations", operation.name, "limit_items"), _MICROSOFT,
            f"write limit_items: {{{path}: {_COPILOT_ITEMS}}}", soft=items is None,
        )  # fmt: skip


def _objects(plugin: Plugin, operation: Operation) -> Iterator[Limit]:
    """Objects among the arguments: served as the text of their JSON, which models get wrong."""
    body = operation.spec.body
    if body is None or body.kind != "json":
        return
    known = plugin.components
    nested = [
        one.name
        for one in operation.arguments
        if one.place == "body"
        and not flat(one.schema, known).exact
        and kinds(one.schema, known) - {"null"} == {"object"}
    ]
    if nested:
        yield Limit(
            COPILOT, f"an object in {operation.name}, {nested[0]!r},", len(nested), 0, "objects",
            ("operations", operation.name), _MICROSOFT,
            "it is served as the text of its JSON; `flatten: true` makes arguments of what is "
            "in it", soft=True,
        )  # fmt: skip


def _auth(plugin: Plugin) -> Iterator[Limit]:
    """What cannot be said in the manifest, or is not yet."""
    auth = plugin.config.auth
    if isinstance(auth, str):
        return
    kind, said = auth.chosen
    what, instead = "", ""
    if isinstance(said, types.UserAuth):
        what = "a key of each person's own (auth: user)"
        instead = "write auth: {service: …}, with one key for all, or auth: {oauth: …}"
    elif isinstance(said, types.ServiceAuth) and said.scheme == "basic":
        what, instead = "auth by `basic`", "write scheme: bearer"
    elif face.reference_id(plugin) is None:
        what = f"auth: {kind} without a reference id"
        instead = (
            f"register it at Microsoft's developer portal, and write auth: {{{kind}: "
            f"{{verification_tokens: {{{COPILOT}: <the id given there>}}}}}}"
        )
    if what:
        yield Limit(COPILOT, what, 1, 0, "", ("auth", kind), _MICROSOFT, instead)


# --- clients of MCP ---------------------------------------------------------------------------


def _claude(plugin: Plugin, _: Documents) -> Iterator[Limit]:
    prefix = f"mcp__{plugin.name}__"
    names = [
        (f"name {prefix}{one}", len(prefix + one), ("operations", one))
        for one in plugin.shown.operations
    ]
    source = "anthropics/claude-code#20830"
    yield from telling(CLAUDE, names, _CLAUDE_NAME, source, _SHORTER.format(CLAUDE))
    yield from budgets(CLAUDE, plugin, _CLAUDE_TOKENS, "tokens", "Claude Code refuses longer ones")
    for operation in plugin.shown.operations.values():
        for argument in operation.arguments:
            if not ANTHROPIC_NAME.fullmatch(argument.name):
                yield _unnamed(operation, argument)


def _unnamed(operation: Operation, argument: Argument) -> Limit:
    """An argument by whose name Anthropic's API refuses all tools of a request, and a better one.

    Only the arguments themselves are looked at there, not what is in them.
    """
    better = _clean(argument.name, {one.name for one in operation.arguments})
    entry = operation.parameters.get(argument.name)
    path: tuple[str, ...] = ("operations", operation.name)
    if entry is not None and entry != "hide" and entry.source:
        path = (*path, "parameters", argument.name)
        instead = f"name it {better}"
    else:
        source = json.dumps(argument.name, ensure_ascii=not argument.name.isprintable())
        instead = f"write parameters: {{{better}: {{from: {source}}}}}"
    return Limit(
        CLAUDE, f"argument {argument.name!r} of {operation.name}", 1, 0, "", path,
        "Anthropic's API refuses all tools of a request for a name with anything but letters, "
        "digits, _, . and -, or more than 64 of them", instead,
    )  # fmt: skip


def _clean(name: str, taken: Collection[str]) -> str:
    """The nearest name that Anthropic's API takes and no other argument has."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-zA-Z0-9_.-]+", "_", letters).strip("_.-")[:60] or "argument"
    better, number = words, 1
    while better in taken:
        number += 1
        better = f"{words}_{number}"
    return better


def _cursor(plugin: Plugin, _: Documents) -> Iterator[Limit]:
    names = [
        (f"names {plugin.name} and {one}", len(plugin.name + one), ("operations", one))
        for one in plugin.shown.operations
    ]
    source = "Cursor warns of longer ones"
    yield from telling(CURSOR, names, _CURSOR_NAME, source, _SHORTER.format(CURSOR), soft=True)
    yield Limit(
        CURSOR, "tools (reported)", len(plugin.shown.operations), _CURSOR_TOOLS, "tools",
        ("operations",), "seen in Cursor, of all servers together",
        f"choose fewer, or have it read /as/{CURSOR}/mcp", soft=True,
    )  # fmt: skip


def _vscode(plugin: Plugin, _: Documents) -> Iterator[Limit]:
    yield Limit(
        VSCODE, "tools", len(plugin.shown.operations), _VSCODE_TOOLS, "tools", ("operations",),
        "microsoft/vscode-copilot-release#11653, of all servers together",
        f"choose fewer, write expose: search, or have it read /as/{VSCODE}/mcp",
    )  # fmt: skip


PLATFORMS: Mapping[str, Rules] = {
    CHATGPT: chatgpt,
    ACTIONS: actions,
    COPILOT: _copilot,
    CLAUDE: _claude,
    CURSOR: _cursor,
    VSCODE: _vscode,
}
ALWAYS = (CHATGPT, ACTIONS)  # what every plugin is for; of the others only who is asked for
