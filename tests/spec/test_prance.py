"""prance as the oracle: what it resolves in the whole spec, our trimmed document resolves to."""

from __future__ import annotations

import asyncio
import copy
import json
import posixpath
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prance.util.resolver import RESOLVE_FILES, RESOLVE_INTERNAL, RefResolver

from gateway.listing import listed
from gateway.references import Parts, References
from gateway.spec.document import parse
from gateway.spec.parts import Library
from gateway.spec.source import fetch
from gateway.spec_filter import trim

CASES = [
    ("petstore_3.0.4.yaml", ("GET", "/pet/findByStatus")),
    ("oai_link_3.0.yaml", ("GET", "/2.0/repositories/{username}")),
    ("spotify_fixed.yml", ("GET", "/albums/{id}")),
    ("museum_3.1.yaml", ("POST", "/tickets")),
    ("restbase_lists_anchors_fragment.yaml", ("GET", "/lists/{id}/entries/")),
]
Place = tuple[str, str]


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_trimmed_operation_resolves_to_the_same_schemas(
    specs: Path, name: str, place: Place
) -> None:
    document = parse((specs / name).read_bytes(), name)
    if "fragment" in name:  # what its error replies refer to is not in it
        document["components"]["schemas"]["problem"] = {}
    trimmed, _ = trim(document, [place])
    whole, ours = (_success(_resolved(one), place) for one in (document, trimmed))
    assert ours
    assert _bare(ours) == _bare(whole)


# --- specs in several files -------------------------------------------------------------------

OK = {"description": "ok"}


def answers(node: Any) -> dict[str, Any]:
    return {"responses": {"200": {**OK, "content": {"application/json": {"schema": node}}}}}


JSON = "content/application~1json"
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
TREE: dict[str, Any] = {
    "api/spec.yaml": {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": {
            "/whole": {"$ref": "paths/whole.yaml"},
            "/place": {"$ref": "paths/all.yaml#/a~1b"},
            "/schema": {"get": answers({"$ref": "schemas/pet.yaml"})},
            "/equal": {"get": answers({"oneOf": [{"$ref": "a/x.yaml"}, {"$ref": "b/x.yaml"}]})},
            "/chain": {"get": answers({"$ref": "chain/1.yaml"})},
            "/back": {"get": answers({"$ref": "schemas/back.yaml#/Back"})},
            "/reply": {"get": {"responses": {"200": {"$ref": "replies.yaml#/Pets"}}}},
            "/body": {"post": {"requestBody": {"$ref": "body.json"}, **answers({})}},
            "/parameters/{id}": {
                "parameters": [{"$ref": "parameters.yaml#/Id"}],
                "get": {"parameters": [{"$ref": "parameters.yaml#/Page"}], **answers({})},
            },
        },
        "components": {"schemas": {"Own": {"type": "string", "title": "own"}}},
    },
    "api/paths/whole.yaml": {"get": answers({"$ref": "../schemas/pet.yaml#/properties/toy"})},
    "api/paths/all.yaml": {
        "a/b": {"get": answers({"items": {"$ref": "#/local"}})},
        "local": {"title": "local", "allOf": [{"$ref": "../schemas/toy.yaml"}]},
    },
    "api/schemas/pet.yaml": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "toy": {"$ref": "toy.yaml"}},
    },
    "api/schemas/toy.yaml": {"type": "object", "properties": {"size": {"type": "integer"}}},
    "api/schemas/back.yaml": {"Back": {"items": {"$ref": "../spec.yaml#/components/schemas/Own"}}},
    "api/a/x.yaml": {"title": "a"},
    "api/b/x.yaml": {"title": "b"},
    "api/chain/1.yaml": {"$ref": "deeper/2.yaml"},
    "api/chain/deeper/2.yaml": {"$ref": "../3.yaml#/x/0"},
    "api/chain/3.yaml": {"x": [{"title": "three", "not": {"$ref": "#/y"}}], "y": {"type": "null"}},
    "api/replies.yaml": {
        "Pets": {
            **OK,
            "content": {"application/json": {"schema": {"items": {"$ref": "schemas/pet.yaml"}}}},
        }
    },
    "api/body.json": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "schemas/pet.yaml"}}},
    },
    "api/parameters.yaml": {
        "Id": ID,
        "Page": {"name": "page", "in": "query", "schema": {"$ref": "schemas/toy.yaml"}},
    },
}


def test_a_tree_of_files_resolves_to_the_same_operations(tmp_path: Path) -> None:
    for name, held in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(held))
    whole = _resolved(TREE["api/spec.yaml"], tmp_path / "api" / "spec.yaml")
    places = _places(whole)
    assert len(places) == 9
    for place in places:
        trimmed = asyncio.run(_trimmed(tmp_path, "api/spec.yaml", [place]))
        assert _operation(_resolved(trimmed), place) == _operation(whole, place)
    trimmed = asyncio.run(_trimmed(tmp_path, "api/spec.yaml", places))
    ours = _resolved(trimmed)
    assert [_operation(ours, one) for one in places] == [_operation(whole, one) for one in places]


def test_a_real_spec_in_files_resolves_to_the_same_operations(specs: Path) -> None:
    folder = specs / "balldontlie_multi"
    index = parse((folder / "openapi.yml").read_bytes(), "openapi.yml")
    # The collection holds three of the 25 files that the index names.
    there = {
        path: item
        for path, item in index["paths"].items()
        if (folder / item["$ref"].partition("#")[0]).is_file()
    }
    whole = _resolved({**index, "paths": there}, folder / "openapi.yml")
    places = _places(whole)
    assert len(places) == len(there) == 62
    ours = _resolved(asyncio.run(_trimmed(folder, "openapi.yml", places)))
    for place in places:
        assert _operation(ours, place) == _operation(whole, place)


# --- any spec, cut into files in any way ------------------------------------------------------

WHOLE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {
                "description": "One pet.",
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}],
                **answers({"$ref": "#/components/schemas/Pet"}),
            },
            "put": {
                "requestBody": {
                    "content": {"a/b": {"schema": {"$ref": "#/components/schemas/Pet"}}}
                },
                "responses": {"200": {"$ref": "#/components/responses/Pet"}},
            },
        },
        "/toys": {"get": answers({"items": {"$ref": "#/components/schemas/Pet/properties/toy"}})},
        "/deep": {"get": answers({"$ref": f"#/paths/~1toys/get/responses/200/{JSON}/schema"})},
    },
    "components": {
        "parameters": {"Id": ID},
        "responses": {
            "Pet": {**OK, "content": {"a/b": {"schema": {"$ref": "#/components/schemas/Any"}}}}
        },
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "toy": {"type": "object", "properties": {"items": {"type": "integer"}}},
                    "toys": {"type": "array", "items": {"$ref": "#/components/schemas/Toy"}},
                },
            },
            "Toy": {"allOf": [{"$ref": "#/components/schemas/Size"}, {"title": "toy"}]},
            "Size": {"properties": {"size": {"enum": [{"$ref": "data"}, 1]}}},
            "Any": {"oneOf": [{"$ref": "#/components/schemas/Pet"}, {"type": "null"}]},
        },
    },
}  # fmt: skip
_BELOW = ("paths", "properties", "schemas", "responses", "parameters", "allOf", "oneOf")
_HERE = ("schema", "items", "requestBody", "get", "put")
_FILES = ("a.yaml", "d/b.json", "d/e/c c.yaml")


class Cut:
    """Cuts a document into files, as a source of chance says."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.files: dict[str, Any] = {name: {} for name in _FILES}

    def of(self, node: Any, base: str, key: str = "", parent: str = "") -> Any:
        if key == "enum" or not isinstance(node, dict | list):
            return node
        if isinstance(node, list):
            return [self.of(one, base, "", key) for one in node]
        may_move = parent in _BELOW or key in _HERE
        if may_move and base.count("/") < 9 and self.chance.random() < 0.4:
            return self._moved(node, base, key, parent)
        if isinstance(node.get("$ref"), str):
            return {"$ref": self._from(base, "main.yaml") + node["$ref"]}
        # A property may have the name of a keyword; there it is none.
        own = "" if parent in ("properties", "schemas", "paths") and key in _BELOW else key
        return {one: self.of(value, base, one, own) for one, value in node.items()}

    def _moved(self, node: Any, base: str, key: str, parent: str) -> Any:
        file = self.chance.choice(_FILES)
        name = f"{self.chance.choice('xyz')}~/%{len(self.files[file])}"
        self.files[file][name] = None  # the name is taken
        self.files[file][name] = self.of(node, file, key, parent)
        pointer = name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
        return {"$ref": f"{self._from(base, file).replace(' ', '%20')}#/{pointer}"}

    def _from(self, base: str, file: str) -> str:
        return "" if base == file else posixpath.relpath(file, posixpath.dirname(base) or ".")


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_spec_cut_into_files_in_any_way_is_the_same_spec(seed: int) -> None:
    cut = Cut(Random(seed))  # noqa: S311 - the same every time
    main = cut.of(WHOLE, "main.yaml")
    places = _places(WHOLE)
    references = References(main, Parts("main.yaml", cut.files))
    trimmed, ledger = trim(main, places, references)
    assert not ledger
    assert not references.wanted
    ours, whole = _resolved(trimmed), _resolved(trim(WHOLE, places)[0])
    for place in places:
        assert _operation(ours, place) == _operation(whole, place)


async def _trimmed(folder: Path, where: str, places: list[Place]) -> dict[str, Any]:
    got = await fetch(where, base=folder, headers={}, state=None)
    async with Library(got, headers={}, state=None) as library:
        while True:
            references = References(got.document, library.parts)
            trimmed, ledger = trim(got.document, places, references)
            if not references.wanted:
                assert [line for line in ledger if line.operation] == []
                return trimmed
            await library.read(tuple(references.wanted))


def _places(document: dict[str, Any]) -> list[Place]:
    return [(one.method, one.path) for one in listed(document)]


def _operation(document: dict[str, Any], place: Place) -> Any:
    """What an operation says, without what trimming leaves out on purpose."""
    item = document["paths"][place[1]]
    operation = copy.deepcopy(item[place[0].lower()])
    kept = ("operationId", "summary", "description", "parameters", "requestBody")
    out = {key: operation[key] for key in kept if key in operation}
    replies = operation["responses"]
    out["responses"] = {code: one for code, one in replies.items() if str(code).startswith("2")}
    out["shared"] = item.get("parameters", [])
    return _bare(out)


# --- prance -----------------------------------------------------------------------------------


def _resolved(document: dict[str, Any], path: Path | None = None) -> dict[str, Any]:
    """The document with every reference replaced; of a file with those to others, too."""
    resolver = RefResolver(
        document,
        "file:///nowhere.yaml" if path is None else path.as_uri(),
        resolve_types=RESOLVE_INTERNAL if path is None else RESOLVE_INTERNAL | RESOLVE_FILES,
        recursion_limit_handler=lambda *_: {},
    )
    resolver.resolve_references()
    resolved: dict[str, Any] = resolver.specs
    return resolved


def _success(document: dict[str, Any], place: Place) -> Any:
    method, path = place
    responses = document["paths"][path][method.lower()]["responses"]
    reply = responses[next(one for one in responses if str(one).startswith("2"))]
    return next(iter(reply["content"].values()))["schema"]


def _bare(value: Any) -> Any:
    """Without what trimming leaves out on purpose."""
    if isinstance(value, dict):
        dropped = ("example", "examples", "xml", "externalDocs", "headers", "links")
        return {
            key: _bare(one)
            for key, one in value.items()
            if key not in dropped and not key.startswith("x-")
        }
    return [_bare(one) for one in value] if isinstance(value, list) else value
