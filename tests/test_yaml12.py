from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import yaml12
from gateway.errors import Unreadable
from gateway.yaml12 import DEFAULT, Limits, load, load_json, load_marked, read


def refused(text: str | bytes, limits: Limits = DEFAULT) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        load(text, limits)
    return caught.value


# --- scalars: YAML 1.2 core ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "Off", "NO", "n", "y", "012", "08", "-012", "0012.5", "18:00", "190:20:30",
     "2024-01-01", "2024-13-45", "2024-01-01T10:00:00Z", "1_000", "0b101", "0X1F", "1e", "e3", ".",
     "-", "+", "1.2.3", "nUll", "tRue", "0x", "0o8", "5e880231", "-.5.", "1e3x", "=", "NaN",
     "infinity", "\u0661"],
)  # fmt: skip
def test_what_only_looks_like_something_stays_text(text: str) -> None:
    assert load(f"- {text}\n- a\n") == [text if text != "-" else [None], "a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-1", -1), ("+7", 7), ("0", 0), ("-0", 0), ("0x1F", 31), ("0o17", 15), ("1.5", 1.5),
     (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("1E-2", 0.01), ("-0.0", 0.0), ("true", True),
     ("True", True), ("FALSE", False), ("null", None), ("~", None), ("", None), ("Null", None),
     ("9" * 50, int("9" * 50)), ("-9223372036854776000", -9223372036854776000)],
)  # fmt: skip
def test_core_scalars_are_what_they_are(text: str, value: Any) -> None:
    read_back = load(f"a: {text}\n")["a"]
    assert read_back == value
    assert type(read_back) is type(value)


def test_quoted_and_block_scalars_are_text() -> None:
    text = "a: '1'\nb: \"true\"\nc: |-\n  null\nd: >-\n  5\n"
    assert load(text) == {"a": "1", "b": "true", "c": "null", "d": "5"}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert load("200: a\ntrue: b\nnull: c\n~: d\n1.0: e\n") == {
        "200": "a", "true": "b", "null": "c", "~": "d", "1.0": "e",
    }  # fmt: skip


def test_standard_tags_are_obeyed() -> None:
    text = "a: !!str 5\nb: !!int '5'\nc: ! 5\nd: !!float 2\ne: !!map {}\nf: !!seq []\ng: !!null ''"
    assert load(text) == {"a": "5", "b": 5, "c": "5", "d": 2, "e": {}, "f": [], "g": None}


@pytest.mark.parametrize(
    "text",
    ["a: !x 1", "a: !!python/object/apply:os.system [ls]", "!x {a: 1}", "- !!binary aGk=",
     "a: !!timestamp 2024-01-01", "a: !!set {b}", "a: !!int x", "a: !!bool 1", "!x a: 1"],
)  # fmt: skip
def test_other_tags_are_refused(text: str) -> None:
    assert refused(text).line == 1


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "9" * 1001, "0x" + "f" * 1000])
def test_a_number_that_json_cannot_say_is_refused(text: str) -> None:
    error = refused(f"a: 1\nb: {text}")
    assert (error.line, error.column) == (2, 4)


# --- structure ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: 1\nb: 2\na: 3\n", 3, 1), ("a: {b: 1, b: 2}", 1, 11), ("a: 1\n'a': 2", 2, 1),
     ("<<: {a: 1}\n<<: {b: 1}", 2, 1), ("a: &x {c: 1}\nb: {<<: *x, d: 1, <<: *x}", 2, 19)],
)  # fmt: skip
def test_a_key_given_twice_is_refused_where_it_is_given_again(
    text: str, line: int, column: int
) -> None:
    error = refused(text)
    assert (error.line, error.column) == (line, column)
    assert "twice" in error.message


def test_merge_keys_add_what_is_missing_the_earlier_the_stronger() -> None:
    text = """
    base: &base {a: 1, b: 1}
    more: &more {b: 2, c: 2}
    one: {<<: *base, b: 9}
    two: {x: 0, <<: [*more, *base, {d: 4}]}
    late: {b: 5, <<: *base}
    """
    tree = load(text)
    assert tree["one"] == {"a": 1, "b": 9}
    assert tree["two"] == {"x": 0, "b": 2, "c": 2, "a": 1, "d": 4}
    assert tree["late"] == {"a": 1, "b": 5}
    assert tree["base"] == {"a": 1, "b": 1}
    assert load("'<<': 1") == {"<<": 1}


def test_a_mapping_merged_into_one_that_is_merged_itself() -> None:
    text = "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: {<<: *a}}"
    assert load(text)["c"] == {"x": 1, "y": 2, "z": {"x": 1}}
    assert load("a: {<<: {<<: {x: 1}, y: 2}, z: 3}") == {"a": {"x": 1, "y": 2, "z": 3}}


@pytest.mark.parametrize("text", ["<<: 1", "<<: [1]", "<<: null", "a: &a [1]\nb: {<<: *a}"])
def test_only_mappings_are_merged(text: str) -> None:
    assert "<<" in refused(text).message


@pytest.mark.parametrize("text", ["[a]: 1", "{a: 1}: 2", "? [a]\n: 1", "? - a\n: b", "*a : 1"])
def test_a_key_is_text(text: str) -> None:
    refused(text)


def test_only_one_document_is_read() -> None:
    assert load("--- {a: 1}\n...\n") == {"a": 1}
    error = refused("a: 1\n---\nb: 2\n")
    assert (error.line, "one YAML document" in error.message) == (2, True)
    assert load("") is None
    assert load("# only a comment") is None


def test_aliases_share_what_they_stand_for() -> None:
    assert load("a: &x [1, 2]\nb: *x\nc: &y 5\nd: [*y, *y]") == {
        "a": [1, 2], "b": [1, 2], "c": 5, "d": [5, 5],
    }  # fmt: skip
    assert load("a: &x 1\nb: &x 2\nc: *x") == {"a": 1, "b": 2, "c": 2}


# --- hostile ------------------------------------------------------------------------------------

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {k0: x}\n" + "".join(
    f"a{n}: &a{n} {{k{n}: [{','.join([f'*a{n - 1}'] * 9)}], <<: *a{n - 1}}}\n" for n in range(1, 10)
)
CHAIN = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} {'[' * 100}*a{n - 1}{']' * 100}\n" for n in range(1, 50)
)


BOMBS = {
    "open": "[" * 100_000,
    "open mappings": "{a: " * 30_000,
    "dashes": "- " * 100_000,
    "question marks": "? " * 100_000,
    "nested": "[" * 100_000 + "]" * 100_000,
    "self": "a: &a {b: *a}",
    "self in a list": "&a [*a]",
    "self merged": "a: &a {<<: *a}",
    "nine to the ninth": BOMB,
    "merged": MERGES,
    "chain": CHAIN,
    "directives": "".join(f"%TAG !a{n}! x\n" for n in range(50_000)) + "--- a",
    "long text": "a: &a " + "x" * 1_000_000 + "\nb:\n" + "- *a\n" * 1000,
    "nul": "\0" * 1000,
    "bangs": "!" * 100_000,
    "ampersands": "&" * 100_000,
    "stars": "*" * 100_000,
    "quotes": '"' * 99_999,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_fast(name: str) -> None:
    before = time.process_time()
    refused(BOMBS[name])
    assert time.process_time() - before < 1


def test_depth_counts_what_aliases_bring() -> None:
    deep = "a: &a " + "[" * 150 + "]" * 150 + "\nb: " + "[" * 100 + "*a" + "]" * 100
    assert "deeper than 200" in refused(deep).message
    assert load(deep, Limits(depth=300))


def test_every_bound_acts() -> None:
    assert "bytes" in refused("a: bcd", Limits(bytes=5)).message
    assert "values" in refused("[a, b, c]", Limits(values=6)).message
    assert "deeper" in refused("[[[a]]]", Limits(depth=2)).message
    assert "characters" in refused("a: &a xxxxx\nb: *a", Limits(repeated=5)).message
    with pytest.raises(Unreadable, match="values"):
        load_json("[1,2,3]", Limits(values=2))
    with pytest.raises(Unreadable, match="deeper"):
        load_json("[[[1]]]", Limits(depth=2))


@pytest.mark.parametrize(
    "data",
    [b"a: \xff", b"\xff\xfea", b"a\x00b", b"\x80", "a: \ud800", "\udfff", b"a: \x07", "a: \x1b[0m",
     'a: "\\ud800"', 'a: "\\UFFFFFFFF"', b"\xfe\xff\xd8\x00", "%YAML " + "9" * 5000 + ".1\n--- a",
     "a: \ufffe", "a: *", "a: !<> b", "a: !%ff b", "%TAG ! !", "a: |99\n x", "a: >-9\n x"],
    ids=ascii,
)  # fmt: skip
def test_odd_bytes_are_refused(data: str | bytes) -> None:
    refused(data)


def test_marks_of_byte_order_and_windows_line_ends_are_read() -> None:
    for coding in ("utf-8-sig", "utf-16"):
        assert load("a: é\r\nb: 2\r\n".encode(coding)) == {"a": "é", "b": 2}
    assert load("\ufeffa: 1") == {"a": 1}
    error = refused(b"a: 1\r\nb: {\r\nc\xff")
    assert (error.line, error.column) == (3, 2)


_texts = st.text(max_size=60) | st.text("[]{}&*!|>'\"%@`:-?,# \n\tab01.~<\r\\", max_size=60)


@settings(max_examples=400)
@given(_texts | st.binary(max_size=60))
@example("a: &a !!str\n")
@example("<<")
@example("{<<}")
@example("? <<")
def test_any_text_is_read_or_blamed_and_nothing_else_is_raised(text: str | bytes) -> None:
    for reader in (load, load_json, read, load_marked):
        blamed: Unreadable | None = None
        try:
            tree = reader(text)
        except Unreadable as error:
            blamed = error
        if blamed is not None:
            assert (blamed.line >= 1, blamed.column >= 1, bool(blamed.message)) == (True,) * 3
            continue
        tree = tree[0] if isinstance(tree, tuple) else tree
        assert json.loads(json.dumps(tree, allow_nan=False)) == tree
        json.dumps(tree, ensure_ascii=False).encode()


_trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<", max_size=3), inner),
)


@given(_trees)
def test_json_is_yaml(tree: Any) -> None:
    text = json.dumps(tree, ensure_ascii=True)
    assert read(text) == load_json(text) == tree
    if "\\u" not in text and "<<" not in text:
        assert load(text) == tree


@pytest.mark.parametrize("text", ["a: 1\n\tb: 2", "\ta: 1", "a:\n\t- b", "a: |\n x\n\ty"])
def test_a_tab_is_called_a_tab(text: str) -> None:
    assert "tab" in refused(text).message


@pytest.mark.parametrize(
    ("text", "words"),
    [("fields: [data.{id,name}]", "block list"), ("a: {b: ${KEY}}", "needs quotes"),
     ("fields: [items[].id]", "block list"), ("- *.id", "begins with * needs quotes"),
     ("a: *", "begins with * needs quotes"), ("a: @b", "begins with @ needs quotes"),
     ("a: `b`", "begins with ` needs quotes"), ("a: Find: now", "': ' needs quotes"),
     ("a: !x", "begins with ! needs quotes"), ("a: 'b", "not closed")],
)  # fmt: skip
def test_the_message_says_what_to_quote(text: str, words: str) -> None:
    assert words in refused(text).message


def test_no_message_repeats_what_may_be_a_secret() -> None:
    texts = ["*hunter2", "!hunter2", "&hunter2 x: y", "[hunter2", "%hunter2", "'hunter2",
             "hunter2: b", "hunter2\n q: b", "{hunter2} a"]  # fmt: skip
    for text in ("p: " + one for one in texts):
        assert "hunter2" not in refused(text).message


# --- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "NaN", "[Infinity]", "1e999", '"\\ud800"', "9" * 5000, "{a: 1}",
     "[" * 100_000],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        load_json(text)


def test_json_keeps_what_it_says() -> None:
    assert load_json('\ufeff{"a": "\\ud83d\\ude00", "a": 2}') == {"a": 2}
    assert load_json(b'"\\ud83d\\ude00"') == "😀"
    with pytest.raises(Unreadable) as caught:
        load_json('{"a": 1,\n  b: 2}')
    assert (caught.value.line, caught.value.column) == (2, 3)


def test_json_comes_first_and_yaml_where_it_fails() -> None:
    assert read('{"a": "\\ud83d\\ude00", "a": 2}') == {"a": 2}
    assert read("{a: 1,}") == {"a": 1}
    assert read("a: 1") == {"a": 1}
    with pytest.raises(Unreadable, match="no JSON number"):
        read('{"a": NaN}')
    with pytest.raises(Unreadable) as caught:
        read('{"a": 1,\n "b" 2}')
    assert caught.value.line == 2


# --- marks --------------------------------------------------------------------------------------


def test_marks_tell_where_keys_and_values_stand() -> None:
    text = "a: 1\nb:\n  - x\n  - {c: [d, e]}\nf: &f\n  g: 1\nh: *f\ni: {<<: *f, j: 2}\n"
    tree, marks = load_marked(text)
    assert tree["i"] == {"g": 1, "j": 2}
    for path, key, value in [
        ((), (1, 1), (1, 1)),
        (("a",), (1, 1), (1, 4)),
        (("b", 0), (3, 5), (3, 5)),
        (("b", 1, "c"), (4, 6), (4, 9)),
        (("b", 1, "c", 1), (4, 13), (4, 13)),
        (("h",), (7, 1), (7, 4)),
        (("h", "g"), (6, 3), (6, 6)),
        (("i", "g"), (6, 3), (6, 6)),
        (("i", "j"), (8, 13), (8, 16)),
        (("b", "nothing", "there"), (2, 1), (3, 3)),
    ]:
        assert (marks.key(path), marks.value(path)) == (key, value), path


# --- the real ones ------------------------------------------------------------------------------


def same(ours: Any, text: Any) -> bool:
    """Whether a value is what PyYAML gives as text, where it reads everything as text."""
    if isinstance(ours, dict):
        return ours.keys() == text.keys() and all(same(ours[key], text[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(text) and all(map(same, ours, text))
    if ours is None or isinstance(ours, bool):
        return text.lower() in ({True: "true", False: "false"}.get(ours), "", "~", "null")
    return float(ours) == float(text) if isinstance(ours, int | float) else bool(ours == text)


def test_real_specs_are_read_as_they_are_written(specs: Path) -> None:
    files = [file for file in specs.glob("*.y*ml") if file.stat().st_size < 400_000]
    assert files
    for file in files:
        data = file.read_bytes()
        if b"<<:" not in data:  # which PyYAML then takes for a key like any other
            assert same(load(data), yaml.load(data, Loader=yaml.CBaseLoader)), file.name  # noqa: S506


def test_the_pure_python_parser_gives_the_same() -> None:
    text = "a: [1, {b: &x 'c'}]\nd: *x\ne: |\n  text\n'200': {<<: {f: 0x1F}}\n"
    assert yaml12._Builder(yaml12._PurePython(text), DEFAULT, None).run() == load(text)
