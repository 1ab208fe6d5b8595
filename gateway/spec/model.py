"""A trimmed document of any version → `SpecModel`. Pure.

Swagger 2 is first brought into the shape of OpenAPI 3 (`swagger2`), schemas into 2020-12
(`schema`). Here operations become values: their parameters read (`parameters`), servers made
absolute (`servers`), the body and the reply chosen among their media types (`content`). Whatever
is odd becomes a line of the ledger; what an operation cannot do without loses that operation and
no other.

Source: OpenAPI 3.0.3 and 3.1.1 (Operation, Parameter, Path Item, Responses Object).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from gateway.errors import shown
from gateway.raw import as_list, as_map, as_text, pointed
from gateway.spec import content, swagger2
from gateway.spec.loops import break_loops
from gateway.spec.parameters import LostError, alone, fitted, parameters_of
from gateway.spec.schema import Note, convert
from gateway.spec.servers import absolute
from gateway.values import (
    Degraded,
    Schema,
    SpecBody,
    SpecModel,
    SpecOperation,
    SpecReply,
)

METHODS = frozenset(["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"])
_HOLE = re.compile(r"\{([^{}]*)\}")
_QUERY_FIELDS = 100  # written into a path key; the most seen is 4


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
    for key, item in as_map(doc.get("paths")).items():
        for word, raw in as_map(item).items():
            if word in METHODS and isinstance(raw, dict):
                found = [(word.upper(), raw)]
            else:  # OpenAPI 3.2: any other method, in the case it is sent in
                found = list(as_map(raw).items()) if word == "additionalOperations" else []
            for method, operation in found:
                ledger.operation = f"{method} {key}"
                try:
                    operations.append(
                        _operation(method, key, operation, item, doc, location, ledger)
                    )
                except LostError as error:
                    ledger.lose(str(error))
    info = as_map(doc.get("info"))
    release = info.get("version")
    return SpecModel(
        title=as_text(info.get("title")),
        description=as_text(info.get("description")),
        version="" if release is None or isinstance(release, dict | list) else str(release),
        contact=as_text(as_map(info.get("contact")).get("email")),
        servers=servers,
        operations=tuple(operations),
        components=components,
        ledger=tuple(ledger.lines),
    )


def _components(doc: Mapping[str, Any], ledger: _Ledger) -> dict[str, Schema]:
    def noted(name: str) -> Schema:
        return convert(raw[name], lambda what: ledger.note(f"components.schemas.{name}: {what}"))

    raw = as_map(as_map(doc.get("components")).get("schemas"))
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
    every = [*as_list(item.get("parameters")), *as_list(raw.get("parameters"))]
    parameters = parameters_of(every, doc, ledger.note)
    operation_id = raw.get("operationId")
    servers = raw.get("servers") or item.get("servers")
    return SpecOperation(
        method=method,
        path=path,
        key=key,
        operation_id=operation_id if isinstance(operation_id, str) and operation_id else None,
        summary=as_text(raw.get("summary")) or as_text(item.get("summary")),
        description=as_text(raw.get("description")) or as_text(item.get("description")),
        parameters=alone(fitted(parameters, path, fixed, ledger.note), fixed),
        body=_body(pointed(raw.get("requestBody"), doc, "requestBodies"), doc, ledger),
        reply=_reply(as_map(raw.get("responses")), doc, ledger),
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
        raise LostError("its path has placeholders that cannot be read")
    if re.search(r"[\x00-\x1f\x7f\\]", path + query):
        raise LostError("its path has control characters or backslashes")
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS)
    except ValueError:
        raise LostError(f"the query in its path has over {_QUERY_FIELDS} fields") from None
    return path, tuple(fields)


# --- body and reply ---------------------------------------------------------------------------


def _body(raw: Any, doc: Mapping[str, Any], ledger: _Ledger) -> SpecBody | None:
    if not isinstance(raw, dict):
        return None
    return content.body(raw, ledger.note, as_map(as_map(doc.get("components")).get("schemas")))


def _reply(responses: Mapping[str, Any], doc: Mapping[str, Any], ledger: _Ledger) -> SpecReply:
    """The reply of success: 200, else the lowest 2xx, `2XX`, else the schema of `default`."""
    codes = sorted(code for code in responses if re.fullmatch(r"2\d\d", code))
    wild = [code for code in responses if code.upper() in ("2XX", "DEFAULT")]
    code = "200" if "200" in codes else next(iter([*codes, *sorted(wild)]), None)
    if code is None:
        return SpecReply()
    raw = as_map(pointed(responses[code], doc, "responses"))
    described = "" if code.lower() == "default" else as_text(raw.get("description"))
    status = code if code.isdecimal() else "200"
    return content.reply(raw, status, described, ledger.note)
