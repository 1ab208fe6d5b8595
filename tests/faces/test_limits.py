from __future__ import annotations

from collections.abc import Callable

from gateway.config import types
from gateway.faces import FACES
from gateway.faces.limits import ACTIONS, CHATGPT, Limit
from gateway.faces.platforms import limits
from gateway.plugin import Operation, Plugin
from gateway.values import Argument


def found(plugin: Plugin) -> tuple[Limit, ...]:
    made = {path: maker for face in FACES.values() for path, maker in face(plugin).items()}
    wanted = {path: made[path]("https://a.example", "") for path in WANTED}
    return limits(plugin, wanted)


WANTED = ("/.well-known/ai-plugin.json", "/openapi.json")


def test_a_modest_plugin_is_under_every_limit(plugin: Callable[..., Plugin]) -> None:
    rows = found(plugin())
    assert not any(row.over for row in rows)
    assert Limit(CHATGPT, "name_for_human", 11, 20) in rows
    assert Limit(ACTIONS, "operations (reported)", 1, 30, "operations") in rows
    assert Limit(ACTIONS, "budget of getPlayers", 95_000, 99_999) in rows


def test_what_is_over_is_named_with_its_figures(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    words = "w" * 250
    arguments = (
        Argument("query", "query", ("q",), {"type": "string"}, description="w" * 150),
        Argument(
            "note", "body", ("note",), {"type": "string"}, description="w" * 150, served="body"
        ),
    )
    made = plugin(
        operation("first", "POST", "/a", description=words, arguments=arguments, timeout=60.0),
        operation("second", "POST", "/b", description=words, timeout=45.0),
        title="t" * 21,
        summary="s" * 100,
    )
    over = [row for row in found(made) if row.over]
    assert over == [
        Limit(CHATGPT, "name_for_human", 21, 20),
        Limit(CHATGPT, "timeout of first", 60, 45, "seconds"),
        Limit(ACTIONS, "timeout of first", 60, 45, "seconds"),
    ]
    assert over[0].text == (
        "chatgpt-plugin: name_for_human is 21 characters, at most 20 are taken, so 1 too many "
        "(OpenAI's plugin documentation, July 2023); write a shorter `title`"
    )


def test_every_text_that_is_over_has_its_row_else_only_the_longest(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    operations = {name: types.Operation(description="w" * 250) for name in ("first", "second")}
    made = plugin(
        *(
            operation(name, path=f"/{name}", description="w" * 250, written=True)
            for name in operations
        ),
        operations=operations,
    )
    rows = [row for row in found(made) if row.item.startswith("description of")]
    assert rows == [
        Limit(CHATGPT, "description of first", 250, 200),
        Limit(CHATGPT, "description of second", 250, 200),
        Limit(ACTIONS, "description of first", 250, 300),
    ]


def test_an_answer_without_a_bound_may_be_longer_than_what_is_taken(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    made = plugin(operation(), operation("second", path="/b", budget=0))
    rows = [row for row in found(made) if row.item.startswith("budget")]
    assert rows == [
        Limit(CHATGPT, "budget of second", None, 99_999),
        Limit(ACTIONS, "budget of second", None, 99_999),
    ]
    assert "has no bound, at most 99,999 characters are taken" in rows[0].text
    assert rows[0].text.endswith("write budget: {chars: 99000}")
    assert rows[0].path == ("operations", "second", "budget")
