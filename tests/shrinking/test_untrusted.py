"""`untrusted`: what nobody sees is taken out, what anybody writes stays."""

# ruff: noqa: RUF001 # the scripts of the world look alike here and there
from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.paths import join
from gateway.shrinking.untrusted import compile_untrusted, visible
from tests.shrinking.generated import VALUES

# Ordinary texts, each with what a careless cleaning would break.
ORDINARY = {
    "ascii": "Total: 5 < 6 & done\n\tnext\r\nline",
    "german": "Straße, Übergrößenträger",
    "vietnamese, decomposed": "Tie\u0302\u0301ng Vie\u0323\u0302t",
    "zalgo": "Z\u0310\u0342\u0353a\u0315\u0349l\u0334g\u0329o",
    "persian": "می\u200cخواهم کتاب\u200cها را",
    "arabic letter alone": "ه\u200d.",
    "urdu": "\u06c1\u06d2\u06d4 کیا",
    "hebrew with points": "בְּרֵאשִׁ֖ית",
    "hebrew, order of points": "יְרוּשָׁלַ\u05b4\u034f\u05b7ם",
    "hindi": "क्\u200dष और क्\u200cष",
    "bengali": "র\u200d্যাব",
    "sinhala": "ශ්\u200dරී ලංකා",
    "malayalam": "ന്\u200d അവന്\u200d",
    "kannada": "ರ\u200d್ಯಾಂಕ್\u200cಗಳು",
    "khmer": "ភាសាខ្មែរ",
    "thai": "ภาษาไทยไม่มีช่องว่าง",
    "myanmar": "\u1000\ufe00 မြန်မာ",
    "mongolian": "ᠮᠣᠩᠭᠣᠯ ᠪᠠᠢᠨ\u180eᠠ ᠬ\u180bᠡ",
    "japanese with an ideograph's form": "葛\U000e0100飾区、辻\ufe00さん",
    "chinese": "中文，繁體字",
    "korean": "한국어",
    "old korean": "\u1112\u119e\u11ab \u115f\u1161 \u1100\u1160",
    "emoji family": "👨\u200d👩\u200d👧\u200d👦",
    "emoji with shade": "👩🏽\u200d🚀 👍🏿",
    "emoji of two": "❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 🧔\u200d♂\ufe0f 👁\ufe0f\u200d🗨\ufe0f",
    "text form": "☎\ufe0e ©\ufe0f ↔\ufe0f",
    "key caps": "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "flags": "🇩🇪🇺🇦 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "maths": "∩\ufe00 ∑ x² ≤ ∞",
    "private and unassigned": "\ue000\uf8ff \u0378",
    "spaces": "a\u00a0b\u3000c\u2009d\u2028e\u2029f",
    "braille": "⠓⠑⠇⠇⠕⠀⠺",
    "ethiopic, cherokee, tibetan": "አማርኛ ᏣᎳᎩ བོད་སྐད",
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_text_of_any_script_stays(text: str) -> None:
    assert visible(text) is text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\x00b\x07c\x08\x0b\x0c\x1f\x7f", "abc"),
        ("a\x80b\x85c\x9f", "abc"),
        ("over\rwritten\r\nline\r\r\nend\r", "overwritten\r\nline\r\nend"),
        ("\x1b[31mred\x1b[0m \x1b[38;5;196mx\x1b[2K\x1b[1;1H", "red x"),
        ("\x1b[?25lhide\x1b[ q\x9b1mc1", "hidec1"),
        ("\x1b]0;title\x07a \x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\ b", "a link b"),
        ("\x1bPq#0\x1b\\a\x1b_apc\x9cb\x9d0;t\x07c", "abc"),
        ("a\x1b]0;no end of it", "a0;no end of it"),
        ("\x1bca\x1b(Bb\x1b7c\x1b", "abc"),
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("\x1b[3\u200b1mx", "31mx"),
        ("i\u200bg\u200cn\u200do\u2060r\ufeffe\u00ad", "ignore"),
        ("\u202etxt.exe\u202c \u2066x\u2069 \u200ea\u200fb\u061c", "txt.exe x ab"),
        ("hi\U000e0001\U000e0049\U000e0067\U000e006e\U000e007f", "hi"),
        ("🏴\U000e0075\U000e0073\U000e0063\U000e0061\U000e007f", "🏴"),
        ("\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007fx", "x"),
        ("😀\ufe0f\ufe0e\ufe01\U000e0110\U000e01ef!", "😀\ufe0f!"),
        ("a\ufe0fb\U000e0100c", "abc"),
        ("葛\U000e0100\U000e0101\U000e0102", "葛\U000e0100"),
        ("1\ufe0f2", "12"),
        ("می\u200c\u200c\u200dخواهم", "میخواهم"),
        ("می\u200c خواهم\u200c", "می خواهم"),
        ("क\u200d\u200d\u200dष", "क\u200dष"),
        ("Auf\u200clage x\u200dy", "Auflage xy"),
        ("😀\u200dx x\u200d😀 😀\u200d\u200b😀", "😀x x😀 😀😀"),
        ("x\ufe0f\u200d😀", "x😀"),
        ("\u3164\uffa0\u115f\u1160\u034f\u17b4\u17b5\u180e", ""),
        ("\u2061\u2064\u2065\u206a\u206f\ufff9a\ufffa\ufffb", "a"),
        ("\ud800a\udfff", "a"),
    ],
)
def test_what_nobody_sees_is_taken_out(text: str, seen: str) -> None:
    assert visible(text) == seen
    assert visible(seen) is seen


NAUGHTY = st.text(
    st.one_of(
        st.sampled_from("ab1[;m]\\PX^_#\x1b\x9b\x9d\x07\x9c\r\n\t\u200b\u200c\u200d\ufe0e\ufe0f"),
        st.sampled_from(
            "\U000e0067\U000e007f\U000e0100🏴😀🏽❤कष्میخ葛\u034f\u05b4\u1160\u1161\u180b\u1820"
        ),
        st.characters(),
    ),
    max_size=40,
)


@given(NAUGHTY)
def test_a_second_time_changes_nothing(text: str) -> None:
    seen = visible(text)
    assert visible(seen) is seen


@given(NAUGHTY)
def test_letters_stay_and_no_control_does(text: str) -> None:
    seen = visible(text)
    assert not {one for one in seen if unicodedata.category(one) in ("Cc", "Cs")} - set("\r\n\t")
    assert "\r" not in seen.replace("\r\n", "")
    rest = iter(text)
    assert all(one in rest for one in seen)  # in order, and nothing new
    if not any(unicodedata.category(one) == "Cc" for one in text):
        letters = [one for one in text if unicodedata.category(one)[0] in "LNPSZ"]
        kept = [one for one in seen if unicodedata.category(one)[0] in "LNPSZ"]
        fillers = set("\u115f\u1160\u3164\uffa0")
        assert [one for one in letters if one not in fillers] == [
            one for one in kept if one not in fillers
        ]


@given(NAUGHTY)
def test_no_message_fits_between_two_characters_that_are_seen(text: str) -> None:
    unseen = 0
    for one in visible(text):
        unseen = unseen + 1 if "\u200b" <= one <= "\u200f" or "\ufe00" <= one <= "\ufe0f" else 0
        assert unseen <= 2  # the form of an emoji, and what joins it to the next


def test_every_character_alone_is_seen_or_gone() -> None:
    alone = [chr(code) for code in range(0x110000) if chr(code) not in "\r\n"]
    seen = visible("\n".join(alone)).split("\n")
    gone = [one for one, left in zip(alone, seen, strict=True) if left != one]
    assert not any(left for one, left in zip(alone, seen, strict=True) if left != one)
    # C0 but for tab and line ends, DEL and C1; ignorable; annotation; surrogates
    assert len(gone) == 29 + 33 + 4174 + 3 + 2048


# --- places -----------------------------------------------------------------------------------


def cleaned(value: Any, entries: Any) -> tuple[Any, dict[str, int]]:
    clean, _, faults = compile_untrusted(entries)
    assert clean
    assert not faults
    return clean(value)


HIDDEN = {"id": "a\u200bb", "body": ["x\x00", {"no\u200bte": "y\u202e\u202c"}], "n": 1}


def test_what_was_taken_out_is_counted_by_path() -> None:
    body = ["x", {"note": "y"}]
    assert cleaned(HIDDEN, ["body"]) == ({**HIDDEN, "body": body}, {"body": 4})
    assert cleaned(HIDDEN, "all") == ({"id": "ab", "body": body, "n": 1}, {"$": 5})
    assert cleaned(HIDDEN, ["$.body", "..id"]) == (
        {"id": "ab", "body": body, "n": 1},
        {"body": 4, "..id": 1},
    )
    assert cleaned(HIDDEN, ["n", "other"]) == (HIDDEN, {})
    assert cleaned("a\x00", "all") == ("a", {"$": 1})


def test_keys_that_are_the_same_afterwards_are_numbered() -> None:
    rows = [{"a\u200b": 1, "a": 2, "\u200ba": 3}, {"a": 4}, {"a\u200b": 5}]
    assert cleaned(rows, "all") == ([{"a2": 1, "a": 2, "a3": 3}, {"a": 4}, {"a": 5}], {"$": 3})


@given(VALUES)
def test_any_answer_is_clean_after_one_time(value: Any) -> None:
    once, removed = cleaned(value, "all")
    assert cleaned(once, "all")[0] is once
    assert (once is value) is (not removed)


def test_nothing_untrusted_is_nothing_to_do_and_a_wrong_path_is_told() -> None:
    assert compile_untrusted([]) == (None, [], [])
    clean, entries, faults = compile_untrusted(["a.", "..b"])
    assert clean is not None
    assert [(entry.index, join(entry.steps)) for entry in entries] == [(1, "..b")]
    assert faults == [(0, "'a.', character 3: expected a key; the text ends")]


@pytest.mark.parametrize(
    "one", ["\x1b", "\x1b]", "\x1b[", "\u200d", "😀\u200d", "\ufe0f", "क\u200d", "\r"]
)
def test_a_long_run_of_anything_is_no_trouble(one: str) -> None:
    seen = visible(one * 200_000)
    assert visible(seen) is seen
