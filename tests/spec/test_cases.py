"""What real specs hold (and what nobody has seen yet), one case a file, from text to request.

`cases/*.yaml`: a comment that says the rule; then

    spec       the spec, or `text` as it is written (JSON where it begins so)
    files      further files beside it, by path
    config     keys of the plugin's YAML; by default it serves all operations
    location   where the spec is said to have been fetched; by default it is a file
    base       the upstream's address
    served     METHOD /address by the operations' names
    arguments  by operation: argument → what is expected of it (`place`, `required`, `schema` …)
    calls      lists of [operation, arguments, what is sent], the latter `METHOD URL`, or a
               mapping of `url`, `headers`, `body`, or `refused`
    replies    by operation: the schema of its reply, as the model has it
    components names, or schemas by name
    ledger     every line; LOST where the operation is
    error      what the mistake says instead of all that
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway import yaml12
from gateway.config import read_configs
from gateway.errors import BadArguments, Mistakes, SpecError
from gateway.loading import load_plugin
from gateway.plugin import Plugin, build
from gateway.spec.document import parse

CASES = {
    path.stem: yaml12.read(path.read_text())
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
}
KEYS = {
    "spec", "text", "files", "config", "location", "base", "served", "arguments", "calls",
    "replies", "components", "ledger", "error",
}  # fmt: skip


async def plugin_of(case: dict[str, Any], folder: Path) -> Plugin:
    text = case["text"] if "text" in case else json.dumps(case["spec"])
    for name, written in {"api/spec.yaml": text, **case.get("files", {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((written if isinstance(written, str) else json.dumps(written)).encode())
    config = {"plugin": "t", "spec": "api/spec.yaml", "operations": "all", **case.get("config", {})}
    (folder / "t.yaml").write_text(json.dumps(config))
    (loaded,) = read_configs([folder / "t.yaml"], {})
    if "location" in case:
        document = parse(text.encode(), case["location"])
        return build(loaded, document, case["location"], from_url=True)
    return await load_plugin(loaded)


def line(operation: str, what: str, *, lost: bool) -> str:
    return f"{'LOST ' if lost else ''}{operation}: {what}"


@pytest.mark.parametrize("name", CASES)
async def test_case(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert case.keys() <= KEYS
    if "error" in case:
        with pytest.raises((Mistakes, SpecError)) as caught:
            await plugin_of(case, tmp_path)
        assert case["error"] in str(caught.value)
        return
    plugin = await plugin_of(case, tmp_path)
    ledger = [line(one.operation, one.what, lost=one.lost) for one in plugin.ledger]
    assert ledger == case.get("ledger", [])
    assert plugin.base == case.get("base", plugin.base)
    operations = plugin.operations
    served = {one.name: f"{one.method} {one.address}" for one in plugin.chosen}
    assert served == case.get("served", served)
    for operation, expected in case.get("arguments", {}).items():
        found = operations[operation].by_name
        assert list(found) == list(expected)
        for argument, wanted in expected.items():
            assert {key: getattr(found[argument], key) for key in wanted or {}} == (wanted or {})
    for operation, arguments, expected in case.get("calls", []):
        assert sent(plugin, operation, arguments, expected) == expected
    for operation, expected in case.get("replies", {}).items():
        assert operations[operation].spec.reply.schema == expected
    components = case.get("components", list(plugin.components))
    assert components in (list(plugin.components), plugin.components)


def sent(plugin: Plugin, name: str, arguments: dict[str, Any], expected: Any) -> Any:
    """What a call sends, as far as it is expected."""
    try:
        request = plugin.operations[name].build(arguments, {})
    except BadArguments as refused:
        return {"refused": refused.detail}
    if isinstance(expected, str):
        return f"{request.method} {request.url}"
    found = {
        "url": f"{request.method} {request.url}",
        "headers": dict(request.headers),
        "body": None if request.body is None else request.body.decode(),
    }
    return {key: found.get(key) for key in expected}
