"""Scenes: which stored reply answers, how it is confirmed, cut, forgotten. RFC 9111 section 4."""

from __future__ import annotations

from tests.caching.rules.scene import URL, Is, Step, twice

REUSED, FETCHED, ASKED = Is.REUSED, Is.FETCHED, Is.ASKED
LONG = "Cache-Control: max-age=100000"
HOUR = "Cache-Control: max-age=3600"


def chosen(
    wants: Is, by: str, ask: tuple[str, ...], again: tuple[str, ...], *more: str
) -> tuple[Step, ...]:
    return twice(wants, LONG, f"Vary: {by}", *more, ask=ask, again=again)


FOO, BAR, BAZ = "Foo: 1", "Bar: abc", "Baz: 789"
VARY = {
    "vary-match": chosen(REUSED, "Foo", (FOO,), (FOO,)),
    "vary-no-match": chosen(FETCHED, "Foo", (FOO,), ("Foo: 2",)),
    "vary-omit-stored": chosen(FETCHED, "Foo", (), (FOO,)),
    "vary-omit": chosen(FETCHED, "Foo", (FOO,), ()),
    "vary-invalidate": (
        Step(reply=(LONG, "Vary: Foo"), ask=(FOO,), body=b"one"),
        Step(FETCHED, (LONG, "Vary: Foo"), ask=("Foo: 2",), body=b"two"),
        Step(REUSED, ask=(FOO,), text=b"one"),
    ),
    "vary-cache-key": chosen(REUSED, "Foo", (FOO, "Other: 2"), (FOO, "Other: 3")),
    "vary-2-match": chosen(REUSED, "Foo, Bar", (FOO, BAR), (FOO, BAR)),
    "vary-2-no-match": chosen(FETCHED, "Foo, Bar", (FOO, BAR), ("Foo: 2", BAR)),
    "vary-2-match-omit": chosen(FETCHED, "Foo, Bar", (FOO, BAR), ()),
    "vary-3-match": chosen(REUSED, "Foo, Bar, Baz", (FOO, BAR, BAZ), (FOO, BAR, BAZ)),
    "vary-3-no-match": chosen(FETCHED, "Foo, Bar, Baz", (FOO, BAR, BAZ), ("Foo: 2", BAR, BAZ)),
    "vary-3-order": chosen(FETCHED, "Foo, Bar, Baz", (FOO, BAR, BAZ), (FOO, BAZ, "Bar: abcde")),
    "vary-3-omit": chosen(REUSED, "Foo, Bar, Baz", (FOO, BAZ), (BAZ, FOO)),
    "vary-star": chosen(FETCHED, "*", (FOO,), (FOO,)),
    "vary-normalise-combine": chosen(REUSED, "Foo", ("Foo: 1, 2",), ("Foo: 1", "Foo: 2")),
    "vary-normalise-lang-order": chosen(
        REUSED, "Accept-Language", ("Accept-Language: en, de",), ("Accept-Language: de, en",)
    ),
    "vary-normalise-lang-case": chosen(
        REUSED, "Accept-Language", ("Accept-Language: en, de",), ("Accept-Language: eN, De",)
    ),
    "vary-normalise-lang-space": chosen(
        REUSED, "Accept-Language", ("Accept-Language: en, de",), ("Accept-Language:  en ,   de",)
    ),
    "vary-normalise-lang-select": chosen(
        REUSED,
        "Accept-Language",
        ("Accept-Language: en, de",),
        ("Accept-Language: fr;q=0.5, de;q=1.0",),
        "Content-Language: de",
    ),
    "vary-normalise-space": chosen(REUSED, "Foo", ("Foo: 1,2",), ("Foo:  1, 2 ",)),
    "vary-syntax-star": chosen(FETCHED, "*", (FOO, BAZ), (FOO, BAZ)),
    "vary-syntax-star-star": chosen(FETCHED, "*, *", (FOO,), (FOO,)),
    "vary-syntax-star-star-lines": chosen(FETCHED, "*", (FOO,), (FOO,), "Vary: *"),
    "vary-syntax-empty-star": chosen(FETCHED, ", *", (FOO,), (FOO,)),
    "vary-syntax-empty-star-lines": chosen(FETCHED, "", (FOO,), (FOO,), "Vary: *"),
    "vary-syntax-star-foo": chosen(FETCHED, "*, Foo", (FOO,), (FOO,)),
    "vary-syntax-foo-star": chosen(FETCHED, "Foo, *", (FOO,), (FOO,)),
    "query-args-different": (
        Step(reply=(LONG,), url=f"{URL}?a=1"),
        Step(FETCHED, url=f"{URL}?a=2"),
    ),
    "query-args-same": (
        Step(reply=(LONG,), url=f"{URL}?a=1"),
        Step(REUSED, url=f"{URL}?a=1"),
    ),
    "method-POST": (
        Step(reply=(HOUR, f"Content-Location: {URL}"), method="POST", sends=b"12345", body=b"made"),
        Step(REUSED, text=b"made"),
    ),
}


def confirmed(reply: tuple[str, ...], ask: tuple[str, ...], *got: str) -> tuple[Step, ...]:
    return Step(reply=reply), Step(REUSED, ask=ask, answer=304, got=got, text=b"")


_TAG = 'ETag: "abc"'
_CHANGED = "Last-Modified: @-3000"
CONDITIONS = {
    "conditional-lm-fresh": confirmed((LONG, _CHANGED), ("If-Modified-Since: @-3003",)),
    "conditional-lm-fresh-earlier": confirmed((LONG, _CHANGED), ("If-Modified-Since: @-2000",)),
    "conditional-lm-stale": (
        Step(reply=("Cache-Control: max-age=2", _CHANGED)),
        Step(
            ASKED,
            ask=("If-Modified-Since: @-3003",),
            out=("If-Modified-Since: @-3003",),
            status=304,
            answer=304,
        ),
    ),
    # The suite wants 304 here; Date is later than the date asked for (section 4.3.2), so 200.
    "conditional-lm-fresh-no-lm": (
        Step(reply=(LONG, "Date: @0")),
        Step(REUSED, ask=("If-Modified-Since: @-3000",), answer=200, text=b"whole"),
    ),
    "conditional-lm-fresh-rfc850": confirmed(
        (LONG, "Last-Modified: Friday, 08-Jan-27 08:00:00 GMT"),
        ("If-Modified-Since: Friday, 08-Jan-27 08:00:00 GMT",),
    ),
    "conditional-etag-strong-respond": confirmed((LONG, _TAG), ('If-None-Match: "abc"',)),
    "conditional-304-etag": confirmed((LONG, _TAG), ('If-None-Match: "abc"',), _TAG),
    "conditional-etag-precedence": confirmed(
        (LONG, _TAG, "Last-Modified: @-5000"),
        ('If-None-Match: "abc"', "If-Modified-Since: @-10000"),
    ),
    "conditional-etag-weak-respond": confirmed(
        (LONG, 'ETag: W/"abc"'), ('If-None-Match: W/"abc"',)
    ),
    "conditional-etag-strong-respond-multiple-first": confirmed(
        (LONG, _TAG), ('If-None-Match: "abc", "12", "34"',)
    ),
    "conditional-etag-strong-respond-multiple-second": confirmed(
        (LONG, _TAG), ('If-None-Match: "12", "abc", "34"',)
    ),
    "conditional-etag-strong-respond-multiple-last": confirmed(
        (LONG, _TAG), ('If-None-Match: "12", "34", "abc"',)
    ),
    "conditional-etag-vary-headers": (
        Step(reply=("Expires: @1", _TAG, "Vary: Foo"), ask=(FOO,)),
        Step(ASKED, ask=(FOO,), status=304, out=('If-None-Match: "abc"', FOO)),
    ),
    "conditional-etag-strong-generate": (
        Step(reply=("Cache-Control: max-age=2", _TAG)),
        Step(ASKED, status=304, out=('If-None-Match: "abc"',)),
    ),
    "conditional-etag-weak-generate-weak": (
        Step(reply=("Cache-Control: max-age=2", 'ETag: W/"abc"')),
        Step(ASKED, status=304, out=('If-None-Match: W/"abc"',)),
    ),
}


def updated(line: str, news: str, then: str) -> tuple[Step, ...]:
    """A 304 brings another value; `then` is what is served with it and after it."""
    lines = (line,) if line.startswith("Cache-Control") else (line, "Cache-Control: max-age=2")
    later = (news,) if line.startswith("Cache-Control") else (news, "Cache-Control: max-age=4")
    return (
        Step(reply=(*lines, _TAG)),
        Step(ASKED, (*later, _TAG), status=304, got=(then,), text=b"whole"),
        Step(REUSED, got=(then,), text=b"whole"),
    )


UPDATES = {
    "304-lm-use-stored-Test-Header": (
        Step(reply=("Cache-Control: max-age=2", _CHANGED, "Test-Header: kept")),
        Step(ASKED, ("Last-Modified: @-3003",), status=304, got=("Test-Header: kept",)),
    ),
    "304-etag-update-response-Cache-Control": updated("Cache-Control: max-age=1", HOUR, HOUR),
    "304-etag-update-response-Content-Length": updated(
        "Content-Length: 5", "Content-Length: 10", "Content-Length: 5"
    ),
} | {
    f"304-etag-update-response-{name}": updated(f"{name}: old", f"{name}: new", f"{name}: new")
    for name in ("Test-Header", "X-Test-Header", "Content-Foo", "X-Content-Foo")
}

_KEPT = {
    "Test-Header": "a", "X-Test-Header": "a", "Content-Foo": "a", "X-Content-Foo": "a",
    "Cache-Control": "max-age=3600", "Content-Encoding": "unheard-of", "Content-Length": "5",
    "Content-Location": "/bar", "Content-MD5": "N7UdGUp1E+RbVvZSTy1R8g==", "Content-Range": "odd",
    "Content-Security-Policy": "default-src 'self'", "Content-Type": "text/plain;charset=utf-8",
    "Clear-Site-Data": "cookies", "ETag": '"abc"', "Expires": "Mon, 11 Jan 2038 11:11:11 GMT",
    "Public-Key-Pins": "a", "Set-Cookie": "a=c", "Set-Cookie2": "a=c", "X-Frame-Options": "deny",
    "X-XSS-Protection": "1; mode=block",
}  # fmt: skip
_DROPPED = (
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info",
    "Proxy-Authorization", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade",
)  # fmt: skip
HEADERS = (
    {
        f"headers-store-{name}": (
            Step(reply=(f"{name}: {value}", *([] if name == "Cache-Control" else [HOUR]))),
            Step(REUSED, got=(f"{name}: {value}",), text=b"whole"),
        )
        for name, value in _KEPT.items()
    }
    | {
        f"headers-store-{name}": (
            Step(reply=(f"{name.upper()}: something", HOUR)),
            Step(REUSED, lacks=(name,), text=b"whole"),
        )
        for name in _DROPPED
    }
    | {
        "headers-omit-headers-listed-in-Connection": (
            Step(reply=(HOUR, "Connection: a, B", "A: 1", "b: 2", "C: 3")),
            Step(REUSED, got=("C: 3",), lacks=("A", "B", "Connection")),
        )
    }
)

FORGETTING = {
    f"invalidate-{method}{suffix}": (
        Step(reply=(LONG,)),
        Step(method=method, sends=b"abc", status=status),
        Step(wants),
    )
    for method in ("POST", "PUT", "DELETE", "M-SEARCH")
    for suffix, status, wants in (("", 200, FETCHED), ("-failed", 500, REUSED))
}


def part(wanted: str, says: str, body: bytes, *steps: Step) -> tuple[Step, ...]:
    reply = (HOUR, f"Content-Range: bytes {says}")
    first = Step(reply=reply, ask=(f"Range: bytes={wanted}",), status=206, body=body)
    return (first, *steps)


def piece(wanted: str, text: bytes, *got: str) -> Step:
    return Step(REUSED, ask=(f"Range: bytes={wanted}",), answer=206, text=text, got=got)


_TEN = Step(reply=(HOUR, "A: 1"), body=b"0123456789")
_END = ("-5", "5-9/10", b"56789")
PARTS = {
    "partial-store-complete-reuse-partial": (_TEN, piece("0-1", b"01")),
    "partial-store-complete-reuse-partial-no-last": (_TEN, piece("1-", b"123456789")),
    "partial-store-complete-reuse-partial-suffix": (_TEN, piece("-1", b"9")),
    "partial-use-headers": (_TEN, piece("0-1", b"01", "A: 1", "Content-Range: bytes 0-1/10")),
    "partial-use-stored-headers": (_TEN, piece("0-1", b"01", "A: 1", "Age: 3")),
    "partial-store-partial-reuse-partial": part(*_END, piece("-5", b"56789")),
    "partial-store-partial-reuse-partial-byterange": part(*_END, piece("6-8", b"678")),
    "partial-store-partial-reuse-partial-absent": part(*_END, piece("6-", b"6789")),
    "partial-store-partial-reuse-partial-suffix": part(*_END, piece("-1", b"9")),
    "partial-store-partial-complete": part(
        "-5", "0-4/10", b"01234", Step(FETCHED, out=("Range: bytes=5-",))
    ),
}

# What comes before the final reply is nothing to a cache: the driver passes it on.
INTERIM = {
    rule: twice(REUSED, LONG)
    for rule in ("interim-102", "interim-103", "interim-not-cached", "interim-no-header-reuse")
}

SCENES = VARY | CONDITIONS | UPDATES | HEADERS | FORGETTING | PARTS | INTERIM
