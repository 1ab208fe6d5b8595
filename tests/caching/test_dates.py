from __future__ import annotations

import pytest

from gateway.caching.dates import http_date

NOW = 1_800_000_000.0  # January 2027
BIRTH = 784_111_777.0  # the date of RFC 9110 section 5.6.7


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "sun, 06 nov 1994 08:49:37 gmt",
        "  Sun, 06 Nov 1994 08:49:37 GMT\t",
        "Mon, 06 Nov 1994 08:49:37 GMT",  # the day's name says nothing
    ],
)
def test_the_three_formats_are_read(text: str) -> None:
    assert http_date(text, NOW) == BIRTH


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "-1", "never", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT", "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun Nov 6 08:49:37 1994",
        "1994-11-06T08:49:37Z", "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)  # fmt: skip
def test_anything_else_is_no_date(text: str) -> None:
    assert http_date(text, NOW) is None


def test_a_two_digit_year_is_within_the_next_fifty() -> None:
    in_range = http_date("Sunday, 06-Nov-77 08:49:37 GMT", NOW)
    beyond = http_date("Sunday, 06-Nov-78 08:49:37 GMT", NOW)
    assert in_range == http_date("Sun, 06 Nov 2077 08:49:37 GMT", NOW)
    assert beyond == http_date("Sun, 06 Nov 1978 08:49:37 GMT", NOW)
