"""Texts → words. What a spec's author wrote as `listPlayers`, `/players/{id}` and "Lists all
players." shares the word `play`: words are split at the borders of camelCase, snake_case and
kebab-case, lowered, and stemmed by a few rules that are wrong alike on both sides.
"""

from __future__ import annotations

import html
import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
# All that breaks a line for some YAML reader or steers a terminal; lone surrogates, too.
_UNPRINTED = re.compile(
    "[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]+"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_LONGEST = 20_000  # characters of one text that are looked at: descriptions may be books


def split(text: str) -> list[str]:
    """The words of a text, lowered, as they are written."""
    return [word.lower() for word in _WORD.findall(text[:_LONGEST])]


def stem(word: str) -> str:
    """A word without its ending: `queries`, `query` → `query`; `creating`, `create` → `creat`."""
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and re.search(r"(s|x|z|ch|sh)es$", word):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def stems(text: str) -> list[str]:
    """The words of a text, stemmed."""
    return [stem(word) for word in split(text)]


def one_line(text: str, longest: int = 0) -> str:
    """A foreign text for a terminal or a comment: on one line, nothing in it but what prints."""
    line = _UNPRINTED.sub(" ", text[:_LONGEST]).strip()
    return line if not longest or len(line) <= longest else line[: longest - 1].rstrip() + "…"


def prose(text: str) -> str:
    """A spec's description as plain words on one line: some are written in HTML."""
    return one_line(html.unescape(_TAG.sub(" ", text[:_LONGEST]))).replace(" .", ".")


def first_sentence(text: str) -> str:
    """The first sentence of a text that is one line."""
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
