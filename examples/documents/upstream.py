"""A document store as stands beside many assistants: query, upsert, upload, delete.

A query finds pieces of text by the words they share with it, best first, and answers each whole,
with its embedding. The key is a bearer token.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from aiohttp import web

PORT = 5009
KEY = "demo-documents-key"

# What a handbook of twelve chapters says; each chapter is long.
SUBJECTS = [
    (
        "travel",
        "Journeys by train are booked by everybody for himself. Flights need a word before.",
    ),
    ("expenses", "A receipt is handed in within thirty days. Meals on journeys are paid by day."),
    ("holidays", "Thirty days a year. Days left over are kept until the end of March."),
    ("security", "Lock the screen when you leave. Report a lost key within the hour."),
    ("laptops", "A laptop lasts four years. Repairs are asked for at the service desk."),
    ("meetings", "A meeting has an agenda and an end. Rooms are booked in the calendar."),
    ("visitors", "Visitors sign in at the door and are never left alone in the laboratory."),
    ("training", "Five days a year for courses. Ask three weeks before a course begins."),
    ("parking", "Places are given by the day. Bicycles stand in the yard, under the roof."),
    ("illness", "Tell your team on the first day. A doctor's note is due on the fourth."),
    ("moving", "Two days for moving house. The office of personnel wants the new address."),
    ("archive", "Contracts are kept for ten years, letters for six, drafts for none."),
]


def _pieces() -> list[dict[str, Any]]:
    pieces = []
    for number, (subject, rule) in enumerate(SUBJECTS):
        more = f" The chapter on {subject} goes on: what holds today may be asked for in writing."
        pieces.append(
            {
                "id": f"handbook-{number}",
                "text": rule + more * 40,
                "metadata": {
                    "source": "file",
                    "source_id": f"handbook/{subject}.md",
                    "created_at": f"2026-01-{number + 1:02}",
                    "document_id": "handbook",
                },
                "embedding": [round((number * 31 + i * 17) % 97 / 97, 6) for i in range(256)],
            }
        )
    return pieces


async def query(request: web.Request) -> web.Response:
    """The pieces that share most words with the query."""
    body = json.loads(await request.read())
    words = set(re.findall(r"\w+", body["query"].lower()))
    scored = [
        (len(words & set(re.findall(r"\w+", piece["text"].lower()))), piece)
        for piece in request.app[PIECES]
    ]
    best = sorted((one for one in scored if one[0]), key=lambda one: -one[0])
    results = [{**piece, "score": score / len(words)} for score, piece in best]
    return web.json_response({"query": body["query"], "results": results[: body.get("top_k", 3)]})


async def upsert(request: web.Request) -> web.Response:
    """Keep a piece of text."""
    request.app[PIECES].append(json.loads(await request.read()))
    return web.json_response({"ids": [request.app[PIECES][-1]["id"]]})


async def upload(_request: web.Request) -> web.Response:
    """Keep a file: not in this one."""
    return web.json_response({"ids": []})


async def delete(request: web.Request) -> web.Response:
    """Forget everything."""
    request.app[PIECES].clear()
    return web.json_response({"success": True})


PIECES = web.AppKey("pieces", list[dict[str, Any]])


@web.middleware
async def keyed(request: web.Request, handler: Any) -> web.StreamResponse:
    """Ask for the bearer token; a body that does not fit is 422."""
    if request.headers.get("Authorization") != f"Bearer {KEY}":
        return web.json_response({"detail": "Invalid or missing token"}, status=401)
    try:
        response: web.StreamResponse = await handler(request)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return web.json_response({"detail": "the body does not fit"}, status=422)
    return response


def make_app() -> web.Application:
    """The service, with a handbook in it."""
    app = web.Application(middlewares=[keyed], client_max_size=1024 * 1024)
    app[PIECES] = _pieces()
    app.router.add_post("/query", query)
    app.router.add_post("/upsert", upsert)
    app.router.add_post("/upsert-file", upload)
    app.router.add_delete("/delete", delete)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
