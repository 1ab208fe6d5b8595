"""A todo list as a small web service: what `todo.yaml` turns into a plugin.

GET, POST and DELETE on /todos/{username}, JSON in and out, kept in memory. It has no OpenAPI
document, and it knows nothing of language models.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from aiohttp import web

PORT = 5003
MAX_PEOPLE = 1000
MAX_TODOS = 100  # of one person

TODOS = web.AppKey("todos", dict[str, list[str]])


async def get_todos(request: web.Request) -> web.Response:
    """The list, empty for somebody unknown."""
    return web.json_response(request.app[TODOS].get(request.match_info["username"], []))


async def add_todo(request: web.Request) -> web.Response:
    """Add `{"todo": TEXT}` at the end."""
    todo = (await _body(request)).get("todo")
    if not isinstance(todo, str) or not 1 <= len(todo) <= 200:
        return _error(400, "todo must be a text of 1 to 200 characters")
    people, name = request.app[TODOS], request.match_info["username"]
    if len(people.get(name, ())) >= MAX_TODOS or (name not in people and len(people) >= MAX_PEOPLE):
        return _error(409, "the list is full")
    people.setdefault(name, []).append(todo)
    return web.json_response({"todo_idx": len(people[name]) - 1}, status=201)


async def delete_todo(request: web.Request) -> web.Response:
    """Delete `{"todo_idx": NUMBER}`, counted from 0."""
    index = (await _body(request)).get("todo_idx")
    people, name = request.app[TODOS], request.match_info["username"]
    if type(index) is not int or not 0 <= index < len(people.get(name, ())):
        return _error(404, "there is no todo with this index")
    deleted = people[name].pop(index)
    if not people[name]:
        del people[name]
    return web.json_response({"deleted": deleted})


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object of the request; anything else is an empty one."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


def make_app() -> web.Application:
    """The service, with one list to look at."""
    app = web.Application(client_max_size=64 * 1024)
    app[TODOS] = {"ada": ["write the first program", "buy milk"]}
    app.router.add_get("/todos/{username}", get_todos)
    app.router.add_post("/todos/{username}", add_todo)
    app.router.add_delete("/todos/{username}", delete_todo)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
