"""A spec of any version and the chosen operations in, the trimmed spec out. Pure.

Of a spec with thousands of operations a plugin serves five (`listing` names them all). `trim`
copies the chosen ones and what they reach, and nothing else, so that what follows costs by what
is chosen. References stay references. What no later step reads is left
behind: other operations, replies that are no success, callbacks, links, examples, security.

After `trim` every `$ref` leads to `#/components/KIND/NAME` (`#/KIND/NAME` in Swagger 2), NAME
being plain characters and the target being there, no alias and no other place of the document.

The knowledge that lives only here: what in a document is a reference. `$ref` names a target
where a schema, parameter, body or reply is expected, and a text or a whole section where those
are; below `properties` it is a property of that name; in `default`, `enum`, `const`, examples
and `x-…` it is data. Where it leads is for `references`, other files of the spec included.
Source: OpenAPI 3.1 §4.8.23, JSON Schema 2020-12 §8.2.3.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum, auto
from itertools import takewhile
from typing import Any
from urllib.parse import unquote

from gateway.errors import shown
from gateway.listing import ADDITIONAL, operations_of
from gateway.raw import as_list, as_map, as_text
from gateway.references import NULLABLE, Followed, Found, Parts, Place, Pointer, References
from gateway.values import Degraded

# Levels of one inline schema; what stands deeper becomes `{}`. The deepest of 3,669 public
# documents has 33; 100 keeps every later recursion far from the interpreter's limit of 1,000.
MAX_DEPTH = 100
# Schemas of one trimmed spec, at some kilobytes each until they are served. All 1,223 operations of
# GitHub have 12,703.
MAX_SCHEMAS = 200_000

Document = dict[str, Any]


def trim(
    doc: Mapping[str, Any],
    chosen: Collection[tuple[str, str]],
    references: References | None = None,
) -> tuple[Document, tuple[Degraded, ...]]:
    """Keep the chosen operations and what they reach.

    Args:
        doc: A spec of any version, as parsed. It is not changed; literals are shared with it.
        chosen: METHOD and path key as written.
        references: Of that document; needed where it is spread over files. What it `wanted`
            then must be read before the result can be whole.

    Returns:
        The trimmed spec, of the same version, and what had to be given up.
    """
    trimming = _Trim(doc, references or References(doc))
    out = trimming.run(chosen)
    if trimming.index.wanted:
        trimming.index.ahead = trimming.ahead
    return out


# --- schemas' keywords ------------------------------------------------------------------------


class _Holds(Enum):
    """What stands under a keyword of a schema."""

    LITERAL = auto()
    SCHEMA = auto()
    SCHEMAS = auto()  # a list of schemas
    NAMES = auto()  # a mapping of names to schemas
    ITEMS = auto()  # a schema, in older dialects also a list of them
    DISCRIMINATOR = auto()


# Not here, so left out: `$id` and `$schema`, which would change what references mean; `$defs`
# and anchors, whose members are reached by path; `$dynamicRef` and `$recursiveRef`, without which
# more is allowed; examples, xml, externalDocs and x-…, which no later step reads, but for
# `x-nullable`, which is how Swagger 2 says it, and `x-mcp-header`, which is for clients of MCP.
_LITERALS = (
    "type", "format", "title", "description", "default", "enum", "const", "required",
    "readOnly", "writeOnly", "deprecated", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
    "maxProperties", "minProperties", "minContains", "maxContains", "dependentRequired",
    "contentEncoding", "contentMediaType", "x-mcp-header", *NULLABLE,
)  # fmt: skip
_SINGLE = (
    "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
_KEYWORDS: dict[str, _Holds] = {
    **dict.fromkeys(_LITERALS, _Holds.LITERAL),
    **dict.fromkeys(_SINGLE, _Holds.SCHEMA),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), _Holds.SCHEMAS),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _Holds.NAMES),
    "items": _Holds.ITEMS,
    "discriminator": _Holds.DISCRIMINATOR,
}

_SECTIONS_2 = {
    "schemas": ("definitions",),
    "parameters": ("parameters",),
    "responses": ("responses",),
}
_SECTIONS_3 = {
    section: ("components", section)
    for section in ("schemas", "parameters", "requestBodies", "responses")
}
_HOMES = frozenset((*_SECTIONS_2.values(), *_SECTIONS_3.values()))
_DOCUMENT_KEYS = (
    "swagger", "openapi", "servers", "host", "basePath", "schemes", "consumes", "produces",
)  # fmt: skip
_TEXTS = ("title", "description")
_OPERATION_KEYS = ("operationId", "summary", "description", "servers", "consumes", "produces")
_PARAMETER_KEYS = (
    "name", "in", "description", "required", "style", "explode", "allowReserved",
    "allowEmptyValue", "collectionFormat",
)  # fmt: skip
_INSTEAD = {
    "schemas": "it is taken as any value",
    "parameters": "the parameter is left out",
    "requestBodies": "the request body is taken as any JSON",
    "responses": "nothing is known of the answer",
}
_PLAIN, _UNPLAIN = re.compile(r"[A-Za-z0-9._-]+"), re.compile(r"[^A-Za-z0-9.-]+")
_NAME_LENGTH = 100  # of names made here; Stripe's own reach 117
_SUCCESS = re.compile(r"2(?:\d\d|XX)", re.IGNORECASE)


class _Trim:
    """One trimming: what was reached, what is still to be copied, what was given up."""

    def __init__(self, doc: Mapping[str, Any], references: References) -> None:
        self.doc = doc
        self.index = references
        self.base = references.home  # the address of the file that is being copied from
        self.scope = Place(self.base, ())  # there, the schema with an `$id` that it stands in
        self.swagger = "swagger" in doc
        self.sections = _SECTIONS_2 if self.swagger else _SECTIONS_3
        self.names: dict[tuple[str, Place], str] = {}
        self.taken: set[tuple[str, str]] = set()
        self.queue: deque[tuple[str, str, Found, str]] = deque()
        # What could not be copied whole, since a file is to be read first.
        self.unfinished: list[tuple[str, str, Found, str]] = []
        self.unplaced: list[tuple[str, str]] = []
        self.discriminators: list[tuple[dict[str, Any], str]] = []
        self.ledger: dict[Degraded, None] = {}
        self.copied = 0  # schemas
        self.operation = ""

    def run(self, chosen: Collection[tuple[str, str]]) -> tuple[Document, tuple[Degraded, ...]]:
        out = self._said(self.doc, _DOCUMENT_KEYS)
        info = self.index.followed(self.doc.get("info"))
        self.base = info.target
        out["info"] = self._said(info.items, ("title", "description", "version", "contact"))
        out["paths"] = self._paths(chosen)
        self._components(out)
        for discriminator, base in self.discriminators:
            self._prune(discriminator, base)
        return out, tuple(self.ledger)

    def ahead(self, parts: Parts) -> tuple[str, ...]:
        """The files that are wanted next, now that some were read. Only what could not be copied
        whole is copied again, so that a file costs what stands in it, however long the chain.
        """
        self.index = self.index.learned(parts)
        if not self.index.wanted:
            places, self.unplaced = self.unplaced, []
            self.queue.extend(self.unfinished)
            self.unfinished = []
            self.scope = Place(self.index.home, ())
            if places:
                self._paths(places)
            self._components({})
        return tuple(self.index.wanted)

    def _paths(self, chosen: Collection[tuple[str, str]]) -> Document:
        wanted: dict[str, set[str]] = {}
        for method, path in chosen:
            wanted.setdefault(path, set()).add(method)
        out: Document = {}
        hidden: list[str] = []
        why = ""
        paths = self.index.followed(self.doc.get("paths"))
        for path, raw in paths.items.items():
            self.base = paths.base_of(path)
            plain = raw is None or path.startswith("x-")
            plain = plain or (isinstance(raw, dict) and "$ref" not in raw)
            if not plain and not self._is_there(raw):
                hidden.append(path)
                why = why or self._why(raw)
            if path in wanted:
                missed, chosen_here = self.index.missed, sorted(wanted[path])
                item = self._path_item(path, raw, wanted[path])
                if self.index.missed > missed:
                    self.unplaced += [(method, path) for method in chosen_here]
                if item:
                    out[path] = item
        for path, methods in wanted.items():
            for method in sorted(methods):
                self.operation = f"{method} {path}"
                self._degrade("is not in the spec", lost=True)
        self.operation = ""
        if hidden:
            some = ", ".join(map(shown, hidden[:3])) + (", …" if len(hidden) > 3 else "")
            self._degrade(
                f"paths that are not served, since they are written in other documents "
                f"or are no path items ({len(hidden)}): {some}{why}"
            )
        return out

    def _why(self, raw: Any) -> str:
        """Why a path item leads nowhere, where it is in another file that was looked for."""
        ref = as_map(raw).get("$ref")
        found = self.index.find(ref, self.base) if isinstance(ref, str) else None
        return f"; {found}" if isinstance(found, str) and self.index.parts else ""

    def _is_there(self, raw: Any) -> bool:
        """Whether a path item is one, as far as anybody asked for it."""
        ref = as_map(raw).get("$ref")
        if isinstance(ref, str) and self.index.is_unread(ref, self.base):
            return True
        return bool(self.index.followed(raw, self.base).items)

    def _path_item(self, path: str, raw: Any, methods: set[str]) -> Document:
        """The chosen operations of one path; takes them out of `methods`."""
        out: Document = {}
        item = self.index.followed(raw, self.base)
        if item.items and isinstance(raw.get("$ref"), str):
            found = self.index.find(raw["$ref"], self.base)
            if isinstance(found, str):
                self.operation = ""
                self._degrade(f"{shown(path)}: {found}; what stands beside it is served")
        for method, word, written in operations_of(item.items):
            if method in methods:
                methods.discard(method)
                self.operation = f"{method} {path}"
                operation = self.index.followed(written, item.base_of(word))
                if not operation.items and isinstance(written.get("$ref"), str):
                    self._lose(written["$ref"], item.base_of(word))
                    continue
                out = out or self._shared(item)
                self.base = operation.target
                copied = self._operation(operation.items)
                if word == ADDITIONAL:
                    out.setdefault(ADDITIONAL, {})[method] = copied
                else:
                    out[method.lower()] = copied
        return out

    def _lose(self, ref: str, base: str) -> None:
        found = self.index.find(ref, base)
        self._degrade(found if isinstance(found, str) else "is empty", lost=True)

    def _shared(self, item: Followed) -> Document:
        """What a path item says for all its operations."""
        out: Document = {}
        for key in ("summary", "description", "servers", "parameters"):
            self.base = item.base_of(key)
            if key != "parameters":
                out |= self._said(item.items, (key,))
            elif parameters := self._parameters(item.items.get(key)):
                out[key] = parameters
        return out

    def _components(self, out: Document) -> None:
        """Copy what was reached, and what that reaches in turn."""
        copy = {
            "schemas": self._schema,
            "parameters": self._parameter,
            "requestBodies": self._body,
            "responses": self._response,
        }
        while self.queue:
            one = section, name, found, self.operation = self.queue.popleft()
            self.base, self.scope = found.place.address, self.index.scope_of(found.place)
            missed = self.index.missed
            home = out
            for step in self.sections[section]:
                home = home.setdefault(step, {})
            home[name] = copy[section](found.node)
            if self.index.missed > missed:
                self.unfinished.append(one)

    # --- operations ---------------------------------------------------------------------------

    def _operation(self, raw: Mapping[str, Any]) -> Document:
        out = self._said(raw, _OPERATION_KEYS)
        parameters = self._parameters(raw.get("parameters"))
        if parameters:
            out["parameters"] = parameters
        if isinstance(raw.get("requestBody"), dict):
            out["requestBody"] = self._body(raw["requestBody"])
        responses = self.index.followed(raw.get("responses"), self.base).items
        kept = {str(code) for code in responses if _SUCCESS.fullmatch(str(code))} or {"default"}
        out["responses"] = {}
        for code, one in self._each(raw.get("responses")):
            response = self._response(one) if str(code) in kept else None
            if response is not None:
                out["responses"][str(code)] = response
        return out

    def _parameters(self, raw: Any) -> list[Document]:
        if isinstance(raw, dict) and isinstance(raw.get("$ref"), str):  # a whole list elsewhere
            found = self.index.find(raw["$ref"], self.base)
            if isinstance(found, Found) and isinstance(found.node, list):
                base, self.base = self.base, found.place.address
                every = self._parameters(found.node)
                self.base = base
                return every
        if raw is not None and not isinstance(raw, list):
            self._degrade("its parameters are no list and are ignored")
        return [out for one in as_list(raw) if (out := self._parameter(one)) is not None]

    def _parameter(self, raw: Any) -> Document | None:
        if not isinstance(raw, dict):
            self._degrade(f"a parameter is {shown(raw)}, no mapping; it is ignored")
            return None
        if isinstance(raw.get("$ref"), str):
            return self._pointed("parameters", raw["$ref"])
        out = self._said(raw, _PARAMETER_KEYS)
        if self.swagger:
            rest = {key: value for key, value in raw.items() if key not in ("schema", "$ref")}
            out = {**self._schema(rest), **out}
        if "schema" in raw:
            out["schema"] = self._schema(raw["schema"])
        if isinstance(raw.get("content"), dict):
            out["content"] = self._content(raw["content"])
        example = _example(raw)
        if example is not None:
            out["example"] = example
        return out

    def _body(self, raw: Mapping[str, Any]) -> Document:
        if isinstance(raw.get("$ref"), str):
            anything: Document = {"content": {"application/json": {"schema": {}}}}
            return self._pointed("requestBodies", raw["$ref"]) or anything
        out = self._said(raw, ("description", "required"))
        out["content"] = self._content(raw.get("content"))
        return out

    def _response(self, raw: Any) -> Document | None:
        if not isinstance(raw, dict):
            return {"description": ""}
        if isinstance(raw.get("$ref"), str):
            return self._pointed("responses", raw["$ref"])
        out: Document = {
            "description": as_text(self._said(raw, ("description",)).get("description"))
        }
        if self.swagger and "schema" in raw:
            out["schema"] = self._schema(raw["schema"])
        if isinstance(raw.get("content"), dict):
            out["content"] = self._content(raw["content"])
        return out

    def _content(self, raw: Any) -> Document:
        out: Document = {}
        for media_type, one in self._each(raw):
            out[str(media_type)] = kept = {}
            for key, value in self._each(one):
                if key == "schema":
                    kept["schema"] = self._schema(value)
                if key == "itemSchema":
                    kept[key] = {}  # that there are items is told; no step reads them
                if key == "encoding" and isinstance(value, dict):
                    kept["encoding"] = {
                        str(name): _pick(rule, ("contentType", "style", "explode", "allowReserved"))
                        for name, rule in value.items()
                        if isinstance(rule, dict)
                    }
                    for name, rule in value.items():
                        if as_map(as_map(rule).get("headers")):
                            self._degrade(f"the headers of the body's {shown(name)} are not sent")
        return out

    # --- what may stand elsewhere -------------------------------------------------------------

    def _each(self, raw: Any) -> Iterable[tuple[str, Any]]:
        """The entries of a section, its own `$ref` followed; `base` is each one's meanwhile."""
        return raw.items() if isinstance(raw, dict) and "$ref" not in raw else self._far(raw)

    def _far(self, raw: Any) -> Iterator[tuple[str, Any]]:
        base = self.base
        section = self.index.followed(raw, base)
        for key, value in section.items.items():
            self.base = section.base_of(key)
            yield key, value
        self.base = base

    def _said(self, raw: Mapping[str, Any], keys: tuple[str, ...]) -> Document:
        """Plain values; where one is a reference, what that leads to."""
        out = {key: raw[key] for key in keys if key in raw}
        for key in [key for key, value in out.items() if value.__class__ is dict]:
            ref = out[key].get("$ref")
            if isinstance(ref, str):
                found = self.index.find(ref, self.base)
                if isinstance(found, str):
                    self._degrade(f"{found}; its {key} is left out")
                    del out[key]
                else:
                    out[key] = found.node
        return out

    # --- schemas ------------------------------------------------------------------------------

    def _schema(self, raw: Any, depth: int = 0) -> Any:
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, dict):
            self._degrade(f"a schema is {shown(raw)}, no mapping; it is taken as any value")
            return {}
        self.copied += 1
        if self.copied > MAX_SCHEMAS:
            self._degrade(f"beyond {MAX_SCHEMAS:,} schemas the rest is taken as any value")
            return {}
        if "$id" in raw and (scope := self.index.entered(raw, self.base)) not in (None, self.scope):
            outer, self.scope = self.scope, scope
            inner = self._schema(raw, depth)
            self.scope = outer
            return inner
        out: Document = {}
        if isinstance(raw.get("$ref"), str):
            pointed = self._pointed("schemas", raw["$ref"])
            out = pointed or {}
            if len(raw) == 1 or not self.index.siblings:
                # Ignored like whatever stands there, but upstreams mean it and send null.
                return {**out, **{key: True for key in NULLABLE if raw.get(key) is True and out}}
        if depth >= MAX_DEPTH:
            self._degrade(f"a schema deeper than {MAX_DEPTH} levels is taken as any value")
            return {}
        for key, value in raw.items():
            holds = _KEYWORDS.get(key)
            if holds is _Holds.LITERAL:
                if value.__class__ is str or not isinstance(value, dict | list):
                    out[key] = value
                elif key in _TEXTS:
                    out |= self._said(raw, (key,))
                elif _is_shallow(value, MAX_DEPTH):
                    out[key] = value
            elif holds is not None:
                self._nested(out, key, value, holds, depth + 1)
        return out

    def _has_room(self, _: object) -> bool:
        """Whether more schemas are taken; the first too many is told, and the rest left out."""
        return self.copied <= MAX_SCHEMAS

    def _nested(self, out: Document, key: str, value: Any, holds: _Holds, depth: int) -> None:
        """Copy what stands under a keyword that holds schemas."""
        if holds is _Holds.NAMES and isinstance(value, dict):
            # A schema is no text: `$ref` with one is no property, but says where they all are.
            each = self._far(value) if isinstance(value.get("$ref"), str) else value.items()
            within = takewhile(self._has_room, each)
            out[key] = {name: self._schema(one, depth) for name, one in within}
        elif holds is _Holds.DISCRIMINATOR:
            if isinstance(value, dict) and isinstance(value.get("propertyName"), str):
                out[key] = _pick(value, ("propertyName",))
                if isinstance(value.get("mapping"), dict):
                    out[key]["mapping"] = dict(value["mapping"])
                    self.discriminators.append((out[key], self.base))
        elif holds in (_Holds.SCHEMAS, _Holds.ITEMS) and isinstance(value, list):
            out[key] = [self._schema(one, depth) for one in takewhile(self._has_room, value)]
            if len(out[key]) < len(value):
                out[key].append({})  # whatever the others allow
        elif holds in (_Holds.SCHEMA, _Holds.ITEMS):
            out[key] = self._schema(value, depth)
        else:
            self._degrade(f"the keyword {key} holds {shown(value)}; it is ignored")

    def _pointed(self, section: str, ref: str) -> Document | None:
        """A reference to the same thing, now among the components; None where it leads nowhere."""
        schema = section == "schemas"
        ref = self.index.scoped(ref, self.scope, self.base)
        found = self.index.find(ref, self.base, schema=schema)
        if isinstance(found, Found) and not schema and not isinstance(found.node, dict):
            found = f"the reference {shown(ref)} leads to {shown(found.node)}"
        if isinstance(found, str):
            self._degrade(f"{found}; {_INSTEAD[section]}")
            return None
        name = self.names.get((section, found.place))
        if name is None:
            name = self.names[section, found.place] = self._name(section, found.place)
            self.taken.add((section, name))
            self.queue.append((section, name, found, self.operation))
        return {"$ref": "/".join(("#", *self.sections[section], name))}

    def _name(self, section: str, place: Place) -> str:
        """A plain name, its own where it has one."""
        home, pointer = self.sections[section], place.pointer
        is_part = place.address != self.index.home
        own = pointer[len(home) :] if pointer[: len(home)] == home else ()
        if len(own) == 1 and _PLAIN.fullmatch(own[0]) and not is_part:
            return own[0]
        words = own or tuple(step for step in pointer if step not in _SECTIONS_3["schemas"])
        names = _names_of_part(place) if is_part else [words]
        named: Any = self.doc
        for step in home:
            named = as_map(as_map(named).get(step))
        where = "\0".join((place.address, *pointer) if is_part else pointer)
        digest = hashlib.sha256(where.encode("utf-8", "replace")).hexdigest()
        plain = [_UNPLAIN.sub("_", "_".join(one)).strip("_")[:_NAME_LENGTH] or "_" for one in names]
        for name in (*plain, f"{plain[0]}_{digest[:6]}"):
            if name not in named and (section, name) not in self.taken:
                return name
        return f"{plain[0]}_{digest}"

    def _prune(self, discriminator: dict[str, Any], base: str) -> None:
        """Leave in a mapping only what is reached anyway: it must not pull in every subtype."""
        kept = {}
        for value, target in discriminator["mapping"].items():
            if not isinstance(target, str):
                continue
            refs = [(target, base)]
            if "/" not in target:  # the name of a component, of the main document or its own
                component = "#/components/schemas/" + target
                refs = [(component, self.index.home), (component, base), *refs]
            for ref, own in refs:
                found = None if self._is_far(ref, own) else self.index.find(ref, own, schema=True)
                if isinstance(found, Found) and ("schemas", found.place) in self.names:
                    kept[value] = "#/components/schemas/" + self.names["schemas", found.place]
                    break
        discriminator["mapping"] = kept

    def _is_far(self, ref: str, base: str) -> bool:
        """Whether a file would have to be read only to learn where a reference leads."""
        return not ref.startswith("#") and self.index.is_unread(ref, base)

    def _degrade(self, what: str, *, lost: bool = False) -> None:
        self.ledger[Degraded(self.operation, what, lost)] = None


def _names_of_part(place: Place) -> list[Pointer]:
    """What something in another file may be called, the shortest first; the last words of two
    files may well be equal."""
    folder, file = posixpath.split(unquote(place.address.partition("?")[0]))
    stem, words = posixpath.splitext(file)[0], place.pointer
    if not words:
        return [(stem,), (posixpath.basename(folder), stem)]
    has_own = words[:-1] in _HOMES or (len(words) <= 2 and _KEYWORDS.keys().isdisjoint(words))
    return [words[-1:], (stem, *words[-1:])] if has_own else [(stem, *words)]


# --- values -----------------------------------------------------------------------------------


def _pick(raw: Any, keys: tuple[str, ...]) -> Document:
    return {key: raw[key] for key in keys if key in raw}


def _is_shallow(raw: Any, levels: int) -> bool:
    """Whether a literal nests at most so many levels."""
    if not isinstance(raw, dict | list):
        return True
    if levels == 0:
        return False
    inner = raw.values() if isinstance(raw, dict) else raw
    return all(_is_shallow(one, levels - 1) for one in inner if isinstance(one, dict | list))


def _example(parameter: Mapping[str, Any]) -> Any:
    """One short example of a parameter, wherever the spec gives it; None if it gives none."""
    schema = as_map(parameter.get("schema"))
    named = as_map(parameter.get("examples")).values()
    candidates = [
        parameter.get("example"),
        *(as_map(one).get("value") for one in named),
        schema.get("example"),
        *as_list(schema.get("examples")),
    ]
    return next(
        (one for one in candidates if isinstance(one, str | int | float) and len(str(one)) <= 100),
        None,
    )
