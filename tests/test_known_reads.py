"""Reads that were asked before: what is remembered of them is no caller's."""

from __future__ import annotations

import pytest

from gateway import proxy
from gateway.proxy import Read
from tests.conftest import Client, Serve, Upstream

PLUGIN = """
plugin: shop
contact: a@example.com
spec: spec.yaml
auth: {user: {scheme: bearer}}
upstream: {url: "URL", forward: [X-Trace]}
parameters:
  tenant: {header: X-Tenant}
operations:
  plain: {choose: true}
  own: {parameters: {lang: {header: Accept-Language}}}
  inner: {parameters: {filter.lang: {header: Accept-Language}}}
  shared:
"""
SPEC = """
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /plain/{id}:
    get:
      operationId: plain
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer, maximum: 9}}
        - {name: cut, in: query, schema: {type: string}}
      responses: &things
        "200":
          description: A thing
          content:
            application/json:
              schema: {type: object, properties: {id: {type: integer}, name: {type: string}}}
  /own:
    get:
      operationId: own
      parameters: [{name: lang, in: query, schema: {type: string}}]
      responses: *things
  /inner:
    get:
      operationId: inner
      parameters:
        - name: filter
          in: query
          style: deepObject
          schema: {type: object, properties: {lang: {type: string}, size: {type: integer}}}
      responses: *things
  /shared:
    get:
      operationId: shared
      parameters: [{name: tenant, in: header, schema: {type: string}}]
      responses: *things
"""
ANNA = {"Authorization": "Bearer anna", "X-Trace": "a", "Accept-Language": "it", "X-Tenant": "A"}
BORIS = {"Authorization": "Bearer boris", "X-Trace": "b", "Accept-Language": "ru", "X-Tenant": "B"}


@pytest.fixture
async def client(serve: Serve, upstream: Upstream) -> Client:
    upstream.says({"id": 7, "name": "seven"})
    return await serve(PLUGIN.replace("URL", upstream.url), files={"spec.yaml": SPEC})


def known(client: Client) -> list[Read]:
    return list(client.gateway.door._reads.values())


@pytest.mark.parametrize("target", ["/plain/7?cut=a", "/own", "/inner", "/shared"])
async def test_a_caller_gets_nothing_of_who_asked_the_same_before(
    client: Client, upstream: Upstream, target: str
) -> None:
    for headers in (ANNA, BORIS, {"Authorization": "Bearer cora"}, ANNA):
        assert (await client.get(target, headers=headers)).status == 200
        seen = upstream.last
        assert seen.headers["Authorization"] == headers["Authorization"]
        assert seen.headers.get("X-Trace") == headers.get("X-Trace")
        tenant = headers.get("X-Tenant") if target == "/shared" else None
        assert seen.headers.get("tenant") == tenant
        lang = headers.get("Accept-Language") if target in ("/own", "/inner") else None
        name = "filter%5Blang%5D" if target == "/inner" else "lang"
        assert seen.target == target + (f"?{name}={lang}" if lang else "")


async def test_what_is_built_of_a_caller_s_headers_is_not_remembered(client: Client) -> None:
    for target in ("/plain/7", "/own", "/inner", "/shared"):
        assert (await client.get(target, headers=ANNA)).status == 200
    built = {read.operation.name: read.built for read in known(client)}
    assert built.pop("plain") is not None
    assert built == {"own": None, "inner": None, "shared": None}


async def test_each_caller_proves_himself_though_the_read_is_known(client: Client) -> None:
    assert (await client.get("/plain/7", headers=ANNA)).status == 200
    assert (await client.get("/plain/7")).status == 401


async def test_a_read_that_is_wrong_is_refused_each_time(client: Client) -> None:
    for _ in range(3):
        refused = await client.get("/plain/10", headers=ANNA)
        assert (refused.status, refused.json()["code"]) == (400, "bad_arguments")
    assert [read.built for read in known(client)] == [None]


async def test_what_is_chosen_is_remembered_with_the_read(client: Client) -> None:
    for _ in range(3):
        chosen = await client.get("/plain/7?fields=name", headers=ANNA)
        assert chosen.json() == {"name": "seven"}
        whole = await client.get("/plain/7", headers=BORIS)
        assert whole.json() == {"id": 7, "name": "seven"}
    assert {read.chosen is None for read in known(client)} == {True, False}


async def test_nothing_is_known_of_plugins_that_were_replaced(client: Client) -> None:
    await client.get("/plain/7", headers=ANNA)
    door = client.gateway.door
    door.place(door.sites)
    assert known(client) == []


async def test_what_is_known_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "MAX_KNOWN", 3)
    for number in range(8):
        await client.get(f"/plain/{number}", headers=ANNA)
        assert 1 <= len(known(client)) <= 3
    await client.get("/plain/7?cut=" + "true" * 200, headers=ANNA)
    assert len(known(client)) <= 3
    assert all(len(target) <= proxy.MAX_KNOWN_LENGTH for target, _ in client.gateway.door._reads)
