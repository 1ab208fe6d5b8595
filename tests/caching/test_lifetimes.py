"""How long a reply is fresh, table by table: what is read out of its fields, and how strictly."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from gateway.caching.deciding import address, invalidated, may_store
from gateway.caching.directives import LONGEST, cache_control
from gateway.caching.entries import Caching, Stored
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
    rules = Caching(ttl=default, shared=shared_credential)
    outcome = may_store(UpstreamRequest("GET", "https://h/"), found, NOW, NOW, rules)
    if not isinstance(outcome, Stored) or outcome.entry.facts.no_cache:
        return 0.0
    return max(0.0, outcome.entry.facts.fresh_until - NOW)


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


@pytest.mark.parametrize("directive", ["no-store", "no-cache", "NO-STORE", "no-store=1"])
@pytest.mark.parametrize("beside", ["", "max-age=100", "public, s-maxage=9"])
def test_no_store_and_no_cache_go_before_everything(directive: str, beside: str) -> None:
    """Sections 5.2.2.4 and 5.2.2.5."""
    assert control(directive, beside) == 0
    assert control(f"{beside}, {directive}") == 0


def test_a_private_reply_is_kept_where_the_credential_is_the_operators() -> None:
    """Section 5.2.2.7: there it does not tell callers apart."""
    assert control("private") == 60
    assert control("private, max-age=5") == 5
    assert control("private, max-age=5", default=None) == 5
    assert control("private", default=None) == 0


@pytest.mark.parametrize("said", ["private", "private, max-age=5", "max-age=5, PRIVATE"])
def test_it_is_never_kept_where_the_credential_is_the_callers_own(said: str) -> None:
    assert control(said, shared_credential=False) == 0
    assert control(said, shared_credential=False, default=None) == 0
    assert fresh(shared_credential=False) == 60


@pytest.mark.parametrize("status", [100, 101, 199, 206, 304])
def test_what_is_no_final_and_whole_reply_is_not_kept(status: int) -> None:
    assert control("public, max-age=100", status=status) == 0
    assert fresh(status=status) == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 429, 500, 503])
def test_what_is_no_success_has_only_the_lifetime_it_says(status: int) -> None:
    assert control("public, max-age=100", status=status) == 100
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
    assert cache_control('a="no-store, b", c="\\"x\\\\"') == {
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


# --- requests ---------------------------------------------------------------------------------


def test_only_a_get_without_a_body_has_an_address() -> None:
    assert address(UpstreamRequest("GET", "https://h/"), Caching()) is not None
    assert address(UpstreamRequest("GET", "https://h/", (), b"{}"), Caching()) is None
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"):
        assert address(UpstreamRequest(method, "https://h/"), Caching()) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
def test_a_write_that_succeeds_makes_its_own_url_untrue(method: str) -> None:
    """Section 4.4; a method nobody knows counts as a write."""
    request = UpstreamRequest(method, "https://h/todos?x=1")
    for status in (200, 201, 204, 302, 303):
        assert invalidated(request, reply(status=status), Caching()) == ("https://h/todos?x=1",)
    for status in (400, 404, 409, 500, 503):
        assert invalidated(request, reply(status=status), Caching()) == ()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_a_safe_method_makes_nothing_untrue(method: str) -> None:
    assert invalidated(UpstreamRequest(method, "https://h/"), reply(), Caching()) == ()


def test_location_and_content_location_are_untrue_too_within_the_origin() -> None:
    """Section 4.4: elsewhere it would be an attack."""
    request = UpstreamRequest("POST", "https://h:8443/todos")
    said = reply(("Location", "/todos/7#x"), ("Content-Location", "8"), status=201)
    found = invalidated(request, said, Caching())
    assert found == ("https://h:8443/todos", "https://h:8443/todos/7", "https://h:8443/8")
    for elsewhere in (
        "https://other/", "http://h:8443/", "https://h/", "//evil/x", "https://[", "http://h:x/",
    ):  # fmt: skip
        found = invalidated(request, reply(("Location", elsewhere)), Caching())
        assert found == ("https://h:8443/todos",)
