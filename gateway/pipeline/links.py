"""Where a page's address of the next one leads: within the upstream, to the same operation. Pure.

Of such an address nothing is used but values of query parameters, laid over the request that is
there already: the origin, the path and what else is sent stay our own. So it does not matter that
some upstreams name the next page by another path than the one that was asked (GitHub's does).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, quote, unquote_plus, urljoin, urlsplit

from gateway.servers import origin
from gateway.shrinking.pages import WrongPage

LONGEST = 8192  # characters of a request's URL: what servers read (RFC 9110 section 4.1)
_MOST = 100  # parameters of one
_PLAIN = re.compile(r"[!-\[\]-~]*")  # no backslash: some read it as a slash
# RFC 8288 section 3. Nothing is given back once it is read, so the time is linear.
_LINK = re.compile(
    r"[\s,]*+<([^>]*+)>"
    r'((?:\s*+;\s*+[^\s=;,"<>]++(?:\s*+=\s*+(?:"(?:[^"\\]|\\.)*+"|[^\s;,"]*+))?+)*+)\s*+(?=,|\Z)'
)
_PARAMETER = re.compile(r';\s*+([^\s=;,"<>]++)(?:\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;,"]*+)))?+')


def target_of(headers: Iterable[tuple[str, str]], rel: str) -> str | None:
    """The target of the first link with a relation type in a reply's `Link` headers.

    Relation types know no case; of several `rel` only the first counts, and a link with an
    `anchor` is not about this page (RFC 8288 sections 3.2, 3.3). What is no list of links ends it.
    """
    text = ",".join(value for name, value in headers if name.lower() == "link")
    place = 0
    while match := _LINK.match(text, place):
        place = match.end()
        said: dict[str, str] = {}
        for name, quoted, plain in _PARAMETER.findall(match[2]):
            said.setdefault(name.lower(), quoted or plain)
        if rel.lower() in said.get("rel", "").lower().split() and "anchor" not in said:
            return match[1]
    return None


def followed(
    url: str,
    target: str,
    takes: Collection[str],
    *,
    held: Collection[str] = (),
    ours: Collection[str] = (),
) -> str:
    """The request's URL with what a link's target asks for.

    Args:
        url: What was asked for; without the credential.
        target: Of the link; may be relative.
        takes: The parameters that are taken out of it; none means all that may be.
        held: Those that no link may change.
        ours: Those of the credential, which is sent in any case.

    Raises:
        WrongPage: it leads elsewhere.
    """
    try:
        if len(target) > LONGEST or not _PLAIN.fullmatch(target.partition("?")[0]):
            raise ValueError
        if not target.isprintable():  # a lone surrogate is not either
            raise ValueError
        there = urljoin(url, target)
        query = parse_qsl(urlsplit(there).query, keep_blank_values=True, max_num_fields=_MOST)
        if "@" in urlsplit(there).netloc or origin(there) != origin(url):
            raise ValueError
    except ValueError:
        raise WrongPage("a link that leads elsewhere") from None
    asked = values_of(query)
    sent = values_of(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    changed = {
        name: values
        for name, values in asked.items()
        if (name in takes if takes else name not in ours) and sent.get(name) != values
    }
    if not takes and (wrong := sorted(changed.keys() & set(held))):
        raise WrongPage(f"a link that sets {wrong[0]}")
    return with_query(url, changed)


def values_of(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def with_query(url: str, values: Mapping[str, Sequence[str]]) -> str:
    """The URL with these parameters, in the place of those of the same names; others as they are.

    Raises:
        WrongPage: it would be too long.
    """
    head, _, query = url.partition("?")
    kept = [
        part
        for part in query.split("&")
        if part and unquote_plus(part.partition("=")[0]) not in values
    ]
    added = [
        f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, several in values.items()
        for value in several
    ]
    whole = f"{head}?{'&'.join([*kept, *added])}" if kept or added else head
    if len(whole) > LONGEST:
        raise WrongPage("an endless cursor")
    return whole
