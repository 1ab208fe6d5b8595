from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config import Loaded, read_configs, types
from gateway.config.secrets import MAX_BYTES, resolve
from gateway.errors import Mistakes

ENV = {
    "A": "alpha-secret",
    "B": "beta-secret",
    "URL": "http://127.0.0.1:5003/base",
    "TWICE": "${A}",
}


def load(directory: Path, text: str) -> Loaded:
    file = directory / "plugin.yaml"
    file.write_text("plugin: weather\nspec: spec.yaml\noperations: all\n" + text)
    return read_configs([file], ENV)[0]


def secrets(directory: Path, text: str) -> frozenset[str]:
    return load(directory, text).secrets


def resolved(tree: Any, base: Path = Path()) -> Any:
    found = resolve(tree, ENV, base)
    assert not found.faults
    return found.tree


def test_references_stand_in_values_of_four_places_and_are_text_elsewhere() -> None:
    tree = {
        "description": "${A}",
        "upstream": {"headers": {"${A}": "x ${A} ${B} $${A} $A $$"}, "timeout": 8},
        "auth": {"service": {"tokens": {"a": "${A}"}}},
        "spec": {"url": "${A}", "headers": {"k": "${B}"}},
        "parameters": {"p": {"pin": {"deep": ["${A}", 1]}, "default": "${A}"}, "q": "hide"},
        "operations": {"o": {"parameters": {"p": {"pin": "$${B}"}}, "description": "$${A}"}},
    }
    assert resolved(tree) == {
        "description": "${A}",
        "upstream": {
            "headers": {"${A}": "x alpha-secret beta-secret ${A} $A $$"},
            "timeout": 8,
        },
        "auth": {"service": {"tokens": {"a": "alpha-secret"}}},
        "spec": {"url": "${A}", "headers": {"k": "beta-secret"}},
        "parameters": {
            "p": {"pin": {"deep": ["alpha-secret", 1]}, "default": "${A}"},
            "q": "hide",
        },
        "operations": {"o": {"parameters": {"p": {"pin": "${B}"}}, "description": "$${A}"}},
    }


def test_what_a_reference_holds_is_not_looked_into() -> None:
    assert resolved({"upstream": {"url": "${TWICE}"}}) == {"upstream": {"url": "${A}"}}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b" a b ", " a b "),
        ("é".encode(), "é"),
    ],
)
def test_a_file_gives_its_text_without_one_line_break_at_its_end(
    tmp_path: Path, data: bytes, text: str
) -> None:
    (tmp_path / "secret").write_bytes(data)
    for name in ("secret", str(tmp_path / "secret")):
        tree = {"upstream": {"url": f"<${{file:{name}}}>"}}
        assert resolved(tree, tmp_path) == {"upstream": {"url": f"<{text}>"}}


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"hunter2\n\n", b"hunter2\r", b"hun\nter2", b"hunter2\0", b"hunter2\xff",
     b"hunter2" * MAX_BYTES],
    ids=lambda data: ascii(data[:12]),
)  # fmt: skip
def test_an_unusable_file_is_a_mistake_that_does_not_repeat_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "secret").write_bytes(data)
    found = resolve({"upstream": {"url": "${file:secret}"}}, {}, tmp_path)
    assert len(found.faults) == 1
    assert found.faults[0].path == ("upstream", "url")
    assert "hunter2" not in found.faults[0].message


@pytest.mark.parametrize("value", ["", "a\rb", "a\nb", "a\0b", "\udcff"], ids=ascii)
def test_an_unusable_variable_is_a_mistake_that_names_it(value: str) -> None:
    found = resolve({"auth": {"x": "${NAME}"}}, {"NAME": value}, Path())
    assert ["NAME" in fault.message for fault in found.faults] == [True]


def test_secrets_are_what_came_through_references_and_written_out_proofs(tmp_path: Path) -> None:
    text = """
upstream:
  credential:
    - {header: {name: Authorization, value: "Token ${A}"}}
    - {query: {name: key, value: literal-key}}
    - {cookie: {name: c, value: literal-cookie}}
  headers: {Accept-Language: en, X-Key: "${B}"}
auth:
  service: {tokens: {one: literal-token}, verification_tokens: {openai: "${B}x"}}
parameters: {p: {pin: "x${TWICE}"}, q: {pin: not-a-secret}}
"""
    assert secrets(tmp_path, text) == {
        "alpha-secret", "literal-key", "literal-cookie", "beta-secret", "literal-token", "${A}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        ("{bearer: literal-key}", {"literal-key"}),
        ("{header: {name: X, value: Token literal-key}}", {"Token literal-key", "literal-key"}),
        ("{basic: {username: ada, password: literal-key}}", {"literal-key"}),
        ("{basic: {username: literal-key}}", {"literal-key"}),
        ('{basic: {username: "${A}", password: "${B}"}}', {"alpha-secret", "beta-secret"}),
    ],
)
def test_a_written_out_credential_is_a_secret(
    tmp_path: Path, credential: str, expected: set[str]
) -> None:
    assert secrets(tmp_path, f"upstream: {{credential: {credential}}}") == expected


def test_of_a_basic_token_the_password_alone_is_a_secret_too(tmp_path: Path) -> None:
    text = "auth: {service: {scheme: basic, tokens: {a: 'ada:literal-key'}}}"
    assert secrets(tmp_path, text) == {"ada:literal-key", "literal-key"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("${URL}", set()),
        ("${URL}/${A}/v1", {"alpha-secret"}),
        ("https://${A}.example.com/v1", set()),
        ("https://api.example.com/bot${A}/x", {"alpha-secret"}),
    ],
)
def test_an_address_is_no_secret_but_a_token_in_its_path_is(
    tmp_path: Path, url: str, expected: set[str]
) -> None:
    assert secrets(tmp_path, f'upstream: {{url: "{url}"}}') == expected


def test_what_the_manifest_publishes_is_no_secret(tmp_path: Path) -> None:
    text = 'auth: {user: {instructions: "Ask ${A}"}}'
    loaded = load(tmp_path, text)
    assert loaded.secrets == frozenset()
    assert isinstance(loaded.plugin.auth, types.Auth)
    assert loaded.plugin.auth.user is not None
    assert loaded.plugin.auth.user.instructions == "Ask alpha-secret"


PLANTED = "planted-secret"


@pytest.mark.parametrize(
    "text",
    [
        "upstream: {credential: PLANTED}",
        "upstream: {credential: {header: PLANTED}}",
        "upstream: {credential: {basic: 'ada:PLANTED'}}",
        "upstream: {credential: {bearer: [PLANTED]}}",
        "upstream: {credential: [PLANTED, {PLANTED: x}]}",
        "upstream: {credential: {PLANTED: }}",
        "upstream: {credential: {basic: {username: 'a:PLANTED', password: \"PLANTED\\n\"}}}",
        'upstream: {credential: {cookie: {name: a, value: "PLANTED;"}}}',
        'upstream: {headers: {X-Key: "PLANTED\\r\\n"}}',
        "upstream: {url: 'https://ada:PLANTED@example.com'}",
        "upstream: {url: 'ftp://ada:PLANTED@example.com?key=PLANTED'}",
        "upstream: {url: 'ftp://ada:PLANTED@example.com'}",
        "upstream: {url: 'ftp://example.com?key=PLANTED'}",
        "upstream: {url: '${HELD}'}",
        "auth: {service: PLANTED}",
        "auth: {service: {tokens: PLANTED}}",
        "auth: {service: {tokens: [PLANTED]}}",
        "auth: {service: {tokens: {a: PLANTED x, b: PLANTED x}}}",
        "auth: {service: {scheme: basic, tokens: {a: PLANTED, b: PLANTED}}}",
        "auth: PLANTED",
        "parameters: {p: {pin: '${HELD}', header: X}}",
        "upstream: {credential: {bearer: *PLANTED}}",
        "upstream: {credential: {bearer: 'PLANTED}}",
    ],
)
def test_no_message_repeats_a_secret(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plugin.yaml"
    text = text.replace("PLANTED", PLANTED)
    file.write_text("plugin: weather\nspec: spec.yaml\noperations: all\n" + text)
    with pytest.raises(Mistakes) as caught:
        read_configs([file], {"HELD": PLANTED})
    assert PLANTED not in str(caught.value)
