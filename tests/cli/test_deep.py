"""`check --deep` sees the whole spec and its files, asks nobody, and only advises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import main

FAULT = {"type": "object", "properties": {"a": {"type": "strng"}}}


class Canary(ThreadingHTTPServer):
    """A host that nobody may ask."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)
        self.asked: list[Any] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.asked.append(client_address)
        self.shutdown_request(request)


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def spec(schema: Any = None, **more: Any) -> dict[str, Any]:
    """`GET /a` is chosen, `GET /b` answers with `schema`."""
    reply = {"200": {"description": "", "content": {"application/json": {"schema": schema or {}}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/a": {"get": {"operationId": "a", "responses": {"200": {"description": ""}}}},
            "/b": {"get": {"operationId": "b", "responses": reply}},
        },
        **more,
    }


def check(folder: Path, files: Mapping[str, Any], *options: str) -> tuple[int, list[str]]:
    """The exit code and the warnings about the spec."""
    for name, held in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(held if isinstance(held, str) else json.dumps(held))
    config = {"plugin": "t", "spec": "api/spec.yaml", "operations": ["GET /a"], "contact": "a@b.c"}
    (folder / "t.yaml").write_text(
        json.dumps({**config, "title": "T", "summary": "S.", "description": "D."})
    )
    arguments = ["check", str(folder / "t.yaml"), "--json", "--state", str(folder / "state")]
    result = CliRunner().invoke(main, [*arguments, *options])
    warnings = json.loads(result.stdout)[0]["warnings"]
    return result.exit_code, [one.partition(" spec: ")[2] for one in warnings if " spec: " in one]


def test_what_no_chosen_operation_reaches_is_checked_too(tmp_path: Path) -> None:
    files = {"api/spec.yaml": spec(FAULT)}
    assert check(tmp_path, files) == (0, [])
    code, told = check(tmp_path, files, "--deep")
    assert code == 0
    assert any("strng" in one for one in told)
    assert check(tmp_path, files, "--deep", "--strict")[0] == 1
    assert check(tmp_path, {"api/spec.yaml": spec()}, "--deep", "--strict") == (0, [])


def test_files_of_the_spec_are_checked_and_those_that_lack_are_told(tmp_path: Path) -> None:
    files = {
        "api/spec.yaml": spec({"oneOf": [{"$ref": "x.yaml#/A~1%7Bid%7D"}, {"$ref": "none.yaml"}]}),
        "api/x.yaml": {"A/{id}": {"items": {"$ref": "deep/y.yaml"}, "type": "array"}, "B": FAULT},
        "api/deep/y.yaml": {"properties": {"up": {"$ref": "../x.yaml#/B"}, "me": {"$ref": "#"}}},
    }
    code, told = check(tmp_path, files, "--deep")
    assert code == 0
    assert any("'none.yaml' is not there" in one for one in told)
    assert any("strng" in one for one in told)


def test_what_is_no_fault_is_not_told(tmp_path: Path) -> None:
    """A property named `$ref`, references in data, recursion, texts and lists in files."""
    node = {
        "type": "object",
        "example": {"$ref": "nowhere.yaml"},
        "x-a": {"$ref": "nowhere.yaml"},
        "properties": {
            "$ref": {"type": "string"},
            "tree": {"$ref": "#/components/schemas/Tree"},
            "text": {"type": "string", "description": {"$ref": "a.md"}},
        },
    }
    tree = {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}}
    files = {
        "api/spec.yaml": spec(node, components={"schemas": {"Tree": tree}}),
        "api/a.md": "Text.",
    }
    assert check(tmp_path, files, "--deep") == (0, [])


@pytest.mark.parametrize("key", ["$ref", "$id", "$dynamicRef", "$schema"])
@pytest.mark.parametrize("where", ["x.json", "x.json#/a", "x.json#"])
def test_no_single_word_sends_anybody_elsewhere(
    tmp_path: Path, canary: Canary, key: str, where: str
) -> None:
    node = {key: f"{canary.url}/{where}", "properties": {"a": {"$ref": "#/components/schemas/A"}}}
    document = spec({**node, "default": {"a": 1}}, components={"schemas": {"A": {}}})
    check(tmp_path, {"api/spec.yaml": {**document, "openapi": "3.1.0"}}, "--deep")
    assert not canary.asked


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0", "2.0"])
def test_nobody_is_asked_and_no_file_elsewhere_opened(
    tmp_path: Path, canary: Canary, version: str
) -> None:
    (tmp_path / "secret.yaml").write_text("title: stolen\ntype: strng\n")
    url, secret = f"{canary.url}/x.json", (tmp_path / "secret.yaml").as_uri()
    node = {
        "$id": url, "$schema": url, "$dynamicRef": url, "default": {"$ref": url},
        "oneOf": [{"$ref": ref} for ref in (url, secret, f"{url}#/a", "../secret.yaml", "#/x",
                                            "python://os/x.yaml", "jar:x", "http:", "\\")],
        "allOf": [{"$id": url, "properties": {"a": {"$ref": "part.yaml"}}, "default": {"a": 1}}],
        "discriminator": {"propertyName": "a", "mapping": {"a": url, "b": secret}},
    }  # fmt: skip
    document = spec(node, **{"$self": url, "jsonSchemaDialect": url})
    document |= {"swagger": "2.0"} if version == "2.0" else {"openapi": version}
    if version == "2.0":
        document |= {"host": "api.example.com"}
        del document["openapi"]
        document["paths"]["/b"]["get"]["responses"]["200"] = {"description": "", "schema": node}
    document["x-top"] = {"$ref": url}
    document["paths"]["/c"] = {"$ref": url}
    part = {"$id": url, "not": {"$ref": url}, "items": {"$ref": "#/none"}}
    files = {"api/spec.yaml": document, "api/part.yaml": part}
    _, told = check(tmp_path, files, "--deep")
    assert not canary.asked
    assert told
    assert "stolen" not in str(told)
    assert not any("strng" in one for one in told)
