from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

from gateway.pipeline.locate import locator
from gateway.plugin import Plugin
from gateway.values import Argument


def operation(path: str, *names: str) -> Any:
    """Only what locating looks at; each served name is the upstream's with an underscore."""
    address = path.replace("{", "{_")
    arguments = tuple(Argument("_" + n, "path", (n,), {}, True, served="path") for n in names)
    spec = SimpleNamespace(path=path)
    return SimpleNamespace(method="GET", spec=spec, address=address, arguments=arguments)


OPERATIONS = {
    "one": operation("/teams/{id}", "id"),
    "map": operation("/m/{x}-{y}-{z}.json", "x", "y", "z"),
}
PLUGIN = cast("Plugin", SimpleNamespace(base="https://api.example/v1", operations=OPERATIONS))
LOCATE = locator(PLUGIN)


def test_a_location_of_an_exposed_operation_becomes_its_address() -> None:
    assert LOCATE("https://api.example/v1/teams/a%2Fb") == "/teams/a%2Fb"
    assert LOCATE("/v1/m/1-2-3.json") == "/m/1-2-3.json"


def test_any_other_location_stays_inside() -> None:
    for value in ("https://evil.example/v1/teams/1", "/v2/teams/1", "/v1/teams/1?key=x", "//["):
        assert LOCATE(value) is None


def test_no_location_keeps_the_process_busy() -> None:
    before = time.process_time()
    assert LOCATE("/v1/m/" + "-" * 100_000) is None
    assert time.process_time() - before < 1.0
