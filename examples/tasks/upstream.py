"""A task manager: what a REST API by the book answers, kept in memory.

201 with a Location for what is made, 204 for what is deleted, 404 for what is not there, 422 with
the field's name for what does not fit. The key stands in the header X-Api-Key.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from aiohttp import web

PORT = 5005
KEY = "demo-tasks-key"
STATES = ("open", "doing", "done")
MAX_TASKS = 1000

TASKS = web.AppKey("tasks", dict[int, dict[str, Any]])


class Wrong(Exception):
    """A field does not fit."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.body = {"error": "validation_failed", "field": name, "message": message}


async def list_tasks(request: web.Request) -> web.Response:
    """All tasks, or those of one state."""
    state, tasks = request.query.get("status"), request.app[TASKS].values()
    found = [task for task in tasks if state in (None, task["status"])]
    return web.json_response({"tasks": found, "count": len(found)})


async def create_task(request: web.Request) -> web.Response:
    """Make a task from a title and perhaps a status and a due date."""
    tasks = request.app[TASKS]
    body = await _body(request)
    if "title" not in body:
        raise Wrong("title", "is required")
    if len(tasks) >= MAX_TASKS:
        raise Wrong("title", "the list is full")
    number = max(tasks, default=0) + 1
    tasks[number] = {"id": number, "title": "", "status": "open", "due": None, **body}
    headers = {"Location": f"/v1/tasks/{number}"}
    return web.json_response(tasks[number], status=201, headers=headers)


async def get_task(request: web.Request) -> web.Response:
    """One task."""
    return web.json_response(_task(request))


async def change_task(request: web.Request) -> web.Response:
    """Change the fields that are given."""
    task = _task(request)
    task.update(await _body(request))
    return web.json_response(task)


async def delete_task(request: web.Request) -> web.Response:
    """Delete one task."""
    del request.app[TASKS][_task(request)["id"]]
    return web.Response(status=204)


def _task(request: web.Request) -> dict[str, Any]:
    number = request.match_info["id"]
    task = request.app[TASKS].get(int(number) if number.isdecimal() and len(number) < 9 else 0)
    if task is None:
        text = json.dumps({"error": "not_found", "message": f"there is no task {number}"})
        raise web.HTTPNotFound(text=text, content_type="application/json")
    return task


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Wrong("", "the body must be JSON") from None
    if not isinstance(body, dict):
        raise Wrong("", "the body must be an object")
    for name, value in body.items():
        if name not in ("title", "status", "due"):
            raise Wrong(name, "is unknown")
        if name == "title" and not (isinstance(value, str) and value.strip()):
            raise Wrong(name, "must not be blank")
        if name == "status" and value not in STATES:
            raise Wrong(name, f"must be one of {', '.join(STATES)}")
        if name == "due" and not (isinstance(value, str) and len(value) == 10):
            raise Wrong(name, "must be a date such as 2026-01-31")
    return body


@web.middleware
async def by_the_book(request: web.Request, handler: Any) -> web.StreamResponse:
    """Ask for the key; tell what does not fit."""
    if request.headers.get("X-Api-Key") != KEY:
        return web.json_response({"error": "unauthorized"}, status=401)
    try:
        response: web.StreamResponse = await handler(request)
    except Wrong as wrong:
        return web.json_response(wrong.body, status=422)
    return response


def make_app() -> web.Application:
    """The service, with two tasks."""
    app = web.Application(middlewares=[by_the_book], client_max_size=64 * 1024)
    app[TASKS] = {
        1: {"id": 1, "title": "Water the plants", "status": "open", "due": "2026-01-10"},
        2: {"id": 2, "title": "Book the meeting room", "status": "done", "due": None},
    }
    app.router.add_get("/v1/tasks", list_tasks)
    app.router.add_post("/v1/tasks", create_task)
    app.router.add_get("/v1/tasks/{id}", get_task)
    app.router.add_patch("/v1/tasks/{id}", change_task)
    app.router.add_delete("/v1/tasks/{id}", delete_task)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
