from __future__ import annotations

from typing import Any

import pytest

from gateway.authoring.catalogue import catalogue
from gateway.authoring.needs import Credentials, credentials, server
from gateway.references import References


def found(
    schemes: dict[str, Any], security: Any, *own: Any, name: str = "sportStats"
) -> Credentials:
    paths = {f"/{number}": {"get": {"security": one}} for number, one in enumerate(own)}
    document = {
        "openapi": "3.0.3",
        "paths": paths or {"/a": {"get": {}}},
        "components": {"securitySchemes": schemes},
        "security": security,
    }
    references = References(document)
    return credentials(document, references, catalogue(document, references, "a spec"), name)


KEY = "${SPORT_STATS_API_KEY}"
HEADER = {"type": "apiKey", "in": "header", "name": "X-Key"}
BEARER = {"type": "http", "scheme": "Bearer"}
OAUTH = {"type": "oauth2", "flows": {"authorizationCode": {
    "authorizationUrl": "https://a.example/in", "tokenUrl": "https://a.example/token",
    "scopes": {"read": ""}}}}  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "written", "environment"),
    [
        (HEADER, {"header": {"name": "X-Key", "value": KEY}}, 1),
        ({**HEADER, "in": "query"}, {"query": {"name": "X-Key", "value": KEY}}, 1),
        ({**HEADER, "in": "cookie"}, {"cookie": {"name": "X-Key", "value": KEY}}, 1),
        (BEARER, {"bearer": KEY}, 1),
        ({"type": "http", "scheme": "basic"}, {"basic": {
            "username": "${SPORT_STATS_USERNAME}", "password": "${SPORT_STATS_PASSWORD}"}}, 2),
        ({"type": "basic"}, {"basic": {
            "username": "${SPORT_STATS_USERNAME}", "password": "${SPORT_STATS_PASSWORD}"}}, 2),
    ],
)  # fmt: skip
def test_a_scheme_becomes_a_credential_of_its_kind(
    scheme: dict[str, Any], written: dict[str, Any], environment: int
) -> None:
    one = found({"key": scheme}, [{"key": []}])
    assert one.written == (written,)
    assert len(one.environment) == environment
    assert all("${" + name + "}" in str(written) for name in one.environment)


def test_of_alternatives_that_is_taken_which_a_config_can_hold() -> None:
    one = found({"oauth": OAUTH, "key": HEADER}, [{"oauth": ["read"]}, {"key": []}])
    assert [next(iter(kind)) for kind in one.written] == ["header"]


def test_one_key_goes_before_a_name_and_a_password() -> None:
    schemes = {"login": {"type": "http", "scheme": "basic"}, "token": BEARER}
    assert found(schemes, [{"login": []}, {"token": []}]).written == ({"bearer": KEY},)


def test_what_is_asked_for_together_is_sent_together() -> None:
    one = found({"key": HEADER, "app id": {**HEADER, "name": "X-App"}}, [{"key": [], "app id": []}])
    assert [kind["header"]["name"] for kind in one.written] == ["X-Key", "X-App"]
    assert one.environment == ("SPORT_STATS_API_KEY", "SPORT_STATS_APP_ID")


def test_the_credential_is_what_most_of_the_operations_ask_for() -> None:
    schemes = {"key": HEADER, "token": BEARER}
    one = found(schemes, [], [{"key": []}], [{"token": []}], [{"token": []}], [])
    assert one.written == ({"bearer": KEY},)


def test_oauth_is_suggested_and_not_written() -> None:
    one = found({"oauth": OAUTH}, [{"oauth": []}])
    assert one.written == ()
    assert one.oauth == {"client_url": "https://a.example/in", "token_url": "https://a.example/token",
                         "scope": "read"}  # fmt: skip


@pytest.mark.parametrize("name", ["X Key", "X\nKey", "Host", "Cookie", "", 5, None])
def test_a_header_that_cannot_be_sent_is_told_and_not_written(name: Any) -> None:
    one = found({"key": {**HEADER, "name": name}}, [{"key": []}])
    assert one.written == ()
    assert "no name" in one.notes[0]


@pytest.mark.parametrize("security", [None, "x", 5, [5], [{"nope": []}], [{}], {"key": []}])
def test_security_that_says_nothing_needs_nothing(security: Any) -> None:
    assert found({"key": HEADER}, security) == Credentials()


def test_a_reference_in_a_spec_is_no_reference_of_the_config() -> None:
    one = found({"key": {**HEADER, "in": "query", "name": "${HOME}"}}, [{"key": []}])
    assert one.written[0]["query"]["name"] == "$${HOME}"


@pytest.mark.parametrize(
    ("servers", "location", "url"),
    [
        (["https://api.example/v1"], "spec.yaml", None),
        ([], "spec.yaml", "https://api.example.com"),
        (["/v1"], "spec.yaml", "https://api.example.com"),
        (["https://a.example/v1"], "https://a.example/openapi.json", None),
        (["http://b.example/v1", "https://c.example/"], "https://a.example/x", "https://c.example"),
    ],
)
def test_a_server_is_written_where_the_spec_s_own_would_not_do(
    servers: list[str], location: str, url: str | None
) -> None:
    one = server(servers, location, from_url=location.startswith("https"))
    assert (one.url if one else None) == url
