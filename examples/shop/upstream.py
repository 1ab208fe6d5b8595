"""A shop platform: a search whose answers carry everything that any of its clients might want.

GET /v3/products and /v3/products/{sku}; the rest of its forty operations are not built here. The
key stands in the header X-Shop-Token.
"""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web

PORT = 5007
KEY = "demo-shop-token"

CATEGORIES = {
    "kitchen": ["Kettle", "Teapot", "Pan", "Bread knife", "Salad bowl", "Espresso pot"],
    "garden": ["Watering can", "Rake", "Plant pot", "Bird house", "Hose", "Bench"],
    "office": ["Desk lamp", "Notebook", "Fountain pen", "Paper tray", "Stapler", "Wall clock"],
    "outdoor": ["Tent", "Sleeping bag", "Lantern", "Rucksack", "Compass", "Water bottle"],
    "toys": ["Kite", "Wooden train", "Puzzle", "Spinning top", "Teddy bear", "Marble run"],
}
LINES = ["Basic", "Classic", "Compact", "Family", "Travel", "Deluxe", "Copper", "Oak", "Blue", "XL"]


def _money(amount: float) -> dict[str, Any]:
    return {"amount": round(amount, 2), "currency": "EUR", "formatted": f"€ {amount:.2f}"}


def _product(number: int, category: str, name: str) -> dict[str, Any]:
    sku, gross = f"{category[:2].upper()}-{1000 + number}", 5 + number * 37 % 120 + 0.9
    slug = name.lower().replace(" ", "-")
    url = f"https://shop.example/p/{sku}/{slug}"
    status = ("in_stock", "in_stock", "backorder", "sold_out")[number % 4]
    return {
        "sku": sku,
        "name": name,
        "subtitle": f"{name}, from our {category} collection",
        "description_html": f"<p>The <b>{name}</b> is made to last.</p>" * 6,
        "category": {"code": category, "name": category.title(), "parent": None, "path": ["Home"]},
        "price": {
            "net": _money(gross / 1.21),
            "gross": _money(gross),
            "list": _money(gross * 1.2),
            "tax_rate": 0.21,
        },
        "rating": {
            "average": 3 + number % 20 / 10,
            "count": number * 13 % 400,
            "histogram": [number % 7, number % 11, number % 13, number % 17, number % 19],
        },
        "availability": {
            "status": status,
            "delivery_days": 2 + number % 5,
            "stock": [
                {"warehouse": place, "quantity": number % 9, "reserved": 1, "restock": None}
                for place in ("north", "south")
            ],
        },
        "variants": [
            {
                "sku": f"{sku}-{size}",
                "colour": "natural",
                "size": size,
                "gtin": f"40{number:011}",
                "price": _money(gross),
                "weight_g": 300 + number,
            }
            for size in ("S", "M", "L")
        ],
        "media": [
            {"type": "image", "url": f"{url}/{n}.jpg", "width": 1600, "height": 1600, "alt": name}
            for n in range(4)
        ],
        "seo": {"title": f"{name} | Shop", "slug": slug, "keywords": [category, slug, "buy"]},
        "url": url,
        "created_at": "2025-03-01T09:00:00Z",
        "updated_at": "2026-01-01T09:00:00Z",
        "flags": [],
    }


PRODUCTS = {
    product["sku"]: product
    for number, (category, name) in enumerate(
        (category, f"{line} {name}".strip())
        for category, names in CATEGORIES.items()
        for name in names
        for line in LINES
    )
    for product in [_product(number, category, name)]
}

SORTED = {
    "price_asc": lambda one: one["price"]["gross"]["amount"],
    "price_desc": lambda one: -one["price"]["gross"]["amount"],
    "rating_desc": lambda one: -one["rating"]["average"],
}


async def search(request: web.Request) -> web.Response:
    """Products by words, category, price and availability, by pages."""
    query = request.query
    if query.get("category", "toys") not in CATEGORIES:
        return _problem(400, "bad_request", f"category is one of {', '.join(CATEGORIES)}")
    found = [
        one
        for one in PRODUCTS.values()
        if query.get("q", "").lower() in one["name"].lower()
        and query.get("category", one["category"]["code"]) == one["category"]["code"]
        and one["price"]["gross"]["amount"] <= float(query.get("price_max", "inf"))
        and query.get("availability", "all") in ("all", one["availability"]["status"])
    ]
    found.sort(key=SORTED.get(query.get("sort", ""), lambda _: 0))
    page, size = int(query.get("page", "1")), int(query.get("per_page", "50"))
    links = {"self": str(request.rel_url), "next": None, "last": str(request.rel_url)}
    return web.json_response(
        {
            "items": found[(page - 1) * size : page * size],
            "total": len(found),
            "page": page,
            "pages": -(-len(found) // size),
            "links": links,
        }
    )


async def get(request: web.Request) -> web.Response:
    """One product."""
    product = PRODUCTS.get(request.match_info["sku"])
    if product is None:
        return _problem(404, "not_found", "there is no such product")
    return web.json_response(product)


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


@web.middleware
async def keyed(request: web.Request, handler: Any) -> web.StreamResponse:
    """Ask for the token; a number that is none is 400."""
    if request.headers.get("X-Shop-Token") != KEY:
        return _problem(401, "unauthorized", "the token is missing or wrong")
    try:
        response: web.StreamResponse = await handler(request)
    except (ValueError, ZeroDivisionError):
        return _problem(400, "bad_request", "a number does not fit")
    return response


def make_app() -> web.Application:
    """The service, with three hundred products."""
    app = web.Application(middlewares=[keyed])
    app.router.add_get("/v3/products", search)
    app.router.add_get("/v3/products/{sku}", get)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
