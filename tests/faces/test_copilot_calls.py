"""The document for Copilot over a real gateway: what it says is what calls may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.conftest import Client, Serve, Upstream

ADDRESS = "/copilot-openapi.json"
SPEC = """
openapi: 3.1.0
info: {title: t, version: "1"}
servers: [{url: "https://h"}]
paths:
  /orders:
    get:
      operationId: listOrders
      parameters:
        - {name: ids, in: query, schema: {type: array, items: {type: integer}}}
        - {name: where, in: query, content: {application/json: {schema: &where
            {$ref: "#/components/schemas/Where"}}}}
        - name: since
          in: query
          schema: {oneOf: [{type: integer}, {type: string, format: date}]}
      responses:
        "200":
          description: ok
          content: {application/json: {schema: {$ref: "#/components/schemas/Page"}}}
    post:
      operationId: placeOrder
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [customer]
              properties:
                customer:
                  type: object
                  required: [id]
                  properties: {id: {type: integer}, next: *where}
                lines:
                  type: array
                  items:
                    type: object
                    properties: {sku: {type: string}, count: {type: integer}}
                matrix: {type: array, items: {type: array, items: {type: integer}}}
                urgent: {type: boolean}
                note: {anyOf: [{type: string}, {type: "null"}]}
      responses: {"200": {description: ok}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    put:
      operationId: renameOrder
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties: {name: {type: string}, tags: {type: array, items: {type: string}}}
      responses: {"204": {description: done}}
    delete:
      operationId: dropOrder
      requestBody:
        content:
          application/json: {schema: {type: object, properties: {why: {type: string}}}}
      responses: {"200": {description: ok}}
  /anything:
    post:
      operationId: sendAnything
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, additionalProperties: true}}}
      responses: {"200": {description: ok}}
  /files:
    post:
      operationId: upload
      requestBody:
        content:
          multipart/form-data:
            schema:
              type: object
              required: [file]
              properties: {file: {type: string, format: binary}, title: {type: string}}
      responses: {"200": {description: ok}}
components:
  schemas:
    Where:
      type: object
      properties: {all: {type: array, items: *where}, name: {type: string}}
    Page:
      allOf:
        - {type: object, properties: {items: {type: array, items: *where}}}
        - {type: object, properties: {total: {type: integer}}}
"""
CONFIG = "plugin: t\ncontact: a@example.com\nspec: spec.yaml\nupstream: {url: '%s'}\n%s"


async def started(serve: Serve, upstream: Upstream, more: str = "operations: all\n") -> Client:
    return await serve(CONFIG % (upstream.url, more), files={"spec.yaml": SPEC})


async def document(client: Client) -> dict[str, Any]:
    response = await client.get(ADDRESS)
    assert response.status == 200
    made: dict[str, Any] = response.json()
    return made


def properties(made: dict[str, Any], path: str, method: str = "post") -> dict[str, Any]:
    body = made["paths"][path][method]["requestBody"]
    found: dict[str, Any] = body["content"]["application/json"]["schema"]["properties"]
    return found


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from nodes(one)


async def test_nothing_is_nested_composed_or_referred_to(serve: Serve, upstream: Upstream) -> None:
    made = await document(await started(serve, upstream))
    assert list(OpenAPIV30SpecValidator(made).iter_errors()) == []
    composed = {"$ref", "anyOf", "oneOf", "allOf"}
    assert all(composed.isdisjoint(node) for node in nodes(made))
    plain = {"string", "integer", "number", "boolean"}
    for item in made["paths"].values():
        for operation in item.values():
            sent = [one["schema"] for one in operation.get("parameters", ())]
            for media in operation.get("requestBody", {"content": {}})["content"].values():
                sent += media["schema"]["properties"].values()
            for one in sent:
                assert one.get("items", one)["type"] in plain


async def test_an_operation_stands_where_its_arguments_can_be_sent(
    serve: Serve, upstream: Upstream
) -> None:
    made = await document(await started(serve, upstream))
    assert {path: list(item) for path, item in made["paths"].items()} == {
        "/orders": ["get"],
        "/call/placeOrder": ["post"],
        "/orders/{id}": ["put"],
        "/call/dropOrder": ["post"],
        "/call/sendAnything": ["post"],
        "/call/upload": ["post"],
        "/getMore": ["get"],
    }
    assert made["paths"]["/call/dropOrder"]["post"]["x-openai-isConsequential"] is True
    assert list(properties(made, "/call/dropOrder")) == ["id", "why"]
    assert properties(made, "/call/placeOrder")["customer"] == {
        "type": "string",
        "description": "JSON text of an object with id, next.",
    }


async def test_the_text_of_an_object_is_read_as_the_object(
    serve: Serve, upstream: Upstream
) -> None:
    client = await started(serve, upstream)
    call = {
        "customer": '{"id": 7, "next": {"name": "x"}}',
        "lines": ['{"sku": "a", "count": 2}'],
        "matrix": ["[1, 2]", "[3]"],
        "urgent": True,
        "note": "null and void",
    }
    assert (await client.post("/call/placeOrder", json=call)).status == 200
    assert json.loads(upstream.last.body) == {
        "customer": {"id": 7, "next": {"name": "x"}},
        "lines": [{"sku": "a", "count": 2}],
        "matrix": [[1, 2], [3]],
        "urgent": True,
        "note": "null and void",
    }
    wrong = await client.post("/call/placeOrder", json={"customer": '{"id": "x"}'})
    assert wrong.status == 400
    assert wrong.json()["detail"].startswith("'customer' at 'id': expected an integer, found 'x'")
    body = {"body": '{"any": {"thing": [1]}}'}
    assert (await client.post("/call/sendAnything", json=body)).status == 200
    assert json.loads(upstream.last.body) == {"any": {"thing": [1]}}


async def test_parameters_and_plain_bodies_go_where_they_always_go(
    serve: Serve, upstream: Upstream
) -> None:
    client = await started(serve, upstream)
    where = "%7B%22name%22%3A%22x%22%7D"
    assert (await client.get(f"/orders?ids=1&ids=2&where={where}&since=5")).status == 200
    assert upstream.last.target == "/orders?ids=1&ids=2&where=%7B%22name%22%3A%22x%22%7D&since=5"
    upstream.says(b"", status=204)
    assert (await client.request("PUT", "/orders/5", json={"name": "n"})).status == 204
    upstream.says({})
    assert (await client.post("/call/dropOrder", json={"id": 5, "why": "w"})).status == 200
    assert (upstream.last.method, upstream.last.target) == ("DELETE", "/orders/5")
    assert (await client.post("/call/upload", json={"file": "aGk=", "title": "t"})).status == 200
    assert b"\r\nhi\r\n" in upstream.last.body


async def test_a_body_that_the_operator_made_flat_is_sent_as_it_is(
    serve: Serve, upstream: Upstream
) -> None:
    more = """operations:
  placeOrder: {flatten: true, parameters: {lines: hide, matrix: hide, all: hide}}
"""
    client = await started(serve, upstream, more)
    made = await document(client)
    assert list(properties(made, "/orders")) == ["id", "name", "urgent", "note"]
    assert (await client.post("/orders", json={"id": 7, "name": "x"})).status == 200
    assert json.loads(upstream.last.body) == {"customer": {"id": 7, "next": {"name": "x"}}}


async def test_the_manifest_names_the_document(serve: Serve, upstream: Upstream) -> None:
    client = await started(serve, upstream)
    manifest = (await client.get("/copilot.json")).json()
    (runtime,) = manifest["runtimes"]
    assert runtime["spec"]["url"] == client.base + ADDRESS
    made = await document(client)
    ids = [one["operationId"] for item in made["paths"].values() for one in item.values()]
    assert runtime["run_for_functions"] == [one["name"] for one in manifest["functions"]]
    assert sorted(runtime["run_for_functions"]) == sorted(ids)
    known = {"If-None-Match": (await client.get(ADDRESS)).headers["ETag"]}
    assert (await client.get(ADDRESS, headers=known)).status == 304


async def test_fitted_to_copilot_it_is_called_where_answers_are_small(
    serve: Serve, upstream: Upstream
) -> None:
    client = await started(serve, upstream)
    manifest = (await client.get("/as/copilot/copilot.json")).json()
    base = f"{client.base}/as/copilot"
    assert manifest["runtimes"][0]["spec"]["url"] == base + ADDRESS
    made = (await client.get("/as/copilot" + ADDRESS)).json()
    assert made["servers"] == [{"url": base}]
    upstream.says({"items": [{"name": "word " * 200} for _ in range(90)]})
    small = await client.get("/as/copilot/orders")
    assert len(small.body) < len((await client.get("/orders")).body) / 2
    call = {"customer": '{"id": 7}'}
    assert (await client.post("/as/copilot/call/placeOrder", json=call)).status == 200
    assert json.loads(upstream.last.body) == {"customer": {"id": 7}}


async def test_answers_are_told_less_deeply_where_the_budget_is_small(
    serve: Serve, upstream: Upstream
) -> None:
    def answer(made: dict[str, Any]) -> dict[str, Any]:
        response = made["paths"]["/orders"]["get"]["responses"]["200"]
        found: dict[str, Any] = response["content"]["application/json"]["schema"]
        return found

    whole = answer(await document(await started(serve, upstream)))
    assert "all" in whole["properties"]["items"]["items"]["properties"]
    small = "spec_budget: 300\noperations: [listOrders]\n"
    assert answer(await document(await started(serve, upstream, small))) == {"type": "object"}
