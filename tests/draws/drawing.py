"""One draw: some operations of a spec, and what is served of them."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config import Loaded
from gateway.config.sound import convert
from gateway.faces import openapi
from gateway.listing import Listed
from gateway.plugin import Plugin, build
from gateway.references import Parts

BASE = "https://gateway.example/plugin"  # as the budget is counted with
UPSTREAM = "https://api.example.com"
VERSIONS = ("3.0", "3.1")
SIZE = 5


@dataclass(frozen=True, slots=True)
class Served:
    """The documents of a draw as they are sent, by version."""

    plugin: Plugin
    json: dict[str, bytes]
    yaml: dict[str, bytes]

    def document(self, version: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.json[version])
        return document


def draw(name: str, number: int, operations: Sequence[Listed]) -> tuple[str, ...]:
    """The entries of one draw, written as people would: `METHOD /path` or an operationId."""
    rng = random.Random(f"{name}:{number}")  # noqa: S311 - to be the same again
    chosen = rng.sample(operations, min(SIZE, len(operations)))
    ids = Counter(one.operation_id for one in operations)
    return tuple(_entry(one, ids, rng.random()) for one in chosen)


def _entry(one: Listed, ids: Counter[str | None], chance: float) -> str:
    plain = re.fullmatch(r"[A-Za-z]+", one.method) and one.path.startswith("/")
    has_id = one.operation_id and ids[one.operation_id] == 1 and "*" not in one.operation_id
    if has_id and (chance < 0.5 or not plain):
        return str(one.operation_id)
    return f"{one.method} {one.path}"


def config(entries: Sequence[str] | str, **more: Any) -> Loaded:
    """A config that exposes these operations (or "all"), in memory."""
    operations = entries if isinstance(entries, str) else list(entries)
    tree = {
        "plugin": "draw",
        "spec": "spec.json",
        "upstream": {"url": UPSTREAM},
        "operations": operations,
        **more,
    }
    return Loaded(Path("draw.yaml"), convert(tree))


def serve(
    loaded: Loaded,
    document: dict[str, Any],
    location: str = "spec.json",
    parts: Parts | None = None,
) -> Served:
    """Compile a plugin and write its documents."""
    plugin = build(loaded, document, location, parts=parts)
    faces = openapi.documents(plugin)
    as_json, as_yaml = faces["/openapi.json"], faces["/openapi.yaml"]
    return Served(
        plugin,
        {version: as_json(BASE, version).body for version in VERSIONS},
        {version: as_yaml(BASE, version).body for version in VERSIONS},
    )
