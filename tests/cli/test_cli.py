"""Each command as a person and as a program runs it; exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main

TODO = """
plugin: todo
contact: a@example.com
upstream: {url: "http://127.0.0.1:1", credential: {bearer: "${KEY}"}}
operations:
  getTodos:
    call: "GET /todos/{name}"
    description: The todos of one person.
    parameters:
      name: {in: path, type: string, required: true, description: Whose}
      kind: {in: query, type: string, description: Which}
    returns: {type: array, items: {type: string}}
"""
KEY = "a-very-secret-key"


@pytest.fixture
def todo(tmp_path: Path) -> Path:
    file = tmp_path / "todo.yaml"
    file.write_text(TODO)
    return file


def run(*arguments: object) -> Result:
    return CliRunner(env={"KEY": KEY}).invoke(main, [str(one) for one in arguments])


def test_check_of_a_good_config_is_0_and_counts_tokens(todo: Path) -> None:
    result = run("check", todo)
    assert result.exit_code == 0, result.output
    assert "/openapi.yaml" in result.output
    (report,) = json.loads(run("check", todo, "--json").stdout)
    assert report["tokens"]["/openapi.json"] > 100
    assert report["operations"] == {"getTodos": "GET /todos/{name}", "getMore": "GET /getMore"}
    assert {row["platform"] for row in report["limits"]} == {"chatgpt-plugin", "actions"}


def test_check_of_a_bad_config_is_2_with_places(todo: Path) -> None:
    todo.write_text(TODO.replace("contact", "contcat").replace("required: true", "required: 7"))
    result = run("check", todo)
    assert result.exit_code == 2
    assert f"{todo}:3:1: " in result.stderr
    assert "did you mean 'contact'?" in result.stderr
    mistakes = json.loads(run("check", todo, "--json").stdout)["mistakes"]
    assert [(one["line"], one["column"]) for one in mistakes] == [(3, 1), (10, 48)]


def test_check_warns_and_strict_makes_it_1(todo: Path) -> None:
    todo.write_text(TODO.replace("contact: a@example.com\n", ""))
    assert run("check", todo).exit_code == 0
    result = run("check", "--strict", todo)
    assert result.exit_code == 1
    assert "contact" in result.output


SPEC = """
openapi: 3.1.0
info: {title: A shop with a name for people that is long, version: "1"}
servers: [{url: "http://127.0.0.1:1"}]
paths:
  /items:
    get:
      operationId: getItems
      responses:
        "200":
          description: ""
          content:
            application/json: {schema: {type: object, properties: {name: {type: string}}}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "shop.yaml").write_text(SPEC)
    file = tmp_path / "shop.yaml"
    file.write_text("""plugin: shop
contact: a@example.com
spec: specs/shop.yaml
operations:
  getItems:
""")
    return file


@pytest.mark.parametrize("command", [("check",), ("explain",), ("serve", "--port", "0")])
def test_mistakes_of_the_config_and_those_against_its_spec_come_at_once(
    shop: Path, command: tuple[str, ...]
) -> None:
    other = shop.with_name("other.yaml")
    other.write_text("plugin: other\nspec: specs/shop.yaml\noperations: [getItms]\n")
    shop.write_text(shop.read_text() + "    fields: [zzz]\n  getMore:\nlimit: lots\n")
    files = [shop] if command == ("explain",) else [shop, other]
    result = run(*command, *files, "--state", shop.parent / "state", "--json")
    assert result.exit_code == 2, result.output
    found = json.loads(result.stdout)["mistakes"]
    assert [(Path(one["file"]).name, one["line"], one["column"]) for one in found] == [
        ("shop.yaml", 6, 14), ("shop.yaml", 7, 11), ("shop.yaml", 8, 8), ("other.yaml", 3, 14),
    ][: 4 if len(files) == 2 else 3]  # fmt: skip


def test_what_a_platform_does_not_take_is_a_mistake_for_it_alone(shop: Path) -> None:
    assert run("check", "--for", "actions", shop).exit_code == 0
    words = "w" * 250
    shop.write_text(
        f"title: A title that is too long for it\n{shop.read_text()}    description: {words}\n"
    )
    assert run("check", shop).exit_code == 0
    assert run("check", "--for", "actions", shop).exit_code == 0
    result = run("check", "--for", "actions", "--for", "chatgpt-plugin", shop, "--json")
    assert result.exit_code == 2
    found = json.loads(result.stdout)["mistakes"]
    assert [(one["line"], one["column"], one["path"]) for one in found] == [
        (1, 8, "title"), (7, 18, "operations.getItems.description"),
    ]  # fmt: skip
    assert "250 characters, at most 200" in found[1]["message"]
    assert run("check", "--for", "chatgtp", shop).exit_code == 2


def test_a_text_that_is_too_long_is_warned_of_once_and_with_its_line(shop: Path) -> None:
    shop.write_text(f"title: A title that is too long for it\nsummary: {'s' * 101}\n"
                    f"description: {'d' * 8001}\n{shop.read_text()}")  # fmt: skip
    (report,) = json.loads(run("check", shop, "--json").stdout)
    assert [one.partition(": ")[0] for one in report["warnings"]] == [
        f"{shop}:1:8", f"{shop}:2:10", f"{shop}:3:14",
    ]  # fmt: skip


def test_the_package_runs_as_the_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "gateway", "--help"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("Usage: gateway ")
    assert "check" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "none.yaml"], ["call", "{todo}", "getTodos", "--args", "{"], ["ops", "--what"],
        ["serve", "--port", "x"], ["trim"], ["what"],
    ],
)  # fmt: skip
def test_what_the_command_line_itself_refuses_is_json_too(todo: Path, arguments: list[str]) -> None:
    command = [one.replace("{todo}", str(todo)) for one in arguments]
    with_json, plain = run(*command, "--json"), run(*command)
    assert with_json.exit_code == plain.exit_code == 2
    error = json.loads(with_json.stdout)["error"]
    assert error in plain.stderr
    assert error in with_json.stderr
    assert plain.stdout == ""


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "gateway", *map(str, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, **options)  # noqa: S603 - our own command


def test_a_full_disk_is_told(shop: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = process("ops", shop.parent / "specs" / "shop.yaml", stdout=full)
    assert result.returncode == 1
    assert b"cannot go on: No space left on device" in result.stderr
    assert b"Traceback" not in result.stderr
    assert b"ignored" not in result.stderr


def test_a_terminal_without_our_characters_gets_others(shop: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    spec = shop.parent / "specs" / "shop.yaml"
    spec.write_text(SPEC.replace("operationId: getItems", f"summary: {'word ' * 100}"))
    result = process("ops", spec, stdout=subprocess.PIPE, env=env)
    assert (result.returncode, result.stderr.count(b"Traceback")) == (0, 0)
    assert b"/items" in result.stdout


@pytest.mark.skipif(not Path("/proc/self/syscall").exists(), reason="asks Linux what it waits for")
def test_an_interrupt_is_json_too(tmp_path: Path) -> None:
    config = tmp_path / "todo.yaml"
    config.write_text(TODO)
    # Whoever runs the tests in the background has them ignore interrupts, and their children too.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('gateway', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", program, "call", str(config), "getTodos", "--args", "-"]
    with subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--json"],
        env={**os.environ, "KEY": KEY},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        called = Path(f"/proc/{running.pid}/syscall")
        while not called.read_text().startswith("0 0x0 "):  # it reads its arguments
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
    assert json.loads(said) == {"error": "stopped"}
    assert running.returncode == 1


def test_addresses_are_whole_where_there_is_no_terminal(shop: Path) -> None:
    spec, path = shop.parent / "specs" / "shop.yaml", "/items/" + "x" * 100
    spec.write_text(SPEC.replace("/items", path))
    assert f"getItems  GET {path}\n" in run("check", shop).stdout


def test_explain_shows_the_plan_and_the_exact_request_with_masked_secrets(todo: Path) -> None:
    arguments = json.dumps({"name": "ada/b", "kind": "ü&x"})
    result = run("explain", todo, "getTodos", "--args", arguments, "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["request"]["method"] == "GET"
    assert plan["request"]["url"] == "http://127.0.0.1:1/todos/ada%2Fb?kind=%C3%BC%26x"
    assert plan["request"]["headers"]["Authorization"] == "Bearer [masked]"
    assert list(plan["steps"]) == ["validate", "shrink", "cache", "care", "fetch"]
    for output in (result.output, run("explain", todo).output):
        assert KEY not in output


def test_explain_of_a_refused_call_is_1_and_says_why(todo: Path) -> None:
    result = run("explain", todo, "getTodos", "--args", '{"nmae": "ada"}', "--json")
    assert result.exit_code == 1
    assert "nmae" in json.loads(result.stdout)["refused"]["detail"]


def test_an_unknown_operation_is_2_and_names_those_there_are(todo: Path) -> None:
    result = run("explain", todo, "getTodo")
    assert result.exit_code == 2
    assert "getTodos" in result.stderr


def test_a_call_that_fails_is_1(todo: Path) -> None:
    result = run("call", todo, "getTodos", "--args", '{"name": "ada"}', "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == "upstream_failed"


def test_why_an_upstream_cannot_be_reached_is_told_at_the_terminal(todo: Path) -> None:
    todo.write_text(TODO.replace("127.0.0.1:1", "127.0.0.1:1/${KEY}"))
    command = ("call", todo, "getTodos", "--args", '{"name": "ada"}')
    cause = json.loads(run(*command, "--json").stdout)["cause"]
    assert "127.0.0.1:1" in cause
    assert "ssl" not in cause
    said = run(*command)
    assert f"cause: {cause}" in said.stderr
    assert KEY not in said.output


def test_an_argument_that_is_no_json_is_told(todo: Path) -> None:
    result = run("call", todo, "getTodos", "--args", "{name")
    assert result.exit_code == 2
    assert "--args" in result.stderr


def test_the_demo_shows_what_to_try_and_what_it_costs() -> None:
    result = run("demo", "--once", "--port", "0", "--json")
    assert result.exit_code == 0, result.output
    tries = {row["what"]: row for row in json.loads(result.stdout)["tries"]}
    assert [row["status"] for row in tries.values()] == [200, 200, 200, 200, 400]
    long = next(row for what, row in tries.items() if "five thousand" in what)
    assert long["tokens_after"] <= 4000 < long["tokens_before"]


def test_serve_says_where_and_stops_on_a_signal(todo: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", str(todo),
               "--port", str(port), "--state", str(todo.parent / "state"), "--json"]  # fmt: skip
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env={**os.environ, "KEY": KEY}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while not said.rstrip().endswith("\n}"):
            said += process.stdout.readline()
        assert json.loads(said)["plugins"]["todo"]["ready"] is True
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as response:
            assert json.load(response) == {"alive": True}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def test_serve_of_a_broken_config_is_2_and_listens_nowhere(todo: Path) -> None:
    todo.write_text(TODO + "  getMore: {call: GET x}\n")
    result = run("serve", todo, "--port", "0")
    assert result.exit_code == 2
    assert "getMore" in result.stderr


def test_a_taken_port_is_1_and_is_named(todo: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", todo, "--port", port, "--state", todo.parent)
    assert result.exit_code == 1
    assert str(port) in result.stderr
