"""Chosen operations → a commented YAML that `check` accepts as it is. Pure.

What a person has to look at is said in comments, and so is what there is to set. Suggestions are
commented out; each is right as it stands once its `# ` is taken away.

Every text of the spec is foreign: values are written by `yaml_text`, comments are one clean line
(`words.one_line`), so that nothing can end a comment or a quote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.authoring.asked import asked, is_proof
from gateway.authoring.catalogue import Entry, call_of
from gateway.authoring.needs import Credentials, Server, prefix_of
from gateway.authoring.words import first_sentence, one_line, prose, split
from gateway.config import types
from gateway.faces import yaml_text
from gateway.faces.openapi import plain
from gateway.faces.texts import LONGEST, shorten
from gateway.plugin import Operation, Plugin
from gateway.request.schemas import SCALARS, kinds, resolve
from gateway.values import Argument, Schema

HEAVY = 8  # members of an answer, from which on `fields` is suggested
_FIELDS = 8  # suggested
_PARAMETERS = 12  # of one operation that are shown
_VALUES = 8  # of an enum that are shown
_WIDTH = 96  # characters of a comment
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a config is written of.

    `spec` and `schema` are addresses as they shall stand in the file. `plugin` has the chosen
    operations compiled, by the names of `chosen`; `rest` is what was not chosen and may be listed
    in comments, `more` how many there are beside. `headers` is what the spec is asked with.
    """

    name: str
    spec: str
    schema: str
    title: str
    about: str
    contact: str
    server: Server | None
    credentials: Credentials
    plugin: Plugin
    chosen: Sequence[Entry]
    headers: Mapping[str, str] = field(default_factory=dict)
    rest: Sequence[Entry] = ()
    more: int = 0

    @property
    def environment(self) -> list[str]:
        """The variables that the file names, without `${}`."""
        return [*(one[2:-1] for one in self.headers.values()), *self.credentials.environment]

    @property
    def asked(self) -> dict[str, list[Operation]]:
        """The proofs that the model is asked for as it stands."""
        return asked(self.plugin)


def write(draft: Draft) -> str:
    """Write the YAML."""
    lines = [
        f"# yaml-language-server: $schema={one_line(draft.schema)}",
        "# Written by `gateway init`: edit it, then run `gateway check` on it.",
        *_head(draft),
        "",
        *_spec(draft),
        *_upstream(draft),
        "",
        "# auth: none          # how callers prove themselves to us: none, service, user, oauth",
        *_oauth(draft.credentials),
        "# limit: 30/min       # calls per caller",
        "# cache: 60s          # how long an answer is fresh where the API does not say",
        "# budget: 8000        # tokens that one answer may cost; what is over is cut, and said so",
        "",
        "# The words below are the spec's: say it better, in up to 200 characters each.",
        "operations:",
    ]
    for number, entry in enumerate(draft.chosen):
        lines += [""] if number else []
        lines += _operation(entry, draft.plugin.operations[entry.name], draft.plugin)
    lines += _rest(draft.rest, draft.more)
    return "\n".join(lines) + "\n"


def _value(key: str, value: Any, indent: str = "") -> list[str]:
    text = yaml_text.write(plain({key: value}))
    return [indent + line for line in text.rstrip("\n").split("\n")]


def _key(name: str) -> str:
    """A name as a key of a mapping."""
    return yaml_text.write({name: 0}).removesuffix(": 0\n")


def _quoted(text: str) -> str:
    """A text in quotes on one line."""
    return json.dumps(plain(text), ensure_ascii=not text.isprintable())


def _comment(text: str, indent: str = "") -> str:
    return f"{indent}# {shorten(one_line(text), _WIDTH)}".rstrip()


# --- the plugin -------------------------------------------------------------------------------


def _head(draft: Draft) -> Iterator[str]:
    yield from _value("plugin", draft.name)
    title = one_line(draft.title)
    most = types.LENGTHS["title"]
    if len(title) > most:
        head = title[: most + 1].rpartition(" ")[0] or title[:most]
        yield from _value("title", head.rstrip(" ,;:.-") or draft.name)
    about = first_sentence(prose(draft.about)) or f"Use for {title or draft.name}."
    yield "# For the model: when to use this plugin, when not, which operation to call first."
    yield from _value("description", shorten(about, 400))
    if draft.contact:
        yield f"# contact: {one_line(draft.contact, 80)}   # the spec's, unless you write another"
    else:
        yield "# contact: you@example.com   # platforms ask for it"


def _spec(draft: Draft) -> Iterator[str]:
    if not draft.headers:
        yield from _value("spec", draft.spec)
        return
    for one in draft.headers.values():
        yield f"# The spec's key is taken from the environment: export {one[2:-1]}=…"
    yield from _value("spec", {"url": draft.spec, "headers": dict(draft.headers)})


def _upstream(draft: Draft) -> Iterator[str]:
    found, server = draft.credentials, draft.server
    block: dict[str, Any] = {}
    if server is not None:
        block["url"] = server.url
    if found.written:
        written = list(found.written)
        block["credential"] = written[0] if len(written) == 1 else written
    if block:
        yield ""
        if server is not None:
            yield _comment(server.why)
        for name in found.environment:
            yield f"# The key is taken from the environment: export {name}=…"
        for note in found.notes:
            yield _comment(note)
        yield from _value("upstream", block)
    elif found.notes:
        yield ""
        for note in found.notes:
            yield _comment(note)
        if found.oauth:
            token = f"${{{found.prefix}_TOKEN}}"
            yield f'# upstream: {{credential: {{bearer: "{token}"}}}}'


def _oauth(found: Credentials) -> Iterator[str]:
    if found.oauth:
        for line in _value("auth", {"oauth": dict(found.oauth)}):
            yield f"# {line}"


def _rest(entries: Sequence[Entry], more: int) -> Iterator[str]:
    if not entries and not more:
        return
    yield ""
    yield f"  # {len(entries) + more:,} more, left out:"
    for entry in entries:
        words = shorten(prose(entry.summary or entry.description), 60)
        mark = "deprecated; " if entry.deprecated else ""
        said = f"   # {mark}{words}" if mark + words else ""
        yield f"  # {_key(entry.name)}: {{call: {_quoted(call_of(entry))}}}{said}"
    if more and entries:
        yield f"  # … and {more:,} that `gateway ops` lists"


# --- one operation ----------------------------------------------------------------------------


def _operation(entry: Entry, operation: Operation, plugin: Plugin) -> Iterator[str]:
    yield f"  {_key(entry.name)}:"
    yield from _value("call", call_of(entry), "    ")
    words = shorten(prose(entry.description) or prose(entry.summary), LONGEST)
    if words:
        yield from _value("description", words, "    ")
    else:
        yield "    # description: …    # the spec says nothing of it; the model needs it"
    if operation.consequential:
        yield "    confirm: true      # it changes something: platforms ask the user first"
    yield from _parameters(operation, plugin)
    yield from _fields(operation, plugin)
    if not operation.consequential:
        yield "    # cache: 60s"
    yield "    # budget: 2000"


def _parameters(operation: Operation, plugin: Plugin) -> Iterator[str]:
    """Each parameter as it is, commented out: to describe, to pin, to hide."""
    shown = [one for one in operation.arguments if _is_plain(one)]
    shown.sort(key=lambda one: not one.required)
    if not shown:
        return
    yield "    # parameters:      # describe, {pin: …}, {default: …} or hide"
    for argument in shown[:_PARAMETERS]:
        if is_proof(argument):
            entry, said = (
                f"{{pin: {_quoted(_variable(argument, plugin))}}}",
                "not the model's to know",
            )
            yield f"    #   {_key(argument.name)}: {entry}   # {said}"
            continue
        words = shorten(prose(argument.description), 80)
        entry = f"{{description: {_quoted(words)}}}" if words else "{}"
        said = one_line(", ".join(_said(argument, plugin)), _WIDTH)
        yield f"    #   {_key(argument.name)}: {entry}" + (f"   # {said}" if said else "")
    if len(shown) > _PARAMETERS:
        yield f"    #   # … and {len(shown) - _PARAMETERS} more"


def _variable(argument: Argument, plugin: Plugin) -> str:
    """`${NAME}`, for a proof that is pinned."""
    return f"${{{prefix_of(plugin.name)}_{'_'.join(split(argument.name)).upper() or 'KEY'}}}"


def _is_plain(argument: Argument) -> bool:
    return len(argument.source) == 1 and argument.name.isprintable() and len(argument.name) <= 80


def _said(argument: Argument, plugin: Plugin) -> Iterator[str]:
    if argument.required:
        yield "required"
    schema = resolve(argument.schema, plugin.components)
    taken = sorted(kinds(schema, plugin.components) - {"null"})
    if 0 < len(taken) <= 2:
        yield " or ".join(taken)
    items = resolve(schema.get("items"), plugin.components)
    values = schema.get("enum") or items.get("enum")
    if isinstance(values, list) and values:
        more = " …" if len(values) > _VALUES else ""
        yield "one of " + " ".join(map(_written, values[:_VALUES])) + more
    if schema.get("default") is not None:
        yield f"default {_written(schema['default'])}"


def _written(value: Any) -> str:
    """A value as YAML has it, which is not always as Python has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _fields(operation: Operation, plugin: Plugin) -> Iterator[str]:
    """What could be taken of a heavy answer."""
    top = resolve(operation.spec.reply.schema, plugin.components)
    members = _members(top, plugin)
    rows = {
        name: _members(schema["items"], plugin)
        for name, raw in members.items()
        if "items" in (schema := resolve(raw, plugin.components))
    }
    size = len(members) + sum(map(len, rows.values()))
    paths = _scalars(members, plugin)
    for name, row in rows.items():
        inner = _scalars(row, plugin)
        if inner and _NAME.fullmatch(name):
            paths.insert(0, f"{name}.{{{','.join(inner)}}}")
    if size <= HEAVY or not paths:
        return
    yield f"    # fields:          # only these of the {size} that the spec tells of"
    for path in paths[:_FIELDS]:
        yield f"    #   - {path}"


def _members(schema: Any, plugin: Plugin, depth: int = 4) -> dict[str, Schema]:
    """The properties of an object, or of the rows of an array."""
    schema = resolve(schema, plugin.components)
    if depth <= 0:
        return {}
    if "items" in schema:
        return _members(schema["items"], plugin, depth - 1)
    found: dict[str, Schema] = {}
    for part in schema.get("allOf", ()):
        found |= _members(part, plugin, depth - 1)
    declared: Mapping[str, Schema] = schema.get("properties") or {}
    return found | dict(declared)


def _scalars(members: Mapping[str, Schema], plugin: Plugin) -> list[str]:
    """The names of those that are no objects or arrays."""
    return [
        name
        for name, schema in members.items()
        if _NAME.fullmatch(name) and kinds(schema, plugin.components) <= SCALARS | {"null"}
    ][:_FIELDS]
