"""What the door needs to know of one plugin, compiled when it is loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from gateway.config import types
from gateway.faces import FACES, Maker
from gateway.faces.mcp import Endpoint, may_serve, of_plugin
from gateway.faces.tool import tools_of
from gateway.oauth import Relay
from gateway.pipeline import Plan
from gateway.pipeline.auth import Check, check_of
from gateway.plugin import Operation, Plugin
from gateway.profiles import PROFILES
from gateway.routes import Routes
from gateway.shrinking import count

_SPEC = "/openapi.yaml"  # the form that plugins' models read
_SOME_BASE = "https://gateway.example/plugin"  # for counting; the true one is not known at start


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One plugin at its addresses; `waiting` says why it is not ready, if it is not."""

    name: str
    hosts: tuple[str, ...] = ()
    plugin: Plugin | None = None
    plans: Mapping[str, Plan] = field(default_factory=dict)
    documents: Mapping[str, Maker] = field(default_factory=dict)
    routes: Routes = field(default_factory=lambda: Routes(()))
    relay: Relay | None = None
    check: Check | None = None  # who calls; None where nobody is asked
    varies: Mapping[str, str] = field(default_factory=dict)  # headers, by operation
    filled: frozenset[str] = frozenset()  # the operations that have arguments out of headers
    mcp: Endpoint | None = None  # None where MCP forbids what the plugin's auth asks
    spoken: Mapping[str, Plan] = field(default_factory=dict)  # the plans of calls over MCP
    fit: Fit | None = None  # None where it is fitted to a client already
    by_token: frozenset[str] = frozenset()  # names of service tokens that are profiles'
    waiting: str = ""  # for callers: it names neither addresses nor files
    spec_tokens: int = 0  # of the served spec; 0 where it is fitted to a client


Fit = Callable[[str], Awaitable[Site]]  # the same plugin, fitted to a client: by profile


def site_of(
    plugin: Plugin,
    plans: Mapping[str, Plan],
    relay: Relay | None = None,
    *,
    spoken: Mapping[str, Plan] | None = None,
    fit: Fit | None = None,
    longest: int | None = None,
) -> Site:
    """Compile what the door needs to know of a plugin.

    Args:
        plugin: The plugin.
        plans: Of its operations.
        relay: Of its sign-in.
        spoken: The plans of calls over MCP, where they are others.
        fit: Fits it to a client.
        longest: What its client takes of a tool's name, in characters.
    """
    documents: dict[str, Maker] = {}
    for face in FACES.values():
        documents.update(face(plugin))
    tools = tools_of(plugin.shown)
    auth = plugin.config.auth
    service = auth.service if isinstance(auth, types.Auth) else None
    return Site(
        name=plugin.name,
        hosts=tuple(host.lower() for host in plugin.config.hosts),
        plugin=plugin,
        plans=plans,
        documents=documents,
        routes=Routes(plugin.operations.values()),
        relay=relay,
        check=check_of(plugin),
        varies={name: _varies(plugin, one) for name, one in plugin.operations.items()},
        filled=frozenset(name for name, one in plugin.operations.items() if _filled(one)),
        mcp=of_plugin(plugin.shown, tools, longest) if may_serve(plugin) else None,
        spoken=plans if spoken is None else spoken,
        fit=fit,
        by_token=frozenset(service.tokens if service and fit else ()) & PROFILES.keys(),
        spec_tokens=count(documents[_SPEC](_SOME_BASE, "").body) if fit is not None else 0,
    )


def _varies(plugin: Plugin, operation: Operation) -> str:
    """The headers of callers that the upstream is shown, for Vary."""
    shown = (*plugin.config.upstream.forward, *_filled(operation))
    return ", ".join({name.lower(): name for name in shown}.values())


def _filled(operation: Operation) -> list[str]:
    """The headers of callers that are arguments."""
    entries = operation.parameters.values()
    return [one.header for one in entries if one != "hide" and one.header is not None]
