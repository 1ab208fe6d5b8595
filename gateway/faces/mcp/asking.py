"""What a user is asked before a call that does something, and what comes of the answer.

The question names every argument, however long one of them is and in whatever order the model
wrote them: who agrees must know to what. What cannot be seen is written as JSON escapes it, so that
no text turns around or hides another. Source: MCP 2026-07-28, "Elicitation". Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import UNSET

from gateway.catalog import passed_on
from gateway.faces.mcp.confirming import KEY, Confirmations, Forged
from gateway.faces.mcp.endpoint import Served
from gateway.faces.mcp.wire import INVALID_PARAMS, Fault, Params
from gateway.faces.openapi import plain
from gateway.faces.operations import title_of
from gateway.plugin import Operation
from gateway.request.text import encode_json

_SHOWN = 1000  # characters of arguments in a question, as a rule
_LONGEST = (400, 100, 30, 10)  # characters of a text, members of a list: as many as fit
_NUMBER, _NAME = 40, 60  # characters of a number and of a name
_NAMED = 50  # arguments that are named where nothing else fits
_DEEPEST = 8
# Seen by nobody though they count as printable: joiners, fillers, variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


class Subject(NamedTuple):
    """What the user is asked about: the operation that would run, and with what."""

    operation: Operation
    title: str
    arguments: Mapping[str, Any]


def subject_of(served: Served, arguments: Mapping[str, Any]) -> Subject | None:
    """What the user is to be asked about first; None where nobody is asked.

    What is called by its name is that operation: its words and its arguments are what counts.
    """
    operation = served.tool.operation
    if operation.confirms:
        name = arguments.get("name")
        inner = operation.confirms.get(name) if isinstance(name, str) else None
        if inner is None:
            return None
        return Subject(inner, plain(title_of(inner)), passed_on(arguments))
    return Subject(operation, served.tool.title, arguments) if operation.confirm else None


def can_ask(params: Params) -> bool:
    """Whether the client can ask its user by a form: `{}` is that, too."""
    asked = params.capabilities.get("elicitation")
    return isinstance(asked, dict) and (not asked or "form" in asked)


def check(operation: Operation, arguments: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """What could not be done anyway is told before anybody is asked. Raises: Refusal."""
    choice = operation.shrinker.choice
    if choice is not None and choice.argument.name in arguments:
        arguments = dict(arguments)
        choice.level(arguments.pop(choice.argument.name))
    operation.build(arguments, headers, heals=True)


async def ask(
    confirmations: Confirmations, bound: bytes, subject: Subject, params: Params, plugin: str
) -> dict[str, Any] | str | None:
    """The question as a result's members, or words for the model where the user refused; None
    where he agreed.

    Args:
        confirmations: Of this address.
        bound: What a confirmation holds for: the caller, the tool, its arguments.
        subject: What is asked about.
        params: Of the call; they may hold the answer.
        plugin: Its name.

    Raises:
        Fault: a state that was not made here for this call.
    """
    if params.request_state is not UNSET:
        try:
            fresh = await confirmations.claim(params.request_state, bound)
        except Forged:
            text = "requestState was not given here for this call; send back what you were given."
            raise Fault(INVALID_PARAMS, text) from None
        agreed = _action(params.input_responses)
        if fresh and agreed == "accept":
            return None
        if agreed in ("decline", "cancel"):
            return "The user did not agree, so nothing was done. Do not try again unasked."
    return {
        "resultType": "input_required",
        "inputRequests": {KEY: question(plugin, subject)},
        "requestState": confirmations.state(bound),
    }


def _action(responses: Any) -> str:
    """What the user did; "" where nobody can tell."""
    one = responses.get(KEY) if isinstance(responses, dict) else None
    action = one.get("action") if isinstance(one, dict) else None
    return action if isinstance(action, str) else ""


def question(plugin: str, subject: Subject) -> dict[str, Any]:
    """The request for the user's consent, as the protocol has it."""
    message = f"{plugin}: {subject.title}. Do this? With {_told(subject.arguments)}"
    return {
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": "".join(map(_seen, message)),
            "requestedSchema": {"type": "object", "properties": {}},
        },
    }


def _seen(character: str) -> str:
    if character.isprintable() and not _UNSEEN.match(character):
        return character
    return json.dumps(character)[1:-1]


def _told(arguments: Mapping[str, Any]) -> str:
    """The arguments as JSON; `…` stands outside of its quotes where something was left out."""
    for longest in _LONGEST:
        text = _within(_pieces(arguments, longest), _SHOWN)
        if text is not None:
            return text
    named = list(arguments.items())[:_NAMED]
    each = max(_SHOWN // len(named), _LONGEST[-1])
    parts = [f"{_text(name, _NAME)}:{_cut(value, each)}" for name, value in named]
    left = len(arguments) - len(named)
    return "{" + ",".join(parts) + (f",… {left:,} more" if left else "") + "}"


def _within(pieces: Iterator[str], most: int) -> str | None:
    """The whole text; None where it is longer, which is found out without writing the rest."""
    parts: list[str] = []
    for piece in pieces:
        parts.append(piece)
        most -= len(piece)
        if most < 0:
            return None
    return "".join(parts)


def _cut(value: Any, most: int) -> str:
    """The beginning of what a value is."""
    text = ""
    for piece in _pieces(value, _LONGEST[-1]):
        text += piece
        if len(text) > most:
            return text[:most] + "…"
    return text


def _pieces(value: Any, longest: int, depth: int = 0) -> Iterator[str]:
    """A value as JSON, its texts and lists at most so long."""
    if depth > _DEEPEST and isinstance(value, (dict, list)) and value:
        yield "{…}" if isinstance(value, dict) else "[…]"
    elif isinstance(value, dict):
        yield "{"
        for number, (name, one) in enumerate(value.items()):
            yield f"{',' if number else ''}{_text(name, _NAME)}:"
            yield from _pieces(one, longest, depth + 1)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, one in enumerate(value[:longest]):
            yield "," if number else ""
            yield from _pieces(one, longest, depth + 1)
        left = len(value) - longest
        yield f",… {left:,} more]" if left > 0 else "]"
    elif isinstance(value, str):
        yield _text(value, longest)
    else:
        text = encode_json(value).decode()
        yield text if len(text) <= _NUMBER else text[:_NUMBER] + "…"


def _text(text: str, longest: int) -> str:
    shown = encode_json(text[:longest]).decode()
    return shown if len(text) <= longest else shown + "…"
