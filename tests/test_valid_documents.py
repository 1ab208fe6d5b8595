"""Every config of the repository serves documents that the public validator finds no fault with.

Those over Kinto and httpbin are held against it in tests/upstreams, where their specs are, and the
one over Datasette in tests/examples.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway.config import Loaded, read_configs
from gateway.faces import FACES
from gateway.loading import load_plugin

ROOT = Path(__file__).parents[1]
CONFIGS = [
    *sorted((ROOT / "configs").glob("*.yaml")),
    *sorted(
        path
        for path in (ROOT / "examples").glob("*/*.yaml")
        if re.search(r"^plugin:", text := path.read_text(), re.MULTILINE)
        and not re.search(r"^spec: http", text, re.MULTILINE)
    ),
    *sorted((ROOT / "bench").glob("*.yaml")),
]


def read(path: Path) -> Loaded:
    names = re.findall(r"\$\{(\w+)\}", path.read_text())
    (loaded,) = read_configs([path], dict.fromkeys(names, "http://127.0.0.1:1"))
    return loaded


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("version", "validator"), [("3.0", OpenAPIV30SpecValidator), ("3.1", OpenAPIV31SpecValidator)]
)
async def test_a_config_s_served_spec_is_valid(path: Path, version: str, validator: type) -> None:
    plugin = await load_plugin(read(path))
    body = FACES["openapi"](plugin)["/openapi.json"]("https://gw.example/x", version).body
    assert list(validator(json.loads(body)).iter_errors()) == []


def test_there_are_configs_to_look_at() -> None:
    assert {path.name for path in CONFIGS} >= {"sportstats.yaml", "stocks.yaml", "todo.yaml"}
