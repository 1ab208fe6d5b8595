"""`gateway mcp` as a client starts it: a process with two pipes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tomllib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Upstream

HELLO = {"jsonrpc": "2.0", "id": 0, "method": "initialize",
         "params": {"protocolVersion": "2025-11-25", "capabilities": {}}}  # fmt: skip
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def call(id_: int = 2, name: str = "getThing") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": {"name": name}}


def config(url: str, more: str = "", name: str = "things") -> str:
    return f"""
plugin: {name}
contact: a@example.com
upstream: {{url: "{url}"}}
{more}
operations:
  getThing:
    call: GET /thing
    description: The thing.
    returns: {{type: object}}
"""


@pytest.fixture
def files(tmp_path: Path, upstream: Upstream) -> Path:
    directory = tmp_path / "some configs"
    directory.mkdir()
    (directory / "things.yaml").write_text(config(upstream.url))
    return directory


def environment(tmp_path: Path, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "XDG_CACHE_HOME": str(tmp_path / "cache"), **more}


@asynccontextmanager
async def started(
    tmp_path: Path, *arguments: object, program: tuple[str, ...] = (), **env: str
) -> AsyncIterator[Process]:
    command = program or (sys.executable, "-m", "gateway", "mcp", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment(tmp_path, env), cwd=tmp_path
    )
    try:
        async with asyncio.timeout(120):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def session(
    tmp_path: Path, *arguments: object, say: tuple[Any, ...] = (), **env: str
) -> tuple[int, list[Any], str]:
    """A session whose messages are known before: its exit code, answers by id, and what was told
    on standard error."""
    async with started(tmp_path, *arguments, **env) as process:
        said = "".join(json.dumps(one) + "\n" for one in say)
        out, err = await process.communicate(said.encode())
        assert process.returncode is not None
        answers = sorted((json.loads(line) for line in out.splitlines()), key=lambda one: one["id"])
        return process.returncode, answers, err.decode()


def names(answer: Any) -> list[str]:
    return [tool["name"] for tool in answer["result"]["tools"]]


async def test_a_whole_session_of_a_file_ends_with_the_file(tmp_path: Path, files: Path) -> None:
    code, answers, err = await session(tmp_path, files, say=(HELLO, LIST, call()))
    assert (code, err) == (0, "")
    assert answers[0]["result"]["serverInfo"]["name"] == "things"
    assert names(answers[1])[0] == "getThing"
    assert json.loads(answers[2]["result"]["content"][0]["text"]) == {"path": "/thing"}


async def test_a_directory_of_several_is_served_as_at_the_shared_root(
    tmp_path: Path, files: Path, upstream: Upstream
) -> None:
    (files / "others.yaml").write_text(config(upstream.url, name="others"))
    code, answers, _ = await session(tmp_path, files, say=(LIST, call(2, "others_getThing")))
    assert code == 0
    assert {"things_getThing", "others_getThing"} <= set(names(answers[0]))
    assert not answers[1]["result"]["isError"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_a_call_under_way(
    tmp_path: Path, files: Path, upstream: Upstream, number: int
) -> None:
    came, never = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        came.set()
        await never.wait()
        return web.Response()

    upstream.answer = answer
    async with started(tmp_path, files) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(call()).encode() + b"\n")
        await came.wait()
        process.send_signal(number)
        assert await process.stdout.read() == b""
        assert await process.wait() == 0
        assert process.stderr is not None
        assert b"Traceback" not in await process.stderr.read()


# --- what stands on standard output ------------------------------------------------------------


async def test_what_is_logged_and_warned_of_stands_on_standard_error(
    tmp_path: Path, files: Path, upstream: Upstream
) -> None:
    upstream.says("not yet", status=503)
    late = f"plugin: late\ncontact: a@example.com\nspec: {upstream.url}/x.json\n"
    (files / "late.yaml").write_text(late + "operations: {all: {}}\n")
    code, answers, err = await session(tmp_path, files, say=(LIST,))
    assert code == 0
    assert names(answers[0])[0] == "things_getThing"  # each line of it was JSON
    assert "late waits" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [("plugin: things\n", "mistake"), (config("http://x.invalid/${NO_SUCH}"), "NO_SUCH")],
)
async def test_mistakes_leave_with_2_and_nothing_on_standard_output(
    tmp_path: Path, files: Path, text: str, told: str
) -> None:
    (files / "things.yaml").write_text(text)
    code, answers, err = await session(tmp_path, files, say=(LIST,))
    assert (code, answers) == (2, [])
    assert told in err


# --- keys ---------------------------------------------------------------------------------------

USER = "auth: {user: {scheme: bearer}}"


@pytest.mark.parametrize("variable", ["GATEWAY_KEY", "GATEWAY_KEY_THINGS"])
async def test_the_upstreams_key_comes_from_the_environment_and_is_kept_out_of_answers(
    tmp_path: Path, files: Path, upstream: Upstream, variable: str
) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"key": request.headers["Authorization"]})

    upstream.answer = echo
    (files / "things.yaml").write_text(config(upstream.url, USER))
    code, answers, err = await session(tmp_path, files, say=(call(),), **{variable: "key-4711-abc"})
    assert code == 0
    assert upstream.last.headers["Authorization"] == "Bearer key-4711-abc"
    assert not answers[0]["result"]["isError"]
    assert "key-4711-abc" not in json.dumps(answers) + err


async def test_a_basic_key_may_be_written_as_user_and_password(
    tmp_path: Path, files: Path, upstream: Upstream
) -> None:
    (files / "things.yaml").write_text(config(upstream.url, "auth: {user: {scheme: basic}}"))
    await session(tmp_path, files, say=(call(),), GATEWAY_KEY="me:secret-word")
    assert upstream.last.headers["Authorization"] == "Basic bWU6c2VjcmV0LXdvcmQ="


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, "GATEWAY_KEY_THINGS or GATEWAY_KEY"),
        ({"GATEWAY_KEY_THINGS": ""}, "GATEWAY_KEY_THINGS"),
        ({"GATEWAY_KEY_THINGS": "two words-of-key"}, "GATEWAY_KEY_THINGS holds a space"),
        ({"GATEWAY_KEY": "${GATEWAY_KEY}"}, "GATEWAY_KEY holds a placeholder"),
    ],
)
async def test_without_a_key_it_leaves_with_2_and_names_the_variable(
    tmp_path: Path, files: Path, upstream: Upstream, env: dict[str, str], told: str
) -> None:
    (files / "things.yaml").write_text(config(upstream.url, USER))
    code, answers, err = await session(tmp_path, files, say=(LIST,), **env)
    assert (code, answers) == (2, [])
    assert told in err
    assert "words-of-key" not in err


async def test_two_plugins_with_keys_need_one_each(
    tmp_path: Path, files: Path, upstream: Upstream
) -> None:
    (files / "things.yaml").write_text(config(upstream.url, USER))
    (files / "others.yaml").write_text(config(upstream.url, USER, "others"))
    code, _, err = await session(tmp_path, files, GATEWAY_KEY="a-key-of-one", say=(LIST,))
    assert code == 2
    assert "set GATEWAY_KEY_THINGS\n" in err
    assert "set GATEWAY_KEY_OTHERS\n" in err


# --- what clients are told ----------------------------------------------------------------------


def started_by(client: str, text: str) -> tuple[str, dict[str, Any]]:
    """A server's name and settings in what was printed for a client."""
    printed = tomllib.loads(text) if client == "codex" else json.loads(text)
    key = {"codex": "mcp_servers", "vscode": "servers"}.get(client, "mcpServers")
    ((name, settings),) = printed[key].items()
    return name, settings


@pytest.mark.parametrize("client", ["claude", "cursor", "vscode", "codex"])
async def test_what_is_printed_for_a_client_starts_a_session(
    tmp_path: Path, files: Path, upstream: Upstream, client: str
) -> None:
    text = config(upstream.url, USER).replace("upstream: {", 'upstream: {headers: {X: "${TOKEN}"},')
    (files / "things.yaml").write_text(text)
    async with started(tmp_path, files, "--print-config", client) as process:
        out, err = await process.communicate()
        assert process.returncode == 0, err
    name, settings = started_by(client, out.decode())
    assert name == "things"
    wanted = ["TOKEN", "GATEWAY_KEY_THINGS"]
    if client == "codex":
        assert settings["env_vars"] == wanted
    else:
        placeholder = {"claude": "${%s}", "cursor": "${env:%s}", "vscode": "${input:%s}"}[client]
        assert settings["env"] == {one: placeholder % one for one in wanted}
    if client == "vscode":
        assert [one["id"] for one in json.loads(out)["inputs"]] == wanted
    if client in ("vscode", "cursor"):
        assert settings["type"] == "stdio"
    program = (settings["command"], *settings["args"])
    assert Path(program[0]).is_absolute()
    env = dict.fromkeys(wanted, "value-of-it")
    async with started(tmp_path, program=program, **env) as process:
        out, _ = await process.communicate(json.dumps(LIST).encode())
        assert names(json.loads(out))[0] == "getThing"


async def test_a_placeholder_that_a_client_did_not_fill_in_is_not_sent(
    tmp_path: Path, files: Path, upstream: Upstream
) -> None:
    text = config(upstream.url).replace("upstream: {", 'upstream: {headers: {X: "${TOKEN}"},')
    (files / "things.yaml").write_text(text)
    code, answers, err = await session(tmp_path, files, say=(call(),), TOKEN="${TOKEN}")
    assert (code, answers, upstream.received) == (2, [], [])
    assert "TOKEN holds a placeholder" in err


async def test_several_configs_are_one_server_and_the_state_goes_along(
    tmp_path: Path, files: Path, upstream: Upstream
) -> None:
    (files / "others.yaml").write_text(config(upstream.url, name="others"))
    options = ("--state", "kept", "--print-config", "claude")
    async with started(tmp_path, files, *options) as process:
        out, _ = await process.communicate()
    name, settings = started_by("claude", out.decode())
    assert name == "plugin-gateway"
    assert settings["args"][-3:] == ["--state", str(tmp_path / "kept"), str(files)]
    assert "env" not in settings
