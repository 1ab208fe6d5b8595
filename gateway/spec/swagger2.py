"""A trimmed Swagger 2.0 document → the shape of OpenAPI 3, for `model`. Pure.

The knowledge that lives only here: what 3.0 moved. `host`, `basePath` and `schemes` became
servers; `body` and `formData` parameters became the request body; `consumes` and `produces`
became the keys of `content`; `collectionFormat` became `style` and `explode`; the keywords
beside a parameter's `type` went into its schema. Schemas stay as they are written (`schema`
reads both dialects). Source: Swagger 2.0 (Parameter Object, Swagger Object), OpenAPI 3.0.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.errors import shown
from gateway.media import essence
from gateway.raw import as_list, as_map
from gateway.spec.schema import Note

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


class OurStyle(str):
    """A style that OpenAPI 3 lacks in the place where it is used: no document can name it."""

    __slots__ = ()


# By `collectionFormat`: the style in a query or form, and whether it explodes. Elsewhere there
# is no multi, and csv is `simple`.
_STYLES = {
    "csv": ("form", False),
    "multi": ("form", True),
    "ssv": (OurStyle("spaceDelimited"), False),
    "tsv": (OurStyle("tabDelimited"), False),
    "pipes": (OurStyle("pipeDelimited"), False),
}
_PARAMETER_KEYS = ("name", "in", "description", "required", "example", "allowEmptyValue")
_NO_CONTENT = ("204", "205")

Document = dict[str, Any]


def upgrade(doc: Mapping[str, Any], note_of: Callable[[str], Note]) -> Document:
    """The document as OpenAPI 3; parameters and replies are no references any more.

    Args:
        doc: The trimmed document.
        note_of: Gives what takes the lines of an operation, `METHOD /path`; "" is the document.
    """
    return {
        "openapi": "3.0.3",
        "info": doc.get("info"),
        "servers": _servers(doc, note_of("")),
        "paths": {
            path: _path_item(path, item, doc, note_of)
            for path, item in as_map(doc.get("paths")).items()
        },
        "components": {"schemas": as_map(doc.get("definitions"))},
    }


def _servers(doc: Mapping[str, Any], note: Note) -> list[Document]:
    """What is missing is taken from where the document was had: `//host` and `/base` do that."""
    host, base = doc.get("host"), doc.get("basePath")
    base = base if isinstance(base, str) and base else "/"
    if not base.startswith("/"):
        note(f"basePath: {shown(base)} begins with no slash; it is added")
        base = "/" + base
    if not isinstance(host, str) or not host:
        return [{"url": base}]
    schemes = [one for one in as_list(doc.get("schemes")) if one in ("http", "https")]
    return [{"url": f"{scheme}://{host}{base}"} for scheme in schemes] or [
        {"url": f"//{host}{base}"}
    ]


def _path_item(
    path: str, item: Any, doc: Mapping[str, Any], note_of: Callable[[str], Note]
) -> Document:
    item = as_map(item)
    shared = _resolved(item.get("parameters"), doc)
    out: Document = {}
    for word, operation in item.items():
        if word != "parameters" and isinstance(operation, dict):
            note = note_of(f"{word.upper()} {path}")
            out[word] = _operation(operation, shared, doc, note)
    return out


def _operation(
    raw: Mapping[str, Any], shared: list[Document], doc: Mapping[str, Any], note: Note
) -> Document:
    every = [*shared, *_resolved(raw.get("parameters"), doc)]  # of two alike, the later counts
    consumes = _media_types(raw, doc, "consumes")
    out = {key: raw[key] for key in ("operationId", "summary", "description") if key in raw}
    out["parameters"] = [
        _parameter(one, note) for one in every if one.get("in") not in ("body", "formData")
    ]
    forms = [one for one in every if one.get("in") == "formData"]
    bodies = [one for one in every if one.get("in") == "body"]
    if forms:
        out["requestBody"] = _form(forms, consumes, note)
    elif bodies:
        out["requestBody"] = _body(bodies[-1], consumes, note)
    produces = _media_types(raw, doc, "produces")
    out["responses"] = {
        code: _response(str(code), response, produces, doc)
        for code, response in as_map(raw.get("responses")).items()
    }
    return out


def _parameter(raw: Mapping[str, Any], note: Note) -> Document:
    """A parameter outside the body, its schema keywords moved into `schema`."""
    out = {key: raw[key] for key in _PARAMETER_KEYS if key in raw}
    style, schema = _collection(raw, note)
    return {**out, **style, "schema": schema}


def _collection(raw: Mapping[str, Any], note: Note) -> tuple[Document, Document]:
    """The style of a parameter or form field, and its schema."""
    schema = {
        key: value
        for key, value in raw.items()
        if key not in (*_PARAMETER_KEYS, "collectionFormat", "schema")
    }
    if "type" not in schema and isinstance(raw.get("schema"), dict):
        schema = {**schema, **raw["schema"]}  # written as OpenAPI 3 wants it
    if schema.get("type") != "array":
        return {}, schema
    if as_map(schema.get("items")).get("type") == "array":
        note(f"{shown(raw.get('name'))}: the lists inside of it are written as JSON")
    word = raw.get("collectionFormat", "csv")
    known = str(word) if str(word) in _STYLES else "csv"
    is_styled = raw.get("in") in ("query", "formData")
    if known != word or (known == "multi" and not is_styled):
        note(f"{shown(raw.get('name'))}: collectionFormat {shown(word)} is taken as csv")
        known = "csv"
    style, explode = _STYLES[known]
    if known == "csv" and not is_styled:
        style = "simple"
    return {"style": style, "explode": explode}, schema


def _body(raw: Mapping[str, Any], consumes: list[str], note: Note) -> Document:
    schema = raw["schema"] if "schema" in raw else _collection(raw, note)[1]
    return {
        "description": raw.get("description"),
        "required": raw.get("required"),
        "content": {one: {"schema": schema} for one in consumes or [_JSON]},
    }


def _form(raw: list[Document], consumes: list[str], note: Note) -> Document:
    """Form fields as the properties of one object."""
    properties: Document = {}
    encoding: Document = {}
    required: dict[str, bool] = {}
    for one in raw:
        name = one.get("name")
        if not isinstance(name, str):
            note(f"a form field's name is {shown(name)}; it is ignored")
            continue
        style, schema = _collection(one, note)
        encoding[name] = style
        if isinstance(one.get("description"), str):
            schema["description"] = one["description"]
        is_text = schema.keys() <= {"type", "description"} and schema.get("type") == "string"
        if one.get("allowEmptyValue") is True and one.get("type") != "file" and not is_text:
            schema = {"anyOf": [schema, {"type": "string", "const": ""}]}
        properties[name] = schema
        required[name] = one.get("required") is True
    files = any(one.get("type") == "file" for one in properties.values())
    plain = {essence(one) for one in consumes}
    kind = _MULTIPART if files or (_MULTIPART in plain and _FORM not in plain) else _FORM
    names = [name for name, needed in required.items() if needed]
    schema = {"type": "object", "properties": properties, "required": names}
    return {
        "required": bool(names),
        "content": {kind: {"schema": schema, "encoding": encoding}},
    }


def _response(code: str, raw: Any, produces: list[str], doc: Mapping[str, Any]) -> Document:
    raw = as_map(_target(raw, doc, "responses"))
    out: Document = {"description": raw.get("description", "")}
    schema = raw.get("schema")
    if schema is None:  # it may well have a body: of what type is said all the same
        if code not in _NO_CONTENT:
            out["content"] = {one: {} for one in produces}
        return out
    if isinstance(schema, dict) and schema.get("type") == "file":
        produces = [one for one in produces if one != _JSON] or ["application/octet-stream"]
    out["content"] = {one: {"schema": schema} for one in produces or [_JSON]}
    return out


def _media_types(raw: Mapping[str, Any], doc: Mapping[str, Any], key: str) -> list[str]:
    """`consumes` or `produces`; the operation's replaces the document's."""
    found = raw[key] if key in raw else doc.get(key)
    return [one for one in as_list(found) if isinstance(one, str)]


def _resolved(raw: Any, doc: Mapping[str, Any]) -> list[Document]:
    found = (_target(one, doc, "parameters") for one in as_list(raw))
    return [one for one in found if isinstance(one, dict)]


def _target(raw: Any, doc: Mapping[str, Any], section: str) -> Any:
    """What a reference of the trimmed document leads to; anything else is itself."""
    if isinstance(raw, dict) and isinstance(raw.get("$ref"), str):
        return as_map(doc.get(section)).get(raw["$ref"].rpartition("/")[2])
    return raw
