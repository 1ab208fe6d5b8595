"""What a config must hold to beyond its schema, and can be told without the spec.

Each rule is a generator of faults; `check` runs them all, so that one reading shows every
mistake. Header rules are in `headers`, those of a sign-in in `oauth`, operations written in
place in `inline`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET

from gateway.config import caching, headers, inline, oauth, secrets, timeouts, types
from gateway.config.entries import credentials_of, operations, parameters
from gateway.config.faults import Fault, Path, found, quoted, suggest

# First segments of our own addresses at a root, as far as a plugin could be named so.
RESERVED = frozenset({"as", "call", "healthz", "legal", "mcp", "oauth", "readyz"})

_HOST = re.compile(
    r"(?=.{1,253}(:|$))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
    r"(:[0-9]{1,5})?|\[[0-9a-f:.]+\](:[0-9]{1,5})?",
    re.IGNORECASE,
)
# What `gateway init` writes for an address that it does not know; nobody's (RFC 2606).
PLACEHOLDER = "https://api.example.com"
# Texts in which no `${…}` is looked up, and none can be meant either.
_LITERAL = ("spec", "logo", "legal", "contact", "hosts")
_BARE = re.compile(r"\$\{?[A-Z_][A-Z0-9_]*")  # `$TOKEN`, as a shell would read it
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAIL = re.compile(r"[^@\s<>\"]+@[^@\s.<>\"]+(\.[^@\s.<>\"]+)+")


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules look at.

    `plugin` is the part that fits the schema, secrets resolved; `given` is the whole tree as
    it was written.
    """

    plugin: types.Plugin
    given: dict[str, Any]

    def written(self, path: Path) -> str:
        """A text as it stands in the file, fit for a message: no secret, no password in a URL."""
        node: Any = self.given
        for step in path:
            node = node[step]
        return "text" if "@" in str(node) or "?" in str(node) else found(node)


def check(context: Context) -> Iterator[Fault]:
    """All faults of a config that its schema cannot tell."""
    unread = list(_unread(context.given))
    yield from unread
    told = {fault.path for fault in unread}
    yield from (fault for fault in _check(context) if fault.path not in told)


def _check(context: Context) -> Iterator[Fault]:
    yield from _name(context)
    yield from _texts(context)
    yield from _hosts(context.plugin)
    yield from _addresses(context)
    yield from _tokens(context.plugin)
    yield from _parameters(context.plugin)
    yield from _operations(context)
    yield from headers.check(context.plugin)
    yield from caching.check(context.plugin)
    yield from timeouts.check(context.plugin)
    yield from oauth.check(context.plugin, context.given)
    yield from inline.check(context.plugin, context.given)


def doubts(plugin: types.Plugin) -> Iterator[Fault]:
    """What is no mistake but will not please everyone."""
    for key, most in types.LENGTHS.items():
        text = getattr(plugin, key)
        if text is not None and len(text) > most:
            yield Fault((key,), f"{len(text):,} characters; platforms take at most {most:,}")
    yield from oauth.doubts(plugin)
    yield from caching.doubts(plugin)
    if (plugin.upstream.url or "").rstrip("/") == PLACEHOLDER:
        text = "a placeholder, where nobody answers: write the base URL of the API"
        yield Fault(("upstream", "url"), text)
    yield from _bare(plugin)


def _bare(plugin: types.Plugin) -> Iterator[Fault]:
    """Proofs that are the name of a variable. They may be secrets: no message repeats them."""
    proofs = dict(secrets.proofs(plugin))
    proofs |= {("upstream", "headers", key): text for key, text in plugin.upstream.headers.items()}
    if isinstance(plugin.spec, types.SpecSource):
        proofs |= {("spec", "headers", key): text for key, text in plugin.spec.headers.items()}
    for path, proof in proofs.items():
        if _BARE.fullmatch(proof.rpartition(" ")[2]):
            yield Fault(path, "is sent as it stands; for a variable's value write ${NAME}")


def _unread(given: dict[str, Any]) -> Iterator[Fault]:
    """`${…}` where nobody looks it up."""
    text = "`${…}` is not read here; it is in upstream, auth, spec.headers and pin"
    for key in _LITERAL:
        value = given.get(key)
        steps: list[tuple[Path, Any]] = [((key,), value)]
        if isinstance(value, dict) and key == "spec":
            steps = [((key, "url"), value.get("url"))]
        if isinstance(value, list):
            steps = [((key, number), one) for number, one in enumerate(value)]
        yield from (Fault(at, text) for at, one in steps if isinstance(one, str) and "${" in one)


def _name(context: Context) -> Iterator[Fault]:
    name = context.plugin.plugin
    if name.lower() in RESERVED:
        yield Fault(("plugin",), f"{name!r} is one of the gateway's own addresses; choose another")


def _texts(context: Context) -> Iterator[Fault]:
    plugin = context.plugin
    for key in ("title", "summary", "description"):
        text = getattr(plugin, key)
        if text is not None and not text.strip():
            yield Fault((key,), "is empty; leave it out and it is taken from the spec")
    if plugin.contact is not None and not _MAIL.fullmatch(plugin.contact):
        text = f"expected an e-mail address such as you@example.com, found {quoted(plugin.contact)}"
        yield Fault(("contact",), text)


def _hosts(plugin: types.Plugin) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, host in enumerate(plugin.hosts):
        path = ("hosts", number)
        if host != "*" and not _HOST.fullmatch(host):
            example = "a host name such as plugin.example.com, without https:// and path, or '*'"
            yield Fault(path, f"expected {example}; found {quoted(host)}")
        elif host.lower() in seen:
            yield Fault(path, f"{quoted(host)} is given twice")
        seen.add(host.lower())


# --- addresses --------------------------------------------------------------------------------


def _addresses(context: Context) -> Iterator[Fault]:
    plugin = context.plugin
    if plugin.upstream.url is not None:
        path = ("upstream", "url")
        yield from _url(context, path, plugin.upstream.url)
        if "?" in plugin.upstream.url or "#" in plugin.upstream.url:
            text = (
                "a base URL has no query or fragment; pin a parameter, or use credential: {query}"
            )
            yield Fault(path, text)
    if isinstance(plugin.spec, types.SpecSource):
        yield from _url(context, ("spec", "url"), plugin.spec.url)
    elif plugin.spec is not None:
        yield from _file_or_url(context, "spec", plugin.spec)
    for key in ("logo", "legal"):
        text = getattr(plugin, key)
        if text is not None:
            yield from _file_or_url(context, key, text)
    for at, one in credentials_of(plugin):
        if one.client_credentials is not None:
            where = (*at, "client_credentials", "token_url")
            yield from _url(context, where, one.client_credentials.token_url)
    if isinstance(plugin.auth, types.Auth) and plugin.auth.oauth is not None:
        for key in ("client_url", "token_url"):
            url = getattr(plugin.auth.oauth, key)
            yield from _url(context, ("auth", "oauth", key), url)


def _file_or_url(context: Context, key: str, text: str) -> Iterator[Fault]:
    if "://" in text or text.lower().startswith(("http:", "https:")):
        yield from _url(context, (key,), text)
    elif not text.strip():
        yield Fault((key,), "is empty; it names a file beside this one, or a URL")
    elif _CONTROL.search(text):
        yield Fault((key,), "no file's name holds a control character")


def _url(context: Context, path: Path, url: str) -> Iterator[Fault]:
    """A URL is absolute, http or https, and holds no password."""
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bad port or IPv6 address
        well, parts = False, urlsplit("")
    if not well or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        example = "an absolute URL such as https://api.example.com/v1"
        yield Fault(path, f"expected {example}, found {context.written(path)}")
    elif "@" in parts.netloc:
        way = "upstream.credential" if path[0] == "upstream" else "spec: {url, headers}"
        text = f"a user name or password in a URL ends up in logs; use {way}"
        yield Fault(path, text)


# --- callers ----------------------------------------------------------------------------------


def _tokens(plugin: types.Plugin) -> Iterator[Fault]:
    if not isinstance(plugin.auth, types.Auth) or plugin.auth.service is None:
        return
    service = plugin.auth.service
    names: dict[str, str] = {}
    for name, token in service.tokens.items():
        path = ("auth", "service", "tokens", name)
        if not token or not token.isprintable() or (service.scheme == "bearer" and " " in token):
            yield Fault(path, "a token is one word, not empty")
        elif service.scheme == "basic" and ":" not in token:
            yield Fault(path, "with scheme basic a token is user:password")
        elif token in names:
            yield Fault(
                path, f"the same token as {quoted(names[token])}; each caller has an own one"
            )
        names.setdefault(token, name)


# --- parameters and operations ----------------------------------------------------------------


def _parameters(plugin: types.Plugin) -> Iterator[Fault]:
    """A key either acts or is a mistake."""
    for path, entry in parameters(plugin):
        for key, idle in types.IDLE_BESIDE.items():
            if getattr(entry, key) in (None, UNSET):
                continue
            for other in idle:
                if getattr(entry, other) not in (None, UNSET):
                    text = f"{other!r} has no effect beside {key!r}, which callers never see"
                    yield Fault((*path, other), text, at_key=True)
            break
        if entry.source == "":
            yield Fault((*path, "from"), "is empty; it is the upstream's name of the parameter")


def _operations(context: Context) -> Iterator[Fault]:
    chosen = context.plugin.operations
    if not chosen:
        yield Fault(("operations",), "names no operation; list some, or write `operations: all`")
    if isinstance(chosen, list):
        for number, entry in enumerate(chosen):
            yield from _call(("operations", number), entry)
    if isinstance(chosen, dict):
        for name in chosen:
            yield from _call(("operations", name), name, at_key=True)
    for name, operation in operations(context.plugin):
        if operation.call is not None:
            yield from _call(("operations", name, "call"), operation.call)
        for key in ("fields", "limit_items", "strings", "drop", "untrusted"):
            for step in getattr(operation, key) or ():
                if not step.strip():
                    yield Fault(("operations", name, key), "an empty path names nothing")
        if operation.jmespath is not None and operation.fields:
            text = "stands instead of `fields`; take what you want in the expression"
            yield Fault(("operations", name, "jmespath"), text, at_key=True)
        for step, rule in operation.strings.items():
            if rule.max is None and rule.html is None:
                yield Fault(("operations", name, "strings", step), "says nothing: max or html?")
        if operation.paginate is not None:
            yield from _paginate(("operations", name, "paginate"), operation.paginate)


def _paginate(path: Path, paginate: types.Paginate) -> Iterator[Fault]:
    """One way to find the next page, and that said once."""
    ways = [key for key in ("cursor", "page", "offset", "link") if getattr(paginate, key)]
    if len(ways) != 1:
        found = f"; found {' and '.join(ways)}" if ways else ""
        yield Fault(path, f"expected one of cursor, page, offset and link{found}")
    one = paginate.cursor
    if one is not None and (one.source is None) == (one.last is None):
        yield Fault((*path, "cursor"), "expected `from` or `last`, one of the two, beside `to`")
    link = paginate.link
    if isinstance(link, types.NextLink) and (link.source is None) == (link.rel is None):
        yield Fault((*path, "link"), "expected `rel` or `from`, one of the two")
    if isinstance(paginate.size, int) and ways in (["cursor"], ["link"]):
        text = f"has no effect beside {ways[0]!r}; to ask for so many write {{param, value}}"
        yield Fault((*path, "size"), text)


def _call(path: Path, call: str, *, at_key: bool = False) -> Iterator[Fault]:
    """`METHOD /path`, or an operationId, which may be any text."""
    method, space, rest = call.strip().partition(" ")
    if not call.strip():
        yield Fault(path, "is empty; write an operationId or METHOD /path", at_key)
    elif call.startswith("/"):
        yield Fault(path, f"a path comes after its method: 'GET {call[:60]}'", at_key)
    elif space and rest.lstrip().startswith("/") and method.upper() not in types.METHODS:
        near = suggest(method, types.METHODS)
        text = f"{quoted(method)} is not one of {', '.join(types.METHODS)}{near}"
        yield Fault(path, text, at_key)
    elif space and method in types.METHODS and not rest.lstrip().startswith("/"):
        text = f"a path begins with a slash: '{method} /{rest.strip()[:60]}'"
        yield Fault(path, text, at_key)
