"""The NBA API of balldontlie (https://www.balldontlie.io, version 1), embedded.

Paths, parameters, pages and error bodies are that API's; `configs/specs/balldontlie.yaml`
describes them. What is fact and what is made up, `nba_data` says. Nothing happened after June
2025.

Lists come in pages of `per_page` in the order of their ids; `cursor` is the last id of the page
before.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from aiohttp import web

from gateway.demo import box_scores, nba_data
from gateway.demo.nba_data import Row
from gateway.demo.upstream import Answer, Api, ApiError, Query, app, integer

KEY = "demo-balldontlie-3f61c0a9"
MAX_ID = 10**9
FIRST_SEASON, LAST_SEASON = 1946, 2100

Test = Callable[[Row], bool]


def make_app(*, key: str = KEY, per_minute: int = 600) -> web.Application:
    """The API under `/v1`; 600 calls a minute is its plan that includes stats."""

    def shows_key(request: web.Request) -> bool:
        shown = request.headers.get("Authorization", "")
        return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), key.encode())

    return app(Api(ROUTES, shows_key, _error, _limits), per_minute=per_minute)


def _error(_status: int, message: str) -> Row:
    return {"error": message}


def _limits(allowed: int, left: int, reset: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(allowed),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(round(reset)),
    }


# --- the endpoints ---------------------------------------------------------------------------


def teams(_path: Mapping[str, str], query: Query) -> Answer:
    """All teams, or those of a conference or division."""
    wanted = [(name, query[name]) for name in ("conference", "division") if name in query]
    rows = [
        row for row in nba_data.teams().values() if all(row[name] == text for name, text in wanted)
    ]
    return Answer({"data": rows}, "public, max-age=86400")


def players(_path: Mapping[str, str], query: Query) -> Answer:
    """Players by name, team or id. `search` looks into first and last names, each by itself."""
    team_ids, ids = _ids(query, "team_ids[]"), _ids(query, "player_ids[]")
    tests: list[Test] = [
        lambda row: not team_ids or row["team"]["id"] in team_ids,
        lambda row: not ids or row["id"] in ids,
        _named(query, "search", "first_name", "last_name"),
        _named(query, "first_name", "first_name"),
        _named(query, "last_name", "last_name"),
    ]
    return _page(nba_data.players().values(), tests, query)


def games(_path: Mapping[str, str], query: Query) -> Answer:
    """Games by date, season, team."""
    team_ids = _ids(query, "team_ids[]")

    def plays(row: Row) -> bool:
        return not team_ids.isdisjoint({row["home_team"]["id"], row["visitor_team"]["id"]})

    tests = [*_when(query, lambda row: row), lambda row: not team_ids or plays(row)]
    return _page(nba_data.games().values(), tests, query, "public, max-age=60")


def stats(_path: Mapping[str, str], query: Query) -> Answer:
    """Lines of box scores. Of periods there are only the whole games: 0."""
    player_ids, game_ids = _ids(query, "player_ids[]"), _ids(query, "game_ids[]")
    period = integer(query, "period", 0, 0, 10)
    tests: list[Test] = [
        *_when(query, lambda row: row["game"]),
        lambda row: not player_ids or row["player"]["id"] in player_ids,
        lambda row: not game_ids or row["game"]["id"] in game_ids,
        lambda _row: period == 0,
    ]
    return _page(nba_data.stats().values(), tests, query)


def season_averages(_path: Mapping[str, str], query: Query) -> Answer:
    """One player's averages of one season; an empty list where he did not play."""
    for name in ("season", "player_id"):
        if name not in query:
            raise ApiError(f"{name} is required.")
    year = integer(query, "season", 0, FIRST_SEASON, LAST_SEASON)
    player = integer(query, "player_id", 0, 1, MAX_ID)
    row = nba_data.seasons().get((player, year))
    rows = []
    if row:
        known = {name: row[name] for name in ("player_id", "season", "games_played")}
        rows = [
            known
            | box_scores.season(
                nba_data.average_of(player, year), nba_data.people()[player]["position"]
            )
        ]
    # `private`: the API sells these, so no cache that others share may keep them.
    return Answer({"data": rows}, "private, max-age=300")


def _one(rows: Callable[[], dict[int, Row]], what: str, cache_control: str = "") -> Any:
    """The endpoint of one row by its id."""

    def endpoint(path: Mapping[str, str], _query: Query) -> Answer:
        row = rows().get(int(path["id"])) if re.fullmatch(r"[0-9]{1,9}", path["id"]) else None
        if row is None:
            raise ApiError(f"There is no {what} {path['id']}.", 404)
        return Answer({"data": row}, cache_control)

    return endpoint


ROUTES = {
    "/v1/teams": teams,
    "/v1/teams/{id}": _one(nba_data.teams, "team", "public, max-age=86400"),
    "/v1/players": players,
    "/v1/players/{id}": _one(nba_data.players, "player"),
    "/v1/games": games,
    "/v1/games/{id}": _one(nba_data.games, "game", "public, max-age=60"),
    "/v1/stats": stats,
    "/v1/season_averages": season_averages,
}


# --- filters and pages -----------------------------------------------------------------------


def _page(rows: Iterable[Row], tests: list[Test], query: Query, cache_control: str = "") -> Answer:
    after = integer(query, "cursor", 0, 0, MAX_ID)
    per_page = integer(query, "per_page", 25, 1, 100)
    found = [row for row in rows if row["id"] > after and all(test(row) for test in tests)]
    found.sort(key=lambda row: int(row["id"]))
    meta: Row = {"per_page": per_page}
    if len(found) > per_page:
        meta["next_cursor"] = found[per_page - 1]["id"]
    return Answer({"data": found[:per_page], "meta": meta}, cache_control)


def _when(query: Query, game: Callable[[Row], Row]) -> list[Test]:
    """The filters that games and stats have in common; `game` finds a row's game."""
    dates = {_date(text, "dates[]") for text in query.getall("dates[]", [])}
    seasons = _ids(query, "seasons[]")
    first = _date(query.get("start_date", "0001-01-01"), "start_date")
    last = _date(query.get("end_date", "9999-12-31"), "end_date")
    postseason = query.get("postseason")
    if postseason not in {None, "true", "false"}:
        raise ApiError("postseason must be true or false.")
    return [
        lambda row: not dates or game(row)["date"] in dates,
        lambda row: not seasons or game(row)["season"] in seasons,
        lambda row: first <= game(row)["date"] <= last,
        lambda row: postseason is None or game(row)["postseason"] == (postseason == "true"),
    ]


def _date(text: str, name: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ApiError(f"{name} must be a date such as 2024-06-17.") from None


def _ids(query: Query, name: str) -> set[int]:
    texts = query.getall(name, [])
    if not all(re.fullmatch(r"[0-9]{1,9}", text) for text in texts):
        raise ApiError(f"{name} must hold whole numbers, each in a {name}= of its own.")
    return {int(text) for text in texts}


def _named(query: Query, name: str, *columns: str) -> Test:
    """Whether one of the columns holds the text; case and accents do not count."""
    text = _plain(query.get(name, ""))
    return lambda row: any(text in _plain(row[column]) for column in columns)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(one for one in letters if not unicodedata.combining(one)).casefold()
