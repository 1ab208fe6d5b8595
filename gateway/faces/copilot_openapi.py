"""The OpenAPI document for Microsoft 365 Copilot: a plugin in the form that this platform reads.

No objects in arguments, no unions, no references. An operation whose body is more than plain
values is called by name, where the text of an object's JSON is read as the object. Answers are
shown as deep as `spec_budget` holds.
Source: Microsoft's pages on OpenAPI documents for Copilot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any

from gateway.faces.flat import Flat, Full, answer, flat
from gateway.faces.openapi import plain, security_of
from gateway.faces.texts import LONGEST, Words, shorten
from gateway.media import kind
from gateway.plugin import Operation, Plugin
from gateway.shrinking import TEXT, Shapes, count
from gateway.unseen import visible
from gateway.values import Argument

# How deep answers are shown, and how many characters of the spec's words in them.
_DEPTHS = ((5, LONGEST), (4, 100), (3, 60), (3, 0), (2, 0), (0, 0))
_WITH_BODY = ("POST", "PUT", "PATCH")
_NO_CONTENT = ("204", "205")


def copilot_openapi(plugin: Plugin, base_url: str) -> dict[str, Any]:
    """Write the OpenAPI 3.0 document for Copilot, within `spec_budget` if that can be."""
    plugin, words = plugin.shown, Words(plugin.config)
    budget = plugin.config.spec_budget
    calls = [
        (one, Shapes(one.shrinker.components), *_request(plugin, one, words))
        for one in plugin.operations.values()
    ]
    security = security_of(plugin.config.auth, base_url)
    document: dict[str, Any] = {
        "openapi": "3.0.3",  # of all versions the one that every reader of such documents takes
        "info": {
            "title": plugin.title,
            "description": plugin.description if plugin.config.description else plugin.summary,
            "version": plugin.version or "1",
        },
        "servers": [{"url": base_url}],
        **({"security": [{"auth": security[1]}]} if security else {}),
        "paths": {},
        **({"components": {"securitySchemes": {"auth": security[0]}}} if security else {}),
    }

    def written(depth: int, longest: int, room: Iterator[object]) -> dict[str, Any]:
        told = partial(_shortened, words, longest)
        paths: dict[str, dict[str, Any]] = {}
        for operation, shapes, address, method, request in calls:
            responses = _responses(operation, shapes, depth, told, room)
            paths.setdefault(address, {})[method] = {**request, "responses": responses}
        return {**document, "paths": paths}

    for depth, longest in _DEPTHS:
        try:  # each schema takes a token at least
            served = written(depth, longest, repeat(None, budget))
        except Full:
            continue
        text = json.dumps(served, ensure_ascii=False, separators=(",", ":"))
        if count(text.encode("utf-8", "replace")) <= budget:
            break
    else:
        served = written(*_DEPTHS[-1], repeat(None))
    whole: dict[str, Any] = plain(served)
    return whole


def _request(plugin: Plugin, operation: Operation, words: Words) -> tuple[str, str, dict[str, Any]]:
    """Where an operation is called, with which method, and the object without its responses."""
    forms = {one.name: flat(one.schema, plugin.components) for one in operation.arguments}
    in_body = [one for one in operation.arguments if one.served == "body"]
    by_name = bool(in_body) and not _is_plain(operation, in_body, forms)
    if by_name:
        in_body = list(operation.arguments)
    parameters = [
        _parameter(one, forms[one.name], words)
        for one in operation.arguments
        if one.served != "body" and not by_name
    ]
    written: dict[str, Any] = {
        "operationId": operation.name,
        "summary": as_words(operation.name),
        "description": said(operation, words),
        "x-openai-isConsequential": operation.consequential,
        **({"parameters": parameters} if parameters else {}),
    }
    if in_body:
        written["requestBody"] = _body(operation, in_body, forms, words, by_name=by_name)
    if by_name:
        return f"/call/{operation.name}", "post", written
    return operation.address, operation.method.lower(), written


def _is_plain(
    operation: Operation, arguments: Sequence[Argument], forms: Mapping[str, Flat]
) -> bool:
    """Whether a body can be sent as it is: JSON of plain values, with a method that has one."""
    body = operation.spec.body
    return (
        operation.method in _WITH_BODY
        and (body is None or body.kind in ("json", "form"))
        and all(one.source and forms[one.name].exact for one in arguments)
    )


def _parameter(argument: Argument, form: Flat, words: Words) -> dict[str, Any]:
    described = _told(argument, form, words)
    is_query_list = argument.served == "query" and form.schema["type"] == "array"
    return {
        "name": argument.name,
        "in": argument.served,
        **({"description": described} if described else {}),
        **({"required": True} if argument.required or argument.served == "path" else {}),
        **({"style": "form", "explode": True} if is_query_list else {}),
        "schema": form.schema,
    }


def _body(
    operation: Operation,
    arguments: Sequence[Argument],
    forms: Mapping[str, Flat],
    words: Words,
    *,
    by_name: bool,
) -> dict[str, Any]:
    properties = {}
    for one in arguments:
        described = _told(one, forms[one.name], words)
        description = {"description": described} if described else {}
        properties[one.name] = {**forms[one.name].schema, **description}
    required = [one.name for one in arguments if one.required or (one.together and not by_name)]
    body = operation.spec.body
    is_needed = any(one.required for one in arguments) or (body is not None and body.required)
    schema = {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
    }
    return {
        **({"required": True} if is_needed else {}),
        "content": {"application/json": {"schema": schema}},
    }


def _told(argument: Argument, form: Flat, words: Words) -> str:
    said = argument.description or str(argument.schema.get("description") or "")
    room = max(0, LONGEST - len(form.told) - 1) if form.told else LONGEST
    return " ".join(filter(None, (words.fit(said, room), form.told)))


def _responses(
    operation: Operation, shapes: Shapes, depth: int, fit: partial[str], room: Iterator[object]
) -> dict[str, Any]:
    reply = operation.spec.reply
    status = reply.status if re.fullmatch("2[0-9]{2}", reply.status) else "200"
    success: dict[str, Any] = {
        "description": shorten(visible(reply.description), LONGEST) or "Success"
    }
    if status not in _NO_CONTENT and operation.method != "HEAD":
        success["content"] = _content(operation, shapes, depth, fit, room)
    return {status: success, "default": {"description": "Why the call failed, and what to do."}}


def _content(
    operation: Operation, shapes: Shapes, depth: int, fit: partial[str], room: Iterator[object]
) -> dict[str, Any]:
    if not is_json(operation):
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    is_text = kind(operation.spec.reply.content_type) != "json"
    served = TEXT if is_text else operation.shrinker.schema
    return {"application/json": {"schema": answer(served, shapes, depth, fit, room)}}


def is_json(operation: Operation) -> bool:
    """Whether an answer is JSON: all are, but files that pass as they are, and nothing at all."""
    reply = operation.spec.reply
    return (
        kind(reply.content_type) != "binary"
        and reply.status not in _NO_CONTENT
        and operation.method != "HEAD"
    )


# --- words ----------------------------------------------------------------------------------


def said(operation: Operation, words: Words) -> str:
    """What an operation does: the operator's words, else the spec's, shortened."""
    return words.fit(operation.description or operation.summary) or as_words(operation.name)


def _shortened(words: Words, longest: int, text: str) -> str:
    return shorten(words.seen(text), longest)


def as_words(name: str) -> str:
    """A name as people would write it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+", " ", name).strip().lower()
    return words[:1].upper() + words[1:]
