"""Pieces of hostile specs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def answer(schema: Any) -> dict[str, Any]:
    """An operation that answers with a schema."""
    content = {"application/json": {"schema": schema}}
    return {"responses": {"200": {"description": "", "content": content}}}


def spec(paths: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A document with these paths."""
    info = {"title": "T", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "paths": paths, **more}


def of_schema(schema: Any, schemas: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A document in which a schema is an answer, a body and an argument."""
    media = {"application/json": {"schema": schema}}
    parameter = {"name": "q", "in": "query", "schema": schema}
    return spec(
        {
            "/a": {
                "get": {"operationId": "get", "parameters": [parameter], **answer(schema)},
                "post": {"operationId": "post", "requestBody": {"content": media}, **answer({})},
            }
        },
        components={"schemas": dict(schemas or {})},
        **more,
    )


def dumped(document: Any) -> bytes:
    """As JSON."""
    return json.dumps(document).encode()


HEAD = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {responses: {}}}}\n"


def in_yaml(rest: str) -> bytes:
    """A small spec in YAML with more behind it."""
    return (HEAD + rest).encode()


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
