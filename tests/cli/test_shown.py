"""Where operations are searched for, each command tells the plugin that is served."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.specs import run
from tests.conftest import Serve

URL = "https://gw.example"
OWN = ["searchOperations", "describeOperation", "callOperation", "getMore"]
CONFIG = """plugin: shop
contact: a@example.com
upstream: {url: "http://127.0.0.1:1"}
expose: search
cache: 60s
operations:
"""
MANY = CONFIG + "".join(
    f"  find{n}: {{call: GET /things{n}, description: 'Find things of kind {n}.'}}\n"
    for n in range(130)
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(MANY)
    return file


@pytest.mark.parametrize("target", ["openai", "anthropic"])
async def test_tools_prints_what_is_served(shop: Path, serve: Serve, target: str) -> None:
    client = await serve(MANY)
    served = (await client.get(f"/shop/tools.json?for={target}")).json()
    result = await asyncio.to_thread(run, "tools", shop, "--for", target)
    assert json.loads(result.stdout) == served
    assert {one["name"] for one in served} == set(OWN)


async def test_export_writes_what_is_served(shop: Path, serve: Serve) -> None:
    client = await serve(MANY, public_url=URL)
    to = shop.parent / "out"
    result = await asyncio.to_thread(run, "export", shop, "--to", to, "--public-url", URL)
    assert result.exit_code == 0, result.output
    for name, address in {
        ".well-known/ai-plugin.json": "/.well-known/ai-plugin.json",
        "openapi.yaml": "/openapi.yaml",
        "openapi-3.1.json": "/openapi.json?version=3.1",
        "tools-openai.json": "/tools.json?for=openai",
        "copilot.json": "/copilot.json",
        "copilot-openapi.json": "/copilot-openapi.json",
        "as/copilot/copilot.json": "/as/copilot/copilot.json",
        "legal/index.html": "/legal",
    }.items():
        served = (await client.get("/shop" + address)).body.decode()
        assert (to / "shop" / name).read_text() == served, name


async def test_the_page_on_data_tells_of_the_operations_that_are_found(serve: Serve) -> None:
    client = await serve(MANY)
    assert "Answers may be stored here" in (await client.get("/shop/legal")).body.decode()


def report(file: Path, *options: str) -> dict[str, Any]:
    result = run("check", file, "--json", *options)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)
    return dict(found)


def test_check_weighs_what_is_served_and_names_all(shop: Path) -> None:
    for platform in ("actions", "cursor", "vscode"):
        found = report(shop, "--for", platform)
        assert not [row for row in found["limits"] if row["over"]]
    assert set(found["shown"]) == set(OWN)
    assert len(found["operations"]) == 130 + len(OWN)
    assert max(found["tokens"].values()) < 2000
    assert "shown    4 of 134; by them the others are found" in run("check", shop).stdout
    shop.write_text(MANY.replace("expose: search\n", "spec_budget: 100000\n"))
    assert max(report(shop)["tokens"].values()) > 8000
    assert "shown" not in run("check", shop).stdout


def test_more_tools_than_visual_studio_code_takes_are_a_mistake(shop: Path) -> None:
    shop.write_text(MANY.replace("expose: search\n", ""))
    result = run("check", shop, "--for", "vscode")
    assert result.exit_code == 2
    assert "vscode: tools is 131 tools, at most 128 are taken, so 3 too many" in result.stderr
    assert "/as/vscode/mcp" in result.stderr


def test_explain_knows_the_operations_that_are_found(shop: Path) -> None:
    assert "GET /shop/things7" in run("explain", shop, "find7").stdout
