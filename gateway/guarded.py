"""The only way out: connections to addresses that were looked at after the name was resolved.

What an operator wrote is trusted, private addresses too: a sidecar's service lives on one. But a
name is only as good as what it leads to today. So every address is judged where the connection is
made, behind the resolver, where no name can change its mind any more:

- never: link-local addresses, where clouds keep their machines' credentials (169.254.169.254 and
  its kin), and what is no host at all (unspecified, multicast, reserved, broadcast);
- private, loopback and shared addresses: only of names and addresses that the operator wrote, and
  of these only while none of their addresses has ever been public: a name that moves from
  outside to inside is being rebound;
- public addresses: as they are.

An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is what it carries.
Which names are asked for at all is not this module's matter: everything else in the gateway
follows nothing but the operator's own origins. This is what holds if one of them fails to.

Source: IANA's special-purpose address registries (RFC 6890), RFC 4291 §2.5.5, RFC 6052.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

T = TypeVar("T")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Clouds' own addresses outside of link-local: Alibaba's metadata, AWS's over IPv6, Azure's host.
_CLOUDS = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254", "168.63.129.16"))
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MOST = 1024  # names whose addresses are remembered; an operator writes a handful


class AddressRefused(OSError):
    """An address that nobody may be sent to."""


def address_of(text: str) -> Address | None:
    """An IP address as text, its zone left out; what it carries, if it is a wrapping."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        carried = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        if address in _NAT64:
            carried = ipaddress.IPv4Address(address.packed[-4:])
        return carried or address
    return address


def is_never(address: Address) -> bool:
    """Whether nobody may be sent to an address, whoever wrote it as a name."""
    return (
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or (address.is_reserved and not address.is_loopback)
        or str(address) == "255.255.255.255"
        or address in _CLOUDS
    )


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:  # no URL: whoever asks for it will say so
        return ""


class Guard:
    """What the operator wrote, and where its names have led so far."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._hosts = set(map(_host, urls)) - {""}
        self._literal = {one for host in self._hosts if (one := address_of(host))}
        self._public: set[str] = set()  # names that have led outside
        self._resolved: set[Address] = set()  # private addresses that the names may lead to

    def admit(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Of what a name resolves to, what may be connected to.

        Raises: AddressRefused, where nothing is left.
        """
        name = host.lower().rstrip(".")
        found = {text: address_of(text) for text in addresses}
        fit = {text: one for text, one in found.items() if one is not None and not is_never(one)}
        if not fit:
            raise AddressRefused(f"{host} leads to an address that is never asked")
        public = [text for text, one in fit.items() if one.is_global]
        if public and len(self._public) < _MOST:
            self._public.add(name)
        if name in self._hosts and name not in self._public:
            self._resolved |= set(fit.values())
            return list(fit)
        if not public:
            raise AddressRefused(
                f"{host} leads to an internal address, which its operator did not write"
            )
        return public

    def check(self, text: str) -> None:
        """Judge an address as a connection is made to it. Raises: AddressRefused."""
        address = address_of(text)
        if address in self._literal:
            return  # the operator wrote this very address
        if address is None or is_never(address):
            raise AddressRefused(f"{text} is an address that is never asked")
        if not address.is_global and address not in self._resolved:
            raise AddressRefused(f"{text} is an internal address, which its operator did not write")


class _Resolver(AbstractResolver):
    """A resolver that gives only what may be connected to."""

    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name. Raises: OSError, AddressRefused."""
        found = await self._inner.resolve(host, port, family)
        fit = set(self._guard.admit(host, [one["host"] for one in found]))
        return [one for one in found if one["host"] in fit]

    async def close(self) -> None:
        """Close the resolver below."""
        await self._inner.close()


class _Lookups:
    """What aiohttp's resolver asks of a loop, in a thread for each.

    uvloop looks up two names at once, asyncio as many as it has threads for everything: names whose
    server is silent would keep all others waiting, and with them the calls of other plugins.
    aiohttp looks a name up once at a time, so no more threads are made than there are such names.
    """

    async def getaddrinfo(self, *args: Any, **hints: Any) -> Any:
        return await _in_thread(lambda: socket.getaddrinfo(*args, **hints))

    async def getnameinfo(self, *args: Any) -> Any:
        return await _in_thread(lambda: socket.getnameinfo(*args))


async def _in_thread(ask: Callable[[], T]) -> T:
    """What a lookup brings. Nobody waits for its thread, at the end of the process neither."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def settle(give: Callable[[Any], None], what: Any) -> None:
        if not found.done():
            give(what)

    def run() -> None:
        give: tuple[Callable[[Any], None], Any]
        try:
            give = found.set_result, ask()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            give = found.set_exception, error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, *give)

    threading.Thread(target=run, name="lookup", daemon=True).start()
    return await found


def _system() -> AbstractResolver:
    return aiohttp.ThreadedResolver(cast("asyncio.AbstractEventLoop", _Lookups()))


def connector(
    urls: Iterable[str], *, resolver: AbstractResolver | None = None, **settings: Any
) -> aiohttp.TCPConnector:
    """A connector to what an operator wrote, and to public addresses.

    Args:
        urls: All that the operator wrote for this use.
        resolver: By default the system's.
        settings: Of `aiohttp.TCPConnector`.
    """
    guard = Guard(urls)

    def open_socket(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, where = info
        guard.check(where[0])
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=_Resolver(guard, resolver or _system()),
        socket_factory=open_socket,
        **settings,
    )
