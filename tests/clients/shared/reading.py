"""What every reader's script shares: plugins in, one line of JSON per plugin and version out.

A script has a function `read(plugin, version)` that reads the plugin as the reader's own users do,
and gives the names it found, and the answers of the calls it made, by operation. They are compared
here with what there is.

What a reader cannot read for reasons of its own, its `cannot` says: the reason in words, and a part
of the error that it must give. It is tried all the same, since the reason is wrong as soon as the
reader reads, or fails in another way.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

SECONDS = 60  # for one plugin: a reader that goes round in circles has to be stopped

Answers = dict[str, Any]
Read = Callable[[SimpleNamespace, str], tuple[Iterable[str], Answers]]
Cannot = tuple[str, str]


class DifferentError(Exception):
    """The reader found or got something else than there is."""


def main(
    read: Read,
    *,
    versions: Iterable[str] = ("3.0", "3.1"),
    named: Callable[[SimpleNamespace], str] = lambda operation: operation.operationId,
    cannot: Callable[[SimpleNamespace, str], Cannot | None] = lambda _plugin, _version: None,
) -> None:
    """Read every plugin of the standard input.

    Args:
        read: The reader.
        versions: Of OpenAPI, or of what else it reads, those that it is given.
        named: What the reader calls an operation.
        cannot: Why it cannot read a plugin, and a part of its error; None where it can.
    """
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _too_long)
    out = sys.stdout
    for plugin in json.load(sys.stdin, object_hook=_namespace):
        for version in versions:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                line = _line(read, plugin, version, named, cannot(plugin, version))
            out.write(json.dumps(line) + "\n")
            out.flush()


def _namespace(value: dict[str, Any]) -> Any:
    """The mappings of the job that are values stay what they are."""
    return SimpleNamespace(**value) if "operationId" in value or "manifest" in value else value


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"not done after {SECONDS} s")


def _line(
    read: Read,
    plugin: SimpleNamespace,
    version: str,
    named: Callable[[SimpleNamespace], str],
    cannot: Cannot | None,
) -> dict[str, Any]:
    reason = ""
    signal.alarm(SECONDS)
    try:
        names, answers = read(plugin, version)
        _compare(plugin, {named(one) for one in plugin.operations}, set(names), answers)
        detail = f"{len(plugin.operations)} operations, {len(plugin.calls)} calls"
    except Exception as error:  # noqa: BLE001 - whatever a reader fails with is its finding
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:500]
        detail = f"{type(error).__name__}: {text} ({Path(where.filename).name}:{where.lineno})"
        ok = False
        if cannot is not None and cannot[1] in detail:
            reason = cannot[0]
        elif cannot is not None:
            detail = f"fails, but not because {cannot[0]}: {detail}"
    else:
        ok = cannot is None
        if cannot is not None:
            detail = f"reads it, though {cannot[0]}"
    finally:
        signal.alarm(0)
    told = {"plugin": plugin.name, "version": version}
    return {**told, "ok": ok, "reason": reason, "detail": detail}


def _compare(plugin: SimpleNamespace, expected: set[str], names: set[str], got: Answers) -> None:
    if names != expected:
        raise DifferentError(f"found {sorted(names)}, there are {sorted(expected)}")
    for call in plugin.calls:
        if call.operationId not in got:
            raise DifferentError(f"{call.operationId} was not called")
        answer = got[call.operationId]
        if isinstance(answer, str):
            answer = json.loads(answer)
        if answer != call.answer:
            told = json.dumps(answer)[:200]
            raise DifferentError(
                f"{call.operationId} gave {told}, not {json.dumps(call.answer)[:200]}"
            )


def address(server: str, call: SimpleNamespace, template: str = "") -> str:
    """The address of a call as a model writes it, from the spec's server and path."""

    def filled(found: re.Match[str]) -> str:
        return quote(str(call.path[found[1]]), safe="")

    query = urlencode(call.query, doseq=True)
    path = re.sub("{([^}]+)}", filled, template or call.template)
    return server.rstrip("/") + path + (f"?{query}" if query else "")


def must_know(
    call: SimpleNamespace, names: Iterable[str], renamed: Callable[[str], str] = str
) -> None:
    """A function must have every argument of its call. Raises: DifferentError."""
    if missing := set(map(renamed, arguments(call))) - set(names):
        raise DifferentError(f"{call.operationId} has no parameter {sorted(missing)}")


def arguments(call: SimpleNamespace) -> dict[str, Any]:
    """All arguments of a call, whatever their place."""
    return {**call.path, **call.query, **(call.body or {})}
