"""Operations that are searched for instead of listed."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog import FOUND, Entry, catalog, words
from gateway.config import read_configs
from gateway.faces.mcp import of_plugin
from gateway.faces.tool import tools_of
from gateway.loading import load_plugin
from gateway.shrinking import count
from tests.conftest import Client, Serve, Upstream

ENTRIES = [
    Entry("issues_list", "GET", "/repos/{repo}/issues", "List issues", "", ("repo", "state")),
    Entry("issues_create", "POST", "/repos/{repo}/issues", "Create an issue", "", ("title",)),
    Entry("comments_create", "POST", "/issues/{id}/comments", "Comment on an issue", "", ("body",)),
    Entry("repos_delete", "DELETE", "/repos/{repo}", "", "Deletes a repository for good.", ()),
    Entry("companies_list", "GET", "/v2/companies", "All companies", "", ("page",)),
]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("create an issue", "issues_create"),
        ("creating issues", "issues_create"),  # endings do not matter
        ("get issues", "issues_list"),
        ("remove a repository", "repos_delete"),  # a word for what DELETE does
        ("company", "companies_list"),
        ("compan", "companies_list"),  # the beginning of a word
        ("list isues", "issues_list"),  # a slip
        ("comment", "comments_create"),
        ("state", "issues_list"),  # a parameter
    ],
)
def test_words_find_the_operation_that_is_meant(query: str, first: str) -> None:
    assert catalog(ENTRIES).search(query)[0].name == first


def test_what_has_nothing_to_do_with_it_is_not_found() -> None:
    assert catalog(ENTRIES).search("weather tomorrow") == []
    assert catalog(ENTRIES).search("the of a") == []
    assert catalog([]).search("issue") == []


def test_a_long_question_costs_no_more_than_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    near = difflib.get_close_matches

    def counted(word: str, *args: Any, **more: Any) -> list[str]:
        looked.append(word)
        return near(word, *args, **more)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    found = catalog(ENTRIES)
    unknown = [f"q{chr(97 + n // 26)}{chr(97 + n % 26)}z" for n in range(100)]
    assert found.search(" ".join(unknown)) == []
    assert len(looked) == 3
    looked.clear()
    assert found.search("z" * 1000) == []  # nobody slips in so long a word
    assert looked == []
    assert found.search(" ".join([*unknown[:5], "coment"])) == []
    assert found.search(" ".join([*unknown[:2], "coment"]))[0].name == "comments_create"
    assert found.search(" ".join([*unknown[:16], "companies"])) == []
    assert found.search(" ".join([*unknown[:15], "companies"]))[0].name == "companies_list"


def test_groups_are_the_first_words_of_paths() -> None:
    assert catalog(ENTRIES).groups() == [("repos", 3), ("companies", 1), ("issues", 1)]


def test_names_that_an_operation_has_already_are_not_taken() -> None:
    found = catalog([Entry("searchOperations", "GET", "/", "", "", ())])
    assert found.names["searchOperations"] == "searchOperations_"


def test_identifiers_are_words() -> None:
    assert list(words("getHTTPResponse_by-id v2")) == ["get", "http", "respons", "id", "v", "2"]


@given(st.text(max_size=60))
def test_any_question_gets_the_same_answer_twice(query: str) -> None:
    found = catalog(ENTRIES)
    assert found.search(query) == found.search(query)


PLUGIN = """
plugin: todo
title: TODO list
upstream: {{url: "{upstream}"}}
expose: {expose}
limit: 3/min
spec_budget: {budget}
operations:
  getTodos:
    call: "GET /todos/{{username}}"
    description: The todos of one person.
    parameters:
      username: {{in: path, type: string, required: true, description: Whose list, example: ada}}
    returns: {{type: array, items: {{type: string}}}}
  deleteTodo:
    call: "DELETE /todos/{{username}}"
    description: Delete one todo by its index, counted from 0.
    parameters:
      username: {{in: path, type: string, required: true, description: Whose list}}
    body: {{type: object, required: [todo_idx], properties: {{todo_idx: {{type: integer}}}}}}
    confirm: true
"""
OWN = {"searchOperations", "describeOperation", "callOperation", "getMore"}
ALL = {"getTodos", "deleteTodo", "getMore"}


async def _shown(client: Client) -> set[str]:
    paths = (await client.get("/openapi.json")).json()["paths"]
    spec = {one["operationId"] for path in paths.values() for one in path.values()}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    listed = (await client.post("/mcp", json=body)).json()["result"]["tools"]
    assert {one["name"] for one in listed} == spec
    return spec


@pytest.mark.parametrize(
    ("expose", "budget", "shown"),
    [("search", 5000, OWN), ("all", 1, ALL), ("auto", 5000, ALL), ("auto", 20, OWN)],
)
async def test_what_the_faces_show(
    serve: Serve, upstream: Upstream, expose: str, budget: int, shown: set[str]
) -> None:
    client = await serve(PLUGIN.format(upstream=upstream.url, expose=expose, budget=budget))
    assert await _shown(client) == shown


@pytest.fixture
async def client(serve: Serve, upstream: Upstream) -> Client:
    return await serve(PLUGIN.format(upstream=upstream.url, expose="search", budget=5000))


async def test_search_describe_call(client: Client, upstream: Upstream) -> None:
    upstream.says(["milk"])
    found = (await client.get("/searchOperations?query=todos+of+a+person&count=1")).json()
    assert found == {
        "operations": [
            {"name": "getTodos", "summary": "The todos of one person.", "required": ["username"]}
        ],
        "more": 1,
    }
    told = (await client.get("/describeOperation?name=getTodos")).json()
    assert told["arguments"]["required"] == ["username"]
    assert told["changes"] is False
    given = {"name": "getTodos", "arguments": {"username": "ada/../x"}}
    answer = await client.post("/callOperation", json=given)
    assert answer.json() == {"items": ["milk"]}
    assert upstream.last.target == "/todos/ada%2F..%2Fx"


async def test_nothing_asked_gives_an_overview(client: Client) -> None:
    answer = await client.get("/searchOperations")
    assert answer.json() == {"total": 2, "groups": {"todos": 2}}


@pytest.mark.parametrize("name", ["nope", "callOperation", "getMore", "getTodo"])
async def test_only_the_chosen_operations_can_be_called(client: Client, name: str) -> None:
    for answer in (
        await client.post("/callOperation", json={"name": name, "arguments": {}}),
        await client.get(f"/describeOperation?name={name}"),
    ):
        assert answer.status == 400
        assert "There is no operation" in answer.json()["detail"]


async def test_arguments_are_checked_as_at_the_own_address(
    client: Client, upstream: Upstream
) -> None:
    answer = await client.post("/callOperation", json={"name": "getTodos", "arguments": {"x": 1}})
    assert answer.status == 400
    assert "'x' is not an argument" in answer.json()["detail"]
    assert not upstream.received


async def test_arguments_that_are_written_as_text_are_not_lost(
    client: Client, upstream: Upstream
) -> None:
    given = {"name": "getTodos", "arguments": '{"username": "ada"}'}
    assert (await client.post("/call/callOperation", json=given)).status == 200
    assert upstream.last.target == "/todos/ada"
    for wrong in ("ada", "[1]", ["ada"], 7):
        answer = await client.post(
            "/call/callOperation", json={"name": "getTodos", "arguments": wrong}
        )
        assert answer.status == 400
    assert len(upstream.received) == 1


async def test_a_call_through_counts_once(client: Client) -> None:
    given = {"name": "getTodos", "arguments": {"username": "ada"}}
    answers = [(await client.post("/callOperation", json=given)).status for _ in range(4)]
    assert answers == [200, 200, 200, 429]


async def test_the_operations_are_still_served_at_their_own_addresses(client: Client) -> None:
    assert (await client.get("/todos/ada")).status == 200
    assert (await client.post("/call/getTodos", json={"username": "ada"})).status == 200


async def test_who_may_not_call_may_not_search(serve: Serve, upstream: Upstream) -> None:
    config = PLUGIN.format(upstream=upstream.url, expose="search", budget=5000)
    client = await serve(config + 'auth: {service: {tokens: {me: "s3cret-s3cret"}}}\n')
    for answer in (
        await client.get("/searchOperations?query=todo"),
        await client.get("/describeOperation?name=getTodos"),
        await client.post("/callOperation", json={"name": "getTodos"}),
    ):
        assert answer.status == 401


async def test_what_asks_its_user_first_asks_through_a_call_by_name_too(
    client: Client, upstream: Upstream
) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    }
    for name, arguments, kind in (
        ("deleteTodo", {"username": "ada", "todo_idx": 0}, "input_required"),
        ("getTodos", {"username": "ada"}, "complete"),
    ):
        given = {"name": "callOperation", "arguments": {"name": name, "arguments": arguments}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": given}
        body["params"]["_meta"] = meta
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
        headers["Mcp-Name"] = "callOperation"
        answer = await client.post("/mcp", json=body, headers=headers)
        result = answer.json()["result"]
        assert result["resultType"] == kind
        if kind == "input_required":  # what would be done, not by what
            message = result["inputRequests"]["confirm"]["params"]["message"]
            said = (
                "todo: Delete one todo by its index, counted from 0. Do this? With "
                + json.dumps(arguments, separators=(",", ":"))
            )
            assert message.endswith(said)
    assert [one.method for one in upstream.received] == ["GET"]


@pytest.mark.parametrize(
    "given",
    [
        {"arguments": {"username": "ada"}},
        {"arguments": {"username": "ada", "todo_idx": "first"}},
        {"arguments": {"username": "ada", "todo_idx": 0, "more": 1}},
        {"arguments": {}},
        {},
        {"arguments": 7},
    ],
)
async def test_what_could_not_be_called_by_name_is_told_before_anybody_is_asked(
    client: Client, given: dict[str, object]
) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    }
    call = {"name": "callOperation", "arguments": {"name": "deleteTodo", **given}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    headers["Mcp-Name"] = "callOperation"
    result = (await client.post("/mcp", json=body, headers=headers)).json()["result"]
    assert result["isError"]
    assert json.loads(result["content"][0]["text"])["code"] == "bad_arguments"


async def test_hundreds_of_operations_cost_no_more_than_a_few(specs: Path, tmp_path: Path) -> None:
    config = f"""
        plugin: stripe
        spec: {specs / "stripe_2023-09.yaml"}
        upstream: {{url: "https://api.stripe.com"}}
        expose: search
        operations: all
    """
    file = tmp_path / "stripe.yaml"
    file.write_text(dedent(config))
    plugin = await load_plugin(read_configs([file], {})[0])
    assert len(plugin.chosen) > 450
    assert count(of_plugin(plugin.shown, tools_of(plugin.shown)).listed) < 1000
    assert plugin.catalog is not None
    for query, name in (
        ("create a customer", "PostCustomers"),
        ("refund a charge", "PostChargesChargeRefund"),
        ("list invoices", "GetInvoices"),
        ("cancel a subscription", "DeleteSubscriptionsSubscriptionExposedId"),
        ("account balance", "GetBalance"),
    ):
        assert name in [one.name for one in plugin.catalog.search(query)[:FOUND]]
