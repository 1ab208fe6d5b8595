"""The upstream of examples/todo, for itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

FILE = Path(__file__).resolve().parent.parent.parent / "examples" / "todo" / "upstream.py"


@pytest.fixture(scope="module")
def upstream() -> ModuleType:
    spec = importlib.util.spec_from_file_location("todo_upstream", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def todo(aiohttp_client: Any, upstream: ModuleType) -> TestClient[Any, Any]:
    client: TestClient[Any, Any] = await aiohttp_client(upstream.make_app())
    return client


async def listed(todo: TestClient[Any, Any], name: str) -> Any:
    async with todo.get(f"/todos/{name}") as response:
        return await response.json()


async def test_what_is_added_is_listed_last_and_can_be_deleted(
    todo: TestClient[Any, Any],
) -> None:
    before = await listed(todo, "ada")
    async with todo.post("/todos/ada", json={"todo": "buy bread"}) as response:
        assert (response.status, await response.json()) == (201, {"todo_idx": len(before)})
    assert await listed(todo, "ada") == [*before, "buy bread"]
    async with todo.delete("/todos/ada", json={"todo_idx": 0}) as response:
        assert (response.status, await response.json()) == (200, {"deleted": before[0]})
    assert await listed(todo, "ada") == [*before[1:], "buy bread"]


async def test_everybody_has_a_list_of_his_own(todo: TestClient[Any, Any]) -> None:
    assert await listed(todo, "grace") == []
    await todo.post("/todos/grace", json={"todo": "sleep"})
    assert await listed(todo, "grace") == ["sleep"]
    assert "sleep" not in await listed(todo, "ada")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"todo": ""}', b'{"todo": 1}', b"[" * 50000])
async def test_a_todo_that_is_none_is_refused(todo: TestClient[Any, Any], body: bytes) -> None:
    async with todo.post("/todos/ada", data=body) as response:
        assert (response.status, set(await response.json())) == (400, {"error"})


@pytest.mark.parametrize("index", [-1, 2, "0", True, None])
async def test_an_index_that_is_none_is_not_found(todo: TestClient[Any, Any], index: Any) -> None:
    async with todo.delete("/todos/ada", json={"todo_idx": index}) as response:
        assert response.status == 404


async def test_a_list_is_bounded(todo: TestClient[Any, Any], upstream: ModuleType) -> None:
    for _ in range(upstream.MAX_TODOS):
        async with todo.post("/todos/grace", json={"todo": "more"}) as response:
            assert response.status == 201
    async with todo.post("/todos/grace", json={"todo": "more"}) as response:
        assert response.status == 409
    async with todo.post("/todos/ada", json={"todo": "more"}) as response:
        assert response.status == 201


async def test_the_number_of_lists_is_bounded(
    todo: TestClient[Any, Any], upstream: ModuleType
) -> None:
    todo.app[upstream.TODOS].update({str(n): ["x"] for n in range(upstream.MAX_PEOPLE)})
    async with todo.post("/todos/grace", json={"todo": "more"}) as response:
        assert response.status == 409
