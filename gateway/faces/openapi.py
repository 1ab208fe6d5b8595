"""The openapi face: the trimmed spec as the gateway serves it.

One OpenAPI 3.1 document is written from the plugin's operations alone: our names and words,
JSON bodies, form-style query arrays, the answer's schema from the very rules that shrink it,
one `default` error, our own security scheme. `spec.render` then makes it 3.0.3 or 3.1.1.
Sources: OpenAPI 3.1 §4.8; `x-openai-isConsequential` of GPT Actions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gateway.config import types
from gateway.errors import NotFound
from gateway.faces import yaml_text
from gateway.faces.components import Components, Shared
from gateway.faces.documents import BASE, Document, Maker, template
from gateway.faces.fitting import fitted
from gateway.faces.operations import operation_object, told
from gateway.faces.outline import outline
from gateway.faces.schemas import Scale
from gateway.faces.weight import advice
from gateway.oauth.addresses import published
from gateway.plugin import Plugin
from gateway.shrinking import count
from gateway.spec.render import Version, render
from gateway.values import Degraded

# What `?version=` takes. 3.0 is what every plugin client reads.
VERSIONS = {"": "3.0", "3.0": "3.0", "3.0.3": "3.0", "3.1": "3.1", "3.1.1": "3.1"}

_SOME_BASE = "https://gateway.example/plugin"
_CHARACTERS = 12  # for each token of the budget: more than that is not looked at

_ERROR = {
    "type": "object",
    "description": "Why a call was not answered, and what to do.",
    "required": ["code", "title", "status", "detail"],
    "properties": {
        "code": {"type": "string", "description": "One word for the kind of error."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong and what is allowed."},
        "retry_after": {"type": "number", "description": "Seconds to wait before trying again."},
        "example": {"description": "Arguments that would do."},
        "call_id": {"type": "string", "description": "What the operator finds the call by."},
    },
}
_ERROR_RESPONSE = {
    "description": "The call failed; an error of the API itself comes as the API wrote it.",
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Error"}},
        "application/json": {"schema": {}},
    },
}


def documents(plugin: Plugin) -> Mapping[str, Maker]:
    """Make `/openapi.yaml` and `/openapi.json`."""
    as_yaml: dict[str, Maker] = {}
    as_json: dict[str, Maker] = {}
    for version, served in describe(plugin, BASE).items():
        as_yaml[version] = template(served.text, "application/yaml")
        as_json[version] = template(
            json.dumps(served.document, ensure_ascii=False, separators=(",", ":")),
            "application/json",
        )
    return {"/openapi.yaml": _by_version(as_yaml), "/openapi.json": _by_version(as_json)}


def _by_version(makers: Mapping[str, Maker]) -> Maker:
    def make(base_url: str, version: str) -> Document:
        if version not in VERSIONS:
            raise NotFound(
                f"version {version[:20]!r} of this document is not served; "
                "ask for ?version=3.0 (the default) or ?version=3.1"
            )
        return makers[VERSIONS[version]](base_url, "")

    return make


@dataclass(frozen=True, slots=True)
class Served:
    """One version of the document, as YAML too; and what was shortened or left out for it."""

    document: dict[str, Any]
    text: str
    tokens: int  # of the YAML
    ledger: tuple[Degraded, ...]


def describe(plugin: Plugin, base_url: str) -> dict[Version, Served]:
    """Write the OpenAPI documents of a plugin, each within its `spec_budget` if that can be."""
    plugin = plugin.shown
    shared = Shared(plugin)

    def write(version: Version, scale: Scale, shown: Collection[int] | None) -> Served:
        document, ledger = _describe(plugin, base_url, Components.of(shared, scale, shown))
        rendered = render(document, version)
        text = yaml_text.write(rendered)
        # The base URL is not known yet, and what stands for it differs from start to start.
        tokens = count(text.replace(BASE, _SOME_BASE).encode())
        return Served(rendered, text, tokens, ledger)

    budget = plugin.config.spec_budget
    levels = outline(plugin, shared, budget * _CHARACTERS)
    older = fitted(partial(write, "3.0"), levels, budget)
    newer = fitted(partial(write, "3.1"), levels, budget, older)
    served: dict[Version, Served] = {"3.0": older.written, "3.1": newer.written}
    if (older.scale, older.levels) == (0, len(levels.levels)):
        return served
    note = f"what the spec says is shortened to keep within spec_budget, {budget:,} tokens"
    hint = advice(plugin)
    line = Degraded("", f"{note}; {hint}" if hint else note)
    return {version: replace(one, ledger=(line, *one.ledger)) for version, one in served.items()}


def _describe(
    plugin: Plugin, base_url: str, components: Components
) -> tuple[dict[str, Any], tuple[Degraded, ...]]:
    """Write the document as OpenAPI 3.1, on the scale of its components.

    Returns:
        The document, and the ledger.
    """
    ledger: list[Degraded] = []
    paths: dict[str, dict[str, Any]] = {}
    for operation in plugin.operations.values():
        written, noted = operation_object(operation, components)
        paths.setdefault(operation.address, {})[operation.method.lower()] = written
        ledger += noted
    schemas, before, after = components.schemas()
    ledger += [Degraded("", note) for note in told(before, after, "in shared schemas")]
    security = security_of(plugin.config.auth, base_url)
    document = {
        "openapi": "3.1.1",
        "info": {
            "title": plugin.title,
            # The default description lists the operations, and they stand right below.
            "description": plugin.description if plugin.config.description else plugin.summary,
            "version": plugin.version or "1",
        },
        "servers": [{"url": base_url}],
        **({"security": [{"auth": security[1]}]} if security else {}),
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "responses": {"Error": _ERROR_RESPONSE},
            **({"securitySchemes": {"auth": security[0]}} if security else {}),
        },
    }
    return document if _is_plain(document) else plain(document), tuple(ledger)


def _is_plain(document: dict[str, Any]) -> bool:
    """Whether JSON and UTF-8 can hold a document as it is: nearly always, and found out fast."""
    try:
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # an infinity, or a lone surrogate
        return False
    return True


def security_of(auth: types.Auth | str, base_url: str) -> tuple[dict[str, Any], list[str]] | None:
    """The security scheme of an auth kind, and the scopes that every call needs."""
    if isinstance(auth, str):
        return None
    if auth.oauth is not None:
        scopes = auth.oauth.scope.split()
        client_url, token_url = published(auth.oauth, base_url)
        flow = {
            "authorizationUrl": client_url,
            "tokenUrl": token_url,
            "scopes": dict.fromkeys(scopes, ""),
        }
        return {"type": "oauth2", "flows": {"authorizationCode": flow}}, scopes
    kind = auth.service or auth.user
    return ({"type": "http", "scheme": kind.scheme}, []) if kind else None


def plain(value: Any) -> Any:
    """Make a value one that JSON and YAML can hold and UTF-8 can carry.

    A spec may bring lone surrogates, infinities and keys that are no texts.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
