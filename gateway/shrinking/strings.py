"""`strings`: what is done with the texts at a path: HTML made readable, long ones cut.

Of several paths the one that ends nearest to a text counts, `max` and `html` each for itself:
`$: {max: 300}` is for all texts of an answer, `..body: {html: text}` for those of bodies.

HTML is made text before anything is cut: it is the answer's form, which the rest on request has
too. A cut is at a word, ends in `…` and is announced.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from gateway.config.types import TextRule
from gateway.shrinking.exact import Tree
from gateway.shrinking.html import readable
from gateway.shrinking.places import Entry, Place, compile_places, read_entries, with_texts

Change: TypeAlias = Callable[[Tree], Tree]

_MARK = "…"
_WORD = 40  # characters that may be lost so that a text ends between words; the longest words
# Marks on one letter, or parts of one emoji. Unicode's stream-safe text has at most 30 (UAX #15).
_CLUSTER = 32
_JOINER = "\u200d"


def compile_strings(
    rules: Mapping[str, TextRule],
) -> tuple[Change | None, Change | None, list[Entry[str]], list[tuple[str, str]]]:
    """Compile the entries of `strings`.

    Returns:
        What makes readable text of HTML, what cuts (each None where no entry asks for it, and
        raising ValueError where a value is nested too deeply); the paths, for checks against a
        schema; and by entry what is wrong with it.
    """
    entries, faults = read_entries((text, text) for text in rules)
    asked = [entry for entry in entries if rules[entry.index].html]
    limited = [entry for entry in entries if rules[entry.index].max is not None]
    html, too_many = compile_places(asked)
    cut, too_many_cuts = compile_places(limited)
    faults += too_many + [fault for fault in too_many_cuts if fault not in too_many]
    longest = [rules[entry.index].max or 1 for entry in limited]

    def shorter(text: str, entry: int) -> str:
        return text if len(text) <= longest[entry] else cut_text(text, longest[entry])

    return (
        None if html is None else partial(_each, html, lambda text, _: readable(text)),
        None if cut is None else partial(_each, cut, shorter),
        entries,
        faults,
    )


def _each(place: Place, change: Callable[[str, int], str], value: Tree) -> Tree:
    return with_texts(value, place, change)


def cut_text(text: str, longest: int) -> str:
    """Cut a text to a number of characters, `…` included, at a word if one ends near.

    What belongs together stays together: marks and their letter, the parts of one emoji.
    """
    if len(text) <= longest:
        return text
    end = longest - len(_MARK)
    least = max(1, end // 2, end - _WORD)
    for at in range(end, least - 1, -1):
        if text[at].isspace():
            return text[:at].rstrip() + _MARK
    return text[: unparted(text, end, 0)] + _MARK


def unparted(text: str, end: int, least: int) -> int:
    """The last place up to `end` that parts nothing; `end` itself where that would be before
    `least`, or so far away that no writing has such a letter."""
    for at in range(end, max(least, end - _CLUSTER) - 1, -1):
        if not parts(text, at):
            return at
    return end


def parts(text: str, at: int) -> bool:
    """Whether a cut before a character would part what belongs together."""
    return 0 < at < len(text) and _belongs(text, at)


def _belongs(text: str, at: int) -> bool:
    """Whether a character belongs to the one before it (most of UAX #29, without its tables)."""
    here, before = text[at], text[at - 1]
    return (
        before == _JOINER
        or here == _JOINER
        or (before == "\r" and here == "\n")
        or unicodedata.category(here) in ("Mn", "Me", "Mc")  # marks and variation selectors
        or "\U0001f3fb" <= here <= "\U0001f3ff"  # shades of skin
        or "\U000e0020" <= here <= "\U000e007f"  # tags, of the flags of regions
        or (_is_flag_half(here) and _is_flag_half(before))
    )


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
