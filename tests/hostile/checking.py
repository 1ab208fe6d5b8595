"""One hostile spec through `gateway check`, as a person would run it, in a jail."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from tests.hostile.cases import Case
from tests.hostile.jail import Outcome, run

# What no terminal is to be sent.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case. `wrong` is empty where that is as it must be."""

    name: str
    size: int
    seconds: float
    rss: int
    verdict: str
    wrong: str = ""


def check(one: Case, size: int, folder: Path, seconds: float, url: str = "") -> Verdict:
    """Write the spec, check it, judge."""
    folder.mkdir(parents=True)
    spec = folder / f"spec{one.suffix}"
    spec.write_bytes(one.spec(size))
    config = {
        "plugin": "hostile",
        "spec": f"{url}/{folder.name}/{spec.name}" if one.by_url else spec.name,
        "upstream": {"url": "https://api.example.com"},
        "operations": one.operations,
        **one.more,
    }
    path = folder / "plugin.yaml"
    path.write_text(yaml.safe_dump(config))
    outcome = run(lambda: checked(path), seconds)
    spec.unlink()
    verdict, wrong = judged(one, outcome)
    verdict = verdict.replace(str(folder) + "/", "").replace(f"{url}/{folder.name}/", "")
    return Verdict(one.name, size, outcome.seconds, outcome.rss, verdict, wrong)


def warm() -> None:
    """Import once, before the forks, what every one of them needs."""
    for name in ("check", "common"):
        import_module(f"gateway.cli.{name}")


def checked(path: Path) -> dict[str, Any]:
    """`gateway check`, for people and for programs: exit codes and outputs."""
    as_json = command(["check", "--json", "--state", str(path.parent / "state"), str(path)])
    plain = command(["check", "--state", str(path.parent / "state"), str(path)])
    control = _CONTROL.search(plain[1])
    # A message is a few lines, whatever it is about.
    return {
        "code": as_json[0],
        "plain": plain[0],
        "said": as_json[1][:2000],
        "length": len(plain[1]),
        "control": f"U+{ord(control[0]):04X} in {plain[1][max(0, control.start() - 40) :][:80]!r}"
        if control
        else "",
    }


def command(arguments: list[str]) -> tuple[int, str]:
    """Run the command line; it writes where people look."""
    written = io.StringIO()
    # The consoles look for the streams at each line.
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        from gateway.cli import main

        try:
            main(arguments)
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        else:
            code = 0
    sys.stdout.flush()
    return code, written.getvalue()


def judged(one: Case, outcome: Outcome) -> tuple[str, str]:
    """The verdict in a few words, and what is wrong with it."""
    if outcome.died:
        return outcome.died, outcome.died
    got = outcome.result
    if got["code"] == 2:
        verdict, message = "refused", _message(got["said"])
        if one.says is None:
            return f"refused: {message}", "it must be read"
        if one.says != "?" and one.says not in message:
            return f"refused: {message}", f"the message must say {one.says!r}"
        verdict = f"refused: {message}"
    elif got["code"] in (0, 1) and '"waiting": ""' in got["said"]:
        verdict = "read"
        if one.says not in (None, "?"):
            return verdict, f"it must be refused: {one.says!r}"
    else:
        return f"code {got['code']}: {got['said'][:200]}", "neither read nor refused"
    if got["code"] != got["plain"]:
        return verdict, f"code {got['code']} for programs, {got['plain']} for people"
    if got["control"]:
        return verdict, f"control characters are printed: {got['control']}"
    return verdict, ""


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["mistakes"][0]["message"])
    except (ValueError, KeyError, IndexError):
        return said
