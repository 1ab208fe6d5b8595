"""Specs that name a canary, through every command that reads one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from gateway.app import Gateway, Options
from gateway.config import read_configs
from tests.hostile.checking import command
from tests.hostile.reaching import documents
from tests.hostile.server import CANARY


def targets(folder: Path, url: str) -> dict[str, str]:
    """Addresses that no spec in `folder` may name; behind each is the canary."""
    outside = folder.parent / "outside" / "canary.json"
    outside.parent.mkdir(parents=True, exist_ok=True)
    outside.write_text(json.dumps({"type": "string", "title": CANARY, "description": CANARY}))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link.json").symlink_to(outside)
    return {
        "web": f"{url}/canary.json",
        "web-fragment": f"{url.upper().replace('HTTP', 'HtTp')}/canary.json#/a",
        "no-scheme": f"{url.removeprefix('http:')}/canary.json",
        "file": outside.as_uri(),
        "path": str(outside),
        "above": "../outside/canary.json",
        "above-encoded": "%2e%2e/outside/canary.json",
        "link": "link.json",
    }


def write(folder: Path, target: str, url: str = "") -> list[str]:
    """Write a spec and a config for each place; with `url`, the specs are had from there."""
    names = []
    for number, (place, document) in enumerate(documents(target).items()):
        spec = folder / f"{place}.json"
        spec.write_text(json.dumps(document))
        config: dict[str, Any] = {
            "plugin": f"p{number}",
            "spec": f"{url}/{spec.name}" if url else spec.name,
            "upstream": {"url": "https://api.example.com"},
            "operations": ["GET /ok", "GET /a"],
        }
        if place in ("path-item", "operation"):
            config["operations"] = "all"
        (folder / f"{place}.yaml").write_text(yaml.safe_dump(config))
        names.append(place)
    return names


def outputs(folder: Path, names: list[str], *, deep: bool) -> Iterator[str]:
    """What every command says of them, and all that is served."""
    state = ["--state", str(folder.parent / "state")]
    configs = [str(folder / f"{name}.yaml") for name in names]
    code, said = command(["check", "--json", *(["--deep"] if deep else []), *state, *configs])
    yield said
    if code == 2:
        refused = {one["file"] for one in json.loads(said)["mistakes"]}
        configs = [one for one in configs if one not in refused]
        yield command(["check", "--json", *(["--deep"] if deep else []), *state, *configs])[1]
    for name in names:
        spec = str(folder / f"{name}.json")
        yield command(["trim", *state, spec, "GET /ok", "GET /a"])[1]
        yield command(["ops", *state, spec])[1]
    yield from asyncio.run(_served([Path(one) for one in configs], folder.parent / "state"))


async def _served(fine: list[Path], state: Path) -> list[str]:
    found = []
    async with (
        Gateway(read_configs(fine, {}), Options(port=0, state=state)) as gateway,
        aiohttp.ClientSession() as session,
    ):
        for one in fine:
            name = yaml.safe_load(one.read_text())["plugin"]
            for path in (".well-known/ai-plugin.json", "openapi.json", "openapi.yaml"):
                async with session.get(f"{gateway.url}/{name}/{path}") as response:
                    found.append(f"{response.status} {await response.text()}")
    return found
