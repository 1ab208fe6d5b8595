"""How `timeout` and its kin are written, what they hold, and what is said where one cannot act."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import read_configs
from gateway.errors import Mistakes
from gateway.plugin import Operation, build

PLUGIN = """
plugin: shop
upstream: {{url: "http://a.example"{upstream}}}
operations:
  get: {{call: GET /item{operation}}}
"""


def made(tmp_path: Path, upstream: str = "", operation: str = "") -> Operation:
    file = tmp_path / "shop.yaml"
    more = [text and f", {text}" for text in (upstream, operation)]
    file.write_text(PLUGIN.format(upstream=more[0], operation=more[1]))
    [loaded] = read_configs([file], {})
    return build(loaded, None).operations["get"]


@pytest.mark.parametrize(
    ("upstream", "operation", "wanted"),
    [
        ("", "", (30.0, 5.0, None)),
        ("timeout: 8s", "", (8.0, 5.0, None)),
        ("timeout: 2s", "", (2.0, 2.0, None)),
        ("timeout: {total: 8s, connect: 1s, read: 3s}", "", (8.0, 1.0, 3.0)),
        ("timeout: {read: 3s}", "", (30.0, 5.0, 3.0)),
        ("timeout: {total: 8s, read: 3s}", "timeout: 20s", (20.0, 5.0, None)),
        ("timeout: 8s", "timeout: {connect: 500ms}", (30.0, 0.5, None)),
    ],
)
def test_an_operations_timeout_stands_in_for_the_upstreams_whole(
    tmp_path: Path, upstream: str, operation: str, wanted: tuple[float, float, float | None]
) -> None:
    one = made(tmp_path, upstream, operation)
    assert (one.timeout, one.connect, one.read) == wanted


@pytest.mark.parametrize(
    ("upstream", "operation", "said"),
    [
        ("timeout: {total: 2s, connect: 3s}", "", "upstream.timeout.connect: cannot act"),
        ("timeout: {total: 2s, read: 3s}", "", "the whole call ends after total, 2s"),
        ("", "timeout: {read: 1m}", "operations.get.timeout.read: cannot act"),
        ("timeout: {totl: 2s}", "", "did you mean 'total'?"),
        ("timeout: {total: no}", "", "expected a duration"),
        ("timeout: no", "", "expected a duration"),
        ("retries: 11", "", "upstream.retries"),
        ("retries: -1", "", "upstream.retries"),
        ("retries: yes", "", "upstream.retries"),
        ("", "retries: 1.5", "operations.get.retries"),
        ("in_flight: 0", "", "expected at least 1, found 0"),
        ("limit: 60", "", "expected a rate such as"),
    ],
)
def test_what_cannot_be_or_cannot_act_is_a_mistake(
    tmp_path: Path, upstream: str, operation: str, said: str
) -> None:
    with pytest.raises(Mistakes) as caught:
        made(tmp_path, upstream, operation)
    assert said in str(caught.value)
