"""Characters of foreign texts that nobody sees, but a model reads. Pure.

With them a spec can say one thing to the person who looks at it and another to the model: control
characters, marks that turn the direction of text around (CVE-2021-42574), what has no width, and
letters of the block Tags, which are ASCII that no font draws.
"""

from __future__ import annotations

import re

# A line may end in several ways.
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Joiners are part of how words and emoji are written; between others, and in a row, they are not.
_SEEN = r"[^\x00-\x7f\u200b-\u200f\u2060-\u206f\ufeff]"
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    f"|(?<!{_SEEN})[\u200c\u200d]|[\u200c\u200d](?!{_SEEN})"
)


def visible(text: str) -> str:
    """A text without what is not seen in it; one that has none is given back as it is."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub("", _lines(text))


def has_unseen(text: str) -> bool:
    """Whether something in a text is not seen. Ends of lines are."""
    return not (text.isascii() and text.isprintable()) and bool(_UNSEEN.search(_lines(text)))


def _lines(text: str) -> str:
    return _BREAKS.sub("\n", text)
