from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.scalars import Budget, Bytes, Drop, Rate, Seconds, SecondsOrNo


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(Seconds, "500ms", 0.5), (Seconds, "30s", 30.0), (Seconds, "5m", 300.0),
     (Seconds, "1d", 86400.0), (SecondsOrNo, "no", 0.0), (SecondsOrNo, "2h", 7200.0),
     (Bytes, "1B", 1), (Bytes, "64KiB", 65536),
     (Bytes, "10MiB", 10485760), (Bytes, "2GiB", 2**31), (Rate, "30/s", Rate(30, 1.0)),
     (Rate, "1/day", Rate(1, 86400.0)), (Rate, "no", Rate(0, 1.0)),
     (Budget, 8000, Budget(8000, 95000)),
     (Budget, {"tokens": 100, "chars": 200}, Budget(100, 200)), (Budget, "no", Budget(0, 0)),
     (Drop, ["empty"], Drop(["empty"])), (Drop, [], Drop()), (Drop, "no", Drop())],
)  # fmt: skip
def test_scalars_read_what_they_are_written_as(kind: Any, text: Any, value: Any) -> None:
    assert kind.read(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Seconds, "no"), (Seconds, "0s"), (Seconds, "8"), (Seconds, 8), (Seconds, "1.5s"),
     (Seconds, "8s\n"),
     (Bytes, "10MB"), (Bytes, "0B"), (Bytes, 10), (Rate, "30"), (Rate, "0/s"), (Rate, "3/month"),
     (Rate, "3/s\n"), (Budget, 99), (Budget, True), (Budget, 100.0), (Budget, {"words": 1}),
     (Budget, 10**9), (Budget, "8000"), (Drop, [5]), (Drop, "empty"), (Drop, [["empty"]])],
)  # fmt: skip
def test_scalars_refuse_everything_else(kind: Any, text: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        kind.read(text)


@given(st.sampled_from([Seconds, Bytes]), st.integers(1, 10**6), st.data())
def test_what_is_written_reads_back(kind: Any, count: int, data: st.DataObject) -> None:
    unit = data.draw(
        st.sampled_from(["ms", "s", "m", "h", "d"] if kind is Seconds else ["B", "KiB"])
    )
    value = kind.read(f"{count}{unit}")
    assert kind.read(value.written) == pytest.approx(value)
    assert re.fullmatch(kind.pattern, value.written)
