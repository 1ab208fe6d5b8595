from __future__ import annotations

import pytest

from gateway.addresses import address_of

BASE = "https://api.example/specs/spec.yaml"


@pytest.mark.parametrize("ref", ["https://user@api.example/x.yaml", "//u:p@api.example/x.yaml"])
def test_no_reference_takes_a_user_along(ref: str) -> None:
    """It would be sent as a credential, or hide where the host begins."""
    with pytest.raises(ValueError, match="has a user in its address"):
        address_of(BASE, ref)


def test_a_reference_within_the_origin_is_followed() -> None:
    assert address_of(BASE, "parts/a.yaml#/x") == "https://api.example/specs/parts/a.yaml"
