"""Addresses are matched as they came, segment by segment."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.plugin import Operation
from gateway.routes import Routes


def operation(method: str, address: str) -> Operation:
    """Only what routing looks at."""
    return cast("Operation", SimpleNamespace(method=method, address=address, passing=False))


ADDRESSES = ("/things", "/things/{id}", "/things/mine", "/things/{id}/parts/{part}", "/t.{ext}")
ROUTES = Routes([operation("GET", one) for one in ADDRESSES] + [operation("POST", "/things")])


@pytest.mark.parametrize(
    ("path", "address", "values"),
    [
        ("/things", "/things", {}),
        ("/things/7", "/things/{id}", {"id": "7"}),
        ("/things/mine", "/things/mine", {}),  # the concrete one goes first
        ("/things/a%2Fb", "/things/{id}", {"id": "a%2Fb"}),
        ("/things/%C3%BC", "/things/{id}", {"id": "%C3%BC"}),
        ("/things/a/parts/b%20c", "/things/{id}/parts/{part}", {"id": "a", "part": "b%20c"}),
        ("/t.png", "/t.{ext}", {"ext": "png"}),
    ],
)
def test_a_path_finds_its_operation_and_values_as_they_came(
    path: str, address: str, values: Any
) -> None:
    found = ROUTES.match("GET", path)
    assert found is not None
    assert (found[0].address, dict(found[1])) == (address, values)


@pytest.mark.parametrize(
    "path", ["", "/", "/things/", "/things/a/b", "//things", "/Things", "/t/png"]
)
def test_what_fits_no_address_is_not_found(path: str) -> None:
    assert ROUTES.match("GET", path) is None


def test_the_methods_of_an_address_are_told() -> None:
    assert ROUTES.methods("/things") == ("GET", "POST")
    assert ROUTES.methods("/things/7") == ("GET",)
    assert ROUTES.methods("/nothing") == ()


def test_no_path_keeps_the_process_busy() -> None:
    routes = Routes([operation("GET", "/m/{x}-{y}-{z}.json"), operation("GET", "/n/{x}{y}{z}-a")])
    before = time.process_time()
    for path in ("/m/" + "-" * 7_900, "/m/" + "-" * 7_900 + ".jso", "/n/" + "-" * 7_900):
        assert routes.match("GET", path) is None
        assert routes.methods(path) == ()
    assert routes.match("GET", "/m/" + "-" * 7_900 + ".json") is not None
    assert time.process_time() - before < 1.0
