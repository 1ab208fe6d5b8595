"""LlamaIndex: the ChatGPT plugin loader, and the requests tool that it says to call with."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from llama_index.tools.chatgpt_plugin import ChatGPTPluginToolSpec
from llama_index.tools.openapi import OpenAPIToolSpec
from llama_index.tools.requests import RequestsToolSpec
from reading import main


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The plugin's description, its operations, and each call by the requests tool."""
    if version == "3.0":
        loader = ChatGPTPluginToolSpec(manifest_url=plugin.manifest)
        assert "model_description" in loader.describe_plugin()
    else:
        loader = OpenAPIToolSpec(url=plugin.specs[version])
    (document,) = loader.load_openapi_spec()
    spec = json.loads(document.text)
    server = spec["servers"][0]["url"]
    tool = RequestsToolSpec(domain_headers={urlsplit(server).hostname: plugin.headers})
    answers = {}
    for call in plugin.calls:
        use = getattr(tool, f"{call.method.lower()}_request")
        body = {} if call.body is None else {"body": call.body}
        answers[call.operationId] = use(server + call.template, call.path, call.query, **body)
    return [f"{one['verb']} {one['path_template']}" for one in spec["endpoints"]], answers


def cannot(plugin: SimpleNamespace, version: str) -> tuple[str, str] | None:
    """What it cannot read."""
    if version == "3.0" and plugin.auth != "none":
        return "its plugin loader takes auth none only", "Authentication cannot be supported"
    if plugin.ref_property:
        return "it takes a property named $ref for a reference", "unhashable type: 'dict'"
    return None


if __name__ == "__main__":
    main(read, named=lambda operation: f"{operation.method} {operation.path}", cannot=cannot)
