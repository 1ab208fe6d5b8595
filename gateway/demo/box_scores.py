"""Box scores and season averages that add up, from the few figures that are known. Pure.

Points, rebounds and assists are given (season averages and some famous games) or drawn around
the player's average, from a seed of player and game: the same on every machine. The rest is
derived so that it adds up: points = 2 x (FGM - 3PM) + 3 x 3PM + FTM, rebounds = offensive +
defensive, made <= attempted. The shares below are roughly what the league shoots.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

FREE_THROW_SHARE = 0.18  # of the points
FREE_THROW_RATE = 0.78
THREE_RATE = 0.36
OFFENSIVE_SHARE = 0.2  # of the rebounds


class Average(NamedTuple):
    """What a player does in a game."""

    minutes: float
    points: float
    rebounds: float
    assists: float


UNKNOWN = Average(28.0, 12.0, 4.5, 3.0)


class Shooting(NamedTuple):
    """How a position shoots: the share of points from threes, and the field goal rate."""

    three_share: float
    rate: float


SHOOTING = {"G": Shooting(0.36, 0.46), "F": Shooting(0.27, 0.49), "C": Shooting(0.08, 0.56)}


def line(
    average: Average, position: str, given: Mapping[str, int], margin: int, seed: str
) -> dict[str, Any]:
    """One player's line of one game.

    Args:
        average: What to draw around.
        position: The player's; its first letter decides how the points were made.
        given: What is known: any of `pts`, `reb`, `ast`.
        margin: By how many points the player's team won.
        seed: Names player and game.
    """
    rng = random.Random(seed)  # noqa: S311 - sample data, not secrets
    points = given.get("pts", _draw(rng, average.points))
    rebounds = given.get("reb", _draw(rng, average.rebounds))
    assists = given.get("ast", _draw(rng, average.assists))
    shooting = SHOOTING[position[0]]
    threes = round(points * shooting.three_share / 3)
    free = round(points * FREE_THROW_SHARE)
    free += (points - 3 * threes - free) % 2
    goals = threes + (points - 3 * threes - free) // 2
    threes_tried = _tried(rng, threes, THREE_RATE)
    tried = max(_tried(rng, goals, shooting.rate), goals + threes_tried - threes)
    free_tried = _tried(rng, free, FREE_THROW_RATE)
    offensive = round(rebounds * OFFENSIVE_SHARE)
    minutes = min(46, max(6, round(rng.gauss(average.minutes + 2, 3))))
    return {
        "min": str(minutes),
        "fgm": goals, "fga": tried, "fg_pct": _rate(goals, tried),
        "fg3m": threes, "fg3a": threes_tried, "fg3_pct": _rate(threes, threes_tried),
        "ftm": free, "fta": free_tried, "ft_pct": _rate(free, free_tried),
        "oreb": offensive, "dreb": rebounds - offensive, "reb": rebounds, "ast": assists,
        "stl": _draw(rng, 1.1), "blk": _draw(rng, 0.7), "turnover": _draw(rng, 2.4),
        "pf": min(6, _draw(rng, 2.5)), "pts": points,
        "plus_minus": margin + round(rng.gauss(0, 6)),
    }  # fmt: skip


def season(average: Average, position: str) -> dict[str, Any]:
    """A season's averages, the made and the tried derived from the points."""
    shooting = SHOOTING[position[0]]
    threes = average.points * shooting.three_share / 3
    free = average.points * FREE_THROW_SHARE
    goals = threes + (average.points - 3 * threes - free) / 2
    offensive = average.rebounds * OFFENSIVE_SHARE
    made = {"fgm": goals, "fg3m": threes, "ftm": free}
    tried = {
        "fga": goals / shooting.rate,
        "fg3a": threes / THREE_RATE,
        "fta": free / FREE_THROW_RATE,
    }
    rates = {"fg_pct": shooting.rate, "fg3_pct": THREE_RATE, "ft_pct": FREE_THROW_RATE}
    rebounds = {"oreb": offensive, "dreb": average.rebounds - offensive}
    others = {"stl": 1.1, "blk": 0.7, "turnover": 2.4, "pf": 2.1}
    given = {"reb": average.rebounds, "ast": average.assists, "pts": average.points}
    derived = {**made, **tried, **rebounds, **others}
    whole, part = divmod(round(average.minutes * 60), 60)
    return {
        "min": f"{whole}:{part:02d}",
        **{name: round(value, 2) for name, value in derived.items()},
        **rates,
        **given,
    }


def _draw(rng: random.Random, mean: float) -> int:
    return max(0, round(rng.gauss(mean, 0.25 * mean + 0.5)))


def _tried(rng: random.Random, made: int, rate: float) -> int:
    return made + max(0, round(rng.gauss(made / rate - made, 1.0)))


def _rate(made: int, tried: int) -> float:
    return round(made / tried, 3) if tried else 0.0
