"""The composition root: opens and closes everything, and brings plugins up.

`Gateway` owns the listening socket, the store, one pooled client per plugin and the background
tasks. A plugin whose spec cannot be had yet does not stop the others: it answers 503 with the
reason while the fetch is tried again (a sidecar starts before its service).
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import ipaddress
import logging
import mimetypes
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from aiohttp import web

from gateway.caching.flights import Flights
from gateway.caching.stores import store_of
from gateway.caching.stores.handles import SharedHandles
from gateway.config import Loaded, types
from gateway.connections import server_of
from gateway.errors import GatewayError, Mistake, Mistakes, SpecError, SpecUnavailable
from gateway.faces.mcp import Confirmations, key_of, sent_twice
from gateway.guarded import connector
from gateway.oauth import Relay, relay_of
from gateway.pipeline import HANDLE_BYTES, Mask, Shared, plans
from gateway.plugin import Files, Operation, Plugin, build
from gateway.profiles import PROFILES, fitted, halved
from gateway.proxy import CHAT_ORIGINS, MAX_BODY, MAX_CALLS, Door, Fit, Site, site_of
from gateway.references import WantedError
from gateway.request import prove
from gateway.servers import why_never
from gateway.shrinking import count
from gateway.spec.parts import Library
from gateway.spec.source import Progress, Source, fetch

log = logging.getLogger("gateway")

# For the first try to get a spec: the others are served meanwhile.
FIRST_WAIT = 5.0
WAITING = "its API's description cannot be had yet"
# Between two tries to get a spec: each pause is a fifth longer than the one before, so that a
# plugin is there at most a fifth later than what it waited for (kubelet probes every 10 s, for
# comparison). Doubled, as most back-offs are, a service that takes 16 s is found after 31 s.
FIRST_RETRY, GROWTH, LAST_RETRY = 1.0, 1.2, 60.0
# To one upstream at once. nginx keeps 512 connections a worker in all, aiohttp 100 a client.
MAX_CONNECTIONS = 256
# Servers commonly close idle connections after 5 s (node.js) or more; we close first.
KEEPALIVE = 4.0
STORE_BYTES = 64 * 1024 * 1024
MAX_LOGO = 1024 * 1024
# Between two times that free memory is given back: some milliseconds each, in which whoever wants
# memory waits.
TRIM_SECONDS = 30.0
# For calls in flight. `docker stop` kills after 10 s, Kubernetes after 30 s.
SHUTDOWN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of the process; `serve` has an option for each."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    state: Path | None = None
    store: str = ""
    store_key: str = ""
    max_body: int = MAX_BODY
    max_calls: int = MAX_CALLS


async def load_plugin(
    loaded: Loaded, state: Path | None = None, progress: Progress = lambda _: None
) -> Plugin:
    """Get a plugin's spec and files, and compile it.

    Raises:
        Mistakes: what is wrong with the config, alone or against the spec.
        SpecUnavailable: the spec cannot be had yet.
    """
    files, mistakes = await asyncio.to_thread(_files, loaded)
    try:
        plugin = await _built(loaded, state, files, progress)
    except Mistakes as error:
        raise Mistakes([*mistakes, *error.mistakes]) from None
    if mistakes:
        raise Mistakes(mistakes)
    return plugin


async def _built(loaded: Loaded, state: Path | None, files: Files, progress: Progress) -> Plugin:
    source = loaded.plugin.spec
    if source is None:
        return build(loaded, None, files=files)
    where, headers = (
        (source.url, source.headers) if isinstance(source, types.SpecSource) else (source, {})
    )
    mask = Mask(loaded.secrets)  # a server may say back what it was sent
    try:
        base = loaded.file.parent
        got = await fetch(where, base=base, headers=headers, state=state, progress=progress)
        progress(f"compiling {loaded.plugin.plugin}")
    except SpecError as error:
        raise Mistakes([loaded.mistake(("spec",), mask.text(str(error)))]) from None
    except SpecUnavailable as error:
        raise SpecUnavailable(mask.text(str(error))) from None
    for warning in got.warnings:
        log.warning("%s: %s", loaded.plugin.plugin, mask.text(warning))
    if headers:
        document = await asyncio.to_thread(masked_document, got.document, mask)
        got = replace(got, document=document)
    masked = partial(masked_document, mask=mask) if headers else None
    try:
        async with Library(got, headers=headers, state=state, masked=masked) as library:
            plugin = await _built_of(loaded, got, library, files)
    except SpecError as error:
        raise Mistakes([loaded.mistake(("spec",), mask.text(str(error)))]) from None
    except SpecUnavailable as error:
        raise SpecUnavailable(mask.text(str(error))) from None
    for warning in (*library.warnings, *library.notes):
        log.warning("%s: %s", loaded.plugin.plugin, mask.text(warning))
    # What is served may be out of date: that is said of the plugin, too, not in passing only.
    copies = [*(got.warnings if got.stale else ()), *library.warnings]
    said = [loaded.mistake(("spec",), mask.text(one)) for one in copies]
    return replace(plugin, warnings=(*plugin.warnings, *said))


async def _built_of(loaded: Loaded, got: Source, library: Library, files: Files) -> Plugin:
    """Compile a plugin, reading the files of its spec that turn out to be needed."""
    while True:
        try:
            return await asyncio.to_thread(
                build,
                loaded,
                got.document,
                got.location,
                from_url=got.from_url,
                files=files,
                parts=library.parts,
            )
        except WantedError as wanted:
            await library.read(wanted.addresses, wanted.ahead)


def masked_document(value: Any, mask: Mask) -> Any:
    """A spec, or a part of one, without the secrets that a server may say back."""
    return msgspec.json.decode(mask.body(msgspec.json.encode(value)))


def _files(loaded: Loaded) -> tuple[Files, list[Mistake]]:
    """Read the logo and the legal text where the config names files beside it."""
    config = loaded.plugin
    mistakes: list[Mistake] = []
    logo: bytes | None = None
    legal: tuple[str, bytes] | None = None
    for key, name in (("logo", config.logo), ("legal", config.legal)):
        if name is None or name.startswith(("https://", "http://")):
            continue
        path = loaded.file.parent / name
        try:
            if path.stat().st_size > MAX_LOGO:
                raise OSError(f"larger than {MAX_LOGO:,} bytes")
            data = path.read_bytes()
        except OSError as error:
            text = f"{name!r} cannot be read: {error.strerror or error}"
            mistakes.append(loaded.mistake((key,), text))
            continue
        if key == "legal":
            kind = "text/html" if path.suffix in (".html", ".htm") else "text/plain"
            legal = (f"{kind}; charset=utf-8", data)
        elif mimetypes.guess_type(path.name)[0] != "image/png" or data[:4] != b"\x89PNG":
            mistakes.append(loaded.mistake((key,), f"{name!r} is not a PNG image"))
        else:
            logo = data
    return Files(logo, legal), mistakes


@dataclass(slots=True)
class Gateway:
    """A running gateway: `async with Gateway(loaded, options) as gateway: gateway.url`."""

    configs: Sequence[Loaded]
    options: Options = field(default_factory=Options)
    door: Door = field(init=False)
    port: int = 0
    _shared: Shared = field(init=False)
    _clients: list[aiohttp.ClientSession] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _runner: web.ServerRunner | None = None

    def __post_init__(self) -> None:
        options = self.options
        secret = options.store_key.encode()
        store = store_of(options.store, STORE_BYTES, secret)
        confirmations = Confirmations(time.monotonic)
        if secret and not store.steady:  # any gateway on it takes what another one asked
            confirmations = Confirmations(time.time, key_of(secret), store.lease)
        self.door = Door(
            public_url=options.public_url.rstrip("/"),
            origins=frozenset((*CHAT_ORIGINS, *options.origins)),
            trusted=tuple(ipaddress.ip_network(one) for one in options.trusted_proxies),
            max_body=options.max_body,
            max_calls=options.max_calls,
            confirmations=confirmations,
        )
        self._shared = Shared(wall=time.time, steady=time.monotonic, store=store, flights=Flights())
        if not store.steady:  # others are on it as well
            self._shared.key = hashlib.blake2b(secret, digest_size=32).digest()
            self._shared.handles = SharedHandles(HANDLE_BYTES, store)

    @property
    def url(self) -> str:
        """Where it listens."""
        host = self.options.host
        shown = "127.0.0.1" if host in ("0.0.0.0", "") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
        return f"http://{shown}:{self.port}"

    async def start(self) -> Self:
        """Load every plugin, then listen.

        Raises:
            Mistakes: all that is wrong in all configs; nothing is left open.
            OSError: the address cannot be listened on.
        """
        await self.load()
        try:
            trim = trimmer()
            if trim is not None:
                self._spawn(self._trim(trim))
            await self._listen()
        except BaseException:
            await self.close()
            raise
        return self

    async def load(self) -> Self:
        """Load every plugin, for who listens elsewhere.

        Raises:
            Mistakes: all that is wrong in all configs; nothing is left open.
        """
        try:
            await self._load()
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """Stop listening, let calls in flight end, close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._shared.flights.close()
        await self._shared.store.close()
        await asyncio.to_thread(self._shared.aside.close)
        for client in self._clients:
            await client.close()
        self._clients.clear()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _load(self) -> None:
        await self._shared.store.open()
        got = await asyncio.gather(*map(self._first, self.configs), return_exceptions=True)
        mistakes = [one for error in got if isinstance(error, Mistakes) for one in error.mistakes]
        if mistakes:
            raise Mistakes(mistakes)
        sites = []
        for loaded, result in zip(self.configs, got, strict=True):
            if isinstance(result, Plugin):
                sites.append(await self._site(result))
            elif isinstance(result, SpecUnavailable):
                sites.append(_waiting(loaded))
                self._spawn(self._again(loaded, str(result)))
            else:
                raise result
        self.door.place(tuple(sites))
        if any(operation.shrinker.budget.tokens for site in sites for operation in _of(site)):
            await asyncio.to_thread(count, "a")  # the tokenizer takes a moment to come up

    async def _first(self, loaded: Loaded) -> Plugin:
        try:
            async with asyncio.timeout(FIRST_WAIT):
                return await load_plugin(loaded, self.options.state)
        except TimeoutError:
            raise SpecUnavailable(f"no answer within {FIRST_WAIT:g} seconds") from None

    async def _site(self, plugin: Plugin) -> Site:
        client = new_client(*written_by_operator(plugin))
        self._clients.append(client)
        relay = relay_of(plugin.name, plugin.config.auth, client, self._shared.wall)
        made: dict[str, Site] = {}
        making = asyncio.Lock()

        async def fit(name: str) -> Site:
            """The same plugin fitted to a client: made when it is first asked for."""
            async with making:
                if name not in made:
                    profile = PROFILES[name]
                    longest = profile.longest(plugin.name)

                    def make() -> Site:
                        return self._place(fitted(plugin, profile), client, relay, longest=longest)

                    made[name] = await asyncio.to_thread(make)
                return made[name]

        return await asyncio.to_thread(self._place, plugin, client, relay, fit=fit)

    def _place(
        self,
        plugin: Plugin,
        client: aiohttp.ClientSession,
        relay: Relay | None,
        *,
        fit: Fit | None = None,
        longest: int | None = None,
    ) -> Site:
        """Compile a plugin, in a thread: of thousands of operations that takes long."""
        own = plans(plugin, client, self._shared)
        spoken = own
        twice = sent_twice(plugin.shown)
        if twice:
            spoken = plans(halved(plugin, twice), client, self._shared)
        return site_of(plugin, own, relay, spoken=spoken, fit=fit, longest=longest)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _again(self, loaded: Loaded, reason: str) -> None:
        """Try to get a plugin's spec until it is there; each new reason is logged once."""
        name = loaded.plugin.plugin
        log.warning("%s waits: %s", name, reason)
        for pause in pauses():
            await asyncio.sleep(pause)
            try:
                site = await self._site(await load_plugin(loaded, self.options.state))
            except GatewayError as error:
                if str(error) != reason:
                    reason = str(error)
                    log.warning("%s waits: %s", name, reason)
                continue
            except Exception:
                log.exception("%s: loading it failed; it is tried again", name)
                continue
            self.door.place(tuple(site if one.name == name else one for one in self.door.sites))
            log.info("%s is ready", name)
            return

    async def _trim(self, trim: Callable[[int], int]) -> None:
        """Give free memory back, now and then.

        Bodies of all sizes leave holes between small objects that stay: without this a busy
        gateway holds half as much again after some minutes, none of it in use.
        """
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            await asyncio.to_thread(trim, 0)

    async def _listen(self) -> None:
        self._runner = web.ServerRunner(server_of(self.door), shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.options.host, self.options.port)
        await site.start()
        self.port = self._runner.addresses[0][1]


def trimmer() -> Callable[[int], int] | None:
    """What gives the heap's free pages back to the system (malloc_trim(3)); None where the C
    library has no such thing, as musl's."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try to get a spec, without end."""
    pause = FIRST_RETRY
    while True:
        yield pause
        pause = min(pause * GROWTH, LAST_RETRY)


def _waiting(loaded: Loaded) -> Site:
    hosts = tuple(host.lower() for host in loaded.plugin.hosts)
    return Site(loaded.plugin.plugin, hosts, waiting=WAITING)


def _of(site: Site) -> Iterable[Operation]:
    return site.plugin.operations.values() if site.plugin is not None else ()


def written_by_operator(plugin: Plugin) -> list[str]:
    """The addresses that calls of a plugin may lead to: its upstream's and its sign-in's.

    The server of a spec in a file counts as well, but not where nobody is ever to be sent.
    """
    auth = plugin.config.auth
    oauth = auth.oauth if isinstance(auth, types.Auth) else None
    grant = prove(plugin.config.upstream.credential).grant
    spec = plugin.config.spec
    wrote = plugin.config.upstream.url or _is_web(spec)
    base = [] if not wrote and why_never(plugin.base) else [plugin.base]
    return [*base, *(one.token_url for one in (oauth, grant) if one is not None)]


def _is_web(spec: str | types.SpecSource | None) -> bool:
    where = spec.url if isinstance(spec, types.SpecSource) else spec or ""
    return where.lower().startswith(("https://", "http://"))


def new_client(*urls: str) -> aiohttp.ClientSession:
    """A pooled client for one upstream at `urls`: no cookies, no proxies of the environment,
    bodies as they come, no silent repeats. Calls use only its connections (`pipeline.exchange`), a
    relayed sign-in the client itself.

    aiohttp sends GET, HEAD, OPTIONS, TRACE, PUT and DELETE again when a connection is lost, fresh
    ones too; only a private switch turns that off, and a test watches that it still does.
    """
    client = aiohttp.ClientSession(
        connector=connector(urls, limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        max_line_size=16 * 1024,
        max_field_size=16 * 1024,
    )
    client._retry_connection = False  # noqa: SLF001
    return client
