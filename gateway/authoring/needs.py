"""What a config has to say because its spec does not, or must not be trusted to: where the API
is, and how to prove ourselves to it. Pure.

Source: OpenAPI 3.1 §4.8.27 (Security Scheme Object) and §4.8.30 (Security Requirement Object),
Swagger 2.0 (Security Definitions Object).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.authoring.catalogue import Entry
from gateway.authoring.words import one_line, split
from gateway.config.headers import OURS, TOKEN
from gateway.config.rules import PLACEHOLDER
from gateway.references import References
from gateway.servers import origin

_MOST = 20  # schemes that are looked at


@dataclass(frozen=True, slots=True)
class Server:
    """What `upstream.url` has to say; `why` is for the comment beside it, and `edit` says
    whether it is only a placeholder."""

    url: str
    why: str
    edit: bool = False


def server(servers: Sequence[str], location: str, *, from_url: bool) -> Server | None:
    """The address that the config must give; None where the spec's own will do.

    Args:
        servers: Of the spec, absolute as far as that can be.
        location: Where the spec was had.
        from_url: Whether it was fetched; it may then name its own origin only.
    """
    absolute = [one for one in servers if one.startswith(("https://", "http://"))]
    absolute.sort(key=lambda one: not one.startswith("https://"))
    if not absolute:
        text = "The spec names no server: write the base URL of the API here"
        return Server(PLACEHOLDER, text, edit=True)
    if from_url and not any(origin(one) == origin(location) for one in absolute):
        text = "The spec names this host, which is not its own; is it the right one?"
        return Server(absolute[0].rstrip("/"), text)
    return None


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to prove ourselves: what stands below `upstream.credential`, and what to set for it.

    `notes` say what a person has to know or to write; `oauth` is a suggestion for `auth`.
    `prefix` begins the names of the plugin's environment variables.
    """

    written: tuple[dict[str, Any], ...] = ()
    environment: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    prefix: str = ""
    oauth: Mapping[str, str] | None = None


def secret_headers(names: Sequence[str], plugin: str) -> dict[str, str]:
    """What a config says of the headers that its spec is asked with: from the environment."""
    prefix = prefix_of(plugin)
    return {name: f"${{{prefix}_SPEC_{'_'.join(split(name)).upper() or 'KEY'}}}" for name in names}


def prefix_of(plugin: str) -> str:
    """How the names of a plugin's environment variables begin."""
    return "_".join(split(plugin)).upper().removesuffix("_API")


def credentials(
    document: Mapping[str, Any], references: References, entries: Sequence[Entry], name: str
) -> Credentials:
    """The credential that most of the operations ask for.

    Args:
        document: The spec.
        references: Of that document.
        entries: The chosen operations.
        name: The plugin's, which the environment variables are named after.
    """
    schemes = _schemes(document, references)
    counts: dict[tuple[str, ...], int] = {}
    for entry in entries:
        asked = entry.security if entry.security is not None else document.get("security")
        wanted = _wanted(asked, schemes)
        if wanted:
            counts[wanted] = counts.get(wanted, 0) + 1
    if not counts:
        return Credentials()
    return _proposal(
        [(one, schemes[one]) for one in max(counts, key=lambda key: counts[key])], name
    )


def _schemes(document: Mapping[str, Any], references: References) -> dict[str, Mapping[str, Any]]:
    components = references.followed(document.get("components"))
    said = components.items.get("securitySchemes", document.get("securityDefinitions"))
    found = {}
    for name, raw in list((said if isinstance(said, dict) else {}).items())[:_MOST]:
        followed = references.followed(raw, components.base_of("securitySchemes"))
        found[name] = followed.items
    return found


def _wanted(asked: Any, schemes: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Of the alternatives one that a config can hold, the simplest, else the first that is known.

    One key is simpler than a name and a password: many an API takes it as either.
    """
    known = [
        tuple(one)
        for one in (asked if isinstance(asked, list) else [])
        if isinstance(one, dict) and one and all(name in schemes for name in one)
    ]
    able = [one for one in known if all(_kind(schemes[name]) not in ("oauth", "") for name in one)]
    able.sort(key=lambda one: sum(1 + (_kind(schemes[name]) == "basic") for name in one))
    return next(iter(able or known), ())


def _kind(scheme: Mapping[str, Any]) -> str:
    """`header`, `query`, `cookie`, `bearer`, `basic` or `oauth`; "" for all else."""
    kind, place = scheme.get("type"), scheme.get("in")
    if kind == "apiKey":
        return place if place in ("header", "query", "cookie") else ""
    if kind == "http":
        word = str(scheme.get("scheme")).lower()
        return word if word in ("bearer", "basic") else ""
    return {"basic": "basic", "oauth2": "oauth", "openIdConnect": "oauth"}.get(str(kind), "")


def _proposal(schemes: Sequence[tuple[str, Mapping[str, Any]]], name: str) -> Credentials:
    prefix = prefix_of(name)
    written: dict[tuple[str, str], dict[str, Any]] = {}
    environment: list[str] = []
    notes: list[str] = []
    oauth = None
    for label, scheme in schemes:
        kind = _kind(scheme)
        word = "_".join(split(label)).upper() or "KEY"
        if not environment:
            word = "API_KEY" if prefix != "API" else "KEY"
        if not word.isascii():
            word = f"KEY_{len(environment) + 1}"
        made = _written(kind, scheme, f"{prefix}_{word}", prefix)
        if isinstance(made, str):
            notes.append(made)
            oauth = oauth or (dict(_flow(scheme)) if kind == "oauth" else None)
            continue
        value, slot, variables = made
        if slot in written:
            continue
        written[slot] = value
        environment += [one for one in variables if one not in environment]
        if kind == "header" and slot[1] == "authorization":
            text = 'If the API wants a word before the key, write it there: "Token ${…}"'
            notes.append(text)
    return Credentials(tuple(written.values()), tuple(environment), tuple(notes), prefix, oauth)


def _written(
    kind: str, scheme: Mapping[str, Any], variable: str, prefix: str
) -> tuple[dict[str, Any], tuple[str, str], list[str]] | str:
    """The credential, what it would clash with, and its variables; or why there is none."""
    if kind == "bearer":
        return {kind: f"${{{variable}}}"}, ("header", "authorization"), [variable]
    if kind == "basic":
        user, password = f"{prefix}_USERNAME", f"{prefix}_PASSWORD"
        pair = {"username": f"${{{user}}}", "password": f"${{{password}}}"}
        return {kind: pair}, ("header", "authorization"), [user, password]
    if kind in ("header", "query", "cookie"):
        named = scheme.get("name")
        if not isinstance(named, str) or not _is_name(kind, named):
            shown = one_line(str(named), 60)
            return f"The spec asks for a key in the {kind} {shown!r}, which is no name"
        value = {"name": named.replace("${", "$${"), "value": f"${{{variable}}}"}
        return {kind: value}, (kind, named.lower()), [variable]
    if kind == "oauth":
        return "The API asks for OAuth: users sign in (auth: oauth), or a token of your own is sent"
    return f"The API asks for {one_line(str(scheme.get('type')), 40)}, which is not supported"


def _is_name(kind: str, name: str) -> bool:
    if kind == "query":
        return bool(name.strip()) and name.isprintable()
    return bool(TOKEN.fullmatch(name)) and name.lower() not in (*OURS, "cookie")


def _flow(scheme: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a config's `auth: {oauth: …}` takes of a scheme."""
    flows = scheme.get("flows")
    flow: Any = scheme  # Swagger 2
    if isinstance(flows, dict):
        flow = flows.get("authorizationCode") or next(iter(flows.values()), {})
    flow = flow if isinstance(flow, dict) else {}
    for key, said in (("client_url", "authorizationUrl"), ("token_url", "tokenUrl")):
        url = flow.get(said)
        yield key, url if isinstance(url, str) and url else f"{PLACEHOLDER}/oauth/{key[:5]}"
    scopes = flow.get("scopes")
    if isinstance(scopes, dict) and scopes:
        yield "scope", " ".join(map(str, list(scopes)[:10]))
