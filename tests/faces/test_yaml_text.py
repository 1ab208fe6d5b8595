from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gateway import yaml12
from gateway.faces.yaml_text import write

# Read as something else by YAML 1.1, by 1.2, or by readers that are neither.
TREACHEROUS = [
    "no", "NO", "y", "Y", "n", "on", "Off", "yes", "true", "False", "null", "Null", "~", "", " ",
    "1e3", "1.5", ".5", "5.", "0o7", "012", "0x1F", "0b1", "1_000", "18:00", "190:20:30", "+1",
    "-1", ".inf", "-.INF", ".nan", "nan", "Infinity", "2024-01-01", "2024-01-01T10:00:00Z",
    "<<", "=", "-", "- a", "? a", ": a", "a: b", "a:", "a #b", "#a", "&a", "*a", "!a", "!!str a",
    "|", ">", "%a", "@a", "`a", "'a'", '"a"', "{a}", "[a]", "{", "a,b", "---", "...", "\t", "a\tb",
    "a\n", "a\nb", "a\n\nb\n", "a\n\n", "\na", " a\nb", "a\n  b\n c", "a\r\nb", "a \nb", "a\n \nb",
    "tab\tin\nlines", "\x00", "\x1b[0m", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffe",
    "é", "日本", "😀", "\\", "\\n", 'say "hi"', "it's", "a" * 5000, "https://a.example/x?y=1#z",
    "$ref", "#/components/schemas/A", "/players/{id}", "/a:b", "C: drive", "x:y", "a #", "a# b",
]  # fmt: skip


def readers(text: str) -> list[Any]:
    return [
        yaml.safe_load(text),
        yaml.load(text, Loader=yaml.CSafeLoader),
        yaml12.load(text),
        YAML(typ="safe", pure=True).load(text),
    ]


@pytest.mark.parametrize("text", TREACHEROUS)
def test_every_reader_takes_a_text_for_a_text(text: str) -> None:
    value = {
        "key": text,
        text: 1,
        "list": [text],
        "long": [text, {"in": text}],
        "flow": ["a", text],
    }
    for read in readers(write(value)):
        assert read == value


@pytest.mark.parametrize(
    "value",
    [
        0, -5, 2**80, 1.5, -0.0, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, True, False, None,
        [], {}, [[]], [{}], [[1, 2], [3]], [None], {"a": {}}, [{"a": [], "b": {"c": [{"d": 1}]}}],
        {"k" * 2000: {"deep": ["x"]}}, [{"k" * 2000: 1}], {"m\nn": 1},
    ],
)  # fmt: skip
def test_every_reader_takes_a_value_for_what_it_is(value: Any) -> None:
    for read in readers(write({"v": value, "w": [value]})):
        assert json.dumps(read) == json.dumps({"v": value, "w": [value]})


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
)  # fmt: skip


@given(st.dictionaries(_texts, _values, max_size=5))
def test_whatever_is_written_is_read_back_by_yaml_1_1_and_1_2(value: dict[str, Any]) -> None:
    text = write(value)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == value
    assert yaml12.load(text) == value


def test_it_is_pleasant_to_read() -> None:
    value = {
        "openapi": "3.0.3",
        "info": {"title": "Sport Stats", "description": "First line.\nSecond: line."},
        "paths": {"/players/{id}": {"get": {"tags": ["a", "b"], "parameters": [{"name": "id"}]}}},
    }
    assert write(value) == (
        'openapi: "3.0.3"\n'
        "info:\n"
        "  title: Sport Stats\n"
        "  description: |-\n"
        "    First line.\n"
        "    Second: line.\n"
        "paths:\n"
        "  /players/{id}:\n"
        "    get:\n"
        "      tags: [a, b]\n"
        "      parameters:\n"
        "        - name: id\n"
    )
