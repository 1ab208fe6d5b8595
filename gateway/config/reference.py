"""The reference page of the YAML, written from the types: a table per level, in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gateway.config.schema import SCHEMA, Schema, join, kinds, resolve, words

_INTRO = """\
# The YAML of a plugin

Generated from `gateway/config/types.py`; the same types give the checks, the messages and
[schema.json](../gateway/config/schema.json), which editors read:

```yaml
# yaml-language-server: $schema=gateway/config/schema.json
plugin: weather
spec: https://api.weather.example/openapi.json
operations:
  - getForecast
  - GET /alerts
```

| written | means |
|---|---|
| `30s` `5m` `2h` `1d` | a duration |
| `64KiB` `10MiB` | a size |
| `30/s` `30/min` `30/hour` `30/day` | a rate: at most so many in any such time |
| `no` | off, where a key allows it |
| `${NAME}` `${file:/run/secrets/name}` | the value of an environment variable, the text \
of a file; in values of `upstream`, `auth`, `spec.headers` and `pin`; `$${` is a literal `${` |

On both levels stand `limit`, `cache`, `budget`, `drop` and `parameters`; `timeout`, `retries` and
`max_bytes` stand under `upstream` and at an operation. The operation's value replaces the plugin's
whole; only `parameters` merge, by name. The YAML is 1.2: `no`, `on`, `012`, `18:00` and
`2024-01-01` are text.
"""
_NAME = "NAME"  # a key of one's own choice, in headings


def page() -> str:
    """The whole page, Markdown."""
    places = _places()
    sections = [_section(name, paths, places) for name, paths in places.items()]
    return "\n".join([_INTRO, *sections])


def _places() -> dict[str, list[str]]:
    """Where each struct stands, as dotted paths; the outer structs first."""
    found: dict[str, list[str]] = {}

    def walk(schema: Schema, path: str) -> None:
        if "$ref" in schema:
            paths = found.setdefault(schema["$ref"].rpartition("/")[2], [])
            if path not in paths:
                paths.append(path)
            if len(paths) == 1:
                for key, one in resolve(schema)["properties"].items():
                    walk(one, f"{path}.{key}".lstrip("."))
        for option in schema.get("anyOf", ()):
            walk(option, path)
        for key, step in (("items", ""), ("additionalProperties", f".{_NAME}")):
            if isinstance(schema.get(key), dict):
                walk(schema[key], path + step)

    walk(SCHEMA, "")
    return found


def _heading(paths: list[str]) -> str:
    return f"`{paths[0]}`" if paths[0] else "At the top"


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _section(name: str, paths: list[str], places: dict[str, list[str]]) -> str:
    schema = SCHEMA["$defs"][name]
    lines = [f"## {_heading(paths)}", "", schema["description"]]
    if kinds(schema):
        lines.append("Exactly one of these keys is given.")
    if len(paths) > 1:
        lines.append(f"The same under {', '.join(f'`{path}`' for path in paths[1:])}.")
    lines += ["", "| key | holds | default | |", "|---|---|---|---|"]
    lines += _rows(schema, places)
    return "\n".join([*lines, ""])


def _rows(schema: Schema, places: dict[str, list[str]]) -> Iterator[str]:
    required = schema.get("required", ())
    for key, one in schema["properties"].items():
        default = "required" if key in required else _default(one)
        cells = (f"`{key}`", _type(one, places), default, one["description"])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(schema: Schema) -> str:
    value = schema.get("default")
    if value in (None, "", [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _type(schema: Schema, places: dict[str, list[str]]) -> str:
    if "$ref" in schema:
        heading = _heading(places[schema["$ref"].rpartition("/")[2]])
        return f"[{words(schema)}](#{_anchor(heading)})"
    if "anyOf" in schema:
        options = [_type(option, places) for option in schema["anyOf"]]
        if len(options) == 2 and options[0] == f"a list of {options[1]}":
            return f"{options[1]}, or a list of such"
        return join(options, "or")
    for key, text in (
        ("items", "a list of {}"),
        ("additionalProperties", "a mapping of names to {}"),
    ):
        inner = schema.get(key)
        if isinstance(inner, dict) and inner:
            return text.format(_type(inner, places))
    if "enum" in schema:
        return join([f"`{word}`" for word in schema["enum"]], "or")
    return words(schema)
