"""Two rival couriers, each with an API of its own: what either knows, the other does not.

Quick: GET /parcels/{number}. Green: GET /track?ref=…. Run it with `quick` or `green`.
"""

from __future__ import annotations

import sys

from aiohttp import web

PORTS = {"quick": 5010, "green": 5011}

QUICK = {
    "QP1001": {"state": "DELIVERED", "place": "Hamburg", "at": "2026-01-05T10:12:00Z"},
    "QP1002": {"state": "IN_TRANSIT", "place": "Lyon", "at": "2026-01-06T22:40:00Z"},
}
GREEN = {
    "GR-77-A": {"status": "collected", "hub": "Utrecht", "updated": "2026-01-06T08:00:00Z"},
    "GR-78-B": {"status": "on a bicycle", "hub": "Ghent", "updated": "2026-01-07T09:30:00Z"},
}


async def parcel(request: web.Request) -> web.Response:
    """Quick: where a parcel is."""
    number = request.match_info["number"]
    if number not in QUICK:
        return web.json_response({"error": "unknown parcel"}, status=404)
    return web.json_response({"number": number, "history": [QUICK[number]], "courier": "quick"})


async def track(request: web.Request) -> web.Response:
    """Green: where a parcel is."""
    reference = request.query.get("ref", "")
    if reference not in GREEN:
        return web.json_response({"message": "no such reference"}, status=404)
    return web.json_response({"ref": reference, **GREEN[reference], "co2_g": 41})


def make_app(courier: str = "quick") -> web.Application:
    """The service of one courier."""
    app = web.Application()
    if courier == "quick":
        app.router.add_get("/parcels/{number}", parcel)
    else:
        app.router.add_get("/track", track)
    return app


if __name__ == "__main__":
    name = (sys.argv[1:] or ["quick"])[0]
    port = int((sys.argv[2:] or [PORTS[name]])[0])
    web.run_app(make_app(name), host="127.0.0.1", port=port)
