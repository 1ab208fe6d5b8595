from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pytest

from gateway.config import types
from gateway.faces import legal, manifest, pages
from gateway.plugin import Operation, Plugin
from gateway.values import Argument

BASE = "https://gw.example/sportStats"
HOSTILE = "<script>alert(1)</script>\"'&"


class Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/html;q=0.5, application/json", False),
        ("application/json;q=0.5, text/html;q=0.6", True),
        ("text/html;q=0", False),
        ("text/*", True),
        ("text/html;q=²,*/*;q=1.2.3", False),
        (";;;,,,=", False),
    ],
)
def test_people_get_html_and_programs_json(accept: str, html: bool) -> None:
    assert pages.wants_html(accept) is html


def test_the_json_index_says_where_everything_is(plugin: Callable[..., Plugin]) -> None:
    entries = [
        pages.Entry("sportStats", BASE, plugin()),
        pages.Entry("stocks", "https://gw.example/stocks", None, "no spec yet"),
    ]
    made = pages.index(entries, "*/*")
    assert made.content_type == "application/json"
    assert made.headers["Vary"] == "Accept, Accept-Encoding"
    assert json.loads(made.body) == {
        "plugins": [
            {
                "name": "sportStats",
                "ready": True,
                "title": "Sport Stats",
                "summary": "NBA players, teams and games.",
                "manifest": f"{BASE}/.well-known/ai-plugin.json",
                "openapi": f"{BASE}/openapi.yaml",
                "call": f"{BASE}/call/{{operation}}",
                "operations": ["getPlayers"],
            },
            {"name": "stocks", "ready": False, "reason": "no spec yet"},
        ]
    }


def test_nothing_from_a_config_or_a_host_becomes_markup(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    hostile = Argument("a", "query", ("a",), {}, example=HOSTILE)
    made = plugin(
        operation(summary=HOSTILE, arguments=(hostile,)),
        title=HOSTILE,
        summary=HOSTILE,
        contact=HOSTILE,
        upstream=types.Upstream(forward=[HOSTILE]),
    )
    entries = [
        pages.Entry("p", f"https://a.example/{HOSTILE}", made),
        pages.Entry(HOSTILE, BASE, None, HOSTILE),
    ]
    index = pages.index(entries, "text/html").body.decode()
    known = {"lang", "charset", "name", "content", "class", "href"}
    for page in (index, legal.write(made)):
        tags = Reader(page).tags
        assert "script" not in {tag for tag, _ in tags}
        assert {key for _, attrs in tags for key in attrs} <= known
        assert HOSTILE in unescape(page)


def test_a_page_needs_nothing_from_elsewhere_and_its_policy_lets_only_its_style_in(
    plugin: Callable[..., Plugin],
) -> None:
    page = pages.index([pages.Entry("p", BASE, plugin())], "text/html")
    text = page.body.decode()
    style = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert page.headers["Content-Security-Policy"].startswith(
        f"default-src 'none'; style-src 'sha256-{digest}'"
    )
    assert "style=" not in text
    links = [attrs["href"] for tag, attrs in Reader(text).tags if tag == "a"]
    assert links
    assert all(link and link.startswith(BASE + "/") for link in links)


def test_the_example_is_a_line_that_a_shell_reads_as_one_call(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    arguments = (
        Argument("query", "query", ("q",), {}, True, example="O'Neal"),
        Argument("page", "query", ("p",), {}),
    )
    entry = pages.Entry("p", BASE, plugin(operation(arguments=arguments)))
    page = pages.index([entry], "text/html").body.decode()
    line = unescape(re.findall("<pre>(.*?)</pre>", page)[0])
    assert shlex.split(line) == ["curl", "-d", '{"query": "O\'Neal"}', f"{BASE}/call/getPlayers"]


def command(plugin: Plugin) -> list[str]:
    page = pages.index([pages.Entry("p", BASE, plugin)], "text/html").body.decode()
    return shlex.split(unescape(re.findall("<pre>(.*?)</pre>", page)[0]))


def test_the_example_gives_what_is_required_and_nothing_that_may_exclude_it(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    one = Argument("one", "query", ("one",), {}, example=1)
    two = Argument("two", "query", ("two",), {}, example=2)
    needed = Argument("needed", "query", ("needed",), {}, True, example="yes")
    assert command(plugin(operation(arguments=(one, two, needed))))[2] == '{"needed": "yes"}'
    assert command(plugin(operation(arguments=(one, two))))[2] == '{"one": 1}'
    assert command(plugin(operation()))[2] == "{}"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (types.Auth(user=types.UserAuth(scheme="bearer")), "Authorization: Bearer <token>"),
        (types.Auth(user=types.UserAuth(scheme="basic")), "Authorization: Basic <token>"),
        (types.Auth(oauth=types.OAuth(client_url="https://a.example", token_url="https://b.example")),
         "Authorization: Bearer <token>"),
    ],
)  # fmt: skip
def test_the_example_shows_the_proof_that_auth_asks_for(
    plugin: Callable[..., Plugin], auth: types.Auth, header: str
) -> None:
    assert command(plugin(auth=auth))[:3] == ["curl", "-H", header]


def test_legal_leads_where_the_manifest_leads(plugin: Callable[..., Plugin]) -> None:
    for legal_text, target in (
        ("https://terms.example/it?a=1&b=2", "https://terms.example/it?a=1&b=2"),
        ("terms.html", f"{BASE}/legal"),
        (None, f"{BASE}/legal"),
    ):
        made = plugin(legal=legal_text)
        page = pages.index([pages.Entry("p", BASE, made)], "text/html").body.decode()
        links = [attrs["href"] for tag, attrs in Reader(page).tags if tag == "a"]
        assert target in links
        assert manifest.describe(made, BASE)["legal_info_url"] == target


def test_robots_may_read_documents_and_only_the_platform_may_call() -> None:
    groups = pages.robots().body.decode().split("\n\n")
    assert groups[0] == "User-agent: ChatGPT-User\nAllow: /"
    lines = groups[1].splitlines()
    assert lines[0] == "User-agent: *"
    assert lines[-1] == "Disallow: /"
    assert "Allow: /*/openapi.yaml" in lines
