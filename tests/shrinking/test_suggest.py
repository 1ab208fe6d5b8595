from __future__ import annotations

from typing import Any

import pytest

from gateway.config.scalars import Budget
from gateway.shrinking.compiling import Rules, compile_shrinker
from gateway.shrinking.suggest import suggest

TEXT = {"type": "string"}
ROW = {
    "type": "object",
    "properties": {
        "href": TEXT,
        "id": {"type": "integer"},
        "odd.key id": TEXT,
        "owner": {"type": "object", "properties": {"id": TEXT}},
        "name": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": TEXT},
    },
}
COMPONENTS = {"Row": ROW}
REF = {"$ref": "#/components/schemas/Row"}
ROWS = {"type": "array", "items": REF}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (REF, '{href,id,"odd.key id",name}'),
        (ROWS, '{href,id,"odd.key id",name}'),
        (
            {"type": "object", "properties": {"data": ROWS, "total": TEXT}},
            'data.{href,id,"odd.key id",name}',
        ),
        ({"type": "object", "properties": {"a": ROWS, "b": ROWS, "id": TEXT}}, "{id}"),
        ({"type": "string"}, None),
        ({}, None),
        (None, None),
        ({"type": "object", "properties": {"deep": {"type": "object"}}}, None),
    ],
)
def test_a_path_takes_what_tells_most_of_each_row(schema: Any, path: str | None) -> None:
    assert suggest(schema, COMPONENTS) == path
    if path is not None:
        _, faults = compile_shrinker(
            schema, COMPONENTS, Rules(fields=[path], drop=(), limit_items={}, budget=Budget(8000))
        )
        assert not faults


def test_of_many_members_the_telling_ones_are_taken_in_the_specs_order() -> None:
    members = {f"member_{n}": TEXT for n in range(20)}
    schema = {"type": "object", "properties": {**members, "status": TEXT, "id": TEXT}}
    assert (
        suggest(schema, {}) == "{member_0,member_1,member_2,member_3,member_4,member_5,status,id}"
    )
