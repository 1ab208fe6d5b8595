"""Running Schemathesis over one served document, and what it found."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.environments import Environment
from tests.clients.serving import Served

HERE = Path(__file__).parent
SEED = 1
# Of one plugin in one version.
WITHIN = 3600.0
_ANSWER = 2000  # characters of an answer that are kept
# Between two sentences of a refusal: each begins with a name, or with how many there are more.
_NEXT = re.compile(r"(?<=[.?]) (?=['\"]|\d+ more )")
_MORE = re.compile(r"\d+ more ")

Json = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """A check that failed for one case.

    `answered` is the status and the answer's beginning; `code` is the gateway's own word for a
    refusal, and empty where the answer is the upstream's or a success. `faults` are the sentences
    of a refusal, each of one fault; else what was answered.
    """

    plugin: str
    version: str
    operation: str
    check: str
    what: str
    code: str
    answered: str
    faults: tuple[str, ...]
    request: str

    @property
    def is_upstreams(self) -> bool:
        """Whether the upstream itself refused or failed: its answer was only passed on."""
        if self.check == "positive_data_acceptance":
            return self.code in ("", "upstream_error")
        return self.check == "not_a_server_error" and self.code == "upstream_error"


@dataclass(frozen=True)
class Run:
    """What came of one plugin in one version of OpenAPI."""

    plugin: str
    version: str
    operations: int
    cases: int
    seconds: float
    findings: tuple[Finding, ...]
    errors: tuple[str, ...]


async def fuzz(environment: Environment, plugin: Served, version: str, examples: int) -> Run:
    """Let Schemathesis ask all of a plugin's operations, every check of its on every answer."""
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as kept:
        events, summary = Path(kept) / "events.ndjson", Path(kept) / "summary.json"
        address = plugin.specs[version].replace("/openapi.yaml", "/openapi.json")
        command = [
            *(*environment.command, "-m", "schemathesis.cli", "run", address),
            *("--checks", "all", "--max-examples", str(examples), "--seed", str(SEED)),
            *("--continue-on-failure", "--generation-database", "none", "--no-color"),
            *("--suppress-health-check", "all", "--output-sanitize", "false"),
            *("--report", "ndjson,json", "--report-ndjson-path", str(events)),
            *("--report-json-path", str(summary)),
            *(one for name, value in plugin.headers.items() for one in ("-H", f"{name}:{value}")),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=kept,  # where it would look for settings
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), WITHIN)
        except TimeoutError:
            said = b"it did not end in time"
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        # Some megabytes: read beside the gateway, which is in this process.
        return await asyncio.to_thread(_read, plugin, version, events, summary, said.decode())


def _read(plugin: Served, version: str, events: Path, summary: Path, said: str) -> Run:
    if not summary.exists():
        ended = " ".join(said[-_ANSWER:].split())
        return Run(plugin.name, version, 0, 0, 0.0, (), (f"Schemathesis ended: {ended}",))
    told: Json = json.loads(summary.read_text())
    tested = told["operations"]["tested"]
    errors = [json.dumps(one)[:_ANSWER] for one in told["errors"]]
    if tested != len(plugin.operations):
        errors.append(f"{tested} of {len(plugin.operations)} operations were tested")
    return Run(
        plugin.name,
        version,
        tested,
        told["test_cases"]["generated"],
        told["running_time"],
        tuple(findings_of(plugin.name, version, events)),
        tuple(errors),
    )


def findings_of(plugin: str, version: str, events: Path) -> Iterator[Finding]:
    """The checks that failed, out of the record of one run."""
    with events.open() as lines:
        for line in lines:
            for name, event in json.loads(line).items():
                if name == "ScenarioFinished":
                    yield from _of_scenario(plugin, version, event["recorder"])


def _of_scenario(plugin: str, version: str, recorder: Json) -> Iterator[Finding]:
    for case, checks in recorder.get("checks", {}).items():
        for check in checks:
            if check["status"] == "failure":
                failure = check["failure_info"]["failure"]
                exchange = recorder.get("interactions", {}).get(case, {})
                code, answered, faults = _answer(exchange.get("response"))
                yield Finding(
                    plugin=plugin,
                    version=version,
                    operation=failure["operation"],
                    check=check["name"],
                    what=" ".join(f"{failure['title']}: {failure['message']}".split()),
                    code=code,
                    answered=answered,
                    faults=faults,
                    request=_curl(exchange.get("request")),
                )


def _answer(response: Json | None) -> tuple[str, str, tuple[str, ...]]:
    if response is None:
        return "", "no answer", ("no answer",)
    text = _text(response.get("content")).decode(errors="replace")
    answered = f"{response['status_code']} {text[:_ANSWER]}"
    if response["headers"].get("content-type", [""])[0].startswith("application/problem+json"):
        problem: Json = json.loads(text)
        sentences = _NEXT.split(problem.get("detail", answered))
        faults = tuple(one for one in sentences if not _MORE.match(one))
        return str(problem.get("code", "")), answered, faults
    return "", answered, (answered,)


def _curl(request: Json | None) -> str:
    if request is None:
        return ""
    headers: Mapping[str, list[str]] = request["headers"]
    shown = {
        name: value
        for name, value in headers.items()
        if name.lower() in ("content-type", "authorization", "accept")
    }
    words = ["curl", "-X", request["method"], request["uri"]]
    words += [word for name, (value, *_) in shown.items() for word in ("-H", f"{name}: {value}")]
    if body := _text(request.get("body")):
        words += ["--data-binary", body[:_ANSWER].decode(errors="replace")]
    return shlex.join(words)


def _text(content: Any) -> bytes:
    if isinstance(content, dict):
        return base64.b64decode(content.get("$base64", ""))
    return content.encode() if isinstance(content, str) else b""
