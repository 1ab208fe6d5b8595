"""`jmespath`: an answer reshaped by an expression (jmespath.org), where paths cannot say it.

Numbers that are only moved keep their text; what an expression computes is a number of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from gateway.config.faults import suggest
from gateway.shrinking.exact import tidy

Reshape = Callable[[bytes], bytes]
_LONGEST_INTEGER = 4000  # digits that Python reads
_SHOWN = 80  # characters of an expression in a message


class ReshapeError(ValueError):
    """An answer that the expression cannot be applied to; the text says why."""


# JMESPath tells what a value is by its type's name, and knows no subclass.
class _Exact(float):
    """A number that keeps its text."""

    __slots__ = ("text",)
    text: str


_Exact.__name__ = "float"


def _exact(text: str) -> _Exact:
    number = _Exact(text)
    number.text = text
    return number


def _integer(text: str) -> int | _Exact:
    return int(text) if text != "-0" and len(text) < _LONGEST_INTEGER else _exact(text)


def _written(value: object) -> msgspec.Raw:
    if isinstance(value, _Exact):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value)} is no value of JSON")


_DECODER = json.JSONDecoder(parse_float=_exact, parse_int=_integer)
_encode = msgspec.json.Encoder(enc_hook=_written).encode


def compile_reshape(expression: str) -> Reshape:
    """Compile an expression.

    Returns:
        What makes of a JSON body the reshaped one, tidy. It raises ReshapeError, and ValueError
        where the body is not JSON.

    Raises: ValueError, with the place.
    """
    try:
        compiled = jmespath.compile(expression)
        wrong = _wrong_function(compiled.parsed)
    except JMESPathError as fault:
        wrong = str(fault).partition("\n")[0].removesuffix(", for expression:").strip()
    except RecursionError:
        wrong = "it is nested too deeply"
    if wrong:
        raise ValueError(f"{expression[:_SHOWN]!r} is no JMESPath expression: {wrong}")
    search = compiled.search

    def reshape(body: bytes) -> bytes:
        value: Any = _DECODER.decode(tidy(body).decode())
        try:
            return bytes(_encode(search(value)))
        except JMESPathError as fault:
            raise ReshapeError(" ".join(str(fault).split())) from None

    return reshape


def _wrong_function(parsed: Mapping[str, Any]) -> str | None:
    """What is wrong with a call of a function, which JMESPath itself says when it is called."""
    open_ = [parsed]
    while open_:
        node = open_.pop()
        open_ += [one for one in node["children"] if isinstance(one, dict)]  # a slice has numbers
        if node["type"] == "function_expression":
            name, given = node["value"], len(node["children"])
            if name not in Functions.FUNCTION_TABLE:
                return f"there is no function {name}(){suggest(name, Functions.FUNCTION_TABLE)}"
            signature = Functions.FUNCTION_TABLE[name]["signature"]
            least = len(signature)
            if given < least or (given > least and not signature[-1].get("variadic")):
                return f"{name}() takes {least}, and is given {given}"
    return None
