"""The members of a container, piece by piece, are those that a parser finds at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.shrinking import members
from gateway.shrinking.exact import encode, tidy
from gateway.shrinking.members import Members, is_deep, spans
from gateway.shrinking.slices import sliced
from tests.shrinking.generated import VALUES, shrinker, text_of

LONG = 200_000  # members, or bytes of one


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "PIECE", 64)
    monkeypatch.setattr(members, "_FIRST", 8)
    monkeypatch.setattr(members, "_WIDE", 3)


def found(text: bytes) -> Any:
    """All that members say of a container: by number, and by key."""
    there = Members(text)
    numbers = range(len(there))
    parts = [json.loads(bytes(there.part(number)), parse_float=str) for number in numbers]
    if text[:1] == b"[":
        return parts
    keys = [there.key(number) for number in numbers]
    assert list(there) == keys
    assert [there[key] for key in keys] == list(numbers)
    assert [there[key] for key in reversed(keys)] == list(reversed(numbers))
    assert "not there" not in there
    return dict(zip(keys, parts, strict=True))


@pytest.mark.usefixtures("small")
@settings(deadline=None, max_examples=300)
@given(st.one_of(st.lists(VALUES, max_size=40), st.dictionaries(st.text(), VALUES, max_size=40)))
def test_members_are_those_of_the_whole(value: Any) -> None:
    text = tidy(text_of(value))
    assert found(text) == json.loads(text, parse_float=str)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "value",
    [
        ["],[", '"', "\\", '\\"', ",", "{", "}" * 100, "a," * 100, '"],["' * 50] * 3,
        [[[], [1, [2, [3, "," * 200]]], []]] * 5,
        [{"a": ["b" * 100, {"c": "}" * 90}]}, 1, None] * 9,
        {str(n): ",".join("k" * n) for n in range(60)},
        {'"' * n + "\\,": [n] * n for n in range(60)},
        {"": 1, "a": {}, "long " * 60: "x" * 300, "b\n\x01é": []},
    ],
)  # fmt: skip
def test_what_looks_like_an_end_is_none(value: Any) -> None:
    assert found(encode(value)) == value


@pytest.mark.usefixtures("small")
def test_pieces_are_whole_members_and_together_the_whole() -> None:
    text = encode([{"n": n, "text": "a, b" * (n % 7)} for n in range(300)])
    pieces = [bytes(text[span.start : span.end]) for span in spans(memoryview(text), 8, 64)]
    assert b"[" + b",".join(pieces) + b"]" == text
    assert len(pieces) > 100
    assert all(json.loads(b"[" + piece + b"]") for piece in pieces)


@pytest.mark.usefixtures("small")
def test_of_equal_keys_the_last_one_counts_wherever_they_are() -> None:
    pairs = [(f"k{n % 17}", n) for n in range(100)] + [("once", -1)]
    text = b"{" + b",".join(encode(key) + b":" + encode(value) for key, value in pairs) + b"}"
    assert found(text) == dict(pairs)


def test_of_a_long_array_only_the_beginning_is_looked_at_until_somebody_asks() -> None:
    text = b"[" + b"1," * LONG + b"1]"
    there = Members(text)
    assert there.has(10)
    assert not there.has(LONG + 1)
    assert len(there) == LONG + 1
    assert (bytes(there.part(0)), bytes(there.part(LONG))) == (b"1", b"1")
    with pytest.raises(IndexError):
        there.part(LONG + 1)


@pytest.mark.parametrize("deep", [1, 40])
def test_a_long_member_is_passed_over_in_one_go(deep: int) -> None:
    inner = b"[" * deep + b"[]," * LONG + b"[]" + b"]" * deep
    there = Members(b"[0," + inner + b",2]")
    assert [len(there.part(number)) for number in range(len(there))] == [1, len(inner), 1]
    there = Members(b'{"a":0,"b":' + inner + b',"c":2}')
    assert {key: len(there.part(number)) for key, number in there.items()} == {
        "a": 1, "b": len(inner), "c": 1,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["rows", "keys", "keys that come again"])
def test_what_is_kept_and_what_getmore_gives_are_all_there_is(kind: str) -> None:
    names = (
        range(LONG) if kind != "keys that come again" else [n * 7919 % 99_991 for n in range(LONG)]
    )
    if kind == "rows":
        whole: Any = [*names]
        text = b'{"data":' + encode(whole) + b"}"
    else:
        whole = {f"k{name}": number for number, name in enumerate(names)}
        pairs = (b'"k%d":%d' % (name, number) for number, name in enumerate(names))
        text = b'{"data":{' + b",".join(pairs) + b"}}"
    made = shrinker(budget=Budget(500)).shrink(text, sign=lambda _: "h" * 20)
    said = json.loads(made.body)
    assert said["_shrunk"]["data"] == {"kept": len(said["data"]), "total": len(whole)}
    assert said["data"] == (whole[: len(said["data"])] if kind == "rows" else said["data"])
    assert kind == "rows" or said["data"].items() <= whole.items()
    assert made.whole is None or made.whole == text
    last = json.loads(sliced(text, "data", len(whole) - 3, None, Budget(500)))
    assert last["total"] == len(whole)
    assert "next" not in last
    assert len(last.get("items") or last["members"]) == 3
    if kind != "rows":
        assert last["members"].items() <= whole.items()
        assert not last["members"].keys() & said["data"].keys()


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-32"])
def test_what_is_nested_deeply_is_known_at_a_glance(charset: str) -> None:
    def deep(levels: int) -> str:
        return '[{"a":' * levels + "1" + "}]" * levels

    for text, is_it in (
        (deep(150), True),
        (f"[{','.join([deep(13)] * 20)}]", True),
        (f"[{','.join([deep(6)] * 2_000)}]", False),
        ('["' + "[" * 500 + '"]', False),
        ("[" + ",".join(["[]"] * 500) + "]", False),
        ("", False),
    ):
        assert is_deep(text.encode(charset)) is is_it
