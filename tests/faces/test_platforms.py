from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import types
from gateway.faces import FACES
from gateway.faces.limits import Limit
from gateway.faces.platforms import ALWAYS, PLATFORMS, limits
from gateway.plugin import Operation, Plugin
from gateway.values import Argument, SpecBody

Make = Callable[..., Operation]
TEXT = {"type": "string"}


def found(platform: str, plugin: Plugin) -> list[Limit]:
    made = {path: maker for face in FACES.values() for path, maker in face(plugin).items()}
    documents = {
        path: made[path]("https://a.example", "")
        for path in ("/.well-known/ai-plugin.json", "/openapi.json")
    }
    return [row for row in limits(plugin, documents, [platform]) if row.platform == platform]


def over(platform: str, plugin: Plugin) -> list[tuple[str, int | None, int, bool]]:
    rows = found(platform, plugin)
    return [(one.item, one.value, one.allowed, one.soft) for one in rows if one.over]


def test_only_those_that_are_asked_for_are_looked_at(plugin: Callable[..., Plugin]) -> None:
    made = plugin()
    assert set(PLATFORMS) == {*ALWAYS, "copilot", "claude", "cursor", "vscode"}
    for platform in PLATFORMS:
        assert found(platform, made)
    documents = {
        path: maker("https://a.example", "")
        for face in ("manifest", "openapi")
        for path, maker in FACES[face](made).items()
    }
    assert {row.platform for row in limits(made, documents)} == set(ALWAYS)


def test_every_finding_says_who_gives_the_figure_and_what_to_write(
    plugin: Callable[..., Plugin], operation: Make
) -> None:
    made = plugin(*(operation(f"op{n}", path=f"/{n}") for n in range(12)))
    for platform in PLATFORMS:
        for row in found(platform, made):
            assert row.source, row
            assert row.instead, row
            assert row.path, row


def test_copilot_takes_short_texts_small_answers_and_few_functions(
    plugin: Callable[..., Plugin], operation: Make
) -> None:
    small = plugin(operation(budget=4000), description="d" * 2048)
    assert over("copilot", small) == []
    assert over("copilot", plugin(title="t" * 21, summary="s" * 101)) == [
        ("name_for_human", 21, 20, False),
        ("description_for_human", 101, 100, False),
    ]
    words = "w" * 1100
    operations = {f"op{n}": types.Operation(description=words) for n in range(11)}
    many = plugin(
        *(
            operation(name, path=f"/{name}", budget=0, timeout=46.0 if n == 3 else 30.0,
                      description=words if n == 1 else "Short.")
            for n, name in enumerate(operations)
        ),
        operations=operations,
        expose="all",
    )  # fmt: skip
    assert over("copilot", many) == [
        ("description of op1 over MCP", 1100, 1024, True),
        ("functions", 11, 10, True),
        ("timeout of op3", 46, 45, False),
        ("budget of op0, op1 and 9 more", None, 4096, False),
    ]


@pytest.mark.parametrize(
    ("returns", "limit", "path", "row"),
    [
        ("object", {}, "rows", (None, True)),
        ("object", {"rows": 25}, "", ()),
        ("object", {"rows": 26}, "rows", (26, False)),
        ("array", {}, "$", (None, True)),
        ("array", {"$": 20}, "", ()),
    ],
)
def test_copilot_takes_25_items(
    plugin: Callable[..., Plugin],
    operation: Make,
    returns: str,
    limit: Any,
    path: str,
    row: Any,
) -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}}
    schema = rows if returns == "array" else {"type": "object", "properties": {"rows": rows}}
    made = plugin(operation(returns=schema, limit_items=limit, budget=4000))
    said = [
        one for one in found("copilot", made) if one.item.startswith("limit_items") and one.over
    ]
    assert [(one.value, one.soft) for one in said] == ([row] if row else [])
    assert all(one.instead == f"write limit_items: {{{path}: 25}}" for one in said)


def test_copilot_is_better_off_with_flat_bodies(
    plugin: Callable[..., Plugin], operation: Make
) -> None:
    inner = {"type": "object", "properties": {"a": TEXT}}
    arguments = (
        Argument("inner", "body", ("inner",), inner, served="body"),
        Argument("plain", "body", ("plain",), TEXT, served="body"),
    )
    body = SpecBody("application/json", "json", {})
    made = operation("add", "POST", "/a", arguments=arguments, body=body, budget=4000)
    (row,) = [one for one in found("copilot", plugin(made)) if one.over]
    assert row.soft
    assert "an object in add, 'inner', is not taken" in row.text
    assert "flatten: true" in row.text


OAUTH = {"client_url": "https://a.example/a", "token_url": "https://a.example/t"}
TOKENS = {"copilot": "id"}


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ("none", ""),
        (types.Auth(user=types.UserAuth()), "a key of each person's own"),
        (types.Auth(service=types.ServiceAuth(tokens={"a": "u:p"}, scheme="basic")),
         "auth by `basic` is not taken"),
        (types.Auth(service=types.ServiceAuth(tokens={"a": "b"})),
         "write auth: {service: {verification_tokens: {copilot: <the id given there>}}}"),
        (types.Auth(service=types.ServiceAuth(tokens={"a": "b"}, verification_tokens=TOKENS)), ""),
        (types.Auth(oauth=types.OAuth(**OAUTH)),
         "auth: oauth without a reference id is not taken"),
        (types.Auth(oauth=types.OAuth(**OAUTH, verification_tokens=TOKENS)), ""),
    ],
)  # fmt: skip
def test_copilot_has_to_be_told_what_was_registered(
    plugin: Callable[..., Plugin], operation: Make, auth: Any, said: str
) -> None:
    rows = [one for one in found("copilot", plugin(operation(budget=4000), auth=auth)) if one.over]
    assert [said in one.text for one in rows] == ([True] if said else [])
    assert not any(one.soft for one in rows)


def test_claude_has_long_names_of_its_own_and_bounds_results(
    plugin: Callable[..., Plugin], operation: Make
) -> None:
    fitting, long = "x" * (64 - len("mcp__sportStats__")), "y" * 48
    made = plugin(
        operation(fitting, path="/a", budget=25_000), operation(long, path="/b", budget=25_001)
    )
    assert over("claude", made) == [
        (f"name mcp__sportStats__{long}", 65, 64, False),
        (f"budget of {long}", 25_001, 25_000, False),
    ]


def test_cursor_warns_of_long_names_and_many_tools(
    plugin: Callable[..., Plugin], operation: Make
) -> None:
    names = ["x" * 50, "y" * 51, *(f"op{n}" for n in range(39))]
    made = plugin(*(operation(name, path=f"/{name}") for name in names))
    assert over("cursor", made) == [
        (f"names sportStats and {'y' * 51}", 61, 60, True),
        ("tools (reported)", 41, 40, True),
    ]
