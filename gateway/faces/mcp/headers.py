"""The headers that mirror a modern request's body, so that what stands between need not parse it.

They must say what the body says, or somebody on the way was told something else than we are.
Source: MCP 2026-07-28, "Streamable HTTP", sections on standard and custom headers. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from multidict import MultiMapping, istr

from gateway.faces.mcp.wire import HEADER_MISMATCH, Fault
from gateway.values import Schema

# In whatever case: a plain text is put into lower case at each look-up.
VERSION = istr("MCP-Protocol-Version")
METHOD = istr("Mcp-Method")
NAME = istr("Mcp-Name")
PARAM = "Mcp-Param-"
KEYWORD = "x-mcp-header"

_CODED = re.compile(r"=\?base64\?(.*)\?=\Z", re.DOTALL)
_BLANK = " \t"
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # as JSON writes one


class Mirrored(NamedTuple):
    """An argument that is said in a header as well: the header's name, and where it stands."""

    header: str
    path: tuple[str, ...]


def mirrored(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[Mirrored]:
    """The arguments of a tool that its clients say in headers as well."""
    properties = schema.get("properties")
    for name, each in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(each, dict):
            continue
        header = each.get(KEYWORD)
        if isinstance(header, str):
            yield Mirrored(PARAM + header, (*path, name))
        yield from mirrored(each, (*path, name))


def single(headers: MultiMapping[str], name: str) -> str | None:
    """A header's value without the blanks around it; None where it is absent.

    Raises: Fault, where it is there more than once.
    """
    found = headers.getall(name, ())
    if len(found) > 1:
        raise Fault(HEADER_MISMATCH, f"The header {name} is there more than once.")
    return found[0].strip(_BLANK) if found else None


def expect(headers: MultiMapping[str], name: str, value: str, *, coded: bool = False) -> None:
    """Hold a header against what the body says. Raises: Fault."""
    said = single(headers, name)
    if said is None:
        text = f"The header {name} is missing; the body says {value[:100]!r}."
        raise Fault(HEADER_MISMATCH, text)
    if coded:
        said = decoded(name, said)
    if said != value:
        raise Fault(
            HEADER_MISMATCH,
            f"The header {name} says {said[:100]!r}, the body {value[:100]!r}.",
        )


def decoded(name: str, said: str) -> str:
    """A value as it was before it was made fit for a header. Raises: Fault."""
    match = _CODED.match(said)
    if match is None or not said.startswith("=?base64?"):
        return said
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except (binascii.Error, ValueError):
        raise Fault(HEADER_MISMATCH, f"The header {name} is not base64 of UTF-8.") from None


def expect_arguments(
    headers: MultiMapping[str], wanted: tuple[Mirrored, ...], arguments: Mapping[str, Any]
) -> None:
    """Hold the headers of arguments against the arguments. Raises: Fault."""
    for header, path in wanted:
        value: Any = arguments
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        said = single(headers, header)
        if value is None:
            if said is not None:
                text = f"The header {header} is there, but no argument {'.'.join(path)}."
                raise Fault(HEADER_MISMATCH, text)
            continue
        if said is None:
            text = f"The header {header} is missing; it repeats the argument {'.'.join(path)}."
            raise Fault(HEADER_MISMATCH, text)
        if not _is_same(decoded(header, said), value):
            text = f"The header {header} says something else than the argument {'.'.join(path)}."
            raise Fault(HEADER_MISMATCH, text)


def _is_same(said: str, value: Any) -> bool:
    if isinstance(value, bool):
        return said == ("true" if value else "false")
    if isinstance(value, str):
        return said == value
    if isinstance(value, (dict, list)) or not _NUMBER.fullmatch(said):
        return False
    try:
        return Decimal(said) == Decimal(str(value))  # "42.0" is 42, to the last digit
    except InvalidOperation:  # an exponent beyond all bounds, which no argument has
        return False
