"""Whatever a spec says, the config that is written of it is one, and says what was chosen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.authoring.catalogue import catalogue, in_memory
from gateway.authoring.catalogue import settings as operations_of
from gateway.authoring.draft import Draft, write
from gateway.authoring.needs import Credentials, Server, credentials
from gateway.config import read_configs
from gateway.plugin import build
from gateway.references import References

NASTY = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "a: b # c", "x\ny: z",
            "x\x85plugin: evil", "x\u2028plugin: evil", "${HOME}", "$${HOME}",
            "'\"", "- a", "{a: b}", "*", "&a", "!!python/object", "no", "012", "\x1b[31m",
            "%{x}", "|", ">", "<b>x</b>", "a\rplugin: evil", "#", "---", "? a", "\\",
        ]
    ),
)  # fmt: skip


def drafted(document: dict[str, Any], rest: int = 0, **more: Any) -> str:
    references = References(document)
    entries = [one for one in catalogue(document, references, "spec") if one.is_servable]
    chosen = entries[: max(1, len(entries) - rest)]
    plugin = build(in_memory(operations_of(chosen), url="https://a.example"), document, "spec")
    info = document.get("info", {})
    said: dict[str, Any] = {
        "name": "evil",
        "spec": "spec.yaml",
        "schema": "schema.json",
        "title": str(info.get("title", "")),
        "about": str(info.get("description", "")),
        "contact": "",
        "server": None,
        "credentials": credentials(document, references, chosen, "evil"),
        "plugin": plugin,
        "chosen": [one for one in chosen if one.name in plugin.operations],
        "rest": entries[len(chosen) :],
    }
    return write(Draft(**{**said, **more}))


def uncommented(text: str) -> str:
    """The same with every suggestion for an operation taken."""
    keys = "fields|parameters|cache|budget"
    return re.sub(rf"(?m)^    # (?={keys}|  - |  \S+: \{{)", "    ", text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(title=NASTY, about=NASTY, words=NASTY, name=NASTY, path=NASTY, value=NASTY, scheme=NASTY)
def test_nothing_in_a_spec_breaks_out_of_its_place(
    tmp_path: Path,
    title: str,
    about: str,
    words: str,
    name: str,
    path: str,
    value: str,
    scheme: str,
) -> None:
    operation = {
        "operationId": name,
        "summary": words,
        "description": about,
        "parameters": [
            {"name": name or "n", "in": "query", "description": words,
             "schema": {"enum": [value], "default": value}}
        ],
        "responses": {"200": {"description": words, "content": {"application/json": {"schema": {
            "properties": {value: {}, **{f"p{i}": {"type": "string"} for i in range(9)}}}}}}},
        "security": [{scheme: []}],
    }  # fmt: skip
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": title, "description": about},
        "paths": {"/a": {"get": operation, "put": {}}, f"/{path}": {"post": operation}},
        "components": {"securitySchemes": {
            scheme: {"type": "apiKey", "in": "query", "name": value or "k"}}},
    }  # fmt: skip
    for rest in (0, 2):
        text = drafted(document, rest, contact=words, server=Server("https://b.example", words))
        file = tmp_path / "evil.yaml"
        file.write_text(text, encoding="utf-8")
        env = dict.fromkeys(re.findall(r"(?<!\$)\$\{(EVIL_\w+)\}", text), "a-stand-in")
        (loaded,) = read_configs([file], env)
        assert loaded.plugin.plugin == "evil"
        assert loaded.plugin.upstream.url == "https://b.example"
        assert isinstance(loaded.plugin.operations, dict)
        assert len(loaded.plugin.operations) <= 3


ROWS = {"properties": {f"p{i}": {"type": "string"} for i in range(20)}}
KIND = {"type": "string", "enum": ["a", "b"]}
SHOP: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "A shop with a titanic title", "description": "Sells <b>things</b>. So."},
    "paths": {
        "/things": {
            "get": {
                "operationId": "listThings",
                "description": "w" * 150 + ". " + "v" * 100,
                "parameters": [
                    {"name": "kind", "in": "query", "required": True, "schema": KIND,
                     "description": "Which kind."},
                    {"name": "page", "in": "query", "schema": {"type": "integer", "default": 1}},
                ],
                "responses": {"200": {"description": "", "content": {"application/json": {
                    "schema": {"properties": {"rows": {"type": "array", "items": ROWS}}}}}}},
            },
            "delete": {"operationId": "dropThings", "summary": "Drop all"},
        }
    },
}  # fmt: skip


def test_what_a_person_needs_to_know_stands_beside_it() -> None:
    text = drafted(SHOP, server=Server("https://api.example.com", "Write it here.", edit=True))
    assert "title: A shop with a\n" in text
    assert "description: Sells things.\n" in text
    assert "# Write it here.\nupstream:\n  url: https://api.example.com\n" in text
    assert f"    description: {'w' * 150}.\n" in text
    assert '    #   kind: {description: "Which kind."}   # required, string, one of a b\n' in text
    assert "    #   page: {}   # integer, default 1\n" in text
    assert "    #   - rows.{p0,p1,p2,p3,p4,p5,p6,p7}\n" in text
    assert "    call: DELETE /things\n    description: Drop all\n    confirm: true " in text
    assert "confirm" not in text.partition("dropThings")[0]


def test_the_suggestions_are_right_as_they_stand(tmp_path: Path) -> None:
    text = drafted(SHOP, server=Server("https://api.example.com", ""))
    whole = uncommented(text)
    assert whole.count("\n    #") == 0
    file = tmp_path / "shop.yaml"
    file.write_text(whole)
    (loaded,) = read_configs([file], {})
    plugin = build(loaded, SHOP, "spec.yaml")
    assert plugin.operations["listThings"].cache == 60.0
    assert list(plugin.operations["listThings"].parameters) == ["kind", "page"]


def test_operations_left_out_stand_ready_in_comments(tmp_path: Path) -> None:
    text = drafted(SHOP, 1, credentials=Credentials())
    assert '  # dropThings: {call: "DELETE /things"}   # Drop all\n' in text
    file = tmp_path / "shop.yaml"
    file.write_text(text.replace("  # dropThings", "  dropThings"))
    (loaded,) = read_configs([file], {})
    assert list(loaded.plugin.operations) == ["listThings", "dropThings"]


@pytest.mark.parametrize("name", ["null", "on", "no", "true"])
def test_a_name_that_yaml_has_another_meaning_for_stands_in_quotes(name: str) -> None:
    document = {"openapi": "3.0.3", "paths": {"/a": {"get": {"operationId": name}}}}
    assert f'  "{name}":\n' in drafted(document)


def test_a_spec_may_ask_to_confirm_and_never_not_to() -> None:
    document = {"openapi": "3.0.3", "paths": {"/a": {
        "get": {"operationId": "pay", "x-openai-isConsequential": True},
        "delete": {"operationId": "drop", "x-openai-isConsequential": False},
    }}}  # fmt: skip
    assert drafted(document).count("    confirm: true ") == 2
