"""LangChain reads every plugin of the project and calls it; all readers are `make clients`'s.

It is the reader that was made for plugins, and quick to install: its environment is made once,
below `.cache`. Without the registry this fails, unless GATEWAY_TEST_OFFLINE=1 says it is known.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments, running
from tests.clients.environments import HERE, Environment, NotInstalledError
from tests.clients.serving import VERSIONS, Call, Served, serving

READER = "langchain"

# --- a reader -----------------------------------------------------------------------------------


async def test_a_reader_reads_and_calls_every_plugin() -> None:
    offline = os.environ.get("GATEWAY_TEST_OFFLINE") == "1"
    try:
        environment = environments.environment(READER, offline=offline)
    except NotInstalledError as error:
        if offline:
            pytest.skip(str(error))
        pytest.fail(f"{error}\nSet GATEWAY_TEST_OFFLINE=1 to skip this.", pytrace=False)
    async with serving(only_here=True) as served:
        lines = await running.read(READER, environment, served.plugins)
    assert [line for line in lines if line.unexpected] == []
    read = {(line.plugin, line.version) for line in lines if line.ok}
    assert read == {(one.name, version) for one in served.plugins for version in VERSIONS}
    assert {one.auth for one in served.plugins} == {"none", "service", "user", "oauth"}
    called = {one.name: {call.method for call in one.calls} for one in served.plugins}
    assert called["sportStats"] == called["todoUser"] == {"GET"}
    assert called["tasks"] == {"GET", "PATCH"}


# --- what a reader's script says is believed only so far ----------------------------------------

PLUGIN = Served(
    name="p",
    manifest="http://127.0.0.1:9/p/.well-known/ai-plugin.json",
    specs=dict.fromkeys(VERSIONS, "http://127.0.0.1:9/p/openapi.yaml"),
    auth="none",
    headers={},
    operations=[("get", "GET", "/a")],
    calls=[Call("get", "GET", "/a", {}, {}, None, {"a": 1})],
    ref_property=False,
)
SCRIPT = """
from reading import main

def read(plugin, version):
    {body}

def cannot(plugin, version):
    return {cannot!r}

main(read, versions=["3.0"], cannot=cannot)
"""


@pytest.mark.parametrize(
    ("body", "cannot", "finding"),
    [
        ("return ['get'], {'get': {'a': 1}}", None, (True, "", "1 operations, 1 calls")),
        ("return ['get'], {'get': '{\"a\": 1}'}", None, (True, "", "1 operations, 1 calls")),
        ("return ['got'], {'get': {'a': 1}}", None, (False, "", "found ['got'], there are")),
        ("return ['get'], {'get': {'a': 2}}", None, (False, "", 'get gave {"a": 2}, not {"a": 1}')),
        ("return ['get'], {}", None, (False, "", "get was not called")),
        ("raise OSError('no auth')", None, (False, "", "OSError: no auth")),
        ("raise OSError('no auth')", ("it has no auth", "no auth"), (False, "it has no auth", "")),
        (
            "raise OSError('x')",
            ("it has no auth", "no auth"),
            (False, "", "fails, but not because"),
        ),
        (
            "return ['get'], {'get': {'a': 1}}",
            ("it has no auth", "no auth"),
            (False, "", "reads it, though it has no auth"),
        ),
        ("import sys; sys.exit(3)", None, (False, "", "the reader's script ended with 3")),
        ("print('{}'); return ['get'], {'get': {'a': 1}}", None, (True, "", "1 operations")),
    ],
)
async def test_a_finding_is_a_fault_unless_it_is_right_or_said_before(
    tmp_path: Path,
    body: str,
    cannot: tuple[str, str] | None,
    finding: tuple[bool, str, str],
) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(body=body, cannot=cannot))
    (line,) = await running.read(str(tmp_path), Environment((sys.executable,), tmp_path), [PLUGIN])
    ok, reason, detail = finding
    assert (line.ok, line.reason) == (ok, reason)
    assert detail in line.detail
    assert line.unexpected is not (ok or bool(reason))


# --- pins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", running.readers())
def test_a_readers_packages_are_pinned_and_no_registry_is_named(reader: str) -> None:
    folder = HERE / reader
    assert sorted(one.name for one in folder.iterdir() if one.name != "__pycache__") in (
        ["requirements.txt", "run.py"],
        ["package.json", "run.mjs"],
    )
    for version in _versions(folder):
        assert re.fullmatch(r"\d+(\.\d+)+", version)


def test_every_reader_has_its_line_in_the_documentation() -> None:
    page = (HERE.parents[1] / "docs" / "clients.md").read_text()
    assert sorted(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)) == running.readers()


def _versions(folder: Path) -> list[str]:
    if (folder / "package.json").exists():
        told: dict[str, Any] = json.loads((folder / "package.json").read_text())
        assert told.keys() == {"private", "dependencies"}
        return list(told["dependencies"].values())
    return [line.partition("==")[2] for line in (folder / "requirements.txt").read_text().split()]
