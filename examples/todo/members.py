"""The todo list for members: everybody has a key, and the key says whose list it is.

GET, POST and DELETE on /todos with `Authorization: Bearer KEY`. A member may also sign in at
/login (OAuth's authorization code, with PKCE where the client asks for it); then the key comes
from /token. A real login would ask who you are; this one signs everybody in as ada.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

PORT = 5013
KEYS = {"demo-key-of-ada": "ada", "demo-key-of-grace": "grace"}
CLIENT = ("todo-plugin", "demo-client-secret")
MAX_TODOS = 100

TODOS = web.AppKey("todos", dict[str, list[str]])
CODES = web.AppKey("codes", dict[str, tuple[str, str]])  # redirect_uri and PKCE's challenge


# --- the list ---------------------------------------------------------------------------------


async def get_todos(request: web.Request) -> web.Response:
    """The member's list."""
    return web.json_response(_list(request))


async def add_todo(request: web.Request) -> web.Response:
    """Add `{"todo": TEXT}` at the end."""
    todo, todos = (await _body(request)).get("todo"), _list(request)
    if not isinstance(todo, str) or not 1 <= len(todo) <= 200:
        return _error(400, "todo must be a text of 1 to 200 characters")
    if len(todos) >= MAX_TODOS:
        return _error(409, "the list is full")
    todos.append(todo)
    return web.json_response({"todo_idx": len(todos) - 1}, status=201)


async def delete_todo(request: web.Request) -> web.Response:
    """Delete `{"todo_idx": NUMBER}`, counted from 0."""
    index, todos = (await _body(request)).get("todo_idx"), _list(request)
    if type(index) is not int or not 0 <= index < len(todos):
        return _error(404, "there is no todo with this index")
    return web.json_response({"deleted": todos.pop(index)})


def _list(request: web.Request) -> list[str]:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or key not in KEYS:
        text = json.dumps({"error": "the key is missing or not known"})
        raise web.HTTPUnauthorized(text=text, content_type="application/json")
    return request.app[TODOS].setdefault(KEYS[key], [])


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object of the request; anything else is an empty one."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


# --- the sign-in ------------------------------------------------------------------------------


async def login(request: web.Request) -> web.Response:
    """Send the browser back with a code."""
    query, codes = request.query, request.app[CODES]
    if query.get("client_id") != CLIENT[0] or not query.get("redirect_uri"):
        return _error(400, "client_id or redirect_uri is missing or wrong")
    code = f"code-{len(codes) + 1}"
    codes[code] = (query["redirect_uri"], query.get("code_challenge", ""))
    back = urlencode({"code": code, "state": query.get("state", "")})
    return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{back}"})


async def token(request: web.Request) -> web.Response:
    """Give the member's key for a code, once, or for a refresh token."""
    given = await request.post()
    if (given.get("client_id"), given.get("client_secret")) != CLIENT:
        return _error(401, "invalid_client")
    if given.get("grant_type") == "refresh_token":
        good = given.get("refresh_token") == "demo-refresh-token"
    else:
        redirect_uri, challenge = request.app[CODES].pop(str(given.get("code")), ("", ""))
        digest = hashlib.sha256(str(given.get("code_verifier", "")).encode()).digest()
        answers = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        good = bool(redirect_uri) and given.get("redirect_uri") == redirect_uri
        good = good and (answers or not challenge)
    if not good:
        return _error(400, "invalid_grant")
    answer = {"access_token": "demo-key-of-ada", "token_type": "bearer"}
    more = {"refresh_token": "demo-refresh-token", "expires_in": 3600}
    return web.json_response({**answer, **more}, headers={"Cache-Control": "no-store"})


def make_app() -> web.Application:
    """The service, with two members."""
    app = web.Application(client_max_size=64 * 1024)
    app[TODOS] = {"ada": ["write the first program"], "grace": ["find the moth"]}
    app[CODES] = {}
    app.router.add_get("/todos", get_todos)
    app.router.add_post("/todos", add_todo)
    app.router.add_delete("/todos", delete_todo)
    app.router.add_get("/login", login)
    app.router.add_post("/token", token)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
