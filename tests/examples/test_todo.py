"""examples/todo: one list, and the four ways to say who calls."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import Client
from tests.examples.conftest import Parameters, Running, Serving, Start, environment, loaded, seen

ENV = environment("todo")
ADA = {"Authorization": "Bearer demo-key-of-ada"}
GRACE = {"Authorization": "Bearer demo-key-of-grace"}
BACK = "https://chatgpt.com/aip/g-abc123/oauth/callback"


async def manifest(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/.well-known/ai-plugin.json")).json()
    return found


@pytest.fixture
async def members(start: Start) -> Running:
    return await start("todo/members.py")


# --- none -------------------------------------------------------------------------------------


async def test_without_auth_everybody_calls(start: Start, serving: Serving) -> None:
    upstream = await start("todo/upstream.py")
    todo = await serving(loaded("todo/todo.yaml", ENV, upstream.url))
    assert await seen(todo) == {
        "getTodos": Parameters({"username"}, set()),
        "addTodo": Parameters({"username", "todo"}, set()),
        "deleteTodo": Parameters({"username", "todo_idx"}, set()),
    }
    assert (await manifest(todo))["auth"] == {"type": "none"}
    listed = await todo.get("/todos/ada")
    assert listed.json() == {"items": ["write the first program", "buy milk"]}
    made = await todo.post("/todos/ada", json={"todo": "buy bread"})
    assert (made.status, made.json()) == (201, {"todo_idx": 2})
    gone = await todo.post("/call/deleteTodo", json={"username": "ada", "todo_idx": 0})
    assert gone.json() == {"deleted": "write the first program"}
    assert (upstream.last.method, upstream.last.target) == ("DELETE", "/todos/ada")
    assert json.loads(upstream.last.body) == {"todo_idx": 0}
    missing = await todo.request("DELETE", "/todos/ada", json={"todo_idx": 9})
    assert (missing.status, "index" in missing.json()["error"]) == (404, True)


# --- service ----------------------------------------------------------------------------------


async def test_with_a_service_token_only_the_platform_calls(start: Start, serving: Serving) -> None:
    upstream = await start("todo/upstream.py")
    todo = await serving(loaded("todo/todo_service.yaml", ENV, upstream.url))
    said = (await manifest(todo))["auth"]
    assert said == {
        "type": "service_http",
        "authorization_type": "bearer",
        "verification_tokens": {"openai": "from-the-platform"},
    }
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Basic eDp5"}):
        refused = await todo.get("/todos/ada", headers=headers)
        assert (refused.status, refused.json()["code"]) == (401, "unauthorized")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert upstream.received == []
    token = {"Authorization": f"Bearer {ENV['TODO_SERVICE_TOKEN']}"}
    assert (await todo.get("/todos/ada", headers=token)).status == 200
    assert "Authorization" not in upstream.last.headers  # ours is not the API's
    for path in ("/openapi.yaml", "/.well-known/ai-plugin.json"):
        document = await todo.get(path)  # for everybody
        assert document.status == 200
        assert ENV["TODO_SERVICE_TOKEN"] not in document.body.decode()


# --- user -------------------------------------------------------------------------------------


async def test_with_user_keys_everybody_has_his_own_list(
    members: Running, serving: Serving
) -> None:
    todo = await serving(loaded("todo/todo_user.yaml", ENV, members.url))
    said = (await manifest(todo))["auth"]
    assert (said["type"], said["authorization_type"]) == ("user_http", "bearer")
    refused = await todo.get("/todos")
    assert (refused.status, refused.json()["code"], members.received) == (401, "unauthorized", [])
    assert (await todo.get("/todos", headers=ADA)).json() == {"items": ["write the first program"]}
    assert members.last.headers["Authorization"] == ADA["Authorization"]
    await todo.post("/todos", json={"todo": "sleep"}, headers=GRACE)
    assert (await todo.get("/todos", headers=GRACE)).json()["items"][-1] == "sleep"
    assert (await todo.get("/todos", headers=ADA)).json() == {"items": ["write the first program"]}


async def test_a_key_that_the_api_does_not_know_is_refused_by_the_api(
    members: Running, serving: Serving
) -> None:
    todo = await serving(loaded("todo/todo_user.yaml", ENV, members.url))
    refused = await todo.get("/todos", headers={"Authorization": "Bearer nobodys-key"})
    assert (refused.status, refused.json()) == (401, {"error": "the key is missing or not known"})


# --- oauth ------------------------------------------------------------------------------------


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_with_oauth_the_manifest_names_addresses_of_the_plugins_own_domain(
    members: Running, serving: Serving
) -> None:
    todo = await serving(loaded("todo/todo_oauth.yaml", ENV, members.url))
    said = (await manifest(todo))["auth"]
    assert said["type"] == "oauth"
    for key in ("client_url", "authorization_url"):
        assert said[key].startswith(todo.base + "/oauth/")
    assert said["verification_tokens"] == {"openai": "from-the-platform"}
    assert ENV["TODO_CLIENT_SECRET"] not in json.dumps(said)


@pytest.mark.parametrize("verifier", ["", "v" * 43])
async def test_a_sign_in_from_the_platform_to_the_list(
    members: Running, serving: Serving, verifier: str
) -> None:
    todo = await serving(loaded("todo/todo_oauth.yaml", ENV, members.url))
    asked = f"response_type=code&client_id=todo-plugin&state=s1&redirect_uri={BACK}"
    if verifier:
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        asked += f"&code_challenge={challenge}&code_challenge_method=S256"
    to_login = await todo.get(f"/oauth/authorize?{asked}")
    assert to_login.status == 302
    assert to_login.headers["Location"].startswith(f"{members.url}/login?")

    async with todo.session.get(to_login.headers["Location"], allow_redirects=False) as response:
        callback = response.headers["Location"]
    assert callback.startswith(f"{todo.base}/oauth/callback?")
    to_platform = await todo.get(callback.removeprefix(todo.base))
    assert to_platform.headers["Location"].startswith(BACK)
    given = parameters(to_platform.headers["Location"])
    assert given["state"] == "s1"

    grant = {
        "grant_type": "authorization_code",
        "client_id": "todo-plugin",
        "client_secret": ENV["TODO_CLIENT_SECRET"],
        "code": given["code"],
        "redirect_uri": BACK,
        **({"code_verifier": verifier} if verifier else {}),
    }
    answer = await todo.post("/oauth/token", data=grant)
    assert answer.status == 200, answer.body
    token = answer.json()["access_token"]
    listed = await todo.get("/todos", headers={"Authorization": f"Bearer {token}"})
    assert listed.json() == {"items": ["write the first program"]}
    again = await todo.post("/oauth/token", data=grant)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")

    grant = {**grant, "grant_type": "refresh_token", "refresh_token": "demo-refresh-token"}
    assert (await todo.post("/oauth/token", data=grant)).json()["access_token"] == token


async def test_without_a_token_or_with_a_wrong_one_the_list_is_shut(
    members: Running, serving: Serving
) -> None:
    todo = await serving(loaded("todo/todo_oauth.yaml", ENV, members.url))
    assert (await todo.get("/todos")).status == 401
    assert members.received == []
    wrong = await todo.get("/todos", headers={"Authorization": "Bearer stale"})
    assert (wrong.status, wrong.json()) == (401, {"error": "the key is missing or not known"})


async def test_the_sign_in_sends_browsers_to_the_platform_only(
    members: Running, serving: Serving
) -> None:
    todo = await serving(loaded("todo/todo_oauth.yaml", ENV, members.url))
    asked = "response_type=code&client_id=todo-plugin&state=s1"
    refused = await todo.get(f"/oauth/authorize?{asked}&redirect_uri=https://evil.example/x")
    assert (refused.status, "Location" in refused.headers) == (400, False)
    wrong = {"grant_type": "authorization_code", "client_id": "todo-plugin", "client_secret": "x"}
    refused = await todo.post("/oauth/token", data=wrong)
    assert (refused.status, refused.json()["error"]) == (401, "invalid_client")
    assert members.received == []
