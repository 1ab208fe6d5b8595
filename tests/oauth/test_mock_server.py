"""A whole sign-in against a real OAuth server from the package registry, which knows of no relay.

It is npm's oauth2-mock-server, kept in pytest's cache like the servers of tests/upstreams. It
takes any secret and any code, any number of times: what is refused here, the gateway refuses.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.conftest import Client, Serve, Upstream
from tests.upstreams.conftest import free_port, running

SERVER = "oauth2-mock-server@7.2.1"
INSTALL_WITHIN = 240.0
BACK = "https://chatgpt.com/aip/g-abc123/oauth/callback"
SECRET = "the-clients-secret"
pytestmark = pytest.mark.upstreams


@pytest.fixture(scope="module")
def login(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running OAuth server."""
    assert pytestconfig.cache is not None
    script = _installed(pytestconfig.cache.mkdir("upstreams"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(shutil.which("node")), str(script), "-a", "127.0.0.1", "-p", str(port)]
    with running(command, f"{url}/jwks", tmp_path_factory.mktemp("login")):
        yield url


def _installed(kept: Path) -> Path:
    """The server's script; whole or not there, since it is made beside and then renamed."""
    place = kept / SERVER.replace("@", "-")
    script = place / "node_modules" / "oauth2-mock-server" / "dist" / "oauth2-mock-server.js"
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    if script.exists():
        return script
    if os.environ.get("GATEWAY_TEST_OFFLINE") == "1":
        pytest.skip(f"{SERVER} is not installed, and GATEWAY_TEST_OFFLINE=1 is set")
    fresh = kept / f"{place.name}.{os.getpid()}"
    try:
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(fresh))
        subprocess.run(  # noqa: S603 - our own command
            [npm, "install", *options, SERVER],
            check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN,
        )  # fmt: skip
        fresh.rename(place)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        pytest.fail(
            f"{SERVER} cannot be installed. This test needs the package registry, once; "
            f"set GATEWAY_TEST_OFFLINE=1 to skip it.\n{said[-2000:]}",
            pytrace=False,
        )
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return script


CONFIG = """
plugin: todo
contact: a@b.example
upstream: {url: "API"}
auth:
  oauth:
    client_url: LOGIN/authorize
    token_url: LOGIN/token
    client_id: todo-id
    client_secret: "${SECRET}"
    scope: todos
operations:
  getTodos: {call: GET /todos}
"""


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


async def _browser(gateway: Client, url: str, until: str) -> str:
    """Follow redirects as a browser does, up to an address that begins so."""
    for _ in range(5):
        if url.startswith(until):
            return url
        async with gateway.session.get(url, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            url = response.headers["Location"]
    raise AssertionError(url)


async def test_a_platform_signs_in_calls_and_refreshes(
    login: str, serve: Serve, upstream: Upstream
) -> None:
    text = CONFIG.replace("API", upstream.url).replace("LOGIN", login)
    gateway = await serve(text, env={"SECRET": SECRET})
    auth = (await gateway.get("/todo/.well-known/ai-plugin.json")).json()["auth"]
    token_url = auth["authorization_url"].removeprefix(gateway.base)
    assert login not in str(auth)

    async def code() -> str:
        asked = {
            "response_type": "code", "client_id": "todo-id", "scope": auth["scope"],
            "state": "platform's state", "redirect_uri": BACK,
        }  # fmt: skip
        start = f"{auth['client_url']}?{urlencode(asked)}"
        back = _query(await _browser(gateway, start, "https://chatgpt.com/"))
        assert back["state"] == "platform's state"
        return back["code"]

    proof = {"client_id": "todo-id", "client_secret": SECRET}
    given = {
        **proof, "grant_type": "authorization_code", "code": await code(), "redirect_uri": BACK,
    }  # fmt: skip
    response = await gateway.post(token_url, json=given)
    assert response.status == 200, response.body
    token = response.json()
    assert set(token) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert token["token_type"] == "bearer"

    bearer = f"Bearer {token['access_token']}"
    assert (await gateway.get("/todo/todos", headers={"Authorization": bearer})).status == 200
    assert upstream.last.headers["Authorization"] == bearer

    again = {**proof, "grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    response = await gateway.post(token_url, data=again)
    assert response.status == 200, response.body
    assert response.json()["access_token"]

    # What the server itself would take, and the gateway does not.
    refused = [
        (given, "invalid_grant"),  # used
        ({**given, "code": await code(), "client_secret": "wrong"}, "invalid_client"),
        ({**given, "code": await code(), "redirect_uri": BACK + "x"}, "invalid_grant"),
        ({**again, "client_secret": "wrong"}, "invalid_client"),
    ]
    for one, error in refused:
        response = await gateway.post(token_url, json=one)
        assert response.json()["error"] == error
    response = await gateway.get("/todo/oauth/callback?code=x&state=made-up")
    assert response.status == 400
