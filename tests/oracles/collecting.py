"""Every tool there is to look at: of the project's configs, of the first of each public spec."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.config import read_configs, types
from gateway.errors import Mistakes
from gateway.faces.tools import TARGETS, listing
from gateway.loading import load_plugin
from gateway.plugin import Plugin, build
from tests.draws import specs
from tests.draws.drawing import config

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIRST = 50


def configs() -> list[Path]:
    """The configs of the project, but for one whose spec only its running upstream has."""
    found = [*ROOT.glob("configs/*.yaml"), *ROOT.glob("examples/**/*.yaml")]
    texts = {one: one.read_text() for one in found}
    return sorted(
        one
        for one, text in texts.items()
        if re.search(r"^plugin:", text, re.MULTILINE)
        and not re.search(r"^spec: http", text, re.MULTILINE)
    )


def of_config(file: Path) -> Plugin:
    """The plugin of a config, with stand-ins for its secrets."""
    names = re.findall(r"\$\{(\w+)\}", file.read_text())
    (loaded,) = read_configs([file], dict.fromkeys(names, "https://a-stand-in.example/"))
    return asyncio.run(load_plugin(loaded))


def of_spec(name: str) -> Plugin | None:
    """The plugin of a spec's first operations; None where none can be served."""

    async def made() -> Plugin:
        spec = await specs.opened(specs.path_of(name))
        entries = [
            f"{one.method} {one.path}"
            for one in spec.operations
            if one.method in types.METHODS and one.path.startswith("/")
        ]
        loaded = config(entries[:FIRST])
        source = spec.source
        return await spec.with_parts(
            lambda parts: build(loaded, source.document, source.location, parts=parts)
        )

    try:
        return asyncio.run(made())
    except Mistakes:
        return None


def plugins() -> Iterator[tuple[str, Plugin]]:
    """All of them, by file."""
    for file in configs():
        yield str(file.relative_to(ROOT)), of_config(file)
    for name in specs.names():
        plugin = of_spec(name)
        if plugin is not None:
            yield name, plugin


def documents() -> Iterator[dict[str, Any]]:
    """Every tool as each API takes it, with where it is from."""
    for name, plugin in plugins():
        for target in TARGETS:
            for one in listing(plugin, target).tools:
                yield {
                    "from": name,
                    "for": target,
                    "name": one.tool.name,
                    "strict": one.strict,
                    "form": one.form,
                    "portable": one.tool.portable,
                }
