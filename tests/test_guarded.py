"""Nobody is sent to an address that the operator did not write."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.guarded import AddressRefused, Guard, address_of, connector
from tests.conftest import Upstream

NEVER = [
    "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1",  # noqa: S104 - asked for, not bound
    "ff02::1", "255.255.255.255", "240.0.0.1", "100.100.100.200", "fd00:ec2::254",
    "168.63.129.16", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
]  # fmt: skip
INTERNAL = [
    "127.0.0.1", "127.8.8.8", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]


@pytest.mark.parametrize("text", NEVER)
def test_some_addresses_are_never_asked(text: str) -> None:
    guard = Guard(["https://api.example"])
    for host in ("api.example", "other.example"):
        with pytest.raises(AddressRefused, match="an address that is never asked"):
            guard.admit(host, [text])
    with pytest.raises(AddressRefused):
        guard.check(text)


@pytest.mark.parametrize("text", INTERNAL)
def test_an_internal_address_is_for_names_of_the_operator(text: str) -> None:
    guard = Guard(["http://service.internal:8080/v1"])
    with pytest.raises(AddressRefused, match="an internal address, which its operator"):
        guard.admit("other.example", [text])
    with pytest.raises(AddressRefused, match="an internal address"):
        guard.check(text)
    assert guard.admit("service.internal", [text]) == [text]
    guard.check(text)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_asked(text: str) -> None:
    guard = Guard([])
    assert guard.admit("anything.example", [text]) == [text]
    guard.check(text)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5003", "http://[::1]:5003", "http://10.1.2.3/v1"]
)
def test_an_address_that_the_operator_wrote_may_be_asked(url: str) -> None:
    host = url.split("//")[1].rsplit(":", 1)[0].split("/")[0]
    guard = Guard([url])
    guard.check(host.strip("[]"))
    with pytest.raises(AddressRefused):
        guard.check("10.9.9.9")


def test_a_metadata_address_that_the_operator_wrote_is_his_own_choice() -> None:
    Guard(["http://169.254.169.254/latest"]).check("169.254.169.254")


@pytest.mark.parametrize("name", ["api.example", "API.example."])
def test_a_name_that_was_outside_never_leads_inside(name: str) -> None:
    guard = Guard(["https://api.example"])
    guard.admit("api.example", [PUBLIC[0]])
    with pytest.raises(AddressRefused, match="leads to an internal address"):
        guard.admit(name, ["10.0.0.1"])
    assert guard.admit(name, ["10.0.0.1", PUBLIC[0], "127.0.0.1"]) == [PUBLIC[0]]
    with pytest.raises(AddressRefused):
        guard.check("10.0.0.1")


def test_what_is_no_address_is_refused() -> None:
    assert address_of("localhost") is None
    with pytest.raises(AddressRefused):
        Guard([]).check("localhost")


# --- on the wire ------------------------------------------------------------------------------


class Names(AbstractResolver):
    """Name servers that answer what they are told to, one answer after the other."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = answers

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert family is not None
        given = self.answers[host.partition(".")[0]]
        text = given.pop(0) if len(given) > 1 else given[0]
        return [
            ResolveResult(
                hostname=host, host=text, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def port(upstream: Upstream) -> int:
    return int(upstream.url.rsplit(":", 1)[1])


async def asked(urls: list[str], url: str, **names: list[str]) -> int:
    """The status of a GET through the guard."""
    guarded = connector(urls, resolver=Names(**names), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=guarded) as client, client.get(url) as response:
        return response.status


async def test_a_name_that_nobody_wrote_does_not_lead_to_the_loopback(
    upstream: Upstream, port: int
) -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await asked(["http://api.example"], f"http://evil.example:{port}/", evil=["127.0.0.1"])
    assert upstream.received == []
    mine = f"http://mine.example:{port}/"
    assert await asked([mine], mine, mine=["127.0.0.1"]) == 200


async def test_an_address_instead_of_a_name_is_judged_as_well(
    upstream: Upstream, port: int
) -> None:
    for host in ("127.0.0.1", "[::ffff:127.0.0.1]"):
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked(["http://api.example"], f"http://{host}:{port}/")
    assert upstream.received == []
    assert await asked([upstream.url], upstream.url) == 200


async def test_a_name_is_not_rebound(upstream: Upstream, port: int) -> None:
    names = Names(api=["192.0.0.9", "127.0.0.1"])  # the first is public, and answers nobody
    guarded = connector([f"http://api.example:{port}"], resolver=names, use_dns_cache=False)
    quick = aiohttp.ClientTimeout(total=0.3)
    async with aiohttp.ClientSession(connector=guarded) as client:
        for _ in range(2):
            with pytest.raises((aiohttp.ClientConnectorError, TimeoutError)):
                await client.get(f"http://api.example:{port}/", timeout=quick)
    assert upstream.received == []


async def test_a_redirect_to_an_internal_address_is_not_followed_even_by_the_client(
    upstream: Upstream, port: int
) -> None:
    async def away(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://evil.example:{port}/x"})

    upstream.answer = away
    with pytest.raises(aiohttp.ClientConnectorError):
        await asked([upstream.url], upstream.url, evil=["127.0.0.2"])
    assert len(upstream.received) == 1
