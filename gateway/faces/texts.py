"""The spec's words shortened at a sentence, the operator's never.

Descriptions of both kinds stand side by side in what is served, also deep inside a schema. A
text is the operator's if it stands in the config.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from gateway.config import types
from gateway.unseen import visible

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
    if longest <= 0:
        return ""
    # One character more is looked at, so that a sentence may end exactly at the bound.
    ends = [end.end() for end in _ENDS.finditer(text[: longest + 1]) if end.end() <= longest]
    if ends and (whole := text[: ends[-1]].rstrip()):
        return whole
    head, space, _ = text[:longest].rpartition(" ")
    return (head.rstrip(" ,;:.-") if space and head.strip() else text[: longest - 1]) + "…"


# Descriptions are Markdown, in which HTML may stand (CommonMark §6.6), and some are all HTML: a
# model pays for its tags. `<id>` is none of them, and `<code>` may be somebody's placeholder, so
# nothing is taken out of a text in which no tag is closed.
_INLINE = "a|abbr|b|code|em|i|img|small|span|strong|sub|sup|tt|u"
_BLOCKS = "blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|table|tbody|td|th|thead|tr|ul"
_REST = r"(?:\s[^<>]{0,500})?/?>"
_CLOSED = re.compile(rf"</(?:{_INLINE}|{_BLOCKS})\s*>|<(?:br|p)\s*/?>", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE}){_REST}", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCKS}){_REST}", re.IGNORECASE)


def readable(text: str) -> str:
    """A text of the spec without the HTML that stands in it, and without what nobody sees."""
    text = visible(text)
    if "<" not in text or not _CLOSED.search(text):
        return text
    lines = _BLOCK_TAG.sub("\n", _INLINE_TAG.sub("", text)).split("\n")
    # What is not seen can be written as an entity, too.
    return visible(html.unescape("\n".join(filter(None, map(str.strip, lines)))))


class Words:
    """What may be shortened for one plugin, and what may not."""

    def __init__(self, config: types.Plugin) -> None:
        self._own = frozenset(text.strip() for text in _written(config))
        self._choices = frozenset(map(_as_key, _choices(config)))

    def fit(self, text: str, longest: int = LONGEST) -> str:
        """A text as it is served: the operator's as it is, the spec's readable, shortened."""
        text = text.strip()
        return text if text in self._own else shorten(readable(text).strip(), longest)

    def seen(self, text: str) -> str:
        """A text that is never shortened: the operator's as it is, the spec's as people see it."""
        return text if text.strip() in self._own else visible(text)

    def owns(self, values: list[Any]) -> bool:
        """Whether these values of an enum stand in the config."""
        return _as_key(values) in self._choices


def _as_key(values: Any) -> str:
    return json.dumps(values, default=str)


def _written(config: types.Plugin) -> Iterator[str]:
    """The operator's texts: of operations, parameters and schemas written in the config."""
    settings = config.operations.values() if isinstance(config.operations, dict) else ()
    for one in settings:
        if one is not None:
            yield one.description or ""
    for parameter, schema in _parts(config):
        if parameter is not None:
            yield parameter.description or ""
        for keyword in ("title", "description"):
            yield from (text for text in _under(keyword, schema) if isinstance(text, str))


def _choices(config: types.Plugin) -> Iterator[list[Any]]:
    """The operator's enums, those of `values` included."""
    for parameter, schema in _parts(config):
        if parameter is not None:
            yield list(parameter.values or ())
            yield list(parameter.enum or ())
        yield from (values for values in _under("enum", schema) if isinstance(values, list))


def _parts(config: types.Plugin) -> Iterator[tuple[types.Parameter | None, Any]]:
    """What the config says of parameters and schemas: the entry, and the schemas in it."""
    settings = config.operations.values() if isinstance(config.operations, dict) else ()
    own = [one for one in settings if one is not None]
    for parameters in (config.parameters, *(one.parameters for one in own)):
        for each in parameters.values():
            if isinstance(each, types.Parameter):
                yield each, [each.items, each.properties]
    for one in own:
        yield None, [one.body, one.returns]


def _under(keyword: str, node: Any) -> Iterator[Any]:
    """Every value of a keyword, wherever it stands."""
    if isinstance(node, list):
        for each in node:
            yield from _under(keyword, each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == keyword:
                yield value
            yield from _under(keyword, value)
