"""RFC 9111 as far as this release acts on it; each test names its section."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from gateway.caching import (
    age,
    forgotten,
    freshness,
    initial_age,
    is_keepable,
    may_share,
)
from gateway.caching.policy import LONGEST, cache_control
from gateway.values import Reply, UpstreamRequest

NOW = 1_800_000_000.0


def reply(*fields: tuple[str, str], status: int = 200) -> Reply:
    return Reply(status, fields, b"{}", NOW)


def control(*lines: str, status: int = 200, **more: Any) -> float:
    fields = tuple(("Cache-Control", line) for line in lines)
    return fresh(*fields, status=status, **more)


def fresh(
    *fields: tuple[str, str],
    status: int = 200,
    default: float | None = 60.0,
    shared_credential: bool = True,
) -> float:
    found = reply(*fields, status=status)
    return freshness(found, default=default, shared_credential=shared_credential)


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


# --- who decides ------------------------------------------------------------------------------


def test_the_configs_lifetime_holds_where_the_upstream_says_nothing() -> None:
    assert fresh() == 60
    assert fresh(default=None) == 0
    assert control("public") == 60
    assert control("must-revalidate, no-transform, nonsense=7") == 60


def test_what_the_upstream_says_goes_before_the_config() -> None:
    """Section 4.2.1: s-maxage, max-age, Expires; the first that is there decides."""
    assert control("max-age=5") == 5
    assert control("max-age=100000", default=None) == 100000
    assert control("max-age=5, s-maxage=7") == 7
    assert control("s-maxage=0, max-age=7") == 0
    assert fresh(("Expires", date(30)), ("Date", date(0))) == 30
    assert fresh(("Expires", date(30)), ("Cache-Control", "max-age=5")) == 5


def test_a_config_that_forbids_storing_is_obeyed_over_the_upstream() -> None:
    assert control("max-age=100", default=0.0) == 0


@pytest.mark.parametrize(
    "directive", ["no-store", "no-cache", 'no-cache="x"', "NO-STORE", "no-store=1"]
)
@pytest.mark.parametrize("beside", ["", "max-age=100", "public, s-maxage=9", "must-understand"])
def test_no_store_and_no_cache_go_before_everything(directive: str, beside: str) -> None:
    """Sections 5.2.2.4 and 5.2.2.5."""
    assert control(directive, beside) == 0
    assert control(f"{beside}, {directive}") == 0


def test_a_private_reply_is_kept_for_the_credential_it_was_made_for() -> None:
    """Section 5.2.2.7, for a store that is partitioned by credential."""
    assert control("private") == 60
    assert control("private, max-age=5") == 5
    assert control("private, max-age=5", default=None) == 5
    assert control("private", default=None) == 0
    assert control('private="set-cookie"', shared_credential=False) == 0


def test_the_configs_lifetime_never_holds_over_private_for_a_callers_own_credential() -> None:
    assert control("private", shared_credential=False) == 0
    assert control("private, max-age=5", shared_credential=False) == 5
    assert fresh(shared_credential=False) == 60


@pytest.mark.parametrize(
    "status",
    [100, 101, 199, 206, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 410, 429, 500, 503],
)
def test_only_whole_successes_are_kept(status: int) -> None:
    assert control("public, max-age=100", status=status) == 0
    assert fresh(status=status) == 0


@pytest.mark.parametrize("status", [200, 201, 203, 204, 299])
def test_every_other_success_is_kept(status: int) -> None:
    assert fresh(status=status) == 60


@pytest.mark.parametrize("vary", ["*", "Accept, *", " * ", "Accept,*"])
def test_what_varies_by_everything_is_never_kept(vary: str) -> None:
    """Section 4.1."""
    assert fresh(("Vary", "Accept"), ("Vary", vary), ("Cache-Control", "max-age=9")) == 0
    assert fresh(("Vary", "Accept, Authorization, x*")) == 60


def test_set_cookie_changes_nothing() -> None:
    assert fresh(("Set-Cookie", "a=b")) == 60


# --- reading Cache-Control --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("max-age=5", 5),
        ("MAX-AGE=5", 5),
        ('max-age="5"', 5),
        ("max-age=005", 5),
        ("  max-age=5  ,", 5),
        (",,max-age=5,,", 5),
        ("max-age=5, max-age=5", 5),
        ("max-age=99999999999999999999", LONGEST),
        ("max-age=" + "9" * 10_000, LONGEST),
        ('x="a, max-age=100", max-age=5', 5),
        ('x="\\", max-age=100", max-age=5', 5),
        # Present but unusable is stale, not absent: the config's lifetime does not come in.
        ("max-age", 0),
        ("max-age=", 0),
        ("max-age=-1", 0),
        ("max-age=5.5", 0),
        ("max-age=5a", 0),
        ("max-age='5'", 0),
        ("max-age=+5", 0),
        ("max-age= 5", 0),
        ("max-age =5", 0),
        ("max-age=\u0665", 0),
        ("max-age=5, max-age=6", 0),
        ("max-age=5, max-age", 0),
        ('max-age="5', 0),
    ],
)
def test_deltas_are_read_strictly(text: str, seconds: float) -> None:
    """Sections 1.2.2, 4.2.1, 5.2."""
    assert control(text) == seconds


def test_lines_are_joined() -> None:
    assert control("public", "max-age=5") == 5
    assert control("max-age=5", "no-store") == 0


def test_a_directive_within_quotes_is_none() -> None:
    assert cache_control(reply(("cache-control", 'a="no-store, b", c="\\"x\\\\"'))) == {
        "a": "no-store, b",
        "c": '"x\\',
    }


# --- dates and ages ---------------------------------------------------------------------------


@pytest.mark.parametrize("expires", ["0", "-1", "", "soon", "Thu, 01 Jan 1970 00:00:00 UTC"])
def test_an_expires_that_is_no_date_is_past(expires: str) -> None:
    """Section 5.3."""
    assert fresh(("Expires", expires)) == 0


def test_expires_twice_is_past() -> None:
    assert fresh(("Expires", date(30)), ("Expires", date(30))) == 0


def test_expires_counts_from_date_or_from_receipt() -> None:
    assert fresh(("Expires", date(30))) == 30
    assert fresh(("Expires", date(30)), ("Date", "yesterday")) == 30
    # Their clock is 100 s ahead: 30 s of freshness, none of them used up.
    assert fresh(("Expires", date(130)), ("Date", date(100))) == 30
    assert fresh(("Expires", date(-5)), ("Date", date(0))) == 0


def test_age_is_used_up_freshness() -> None:
    """Section 4.2.3: the larger of Age and what Date tells."""
    assert fresh(("Cache-Control", "max-age=60"), ("Age", "20")) == 40
    assert fresh(("Cache-Control", "max-age=60"), ("Date", date(-50)), ("Age", "20")) == 10
    assert fresh(("Cache-Control", "max-age=60"), ("Age", "60")) == 0
    assert fresh(("Cache-Control", "max-age=60"), ("Age", "5000")) == 0
    assert fresh(("Expires", date(30)), ("Age", "10")) == 20


@pytest.mark.parametrize("value", ["-7", "7.5", "abc", "", "7; x"])
def test_an_age_that_is_no_number_is_ignored(value: str) -> None:
    """Section 5.1."""
    assert fresh(("Cache-Control", "max-age=60"), ("Age", value)) == 60


def test_the_first_age_counts() -> None:
    assert fresh(("Cache-Control", "max-age=60"), ("Age", "20, 30"), ("Age", "40")) == 40


def test_the_configs_lifetime_counts_from_receipt() -> None:
    """An upstream whose clock is wrong, or whose CDN says how old the reply is."""
    assert fresh(("Date", date(-500)), ("Age", "500")) == 60


def test_the_age_of_an_answer_is_its_age_on_receipt_and_the_time_since() -> None:
    """Section 5.1."""

    def stored(*headers: tuple[str, str]) -> Reply:
        got = reply(*headers)
        got.initial_age = initial_age(got)
        return got

    assert age(stored(("Age", "20")), NOW + 5.9) == 25
    assert age(stored(("Date", date(-7))), NOW) == 7
    assert age(stored(), NOW - 100) == 0, "a clock that was set back"
    assert age(stored(("Age", "9" * 5000)), NOW + 9) == LONGEST


# --- requests ---------------------------------------------------------------------------------


def test_only_a_get_without_a_body_is_kept() -> None:
    assert is_keepable(UpstreamRequest("GET", "https://h/"))
    assert not is_keepable(UpstreamRequest("GET", "https://h/", (), b"{}"))
    for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"):
        assert not is_keepable(UpstreamRequest(method, "https://h/"))


def test_a_reply_that_may_not_be_kept_even_shortly_is_not_shared_in_flight() -> None:
    assert may_share(reply())
    assert may_share(reply(("Cache-Control", "max-age=0, no-cache")))
    assert may_share(reply(status=502))
    assert not may_share(reply(("Cache-Control", "no-store")))
    assert not may_share(reply(("Vary", "*")))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
def test_a_write_that_succeeds_makes_its_own_url_untrue(method: str) -> None:
    """Section 4.4; a method nobody knows counts as a write."""
    request = UpstreamRequest(method, "https://h/todos?x=1")
    for status in (200, 201, 204, 302, 303):
        assert forgotten(request, reply(status=status)) == ("https://h/todos?x=1",)
    for status in (400, 404, 409, 500, 503):
        assert forgotten(request, reply(status=status)) == ()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_a_safe_method_makes_nothing_untrue(method: str) -> None:
    assert forgotten(UpstreamRequest(method, "https://h/"), reply()) == ()


def test_location_and_content_location_are_untrue_too_within_the_origin() -> None:
    """Section 4.4: elsewhere it would be an attack."""
    request = UpstreamRequest("POST", "https://h:8443/todos")
    found = forgotten(
        request, reply(("Location", "/todos/7#x"), ("Content-Location", "8"), status=201)
    )
    assert found == ("https://h:8443/todos", "https://h:8443/todos/7", "https://h:8443/8")
    for elsewhere in (
        "https://other/", "http://h:8443/", "https://h/", "//evil/x", "https://[", "http://h:x/",
    ):  # fmt: skip
        assert forgotten(request, reply(("Location", elsewhere))) == ("https://h:8443/todos",)
