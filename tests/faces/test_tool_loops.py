"""The loops of docs/tools.md, run: a real gateway, and a scripted server in the model's place."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from tests.conftest import Serve, Upstream

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()
CONFIG = """
plugin: shop
upstream: {{url: {url}}}
operations:
  getStock:
    call: GET /stock/{{sku}}
    description: How many there are.
    parameters:
      sku: {{in: path, type: string, pattern: "^[A-Z]+$"}}
      store: {{in: query, type: string}}
"""


@dataclass
class Model:
    """Answers with what it is told to say, one after the other, and keeps what it is asked."""

    says: list[dict[str, Any]]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.paths.append(request.path)
        self.asked.append(await request.json())
        return web.json_response(self.says[len(self.asked) - 1])


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    scripted = Model([])
    async with RawTestServer(scripted.handle) as server:
        scripted.url = f"http://127.0.0.1:{server.port}"
        yield scripted


def code(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


async def run(*command: str, **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


async def test_the_loop_in_python(
    serve: Serve, upstream: Upstream, model: Model, tmp_path: Path
) -> None:
    def call(number: int, sku: str) -> dict[str, Any]:
        arguments = json.dumps({"sku": sku, "store": None})
        return {
            "type": "function_call",
            "call_id": f"c{number}",
            "name": "getStock",
            "arguments": arguments,
        }

    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Seven."}],
    }
    model.says = [{"output": [call(1, "a1"), call(2, "TEA")]}, {"output": [said]}]
    upstream.says({"left": 7})
    client = await serve(CONFIG.format(url=upstream.url))
    file = tmp_path / "loop.py"
    file.write_text(code("python"))
    printed = await run(
        sys.executable,
        str(file),
        "How much tea is there?",
        GATEWAY=f"{client.base}/shop",
        OPENAI_BASE_URL=model.url,
        OPENAI_API_KEY="a-key",
    )
    assert printed == "Seven."
    assert model.paths == ["/responses"] * 2
    first, second = model.asked
    assert first["input"] == [{"role": "user", "content": "How much tea is there?"}]
    assert [one["name"] for one in first["tools"]] == ["getStock", "getMore"]
    refused, answered = second["input"][-2:]
    assert (refused["type"], refused["call_id"]) == ("function_call_output", "c1")
    assert json.loads(refused["output"])["code"] == "bad_arguments"
    assert json.loads(answered["output"]) == {"left": 7}
    assert [one.target for one in upstream.received] == ["/stock/TEA"]


async def test_the_loop_in_javascript(
    serve: Serve, upstream: Upstream, model: Model, tmp_path: Path
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    uses = [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "u1", "name": "getStock", "input": {"sku": "a1"}},
        {"type": "tool_use", "id": "u2", "name": "getStock", "input": {"sku": "TEA"}},
    ]
    model.says = [
        {"role": "assistant", "stop_reason": "tool_use", "content": uses},
        {
            "role": "assistant",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "Seven."}],
        },
    ]
    upstream.says({"left": 7})
    client = await serve(CONFIG.format(url=upstream.url))
    file = tmp_path / "loop.mjs"
    file.write_text(code("javascript"))
    printed = await run(
        node,
        str(file),
        "How much tea is there?",
        GATEWAY=f"{client.base}/shop",
        ANTHROPIC_BASE_URL=model.url,
        ANTHROPIC_API_KEY="a-key",
    )
    assert printed == "Seven."
    assert model.paths == ["/v1/messages"] * 2
    first, second = model.asked
    assert [one["name"] for one in first["tools"]] == ["getStock", "getMore"]
    assert all(one["input_schema"]["type"] == "object" for one in first["tools"])
    refused, answered = second["messages"][-1]["content"]
    assert (refused["is_error"], refused["tool_use_id"]) == (True, "u1")
    assert json.loads(refused["content"])["code"] == "bad_arguments"
    assert (answered["is_error"], json.loads(answered["content"])) == (False, {"left": 7})
    assert [one.target for one in upstream.received] == ["/stock/TEA"]
