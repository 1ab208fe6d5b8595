"""A spec of any version and the chosen operations in, the trimmed spec out. Pure.

Of a spec with thousands of operations a plugin serves five. `listed` names them all in one
cheap pass; `trim` copies the chosen ones and what they reach, and nothing else, so that what
follows costs by what is chosen. References stay references. What no later step reads is left
behind: other operations, replies that are no success, callbacks, links, examples, security.

After `trim` every `$ref` leads to `#/components/KIND/NAME` (`#/KIND/NAME` in Swagger 2), NAME
being plain characters and the target being there, no alias and no other place of the document.

The knowledge that lives only here: what in a document is a reference. `$ref` names a target
where a schema, parameter, body or reply is expected; below `properties` it is a property of
that name; in `default`, `enum`, `const`, examples and `x-…` it is data. Source: OpenAPI 3.1
§4.8.23, JSON Schema 2020-12 §8.2.3, RFC 6901 §6.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote

from gateway.errors import shown
from gateway.values import Degraded

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY"})

# Levels of one inline schema; what stands deeper becomes `{}`. The deepest of 3,669 public
# documents has 33; 100 keeps every later recursion far from the interpreter's limit of 1,000.
MAX_DEPTH = 100

Document = dict[str, Any]
Pointer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """An operation as the document names it. `path` is the path key as written."""

    method: str
    path: str
    operation_id: str | None = None
    summary: str = ""
    tags: tuple[str, ...] = ()


def listed(doc: Mapping[str, Any]) -> tuple[Listed, ...]:
    """All operations of a document, in its order."""
    index = _Index(doc)
    found: dict[tuple[str, str], Listed] = {}
    for path, raw in _map(doc.get("paths")).items():
        for word, operation in index.followed(raw).items():
            method = word.upper()
            if method in METHODS and isinstance(operation, dict) and (method, path) not in found:
                found[method, path] = Listed(
                    method=method,
                    path=path,
                    operation_id=_text(operation.get("operationId")) or None,
                    summary=_text(operation.get("summary")),
                    tags=tuple(tag for tag in _list(operation.get("tags")) if isinstance(tag, str)),
                )
    return tuple(found.values())


def trim(
    doc: Mapping[str, Any], chosen: Collection[tuple[str, str]]
) -> tuple[Document, tuple[Degraded, ...]]:
    """Keep the chosen operations and what they reach.

    Args:
        doc: A spec of any version, as parsed. It is not changed; literals are shared with it.
        chosen: METHOD (upper case) and path key as written.

    Returns:
        The trimmed spec, of the same version, and what had to be given up.
    """
    return _Trim(doc).run(chosen)


# --- references -------------------------------------------------------------------------------


class _Index:
    """Finds what a reference names. Each is looked up once, however long the chain it is in."""

    def __init__(self, doc: Mapping[str, Any]) -> None:
        self.doc = doc
        # In 3.0 and before, whatever stands beside a `$ref` is ignored; in 3.1 it counts too,
        # but only in schemas.
        self.siblings = str(doc.get("openapi", "")).startswith("3.") and not str(
            doc.get("openapi")
        ).startswith("3.0")
        self._found: dict[tuple[bool, str], tuple[Pointer, Any] | str] = {}

    def find(self, ref: str, *, schema: bool) -> tuple[Pointer, Any] | str:
        """Where `ref` leads in the end and what stands there, or a text why it leads nowhere."""
        chain: dict[str, None] = {}
        while True:
            known = self._found.get((schema, ref))
            if known is not None:
                break
            if ref in chain:
                known = f"the reference {shown(ref)} leads to itself"
                break
            chain[ref] = None
            known = self._look(ref)
            if isinstance(known, str):
                break
            node = known[1]
            if not self.is_alias(node, schema=schema):
                break
            ref = node["$ref"]
        for link in chain:
            self._found[schema, link] = known
        return known

    def is_alias(self, node: Any, *, schema: bool) -> bool:
        """Whether a node is nothing but a reference to another one."""
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return False
        said = self.siblings or any(node.get(key) is True for key in _NULLABLE)
        return len(node) == 1 or not (schema and said)

    def followed(self, raw: Any) -> Mapping[str, Any]:
        """A path item or media type with its own `$ref` followed; empty where it leads nowhere."""
        if not isinstance(raw, dict):
            return {}
        if not isinstance(raw.get("$ref"), str):
            return raw
        found = self.find(raw["$ref"], schema=False)
        target = found[1] if not isinstance(found, str) else None
        return {**_map(target), **{key: value for key, value in raw.items() if key != "$ref"}}

    def _look(self, ref: str) -> tuple[Pointer, Any] | str:
        if not ref.startswith("#"):
            return f"the reference {shown(ref)} leads to another document, which is not read"
        if not ref.startswith("#/"):
            return f"the reference {shown(ref)} is no path in the document"
        pointer = tuple(
            token.replace("~1", "/").replace("~0", "~") for token in unquote(ref[2:]).split("/")
        )
        node: Any = self.doc
        for token in pointer:
            if isinstance(node, dict) and token in node:
                node = node[token]
            elif isinstance(node, list) and token.isdecimal() and len(token) < 10:
                index = int(token)
                if index >= len(node):
                    return f"the reference {shown(ref)} leads nowhere"
                node = node[index]
            else:
                return f"the reference {shown(ref)} leads nowhere"
        return pointer, node


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
# `x-nullable`, which is how Swagger 2 says it.
_NULLABLE = ("nullable", "x-nullable")
_LITERALS = (
    "type", "format", "title", "description", "default", "enum", "const", "required",
    "readOnly", "writeOnly", "deprecated", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
    "maxProperties", "minProperties", "minContains", "maxContains", "dependentRequired",
    "contentEncoding", "contentMediaType", *_NULLABLE,
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
_DOCUMENT_KEYS = (
    "swagger", "openapi", "servers", "host", "basePath", "schemes", "consumes", "produces",
)  # fmt: skip
_OPERATION_KEYS = ("operationId", "summary", "description", "servers", "consumes", "produces")
_PARAMETER_KEYS = (
    "name", "in", "description", "required", "style", "explode", "allowReserved",
    "collectionFormat",
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

    def __init__(self, doc: Mapping[str, Any]) -> None:
        self.doc = doc
        self.index = _Index(doc)
        self.swagger = "swagger" in doc
        self.sections = _SECTIONS_2 if self.swagger else _SECTIONS_3
        self.names: dict[tuple[str, Pointer], str] = {}
        self.taken: set[tuple[str, str]] = set()
        self.queue: deque[tuple[str, str, Any, str]] = deque()
        self.discriminators: list[dict[str, Any]] = []
        self.ledger: dict[Degraded, None] = {}
        self.operation = ""

    def run(self, chosen: Collection[tuple[str, str]]) -> tuple[Document, tuple[Degraded, ...]]:
        out = _pick(self.doc, _DOCUMENT_KEYS)
        info = _map(self.doc.get("info"))
        out["info"] = _pick(info, ("title", "description", "version", "contact"))
        out["paths"] = self._paths(chosen)
        self._components(out)
        for mapping in self.discriminators:
            self._prune(mapping)
        return out, tuple(self.ledger)

    def _paths(self, chosen: Collection[tuple[str, str]]) -> Document:
        wanted: dict[str, set[str]] = {}
        for method, path in chosen:
            wanted.setdefault(path, set()).add(method)
        out: Document = {}
        hidden: list[str] = []
        for path, raw in _map(self.doc.get("paths")).items():
            plain = raw is None or (isinstance(raw, dict) and "$ref" not in raw)
            if not plain and not self.index.followed(raw):
                hidden.append(path)
            if path in wanted:
                item = self._path_item(path, self.index.followed(raw), wanted[path])
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
                f"{len(hidden)} paths are not served, since they are written in other documents "
                f"or are no path items: {some}"
            )
        return out

    def _path_item(self, path: str, raw: Mapping[str, Any], methods: set[str]) -> Document:
        """The chosen operations of one path; takes them out of `methods`."""
        out: Document = {}
        for word, operation in raw.items():
            if word.upper() in methods and isinstance(operation, dict):
                methods.discard(word.upper())
                self.operation = f"{word.upper()} {path}"
                if not out:
                    out = _pick(raw, ("summary", "description", "servers"))
                    parameters = self._parameters(raw.get("parameters"))
                    if parameters:
                        out["parameters"] = parameters
                out[word.lower()] = self._operation(operation)
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
            section, name, node, self.operation = self.queue.popleft()
            home = out
            for step in self.sections[section]:
                home = home.setdefault(step, {})
            home[name] = copy[section](node)

    # --- operations ---------------------------------------------------------------------------

    def _operation(self, raw: Mapping[str, Any]) -> Document:
        out = _pick(raw, _OPERATION_KEYS)
        parameters = self._parameters(raw.get("parameters"))
        if parameters:
            out["parameters"] = parameters
        if isinstance(raw.get("requestBody"), dict):
            out["requestBody"] = self._body(raw["requestBody"])
        responses = _map(raw.get("responses"))
        kept = [code for code in responses if _SUCCESS.fullmatch(str(code))]
        out["responses"] = {}
        for code in kept or (["default"] if "default" in responses else []):
            response = self._response(responses[code])
            if response is not None:
                out["responses"][str(code)] = response
        return out

    def _parameters(self, raw: Any) -> list[Document]:
        if raw is not None and not isinstance(raw, list):
            self._degrade("its parameters are no list and are ignored")
        return [out for one in _list(raw) if (out := self._parameter(one)) is not None]

    def _parameter(self, raw: Any) -> Document | None:
        if not isinstance(raw, dict):
            self._degrade(f"a parameter is {shown(raw)}, no mapping; it is ignored")
            return None
        if isinstance(raw.get("$ref"), str):
            return self._pointed("parameters", raw["$ref"])
        out = _pick(raw, _PARAMETER_KEYS)
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
        out = _pick(raw, ("description", "required"))
        out["content"] = self._content(raw.get("content"))
        return out

    def _response(self, raw: Any) -> Document | None:
        if not isinstance(raw, dict):
            return {"description": ""}
        if isinstance(raw.get("$ref"), str):
            return self._pointed("responses", raw["$ref"])
        out: Document = {"description": _text(raw.get("description"))}
        if self.swagger and "schema" in raw:
            out["schema"] = self._schema(raw["schema"])
        if isinstance(raw.get("content"), dict):
            out["content"] = self._content(raw["content"])
        return out

    def _content(self, raw: Any) -> Document:
        out: Document = {}
        for media_type, one in _map(raw).items():
            media = self.index.followed(one)
            out[str(media_type)] = kept = {}
            if "schema" in media:
                kept["schema"] = self._schema(media["schema"])
            if isinstance(media.get("encoding"), dict):
                kept["encoding"] = {
                    str(name): _pick(rule, ("contentType", "style", "explode", "allowReserved"))
                    for name, rule in media["encoding"].items()
                    if isinstance(rule, dict)
                }
        return out

    # --- schemas ------------------------------------------------------------------------------

    def _schema(self, raw: Any, depth: int = 0) -> Any:
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, dict):
            self._degrade(f"a schema is {shown(raw)}, no mapping; it is taken as any value")
            return {}
        out: Document = {}
        if isinstance(raw.get("$ref"), str):
            pointed = self._pointed("schemas", raw["$ref"])
            out = pointed or {}
            if len(raw) == 1 or not self.index.siblings:
                # Ignored like whatever stands there, but upstreams mean it and send null.
                return {**out, **{key: True for key in _NULLABLE if raw.get(key) is True and out}}
        if depth >= MAX_DEPTH:
            self._degrade(f"a schema deeper than {MAX_DEPTH} levels is taken as any value")
            return {}
        for key, value in raw.items():
            holds = _KEYWORDS.get(key)
            if holds is _Holds.LITERAL:
                if not isinstance(value, dict | list) or _is_shallow(value, MAX_DEPTH):
                    out[key] = value
            elif holds is not None:
                self._nested(out, key, value, holds, depth + 1)
        return out

    def _nested(self, out: Document, key: str, value: Any, holds: _Holds, depth: int) -> None:
        """Copy what stands under a keyword that holds schemas."""
        if holds is _Holds.NAMES and isinstance(value, dict):
            out[key] = {name: self._schema(one, depth) for name, one in value.items()}
        elif holds is _Holds.DISCRIMINATOR:
            if isinstance(value, dict) and isinstance(value.get("propertyName"), str):
                out[key] = _pick(value, ("propertyName",))
                if isinstance(value.get("mapping"), dict):
                    out[key]["mapping"] = dict(value["mapping"])
                    self.discriminators.append(out[key])
        elif holds in (_Holds.SCHEMAS, _Holds.ITEMS) and isinstance(value, list):
            out[key] = [self._schema(one, depth) for one in value]
        elif holds in (_Holds.SCHEMA, _Holds.ITEMS):
            out[key] = self._schema(value, depth)
        else:
            self._degrade(f"the keyword {key} holds {shown(value)}; it is ignored")

    def _pointed(self, section: str, ref: str) -> Document | None:
        """A reference to the same thing, now among the components; None where it leads nowhere."""
        schema = section == "schemas"
        found = self.index.find(ref, schema=schema)
        if not isinstance(found, str) and not schema and not isinstance(found[1], dict):
            found = f"the reference {shown(ref)} leads to {shown(found[1])}"
        if isinstance(found, str):
            self._degrade(f"{found}; {_INSTEAD[section]}")
            return None
        pointer, node = found
        name = self.names.get((section, pointer))
        if name is None:
            name = self.names[section, pointer] = self._name(section, pointer)
            self.taken.add((section, name))
            self.queue.append((section, name, node, self.operation))
        return {"$ref": "/".join(("#", *self.sections[section], name))}

    def _name(self, section: str, pointer: Pointer) -> str:
        """A plain name, its own where it has one."""
        home = self.sections[section]
        own = pointer[len(home) :] if pointer[: len(home)] == home else ()
        if len(own) == 1 and _PLAIN.fullmatch(own[0]):
            return own[0]
        words = own or tuple(step for step in pointer if step not in _SECTIONS_3["schemas"])
        name = _UNPLAIN.sub("_", "_".join(words)).strip("_")[:_NAME_LENGTH] or "_"
        named: Any = self.doc
        for step in home:
            named = _map(_map(named).get(step))
        digest = hashlib.sha256("\0".join(pointer).encode("utf-8", "replace")).hexdigest()
        for tail in ("", "_" + digest[:6]):
            if name + tail not in named and (section, name + tail) not in self.taken:
                return name + tail
        return f"{name}_{digest}"

    def _prune(self, discriminator: dict[str, Any]) -> None:
        """Leave in a mapping only what is reached anyway: it must not pull in every subtype."""
        kept = {}
        for value, target in discriminator["mapping"].items():
            if isinstance(target, str):
                ref = target if "/" in target else "#/components/schemas/" + target
                found = self.index.find(ref, schema=True)
                name = None if isinstance(found, str) else self.names.get(("schemas", found[0]))
                if name is not None:
                    kept[value] = "#/components/schemas/" + name
        discriminator["mapping"] = kept

    def _degrade(self, what: str, *, lost: bool = False) -> None:
        self.ledger[Degraded(self.operation, what, lost)] = None


# --- values -----------------------------------------------------------------------------------


def _pick(raw: Any, keys: tuple[str, ...]) -> Document:
    return {key: raw[key] for key in keys if key in raw}


def _map(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


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
    schema = _map(parameter.get("schema"))
    named = _map(parameter.get("examples")).values()
    candidates = [
        parameter.get("example"),
        *(_map(one).get("value") for one in named),
        schema.get("example"),
        *_list(schema.get("examples")),
    ]
    return next(
        (one for one in candidates if isinstance(one, str | int | float) and len(str(one)) <= 100),
        None,
    )
