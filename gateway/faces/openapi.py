"""The openapi face: the trimmed spec as the gateway serves it.

One OpenAPI 3.1 document is written from the plugin's operations alone: our names and words,
JSON bodies, form-style query arrays, the answer's schema from the very rules that shrink it,
one `default` error, our own security scheme. `spec.render` then makes it 3.0.3 or 3.1.1.
Sources: OpenAPI 3.1 §4.8; `x-openai-isConsequential` of GPT Actions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from gateway.config import types
from gateway.errors import NotFound
from gateway.faces import yaml_text
from gateway.faces.components import Components
from gateway.faces.documents import BASE, Document, Maker, template
from gateway.faces.operations import operation_object
from gateway.plugin import Plugin
from gateway.spec.render import render
from gateway.values import Degraded

# What `?version=` takes. 3.0 is what every plugin client reads.
VERSIONS = {"": "3.0", "3.0": "3.0", "3.0.3": "3.0", "3.1": "3.1", "3.1.1": "3.1"}

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
    document, _ = describe(plugin, BASE)
    rendered = {"3.0": render(document, "3.0"), "3.1": render(document, "3.1")}
    as_yaml = {
        version: template(yaml_text.write(each), "application/yaml")
        for version, each in rendered.items()
    }
    as_json = {
        version: template(
            json.dumps(each, ensure_ascii=False, separators=(",", ":")), "application/json"
        )
        for version, each in rendered.items()
    }
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


def describe(plugin: Plugin, base_url: str) -> tuple[dict[str, Any], tuple[Degraded, ...]]:
    """Write the OpenAPI 3.1 document of a plugin.

    Returns:
        The document, and the ledger of what was shortened or left out for it.
    """
    components = Components(plugin)
    ledger: list[Degraded] = []
    paths: dict[str, dict[str, Any]] = {}
    for operation in plugin.operations.values():
        written, noted = operation_object(operation, components)
        paths.setdefault(operation.address, {})[operation.method.lower()] = written
        ledger += noted
    schemas, shortened = components.schemas()
    if shortened:
        ledger.append(Degraded("", f"{shortened} descriptions in shared schemas are shortened"))
    security = _security(plugin.config.auth)
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
    return plain(document), tuple(ledger)


def _security(auth: types.Auth | str) -> tuple[dict[str, Any], list[str]] | None:
    """The security scheme of an auth kind, and the scopes that every call needs."""
    if isinstance(auth, str):
        return None
    if auth.oauth is not None:
        scopes = auth.oauth.scope.split()
        flow = {
            "authorizationUrl": auth.oauth.client_url,
            "tokenUrl": auth.oauth.token_url,
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
