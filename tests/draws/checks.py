"""What is wrong with a served document: what public validators say, and what clients trip over.

Every check yields faults, a kind and where. The checks know the gateway's promises, not its code:
they walk the document by themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway import yaml12
from tests.draws.drawing import Served

OURS = frozenset({"x-openai-isConsequential"})
_WORDS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NO_CONTENT = ("204", "205")
_LONGEST_EXAMPLE = 200
# Below these keys every key is a name, not a keyword.
_NAMES = frozenset(
    {
        "properties", "patternProperties", "dependentSchemas", "schemas", "responses", "paths",
        "content", "encoding", "mapping", "scopes", "securitySchemes",
    }
)  # fmt: skip
_DATA = frozenset({"default", "enum", "const", "example", "examples"})
_IN_SCHEMA = frozenset(
    {
        "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    }
)  # fmt: skip
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})

Pointer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: a word for its kind, the version, and where and what."""

    kind: str
    version: str
    what: str


def faults(served: Served) -> Iterator[Fault]:
    """All faults of what is served of one plugin."""
    for version in served.json:
        document = served.document(version)
        for kind, what in _of_version(served, document, version):
            yield Fault(kind, version, what)
    for kind, what in client_safe(served, served.document("3.0")):
        yield Fault(kind, "3.0", what)


def _of_version(
    served: Served, document: dict[str, Any], version: str
) -> Iterator[tuple[str, str]]:
    yield from invalid(document, version)
    yield from dangling(document)
    yield from circular(document)
    yield from unlike(served.yaml[version], document)


# --- public validators ------------------------------------------------------------------------


def invalid(document: dict[str, Any], version: str) -> Iterator[tuple[str, str]]:
    """What the meta-schemas and the deep validator say."""
    for error in _meta_schema(version).iter_errors(document):
        yield "meta-schema", f"{_shown(error.instance_path)}: {error.message[:200]}"
    validator = {"3.0": OpenAPIV30SpecValidator, "3.1": OpenAPIV31SpecValidator}[version]
    try:
        for found in validator(document).iter_errors():
            yield "validator", f"{_shown(found.absolute_path)}: {str(found.message)[:200]}"
    except Exception as error:  # noqa: BLE001 - the validator's own, on what it did not foresee
        yield "validator-crash", f"{type(error).__name__}: {error}"


@cache
def _meta_schema(version: str) -> Any:
    folder = files("openapi_spec_validator") / "resources" / "schemas" / f"v{version}"
    schema = json.loads((folder / "schema.json").read_text())
    return jsonschema_rs.validator_for(schema)


# --- references -------------------------------------------------------------------------------


def references(
    node: Any, at: Pointer = (), *, names: bool = False
) -> Iterator[tuple[Pointer, Any]]:
    """What stands under `$ref` where that is a reference, and every target of a mapping."""
    if isinstance(node, list):
        for number, one in enumerate(node):
            yield from references(one, (*at, str(number)))
    elif isinstance(node, dict):
        for key, value in node.items():
            if names:
                yield from references(value, (*at, key))
            elif key == "$ref":
                yield at, value
            elif key == "mapping" and isinstance(value, dict):
                for one in value.values():
                    yield (*at, key), one if "/" in one else f"#/components/schemas/{one}"
            elif key not in _DATA and not key.startswith("x-"):
                yield from references(value, (*at, key), names=key in _NAMES)


def dangling(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """References that are not local, or lead to nothing."""
    for at, ref in references(document):
        if not isinstance(ref, str) or not ref.startswith("#/"):
            yield "not-local", f"{_shown(at)}: {ref!r}"
            continue
        node: Any = document
        for step in ref.removeprefix("#/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            yield "dangling", f"{_shown(at)}: {ref!r}"


def circular(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """References that lead round."""
    schemas = document.get("components", {}).get("schemas", {})
    edges = {
        name: {str(ref).rpartition("/")[2] for _, ref in references(one)}
        for name, one in schemas.items()
    }
    done: set[str] = set()
    for root in edges:
        trail: dict[str, None] = {}

        def visit(name: str, trail: dict[str, None] = trail) -> str | None:
            if name in trail:
                return name
            if name in done:
                return None
            trail[name] = None
            found = next(filter(None, map(visit, sorted(edges.get(name, ())))), None)
            del trail[name]
            done.add(name)
            return found

        if found := visit(root):
            yield "circular", found


# --- both forms are one document --------------------------------------------------------------


def unlike(text: bytes, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The YAML form, by readers of YAML 1.1 and 1.2, against the JSON form."""
    readers = (("1.2", yaml12.load), ("1.1", lambda raw: yaml.load(raw, yaml.CSafeLoader)))
    for name, read in readers:
        try:
            got = read(text)
        except Exception as error:  # noqa: BLE001 - any is the same fault
            yield "yaml", f"{name}: {str(error)[:200]}"
            continue
        if (where := difference(document, got)) is not None:
            yield "yaml", f"{name}: {where}"


def difference(one: Any, other: Any, at: Pointer = ()) -> str | None:
    """Where two values first differ. The order of keys counts where a model reads it."""
    if isinstance(one, dict) and isinstance(other, dict):
        gone, new = one.keys() - other.keys(), other.keys() - one.keys()
        if gone or new:
            return f"{_shown(at)}: gone {sorted(map(str, gone))}, new {sorted(map(str, new))}"
        if at[-1:] in (("properties",), ("paths",)) and list(one) != list(other):
            return f"{_shown(at)}: order of keys"
        pairs = [(key, one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{_shown(at)}: {len(one)} items became {len(other)}"
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    else:
        same = type(one) is type(other) and one == other
        return None if same else f"{_shown(at)}: {_short(one)} became {_short(other)}"
    found = (difference(a, b, (*at, str(key))) for key, a, b in pairs)
    return next((each for each in found if each is not None), None)


# --- what clients trip over -------------------------------------------------------------------


def client_safe(served: Served, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults of the 3.0.3 document that a validator lets pass and a client does not."""
    if document.get("openapi") != "3.0.3":
        yield "version", repr(document.get("openapi"))
    servers = document.get("servers") or []
    if len(servers) != 1 or urlsplit(servers[0]["url"]).scheme != "https":
        yield "server", repr(servers)
    for where, key in _extensions(document):
        if key not in OURS:
            yield "extension", f"{_shown(where)}: {key}"
    yield from _operations(served, document)
    for at, schema in schemas(document):
        yield from _schema(at, schema)


def _operations(served: Served, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    found = 0
    for path, item in document["paths"].items():
        for word, one in item.items():
            if word not in _WORDS:
                yield "path-item", f"{path}: {word}"
                continue
            found += 1
            name = one.get("operationId", "")
            if not _NAME.fullmatch(name) or name in seen:
                yield "operation-id", f"{word} {path}: {name!r}"
            seen.add(name)
            for key in ("summary", "description"):
                if not str(one.get(key, "")).strip():
                    yield f"no-{key}", f"{word} {path}"
            yield from _responses(served, word, path, one)
            for key in ("callbacks", "links", "servers", "tags", "externalDocs"):
                if key in one:
                    yield "noise", f"{word} {path}: {key}"
    if found != len(served.plugin.operations):
        yield "operations", f"{found} of {len(served.plugin.operations)}"


def _responses(
    served: Served, word: str, path: str, one: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    responses = one.get("responses", {})
    if responses.get("default") != {"$ref": "#/components/responses/Error"}:
        yield "default-error", f"{word} {path}"
    good = [code for code in responses if re.fullmatch("2[0-9][0-9]", code)]
    if len(good) != 1 or len(responses) != 2:
        yield "responses", f"{word} {path}: {list(responses)}"
    operation = served.plugin.operations.get(one.get("operationId", ""))
    for code in good:
        if code in _NO_CONTENT or word == "head":
            continue
        content = responses[code].get("content") or {}
        reply = operation.spec.reply.content_type if operation else "application/json"
        is_json = re.match(r"[^;]*[/+]json\b", reply) or not reply
        if len(content) != 1 or (is_json and list(content) != ["application/json"]):
            yield "answer", f"{word} {path} {code}: {list(content)} of {reply}"
        if any("schema" not in media for media in content.values()):
            yield "answer-schema", f"{word} {path} {code}"


def _schema(at: Pointer, schema: Any) -> Iterator[tuple[str, str]]:
    where = _shown(at)
    if not isinstance(schema, dict):
        yield "schema", f"{where}: {_short(schema)}"
        return
    if "$ref" in schema and len(schema) > 1:
        yield "ref-siblings", f"{where}: {sorted(schema)}"
    if isinstance(schema.get("type"), list):
        yield "type-list", where
    if "nullable" in schema and "type" not in schema:
        yield "nullable", where
    required = schema.get("required")
    if required is not None:
        if not isinstance(required, list) or not required:
            yield "required", f"{where}: {_short(required)}"
        elif missing := set(required) - schema.get("properties", {}).keys():
            yield "required-missing", f"{where}: {sorted(missing)}"
    if "example" in schema or "examples" in schema:
        # Short ones of arguments are worth their tokens, and stand at the top of a body only.
        body = at[-1:] == ("schema",) or at[-3:-1] == ("schema", "properties")
        short = len(json.dumps(schema.get("example"))) <= _LONGEST_EXAMPLE
        if "examples" in schema or "requestBody" not in at or not body or not short:
            yield "example", where
    if schema.get("type") == "array" and "items" not in schema:
        yield "items", where


def schemas(document: dict[str, Any]) -> Iterator[tuple[Pointer, Any]]:
    """Every schema of a document and where it stands."""
    for name, one in document.get("components", {}).get("schemas", {}).items():
        yield from _inside(one, ("components", "schemas", name))
    yield from _outside({key: value for key, value in document.items() if key != "components"}, ())


def _outside(node: Any, at: Pointer) -> Iterator[tuple[Pointer, Any]]:
    if isinstance(node, list):
        for number, one in enumerate(node):
            yield from _outside(one, (*at, str(number)))
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "schema":
                yield from _inside(value, (*at, key))
            elif key not in _DATA and not key.startswith("x-"):
                yield from _outside(value, (*at, key))


def _inside(schema: Any, at: Pointer) -> Iterator[tuple[Pointer, Any]]:
    yield at, schema
    for key, value in schema.items() if isinstance(schema, dict) else ():
        if key in _NAMED:
            for name, one in value.items():
                yield from _inside(one, (*at, key, name))
        elif key in _LISTS:
            for number, one in enumerate(value):
                yield from _inside(one, (*at, key, str(number)))
        elif key in _IN_SCHEMA and not isinstance(value, bool):
            yield from _inside(value, (*at, key))


def _extensions(
    node: Any, at: Pointer = (), *, names: bool = False
) -> Iterator[tuple[Pointer, str]]:
    if isinstance(node, list):
        for number, one in enumerate(node):
            yield from _extensions(one, (*at, str(number)))
    elif isinstance(node, dict):
        for key, value in node.items():
            if key.startswith("x-") and not names:
                yield at, key
            elif key not in _DATA:
                yield from _extensions(value, (*at, key), names=key in _NAMES and not names)


def _shown(path: Any) -> str:
    return "/".join(str(step).replace("/", "~1") for step in path) or "(top)"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
