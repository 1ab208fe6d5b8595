"""Bytes → messages; results and errors → bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.faces.mcp.wire import (
    Fault,
    envelope_of,
    error_message,
    id_of,
    is_id,
    is_response,
    messages_of,
    params_of,
    result_message,
)

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def said(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"nothing", -32700),
        (b'{"a":' * 100_000, -32700),
        (b"1", -32600),
        (b'"ping"', -32600),
        (said({**PING, "jsonrpc": "1.0"}), -32600),
        (said({"id": 1, "method": "ping"}), -32600),
        (said({**PING, "id": None}), -32600),
        (said({**PING, "id": True}), -32600),
        (said({**PING, "id": {}}), -32600),
        (said({**PING, "method": 1}), -32600),
        (said({"jsonrpc": "2.0", "id": 1}), -32600),
        (said({"jsonrpc": "2.0", "id": 1, "result": {}}), -32600),
        (said({"jsonrpc": "2.0", "id": 1, "error": {}}), -32600),
        (said({**PING, "result": {}}), -32600),
    ],
)
def test_what_is_no_request_has_its_code(body: bytes, code: int) -> None:
    with pytest.raises(Fault) as caught:
        envelope_of(body)
    assert caught.value.code == code
    assert caught.value.status == 400


@pytest.mark.parametrize("params", [[], 1, "a", None, [{}]])
def test_params_are_an_object(params: Any) -> None:
    with pytest.raises(Fault) as caught:
        params_of(envelope_of(said({**PING, "params": params})))
    assert caught.value.code == -32600


def test_params_that_are_not_there_are_none_at_all() -> None:
    params = params_of(envelope_of(said(PING)))
    assert (params.version, params.capabilities) == (params.name, params.name)


@pytest.mark.parametrize("meta", [None, [], 1, "a", {}])
def test_a_meta_that_says_nothing_says_no_revision(meta: Any) -> None:
    params = params_of(envelope_of(said({**PING, "params": {"_meta": meta}})))
    assert not isinstance(params.version, str)


def test_a_batch_is_its_messages() -> None:
    batch = messages_of(b" \n" + said([PING, PING]))
    assert batch is not None
    assert [bytes(one) for one in batch] == [said(PING)] * 2
    assert messages_of(said(PING)) is None


@pytest.mark.parametrize(
    ("body", "code"), [(b"[]", -32600), (b"[1,", -32700), (b"[" * 200_000, -32700)]
)
def test_a_batch_of_nothing_is_none(body: bytes, code: int) -> None:
    with pytest.raises(Fault) as caught:
        messages_of(body)
    assert caught.value.code == code


@pytest.mark.parametrize("id_", ["", "a", 0, -1, 2**53, 10**30])
def test_an_id_comes_back_as_it_was(id_: Any) -> None:
    body = said({**PING, "id": id_})
    assert id_of(body) == id_
    assert json.loads(result_message(id_of(body), b"{}"))["id"] == id_


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"1", said({"id": None}), said({"id": [1]})])
def test_where_there_is_no_id_it_is_left_out(body: bytes) -> None:
    assert id_of(body) is None
    assert "id" not in json.loads(error_message(id_of(body), Fault(-32600, "no")))


def test_an_error_holds_data_only_where_there_are_some() -> None:
    assert json.loads(error_message(1, Fault(-32602, "no")))["error"] == {
        "code": -32602,
        "message": "no",
    }
    assert json.loads(error_message(1, Fault(-32022, "no", {"a": 1})))["error"]["data"] == {"a": 1}


@pytest.mark.parametrize(
    ("code", "status"), [(-32601, 404), (-32603, 200), (-32602, 400), (-32020, 400), (-32022, 400)]
)
def test_each_code_has_its_status(code: int, status: int) -> None:
    assert Fault(code, "").status == status


def test_a_response_is_one_that_asks_nothing() -> None:
    assert is_response(said({"jsonrpc": "2.0", "id": 1, "result": {}}))
    assert is_response(said({"error": {}}))
    assert not is_response(said(PING))
    assert not is_response(said({**PING, "result": {}}))
    assert not is_response(b"{")
    assert not is_response(b'{"a":' * 100_000)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_message_or_a_fault(body: bytes) -> None:
    assert id_of(body) is None or is_id(id_of(body))
    try:
        batch = messages_of(body)
        for one in batch if batch is not None else [body]:
            params_of(envelope_of(one))
    except Fault:
        pass
