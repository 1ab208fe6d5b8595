"""Check a config's tree against the JSON Schema: every mistake, each in our own words.

jsonschema walks the tree and goes on after a fault; the keywords are ours, since a message is
for the person who wrote the file: what was found, what is allowed, what was probably meant. A
choice (`anyOf`) is decided by what stands there, so nobody reads about the forms not meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from gateway.config.faults import Fault, found, found_hidden, nearest, quoted, suggest
from gateway.config.schema import SCHEMA, Schema, join, kinds, resolve, words

Errors = Iterator[ValidationError]
Validator = Any  # jsonschema's own type lacks `descend`

_AT_KEY, _UNKNOWN = "key", "unknown key"  # where an error stands, in place of its keyword
_CHECKERS = Draft202012Validator.TYPE_CHECKER.redefine(
    # 8000.0 is a number, but no count of anything.
    "integer",
    lambda _, value: isinstance(value, int) and not isinstance(value, bool),
)


def check(tree: Any) -> list[Fault]:
    """All faults of a config's tree."""
    return [
        Fault(
            tuple(error.absolute_path),
            error.message + _settings_in_list(error),
            at_key=error.validator in (_AT_KEY, _UNKNOWN),
            unknown=error.validator == _UNKNOWN,
        )
        for error in _Checker(SCHEMA).iter_errors(tree)
    ]


def _settings_in_list(error: ValidationError) -> str:
    """The way out where a list of operations has one with settings."""
    path = tuple(error.absolute_path)
    is_item = len(path) == 2 and path[0] == "operations" and isinstance(path[1], int)
    if is_item and isinstance(error.instance, dict):
        return "; operations with settings are a mapping: leave out the `- `, for all of them"
    return ""


# --- keywords: each yields an error in our words ----------------------------------------------


def _type(validator: Validator, kind: str, value: Any, schema: Schema) -> Errors:
    if not validator.is_type(value, kind):
        yield _unexpected(value, schema)


def _unexpected(value: Any, schema: Schema) -> ValidationError:
    """Something of another type than any that is allowed."""
    if isinstance(value, str) and (named := _choices(schema)):
        near = nearest(value, named)
        if value in named:
            return ValidationError(f"{value!r} needs its settings: write {{{value}: …}}")
        if near is not None or not _hides(schema):
            options = [*named, *_others(schema)]
            text = f"{quoted(value)} is not one of {', '.join(options)}"
            return ValidationError(text + suggest(value, named))
    what = found_hidden(value) if _hides(schema) else found(value)
    return ValidationError(f"expected {words(schema)}, found {what}{_way_out(value, schema)}")


def _choices(schema: Schema) -> list[str]:
    """The words that may stand there, kinds included."""
    schema = resolve(schema)
    options = [word for option in schema.get("anyOf", ()) for word in _choices(option)]
    return [*options, *map(str, schema.get("enum", ())), *kinds(schema)]


def _others(schema: Schema) -> list[str]:
    """What else may stand there than a word."""
    options = map(resolve, resolve(schema).get("anyOf", ()))
    return [words(one) for one in options if "enum" not in one and not kinds(one)]


def _hides(schema: Schema) -> bool:
    """Whether what stands there may be a secret, or was meant for one in it."""
    schema = resolve(schema)
    inner = schema.get("properties", {}).values()
    return (
        "writeOnly" in schema
        or any("writeOnly" in one for one in inner)
        or any(map(_hides, schema.get("anyOf", ())))
        or (bool(kinds(schema)) and any(map(_hides, inner)))
    )


_YES_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def _way_out(value: Any, schema: Schema) -> str:
    """What to write instead, where that is plain."""
    schema = resolve(schema)
    kind = schema.get("type")
    if kind == "string" and "pattern" not in schema and isinstance(value, bool | int | float):
        return "; put it in quotes"
    forms = (schema, *schema.get("anyOf", ()))
    if value is False and any(re.fullmatch(one.get("pattern", "(?!)"), "no") for one in forms):
        return "; write no"
    if kind == "boolean" and isinstance(value, str) and value.lower() in _YES_NO:
        return f"; write {_YES_NO[value.lower()]}"
    if kind == "array" and isinstance(value, str):
        return "; a list has `- ` before each item"
    if kind == "object" and isinstance(value, str) and "url" in schema.get("properties", ()):
        return "; write {url: …}"
    if kind == "object" and value is None and "required" not in schema and not kinds(schema):
        return "; write {} or leave it out"
    return ""


def _any_of(validator: Validator, options: list[Schema], value: Any, schema: Schema) -> Errors:
    fitting = [option for option in options if _fits(validator, option, value)]
    if fitting:
        yield from validator.descend(value, fitting[0])
    else:
        yield _unexpected(value, schema)


def _fits(validator: Validator, option: Schema, value: Any) -> bool:
    option = resolve(option)
    if "enum" in option:
        return value in option["enum"]
    return bool(validator.is_type(value, option["type"]))


def _enum(_: Validator, allowed: list[Any], value: Any, schema: Schema) -> Errors:
    if value in allowed:
        return
    if isinstance(value, str):
        options = [str(one) for one in allowed]
        text = f"{quoted(value)} is not one of {', '.join(options)}"
        yield ValidationError(text + suggest(value, options))
    else:
        yield _unexpected(value, schema)


def _pattern(_: Validator, pattern: str, value: Any, schema: Schema) -> Errors:
    # `$` alone would let a line break at the end through.
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield _unexpected(value, schema)


def _minimum(validator: Validator, least: float, value: Any, _: Schema) -> Errors:
    if validator.is_type(value, "number") and value < least:
        yield ValidationError(f"expected at least {least:,}, found {found(value)}")


def _maximum(validator: Validator, most: float, value: Any, _: Schema) -> Errors:
    if validator.is_type(value, "number") and value > most:
        yield ValidationError(f"expected at most {most:,}, found {found(value)}")


def _known_keys(validator: Validator, rest: Any, value: Any, schema: Schema) -> Errors:
    """`additionalProperties`: what the keys beyond the known ones hold, or that there are none."""
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    for key, inner in value.items():
        if key in known:
            continue
        if rest is False:
            yield ValidationError(_unknown(key, inner, schema), path=(key,), validator=_UNKNOWN)
        else:
            yield from validator.descend(inner, rest, path=key)


def _unknown(key: str, value: Any, schema: Schema) -> str:
    known = list(schema["properties"])
    near = suggest(key, known)
    shown = f" {quoted(key)}" if near or _WORDS.fullmatch(key) or not _hides(schema) else ""
    if kinds(schema):
        text = f"{shown.strip() or 'this'} is not one of {', '.join(known)}{near}"
    elif elsewhere := _levels(key):
        text = f"unknown key{shown} here; it stands {join(elsewhere, 'or')}"
    else:
        some = ", ".join(known[:_MANY]) + (", …" if len(known) > _MANY else "")
        text = f"unknown key{shown}{near or '; known are ' + some}"
    if value is None and not near:
        text += "; a comma inside { } begins a new key: put text that holds one in quotes"
    return text


# What people call a kind of proof. `credential: {hunter2}` has a secret for a key, which no message
# repeats: so a key is shown only where it is made of such words alone.
_WORDS = re.compile(
    r"(x[-_])?((access|api|app|auth|authorization|basic|client|http|id|jwt|key|name|oauth|password|"
    r"scheme|token|type|user|value)[-_]?){1,3}2?",
    re.IGNORECASE,
)
_MANY = 18  # as many as the top level has
_LEVELS = {"Plugin": "at the top", "Upstream": "under upstream", "Operation": "at an operation",
           "Parameter": "at a parameter"}  # fmt: skip


def _levels(key: str) -> list[str]:
    """Where else a key is known."""
    return [
        name for struct, name in _LEVELS.items() if key in SCHEMA["$defs"][struct]["properties"]
    ]


def _required(_: Validator, names: list[str], value: Any, schema: Schema) -> Errors:
    if not isinstance(value, dict):
        return
    # A key that is merely misspelt has its message already.
    meant = {nearest(key, schema["properties"]) for key in value.keys() - schema["properties"]}
    for name in names:
        if name not in value and name not in meant:
            text = re.split("[.:;] ", schema["properties"][name]["description"])[0].rstrip(".")
            yield ValidationError(f"{name!r} is missing: {text[:1].lower()}{text[1:]}")


def _least_keys(_: Validator, least: int, value: Any, schema: Schema) -> Errors:
    if isinstance(value, dict) and len(value) < least:
        names = kinds(schema)
        text = f"exactly one of {', '.join(names)}" if names else "at least one entry"
        yield ValidationError(f"expected {text}, found none")


def _most_keys(_: Validator, most: int, value: Any, schema: Schema) -> Errors:
    if not isinstance(value, dict):
        return
    given = [key for key in value if key in schema["properties"]]
    if len(given) > most:
        options = ", ".join(schema["properties"])
        text = f"{' and '.join(given)} cannot go together: give exactly one of {options}"
        yield ValidationError(text, path=(given[1],), validator=_AT_KEY)


_KEYWORDS: Mapping[str, Any] = {
    "type": _type,
    "anyOf": _any_of,
    "enum": _enum,
    "pattern": _pattern,
    "minimum": _minimum,
    "maximum": _maximum,
    "additionalProperties": _known_keys,
    "required": _required,
    "minProperties": _least_keys,
    "maxProperties": _most_keys,
}
_Checker = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, _KEYWORDS, type_checker=_CHECKERS
)
