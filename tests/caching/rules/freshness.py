"""Scenes: how long a reply may be used, and whether it may be stored. RFC 9111 sections 3 to 5."""

from __future__ import annotations

from tests.caching.rules.scene import Is, Step, twice

REUSED, FETCHED, ASKED = Is.REUSED, Is.FETCHED, Is.ASKED
LONG = "Cache-Control: max-age=100000"
HOUR = "Cache-Control: max-age=3600"

LIFETIMES = {
    "freshness-max-age": twice(REUSED, HOUR),
    "freshness-max-age-stale": twice(FETCHED, "Cache-Control: max-age=2"),
    "freshness-max-age-0": twice(FETCHED, "Cache-Control: max-age=0"),
    "freshness-max-age-max-minus-1": twice(REUSED, "Cache-Control: max-age=2147483647"),
    "freshness-max-age-max": twice(REUSED, "Cache-Control: max-age=2147483648"),
    "freshness-max-age-max-plus-1": twice(REUSED, "Cache-Control: max-age=2147483649"),
    "freshness-max-age-max-plus": twice(REUSED, "Cache-Control: max-age=99999999999"),
    "freshness-max-age-age": twice(FETCHED, HOUR, "Age: 7200"),
    "freshness-max-age-expires": twice(REUSED, HOUR, "Expires: @-7200"),
    "freshness-max-age-expires-invalid": twice(REUSED, HOUR, "Expires: 0"),
    "freshness-max-age-0-expires": twice(FETCHED, "Cache-Control: max-age=0", "Expires: @3600"),
    "freshness-max-age-extension": twice(REUSED, "Cache-Control: unheard-of, max-age=3600"),
    "freshness-max-age-case-insenstive": twice(REUSED, "Cache-Control: Max-AGE=3600"),
    "freshness-max-age-negative": twice(FETCHED, "Cache-Control: max-age=-3600"),
    "freshness-s-maxage-shared": twice(REUSED, "Cache-Control: s-maxage=3600"),
    "freshness-max-age-s-maxage-shared-longer": twice(
        FETCHED, "Cache-Control: max-age=3600, s-maxage=1"
    ),
    "freshness-max-age-s-maxage-shared-longer-reversed": twice(
        FETCHED, "Cache-Control: s-maxage=1, max-age=3600"
    ),
    "freshness-max-age-s-maxage-shared-longer-multiple": twice(
        FETCHED, HOUR, "Cache-Control: s-maxage=1"
    ),
    "freshness-max-age-s-maxage-shared-shorter": twice(
        REUSED, "Cache-Control: max-age=1, s-maxage=3600"
    ),
    "freshness-max-age-s-maxage-shared-shorter-expires": twice(
        REUSED, "Expires: @-10", "Cache-Control: max-age=0, s-maxage=3600"
    ),
    "freshness-expires-future": twice(REUSED, "Expires: @2592000"),
    "freshness-expires-past": twice(FETCHED, "Expires: @-2592000"),
    "freshness-expires-present": twice(FETCHED, "Expires: @0", "Date: @0"),
    "freshness-expires-old-date": twice(FETCHED, "Expires: @300", "Date: @400"),
    "freshness-expires-invalid": twice(FETCHED, "Expires: 0"),
    "freshness-expires-invalid-date": twice(REUSED, "Date: yesterday", "Expires: @10"),
    "freshness-expires-age-slow-date": twice(FETCHED, "Date: @-10", "Expires: @10", "Age: 25"),
    "freshness-expires-age-fast-date": twice(FETCHED, "Date: @10", "Expires: @20", "Age: 15"),
}

DIRECTIVES = {
    "freshness-max-age-ignore-quoted": twice(
        FETCHED, 'Cache-Control: other="max-age=3600", max-age=1'
    ),
    "freshness-max-age-ignore-quoted-rev": twice(
        FETCHED, 'Cache-Control: max-age=1, other="a, max-age=3600"'
    ),
    "freshness-max-age-leading-zero": twice(REUSED, "Cache-Control: max-age=003600"),
    "freshness-max-age-single-quoted": twice(FETCHED, "Cache-Control: max-age='3600'"),
    "cc-resp-private-shared": twice(FETCHED, "Cache-Control: private, max-age=3600"),
    "cc-resp-no-store": twice(FETCHED, "Cache-Control: no-store"),
    "cc-resp-no-store-case-insensitive": twice(FETCHED, "Cache-Control: NO-store"),
    "cc-resp-no-store-fresh": twice(
        FETCHED, "Cache-Control: max-age=3600, no-store", "Expires: @3600"
    ),
    # A no-store that comes later does not remove what was stored before it.
    "cc-resp-no-store-old-new": (
        Step(reply=(LONG, "A: old"), ask=("Cache-Control: max-age=0",)),
        Step(FETCHED, ("Cache-Control: no-store", "A: new"), ask=("Cache-Control: no-cache",)),
        Step(REUSED, got=("A: old",)),
    ),
    "cc-resp-no-store-old-max-age": (
        Step(reply=(LONG, "A: old")),
        Step(
            FETCHED,
            ("Cache-Control: no-store, max-age=0", "A: new"),
            ask=("Cache-Control: no-cache",),
        ),
        Step(REUSED, got=("A: old",)),
    ),
    "cc-resp-no-cache": twice(FETCHED, "Cache-Control: max-age=3600, no-cache", "Expires: @3600"),
    "cc-resp-no-cache-case-insensitive": twice(FETCHED, "Cache-Control: max-age=3600, No-Cache"),
    "cc-resp-no-cache-revalidate": (
        Step(reply=("Cache-Control: no-cache", 'ETag: "v1"')),
        Step(ASKED, status=304, out=('If-None-Match: "v1"',), text=b"whole"),
    ),
    "cc-resp-no-cache-revalidate-fresh": (
        Step(reply=("Cache-Control: max-age=3600, no-cache", "Expires: @3600", 'ETag: "v1"')),
        Step(ASKED, status=304, out=('If-None-Match: "v1"',), text=b"whole"),
    ),
    "cc-resp-must-revalidate-fresh": twice(
        REUSED, "Cache-Control: max-age=3600, must-revalidate", 'ETag: "v1"'
    ),
    "cc-resp-must-revalidate-stale": (
        Step(reply=("Cache-Control: max-age=4, must-revalidate", 'ETag: "v1"')),
        Step(REUSED),
        Step(ASKED, status=304, out=('If-None-Match: "v1"',)),
    ),
    "other-authorization": twice(FETCHED, LONG, ask=("Authorization: Basic Zm9v",), again=()),
    "other-authorization-public": twice(
        REUSED, "Cache-Control: max-age=3600, public", ask=("Authorization: Basic Zm9v",), again=()
    ),
    "other-authorization-must-revalidate": twice(
        REUSED,
        "Cache-Control: max-age=3600, must-revalidate",
        ask=("Authorization: Basic Zm9v",),
        again=(),
    ),
    "other-authorization-smaxage": twice(
        REUSED, "Cache-Control: s-maxage=3600", ask=("Authorization: Basic Zm9v",), again=()
    ),
    "other-set-cookie": twice(REUSED, LONG, "Set-Cookie: a=b"),
    "other-cookie": twice(REUSED, LONG, ask=(), again=("Cookie: a=b",)),
}

AGES = {
    "age-parse-nonnumeric": twice(REUSED, HOUR, "Age: abc"),
    "age-parse-negative": twice(REUSED, HOUR, "Age: -7200"),
    "age-parse-float": twice(REUSED, HOUR, "Age: 7200.0"),
    "age-parse-large-minus-one": twice(FETCHED, HOUR, "Age: 2147483647"),
    "age-parse-large": twice(FETCHED, HOUR, "Age: 2147483648"),
    "age-parse-larger": twice(FETCHED, HOUR, "Age: 2147483649"),
    "age-parse-suffix": twice(FETCHED, HOUR, "Age: 7200, 0"),
    "age-parse-prefix": twice(REUSED, HOUR, "Age: 0, 7200"),
    "age-parse-suffix-twoline": twice(FETCHED, HOUR, "Age: 7200", "Age: 0"),
    "age-parse-prefix-twoline": twice(REUSED, HOUR, "Age: 0", "Age: 7200"),
    "age-parse-dup-0": twice(REUSED, HOUR, "Age: 0, 0"),
    "age-parse-dup-0-twoline": twice(REUSED, HOUR, "Age: 0", "Age: 0"),
    "age-parse-dup-old": twice(REUSED, "Cache-Control: max-age=7200", "Age: 3600", "Age: 3600"),
    "other-age-gen": (Step(reply=(LONG,)), Step(REUSED, got=("Age: 3",))),
    "other-age-update-expires": (
        Step(reply=("Expires: @3600", "Date: @0", "Age: 30")),
        Step(REUSED, got=("Age: 33",)),
    ),
    "other-age-update-max-age": (Step(reply=(LONG, "Age: 30")), Step(REUSED, got=("Age: 33",))),
    "other-date-update": (Step(reply=(LONG, "Date: @0")), Step(REUSED, got=("Date: @-3",))),
    "other-date-update-expires": (
        Step(reply=("Expires: @3600", "Date: @0")),
        Step(REUSED, got=("Date: @-3", "Expires: @3597")),
    ),
}

_DAYS = {
    "freshness-expires-32bit": (REUSED, "Tue, 19 Jan 2038 14:14:08 GMT"),
    "freshness-expires-far-future": (REUSED, "Sun, 21 Nov 2286 04:46:39 GMT"),
    "freshness-expires-rfc850": (REUSED, "Thursday, 18-Aug-50 02:01:18 GMT"),
    "freshness-expires-ansi-c": (REUSED, "Thu Aug  8 02:01:18 2050"),
    "freshness-expires-wrong-case-weekday": (REUSED, "tHU, 18 Aug 2050 02:01:18 GMT"),
    "freshness-expires-wrong-case-month": (REUSED, "Thu, 18 aUG 2050 02:01:18 GMT"),
    "freshness-expires-wrong-case-tz": (REUSED, "Thu, 18 Aug 2050 02:01:18 gmt"),
    "freshness-expires-invalid-utc": (FETCHED, "Thu, 18 Aug 2050 02:01:18 UTC"),
    "freshness-expires-invalid-aest": (FETCHED, "Thu, 18 Aug 2050 02:01:18 AEST"),
    "freshness-expires-invalid-2-digit-year": (FETCHED, "Thu, 18 Aug 50 02:01:18 GMT"),
    "freshness-expires-invalid-no-comma": (FETCHED, "Thu 18 Aug 2050 02:01:18 GMT"),
    "freshness-expires-invalid-multiple-spaces": (FETCHED, "Thu, 18  Aug  2050 02:01:18 GMT"),
    "freshness-expires-invalid-date-dashes": (FETCHED, "Thu, 18-Aug-2050 02:01:18 GMT"),
    "freshness-expires-invalid-time-periods": (FETCHED, "Thu, 18 Aug 2050 02.01.18 GMT"),
    "freshness-expires-invalid-1-digit-hour": (FETCHED, "Thu, 18 Aug 2050 2:01:18 GMT"),
}
DATES = {rule: twice(wants, f"Expires: {date}") for rule, (wants, date) in _DAYS.items()} | {
    "freshness-expires-invalid-multiple-lines": twice(
        FETCHED, "Expires: Thu, 18 Aug 2050 02:01:18 GMT", "Expires: Thu, 18 Aug 2050 02:01:19 GMT"
    ),
}

_CHANGED = "Last-Modified: @-86400"
_GUESSED = {200, 203, 204, 404, 405, 410, 414, 501}
_NOT_GUESSED = {201, 202, 403, 502, 503, 504, 599}
HEURISTICS = (
    {f"heuristic-{one}-cached": twice(REUSED, _CHANGED, status=one) for one in _GUESSED}
    | {f"heuristic-{one}-not_cached": twice(FETCHED, _CHANGED, status=one) for one in _NOT_GUESSED}
    | {"heuristic-599-cached": twice(REUSED, _CHANGED, "Cache-Control: public", status=599)}
)

_STATUSES = {200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504}
STATUSES = {
    f"status-{one}-{how}": twice(wants, line, "Last-Modified: @-100000", status=one)
    for one in _STATUSES | {599}
    for how, wants, line in (("fresh", REUSED, LONG), ("stale", FETCHED, "Expires: @-5000"))
} | {
    "status-599-must-understand": twice(
        FETCHED, "Cache-Control: max-age=3600, no-store, must-understand", status=599
    ),
    "status-200-must-understand": twice(
        REUSED, "Cache-Control: max-age=3600, no-store, must-understand"
    ),
}

_NO_LEAVE = {
    "must-revalidate": "max-age=2, must-revalidate",
    "proxy-revalidate": "max-age=2, proxy-revalidate",
    "no-cache": "max-age=2, no-cache",
    "s-maxage=2": "max-age=2, s-maxage=2",
}
STALE = {
    f"stale-close-{name}": (
        Step(reply=(f"Cache-Control: {text}",)),
        Step(gone=True, answer=502, lacks=("Made",)),
    )
    for name, text in _NO_LEAVE.items()
} | {
    "stale-while-revalidate": twice(
        REUSED, "Cache-Control: max-age=1, stale-while-revalidate=3600", 'ETag: "v1"'
    ),
    # The refresh fails, so that the window is seen to end.
    "stale-while-revalidate-window": (
        Step(reply=("Cache-Control: max-age=1, stale-while-revalidate=4", 'ETag: "v1"')),
        Step(REUSED, gone=True),
        Step(FETCHED, ('ETag: "v2"',)),
    ),
}

_CDN = {
    "cdn-max-age": (REUSED, "CDN-Cache-Control: max-age=3600"),
    "cdn-max-age-max": (REUSED, "CDN-Cache-Control: max-age=2147483648"),
    "cdn-max-age-max-plus": (REUSED, "CDN-Cache-Control: max-age=99999999999"),
    "cdn-max-age-age": (FETCHED, "CDN-Cache-Control: max-age=3600", "Age: 7200"),
    "cdn-max-age-0": (FETCHED, "CDN-Cache-Control: max-age=0"),
    "cdn-max-age-extension": (REUSED, "CDN-Cache-Control: unheard-of, max-age=3600"),
    "cdn-max-age-expires": (REUSED, "CDN-Cache-Control: max-age=3600", "Expires: @-10000"),
    "cdn-max-age-cc-max-age-invalid-expires": (
        REUSED, "CDN-Cache-Control: max-age=3600", "Cache-Control: max-age=1", "Expires: 0",
    ),
    "cdn-max-age-0-expires": (FETCHED, "CDN-Cache-Control: max-age=0", "Expires: @10000"),
    "cdn-max-age-short-cc-max-age": (
        REUSED, "Cache-Control: max-age=1", "CDN-Cache-Control: max-age=3600",
    ),
    "cdn-max-age-long-cc-max-age": (FETCHED, HOUR, "CDN-Cache-Control: max-age=1"),
    "cdn-private": (FETCHED, "CDN-Cache-Control: private", LONG, "Expires: @10000"),
    "cdn-no-cache": (FETCHED, "CDN-Cache-Control: no-cache", LONG, "Expires: @10000"),
    "cdn-no-store-cc-fresh": (FETCHED, LONG, "CDN-Cache-Control: no-store", "Expires: @10000"),
    "cdn-fresh-cc-nostore": (REUSED, "Cache-Control: no-store", "CDN-Cache-Control: max-age=3600"),
    "cdn-cc-invalid-sh-type-unknown": (
        FETCHED, "CDN-Cache-Control: max-age=3600, &&&", "Cache-Control: no-store",
    ),
    "cdn-cc-invalid-sh-type-wrong": (
        FETCHED, 'CDN-Cache-Control: max-age="3600"', "Cache-Control: no-store",
    ),
}  # fmt: skip
CDN = {rule: twice(wants, *lines) for rule, (wants, *lines) in _CDN.items()}

SCENES = LIFETIMES | DIRECTIVES | AGES | DATES | HEURISTICS | STATUSES | STALE | CDN
