"""The operator's address: what it says, and to whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from click.testing import CliRunner

from gateway.admin import Address, Admin, address_of
from gateway.cli import main
from gateway.cli.serving import PAGES
from gateway.telemetry.counts import Counts

STATE = {"ready": False, "plugins": {"one": {"ready": True, "mistakes": ["one.yaml:1:1: no"]}}}


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    counts = Counts()
    counts.of("one", "getIt").ended("ok", "http", 0.1, 3, "", (5, 3), 5)
    server = Admin(lambda: (STATE["ready"] is True, STATE), counts.snapshot, PAGES)
    await server.start(Address("127.0.0.1", 0))
    yield server
    await server.close()


async def ask(
    admin: Admin, path: str, method: str = "GET", **headers: str
) -> tuple[int, aiohttp.ClientResponse, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, admin.url + path, headers=headers) as response,
    ):
        return response.status, response, await response.read()


async def test_what_there_is(admin: Admin) -> None:
    assert await body(admin, "/healthz") == (200, {"alive": True})
    assert await body(admin, "/readyz") == (503, STATE)
    assert (await body(admin, "/nothing"))[0] == 404
    assert (await body(admin, "/"))[1] == {"here": ["/healthz", "/readyz", "/metrics", "/report"]}
    status, response, text = await ask(admin, "/metrics")
    assert status == 200
    assert response.content_type == "text/plain"
    assert b'gateway_calls_total{operation="getIt"' in text
    _, response, _ = await ask(admin, "/report", Accept="text/html")
    assert response.content_type == "text/html"
    _, response, text = await ask(admin, "/report", Accept="application/json")
    assert "one" in json.dumps(json.loads(text))


async def body(admin: Admin, path: str) -> tuple[int, object]:
    status, _, text = await ask(admin, path)
    return status, json.loads(text)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_changed(admin: Admin, method: str) -> None:
    status, response, _ = await ask(admin, "/metrics", method)
    assert (status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_no_page_may_read_it_under_a_name_of_its_own(admin: Admin) -> None:
    """DNS rebinding: a page's own name is made to point at the loopback address."""
    for host in ("evil.example", "evil.example:9090", "127.0.0.1.evil.example", ""):
        for path in ("/metrics", "/readyz", "/nothing"):
            assert (await ask(admin, path, Host=host))[0] == 403, host
    for host in ("localhost:9090", "127.0.0.1", "[::1]:9090", "a.localhost"):
        status, response, _ = await ask(admin, "/metrics", Host=host, Origin="https://chatgpt.com")
        assert status == 200, host
        assert not [name for name in response.headers if name.lower().startswith("access-control")]


async def test_elsewhere_than_at_the_loopback_any_name_may_mean_it() -> None:
    server = Admin(lambda: (True, {}), Counts().snapshot, PAGES)
    await server.start(Address("0.0.0.0", 0))  # noqa: S104 - what is tested
    server.url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    try:
        assert (await ask(server, "/metrics", Host="gateway.monitoring.svc"))[0] == 200
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("127.0.0.1:9090", Address("127.0.0.1", 9090)),
        ("[::1]:1", Address("::1", 1)),
        ("localhost:0", Address("localhost", 0)),
        ("no", None),
    ],
)
def test_an_address(text: str, means: Address | None) -> None:
    assert address_of(text) == means


@pytest.mark.parametrize("text", ["", "9090", ":9090", "::1:9090", "a:70000", "http://a:1", "off"])
def test_what_is_no_address_is_told(text: str, tmp_path: object) -> None:
    result = CliRunner().invoke(main, ["serve", str(tmp_path), "--admin", text])
    assert result.exit_code == 2
    assert "HOST:PORT" in result.stderr
