from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.request.text import Unwritable, escape, json_bytes, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (123456789012345678901234567890, "123456789012345678901234567890"),
        (Decimal("1.10"), "1.10"),
        (Decimal("0.1000000000000000055511151231257827"), "0.1000000000000000055511151231257827"),
        (2.5, "2.5"),
        ("${HOME} {env.X} ${file:/etc/passwd}", "${HOME} {env.X} ${file:/etc/passwd}"),
    ],
)
def test_a_scalar_is_written_exactly(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    "value",
    [None, {}, [], float("nan"), float("-inf"), Decimal("NaN"), Decimal("Infinity")],
)
def test_what_is_no_scalar_has_no_text(value: Any) -> None:
    with pytest.raises(Unwritable):
        text_of(value)


def test_a_number_beyond_what_python_writes_is_refused() -> None:
    with pytest.raises(Unwritable, match="too long"):
        text_of(10**5000)


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), [Decimal("Infinity")], {"a": Decimal("-Infinity")}]
)
def test_json_never_holds_a_number_that_is_none(value: Any) -> None:
    with pytest.raises(Unwritable, match="not finite"):
        json_bytes(value)
    assert json_bytes({"NaN": "Infinity"}) == b'{"NaN":"Infinity"}'


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["", "/:", "!$"]))
def test_escaping_is_that_of_the_standard_library(text: str, safe: str) -> None:
    assert escape(text, safe) == quote(text, safe=safe)
