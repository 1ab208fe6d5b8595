"""The guards of the gateway, each as what takes it out. Tables of `tables.py` notice."""

# ruff: noqa: ARG005 - what stands for a guard looks at nothing

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urljoin

import msgspec

Make = Callable[[Any], Any]  # the original → what stands for it


@dataclass(frozen=True)
class Mutation:
    """`takes` are the names, `module:name` or `module:Class.name`, and what each becomes."""

    name: str
    tables: tuple[str, ...]
    takes: dict[str, Make]
    here: bool = False  # in that module only; else wherever the same object is known


def _is(value: Any) -> Make:
    return lambda _: value


def _does(function: Callable[..., Any]) -> Make:
    """A function that gets the original first."""
    return lambda original: lambda *args, **kwargs: function(original, *args, **kwargs)


_NEVER = re.compile(r"(?!)")


class _All:
    """Holds everything."""

    def __contains__(self, item: object) -> bool:
        return True


def _all_headers(original: Any, *args: Any) -> Any:
    compose = original(*args)

    def composed(call: Any, request: Any) -> Any:
        url, headers = compose(call, request)
        for name, value in call.headers.items():
            if name not in headers and name.lower() not in ("content-length", "connection"):
                headers[name] = value
        return url, headers

    return composed


def _last_wins(original: Any, operation: Any, query: str, arguments: Any) -> None:
    fields = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    original(operation, "&".join(f"{k}={v}" for k, v in fields.items()), arguments)


def _everything(original: Any, loaded: Any, listed: Any) -> Any:
    plugin = msgspec.structs.replace(loaded.plugin, operations="all")
    chosen, _ = original(replace(loaded, plugin=plugin), listed)
    return chosen, []


def _trusting(original: Any, self: Any) -> None:
    original(self)
    self.door.trusted = (ipaddress.ip_network("0.0.0.0/0"),)


def _reflecting(original: Any, self: Any, origin: str | None, response: Any) -> None:
    original(self, origin, response)
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin


def _runs(original: Any, *args: Any) -> Any:
    answer = original(*args)
    kept = tuple(one for one in answer.headers if one[0] != "Content-Security-Policy")
    return answer._replace(headers=kept)


async def _read_all(_original: Any, _self: Any, request: Any) -> bytes:
    return bytes(await request.read())


def _first_server(_original: Any, spec: Any, base: str, _loaded: Any) -> str:
    return str(spec.servers[0]).rstrip("/") if spec.servers else base


def _any_scheme(_original: Any, headers: Any, _scheme: str) -> str | None:
    return headers.get("Authorization", "").rpartition(" ")[2].strip() or None


_SEARCH = SimpleNamespace(feed=lambda piece: piece, end=lambda: b"")

MUTATIONS = [
    # --- 1: the chosen operations and nothing else
    Mutation(
        "every operation is chosen", ("paths",), {"gateway.choose:choose": _does(_everything)}
    ),
    Mutation(
        "paths are not encoded",
        ("paths",),
        {"gateway.request.text:escape": _does(lambda _, text, safe="": text)},
    ),
    Mutation("segments of dots climb", ("paths",), {"gateway.request.build:_DOTS": _is(())}),
    Mutation(
        "control characters pass",
        ("headers", "paths"),
        {"gateway.request.styles:_CONTROL": _is(_NEVER)},
    ),
    Mutation(
        "addresses are decoded before they are matched",
        ("paths",),
        {
            "gateway.routes:Routes.match": _does(
                lambda match, self, method, path: match(self, method, unquote(path))
            )
        },
    ),
    Mutation(
        "a path need not be UTF-8",
        ("paths",),
        {"gateway.faces.calls:unquote": _does(lambda f, text, errors: f(text, errors="replace"))},
        here=True,
    ),
    Mutation(
        "other spellings of a name are not known",
        ("parameters",),
        {"gateway.request.guard:guard": _does(lambda _, names: lambda name: False)},
    ),
    Mutation(
        "pinned and hidden parameters are arguments",
        ("parameters",),
        {"gateway.request.slots:Draft.is_shown": _is(property(lambda self: True))},
    ),
    Mutation(
        "the credential's parameter is an argument",
        ("parameters",),
        {
            "gateway.request.bind:bind": _does(
                lambda bind, *a, **k: bind(*a[:4], **(k | {"taken": ()}))
            )
        },
    ),
    Mutation(
        "the last of two values counts",
        ("parameters",),
        {"gateway.faces.calls:_read_query": _does(_last_wins)},
    ),
    Mutation(
        "a body's value replaces one in the query",
        ("parameters",),
        {"gateway.faces.calls:_merge": _does(lambda _, arguments, more: arguments.update(more))},
    ),
    Mutation(
        "names of parts are not escaped",
        ("parameters",),
        {"gateway.request.multipart:quoted": _does(lambda _, text: text)},
    ),
    Mutation(
        "cookies are not escaped",
        ("headers",),
        {"gateway.request.styles:COOKIE_SAFE": _is("".join(map(chr, range(128))))},
    ),
    Mutation(
        "a caller's text is looked into",
        ("paths",),
        {
            "gateway.request.text:escape": _does(
                lambda f, text, safe="": f(os.path.expandvars(text), safe)
            )
        },
    ),
    Mutation(
        "coded bodies are read as they are",
        ("headers",),
        {"gateway.proxy:Door._body": _does(_read_all)},
    ),
    Mutation(
        "redirected writes are repeated",
        ("answers",),
        {"gateway.pipeline.fetch:_READ_METHODS": _is(_All())},
    ),
    # --- 2: addresses
    Mutation(
        "redirects lead anywhere",
        ("answers",),
        {"gateway.pipeline.fetch:origin": _is(lambda url: "same")},
        here=True,
    ),
    Mutation(
        "redirects lead to what was not chosen",
        ("answers",),
        {"gateway.pipeline.redirects:Destinations.holds": _is(lambda *_: True)},
    ),
    Mutation(
        "redirects climb by dots",
        ("answers",),
        {"gateway.pipeline.redirects:unquote": _does(lambda _, text: text)},
        here=True,
    ),
    Mutation(
        "any status that names an address redirects",
        ("answers",),
        {"gateway.pipeline.fetch:_REDIRECTS": _is(range(300, 400))},
    ),
    Mutation(
        "what nobody asked for is an answer",
        ("answers",),
        {"gateway.pipeline.fetch:_is_asked": _is(lambda status, headers: True)},
    ),
    Mutation(
        "headers that are no text go on",
        ("headers",),
        {"gateway.pipeline.passing:_UNWRITABLE": _is(_NEVER)},
    ),
    Mutation(
        "redirects may hold backslashes",
        ("answers",),
        {"gateway.pipeline.fetch:_PLAIN_URL": _is(re.compile("[!-~]+"))},
    ),
    Mutation("redirects go on", ("answers",), {"gateway.pipeline.fetch:MAX_REDIRECTS": _is(30)}),
    Mutation(
        "a fetched spec may name any server",
        ("addresses",),
        {"gateway.servers:base_of": _does(lambda f, *a, from_url: f(*a, from_url=False))},
    ),
    Mutation(
        "an operation's server elsewhere is left out",
        ("addresses",),
        {"gateway.servers:why_unservable": _is(lambda *_: None)},
    ),
    Mutation(
        "an operation's own server goes first",
        ("addresses",),
        {"gateway.servers:base_of_operation": _does(_first_server)},
    ),
    Mutation(
        "references lead anywhere",
        ("addresses",),
        {"gateway.addresses:address_of": _does(lambda _, base, ref: urljoin(base, ref))},
    ),
    Mutation(
        "links lead out of the folder",
        ("addresses",),
        {
            "pathlib:PurePath.is_relative_to": _is(lambda self, *other: True),
            "pathlib:PurePath.relative_to": _is(lambda self, *other: self),
            "gateway.spec.parts:_is_hidden": _is(lambda path: False),
        },
    ),
    Mutation(
        "a spec redirects anywhere", ("addresses",), {"yarl:URL.origin": _is(lambda self: "same")}
    ),
    Mutation(
        "any address is connected to",
        ("addresses",),
        {"gateway.guarded:Guard.check": _is(lambda self, text: None)},
    ),
    Mutation(
        "no address is never asked",
        ("addresses",),
        {"gateway.guarded:is_never": _is(lambda address: False)},
    ),
    # --- 3: secrets
    Mutation(
        "bodies are not masked",
        ("answers",),
        {"gateway.pipeline.mask:Mask.body": _is(lambda self, body: body)},
    ),
    Mutation(
        "pieces of bodies are not masked",
        ("answers",),
        {"gateway.pipeline.mask:Mask.search": _is(lambda self: _SEARCH)},
    ),
    Mutation(
        "headers are not masked",
        ("answers",),
        {"gateway.pipeline.mask:Mask.headers": _is(lambda self, headers: headers)},
    ),
    Mutation(
        "escaped secrets are not seen",
        ("answers",),
        {"gateway.pipeline.mask:_Escapes.of": _is(lambda self, text: None)},
    ),
    Mutation(
        "coded secrets are not seen",
        ("answers",),
        {"gateway.pipeline.mask:_forms": _does(lambda _, secret: [secret.encode()])},
    ),
    Mutation(
        "an empty secret is one",
        ("callers",),
        {"gateway.config.secrets:_usable": _is(lambda value, what: value)},
    ),
    # --- 4: callers are kept apart
    Mutation(
        "nobody proves himself",
        ("callers",),
        {"gateway.pipeline.auth:step": _is(lambda plugin, inner: inner)},
    ),
    Mutation(
        "the beginning of a token is enough",
        ("callers",),
        {"gateway.pipeline.auth:_digest": _does(lambda f, secret: f(secret[:8]))},
    ),
    Mutation(
        "tokens are compared by nothing",
        ("callers",),
        {
            "gateway.pipeline.auth:hmac": _is(
                SimpleNamespace(compare_digest=lambda one, other: True)
            )
        },
        here=True,
    ),
    Mutation(
        "any scheme will do", ("callers",), {"gateway.pipeline.auth:_shown": _does(_any_scheme)}
    ),
    Mutation(
        "answers are stored for everyone",
        ("callers",),
        {"gateway.caching.key:partition_of": _is(lambda *_: b"")},
    ),
    Mutation(
        "forwarded headers are not in the key",
        ("callers",),
        {
            "gateway.pipeline.cache_keys:_sent": _does(
                lambda f, call, request, forward: request.headers
            )
        },
    ),
    Mutation(
        "headers of arguments are not in the key",
        ("callers",),
        {
            "gateway.pipeline.cache_keys:_sent": _does(
                lambda f, call, request, forward: f(call, request._replace(headers=()), forward)
            )
        },
    ),
    Mutation(
        "everything is kept",
        ("callers",),
        {"gateway.caching.storing:forbidden": _is(lambda *_, **__: "")},
    ),
    Mutation(
        "nobody is limited",
        ("callers",),
        {"gateway.pipeline.limit:step": _is(lambda operation, limiter, inner: inner)},
    ),
    Mutation(
        "every peer is a trusted proxy",
        ("headers", "browsers"),
        {"gateway.app:Gateway.__post_init__": _does(_trusting)},
    ),
    Mutation(
        "every address is a platform's",
        ("headers",),
        {"gateway.pipeline.limit:_PLATFORM": _is((ipaddress.ip_network("0.0.0.0/0"),))},
    ),
    # --- 5: headers
    Mutation(
        "all headers go on", ("headers",), {"gateway.pipeline.fetch:composer": _does(_all_headers)}
    ),
    Mutation(
        "a config may forward any header",
        ("headers",),
        {"gateway.config.headers:check": _is(lambda plugin: iter(()))},
    ),
    Mutation(
        "all headers come back", ("answers",), {"gateway.pipeline.passing:_PASS": _is(_All())}
    ),
    Mutation(
        "a Location leads anywhere",
        ("answers",),
        {"gateway.pipeline.locate:locator": _is(lambda plugin: lambda value: value)},
    ),
    Mutation(
        "shared caches may keep anything",
        ("answers",),
        {"gateway.pipeline.passing:_private": _is(lambda value: value)},
    ),
    Mutation(
        "error pages are told as they are",
        ("answers",),
        {"gateway.pipeline.upstream_error:_page_text": _is(lambda page: page)},
    ),
    # --- 6: browsers
    Mutation(
        "pages of others may call",
        ("browsers",),
        {"gateway.browsers:Browsers.refuse_foreign": _is(lambda self, request: None)},
    ),
    Mutation(
        "every host is ours",
        ("browsers",),
        {"gateway.browsers:Browsers.is_ours": _is(lambda self, host: True)},
    ),
    Mutation(
        "every origin may read",
        ("browsers",),
        {"gateway.browsers:Browsers.allow": _does(_reflecting)},
    ),
    Mutation(
        "what an upstream sends may run",
        ("answers",),
        {"gateway.pipeline.shrink:_Maker.answer": _does(_runs)},
    ),
    # --- 8: signing in
    Mutation(
        "browsers are sent anywhere",
        ("signing",),
        {"gateway.oauth.redirects:allowed": _is(lambda patterns: lambda url: True)},
    ),
    Mutation(
        "any client may exchange a code",
        ("signing",),
        {
            "gateway.oauth.requests:hmac": _is(
                SimpleNamespace(compare_digest=lambda one, other: True)
            )
        },
        here=True,
    ),
]
