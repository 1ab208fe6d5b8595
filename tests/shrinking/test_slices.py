"""The rest, slice by slice."""

from __future__ import annotations

import inspect
import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.errors import BadArguments
from gateway.shrinking.announce import cuts, written
from gateway.shrinking.asked import read
from gateway.shrinking.exact import decode, encode, tidy
from gateway.shrinking.members import Members
from gateway.shrinking.paths import shown
from gateway.shrinking.slices import BeyondEnd, sliced
from gateway.shrinking.squeeze import Node, squeeze
from gateway.shrinking.tokens import fits
from tests.shrinking.generated import NO_BUDGET, PAYLOADS, VALUES, text_of

SMALL = Budget(100, 400)
BUDGETS = st.builds(Budget, st.integers(100, 400), st.integers(300, 3000))
ANSWER: dict[str, Any] = {
    "data": [
        {"id": n, "body": "hello world " * (n % 5 * 30), "user": {"name": f"n{n}"}}
        for n in range(100)
    ],
    "rates": {"EUR": {"note": "x"}, "US.D": {"note": "y"}, "CHF": {}},
    "total": 12,
    "none": [],
    "long": ["z y" * 9000],
}


def cut(
    path: str = "$", offset: int = 0, most: int | None = None, budget: Budget = SMALL, **more: Any
) -> dict[str, Any]:
    whole = more.pop("whole", encode(ANSWER))
    text = sliced(whole, path, offset, most, budget, **more)
    assert not budget or fits(text, budget)
    found: dict[str, Any] = json.loads(text)
    return found


def refused(path: str, offset: int = 0, most: int | None = None, **more: Any) -> str:
    with pytest.raises(BadArguments) as refusal:
        cut(path, offset, most, **more)
    return refusal.value.detail


def rebuilt(whole: bytes, path: str, budget: Budget) -> bytes:
    """The text at a path, of slices alone: whoever meets a row that was cut goes into it."""
    out: list[bytes] = []
    text, offset, kind = "", 0, "items"
    while True:
        piece = sliced(whole, path, offset, None, budget)
        assert fits(piece, budget)
        found = decode(piece)
        if "value" in found:
            return encode(found["value"])
        found |= {
            name: int(str_of(found[name])) for name in ("offset", "total", "next") if name in found
        }
        (kind,) = found.keys() & {"items", "members", "text"}
        assert found["offset"] == offset
        end = found.get("next", found["total"])
        assert end > offset or found["total"] == 0
        if kind == "text":
            text += found["text"]
        elif "_shrunk" in found:
            assert end == offset + 1, "only one row that is alone is ever cut"
            out.append(_cut_row(whole, path, offset, kind, found, budget))
        elif kind == "items":
            out += map(encode, found["items"])
        else:
            out += [encode(key) + b":" + encode(value) for key, value in found["members"].items()]
        if "next" not in found:
            break
        offset = end
    if kind == "text":
        return encode(text) if Node(_at(whole, path)).kind == ord('"') else text.encode()
    opening, closing = (b"[", b"]") if kind == "items" else (b"{", b"}")
    return opening + b",".join(out) + closing


def str_of(number: Any) -> str:
    """A number of a tree whose numbers may keep their text."""
    return encode(number).decode()


def _cut_row(whole: bytes, path: str, offset: int, kind: str, found: Any, budget: Budget) -> bytes:
    if kind == "items":
        return rebuilt(whole, f"{'' if path == '$' else path}[{offset}]", budget)
    # A key that is not there was too long; the ones here have at most six characters.
    (key,) = found["members"] or [list(decode(_at(whole, path)))[offset]]
    way = shown(key) if path == "$" else f"{path}.{shown(key)}"
    return encode(key) + b":" + rebuilt(whole, way, budget)


def _at(whole: bytes, path: str) -> bytes:
    value = decode(whole)
    for step in read(path):
        value = value[step]
    return encode(value)


# --- rebuilding -------------------------------------------------------------------------------


@settings(max_examples=80)
@given(VALUES, BUDGETS)
def test_slices_put_together_are_the_whole_exactly(value: Any, budget: Budget) -> None:
    whole = tidy(text_of({"data": value}))
    assert rebuilt(whole, "$", budget) == whole


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=4000), BUDGETS)
def test_a_text_is_rebuilt_whatever_its_characters(text: str, budget: Budget) -> None:
    whole = encode({"text": text})
    assert rebuilt(whole, "text", budget) == encode(text)


@pytest.mark.parametrize("number", ["9" * 5000, "1." + "25" * 900, "-0", "1e400", "12.50"])
def test_numbers_keep_their_text_and_long_ones_come_in_pieces(number: str) -> None:
    whole = b'{"n":[' + number.encode() + b"]}"
    assert rebuilt(whole, "$", SMALL) == whole


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_real_answers_are_rebuilt(path: Any) -> None:
    whole = tidy(path.read_bytes())
    if len(whole) > 400_000:
        pytest.skip("takes long and shows no more than a smaller one")
    if whole[:1] != b"{":
        whole = b'{"items":' + whole + b"}"
    assert rebuilt(whole, "$", Budget(2000)) == whole


@settings(max_examples=60)
@given(st.lists(st.text(max_size=3), min_size=1, max_size=40), BUDGETS)
def test_parts_of_rows_stand_at_their_rows(texts: list[str], budget: Budget) -> None:
    rows: list[dict[str, Any]] = [{"a": {"b": text}} if text else {"a": {}} for text in texts]
    assume(any(texts))
    whole, found, offset = encode({"data": rows}), [], 0
    while True:
        piece = cut("data[].a.b", offset, budget=budget, whole=whole)
        found += piece["items"]
        if "next" not in piece:
            break
        offset = piece["next"]
    assert found == [text or None for text in texts]


# --- how full ---------------------------------------------------------------------------------


# So many values at once that some draws outgrow what is drawn from.
@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(VALUES, min_size=2, max_size=60), BUDGETS)
def test_one_row_more_would_not_fit(rows: list[Any], budget: Budget) -> None:
    whole = tidy(text_of({"data": rows}))
    found = decode(sliced(whole, "data", 0, None, budget))
    number = found.get("next", found["total"])
    if "_shrunk" not in found and number < len(rows):
        more = sliced(whole, "data", 0, number + 1, NO_BUDGET)
        assert not fits(more, budget)


@pytest.mark.parametrize("budget", [Budget(100), Budget(2000), Budget(8000), Budget(25_000)])
def test_a_long_text_fills_the_budget(budget: Budget) -> None:
    words = " ".join(f"word{n * 7919 % 1000}" for n in range(40_000))
    whole = encode({"text": words})
    first = cut("text", budget=budget, whole=whole)
    assert first["text"].endswith(" ")
    longer = sliced(whole, "text", 0, first["next"] + 40, NO_BUDGET)
    assert not fits(longer, budget)


def test_a_text_ends_between_words_only_where_the_budget_ends_it() -> None:
    assert cut("data[1].body", 0, 8)["text"] == "hello wo"


@pytest.mark.parametrize("letter", ["e" + "\u0301" * 6, "👨\u200d👩\u200d👧\u200d👦", "\r\n"])
def test_no_letter_is_parted(letter: str) -> None:
    whole = encode({"text": letter * 900})
    for budget in (Budget(n) for n in range(100, 130)):
        text = cut("text", budget=budget, whole=whole)["text"]
        assert text
        assert not text.replace(letter, "")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_cut_between_rows_and_never_in_quotes(end: str) -> None:
    rows = [f'{n},"says ""{n}"",{end}and goes on","b{n}"{end}' for n in range(300)]
    whole, offset, seen = encode({"text": "".join(rows)}), 0, ""
    while True:
        piece = cut("text", offset, whole=whole, rows=True)
        seen += piece["text"]
        assert seen == "".join(rows[: seen.count(',"b')])
        if "next" not in piece:
            break
        offset = piece["next"]
    assert seen == "".join(rows)
    # From the middle of a row on, too; what a caller counts is not moved.
    begun = cut("text", 7, whole=whole, rows=True)
    assert seen[: begun["next"]] in {"".join(rows[:n]) for n in range(300)}
    assert cut("text", 0, 9, whole=whole, rows=True)["next"] == 9


def test_a_row_of_csv_that_is_too_much_is_cut_as_any_text() -> None:
    for text in ('1,"' + "word " * 900 + '"\n2,b\n', '"' + "never closed\n" * 900):
        whole = encode({"text": text})
        found = cut("text", whole=whole, rows=True)
        assert found == cut("text", whole=whole)
        assert found["next"] < len(text)


def test_without_a_budget_a_slice_is_as_long_as_was_asked_for() -> None:
    assert cut("data", 1, budget=NO_BUDGET)["items"] == ANSWER["data"][1:]
    assert len(cut("data", 1, 5, NO_BUDGET)["items"]) == 5


# --- places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "offset", "most", "answer"),
    [
        ("none", 0, 3, {"offset": 0, "total": 0, "items": []}),
        ("data", 5, 1, {"offset": 5, "total": 100, "next": 6, "items": [ANSWER["data"][5]]}),
        ("data[5]", 0, 1, {"offset": 0, "total": 3, "next": 1, "members": {"id": 5}}),
        ("data[99].user", 0, None, {"offset": 0, "total": 1, "members": {"name": "n99"}}),
        ("data[5].user.name", 1, None, {"offset": 1, "total": 2, "text": "5"}),
        ("total", 0, None, {"value": 12}),
        ("none", 0, None, {"offset": 0, "total": 0, "items": []}),
        ("data[5].body", 0, None, {"offset": 0, "total": 0, "text": ""}),
        ("rates.CHF", 0, None, {"offset": 0, "total": 0, "members": {}}),
        ("data[].user.name", 98, None, {"offset": 98, "total": 100, "items": ["n98", "n99"]}),
        ("data[].user.nick", 0, 1, None),
        ("rates.*.note", 0, None, {"offset": 0, "total": 3, "members": {"EUR": "x", "US.D": "y"}}),
        ('rates."US.D"', 0, None, {"offset": 0, "total": 1, "members": {"note": "y"}}),
        ("rates.**", 0, 1, {"offset": 0, "total": 3, "next": 1, "members": {"EUR": {"note": "x"}}}),
        ("$", 2, 1, {"offset": 2, "total": 5, "next": 3, "members": {"total": 12}}),
    ],
)  # fmt: skip
def test_what_is_at_a_path(
    path: str, offset: int, most: int | None, answer: dict[str, Any] | None
) -> None:
    if answer is None:
        assert "'data[].user.nick' is not in this answer" in refused(path, offset, most)
    else:
        assert cut(path, offset, most) == answer


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("", "$"), (" data ", "data"), ("$.data", "data"), ("data (rows)", "data"),
        ("data[*].id", "data[].id"), ("data.id", "data[].id"), ("data.3.id", "data[3].id"),
        ("rates['US.D']", 'rates."US.D"'), ('$["rates"]', "rates"), ("data[]", "data"),
        ("rates.*", "rates"), ("data[].**", "data"), ("data[5].body (characters)", "data[5].body"),
    ],
)  # fmt: skip
def test_paths_are_read_leniently(written: str, means: str) -> None:
    assert cut(written, 0, 2) == cut(means, 0, 2)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("dat", "'dat' is not in this answer; did you mean 'data'?"),
        ("xyz", "'xyz' is not in this answer; there: data, rates, total, none, long"),
        ("data[3].bdy", "did you mean 'data[3].body'?"),
        ("data[].bdy", "did you mean 'data[].body'?"),
        ("data[100]", "there is no data[100]: 'data' has 100 rows, counted from 0"),
        ("total.x", "'total' is a number, with nothing below it"),
        ("data[1].body.x", "'data[1].body' is a text, with nothing below it"),
        ("rates[].note", "'rates' is an object: name a key, or * for every one; there: EUR"),
        ("rates.CHF.x", "it is empty"),
        (
            "data[].user.nam",
            "'data[].user.nam' is not in this answer; did you mean 'data[].user.name'?",
        ),
        ("rates.*.nots", "did you mean 'rates.*.note'?"),
        ("data[x]", "cannot be read at '[x]'"),
        ("data.", "cannot be read at its end"),
        ("data..id", "cannot be read at '.id'"),
        ("data[-1]", "cannot be read at '[-1]'"),
        ('"da', "cannot be read at"),
        ('"\\x"', "a quoted key takes JSON's escapes"),
        (".a" * 40, "cannot be read"),
        ("a" + ".a" * 70, "more than 64 steps"),
    ],
)
def test_a_wrong_path_is_told_what_is_there(path: str, said: str) -> None:
    assert said in refused(path)


@given(st.text(max_size=60) | st.text('$.[]*"\\0 ad()', max_size=20))
def test_any_path_is_answered_or_refused(path: str) -> None:
    with suppress(BadArguments):
        cut(path)


def test_offsets_and_counts_that_are_none() -> None:
    for offset, most in ((-1, None), (0, 0), (0, -5)):
        assert "'offset' counts from 0, and 'count' is at least 1" in refused("data", offset, most)


def test_an_offset_beyond_the_end() -> None:
    said = "'offset' is beyond the end: 'data' has 100 rows"
    below = "; ask from an offset below 100 on"
    assert refused("data", 101) == refused("data", 10**30) == said + below
    assert refused("data", 100, hard=["data"]) == said + "; this plugin gives no more of it"
    assert refused("data[1].body", 361) == (
        "'offset' is beyond the end: 'data[1].body' has 360 characters; "
        "ask from an offset below 360 on"
    )
    hard = refused("data[1].user", 1, hard=["data.user"])
    assert hard.endswith("has 1 keys; this plugin gives no more of it")
    assert "beyond the end" in refused("total", 3)
    assert refused("none", 1) == (
        "'offset' is beyond the end: 'none' has 0 rows; there is nothing to ask for"
    )
    assert refused("$", 386) == (
        "'offset' is beyond the end: '$' has 5 keys; if you mean a part of it, give its path; "
        "there: data, rates, total, none, long"
    )


@pytest.mark.parametrize(
    ("path", "kind"), [("data", "items"), ("rates", "members"), ("data[1].body", "text")]
)
def test_at_the_very_end_there_is_nothing_and_no_next(path: str, kind: str) -> None:
    end = cut(path, 0, 1)["total"]
    found = cut(path, end)
    assert found.keys() == {"offset", "total", kind}
    assert not found[kind]


def test_an_array_that_goes_on_has_a_next_at_its_end() -> None:
    assert cut("data", 99, goes_on="data", budget=NO_BUDGET)["next"] == 100
    assert cut("data[].id", 99, goes_on="data")["next"] == 100
    assert "next" not in cut("rates", goes_on="data")
    for path, offset, whole, goes_on in (
        ("data", 100, encode(ANSWER), True),
        ("data", 0, b'{"data":[]}', True),
        ("rates", 4, encode(ANSWER), False),
    ):
        with pytest.raises(BeyondEnd) as end:
            sliced(whole, path, offset, None, SMALL, goes_on="data")
        assert end.value.goes_on is goes_on


# --- rows that are too much -------------------------------------------------------------------


def test_a_row_that_is_too_much_is_cut_and_says_where_its_rest_is() -> None:
    found = cut("data", 4)
    assert (found["offset"], found["next"]) == (4, 5)
    (row,) = found["items"]
    assert found["_shrunk"] == {"data[4].body": {"kept": len(row["body"]) - 1, "total": 1440}}
    rest = cut("data[4].body", len(row["body"]) - 1)
    assert ("hello world " * 120).startswith(row["body"][:-1] + rest["text"])


def test_so_is_a_part_of_a_row() -> None:
    assert cut("data[].body", 4)["_shrunk"].keys() == {"data[4].body"}


def test_a_name_that_the_announcement_uses_itself_is_a_path_below_a_row() -> None:
    whole = encode({"data": [{"more": "x " * 2000}]})
    assert cut("data", whole=whole)["_shrunk"].keys() == {"data[0].more"}


def test_a_key_that_is_too_long_is_passed_over_and_counted() -> None:
    whole = encode({"data": {"a": 1, "k" * 3000: "x", "b": 2}})
    assert cut("data", 1, whole=whole) == {
        "_shrunk": {"*": {"kept": 0, "total": 1}},
        "offset": 1,
        "total": 3,
        "next": 2,
        "members": {},
    }
    assert cut("data", 2, whole=whole)["members"] == {"b": 2}


@settings(max_examples=80)
@given(VALUES, st.integers(150, 1500))
def test_every_path_of_an_announcement_can_be_asked_for(value: Any, room: int) -> None:
    """What an announcement names is a path, word for word."""
    whole = tidy(text_of({"data": value}))
    sent = squeeze(Node(whole), room)
    assert sent is not None
    for path, _ in cuts(Node(whole), Node(sent)):
        cut(written(path), whole=whole)


# --- what is hostile --------------------------------------------------------------------------


def test_a_million_items_and_a_string_of_ten_megabytes() -> None:
    whole = b'{"n":[' + b",".join(b"%d" % n for n in range(10**6)) + b"]}"
    found = cut("n", 999_000, budget=Budget(8000), whole=whole)
    assert found["items"] == list(range(999_000, 999_000 + len(found["items"])))
    assert "items" in cut("n", 0, 1, whole=whole)
    text = encode({"text": "ä\U0001f600 b\\" * 10**6})
    assert cut("text", 3_999_000, budget=Budget(8000), whole=text)["text"].startswith("ä\U0001f600")
    assert "_shrunk" in cut("$", whole=text)


def test_a_part_that_hardly_any_row_has_is_not_looked_for_without_end() -> None:
    rows = {f"k{n}": {"a": 1} if n == 25_000 else {"b": 1} for n in range(30_000)}
    whole, found, offset, slices = encode({"m": rows, "d": list(rows.values())}), {}, 0, 0
    while slices < 10:
        piece = cut("m.*.a", offset, whole=whole)
        found |= piece["members"]
        slices += 1
        if "next" not in piece:
            break
        offset = piece["next"]
    assert (found, slices) == ({"k25000": 1}, 3)
    assert set(cut("d[].a", 0, whole=whole)["items"]) == {None}


def test_a_wrong_key_of_very_many_is_not_compared_with_each() -> None:
    whole = encode({"m": {f"key number {n}": n for n in range(300_000)}})
    assert "did you mean" in refused("m.key number x", whole=whole)
    assert "; there: " in refused("m.zzz", whole=whole)


@pytest.mark.parametrize("path", ["x" + " " * 300_000 + "y", "[" * 300_000, '"' + "\\\\" * 300_000])
def test_a_long_path_is_read_once(path: str) -> None:
    refused(path)


def test_depth_is_no_stack() -> None:
    whole = b'{"a":' * 300 + b"1" + b"}" * 300
    assert cut(".".join("a" * 60), whole=whole)["total"] == 1
    assert cut("a." * 60 + "**", whole=whole)["total"] == 1


def pairs(depth: int) -> str:
    return "1" if not depth else f"[{pairs(depth - 1)},{pairs(depth - 1)}]"


def test_parts_are_looked_for_with_so_much_work_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []
    there = Members.__init__

    def counted(self: Members, container: bytes) -> None:
        opened.append(len(container))
        there(self, container)

    monkeypatch.setattr(Members, "__init__", counted)
    for depth in (15, 17):
        opened.clear()
        row = f'{{"items":[{pairs(depth)}]}}'.encode()
        assert "too much to look through" in refused("items.a", whole=row)
        assert len(opened) < 21_000
    opened.clear()
    rows = f'{{"items":[{",".join([pairs(10)] * 100)}]}}'.encode()
    found = cut("items.a", whole=rows, budget=Budget(10**6))
    assert 10 < found["next"] < 30
    assert len(found["items"]) == found["next"]
    assert cut("items.a", found["next"], whole=rows, budget=NO_BUDGET)["next"] > found["next"]
    assert len(opened) < 60_000


def test_arrays_in_arrays_are_looked_through_so_deep_and_no_deeper() -> None:
    for depth in (1, 60):
        whole = b'{"d":[' + b"[" * depth + b'{"a":7}' + b"]" * depth + b"]}"
        assert f"{cut('d.a', whole=whole, budget=Budget(500))['items']}".strip("[]") == "7"
    for depth in (66, 100, 250, 300):
        whole = b'{"d":[' + b"[" * depth + b'{"a":7}' + b"]" * depth + b"]}"
        assert "too deep to be looked through" in refused("d.a", whole=whole)
        assert "too deep to be looked through" in refused("*.a", whole=whole)


@pytest.mark.parametrize("frames", [600, 800, 900, 950])
def test_however_little_room_is_left_for_depth_it_is_answered_or_refused(frames: int) -> None:
    whole = b'{"d":' + b"[" * 300 + b'{"a":1}' + b"]" * 300 + b"}"

    def below(left: int) -> None:
        if left:
            below(left - 1)
            return
        with suppress(BadArguments):
            sliced(whole, "d", 0, None, Budget(100))

    below(frames - len(inspect.stack(0)))


def test_digits_are_a_key_where_there_is_such_a_key() -> None:
    rows = [{"3": {"x": 1}}, [0, 0, 0, {"x": 2}], [{"3": {"x": 4}}]]
    whole = encode({"items": rows, "pairs": [[1, 2], [3, 4]]})
    assert cut("items[].3.x", whole=whole)["items"] == [1, [], [4]]
    assert cut("items[][3].x", whole=whole)["items"] == [1, 2, None]
    assert cut("pairs[].1", whole=whole)["items"] == [2, 4]


def test_a_slice_is_the_same_every_time() -> None:
    texts = {sliced(encode(ANSWER), "data", 0, None, Budget(1000)) for _ in range(3)}
    assert len(texts) == 1
    assert msgspec.json.decode(texts.pop())["offset"] == 0
