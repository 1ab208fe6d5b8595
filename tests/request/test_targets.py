from __future__ import annotations

import pytest

from gateway.config import headers
from gateway.request.targets import targets_of
from gateway.values import SpecOperation, SpecParameter


@pytest.mark.parametrize(
    "name", sorted(headers.OURS | {"authorization", "content-type", "cookie", "a b", ""})
)
def test_a_header_that_the_gateway_writes_itself_is_no_parameter(name: str) -> None:
    def taken(name: str) -> list[str]:
        parameter = SpecParameter(name, "header", {"type": "string"}, False, style="simple")
        operation = SpecOperation("GET", "/a", "/a", parameters=(parameter,))
        return [target.name for target in targets_of(operation, {})]

    assert taken(name.title()) == []
    assert taken("X-" + name.title().replace(" ", "-")) != []


def test_content_codings_and_proxies_are_the_gateways_own() -> None:
    assert {"accept-encoding", "via", "proxy-authenticate"} <= headers.OURS
