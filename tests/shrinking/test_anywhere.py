"""`..key` takes what stands anywhere, where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shrinking.generated import faults_of, shrinker

BODY = (
    b'{"data":[{"id":1.10,"x":{"id":"a","y":1}},{"x":[]},{"x":[{"id":null}]}],'
    b'"id":3,"meta":{"n":1}}'
)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (("..id",), b'{"data":[{"id":1.10,"x":{"id":"a"}},{"x":[{"id":null}]}],"id":3}'),
        (("data..id",), b'{"data":[{"id":1.10,"x":{"id":"a"}},{"x":[{"id":null}]}]}'),
        (("..x.id", "meta"), b'{"data":[{"x":{"id":"a"}},{"x":[{"id":null}]}],"meta":{"n":1}}'),
        (("..x",), b'{"data":[{"x":{"id":"a","y":1}},{"x":[]},{"x":[{"id":null}]}]}'),
        (("..none",), b"{}"),
    ],
)
def test_what_stands_anywhere_is_taken_where_it_stands(
    fields: tuple[str, ...], answer: bytes
) -> None:
    assert shrinker(fields=fields).shrink(BODY).body == answer


def test_an_array_stays_one_and_a_bare_value_gives_nothing() -> None:
    rules = shrinker(fields=("..id",))
    assert rules.shrink(b'[{"id":1},{"a":2},[{"id":3}]]').body == b'[{"id":1},[{"id":3}]]'
    assert rules.shrink(b"5").body == b"{}"


def test_what_is_too_deep_is_told() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        shrinker(fields=("..id",)).shrink(b"[" * 5000 + b"]" * 5000)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("data.name as n", "`as` gives no name here"),
        ("$", "takes the whole answer"),
        ("data..", "expected a key"),
    ],
)
def test_what_does_not_go_with_it_is_told(path: str, fault: str) -> None:
    found: Any = faults_of(None, fields=("..id", path))
    assert len(found) == 1
    assert found[0].startswith("fields.1: ")
    assert fault in found[0]
