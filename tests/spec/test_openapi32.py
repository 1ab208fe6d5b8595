"""What OpenAPI 3.2 adds, through the whole gateway."""

from __future__ import annotations

import json

from tests.conftest import Serve, Upstream

SPEC = """
openapi: 3.2.0
info: {title: T, version: "1"}
servers: [{url: "https://api.example.com"}]
paths:
  /things:
    get: {operationId: list, responses: {"200": {description: ok}}}
    post: {operationId: add, responses: {"200": {description: ok}}}
    query:
      operationId: search
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, properties: {q: {type: string}}}}}
      responses: {"200": {description: ok}}
"""
CONFIG = """
plugin: t
spec: spec.yaml
upstream: {url: "%s"}
cache: 60s
operations: all
"""


async def test_a_query_is_served_as_a_post_under_its_name(serve: Serve, upstream: Upstream) -> None:
    client = await serve(CONFIG % upstream.url, files={"spec.yaml": SPEC})
    document = (await client.get("/openapi.json")).json()
    assert document["paths"]["/search"]["post"]["x-openai-isConsequential"] is False
    assert document["paths"]["/things"].keys() == {"get", "post"}
    answer = await client.post("/search", json={"q": "x"})
    assert answer.status == 200
    assert (upstream.last.method, upstream.last.target) == ("QUERY", "/things")
    assert json.loads(upstream.last.body) == {"q": "x"}
    await client.post("/call/search", json={"q": "y"})
    assert (upstream.last.method, json.loads(upstream.last.body)) == ("QUERY", {"q": "y"})


WHOLE = """
openapi: 3.2.0
info: {title: T, version: "1"}
paths:
  /a:
    get:
      operationId: a
      parameters:
        - {name: q, in: querystring, content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: ok}}
  /b: {get: {operationId: b, responses: {"200": {description: ok}}}}
"""


async def test_a_query_string_that_is_json_is_one_argument(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(CONFIG % upstream.url, files={"spec.yaml": WHOLE})
    (given,) = (await client.get("/openapi.json")).json()["paths"]["/a"]["get"]["parameters"]
    assert (given["name"], given["in"], given["schema"]) == ("q", "query", {"type": "string"})
    assert (await client.get("/a?q=%7B%22x%22%3A%22%26y%3D1%22%7D")).status == 200
    assert upstream.last.target == "/a?%7B%22x%22%3A%22%26y%3D1%22%7D"
    assert (await client.get("/a?q=%7B%7D&y=1")).status == 400


async def test_a_query_string_that_is_one_text_holds_no_credential(
    serve: Serve, upstream: Upstream
) -> None:
    config = (CONFIG % upstream.url).replace(
        "upstream: {", "upstream: {credential: {query: {name: key, value: k}}, "
    )
    client = await serve(config, files={"spec.yaml": WHOLE})
    assert list((await client.get("/openapi.json")).json()["paths"]) == ["/b", "/getMore"]


async def test_a_query_changes_nothing_so_what_is_stored_stays(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(CONFIG % upstream.url, files={"spec.yaml": SPEC})
    for method, target in (("GET", "/things"), ("POST", "/search"), ("GET", "/things")):
        await client.request(method, target, json={"q": "x"} if method == "POST" else None)
    assert [one.method for one in upstream.received] == ["GET", "QUERY"]
    for method in ("POST", "GET"):
        await client.request(method, "/things")
    assert [one.method for one in upstream.received] == ["GET", "QUERY", "POST", "GET"]


async def test_a_query_may_be_written_in_place(serve: Serve, upstream: Upstream) -> None:
    config = f"""
        plugin: t
        upstream: {{url: "{upstream.url}"}}
        operations:
          search:
            call: QUERY /things
            description: Search.
            body: {{type: object, properties: {{q: {{type: string}}}}}}
    """
    client = await serve(config)
    assert (await client.post("/search", json={"q": "x"})).status == 200
    assert upstream.last.method == "QUERY"
