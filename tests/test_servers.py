"""Where a spec may say that its API is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.clients import written_by_operator
from gateway.config import read_configs
from gateway.errors import Mistakes
from gateway.guarded import AddressRefused, Guard
from gateway.loading import load_plugin
from gateway.plugin import Plugin

SPEC = """openapi: 3.1.0
info: {{title: T, version: "1"}}
servers: [{{url: "{server}"}}]
paths: {{/a: {{get: {{operationId: a, responses: {{"200": {{description: ok}}}}}}}}}}
"""


async def loaded(folder: Path, server: str, more: str = "") -> Plugin:
    """A plugin whose spec lies in a file and names one server."""
    (folder / "spec.yaml").write_text(SPEC.format(server=server))
    config = folder / "p.yaml"
    config.write_text(f"plugin: p\nspec: spec.yaml\noperations: [a]\n{more}\n")
    (one,) = read_configs([config], {})
    return await load_plugin(one)


async def refused(folder: Path, server: str) -> str:
    with pytest.raises(Mistakes) as caught:
        await loaded(folder, server)
    return str(caught.value)


@pytest.mark.parametrize(
    "server",
    [
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]",
        "http://100.100.100.200",
        "http://[fe80::1]:80/x",
        "https://0.0.0.0",
    ],
)
async def test_a_spec_in_a_file_cannot_name_where_clouds_keep_credentials(
    server: str, tmp_path: Path
) -> None:
    said = await refused(tmp_path, server)
    assert "where machines keep their credentials" in said
    assert f'write upstream: {{url: "{server}"}}' in said
    mine = await loaded(tmp_path, "/v1", f'upstream: {{url: "{server}"}}')
    assert server in written_by_operator(mine)


async def test_such_a_server_would_not_be_asked_even_if_it_were_loaded(tmp_path: Path) -> None:
    plugin = await loaded(tmp_path, "http://10.0.0.1")
    assert written_by_operator(plugin) == ["http://10.0.0.1"]
    plugin = replace(plugin, base="http://169.254.169.254")
    assert written_by_operator(plugin) == []
    with pytest.raises(AddressRefused, match="an address that is never asked"):
        Guard(written_by_operator(plugin)).check("169.254.169.254")


@pytest.mark.parametrize(
    "host", ["2852039166", "0177.0.0.1", "0x7f.1", "0x7f000001", "127.1", "1.2.3.999", "a.0x"]
)
async def test_a_number_is_no_host(host: str, tmp_path: Path) -> None:
    assert "its host is a number" in await refused(tmp_path, f"http://{host}/v1")


@pytest.mark.parametrize(
    "server", ["http://10.1.2.3:8080", "http://127.0.0.1", "http://[::1]", "http://1.example"]
)
async def test_a_spec_in_a_file_may_name_internal_servers(server: str, tmp_path: Path) -> None:
    assert (await loaded(tmp_path, server)).base == server


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("https://me:secret@api.example/v1", "has a user or password in it"),
        (r"https://api.example\r\n.evil.example/v1", "has line breaks or other control char"),
        (r"https://api.example/v1\r\nX: 1", "has line breaks or other control char"),
        ("ftp://api.example", "is no address to send calls to"),
    ],
)
async def test_what_is_wrong_with_a_server_is_told(server: str, why: str, tmp_path: Path) -> None:
    said = await refused(tmp_path, server)
    assert why in said
    assert "write upstream: {url: https://…}" in said
