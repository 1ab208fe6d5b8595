"""Where a page's address of the next one leads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pipeline.links import followed, target_of, with_query
from gateway.shrinking.pages import WrongPage

URL = "https://api.example.com/v1/rows?q=a%20b&season=regular&tag=1&tag=2"


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a/?page=2>; rel="next"', "https://a/?page=2"),
        ("</?page=2>;rel=next", "/?page=2"),
        ('<a>; rel="prev", <b>; REL="Next"', "b"),
        ('<a>; rel="first last next up"', "a"),
        ('<a>; title="x, <c>; rel=\\"next\\""; rel=prev, <b> ; rel = next', "b"),
        ('<a,b;c>; rel="next"', "a,b;c"),
        ('<a>; rel="prev"; rel="next"', None),
        ('<a>; rel="next"; anchor="#x", <b>; rel=next', "b"),
        ('<a>; rel="next page"', "a"),
        ('<a>; rel="nextpage"', None),
        (", , <a>; rel=next,", "a"),
        ("<a>", None),
        ("a; rel=next", None),
        ("<a; rel=next", None),
        ('<a>; rel="next', None),
        ("", None),
    ],
)
def test_the_link_of_a_relation_is_found(header: str, target: str | None) -> None:
    assert target_of([("X", "y"), ("LINK", header)], "next") == target


def test_several_headers_are_one_list() -> None:
    assert target_of([("Link", "<a>; rel=prev"), ("link", "<b>; rel=next")], "next") == "b"


@pytest.mark.parametrize("piece", ["<", "<a>;", '<a>; a="', '<a>; a="\\', ";a", "<a>; rel ", ", "])
def test_a_hostile_header_takes_no_time(piece: str) -> None:
    # Were anything tried twice, this would take minutes.
    assert target_of([("Link", piece * 20_000)], "next") is None


@given(st.text(max_size=200))
def test_any_header_can_be_looked_at(text: str) -> None:
    target_of([("Link", text)], "next")
    target_of([("Link", f"<{text}>; rel=next")], "next")


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("?page=2", "q=a%20b&season=regular&tag=1&tag=2&page=2"),
        ("/other/path?page=2", "q=a%20b&season=regular&tag=1&tag=2&page=2"),
        ("https://API.example.com:443/x?page=2#f", "q=a%20b&season=regular&tag=1&tag=2&page=2"),
        ("?q=a+b&tag=1&tag=2&page=2", "q=a%20b&season=regular&tag=1&tag=2&page=2"),
        ("?tag=3&tag=4", "q=a%20b&season=regular&tag=3&tag=4"),
        ("?q=&cursor=%26%23%2F%C3%A9", "season=regular&tag=1&tag=2&q=&cursor=%26%23%2F%C3%A9"),
        ("", "q=a%20b&season=regular&tag=1&tag=2"),
        ("?q=é%E9 /", "season=regular&tag=1&tag=2&q=%C3%A9%EF%BF%BD%20%2F"),
        ("?key=x&page=2", "q=a%20b&season=regular&tag=1&tag=2&page=2"),
    ],
)
def test_only_values_of_parameters_are_taken_over(target: str, query: str) -> None:
    url = followed(URL, target, (), held={"season"}, ours={"key"})
    assert url == f"https://api.example.com/v1/rows?{query}"


def test_of_named_parameters_only_those_are_taken() -> None:
    url = followed(URL, "?page=2&season=x&other=3", ("page",), held={"season"})
    assert url == URL + "&page=2"


@pytest.mark.parametrize(
    "target",
    [
        "http://api.example.com/v1/rows?page=2",
        "https://api.example.com:8443/v1/rows?page=2",
        "https://api.example.com.evil.example/?page=2",
        "https://u@api.example.com/?page=2",
        "https://u:p@api.example.com/?page=2",
        "//evil.example/?page=2",
        "/\\evil.example/?page=2",
        "file:///?page=2",
        "data:,?page=2",
        "https://[::1?page=2",
        "https://api.example.com:99999/?page=2",
        "?page=2\r\nX: y",
        "?page=\x00",
        "?page=\udcff",
        "/a b?page=2",
        "https://api.example.com\uff0fevil?page=2",
        "?season=playoffs&page=2",
        "?season=regular&season=x",
        "?%73eason=x",
        "?a=" + "b" * 9000,
        "?" + "&".join(f"a{number}" for number in range(101)),
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(target: str) -> None:
    with pytest.raises(WrongPage):
        followed(URL, target, (), held={"season"})


def test_a_parameter_takes_the_place_of_its_former_value() -> None:
    assert with_query("http://a/x?page=1&b=%32&pag%65=7", {"page": ["2"]}) == (
        "http://a/x?b=%32&page=2"
    )
    assert with_query("http://a/x", {"page[number]": ["a b"]}) == (
        "http://a/x?page%5Bnumber%5D=a%20b"
    )
    assert with_query("http://a/x?page=1", {"page": []}) == "http://a/x"
    with pytest.raises(WrongPage):
        with_query("http://a/x", {"cursor": ["x" * 9000]})
