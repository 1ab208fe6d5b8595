from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from gateway.authoring.ids import links, lost, needed
from gateway.config import read_configs
from gateway.demo import DEMO_PLUGINS, configs_dir
from gateway.plugin import Plugin, build
from gateway.shrinking.paths import join
from gateway.yaml12 import load

ID, TEXT = {"type": "integer"}, {"type": "string"}
TEAM = {"type": "object", "properties": {"id": ID, "name": TEXT}}
PLAYER = {"type": "object", "properties": {"id": ID, "name": TEXT, "team": TEAM}}
PLAYERS = {"type": "object", "properties": {"data": {"type": "array", "items": PLAYER}}}


def operation(name: str, schema: Any = None, *parameters: Any) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": schema}}} if schema else {}
    replies = {"200": {"description": "", **content}}
    return {"operationId": name, "parameters": list(parameters), "responses": replies}


IDS = {"type": "array", "items": ID}
BY_ID = {"name": "id", "in": "path", "required": True, "schema": ID}
SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "League", "version": "1"},
    "servers": [{"url": "https://league.example"}],
    "paths": {
        "/players": {"get": operation("listPlayers", PLAYERS)},
        "/players/{id}": {
            "get": operation("getPlayer", PLAYER, BY_ID),
            "delete": operation("dropPlayer", None, BY_ID),
        },
        "/teams": {"get": operation("listTeams", {"type": "array", "items": TEAM})},
        "/games": {
            "get": operation(
                "listGames", None, {"name": "team_ids[]", "in": "query", "schema": IDS}
            )
        },
    },
}


def plugin(tmp_path: Path, operations: str, rest: str = "", spec: Any = SPEC) -> Plugin:
    file = tmp_path / "league.yaml"
    file.write_text(
        f"plugin: league\ncontact: a@example.com\nspec: s.yaml\n{rest}operations:\n{operations}"
    )
    (loaded,) = read_configs([file], {})
    return build(loaded, copy.deepcopy(spec))


ALL = "  listPlayers: {}\n  getPlayer: {}\n  dropPlayer: {}\n  listTeams: {}\n  listGames: {}\n"


def linked(found: Plugin) -> set[tuple[str, str, str, bool]]:
    return {(one.giver, join(one.paths[0]), one.taker[0], one.own) for one in links(found)}


def pairs(found: Plugin) -> set[tuple[str, str]]:
    return {(giver, taker) for giver, _, taker, _ in linked(found)}


def said(found: Plugin) -> list[tuple[str, str, str]]:
    return [(one.operation, one.rule, one.path) for one in lost(found)]


def test_ids_are_linked_by_address_and_by_name(tmp_path: Path) -> None:
    assert linked(plugin(tmp_path, ALL)) == {
        ("listPlayers", "data.id", "getPlayer", True),
        ("listPlayers", "data.id", "dropPlayer", True),
        ("listPlayers", "data.team.id", "listGames", False),
        ("getPlayer", "team.id", "listGames", False),
        ("listTeams", "id", "listGames", False),
    }
    places = needed(plugin(tmp_path, ALL), "listPlayers")
    assert {join(path) for path in places} == {"data.id", "data.team.id"}


def test_a_number_is_an_id_only_where_an_address_is_made_of_it(tmp_path: Path) -> None:
    spec = copy.deepcopy(SPEC)
    number = {"name": "team_number", "in": "query", "schema": ID}
    spec["paths"]["/games"]["get"]["parameters"] = [number]
    spec["paths"]["/teams"]["get"] = operation(
        "listTeams", {"type": "object", "properties": {"team_number": ID}}
    )
    assert ("listTeams", "listGames") not in pairs(plugin(tmp_path, ALL, spec=spec))
    number.update({"in": "path", "required": True})
    spec["paths"]["/games/{team_number}"] = spec["paths"].pop("/games")
    assert ("listTeams", "listGames") in pairs(plugin(tmp_path, ALL, spec=spec))


def test_only_operations_that_are_exposed_count(tmp_path: Path) -> None:
    assert linked(plugin(tmp_path, "  listPlayers: {}\n  listTeams: {}\n")) == set()


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        ("{fields: [data.name]}", "fields"),
        ("{fields: [data.team.id]}", "fields"),
        ("{drop: [data.id]}", "drop"),
        ('{drop: ["..id"]}', "drop"),
        ('{jmespath: "data[].name"}', "jmespath"),
        ('{jmespath: "data[].{provided: name}"}', "jmespath"),
    ],
)
def test_an_id_that_is_taken_away_is_told(tmp_path: Path, rules: str, rule: str) -> None:
    found = plugin(tmp_path, ALL.replace("listPlayers: {}", f"listPlayers: {rules}"))
    (one,) = lost(found)
    assert (one.operation, one.rule, one.path) == ("listPlayers", rule, "data.id")
    assert str(one) == (
        "'data.id' is taken away, which getPlayer (id), dropPlayer (id) need: keep it, so that "
        "calls can go on"
    )


@pytest.mark.parametrize(
    "rules",
    [
        "{}",
        "{drop: [empty, urls, nulls]}",
        '{fields: ["data.{id,name}"]}',
        '{fields: ["data.{id as player,name}"]}',
        "{fields: [data]}",
        '{jmespath: "data[?team.id == `7`].id"}',  # the trial has no such team
        '{jmespath: "data[].[id, name]"}',
        '{jmespath: "{players: data[].{player: id}}"}',
    ],
)
def test_an_id_that_is_kept_is_no_news(tmp_path: Path, rules: str) -> None:
    assert said(plugin(tmp_path, ALL.replace("listPlayers: {}", f"listPlayers: {rules}"))) == []


def test_by_name_it_is_enough_that_one_operation_gives_the_id(tmp_path: Path) -> None:
    keeping = ALL.replace("listPlayers: {}", "listPlayers: {fields: [data.id]}")
    assert said(plugin(tmp_path, keeping)) == []
    none = keeping.replace("listTeams: {}", "listTeams: {fields: [name]}")
    none = none.replace("getPlayer: {}", "getPlayer: {fields: [name]}")
    assert set(said(plugin(tmp_path, none))) == {
        ("listPlayers", "fields", "data.team.id"),
        ("getPlayer", "fields", "team.id"),
        ("listTeams", "fields", "id"),
    }


def test_the_plugins_own_drop_is_seen(tmp_path: Path) -> None:
    found = plugin(tmp_path, ALL, 'drop: ["..id"]\n')
    assert ("listPlayers", "drop", "data.id") in said(found)


def test_the_configs_of_the_repository_lose_no_id() -> None:
    env = {key: value for one in DEMO_PLUGINS.values() for key, value in one.env.items()}
    for loaded in read_configs([configs_dir()], env):
        assert isinstance(loaded.plugin.spec, str)
        spec = configs_dir() / loaded.plugin.spec
        found = build(loaded, load(spec.read_bytes()))
        assert said(found) == []
        assert bool(links(found)) is (found.name == "sportStats")
