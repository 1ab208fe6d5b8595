"""The list of examples says what they cost, before and after: each figure is measured here.

The figures are rounded, and may be out by a tenth: the served words change now and then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway.shrinking import count
from tests.conftest import Client
from tests.examples.conftest import (
    CONFIGS,
    EXAMPLES,
    FOLDERS,
    Running,
    Serving,
    Start,
    environment,
    loaded,
)

MAIL = {"to": ["team@example.com"], "subject": "Hello", "text": "It works."}


@dataclass(frozen=True)
class Row:
    """One example, and one call to it; all but the last three are files."""

    example: str
    config: str
    script: str
    spec: str
    target: str
    body: dict[str, Any] | None = None
    arguments: tuple[str, ...] = ()


ROWS = [
    Row("todo", "todo.yaml", "upstream.py", "", "/todos/ada"),
    Row("weather", "weather.yaml", "upstream.py", "weather.yaml", "/v2/forecast?city=Oslo&days=5"),
    Row("tasks", "tasks.yaml", "upstream.py", "tasks.yaml", "/v1/tasks"),
    Row("shop", "shop.yaml", "upstream.py", "shop.yaml", "/v3/products?sort=cheapest"),
    Row("mail", "mail.yaml", "upstream.py", "mail.yaml", "/v1/messages/send", MAIL),
    Row(
        "documents",
        "documents.yaml",
        "upstream.py",
        "documents.yaml",
        "/query",
        {"query": "the office", "limit": 12},
    ),
    Row("rivals", "quick.yaml", "upstream.py", "", "/parcels/QP1001", None, ("quick",)),
]

rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.example)


async def running(row: Row, start: Start, serving: Serving) -> tuple[Client, Running]:
    upstream = await start(f"{row.example}/{row.script}", *row.arguments)
    config = loaded(f"{row.example}/{row.config}", environment(row.example), upstream.url)
    return await serving(config), upstream


def told(example: str) -> tuple[list[str], list[str]]:
    """The two cells of figures of an example's row."""
    page = (EXAMPLES / "README.md").read_text()
    (line,) = [one for one in page.splitlines() if f"]({example}/README.md)" in one]
    *_, spec, answer = (cell.strip() for cell in line.strip("|").split("|"))
    return spec.split(" → "), answer.split(" → ")


def assert_told(example: str, measured: tuple[list[int], list[int]]) -> None:
    """Every figure of the row is what was measured, or 'none' where that is 0."""
    written = [
        " → ".join(f"{rounded(one):,}" if one else "none" for one in pair) for pair in measured
    ]
    for cell, pair in zip(told(example), measured, strict=True):
        for figure, number in zip(cell, pair, strict=True):
            said = 0 if figure == "none" else int(figure.replace(",", ""))
            assert abs(said - number) <= number / 10 + 1, f"{example}: | {' | '.join(written)} |"


def rounded(number: int) -> int:
    """Two figures say enough."""
    return round(number, 2 - len(str(number)))


@rows
async def test_what_the_list_says_of_tokens_is_so(row: Row, start: Start, serving: Serving) -> None:
    client, upstream = await running(row, start, serving)
    answer = await client.request("POST" if row.body else "GET", row.target, json=row.body)
    assert answer.status < 300
    asked = upstream.last
    headers = {k: v for k, v in asked.headers.items() if re.match(r"(?i)authorization|x-", k)}
    async with client.session.request(
        asked.method, upstream.url + asked.target, data=asked.body, headers=headers
    ) as response:
        assert response.status < 300
        raw = await response.text()
    spec = (EXAMPLES / row.example / "specs" / row.spec).read_text() if row.spec else ""
    served = (await client.get("/openapi.yaml")).body.decode()
    assert_told(
        row.example, ([count(spec), count(served)], [count(raw), count(answer.body.decode())])
    )


# The spec of the one left out is Datasette's: test_database looks at it.
@pytest.mark.parametrize("config", [one for one in CONFIGS if one != "database/sql.yaml"])
@pytest.mark.parametrize(
    ("version", "validator"), [("3.0", OpenAPIV30SpecValidator), ("3.1", OpenAPIV31SpecValidator)]
)
async def test_a_served_spec_is_valid_and_within_its_budget(
    serving: Serving, config: str, version: str, validator: type
) -> None:
    one = loaded(config, environment(config.partition("/")[0]))
    client = await serving(one)
    document = (await client.get(f"/openapi.json?version={version}")).json()
    assert list(validator(document).iter_errors()) == []
    served = (await client.get(f"/openapi.yaml?version={version}")).body.decode()
    assert count(served) <= one.plugin.spec_budget


def test_every_example_has_its_row() -> None:
    assert {row.example for row in ROWS} == set(FOLDERS) - {
        "database"
    }  # which test_database measures
