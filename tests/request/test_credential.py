from __future__ import annotations

import msgspec
import pytest
from multidict import CIMultiDict

from gateway.config import types
from gateway.request.credential import KINDS, prove


def shown(url: str, **kind: object) -> tuple[str, dict[str, str]]:
    headers: CIMultiDict[str] = CIMultiDict()
    proof = prove(msgspec.convert(kind, types.Credential))
    proof.apply(headers)
    return proof.url(url), dict(headers)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"header": {"name": "X-Key", "value": "k"}}, ("http://u/a", {"X-Key": "k"})),
        ({"query": {"name": "api key", "value": "k&=x"}}, ("http://u/a?api%20key=k%26%3Dx", {})),
        ({"cookie": {"name": "sid", "value": "k"}}, ("http://u/a", {"Cookie": "sid=k"})),
        ({"bearer": "k"}, ("http://u/a", {"Authorization": "Bearer k"})),
        (
            {"basic": {"username": "Aladdin", "password": "open sesame"}},  # RFC 7617 section 2
            ("http://u/a", {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}),
        ),
    ],
)
def test_each_kind_is_shown_as_its_standard_says(kind: dict, expected: tuple) -> None:
    assert shown("http://u/a", **kind) == expected


def test_every_kind_of_the_config_has_its_function() -> None:
    assert set(KINDS) == set(types.Credential.__struct_fields__)


def test_several_kinds_are_shown_together_and_a_query_is_joined() -> None:
    kinds = [{"query": {"name": "key", "value": "k"}}, {"bearer": "t"}]
    proof = prove(msgspec.convert(kinds, list[types.Credential]))
    assert proof.url("http://u/a?x=1") == "http://u/a?x=1&key=k"
    assert proof.headers == (("Authorization", "Bearer t"),)


def test_what_a_credential_sets_no_argument_may_set() -> None:
    kinds = [{"query": {"name": "key", "value": "k"}}, {"bearer": "t"}]
    proof = prove(msgspec.convert(kinds, list[types.Credential]))
    assert proof.taken == {("query", "key"), ("header", "Authorization")}


def test_credentials_are_told_apart() -> None:
    one, two = ({"bearer": "1"}, {"bearer": "2"})
    first, second = (prove(msgspec.convert(kind, types.Credential)) for kind in (one, two))
    assert first.identity != second.identity
