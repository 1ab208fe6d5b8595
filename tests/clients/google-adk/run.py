"""Google's Agent Development Kit: `OpenAPIToolset`, and its tools called as an agent calls them."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import requests
from google.adk.tools.openapi_tool.auth.auth_helpers import token_to_scheme_credential
from google.adk.tools.openapi_tool.openapi_spec_parser.openapi_toolset import OpenAPIToolset
from reading import arguments, main, must_know


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The tools' names, and each call."""
    scheme = credential = None
    if plugin.headers:
        key = plugin.headers["Authorization"].removeprefix("Bearer ")
        scheme, credential = token_to_scheme_credential("oauth2Token", credential_value=key)
    toolset = OpenAPIToolset(
        spec_str=requests.get(plugin.specs[version], timeout=20).text,
        spec_str_type="yaml",
        auth_scheme=scheme,
        auth_credential=credential,
        preserve_property_names=True,
        allow_private_network_access=True,
    )
    return asyncio.run(_read(plugin, toolset))


async def _read(plugin: SimpleNamespace, toolset: Any) -> tuple[list[str], dict[str, Any]]:
    answers = {}
    for call in plugin.calls:
        tool = toolset.get_tool(_snake(call.operationId))
        must_know(call, tool._get_declaration().parameters_json_schema["properties"])
        answers[call.operationId] = await tool.run_async(args=arguments(call), tool_context=None)
    return [tool.name for tool in await toolset.get_tools()], answers


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    main(read, named=lambda operation: _snake(operation.operationId))
