"""The ways in of the openapi face: an HTTP request → the arguments of an operation. Pure.

A caller says each name once, wherever it stands: the same name in two places could make one
override the other, so it is refused. Names that the operation does not know pass on; the
request builder refuses them, all at once. Path and query hold text, which is read as what its
argument takes (`Operation.readers`); numbers keep their digits, so `1.50` stays `1.50`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from gateway.errors import BadArguments
from gateway.faces.bodies import parse, read_body
from gateway.plugin import Operation
from gateway.values import Argument

# What aiohttp, Django and Starlette take at most, too.
MOST_FIELDS = 1000


def read_call(
    operation: Operation,
    path_values: Mapping[str, str],
    query: str,
    body: bytes,
    content_type: str,
) -> dict[str, Any]:
    """Read the arguments of a call at an operation's own address.

    Args:
        operation: The operation that is called.
        path_values: What stood in the address, as it came, by argument name.
        query: The query as it came, without its `?`.
        body: The whole body.
        content_type: The header's value, "" where it is missing: JSON is then assumed.

    Raises:
        BadArguments: a name said twice, too many names, not UTF-8, a body that cannot be read.
        UnsupportedBody: a body of a type that the operation does not take.
    """
    arguments = _read_path(operation, path_values)
    if query:
        _read_query(operation, query, arguments)
    if body:
        given = read_body(operation, body, content_type)
        whole = next((arg for arg in operation.arguments if arg.source == ()), None)
        _merge(arguments, {whole.name: given} if whole else _object(given, operation))
    return arguments


def read_named(operation: Operation, body: bytes) -> dict[str, Any]:
    """Read the arguments of `POST /call/<operation>`: one JSON object, or nothing at all.

    Whatever type the body is said to have: there is no other it could be.

    Raises:
        BadArguments: not a JSON object.
    """
    return _object(parse(body), operation) if body.strip() else {}


def _read_path(operation: Operation, raw: Mapping[str, str]) -> dict[str, Any]:
    """Decode what stood in a path; a list is split first, since `%2C` belongs to its item."""
    values: dict[str, Any] = {}
    for name, text in raw.items():
        argument = operation.by_name.get(name)
        texts = text.split(",") if argument is not None and argument.is_list else [text]
        try:
            texts = [unquote(one, errors="strict") for one in texts]
        except UnicodeDecodeError:
            raise BadArguments(f"the path is not UTF-8 at {_shown(text)}") from None
        read = operation.readers.get(name)
        values[name] = texts[0] if read is None else read(texts)
    return values


def _read_query(operation: Operation, query: str, arguments: dict[str, Any]) -> None:
    """Add what a query says, `application/x-www-form-urlencoded`."""
    # As urllib.parse.parse_qsl reads it, at a third of its time, and strict about UTF-8.
    fields = query.split("&", MOST_FIELDS)
    if len(fields) > MOST_FIELDS:
        raise BadArguments(f"the query has more than {MOST_FIELDS} fields")
    known = operation.by_name
    said: dict[str, list[str]] = {}
    for pair in fields:
        if not pair:
            continue
        name, _, text = pair.partition("=")
        if "%" in pair or "+" in pair:
            name, text = _unquoted(name), _unquoted(text)
        if name in arguments or (name in said and not _is_list(known.get(name))):
            raise _twice(name)
        said.setdefault(name, []).append(text)
    readers = operation.readers
    for name, texts in said.items():
        read = readers.get(name)
        arguments[name] = texts[0] if read is None else read(texts)


def _is_list(argument: Argument | None) -> bool:
    return argument is not None and argument.is_list


def _unquoted(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise BadArguments(f"the query is not UTF-8 at {_shown(text)}") from None


def _object(given: Any, operation: Operation) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    names = ", ".join(argument.name for argument in operation.arguments)
    raise BadArguments(
        f"the body must be one JSON object with the arguments by name, not {_kind(given)}"
        + (f"; the arguments are {_short(names, 600)}" if names else "")
    )


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a number"


def _merge(arguments: dict[str, Any], more: dict[str, Any]) -> None:
    if not arguments:
        arguments.update(more)
        return
    for name, value in more.items():
        if name in arguments:
            raise _twice(name)
        arguments[name] = value


def _twice(name: str) -> BadArguments:
    return BadArguments(f"{_shown(name)} is given more than once; give it once")


def _shown(text: str) -> str:
    """A caller's text, short enough for a message."""
    return repr(_short(text, 60))


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
