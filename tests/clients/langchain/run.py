"""LangChain: `AIPluginTool`, its reduced spec, and the requests toolkit its agents call with."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import requests
from langchain_community.agent_toolkits.openapi.spec import reduce_openapi_spec
from langchain_community.agent_toolkits.openapi.toolkit import RequestsToolkit
from langchain_community.tools import AIPluginTool
from langchain_community.tools.plugin import marshal_spec
from langchain_community.utilities.requests import TextRequestsWrapper
from reading import address, main


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The plugin as a tool, its operations reduced, and each call by the toolkit's tools."""
    tool = AIPluginTool.from_plugin_url(plugin.manifest)
    assert tool.name == plugin.name
    assert "OpenAPI Spec: {'openapi': '3.0.3'" in tool.run("")
    at = tool.plugin.api.url if version == "3.0" else plugin.specs[version]
    spec = reduce_openapi_spec(marshal_spec(requests.get(at, timeout=20).text))
    toolkit = RequestsToolkit(
        requests_wrapper=TextRequestsWrapper(headers=plugin.headers), allow_dangerous_requests=True
    )
    tools = {tool.name: tool for tool in toolkit.get_tools()}
    answers = {}
    for call in plugin.calls:
        url = address(spec.servers[0]["url"], call)
        use = tools[f"requests_{call.method.lower()}"]
        told = url if call.body is None else json.dumps({"url": url, "data": call.body})
        answers[call.operationId] = use.run(told)
    return [name for name, _description, _docs in spec.endpoints], answers


def cannot(plugin: SimpleNamespace, _version: str) -> tuple[str, str] | None:
    """What it cannot read."""
    if plugin.ref_property:
        return "it takes a property named $ref for a reference", "unhashable type: 'dict'"
    return None


if __name__ == "__main__":
    main(read, named=lambda operation: f"{operation.method} {operation.path}", cannot=cannot)
