r"""`untrusted`: texts of third parties without the characters that nobody sees.

Taken out, below the places named, of texts and of the keys of objects:

- control characters but for tab and line ends, with the escape sequences they begin (ECMA-48):
  a terminal would obey them;
- whatever Unicode says has no appearance of its own (Default_Ignorable_Code_Point in
  DerivedCoreProperties.txt: zero-width characters, bidi controls and overrides, tags, variation
  selectors, fillers), and annotation controls: a model reads what no person sees there;
- lone surrogates, which are no characters.

Kept is such a character where a script or an emoji needs it, and only one at a time, so that no
message can be hidden in a run of them: see `_KEPT`. No visible character is ever touched, but
for those of an escape sequence. What a text says in plain words is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from gateway.shrinking.exact import Tree
from gateway.shrinking.paths import join
from gateway.shrinking.places import Entry, compile_places, read_entries, with_texts
from gateway.shrinking.replacing import replaced

Clean: TypeAlias = Callable[[Tree], tuple[Tree, dict[str, int]]]

# A sequence with parameters; a string with its end (operating system commands, such as links);
# any other. A string without an end would swallow the text: only its beginning is taken.
_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*+[0-~]"
    r"|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)

# Inclusive, as Unicode 17 has them; the last three are not of the property.
_RANGES = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF), (0xFFF9, 0xFFFB), (0xD800, 0xDFFF),
)  # fmt: skip
_INVISIBLE = "".join(f"{chr(first)}-{chr(last)}" for first, last in _RANGES)
_EMOJI = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf"
    r"\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_IDEOGRAPHS = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MATHS = r"\u2200-\u22ff\u2a00-\u2aff"
_MYANMAR = r"\u1000-\u109f"
_MONGOLIAN = r"\u1820-\u18aa"
_JAMO = r"\u1100-\u115e\u1161-\u11ff\ua960-\ua97c\ud7b0-\ud7fb"
_HEBREW_POINTS = r"\u0591-\u05c7"
# Scripts whose letters join or stack: Arabic and its kin, those of India and South-East Asia.
_JOINING = (
    r"\u0620-\u074f\u0750-\u077f\u07ca-\u07f5\u0840-\u085b\u0860-\u08ff\u0900-\u0dff\u0f00-\u109f"
    r"\u1780-\u17b3\u17b6-\u17d3\u1820-\u18aa\u1900-\u1a1f\u1a20-\u1aad\u1b00-\u1c4f\u1cd0-\u1cff"
    r"\ua800-\ua8ff\ua930-\ua9df\ua9e0-\uaa7f\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    r"\U00010a00-\U00010aff\U00010b80-\U00010baf\U00010d00-\U00010d3f\U00010f30-\U00010fff"
    r"\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_KEPT = re.compile(
    "|".join(
        [
            # The joiners between letters of such scripts; the last letter may need one, too.
            rf"(?<=[{_JOINING}])\u200c(?=[{_JOINING}])",
            rf"(?<=[{_JOINING}])\u200d",
            # The parts of one emoji, and how an emoji or a key cap is drawn.
            rf"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])",
            rf"(?<=[{_EMOJI}])[\ufe0e\ufe0f]",
            r"(?<=[#*0-9])\ufe0f(?=\u20e3)",
            # The flags of England, Scotland and Wales, which are all there are of this kind.
            *(
                rf"(?<=\U0001f3f4){''.join(chr(0xE0000 + ord(one)) for one in region)}\U000e007f"
                for region in ("gbeng", "gbsct", "gbwls")
            ),
            # The form of an ideograph, of an operator or of a letter.
            rf"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
            rf"(?<=[{_MATHS}{_MYANMAR}])\ufe00",
            rf"(?<=[{_MONGOLIAN}])[\u180b-\u180f]",
            # Letters that are left empty, and the order of points.
            rf"\u115f(?=[{_JAMO}])|(?<=[{_JAMO}])\u1160",
            rf"(?<=[{_HEBREW_POINTS}])\u034f(?=[{_HEBREW_POINTS}])",
        ]
    )
)
_HIDDEN = re.compile(rf"[{_INVISIBLE}]+")
# How those begin in UTF-8 that Python calls printable: looked for twenty times as fast.
_BEGINNINGS = sorted(
    {
        chr(code).encode()[:2]
        for first, last in _RANGES
        for code in range(first, last + 1)
        if chr(code).isprintable()
    }
)


def compile_untrusted(
    entries: Sequence[str] | Literal["all"],
) -> tuple[Clean | None, list[Entry[int]], list[tuple[int, str]]]:
    """Compile the entries of `untrusted`; `all` is the whole answer.

    Returns:
        What cleans, None where nothing is untrusted: gives the clean value and how many
        characters were taken out, by path as it is written, and raises ValueError where a value
        is nested too deeply; the paths, for checks against a schema; and by the number of an
        entry what is wrong with it.
    """
    read, faults = read_entries(enumerate(["$"] if entries == "all" else entries))
    place, too_many = compile_places(read)
    if place is None:
        return None, read, faults + too_many
    paths = [join(entry.steps) for entry in read]

    def clean(value: Tree) -> tuple[Tree, dict[str, int]]:
        removed: dict[str, int] = {}

        def change(text: str, entry: int) -> str:
            if text.isascii() and text.isprintable():  # most are
                return text
            seen = visible(text)
            if seen is not text:
                path = paths[entry]
                removed[path] = removed.get(path, 0) + len(text) - len(seen)
            return seen

        return with_texts(value, place, change, keys=True), removed

    return clean, read, faults + too_many


def visible(text: str) -> str:
    """A text without what nobody sees; itself where it has nothing of the kind."""
    if text.replace("\r\n", "").replace("\n", "").replace("\t", "").isprintable():
        if text.isascii():
            return text
        utf_8 = text.encode()
        if not any(beginning in utf_8 for beginning in _BEGINNINGS):
            return text
    # In this order: a sequence ends in visible characters, and what is hidden is told by those.
    seen = replaced(_HIDDEN, replaced(_CONTROL, text, _nothing), _kept)
    return text if seen == text else seen


def _nothing(_: re.Match[str]) -> str:
    return ""


def _kept(match: re.Match[str]) -> str:
    """What a run of hidden characters keeps, by what stands around each."""
    at, end = match.span()
    kept = ""
    while at < end:
        needed = _KEPT.match(match.string, at)
        kept += needed[0] if needed else ""
        at = needed.end() if needed else at + 1
    return kept
