"""Shorten a text at a sentence. For the spec's own words, never for the operator's."""

from __future__ import annotations

import re

# What plugin platforms accept of an operation's or a parameter's description.
LONGEST = 200

# A sentence ends at its mark before a space or the end of a line, at an ideographic mark, or at
# an empty line; `e.g.`, `i.e.`, `vs.` and initials do not end one.
_ENDS = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\b[A-Z])[.!?][\"')\]]*(?=\s)|[。！？]|\s*\n\s*(?=\n)"  # noqa: RUF001
)


def shorten(text: str, longest: int = LONGEST) -> str:
    """Cut a text after its last whole sentence that fits, else after a word, with an ellipsis."""
    text = text.strip()
    if len(text) <= longest:
        return text
    # One character more is looked at, so that a sentence may end exactly at the bound.
    ends = [end.end() for end in _ENDS.finditer(text[: longest + 1]) if end.end() <= longest]
    if ends and (whole := text[: ends[-1]].rstrip()):
        return whole
    head, space, _ = text[:longest].rpartition(" ")
    return (head.rstrip(" ,;:.-") if space and head.strip() else text[: longest - 1]) + "…"
