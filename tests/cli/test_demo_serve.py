"""Options of `serve` and `demo`, and what `explain` and `call` show and refuse."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.demo import DEMO_PLUGINS

CONFIG = """
plugin: things
contact: a@example.com
upstream:
  url: http://127.0.0.1:1/${PATH_KEY}/v1
  credential:
    - {header: {name: X-Key, value: "${HEADER}"}}
    - {query: {name: key, value: "${QUERY}"}}
    - {cookie: {name: sid, value: "${COOKIE}"}}
    - {bearer: "${BEARER}"}
  headers: {X-Extra: "pre-${EXTRA}"}
operations:
  getThings:
    call: GET /things
    description: Things.
    parameters:
      n: {in: query, type: integer, pin: 3}
      token: {in: query, type: string, pin: "${PIN}"}
      page: {in: query, type: integer, default: 7, description: The page.}
      place: {from: city, in: query, type: string, header: x-city}
      unit: {in: query, type: string, values: {celsius: metric}, description: The unit.}
    returns: {type: object}
"""
SECRETS = {
    "HEADER": "q1!", "QUERY": "q2!", "COOKIE": "q3!", "BEARER": "q4!", "EXTRA": "q5!", "PIN": "q6!",
    "PATH_KEY": "q7!",
}  # fmt: skip


@pytest.fixture
def things(tmp_path: Path) -> Path:
    file = tmp_path / "things.yaml"
    file.write_text(CONFIG)
    return file


def run(*arguments: object) -> Result:
    return CliRunner(env=SECRETS).invoke(main, [str(one) for one in arguments])


# --- serve and demo ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("port", [99999, 65536, -1])
def test_a_port_that_is_none_is_refused(command: str, port: int) -> None:
    result = run(command, "--port", port)
    assert result.exit_code == 2
    assert "--port" in result.stderr
    assert "65535" in result.stderr


def test_a_port_in_use_is_said_with_the_way_out(things: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for command in (["serve", things, "--state", things.parent], ["demo", "--once"]):
            result = run(*command, "--port", port)
            assert result.exit_code == 1
            assert result.stderr.endswith(
                f"port {port} of 127.0.0.1 is in use; choose another with --port or GATEWAY_PORT\n"
            )


def test_options_show_their_environment_variables() -> None:
    for name in ("HOST", "PORT", "PUBLIC_URL", "ORIGIN", "TRUSTED_PROXY", "STATE"):
        assert f"GATEWAY_{name}" in run("serve", "--help").output
    assert "GATEWAY_PORT" in run("demo", "--help").output


def test_serve_without_a_config_means_the_directory_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("serve")
    assert result.exit_code == 2
    assert "./configs" in result.stderr
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "wrong.yaml").write_text("plugin: things\nsumary: x\n")
    result = run("serve", "--port", 0)
    assert result.exit_code == 2
    assert "configs/wrong.yaml:2:1: unknown key 'sumary'" in result.stderr


@pytest.mark.parametrize("origin", ["foo", "app.example", "https://app.example/", "*", "null"])
def test_an_origin_that_is_none_is_refused(things: Path, origin: str) -> None:
    result = run("serve", things, "--origin", origin)
    assert result.exit_code == 2
    assert "--origin" in result.stderr


def test_the_demo_says_that_it_serves_only_where_it_stays() -> None:
    result = run("demo", "--once", "--port", 0)
    assert result.exit_code == 0, result.output
    assert "curl " in result.output
    assert "serving" not in result.output


# --- explain and call -------------------------------------------------------------------------


def test_explain_shows_no_credential_however_short(things: Path) -> None:
    result = run("explain", things, "getThings", "--json")
    assert result.exit_code == 0, result.output
    request = json.loads(result.stdout)["request"]
    assert request["headers"]["X-Key"] == "[masked]"
    assert request["headers"]["Authorization"] == "Bearer [masked]"
    assert request["headers"]["Cookie"] == "sid=[masked]"
    assert request["url"].startswith("http://127.0.0.1:1/[masked]/v1/things?")
    assert request["url"].endswith("&key=[masked]")
    assert "n=3" in request["url"]
    for output in (result.output, run("explain", things).output):
        assert not any(secret in output for secret in SECRETS.values())


def test_explain_shows_no_authorization_of_the_caller(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "plugin: own\nauth: {user: {scheme: bearer}}\nupstream: {url: 'http://127.0.0.1:1'}\n"
        "operations: {getIt: {call: GET /it}}\n"
    )
    for headers in (["--header", "Authorization: Bearer mine-alone"], []):
        result = run("explain", file, "getIt", *headers)
        assert "mine-alone" not in result.output


def test_explain_shows_defaults_pins_and_words(things: Path) -> None:
    plan = json.loads(run("explain", things, "getThings", "--json").stdout)
    assert plan["arguments"] == {
        "page": "query page, default 7",
        "unit": "query unit, values celsius → metric",
    }
    assert plan["withheld"] == {
        "n": "= 3 (pinned)",
        "token": "= [masked] (pinned)",
        "place": "is filled from the caller's header x-city",
    }
    output = run("explain", things).output
    assert "n = 3 (pinned)" in output
    assert "unit → query unit, values celsius → metric" in output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["explain", "--args", "{}"], "--args"),
        (["explain", "--header", "x-city: Oslo"], "--header"),
        (["explain", "getThings", "--args", "[1]"], "--args"),
        (["explain", "getThings", "--args", "{page"], "--args"),
        (["explain", "getThings", "--header", "x-city"], "--header"),
        (["call", "getThings", "--args", "[1]"], "--args"),
        (["call", "getThings", "--header", "x-city"], "--header"),
    ],
)
def test_an_option_that_cannot_be_read_is_a_mistake_of_the_command(
    things: Path, arguments: list[str], named: str
) -> None:
    command, *rest = arguments
    result = run(command, things, *rest)
    assert result.exit_code == 2, result.output
    assert f"Invalid value for {named}" in result.stderr


# --- what the README shows --------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_mistake_that_the_readme_shows_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copytree(ROOT / "configs", tmp_path / "configs")) / "stocks.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("\nsummary:", "\nsumary:"))
    monkeypatch.chdir(tmp_path)
    env = {"TWELVEDATA_API_KEY": "a-stand-in"}
    result = CliRunner(env=env).invoke(main, ["check", "configs/stocks.yaml"])
    printed = result.stderr.splitlines()
    assert len(printed) == 2
    assert f"```\n{printed[0]}\n```" in README


def test_the_readme_passes_every_key_of_the_configs_to_the_container() -> None:
    (line,) = [line for line in README.splitlines() if line.startswith("docker run ")]
    for plugin in DEMO_PLUGINS.values():
        for name in plugin.env:
            assert f"-e {name} " in line


def test_the_api_alone_has_nothing_to_try() -> None:
    result = run("demo", "--api", "--once")
    assert result.exit_code == 2
    assert "leave --once out" in result.stderr
