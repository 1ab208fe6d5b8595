"""`jmespath` says what paths cannot; numbers that are only moved keep their text."""

from __future__ import annotations

import pytest

from gateway.shrinking.reshape import ReshapeError, compile_reshape

BODY = b'{"data":[{"id":18446744073709551617,"p":1.10},{"id":-0,"p":1e5},{"id":3,"p":0.5}]}'


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        (
            "data[?p>`1`].{id: id, price: p}",
            b'[{"id":18446744073709551617,"price":1.10},{"id":-0,"price":1e5}]',
        ),
        ("data[*].p", b"[1.10,1e5,0.5]"),
        ("length(data)", b"3"),
        ("max(data[].p)", b"1e5"),
        ("sum(data[1:].p)", b"100000.5"),
        ("nothing.here", b"null"),
        ("sort_by(data, &p)[0].id", b"3"),
    ],
)  # fmt: skip
def test_an_answer_is_reshaped(expression: str, answer: bytes) -> None:
    assert compile_reshape(expression)(BODY) == answer


@pytest.mark.parametrize("number", ["1e400", "0.1000", "9" * 5000, "-0", "-0.0", "1E+2"])
def test_a_number_that_is_only_moved_keeps_its_text(number: str) -> None:
    assert compile_reshape("[0]")(f"[{number}]".encode()) == number.encode()


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("data[", "Incomplete expression"),
        ("", "cannot be empty"),
        ("a.b c", "column 4"),
        ("a[?lenght(b) > `1`]", r"there is no function lenght\(\); did you mean 'length'\?"),
        ("sum(a, b)", r"sum\(\) takes 1, and is given 2"),
        ("to_number()", r"to_number\(\) takes 1, and is given 0"),
        ("a" + "." * 5000, "is no JMESPath expression"),
    ],
)
def test_what_is_no_expression_is_told_at_load(expression: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as raised:
        compile_reshape(expression)
    assert len(str(raised.value)) < 300


def test_functions_that_take_any_number_and_slices_are_fine() -> None:
    compile_reshape("merge(a, b, c) | not_null(x, y)[::2]")


def test_an_answer_that_does_not_fit_is_told() -> None:
    with pytest.raises(ReshapeError, match=r"sum\(\), invalid type"):
        compile_reshape("sum(data)")(b'{"data":[{}]}')
    with pytest.raises(ValueError, match="is not JSON"):
        compile_reshape("a")(b"{")
