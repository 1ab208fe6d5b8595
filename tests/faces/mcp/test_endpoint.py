"""What one address lists, written when its plugins load."""

from __future__ import annotations

import json
from typing import Any

from gateway.faces.mcp import of_plugin, of_several, sent_twice
from gateway.faces.mcp.endpoint import greeting
from gateway.faces.tool import tools_of
from tests.faces.mcp.conftest import THINGS, MakePlugin

OTHERS = THINGS.replace("plugin: things", "plugin: others\nstructured: true")


def served(plugin_of: MakePlugin, text: str = THINGS) -> Any:
    plugin = plugin_of(text)
    return of_plugin(plugin, tools_of(plugin))


def test_a_list_is_written_once_for_both_eras(plugin_of: MakePlugin) -> None:
    endpoint = served(plugin_of)
    listed, before = json.loads(endpoint.listed), json.loads(endpoint.listed_before)
    assert [tool["name"] for tool in listed["tools"]] == list(endpoint.tools)
    assert list(before) == ["tools"]
    assert before["tools"] == listed["tools"]
    assert (listed["resultType"], listed["ttlMs"], listed["cacheScope"]) == (
        "complete",
        60_000,
        "public",
    )


def test_what_is_behind_a_token_is_private(plugin_of: MakePlugin) -> None:
    auth = "plugin: things\nauth: {service: {tokens: {me: tok-one-one}}}"
    endpoint = served(plugin_of, THINGS.replace("plugin: things", auth))
    for text in (endpoint.listed, endpoint.discovered):
        assert json.loads(text)["cacheScope"] == "private"


def test_only_objects_of_a_structured_plugin_are_sent_twice(plugin_of: MakePlugin) -> None:
    bare = "operations:\n  bare: {call: GET /bare, description: Bare.}"
    others = plugin_of(OTHERS.replace("operations:", bare))
    assert sent_twice(others) == {"getThing", "deleteThing", "mirrored"}
    assert sent_twice(plugin_of(THINGS)) == frozenset()


def test_every_tool_says_all_that_clients_ask_for(plugin_of: MakePlugin) -> None:
    for tool in json.loads(served(plugin_of).listed)["tools"]:
        assert tool["description"]
        assert tool["inputSchema"]["type"] == "object"
        assert set(tool["annotations"]) == {
            "title",
            "readOnlyHint",
            "destructiveHint",
            "idempotentHint",
            "openWorldHint",
        }


def test_discovery_says_what_is_served(plugin_of: MakePlugin) -> None:
    about = json.loads(served(plugin_of).discovered)
    assert about["supportedVersions"] == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]
    assert about["capabilities"] == {"tools": {}}
    assert about["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "things"
    assert about["instructions"]


def test_a_greeting_is_of_its_revision(plugin_of: MakePlugin) -> None:
    hello = json.loads(greeting(served(plugin_of), "2025-06-18"))
    assert hello["protocolVersion"] == "2025-06-18"
    assert hello["serverInfo"]["title"] == "All things"
    assert "resultType" not in hello


def test_an_output_schema_is_there_only_where_answers_are_structured(
    plugin_of: MakePlugin,
) -> None:
    assert not any("outputSchema" in one for one in json.loads(served(plugin_of).listed)["tools"])
    tools = json.loads(served(plugin_of, OTHERS).listed)["tools"]
    by_name = {tool["name"]: tool for tool in tools}
    assert by_name["getThing"]["outputSchema"]["type"] == "object"


def test_what_is_said_in_headers_is_known_by_its_path(plugin_of: MakePlugin) -> None:
    tool = served(plugin_of).tools["mirrored"]
    assert {one.header: one.path for one in tool.mirrored} == {
        "Mcp-Param-Region": ("region",),
        "Mcp-Param-Urgent": ("urgent",),
        "Mcp-Param-Rows": ("rows",),
        "Mcp-Param-Inner": ("deep", "inner"),
    }


def test_several_share_an_address_without_sharing_names(plugin_of: MakePlugin) -> None:
    plugins = [plugin_of(THINGS), plugin_of(OTHERS)]
    endpoint = of_several([(one, tools_of(one)) for one in plugins], private=True)
    assert {"things_getThing", "others_getThing"} <= set(endpoint.tools)
    assert endpoint.tools["others_getThing"].plugin == "others"
    assert json.loads(endpoint.listed)["cacheScope"] == "private"
    assert "things_\u2026" in endpoint.instructions
    nothing = of_several([], private=False)
    assert json.loads(nothing.listed)["tools"] == []
