"""What is wrong with a call's arguments, all of it, in words a model can act on.

Runs only for a call that could not be built, so it may be slow; what callers sent is hostile,
so what is shown of it is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import ValidationError

from gateway.errors import BadArguments
from gateway.request.entries import ABSENT
from gateway.request.expected import Look, told
from gateway.request.text import Unwritable, nearest, shown

Explain = Callable[[Mapping[str, Any], Mapping[str, str], Sequence[ValidationError]], BadArguments]

_MOST = 8  # faults of one kind that are named; the rest is counted


@dataclass(frozen=True, slots=True)
class Taker:
    """One thing a call may fill: where, how, and what the caller knows it by."""

    index: int
    write: Callable[[Any], Any]
    called: str  # 'name' in quotes, or the header's
    required: bool = False
    beside: tuple[int, ...] = ()  # what, if it is given, cannot be without this one
    header: str | None = None  # lower case
    in_body: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What an operation takes and refuses, by name."""

    takers: Mapping[str, Taker]
    filled: tuple[Taker, ...]
    withheld: Mapping[str, str]
    renamed: Mapping[str, str]  # the upstream's name → ours
    parts: Mapping[str, Sequence[str]]  # an object that was taken apart → our names of its parts
    example: Any
    path_fault: Callable[[list[Any]], str | None]
    check_json: Callable[[Any], Any] | None  # of a body's member; raises Unwritable


def explainer(words: Words, sent: tuple[Any, ...], look: Look) -> Explain:
    """A function from a call that failed, and what its check found, to its refusal."""

    def explain(
        arguments: Mapping[str, Any],
        headers: Mapping[str, str],
        found: Sequence[ValidationError],
    ) -> BadArguments:
        out = list(sent)
        faults = _names(words, arguments)
        wrong = {str(fault.instance_path[0]) for fault in found if fault.instance_path}
        values = [
            f"{_called(fault)} {told(fault, arguments, look, above=1)}"
            for fault in found[:_MOST]  # to tell one, all names may be compared
        ]
        untold = len(found) - len(values)
        for name, taker, value in _given(words, arguments, headers):
            try:
                if name in wrong:
                    out[taker.index] = None  # given, though wrongly: not missing
                    continue
                out[taker.index] = taker.write(value)
                if taker.in_body and words.check_json:
                    words.check_json(out[taker.index])
            except Unwritable as fault:
                out[taker.index] = None
                values.append(f"{taker.called} {fault}")
        faults += _bounded(values, "more cannot be sent as they are", untold)
        faults += _bounded(_missing(words, out), "more are missing")
        if not faults and (fault_of_path := words.path_fault(out)):
            faults.append(fault_of_path)
        detail = " ".join(f"{fault}{'' if fault.endswith('?') else '.'}" for fault in faults)
        return BadArguments(detail or "These arguments cannot be sent.", example=words.example)

    return explain


def _given(
    words: Words, arguments: Mapping[str, Any], headers: Mapping[str, str]
) -> list[tuple[str, Taker, Any]]:
    found = [
        ("", taker, headers[taker.header])
        for taker in words.filled
        if taker.header is not None and taker.header in headers
    ]
    return found + [
        (name, taker, value)
        for name, value in arguments.items()
        if (taker := words.takers.get(name)) and (value is not None or taker.in_body)
    ]


def _called(fault: ValidationError) -> str:
    return repr(fault.instance_path[0]) if fault.instance_path else "what was given"


def _names(words: Words, arguments: Mapping[str, Any]) -> list[str]:
    wrong = [name for name in arguments if name not in words.takers]
    told = []
    for name in wrong[:_MOST]:
        given = shown(name)
        if name in words.withheld:
            told.append(f"{given} {words.withheld[name]}")
        elif name in words.renamed:
            told.append(f"{given} is called {words.renamed[name]!r} here")
        elif name in words.parts:
            told.append(f"{given} is given in parts here: {_listed(words.parts[name])}")
        else:
            hint = nearest(name, words.takers) or _takes(words)
            told.append(f"{given} is not an argument of this operation{hint}")
    if len(wrong) > _MOST:
        told.append(f"{len(wrong) - _MOST} more names are not arguments of this operation")
    return told


def _takes(words: Words) -> str:
    return f"; it takes {_listed(list(words.takers))}" if words.takers else "; it takes none"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:20])}{', …' if len(names) > 20 else ''}"


def _missing(words: Words, out: list[Any]) -> list[str]:
    return [
        f"{taker.called} is required" + ("" if taker.required else " beside what was given")
        for taker in (*words.takers.values(), *words.filled)
        if out[taker.index] is ABSENT
        and (taker.required or any(out[index] is not ABSENT for index in taker.beside))
    ]


def _bounded(faults: list[str], rest: str, untold: int = 0) -> list[str]:
    untold += max(0, len(faults) - _MOST)
    return [*faults[:_MOST], *([f"{untold} {rest}"] if untold else [])]
