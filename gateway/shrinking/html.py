"""HTML as text that reads well: blocks are lines, items begin with `- `, cells stand beside `|`.

One pass over the tags, without a tree: HTML from upstreams is hostile, and a parser that builds
the tree of the standard is quadratic in the depth of unclosed tags (selectolax on lexbor: 1.2 s
for 160 KB of `<div>`) and needs twenty times the memory of the text. What a tag ends at, what a
comment is and which texts are no text is as in the HTML standard, section 13.2.5.

Gone are scripts, styles, templates, drawings, comments, images and whatever else shows nothing;
links keep their text; white space is one blank, but in `pre`. What is no tag of HTML is text, as
`List<int>` and `<ada@example.com>`. A text without any tag is no HTML: only its character
references are resolved, and its lines stay. References count with their `;` alone, since
addresses hold `&copy=1`.
"""

from __future__ import annotations

import html
import re
from html.entities import html5
from io import StringIO

from gateway.shrinking.replacing import one_blank, replaced

_START = re.compile(
    r"<(?:!--|[!?](?=[A-Za-z\[])|/?([A-Za-z][A-Za-z0-9]*+(?:[:-][A-Za-z0-9-]++)?)(?=[\s/>]|\Z))"
)
# To the `>` that ends a tag: not one inside of a value in quotes, which only follow a `=`.
_END = re.compile(r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')|=)*+>""")
_COMMENT_END = re.compile(r"--!?>")
_REFERENCE = re.compile(
    r"&(?:#0{0,20}[0-9]{1,7}|#[xX]0{0,20}[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LISTS = _names("ul ol menu dir")
_LINES = _LISTS | _names(
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html "
    "legend li main nav noframes optgroup option p pre search section select summary table tbody "
    "textarea tfoot thead title tr"
)
_CELLS = _names("td th")
# Their content is no text of the page. Where one of the first is not closed, all of the rest is
# its content; an unclosed one of the others hides nothing.
_RAW = _names("script style xmp noembed")
_HIDDEN = _RAW | _names("audio canvas iframe noscript object svg template video")
_INLINE = _names(
    "a abbr acronym applet area b base basefont bdi bdo big blink button cite code col colgroup "
    "data datalist del dfn em embed font frame i img input ins kbd label link map mark marquee "
    "math meta meter nobr output param picture plaintext portal progress q rb rp rt rtc ruby s "
    "samp slot small source span strike strong sub sup time track tt u var wbr "
    "annotation mfrac mi mn mo mover mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable "
    "mtd mtext mtr munder munderover semantics"
)
_KNOWN = _LINES | _CELLS | _HIDDEN | _INLINE
_CLOSES = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _HIDDEN}
_DEEPEST = 2  # levels of lists that are indented; more would make short items longer than they were


def readable(text: str) -> str:
    """The text that a piece of HTML shows; the text itself, if it holds neither tag nor reference.

    Linear in its size whatever it holds, and never an error.
    """
    if "<" not in text:
        return _resolved(text) if "&" in text else text
    page = _Page()
    at = done = 0
    quotes = True  # whether the quotes of the rest are in order
    unclosed: set[str] = set()  # what nothing further on closes
    while start := _START.search(text, at):
        at = start.end()
        closes = text[start.start() + 1] == "/"
        name = (start[1] or "").lower()
        if name and name not in _KNOWN and not _is_own(name, closes, text[at : at + 1]):
            continue
        if start.start() > done:
            page.text(text[done : start.start()])
        if text.startswith("<!--", start.start()):
            end = _comment_end(text, at)
        else:
            match = _END.match(text, at) if quotes else None
            quotes = quotes and match is not None
            end = match.end() if match else text.find(">", at) + 1
        at = end or len(text)  # what is not closed has no end
        if name in _HIDDEN and not closes and name not in unclosed:
            if name in _RAW or text[at - 2] != "/":
                close = _CLOSES[name].search(text, at)
                if close:
                    at = close.start()
                elif name in _RAW:
                    at = len(text)
                else:
                    unclosed.add(name)
        elif name in _LINES or name in _CELLS:
            page.tag(name, closes=closes)
        done = at
    if not done:
        return _resolved(text)
    if done < len(text):
        page.text(text[done:])
    return page.written()


def _is_own(name: str, closes: bool, more: str) -> bool:
    """Whether a name that HTML does not know is a tag: `o:p`, and an element of a page's own,
    but not `<user-id>`."""
    return ":" in name or ("-" in name and (closes or more.isspace()))


def _comment_end(text: str, at: int) -> int:
    """Where a comment ends; 0 where it does not."""
    if text.startswith((">", "->"), at):
        return text.index(">", at) + 1
    match = _COMMENT_END.search(text, at)
    return match.end() if match else 0


def _resolved(text: str) -> str:
    """The text with its character references resolved."""
    return replaced(_REFERENCE, text, _character) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    reference = match[0]
    if reference[1] == "#":
        return html.unescape(reference)  # knows which numbers are no characters
    return html5.get(reference[1:], reference)


class _Page:
    """Text with its lines, written as it comes."""

    __slots__ = ("_blank", "_cells", "_fresh", "_gaps", "_lead", "_line", "_lists", "_out",
                 "_pre", "_row", "_skipped", "_started")  # fmt: skip

    def __init__(self) -> None:
        self._out = StringIO()
        self._started = False  # whether anything is written
        self._line = False  # whether a new line begins before what comes next
        self._blank = False  # or a blank stands there
        self._lead = ""  # what the line begins with
        self._fresh = False  # in an item or cell that holds nothing yet, a block begins no line
        self._lists = 0  # that are open
        self._pre = 0
        self._skipped = 0  # line ends of a `pre` that count if more follows
        self._row = False  # whether the row of a table holds something
        self._cells = 0  # of the row
        self._gaps = 0  # cells since the last text

    def text(self, text: str) -> None:
        """Write what stands between two tags."""
        if "&" in text:
            text = _resolved(text)
        if self._pre:
            self._verbatim(text.replace("\r\n", "\n"))
            return
        words = one_blank(text)
        if not words:
            self._blank = True
            return
        self._before(blank=self._blank or text[0].isspace())
        self._out.write(words)
        self._blank = text[-1].isspace()

    def _verbatim(self, text: str) -> None:
        rest = text.rstrip("\n")
        if rest:
            if self._line or self._gaps:
                rest = rest.lstrip("\n")
            self._before(blank=self._blank)
            self._out.write("\n" * self._skipped + rest)
            self._skipped = 0
            self._blank = False
        if not self._line:
            self._skipped += len(text) - len(text.rstrip("\n"))

    def _before(self, *, blank: bool) -> None:
        """Write what separates a text from what is before it."""
        if self._line or not self._started:
            if self._started:
                self._out.write("\n")
            self._out.write(self._lead)
            blank = False
        if self._gaps:
            start = self._line or not self._started
            self._out.write((" |" * self._gaps)[start:] + " ")
        elif blank:
            self._out.write(" ")
        self._started = True
        self._line = self._fresh = False
        self._lead = ""
        self._gaps = 0
        self._row = True

    def tag(self, name: str, *, closes: bool) -> None:
        """Take note of a tag of a block, item or cell."""
        if name in _CELLS:
            if not closes:
                self._cell()
            return
        if name == "br" and self._pre:
            self._skipped += 1
            return
        if name in _LISTS:
            self._lists = max(0, self._lists + (-1 if closes else 1))
            self._fresh = False
        elif name == "pre":
            self._pre = max(0, self._pre + (-1 if closes else 1))
            self._skipped = 0
        elif name in ("tr", "table"):
            self._row = self._fresh = False
            self._cells = self._gaps = 0
        if name == "li":
            self._lead = "" if closes else "  " * min(self._lists - 1, _DEEPEST) + "- "
            self._fresh = not closes
            self._line = True
        elif not self._fresh:
            self._line = True

    def _cell(self) -> None:
        if self._cells:
            self._gaps += 1
            if self._row:
                self._line = False
        self._cells += 1
        self._fresh = True
        self._blank = False

    def written(self) -> str:
        """All of it."""
        return self._out.getvalue()
