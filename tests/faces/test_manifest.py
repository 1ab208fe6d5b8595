from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from gateway.config import types
from gateway.faces.manifest import MANIFEST, documents
from gateway.plugin import Plugin

BASE = "https://gw.example/sportStats"
SCHEMA = json.loads((files("gateway.faces") / "ai-plugin.schema.json").read_text())
TOKENS = {"openai": "abc"}
AUTHS: list[tuple[Any, dict[str, Any]]] = [
    ("none", {"type": "none"}),
    (
        types.Auth(
            service=types.ServiceAuth(tokens={"chatgpt": "secret"}, verification_tokens=TOKENS)
        ),
        {"type": "service_http", "authorization_type": "bearer", "verification_tokens": TOKENS},
    ),
    (
        types.Auth(service=types.ServiceAuth(tokens={"a": "u:secret"}, scheme="basic")),
        {"type": "service_http", "authorization_type": "basic", "verification_tokens": {}},
    ),
    (
        types.Auth(user=types.UserAuth(scheme="basic", instructions="Ask for a key.")),
        {"type": "user_http", "authorization_type": "basic", "instructions": "Ask for a key."},
    ),
    (
        types.Auth(
            oauth=types.OAuth(
                client_url="https://a.example/authorize",
                token_url="https://a.example/token",
                scope="read write",
                content_type="application/json",
                verification_tokens=TOKENS,
            )
        ),
        {
            "type": "oauth",
            "client_url": "https://a.example/authorize",
            "scope": "read write",
            "authorization_url": "https://a.example/token",
            "authorization_content_type": "application/json",
            "verification_tokens": TOKENS,
        },
    ),
]


def served(plugin: Plugin) -> dict[str, Any]:
    document = documents(plugin)[MANIFEST](BASE, "")
    assert document.content_type == "application/json"
    manifest: dict[str, Any] = json.loads(document.body)
    return manifest


@pytest.mark.parametrize(("auth", "expected"), AUTHS)
def test_each_auth_kind_is_described_as_platforms_expect_it(
    plugin: Callable[..., Plugin], auth: Any, expected: dict[str, Any]
) -> None:
    manifest = served(plugin(auth=auth))
    assert manifest["auth"] == expected
    jsonschema.validate(manifest, SCHEMA, jsonschema.Draft202012Validator)
    brings_own = expected["type"] in ("user_http", "oauth")
    assert manifest["api"]["is_user_authenticated"] is brings_own


def test_a_service_token_is_never_in_the_manifest(plugin: Callable[..., Plugin]) -> None:
    for auth, _ in AUTHS:
        assert "secret" not in json.dumps(served(plugin(auth=auth)))


def test_every_field_is_there_even_of_the_barest_plugin(plugin: Callable[..., Plugin]) -> None:
    # LangChain refuses a manifest without any of the last three.
    manifest = served(plugin(contact=""))
    assert list(manifest) == SCHEMA["required"]
    assert manifest["logo_url"] == f"{BASE}/logo.png"
    assert manifest["contact_email"] == ""
    assert manifest["legal_info_url"] == f"{BASE}/legal"
    assert manifest["api"]["url"] == f"{BASE}/openapi.yaml"
    jsonschema.validate(manifest, SCHEMA)


def test_urls_of_the_config_stand_as_they_are(
    plugin: Callable[..., Plugin],
) -> None:
    manifest = served(plugin(logo="https://c.example/l.png", legal="https://c.example/terms"))
    assert manifest["logo_url"] == "https://c.example/l.png"
    assert manifest["legal_info_url"] == "https://c.example/terms"


def test_the_operators_words_are_never_cut(plugin: Callable[..., Plugin]) -> None:
    long = "Words. " * 2000
    manifest = served(plugin(title=long, summary=long, description=long))
    assert manifest["name_for_human"] == long
    assert manifest["description_for_human"] == long
    assert manifest["description_for_model"] == long
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(manifest))
    assert sorted(error.json_path for error in errors) == [
        "$.description_for_human",
        "$.description_for_model",
        "$.name_for_human",
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("auth",), {"type": "service_http"}),
        (("auth",), {"type": "none", "authorization_type": "bearer"}),
        (("auth",), {"type": "oauth", "client_url": "https://a.example"}),
        (("api", "type"), "graphql"),
        (("api", "url"), "openapi.yaml"),
        (("name_for_model",), "Sport Stats"),
        (("contact_email",), "nobody"),
        (("schema_version",), "v2"),
        (("extra",), 1),
    ],
)
def test_our_schema_refuses_what_is_no_manifest(
    plugin: Callable[..., Plugin], path: tuple[str, ...], value: Any
) -> None:
    manifest = served(plugin())
    at = manifest
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(manifest)


def test_a_given_logo_and_legal_text_are_served_as_they_are(plugin: Callable[..., Plugin]) -> None:
    legal = ("text/plain; charset=utf-8", b"Our terms.")
    made = documents(plugin(logo_file=b"\x89PNG...", legal_file=legal))
    assert made["/logo.png"](BASE, "").body == b"\x89PNG..."
    page = made["/legal"](BASE, "")
    assert (page.content_type, page.body) == legal
    assert "Content-Security-Policy" not in page.headers  # it may bring a style of its own
    assert "Content-Security-Policy" in documents(plugin())["/legal"](BASE, "").headers
