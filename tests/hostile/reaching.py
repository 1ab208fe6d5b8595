"""Specs that name a canary wherever a reference or an address may stand."""

from __future__ import annotations

from typing import Any

from tests.hostile.texts import answer, spec


def documents(target: str) -> dict[str, dict[str, Any]]:
    """By the place that names it: documents with a `target` that is never to be asked for."""
    ref = {"$ref": target}
    ok = answer({"type": "string"})
    media = {"application/json": {"schema": {"type": "string"}}}

    def get(operation: dict[str, Any], **more: Any) -> dict[str, Any]:
        return spec({"/ok": {"get": ok}, "/a": {"get": {**ok, **operation}}}, **more)

    def schema(one: dict[str, Any], **more: Any) -> dict[str, Any]:
        return get(answer(one), **{"openapi": "3.1.0", **more})

    return {
        "schema": schema(ref),
        "schema-beside": schema({**ref, "description": "x"}),
        "schema-property": schema({"properties": {"a": ref, "$ref": {"type": "string"}}}),
        "schema-all-of": schema({"allOf": [ref]}),
        "schema-id": schema({"$id": target, "properties": {"a": {"$ref": "b.json"}}}),
        "schema-id-anchor": schema({"$id": target, "properties": {"a": {"$ref": "#b"}}}),
        "schema-dialect": schema({"$schema": target, "type": "object"}),
        "dialect": schema({}, jsonSchemaDialect=target),
        "dynamic-ref": schema({"$dynamicRef": target, "$recursiveRef": target}),
        "vocabulary": schema({"$vocabulary": {target: True}}),
        "self": schema({"$ref": "b.json"}, **{"openapi": "3.2.0", "$self": target}),
        "discriminator": schema(
            {"oneOf": [ref], "discriminator": {"propertyName": "k", "mapping": {"a": target}}}
        ),
        "content-schema": schema({"contentMediaType": "application/json", "contentSchema": ref}),
        "parameter": get({"parameters": [ref]}),
        "parameters": get({"parameters": ref}),
        "parameter-schema": get({"parameters": [{"name": "a", "in": "query", "schema": ref}]}),
        "parameter-example": get(
            {
                "parameters": [
                    {
                        "name": "a", "in": "query", "schema": {"type": "string"},
                        "examples": {"a": {"externalValue": target}, "b": ref},
                    }
                ]
            }
        ),
        "body": get({"requestBody": ref}),
        "body-example": get(
            {"requestBody": {"content": {"application/json": {"examples": {"a": ref}}}}}
        ),
        "response": get({"responses": {"200": ref}}),
        "responses": get({"responses": ref}),
        "default-response": get({"responses": {"200": {"content": media}, "default": ref}}),
        "response-header": get({"responses": {"200": {"headers": {"X": ref}, "content": media}}}),
        "response-link": get(
            {"responses": {"200": {"content": media, "links": {"l": {"operationRef": target}}}}}
        ),
        "content": get({"responses": {"200": {"content": ref}}}),
        "media": get({"responses": {"200": {"content": {"application/json": ref}}}}),
        "callback": get({"callbacks": {"c": ref}}),
        "description": get({"description": ref, "summary": ref, "externalDocs": {"url": target}}),
        "info": get({}, info=ref),
        "info-description": get({}, info={"title": "T", "version": "1", "description": ref}),
        "info-links": get(
            {},
            info={"title": "T", "version": "1", "termsOfService": target,
                  "contact": {"url": target}, "license": {"name": "L", "url": target}},
        ),
        "tags": get({}, tags=[{"name": "t", "description": ref, "externalDocs": {"url": target}}]),
        "tag-list": get({}, tags=ref),
        "path-item": spec({"/ok": {"get": ok}, "/a": ref}),
        "path-item-beside": spec({"/ok": {"get": ok}, "/a": {**ref, "get": ok}}),
        "operation": spec({"/ok": {"get": ok}, "/a": {"get": ref}}),
        "servers": get({}, servers=[{"url": target}]),
        "operation-servers": get({"servers": [{"url": target}]}),
        "components": get(answer({"$ref": "#/components/schemas/A"}), components=ref),
        "schemas": get(answer({"$ref": "#/components/schemas/A"}), components={"schemas": ref}),
        "component": get(
            answer({"$ref": "#/components/schemas/A"}), components={"schemas": {"A": ref}}
        ),
        "security": get(
            {"security": [{"o": []}]},
            components={
                "securitySchemes": {
                    "o": {
                        "type": "openIdConnect", "openIdConnectUrl": target,
                        "flows": {"implicit": {"authorizationUrl": target, "tokenUrl": target}},
                    }
                }
            },
        ),
        "webhooks": get({}, openapi="3.1.0", webhooks={"w": ref}),
        "extensions": get({"x-a": ref, "x-code-samples": [{"$ref": target}]}),
        "swagger-parameter": _swagger({"parameters": [ref]}),
        "swagger-body": _swagger({"parameters": [{"name": "b", "in": "body", "schema": ref}]}),
        "swagger-response": _swagger({"responses": {"200": ref}}),
        "swagger-host": {**_swagger({}), "host": target.partition("//")[2].partition("/")[0]},
    }  # fmt: skip


def _swagger(operation: dict[str, Any]) -> dict[str, Any]:
    ok = {"responses": {"200": {"description": "", "schema": {"type": "string"}}}}
    return {
        "swagger": "2.0",
        "info": {"title": "T", "version": "1"},
        "host": "api.example.com",
        "paths": {"/ok": {"get": ok}, "/a": {"get": {**ok, **operation}}},
    }
