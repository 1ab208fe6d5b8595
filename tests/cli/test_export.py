from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.specs import run
from tests.conftest import Serve

URL = "https://gw.example"
CONFIG = """plugin: todo
contact: a@example.com
{more}
upstream: {{url: "http://127.0.0.1:1"}}
operations:
  addTodo:
    call: POST /todos
    description: Add one.
    body: {{type: object, properties: {{text: {{type: string}}}}}}
"""
AUTH = """auth:
  service:
    tokens: {chatgpt: "${TOKEN}"}
    verification_tokens: {copilot: "%s"}"""


@pytest.fixture
def todo(tmp_path: Path) -> Path:
    return config(tmp_path)


def config(directory: Path, more: str = "") -> Path:
    file = directory / "todo.yaml"
    file.write_text(CONFIG.format(more=more))
    return file


def export(file: Path, *options: object, url: str = URL) -> Result:
    directory = file.parent
    more = ["--public-url", url] if url else []
    return run("export", file, "--to", directory / "out", *more, "--state", directory, *options)


def written(file: Path) -> dict[str, str]:
    root = file.parent / "out"
    return {
        path.relative_to(root).as_posix(): path.read_text(errors="replace")
        for path in root.rglob("*")
        if path.is_file()
    }


async def test_the_files_say_what_the_gateway_would(todo: Path, serve: Serve) -> None:
    client = await serve(CONFIG.format(more=""), public_url=URL)
    result = await asyncio.to_thread(export, todo)
    assert result.exit_code == 0, result.output
    files = written(todo)
    for name, address in {
        ".well-known/ai-plugin.json": "/.well-known/ai-plugin.json",
        "openapi.yaml": "/openapi.yaml",
        "openapi.json": "/openapi.json",
        "openapi-3.1.yaml": "/openapi.yaml?version=3.1",
        "openapi-3.1.json": "/openapi.json?version=3.1",
        "copilot.json": "/copilot.json",
        "copilot-openapi.json": "/copilot-openapi.json",
        "as/copilot/copilot.json": "/as/copilot/copilot.json",
        "as/copilot/copilot-openapi.json": "/as/copilot/copilot-openapi.json",
        "legal/index.html": "/legal",
        "tools-openai.json": "/tools.json?for=openai",
        "tools-anthropic.json": "/tools.json?for=anthropic",
        "tools-gemini.json": "/tools.json?for=gemini",
    }.items():
        served = (await client.get("/todo" + address)).body.decode()
        assert files.pop(f"todo/{name}") == served, name
        assert name in result.output
    assert list(files) == ["todo/logo.png"]
    assert client.base not in "".join(files.values())


def test_what_is_there_already_is_not_replaced(todo: Path) -> None:
    assert export(todo).exit_code == 0
    again = export(todo)
    assert again.exit_code == 0
    assert "wrote" not in again.output
    manifest = todo.parent / "out" / "todo" / "copilot.json"
    manifest.write_text("mine")
    (todo.parent / "out" / "todo" / "openapi.yaml").unlink()
    refused = export(todo)
    assert refused.exit_code == 1
    assert str(manifest) in refused.stderr
    assert "--force" in refused.stderr
    assert manifest.read_text() == "mine"
    assert "todo/openapi.yaml" not in written(todo)  # all or nothing
    assert export(todo, "--force").exit_code == 0
    assert json.loads(manifest.read_text())["namespace"] == "todo"


def test_a_program_is_told_what_was_written(todo: Path) -> None:
    told = json.loads(export(todo, "--json").stdout)
    assert {one["written"] for one in told} == {True}
    (manifest,) = [one for one in told if one["file"].endswith("todo/copilot.json")]
    assert manifest["url"] == f"{URL}/todo/copilot.json"
    assert manifest["plugin"] == "todo"
    assert manifest["bytes"] == Path(manifest["file"]).stat().st_size
    assert {one["written"] for one in json.loads(export(todo, "--json").stdout)} == {False}
    (todo.parent / "out" / "todo" / "legal" / "index.html").write_text("mine")
    assert "mine" not in json.loads(export(todo, "--json").stdout)["error"]


def test_an_absolute_address_is_needed(todo: Path) -> None:
    for url in ("", "gw.example"):
        result = export(todo, url=url)
        assert result.exit_code == 2
        assert "https://gateway.example" in result.stderr
    assert not (todo.parent / "out").exists()


def test_secrets_need_not_be_there_but_what_stands_in_documents_must(tmp_path: Path) -> None:
    file = config(tmp_path, AUTH % "the-id")
    result = export(file)
    assert result.exit_code == 0, result.output
    assert "unset" not in "".join(written(file).values())
    assert '"the-id"' in written(file)["todo/copilot.json"]
    result = export(config(tmp_path, AUTH % "${REFERENCE}"))
    assert result.exit_code == 2
    assert "REFERENCE" in result.stderr


def test_a_spec_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    file = tmp_path / "todo.yaml"
    file.write_text("plugin: todo\nspec: http://127.0.0.1:1/openapi.json\noperations: all\n")
    result = export(file)
    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.stderr
    assert not (tmp_path / "out").exists()


def tree(directory: Path) -> dict[str, str]:
    """All that is in a directory, links as links."""
    return {
        path.relative_to(directory).as_posix(): str(path.readlink())
        if path.is_symlink()
        else path.read_text(errors="replace")
        if path.is_file()
        else ""
        for path in directory.rglob("*")
    }


@pytest.mark.parametrize("target", ["victim", "nowhere"])
def test_no_link_is_written_through(todo: Path, target: str) -> None:
    victim = todo.parent / "victim"
    victim.write_text("mine")
    link = todo.parent / "out" / "todo" / "copilot.json"
    link.parent.mkdir(parents=True)
    link.symlink_to(todo.parent / target)
    refused = export(todo)
    assert refused.exit_code == 1
    assert str(link) in refused.stderr
    assert [*tree(todo.parent / "out")] == ["todo", "todo/copilot.json"]
    assert not (todo.parent / "nowhere").exists()
    assert export(todo, "--force").exit_code == 0
    assert not link.is_symlink()
    assert json.loads(link.read_text())["namespace"] == "todo"
    assert victim.read_text() == "mine"
    assert not (todo.parent / "nowhere").exists()
    assert not [name for name in tree(link.parent) if name.startswith(".") and "-" not in name]


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("todo/tools-openai.json", "directory"),
        ("todo/tools-openai.json", "pipe"),
        ("todo/legal", "file"),
        ("todo/.well-known", "nowhere"),
        ("todo", "file"),
    ],
)
def test_what_cannot_be_replaced_is_found_before_anything_is_written(
    todo: Path, name: str, made: str, force: list[str]
) -> None:
    root = todo.parent / "out"
    path = root / name
    path.parent.mkdir(parents=True)
    if made == "directory":
        path.mkdir()
    elif made == "pipe":
        os.mkfifo(path)
    elif made == "file":
        path.write_text("mine")
    else:
        path.symlink_to(todo.parent / "nowhere")
    before = tree(root)
    refused = export(todo, *force)
    assert refused.exit_code == 1
    assert str(path) in refused.stderr
    assert "nothing is written" in refused.stderr
    assert "--force" not in refused.stderr
    assert tree(root) == before
