"""Answers of any size, made the same each time; for the budget, one that each rung decides."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from gateway.shrinking.exact import encode

FIELDS = ("total", "items.{id,title,state,user.login as user,labels.name as labels,created_at}")
# The same, with the same names in the same order.
EXPRESSION = (
    "{total: total, items: items[*].{id: id, title: title, state: state, user: user.login,"
    " labels: labels[*].name, created_at: created_at}}"
)
_TEXT = (
    "the build fails on a clean checkout when cache is cold and no network can be reached "
    "please add an option that says which mirror to use instead of guessing it from headers"
)
_WORDS = _TEXT.split()


def rows(size: int) -> bytes:
    """Issues as a tracker lists them, some 1.3 KB each, in an object of about so many bytes."""
    draw = random.Random(size)  # noqa: S311 - the same each time
    items: list[Any] = []
    left = size
    while left > 0:
        items.append(_issue(draw, len(items)))
        left -= len(encode(items[-1]))
    return encode({"total": len(items), "items": items})


def _issue(draw: random.Random, number: int) -> dict[str, Any]:
    login = f"user-{draw.randrange(5000)}"
    home = f"https://api.example.com/users/{login}"
    return {
        "id": 7_000_000 + number,
        "url": f"https://api.example.com/issues/{number}",
        "title": _words(draw, 8),
        "state": draw.choice(["open", "closed"]),
        "user": {
            "login": login,
            "id": draw.randrange(10**7),
            "avatar_url": f"{home}/avatar",
            "followers_url": f"{home}/followers",
            "gists_url": f"{home}/gists{{/gist_id}}",
            "repos_url": f"{home}/repos",
            "type": "User",
            "site_admin": False,
        },
        "labels": [
            {"id": draw.randrange(10**6), "name": name, "color": "d73a4a", "default": True}
            for name in draw.sample(["bug", "docs", "help wanted", "question", "wontfix"], 2)
        ],
        "locked": False,
        "assignee": None,
        "comments": draw.randrange(40),
        "score": round(draw.random() * 100, 3),
        "created_at": f"2026-0{draw.randrange(1, 10)}-{draw.randrange(10, 29)}T08:15:30Z",
        "body": _words(draw, 60),
    }


def _words(draw: random.Random, many: int) -> str:
    return " ".join(draw.choices(_WORDS, k=many))


# --- by rung ----------------------------------------------------------------------------------


def _strings(draw: random.Random) -> Any:
    """Thirty posts: all of them fit once their texts are short."""
    return {"posts": [{"id": n, "by": f"user-{n}", "text": _words(draw, 6000)} for n in range(30)]}


def _depth(draw: random.Random) -> Any:
    """One record: more texts than fit with a few sentences each, so they become shorter still."""
    sections = {
        f"section_{n}": {"note": _words(draw, 60), "log": [_words(draw, 20) for _ in range(30)]}
        for n in range(6)
    }
    return sections | {f"field_{n}": _words(draw, 850) for n in range(220)}


def _outline(draw: random.Random) -> Any:
    """A record of records, of which not even the slimmest form of all fits."""
    sections = {
        f"section {n} {_words(draw, 3)}": {
            f"value_{key}": draw.randrange(10**9) for key in range(200)
        }
        for n in range(230)
    }
    return {"kind": "report", "complete": True} | sections


RUNGS: Mapping[str, Callable[[], bytes]] = {
    "strings": lambda: encode(_strings(random.Random(1))),  # noqa: S311 - the same each time
    "rows": lambda: rows(1_000_000),
    "depth": lambda: encode(_depth(random.Random(3))),  # noqa: S311 - the same each time
    "outline": lambda: encode(_outline(random.Random(4))),  # noqa: S311 - the same each time
}
