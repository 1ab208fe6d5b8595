"""One plugin, fitted to a client: by address, or by the name of a token."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.profiles import PROFILES
from tests.conftest import Client, Serve, Upstream

CONFIG = """
plugin: shop
title: Shop
upstream: {{url: "{upstream}"}}
{more}
operations:
{operations}
"""
ROWS = """
  rows:
    call: GET /rows
    description: Rows.
"""
LONG = "aNameOfAnOperationThatIsRatherLongForAListOfToolsInACliE"


def _config(upstream: Upstream, operations: str = ROWS, more: str = "") -> str:
    return CONFIG.format(upstream=upstream.url, operations=operations, more=more)


def _operations(many: int) -> str:
    one = "  get{0}:\n    call: GET /things/{0}\n    description: Thing {0}.\n"
    return "".join(one.format(number) for number in range(many))


async def _listed(client: Client, address: str, **headers: str) -> list[str]:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = await client.post(address, json=body, headers=headers)
    return [one["name"] for one in answer.json()["result"]["tools"]]


async def _called(client: Client, address: str, name: str, **headers: str) -> dict[str, Any]:
    call = {"name": name, "arguments": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return (await client.post(address, json=body, headers=headers)).json()["result"]


@pytest.fixture
def rows(upstream: Upstream) -> Upstream:
    upstream.says({"data": [{"id": n, "text": f"some words of row {n}"} for n in range(2000)]})
    return upstream


def _kept(answer: Any) -> int:
    return answer["_shrunk"]["data"]["kept"]


async def test_answers_fit_the_client(serve: Serve, rows: Upstream) -> None:
    client = await serve(_config(rows))
    usual = (await client.get("/rows")).json()
    fitted = (await client.get("/as/copilot/rows")).json()
    named = (await client.post("/shop/as/copilot/call/rows", json={})).json()
    spoken = await _called(client, "/as/copilot/mcp", "rows")
    assert _kept(fitted) < _kept(usual) / 2
    assert _kept(named) == _kept(fitted) == _kept({"_shrunk": spoken["_meta"]["_shrunk"]})
    assert len(rows.received) == 4  # nothing is stored of what says nothing of it


async def test_one_stored_reply_serves_them_all(serve: Serve, rows: Upstream) -> None:
    client = await serve(_config(rows, more="cache: 60s"))
    usual, fitted = await client.get("/rows"), await client.get("/as/copilot/rows")
    assert _kept(usual.json()) > _kept(fitted.json())
    assert len(rows.received) == 1


async def test_what_the_operator_says_wins(serve: Serve, rows: Upstream) -> None:
    client = await serve(_config(rows, more="budget: 4000"))
    usual, fitted = await client.get("/rows"), await client.get("/as/copilot/rows")
    assert usual.body == fitted.body.replace(b"/as/copilot", b"")


STRUCTURED = """
  rows:
    call: GET /rows
    description: Rows.
    returns: {type: object}
  bare:
    call: GET /others
    description: Of what comes nothing is known.
"""


async def test_only_what_is_sent_twice_is_cut_to_half(serve: Serve, rows: Upstream) -> None:
    client = await serve(_config(rows, STRUCTURED, "structured: true"))
    whole = _kept((await client.get("/rows")).json())
    for name, parts in (("rows", 2), ("bare", 1)):
        spoken = await _called(client, "/mcp", name)
        assert ("structuredContent" in spoken) == (parts == 2)
        kept = _kept({"_shrunk": spoken["_meta"]["_shrunk"]})
        assert abs(kept * parts - whole) <= whole // 10


async def test_what_is_called_by_name_is_sent_once_and_whole(serve: Serve, rows: Upstream) -> None:
    client = await serve(_config(rows, STRUCTURED, "structured: true\nexpose: search"))
    whole = (await client.post("/callOperation", json={"name": "rows"})).json()
    call = {"name": "callOperation", "arguments": {"name": "rows"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    spoken = (await client.post("/mcp", json=body)).json()["result"]
    assert "structuredContent" not in spoken
    assert _kept({"_shrunk": spoken["_meta"]["_shrunk"]}) == _kept(whole)


async def test_a_token_named_after_a_profile_brings_it(serve: Serve, rows: Upstream) -> None:
    auth = 'auth: {service: {tokens: {copilot: "tok-copilot-1", other: "tok-other-1"}}}'
    client = await serve(_config(rows, more=auth))
    kept = {}
    for name in ("copilot", "other", "copilot", "other"):  # nothing is remembered of the other
        headers = {"Authorization": f"Bearer tok-{name}-1"}
        answer = await client.get("/rows", headers=headers)
        spoken = await _called(client, "/mcp", "rows", **headers)
        assert kept.setdefault(name, _kept(answer.json())) == _kept(answer.json())
        assert spoken["_meta"]["_shrunk"]["data"]["kept"] == kept[name]
    assert kept["copilot"] < kept["other"] / 2


async def test_too_many_tools_are_searched_for(serve: Serve, upstream: Upstream) -> None:
    client = await serve(_config(upstream, _operations(45)))
    assert len(await _listed(client, "/mcp")) == 46
    assert "searchOperations" in await _listed(client, "/as/cursor/mcp")
    assert len(await _listed(client, "/as/vscode/mcp")) == 46
    assert "searchOperations" in (await client.get("/as/cursor/openapi.yaml")).body.decode()
    all_ = await serve(_config(upstream, _operations(45), more="expose: all"))
    assert len(await _listed(all_, "/as/cursor/mcp")) == 46


async def test_names_fit_the_client(serve: Serve, upstream: Upstream) -> None:
    operations = f"  {LONG}:\n    call: GET /x\n    description: X.\n"
    client = await serve(_config(upstream, operations))
    assert LONG in await _listed(client, "/mcp")
    (name,) = [one for one in await _listed(client, "/as/cursor/mcp") if one != "getMore"]
    assert len("shop") + 1 + len(name) == PROFILES["cursor"].name
    assert (await _called(client, "/as/cursor/mcp", name))["isError"] is False


async def test_at_the_root_that_plugins_share(serve: Serve, upstream: Upstream) -> None:
    other = _config(upstream).replace("shop", "other")
    client = await serve(_config(upstream, _operations(45)), other)
    shared = await _listed(client, "/as/cursor/mcp")
    assert "other_rows" in shared
    assert "shop_searchOperations" in shared
    assert len(await _listed(client, "/mcp")) == 48


@pytest.mark.parametrize(
    "address", ["/as/nobody/mcp", "/as/nobody/rows", "/shop/as/x/openapi.yaml"]
)
async def test_an_unknown_profile_says_which_there_are(
    serve: Serve, upstream: Upstream, address: str
) -> None:
    client = await serve(_config(upstream))
    answer = await client.get(address)
    assert answer.status == 404
    assert "cursor" in answer.json()["detail"]


async def test_profiles_do_not_nest(serve: Serve, upstream: Upstream) -> None:
    client = await serve(_config(upstream))
    assert (await client.get("/as/cursor/as/copilot/rows")).status == 404


def test_each_number_has_its_source() -> None:
    for profile in PROFILES.values():
        assert "(" in profile.about or ":" in profile.about
