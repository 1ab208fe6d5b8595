"""An API without any OpenAPI document, written in place: config → OpenAPI 3.1 document.

The document then takes the same way as every other, so that nothing behind it knows the
difference. Pure. Source: OpenAPI 3.1 Paths Object, Parameter Object.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.config import types
from gateway.definitions import Definitions

_SCHEMA_KEYS = tuple(key for key in types.IN_PLACE_KEYS if key != "in")


def document(plugin: types.Plugin) -> dict[str, Any]:
    """Write the OpenAPI document that the operations of `plugin` describe.

    Every operation has `call: METHOD /path`; `config` has checked that.
    """
    paths: dict[str, dict[str, Any]] = {}
    shared = Definitions()
    operations = plugin.operations if isinstance(plugin.operations, dict) else {}
    for name, operation in operations.items():
        if operation is None or operation.call is None:
            continue
        method, _, path = operation.call.partition(" ")
        paths.setdefault(path.strip(), {})[method.lower()] = _operation(name, operation, shared)
    return {
        "openapi": "3.1.1",
        "info": {"title": plugin.title or plugin.plugin, "version": "1"},
        "servers": [{"url": plugin.upstream.url}] if plugin.upstream.url else [],
        "paths": paths,
        **({"components": {"schemas": shared.schemas}} if shared.schemas else {}),
    }


def _operation(name: str, operation: types.Operation, shared: Definitions) -> dict[str, Any]:
    reply: dict[str, Any] = {"description": "Success"}
    if operation.returns is not None:
        returns = shared.lifted(operation.returns, name)
        reply["content"] = {"application/json": {"schema": returns}}
    written: dict[str, Any] = {
        "operationId": name,
        "parameters": [
            _parameter(name, parameter)
            for name, parameter in operation.parameters.items()
            if isinstance(parameter, types.Parameter) and parameter.place is not None
        ],
        "responses": {"200": reply},
    }
    if operation.body is not None:
        written["requestBody"] = {
            "required": bool(operation.body.get("required")),
            "content": {"application/json": {"schema": shared.lifted(operation.body, name)}},
        }
    return written


def _parameter(name: str, parameter: types.Parameter) -> dict[str, Any]:
    plain = msgspec.to_builtins(parameter)
    schema = {key: plain[key] for key in _SCHEMA_KEYS if plain.get(key) is not None}
    return {
        "name": parameter.source or name,
        "in": parameter.place,
        "required": parameter.place == "path" or bool(parameter.required),
        "schema": schema or {"type": "string"},
    }
