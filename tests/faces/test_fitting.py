"""What is served of a spec that would cost more than its `spec_budget`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway import yaml12
from gateway.config import read_configs
from gateway.faces.openapi import Served, describe
from gateway.faces.weight import heaviest
from gateway.plugin import Plugin, build

BASE = "https://gw.example/shop"
VALIDATORS = {"3.0": OpenAPIV30SpecValidator, "3.1": OpenAPIV31SpecValidator}
Build = Callable[..., Plugin]
WORDS = "Says something of it. " * 20
CURRENCIES = [f"CU{number:03}" for number in range(598)]


def thing(name: str, inner: Mapping[str, Any] | None = None, members: int = 40) -> dict[str, Any]:
    """An object of many members."""
    own = {f"{name}_{n}": {"type": "string", "description": f"{WORDS} {n}"} for n in range(members)}
    return {"type": "object", "properties": {"id": {"type": "integer"}, **own, **(inner or {})}}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SPEC: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "https://shop.example"}],
    "paths": {
        "/orders": {
            "get": {
                "operationId": "getOrders",
                "summary": "Orders",
                "description": "All orders. " + WORDS,
                "parameters": [
                    {
                        "name": "currency",
                        "in": "query",
                        "description": "What was paid in.",
                        "schema": {"type": "string", "enum": CURRENCIES, "default": "CU007"},
                    }
                ],
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "data": {"type": "array", "items": ref("Order")},
                                        "total": {"type": "integer"},
                                    },
                                }
                            }
                        },
                    }
                },
            },
            "post": {
                "operationId": "addOrder",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref("NewOrder")}},
                },
                "responses": {
                    "201": {
                        "description": "made",
                        "content": {"application/json": {"schema": ref("Order")}},
                    }
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Order": thing("order", {"customer": ref("Customer"), "next": ref("Order")}),
            "Customer": thing("customer", {"address": ref("Address"), "orders": ref("Order")}),
            "Address": thing("address", {"country": ref("Country")}),
            "Country": thing("country", {"head": ref("Customer")}),
            "NewOrder": {
                "type": "object",
                "required": ["currency", "to"],
                "properties": {
                    "currency": {"type": "string", "enum": CURRENCIES},
                    "to": thing("to", {"deep": thing("deep", {"deeper": thing("deeper")})}, 5),
                },
            },
        }
    },
}


@pytest.fixture
def shop(tmp_path: Path) -> Build:
    def make(
        spec: dict[str, Any] = SPEC, operations: str = "[getOrders, addOrder]", **keys: Any
    ) -> Plugin:
        file = tmp_path / "shop.yaml"
        extra = "".join(f"{key}: {value}\n" for key, value in keys.items())
        file.write_text(
            f"plugin: shop\nspec: spec.json\ncontact: a@b.example\n{extra}"
            f"operations: {operations}\n"
        )
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        (loaded,) = read_configs([file], {})
        return build(loaded, spec, "spec.json")

    return make


def operation(served: Served, name: str) -> dict[str, Any]:
    return next(
        one
        for item in served.document["paths"].values()
        for one in item.values()
        if one["operationId"] == name
    )


def edges(document: Mapping[str, Any]) -> dict[str, set[str]]:
    """Which component refers to which."""

    def found(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(found, node))
        if not isinstance(node, dict):
            return set()
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(found, node.values()))

    return {name: found(one) for name, one in document["components"]["schemas"].items()}


def is_circular(document: Mapping[str, Any]) -> bool:
    waiting = edges(document)
    while leaves := [name for name, targets in waiting.items() if not targets & waiting.keys()]:
        for name in leaves:
            del waiting[name]
    return bool(waiting)


@pytest.mark.parametrize("budget", [1500, 3000, 6000, 12000])
def test_both_versions_are_within_the_budget_and_valid(shop: Build, budget: int) -> None:
    for version, served in describe(shop(spec_budget=budget), BASE).items():
        assert budget * 0.4 < served.tokens <= budget
        VALIDATORS[version](served.document).validate()
        assert yaml12.read(served.text) == served.document
        assert {
            one["operationId"]
            for item in served.document["paths"].values()
            for one in item.values()
        } == {"getOrders", "addOrder", "getMore"}
        assert "spec_budget" in served.ledger[0].what
        assert 'under getOrders, fields: ["data.{' in served.ledger[0].what


def test_what_fits_is_served_whole(shop: Build) -> None:
    for served in describe(shop(spec_budget=100_000), BASE).values():
        schemas = served.document["components"]["schemas"]
        assert {"Order", "Customer", "Address", "Country"} <= schemas.keys()
        assert len(schemas["Country"]["properties"]) == 42
        assert operation(served, "getOrders")["parameters"][0]["schema"]["enum"] == CURRENCIES


def test_what_is_near_a_call_goes_last(shop: Build) -> None:
    served = describe(shop(spec_budget=2000), BASE)["3.0"]
    made = operation(served, "addOrder")
    body = made["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["currency", "to"]
    assert "to_0" in body["properties"]["to"]["properties"]
    answer = operation(served, "getOrders")["responses"]["200"]["content"]["application/json"]
    rows = answer["schema"]["properties"]["data"]["items"]
    assert rows == ref("Order")
    order = served.document["components"]["schemas"]["Order"]["properties"]
    assert order["order_7"] == {}
    # Below, only that there is something.
    assert order["customer"] == {"description": "object"}


def test_a_long_enum_is_told_in_words_and_still_wholly_accepted(shop: Build) -> None:
    plugin = shop(spec_budget=3000)
    served = describe(plugin, BASE)["3.0"]
    (parameter,) = operation(served, "getOrders")["parameters"]
    assert parameter["schema"] == {"type": "string", "default": "CU007"}
    assert parameter["description"].startswith(
        "What was paid in. One of 598, e.g. CU000, CU001, CU002"
    )
    body = operation(served, "addOrder")["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["currency"]["type"] == "string"
    assert body["properties"]["currency"]["description"].startswith("One of 598, e.g. CU000")
    request = plugin.operations["getOrders"].build({"currency": "CU597"}, {})
    assert "currency=CU597" in request.url


@pytest.mark.parametrize("budget", [1500, 100_000])
def test_no_schema_leads_back_to_itself(shop: Build, budget: int) -> None:
    for served in describe(shop(spec_budget=budget), BASE).values():
        assert not is_circular(served.document)
    schemas = describe(shop(spec_budget=100_000), BASE)["3.0"].document["components"]["schemas"]
    assert schemas["Order"]["properties"]["customer"] == ref("Customer")
    assert schemas["Order"]["properties"]["next"] == {"description": "object"}


def test_the_operators_words_and_form_are_not_touched(shop: Build) -> None:
    operations = json.dumps(
        {
            "getOrders": {
                "description": "The operator's own. " + WORDS,
                "parameters": {"currency": {"description": "And this. " + WORDS}},
                "fields": ["data.{id,customer.address.country.country_1 as land}"],
            },
            "addOrder": {
                "parameters": {
                    "currency": {
                        "values": {f"word {n}": value for n, value in enumerate(CURRENCIES[:60])}
                    }
                }
            },
        }
    )
    served = describe(shop(operations=operations, spec_budget=500), BASE)["3.0"]
    orders = operation(served, "getOrders")
    assert orders["description"] == ("The operator's own. " + WORDS).strip()
    assert orders["summary"] == "The operator's own."
    assert orders["parameters"][0]["description"].startswith(("And this. " + WORDS).strip())
    rows = orders["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"]
    assert rows["items"]["properties"].keys() == {"id", "land"}
    body = operation(served, "addOrder")["requestBody"]["content"]["application/json"]["schema"]
    assert len(body["properties"]["currency"]["enum"]) == 60


def test_the_same_spec_is_served_the_same_way(shop: Build) -> None:
    one, other = (describe(shop(spec_budget=3000), BASE) for _ in range(2))
    assert {v: s.text for v, s in one.items()} == {v: s.text for v, s in other.items()}


def test_a_served_document_taken_as_a_spec_gives_itself(shop: Build) -> None:
    first = describe(shop(spec_budget=3000), BASE)["3.0"]
    again = describe(shop(spec=first.document, spec_budget=3000), BASE)["3.0"]
    assert again.document["paths"].keys() == first.document["paths"].keys()
    assert again.tokens <= 3000


def test_the_heaviest_parts_are_named(shop: Build) -> None:
    served = describe(shop(spec_budget=100_000), BASE)["3.0"]
    parts = heaviest(served.document)
    assert {(part.operation, part.what) for part in parts[:2]} == {
        ("getOrders", "answer"),
        ("addOrder", "answer"),
    }
    assert parts[0].tokens > 1000


def test_every_operation_has_a_summary_and_a_description(shop: Build) -> None:
    served = describe(shop(spec_budget=3000), BASE)["3.0"]
    made, orders = operation(served, "addOrder"), operation(served, "getOrders")
    assert (made["summary"], made["description"]) == ("Add Order", "Add Order")
    assert orders["summary"] == "Orders"
    assert orders["description"].startswith("All orders.")


def test_what_another_gateway_serves_is_served_the_same_again(shop: Build) -> None:
    for budget in (1500, 3000, 100_000):
        first = describe(shop(spec_budget=budget), BASE)
        for version, served in first.items():
            again = describe(shop(spec=served.document, spec_budget=budget), BASE)[version]
            # `getMore` is not of the spec, so its words need not be shortened twice.
            for one in (again, served):
                one.document["paths"]["/getMore"]["get"].pop("description")
            assert again.document["paths"] == served.document["paths"]
            assert again.document["components"] == served.document["components"]


BIG = {"enum": CURRENCIES}
FLAT = {"type": "object", "required": ["a_1"], "properties": thing("a", members=40)["properties"]}
ACCEPTED: list[tuple[dict[str, Any], Any]] = [
    ({"type": "string", "not": BIG}, "x"),
    ({"oneOf": [{"type": "string", **BIG}, {"type": "string", "enum": ["x" * 9] * 60}]}, "CU001"),
    ({"oneOf": [ref("A"), {**thing("b"), "required": ["b_1"]}]}, {"a_1": "x"}),
    ({"allOf": [ref("A")], "unevaluatedProperties": False}, {"a_1": "x"}),
    (
        {
            "type": "object",
            "properties": {"country": {"type": "string"}, "zip": {"type": "string"}},
            "if": {"properties": {"country": BIG}, "required": ["country"]},
            "then": {"required": ["zip"]},
        },
        {"country": "elsewhere"},
    ),
    ({"allOf": [ref("R"), {"required": ["id", "name"]}]}, {"name": "x"}),
    ({"allOf": [ref("R")], "minProperties": 2}, {"name": "x"}),
    ({"allOf": [ref("R")], "dependentRequired": {"name": ["id"]}}, {"name": "x"}),
    (
        {
            "not": {"required": ["id"], "properties": {"id": {"readOnly": True}}},
            "properties": {"id": {"readOnly": True}},
        },
        {"name": "x"},
    ),
]


@pytest.mark.parametrize("budget", [400, 800, 2000, 100_000])
@pytest.mark.parametrize(("schema", "value"), ACCEPTED)
def test_a_request_is_never_described_as_impossible(
    shop: Build, schema: dict[str, Any], value: Any, budget: int
) -> None:
    """Where something inside is shortened, `not`, `oneOf` and the like would allow less."""
    deep = {"type": "object", "properties": {"k": schema}}
    for name in ("l3", "l2"):
        deep = {"type": "object", "properties": {name: deep}}
    body = {"type": "object", "properties": {"k": schema, "l1": deep}}
    spec = json.loads(json.dumps({**SPEC, "openapi": "3.1.0"}))
    post = spec["paths"]["/orders"]["post"]
    post["requestBody"]["content"]["application/json"]["schema"] = body
    spec["components"]["schemas"] |= {
        "A": FLAT,
        "R": {
            "type": "object",
            "properties": {"id": {"type": "string", "readOnly": True}, "name": {"type": "string"}},
        },
    }
    sent = {"k": value, "l1": {"l2": {"l3": {"k": value}}}}
    plugin = shop(spec=spec, spec_budget=budget, operations="[addOrder]")
    served = describe(plugin, BASE)["3.1"]
    made = operation(served, "addOrder")["requestBody"]["content"]["application/json"]["schema"]
    whole = {**made, "components": served.document["components"]}
    jsonschema.Draft202012Validator(whole).validate(sent)


def test_blank_words_are_none(shop: Build) -> None:
    spec = json.loads(json.dumps(SPEC))
    spec["paths"]["/orders"]["get"] |= {"summary": " ", "description": "\n"}
    made = operation(describe(shop(spec=spec), BASE)["3.0"], "getOrders")
    assert (made["summary"], made["description"]) == ("Get Orders", "Get Orders")


def test_advice_is_yaml(shop: Build) -> None:
    spec = json.loads(json.dumps(SPEC))
    order = spec["components"]["schemas"]["Order"]["properties"]
    order["@odata.type"] = order["a.b id"] = {"type": "string"}
    what = describe(shop(spec=spec, spec_budget=1500), BASE)["3.0"].ledger[0].what
    (path,) = yaml12.load(what.rpartition("fields: ")[2])
    assert path.startswith("data.{")
    shop(spec=spec, operations=json.dumps({"getOrders": {"fields": [path]}}))
