"""Every place of small valid specs, given something of the wrong type in turn."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from gateway.errors import Mistakes, SpecError
from gateway.spec.document import parse
from tests.draws.checks import faults
from tests.draws.drawing import config, serve

WRONG: tuple[Any, ...] = (
    None,
    0,
    "",
    [],
    {},
    "x",
    [1],
    True,
    {"$ref": "#/x"},
    {"a": {"b": [None]}},
    -1.5,
)
_GONE = object()

SCHEMAS: dict[str, Any] = {
    "Pet": {
        "type": "object",
        "title": "A pet",
        "description": "One.",
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 9,
                "pattern": "^a",
                "default": "a",
            },
            "kind": {"type": "string", "enum": ["cat", "dog"], "nullable": True},
            "age": {"type": "integer", "format": "int32", "minimum": 0, "exclusiveMinimum": True},
            "tags": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "uniqueItems": True,
            },
            "owner": {"$ref": "#/components/schemas/Owner"},
            "map": {"type": "object", "additionalProperties": {"type": "number", "multipleOf": 2}},
            "either": {"oneOf": [{"type": "string"}, {"$ref": "#/components/schemas/Owner"}]},
        },
        "example": {"name": "a"},
    },
    "Owner": {
        "allOf": [{"type": "object", "properties": {"id": {"type": "string", "readOnly": True}}}],
        "discriminator": {"propertyName": "id", "mapping": {"x": "#/components/schemas/Pet"}},
    },
}
_JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}, "example": {}}}
OPENAPI: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {
        "title": "T",
        "version": "1",
        "description": "D",
        "contact": {"email": "a@example.com"},
    },
    "servers": [
        {"url": "https://{r}.example.com", "variables": {"r": {"default": "a", "enum": ["a"]}}}
    ],
    "security": [{"key": []}],
    "tags": [{"name": "t"}],
    "paths": {
        "/pets/{id}": {
            "summary": "S",
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {
                "operationId": "getPet",
                "tags": ["t"],
                "parameters": [
                    {"$ref": "#/components/parameters/limit"},
                    {
                        "name": "filter",
                        "in": "query",
                        "style": "deepObject",
                        "explode": True,
                        "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
                    },
                    {"name": "f", "in": "query", "content": {"application/json": {"schema": {}}}},
                ],
                "responses": {
                    "200": {"description": "OK", "content": _JSON, "headers": {}, "links": {}},
                    "default": {"$ref": "#/components/responses/Error"},
                },
            },
            "put": {
                "summary": "Put",
                "requestBody": {"required": True, "description": "B", "content": _JSON},
                "responses": {"204": {"description": "Gone"}},
                "callbacks": {},
                "security": [],
                "servers": [{"url": "/v2"}],
            },
            "post": {
                "requestBody": {
                    "content": {
                        "multipart/form-data": {
                            "schema": {
                                "type": "object",
                                "properties": {"file": {"type": "string", "format": "binary"}},
                            },
                            "encoding": {"file": {"contentType": "image/png", "style": "form"}},
                        }
                    }
                },
                "responses": {
                    "2XX": {
                        "description": "",
                        "content": {"text/plain": {"schema": {"type": "string"}}},
                    }
                },
            },
        }
    },
    "components": {
        "schemas": SCHEMAS,
        "parameters": {
            "limit": {
                "name": "limit",
                "in": "query",
                "description": "L",
                "example": 1,
                "schema": {"type": "integer", "default": 10, "maximum": 100},
            }
        },
        "responses": {
            "Error": {"description": "E", "content": {"application/json": {"schema": {}}}}
        },
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "K"}},
    },
}
OPENAPI_31: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "T", "version": "1", "summary": "S"},
    "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
    "paths": {
        "/a": {
            "get": {
                "parameters": [
                    {
                        "name": "a",
                        "in": "query",
                        "schema": {"type": ["string", "null"], "examples": ["a"]},
                    }
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "$ref": "#/components/schemas/A",
                                    "description": "Beside it.",
                                }
                            }
                        }
                    }
                },
            }
        }
    },
    "webhooks": {"w": {}},
    "components": {
        "schemas": {
            "A": {
                "$id": "https://example.com/a",
                "$defs": {"d": {"const": 1}},
                "type": "object",
                "properties": {
                    "a": {"$ref": "#/components/schemas/A/$defs/d"},
                    "n": {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
                    "l": {"prefixItems": [{"type": "string"}], "contains": {}, "minContains": 1},
                },
                "patternProperties": {"^x": {"type": "string"}},
                "propertyNames": {"maxLength": 3},
                "if": {"required": ["a"]},
                "then": {"required": ["n"]},
                "else": False,
                "dependentRequired": {"a": ["n"]},
                "dependentSchemas": {"a": {"minProperties": 1}},
                "unevaluatedProperties": False,
                "contentMediaType": "application/json",
            }
        }
    },
}
SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "T", "version": "1"},
    "host": "example.com",
    "basePath": "/v1",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "paths": {
        "/a/{id}": {
            "get": {
                "operationId": "a",
                "parameters": [
                    {"$ref": "#/parameters/id"},
                    {
                        "name": "l",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": "pipes",
                        "default": ["a"],
                        "enum": ["a"],
                    },
                ],
                "responses": {
                    "200": {"description": "", "schema": {"$ref": "#/definitions/A"}},
                    "400": {"$ref": "#/responses/E"},
                },
            },
            "post": {
                "consumes": ["multipart/form-data"],
                "parameters": [
                    {"$ref": "#/parameters/id"},
                    {"name": "f", "in": "formData", "type": "file", "required": True},
                ],
                "responses": {"201": {"description": "", "schema": {"type": "file"}}},
            },
            "put": {
                "parameters": [
                    {"$ref": "#/parameters/id"},
                    {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/A"}},
                ],
                "responses": {"200": {"description": ""}},
            },
        }
    },
    "parameters": {"id": {"name": "id", "in": "path", "required": True, "type": "integer"}},
    "responses": {"E": {"description": ""}},
    "definitions": {
        "A": {
            "type": "object",
            "x-nullable": True,
            "properties": {"b": {"type": "string", "format": "byte"}},
        }
    },
}
DOCUMENTS = {"3.0": OPENAPI, "3.1": OPENAPI_31, "2.0": SWAGGER}


def variants(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node in turn replaced by each wrong value, or left out: what, and the document."""
    for path in _paths(document):
        for value in (*WRONG, _GONE):
            changed = copy.deepcopy(document)
            node: Any = changed
            for step in path[:-1]:
                node = node[step]
            if value is _GONE:
                del node[path[-1]]
            else:
                node[path[-1]] = value
            where = "/".join(map(str, path))
            yield f"{where} = {'(gone)' if value is _GONE else json.dumps(value)}", changed


def _paths(node: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    pairs = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in pairs:
        yield (*at, key)
        yield from _paths(value, (*at, key))


def wrong(document: dict[str, Any], *, checked: bool) -> list[str]:
    """What is wrong with how a spec is taken: it is refused, or what is served is valid."""
    try:
        served = serve(config("all"), parse(json.dumps(document).encode(), "spec.json"))
    except (Mistakes, SpecError):
        return []
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f"{at.tb_frame.f_code.co_filename.rpartition('/')[2]}:{at.tb_lineno}" if at else ""
        return [f"{type(error).__name__}: {str(error)[:200]} ({where})"]
    return [f"{one.kind} {one.version}: {one.what}" for one in faults(served)] if checked else []
