"""The parameters of an operation: `Parameter Object`s → `SpecParameter`s. Pure.

Path-level ones are merged with the operation's, OpenAPI's defaults of `style` and `explode`
filled in, a whole query string (3.2) taken as its fields. What is odd is a line of the ledger,
what is required and cannot be sent loses the operation.

Source: OpenAPI 3.0.3, 3.1.1 and 3.2.0 (Parameter, Encoding Object).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from gateway.errors import shown
from gateway.media import kind
from gateway.raw import as_list, as_map, as_text, pointed
from gateway.spec import content, swagger2
from gateway.spec.schema import Note, convert
from gateway.values import WHOLE_QUERY, SpecParameter

# Set by the gateway itself; OpenAPI says that such parameters are ignored (§4.8.12).
_RESERVED_HEADERS = frozenset({"accept", "content-type", "authorization"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2: names of headers, cookies
_STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
}  # the first is the default
_HOLE = re.compile(r"\{([^{}]*)\}")
_JSON = "application/json"
_WITHIN: Any = object()  # the key of a spread parameter's object, and whether that needs it

Place = Literal["path", "query", "header", "cookie"]


class LostError(Exception):
    """The operation cannot be served; the text says why."""


def parameters_of(
    raw: list[Any], doc: Mapping[str, Any], note: Note
) -> dict[tuple[str, str], SpecParameter]:
    """Parameters by place and name; the operation's own stand last and so override."""
    merged: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in raw:
        target = pointed(one, doc, "parameters")
        if not isinstance(target, dict) or not isinstance(target.get("name"), str):
            note("a parameter without a name is ignored")
            continue
        for each in _spread(target, doc, note):
            merged[str(each.get("in")), each["name"]] = each
    read = {key: _parameter(*key, one, note) for key, one in merged.items()}
    return {key: one for key, one in read.items() if one is not None}


def _spread(raw: Mapping[str, Any], doc: Mapping[str, Any], note: Note) -> list[Mapping[str, Any]]:
    """A parameter that is the whole query string (OpenAPI 3.2 §4.12.2): a form's fields, one by
    one, or one JSON text. Any other media type stays as it is, and is nothing that can be sent."""
    if raw.get("in") != "querystring":
        return [raw]
    media = as_map(raw.get("content"))
    known = (one for one in media if content.is_media_type(one) and kind(one) in ("json", "form"))
    media_type = next(known, None)
    if media_type is None:
        return [raw]
    whole = {key: raw[key] for key in ("name", "required", "description", "example") if key in raw}
    if not content.is_form(media_type):
        only = {media_type: media[media_type]}
        return [{**whole, "in": "query", "style": swagger2.OurStyle(WHOLE_QUERY), "content": only}]
    schema = as_map(media[media_type]).get("schema")
    fields, needed = _fields(schema, doc)
    if not fields:
        # Any fields at all: as an object whose members are parameters.
        schema = pointed(schema, doc, "schemas")
        is_object = isinstance(schema, dict) and schema.get("type") == "object"
        return [{**whole, "in": "query", "schema": schema}] if is_object else [raw]
    note(f"the query string {shown(raw['name'])} is taken as its {len(fields)} fields")
    is_needed = raw.get("required") in (True, "true")
    encoding = as_map(as_map(media[media_type]).get("encoding"))
    found: list[Mapping[str, Any]] = []
    for name, field in fields.items():
        one: dict[Any, Any] = {
            "name": name,
            "in": "query",
            "required": is_needed and name in needed,
        }
        one[_WITHIN] = (raw["name"], not is_needed and name in needed)
        found.append({**one, **_encoded(field, as_map(encoding.get(name)), doc)})
    return found


def _fields(schema: Any, doc: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """The properties of a form, with those of what it is composed of, and the required ones."""
    fields: dict[str, Any] = {}
    needed: set[str] = set()
    seen: set[str] = set()
    open_ = [schema]
    while open_:
        raw = open_.pop()
        ref = as_map(raw).get("$ref")
        if isinstance(ref, str) and ref in seen:
            continue
        seen.update([ref] if isinstance(ref, str) else ())
        known = as_map(pointed(raw, doc, "schemas"))
        for name, field in as_map(known.get("properties")).items():
            fields.setdefault(name, field)
        needed.update(name for name in as_list(known.get("required")) if isinstance(name, str))
        open_ += reversed(as_list(known.get("allOf")))
    return fields, frozenset(needed)


def _encoded(field: Any, encoding: Mapping[str, Any], doc: Mapping[str, Any]) -> Mapping[str, Any]:
    """A field's schema, and how it is written (Encoding Object): by a style, else by its type."""
    style = {key: encoding[key] for key in ("style", "explode", "allowReserved") if key in encoding}
    if style:
        return {**style, "schema": field}
    known = as_map(pointed(field, doc, "schemas"))
    is_object = known.get("type") == "object" or "properties" in known
    said = encoding.get("contentType")
    media_type = said if isinstance(said, str) else _JSON if is_object else None
    return {"content": {media_type: {"schema": field}}} if media_type else {"schema": field}


def _parameter(place: str, name: str, raw: Mapping[str, Any], note: Note) -> SpecParameter | None:
    """One parameter; None where it is not ours to send."""
    required = raw.get("required") in (True, "true")
    wrong = None
    if place not in _STYLES:
        wrong = f"in: {shown(place)} is no place for a parameter"
    elif not name or (place in ("header", "cookie") and not _TOKEN.fullmatch(name)):
        wrong = f"it is no name for a {place}"
    if wrong and required:
        raise LostError(f"its required parameter {shown(name)} cannot be sent: {wrong}")
    if wrong:
        note(f"the parameter {shown(name)} is ignored: {wrong}")
        return None
    if place == "header" and name.lower() in _RESERVED_HEADERS:
        note(f"the header parameter {shown(name)} is ignored: the gateway sets it")
        return None
    media = as_map(raw.get("content"))
    media_type = next((one for one in media if content.is_media_type(one)), None)
    schema = as_map(media[media_type]).get("schema") if media_type else raw.get("schema")
    style, explode = _style(place, name, raw, note)
    return SpecParameter(
        name=name,
        place=_place(place),
        schema=convert({"type": "string"} if schema is None else schema, note),
        required=required,
        description=as_text(raw.get("description")),
        style=style,
        explode=explode,
        allow_reserved=place == "query" and raw.get("allowReserved") is True,
        content_type=media_type,
        example=raw.get("example"),
        allow_empty=place == "query" and raw.get("allowEmptyValue") is True,
        within=(raw[_WITHIN][0], name) if _WITHIN in raw else (),
        needed=_WITHIN in raw and raw[_WITHIN][1],
    )


def _place(place: str) -> Place:
    known: dict[str, Place] = {"path": "path", "query": "query", "header": "header"}
    return known.get(place, "cookie")


def _style(place: str, name: str, raw: Mapping[str, Any], note: Note) -> tuple[str, bool]:
    """How its value is written, OpenAPI's defaults filled in."""
    allowed = _STYLES[place]
    style = raw.get("style", allowed[0])
    if style not in allowed and not isinstance(style, swagger2.OurStyle):
        note(f"the parameter {shown(name)}: style {shown(style)} is taken as {allowed[0]}")
        style = allowed[0]
    explode = raw.get("explode")
    return style, explode if isinstance(explode, bool) else style in ("form", "cookie")


def fitted(
    parameters: dict[tuple[str, str], SpecParameter],
    path: str,
    fixed: tuple[tuple[str, str], ...],
    note: Note,
) -> tuple[SpecParameter, ...]:
    """Parameters that agree with the path: its placeholders, each required, and its query."""
    holes = dict.fromkeys(_HOLE.findall(path))
    written = {name for name, _ in fixed}
    out = []
    for parameter in parameters.values():
        name = shown(parameter.name)
        if parameter.place == "path" and parameter.name not in holes:
            note(f"the path parameter {name} is ignored: it is not in the path")
        elif parameter.place == "query" and parameter.name in written:
            note(f"the parameter {name} is ignored: the path itself gives its value")
        elif parameter.place == "path" and not parameter.required:
            note(f"the path parameter {name} is taken as required")
            out.append(_path_parameter(parameter.name, parameter))
        else:
            out.append(parameter)
    for hole in holes:
        if ("path", hole) not in parameters:
            note(f"the path's {shown(hole)} is not declared; it is taken as a text")
            out.append(_path_parameter(hole, None))
    return tuple(out)


def alone(
    parameters: tuple[SpecParameter, ...], fixed: tuple[tuple[str, str], ...]
) -> tuple[SpecParameter, ...]:
    """The parameters, if nothing stands beside one that is the whole query string."""
    query = [one for one in parameters if one.place == "query"]
    if any(one.style == WHOLE_QUERY for one in query) and (fixed or len(query) > 1):
        raise LostError("its query string is one text, and cannot hold other parameters")
    return parameters


def _path_parameter(name: str, given: SpecParameter | None) -> SpecParameter:
    return SpecParameter(
        name=name,
        place="path",
        schema=given.schema if given else {"type": "string"},
        required=True,
        description=given.description if given else "",
        style=given.style if given else "simple",
        explode=given.explode if given else False,
        content_type=given.content_type if given else None,
        example=given.example if given else None,
    )
