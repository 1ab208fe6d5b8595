"""The only door: HTTP request → call; answer or refusal → HTTP response.

It finds the plugin (by host, by the first segment of the path, or at the root), then what is
asked of it: a document of a face, an operation by method and path, an operation by name. It
runs the plan and writes what came of it. Whatever is refused on the way is written as
problem+json (RFC 9457); anything unforeseen is logged with an id and answered 500, here and
nowhere else.

It stands on aiohttp's low-level server: the routing is our own, so the application's router,
middlewares and signals would only cost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import hdrs, web

from gateway import early
from gateway.browsers import Browsers, bare
from gateway.desk import Desk, Made
from gateway.errors import (
    BadArguments,
    Bug,
    MethodNotAllowed,
    NotFound,
    PluginNotReady,
    Refusal,
)
from gateway.faces import Document, pages
from gateway.faces.calls import read_call, read_named
from gateway.faces.mcp import Confirmations
from gateway.faces.tools import PATH as TOOLS
from gateway.forwarded import Network, caller_address, origin_of
from gateway.incoming import MAX_BODY, at_hand, received, whole
from gateway.oauth import PRIVATE, Relay
from gateway.outgoing import CALL_ID, as_json, delivered, only_get, problem
from gateway.overload import Load
from gateway.pipeline import Call
from gateway.plugin import Operation
from gateway.process import slept
from gateway.profiles import PROFILES
from gateway.recorder import Recorder
from gateway.response import (
    SERVER,
    SMALL,
    Ready,
    Verbatim,
    from_store,
    interim_to,
    unless_known,
    written,
)
from gateway.shrinking import Level
from gateway.site import Site
from gateway.slots import Slots
from gateway.telemetry.ids import current
from gateway.turns import Turns
from gateway.values import Caller, UpstreamRequest

log = logging.getLogger("gateway")

# In flight at once; with bodies at their bound that is a gigabyte. Apache takes 400, nginx 512.
MAX_CALLS = 1024
# Reads whose way in is remembered, and how long their targets may be: some megabytes at most.
MAX_KNOWN, MAX_KNOWN_LENGTH = 4096, 512
# The chat front ends that read a plugin straight from the browser while it is developed.
CHAT_ORIGINS = ("https://chat.openai.com", "https://chatgpt.com")
MCP = "/mcp"
SHARED = "gateway"  # what clients call the root that plugins share, as the docs advise
AS = "/as/"  # behind it the name of a profile, and there all of a plugin again
_ALIVE = {"alive": True}
_BELOW = ("/call/", "/oauth/")  # served here, before any operation


@dataclass(slots=True, eq=False)
class Read:
    """What a request asks of an operation, and, once it was answered, what was built of that.

    Reads are kept for whoever asks the same again, so nothing in here is of a caller: where the
    caller's headers go into what is built, that is not kept.
    """

    site: Site
    prefix: str
    operation: Operation
    arguments: Mapping[str, object]
    built: UpstreamRequest | None = None
    chosen: Level | None = None


@dataclass(slots=True)
class Door:
    """The handler of every request. `sites` may be replaced as a whole while it serves."""

    sites: tuple[Site, ...] = ()
    public_url: str = ""
    origins: frozenset[str] = frozenset(CHAT_ORIGINS)
    trusted: tuple[Network, ...] = ()
    max_body: int = MAX_BODY
    max_calls: int = MAX_CALLS
    confirmations: Confirmations = field(default_factory=lambda: Confirmations(time.monotonic))
    recorder: Recorder = field(default_factory=Recorder)
    draining: bool = False  # the gateway stops
    turns: Turns = field(
        default_factory=lambda: Turns(Load(), time.monotonic, time.thread_time, slept)
    )
    _slots: Slots = field(init=False)
    _reads: dict[tuple[str, str], Read] = field(default_factory=dict)
    _desks: dict[tuple[str, str], Site] = field(default_factory=dict)  # where MCP is spoken
    _browsers: Browsers = field(init=False)
    _by_host: dict[str, Site] = field(default_factory=dict)
    _by_name: dict[str, Site] = field(default_factory=dict)
    _root: Site | None = None
    _desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self._slots = Slots(self.max_calls)
        self._browsers = Browsers(self.origins, self.trusted)
        self._desk = Desk(
            self._slots,
            self._address,
            lambda request: at_hand(request, self.max_body),
            self._body,
            self._browsers.allow,
            self._guard,
            self.confirmations,
            self.recorder,
        )

    def place(self, sites: tuple[Site, ...]) -> None:
        """Serve these from now on."""
        # A new one: a call that is under way may still put its way into the one before.
        self._reads, self._desks = {}, {}
        self._desk.forget()
        self._slots.are_shared = len(sites) > 1
        self._by_name = {site.name: site for site in sites}
        self._by_host = {host: site for site in sites for host in site.hosts if host != "*"}
        self._browsers.place(self.public_url, self._by_host.keys())
        everywhere = [site for site in sites if "*" in site.hosts]
        self._root = everywhere[0] if everywhere else sites[0] if len(sites) == 1 else None
        self.sites = sites
        counts = self.recorder.counts
        counts.plugins({site.name: site.plugin is not None for site in sites})
        for site in sites:
            if site.plugin is not None:
                counts.spec(site.name, site.plugin.spec_tokens, site.spec_tokens)

    @property
    def names(self) -> Collection[str]:
        """Of the plugins."""
        return self._by_name.keys()

    @property
    def calls(self) -> int:
        """How many calls are under way."""
        return self._slots.taken

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        current.set("")  # what this connection asked before is over
        try:
            if not self.turns.is_calm:
                await self._judge(request)
            response = await self._respond(request)
        except Refusal as refusal:
            response = self._refused(request, refusal, refusal)
        except web.HTTPException as error:  # a request aiohttp itself cannot take
            response = self._refused(request, error, BadArguments(error.reason))
        except web.RequestPayloadError as error:
            text = "The request body cannot be read; it is cut or coded."
            response = self._refused(request, error, BadArguments(text))
        except Exception as error:
            reference = self.recorder.id_of(error)
            log.exception("call %s failed: %s", reference, request.method)
            response = self._refused(request, error, _bug(reference))
        if not isinstance(response, Ready):
            self._browsers.allow(request.headers.get(hdrs.ORIGIN), response)
        return response

    def refusal(self, refusal: Refusal) -> web.Response:
        """What a caller is told whose request is refused before it is read."""
        response = problem(refusal)
        self._browsers.allow(None, response)
        return response

    def alive(self) -> web.Response:
        """What is told, before anything is read, to who asks whether the gateway is alive."""
        response = as_json(_ALIVE)
        self._browsers.allow(None, response)
        return response

    async def _judge(self, request: web.BaseRequest) -> None:
        """Let a request begin: at once, in its turn, or not at all, as busy as the process is.

        Raises: Overloaded.
        """
        load, protocol = self.turns.load, request.protocol
        if load.is_free:
            return
        if getattr(protocol, "is_judged", False):
            protocol.is_judged = False  # type: ignore[attr-defined] # of `connections`
        elif request.method == "OPTIONS" or early.asks_health(request.raw_path, self.names):
            pass
        elif load.is_crowded:
            await self.turns.place()
        elif not self.turns.admits():
            self.recorder.counts.shed("load")
            raise early.overloaded(load.retry_after)

    def _refused(
        self, request: web.BaseRequest, error: Exception, refusal: Refusal
    ) -> web.Response:
        """A refusal as a response; counted, unless the call that it ended was."""

        def plugin() -> str:
            path = request.raw_path.partition("?")[0]
            meant = next((site for site, _, _ in self._places(request, path) if site), None)
            return meant.name if meant is not None else ""

        self.recorder.refused(error, refusal, plugin, request, self._address(request))
        return problem(refusal)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        if not target.startswith("/"):
            target = request.rel_url.raw_path_qs if request.method != "OPTIONS" else "/"
        method = request.method
        # A read that was asked before, word for word, has been routed and taken apart already.
        at = target, self._host(request) if self._by_host else ""
        known = self._reads.get(at)
        if known is not None and method == "GET" and not request.can_read_body:
            self._browsers.refuse_foreign(request)
            return await self._run(request, known)
        desk = self._desks.get(at)
        if desk is not None and method == "POST":
            self._browsers.refuse_foreign(request)
            return await self._desk.answer(request, desk)
        path, _, query = target.partition("?")
        if method == "OPTIONS":
            return self._preflight(request, path)
        for site, prefix, rest in self._places(request, path):
            if site is None:
                found: web.StreamResponse | None = self._own(request, rest, None, prefix)
                if found is None and rest.endswith(MCP):
                    found = await self._mcp_of_all(request, rest)
            elif site.plugin is None:
                found = self._own(request, rest, site, prefix)
                if found is None:
                    raise PluginNotReady(
                        f"The plugin {site.name} is not ready: {site.waiting}.", retry_after=5
                    )
            else:
                found = await self._at(request, method, site, prefix, rest, query)
            if found is not None:
                return found
        raise NotFound(self._nothing(request, path))

    async def _guard(self, answering: Awaitable[Made]) -> Made:
        """What is made, or a refusal, whatever happens."""
        try:
            return await answering
        except Refusal:
            raise
        except Exception as error:
            reference = self.recorder.id_of(error)
            log.exception("call %s failed", reference)
            raise _bug(reference) from None

    # --- which plugin -------------------------------------------------------------------------

    def _places(
        self, request: web.BaseRequest, path: str
    ) -> Iterator[tuple[Site | None, str, str]]:
        """The plugins that may be meant: each with the prefix it has here and the rest.

        A host that one plugin names is that plugin's alone. Elsewhere the first segment names
        the plugin; a plugin at the root comes after.
        """
        site = self._by_host.get(self._host(request))
        if site is not None:
            yield site, "", path
            return
        cut = path.find("/", 1)
        name = path[1:cut] if cut > 0 else path[1:]
        site = self._by_name.get(name)
        if site is not None:
            yield site, "/" + name, path[cut:] if cut > 0 else "/"
        yield self._root, "", path

    async def _at(
        self,
        request: web.BaseRequest,
        method: str,
        site: Site,
        prefix: str,
        path: str,
        query: str,
    ) -> web.StreamResponse | None:
        """What is asked of a plugin; None where it has nothing at this path."""
        reads = self._reads
        own = self._own(request, path, site, prefix)
        if own is not None:
            return own
        if path == MCP:
            if not query:  # so there are few
                self._desks[request.raw_path, self._host(request)] = site
            return await self._mcp(request, site)
        if path.startswith(AS) and site.fit is not None:
            name, rest = _profile(path)
            fitted = await site.fit(name)
            if reads is not self._reads:  # other plugins are served by now
                return await self._respond(request)
            return await self._at(request, method, fitted, f"{prefix}{AS}{name}", rest, query)
        if path.startswith(_BELOW):
            if path.startswith("/call/"):
                return await self._call_by_name(request, method, site, prefix, path)
            if site.relay is not None:
                return await self._sign_in(request, site.relay, prefix, path, query)
        found = site.routes.match(method, path)
        if found is None:
            methods = site.routes.methods(path)
            if methods:
                raise MethodNotAllowed(
                    f"{method} is not served at this address, only {', '.join(methods)}.",
                    headers=[("Allow", ", ".join(methods))],
                )
            return None
        operation, values = found
        self._browsers.refuse_foreign(request)
        caller = None if site.check is None else site.check(request.headers)
        for_all = not site.by_token
        site, operation = await _fitted(site, operation, caller)
        body = await self._body(request) if request.can_read_body else b""
        content_type = request.headers.get("Content-Type", "")
        if operation.passing:
            target = f"{path}?{query}" if query else path
            asked = {"method": method, "target": target, "body": body}
            return await self._run(request, Read(site, prefix, operation, asked), caller=caller)
        arguments = read_call(operation, values, query, body, content_type)
        read = Read(site, prefix, operation, arguments)
        known = method == "GET" and not body and len(request.raw_path) <= MAX_KNOWN_LENGTH
        if known and for_all:  # else it hangs on who asks
            if len(reads) >= MAX_KNOWN:
                reads.clear()
            reads[request.raw_path, self._host(request)] = read
        return await self._run(request, read, caller=caller)

    async def _call_by_name(
        self, request: web.BaseRequest, method: str, site: Site, prefix: str, path: str
    ) -> web.StreamResponse:
        name = unquote(path.removeprefix("/call/"))
        operation = site.plugin.operations.get(name) if site.plugin is not None else None
        if operation is None:
            known = ", ".join(site.plugin.operations) if site.plugin is not None else ""
            raise NotFound(f"There is no operation {name[:64]!r} here. There are: {known[:2000]}.")
        if method != "POST":
            text = "An operation is called by name with POST and its arguments as a JSON object."
            raise MethodNotAllowed(text, headers=[("Allow", "POST")])
        self._browsers.refuse_foreign(request)
        caller = None if site.check is None else site.check(request.headers)
        site, operation = await _fitted(site, operation, caller)
        arguments = read_named(operation, await self._body(request))
        read = Read(site, prefix, operation, arguments)
        return await self._run(request, read, heals=True, caller=caller)

    async def _mcp(self, request: web.BaseRequest, site: Site) -> web.StreamResponse:
        self._browsers.refuse_foreign(request)
        return await self._desk.answer(request, site)

    async def _mcp_of_all(self, request: web.BaseRequest, path: str) -> web.StreamResponse | None:
        """At the root that plugins share, for all clients or for one."""
        if path == MCP:
            self._browsers.refuse_foreign(request)
            return await self._desk.answer_shared(request, self.sites)
        if not path.startswith(AS):
            return None
        name, rest = _profile(path)
        if rest != MCP:
            return None
        self._browsers.refuse_foreign(request)
        ready = [site for site in self.sites if site.fit is not None]
        fitted = [await site.fit(name) for site in ready if site.fit is not None]
        return await self._desk.answer_shared(request, fitted, PROFILES[name].longest(SHARED))

    async def _run(
        self,
        request: web.BaseRequest,
        read: Read,
        *,
        heals: bool = False,
        caller: Caller | None = None,
    ) -> web.StreamResponse:
        """Run the plan. `caller` is who was asked for a proof already: before a body is read."""
        site, name = read.site, read.operation.name
        address, varies = self._address(request), site.varies.get(name, "")
        note = self.recorder.begun("call" if heals else "http", read.operation, request)
        call = Call(
            read.arguments, request.headers, address, heals, whole=False, caller=caller, note=note
        )
        call.request, call.chosen = read.built, read.chosen
        if read.operation.passing:
            call.interim = interim_to(request)
        free = self._slots.take(address, site.name)
        try:
            answer = await site.plans[name](call)
        except BaseException as error:
            free()
            self.recorder.failed(read.operation, call, error)
            if varies and isinstance(error, Refusal):
                error.headers += (("Vary", varies),)
            raise
        if name not in site.filled:
            read.built, read.chosen = call.request, call.chosen
        if read.operation.passing:
            return Verbatim(self.recorder.ended(read.operation, call, answer), free)
        tags = request.headers.get(hdrs.IF_NONE_MATCH)
        if tags is not None and request.method in ("GET", "HEAD"):
            answer = unless_known(answer, tags)
        answer = self.recorder.ended(read.operation, call, answer)
        ready = from_store(request, answer, read.prefix, varies, note.id)
        if ready is not None:
            free()
            return ready
        response = written(answer, read.prefix, free, varies)
        response.headers[CALL_ID] = note.id
        return response

    def _address(self, request: web.BaseRequest) -> str:
        """The caller's."""
        peer = request.remote or ""
        return caller_address(peer, request.headers, self.trusted) if self.trusted else peer

    async def _sign_in(
        self, request: web.BaseRequest, relay: Relay, prefix: str, path: str, query: str
    ) -> web.StreamResponse | None:
        base = self._base(request, prefix)
        free = self._slots.take(self._address(request))
        try:
            body = await whole(request, self.max_body) if request.can_read_body else b""
            response = await relay.answer(request, path, query, base, body)
        except Refusal as refusal:
            response = problem(refusal)
            response.headers.update(PRIVATE)
        finally:
            free()
        if response is not None:
            response.headers["Server"] = SERVER
        return response

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The whole body of a call, which is under way from here on: its body is held."""
        whole = at_hand(request, self.max_body)
        if whole is not None:
            return whole
        free = self._slots.take(self._address(request))
        try:
            return await received(request, self.max_body)
        finally:
            free()

    def _preflight(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        places = self._places(request, path)
        closed = any(
            site is not None and site.relay is not None and rest.startswith("/oauth/")
            for site, _, rest in places
        )
        return self._browsers.preflight(request, closed=closed)

    # --- our own addresses --------------------------------------------------------------------

    def _own(
        self, request: web.BaseRequest, path: str, site: Site | None, prefix: str
    ) -> web.StreamResponse | None:
        """Documents, and what stands at every root."""
        maker = site.documents.get(path) if site is not None else None
        if maker is not None:
            asked = request.query.get("for" if path == TOOLS else "version", "")
            document = maker(self._base(request, prefix), asked)
            response = delivered(request, document)
            if isinstance(response.body, bytes) and len(response.body) > SMALL:
                response.ended = self._slots.take(self._address(request))
            return response
        match path:
            case early.ALIVE:
                only_get(request)
                return as_json(_ALIVE)
            case "/readyz":
                only_get(request)
                if self.draining:
                    return as_json({"draining": True}, 503)
                ready = {one.name: one.plugin is not None for one in self._seen(request)}
                return as_json(ready, 200 if all(ready.values()) else 503)
            case "/robots.txt":
                return delivered(request, pages.robots())
            case "/":
                return delivered(request, self._index(request, site, prefix))
        return None

    def _index(self, request: web.BaseRequest, site: Site | None, prefix: str) -> Document:
        shown = self._seen(request) if site is None else (site,)
        base = self._base(request, "")
        entries = [
            pages.Entry(
                one.name,
                self._base(request, prefix) if site is not None else f"{base}/{one.name}",
                one.plugin,
                one.waiting,
            )
            for one in shown
        ]
        return pages.index(entries, request.headers.get("Accept", ""))

    def _base(self, request: web.BaseRequest, prefix: str) -> str:
        """The absolute address of a root, for the documents served below it."""
        named = self._by_host and self._host(request) in self._by_host
        if self.public_url and not named:
            return self.public_url + prefix
        reached = origin_of(request.remote or "", request.secure, request.headers, self.trusted)
        if reached is None:
            raise BadArguments("The Host header is missing or is no host name.")
        return f"{reached[0]}://{reached[1]}{prefix}"

    def _seen(self, request: web.BaseRequest) -> tuple[Site, ...]:
        """The plugins that may be spoken of here: on a host that one names, that one."""
        site = self._by_host.get(self._host(request))
        return self.sites if site is None else (site,)

    def _host(self, request: web.BaseRequest) -> str:
        """Of the hosts that plugins name, the one a request is for; "" for none."""
        if not self._by_host:
            return ""
        reached = origin_of(request.remote or "", request.secure, request.headers, self.trusted)
        host = reached[1] if reached is not None else ""
        if host in self._by_host:
            return host
        name = bare(host)
        return name if name in self._by_host else ""

    def _nothing(self, request: web.BaseRequest, path: str) -> str:
        text = f"Nothing is served at {request.method} {path[:200]!r}. "
        if self._host(request) in self._by_host:
            return text + "The operations are listed at /openapi.yaml."
        names = ", ".join(f"/{site.name}/" for site in self.sites)
        return text + f"The plugins here are at {names}; each lists its operations in openapi.yaml."


async def _fitted(
    site: Site, operation: Operation, caller: Caller | None
) -> tuple[Site, Operation]:
    """The site and operation as they fit a caller whose token is named after a profile."""
    if caller is None or caller.id not in site.by_token or site.fit is None:
        return site, operation
    fitted = await site.fit(caller.id)
    return fitted, fitted.plugin.operations[operation.name] if fitted.plugin else operation


def _profile(path: str) -> tuple[str, str]:
    """The profile that an address names, and what is behind it. Raises: NotFound."""
    name, slash, rest = path.removeprefix(AS).partition("/")
    if name not in PROFILES:
        known = ", ".join(PROFILES)
        raise NotFound(f"There is no profile {name[:64]!r}. There are: {known}.")
    return name, slash + rest


def _bug(reference: str) -> Bug:
    """What a caller is told of what nobody has foreseen."""
    bug = Bug(f"This is the gateway's fault. Its log has the reason under {reference}.")
    bug.call_id = reference
    return bug


__all__ = ["CHAT_ORIGINS", "Door"]
