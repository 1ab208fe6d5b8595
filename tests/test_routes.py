"""Addresses are matched as they came, segment by segment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.plugin import Operation
from gateway.routes import Routes


def operation(method: str, address: str) -> Operation:
    """Only what routing looks at."""
    return cast("Operation", SimpleNamespace(method=method, address=address))


ADDRESSES = ("/things", "/things/{id}", "/things/mine", "/things/{id}/parts/{part}", "/t.{ext}")
ROUTES = Routes([operation("GET", one) for one in ADDRESSES] + [operation("POST", "/things")])


@pytest.mark.parametrize(
    ("path", "address", "values"),
    [
        ("/things", "/things", {}),
        ("/things/7", "/things/{id}", {"id": "7"}),
        ("/things/mine", "/things/mine", {}),  # the concrete one goes first
        ("/things/a%2Fb", "/things/{id}", {"id": "a/b"}),
        ("/things/%C3%BC", "/things/{id}", {"id": "ü"}),
        ("/things/a/parts/b%20c", "/things/{id}/parts/{part}", {"id": "a", "part": "b c"}),
        ("/t.png", "/t.{ext}", {"ext": "png"}),
    ],
)
def test_a_path_finds_its_operation_and_values(path: str, address: str, values: Any) -> None:
    found = ROUTES.match("GET", path)
    assert found is not None
    assert (found[0].address, dict(found[1])) == (address, values)


@pytest.mark.parametrize(
    "path", ["", "/", "/things/", "/things/a/b", "//things", "/Things", "/things/%FF", "/t/png"]
)
def test_what_fits_no_address_is_not_found(path: str) -> None:
    assert ROUTES.match("GET", path) is None


def test_the_methods_of_an_address_are_told() -> None:
    assert ROUTES.methods("/things") == ("GET", "POST")
    assert ROUTES.methods("/things/7") == ("GET",)
    assert ROUTES.methods("/nothing") == ()
