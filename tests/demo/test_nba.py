from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway.demo import nba_data


async def get(api: aiohttp.ClientSession, path: str, **query: Any) -> Any:
    """The body of an answer; lists go as repeated `name[]`."""
    async with api.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def refused(api: aiohttp.ClientSession, path: str, **query: Any) -> tuple[int, Any]:
    async with api.get(path, params=query) as response:
        return response.status, await response.json()


async def test_search_finds_first_and_last_names_whatever_the_case(
    nba_api: aiohttp.ClientSession,
) -> None:
    found = (await get(nba_api, "players", search="jAMEs"))["data"]
    names = {(one["first_name"], one["last_name"]) for one in found}
    assert {("LeBron", "James"), ("James", "Harden"), ("Bronny", "James")} <= names
    assert all("james" in (first + "|" + last).lower() for first, last in names)
    everybody = nba_data.players().values()
    assert len(found) == sum(
        "james" in (one["first_name"] + "|" + one["last_name"]).lower() for one in everybody
    )


async def test_search_takes_no_full_name(nba_api: aiohttp.ClientSession) -> None:
    assert (await get(nba_api, "players", search="lebron james"))["data"] == []


async def test_search_ignores_accents(nba_api: aiohttp.ClientSession) -> None:
    (found,) = (await get(nba_api, "players", search="doncic"))["data"]
    assert found["last_name"] == "Dončić"


async def test_first_and_last_name_narrow_each_other(nba_api: aiohttp.ClientSession) -> None:
    body = await get(nba_api, "players", first_name="lebron", last_name="james")
    assert [one["id"] for one in body["data"]] == [237]


async def test_pages_follow_each_other_without_gap_or_repeat(
    nba_api: aiohttp.ClientSession,
) -> None:
    ids: list[int] = []
    query: dict[str, Any] = {"per_page": 7}
    while True:
        body = await get(nba_api, "players", **query)
        ids += [one["id"] for one in body["data"]]
        assert body["meta"]["per_page"] == 7
        if "next_cursor" not in body["meta"]:
            break
        query["cursor"] = body["meta"]["next_cursor"]
    assert ids == sorted(nba_data.players())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"per_page": "101"}, "per_page must be from 1 to 100."),
        ({"per_page": "0"}, "per_page must be from 1 to 100."),
        ({"cursor": "next"}, "cursor must be a whole number."),
        ({"cursor": "٣"}, "cursor must be a whole number."),
        (
            {"team_ids[]": "1,2"},
            "team_ids[] must hold whole numbers, each in a team_ids[]= of its own.",
        ),
    ],
)
async def test_a_bad_argument_is_named(
    nba_api: aiohttp.ClientSession, query: dict[str, str], message: str
) -> None:
    assert await refused(nba_api, "players", **query) == (400, {"error": message})


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dates[]": "17.06.2024"}, "dates[] must be a date such as 2024-06-17."),
        ({"start_date": "2024-13-01"}, "start_date must be a date such as 2024-06-17."),
        ({"postseason": "yes"}, "postseason must be true or false."),
    ],
)
async def test_a_bad_filter_of_games_is_named(
    nba_api: aiohttp.ClientSession, query: dict[str, str], message: str
) -> None:
    assert await refused(nba_api, "games", **query) == (400, {"error": message})


async def test_list_parameters_are_repeated(nba_api: aiohttp.ClientSession) -> None:
    body = await get(nba_api, "games", **{"seasons[]": ["2022", "2023"], "per_page": "100"})
    assert {one["season"] for one in body["data"]} == {2022, 2023}


async def test_games_are_filtered_by_team_day_and_stage(nba_api: aiohttp.ClientSession) -> None:
    query = {"team_ids[]": "14", "postseason": "false", "start_date": "2024-01-01"}
    games = (await get(nba_api, "games", **query))["data"]
    assert games
    for game in games:
        assert 14 in {game["home_team"]["id"], game["visitor_team"]["id"]}
        assert game["postseason"] is False
        assert game["date"] >= "2024-01-01"


async def test_dates_are_included_at_both_ends(nba_api: aiohttp.ClientSession) -> None:
    day = "2024-06-17"
    (game,) = (await get(nba_api, "games", start_date=day, end_date=day))["data"]
    same = (await get(nba_api, "games", **{"dates[]": day}))["data"]
    assert [game] == same
    assert (game["home_team_score"], game["visitor_team_score"]) == (106, 88)


async def test_one_row_has_an_address_and_an_unknown_id_is_404(
    nba_api: aiohttp.ClientSession,
) -> None:
    for path in ("players/237", "teams/14", "games/1001"):
        assert (await get(nba_api, path))["data"]["id"] == int(path.split("/")[1])
    for path in ("players/999999", "teams/31", "games/x", "games/٣"):
        status, body = await refused(nba_api, path)
        assert status == 404
        assert set(body) == {"error"}


async def test_teams_are_filtered_by_conference_and_division(
    nba_api: aiohttp.ClientSession,
) -> None:
    assert len((await get(nba_api, "teams"))["data"]) == 30
    assert len((await get(nba_api, "teams", conference="East"))["data"]) == 15
    pacific = (await get(nba_api, "teams", division="Pacific"))["data"]
    assert {team["abbreviation"] for team in pacific} == {"GSW", "LAC", "LAL", "PHX", "SAC"}


async def test_stats_are_filtered_by_player_and_game(nba_api: aiohttp.ClientSession) -> None:
    lines = (await get(nba_api, "stats", **{"player_ids[]": "237"}))["data"]
    assert {line["player"]["id"] for line in lines} == {237}
    game = lines[0]["game"]["id"]
    lines = (await get(nba_api, "stats", **{"game_ids[]": str(game)}))["data"]
    assert {line["game"]["id"] for line in lines} == {game}
    assert len({line["team"]["id"] for line in lines}) == 2


async def test_a_famous_game_has_its_real_figures(nba_api: aiohttp.ClientSession) -> None:
    query = {"player_ids[]": "237", "dates[]": "2020-10-11"}
    (line,) = (await get(nba_api, "stats", **query))["data"]
    assert (line["pts"], line["reb"], line["ast"]) == (28, 14, 10)


async def test_single_quarters_are_not_in_the_sample(nba_api: aiohttp.ClientSession) -> None:
    assert (await get(nba_api, "stats", period="1"))["data"] == []


async def test_season_averages_want_season_and_player(nba_api: aiohttp.ClientSession) -> None:
    (row,) = (await get(nba_api, "season_averages", season="2023", player_id="237"))["data"]
    assert (row["games_played"], row["pts"], row["reb"], row["ast"]) == (71, 25.7, 7.3, 8.3)
    assert (await get(nba_api, "season_averages", season="1999", player_id="237")) == {"data": []}
    status, body = await refused(nba_api, "season_averages", season="2023")
    assert (status, body) == (400, {"error": "player_id is required."})


def test_rows_of_the_sample_belong_together() -> None:
    teams, people = nba_data.teams(), nba_data.people()
    assert len(teams) == 30
    assert len(people) >= 60
    assert len(nba_data.games()) >= 40
    assert all(player["team_id"] in teams for player in people.values())
    assert all(player in people for player, _ in nba_data.seasons())
    for line in nba_data.stats().values():
        game = nba_data.games()[line["game"]["id"]]
        assert line["team"] in (game["home_team"], game["visitor_team"])


def test_nobody_scores_more_than_his_team() -> None:
    points: dict[tuple[int, int], int] = {}
    for line in nba_data.stats().values():
        of = line["game"]["id"], line["team"]["id"]
        points[of] = points.get(of, 0) + line["pts"]
    for (game_id, team), scored in points.items():
        game = nba_data.games()[game_id]
        side = "home" if game["home_team"]["id"] == team else "visitor"
        assert scored <= game[f"{side}_team_score"]
