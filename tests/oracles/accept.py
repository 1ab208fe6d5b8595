"""Runs where the vendors' packages are: tools in, one JSON line each; what they refuse, out.

A tool is given to the very code by which each vendor's package makes schemas ready for its API:
in their portable form to all three, and as it is served to the one it is served for. A strict
tool must come out of OpenAI's as it went in.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from typing import Any

from anthropic import transform_schema
from anthropic.types import ToolParam
from google.genai import types
from openai.lib._pydantic import _ensure_strict_json_schema
from openai.types.responses import FunctionToolParam
from pydantic import TypeAdapter


def _openai(schema: Any) -> Any:
    return _ensure_strict_json_schema(schema, path=(), root=schema)


SCHEMAS: dict[str, Callable[[Any], Any]] = {
    "openai": _openai,
    "anthropic": transform_schema,
    "gemini": types.JSONSchema.model_validate,
}
FORMS: dict[str, Callable[[Any], Any]] = {
    "openai": TypeAdapter(FunctionToolParam).validate_python,
    "anthropic": TypeAdapter(ToolParam).validate_python,
    "gemini": types.FunctionDeclaration.model_validate,
}


def _fault(one: dict[str, Any]) -> str:
    target = one["for"]
    try:
        SCHEMAS[target](copy.deepcopy(one["portable"]))
        FORMS[target](copy.deepcopy(one["form"]))
        if one["strict"]:
            before = one["form"]["parameters"]
            if _openai(copy.deepcopy(before)) != before:
                return "what is strict is changed"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a refusal
        return f"{type(error).__name__}: {error}"[:300]
    return ""


def main() -> None:
    """Read tools, and write a line for each."""
    for line in sys.stdin:
        one = json.loads(line)
        found = {key: one[key] for key in ("from", "for", "name")} | {"fault": _fault(one)}
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
