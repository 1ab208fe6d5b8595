"""Config + spec → Plugin. Whatever can fail at start fails here.

`build` takes what the config reader and the spec package have read, binds each chosen operation
to its settings, and compiles it: the request builder, the shrinker, the address. Every mistake
that only the spec can tell (a name that matches nothing, a field that is not in the answer, a
server elsewhere) is collected, so that one run shows them all. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from gateway import inplace
from gateway.caching.entries import Caching
from gateway.catalog import CALL, GIVEN, SEARCH, Catalog, Entry, catalog, own_specs
from gateway.choose import Chosen, choose, named_paths
from gateway.config import Loaded, caching, suggest, types
from gateway.config.cascade import CONNECT, UNLIMITED, Settings, settings, timeout_of
from gateway.config.scalars import Rate
from gateway.errors import Mistake, Mistakes, SpecError
from gateway.listing import listed, why_empty
from gateway.paging import Paging, compile_paging, limit_of, served_at, set_by
from gateway.references import Parts, References
from gateway.request import Bound, Reader, bind, prove, reader_of
from gateway.servers import base_of, base_of_operation, why_unservable
from gateway.shrinking import Rules, Shapes, Shrinker, compile_shrinker, count
from gateway.shrinking.more import GIVES, more_name, more_spec, own_shrinker
from gateway.shrinking.typed import Projection
from gateway.spec.model import normalise
from gateway.spec_filter import trim
from gateway.unseen import visible
from gateway.values import Argument, Build, Degraded, Schema, SpecModel, SpecOperation

# Our own addresses win over an operation's, those of faces to come included: a plugin's
# addresses must not move when the gateway is updated.
RESERVED = frozenset(
    {
        "/", "/.well-known/ai-plugin.json", "/openapi.yaml", "/openapi.json", "/logo.png",
        "/legal", "/robots.txt", "/healthz", "/readyz", "/mcp", "/tools.json", "/copilot.json",
        "/copilot-openapi.json",
        "/favicon.ico",
    }
)  # fmt: skip
RESERVED_BELOW = ("/call/", "/oauth/", "/as/", "/.well-known/")
# Stands for a base URL that is a mistake already, so that all others are found in the same run.
NOWHERE = "http://upstream.invalid"
# Of the groups of operations that are searched in, how many the plugin's description names.
_GROUPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation, compiled: a call only runs what stands here.

    `address` is the path it is served at, below the plugin's root; its `{names}` are those of
    the arguments served in the path. `arguments` are the ones shown; `withheld` says of each
    pinned or hidden name why a caller may not send it. `limit_scope` names what shares a limit.
    `cache` is seconds of freshness where the upstream says nothing, 0.0 = never store.
    """

    plugin: str
    name: str
    address: str
    spec: SpecOperation
    summary: str
    description: str
    written: bool  # the description is the operator's
    arguments: tuple[Argument, ...]
    by_name: Mapping[str, Argument]
    withheld: Mapping[str, str]
    consequential: bool
    build: Build
    readers: Mapping[str, Reader]  # by argument
    shrinker: Shrinker
    limit: Rate
    limit_scope: str
    cache: float | None
    timeout: float
    max_bytes: int
    connect: float = CONNECT
    read: float | None = None  # the longest silence; None: only `timeout` bounds it
    retries: int | Literal["no"] | None = None
    confirm: bool = False  # its user is to be asked first, where a face can ask
    # The operations that it calls by name and whose user is to be asked first.
    confirms: Mapping[str, Operation] = field(default_factory=dict)
    own: bool = False  # the gateway's: no upstream is asked
    formed: bool = False  # the answer's form is the operator's: `fields` or `returns`
    rules: Rules = field(default_factory=Rules)  # what `shrinker` was compiled from
    budgeted: bool = False  # the operator says what its answers may cost
    replies: Schema | None = None  # what the upstream answers, before the rules
    paging: Paging | None = None  # how a list's pages are found; None: they are not followed
    caching: Caching = field(default_factory=Caching)  # what holds where `cache` is not 0.0
    by_caller: bool = False  # stored replies are not shared by callers
    purges: tuple[str, ...] = ()  # whose stored replies are forgotten when it succeeds
    purged: bool = False  # another one may purge its own
    passing: bool = False  # a transparent proxy: no rule of ours holds; no config makes one
    # What the config says of its parameters, by the config's keys: for people (`explain`).
    parameters: Mapping[str, Literal["hide"] | types.Parameter] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The HTTP method it is served with: no platform knows OpenAPI 3.2's QUERY."""
        return "POST" if self.spec.method == "QUERY" else self.spec.method


@dataclass(frozen=True, eq=False)
class Plugin:
    """One plugin, ready to serve. `base` is the upstream's base URL."""

    config: types.Plugin
    secrets: frozenset[str]
    base: str
    title: str
    summary: str
    description: str
    version: str
    contact: str
    operations: Mapping[str, Operation]
    components: Mapping[str, Schema] = field(default_factory=dict)  # the upstream's own, full
    logo: bytes | None = None  # the file's bytes; None is the built-in one (or config.logo's URL)
    legal: tuple[str, bytes] | None = None  # content type and bytes of the file; None likewise
    ledger: tuple[Degraded, ...] = ()
    warnings: tuple[Mistake, ...] = ()
    catalog: Catalog | None = None  # where operations are searched for instead of listed
    spec_tokens: int = 0  # of the upstream's whole spec, roughly; 0 where there is none

    @property
    def name(self) -> str:
        """The name the model sees, and the path it is served under."""
        return self.config.plugin

    @cached_property
    def shown(self) -> Plugin:
        """The plugin as faces show it: where operations are searched for, the gateway's own."""
        if self.catalog is None:
            return self
        own = {name: one for name, one in self.operations.items() if one.own}
        return replace(self, operations=own, catalog=None)

    @property
    def chosen(self) -> list[Operation]:
        """The operations of the upstream, without the gateway's own."""
        return [one for one in self.operations.values() if not one.own]


@dataclass(frozen=True, slots=True)
class Files:
    """What the config names beside itself, read."""

    logo: bytes | None = None
    legal: tuple[str, bytes] | None = None


def build(
    loaded: Loaded,
    document: dict[str, Any] | None,
    location: str = "",
    *,
    from_url: bool = False,
    files: Files | None = None,
    parts: Parts | None = None,
) -> Plugin:
    """Compile a plugin from its config and its spec.

    Args:
        loaded: The config, as the reader gives it.
        document: The spec, parsed; None where the operations are written in place.
        location: The spec's URL or file, against which its relative servers are resolved.
        from_url: Whether the spec was fetched: its servers are then not trusted.
        files: The logo and the legal text, where the config names files.
        parts: The spec's other files, as far as they were read; None where there are none.

    Raises:
        WantedError: other files of the spec are to be read first.
        Mistakes: with everything that is wrong.
        SpecError: if the document is no spec at all.
    """
    in_place = document is None
    document = inplace.document(loaded.plugin) if document is None else document
    references = References(document, parts)
    chosen, mistakes = _chosen(loaded, document, references, location)
    places = [(one.listed.method, one.listed.path) for one in chosen]
    trimmed, trim_ledger = trim(document, places, references)
    references.check()
    model = normalise(trimmed, location)
    ledger = [*trim_ledger, *model.ledger]
    base, base_mistakes = base_of(loaded, model, location, from_url=from_url)
    mistakes += base_mistakes
    specs = {(one.method, one.key): one for one in model.operations}
    shapes = Shapes(model.components)
    operations: dict[str, Operation] = {}
    taken: set[tuple[str, str]] = set()
    matched: set[str] = set()
    more = more_name({one.name for one in chosen})
    for one in chosen:
        spec = specs.get((one.listed.method, one.listed.path))
        if spec is None:
            if not any(line.lost and line.operation == _place(one) for line in ledger):
                ledger.append(Degraded(_place(one), "cannot be read", lost=True))
            continue
        reason = why_unservable(spec, base, loaded)
        if reason:
            ledger.append(Degraded(_place(one), reason, lost=True))
            continue
        compiled, found, lost = _operation(
            loaded, one, spec, model, shapes, base or NOWHERE, taken, matched, ledger, more
        )
        mistakes += found
        if lost:
            ledger.append(Degraded(_place(one), lost, lost=True))
        if compiled:
            operations[compiled.name] = compiled
    searched = _catalog(loaded.plugin, operations)
    if searched is not None:
        operations |= searching(loaded.plugin, operations, searched, taken)
    if any(_has_rest(one) for one in operations.values()):
        spec = more_spec(more)
        operations[more] = own_operation(loaded.plugin, spec, taken, GIVES)
    if not in_place:
        mistakes += _in_place_keys(loaded)
    operations, faults = _purging(loaded, chosen, operations)
    mistakes += faults
    warnings = [*loaded.warnings, *_unmatched(loaded, matched)]
    if not operations and not mistakes and loaded.whole:
        lost_lines = "; ".join(f"{line.operation} {line.what}" for line in ledger if line.lost)
        text = "no operation is left to serve" + (f": {lost_lines}" if lost_lines else "")
        mistakes.append(loaded.mistake(("operations",), text))
    if mistakes:
        # A fault of a parameter of the whole plugin shows in every operation that has it.
        unique = dict.fromkeys(mistakes)
        raise Mistakes(sorted(unique, key=lambda one: (one.file, one.line, one.column)))
    files = files or Files()
    return Plugin(
        config=loaded.plugin,
        secrets=loaded.secrets,
        base=base,
        version=model.version or "1",
        operations=operations,
        components=model.components,
        logo=files.logo,
        legal=files.legal,
        ledger=tuple(ledger),
        **_words(loaded, model, operations, searched, warnings),
        warnings=tuple(warnings),
        catalog=searched,
        spec_tokens=0,  # who has read the whole spec counts it
    )


def _catalog(plugin: types.Plugin, operations: Mapping[str, Operation]) -> Catalog | None:
    """What operations are searched in; None where they are all listed."""
    if plugin.expose in (None, "all") or not operations:
        return None
    if plugin.expose == "auto":
        told = [
            [one.name, one.description or one.summary, [[a.name, a.schema] for a in one.arguments]]
            for one in operations.values()
        ]
        text = json.dumps(told, default=str, separators=(",", ":"), ensure_ascii=False)
        if count(text.encode("utf-8", "replace")) <= plugin.spec_budget:
            return None
    return catalog_of(operations.values())


def catalog_of(operations: Iterable[Operation]) -> Catalog:
    """What these operations are found in."""
    return catalog(
        Entry(
            one.name,
            one.spec.method,
            one.spec.path,
            visible(one.summary),
            one.description if one.written else visible(one.description),
            tuple(each.name for each in one.arguments),
        )
        for one in operations
    )


def searching(
    plugin: types.Plugin,
    operations: Mapping[str, Operation],
    searched: Catalog,
    taken: set[tuple[str, str]],
) -> dict[str, Operation]:
    """The operations that stand for all others, by name; see `own_operation`."""
    found = {}
    for role, spec in own_specs(searched.names, len(operations)).items():
        own = own_operation(plugin, spec, taken, GIVEN[role])
        if role == CALL:
            asked = {one.name: one for one in operations.values() if one.confirm}
            changes = any(one.consequential for one in operations.values())
            own = replace(own, consequential=changes, confirms=asked)
        found[own.name] = own
    return found


def _chosen(
    loaded: Loaded, document: dict[str, Any], references: References, location: str
) -> tuple[tuple[Chosen, ...], list[Mistake]]:
    """The operations to serve. Where all are named by their paths, no other is looked at, since
    it may stand in another file.

    Raises:
        SpecError: the document has no operations.
    """
    only = named_paths(loaded)
    if only is not None:
        chosen, mistakes = choose(loaded, listed(document, references, only))
        references.check()
        if not mistakes:
            return chosen, mistakes
    every = listed(document, references)
    references.check()
    if not every and loaded.plugin.spec is not None:
        raise SpecError(f"{location}: {why_empty(document, references)}")
    return choose(loaded, every)


def _place(one: Chosen) -> str:
    return f"{one.listed.method} {one.listed.path}"


# --- one operation ----------------------------------------------------------------------------


def _operation(
    loaded: Loaded,
    one: Chosen,
    spec: SpecOperation,
    model: SpecModel,
    shapes: Shapes,
    base: str,
    taken: set[tuple[str, str]],
    matched: set[str],
    ledger: list[Degraded],
    more: str,
) -> tuple[Operation | None, list[Mistake], str | None]:
    """Compile one operation.

    Returns:
        The operation or None; its mistakes; why it is lost, if it is.
    """
    plugin = loaded.plugin
    chosen = settings(plugin, one.config)
    paged = set_by(one.config.paginate, spec, chosen.parameters, one.config.parameters)
    taken_by_proof = prove(plugin.upstream.credential).taken
    bound = bind(
        spec,
        model.components,
        paged.entries,
        own=paged.own.keys() | (one.config.parameters.keys() - paged.replaced),
        taken=taken_by_proof | {("header", name) for name in plugin.upstream.headers},
        secrets=loaded.secrets,
        flat=one.config.flatten,
    )
    matched |= (bound.used - paged.own.keys()) | paged.replaced
    ledger += [
        Degraded(_place(one), f"{name!r} is not checked: its schema cannot be compiled")
        for name in bound.unchecked
    ]
    ledger += [Degraded(_place(one), text) for text in bound.notes]
    schema = one.config.returns
    if schema is None and one.config.jmespath is None:
        schema = spec.reply.schema
    rules = _rules(one.config, chosen, more)
    shrinker, faults = compile_shrinker(
        schema, shapes, rules, [each.name for each in bound.arguments]
    )
    in_query = frozenset(name for place, name in taken_by_proof if place == "query")
    paging, paging_faults = _paging(one.config, spec, shapes, shrinker, bound, in_query)
    paging_faults += paged.faults
    paging_faults += [
        (paged.own[path[0]], text) for path, text in bound.faults if path[0] in paged.own
    ]
    mistakes = [
        loaded.mistake((*_parameters_path(loaded, one, path), *path), text)
        for path, text in bound.faults
        if path[0] not in paged.own
    ]
    mistakes += [
        loaded.mistake((*one.path, "paginate", *path), text) for path, text in paging_faults
    ]
    mistakes += [loaded.mistake((*one.path, "flatten"), text) for text in bound.not_flat]
    mistakes += [
        loaded.mistake(
            (*one.path, fault.key, *([] if fault.index is None else [fault.index])), fault.message
        )
        for fault in faults
    ]
    if bound.lost or mistakes:
        return None, mistakes, bound.lost
    arguments, address = _address(one.name, spec, bound, taken)
    own = () if shrinker.choice is None else (shrinker.choice.argument,)
    arguments += own
    confirm = one.config.confirm
    operation = Operation(
        plugin=plugin.plugin,
        name=one.name,
        address=address,
        spec=spec,
        summary=spec.summary,
        description=one.config.description or spec.description or spec.summary,
        written=one.config.description is not None,
        formed=shrinker.take is not None or one.config.returns is not None,
        parameters={key: each for key, each in paged.entries.items() if key in bound.used},
        arguments=arguments,
        by_name={argument.name: argument for argument in arguments},
        withheld=bound.withheld,
        consequential=spec.method not in types.SAFE if confirm is None else confirm,
        confirm=bool(confirm),
        build=bound.build(base_of_operation(spec, base, loaded)),
        readers={**bound.readers, **{each.name: reader_of(each, {}) for each in own}},
        shrinker=shrinker,
        rules=rules,
        budgeted=chosen.budgeted,
        replies=schema,
        paging=paging,
        limit=chosen.limit,
        limit_scope=plugin.plugin if one.config.limit is None else f"{plugin.plugin}.{one.name}",
        cache=chosen.cache,
        caching=_caching(chosen.caching, own=_is_callers_own(plugin)),
        by_caller=_is_by_caller(chosen.caching, plugin),
        purges=tuple(one.config.purges),
        timeout=chosen.timeout,
        connect=chosen.connect,
        read=chosen.read,
        retries=chosen.retries,
        max_bytes=chosen.max_bytes,
    )
    return operation, [], None


def _purging(
    loaded: Loaded, chosen: Iterable[Chosen], operations: dict[str, Operation]
) -> tuple[dict[str, Operation], list[Mistake]]:
    """The operations, those marked that others purge; and what is wrong with how they are kept."""
    names = frozenset(name for name, one in operations.items() if not one.own)
    mistakes = [
        loaded.mistake((*one.path, *path), text)
        for one in chosen
        if one.name in names
        for path, text in caching.of_operation(one.name, one.config, one.listed.method, names)
    ]
    purged = {name for one in operations.values() for name in one.purges}
    marked = {
        name: replace(one, purged=True) if name in purged else one
        for name, one in operations.items()
    }
    return marked, mistakes


def _is_callers_own(plugin: types.Plugin) -> bool:
    """Whether callers bring the upstream's own keys, which are passed on."""
    return isinstance(plugin.auth, types.Auth) and plugin.auth.service is None


def _is_by_caller(cache: types.Cache, plugin: types.Plugin) -> bool:
    """Whether what one caller's call has fetched is his alone."""
    return (cache.shared_by or ("caller" if _is_callers_own(plugin) else "everyone")) == "caller"


def _caching(cache: types.Cache, *, own: bool) -> Caching:
    """The settings of an operation, as the rules read them."""
    return Caching(
        ttl=cache.ttl or None,
        stale=cache.stale,
        override=cache.override,
        heuristic=cache.heuristic,
        obey_caller=cache.obey_caller,
        post=cache.post,
        shared=not own,
    )


def _rules(operation: types.Operation, chosen: Settings, more: str) -> Rules:
    """What shall become of the answer."""
    limits = operation.limit_items.items()
    return Rules(
        fields=operation.fields,
        jmespath=operation.jmespath,
        choose=operation.choose,
        drop=chosen.drop,
        strings=operation.strings,
        untrusted=operation.untrusted,
        limit_items={path: one if isinstance(one, int) else one.max for path, one in limits},
        hard=[path for path, one in limits if not isinstance(one, int) and one.hard],
        encode=chosen.encode,
        paged=operation.paginate is not None,
        budget=chosen.budget,
        more=more,
    )


def _paging(
    operation: types.Operation,
    spec: SpecOperation,
    shapes: Shapes,
    shrinker: Shrinker,
    bound: Bound,
    in_query: frozenset[str],
) -> tuple[Paging | None, list[tuple[tuple[str, ...], str]]]:
    """How the pages of a list are found, and what is wrong with it."""
    if operation.paginate is None:
        return None, []
    schema = operation.returns
    if schema is None:
        schema = spec.reply.schema
    elif operation.jmespath is not None:
        schema = None  # `returns` is what comes out of it; pages are what goes in
    paging, faults = compile_paging(operation.paginate, spec, schema, shapes, in_query)
    if paging is None:
        return None, faults
    take = shrinker.take
    if take is None or isinstance(take, Projection):
        served = served_at(paging.items, None if take is None else take.level)
        if served is not None:
            wrapped = shrinker.names.items
            paging = replace(paging, served=served or (wrapped,))
            limit = limit_of(served, operation.limit_items, wrapped)
            if limit is not None:
                paging = replace(paging, most=limit.max, hard=limit.hard)
    return replace(paging, held=frozenset(bound.withheld) - set(paging.to)), faults


def _parameters_path(loaded: Loaded, one: Chosen, path: tuple[str, ...]) -> tuple[str | int, ...]:
    """Where a parameter's entry stands: with the operation, else with the plugin."""
    if path and path[0] not in one.config.parameters and path[0] in loaded.plugin.parameters:
        return ("parameters",)
    return (*one.path, "parameters")


def _address(
    name: str, spec: SpecOperation, bound: Bound, taken: set[tuple[str, str]]
) -> tuple[tuple[Argument, ...], str]:
    """Where an operation is served: at its own path with our names, or at `/<its name>`.

    The latter where the path cannot be routed (a query or fragment in it, a placeholder that
    no caller fills), or where METHOD + path is ours or already taken. What stood in the path
    is then an argument like the others.
    """
    renames = {arg.source[0]: arg.name for arg in bound.arguments if arg.served == "path"}
    holes = re.findall(r"\{([^{}]*)\}", spec.path)
    address = re.sub(r"\{([^{}]*)\}", lambda m: "{" + renames.get(m[1], m[1]) + "}", spec.path)
    shape = re.sub(r"\{[^{}]*\}", "{}", address)
    routable = (
        spec.key == spec.path
        and spec.method != "QUERY"  # served as a POST, which may be another operation there
        and address.startswith("/")
        and all(hole in renames for hole in holes)
        and shape not in RESERVED
        and not shape.startswith(RESERVED_BELOW)
        and (spec.method, shape) not in taken
    )
    if routable:
        taken.add((spec.method, shape))
        return bound.arguments, address
    method, address = "POST" if spec.method == "QUERY" else spec.method, "/" + name
    if (method, address) in taken:  # some other operation's path is this one's name
        address += "_" + hashlib.sha256(spec.key.encode("utf-8", "replace")).hexdigest()[:6]
    taken.add((method, address))
    moved = tuple(
        replace(arg, served="query") if arg.served == "path" else arg for arg in bound.arguments
    )
    return moved, address


def _has_rest(operation: Operation) -> bool:
    """Whether answers may leave out what can be had on request."""
    shrinker = operation.shrinker
    cuts = shrinker.limit or shrinker.shorten or shrinker.budget.tokens
    return bool(cuts) or operation.paging is not None


def own_operation(
    plugin: types.Plugin, spec: SpecOperation, taken: set[tuple[str, str]], gives: str
) -> Operation:
    """An operation that the gateway itself answers.

    Args:
        plugin: Its limit holds for this operation as well.
        spec: What it takes.
        taken: The addresses of the other operations, to which its own is added.
        gives: What its answers are, for people.
    """
    name = spec.operation_id or spec.path
    bound = bind(spec, {}, {})
    arguments, address = _address(name, spec, bound, taken)
    return Operation(
        plugin=plugin.plugin,
        name=name,
        address=address,
        spec=spec,
        summary=spec.summary,
        description=spec.description,
        written=True,
        arguments=arguments,
        by_name={argument.name: argument for argument in arguments},
        withheld=bound.withheld,
        consequential=False,
        build=bound.build(NOWHERE),
        readers=bound.readers,
        shrinker=own_shrinker(gives),
        limit=UNLIMITED if plugin.limit is None else plugin.limit,
        limit_scope=plugin.plugin,
        cache=0.0,
        timeout=timeout_of(plugin).total,
        max_bytes=plugin.upstream.max_bytes,
        own=True,
    )


# --- what only the whole can tell -------------------------------------------------------------


def _in_place_keys(loaded: Loaded) -> list[Mistake]:
    """`body`, `in` and schema keywords act only where the operations are written in place."""
    found = []
    operations = loaded.plugin.operations
    for name, operation in operations.items() if isinstance(operations, dict) else ():
        if operation is not None and operation.body is not None:
            text = "the spec describes the body; `body` is for operations written in place"
            found.append(loaded.mistake(("operations", name, "body"), text))
    return found


def _unmatched(loaded: Loaded, matched: set[str]) -> list[Mistake]:
    """Parameters of the whole plugin that no served operation has."""
    return [
        loaded.mistake(
            ("parameters", name),
            f"no served operation has a parameter {name!r}" + suggest(name, matched),
        )
        for name in loaded.plugin.parameters
        if name not in matched
    ]


def _words(
    loaded: Loaded,
    model: SpecModel,
    operations: Mapping[str, Operation],
    found: Catalog | None,
    warnings: list[Mistake],
) -> dict[str, str]:
    """Title, summary, description and contact: the operator's, else the spec's if they fit."""
    config = loaded.plugin
    title = config.title
    if title is None:
        named = visible(model.title).strip()
        fits = 0 < len(named) <= types.LENGTHS["title"]
        title = named if fits else config.plugin[: types.LENGTHS["title"]]
    summary = config.summary
    if summary is None:
        first = re.split(r"(?<=[.!?])\s|\n", visible(model.description).strip(), maxsplit=1)[0]
        first = first.strip()
        summary = (
            first
            if first and len(first) <= types.LENGTHS["summary"]
            else f"{title} for your assistant."
        )
    if config.contact is None and not model.contact:
        text = "no contact: platforms ask for an e-mail address; write contact: you@example.com"
        warnings.append(loaded.mistake(("plugin",), text))
    return {
        "title": title,
        "summary": summary,
        "description": config.description or _about(title, operations.values(), found),
        "contact": config.contact or model.contact,
    }


def _about(title: str, operations: Iterable[Operation], found: Catalog | None) -> str:
    """The description of a plugin that has none: its operations' names and summaries, or where
    they are too many to list, what they are about."""
    if found is not None:
        groups = ", ".join(name for name, _ in found.groups()[:_GROUPS])
        return (
            f"{title} has {len(found.entries):,} operations, about {groups} and more. Find one "
            f"with {found.names[SEARCH]} first."
        )
    lines = [f"Use {title} through these operations:"]
    for operation in operations:
        if operation.own:
            continue
        words = operation.summary or operation.description
        if not operation.written:
            words = visible(words)
        first = re.split(r"(?<=[.!?])\s|\n", words.strip(), maxsplit=1)[0][:200]
        line = f"- {operation.name}: {first}" if first else f"- {operation.name}"
        if sum(map(len, lines)) + len(lines) + len(line) > types.LENGTHS["description"] - 4:
            lines.append("- …")
            break
        lines.append(line)
    return "\n".join(lines)


__all__ = ["Files", "Operation", "Plugin", "build"]
