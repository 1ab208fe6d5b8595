"""examples/shop: a big spec and bulky answers, made small."""

from __future__ import annotations

import pytest

from gateway.shrinking import count
from tests.conftest import Client
from tests.examples.conftest import (
    EXAMPLES,
    Parameters,
    Running,
    Serving,
    Start,
    environment,
    loaded,
    seen,
)

TOKEN = environment("shop")["SHOP_TOKEN"]


@pytest.fixture
async def upstream(start: Start) -> Running:
    return await start("shop/upstream.py")


@pytest.fixture
async def shop(upstream: Running, serving: Serving) -> Client:
    return await serving(loaded("shop/shop.yaml", environment("shop"), upstream.url))


async def test_a_model_sees_two_operations_of_thirty_nine(shop: Client) -> None:
    options = {"query", "category", "max_price", "sort", "page"}
    assert await seen(shop) == {
        "searchProducts": Parameters(set(), options),
        "getProduct": Parameters({"sku"}, set()),
    }
    spec = (EXAMPLES / "shop/specs/shop.yaml").read_text()
    assert spec.count("operationId:") == 39
    served = (await shop.get("/openapi.yaml")).body.decode()
    assert count(served) * 5 < count(spec)
    assert not [word for word in ("Customer", "warehouse", "X-Shop-Token") if word in served]


async def test_kinds_and_orders_are_told_as_enums(shop: Client) -> None:
    document = (await shop.get("/openapi.json")).json()
    parameters = document["paths"]["/v3/products"]["get"]["parameters"]
    enums = {one["name"]: one["schema"].get("enum") for one in parameters}
    assert enums["category"] == ["kitchen", "garden", "office", "outdoor", "toys"]
    assert enums["sort"] == ["relevance", "cheapest", "dearest", "best"]


async def test_a_search_arrives_in_the_platforms_words(shop: Client, upstream: Running) -> None:
    await shop.get("/v3/products?query=kettle&sort=cheapest&max_price=99.50&page=1")
    assert upstream.last.headers["X-Shop-Token"] == TOKEN
    path, _, query = upstream.last.target.partition("?")
    assert path == "/v3/products"
    assert sorted(query.split("&")) == [
        "availability=in_stock",
        "page=1",
        "per_page=20",
        "price_max=99.50",
        "q=kettle",
        "sort=price_asc",
    ]


async def test_a_page_comes_with_what_a_model_needs(shop: Client, upstream: Running) -> None:
    answer = await shop.get("/v3/products?sort=cheapest")
    body = answer.json()
    assert len(body["items"]) == 20
    assert set(body["items"][0]) == {"sku", "name", "euros", "stars"}
    prices = [one["euros"] for one in body["items"]]
    assert prices == sorted(prices)
    assert "_shrunk" not in body
    async with shop.session.get(
        upstream.url + upstream.last.target, headers={"X-Shop-Token": TOKEN}
    ) as response:
        raw = await response.text()
    assert count(answer.body.decode()) * 10 < count(raw)


async def test_a_search_twice_asks_the_platform_once(shop: Client, upstream: Running) -> None:
    first = await shop.get("/v3/products?query=kite")
    second = await shop.get("/v3/products?query=kite")
    assert first.body == second.body
    assert len(upstream.received) == 1


async def test_one_product_with_its_sizes(shop: Client) -> None:
    answer = await shop.get("/v3/products/KI-1000")
    assert answer.json() == {
        "name": "Basic Kettle",
        "euros": 5.9,
        "availability": {"status": "in_stock", "delivery_days": 2},
        "variants": [{"size": size, "euros": 5.9} for size in "SML"],
        "url": "https://shop.example/p/KI-1000/basic-kettle",
    }
    missing = await shop.get("/v3/products/XX-1")
    assert (missing.status, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/v3/products?sort=price_asc", "cheapest"),
        ("/v3/products?per_page=100", "per_page"),
        ("/v3/products?availability=all", "availability"),
        ("/v3/products?include=warehouses", "include"),
        ("/v3/products?channel=app", "channel"),
    ],
)
async def test_what_is_not_offered_never_reaches_the_platform(
    shop: Client, upstream: Running, target: str, said: str
) -> None:
    answer = await shop.get(target)
    assert answer.status == 400
    assert said in answer.json()["detail"]
    assert upstream.received == []


@pytest.mark.parametrize(
    "target", ["/v3/orders", "/v3/customers/1", "/v3/products/KI-1000/reviews"]
)
async def test_the_other_operations_are_out_of_reach(
    shop: Client, upstream: Running, target: str
) -> None:
    assert (await shop.get(target)).status == 404
    assert upstream.received == []
