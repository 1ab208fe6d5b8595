"""An MCP address of a plugin without sockets: calls are answered as `answer` says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.config import read_configs
from gateway.errors import Refusal
from gateway.faces.mcp import (
    Asked,
    Confirmations,
    Endpoint,
    Exchange,
    Known,
    Sent,
    Served,
    answer,
    of_plugin,
)
from gateway.faces.tool import tools_of
from gateway.plugin import Plugin, build
from gateway.values import Answer

THINGS = """
plugin: things
title: All things
contact: a@example.com
upstream: {url: "http://127.0.0.1:1"}
operations:
  getThing:
    call: GET /things/{id}
    description: One thing.
    parameters:
      id: {in: path, type: integer, description: Which one.}
    returns: {type: object}
  deleteThing:
    call: DELETE /things/{id}
    description: Remove it.
    confirm: true
    parameters:
      id: {in: path, type: integer, description: Which one.}
      note: {in: query, type: string, description: Why.}
    returns: {type: object}
  mirrored:
    call: POST /mirrored
    description: Says arguments in headers, too.
    body:
      type: object
      required: [region]
      properties:
        region: {type: string, x-mcp-header: Region}
        urgent: {type: boolean, x-mcp-header: Urgent}
        rows: {type: integer, x-mcp-header: Rows}
        deep:
          type: object
          properties: {inner: {type: string, x-mcp-header: Inner}}
    returns: {type: object}
"""
OK = Answer(200, (("Content-Type", "application/json"),), b'{"a":1}')
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META: dict[str, Any] = {VERSION: "2026-07-28", CAPABILITIES: {"elicitation": {}}}

MakePlugin = Callable[[str], Plugin]


@pytest.fixture(scope="session")
def plugin_of(tmp_path_factory: pytest.TempPathFactory) -> MakePlugin:
    def make(text: str) -> Plugin:
        file = tmp_path_factory.mktemp("config") / "plugin.yaml"
        file.write_text(dedent(text))
        (loaded,) = read_configs([file], {})
        return build(loaded, None)

    return make


@pytest.fixture(scope="session")
def endpoint(plugin_of: MakePlugin) -> Endpoint:
    plugin = plugin_of(THINGS)
    return of_plugin(plugin, tools_of(plugin))


@dataclass
class Desk:
    """Sends messages to an address; `calls` keeps what was run."""

    endpoint: Endpoint
    now: float = 1000.0
    most: int = 10_000
    says: Answer | Refusal = OK
    caller: str = "somebody"
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    confirmations: Confirmations = field(init=False)
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        self.confirmations = Confirmations(lambda: self.now, most=self.most)

    async def run(self, served: Served, asked: Asked) -> Answer:
        self.calls.append((served.tool.name, asked.arguments))
        if isinstance(self.says, Refusal):
            raise self.says
        return self.says

    async def send(self, body: bytes, headers: Mapping[str, str] | None = None) -> Sent:
        """A body as it is; without headers, as over stdio."""
        given = None if headers is None else CIMultiDict(headers)
        exchange = Exchange(
            self.endpoint, self.run, self.confirmations, given, lambda: self.caller, self.known
        )
        return await answer(exchange, body)

    async def ask(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        meta: Mapping[str, Any] | None = META,
        headers: Mapping[str, str | None] | None = None,
    ) -> tuple[int, Any]:
        """A request by HTTP, with the headers that belong to it but for those that are given."""
        params = {**(params or {}), **({"_meta": meta} if meta is not None else {})}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        said: dict[str, str | None] = {}
        if meta is not None:
            said = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
            if "name" in params:
                said["Mcp-Name"] = str(params["name"])
        said |= headers or {}
        there = {name: value for name, value in said.items() if value is not None}
        sent = await self.send(json.dumps(message).encode(), there)
        return sent.status, json.loads(sent.body)


@pytest.fixture
def desk(endpoint: Endpoint) -> Desk:
    return Desk(endpoint)
