"""The rows of the embedded NBA API, as it shows them, from the bundled sample.

Teams, players, draft, scores and the averages of 2023 and 2024 are facts; ids of players and
games are the sample's own; box scores are made up but for some famous games (`box_scores`).
A player's team is the one at the end of the season 2024, or the last one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from gateway.demo import box_scores
from gateway.demo.upstream import sample

Row = dict[str, Any]

STARS_SHARE = 0.7  # of a team's points: the sample knows at most five of its players


@cache
def teams() -> dict[int, Row]:
    """The teams, by id."""
    return {team["id"]: team for team in sample("teams.json")}


@cache
def people() -> dict[int, Row]:
    """The players as a box score shows them: the team by its id."""
    return {player["id"]: player for player in sample("players.json")}


@cache
def players() -> dict[int, Row]:
    """The players as their own endpoint shows them: with the team."""
    return {
        id_: {name: value for name, value in player.items() if name != "team_id"}
        | {"team": teams()[player["team_id"]]}
        for id_, player in people().items()
    }


@cache
def games() -> dict[int, Row]:
    """The games, both teams in full."""
    return {game["id"]: _game(game) for game in sample("games.json")}


def _game(game: Row) -> Row:
    return {
        **_game_alone(game),
        "home_team": teams()[game["home_team_id"]],
        "visitor_team": teams()[game["visitor_team_id"]],
    }


def _game_alone(game: Row) -> Row:
    names = ("id", "date", "season", "postseason", "home_team_score", "visitor_team_score")
    over = {"status": "Final", "period": 4, "time": "Final", "datetime": None, "ist_stage": None}
    return {name: game[name] for name in names} | over


@cache
def stats() -> dict[int, Row]:
    """The lines of all box scores; a line's id counts through the games."""
    lines = [_line(game, played) for game in sample("games.json") for played in game["played"]]
    return {id_: {"id": id_, **line} for id_, line in enumerate(lines, start=5001)}


def _line(game: Row, played: Row) -> Row:
    player = people()[played["player_id"]]
    at_home = played["team_id"] == game["home_team_id"]
    margin = (game["home_team_score"] - game["visitor_team_score"]) * (1 if at_home else -1)
    seed = f"{game['id']}/{player['id']}"
    average = _calmed(game, played["team_id"], average_of(player["id"], game["season"]))
    sides = {name: game[name] for name in ("home_team_id", "visitor_team_id")}
    return {
        **box_scores.line(average, player["position"], played, margin, seed),
        "player": player,
        "team": teams()[played["team_id"]],
        "game": _game_alone(game) | sides,
    }


def _calmed(game: Row, team: int, average: box_scores.Average) -> box_scores.Average:
    """The average, lower where a team's stars would together outscore their team."""
    side = "home" if team == game["home_team_id"] else "visitor"
    mates = [one["player_id"] for one in game["played"] if one["team_id"] == team]
    usual = sum(average_of(mate, game["season"]).points for mate in mates)
    share = min(1.0, STARS_SHARE * game[f"{side}_team_score"] / usual)
    return average._replace(points=average.points * share)


@cache
def seasons() -> dict[tuple[int, int], Row]:
    """The season averages that are known, by player and season."""
    return {(row["player_id"], row["season"]): row for row in sample("season_averages.json")}


def average_of(player: int, season: int) -> box_scores.Average:
    """Of that season, else of the nearest one that is known."""
    known = [row for (id_, _), row in seasons().items() if id_ == player]
    if not known:
        return box_scores.UNKNOWN
    row = min(known, key=lambda row: abs(row["season"] - season))
    return box_scores.Average(row["min"], row["pts"], row["reb"], row["ast"])
