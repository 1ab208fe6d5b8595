"""The index at a root, for people and for programs; robots.txt; and how our pages look.

Everything that comes from a config or a spec is escaped, and the pages need nothing from
elsewhere: the Content-Security-Policy allows the one style sheet below, by its hash, and
nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from gateway.config import types
from gateway.faces.documents import RARELY, SOON, Document, document
from gateway.plugin import Operation, Plugin

HTML = "text/html; charset=utf-8"

_STYLE = """
:root{color-scheme:light dark;--ink:#1c1e26;--soft:#5d6272;--line:#dfe2ea;--back:#f6f7fa;
--card:#fff;--link:#3b4cca}
@media(prefers-color-scheme:dark){:root{--ink:#e9eaf0;--soft:#a0a5b5;--line:#31353f;
--back:#14161b;--card:#1d2027;--link:#9aa7ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:46rem;margin:0 auto;padding:3rem 1.25rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:0}
p{margin:.4rem 0 .8rem}
.soft{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;
padding:1.2rem 1.4rem;margin:1.3rem 0}
a{color:var(--link)}
nav a{margin-right:1.1rem}
ul{padding-left:1.2rem;margin:.4rem 0 .8rem}
li{margin:.25rem 0}
code,pre{font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{overflow-wrap:anywhere}
pre{background:var(--back);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem;
margin:.9rem 0 0;overflow-x:auto}
""".strip()

_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

# Calls are not for crawlers; the platform that calls on behalf of a person is none.
_ROBOTS = """\
User-agent: ChatGPT-User
Allow: /

User-agent: *
Allow: /$
Allow: /robots.txt
Allow: /.well-known/ai-plugin.json
Allow: /openapi.yaml
Allow: /openapi.json
Allow: /logo.png
Allow: /legal
Allow: /*/$
Allow: /*/.well-known/ai-plugin.json
Allow: /*/openapi.yaml
Allow: /*/openapi.json
Allow: /*/logo.png
Allow: /*/legal
Disallow: /
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One plugin of the index. `base` is its root; `waiting` says why it is not ready.

    Everybody reads the index: `waiting` names neither addresses nor files.
    """

    name: str
    base: str
    plugin: Plugin | None
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class _Card:
    """What the index says of a plugin: texts only, so that a kept page keeps no plugin."""

    name: str
    base: str
    title: str
    summary: str
    example: str
    legal: str
    operations: tuple[tuple[str, str], ...]
    waiting: str


def robots() -> Document:
    """`/robots.txt`, the same everywhere (RFC 9309)."""
    return _ROBOTS_DOCUMENT


_ROBOTS_DOCUMENT = document(_ROBOTS.encode(), "text/plain; charset=utf-8", RARELY)


def index(entries: Sequence[Entry], accept: str) -> Document:
    """The page at a root: HTML where the reader asks for it, else JSON."""
    return _index(tuple(map(_card, entries)), wants_html(accept))


def wants_html(accept: str) -> bool:
    """Whether an Accept header prefers HTML to JSON (RFC 9110 §12.5.1). Programs rarely say."""
    return quality(accept, "text/html") > quality(accept, "application/json")


def quality(accept: str, media_type: str) -> float:
    """The weight of a media type; the most specific range that fits it decides."""
    best, weight = -1, 0.0
    for part in accept.lower().split(",")[:50]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        ranges = ("*/*", media_type.partition("/")[0] + "/*", media_type)
        if name in ranges and ranges.index(name) > best:
            best = ranges.index(name)
            given = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            weight = float(given) if given.replace(".", "", 1).isdecimal() else 0.0
    return weight


def _card(entry: Entry) -> _Card:
    plugin = entry.plugin
    if plugin is None:
        return _Card(entry.name, entry.base, entry.name, "", "", "", (), entry.waiting)
    operations = tuple(
        (one.name, one.summary or one.description) for one in plugin.operations.values()
    )
    return _Card(
        entry.name,
        entry.base,
        plugin.title,
        plugin.summary,
        _example(plugin, entry.base),
        legal_url(plugin.config.legal, entry.base),
        operations,
        "",
    )


def _example(plugin: Plugin, base: str) -> str:
    """One line for a terminal that calls the first operation by name."""
    operation = next(iter(plugin.operations.values()), None)
    if operation is None:
        return ""
    arguments = _json(_sample(operation)).replace("'", "'\\''")
    url = f"{base.replace(chr(39), '%27')}/call/{operation.name}"
    return f"curl {_proof(plugin.config.auth)}-d '{arguments}' '{url}'"


def _sample(operation: Operation) -> dict[str, object]:
    """The required arguments, else the first that has an example: all examples at once may
    exclude each other."""
    needed = [one for one in operation.arguments if one.required]
    telling = [one for one in operation.arguments if one.example is not None]
    return {one.name: "…" if one.example is None else one.example for one in needed or telling[:1]}


def _proof(auth: types.Auth | str) -> str:
    """The header that a call shows, for a terminal."""
    if isinstance(auth, str):
        return ""
    kind = auth.service or auth.user
    scheme = (kind.scheme if kind else "bearer").capitalize()
    return f"-H 'Authorization: {scheme} <token>' "


def url(text: str | None) -> str | None:
    """A URL of the config; None where it names a file or nothing."""
    return text if text and text.lower().startswith(("https://", "http://")) else None


def legal_url(legal: str | None, base: str) -> str:
    """Where a plugin's terms are: the operator's URL, else what we serve."""
    return url(legal) or f"{base}/legal"


@lru_cache(maxsize=16)
def _index(cards: tuple[_Card, ...], html: bool) -> Document:
    headers = {**HEADERS, "Vary": "Accept, Accept-Encoding"}
    if html:
        return document(_html_index(cards).encode("utf-8", "replace"), HTML, SOON, headers)
    served = {"plugins": [_facts(card) for card in cards]}
    body = _json(served).encode("utf-8", "replace")
    return document(body, "application/json", SOON, headers)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _facts(card: _Card) -> dict[str, object]:
    if card.waiting:
        return {"name": card.name, "ready": False, "reason": card.waiting}
    return {
        "name": card.name,
        "ready": True,
        "title": card.title,
        "summary": card.summary,
        "manifest": f"{card.base}/.well-known/ai-plugin.json",
        "openapi": f"{card.base}/openapi.yaml",
        "call": f"{card.base}/call/{{operation}}",
        "operations": [name for name, _ in card.operations],
    }


# --- HTML -------------------------------------------------------------------------------------


def page(title: str, inner: Iterable[str]) -> str:
    """A whole page around pieces of HTML, whose texts are escaped already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(inner)}\n</main>\n</body>\n</html>\n"
    )


def _html_index(cards: tuple[_Card, ...]) -> str:
    one = len(cards) == 1
    title = cards[0].title if one else "Plugins"
    lead = (
        "This API is served as a plugin for language models."
        if one
        else f"{len(cards)} APIs are served here as plugins for language models."
    )
    head = [f"<h1>{escape(title)}</h1>", f'<p class="soft">{lead}</p>']
    return page(title, [*head, *map(_section, cards)])


def _section(card: _Card) -> str:
    if card.waiting:
        return (
            f"<section>\n<h2>{escape(card.title)}</h2>\n"
            f'<p class="soft">Not ready yet: {escape(card.waiting)}</p>\n</section>'
        )
    links = (
        ("Manifest", f"{card.base}/.well-known/ai-plugin.json"),
        ("OpenAPI", f"{card.base}/openapi.yaml"),
        ("OpenAPI as JSON", f"{card.base}/openapi.json"),
        ("Legal", card.legal),
    )
    operations = "\n".join(
        f"<li><code>{escape(name)}</code>" + (f" · {escape(words)}" if words else "") + "</li>"
        for name, words in card.operations
    )
    return (
        f"<section>\n<h2>{escape(card.title)}</h2>\n<p>{escape(card.summary)}</p>\n"
        "<nav>"
        + "".join(f'<a href="{escape(target)}">{text}</a>' for text, target in links)
        + f"</nav>\n<ul>\n{operations}\n</ul>\n"
        + (f"<pre>{escape(card.example)}</pre>\n" if card.example else "")
        + "</section>"
    )
