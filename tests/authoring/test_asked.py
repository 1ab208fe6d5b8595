from __future__ import annotations

from typing import Any

import pytest

from gateway.authoring.asked import is_proof
from gateway.values import Argument


def argument(name: str, place: Any = "query", said: str = "", *, required: bool = True) -> Argument:
    return Argument(name, place, (name,), {"type": "string"}, required, said)


@pytest.mark.parametrize(
    "one",
    [
        argument("api_key"), argument("X-Api-Key", "header"), argument("accessToken"),
        argument("token", said="Authentication token. Requires scope: `users:read`"),
        argument("token", "body", "Authentication token."), argument("key", said="Your API key."),
    ],
)  # fmt: skip
def test_a_proof_is_known_by_its_name_or_what_is_said_of_it(one: Argument) -> None:
    assert is_proof(one)


@pytest.mark.parametrize(
    "one",
    [
        argument("api_key", required=False), argument("token"), argument("page_token"),
        argument("key", said="The key of the author."), argument("api_key", "path"),
        argument("access_token", "body"),  # such as what is to be revoked
        argument("project", said="Which one; needs authentication."),
    ],
)  # fmt: skip
def test_what_is_none_is_left_to_the_model(one: Argument) -> None:
    assert not is_proof(one)


def test_a_bare_token_beside_a_credential_is_one_more_proof() -> None:
    assert is_proof(argument("token"), has_credential=True)
    assert not is_proof(argument("key"), has_credential=True)
