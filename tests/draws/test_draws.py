"""Any operations of any spec give a valid document. `make draws` draws many more."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.draws import known, specs
from tests.draws.checks import circular, client_safe, dangling, faults, invalid, unlike
from tests.draws.drawing import Served, config, serve
from tests.draws.run import run

DRAWS = 3


@pytest.mark.parametrize("name", specs.names() or [pytest.param("", marks=pytest.mark.skip)])
def test_what_is_served_of_any_operations_is_valid(name: str) -> None:
    result = run(name, list(range(DRAWS)))
    unknown, _ = known.sorted_out([result])
    assert unknown == []
    again = run(name, list(range(DRAWS))[::-1], checked=False, digest_only=True)
    digests = {one.number: one.digest for one in again.draws}
    assert all(one.digest == digests[one.number] for one in result.draws)
    assert result.draws or "operations" in result.refused


def test_each_known_fault_is_of_a_spec_that_is_there(specs: Path) -> None:
    from tests.draws.specs import GITHUB, path_of

    assert all(one.spec == GITHUB or path_of(one.spec).is_file() for one in known.KNOWN)
    assert specs.is_dir()


SPEC: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/a": {
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
                },
                "responses": {
                    "200": {
                        "description": "",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/A"}}
                        },
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "A": {
                "type": "object",
                "required": ["$ref"],
                "properties": {"$ref": {"type": "string"}, "x-a": {"type": "string"}},
            }
        }
    },
}
Break = Callable[[dict[str, Any]], Any]


def _operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/a"]["post"]
    return found


def _answer(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _operation(document)["responses"]["200"]["content"]
    return found


BREAKS: dict[str, Break] = {
    "version": lambda one: one.update(openapi="3.0.0"),
    "server": lambda one: one.update(servers=[{"url": "/a"}]),
    "extension": lambda one: one.update({"x-b": 1}),
    "operation-id": lambda one: _operation(one).update(operationId="a-b"),
    "no-summary": lambda one: _operation(one).update(summary=" "),
    "no-description": lambda one: _operation(one).pop("description"),
    "default-error": lambda one: _operation(one)["responses"].update(default={"description": ""}),
    "responses": lambda one: _operation(one)["responses"].update({"201": {"description": ""}}),
    "answer": lambda one: _answer(one).update({"text/plain": {"schema": {}}}),
    "answer-schema": lambda one: _answer(one)["application/json"].pop("schema"),
    "noise": lambda one: _operation(one).update(tags=["t"]),
    "ref-siblings": lambda one: _answer(one)["application/json"].update(
        schema={"$ref": "#/components/schemas/A", "title": "t"}
    ),
    "type-list": lambda one: _answer(one)["application/json"].update(schema={"type": ["null"]}),
    "nullable": lambda one: _answer(one)["application/json"].update(schema={"nullable": True}),
    "required": lambda one: _answer(one)["application/json"].update(schema={"required": True}),
    "required-missing": lambda one: _answer(one)["application/json"].update(
        schema={"required": ["b"]}
    ),
    "example": lambda one: _answer(one)["application/json"].update(schema={"example": 1}),
    "items": lambda one: _answer(one)["application/json"].update(schema={"type": "array"}),
}


@pytest.fixture(scope="module")
def served() -> Served:
    return serve(config("all"), SPEC)


def test_what_is_well_has_no_faults(served: Served) -> None:
    assert list(faults(served)) == []


@pytest.mark.parametrize("kind", BREAKS)
def test_each_check_finds_its_fault(kind: str, served: Served) -> None:
    document = copy.deepcopy(served.document("3.0"))
    BREAKS[kind](document)
    assert kind in {one for one, _ in client_safe(served, document)}


def test_a_reference_to_nothing_or_elsewhere_is_found(served: Served) -> None:
    document = served.document("3.0")
    media = _answer(document)["application/json"]
    media["schema"] = {"$ref": "#/components/schemas/Nothing"}
    assert [kind for kind, _ in dangling(document)] == ["dangling"]
    media["schema"] = {"$ref": "https://example.com/a.json"}
    assert [kind for kind, _ in dangling(document)] == ["not-local"]
    media["schema"] = {"discriminator": {"propertyName": "a", "mapping": {"a": "Nothing"}}}
    assert [kind for kind, _ in dangling(document)] == ["dangling"]


def test_a_circle_and_a_faulty_document_are_found(served: Served) -> None:
    document = served.document("3.0")
    name = next(name for name in document["components"]["schemas"] if name != "Error")
    document["components"]["schemas"][name] = {"items": {"$ref": f"#/components/schemas/{name}"}}
    assert [kind for kind, _ in circular(document)] == ["circular"]
    document["paths"]["/a"]["post"]["responses"] = []
    assert "meta-schema" in {kind for kind, _ in invalid(document, "3.0")}


def test_yaml_that_is_another_document_is_found(served: Served) -> None:
    document = served.document("3.0")
    assert not list(unlike(served.yaml["3.0"], document))
    assert len(list(unlike(served.yaml["3.0"] + b"a: no\n", document))) == 2
