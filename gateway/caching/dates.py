"""HTTP dates, strictly: RFC 9110 section 5.6.7. Pure.

`email.utils` accepts far more (missing zones, other zones, one-digit hours), and a cache that
reads a broken date as a good one keeps what it must not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_DAY = f"(?:{'|'.join(_DAYS)})"
_LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_YEAR = r"(?P<year>\d{4})"

# Sun, 06 Nov 1994 08:49:37 GMT
_IMF = rf"{_DAY}, (?P<day>\d\d) {_MONTH} {_YEAR} {_TIME} GMT"
# Sunday, 06-Nov-94 08:49:37 GMT
_RFC850 = rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<short>\d\d) {_TIME} GMT"
# Sun Nov  6 08:49:37 1994
_ASCTIME = rf"{_DAY} {_MONTH} (?P<day>\d\d| \d) {_TIME} {_YEAR}"
_FORMATS = [re.compile(one, re.IGNORECASE | re.ASCII) for one in (_IMF, _RFC850, _ASCTIME)]


def http_date(text: str, now: float) -> float | None:
    """Seconds since 1970, or None for what is no HTTP date.

    `now` settles the century of a two-digit year: more than 50 years ahead is the past one.
    """
    for pattern in _FORMATS:
        if match := pattern.fullmatch(text.strip(" \t")):
            return _seconds(match, now)
    return None


def date_text(seconds: float) -> str:
    """The IMF form of a time, for a reply that came without a Date."""
    when = datetime.fromtimestamp(seconds, UTC)
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day}, {when:%d} {month} {when:%Y %H:%M:%S} GMT"


def _seconds(match: re.Match[str], now: float) -> float | None:
    parts = match.groupdict()
    month = _MONTHS.index(parts["month"].capitalize()) + 1
    numbers = (int(parts["day"]), int(parts["hour"]), int(parts["minute"]))
    second = min(int(parts["second"]), 59) if parts["second"] == "60" else int(parts["second"])
    try:
        if parts.get("year") is not None:
            year = int(parts["year"])
        else:
            this_year = datetime.fromtimestamp(now, UTC).year
            year = this_year - this_year % 100 + int(parts["short"])
            if year > this_year + 50:
                year -= 100
        return datetime(year, month, *numbers, second, tzinfo=UTC).timestamp()
    except ValueError:  # the 31st of February, hour 25
        return None
