"""What was written is read again by a parser of its own for each style, made from RFC 6570 and the
style tables alone, and gives the value back: any value, wherever the style is not ambiguous.

Ambiguous by specification, and therefore refused or left out (`conformance/styles.yaml`): the
delimiters of `spaceDelimited`, `pipeDelimited`, exploded `label` and headers inside of items; an
empty list or object, which is as if nothing were given; brackets in names of a `deepObject`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import bind
from gateway.values import SpecOperation, SpecParameter, UpstreamRequest

PATH = "/p/x{color}"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)


def without(texts: st.SearchStrategy[str], characters: str) -> st.SearchStrategy[str]:
    return texts.map(lambda text: "".join(one for one in text if one not in characters))


def sent(place: str, style: str, value: Any, *, explode: bool) -> UpstreamRequest:
    kind = {str: "string", list: "array", dict: "object"}[type(value)]
    parameter = SpecParameter(
        "color", place, {"type": kind}, style=style, explode=explode  # type: ignore[arg-type]
    )  # fmt: skip
    path = PATH if place == "path" else "/p"
    operation = SpecOperation("GET", path, path, parameters=(parameter,))
    found = bind(operation, {}, {"color": Parameter(description="Shown.")})
    return found.build("https://h")({"color": value}, {})


def text_at(place: str, request: UpstreamRequest) -> str:
    path, _, query = request.url.removeprefix("https://h").partition("?")
    headers = dict(request.headers)
    return {
        "path": path.removeprefix("/p/x"),
        "query": query,
        "header": headers.get("color", ""),
        "cookie": headers.get("Cookie", ""),
    }[place]


def pairs(texts: list[str]) -> dict[str, str]:
    return dict(zip(texts[::2], texts[1::2], strict=True))


# --- parsers: from the wire to the value, told only the shape ----------------------------------


def simple(shape: type, text: str, *, explode: bool, prefix: str = "", between: str = ",") -> Any:
    text = text.removeprefix(prefix)
    if shape is str:
        return unquote(text)
    items = text.split(between)
    if shape is list:
        return [unquote(item) for item in items]
    if explode:
        items = [part for item in items for part in item.split("=")]
    return pairs([unquote(item) for item in items])


def label(shape: type, text: str, *, explode: bool) -> Any:
    assert text[0] == "."
    return simple(shape, text[1:], explode=explode, between="." if explode else ",")


def matrix(shape: type, text: str, *, explode: bool) -> Any:
    first, *parts = text.split(";")
    assert first == ""
    named = [(unquote(key), value) for key, _, value in (part.partition("=") for part in parts)]
    if explode and shape is dict:
        return {key: unquote(value) for key, value in named}
    assert {key for key, _ in named} == {"color"}
    if explode and shape is list:
        return [unquote(value) for _, value in named]
    ((_, value),) = named
    return simple(shape, value, explode=False)


def form(shape: type, text: str, *, explode: bool, between: str = ",") -> Any:
    fields = [part.split("=") for part in text.split("&")]
    if explode and shape is not str:
        found = [(unquote_plus(key), unquote_plus(value)) for key, value in fields]
        return dict(found) if shape is dict else [value for _, value in found]
    ((_, value),) = fields
    return simple(shape, value, explode=False, between=between)


def deep(_: type, text: str, *, explode: bool) -> Any:
    fields = [unquote(part.split("=")[0]) for part in text.split("&")]
    values = [unquote(part.split("=")[1]) for part in text.split("&")]
    assert all(one.startswith("color[") and one.endswith("]") for one in fields)
    return dict(zip((one[6:-1] for one in fields), values, strict=True))


def header(shape: type, text: str, *, explode: bool) -> Any:
    if shape is str:
        return text
    items = text.split(",")
    if shape is dict and explode:
        return dict(item.split("=", 1) for item in items)
    return items if shape is list else pairs(items)


def cookie(shape: type, text: str, *, explode: bool) -> Any:
    fields = [(unquote(key), value) for key, _, value in map(cut, text.split("; "))]
    if explode and shape is not str:
        found = [(key, unquote(value)) for key, value in fields]
        return dict(found) if shape is dict else [value for _, value in found]
    ((_, value),) = fields
    return simple(shape, value, explode=False)


def bare_cookie(shape: type, text: str, *, explode: bool) -> Any:
    fields = [cut(part) for part in text.split("; ")]
    if explode and shape is not str:
        return {k: v for k, _, v in fields} if shape is dict else [value for *_, value in fields]
    ((_, _, value),) = fields
    if shape is str:
        return value
    items = value.split(",")
    return items if shape is list else pairs(items)


def cut(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")


def shapes(
    items: st.SearchStrategy[str], names: st.SearchStrategy[str] = NAMES, *, empty: bool = True
) -> st.SearchStrategy[Any]:
    some = items if empty else items.filter(bool)
    return st.one_of(
        some,
        st.lists(items, min_size=1, max_size=4).filter(lambda found: empty or any(found)),
        st.dictionaries(names.filter(bool), items, min_size=1, max_size=4),
    )


SPACELESS = st.lists(without(TEXTS, " "), min_size=1)
PIPELESS = st.lists(without(TEXTS, "|"), min_size=1)
OCTETS_OF_NAMES = st.text("aZ09!#$%&'*+.^_`|~-", min_size=1)
OCTETS = st.text("aZ09!#$%&'()*+-./:<=>?@[]^_`{|}~")
DOTLESS = st.one_of(PLAIN, shapes(without(PLAIN, "."), without(NAMES, ".")))

CASES: list[tuple[str, str, bool, st.SearchStrategy[Any], Callable[..., Any]]] = [
    ("path", "simple", False, shapes(PLAIN, empty=False), simple),
    ("path", "simple", True, shapes(PLAIN, empty=False), simple),
    ("path", "label", False, shapes(PLAIN), label),
    ("path", "label", True, DOTLESS, label),
    ("path", "matrix", False, shapes(PLAIN), matrix),
    ("path", "matrix", True, shapes(PLAIN), matrix),
    ("query", "form", False, shapes(TEXTS), form),
    ("query", "form", True, shapes(TEXTS), form),
    ("query", "spaceDelimited", False, SPACELESS, partial(form, between="%20")),
    ("query", "pipeDelimited", False, PIPELESS, partial(form, between="%7C")),
    ("query", "deepObject", True, st.dictionaries(without(NAMES, "[]"), TEXTS, min_size=1), deep),
    ("header", "simple", False, shapes(without(PLAIN, ", "), without(NAMES, ", ")), header),
    ("header", "simple", True, shapes(without(PLAIN, ", "), without(NAMES, ",= ")), header),
    ("cookie", "form", False, shapes(TEXTS), cookie),
    ("cookie", "form", True, shapes(TEXTS), cookie),
    ("cookie", "cookie", False, shapes(OCTETS, OCTETS_OF_NAMES), bare_cookie),
    ("cookie", "cookie", True, shapes(OCTETS, OCTETS_OF_NAMES), bare_cookie),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[:3])))
def test_what_was_written_is_read_again(case: tuple[Any, ...]) -> None:
    place, style, explode, values, parse = case

    @given(values)
    def gives_it_back(value: Any) -> None:
        text = text_at(place, sent(place, style, value, explode=explode))
        assert parse(type(value), text, explode=explode) == value

    gives_it_back()


@pytest.mark.parametrize(
    ("place", "style", "explode", "delimiter"),
    [
        ("path", "label", True, "."),
        ("query", "spaceDelimited", False, " "),
        ("query", "pipeDelimited", False, "|"),
        ("header", "simple", False, ","),
    ],
)
@given(data=st.data())
def test_what_would_be_read_as_two_items_is_refused(
    place: str, style: str, delimiter: str, data: st.DataObject, *, explode: bool
) -> None:
    before, after = data.draw(PLAIN), data.draw(PLAIN)
    for value in ([before + delimiter + after], {"a": before + delimiter + after}):
        with pytest.raises(BadArguments, match="it separates the items here"):
            sent(place, style, value, explode=explode)
