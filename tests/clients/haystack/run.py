"""Haystack's openapi-llm: tool definitions of a spec, and a call as a model would ask for it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from openapi_llm.client.openapi import OpenAPIClient
from reading import arguments, main, must_know


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The tools' names, and each call."""
    key = plugin.headers.get("Authorization", "").removeprefix("Bearer ")
    client = OpenAPIClient.from_spec(plugin.specs[version], credentials=key or None)
    tools = {tool["function"]["name"]: tool["function"] for tool in client.tool_definitions}
    answers = {}
    for call in plugin.calls:
        must_know(call, tools[call.operationId]["parameters"]["properties"])
        asked = {"name": call.operationId, "arguments": json.dumps(arguments(call))}
        answers[call.operationId] = client.invoke({"function": asked})
    return list(tools), answers


def cannot(plugin: SimpleNamespace, _version: str) -> tuple[str, str] | None:
    """What it cannot read."""
    if plugin.auth == "oauth":
        return "it shows no token for an oauth2 scheme", "Unsupported authentication type 'oauth2'"
    if any(call.body is not None and (call.path or call.query) for call in plugin.calls):
        return "it sends the path's arguments in the body, too", "400 Client Error"
    return None


if __name__ == "__main__":
    main(read, cannot=cannot)
