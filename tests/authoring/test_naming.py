from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authoring.naming import plugin_name
from gateway.config.rules import RESERVED


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Swagger Petstore - OpenAPI 3.0", "petstore"),
        ("The Movie Database API v3", "movieDatabase"),
        ("balldontlie NBA", "balldontlieNBA"),
        ("API", "myFile"),
        ("日本語 API", "myFile"),
        ("3scale", "scale"),
        ("MCP", "MCPPlugin"),
        ("Definition with a circular reference in it", "definitionWithACircular"),
    ],
)
def test_a_name_says_what_the_title_says(title: str, name: str) -> None:
    assert plugin_name(title, "my_file") == name


@given(st.text())
def test_every_name_is_legal(title: str) -> None:
    name = plugin_name(title)
    assert re.fullmatch("[A-Za-z][A-Za-z0-9]{0,29}", name)
    assert name.lower() not in RESERVED
