"""`allowEmptyValue`, through the whole gateway."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from tests.conftest import Serve, Upstream

SPEC = """
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /x:
    get:
      operationId: list
      parameters:
        - {name: n, in: query, allowEmptyValue: true, schema: {type: integer, description: N.}}
        - name: ids
          in: query
          allowEmptyValue: true
          schema: {type: array, items: {type: integer}}
        - {name: on, in: query, allowEmptyValue: true, schema: {type: string, format: date}}
        - {name: text, in: query, allowEmptyValue: true, schema: {type: string}}
        - {name: m, in: query, schema: {type: integer}}
      responses: {"200": {description: ok}}
"""
CONFIG = '{plugin: t, spec: spec.yaml, upstream: {url: "%s"}, operations: all}'


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("n=&ids=&on=&text=", "n=&ids=&on=&text="),
        ("n=5&ids=1&ids=2&on=2025-01-31&text=x", "n=5&ids=1&ids=2&on=2025-01-31&text=x"),
        ("n=five", None),
        ("on=today", None),
        ("ids=&ids=1", None),
        ("m=", None),
    ],
)
async def test_an_empty_value_goes_where_the_spec_allows_it(
    serve: Serve, upstream: Upstream, given: str, sent: str | None
) -> None:
    client = await serve(CONFIG % upstream.url, files={"spec.yaml": SPEC})
    answer = await client.get(f"/x?{given}")
    assert answer.status == (200 if sent else 400)
    assert [one.target for one in upstream.received] == ([f"/x?{sent}"] if sent else [])


async def test_a_call_by_name_gives_an_empty_text(serve: Serve, upstream: Upstream) -> None:
    client = await serve(CONFIG % upstream.url, files={"spec.yaml": SPEC})
    assert (await client.post("/call/list", json={"n": "", "ids": ""})).status == 200
    assert upstream.last.target == "/x?n=&ids="


async def test_what_is_served_is_valid(serve: Serve, upstream: Upstream) -> None:
    client = await serve(CONFIG % upstream.url, files={"spec.yaml": SPEC})
    for version, validator in (("3.0", OpenAPIV30SpecValidator), ("3.1", OpenAPIV31SpecValidator)):
        document = (await client.get(f"/openapi.json?version={version}")).json()
        validator(document).validate()
        schemas = {one["name"]: one for one in document["paths"]["/x"]["get"]["parameters"]}
        assert schemas["n"]["description"] == "N."
        assert schemas["ids"]["schema"]["type"] == "array"
