"""A trimmed document of any version → `SpecModel`. Pure.

Swagger 2 is first brought into the shape of OpenAPI 3 (`swagger2`), schemas into 2020-12
(`schema`). Here operations become values: path-level parameters merged, defaults of `style`
and `explode` filled in, servers made absolute (`servers`), the body and the reply chosen among
their media types (`content`). Whatever is odd becomes a line of the ledger; what an operation
cannot do without loses that operation and no other.

Source: OpenAPI 3.0.3 and 3.1.1 (Operation, Parameter, Path Item, Responses Object).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from gateway.errors import shown
from gateway.spec import content, swagger2
from gateway.spec.loops import break_loops
from gateway.spec.schema import Note, convert
from gateway.spec.servers import absolute
from gateway.values import (
    Degraded,
    Schema,
    SpecBody,
    SpecModel,
    SpecOperation,
    SpecParameter,
    SpecReply,
)

METHODS = frozenset(["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"])
# Set by the gateway itself; OpenAPI says that such parameters are ignored (§4.8.12).
_RESERVED_HEADERS = frozenset({"accept", "content-type", "authorization"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2: names of headers, cookies
_STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}  # the first is the default
_HOLE = re.compile(r"\{([^{}]*)\}")
_QUERY_FIELDS = 100  # written into a path key; the most seen is 4

Place = Literal["path", "query", "header", "cookie"]


class _LostError(Exception):
    """The operation cannot be served; the text says why."""


class _Ledger:
    """Lines of the ledger, each once. `operation` is whose they are."""

    def __init__(self) -> None:
        self.operation = ""
        self.lines: dict[Degraded, None] = {}

    def note(self, what: str) -> None:
        self.lines[Degraded(self.operation, what)] = None

    def note_of(self, operation: str) -> Note:
        """What takes the lines of one operation."""
        return lambda what: self.lines.setdefault(Degraded(operation, what))

    def lose(self, what: str) -> None:
        self.lines[Degraded(self.operation, what, lost=True)] = None


def normalise(trimmed: Mapping[str, Any], location: str) -> SpecModel:
    """Make a trimmed document one model, whatever its version.

    Args:
        trimmed: What `spec_filter.trim` gives.
        location: Where the document was had: relative servers are resolved against a URL;
            for a file there is nothing to resolve them against.
    """
    ledger = _Ledger()
    doc = swagger2.upgrade(trimmed, ledger.note_of) if "swagger" in trimmed else trimmed
    version = str(doc.get("openapi"))
    if re.match(r"3\.(?![01](\.|$))", version):
        ledger.note(f"OpenAPI {shown(version)} is read as 3.1")
    servers = absolute(doc.get("servers") or [{"url": "/"}], location, ledger.note)
    components = _components(doc, ledger)
    operations = []
    for key, item in _map(doc.get("paths")).items():
        for word, raw in _map(item).items():
            if word in METHODS and isinstance(raw, dict):
                found = [(word.upper(), raw)]
            else:  # OpenAPI 3.2: any other method, in the case it is sent in
                found = list(_map(raw).items()) if word == "additionalOperations" else []
            for method, operation in found:
                ledger.operation = f"{method} {key}"
                try:
                    operations.append(
                        _operation(method, key, operation, item, doc, location, ledger)
                    )
                except _LostError as error:
                    ledger.lose(str(error))
    info = _map(doc.get("info"))
    release = info.get("version")
    return SpecModel(
        title=_text(info.get("title")),
        description=_text(info.get("description")),
        version="" if release is None or isinstance(release, dict | list) else str(release),
        contact=_text(_map(info.get("contact")).get("email")),
        servers=servers,
        operations=tuple(operations),
        components=components,
        ledger=tuple(ledger.lines),
    )


def _components(doc: Mapping[str, Any], ledger: _Ledger) -> dict[str, Schema]:
    def noted(name: str) -> Schema:
        return convert(raw[name], lambda what: ledger.note(f"components.schemas.{name}: {what}"))

    raw = _map(_map(doc.get("components")).get("schemas"))
    return break_loops({name: noted(name) for name in raw}, ledger.note)


# --- one operation ----------------------------------------------------------------------------


def _operation(
    method: str,
    key: str,
    raw: Mapping[str, Any],
    item: Mapping[str, Any],
    doc: Mapping[str, Any],
    location: str,
    ledger: _Ledger,
) -> SpecOperation:
    path, fixed = _path(key, ledger)
    parameters = _parameters(
        [*_list(item.get("parameters")), *_list(raw.get("parameters"))], doc, ledger
    )
    operation_id = raw.get("operationId")
    servers = raw.get("servers") or item.get("servers")
    return SpecOperation(
        method=method,
        path=path,
        key=key,
        operation_id=operation_id if isinstance(operation_id, str) and operation_id else None,
        summary=_text(raw.get("summary")) or _text(item.get("summary")),
        description=_text(raw.get("description")) or _text(item.get("description")),
        parameters=_fitted(parameters, path, fixed, ledger),
        body=_body(_target(raw.get("requestBody"), doc, "requestBodies"), ledger),
        reply=_reply(_map(raw.get("responses")), doc, ledger),
        servers=absolute(servers, location, ledger.note) if servers else (),
        fixed_query=fixed,
    )


def _path(key: str, ledger: _Ledger) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The path of a path key, and the query that stands in it."""
    path, _, query = key.partition("#")[0].partition("?")
    if path != path.strip():
        ledger.note("spaces around its path are left out")
        path = path.strip()
    if not path.startswith("/"):
        ledger.note("its path begins with no slash; it is added")
        path = "/" + path
    bare = _HOLE.sub("", path)
    if "{" in bare or "}" in bare or "{}" in path or "{" in query:
        raise _LostError("its path has placeholders that cannot be read")
    if re.search(r"[\x00-\x1f\x7f\\]", path + query):
        raise _LostError("its path has control characters or backslashes")
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS)
    except ValueError:
        raise _LostError(f"the query in its path has over {_QUERY_FIELDS} fields") from None
    return path, tuple(fields)


# --- parameters -------------------------------------------------------------------------------


def _parameters(
    raw: list[Any], doc: Mapping[str, Any], ledger: _Ledger
) -> dict[tuple[str, str], SpecParameter]:
    """Parameters by place and name; the operation's own stand last and so override."""
    merged: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in raw:
        target = _target(one, doc, "parameters")
        if not isinstance(target, dict) or not isinstance(target.get("name"), str):
            ledger.note("a parameter without a name is ignored")
            continue
        for each in _spread(target, doc, ledger):
            merged[str(each.get("in")), each["name"]] = each
    read = {key: _parameter(*key, one, ledger) for key, one in merged.items()}
    return {key: one for key, one in read.items() if one is not None}


def _spread(
    raw: Mapping[str, Any], doc: Mapping[str, Any], ledger: _Ledger
) -> list[Mapping[str, Any]]:
    """A parameter that is the whole query string (OpenAPI 3.2): a form's fields, one by one."""
    media = _map(raw.get("content"))
    form = next((one for one in media if content.is_form(one)), None)
    if raw.get("in") != "querystring" or form is None:
        return [raw]
    schema = _target(_map(media[form]).get("schema"), doc, "schemas")
    fields = _map(_map(schema).get("properties"))
    if not fields:
        return [raw]
    needed = _list(schema.get("required")) if raw.get("required") in (True, "true") else []
    ledger.note(f"the query string {shown(raw['name'])} is taken as its {len(fields)} fields")
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": field}
        for name, field in fields.items()
    ]


def _parameter(
    place: str, name: str, raw: Mapping[str, Any], ledger: _Ledger
) -> SpecParameter | None:
    """One parameter; None where it is not ours to send."""
    required = raw.get("required") in (True, "true")
    wrong = None
    if place not in _STYLES:
        wrong = f"in: {shown(place)} is no place for a parameter"
    elif not name or (place in ("header", "cookie") and not _TOKEN.fullmatch(name)):
        wrong = f"it is no name for a {place}"
    if wrong and required:
        raise _LostError(f"its required parameter {shown(name)} cannot be sent: {wrong}")
    if wrong:
        ledger.note(f"the parameter {shown(name)} is ignored: {wrong}")
        return None
    if place == "header" and name.lower() in _RESERVED_HEADERS:
        ledger.note(f"the header parameter {shown(name)} is ignored: the gateway sets it")
        return None
    media = _map(raw.get("content"))
    media_type = next((one for one in media if content.is_media_type(one)), None)
    schema = _map(media[media_type]).get("schema") if media_type else raw.get("schema")
    style, explode = _style(place, name, raw, ledger)
    return SpecParameter(
        name=name,
        place=_place(place),
        schema=convert({"type": "string"} if schema is None else schema, ledger.note),
        required=required,
        description=_text(raw.get("description")),
        style=style,
        explode=explode,
        allow_reserved=place == "query" and raw.get("allowReserved") is True,
        content_type=media_type,
        example=raw.get("example"),
    )


def _place(place: str) -> Place:
    known: dict[str, Place] = {"path": "path", "query": "query", "header": "header"}
    return known.get(place, "cookie")


def _style(place: str, name: str, raw: Mapping[str, Any], ledger: _Ledger) -> tuple[str, bool]:
    """How its value is written, OpenAPI's defaults filled in."""
    allowed = _STYLES[place]
    style = raw.get("style", allowed[0])
    if style not in allowed:
        ledger.note(f"the parameter {shown(name)}: style {shown(style)} is taken as {allowed[0]}")
        style = allowed[0]
    explode = raw.get("explode")
    return style, explode if isinstance(explode, bool) else style == "form"


def _fitted(
    parameters: dict[tuple[str, str], SpecParameter],
    path: str,
    fixed: tuple[tuple[str, str], ...],
    ledger: _Ledger,
) -> tuple[SpecParameter, ...]:
    """Parameters that agree with the path: its placeholders, each required, and its query."""
    holes = dict.fromkeys(_HOLE.findall(path))
    written = {name for name, _ in fixed}
    out = []
    for parameter in parameters.values():
        name = shown(parameter.name)
        if parameter.place == "path" and parameter.name not in holes:
            ledger.note(f"the path parameter {name} is ignored: it is not in the path")
        elif parameter.place == "query" and parameter.name in written:
            ledger.note(f"the parameter {name} is ignored: the path itself gives its value")
        elif parameter.place == "path" and not parameter.required:
            ledger.note(f"the path parameter {name} is taken as required")
            out.append(_path_parameter(parameter.name, parameter))
        else:
            out.append(parameter)
    for hole in holes:
        if ("path", hole) not in parameters:
            ledger.note(f"the path's {shown(hole)} is not declared; it is taken as a text")
            out.append(_path_parameter(hole, None))
    return tuple(out)


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


# --- body and reply ---------------------------------------------------------------------------


def _body(raw: Any, ledger: _Ledger) -> SpecBody | None:
    if not isinstance(raw, dict):
        return None
    return content.body(raw, ledger.note)


def _reply(responses: Mapping[str, Any], doc: Mapping[str, Any], ledger: _Ledger) -> SpecReply:
    """The reply of success: 200, else the lowest 2xx, `2XX`, else the schema of `default`."""
    codes = sorted(code for code in responses if re.fullmatch(r"2\d\d", code))
    wild = [code for code in responses if code.upper() in ("2XX", "DEFAULT")]
    code = "200" if "200" in codes else next(iter([*codes, *sorted(wild)]), None)
    if code is None:
        return SpecReply()
    raw = _map(_target(responses[code], doc, "responses"))
    described = "" if code.lower() == "default" else _text(raw.get("description"))
    status = code if code.isdecimal() else "200"
    return content.reply(raw, status, described, ledger.note)


# --- values -----------------------------------------------------------------------------------


def _target(raw: Any, doc: Mapping[str, Any], section: str) -> Any:
    """What a reference of the trimmed document leads to; anything else is itself."""
    if isinstance(raw, dict) and isinstance(raw.get("$ref"), str):
        section_map = _map(_map(doc.get("components")).get(section))
        return section_map.get(raw["$ref"].rpartition("/")[2])
    return raw


def _map(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""
