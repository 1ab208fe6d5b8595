"""examples/tasks: what an upstream says of a write reaches the model as it was said."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Client
from tests.examples.conftest import Parameters, Running, Serving, Start, environment, loaded, seen


@pytest.fixture
async def upstream(start: Start) -> Running:
    return await start("tasks/upstream.py")


@pytest.fixture
async def tasks(upstream: Running, serving: Serving) -> Client:
    return await serving(loaded("tasks/tasks.yaml", environment("tasks"), upstream.url))


async def test_a_model_sees_five_operations(tasks: Client) -> None:
    fields = {"title", "status", "due"}
    assert await seen(tasks) == {
        "listTasks": Parameters(set(), {"status"}),
        "createTask": Parameters({"title"}, {"status", "due"}),
        "getTask": Parameters({"id"}, set()),
        "changeTask": Parameters({"id"}, fields),
        "deleteTask": Parameters({"id"}, set()),
    }


async def test_only_deleting_is_consequential(tasks: Client) -> None:
    document = (await tasks.get("/openapi.json")).json()
    said = {
        one["operationId"]: one["x-openai-isConsequential"]
        for path in document["paths"].values()
        for one in path.values()
    }
    assert [name for name, consequential in said.items() if consequential] == ["deleteTask"]
    assert len(said) == 6  # with getMore


async def test_a_task_is_made_changed_and_deleted(tasks: Client, upstream: Running) -> None:
    made = await tasks.post("/v1/tasks", json={"title": "Buy tea"})
    assert made.status == 201
    assert made.headers["Location"] == "/v1/tasks/3"
    assert upstream.last.headers["X-Api-Key"] == "demo-tasks-key"
    assert json.loads(upstream.last.body) == {"title": "Buy tea"}

    where = made.headers["Location"]
    assert (await tasks.get(where)).json() == made.json()
    changed = await tasks.request("PATCH", where, json={"status": "done"})
    assert (changed.status, changed.json()["status"]) == (200, "done")
    assert (upstream.last.method, upstream.last.target) == ("PATCH", "/v1/tasks/3")
    listed = await tasks.get("/v1/tasks?status=done")
    assert [task["id"] for task in listed.json()["tasks"]] == [2, 3]

    deleted = await tasks.request("DELETE", where)
    assert (deleted.status, deleted.body) == (204, b"")
    missing = await tasks.get(where)
    assert (missing.status, missing.json()["message"]) == (404, "there is no task 3")
    assert (await tasks.request("DELETE", where)).status == 404


async def test_a_location_at_the_shared_root_leads_to_the_plugin(
    tasks: Client, serving: Serving, upstream: Running, start: Start
) -> None:
    weather = loaded("weather/weather.yaml", environment("weather"), upstream.url)
    own = loaded("tasks/tasks.yaml", environment("tasks"), upstream.url)
    both = await serving(own, weather)
    made = await both.post("/tasks/v1/tasks", json={"title": "Buy tea"})
    assert made.headers["Location"] == "/tasks/v1/tasks/3"
    assert (await both.get(made.headers["Location"])).json()["title"] == "Buy tea"


async def test_what_does_not_fit_is_told_in_the_apis_words(tasks: Client) -> None:
    answer = await tasks.request("PATCH", "/v1/tasks/1", json={"title": " "})
    assert (answer.status, answer.json()["field"]) == (422, "title")


async def test_what_the_spec_rules_out_never_gets_there(tasks: Client) -> None:
    answer = await tasks.request("PATCH", "/v1/tasks/1", json={"status": "later"})
    assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")
    assert "'status' expected one of 'open', 'doing', 'done'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "target", "body", "said"),
    [
        ("POST", "/v1/tasks", {}, "title"),
        ("POST", "/v1/tasks", {"title": "x", "owner": "me"}, "owner"),
        ("PATCH", "/v1/tasks/%2E%2E", {"title": "x"}, ""),
        ("DELETE", "/call/deleteTask", None, ""),
    ],
)
async def test_a_call_that_cannot_be_right_never_reaches_the_api(
    tasks: Client, upstream: Running, method: str, target: str, body: object, said: str
) -> None:
    answer = await tasks.request(method, target, json=body)
    assert answer.status in (400, 404, 405)
    assert said in answer.body.decode()
    assert upstream.received == []
