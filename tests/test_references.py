"""What a reference names, and which addresses a spec may name at all."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.addresses import address_of
from gateway.listing import listed
from gateway.references import HOPS, Found, Parts, Place, References, Unread
from gateway.spec.model import normalise
from gateway.spec_filter import trim

URL = "https://api.example.com/docs/openapi.json"


@pytest.mark.parametrize(
    ("base", "ref", "address"),
    [
        ("spec.yaml", "a.yaml", "a.yaml"),
        ("v1/spec.yaml", "a.yaml#/x", "v1/a.yaml"),
        ("v1/spec.yaml", "./a/../b.json?v=2#x", "v1/b.json"),
        ("v1/spec.yaml", "../a.yml", "a.yml"),
        ("v1/spec.yaml", "a%20b%2Fc.yaml", "v1/a b/c.yaml"),
        ("v1/spec.yaml", " a.md", "v1/a.md"),
        (".hidden/spec.yaml", "a.md", ".hidden/a.md"),
        (URL, "a.yaml#/x", "https://api.example.com/docs/a.yaml"),
        (URL, "/a", "https://api.example.com/a"),
        (URL, "../../../a?v=2", "https://api.example.com/a?v=2"),
        (URL, "HTTPS://API.example.com/x", "https://API.example.com/x"),
    ],
)
def test_an_address_is_relative_to_the_file_it_stands_in(base: str, ref: str, address: str) -> None:
    assert address_of(base, ref) == address


@pytest.mark.parametrize(
    ("base", "ref", "why"),
    [
        ("spec.yaml", "../a.yaml", "out of the folder"),
        ("v1/spec.yaml", "%2e%2e/%2e%2e/a.yaml", "out of the folder"),
        ("v1/spec.yaml", "a/../../../a.yaml", "out of the folder"),
        ("spec.yaml", "/etc/passwd", "no path relative"),
        ("spec.yaml", "%2Fetc/passwd.json", "no path relative"),
        ("spec.yaml", "file:///etc/passwd", "no path relative"),
        ("spec.yaml", "C:/a.yaml", "no path relative"),
        ("spec.yaml", "https://example.com/a.yaml", "another host"),
        ("spec.yaml", "//example.com/a.yaml", "no path relative"),
        ("spec.yaml", ".git/config.json", "hidden"),
        ("spec.yaml", "a/.env.yaml", "hidden"),
        ("v1/spec.yaml", "../..hidden/a.yaml", "hidden"),
        (".v1/spec.yaml", "../.v1/a.yaml", "hidden"),
        ("spec.yaml", "id_rsa", "none of .json"),
        ("spec.yaml", "a%00.yaml", "control characters"),
        ("spec.yaml", "a\\..\\b.yaml", "backslashes"),
        (URL, "http://api.example.com/x", "another origin"),
        (URL, "https://api.example.com:444/x", "another origin"),
        (URL, "https://api.example.com.evil.example/x", "another origin"),
        (URL, "https://api.example.com@evil.example/x", "user"),
        (URL, "https://evil.example\\@api.example.com/x", "backslashes"),
        (URL, "file:///etc/passwd", "no http address"),
        (URL, "ftp://api.example.com/x", "no http address"),
        (URL, "https://[x", "."),
        (URL, "https://api.example.com:99999/x", "."),
    ],
)
def test_no_other_address_is_named(base: str, ref: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        address_of(base, ref)


@given(st.text(alphabet="./%2eEfF:#?ab\\ \0~@[]", max_size=30) | st.text(max_size=30))
@example("..%2f..%2fa.yaml")
@example("a/./../..//../a.yaml")
def test_whatever_is_written_names_a_file_below_the_folder_or_nothing(ref: str) -> None:
    with suppress(ValueError):
        address = address_of("v1/spec.yaml", ref + ".yaml")
        assert posixpath.normpath("/root/" + address) == "/root/" + address
        assert not any(step.startswith(".") for step in address.split("/"))


@given(st.text(alphabet="./%2f:#?abht ps\\@[]", max_size=30) | st.text(max_size=30))
@example("//evil.example/x")
@example("https:/\\evil.example")
def test_whatever_is_written_names_the_same_origin_or_nothing(ref: str) -> None:
    with suppress(ValueError):
        parts = urlsplit(address_of(URL, ref))
        assert (parts.scheme, parts.netloc.lower()) == ("https", "api.example.com")


# --- finding ----------------------------------------------------------------------------------


def finder(**held: Any) -> References:
    """References of a main file, `spec.yaml`, and others by their names without ending."""
    main = held.pop("main", {"openapi": "3.1.0"})
    return References(main, Parts("spec.yaml", {f"{name}.yaml": one for name, one in held.items()}))


def test_a_place_is_one_however_it_is_named() -> None:
    main = {"openapi": "3.1.0", "b": {"$ref": "a.yaml#/x"}, "c": {"$ref": "#/b"}, "d": "#/c"}
    references = finder(main=main, a={"x": {"y": [1, 2]}, "z": {"$ref": "spec.yaml#/c"}})
    found = Found(Place("a.yaml", ("x",)), {"y": [1, 2]})
    for ref in (
        "a.yaml#/x",
        "./a.yaml#/x",
        "#/b",
        "#/c",
        "a.yaml#/z",
        "spec.yaml#/b",
        "%61.yaml#/%78",
    ):
        assert references.find(ref) == found
    assert references.find("#/c/y/1") == Found(Place("a.yaml", ("x", "y", "1")), 2)
    assert references.find("spec.yaml#/c", "a.yaml") == found
    assert not references.wanted


def test_a_file_that_is_not_read_is_wanted_once_and_said_why_where_it_cannot_be() -> None:
    references = finder(gone=Unread("'gone.yaml' is not there"))
    for ref in ("a.yaml", "a.yaml#/x", "b.yaml#y", "../out.yaml", "gone.yaml"):
        assert isinstance(references.find(ref), str)
    assert list(references.wanted) == ["a.yaml", "b.yaml"]
    assert "is not there" in str(references.find("gone.yaml#/x"))
    assert references.is_unread("c.yaml", "spec.yaml")
    assert not references.is_unread("gone.yaml", "spec.yaml")
    assert list(references.wanted) == ["a.yaml", "b.yaml"]  # asking whether is not asking for


def test_a_pointer_passes_through_so_many_references() -> None:
    main: dict[str, Any] = {"openapi": "3.0.0", "end": {"x": 1}}
    for number in range(HOPS + 1):
        main[f"a{number}"] = {"$ref": f"#/a{number + 1}" if number < HOPS else "#/end"}
    references = finder(main=main)
    assert references.find("#/a1/x") == Found(Place("spec.yaml", ("end", "x")), 1)
    assert isinstance(references.find("#/a0/x"), str)


def test_references_that_lead_round_are_told() -> None:
    references = finder(
        main={
            "openapi": "3.1.0",
            "a": {"$ref": "#/b"},
            "b": {"$ref": "#/a"},
            "c": {"$ref": "#/c/d"},
        },
        x={"$ref": "y.yaml"},
        y={"$ref": "x.yaml"},
    )
    for ref in ("#/a", "#/a/deep", "#/c", "x.yaml", "x.yaml#/deep"):
        assert isinstance(references.find(ref), str)


def test_a_pointer_to_definitions_is_relative_to_the_schema_with_an_id() -> None:
    """JSON Schema 2020-12 §8.2.1; what is not there is looked for in the whole document."""
    inner: dict[str, Any] = {
        "$id": "https://api.example/inner",
        "$defs": {"b": {"title": "b of inner"}},
    }
    inner["properties"] = {"b": {"$ref": "#/$defs/b"}, "c": {"$ref": "#/$defs/c"}}
    outer: dict[str, Any] = {
        "$id": "https://api.example/outer",
        "$defs": {
            "a": {"$ref": "#/$defs/b%2541~1"},
            "b%41/": {"items": {"$ref": "#/$defs/b"}},
            "b": {},
        },
        "properties": {
            "a": {"$ref": "#/$defs/a"},
            "inner": inner,
            "d": {"$ref": "#/definitions/d"},
        },
    }
    outer["$defs"]["b"] = {"title": "b of outer"}
    main = {
        "openapi": "3.1.0",
        "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Outer"}}}}}}}},
        "components": {"schemas": {"Outer": outer}},
        "$defs": {"a": {"title": "a"}, "b": {"title": "b"}, "c": {"title": "c of all"}},
        "definitions": {"d": {"title": "d of all"}},
    }  # fmt: skip
    trimmed, ledger = trim(main, [("GET", "/a")])
    assert not ledger
    schemas = trimmed["components"]["schemas"]

    def at(node: Any) -> Any:
        return schemas[node["$ref"].rpartition("/")[2]]

    served = schemas["Outer"]["properties"]
    assert at(at(served["a"])["items"]) == {"title": "b of outer"}
    assert at(served["inner"]["properties"]["b"]) == {"title": "b of inner"}
    assert at(served["inner"]["properties"]["c"]) == {"title": "c of all"}
    assert at(served["d"]) == {"title": "d of all"}
    old = trim({**main, "openapi": "3.0.3"}, [("GET", "/a")])[0]["components"]["schemas"]
    assert {"title": "a"} in old.values()  # 3.0 knows no `$id`


# --- whatever the files hold ------------------------------------------------------------------

_REFS = st.sampled_from(
    ["a.yaml", "a.yaml#/x", "b.json#/x/0", "#/x", "#", "#/paths", "spec.yaml#/components/schemas/A",
     "b.json#anchor", "../a.yaml", "c.md", "http://a.example/x", "none.yaml", "#/x/properties/x"]
)  # fmt: skip
_WORDS = st.sampled_from(
    ["$ref", "x", "get", "post", "parameters", "responses", "200", "content", "a/b", "schema",
     "properties", "items", "allOf", "$anchor", "$id", "description", "in", "name", "requestBody",
     "discriminator", "mapping", "propertyName", "itemSchema", "additionalOperations", "enum"]
)  # fmt: skip
_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | _REFS
    | st.builds(lambda ref: {"$ref": ref}, _REFS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(_ODD, _ODD, _ODD, _ODD)
def test_whatever_the_files_hold_the_trimmed_spec_is_closed(
    a: Any, b: Any, item: Any, x: Any
) -> None:
    """And one odd file costs no other operation."""
    good = {"get": {"responses": {"200": {"description": "ok"}}}}
    main = {
        "openapi": "3.1.0",
        "paths": {"/good": good, "/odd": item, "/far": {"$ref": "a.yaml"}, "/x": {"get": x}},
        "components": {"schemas": {"A": a}},
        "x": x,
    }
    references = References(main, Parts("spec.yaml", {"a.yaml": a, "b.json": b, "c.md": "text"}))
    chosen = [(one.method, one.path) for one in listed(main, references)]
    trimmed, _ = trim(main, chosen, references)
    model = normalise(trimmed, "")
    assert references.wanted.keys() <= {"none.yaml"}
    assert trimmed["paths"]["/good"] == good
    assert any(one.key == "/good" for one in model.operations)
    assert trim(trimmed, [(one.method, one.path) for one in listed(trimmed)])[0] == trimmed
