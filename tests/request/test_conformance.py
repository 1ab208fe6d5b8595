"""Every row of the specifications' tables of styles, from a small spec to the bytes on the wire.

`conformance/*.yaml`: `values`, each a JSON text by name; then `rows`, each a parameter `color` (or,
`in: form` and `in: json`, a body's property of that name) with what is expected of each value:

    a text              what stands in its place on the wire, byte for byte
    null                nothing is sent
    {refused: words}    the call is refused, with these words
    {lost: words}       the operation cannot be served

`content` is the media type of a content parameter, `note` a line of the ledger. `n/a` lists the
cells that the specification leaves undefined.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import yaml12
from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.references import References
from gateway.request import Bound, bind
from gateway.request.text import decode_json
from gateway.spec.model import normalise
from gateway.spec_filter import trim
from gateway.values import SpecModel, UpstreamRequest

FOLDER = Path(__file__).parent / "conformance"
OUR_KEYS = {"n/a", "note", "content"}
PARAMETER_KEYS = {
    "in", "style", "explode", "allowReserved", "allowEmptyValue", "schema", "collectionFormat",
    "required",
}  # fmt: skip
TYPES: list[tuple[type, str]] = [
    (bool, "boolean"), (str, "string"), (int, "integer"), (list, "array"), (dict, "object"),
]  # fmt: skip


def cells() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        table = yaml12.read(path.read_text())
        for row in table["rows"]:
            names = row.keys() - OUR_KEYS - PARAMETER_KEYS
            assert names <= table["values"].keys(), (path.name, names)
            keys = [str(row[key]) for key in row if key in PARAMETER_KEYS | {"content"}]
            for name in sorted(names):
                case = (row, decode_json(table["values"][name]), row[name], "swagger" in table)
                yield pytest.param(*case, id="-".join([path.stem, *keys, name]))


def schema_of(value: Any) -> dict[str, Any]:
    return {"type": next((name for kind, name in TYPES if isinstance(value, kind)), "number")}


def model_of(row: dict[str, Any], value: Any, *, swagger: bool) -> SpecModel:
    schema = row.get("schema") or schema_of(value)
    given = {key: row[key] for key in row if key in PARAMETER_KEYS - {"schema"}}
    parameter = {"required": row["in"] == "path", **given, "name": "color"}
    operation: dict[str, Any] = {"responses": {}}
    if row["in"] in ("form", "json"):
        kind = "x-www-form-urlencoded" if row["in"] == "form" else "json"
        whole = {"type": "object", "properties": {"color": schema}}
        operation["requestBody"] = {"content": {f"application/{kind}": {"schema": whole}}}
    elif swagger:
        operation["parameters"] = [{**parameter, **schema}]
    elif "content" in row:
        operation["parameters"] = [{**parameter, "content": {row["content"]: {"schema": schema}}}]
    else:
        operation["parameters"] = [{**parameter, "schema": schema}]
    key = "/p/{color}" if row["in"] == "path" else "/p"
    version = {"swagger": "2.0"} if swagger else {"openapi": "3.1.1"}
    document = {**version, "paths": {key: {"post": operation}}}
    trimmed, _ = trim(document, [("POST", key)], References(document))
    return normalise(trimmed, "https://h/")


def bound(model: SpecModel) -> Bound:
    (operation,) = model.operations
    entries = {"color": Parameter(description="Shown.")}
    found = bind(operation, model.components, entries, own=entries)
    assert found.faults == ()
    return found


def wire(place: str, request: UpstreamRequest) -> str | None:
    """What stands in a place of a request; nothing may stand anywhere else."""
    headers = dict(request.headers)
    headers.pop("Content-Type", None)
    path, _, query = request.url.removeprefix("https://h/p").partition("?")
    found = {
        "path": path.removeprefix("/"),
        "query": query,
        "cookie": headers.pop("Cookie", ""),
        "body": (request.body or b"").decode(),
    }
    header = headers.pop("color", None)
    assert headers == {}
    at = {"formData": "body", "form": "body", "json": "body", "querystring": "query"}
    text = header if place == "header" else found.pop(at.get(place, place)) or None
    assert not any(found.values())
    return text


@pytest.mark.parametrize(("row", "value", "expected", "swagger"), list(cells()))
def test_a_value_is_written_as_the_specification_says(
    row: dict[str, Any], value: Any, expected: Any, *, swagger: bool
) -> None:
    model = model_of(row, value, swagger=swagger)
    lines = [line.what for line in model.ledger]
    if isinstance(expected, dict) and "lost" in expected:
        assert (lines, model.operations) == ([expected["lost"]], ())
        return
    told = [line for line in lines if "color" in line and "taken as its" not in line]
    assert told == ([row["note"]] if "note" in row else [])
    build = bound(model).build("https://h")
    if isinstance(expected, dict):
        with pytest.raises(BadArguments) as caught:
            build({"color": value}, {})
        assert expected["refused"] in caught.value.detail
    else:
        assert wire(row["in"], build({"color": value}, {})) == expected
